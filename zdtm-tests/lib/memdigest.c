/*
 * memdigest PID...: one line for each stretch of mappings that touch, with a digest of what
 * /proc/PID/mem shows of it, so that two states can be compared with diff.
 *
 * A page of zeros counts as one that was never touched. Pages of private anonymous memory that are
 * not there are not read, for that would bring them; nor are large shared mappings, whose holes it
 * would fill. What cannot be read (guard regions, beyond the end of a file) is digested as such.
 * What the kernel keeps in the memory and changes is left out: vvar, and the number of an AIO ring.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096UL
#define LARGE (256UL << 20)
#define PRESENT (3ULL << 62) /* or swapped out */

static const char zeros[PAGE];

static uint64_t mix(uint64_t hash, const void *data, size_t bytes) {
    const uint64_t *words = data;
    for (size_t i = 0; i < bytes / 8; i++) {
        hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15ull;
        hash ^= hash >> 29;
    }
    return hash;
}

static uint64_t digest(uint64_t hash, int mem, int pagemap, uint64_t start, uint64_t end,
                       int private_anonymous) {
    uint64_t entry;
    static uint64_t page[PAGE / 8], entries[512];
    for (uint64_t at = start; at < end; at += PAGE) {
        uint64_t index = (at - start) / PAGE;
        if (index % 512 == 0 && pread(pagemap, entries, sizeof entries, at / PAGE * 8) < 0) return hash;
        entry = entries[index % 512];
        if (private_anonymous && !(entry & PRESENT)) continue;
        ssize_t n = pread(mem, page, PAGE, at);
        uint64_t header[2] = {at, n == (ssize_t)PAGE};
        if (n == (ssize_t)PAGE && !memcmp(page, zeros, PAGE)) continue;
        hash = mix(hash, header, sizeof header);
        if (n == (ssize_t)PAGE) hash = mix(hash, page, PAGE);
    }
    return hash;
}

static int task(const char *pid) {
    char path[64], line[8192];
    snprintf(path, sizeof path, "/proc/%s/mem", pid);
    int mem = open(path, O_RDONLY);
    snprintf(path, sizeof path, "/proc/%s/pagemap", pid);
    int pagemap = open(path, O_RDONLY);
    snprintf(path, sizeof path, "/proc/%s/maps", pid);
    FILE *maps = fopen(path, "r");
    if (mem < 0 || pagemap < 0 || !maps) return 1; /* it has ended */
    uint64_t first = 0, last = 0, hash = 1;
    while (fgets(line, sizeof line, maps)) {
        uint64_t start, end, inode = 0;
        char perms[8], name[4096] = "";
        sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %*s %*s %" SCNu64 " %4095[^\n]", &start, &end, perms,
               &inode, name);
        if (start != last) {
            if (last) printf("%s memory %" PRIx64 "-%" PRIx64 " %016" PRIx64 "\n", pid, first, last, hash);
            first = start;
            hash = 1;
        }
        last = end;
        if (strstr(name, "[vvar") || strstr(name, "[vsyscall") || strstr(name, "/[aio]")) continue;
        if (perms[3] == 's' && end - start > LARGE) continue;
        hash = digest(hash, mem, pagemap, start, end, perms[3] == 'p' && !inode && !strstr(name, "[vdso]"));
    }
    if (last) printf("%s memory %" PRIx64 "-%" PRIx64 " %016" PRIx64 "\n", pid, first, last, hash);
    fclose(maps);
    close(mem);
    close(pagemap);
    return 0;
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) task(argv[i]);
    return 0;
}
