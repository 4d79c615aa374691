/* no_new_privs stays, and a child has it, too. */
#include <sys/prctl.h>
#include "testee.h"

static int child(void *arg) {
    (void)arg;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    testee_ready();
    testee_wait();
    CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1, "no_new_privs was lost");
    int status;
    SYS(waitpid(testee_child(child, NULL), &status, 0));
    CHECK(WEXITSTATUS(status) == 1, "a child has it not");
    testee_pass();
}
