package jcriu.kernel;

/**
 * The system calls that jcriu makes, or has a tracee make: one row a call, one column an
 * architecture.
 *
 * <p>Source: asm/unistd_64.h for x86-64, asm-generic/unistd.h for aarch64.
 */
public enum Syscall {
    //                    x86_64 aarch64
    READ(0, 63),
    WRITE(1, 64),
    CLOSE(3, 57),
    FSTAT(5, 80),
    PPOLL(271, 73),
    LSEEK(8, 62),
    MMAP(9, 222),
    MPROTECT(10, 226),
    MUNMAP(11, 215),
    BRK(12, 214),
    RT_SIGACTION(13, 134),
    RT_SIGPROCMASK(14, 135),
    RT_SIGRETURN(15, 139),
    IOCTL(16, 29),
    PREAD64(17, 67),
    PWRITE64(18, 68),
    MREMAP(25, 216),
    MADVISE(28, 233),
    GETITIMER(36, 102),
    SETITIMER(38, 103),
    GETPID(39, 172),
    SOCKETPAIR(53, 199),
    EXIT(60, 93),
    WAIT4(61, 260),
    KILL(62, 129),
    FCNTL(72, 25),
    FLOCK(73, 32),
    EXECVE(59, 221),
    FTRUNCATE(77, 46),
    GETCWD(79, 17),
    CHDIR(80, 49),
    FCHDIR(81, 50),
    FCHMOD(91, 52),
    FCHOWN(93, 55),
    UMASK(95, 166),
    GETRLIMIT(97, 163),
    PTRACE(101, 117),
    SETPGID(109, 154),
    SETSID(112, 157),
    SETREUID(113, 145),
    SETGROUPS(116, 159),
    SETRESUID(117, 147),
    SETRESGID(119, 149),
    SETFSUID(122, 151),
    SETFSGID(123, 152),
    GETSID(124, 156),
    CAPSET(126, 91),
    RT_SIGPENDING(127, 136),
    RT_SIGQUEUEINFO(129, 138),
    RT_SIGTIMEDWAIT(128, 137),
    SIGALTSTACK(131, 132),
    PERSONALITY(135, 92),
    SETPRIORITY(141, 140),
    SCHED_SETPARAM(142, 118),
    SCHED_SETSCHEDULER(144, 119),
    SCHED_GETSCHEDULER(145, 120),
    MLOCK(149, 228),
    MLOCKALL(151, 230),
    MLOCK2(325, 284),
    MSEAL(462, 462),
    FSTATFS(138, 44),
    MODIFY_LDT(154, Syscall.ABSENT),
    PRCTL(157, 167),
    ARCH_PRCTL(158, Syscall.ABSENT),
    SETRLIMIT(160, 164),
    CHROOT(161, 51),
    GETTID(186, 178),
    TKILL(200, 130),
    SCHED_SETAFFINITY(203, 122),
    SCHED_GETAFFINITY(204, 123),
    EPOLL_CREATE1(291, 20),
    SET_TID_ADDRESS(218, 96),
    TIMER_CREATE(222, 107),
    TIMER_SETTIME(223, 110),
    TIMER_GETTIME(224, 108),
    TIMER_GETOVERRUN(225, 109),
    TIMER_DELETE(226, 111),
    CLOCK_GETTIME(228, 113),
    CLOCK_GETRES(229, 114),
    GETTIMEOFDAY(96, 169),
    TIME(201, Syscall.ABSENT),
    GETCPU(309, 168),
    GETRANDOM(318, 278),
    EPOLL_CTL(233, 21),
    TGKILL(234, 131),
    WAITID(247, 95),
    MBIND(237, 235),
    SET_MEMPOLICY(238, 237),
    GET_MEMPOLICY(239, 236),
    IOPRIO_SET(251, 30),
    IOPRIO_GET(252, 31),
    OPENAT(257, 56),
    MKDIRAT(258, 34),
    MKNODAT(259, 33),
    FCHOWNAT(260, 54),
    UNLINKAT(263, 35),
    FCHMODAT(268, 53),
    INOTIFY_ADD_WATCH(254, 27),
    INOTIFY_RM_WATCH(255, 28),
    INOTIFY_INIT1(294, 26),
    PREADV(295, 69),
    FANOTIFY_INIT(300, 262),
    FANOTIFY_MARK(301, 263),
    UNSHARE(272, 97),
    NAME_TO_HANDLE_AT(303, 264),
    OPEN_BY_HANDLE_AT(304, 265),
    LINKAT(265, 37),
    READLINKAT(267, 78),
    SET_ROBUST_LIST(273, 99),
    GET_ROBUST_LIST(274, 100),
    SPLICE(275, 76),
    TEE(276, 77),
    VMSPLICE(278, 75),
    UTIMENSAT(280, 88),
    SIGNALFD4(289, 74),
    EVENTFD2(290, 19),
    DUP3(292, 24),
    PIPE2(293, 59),
    TIMERFD_CREATE(283, 85),
    TIMERFD_SETTIME(286, 86),
    TIMERFD_GETTIME(287, 87),
    FALLOCATE(285, 47),
    RT_TGSIGQUEUEINFO(297, 240),
    PRLIMIT64(302, 261),
    PROCESS_VM_READV(310, 270),
    PROCESS_VM_WRITEV(311, 271),
    KCMP(312, 272),
    SCHED_SETATTR(314, 274),
    SCHED_GETATTR(315, 275),
    SECCOMP(317, 277),
    MEMFD_CREATE(319, 279),
    EXECVEAT(322, 281),
    MEMBARRIER(324, 283),
    RSEQ(334, 293),
    PIDFD_SEND_SIGNAL(424, 424),
    PIDFD_OPEN(434, 434),
    CLONE3(435, 435),
    CLOSE_RANGE(436, 436),
    PIDFD_GETFD(438, 438),
    SYNCFS(306, 267),
    STATX(332, 291),
    SHMGET(29, 194),
    SHMAT(30, 196),
    SHMCTL(31, 195),
    SHMDT(67, 197),
    SEMOP(65, 193),
    MSGSND(69, 189),
    MSGRCV(70, 188),
    IO_GETEVENTS(208, 4),
    SEMTIMEDOP(220, 192),
    GETDENTS64(217, 61),
    POLL(7, Syscall.ABSENT),
    NANOSLEEP(35, 101),
    RESTART_SYSCALL(219, 128),
    FUTEX(202, 98),
    CLOCK_NANOSLEEP(230, 115),
    EPOLL_WAIT(232, Syscall.ABSENT),
    EPOLL_PWAIT(281, 22),
    EPOLL_PWAIT2(441, 441),
    GETSOCKOPT(55, 209),
    IO_SETUP(206, 0),
    IO_SUBMIT(209, 2),
    USERFAULTFD(323, 282),
    BPF(321, 280),
    OPENAT2(437, 437);

    /** The number of a call that an architecture does not have. */
    public static final int ABSENT = -1;

    private final int x86;
    private final int aarch64;

    Syscall(int x86, int aarch64) {
        this.x86 = x86;
        this.aarch64 = aarch64;
    }

    /**
     * The call's number.
     *
     * @throws IllegalArgumentException where the architecture does not have the call
     */
    public int number(Arch arch) {
        int number = arch == Arch.X86_64 ? x86 : aarch64;
        if (number == ABSENT) {
            throw new IllegalArgumentException(arch + " has no system call " + lowerName());
        }
        return number;
    }

    /** Whether the architecture has the call at all. */
    public boolean exists(Arch arch) {
        return (arch == Arch.X86_64 ? x86 : aarch64) != ABSENT;
    }

    /** The call as man pages spell it. */
    public String lowerName() {
        return name().toLowerCase(java.util.Locale.ROOT);
    }
}
