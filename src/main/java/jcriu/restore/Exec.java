package jcriu.restore;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import jcriu.errors.Errno;
import jcriu.errors.JcriuException;
import jcriu.errors.SyscallException;
import jcriu.kernel.Syscall;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;

/** {@code --exec-cmd}: a command takes our place, execve(2), found as a shell finds it. */
final class Exec {
    private Exec() {}

    /** Does not return where it succeeds; the failure otherwise. */
    static JcriuException replaceUs(List<String> command) {
        List<String> environment = new ArrayList<>();
        for (Map.Entry<String, String> variable : System.getenv().entrySet()) {
            environment.add(variable.getKey() + "=" + variable.getValue());
        }
        List<NativeMemory> memory = new ArrayList<>();
        long argv = strings(command, memory);
        long envp = strings(environment, memory);
        long result = -Errno.ENOENT.number();
        for (String path : candidates(command.get(0))) {
            NativeMemory name = NativeMemory.cString(path);
            memory.add(name);
            long r = Native.call(Syscall.EXECVE, name.address(), argv, envp);
            result = r == -Errno.ENOENT.number() ? result : r;
        }
        memory.forEach(NativeMemory::close);
        return new SyscallException("execute " + command.get(0), Errno.ofResult(result))
                .withTargetState("restored, running")
                .withHint("check the command after --");
    }

    private static List<String> candidates(String name) {
        if (name.indexOf('/') >= 0) {
            return List.of(name);
        }
        List<String> paths = new ArrayList<>();
        String path = System.getenv().getOrDefault("PATH", "/usr/bin:/bin");
        for (String directory : path.split(":")) {
            paths.add((directory.isEmpty() ? "." : directory) + "/" + name);
        }
        return paths;
    }

    /** A NULL-terminated array of pointers to the strings. */
    private static long strings(List<String> strings, List<NativeMemory> memory) {
        NativeMemory array = NativeMemory.allocate(8L * (strings.size() + 1));
        memory.add(array);
        for (int i = 0; i < strings.size(); i++) {
            NativeMemory string = NativeMemory.cString(strings.get(i));
            memory.add(string);
            array.putLong(8L * i, string.address());
        }
        return array.address();
    }
}
