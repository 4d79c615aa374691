/*
 * Prints the fields of stats-dump or stats-restore as "number value" lines, times in microseconds.
 *
 *   u32 0x55105940 | u32 0x57093306 | u32 length | stats_entry { 1: dump | 2: restore { N: varint } }
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char *at, *end;

static uint64_t varint(void) {
    uint64_t value = 0;
    for (int shift = 0; at < end && shift < 64; shift += 7) {
        unsigned char byte = *at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
    fprintf(stderr, "stats: truncated varint\n");
    exit(1);
}

int main(int argc, char **argv) {
    static unsigned char data[65536];
    FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (!f) {
        fprintf(stderr, "usage: stats FILE\n");
        return 2;
    }
    size_t n = fread(data, 1, sizeof data, f);
    uint32_t head[3];
    if (n < sizeof head) {
        fprintf(stderr, "stats: %zu bytes only\n", n);
        return 1;
    }
    memcpy(head, data, sizeof head);
    if (head[0] != 0x55105940 || head[1] != 0x57093306 || head[2] > n - sizeof head) {
        fprintf(stderr, "stats: not a stats image: %#x %#x %u\n", head[0], head[1], head[2]);
        return 1;
    }
    at = data + sizeof head;
    end = at + head[2];
    uint64_t key = varint();
    if ((key & 7) != 2 || (varint(), 0)) return 1;
    while (at < end) {
        key = varint();
        if ((key & 7) != 0) {
            fprintf(stderr, "stats: field %lu is no varint\n", (unsigned long)(key >> 3));
            return 1;
        }
        uint64_t value = varint();
        printf("%lu %lu\n", (unsigned long)(key >> 3), (unsigned long)value);
    }
    return 0;
}
