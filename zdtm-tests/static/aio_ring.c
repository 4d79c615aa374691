/*
 * AIO contexts with completed requests in their rings: events wait to be read, some have been, and
 * one ring has wrapped around. The context's id is its address.
 */
#include <linux/aio_abi.h>

#include "testee.h"

#define REQUESTS 64

static int fd;
static char text[16] = "0123456789abcdef", read_back[REQUESTS];

static aio_context_t setup(unsigned events) {
    aio_context_t ctx = 0;
    SYS(syscall(SYS_io_setup, events, &ctx));
    return ctx;
}

static void submit(aio_context_t ctx, int number) {
    struct iocb cb = {
        .aio_data = 1000 + number,
        .aio_lio_opcode = IOCB_CMD_PREAD,
        .aio_fildes = fd,
        .aio_buf = (uintptr_t)&read_back[number % REQUESTS],
        .aio_nbytes = 1,
        .aio_offset = number % 16,
    };
    struct iocb *list[] = {&cb};
    CHECK(SYS(syscall(SYS_io_submit, ctx, 1, list)) == 1, "not submitted");
}

static void expect(aio_context_t ctx, int from, int to) {
    for (int i = from; i < to; i++) {
        struct io_event event;
        struct timespec now = {0, 0};
        CHECK(SYS(syscall(SYS_io_getevents, ctx, 1, 1, &event, &now)) == 1, "no event %d", i);
        CHECK(event.data == 1000u + i && event.res == 1, "event %d is %lld with %lld", i,
              (long long)event.data, (long long)event.res);
    }
}

static void expect_none(aio_context_t ctx) {
    struct io_event event;
    struct timespec now = {0, 0};
    CHECK(SYS(syscall(SYS_io_getevents, ctx, 0, 1, &event, &now)) == 0, "one event too many");
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    aio_context_t gone = setup(4), empty = setup(1), some = setup(REQUESTS), wrapped = setup(8);
    fd = SYS(open(testee_path("data"), O_RDWR | O_CREAT, 0600));
    SYS(write(fd, text, sizeof text));
    SYS(syscall(SYS_io_destroy, gone)); /* so that the kernel numbers the others anew */
    for (int i = 0; i < 20; i++) submit(some, i);
    expect(some, 0, 5);
    unsigned slots = ((unsigned *)wrapped)[1];
    for (unsigned i = 0; i < slots - 3; i++) {
        submit(wrapped, i);
        expect(wrapped, i, i + 1);
    }
    for (unsigned i = slots - 3; i < slots + 4; i++) submit(wrapped, i);
    testee_ready();
    testee_wait();
    expect(some, 5, 20);
    expect_none(some);
    expect(wrapped, slots - 3, slots + 4);
    expect_none(wrapped);
    expect_none(empty);
    aio_context_t all[] = {empty, some, wrapped};
    for (int c = 0; c < 3; c++) {
        for (unsigned i = 0; i < 3 * slots; i++) {
            submit(all[c], i);
            if (i >= 6) expect(all[c], i - 6, i - 5);
        }
        expect(all[c], 3 * slots - 6, 3 * slots);
        expect_none(all[c]);
        SYS(syscall(SYS_io_destroy, all[c]));
    }
    testee_pass();
}
