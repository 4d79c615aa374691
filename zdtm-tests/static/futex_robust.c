/* A robust mutex whose owner dies after the restore is handed on with EOWNERDEAD. */
#include <pthread.h>
#include "testee.h"

struct shared {
    pthread_mutex_t mutex;
    volatile int locked, die;
};

static int owner(void *arg) {
    struct shared *s = arg;
    if (pthread_mutex_lock(&s->mutex)) return 9;
    s->locked = 1;
    while (!s->die) testee_sleep_ms(2);
    return 0; /* dies with the mutex held: the kernel walks its robust list */
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    struct shared *s = SYS((struct shared *)mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE,
                                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    PT(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED));
    PT(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST));
    PT(pthread_mutex_init(&s->mutex, &attr));
    pid_t pid = testee_child(owner, s);
    testee_await(&s->locked, "the owner");
    testee_ready();
    testee_wait();
    CHECK(pthread_mutex_trylock(&s->mutex) == EBUSY, "the mutex is free");
    s->die = 1;
    SYS(waitpid(pid, NULL, 0));
    int64_t until = testee_now_ns(CLOCK_REALTIME) + 5000000000;
    struct timespec t = {until / 1000000000, until % 1000000000};
    int error = pthread_mutex_timedlock(&s->mutex, &t);
    CHECK(error == EOWNERDEAD, "lock gave %s", strerror(error));
    testee_pass();
}
