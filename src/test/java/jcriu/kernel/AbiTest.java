package jcriu.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import jcriu.CCompiler;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The kernel's numbers as we know them, against the C headers of this machine. */
class AbiTest {
    private static final Path SOURCES = Path.of("src/main/java/jcriu/kernel");
    private static final Path PROBE = Path.of("src/test/c/abi_probe.h").toAbsolutePath();

    /** Constants whose C spelling is another. */
    private static final Map<String, String> SPELLED =
            Map.ofEntries(
                    Map.entry("CLONE_ARGS_SIZE", "CLONE_ARGS_SIZE_VER2"),
                    Map.entry("SIGINFO_SIZE", "sizeof(siginfo_t)"),
                    Map.entry("KERNEL_SIGACTION_SIZE", "sizeof(struct probe_kernel_sigaction)"),
                    Map.entry("STACK_T_SIZE", "sizeof(stack_t)"),
                    Map.entry("BPF_FUNC_SEQ_WRITE", "BPF_FUNC_seq_write"),
                    Map.entry("SIGEVENT_SIZE", "sizeof(struct sigevent)"),
                    Map.entry("PM_SCAN_ARG_SIZE", "sizeof(struct probe_pm_scan_arg)"),
                    Map.entry("PAGE_REGION_SIZE", "sizeof(struct probe_page_region)"),
                    Map.entry("O_TMPFILE_ALONE", "020000000 /* libc has O_DIRECTORY in it */"),
                    Map.entry("TFD_IOC_SET_TICKS", "_IOW(0x54, 0, uint64_t)"),
                    Map.entry("NSIG", "64 /* _NSIG of the kernel; libc says one more */"),
                    Map.entry("F_GETOWNER_UIDS", "17 /* in the kernel's fcntl.h alone */"),
                    Map.entry("O_LARGEFILE", "0100000 /* libc says 0 on 64 bit */"));

    /** In no header for programs: only a tracer sees them, include/linux/errno.h of the kernel. */
    private static final Set<String> NOT_IN_HEADERS =
            Set.of("ERESTARTSYS", "ERESTARTNOINTR", "ERESTARTNOHAND", "ERESTART_RESTARTBLOCK");

    /** Newer than Linux 6.1, whose headers Debian 12 has: compared where the header knows them. */
    private static final Set<String> NEWER =
            Set.of(
                    "MADV_GUARD_INSTALL",
                    "MAP_DROPPABLE",
                    "PIDFD_THREAD",
                    "MEMBARRIER_CMD_GET_REGISTRATIONS",
                    "PAGE_IS_GUARD",
                    "UFFD_FEATURE_WP_ASYNC",
                    "UFFD_FEATURE_WP_UNPOPULATED",
                    "PR_GET_MDWE",
                    "PR_GET_MEMORY_MERGE",
                    "PR_SET_MDWE",
                    "PR_SET_MEMORY_MERGE",
                    "PR_TIMER_CREATE_RESTORE_IDS",
                    "PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG");

    /** Calls newer than those headers. */
    private static final Set<Syscall> NEWER_CALLS = Set.of(Syscall.MSEAL);

    /** Enumerators, not macros: the preprocessor cannot ask for them. */
    private static boolean isEnumerator(String name) {
        return name.startsWith("KCMP_")
                || name.startsWith("F_OWNER_")
                || name.startsWith("BPF_")
                || name.startsWith("RSEQ_CS_FLAG_")
                || name.equals("P_ALL")
                || name.equals("P_PID");
    }

    @TempDir private Path scratch;

    private static Map<String, Long> ours() throws IOException, ReflectiveOperationException {
        Map<String, Long> found = new TreeMap<>();
        try (Stream<Path> files = Files.list(SOURCES)) {
            for (Path file : files.toList()) {
                String name = file.getFileName().toString();
                if (!name.endsWith("Constants.java")) {
                    continue;
                }
                Class<?> holder =
                        Class.forName("jcriu.kernel." + name.substring(0, name.length() - 5));
                for (Field field : holder.getDeclaredFields()) {
                    int modifiers = field.getModifiers();
                    if (Modifier.isStatic(modifiers) && Modifier.isPublic(modifiers)) {
                        long value = ((Number) field.get(null)).longValue();
                        Long other = found.put(field.getName(), value);
                        assertTrue(other == null || other == value, field + " is there twice");
                    }
                }
            }
        }
        return found;
    }

    @Test
    void shouldKnowTheConstantsOfTheHeaders() throws IOException, ReflectiveOperationException {
        Map<String, Long> ours = ours();
        assertFalse(ours.isEmpty());
        StringBuilder body = new StringBuilder();
        for (String name : ours.keySet()) {
            String spelled = SPELLED.get(name);
            if (NOT_IN_HEADERS.contains(name)) {
                continue;
            }
            if (spelled != null) {
                body.append(line(name, spelled));
            } else if (isEnumerator(name)) {
                body.append(line(name, name));
            } else {
                body.append("#ifdef ").append(name).append('\n');
                body.append(line(name, name)).append("#endif\n");
            }
        }
        Map<String, Long> theirs = probe("#include \"" + PROBE + "\"\n", body.toString());
        List<String> wrong = new ArrayList<>();
        for (Map.Entry<String, Long> one : ours.entrySet()) {
            String name = one.getKey();
            Long value = theirs.get(name);
            if (value == null) {
                if (!NOT_IN_HEADERS.contains(name) && !NEWER.contains(name)) {
                    wrong.add(name + " is in no header that the probe includes");
                }
            } else if (!sameBits(value, one.getValue())) {
                wrong.add(name + " is " + one.getValue() + ", the header says " + value);
            }
        }
        assertEquals(List.of(), wrong);
    }

    /** Unsigned 32-bit numbers may be kept in an int. */
    private static boolean sameBits(long theirs, long ours) {
        return theirs == ours || theirs >>> 32 == 0 && ours < 0 && (int) theirs == (int) ours;
    }

    @Test
    void shouldKnowTheLayoutOfStructs() throws IOException {
        Map<String, Long> expected = new LinkedHashMap<>();
        String user = "struct user_regs_struct";
        size(expected, user, 216); // tracee.Registers
        String[] registers = {
            "r15",
            "r14",
            "r13",
            "r12",
            "rbp",
            "rbx",
            "r11",
            "r10",
            "r9",
            "r8",
            "rax",
            "rcx",
            "rdx",
            "rsi",
            "rdi",
            "orig_rax",
            "rip",
            "cs",
            "eflags",
            "rsp",
            "ss",
            "fs_base",
            "gs_base",
            "ds",
            "es",
            "fs",
            "gs"
        };
        for (int i = 0; i < registers.length; i++) {
            offset(expected, user, registers[i], 8L * i);
        }
        String clone = "struct clone_args"; // sys.Spawn, restore.TaskRestore, dump.Rehearsal
        size(expected, clone, 88);
        offset(expected, clone, "flags", 0);
        offset(expected, clone, "exit_signal", 32);
        offset(expected, clone, "set_tid", 64);
        offset(expected, clone, "set_tid_size", 72);
        String scan = "struct probe_pm_scan_arg"; // memory.PagemapScan
        String[] fields = {
            "size",
            "flags",
            "start",
            "end",
            "walk_end",
            "vec",
            "vec_len",
            "max_pages",
            "category_inverted",
            "category_mask",
            "category_anyof_mask",
            "return_mask"
        };
        for (int i = 0; i < fields.length; i++) {
            offset(expected, scan, fields[i], 8L * i);
        }
        size(expected, "struct probe_page_region", 24);
        String mm = "struct prctl_mm_map"; // resource.AddressSpace
        size(expected, mm, 104);
        String[] mmFields = {
            "start_code",
            "end_code",
            "start_data",
            "end_data",
            "start_brk",
            "brk",
            "start_stack",
            "arg_start",
            "arg_end",
            "env_start",
            "env_end",
            "auxv"
        };
        for (int i = 0; i < mmFields.length; i++) {
            offset(expected, mm, mmFields[i], 8L * i);
        }
        offset(expected, mm, "auxv_size", 96);
        offset(expected, mm, "exe_fd", 100);
        String action = "struct probe_kernel_sigaction"; // resource.SigActions
        offset(expected, action, "handler", 0);
        offset(expected, action, "flags", 8);
        offset(expected, action, "restorer", 16);
        offset(expected, action, "mask", 24);
        offset(expected, "stack_t", "ss_sp", 0); // resource.ThreadState
        offset(expected, "stack_t", "ss_flags", 8);
        offset(expected, "stack_t", "ss_size", 16);
        size(expected, "siginfo_t", 128); // tracee.Ptrace
        offset(expected, "siginfo_t", "si_signo", 0);
        offset(expected, "siginfo_t", "si_code", 8);
        size(expected, "struct iovec", 16);
        size(expected, "struct ptrace_peeksiginfo_args", 16);
        offset(expected, "struct ptrace_peeksiginfo_args", "flags", 8);
        offset(expected, "struct ptrace_peeksiginfo_args", "nr", 12);
        size(expected, "struct ptrace_rseq_configuration", 24);
        offset(expected, "struct ptrace_rseq_configuration", "rseq_abi_size", 8);
        offset(expected, "struct ptrace_rseq_configuration", "signature", 12);
        size(expected, "struct seccomp_metadata", 16);
        offset(expected, "struct seccomp_metadata", "flags", 8);
        String statx = "struct statx"; // sys.FileStat
        size(expected, statx, 256);
        offset(expected, statx, "stx_nlink", 16);
        offset(expected, statx, "stx_uid", 20);
        offset(expected, statx, "stx_gid", 24);
        offset(expected, statx, "stx_mode", 28);
        offset(expected, statx, "stx_ino", 32);
        offset(expected, statx, "stx_size", 40);
        offset(expected, statx, "stx_blocks", 48);
        offset(expected, statx, "stx_atime.tv_sec", 64);
        offset(expected, statx, "stx_atime.tv_nsec", 72);
        offset(expected, statx, "stx_mtime.tv_sec", 112);
        offset(expected, statx, "stx_mtime.tv_nsec", 120);
        offset(expected, statx, "stx_rdev_major", 128);
        offset(expected, statx, "stx_rdev_minor", 132);
        offset(expected, statx, "stx_dev_major", 136);
        offset(expected, statx, "stx_dev_minor", 140);
        size(expected, "struct itimerspec", 32); // resource.Timers, resource.Timerfd
        offset(expected, "struct itimerspec", "it_value", 16);
        size(expected, "struct itimerval", 32);
        offset(expected, "struct itimerval", "it_value", 16);
        size(expected, "struct epoll_event", 12); // resource.Eventpoll; packed on x86-64 only
        offset(expected, "struct epoll_event", "data", 4);
        offset(expected, "struct sigevent", "sigev_value", 0);
        offset(expected, "struct sigevent", "sigev_signo", 8);
        offset(expected, "struct sigevent", "sigev_notify", 12);
        offset(expected, "struct sigevent", "_sigev_un._tid", 16);
        size(expected, "struct rlimit", 16);
        size(expected, "struct winsize", 8); // resource.Tty
        offset(expected, "struct statfs", "f_type", 0); // memory.PagesOut
        offset(expected, "struct statfs", "f_bsize", 8);
        offset(expected, "struct statfs", "f_blocks", 16);
        offset(expected, "struct statfs", "f_bavail", 32);
        StringBuilder body = new StringBuilder();
        for (String expression : expected.keySet()) {
            body.append(line(expression, expression));
        }
        Map<String, Long> theirs = probe("#include \"" + PROBE + "\"\n", body.toString());
        assertEquals(expected.toString(), new LinkedHashMap<>(sorted(expected, theirs)).toString());
    }

    private static Map<String, Long> sorted(Map<String, Long> order, Map<String, Long> values) {
        Map<String, Long> result = new LinkedHashMap<>();
        for (String key : order.keySet()) {
            result.put(key, values.get(key));
        }
        return result;
    }

    private static void size(Map<String, Long> expected, String struct, long bytes) {
        expected.put("sizeof(" + struct + ")", bytes);
    }

    private static void offset(Map<String, Long> expected, String struct, String field, long at) {
        expected.put("offsetof(" + struct + ", " + field + ")", at);
    }

    @Test
    void shouldKnowTheSystemCallsOfX86() throws IOException {
        compareCalls(
                Arch.X86_64,
                Path.of("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
                Path.of("/usr/include/asm/unistd_64.h"));
    }

    @Test
    void shouldKnowTheSystemCallsOfAarch64() throws IOException {
        compareCalls(Arch.AARCH64, Path.of("/usr/include/asm-generic/unistd.h"));
    }

    private void compareCalls(Arch arch, Path... headers) throws IOException {
        Path header = null;
        for (Path one : headers) {
            if (header == null && Files.exists(one)) {
                header = one;
            }
        }
        assumeTrue(header != null, "no header with the system calls of " + arch);
        // what arm64's own asm/unistd.h says before it includes the generic one
        String head =
                "#include <stdio.h>\n#define __ARCH_WANT_RENAMEAT\n#define __ARCH_WANT_NEW_STAT\n"
                        + "#define __ARCH_WANT_SET_GET_RLIMIT\n"
                        + "#define __ARCH_WANT_TIME32_SYSCALLS\n#define __ARCH_WANT_SYS_CLONE3\n"
                        + "#define __ARCH_WANT_MEMFD_SECRET\n#define __BITS_PER_LONG 64\n"
                        + "#include \""
                        + header
                        + "\"\n";
        StringBuilder body = new StringBuilder();
        for (Syscall call : Syscall.values()) {
            String macro = "__NR_" + call.lowerName();
            body.append("#ifdef ").append(macro).append('\n');
            body.append(line(call.name(), macro)).append("#endif\n");
        }
        Map<String, Long> theirs = probe(head, body.toString());
        List<String> wrong = new ArrayList<>();
        for (Syscall call : Syscall.values()) {
            Long number = theirs.get(call.name());
            if (!call.exists(arch)) {
                if (number != null) {
                    wrong.add(call + " is said to be absent, the header says " + number);
                }
            } else if (number == null) {
                if (!NEWER_CALLS.contains(call)) {
                    wrong.add(call + " is not in " + header);
                }
            } else if (number != call.number(arch)) {
                wrong.add(call + " is " + call.number(arch) + ", the header says " + number);
            }
        }
        assertEquals(List.of(), wrong);
    }

    private static String line(String name, String expression) {
        return "    printf(\"%s\\t%lld\\n\", \"" + name + "\", (long long)(" + expression + "));\n";
    }

    private Map<String, Long> probe(String head, String body) throws IOException {
        Path source = scratch.resolve("probe.c");
        Files.writeString(source, head + "int main(void) {\n" + body + "    return 0;\n}\n");
        Path program = CCompiler.compile(source, scratch.resolve("probe"));
        Map<String, Long> values = new HashMap<>();
        for (String line : CCompiler.run(List.of(program.toString())).split("\n")) {
            int tab = line.indexOf('\t');
            values.put(line.substring(0, tab), Long.parseLong(line.substring(tab + 1)));
        }
        return values;
    }
}
