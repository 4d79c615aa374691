package jcriu.proc;

/**
 * {@code /proc/PID/status}, or that of one thread.
 *
 * <p>Signal sets hold signal n in bit n - 1; capability sets hold capability n in bit n. The ns
 * arrays go from our pid namespace inwards. A line that the kernel leaves out gives 0 or an empty
 * array, except where stated.
 *
 * <p>Source: proc_pid_status(5).
 *
 * @param umask -1 on a kernel before 4.7
 * @param uids real, effective, saved set, filesystem; gids likewise
 * @param seccomp 0 disabled, 1 strict, 2 filter
 * @param seccompFilters -1 on a kernel too old to print it
 * @param hasMm whether the task has memory of its own to show: not so for kernel threads and
 *     zombies
 */
public record Status(
        int umask,
        char state,
        int tgid,
        int ngid,
        int pid,
        int ppid,
        int tracerPid,
        int[] uids,
        int[] gids,
        int[] groups,
        int[] nsTgid,
        int[] nsPid,
        int[] nsPgid,
        int[] nsSid,
        int threads,
        long sigPnd,
        long shdPnd,
        long sigBlk,
        long sigIgn,
        long sigCgt,
        long capInh,
        long capPrm,
        long capEff,
        long capBnd,
        long capAmb,
        int noNewPrivs,
        int seccomp,
        int seccompFilters,
        boolean coreDumping,
        boolean thpEnabled,
        boolean hasMm) {

    public static Status read(int pid) {
        return readFile("/proc/" + pid + "/status");
    }

    public static Status readThread(int pid, int tid) {
        return readFile("/proc/" + pid + "/task/" + tid + "/status");
    }

    static Status readFile(String path) {
        ProcBuffer buffer = ProcBuffer.read(path);
        return parse(buffer.bytes(), buffer.lengthBytes());
    }

    public static Status parse(byte[] text, int lengthBytes) {
        Fields fields = new Fields();
        ByteScanner scan = new ByteScanner("status", text, lengthBytes);
        while (!scan.atEnd()) {
            fields.take(scan);
            scan.skipLine();
        }
        return fields.toStatus();
    }

    /** The values seen so far. */
    private static final class Fields {
        private static final int[] NONE = {};

        private int umask = -1;
        private char state = '?';
        private int tgid;
        private int ngid;
        private int pid;
        private int ppid;
        private int tracerPid;
        private int[] uids = NONE;
        private int[] gids = NONE;
        private int[] groups = NONE;
        private int[] nsTgid = NONE;
        private int[] nsPid = NONE;
        private int[] nsPgid = NONE;
        private int[] nsSid = NONE;
        private int threads;
        private long sigPnd;
        private long shdPnd;
        private long sigBlk;
        private long sigIgn;
        private long sigCgt;
        private long capInh;
        private long capPrm;
        private long capEff;
        private long capBnd;
        private long capAmb;
        private int noNewPrivs;
        private int seccomp;
        private int seccompFilters = -1;
        private boolean coreDumping;
        private boolean thpEnabled;
        private boolean hasMm;

        void take(ByteScanner scan) {
            switch (scan.peek()) {
                case 'U' -> {
                    if (scan.skipIf("Umask:")) {
                        umask = (int) scan.octal();
                    } else if (scan.skipIf("Uid:")) {
                        uids = scan.decimalInts();
                    }
                }
                case 'S' -> takeS(scan);
                case 'T' -> {
                    if (scan.skipIf("Tgid:")) {
                        tgid = scan.decimalInt();
                    } else if (scan.skipIf("TracerPid:")) {
                        tracerPid = scan.decimalInt();
                    } else if (scan.skipIf("Threads:")) {
                        threads = scan.decimalInt();
                    } else if (scan.skipIf("THP_enabled:")) {
                        thpEnabled = scan.decimal() != 0;
                    }
                }
                case 'N' -> takeN(scan);
                case 'P' -> {
                    if (scan.skipIf("Pid:")) {
                        pid = scan.decimalInt();
                    } else if (scan.skipIf("PPid:")) {
                        ppid = scan.decimalInt();
                    }
                }
                case 'G' -> {
                    if (scan.skipIf("Gid:")) {
                        gids = scan.decimalInts();
                    } else if (scan.skipIf("Groups:")) {
                        groups = scan.decimalInts();
                    }
                }
                case 'V' -> {
                    if (scan.skipIf("VmSize:")) {
                        hasMm = true;
                    }
                }
                case 'C' -> takeC(scan);
                default -> {}
            }
        }

        private void takeS(ByteScanner scan) {
            if (scan.skipIf("State:")) {
                scan.skipBlanks();
                state = (char) scan.next();
            } else if (scan.skipIf("SigPnd:")) {
                sigPnd = scan.hex();
            } else if (scan.skipIf("ShdPnd:")) {
                shdPnd = scan.hex();
            } else if (scan.skipIf("SigBlk:")) {
                sigBlk = scan.hex();
            } else if (scan.skipIf("SigIgn:")) {
                sigIgn = scan.hex();
            } else if (scan.skipIf("SigCgt:")) {
                sigCgt = scan.hex();
            } else if (scan.skipIf("Seccomp:")) {
                seccomp = scan.decimalInt();
            } else if (scan.skipIf("Seccomp_filters:")) {
                seccompFilters = scan.decimalInt();
            }
        }

        private void takeN(ByteScanner scan) {
            if (scan.skipIf("Ngid:")) {
                ngid = scan.decimalInt();
            } else if (scan.skipIf("NStgid:")) {
                nsTgid = scan.decimalInts();
            } else if (scan.skipIf("NSpid:")) {
                nsPid = scan.decimalInts();
            } else if (scan.skipIf("NSpgid:")) {
                nsPgid = scan.decimalInts();
            } else if (scan.skipIf("NSsid:")) {
                nsSid = scan.decimalInts();
            } else if (scan.skipIf("NoNewPrivs:")) {
                noNewPrivs = scan.decimalInt();
            }
        }

        private void takeC(ByteScanner scan) {
            if (scan.skipIf("CoreDumping:")) {
                coreDumping = scan.decimal() != 0;
            } else if (scan.skipIf("CapInh:")) {
                capInh = scan.hex();
            } else if (scan.skipIf("CapPrm:")) {
                capPrm = scan.hex();
            } else if (scan.skipIf("CapEff:")) {
                capEff = scan.hex();
            } else if (scan.skipIf("CapBnd:")) {
                capBnd = scan.hex();
            } else if (scan.skipIf("CapAmb:")) {
                capAmb = scan.hex();
            }
        }

        Status toStatus() {
            return new Status(
                    umask,
                    state,
                    tgid,
                    ngid,
                    pid,
                    ppid,
                    tracerPid,
                    uids,
                    gids,
                    groups,
                    nsTgid,
                    nsPid,
                    nsPgid,
                    nsSid,
                    threads,
                    sigPnd,
                    shdPnd,
                    sigBlk,
                    sigIgn,
                    sigCgt,
                    capInh,
                    capPrm,
                    capEff,
                    capBnd,
                    capAmb,
                    noNewPrivs,
                    seccomp,
                    seccompFilters,
                    coreDumping,
                    thpEnabled,
                    hasMm);
        }
    }
}
