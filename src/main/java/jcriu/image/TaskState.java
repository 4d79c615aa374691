package jcriu.image;

/** Values of {@code task_core_entry.task_state}. */
public final class TaskState {
    public static final int ALIVE = 1;
    public static final int DEAD = 2;
    public static final int STOPPED = 3;
    public static final int ZOMBIE = 6;

    private TaskState() {}
}
