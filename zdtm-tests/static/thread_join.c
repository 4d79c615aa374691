/* The main thread sits in pthread_join on a worker that ends only after the restore. */
#include <pthread.h>
#include "testee.h"

static void *worker(void *arg) {
    (void)arg;
    testee_ready();
    while (testee_go()) testee_sleep_ms(5);
    return (void *)42;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    pthread_t thread;
    void *result;
    PT(pthread_create(&thread, NULL, worker, NULL));
    PT(pthread_join(thread, &result)); /* waits on the word that clear_child_tid clears */
    CHECK(result == (void *)42, "joined with %p", result);
    testee_pass();
}
