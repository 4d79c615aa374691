/*
 * A SysV attachment that mprotect and munmap have cut into parts, one of which has moved; each
 * part counts as an attachment.
 */
#include "testee.h"

#include <sys/shm.h>

#define PAGES 16UL

int main(int argc, char **argv) {
    testee_init(argc, argv);
    int id = SYS(shmget(IPC_PRIVATE, PAGES * PAGE, IPC_CREAT | 0600));
    char *m = shmat(id, NULL, 0);
    CHECK(m != (void *)-1, "shmat: %s", strerror(errno));
    testee_fill(m, PAGES * PAGE, 6);
    SYS(mprotect(m + 2 * PAGE, 2 * PAGE, PROT_READ | PROT_EXEC));
    SYS(munmap(m + 6 * PAGE, 2 * PAGE));
    char *far = SYS((char *)mmap(NULL, 4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    SYS((char *)mremap(m + 12 * PAGE, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, far));
    char *twin = SYS((char *)mremap(m, 0, PAGES * PAGE, MREMAP_MAYMOVE));
    struct shmid_ds before, after;
    SYS(shmctl(id, IPC_STAT, &before));
    testee_ready();
    testee_wait();
    SYS(shmctl(id, IPC_STAT, &after));
    CHECK(after.shm_nattch == before.shm_nattch, "%d attachments, not %d", (int)after.shm_nattch,
          (int)before.shm_nattch);
    CHECK(testee_differs(twin, PAGES * PAGE, 6) < 0, "contents differ");
    CHECK(!memcmp(m, twin, 6 * PAGE) && !memcmp(m + 8 * PAGE, twin + 8 * PAGE, 4 * PAGE) &&
              !memcmp(far, twin + 12 * PAGE, 4 * PAGE),
          "a part shows another place");
    far[0] ^= 1;
    CHECK(far[0] == twin[12 * PAGE], "the parts are no longer one segment");
    SYS(shmdt(m));
    SYS(shmdt(twin));
    /* what moved away belongs to no attachment that shmdt finds at m */
    SYS(shmctl(id, IPC_STAT, &after));
    CHECK(after.shm_nattch == 1, "%d attachments are left", (int)after.shm_nattch);
    SYS(shmctl(id, IPC_RMID, NULL));
    testee_pass();
}
