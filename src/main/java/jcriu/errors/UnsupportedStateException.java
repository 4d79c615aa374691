package jcriu.errors;

/** The target holds something that cannot be saved. */
public final class UnsupportedStateException extends JcriuException {
    private static final long serialVersionUID = 1L;

    public UnsupportedStateException(String what) {
        super(Kind.UNSUPPORTED, what);
    }
}
