/* Counts in memory while it waits; the count and its double must stay in step. */
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    volatile uint64_t count = 0, twice = 0;
    testee_ready();
    while (testee_go()) {
        count++;
        twice += 2;
        if (count % 100000 == 0) testee_sleep_ms(1);
    }
    CHECK(count > 0 && twice == 2 * count, "%lu twice is %lu", count, twice);
    testee_pass();
}
