/* waitpid and waitid blocked across the dump collect a child that ends afterwards. */
#include <pthread.h>
#include "testee.h"

static volatile int *go_on;

static int worker(void *arg) {
    while (!*go_on) testee_sleep_ms(5);
    return (int)(long)arg;
}

static void *waiter(void *arg) {
    pid_t pid = (pid_t)(long)arg;
    int status = 0;
    pid_t got = waitpid(pid, &status, 0); /* EINTR is not allowed */
    CHECK(got == pid, "waitpid: %s", strerror(errno));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 21, "status %#x", status);
    return NULL;
}

static void *waiter_id(void *arg) {
    siginfo_t info = {0};
    int error = waitid(P_PID, (pid_t)(long)arg, &info, WEXITED);
    CHECK(error == 0, "waitid: %s", strerror(errno));
    CHECK(info.si_code == CLD_EXITED && info.si_status == 22, "waitid: code %d status %d", info.si_code,
          info.si_status);
    return NULL;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    go_on = SYS((volatile int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pid_t a = testee_child(worker, (void *)21), b = testee_child(worker, (void *)22);
    pthread_t threads[2];
    PT(pthread_create(&threads[0], NULL, waiter, (void *)(long)a));
    PT(pthread_create(&threads[1], NULL, waiter_id, (void *)(long)b));
    testee_sleep_ms(50);
    testee_ready();
    testee_wait();
    *go_on = 1;
    for (int i = 0; i < 2; i++) PT(pthread_join(threads[i], NULL));
    testee_pass();
}
