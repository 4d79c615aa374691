/* Zombies, one exited and one killed: their statuses are there to collect afterwards. */
#include "testee.h"

static int exits(void *arg) {
    (void)arg;
    return 35;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    pid_t exited = testee_child(exits, NULL), killed = testee_child(testee_idle, NULL);
    SYS(kill(killed, SIGKILL));
    while (testee_state(exited) != 'Z' || testee_state(killed) != 'Z') testee_sleep_ms(1);
    testee_ready();
    testee_wait();
    int status;
    CHECK(waitpid(exited, &status, WNOHANG) == exited && WIFEXITED(status) && WEXITSTATUS(status) == 35,
          "the exited one: %#x", status);
    CHECK(waitpid(killed, &status, WNOHANG) == killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
          "the killed one: %#x", status);
    CHECK(waitpid(-1, &status, WNOHANG) < 0 && errno == ECHILD, "there are more children");
    testee_pass();
}
