package jcriu.kernel;

/** bpf(2), and include/uapi/linux/bpf.h. */
public final class BpfConstants {
    public static final int BPF_PROG_LOAD = 5;
    public static final int BPF_LINK_CREATE = 28;

    /** Linux 5.8: a descriptor whose reads run the program. */
    public static final int BPF_ITER_CREATE = 33;

    public static final int BPF_PROG_TYPE_TRACING = 26;
    public static final int BPF_TRACE_ITER = 28;

    /** {@code long bpf_seq_write(struct seq_file *, const void *, u32)}, for GPL-compatible. */
    public static final int BPF_FUNC_SEQ_WRITE = 127;

    private BpfConstants() {}
}
