package jcriu.errors;

/** A capability, sysctl, kernel feature or directory is missing. */
public final class EnvironmentException extends JcriuException {
    private static final long serialVersionUID = 1L;

    public EnvironmentException(String what) {
        super(Kind.ENVIRONMENT, what);
    }
}
