package jcriu.resource;

import jcriu.image.proto.user_x86_regs_entry;
import jcriu.image.proto.user_x86_regs_mode;
import jcriu.tracee.Registers;
import jcriu.tracee.Registers.Reg;

/** General registers, and what a system call that the freeze interrupted becomes in an image. */
public final class X86Registers {
    private X86Registers() {}

    /** Makes the image entry: no kernel restarts a system call after a restore. */
    public static user_x86_regs_entry dump(Registers live) {
        Registers r = live.restarted();
        return user_x86_regs_entry
                .newBuilder()
                .setR15(r.get(Reg.R15))
                .setR14(r.get(Reg.R14))
                .setR13(r.get(Reg.R13))
                .setR12(r.get(Reg.R12))
                .setBp(r.get(Reg.RBP))
                .setBx(r.get(Reg.RBX))
                .setR11(r.get(Reg.R11))
                .setR10(r.get(Reg.R10))
                .setR9(r.get(Reg.R9))
                .setR8(r.get(Reg.R8))
                .setAx(r.get(Reg.RAX))
                .setCx(r.get(Reg.RCX))
                .setDx(r.get(Reg.RDX))
                .setSi(r.get(Reg.RSI))
                .setDi(r.get(Reg.RDI))
                .setOrigAx(r.get(Reg.ORIG_RAX))
                .setIp(r.get(Reg.RIP))
                .setCs(r.get(Reg.CS))
                .setFlags(r.get(Reg.EFLAGS))
                .setSp(r.get(Reg.RSP))
                .setSs(r.get(Reg.SS))
                .setFsBase(r.get(Reg.FS_BASE))
                .setGsBase(r.get(Reg.GS_BASE))
                .setDs(r.get(Reg.DS))
                .setEs(r.get(Reg.ES))
                .setFs(r.get(Reg.FS))
                .setGs(r.get(Reg.GS))
                .setMode(user_x86_regs_mode.NATIVE)
                .build();
    }

    public static Registers restore(user_x86_regs_entry in) {
        Registers r = new Registers();
        r.set(Reg.R15, in.getR15());
        r.set(Reg.R14, in.getR14());
        r.set(Reg.R13, in.getR13());
        r.set(Reg.R12, in.getR12());
        r.set(Reg.RBP, in.getBp());
        r.set(Reg.RBX, in.getBx());
        r.set(Reg.R11, in.getR11());
        r.set(Reg.R10, in.getR10());
        r.set(Reg.R9, in.getR9());
        r.set(Reg.R8, in.getR8());
        r.set(Reg.RAX, in.getAx());
        r.set(Reg.RCX, in.getCx());
        r.set(Reg.RDX, in.getDx());
        r.set(Reg.RSI, in.getSi());
        r.set(Reg.RDI, in.getDi());
        r.set(Reg.RIP, in.getIp());
        r.set(Reg.CS, in.getCs());
        r.set(Reg.EFLAGS, in.getFlags());
        r.set(Reg.RSP, in.getSp());
        r.set(Reg.SS, in.getSs());
        r.set(Reg.FS_BASE, in.getFsBase());
        r.set(Reg.GS_BASE, in.getGsBase());
        r.set(Reg.DS, in.getDs());
        r.set(Reg.ES, in.getEs());
        r.set(Reg.FS, in.getFs());
        r.set(Reg.GS, in.getGs());
        r.leaveSyscall();
        return r;
    }
}
