package jcriu.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.ImageDir;
import jcriu.inspect.Verification;
import jcriu.memory.ChainLock;
import jcriu.progress.Progress;

/** {@code verify}: a line for each fault, and one for each checkpoint that has none. */
final class VerifyCommand {
    private VerifyCommand() {}

    static void run(Arguments arguments, PrintStream out) {
        if (arguments.words.size() > 1) {
            throw new UsageException("verify takes one directory: " + arguments.words.get(1));
        }
        Path directory =
                arguments.words.isEmpty()
                        ? Requests.imagesDir(arguments)
                        : Path.of(arguments.words.get(0));
        Requests.requireDirectory("images directory", "-D", directory, false);
        Verification.Result result = verify(directory, out);
        if (result.faults() > 0) {
            throw new JcriuException(
                            Kind.IMAGE,
                            directory
                                    + ": "
                                    + result.faults()
                                    + (result.faults() == 1 ? " fault in " : " faults in ")
                                    + result.atFault()
                                    + " of "
                                    + result.checkpoints()
                                    + " checkpoints")
                    .withHint("use another copy, or an earlier checkpoint; jcriu list names them");
        }
    }

    private static Verification.Result verify(Path directory, PrintStream out) {
        ChainLock lock = ChainLock.shared(new ImageDir(directory));
        try {
            return Verification.run(
                    directory,
                    line -> {
                        Progress.clear();
                        out.println(line);
                    });
        } finally {
            lock.close();
        }
    }
}
