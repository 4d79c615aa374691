/*
 * A private SysV segment that is marked for destruction, of another creator: it comes back under
 * its id, still marked, and goes with its last attachment. It had holes and a lock.
 */
#include "testee.h"

#include <sys/shm.h>

#define SIZE (64 * PAGE)

int main(int argc, char **argv) {
    testee_init(argc, argv);
    if (setegid(1002) || seteuid(1001)) testee_skip("may not become another user");
    int id = SYS(shmget(IPC_PRIVATE, SIZE, IPC_CREAT | 0600));
    SYS(seteuid(0));
    SYS(setegid(0));
    struct shmid_ds ds;
    SYS(shmctl(id, SHM_LOCK, NULL));
    char *m = shmat(id, NULL, 0);
    CHECK(m != (void *)-1, "shmat: %s", strerror(errno));
    SYS(shmctl(id, IPC_RMID, NULL));
    testee_fill(m + 8 * PAGE, 8 * PAGE, 5);
    m[SIZE - 1] = 'z';
    testee_ready();
    testee_wait();
    SYS(shmctl(id, IPC_STAT, &ds));
    CHECK(ds.shm_perm.mode == (0600 | SHM_DEST | SHM_LOCKED), "mode %o", ds.shm_perm.mode);
    CHECK(ds.shm_perm.cuid == 1001 && ds.shm_perm.cgid == 1002, "another creator");
    CHECK(ds.shm_nattch == 1, "%d attachments", (int)ds.shm_nattch);
    CHECK(testee_differs(m + 8 * PAGE, 8 * PAGE, 5) < 0, "contents differ");
    for (size_t i = 0; i < SIZE; i++)
        CHECK(m[i] == (i == SIZE - 1 ? 'z' : i / PAGE / 8 == 1 ? m[i] : 0), "byte %zu", i);
    SYS(shmdt(m));
    CHECK(shmctl(id, IPC_STAT, &ds) == -1 && (errno == EIDRM || errno == EINVAL), "it is still there");
    testee_pass();
}
