package jcriu.cli;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.classic.spi.ThrowableProxy;
import ch.qos.logback.classic.util.LogbackMDCAdapter;
import ch.qos.logback.core.AppenderBase;
import org.slf4j.ILoggerFactory;
import org.slf4j.IMarkerFactory;
import org.slf4j.helpers.BasicMarkerFactory;
import org.slf4j.spi.MDCAdapter;
import org.slf4j.spi.SLF4JServiceProvider;

/**
 * Gives slf4j a logback that is set up by hand: no search for configuration, no XML, one appender
 * on {@link LogSink}. Named by the property {@code slf4j.provider}, so slf4j searches nothing
 * either.
 */
public final class LogProvider implements SLF4JServiceProvider {
    private final LoggerContext context = new LoggerContext();
    private final IMarkerFactory markers = new BasicMarkerFactory();
    private final MDCAdapter contextMap = new LogbackMDCAdapter();

    @Override
    public void initialize() {
        context.setName("jcriu");
        context.setMDCAdapter(contextMap);
        SinkAppender appender = new SinkAppender();
        appender.setContext(context);
        appender.start();
        Logger root = context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
        root.setLevel(levelOf(LogSink.level()));
        root.addAppender(appender);
        context.start();
    }

    @Override
    public ILoggerFactory getLoggerFactory() {
        return context;
    }

    @Override
    public IMarkerFactory getMarkerFactory() {
        return markers;
    }

    @Override
    public MDCAdapter getMDCAdapter() {
        return contextMap;
    }

    @Override
    public String getRequestedApiVersion() {
        return "2.0.99";
    }

    private static Level levelOf(int verbosity) {
        return switch (verbosity) {
            case 0, LogSink.ERROR -> Level.ERROR;
            case LogSink.WARN -> Level.WARN;
            case LogSink.INFO -> Level.INFO;
            default -> Level.DEBUG;
        };
    }

    private static final class SinkAppender extends AppenderBase<ILoggingEvent> {
        @Override
        protected void append(ILoggingEvent event) {
            IThrowableProxy proxy = event.getThrowableProxy();
            Throwable thrown =
                    proxy instanceof ThrowableProxy wrapper ? wrapper.getThrowable() : null;
            LogSink.line(
                    verbosityOf(event.getLevel()),
                    area(event.getLoggerName()),
                    event.getFormattedMessage(),
                    thrown);
        }

        private static int verbosityOf(Level level) {
            return switch (level.toInt()) {
                case Level.ERROR_INT -> LogSink.ERROR;
                case Level.WARN_INT -> LogSink.WARN;
                case Level.INFO_INT -> LogSink.INFO;
                default -> LogSink.DEBUG;
            };
        }

        /** The package of the class that logs, e.g. {@code dump} for jcriu.dump.Dumper. */
        private static String area(String loggerName) {
            int end = loggerName.lastIndexOf('.');
            if (end < 0) {
                return loggerName;
            }
            return loggerName.substring(loggerName.lastIndexOf('.', end - 1) + 1, end);
        }
    }
}
