/*
 * Shared memory as PostgreSQL uses it: postmaster FILE PAGES BACKENDS. A shared anonymous mapping
 * and a SysV segment of PAGES pages each, of which a part is never used; a postmaster that maps all
 * of both; and backends, which inherit them and map only parts, attach later, or die and are forked
 * again. Each, and the postmaster, has private memory besides.
 *
 * What a page holds follows from its number, its object and the last round in which it was written,
 * so the check needs no memory that a bad dump could have put back. First word of a page:
 *   MAGIC << 48 | object << 40 | round << 32 | page    object 0 anonymous, 1 segment, 2+n private to n
 *
 * FILE is mapped; its 64-bit words:
 *   0 ready   1 rounds given   2 checks given   3 pages used of both objects
 *   8+4n  of process n, 0 the postmaster: its pid, or 0; rounds done; checks done; wrong pages
 *   256+n round in which its private memory was filled
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { OBJECTS = 2, SEGMENT = 1, PRIVATE = 2, PAGE = 4096, PER_CENT = 3, OWN = 128 };
enum { PID, ROUND, CHECK, WRONG }; /* words of a process */
/* what becomes of a backend, by its number */
enum { MAPS_ALL, UNMAPS, ATTACHES_LATER, DIES };
enum { LATER = 2, DEATH = 2, REBIRTH = DEATH + 1 };

static volatile uint64_t *words;
static uint64_t pages, backends;
static volatile uint64_t *object[OBJECTS]; /* NULL if not mapped */
static int has_part; /* of each object only its own */
static volatile uint64_t *own;
static int segment;

static volatile uint64_t *slot(uint64_t process) { return words + 8 + 4 * process; }

static uint64_t hash(uint64_t a, uint64_t b, uint64_t c) {
    uint64_t x = a * 0x9e3779b97f4a7c15 + b * 0xbf58476d1ce4e5b9 + c * 0x94d049bb133111eb;
    x ^= x >> 31, x *= 0xbf58476d1ce4e5b9, x ^= x >> 29;
    return x;
}

static int is_used(uint64_t which, uint64_t page) { return hash(which, page / 8, 77) % 8 < 5; }

static int is_written(uint64_t which, uint64_t page, uint64_t round) {
    return hash(which, page, round) % 100 < PER_CENT;
}

static uint64_t last_round(uint64_t which, uint64_t page, uint64_t first) {
    uint64_t round = words[1];
    while (round > first && !is_written(which, page, round)) round--;
    return round;
}

static uint64_t key(uint64_t which, uint64_t page, uint64_t round) {
    return 0xdb5ull << 48 | which << 40 | round << 32 | page;
}

static void write_page(volatile uint64_t *at, uint64_t key) {
    for (uint64_t i = 0; i < PAGE / 8; i++) at[i] = key * (2 * i + 1) + i;
}

static int is_wrong(volatile uint64_t *at, uint64_t key) {
    for (uint64_t i = 0; i < PAGE / 8; i++)
        if (at[i] != (key ? key * (2 * i + 1) + i : 0)) return 1;
    return 0;
}

static volatile uint64_t *at(volatile uint64_t *base, uint64_t page) { return base + page * (PAGE / 8); }

/* The part of an object that backend n looks after; 1 is the first. */
static uint64_t first_of(uint64_t n) { return pages * (n - 1) / backends; }

static int maps(uint64_t n, uint64_t which, uint64_t round) {
    return !(n % 4 == ATTACHES_LATER && which == SEGMENT && round < LATER);
}

static void write_part(uint64_t n, uint64_t which, uint64_t round) {
    for (uint64_t page = first_of(n); page < first_of(n + 1); page++)
        if (is_used(which, page) && (round == 0 || is_written(which, page, round)))
            write_page(at(object[which], page), key(which, page, round));
}

/* Half of the private memory is written; the other stays what the postmaster wrote. */
static void write_own(uint64_t n, uint64_t round) {
    for (uint64_t page = 0; page < OWN / 2; page++)
        if (round == words[256 + n] || is_written(PRIVATE + n, page, round))
            write_page(at(own, page), key(PRIVATE + n, page, round));
}

static uint64_t check(uint64_t n) {
    uint64_t wrong = 0;
    for (uint64_t which = 0; which < OBJECTS; which++) {
        if (!object[which]) continue;
        uint64_t end = has_part ? first_of(n + 1) : pages;
        for (uint64_t page = has_part ? first_of(n) : 0; page < end; page++) {
            uint64_t used = is_used(which, page);
            wrong += is_wrong(at(object[which], page), used ? key(which, page, last_round(which, page, 0)) : 0);
        }
    }
    for (uint64_t page = 0; page < OWN; page++)
        wrong += is_wrong(at(own, page), page < OWN / 2 ? key(PRIVATE + n, page, last_round(PRIVATE + n, page, words[256 + n]))
                                                        : key(PRIVATE, page, 0));
    return wrong;
}

static void nap(void) {
    struct timespec t = {0, 2000000};
    nanosleep(&t, NULL);
}

static void answer(uint64_t n) {
    if (slot(n)[CHECK] != words[2]) {
        slot(n)[WRONG] = check(n);
        slot(n)[CHECK] = words[2];
    }
    nap();
}

static void unmap_others(uint64_t n) {
    for (uint64_t which = 0; which < OBJECTS; which++) {
        munmap((void *)object[which], first_of(n) * PAGE);
        munmap((void *)at(object[which], first_of(n + 1)), (pages - first_of(n + 1)) * PAGE);
    }
    has_part = 1;
}

static void backend(uint64_t n, uint64_t birth) {
    words[256 + n] = birth;
    if (n % 4 == ATTACHES_LATER) {
        shmdt((void *)object[SEGMENT]);
        object[SEGMENT] = NULL;
    }
    write_own(n, birth);
    uint64_t round = birth;
    if (birth) write_part(n, 0, birth), write_part(n, SEGMENT, birth);
    slot(n)[PID] = getpid();
    slot(n)[ROUND] = round;
    for (;; answer(n)) {
        if (round == words[1]) continue;
        round++;
        if (n % 4 == UNMAPS && round == 1) unmap_others(n);
        if (n % 4 == ATTACHES_LATER && round == LATER) {
            object[SEGMENT] = shmat(segment, NULL, 0);
            if (object[SEGMENT] == (void *)-1) exit(1);
        }
        for (uint64_t which = 0; which < OBJECTS; which++)
            if (maps(n, which, round)) write_part(n, which, round);
        write_own(n, round);
        if (n % 4 == DIES && round == DEATH) {
            slot(n)[PID] = 0;
            slot(n)[ROUND] = round;
            _exit(0);
        }
        slot(n)[ROUND] = round;
    }
}

static void start(uint64_t n, uint64_t birth) {
    if (fork() == 0) backend(n, birth);
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    int fd = open(argv[1], O_RDWR);
    pages = atol(argv[2]);
    backends = atol(argv[3]);
    words = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (words == MAP_FAILED) return 3;
    close(fd);
    object[0] = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    segment = shmget(IPC_PRIVATE, pages * PAGE, IPC_CREAT | 0600);
    object[SEGMENT] = shmat(segment, NULL, 0);
    shmctl(segment, IPC_RMID, NULL); /* gone with the last that has it */
    own = mmap(NULL, OWN * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (object[0] == MAP_FAILED || object[SEGMENT] == (void *)-1 || own == MAP_FAILED) return 4;
    for (uint64_t page = 0; page < OWN; page++) write_page(at(own, page), key(PRIVATE, page, 0));
    for (uint64_t which = 0; which < OBJECTS; which++)
        for (uint64_t page = 0; page < pages; page++) words[3] += is_used(which, page);
    for (uint64_t n = 1; n <= backends; n++) {
        write_part(n, 0, 0);
        write_part(n, SEGMENT, 0);
    }
    slot(0)[PID] = getpid();
    for (uint64_t n = 1; n <= backends; n++) start(n, 0);
    for (uint64_t n = 1; n <= backends; n++)
        while (!slot(n)[PID]) nap();
    words[0] = 1;
    for (uint64_t round = 0;; answer(0)) {
        waitpid(-1, NULL, WNOHANG);
        if (round == words[1]) continue;
        round++;
        for (uint64_t n = 1; n <= backends; n++) {
            if (n % 4 == DIES && round == REBIRTH) start(n, round);
            for (uint64_t which = 0; which < OBJECTS; which++)
                if (!maps(n, which, round)) write_part(n, which, round);
        }
        write_own(0, round);
        slot(0)[ROUND] = round;
    }
}
