package jcriu.dump;

import static jcriu.kernel.FileConstants.*;
import static jcriu.kernel.MmanConstants.*;
import static jcriu.kernel.ProcessConstants.*;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import jcriu.errors.Interruption;
import jcriu.errors.JcriuException;
import jcriu.kernel.Syscall;
import jcriu.proc.Maps;
import jcriu.proc.MapsVma;
import jcriu.resource.Vmas;
import jcriu.sys.FaultPoint;
import jcriu.tracee.RemoteBatch;
import jcriu.tracee.RemoteMemory;
import jcriu.tracee.Scratch;
import jcriu.tracee.Seed;
import jcriu.tracee.Tracee;
import jcriu.tracee.Vdso;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The process that a dump is rehearsed on: a seed with a few descriptors, as programs have them.
 */
final class Rehearsal {
    private static final int THREADS = 16;
    private static final int MAPPINGS = 20;
    private static final int PAGE = 4096;

    /** Pages with gaps between them, as a program writes them; too few for a huge page. */
    private static final int SCATTERED = 240;

    private static final Logger LOG = LoggerFactory.getLogger("dump");

    /** Rehearsals end when one gave the compiler nothing to do, or after this time. */
    private static final int FEWEST = 8;

    /** For tests that do not look at how long a freeze takes. */
    private static final int MOST = Integer.getInteger("jcriu.rehearsals", Integer.MAX_VALUE);

    private static final long LONGEST_NANOS = 1_000_000_000;
    private static final long QUIET_NANOS = 500_000;

    private Rehearsal() {}

    /** What is done again and again, with such a process and an empty directory. */
    interface Scene {
        /** Leaves both as they were. */
        void play(int pid, RehearsalDirectory directory);
    }

    /**
     * Does what the freeze will do to a process of our own, until all that it needs is loaded and
     * compiled. A failure is no matter but for the time that the freeze takes.
     */
    static void repeat(Scene scene) {
        int pid = 0;
        int rounds = 0;
        try (RehearsalDirectory directory = RehearsalDirectory.make()) {
            pid = spawn();
            FaultPoint.DUMP_REHEARSE.pass();
            FaultPoint.suspend(true);
            long before = Compiler.busyNanos();
            boolean quiet = false;
            long deadline = System.nanoTime() + LONGEST_NANOS;
            while (rounds < MOST
                    && System.nanoTime() - deadline < 0
                    && !(quiet && rounds >= FEWEST)) {
                Interruption.check();
                scene.play(pid, directory);
                long now = Compiler.busyNanos();
                quiet = now - before < QUIET_NANOS;
                before = now;
                rounds++;
            }
        } catch (JcriuException e) {
            Interruption.check();
            LOG.warn("the rehearsal failed, the freeze will take longer: {}", e.what());
        } catch (IOException e) {
            LOG.warn("no rehearsal, the freeze will take longer: {}", e.toString());
        } finally {
            FaultPoint.suspend(false);
            if (pid != 0) {
                Seed.kill(pid, List.of());
            }
        }
        LOG.info("rehearsed {} times", rounds);
    }

    /** Spawns it and lets it sleep; returns its pid. */
    static int spawn() {
        Tracee seed = Seed.spawn(0, false);
        for (MapsVma vma : Maps.read(seed.pid())) {
            if (Vmas.isVdso(vma)) {
                seed.syscallAddress(vma.start() + Vdso.syscallOffset());
            }
        }
        Scratch scratch = Scratch.map(seed, 16 << 10);
        try (RemoteBatch batch = scratch.batch()) {
            batch.add("", Syscall.CLOSE_RANGE, 0, 0xffffffffL, 0);
            long path = batch.cString("/dev/null");
            batch.add("", Syscall.OPENAT, AT_FDCWD, path, O_RDWR, 0);
            batch.add("", Syscall.DUP3, 0, 1, 0);
            batch.add("", Syscall.PIPE2, batch.data(8), 0);
            batch.add("", Syscall.EVENTFD2, 1, 0);
            // a regular file, open as descriptor 5 and mapped in pieces, as programs map libraries
            long exe = batch.cString("/proc/" + ProcessHandle.current().pid() + "/exe");
            batch.add("", Syscall.OPENAT, AT_FDCWD, exe, O_RDONLY, 0);
            for (int i = 0; i < MAPPINGS; i++) {
                batch.add("", Syscall.MMAP, 0, PAGE, i % 2 + 1, MAP_PRIVATE, 5, 2L * i * PAGE);
            }
            batch.add("", Syscall.CHDIR, batch.cString("/"));
            batch.add("", Syscall.SETSID);
            // it runs untraced: this is what ends it where jcriu is killed
            batch.add("", Syscall.PRCTL, PR_SET_PDEATHSIG, SIGKILL);
            batch.run(seed);
        }
        long length = 2L * SCATTERED * PAGE;
        int prot = PROT_READ | PROT_WRITE;
        long memory =
                seed.requireAlone(
                        Syscall.MMAP, 0, length, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        for (int i = 0; i < SCATTERED; i++) {
            RemoteMemory.write(seed.pid(), memory + 2L * i * PAGE, new byte[] {1});
        }
        for (int i = 0; i < THREADS; i++) {
            byte[] args = new byte[CLONE_ARGS_SIZE];
            ByteBuffer.wrap(args)
                    .order(ByteOrder.nativeOrder())
                    .putLong(
                            CLONE_VM
                                    | CLONE_FS
                                    | CLONE_FILES
                                    | CLONE_SIGHAND
                                    | CLONE_THREAD
                                    | CLONE_SYSVSEM);
            long at = scratch.end() - args.length;
            RemoteMemory.write(seed.pid(), at, args);
            Tracee thread = seed.clone3(at, true);
            thread.continueWith(seed.registers(), -1L);
            thread.release();
        }
        scratch.unmap(seed);
        int pid = seed.pid();
        seed.release();
        return pid;
    }
}
