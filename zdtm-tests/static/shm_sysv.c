/*
 * SysV shared memory: a segment with a key, attached twice by us, once read-only, and by a child;
 * id, key, size, owner, mode and content stay, and the attachments count as before.
 */
#include "testee.h"

#include <sys/shm.h>

#define SIZE ((1UL << 20) + 5000)

struct shared {
    volatile int ping, pong;
    char data[1 << 20];
};

static int id;

static int child(void *unused) {
    (void)unused;
    struct shared *s = shmat(id, NULL, 0);
    if (s == (void *)-1) return 8;
    s->pong = -1;
    for (;;) {
        if (s->ping != s->pong && s->pong >= 0) s->pong = s->ping;
        testee_sleep_ms(2);
    }
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    key_t key = 0x4a000000 | getpid();
    id = SYS(shmget(key, SIZE, IPC_CREAT | IPC_EXCL | 0640));
    struct shmid_ds before, after;
    SYS(shmctl(id, IPC_STAT, &before));
    before.shm_perm.uid = 1001;
    before.shm_perm.gid = 1002;
    SYS(shmctl(id, IPC_SET, &before));
    struct shared *s = shmat(id, NULL, 0);
    struct shared *r = shmat(id, NULL, SHM_RDONLY);
    CHECK(s != (void *)-1 && r != (void *)-1, "shmat: %s", strerror(errno));
    testee_fill(s->data, sizeof s->data, 3);
    pid_t pid = testee_child(child, NULL);
    while (s->pong != -1) testee_sleep_ms(2);
    s->pong = 0;
    SYS(shmctl(id, IPC_STAT, &before));
    testee_ready();
    testee_wait();
    SYS(shmctl(id, IPC_STAT, &after));
    CHECK(SYS(shmget(key, 0, 0)) == id, "the key means another segment");
    CHECK(after.shm_nattch == 5, "%d attachments, not 5", (int)after.shm_nattch);
    CHECK(after.shm_segsz == SIZE, "%zu bytes", after.shm_segsz);
    CHECK(after.shm_perm.mode == 0640 && after.shm_perm.uid == 1001 && after.shm_perm.gid == 1002 &&
              after.shm_perm.cuid == 0 && after.shm_perm.cgid == 0,
          "mode or owner differ");
    CHECK(testee_differs(r->data, sizeof r->data, 3) < 0, "contents differ");
    s->ping = 7;
    for (int i = 0; r->pong != 7; i++) {
        CHECK(i < 10000 && !waitpid(pid, NULL, WNOHANG), "child does not see our writes");
        testee_sleep_ms(2);
    }
    CHECK(mprotect(r, PAGE, PROT_READ | PROT_WRITE), "the read-only attachment can be written");
    testee_reap(pid, SIGTERM);
    SYS(shmdt(r));
    SYS(shmdt(s));
    SYS(shmctl(id, IPC_RMID, NULL));
    testee_pass();
}
