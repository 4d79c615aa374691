/* Priority-inheriting mutexes: held, waited for across the dump, given on afterwards; robust and shared, too. */
#include <pthread.h>
#include "testee.h"

struct shared {
    pthread_mutex_t mutex, dies;
    volatile int locked, die;
};
static struct shared *s;
static pthread_mutex_t own;
static volatile int got, waiting;

static void make(pthread_mutex_t *mutex, int shared) {
    pthread_mutexattr_t attr;
    PT(pthread_mutexattr_init(&attr));
    PT(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT));
    PT(pthread_mutexattr_setpshared(&attr, shared));
    if (shared) PT(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST));
    PT(pthread_mutex_init(mutex, &attr));
}

static int owner(void *unused) {
    (void)unused;
    if (pthread_mutex_lock(&s->mutex) || pthread_mutex_lock(&s->dies)) return 9;
    s->locked = 1;
    while (!s->die) testee_sleep_ms(2);
    return pthread_mutex_unlock(&s->mutex); /* and dies with the other */
}

static void *waits_for_thread(void *arg) {
    __sync_fetch_and_add(&waiting, 1);
    PT(pthread_mutex_lock(&own));
    got++; /* under the mutex */
    PT(pthread_mutex_unlock(&own));
    return arg;
}

static void *waits_for_child(void *arg) {
    __sync_fetch_and_add(&waiting, 1);
    PT(pthread_mutex_lock(&s->mutex));
    PT(pthread_mutex_unlock(&s->mutex));
    int error = pthread_mutex_lock(&s->dies);
    CHECK(error == EOWNERDEAD, "the mutex of the dead: %s", strerror(error));
    return arg;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    s = SYS((struct shared *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    make(&s->mutex, PTHREAD_PROCESS_SHARED);
    make(&s->dies, PTHREAD_PROCESS_SHARED);
    make(&own, PTHREAD_PROCESS_PRIVATE);
    PT(pthread_mutex_lock(&own));
    pid_t pid = testee_child(owner, NULL);
    testee_await(&s->locked, "the owner");
    pthread_t threads[4];
    for (int i = 0; i < 3; i++) PT(pthread_create(&threads[i], NULL, waits_for_thread, NULL));
    PT(pthread_create(&threads[3], NULL, waits_for_child, NULL));
    while (waiting < 4) testee_sleep_ms(1);
    testee_sleep_ms(50);
    testee_ready();
    testee_wait();
    CHECK(got == 0, "a mutex that is held was locked");
    CHECK(pthread_mutex_trylock(&s->mutex) == EBUSY, "the child's mutex is free");
    PT(pthread_mutex_unlock(&own));
    for (int i = 0; i < 3; i++) PT(pthread_join(threads[i], NULL));
    CHECK(got == 3, "%d threads got it", got);
    s->die = 1;
    int status;
    SYS(waitpid(pid, &status, 0));
    CHECK(status == 0, "the child ended with %#x", status);
    PT(pthread_join(threads[3], NULL));
    testee_pass();
}
