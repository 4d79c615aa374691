package jcriu.resource;

import static jcriu.kernel.ProcessConstants.*;

import java.util.ArrayList;
import java.util.List;
import jcriu.image.proto.sa_entry;
import jcriu.kernel.Syscall;
import jcriu.tracee.RemoteBatch;

/** Signal handlers of a process, sigaction(2): signals 1 to 64 without SIGKILL and SIGSTOP. */
final class SigActions {
    private SigActions() {}

    private static boolean settable(int signal) {
        return signal != SIGKILL && signal != SIGSTOP;
    }

    /** Asks for all handlers: {handler, flags, restorer, mask}, 8 bytes each, per signal. */
    static long ask(RemoteBatch batch) {
        long table = batch.data(NSIG * KERNEL_SIGACTION_SIZE);
        for (int signal = 1; signal <= NSIG; signal++) {
            if (settable(signal)) {
                batch.add(
                        "",
                        Syscall.RT_SIGACTION,
                        signal,
                        0,
                        table + (signal - 1L) * KERNEL_SIGACTION_SIZE,
                        8);
            }
        }
        return table;
    }

    static List<sa_entry> dump(long table, RemoteBatch batch) {
        List<sa_entry> actions = new ArrayList<>(62);
        for (int signal = 1; signal <= NSIG; signal++) {
            if (settable(signal)) {
                long at = table + (signal - 1L) * KERNEL_SIGACTION_SIZE;
                actions.add(
                        sa_entry.newBuilder()
                                .setSigaction(batch.getLong(at))
                                .setFlags(batch.getLong(at + 8))
                                .setRestorer(batch.getLong(at + 16))
                                .setMask(batch.getLong(at + 24))
                                .setCompatSigaction(false)
                                .build());
            }
        }
        return actions;
    }

    /** Sets all handlers, the default too: a seed ignores what jcriu ignores. */
    static void restore(List<sa_entry> actions, RemoteBatch batch) {
        int index = 0;
        for (int signal = 1; signal <= NSIG && index < actions.size(); signal++) {
            if (!settable(signal)) {
                continue;
            }
            sa_entry action = actions.get(index++);
            long at = batch.data(KERNEL_SIGACTION_SIZE);
            batch.putLong(at, action.getSigaction());
            batch.putLong(at + 8, action.getFlags());
            batch.putLong(at + 16, action.getRestorer());
            batch.putLong(at + 24, action.getMask());
            batch.add(
                    "set the handler of signal " + signal, Syscall.RT_SIGACTION, signal, at, 0, 8);
        }
    }
}
