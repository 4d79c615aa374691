package jcriu.kernel;

/** clone(2), prctl(2), signal(7), sched(7), seccomp(2) and timers. */
public final class ProcessConstants {
    public static final long CLONE_VM = 0x100;
    public static final long CLONE_FS = 0x200;
    public static final long CLONE_FILES = 0x400;
    public static final long CLONE_SIGHAND = 0x800;
    public static final long CLONE_VFORK = 0x4000;
    public static final long CLONE_PARENT = 0x8000;
    public static final long CLONE_THREAD = 0x10000;
    public static final long CLONE_SYSVSEM = 0x40000;
    public static final int CLONE_ARGS_SIZE = 88;

    public static final int PR_SET_PDEATHSIG = 1;
    public static final int PR_GET_PDEATHSIG = 2;
    public static final int PR_GET_DUMPABLE = 3;
    public static final int PR_SET_DUMPABLE = 4;
    public static final int PR_SET_KEEPCAPS = 8;
    public static final int PR_SET_NAME = 15;
    public static final int PR_SET_SECCOMP = 22;
    public static final int PR_CAPBSET_DROP = 24;
    public static final int PR_GET_TSC = 25;
    public static final int PR_MCE_KILL = 33;
    public static final int PR_MCE_KILL_SET = 1;
    public static final int PR_MCE_KILL_DEFAULT = 2;
    public static final int PR_MCE_KILL_GET = 34;
    public static final int PR_SET_TSC = 26;
    public static final int PR_TSC_SIGSEGV = 2;
    public static final int PR_GET_SECUREBITS = 27;
    public static final int PR_SET_SECUREBITS = 28;
    public static final int PR_SET_TIMERSLACK = 29;
    public static final int PR_GET_TIMERSLACK = 30;
    public static final int PR_SET_CHILD_SUBREAPER = 36;
    public static final int PR_GET_CHILD_SUBREAPER = 37;
    public static final int PR_SET_NO_NEW_PRIVS = 38;
    public static final int PR_GET_TID_ADDRESS = 40;
    public static final int PR_SET_THP_DISABLE = 41;
    public static final int PR_GET_THP_DISABLE = 42;
    public static final int PR_CAP_AMBIENT = 47;
    public static final int PR_CAP_AMBIENT_RAISE = 2;
    public static final int PR_CAP_AMBIENT_CLEAR_ALL = 4;
    public static final int PR_GET_SPECULATION_CTRL = 52;
    public static final int PR_SET_SPECULATION_CTRL = 53;
    public static final int PR_SPEC_L1D_FLUSH = 2;
    public static final int PR_SPEC_PRCTL = 1;
    public static final int PR_SPEC_DISABLE = 4;
    public static final int PR_SPEC_FORCE_DISABLE = 8;
    public static final int PR_SPEC_DISABLE_NOEXEC = 16;
    public static final int PR_SET_IO_FLUSHER = 57;
    public static final int PR_SET_MDWE = 65;
    public static final int PR_GET_MDWE = 66;
    public static final int PR_SET_MEMORY_MERGE = 67;
    public static final int PR_GET_MEMORY_MERGE = 68;
    public static final int PR_TIMER_CREATE_RESTORE_IDS = 77;

    public static final int ARCH_GET_CPUID = 0x1011;
    public static final int ARCH_SET_CPUID = 0x1012;

    public static final int ARCH_SET_GS = 0x1001;
    public static final int ARCH_SET_FS = 0x1002;

    public static final int SIGKILL = 9;
    public static final int SIGTRAP = 5;
    public static final int SIGCHLD = 17;
    public static final int SIGCONT = 18;
    public static final int SIGSTOP = 19;
    public static final int SIGURG = 23;
    public static final int SIGWINCH = 28;
    public static final int P_ALL = 0;
    public static final int P_PID = 1;
    public static final int WSTOPPED = 2;
    public static final int WCONTINUED = 8;
    public static final int CLD_CONTINUED = 6;
    public static final int NSIG = 64;
    public static final int SIGINFO_SIZE = 128;

    /** {@code {handler u64, flags u64, restorer u64, mask u64}}: the kernel's struct sigaction. */
    public static final int KERNEL_SIGACTION_SIZE = 32;

    public static final int SS_ONSTACK = 1;
    public static final int SS_DISABLE = 2;
    public static final int STACK_T_SIZE = 24;

    /** Results of an interrupted system call that only a tracer sees, see signal(7). */
    public static final int ERESTARTSYS = 512;

    public static final int ERESTARTNOINTR = 513;
    public static final int ERESTARTNOHAND = 514;
    public static final int ERESTART_RESTARTBLOCK = 516;

    public static final int SECCOMP_SET_MODE_FILTER = 1;
    public static final int SECCOMP_MODE_STRICT = 1;
    public static final int SECCOMP_MODE_FILTER = 2;

    public static final int SIGEV_SIGNAL = 0;
    public static final int SIGEV_NONE = 1;
    public static final int SIGEV_THREAD = 2;
    public static final int SIGEV_THREAD_ID = 4;
    public static final int SIGEVENT_SIZE = 64;

    public static final int MEMBARRIER_CMD_GET_REGISTRATIONS = 512;

    public static final int RSEQ_CS_FLAG_NO_RESTART_ON_SIGNAL = 2;

    private ProcessConstants() {}
}
