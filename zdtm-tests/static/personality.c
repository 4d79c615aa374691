/* The execution domain (no address randomisation) and the core filter. */
#include <sys/personality.h>
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    SYS(personality(ADDR_NO_RANDOMIZE));
    int fd = SYS(open("/proc/self/coredump_filter", O_WRONLY));
    SYS(write(fd, "0x11", 4));
    SYS(close(fd));
    testee_ready();
    testee_wait();
    CHECK(personality(0xffffffff) == ADDR_NO_RANDOMIZE, "personality %#x", personality(0xffffffff));
    testee_pass();
}
