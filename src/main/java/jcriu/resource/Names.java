package jcriu.resource;

import jcriu.errors.TaskGoneException;
import jcriu.proc.Stat;

/** Names of tasks, for messages. */
final class Names {
    private Names() {}

    static String comm(int pid) {
        try {
            return Stat.read(pid).comm();
        } catch (TaskGoneException e) {
            return "gone";
        }
    }
}
