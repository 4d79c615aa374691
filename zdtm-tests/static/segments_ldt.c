/* A segment of the program's own in its local descriptor table: modify_ldt. */
#include <asm/ldt.h>
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    struct user_desc segment = {.entry_number = 3, .base_addr = 0x10000, .limit = 0xfff, .seg_32bit = 1};
    if (syscall(SYS_modify_ldt, 1, &segment, sizeof segment) < 0 && errno == ENOSYS) testee_skip("no modify_ldt in this kernel");
    char before[4 * 8], after[4 * 8];
    CHECK(syscall(SYS_modify_ldt, 0, before, sizeof before) == sizeof before, "the table cannot be read");
    testee_ready();
    testee_wait();
    CHECK(syscall(SYS_modify_ldt, 0, after, sizeof after) == sizeof after, "there is no table");
    CHECK(!memcmp(before, after, sizeof after), "the table differs");
    testee_pass();
}
