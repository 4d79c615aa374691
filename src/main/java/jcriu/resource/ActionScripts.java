package jcriu.resource;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;

/**
 * Scripts of the user that run at each step of an action. They learn the step from {@code
 * CRTOOLS_SCRIPT_ACTION}, the images directory from {@code CRTOOLS_IMAGE_DIR}, and where it is
 * known the root task from {@code CRTOOLS_INIT_PID}.
 */
public final class ActionScripts {
    private final List<Path> scripts;
    private final Path imagesDir;

    public ActionScripts(List<Path> scripts, Path imagesDir) {
        this.scripts = scripts;
        this.imagesDir = imagesDir;
    }

    /**
     * Runs all scripts, in order, with their output on ours.
     *
     * @param rootPid 0 where it is not known yet
     * @throws JcriuException if one cannot be run or fails
     */
    public void run(String step, int rootPid) {
        for (Path script : scripts) {
            int status;
            try {
                ProcessBuilder command =
                        new ProcessBuilder(script.toAbsolutePath().toString()).inheritIO();
                Map<String, String> environment = command.environment();
                environment.put("CRTOOLS_SCRIPT_ACTION", step);
                environment.put("CRTOOLS_IMAGE_DIR", imagesDir.toAbsolutePath().toString());
                if (rootPid != 0) {
                    environment.put("CRTOOLS_INIT_PID", Integer.toString(rootPid));
                }
                status = command.start().waitFor();
            } catch (IOException e) {
                throw failed(script, step, "cannot be run: " + e.getMessage());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw failed(script, step, "was interrupted");
            }
            if (status != 0) {
                throw failed(script, step, "ended with status " + status);
            }
        }
    }

    private static JcriuException failed(Path script, String step, String what) {
        return new JcriuException(
                        Kind.ENVIRONMENT, "action script " + script + " (" + step + ") " + what)
                .withHint("run it by hand with CRTOOLS_SCRIPT_ACTION=" + step);
    }
}
