/* inotify: a directory, a file, a deleted file, a memfd, one-shot; numbers with gaps; no events of ours. */
#include <poll.h>
#include <sys/inotify.h>
#include "testee.h"

static char buffer[4096] __attribute__((aligned(8)));
static struct inotify_event *event = (struct inotify_event *)buffer;

static char *under(const char *dir, const char *name) {
    char *path;
    if (asprintf(&path, "%s/%s", dir, name) < 0) testee_fail("memory");
    return path;
}

static void expect(int in, int wd, uint32_t mask, const char *name) {
    struct pollfd p = {in, POLLIN, 0};
    CHECK(SYS(poll(&p, 1, 2000)) == 1, "no event of watch %d, mask %#x", wd, mask);
    /* one event at a time: room for one with the longest of our names */
    ssize_t n = SYS(read(in, buffer, sizeof *event + (name ? 16 : 0)));
    CHECK(n >= (ssize_t)sizeof *event && event->wd == wd && event->mask == mask, "watch %d mask %#x instead of %d, %#x",
          event->wd, event->mask, wd, mask);
    CHECK(!name ? event->len == 0 : !strcmp(event->name, name), "the name %s", event->name);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *dir = testee_path("dir"), *file = under(dir, "file"), *gone = testee_path("gone"), *made = under(dir, "made");
    SYS(mkdir(dir, 0700));
    int fd = SYS(open(file, O_RDWR | O_CREAT, 0600));
    int deleted = SYS(open(gone, O_RDWR | O_CREAT, 0600));
    int memory = SYS(memfd_create("watched", 0));
    int in = SYS(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)), empty = SYS(inotify_init());
    int passing = SYS(inotify_add_watch(in, "/", IN_CREATE));
    int of_dir = SYS(inotify_add_watch(in, dir, IN_CREATE | IN_DELETE | IN_OPEN | IN_CLOSE | IN_ONLYDIR | IN_EXCL_UNLINK));
    for (int i = 0; i < 9000; i++) { /* gaps, more than a queue takes */
        SYS(inotify_rm_watch(in, passing));
        passing = SYS(inotify_add_watch(in, "/", IN_CREATE));
        while (read(in, buffer, sizeof buffer) > 0) continue;
    }
    int of_file = SYS(inotify_add_watch(in, file, IN_MODIFY | IN_ATTRIB));
    int of_deleted = SYS(inotify_add_watch(in, gone, IN_MODIFY | IN_ONESHOT));
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
    int of_memory = SYS(inotify_add_watch(in, path, IN_ATTRIB));
    SYS(inotify_rm_watch(in, passing));
    SYS(unlink(gone));
    while (read(in, buffer, sizeof buffer) > 0) continue;
    CHECK(of_file > 9000, "numbers are used again: %d", of_file);
    testee_ready();
    testee_wait();
    ssize_t n = read(in, buffer, sizeof buffer);
    CHECK(n < 0 && errno == EAGAIN, "an event that nobody caused: watch %d mask %#x", event->wd, event->mask);
    SYS(close(SYS(creat(made, 0600))));
    expect(in, of_dir, IN_CREATE, "made");
    expect(in, of_dir, IN_OPEN, "made");
    expect(in, of_dir, IN_CLOSE_WRITE, "made");
    SYS(write(fd, "x", 1));
    expect(in, of_file, IN_MODIFY, NULL);
    SYS(fchmod(memory, 0700));
    expect(in, of_memory, IN_ATTRIB, NULL);
    SYS(write(deleted, "x", 1));
    expect(in, of_deleted, IN_MODIFY, NULL);
    expect(in, of_deleted, IN_IGNORED, NULL);
    SYS(fchmod(fd, 0640));
    expect(in, of_file, IN_ATTRIB, NULL);
    SYS(inotify_rm_watch(in, of_dir));
    expect(in, of_dir, IN_IGNORED, NULL);
    CHECK(SYS(inotify_add_watch(empty, dir, IN_CREATE)) == 1, "the empty one had watches");
    SYS(unlink(made));
    testee_pass();
}
