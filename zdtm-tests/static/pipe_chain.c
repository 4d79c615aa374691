/* Ten processes in a row, each passes on what it reads: bytes are in flight everywhere. */
#include "testee.h"

enum { LINKS = 10 };
static int in, out;

static int pass_on(void *unused) {
    (void)unused;
    char buffer[700];
    ssize_t n;
    while ((n = read(in, buffer, sizeof buffer)) > 0) {
        for (ssize_t done = 0; done < n;) {
            ssize_t one = write(out, buffer + done, (size_t)(n - done));
            if (one < 0) return 1;
            done += one;
        }
    }
    return n == 0 ? 0 : 2;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    pid_t pids[LINKS];
    int ends[2], first;
    SYS(pipe(ends));
    first = ends[1];
    in = ends[0];
    for (int i = 0; i < LINKS; i++) {
        int next[2];
        SYS(pipe(next));
        out = next[1];
        fcntl(first, F_SETFD, FD_CLOEXEC);
        pids[i] = fork();
        if (pids[i] == 0) {
            signal(SIGTERM, SIG_IGN);
            close(first);
            close(next[0]);
            _exit(pass_on(NULL));
        }
        close(in);
        close(out);
        in = next[0];
    }
    SYS(fcntl(first, F_SETFL, O_NONBLOCK));
    SYS(fcntl(in, F_SETFL, O_NONBLOCK));
    static unsigned char next_out, next_in;
    unsigned char buffer[997];
    size_t sent = 0, received = 0;
    int ready = 0, go;
    do {
        go = ready ? testee_go() : 1;
        for (size_t i = 0; i < sizeof buffer; i++) buffer[i] = (unsigned char)(next_out + i);
        ssize_t n = write(first, buffer, sizeof buffer);
        if (n > 0) next_out = (unsigned char)(next_out + n), sent += (size_t)n;
        /* Read a little slower than it is written, so that all pipes fill up. */
        n = read(in, buffer, 400);
        for (ssize_t i = 0; i < n; i++) CHECK(buffer[i] == next_in++, "wrong byte after %zu", received + (size_t)i);
        if (n > 0) received += (size_t)n;
        if (!ready && sent > 200000) testee_ready(), ready = 1;
    } while (go);
    SYS(close(first));
    SYS(fcntl(in, F_SETFL, 0));
    ssize_t n;
    while ((n = read(in, buffer, sizeof buffer)) > 0) {
        for (ssize_t i = 0; i < n; i++) CHECK(buffer[i] == next_in++, "wrong byte after %zu", received + (size_t)i);
        received += (size_t)n;
    }
    CHECK(received == sent, "%zu of %zu bytes came through", received, sent);
    for (int i = 0; i < LINKS; i++) {
        int status;
        SYS(waitpid(pids[i], &status, 0));
        CHECK(status == 0, "link %d ended with %d", i, status);
    }
    testee_pass();
}
