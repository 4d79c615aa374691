/* Dropped capabilities: effective, permitted, inheritable, bounding and ambient sets; securebits. */
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include "testee.h"

static struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};

int main(int argc, char **argv) {
    testee_init(argc, argv);
    if (geteuid() != 0) testee_skip("needs root");
    struct __user_cap_data_struct sets[2] = {{0}}, now[2];
    SYS(prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT, 0, 0, 0));
    SYS(prctl(PR_CAPBSET_DROP, CAP_MAC_ADMIN, 0, 0, 0));
    SYS(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP));
    SYS(syscall(SYS_capget, &header, sets));
    unsigned keep = 1U << CAP_CHOWN | 1U << CAP_KILL | 1U << CAP_NET_BIND_SERVICE;
    sets[0].permitted = keep;
    sets[0].effective = 1U << CAP_KILL;
    sets[0].inheritable = 1U << CAP_CHOWN;
    sets[1] = (struct __user_cap_data_struct){0};
    SYS(syscall(SYS_capset, &header, sets));
    SYS(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
    int bits = SYS(prctl(PR_GET_SECUREBITS));
    testee_ready();
    testee_wait();
    SYS(syscall(SYS_capget, &header, now));
    CHECK(!memcmp(sets, now, sizeof sets), "effective %#x permitted %#x inheritable %#x", now[0].effective,
          now[0].permitted, now[0].inheritable);
    CHECK(prctl(PR_CAPBSET_READ, CAP_SYS_BOOT) == 0 && prctl(PR_CAPBSET_READ, CAP_MAC_ADMIN) == 0 &&
              prctl(PR_CAPBSET_READ, CAP_CHOWN) == 1,
          "the bounding set differs");
    CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0) == 1, "the ambient set differs");
    CHECK(prctl(PR_GET_SECUREBITS) == bits, "securebits %#x, not %#x", prctl(PR_GET_SECUREBITS), bits);
    testee_pass();
}
