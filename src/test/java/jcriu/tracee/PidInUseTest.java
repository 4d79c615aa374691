package jcriu.tracee;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import jcriu.LiveTarget;
import jcriu.errors.JcriuException;
import jcriu.errors.TaskGoneException;
import jcriu.proc.Stat;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class PidInUseTest {
    private Process process;

    /**
     * Runs a shell command that prints two pids; the second is waited for no longer than needed.
     */
    private int[] start(String command) throws IOException {
        process = new ProcessBuilder(List.of("sh", "-c", command)).start();
        try (BufferedReader out = process.inputReader()) {
            String[] words = out.readLine().split(" ");
            return new int[] {Integer.parseInt(words[0]), Integer.parseInt(words[1])};
        }
    }

    @AfterEach
    void end() {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
    }

    private static String refusal(int pid, long limitNanos) {
        JcriuException refusal =
                assertThrows(JcriuException.class, () -> PidInUse.awaitFree(pid, limitNanos));
        return refusal.what() + "; " + refusal.hint();
    }

    /** Not before: a shell waits for a child that ends while it is a shell. */
    private static String endsOnceItsParentIs(String commandLine) {
        return "sh -c 'until tr -d \"\\0\" </proc/'$$'/cmdline | grep -q ^"
                + commandLine
                + "; do sleep 0.05; done'";
    }

    private static char state(int pid) {
        try {
            return Stat.read(pid).state();
        } catch (TaskGoneException e) {
            return 0;
        }
    }

    @Test
    void shouldNameAProcess() throws IOException {
        int pid = start("echo $$ $$; exec sleep 60")[0];
        LiveTarget.await("the program", () -> Stat.read(pid).comm().equals("sleep"));
        String text = refusal(pid, 60_000_000_000L);
        assertTrue(
                text.contains("in use by process " + pid + " (sleep); end process " + pid), text);
    }

    @Test
    void shouldNameTheParentOfAZombie() throws IOException {
        int[] pids = start(endsOnceItsParentIs("sleep60") + " & echo $! $$; exec sleep 60");
        LiveTarget.await("the zombie", () -> state(pids[0]) == 'Z');
        String text = refusal(pids[0], 1);
        assertTrue(text.contains("a zombie; let its parent, process " + pids[1] + ","), text);
    }

    @Test
    void shouldNameAMemberOfAGroupWhoseLeaderIsGone() throws IOException {
        int[] pids = start("setsid sh -c 'sleep 60 >/dev/null 2>&1 & echo $$ $!'; exec sleep 60");
        LiveTarget.await("the end of the leader", () -> state(pids[0]) == 0);
        String text = refusal(pids[0], 60_000_000_000L);
        ProcessHandle.of(pids[1]).ifPresent(ProcessHandle::destroyForcibly);
        assertTrue(text.contains("as the process group of process " + pids[1]), text);
    }

    @Test
    void shouldWaitForAZombieThatIsWaitedFor() throws IOException {
        // the second shell knows nothing of its child until it waits for another
        int pid =
                start(
                        endsOnceItsParentIs("sh-cread")
                                + " & echo $! $$; exec sh -c 'read go; sleep 0; exec sleep 60'")[0];
        LiveTarget.await("the zombie", () -> state(pid) == 'Z');
        new Thread(
                        () -> {
                            LiveTarget.pause(300);
                            try (OutputStream in = process.getOutputStream()) {
                                in.write('\n');
                            } catch (IOException e) {
                                throw new AssertionError(e);
                            }
                        })
                .start();
        PidInUse.awaitFree(pid, 60_000_000_000L);
        assertEquals(0, state(pid));
    }
}
