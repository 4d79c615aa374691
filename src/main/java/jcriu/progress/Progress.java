package jcriu.progress;

/**
 * Where work that may take long says how far it is. Nothing is shown, and nothing costs anything,
 * until somebody {@link #install installs} a display.
 */
public final class Progress {
    /** Shows it. Called by many threads. */
    public interface Display {
        /**
         * A piece of work begins; one that is shown has ended.
         *
         * @param what two or three words
         * @param bytes how much will come, as far as is known
         */
        void begin(String what, long bytes);

        /** So many more bytes are done. */
        void step(long bytes);

        /** Something else is about to be printed: out of the way. */
        void clear();

        /** The work has ended, well or not. */
        void end();
    }

    private static volatile Display display;

    private Progress() {}

    /** Called once, before the work. */
    public static void install(Display shown) {
        display = shown;
    }

    /** See {@link Display#begin}. */
    public static void begin(String what, long bytes) {
        Display shown = display;
        if (shown != null) {
            shown.begin(what, bytes);
        }
    }

    /** See {@link Display#step}. */
    public static void step(long bytes) {
        Display shown = display;
        if (shown != null) {
            shown.step(bytes);
        }
    }

    /** See {@link Display#clear}. */
    public static void clear() {
        Display shown = display;
        if (shown != null) {
            shown.clear();
        }
    }

    /** See {@link Display#end}. */
    public static void end() {
        Display shown = display;
        if (shown != null) {
            shown.end();
        }
    }
}
