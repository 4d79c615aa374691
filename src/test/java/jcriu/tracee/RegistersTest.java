package jcriu.tracee;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import jcriu.errors.Errno;
import jcriu.kernel.ProcessConstants;
import jcriu.tracee.Registers.Reg;
import org.junit.jupiter.api.Test;

/** Calls that the kernel has taken up again after an earlier stop, as restart_syscall(2). */
class RegistersTest {
    private static final long AFTER = 0x401007;
    private static final byte[] MOV_POLL = {(byte) 0xb8, 7, 0, 0, 0};
    private static final byte[] MOV_SELECT = {(byte) 0xb8, 23, 0, 0, 0};
    private static final byte[] XOR = {0, 0x40, (byte) 0x80, (byte) 0xf6, (byte) 0x80};

    private static Registers takenUpBy(byte[] instruction) {
        Registers registers = new Registers();
        registers.set(Reg.ORIG_RAX, 219); // restart_syscall
        registers.set(Reg.RAX, -ProcessConstants.ERESTART_RESTARTBLOCK);
        registers.set(Reg.RIP, AFTER);
        assertTrue(registers.isTakenUpAgain());
        assertEquals(AFTER - 7, registers.numberInstruction());
        registers.takenUpBy(instruction);
        return registers;
    }

    @Test
    void shouldMakeTheCallItselfAgain() {
        Registers registers = takenUpBy(MOV_POLL);
        assertEquals(219, registers.get(Reg.ORIG_RAX)); // a thread that runs on has what it had
        Registers again = registers.restarted();
        assertEquals(7, again.get(Reg.RAX));
        assertEquals(AFTER - 2, again.get(Reg.RIP));
        assertFalse(again.inSyscall());
    }

    @Test
    void shouldEndInEintrWhereTheCallIsNotKnownOrNotTheSame() {
        for (byte[] instruction : new byte[][] {XOR, MOV_SELECT, new byte[5]}) {
            Registers again = takenUpBy(instruction).restarted();
            assertEquals(-Errno.EINTR.number(), again.get(Reg.RAX));
            assertEquals(AFTER, again.get(Reg.RIP));
        }
    }
}
