package jcriu.resource;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.Map;
import jcriu.kernel.Arch;
import jcriu.kernel.Assembler;
import jcriu.kernel.ElfFunctions;
import jcriu.kernel.Syscall;
import jcriu.tracee.Vdso;
import org.junit.jupiter.api.Test;

/** That the stubs work shows in scripts/zdtm --foreign-vdso. */
class VdsoStubsTest {
    private static final long KERNELS = 0x7f0012345000L;
    private static final byte[] JUMP = Assembler.jump(Arch.X86_64, KERNELS + 0x800);

    private static byte[] at(byte[] code, int offset, int length) {
        return Arrays.copyOfRange(code, offset, offset + length);
    }

    @Test
    void shouldJumpToTheSameFunction() {
        byte[] code =
                VdsoStubs.code(
                        new byte[4096],
                        Map.of("__vdso_time", 256, "time", 256, "__vdso_getcpu", 256 + 14),
                        Map.of("__vdso_time", 0x800, "time", 0x800, "__vdso_getcpu", 0x900),
                        KERNELS);
        assertArrayEquals(JUMP, at(code, 256, 14));
        assertArrayEquals(Assembler.jump(Arch.X86_64, KERNELS + 0x900), at(code, 270, 14));
        assertArrayEquals(new byte[256], at(code, 0, 256));
        assertArrayEquals(new byte[4096 - 284], at(code, 284, 4096 - 284));
    }

    @Test
    void shouldMakeTheCallWhereThisKernelHasNoSuchFunction() {
        byte[] code =
                VdsoStubs.code(
                        new byte[4096],
                        Map.of("__vdso_getrandom", 64, "getrandom", 64),
                        Map.of("__vdso_time", 0x800),
                        KERNELS);
        assertArrayEquals(Assembler.callAndReturn(Arch.X86_64, Syscall.GETRANDOM), at(code, 64, 8));
    }

    @Test
    void shouldRefuseAFunctionThatNothingStandsFor() {
        assertEquals(
                "this kernel has nothing for [__vdso_future]",
                assertThrows(
                                IllegalArgumentException.class,
                                () ->
                                        VdsoStubs.code(
                                                new byte[4096],
                                                Map.of("__vdso_future", 64),
                                                Map.of("__vdso_time", 0x800),
                                                KERNELS))
                        .getMessage());
    }

    @Test
    void shouldRefuseFunctionsWithoutRoomForAJump() {
        Map<String, Integer> ours = Map.of("__vdso_time", 0x800, "__vdso_getcpu", 0x900);
        for (Map<String, Integer> theirs :
                java.util.List.of(
                        Map.of("__vdso_time", 64, "__vdso_getcpu", 64 + 13),
                        Map.of("__vdso_time", 4096 - 13))) {
            assertThrows(
                    IllegalArgumentException.class,
                    () -> VdsoStubs.code(new byte[4096], theirs, ours, KERNELS));
        }
    }

    @Test
    void shouldFindRoomInTheVdsoOfThisKernel() {
        Map<String, Integer> ours = ElfFunctions.of(Vdso.bytes());
        byte[] code = VdsoStubs.code(Vdso.bytes(), ours, ours, KERNELS);
        int offset = ours.get("__vdso_clock_gettime");
        assertArrayEquals(
                Assembler.jump(Arch.X86_64, KERNELS + offset), at(code, offset, JUMP.length));
    }
}
