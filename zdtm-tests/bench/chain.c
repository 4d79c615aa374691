/*
 * The program that scripts/chain dumps: chain CONTROL SOURCE SEED MIB
 *
 * It changes its memory all the time, in every way that the kernel has. Each step is a function of
 * the seed and of the step's number and nothing else, so the content of every byte can be computed
 * from these two alone: the check plays all steps again, from the first, into a fresh model. No
 * memory that a bad dump could have put back is asked what is right.
 *
 * CONTROL is a file that is mapped shared and belongs to no image. How many steps are done stands
 * there, too: a restored program that has forgotten steps, in a consistent way even, is found out.
 *
 * Memory is cut into slots of up to 2 MiB, and content into blocks of 512 bytes. A block is known by
 * an id, which says who wrote it in which step; its first word is the id, and the others follow.
 * Long-lived children are streams of steps of their own, which begin with their parent's memory.
 */
#include <sched.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include "testee.h"

enum { BLOCK = 512, PER_PAGE = 4096 / BLOCK, MAX_PAGES = 512, MAX_BLOCKS = MAX_PAGES * PER_PAGE };
enum { MAX_SLOTS = 32, STREAMS = 3, FILE_PAGES = 2048, FOLLOWED = 16 };
#define BASE 0x200000000000UL
#define SPACE (16UL << 20) /* of a slot: two places, half of it each */
#define MAX_BYTES (MAX_PAGES * PAGE)
#define OF_FILE (1UL << 63)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

enum kind { ANON, OFFILE, SHARED, MEMFD };
static const char *const KINDS[] = {"private", "of a file", "shared", "memfd"};

struct slot {
    enum kind kind;
    int place, pages, locked;
    int protect_from, protect_to; /* pages that are not writable */
    int readable;                 /* whether those are */
    int foreign;                  /* shared with the parent, which changes it */
    long file;                    /* first page in the file, or in no object */
    uint64_t id[MAX_BLOCKS];
    uint8_t maybe[MAX_PAGES]; /* MADV_FREE: as it was, or zero */
};

/* A stream of steps, and what memory looks like after them. */
struct model {
    uint64_t stream, step;
    int slots;
    int child[STREAMS]; /* whether there is one, by stream */
    struct slot slot[MAX_SLOTS];
};

struct of_stream {
    volatile uint64_t pid, done, answered, history, born;
};

static struct control {
    volatile uint64_t ready, check, failures, history, floor, no_direct;
    volatile uint64_t checked; /* bytes */
    uint64_t reserved[9];
    struct of_stream stream[STREAMS];
    char message[1024];
} *control;

static uint64_t seed;
static const char *source;
static struct model ours, fresh;
static int fd_of[MAX_SLOTS];
static pid_t pid_of[STREAMS];
static int live; /* steps are made, not only played */
static char scratch[MAX_BYTES] __attribute__((aligned(4096)));
static uint64_t last_check, parent_step;

static uint64_t mix(uint64_t x) {
    x += 0x9E3779B97F4A7C15UL;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9UL;
    x = (x ^ x >> 27) * 0x94D049BB133111EBUL;
    return x ^ x >> 31;
}

static uint64_t random_state;
static uint64_t draw(uint64_t below) {
    return mix(random_state++) % below;
}

/* ---- what is said ---- */

__attribute__((format(printf, 1, 2))) static void wrong(const char *format, ...) {
    if (__sync_fetch_and_add(&control->failures, 1) == 0) {
        va_list arguments;
        va_start(arguments, format);
        int n = snprintf(control->message, sizeof control->message, "stream %lu, step %lu: ", ours.stream, ours.step);
        vsnprintf(control->message + n, sizeof control->message - n, format, arguments);
        va_end(arguments);
    }
}

#define MUST(call) ({ __typeof__(call) r_ = (call); if ((long)r_ == -1) fatal(#call, errno); r_; })
_Noreturn static void fatal(const char *what, int error) {
    wrong("%s: %s", what, strerror(error));
    _exit(1);
}

static void on_fault(int signal, siginfo_t *info, void *context) {
    (void)context;
    wrong("signal %d at %p", signal, info->si_addr);
    _exit(1);
}

/* ---- content ---- */

static void fill(void *at, uint64_t id) {
    uint64_t *word = at;
    if (id == 0) {
        memset(at, 0, BLOCK);
        return;
    }
    word[0] = id;
    for (uint64_t i = 1, x = mix(id ^ seed); i < BLOCK / 8; i++) word[i] = x = x * 6364136223846793005UL + i;
}

static uint64_t id_of(const struct model *m, int slot, int block) {
    return m->stream << 60 | m->step << 20 | (uint64_t)slot << 12 | (uint64_t)block;
}

static uint64_t file_id(long page, int block) {
    return OF_FILE | (uint64_t)(page * PER_PAGE + block);
}

static char *place(int slot, int where) {
    return (char *)BASE + slot * SPACE + where * (SPACE / 2);
}

static char *address(const struct model *m, int slot) {
    return place(slot, m->slot[slot].place);
}

/* What a page is that nobody has written. */
static void untouched(struct slot *s, int page) {
    for (int b = 0; b < PER_PAGE; b++)
        s->id[page * PER_PAGE + b] = s->kind == OFFILE ? file_id(s->file + page, b) : 0;
    s->maybe[page] = 0;
}

/* ---- steps: each changes the model, and memory if it is live ---- */

static void make(struct model *m, int slot, enum kind kind, int pages, long file) {
    struct slot *s = &m->slot[slot];
    char *at = address(m, slot);
    s->kind = kind, s->pages = pages, s->file = file;
    s->locked = s->protect_from = s->protect_to = s->foreign = 0;
    for (int i = 0; i < MAX_PAGES; i++) untouched(s, i);
    if (!live) return;
    int flags = MAP_FIXED, protection = PROT_READ | PROT_WRITE, fd = -1;
    switch (kind) {
        case ANON: MUST(mmap(at, pages * PAGE, protection, flags | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)); return;
        case OFFILE:
            fd = MUST(open(source, O_RDONLY));
            MUST(mmap(at, pages * PAGE, protection, flags | MAP_PRIVATE, fd, file * PAGE));
            close(fd);
            return;
        case SHARED: /* the object is as large as it can get */
            MUST(mmap(at, MAX_BYTES, protection, flags | MAP_SHARED | MAP_ANONYMOUS, -1, 0));
            if (pages < MAX_PAGES) MUST(munmap(at + pages * PAGE, MAX_BYTES - pages * PAGE));
            return;
        case MEMFD:
            fd_of[slot] = MUST(memfd_create("chain", 0));
            MUST(ftruncate(fd_of[slot], MAX_BYTES));
            MUST(mmap(at, pages * PAGE, protection, flags | MAP_SHARED, fd_of[slot], 0));
    }
}

static void drop(struct model *m, int slot) {
    struct slot *s = &m->slot[slot];
    if (live) {
        MUST(munmap(address(m, slot), s->pages * PAGE));
        if (s->kind == MEMFD) MUST(close(fd_of[slot]));
    }
}

static void unprotect(struct model *m, int slot) {
    struct slot *s = &m->slot[slot];
    if (s->protect_to > s->protect_from && live)
        MUST(mprotect(address(m, slot), s->pages * PAGE, PROT_READ | PROT_WRITE));
    s->protect_from = s->protect_to = 0;
}

static void unlock(struct model *m, int slot) {
    struct slot *s = &m->slot[slot];
    if (s->locked && live) MUST(munlock(address(m, slot), s->pages * PAGE));
    s->locked = 0;
}

/* Blocks that are about to be written whole; a page that may be zero is written from end to end. */
static void widen(struct slot *s, int *from, int *to) {
    if (s->maybe[*from / PER_PAGE]) *from -= *from % PER_PAGE;
    if (s->maybe[(*to - 1) / PER_PAGE]) *to += (PER_PAGE - *to % PER_PAGE) % PER_PAGE;
    for (int page = *from / PER_PAGE; page <= (*to - 1) / PER_PAGE; page++) s->maybe[page] = 0;
}

/* New content for [from, to); where it shall stand: in place, or in the scratch buffer. */
static char *new_content(struct model *m, int slot, int from, int to, char *at) {
    for (int b = from; b < to; b++) {
        m->slot[slot].id[b] = id_of(m, slot, b);
        if (live) fill(at + (b - from) * BLOCK, m->slot[slot].id[b]);
    }
    return at;
}

static void range(const struct slot *s, int most, int *from, int *to) {
    int blocks = s->pages * PER_PAGE, n = 1 + (int)draw(most * PER_PAGE);
    if (draw(2)) n += (PER_PAGE - n % PER_PAGE) % PER_PAGE;
    if (n > blocks) n = blocks;
    *from = (int)draw(blocks - n + 1);
    if (n % PER_PAGE == 0) *from -= *from % PER_PAGE;
    *to = *from + n;
}

static void store(struct model *m, int slot) {
    int from, to;
    range(&m->slot[slot], 16, &from, &to);
    widen(&m->slot[slot], &from, &to);
    new_content(m, slot, from, to, address(m, slot) + from * BLOCK);
}

static void scatter(struct model *m, int slot) {
    struct slot *s = &m->slot[slot];
    for (int i = 1 + (int)draw(12); i > 0; i--) {
        int from = (int)draw(s->pages * PER_PAGE), to = from + 1;
        widen(s, &from, &to);
        new_content(m, slot, from, to, address(m, slot) + from * BLOCK);
    }
}

/* Written, but not changed. */
static void rewrite(struct model *m, int slot) {
    struct slot *s = &m->slot[slot];
    int from, to;
    range(s, 16, &from, &to);
    for (int b = from; b < to; b++)
        if (!s->maybe[b / PER_PAGE] && live) fill(address(m, slot) + b * BLOCK, s->id[b]);
}

/* read(2) of the source file into memory, through the page cache or past it. */
static void read_file(struct model *m, int slot, int direct) {
    struct slot *s = &m->slot[slot];
    int from, to;
    range(s, 16, &from, &to);
    widen(s, &from, &to);
    int block = (int)draw(FILE_PAGES * PER_PAGE - MAX_BLOCKS);
    for (int b = from; b < to; b++) s->id[b] = file_id(0, block + b - from);
    if (!live) return;
    int fd = open(source, O_RDONLY | (direct ? O_DIRECT : 0));
    if (fd < 0 && direct) control->no_direct = 1, fd = open(source, O_RDONLY);
    MUST(fd);
    long n = MUST(pread(fd, address(m, slot) + from * BLOCK, (to - from) * BLOCK, (off_t)block * BLOCK));
    if (n != (to - from) * BLOCK) fatal("a short read of the source", EIO);
    close(fd);
}

/* The kernel writes for another "process": process_vm_writev(2), or /proc/PID/mem. */
static void write_remotely(struct model *m, int slot) {
    int from, to;
    range(&m->slot[slot], 16, &from, &to);
    widen(&m->slot[slot], &from, &to);
    new_content(m, slot, from, to, scratch);
    int by_file = (int)draw(2);
    if (!live) return;
    char *at = address(m, slot) + from * BLOCK;
    size_t n = (to - from) * BLOCK;
    if (by_file) {
        int fd = MUST(open("/proc/self/mem", O_RDWR));
        if (MUST(pwrite(fd, scratch, n, (off_t)(uintptr_t)at)) != (long)n) fatal("/proc/self/mem", EIO);
        close(fd);
    } else {
        struct iovec local = {scratch, n}, remote = {at, n};
        if (MUST(process_vm_writev(getpid(), &local, 1, &remote, 1, 0)) != (long)n) fatal("process_vm_writev", EIO);
    }
}

static void move(struct model *m, int slot) {
    struct slot *s = &m->slot[slot];
    unprotect(m, slot); /* mremap(2) moves one mapping */
    unlock(m, slot);
    char *from = address(m, slot);
    s->place = !s->place;
    if (!live) return;
    /* parts that other steps made are mappings of their own; Linux 6.17 moves several at once, but stops
       at one that is watched by a userfaultfd, and says EFAULT when the first of them have moved already */
    for (int page = 0; page < s->pages;) {
        int n = s->pages - page;
        while (mremap(from + page * PAGE, n * PAGE, n * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
                      address(m, slot) + page * PAGE) == MAP_FAILED) {
            unsigned char core;
            if (errno != EFAULT) fatal("mremap, a move", errno);
            if (mincore(from + page * PAGE, PAGE, &core) && errno == ENOMEM) {
                n = 1;
                break;
            }
            if (n == 1) fatal("mremap, a move", EFAULT);
            n = (n + 1) / 2;
        }
        page += n;
    }
}

static void resize(struct model *m, int slot) {
    struct slot *s = &m->slot[slot];
    int to = 32 + (int)draw(MAX_PAGES - 31), was = s->pages;
    unprotect(m, slot);
    unlock(m, slot);
    if (s->foreign || to == was) return;
    char *at = address(m, slot);
    s->pages = to;
    if (s->kind == ANON || s->kind == OFFILE)
        for (int i = to < was ? to : was; i < MAX_PAGES; i++) untouched(s, i);
    if (!live) return;
    if (to < was) MUST(munmap(at + to * PAGE, (was - to) * PAGE));
    else MUST(mremap(at + (was - 1) * PAGE, PAGE, (to - was + 1) * PAGE, 0));
}

/* Other memory at the same address. */
static void replace(struct model *m, int slot) {
    enum kind kind = m->stream ? (draw(3) ? ANON : OFFILE) : (enum kind)draw(4);
    int pages = 64 + (int)draw(MAX_PAGES - 63);
    long file = (long)draw(FILE_PAGES - MAX_PAGES);
    drop(m, slot);
    make(m, slot, kind, pages, file);
    if (draw(2) && kind == ANON) {
        int huge = draw(2);
        if (live) madvise(address(m, slot), pages * PAGE, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    }
    for (int i = (int)draw(8); i > 0; i--) store(m, slot);
}

static void pages_of(const struct slot *s, int most, int *from, int *to) {
    int n = 1 + (int)draw(most);
    if (n > s->pages) n = s->pages;
    *from = (int)draw(s->pages - n + 1);
    *to = *from + n;
}

static void dontneed(struct model *m, int slot) {
    struct slot *s = &m->slot[slot];
    int from, to;
    pages_of(s, 32, &from, &to);
    unlock(m, slot);
    if (s->kind == ANON || s->kind == OFFILE)
        for (int i = from; i < to; i++) untouched(s, i);
    if (live) MUST(madvise(address(m, slot) + from * PAGE, (to - from) * PAGE, MADV_DONTNEED));
}

static void lazy_free(struct model *m, int slot) {
    struct slot *s = &m->slot[slot];
    int from, to;
    pages_of(s, 32, &from, &to);
    if (s->kind != ANON) return;
    unlock(m, slot);
    for (int i = from; i < to; i++) s->maybe[i] = 1;
    if (live) MUST(madvise(address(m, slot) + from * PAGE, (to - from) * PAGE, MADV_FREE));
}

static void protect(struct model *m, int slot) {
    struct slot *s = &m->slot[slot];
    unprotect(m, slot);
    pages_of(s, 64, &s->protect_from, &s->protect_to);
    s->readable = (int)draw(3);
    if (live)
        MUST(mprotect(address(m, slot) + s->protect_from * PAGE, (s->protect_to - s->protect_from) * PAGE,
                      s->readable ? PROT_READ : PROT_NONE));
}

static void lock(struct model *m, int slot) {
    struct slot *s = &m->slot[slot];
    int from, to;
    pages_of(s, 64, &from, &to);
    unprotect(m, slot);
    if (s->locked) {
        unlock(m, slot);
        return;
    }
    s->locked = 1;
    if (live) MUST(mlock(address(m, slot) + from * PAGE, (to - from) * PAGE));
}

/* What khugepaged does in its time; it may refuse. */
static void collapse(struct model *m, int slot) {
    if (live) madvise(address(m, slot), MAX_BYTES, MADV_COLLAPSE);
}

/* A piece of one slot takes the place of a piece of another; zeros come where it was. */
static void transplant(struct model *m, int slot) {
    int other = (int)draw(m->slots), from, to, at;
    struct slot *a = &m->slot[slot], *b = &m->slot[other];
    pages_of(a, 8, &from, &to);
    int n = to - from;
    at = (int)draw(b->pages - (b->pages > n ? n : b->pages) + 1);
    if (a->kind != ANON || b->kind != ANON || slot == other || b->pages < n) return;
    unprotect(m, slot), unlock(m, slot);
    unprotect(m, other), unlock(m, other);
    for (int i = 0; i < n; i++) {
        memcpy(&b->id[(at + i) * PER_PAGE], &a->id[(from + i) * PER_PAGE], PER_PAGE * sizeof *a->id);
        b->maybe[at + i] = a->maybe[from + i];
        untouched(a, from + i);
    }
    if (!live) return;
    char *source_at = address(m, slot) + from * PAGE, *target = address(m, other) + at * PAGE;
    for (int i = 0; i < n; i++) { /* page by page: it may be several mappings already */
        MUST(mremap(source_at + i * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target + i * PAGE));
        MUST(mmap(source_at + i * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    }
}

/* Shared memory that changes and leaves no mark in our page table. */
static void behind(struct model *m, int slot) {
    struct slot *s = &m->slot[slot];
    int from, to, how = (int)draw(4);
    range(s, 16, &from, &to);
    if (how == 3) from -= from % PER_PAGE, to += (PER_PAGE - to % PER_PAGE) % PER_PAGE;
    if (s->kind != MEMFD && !(s->kind == SHARED && how >= 2)) return;
    char *at = address(m, slot) + from * BLOCK;
    int length = (to - from) * BLOCK;
    unlock(m, slot);
    if (how == 3) { /* a hole */
        for (int b = from; b < to; b++) s->id[b] = 0;
        if (live) MUST(madvise(at, length, MADV_REMOVE));
        return;
    }
    new_content(m, slot, from, to, scratch);
    if (!live) return;
    if (how == 0) {
        if (MUST(pwrite(fd_of[slot], scratch, length, (off_t)from * BLOCK)) != length) fatal("pwrite", EIO);
    } else if (how == 1) {
        char *second = MUST((char *)mmap(NULL, MAX_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd_of[slot], 0));
        memcpy(second + from * BLOCK, scratch, length);
        MUST(munmap(second, MAX_BYTES));
    } else { /* a child that reads, writes and dies */
        pid_t pid = MUST(fork());
        if (pid == 0) {
            volatile char *c = at;
            (void)*c;
            memcpy(at, scratch, length);
            _exit(0);
        }
        int status;
        MUST(waitpid(pid, &status, 0));
        if (status) wrong("a child that writes shared memory ends with %x", status);
    }
}

/* A child writes its own copies, while we write ours. */
static void copy_on_write(struct model *m, int slot) {
    struct slot *s = &m->slot[slot];
    int from, to;
    range(s, 16, &from, &to);
    if (s->kind != ANON && s->kind != OFFILE) return;
    widen(s, &from, &to);
    char *at = address(m, slot) + from * BLOCK;
    pid_t pid = live ? MUST(fork()) : 0;
    if (live && pid == 0) {
        for (int b = from; b < to; b++) fill(at + (b - from) * BLOCK, ~id_of(m, slot, b));
        for (int b = from; b < to; b++) {
            fill(scratch, ~id_of(m, slot, b));
            if (memcmp(scratch, at + (b - from) * BLOCK, BLOCK)) _exit(1);
        }
        _exit(0);
    }
    new_content(m, slot, from, to, at);
    if (!live) return;
    int status;
    MUST(waitpid(pid, &status, 0));
    if (status) wrong("a child that writes its own copies ends with %x", status);
}

static void run(void);

static void become(struct model *m, int stream) {
    parent_step = m->step;
    m->stream = (uint64_t)stream;
    m->step = 0;
    memset(m->child, 0, sizeof m->child);
    for (int i = 0; i < m->slots; i++) {
        m->slot[i].locked = 0;
        m->slot[i].foreign = m->slot[i].kind == SHARED || m->slot[i].kind == MEMFD;
    }
}

static void child(struct model *m) {
    int stream = 1 + (int)draw(STREAMS - 1), status;
    if (m->child[stream]) {
        m->child[stream] = 0;
        if (!live) return;
        control->stream[stream].pid = 0;
        MUST(kill(pid_of[stream], SIGKILL));
        MUST(waitpid(pid_of[stream], &status, 0));
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) wrong("child %d ended with %x", stream, status);
        return;
    }
    m->child[stream] = 1;
    if (!live) return;
    control->stream[stream].done = 0;
    control->stream[stream].answered = control->stream[0].answered;
    control->stream[stream].history = control->stream[0].history;
    control->stream[stream].born = m->step;
    pid_of[stream] = MUST(fork());
    if (pid_of[stream] == 0) {
        become(m, stream);
        run();
    }
    control->stream[stream].pid = (uint64_t)pid_of[stream];
}

static void step(struct model *m) {
    m->step++;
    random_state = mix(seed ^ mix(m->stream << 56 ^ m->step));
    /* Most steps work on few slots, which change from time to time. */
    uint64_t phase = mix(seed ^ m->stream << 40 ^ m->step >> 9);
    int slot = (int)(draw(8) ? (phase + draw(3)) % m->slots : draw(m->slots));
    struct slot *s = &m->slot[slot];
    uint64_t what = draw(1000);
    if (s->foreign && what < 970) return; /* the parent's; but it may be replaced */
    if (what < 700) unprotect(m, slot);
    if (what < 200) store(m, slot);
    else if (what < 300) scatter(m, slot);
    else if (what < 340) rewrite(m, slot);
    else if (what < 420) read_file(m, slot, 0);
    else if (what < 500) read_file(m, slot, 1);
    else if (what < 560) write_remotely(m, slot);
    else if (what < 660) behind(m, slot);
    else if (what < 690) copy_on_write(m, slot);
    else if (what < 740) dontneed(m, slot);
    else if (what < 780) lazy_free(m, slot);
    else if (what < 840) protect(m, slot);
    else if (what < 880) lock(m, slot);
    else if (what < 910) move(m, slot);
    else if (what < 940) resize(m, slot);
    else if (what < 955) collapse(m, slot);
    else if (what < 970) transplant(m, slot);
    else if (what < 985) replace(m, slot);
    else if (m->stream == 0) child(m);
}

static void begin(struct model *m, int slots) {
    memset(m, 0, sizeof *m);
    m->slots = slots;
    random_state = mix(seed);
    for (int i = 0; i < slots; i++) {
        static const enum kind kinds[] = {ANON, ANON, OFFILE, SHARED, ANON, MEMFD};
        int pages = i % 3 ? 64 + (int)draw(MAX_PAGES - 63) : MAX_PAGES;
        make(m, i, kinds[i % 6], pages, (long)draw(FILE_PAGES - MAX_PAGES));
        if (live && i % 4 == 0) madvise(address(m, i), pages * PAGE, MADV_HUGEPAGE);
        for (int b = 0; b < pages * PER_PAGE; b++)
            if (i % 2 == 0 || b / PER_PAGE % 3 == 0) new_content(m, i, b, b + 1, address(m, i) + b * BLOCK);
    }
}

/* ---- the check ---- */

static int zero(const char *at, size_t bytes) {
    return *at == 0 && memcmp(at, at + 1, bytes - 1) == 0;
}

static const char *name(uint64_t id) {
    static char text[2][80];
    static int turn;
    char *to = text[turn = !turn];
    if (id == 0) return "zeros";
    if (id & OF_FILE) snprintf(to, 80, "block %lu of the file", id & ~OF_FILE);
    else snprintf(to, 80, "stream %lu, step %lu, slot %lu, block %lu", id >> 60, id << 4 >> 24, id >> 12 & 255, id & 4095);
    return to;
}

static void check_slot(int slot) {
    struct slot *s = &fresh.slot[slot], *mine = &ours.slot[slot];
    char expected[BLOCK];
    char *at = address(&fresh, slot);
    if (s->kind != mine->kind || s->place != mine->place || s->pages != mine->pages || s->file != mine->file) {
        wrong("slot %d is not what it should be", slot);
        return;
    }
    if (s->protect_to > s->protect_from && !s->readable)
        MUST(mprotect(at + s->protect_from * PAGE, (s->protect_to - s->protect_from) * PAGE, PROT_READ));
    for (int b = 0; b < s->pages * PER_PAGE; b++) {
        const char *block = at + b * BLOCK;
        if (s->maybe[b / PER_PAGE] && zero(at + b / PER_PAGE * PAGE, PAGE)) continue;
        fill(expected, s->id[b]);
        if (memcmp(block, expected, BLOCK) == 0) continue;
        wrong("slot %d (%s), page %d at %p, block %d: should be %s, and begins as %s", slot, KINDS[s->kind],
              b / PER_PAGE, (const void *)block, b % PER_PAGE, name(s->id[b]), name(*(const uint64_t *)block));
        break;
    }
    control->checked += s->pages * PAGE;
    if (s->protect_to > s->protect_from && !s->readable)
        MUST(mprotect(at + s->protect_from * PAGE, (s->protect_to - s->protect_from) * PAGE, PROT_NONE));
}

/* Plays the steps to where we are, and compares every byte. */
static void check(void) {
    uint64_t to = ours.step, stream = ours.stream, before = parent_step;
    live = 0;
    begin(&fresh, ours.slots);
    if (stream) {
        while (fresh.step < before) step(&fresh);
        become(&fresh, (int)stream);
    }
    while (fresh.step < to) step(&fresh);
    live = 1;
    for (int i = 0; i < ours.slots; i++)
        if (!fresh.slot[i].foreign) check_slot(i);
    struct of_stream *words = &control->stream[stream];
    for (int i = 1; i < STREAMS && stream == 0; i++) {
        if (!fresh.child[i]) continue;
        int status;
        while (control->stream[i].answered != last_check) {
            if (waitpid(pid_of[i], &status, WNOHANG)) {
                wrong("child %d has ended", i);
                break;
            }
            sched_yield();
        }
    }
    words->answered = last_check;
}

/* After a restore of older images (a new history) there are fewer steps; else not one is missing. */
static void count(void) {
    struct of_stream *words = &control->stream[ours.stream];
    if (words->history != control->history) {
        words->history = control->history;
        if (ours.stream == 0) {
            if (ours.step < control->floor) wrong("should have made %lu steps at least", control->floor);
            for (int i = 1; i < STREAMS; i++) control->stream[i].pid = ours.child[i] ? (uint64_t)pid_of[i] : 0;
        }
    } else if (words->done != ours.step - 1) {
        wrong("%lu steps were done", words->done);
    }
    words->done = ours.step;
}

static void run(void) {
    for (;;) {
        step(&ours);
        count();
        uint64_t wanted = control->check;
        if (wanted != last_check) {
            last_check = wanted;
            check();
        }
        static const long pauses[] = {0, 50000, 300000, 1000000, 3000000, 10000000};
        long pause = pauses[mix(seed ^ ours.step >> 7) % 6];
        if (pause) nanosleep(&(struct timespec){0, pause}, NULL);
    }
}

static void write_source(void) {
    int fd = MUST(open(source, O_CREAT | O_TRUNC | O_WRONLY, 0600));
    for (long page = 0; page < FILE_PAGES; page++) {
        for (int b = 0; b < PER_PAGE; b++) fill(scratch + b * BLOCK, file_id(page, b));
        if (MUST(write(fd, scratch, PAGE)) != (long)PAGE) fatal("the source", EIO);
    }
    MUST(fsync(fd));
    close(fd);
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    source = argv[2];
    seed = strtoull(argv[3], NULL, 0);
    int slots = atoi(argv[4]) / 2;
    if (slots < 4 || slots > MAX_SLOTS) return 2;
    int fd = open(argv[1], O_CREAT | O_RDWR, 0600);
    if (fd < 0 || ftruncate(fd, PAGE)) return 2;
    control = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (control == MAP_FAILED) return 2;
    close(fd);
    struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &fault, NULL);
    sigaction(SIGBUS, &fault, NULL);
    write_source();
    live = 1;
    begin(&ours, slots);
    control->stream[0].pid = (uint64_t)getpid();
    control->ready = 1;
    run();
}
