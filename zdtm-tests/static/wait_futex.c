/* Threads blocked in futex waits (private, shared, timed, condition variable) are woken afterwards. */
#include <linux/futex.h>
#include <pthread.h>
#include "testee.h"

static uint32_t private_word, *shared_word;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int condition;

static void *wait_private(void *arg) {
    /* A plain futex wait restarts by itself: EINTR is not allowed here. */
    long n = syscall(SYS_futex, &private_word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    CHECK(n == 0 || errno == EAGAIN, "private futex: %s", strerror(errno));
    CHECK(private_word == 1, "private futex woke with %u", private_word);
    return arg;
}

static void *wait_cond(void *arg) {
    PT(pthread_mutex_lock(&mutex));
    while (!condition) PT(pthread_cond_wait(&cond, &mutex));
    PT(pthread_mutex_unlock(&mutex));
    return arg;
}

/* One timed wait after the other, so that a cycle comes in the middle of one however long it takes. */
static void *wait_timed(void *arg) {
    static pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;
    static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
    PT(pthread_mutex_lock(&own));
    do {
        int64_t until = testee_now_ns(CLOCK_REALTIME) + 3000000000;
        struct timespec t = {until / 1000000000, until % 1000000000};
        int error;
        while ((error = pthread_cond_timedwait(&never, &own, &t)) == 0) {}
        CHECK(error == ETIMEDOUT && testee_now_ns(CLOCK_REALTIME) >= until, "timed wait: %s", strerror(error));
    } while (!__atomic_load_n(&condition, __ATOMIC_ACQUIRE));
    return arg;
}

static int wait_shared(void *arg) {
    (void)arg;
    while (*(volatile uint32_t *)shared_word == 0)
        if (syscall(SYS_futex, shared_word, FUTEX_WAIT, 0, NULL, NULL, 0) < 0 && errno != EAGAIN) return 9;
    return (int)*shared_word;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    shared_word = SYS((uint32_t *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pid_t child = testee_child(wait_shared, NULL);
    void *(*fns[])(void *) = {wait_private, wait_cond, wait_cond, wait_timed};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) PT(pthread_create(&threads[i], NULL, fns[i], NULL));
    testee_sleep_ms(50);
    testee_ready();
    testee_wait();
    private_word = 1;
    SYS(syscall(SYS_futex, &private_word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
    PT(pthread_mutex_lock(&mutex));
    condition = 1;
    PT(pthread_cond_broadcast(&cond));
    PT(pthread_mutex_unlock(&mutex));
    *shared_word = 5;
    SYS(syscall(SYS_futex, shared_word, FUTEX_WAKE, 1, NULL, NULL, 0));
    for (int i = 0; i < 4; i++) PT(pthread_join(threads[i], NULL));
    int status;
    SYS(waitpid(child, &status, 0));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5, "the child ended with %#x", status);
    testee_pass();
}
