package jcriu.resource;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import jcriu.errors.ImageFormatException;
import jcriu.errors.UnsupportedStateException;
import jcriu.image.proto.user_x86_fpregs_entry;
import jcriu.kernel.Arch;
import jcriu.sys.Native;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

/** XSAVE areas of this processor's size, to the image and back. */
class X86FpuTest {
    private static final int[] COMPONENTS = {2, 5, 6, 7, 9};
    private static final int MXCSR_MASK = 0xffff;

    @BeforeEach
    void onlyHere() {
        assumeTrue(Native.ARCH == Arch.X86_64, "not an x86-64 processor");
    }

    private static int size() {
        return Native.cpuid(0xd, 0)[1]; // of all components that the kernel has switched on
    }

    /** What a fresh task has: no component in use. */
    private static byte[] fresh() {
        ByteBuffer area = ByteBuffer.allocate(size()).order(ByteOrder.LITTLE_ENDIAN);
        area.putShort(0, (short) 0x37f).putInt(24, 0x1f80).putInt(28, MXCSR_MASK);
        return area.array();
    }

    private static byte[] random(long seed) {
        Random random = new Random(seed);
        byte[] bytes = fresh();
        ByteBuffer area = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < 416; i++) {
            if (i < 24 || i >= 32) {
                bytes[i] = (byte) random.nextInt();
            }
        }
        bytes[5] = 0; // behind the abridged tag word
        area.putInt(24, random.nextInt() & MXCSR_MASK);
        long present = 3;
        long enabled = Native.cpuid(0xd, 0)[0] & 0xffffffffL;
        for (int component : COMPONENTS) {
            if ((enabled >> component & 1) == 0) {
                continue;
            }
            present |= 1L << component;
            int[] place = Native.cpuid(0xd, component);
            int used = component == 9 ? 8 : place[0];
            for (int i = 0; i < used; i++) {
                bytes[place[1] + i] = (byte) random.nextInt();
            }
        }
        area.putLong(512, present);
        return bytes;
    }

    @RepeatedTest(20)
    void shouldComeBackAsItWas() {
        long seed = System.nanoTime();
        byte[] before = random(seed);
        byte[] after = fresh();
        X86Fpu.restore(X86Fpu.dump(before, 1), after, "core-1.img");
        assertArrayEquals(before, after, "seed " + seed);
    }

    @Test
    void shouldRefuseStateWithoutAPlaceInTheImage() {
        byte[] area = random(1);
        ByteBuffer.wrap(area).order(ByteOrder.LITTLE_ENDIAN).putLong(512, 1L << 18 | 3); // AMX
        assertThrows(UnsupportedStateException.class, () -> X86Fpu.dump(area, 1));
    }

    @Test
    void shouldRefuseStateThatThisProcessorLacks() {
        user_x86_fpregs_entry.Builder entry = X86Fpu.dump(random(2), 1).toBuilder();
        entry.getXsaveBuilder().setXstateBv(1L << 40 | 3);
        assertThrows(
                ImageFormatException.class,
                () -> X86Fpu.restore(entry.build(), fresh(), "core-1.img"));
    }
}
