package jcriu.proc;

import java.nio.charset.StandardCharsets;

/**
 * {@code /proc/PID/stat}, or that of one thread.
 *
 * <p>The line is {@code pid (comm) state ppid ...}. The comm is printed as it is, so it may hold
 * blanks, parentheses and newlines; it ends at the last closing parenthesis, for what follows has
 * none. Addresses are unsigned; without ptrace rights the kernel prints them as 0 or 1.
 *
 * <p>Source: proc_pid_stat(5).
 *
 * @param rawComm the name, a char for each byte: it need not be UTF-8
 * @param flags the kernel's PF_ bits
 * @param startTime clock ticks after boot
 * @param exitCode as waitpid(2) reports it
 */
public record Stat(
        int pid,
        String rawComm,
        char state,
        int ppid,
        int pgrp,
        int session,
        int ttyNr,
        int tpgid,
        long flags,
        int priority,
        int nice,
        int numThreads,
        long startTime,
        long startCode,
        long endCode,
        long startStack,
        long kstkesp,
        long kstkeip,
        int exitSignal,
        int processor,
        int rtPriority,
        int policy,
        long startData,
        long endData,
        long startBrk,
        long argStart,
        long argEnd,
        long envStart,
        long envEnd,
        int exitCode) {

    /** The number of the last field, as proc_pid_stat(5) counts from 1. */
    private static final int LAST_FIELD = 52;

    /** Of {@link #flags}. */
    private static final int PF_EXITING = 4;

    public static Stat read(int pid) {
        return readFile("/proc/" + pid + "/stat");
    }

    public static Stat readThread(int pid, int tid) {
        return readFile("/proc/" + pid + "/task/" + tid + "/stat");
    }

    private static Stat readFile(String path) {
        ProcBuffer buffer = ProcBuffer.read(path);
        return parse(buffer.bytes(), buffer.lengthBytes());
    }

    public static Stat parse(byte[] text, int lengthBytes) {
        ByteScanner scan = new ByteScanner("stat", text, lengthBytes);
        int pid = scan.decimalInt();
        scan.expect(' ');
        scan.expect('(');
        int commStart = scan.pos();
        int commEnd = lengthBytes - 1;
        while (commEnd >= commStart && text[commEnd] != ')') {
            commEnd--;
        }
        if (commEnd < commStart) {
            throw scan.malformed("')' behind the comm");
        }
        scan.seek(commEnd + 1);
        scan.expect(' ');
        char state = (char) scan.next();
        // Indexed by the manual's field numbers; fields of a newer kernel than this one stay 0.
        long[] field = new long[LAST_FIELD + 1];
        for (int i = 4; i <= LAST_FIELD; i++) {
            scan.skipBlanks();
            if (scan.atEndOfLine()) {
                break;
            }
            field[i] = scan.decimal();
        }
        return new Stat(
                pid,
                new String(text, commStart, commEnd - commStart, StandardCharsets.ISO_8859_1),
                state,
                (int) field[4],
                (int) field[5],
                (int) field[6],
                (int) field[7],
                (int) field[8],
                field[9],
                (int) field[18],
                (int) field[19],
                (int) field[20],
                field[22],
                field[26],
                field[27],
                field[28],
                field[29],
                field[30],
                (int) field[38],
                (int) field[39],
                (int) field[40],
                (int) field[41],
                field[45],
                field[46],
                field[47],
                field[48],
                field[49],
                field[50],
                field[51],
                (int) field[52]);
    }

    /** The name for people. */
    public String comm() {
        return new String(commBytes(), StandardCharsets.UTF_8);
    }

    /** The name byte for byte. */
    public byte[] commBytes() {
        return rawComm.getBytes(StandardCharsets.ISO_8859_1);
    }

    /** Whether this task has ended and waits for its parent. */
    public boolean isZombie() {
        return state == 'Z';
    }

    /** Whether it has ended, or is about to: PF_EXITING, include/linux/sched.h. */
    public boolean isEnding() {
        return isZombie() || state == 'X' || (flags & PF_EXITING) != 0;
    }
}
