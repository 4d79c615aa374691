/* Dumpable switched off, timer slack, THP off, IO flusher off: small settings of prctl. */
#include <sys/prctl.h>
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    SYS(prctl(PR_SET_DUMPABLE, 0));
    SYS(prctl(PR_SET_TIMERSLACK, 123456));
    SYS(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
    testee_ready();
    testee_wait();
    CHECK(prctl(PR_GET_DUMPABLE) == 0, "dumpable is %d", prctl(PR_GET_DUMPABLE));
    CHECK(prctl(PR_GET_TIMERSLACK) == 123456, "timer slack is %d", prctl(PR_GET_TIMERSLACK));
    CHECK(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1, "THP are allowed");
    testee_pass();
}
