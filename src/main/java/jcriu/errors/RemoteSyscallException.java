package jcriu.errors;

/** A system call that a tracee made for us failed. */
public final class RemoteSyscallException extends JcriuException {
    private static final long serialVersionUID = 1L;

    private final transient Errno errno;
    private final int tid;

    /**
     * @param call the call with its arguments, e.g. {@code mmap(0x1000, 4096, ...)}
     */
    public RemoteSyscallException(int tid, String call, Errno errno) {
        super(
                SyscallException.kindOf(errno),
                "task " + tid + " could not " + call + ": " + errno.describe());
        this.tid = tid;
        this.errno = errno;
    }

    public Errno errno() {
        return errno;
    }

    @Override
    public String hint() {
        return super.hint() != null ? super.hint() : SyscallException.hintFor(errno);
    }

    public int tid() {
        return tid;
    }
}
