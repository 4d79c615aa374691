/*
 * A target that changes its memory when it is told to, in ways that leave marks in no page table of
 * its own: shared FILE PAGES. A stranger: shared stranger FILE PID.
 *
 * FILE is mapped; its 64-bit words:
 *   0 ready   1 commands given   2 commands done   3 what   4 in which area   5 page   6 value
 *   7 result   8+ sums of the areas   16+ their addresses   24 SysV id   25 inode of the memfd
 * Areas: 0 private   1 shared anonymous   2 a memfd   3 a SysV segment
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { AREAS = 4, MEMFD = 2, SEGMENT = 3, PAGE = 4096 };

static volatile uint64_t *words;
static volatile uint64_t *area[AREAS];
static size_t pages;
static int memfd;

static void pause_ms(long ms) {
    struct timespec t = {0, ms * 1000000};
    nanosleep(&t, NULL);
}

static uint64_t random_word(void) {
    static uint64_t x = 88172645463325252ull;
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    return x;
}

static void fill(volatile uint64_t *at, size_t bytes) {
    for (size_t i = 0; i < bytes / 8; i++) at[i] = random_word();
}

static void write_page(volatile uint64_t *base, uint64_t page, uint64_t value) {
    for (int i = 0; i < PAGE / 8; i++) base[page * PAGE / 8 + i] = value + i;
}

static uint64_t read_page(volatile uint64_t *base, uint64_t page) { return base[page * PAGE / 8]; }

static uint64_t size_of(int which) {
    struct stat st;
    if (which != MEMFD || fstat(memfd, &st)) return pages * PAGE;
    return st.st_size;
}

static void sums(void) {
    for (int i = 0; i < AREAS; i++) {
        uint64_t sum = size_of(i);
        for (size_t w = 0; w < size_of(i) / 8; w++) sum = sum * 1099511628211ull + area[i][w];
        words[8 + i] = sum;
    }
}

static void *again(int which, int flags) {
    if (which == MEMFD) return mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | flags, memfd, 0);
    return mremap((void *)area[which], 0, pages * PAGE, MREMAP_MAYMOVE);
}

static int through_map_files(int pid, uint64_t at) {
    char link[128], line[512], range[64];
    snprintf(link, sizeof link, "/proc/%d/maps", pid);
    FILE *maps = fopen(link, "r");
    while (fgets(line, sizeof line, maps)) {
        uint64_t start, end;
        if (sscanf(line, "%lx-%lx", &start, &end) == 2 && start == at) {
            snprintf(range, sizeof range, "%lx-%lx", start, end);
            snprintf(link, sizeof link, "/proc/%d/map_files/%s", pid, range);
            fclose(maps);
            return open(link, O_RDWR);
        }
    }
    exit(20);
}

/* Opens the object from outside, reads, writes, and is gone. */
static int stranger(int pid) {
    int which = words[4];
    void *at;
    if (words[3] == 10) {
        at = shmat(words[24], NULL, 0);
    } else {
        int fd = through_map_files(pid, words[16 + which]);
        at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (at == (void *)-1) return 21;
    volatile uint64_t read = read_page(at, words[5]);
    (void)read;
    write_page(at, words[5], words[6]);
    return 0;
}

static int command(void) {
    int which = words[4];
    uint64_t page = words[5], value = words[6];
    volatile uint64_t *at = area[which];
    volatile uint64_t read = 0;
    (void)read;
    char buffer[PAGE], path[64];
    int status, fd;
    switch (words[3]) {
    case 0: sums(); return 0;
    case 1: write_page(at, page, value); return 0;
    case 2: /* a child writes and dies */
    case 3: /* it reads first */
        if (fork() == 0) {
            read = words[3] == 3 ? read_page(at, page) : 0;
            write_page(at, page, value);
            _exit(0);
        }
        return wait(&status) < 0 || status;
    case 4: /* a second mapping */
    case 5: /* one that is populated */
        at = again(which, words[3] == 5 ? MAP_POPULATE : 0);
        if (at == MAP_FAILED) return 22;
        if (words[3] == 5) madvise((void *)at, pages * PAGE, 22 /* MADV_POPULATE_READ */);
        read = read_page(at, page);
        write_page(at, page, value);
        return munmap((void *)at, pages * PAGE);
    case 6: /* pwrite(2) */
        memset(buffer, value, PAGE);
        fd = which == MEMFD ? memfd : through_map_files(getpid(), (uint64_t)at);
        status = pwrite(fd, buffer, PAGE, page * PAGE) != PAGE;
        if (which != MEMFD) close(fd);
        return status;
    case 7: /* a hole */
        return madvise((void *)(at + page * PAGE / 8), PAGE, MADV_REMOVE);
    case 8: /* the memfd opened again */
        snprintf(path, sizeof path, "/proc/self/fd/%d", memfd);
        fd = open(path, O_RDWR);
        memset(buffer, value, PAGE);
        status = pwrite(fd, buffer, PAGE, page * PAGE) != PAGE;
        close(fd);
        return status;
    case 11: /* as large as PAGE pages; what comes new is zero, but for its last page */
        munmap((void *)at, size_of(which));
        if (ftruncate(memfd, page * PAGE)) return 23;
        area[which] = mmap(NULL, page * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
        words[16 + which] = (uint64_t)area[which];
        write_page(area[which], page - 1, value);
        return 0;
    case 12: /* another memfd in its place */
        munmap((void *)at, size_of(which));
        fd = memfd_create("another", 0);
        if (ftruncate(fd, pages * PAGE)) return 24;
        dup2(fd, memfd);
        close(fd);
        area[which] = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
        words[16 + which] = (uint64_t)area[which];
        fill(area[which], pages * PAGE);
        struct stat st;
        fstat(memfd, &st);
        words[25] = st.st_ino;
        return 0;
    case 13: /* another page in the place of the first, which comes back; without a descriptor */
        if (remap_file_pages((void *)at, PAGE, 0, page, 0)) return 26;
        read = read_page(at, 0);
        write_page(at, 0, value);
        return remap_file_pages((void *)at, PAGE, 0, 0, 0);
    }
    return 25;
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    int foreign = !strcmp(argv[1], "stranger");
    int fd = open(argv[foreign ? 2 : 1], O_RDWR);
    words = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (words == MAP_FAILED) return 3;
    pages = foreign ? 64 : atol(argv[2]);
    if (foreign) return stranger(atoi(argv[3]));
    close(fd);
    area[0] = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    area[1] = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memfd = memfd_create("object", 0);
    if (ftruncate(memfd, pages * PAGE)) return 4;
    area[MEMFD] = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
    int id = shmget(IPC_PRIVATE, pages * PAGE, IPC_CREAT | 0600);
    area[SEGMENT] = shmat(id, NULL, 0);
    shmctl(id, IPC_RMID, NULL); /* gone with the last that has it */
    struct stat st;
    fstat(memfd, &st);
    words[24] = id;
    words[25] = st.st_ino;
    for (int i = 0; i < AREAS; i++) {
        if (area[i] == (void *)-1) return 5;
        fill(area[i], pages * PAGE);
        words[16 + i] = (uint64_t)area[i];
    }
    words[0] = 1;
    for (;;) {
        while (words[1] == words[2]) pause_ms(1);
        words[7] = command();
        words[2] = words[1];
    }
}
