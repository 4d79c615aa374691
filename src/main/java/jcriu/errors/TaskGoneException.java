package jcriu.errors;

/** A task exited, or was killed, while we worked on it. */
public final class TaskGoneException extends JcriuException {
    private static final long serialVersionUID = 1L;

    public TaskGoneException(int tid, String during) {
        super(Kind.TARGET_GONE, "task " + tid + " is gone (" + during + ")");
    }
}
