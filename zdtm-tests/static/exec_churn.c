/* A child that becomes one program after the other, sometimes by a thread that is not its first. */
#include <pthread.h>
#include "testee.h"

static char **next_args;
static void *exec_in_thread(void *unused) {
    (void)unused;
    execv("/proc/self/exe", next_args);
    _exit(3);
}

static int generation(int n, const char *file) {
    char number[16], *args[] = {"exec_churn", "again", number, (char *)file, NULL};
    if (access(file, F_OK) == 0 && n > 20) return 0; /* sooner or later, on a slow machine */
    snprintf(number, sizeof number, "%d", n + 1);
    next_args = args;
    pthread_t thread;
    if (n % 3 == 0 && pthread_create(&thread, NULL, exec_in_thread, NULL) == 0) pthread_join(thread, NULL);
    execv("/proc/self/exe", args);
    return 2;
}

int main(int argc, char **argv) {
    if (argc == 4 && !strcmp(argv[1], "again")) return generation(atoi(argv[2]), argv[3]);
    testee_init(argc, argv);
    SYS(close(SYS(open(testee_path("changing"), O_CREAT | O_WRONLY, 0600))));
    char *end = testee_path("end"), *args[] = {"exec_churn", "again", "0", end, NULL};
    unlink(end);
    pid_t pid = SYS(fork());
    if (pid == 0) {
        signal(SIGTERM, SIG_IGN);
        execv("/proc/self/exe", args);
        _exit(4);
    }
    testee_sleep_ms(200);
    testee_ready();
    testee_wait();
    testee_sleep_ms(100);
    SYS(close(SYS(open(end, O_CREAT | O_WRONLY, 0600))));
    int status;
    SYS(waitpid(pid, &status, 0));
    CHECK(status == 0, "the child ended with 0x%x", status);
    testee_pass();
}
