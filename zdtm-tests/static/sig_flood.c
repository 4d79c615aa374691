/* Signals keep arriving from a child while we are dumped: each is counted once. */
#include "testee.h"

static volatile sig_atomic_t got, stop;
static void on_signal(int sig, siginfo_t *info, void *context) {
    (void)sig;
    (void)context;
    if (info->si_value.sival_int != got) stop = 1;
    got++;
}

static int flood(void *unused) {
    (void)unused;
    testee_listen();
    int sent = 0;
    while (testee_go()) {
        if (sigqueue(getppid(), SIGRTMIN + 4, (union sigval){.sival_int = sent}) == 0) sent++;
        else if (errno != EAGAIN) return 1;
        testee_sleep_ms(1);
    }
    int total = sent;
    FILE *file = fopen(testee_path("sent"), "w");
    fprintf(file, "%d", total);
    fclose(file);
    return 0;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    SYS(sigaction(SIGRTMIN + 4, &action, NULL));
    pid_t pid = testee_child(flood, NULL);
    testee_sleep_ms(100);
    int changing = SYS(open(testee_path("changing"), O_CREAT | O_WRONLY, 0600));
    SYS(write(changing, " ShdPnd:\n", 9)); /* one may be pending, or not, whenever somebody looks */
    SYS(close(changing));
    testee_ready();
    while (testee_go()) testee_sleep_ms(5);
    int before = got;
    testee_sleep_ms(200);
    CHECK(got > before, "no signal comes any more");
    testee_reap(pid, 0);
    testee_sleep_ms(50);
    int sent = -1;
    FILE *file = fopen(testee_path("sent"), "r");
    CHECK(file && fscanf(file, "%d", &sent) == 1, "the child wrote no number");
    CHECK(!stop, "a signal is missing or came twice, at %d", (int)got);
    CHECK(got == sent, "%d signals sent, %d received", sent, (int)got);
    testee_pass();
}
