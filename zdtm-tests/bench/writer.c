/*
 * The program that scripts/bench-rounds dumps: writer /FILE MIB [TASKS]
 *
 * It holds that much private random memory, or shares it among so many tasks of which each writes its
 * part, and does as FILE.control says: it writes some of its
 * pages, or writes pages for a while and counts them. That file is mapped shared and belongs to no
 * image; the versions of the pages are there, too. On SIGTERM all of the memory is verified.
 */
#include "testee.h"

static struct control {
    volatile uint64_t asked, done;
    volatile uint64_t what, amount; /* WRITE: in ten thousandths of all pages; RUN: milliseconds */
    volatile uint64_t pages;        /* that were written */
    volatile uint64_t finished;      /* by children, since the beginning */
    uint64_t reserved[506];
    uint32_t version[]; /* of each page */
} *control;

enum { WRITE = 1, RUN = 2 };

static char *memory;
static size_t pages, tasks = 1, part;

static uint64_t mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9UL;
    x = (x ^ x >> 27) * 0x94D049BB133111EBUL;
    return x ^ x >> 31;
}

static void write_page(size_t page) {
    testee_fill(memory + page * PAGE, PAGE, mix((uint64_t)page << 32 | ++control->version[page]) | 1);
}

/* One page in so many, at random places, none twice. */
static uint64_t write_some(uint64_t amount) {
    uint64_t count = 0;
    static uint64_t round;
    round++;
    for (size_t page = 0; page < pages; page++)
        if (mix(round << 40 ^ page ^ 0x9E3779B97F4A7C15UL) % 10000 < amount) {
            if (page % tasks == part) write_page(page);
            count++;
        }
    return count;
}

/* Writes its part whenever it is asked to; ends with its parent. */
static int child(void *number) {
    pid_t parent = getppid();
    part = (size_t)number;
    for (uint64_t done = 0; getppid() == parent; testee_sleep_ms(1))
        if (control->asked != done) {
            if (control->what == WRITE) write_some(control->amount);
            done++;
            __atomic_add_fetch(&control->finished, 1, __ATOMIC_SEQ_CST);
        }
    return 0;
}

static uint64_t run_for(uint64_t ms) {
    struct timespec now;
    uint64_t count = 0, end = 0, at;
    do {
        for (int i = 0; i < 64; i++, count++) write_page(mix(count + control->asked * 7919) % pages);
        clock_gettime(CLOCK_MONOTONIC, &now);
        at = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
        if (!end) end = at + ms;
    } while (at < end);
    return count;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    pages = (size_t)atol(argv[2]) << 8;
    int fd = SYS(open(testee_path("control"), O_CREAT | O_RDWR, 0600));
    SYS(ftruncate(fd, PAGE + pages * sizeof *control->version));
    control = SYS((struct control *)mmap(NULL, PAGE + pages * sizeof *control->version, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    SYS(close(fd));
    if (argc > 3) tasks = (size_t)atol(argv[3]);
    memory = SYS((char *)mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, (argc > 3 ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0));
    for (size_t i = 0; i < pages; i++) write_page(i);
    for (size_t i = 1; i < tasks; i++) testee_child(child, (void *)i);
    testee_ready();
    while (testee_go()) {
        if (control->asked == control->done) {
            testee_sleep_ms(1);
            continue;
        }
        uint64_t asked = control->asked;
        control->pages = control->what == WRITE ? write_some(control->amount) : run_for(control->amount);
        while (control->finished < asked * (tasks - 1)) testee_sleep_ms(1);
        control->done = asked;
    }
    for (size_t i = 0; i < pages; i++)
        CHECK(testee_differs(memory + i * PAGE, PAGE, mix((uint64_t)i << 32 | control->version[i]) | 1) < 0, "page %zu differs", i);
    testee_pass();
}
