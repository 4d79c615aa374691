package jcriu.errors;

/**
 * The root of everything that jcriu throws on purpose. Its message has three parts: what failed on
 * what, the state of the target now, and the next step.
 *
 * <p>The code that notices a failure knows the first part and often the third; only the order of
 * steps ({@code jcriu.dump}, {@code jcriu.restore}) knows the state of the target, and adds it with
 * {@link #withTargetState}.
 */
public class JcriuException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final Kind kind;
    private String targetState;
    private String hint;

    public JcriuException(Kind kind, String what) {
        super(what);
        this.kind = kind;
    }

    public JcriuException(Kind kind, String what, Throwable cause) {
        super(what, cause);
        this.kind = kind;
    }

    /** The failure itself where we threw it on purpose, else a defect of ours with this cause. */
    public static JcriuException of(Throwable failure) {
        return failure instanceof JcriuException ours
                ? ours
                : new JcriuException(
                        Kind.INTERNAL, Kind.INTERNAL.description() + ": " + failure, failure);
    }

    public Kind kind() {
        return kind;
    }

    /** What failed, and on what. One line, without the other two parts. */
    public String what() {
        return getMessage();
    }

    /** The state of the target now, or null while nobody has said it. */
    public String targetState() {
        return targetState;
    }

    /** What the user can do next, or null. */
    public String hint() {
        return hint;
    }

    /** Says what state the target is in; the first word counts, later calls change nothing. */
    public JcriuException withTargetState(String state) {
        if (targetState == null) {
            targetState = state;
        }
        return this;
    }

    /** Says what the user can do next; the first word counts, later calls change nothing. */
    public JcriuException withHint(String next) {
        if (hint == null) {
            hint = next;
        }
        return this;
    }

    /** The whole message: one line for each part; the target's only where it is known. */
    public String render() {
        StringBuilder text = new StringBuilder(what());
        if (targetState != null) {
            text.append("\ntarget: ").append(targetState);
        }
        String next = hint();
        return text.append("\nnext:   ").append(next != null ? next : kind.nextStep()).toString();
    }
}
