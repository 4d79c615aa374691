/* Securebits that are locked, and cannot be unlocked: no root by uid 0, no ambient capabilities, no fix-up. */
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    if (geteuid() != 0) testee_skip("needs root");
    int bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
               SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED | SECBIT_KEEP_CAPS_LOCKED;
    SYS(prctl(PR_SET_SECUREBITS, bits));
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct before[2], now[2];
    SYS(syscall(SYS_setresuid, 5000, 5001, 5002)); /* keeps all capabilities */
    SYS(syscall(SYS_capget, &header, before));
    CHECK(before[0].effective & 1U << CAP_SETUID, "the fix-up took the capabilities");
    before[0].inheritable = 1U << CAP_KILL;
    SYS(syscall(SYS_capset, &header, before));
    testee_ready();
    testee_wait();
    CHECK(prctl(PR_GET_SECUREBITS) == bits, "securebits %#x, not %#x", prctl(PR_GET_SECUREBITS), bits);
    SYS(syscall(SYS_capget, &header, now));
    CHECK(!memcmp(before, now, sizeof now), "effective %#x permitted %#x inheritable %#x", now[0].effective, now[0].permitted, now[0].inheritable);
    CHECK(prctl(PR_SET_SECUREBITS, 0) < 0 && errno == EPERM, "they can be unlocked");
    CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0) < 0 && errno == EPERM, "an ambient capability can be raised");
    testee_pass();
}
