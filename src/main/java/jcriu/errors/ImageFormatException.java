package jcriu.errors;

/** An image is missing, incomplete, or holds what it must not. */
public final class ImageFormatException extends JcriuException {
    private static final long serialVersionUID = 1L;

    /**
     * @param file the image's file name
     * @param offset byte offset in it, or -1 where none makes sense
     * @param what what was found and what was expected
     */
    public ImageFormatException(String file, long offset, String what) {
        super(Kind.IMAGE, file + (offset >= 0 ? " at byte " + offset : "") + ": " + what);
    }

    public ImageFormatException(String file, long offset, String what, Throwable cause) {
        super(Kind.IMAGE, file + (offset >= 0 ? " at byte " + offset : "") + ": " + what, cause);
    }
}
