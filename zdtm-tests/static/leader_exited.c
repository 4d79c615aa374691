/* A child whose first thread has exited while another lives. */
#include <pthread.h>
#include "testee.h"

static volatile int *go_on;
static void *rest(void *arg) {
    (void)arg;
    go_on[1] = 1;
    while (!*go_on) testee_sleep_ms(2);
    _exit(7);
}

static int child(void *arg) {
    pthread_t thread;
    PT(pthread_create(&thread, NULL, rest, arg));
    syscall(SYS_exit, 0);
    return 1;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    go_on = SYS((volatile int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pid_t pid = testee_child(child, NULL);
    testee_await(&go_on[1], "the child's thread");
    char *stat, state = 0;
    SYS(asprintf(&stat, "/proc/%d/stat", pid));
    while (state != 'Z') {
        FILE *in = fopen(stat, "r");
        CHECK(in && fscanf(in, "%*d (%*[^)]) %c", &state) == 1, "no %s", stat);
        fclose(in);
        testee_sleep_ms(2);
    }
    testee_ready();
    testee_wait();
    CHECK(kill(pid, 0) == 0, "the child is gone");
    *go_on = 1;
    int status;
    SYS(waitpid(pid, &status, 0));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7, "the child: status %x", status);
    testee_pass();
}
