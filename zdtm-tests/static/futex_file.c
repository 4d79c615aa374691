/* Semaphore, barrier, rwlock and condition in a file that two tasks map at different places. */
#include <pthread.h>
#include <semaphore.h>
#include "testee.h"

struct shared {
    sem_t sem, done;
    pthread_barrier_t barrier;
    pthread_rwlock_t lock;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    int turn;
};
static char *path;

static struct shared *map(void) {
    int fd = SYS(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    SYS(ftruncate(fd, PAGE));
    struct shared *s = SYS((struct shared *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    SYS(close(fd));
    return s;
}

static int child(void *other) {
    struct shared *s = map();
    if (s == other) return 1;
    munmap(other, PAGE);
    while (sem_wait(&s->sem)) {} /* waits here */
    if (pthread_rwlock_tryrdlock(&s->lock) != EBUSY) return 2;
    pthread_barrier_wait(&s->barrier);
    pthread_rwlock_rdlock(&s->lock);
    pthread_mutex_lock(&s->mutex);
    while (s->turn != 1) pthread_cond_wait(&s->cond, &s->mutex);
    s->turn = 2;
    pthread_cond_signal(&s->cond);
    pthread_mutex_unlock(&s->mutex);
    pthread_rwlock_unlock(&s->lock);
    sem_post(&s->done);
    return 0;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    path = testee_path("shared");
    struct shared *s = map();
    pthread_barrierattr_t ba;
    pthread_rwlockattr_t la;
    pthread_mutexattr_t ma;
    pthread_condattr_t ca;
    pthread_barrierattr_init(&ba), pthread_barrierattr_setpshared(&ba, 1), pthread_barrier_init(&s->barrier, &ba, 2);
    pthread_rwlockattr_init(&la), pthread_rwlockattr_setpshared(&la, 1), pthread_rwlock_init(&s->lock, &la);
    pthread_mutexattr_init(&ma), pthread_mutexattr_setpshared(&ma, 1), pthread_mutex_init(&s->mutex, &ma);
    pthread_condattr_init(&ca), pthread_condattr_setpshared(&ca, 1), pthread_cond_init(&s->cond, &ca);
    SYS(sem_init(&s->sem, 1, 0));
    SYS(sem_init(&s->done, 1, 0));
    PT(pthread_rwlock_wrlock(&s->lock));
    pid_t pid = testee_child(child, s);
    testee_sleep_ms(50);
    testee_ready();
    testee_wait();
    int value, status;
    CHECK(sem_getvalue(&s->done, &value) == 0 && value == 0, "the child is done already");
    SYS(sem_post(&s->sem));
    pthread_barrier_wait(&s->barrier);
    PT(pthread_rwlock_unlock(&s->lock));
    PT(pthread_mutex_lock(&s->mutex));
    s->turn = 1;
    PT(pthread_cond_signal(&s->cond));
    while (s->turn != 2) PT(pthread_cond_wait(&s->cond, &s->mutex));
    PT(pthread_mutex_unlock(&s->mutex));
    SYS(sem_wait(&s->done));
    SYS(waitpid(pid, &status, 0));
    CHECK(status == 0, "the child ended with %#x", status);
    testee_pass();
}
