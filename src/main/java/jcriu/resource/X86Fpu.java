package jcriu.resource;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.IntConsumer;
import jcriu.errors.ImageFormatException;
import jcriu.errors.UnsupportedStateException;
import jcriu.image.proto.user_x86_fpregs_entry;
import jcriu.image.proto.user_x86_xsave_entry;
import jcriu.sys.Native;

/**
 * x87, SSE, AVX and AVX-512 state: the XSAVE area that ptrace gives, and its fields in the image.
 *
 * <pre>
 * 0 fcw  2 fsw  4 ftw  6 fop  8 rip  16 rdp  24 mxcsr  28 mask  32 st0..7  160 xmm0..15
 * 416 padding  464 for software  512 xstate_bv  520 xcomp_bv  576 components, where CPUID says
 * </pre>
 *
 * <p>Source: Intel SDM volume 1 chapter 13 (standard format), arch/x86/include/uapi/asm/ptrace-abi.
 */
public final class X86Fpu {
    private static final int HEADER = 512;
    private static final int EXTENDED = 576;
    private static final int YMM = 2;
    private static final int BNDREGS = 3;
    private static final int BNDCSR = 4;
    private static final int OPMASK = 5;
    private static final int ZMM_HI256 = 6;
    private static final int HI16_ZMM = 7;
    private static final int PKRU = 9;

    /** Components that the image has fields for, with x87 and SSE. */
    private static final long KNOWN = 0b10_1111_1111L;

    private static final int[] OFFSET = new int[PKRU + 1];
    private static final int[] SIZE = new int[PKRU + 1];

    static {
        for (int component = YMM; component <= PKRU; component++) {
            int[] cpuid = Native.cpuid(0xd, component);
            SIZE[component] = cpuid[0];
            OFFSET[component] = cpuid[1];
        }
    }

    private X86Fpu() {}

    /** Makes the image entry of an XSAVE area. */
    public static user_x86_fpregs_entry dump(byte[] xsave, int tid) {
        ByteBuffer area = ByteBuffer.wrap(xsave).order(ByteOrder.LITTLE_ENDIAN);
        user_x86_fpregs_entry.Builder out = user_x86_fpregs_entry.newBuilder();
        out.setCwd(area.getShort(0) & 0xffff);
        out.setSwd(area.getShort(2) & 0xffff);
        out.setTwd(area.getShort(4) & 0xffff);
        out.setFop(area.getShort(6) & 0xffff);
        out.setRip(area.getLong(8));
        out.setRdp(area.getLong(16));
        out.setMxcsr(area.getInt(24));
        out.setMxcsrMask(area.getInt(28));
        words(area, 32, 32, out::addStSpace);
        words(area, 160, 64, out::addXmmSpace);
        words(area, 416, 24, out::addPadding);
        if (xsave.length > HEADER) {
            long present = area.getLong(HEADER);
            if ((present & ~KNOWN) != 0) {
                throw (UnsupportedStateException)
                        new UnsupportedStateException(
                                        "thread "
                                                + tid
                                                + " uses processor state that images have no place"
                                                + " for (xstate components 0x"
                                                + Long.toHexString(present & ~KNOWN)
                                                + ", e.g. AMX tiles)")
                                .withHint("see docs/limits.md#processor-state");
            }
            user_x86_xsave_entry.Builder x = user_x86_xsave_entry.newBuilder();
            x.setXstateBv(present);
            words(area, YMM, x::addYmmhSpace);
            longs(area, BNDREGS, 8, x::addBndregState);
            longs(area, BNDCSR, 8, x::addBndcsrState);
            longs(area, OPMASK, 8, x::addOpmaskReg);
            longs(area, ZMM_HI256, 64, x::addZmmUpper);
            longs(area, HI16_ZMM, 128, x::addHi16Zmm);
            if (has(area, PKRU)) {
                words(area, OFFSET[PKRU], 2, x::addPkru);
            }
            out.setXsave(x);
        }
        return out.build();
    }

    /**
     * Lays the image entry over the XSAVE area of a fresh task, which has this machine's size.
     *
     * @throws ImageFormatException if the entry has components that this processor lacks
     */
    public static void restore(user_x86_fpregs_entry in, byte[] xsave, String file) {
        ByteBuffer area = ByteBuffer.wrap(xsave).order(ByteOrder.LITTLE_ENDIAN);
        area.putShort(0, (short) in.getCwd());
        area.putShort(2, (short) in.getSwd());
        area.putShort(4, (short) in.getTwd());
        area.putShort(6, (short) in.getFop());
        area.putLong(8, in.getRip());
        area.putLong(16, in.getRdp());
        area.putInt(24, in.getMxcsr() & area.getInt(28));
        for (int i = 0; i < Math.min(32, in.getStSpaceCount()); i++) {
            area.putInt(32 + 4 * i, in.getStSpace(i));
        }
        for (int i = 0; i < Math.min(64, in.getXmmSpaceCount()); i++) {
            area.putInt(160 + 4 * i, in.getXmmSpace(i));
        }
        if (xsave.length <= HEADER) {
            return;
        }
        if (!in.hasXsave()) {
            area.putLong(HEADER, 3);
            return;
        }
        user_x86_xsave_entry x = in.getXsave();
        long present = x.getXstateBv();
        for (int component = YMM; component < 63; component++) {
            boolean here =
                    component <= PKRU && SIZE[component] != 0 && has(area, component)
                            || component == 8;
            if ((present & 1L << component) != 0 && !here) {
                throw new ImageFormatException(
                        file,
                        -1,
                        "holds processor state (xstate component "
                                + component
                                + ") that this processor does not have");
            }
        }
        area.putLong(HEADER, present & ~(1L << 8));
        for (int i = 0; i < Math.min(64, x.getYmmhSpaceCount()) && has(area, YMM); i++) {
            area.putInt(OFFSET[YMM] + 4 * i, x.getYmmhSpace(i));
        }
        putLongs(area, BNDREGS, x.getBndregStateList());
        putLongs(area, BNDCSR, x.getBndcsrStateList());
        putLongs(area, OPMASK, x.getOpmaskRegList());
        putLongs(area, ZMM_HI256, x.getZmmUpperList());
        putLongs(area, HI16_ZMM, x.getHi16ZmmList());
        for (int i = 0; i < Math.min(2, x.getPkruCount()) && has(area, PKRU); i++) {
            area.putInt(OFFSET[PKRU] + 4 * i, x.getPkru(i));
        }
    }

    private static boolean has(ByteBuffer area, int component) {
        return SIZE[component] != 0
                && OFFSET[component] >= EXTENDED
                && OFFSET[component] + SIZE[component] <= area.capacity();
    }

    private static void words(ByteBuffer area, int component, IntConsumer to) {
        if (has(area, component)) {
            words(area, OFFSET[component], 64, to);
        }
    }

    private static void words(ByteBuffer area, int offset, int count, IntConsumer to) {
        for (int i = 0; i < count; i++) {
            to.accept(area.getInt(offset + 4 * i));
        }
    }

    private static void longs(
            ByteBuffer area, int component, int count, java.util.function.LongConsumer to) {
        if (has(area, component)) {
            for (int i = 0; i < count; i++) {
                to.accept(area.getLong(OFFSET[component] + 8 * i));
            }
        }
    }

    private static void putLongs(ByteBuffer area, int component, java.util.List<Long> values) {
        if (has(area, component)) {
            int room = Math.min(SIZE[component] / 8, values.size());
            for (int i = 0; i < room; i++) {
                area.putLong(OFFSET[component] + 8 * i, values.get(i));
            }
        }
    }
}
