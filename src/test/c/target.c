/*
 * A target for dumps and remote calls: target MODE FILE [ARGUMENT].
 *
 * FILE is mapped; its 64-bit words are how a test looks inside:
 *   0 ready   1 counter   2 result of the call   3 errno   4 milliseconds that it took
 *   5 threads that have begun   8+ per thread
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static volatile uint64_t *words;

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

static void pause_ms(long ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static void count(volatile uint64_t *word) {
    for (;;) {
        ++*word;
        pause_ms(1);
    }
}

static void *thread(void *word) {
    __atomic_fetch_add(&words[5], 1, __ATOMIC_SEQ_CST);
    count(word);
    return NULL;
}

/* A child that ends with us. */
static int kept(void *unused) {
    (void)unused;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) pause_ms(1000);
}

/* A task that shares with us what clone(2) calls FLAGS. */
static int share(int flags) {
    static char stack[65536] __attribute__((aligned(16)));
    return clone(kept, stack + sizeof stack, flags | SIGCHLD, NULL);
}

/* A thread with what unshare(2) calls FLAGS, which a child of its own has, too. */
static void *apart(void *flags) {
    if (unshare((int)(long)flags)) _exit(11);
    if (syscall(SYS_clone, (long)flags | SIGCHLD, 0, 0, 0, 0) == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) pause_ms(1000);
    }
    words[5]++;
    for (;;) pause_ms(1000);
}

/* Goes on as long as the process ROOT is there. */
_Noreturn static void as_long_as(pid_t root) {
    while (kill(root, 0) == 0) pause_ms(50);
    _exit(0);
}

/* A child in a session whose leader lives outside of the tree. */
static void leave_leader(void) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t root = getpid(), parent = fork();
    if (!parent) {
        if (fork()) for (;;) pause_ms(1000);
        setsid();
        if (!fork()) {
            if (fork()) _exit(0);
            while (getppid() != root) pause_ms(1);
            words[5] = 1;
            as_long_as(root);
        }
        as_long_as(root);
    }
    while (!words[5]) pause_ms(1);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    kill(parent, SIGKILL);
    waitpid(parent, NULL, 0);
}

static pid_t with_files(int flags) {
    return (pid_t)syscall(SYS_clone, CLONE_FILES | flags | SIGCHLD, 0, 0, 0, 0);
}

/* A child that shares its descriptor table with a sibling, and has a child that shares another with another. */
static void cross_tables(void) {
    pid_t root = getpid();
    if (!with_files(0)) {
        if (!with_files(0) || !with_files(CLONE_PARENT)) as_long_as(root);
        unshare(CLONE_FILES);
        if (!with_files(CLONE_PARENT)) as_long_as(root);
        words[5] = 1;
        as_long_as(root);
    }
    unshare(CLONE_FILES);
    while (!words[5]) pause_ms(1);
}

/* A handler that changes nothing, so that masks and handlers are not all empty. */
static void handler(int signal) { (void)signal; }

/* Stays in the handler as soon as it has interrupted the vDSO, where that reads its data. */
static void in_vdso(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)info;
    const unsigned char *ip = (void *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    const unsigned char *vdso = (void *)getauxval(AT_SYSINFO_EHDR);
    /* not at its system call, nor where it begins */
    if (ip < vdso || ip > vdso + 8192 || (ip[-2] == 0x0f && ip[-1] == 0x05) || (ip[0] == 0x0f && ip[1] == 0x05)) return;
    if ((uintptr_t)ip % 16 == 0) return;
    words[0] = 1;
    while (!words[2]) {
        ++words[1];
        pause_ms(1);
    }
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    const char *mode = argv[1];
    const char *arg = argc > 3 ? argv[3] : "";
    int fd = open(argv[2], O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, 4096)) return 3;
    words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (words == MAP_FAILED) return 4;
    signal(SIGUSR1, handler);
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR2);
    sigprocmask(SIG_BLOCK, &mask, NULL);

    long result = 0;
    uint64_t begin;
    if (!strcmp(mode, "count")) {
        words[0] = 1;
        count(&words[1]);
    } else if (!strcmp(mode, "spin")) {
        words[0] = 1;
        for (;;) ++words[1];
    } else if (!strcmp(mode, "socket")) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) return 5;
        words[0] = 1;
        count(&words[1]);
    } else if (!strcmp(mode, "fanotify")) { /* a group of the kind ARGUMENT */
        int group = fanotify_init(!strcmp(arg, "content") ? FAN_CLASS_CONTENT : FAN_REPORT_FID, O_RDONLY);
        if (group < 0) return 8;
        if (!strcmp(arg, "filesystem")
            && fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_DELETE_SELF, AT_FDCWD, "/proc/self/exe")) return 9;
        words[0] = 1;
        count(&words[1]);
    } else if (!strcmp(mode, "share")) { /* ARGUMENT, with another task */
        pthread_t id;
        int flag = !strcmp(arg, "files") ? CLONE_FILES : CLONE_FS;
        if (!strcmp(arg, "vm")) {
            if (share(CLONE_VM) < 0) return 11;
        } else if (!strcmp(arg, "children")) {
            if (unshare(CLONE_NEWPID)) return 11;
        } else if (!strcmp(arg, "session")) {
            leave_leader();
        } else if (!strcmp(arg, "tables")) {
            cross_tables();
        } else {
            pthread_create(&id, NULL, apart, (void *)(long)flag);
            while (!words[5]) pause_ms(1);
        }
        words[0] = 1;
        count(&words[1]);
    } else if (!strcmp(mode, "fdinfo")) { /* a file of proc that is there only with its descriptor */
        if (open("/proc/self/fdinfo/1", O_RDONLY) < 0) return 12;
        words[0] = 1;
        count(&words[1]);
    } else if (!strcmp(mode, "secret")) { /* memory that nobody else can read */
        int fd = syscall(447, 0); /* memfd_secret */
        if (fd < 0 || ftruncate(fd, 4096)) words[6] = 1;
        else memset(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), 1, 4096);
        close(fd);
        words[0] = 1;
        count(&words[1]);
    } else if (!strcmp(mode, "userfaultfd")) { /* a page that a process outside the tree would fill */
        struct uffdio_api api = {.api = UFFD_API};
        struct uffdio_register all = {.mode = UFFDIO_REGISTER_MODE_MISSING};
        char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        int own = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
        all.range = (struct uffdio_range){(uint64_t)(uintptr_t)page, 4096};
        if (own < 0 || ioctl(own, UFFDIO_API, &api) || ioctl(own, UFFDIO_REGISTER, &all)) return 14;
        pid_t pid = getpid();
        if (!fork()) {
            if (!fork() && setsid() > 0)
                while (!kill(pid, 0)) pause_ms(20);
            _exit(0);
        }
        wait(NULL);
        close(own);
        words[0] = 1;
        count(&words[1]);
    } else if (!strcmp(mode, "device")) { /* ARGUMENT */
        if (open(arg, O_RDWR | O_NOCTTY | O_NONBLOCK) < 0) return 13;
        words[0] = 1;
        count(&words[1]);
    } else if (!strcmp(mode, "deleted")) { /* a file ARGUMENT of 2 MiB without a name */
        static char block[1 << 20];
        int file = open(arg, O_RDWR | O_CREAT, 0600);
        if (write(file, block, sizeof block) != sizeof block || write(file, block, sizeof block) != sizeof block || unlink(arg)) return 10;
        words[0] = 1;
        count(&words[1]);
    } else if (!strcmp(mode, "threads")) {
        for (long i = 0; i < atol(arg); i++) {
            pthread_t id;
            pthread_create(&id, NULL, thread, (void *)&words[8 + i]);
        }
        while (words[5] < (uint64_t)atol(arg)) pause_ms(1);
        words[0] = 1;
        count(&words[1]);
    } else if (!strcmp(mode, "leaderless")) { /* its first thread has exited, another counts */
        pthread_t id;
        pthread_create(&id, NULL, thread, (void *)&words[1]);
        while (!words[5]) pause_ms(1);
        words[0] = 1;
        syscall(SYS_exit, 0);
    } else if (!strcmp(mode, "vfork")) { /* at SIGUSR2 makes a child by vfork that waits for SIGUSR2 */
        pthread_t id;
        pthread_create(&id, NULL, thread, (void *)&words[1]);
        words[0] = 1;
        int signal;
        sigwait(&mask, &signal);
        pid_t child = vfork();
        if (!child) {
            words[6] = getpid();
            sigwait(&mask, &signal);
            _exit(7);
        }
        waitpid(child, NULL, 0);
        words[7] = 1;
        pause();
    } else if (!strcmp(mode, "impostor")) { /* calls itself a keeper of jcriu, and says impossible things */
        char *head = mmap((void *)0x201000, 4096, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (head != (void *)0x201000) return 5;
        memcpy(head, "criu-kpr", 8);
        *(int32_t *)(head + 24) = -1;
        if (prctl(PR_SET_NAME, "jcriu-keeper") || setuid(65534)) return 6;
        words[0] = 1;
        pause();
    } else if (!strcmp(mode, "segment")) {
        /* counts in the SysV segment of key ARGUMENT; words[2] is its id */
        int id = shmget(strtol(arg, NULL, 0), 65536, IPC_CREAT | 0600);
        volatile uint64_t *shared = shmat(id, NULL, 0);
        if (shared == (void *)-1) return 5;
        words[2] = id;
        words[0] = 1;
        for (;;) {
            words[1] = ++*shared;
            pause_ms(1);
        }
    } else if (!strcmp(mode, "vdso-handler")) { /* a handler in the midst of the vDSO, until words[2] */
        struct sigaction action = {.sa_sigaction = in_vdso, .sa_flags = SA_SIGINFO};
        sigaction(SIGALRM, &action, NULL);
        struct itimerval often = {{0, 1009}, {0, 1009}};
        setitimer(ITIMER_REAL, &often, NULL);
        for (;;) now();
    } else if (!strcmp(mode, "memory")) { /* ARGUMENT MiB that no compression shrinks */
        size_t bytes = atol(arg) << 20;
        uint64_t *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        uint64_t x = 88172645463325252ull;
        for (size_t i = 0; i < bytes / 8; i++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            memory[i] = x;
        }
        words[0] = 1;
        count(&words[1]);
    } else if (!strcmp(mode, "advice")) { /* every second of ARGUMENT MiB, at words[6]; advice on all at SIGUSR2 */
        size_t bytes = atol(arg) << 20;
        char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        madvise(memory, bytes, MADV_NOHUGEPAGE);
        for (size_t at = 0; at < bytes; at += 2 << 20) memset(memory + at, 7, 1 << 20);
        words[6] = (uint64_t)memory;
        words[0] = 1;
        int signal;
        sigwait(&mask, &signal);
        words[7] = madvise(memory + (8 << 20), 8192, 102 /* MADV_GUARD_INSTALL */) == 0;
        mmap(NULL, 4096, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* gets a protection key where there are any */
        memory[0] = 8;
        madvise(memory, bytes, MADV_DONTFORK); /* all of it: the mapping is not split */
        count(&words[1]);
    } else if (!strcmp(mode, "again")) { /* maps ARGUMENT, 8 pages; the last four again at SIGUSR2 */
        int file = open(arg, O_RDWR);
        char *mapped = mmap(NULL, 8 << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
        mapped[0] = 5;
        words[0] = 1;
        int signal;
        sigwait(&mask, &signal);
        mmap(mapped + (4 << 12), 4 << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file, 4 << 12);
        count(&words[1]);
    } else if (!strcmp(mode, "pattern")) {
        /* 16 pages: 0-3 written, 4-7 only read, 8-11 untouched, 12-15 written; words[1] says where */
        char *memory = mmap(NULL, 16 << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        madvise(memory, 16 << 12, MADV_NOHUGEPAGE);
        for (int i = 0; i < 4; i++) memory[i << 12] = 1, memory[(i + 12) << 12] = 1;
        for (int i = 4; i < 8; i++) result += ((volatile char *)memory)[i << 12];
        words[1] = (uint64_t)memory;
        /* ARGUMENT, a file of 8 pages, privately: 0-1 read, 2-3 written, 4-7 untouched */
        int file = open(arg, O_RDWR);
        char *mapped = mmap(NULL, 8 << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
        for (int i = 0; i < 2; i++) result += ((volatile char *)mapped)[i << 12];
        for (int i = 2; i < 4; i++) mapped[i << 12] = 1;
        words[2] = (uint64_t)mapped;
        words[0] = 1;
        pause();
    } else if (!strcmp(mode, "trace")) { /* seizes process ARGUMENT and sits on it */
        if (ptrace(PTRACE_SEIZE, atoi(arg), 0, 0)) return 6;
        words[0] = 1;
        pause();
    }

    /* One blocking call, whose result is told. */
    begin = now();
    errno = 0;
    if (!strcmp(mode, "nanosleep")) {
        struct timespec t = {atol(arg) / 1000, atol(arg) % 1000 * 1000000};
        words[0] = 1;
        result = nanosleep(&t, NULL);
    } else if (!strcmp(mode, "poll")) {
        words[0] = 1;
        result = poll(NULL, 0, atol(arg));
    } else if (!strcmp(mode, "futex")) {
        static int word;
        struct timespec t = {atol(arg) / 1000, atol(arg) % 1000 * 1000000};
        words[0] = 1;
        result = syscall(SYS_futex, &word, FUTEX_WAIT, 0, &t, NULL, 0);
    } else if (!strcmp(mode, "read")) { /* a byte from the FIFO ARGUMENT */
        char byte;
        int fifo = open(arg, O_RDWR);
        begin = now();
        words[0] = 1;
        result = read(fifo, &byte, 1);
    } else if (!strcmp(mode, "epoll")) { /* a byte in the FIFO ARGUMENT */
        struct epoll_event event = {.events = EPOLLIN};
        int fifo = open(arg, O_RDWR), poller = epoll_create1(0);
        epoll_ctl(poller, EPOLL_CTL_ADD, fifo, &event);
        words[0] = 1;
        result = epoll_wait(poller, &event, 1, -1);
    } else if (!strcmp(mode, "sigwait")) {
        words[0] = 1;
        result = sigwaitinfo(&mask, NULL);
    } else if (!strcmp(mode, "wait")) {
        pid_t child = fork();
        if (child == 0) {
            pause_ms(atol(arg));
            _exit(7);
        }
        int status;
        words[0] = 1;
        result = waitpid(child, &status, 0) == child ? status >> 8 : -1;
    } else {
        return 2;
    }
    words[3] = errno;
    words[4] = now() - begin;
    words[2] = (uint64_t)result;
    words[0] = 2;
    pause();
    return 0;
}
