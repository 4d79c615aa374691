/* fanotify: marks on files, a deleted one, directories and a mount, ignored masks, flags; no events of ours. */
#include <poll.h>
#include <sys/fanotify.h>
#include <sys/mount.h>
#include "testee.h"

static char buffer[4096] __attribute__((aligned(8)));

static char *under(const char *dir, const char *name) {
    char *path;
    if (asprintf(&path, "%s/%s", dir, name) < 0) testee_fail("memory");
    return path;
}

/* The next event, which must have this mask, and come from that inode if its group opens files. */
static struct fanotify_event_metadata *expect(int group, uint64_t mask, ino_t ino, const char *what) {
    struct fanotify_event_metadata *event = (void *)buffer;
    struct pollfd p = {group, POLLIN, 0};
    CHECK(SYS(poll(&p, 1, 10000)) == 1, "no event: %s", what);
    ssize_t n = SYS(read(group, buffer, sizeof buffer));
    CHECK(n >= (ssize_t)sizeof *event && n == event->event_len, "%s: %ld bytes", what, (long)n);
    CHECK(event->mask == mask, "%s: mask %#llx instead of %#llx", what, (unsigned long long)event->mask, (unsigned long long)mask);
    CHECK(event->pid == getpid(), "%s: the event is of process %d", what, event->pid);
    if (ino) {
        struct stat stat;
        CHECK(event->fd >= 0, "%s: no descriptor", what);
        SYS(fstat(event->fd, &stat));
        CHECK(stat.st_ino == ino, "%s: of another file", what);
    }
    return event;
}

static void quiet(int group, const char *what) {
    struct fanotify_event_metadata *event = (void *)buffer;
    ssize_t n = read(group, buffer, sizeof buffer);
    CHECK(n < 0 && errno == EAGAIN, "%s: mask %#llx of process %d", what, (unsigned long long)event->mask, event->pid);
}

static void done(struct fanotify_event_metadata *event) { SYS(close(event->fd)); }

static ino_t inode(const char *path) {
    struct stat s;
    SYS(stat(path, &s));
    return s.st_ino;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *dir = testee_path("dir"), *file = under(dir, "file"), *still = under(dir, "still"), *made = under(dir, "made");
    char *mount_ = testee_path("mount"), *inside = under(mount_, "inside"), *gone = testee_path("gone");
    SYS(mkdir(dir, 0700));
    SYS(mkdir(mount_, 0700));
    int fd = SYS(open(file, O_RDWR | O_CREAT, 0600)), deleted = SYS(open(gone, O_RDWR | O_CREAT, 0600));
    SYS(close(SYS(creat(still, 0600))));
    ino_t ino = inode(file);
    int group = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK | FAN_CLOEXEC, O_RDWR | O_CLOEXEC | O_NOATIME);
    if (group < 0) testee_skip("fanotify_init: %s", strerror(errno));
    int names = SYS(fanotify_init(FAN_REPORT_DFID_NAME | FAN_REPORT_TID | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS, O_RDONLY));
    SYS(fcntl(names, F_SETFL, O_NONBLOCK)); /* not the flag of fanotify_init */
    int empty = SYS(fanotify_init(FAN_NONBLOCK, O_RDONLY));
    SYS(fanotify_mark(group, FAN_MARK_ADD, FAN_MODIFY | FAN_CLOSE_WRITE, AT_FDCWD, file));
    SYS(fanotify_mark(group, FAN_MARK_ADD, FAN_OPEN | FAN_EVENT_ON_CHILD, AT_FDCWD, dir));
    SYS(fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY, FAN_OPEN, AT_FDCWD, still));
    SYS(fanotify_mark(group, FAN_MARK_ADD, FAN_MODIFY, AT_FDCWD, gone));
    SYS(fanotify_mark(names, FAN_MARK_ADD, FAN_CREATE | FAN_DELETE | FAN_ONDIR, AT_FDCWD, dir));
    int mounted = mount("testee", mount_, "tmpfs", 0, "size=1m") == 0;
    if (mounted) {
        SYS(fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_CLOSE_WRITE, AT_FDCWD, mount_));
    }
    SYS(unlink(gone));
    testee_ready();
    testee_wait();
    quiet(group, "an event that nobody caused");
    quiet(names, "a name that nobody made");
    quiet(empty, "an event without a mark");
    SYS(write(fd, "x", 1));
    struct fanotify_event_metadata *event = expect(group, FAN_MODIFY, ino, "a write");
    CHECK((SYS(fcntl(event->fd, F_GETFL)) & (O_ACCMODE | O_NOATIME)) == (O_RDWR | O_NOATIME), "flags %#o", fcntl(event->fd, F_GETFL));
    CHECK(SYS(fcntl(event->fd, F_GETFD)) == FD_CLOEXEC, "not close-on-exec");
    done(event);
    SYS(write(deleted, "x", 1));
    done(expect(group, FAN_MODIFY, 0, "a write to the deleted file"));
    SYS(close(SYS(open(still, O_RDONLY))));
    quiet(group, "the ignored mask is gone");
    SYS(close(SYS(open(file, O_RDONLY))));
    done(expect(group, FAN_OPEN, ino, "an open below the directory"));
    SYS(close(SYS(creat(made, 0600))));
    event = expect(names, FAN_CREATE, 0, "a new file");
    struct fanotify_event_info_fid *fid = (void *)(event + 1);
    CHECK(event->fd == FAN_NOFD && fid->hdr.info_type == FAN_EVENT_INFO_TYPE_DFID_NAME, "kind %d", fid->hdr.info_type);
    struct file_handle *handle = (void *)fid->handle;
    CHECK(!strcmp((char *)handle->f_handle + handle->handle_bytes, "made"), "another name");
    done(expect(group, FAN_OPEN, inode(made), "an open of the new file"));
    if (mounted) {
        SYS(close(SYS(creat(inside, 0600))));
        done(expect(group, FAN_CLOSE_WRITE, inode(inside), "a close on the mount"));
    }
    SYS(fanotify_mark(group, FAN_MARK_REMOVE, FAN_MODIFY | FAN_CLOSE_WRITE, AT_FDCWD, file));
    SYS(write(fd, "y", 1));
    quiet(group, "a mark that was removed");
    SYS(unlink(made));
    SYS(close(group));
    if (mounted) SYS(umount2(mount_, MNT_DETACH));
    testee_pass();
}
