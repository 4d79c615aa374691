package jcriu.kernel;

import java.util.Arrays;

/**
 * The machine code that jcriu emits: a handful of instruction sequences per architecture, as bytes.
 *
 * <p>Each is position-independent. Nothing here is written into the code of a program.
 */
public final class Assembler {
    /** Bytes of one entry of a batch, see {@link #batch}. */
    public static final int BATCH_ENTRY_SIZE = 72;

    /** Byte offset of the result in a batch entry. */
    public static final int BATCH_RESULT = 56;

    /** Byte offset of the flags in a batch entry. */
    public static final int BATCH_FLAGS = 64;

    /** Flag of a batch entry: an error of this call does not end the batch. */
    public static final int BATCH_TOLERATE = 1;

    private Assembler() {}

    /**
     * A function {@code long f(long *block)} that makes the raw system call {@code block[0]} with
     * the arguments {@code block[1..6]} and returns what the kernel returned: no libc, no errno.
     */
    public static byte[] syscallFunction(Arch arch) {
        return switch (arch) {
            case X86_64 ->
                    bytes(
                            "48 8b 07" // mov (%rdi),%rax
                                    + "48 8b 77 10" // mov 16(%rdi),%rsi
                                    + "48 8b 57 18" // mov 24(%rdi),%rdx
                                    + "4c 8b 57 20" // mov 32(%rdi),%r10
                                    + "4c 8b 47 28" // mov 40(%rdi),%r8
                                    + "4c 8b 4f 30" // mov 48(%rdi),%r9
                                    + "48 8b 7f 08" // mov 8(%rdi),%rdi
                                    + "0f 05" // syscall
                                    + "c3"); // ret
            case AARCH64 ->
                    words(
                            0xaa0003e9, // mov x9, x0
                            0xf9400128, // ldr x8, [x9]
                            0xf9400520, // ldr x0, [x9, #8]
                            0xf9400921, // ldr x1, [x9, #16]
                            0xf9400d22, // ldr x2, [x9, #24]
                            0xf9401123, // ldr x3, [x9, #32]
                            0xf9401524, // ldr x4, [x9, #40]
                            0xf9401925, // ldr x5, [x9, #48]
                            0xd4000001, // svc #0
                            0xd65f03c0); // ret
        };
    }

    /**
     * A function {@code long f(long *block)} that spawns a program: it makes the call {@code
     * block[0..6]} (a {@code clone3} with CLONE_VM|CLONE_VFORK and no stack of its own), and in the
     * child the call {@code block[7..13]} (an {@code execveat}); where that fails the child exits
     * with the negated error. Returns the child's pid or a negative errno.
     *
     * <p>The child runs on the caller's stack, and may: the caller sleeps until the exec, and the
     * child pushes nothing.
     */
    public static byte[] spawnFunction(Arch arch) {
        if (arch != Arch.X86_64) {
            throw new IllegalArgumentException("spawning is not written for " + arch);
        }
        return bytes(
                "53" // push %rbx
                        + "48 89 fb" // mov %rdi,%rbx
                        + "48 8b 03" // mov (%rbx),%rax
                        + "48 8b 7b 08" // mov 8(%rbx),%rdi
                        + "48 8b 73 10" // mov 16(%rbx),%rsi
                        + "0f 05" // syscall
                        + "48 85 c0" // test %rax,%rax
                        + "74 02" // jz child
                        + "5b" // pop %rbx
                        + "c3" // ret
                        // child:
                        + "48 8b 43 38" // mov 56(%rbx),%rax
                        + "48 8b 7b 40" // mov 64(%rbx),%rdi
                        + "48 8b 73 48" // mov 72(%rbx),%rsi
                        + "48 8b 53 50" // mov 80(%rbx),%rdx
                        + "4c 8b 53 58" // mov 88(%rbx),%r10
                        + "4c 8b 43 60" // mov 96(%rbx),%r8
                        + "0f 05" // syscall
                        + "48 f7 d8" // neg %rax
                        + "89 c7" // mov %eax,%edi
                        + "b8 3c 00 00 00" // mov $60,%eax (exit)
                        + "0f 05"); // syscall
    }

    /**
     * A function {@code void f(uint32 *block)} that executes CPUID: leaf in block[0], sub-leaf in
     * block[1]; eax, ebx, ecx, edx come back in block[0..3]. x86-64 only.
     */
    public static byte[] cpuidFunction() {
        return bytes(
                "53" // push %rbx
                        + "8b 07" // mov (%rdi),%eax
                        + "8b 4f 04" // mov 4(%rdi),%ecx
                        + "0f a2" // cpuid
                        + "89 07" // mov %eax,(%rdi)
                        + "89 5f 04" // mov %ebx,4(%rdi)
                        + "89 4f 08" // mov %ecx,8(%rdi)
                        + "89 57 0c" // mov %edx,12(%rdi)
                        + "5b" // pop %rbx
                        + "c3"); // ret
    }

    /**
     * A function {@code void f(long *block)} that digests pages by a function of a library, {@code
     * struct {uint64 low, high} digest(void *page, size_t length)} at {@code block[3]}: {@code
     * block[1]} pages of 4096 bytes, at least one, from the address {@code block[0]} on; the
     * digests go to {@code block[2]}. x86-64 only.
     */
    public static byte[] pageDigestsFunction() {
        return bytes(
                "53" // push %rbx
                        + "55" // push %rbp
                        + "41 54" // push %r12
                        + "41 55" // push %r13
                        + "48 83 ec 08" // sub $8,%rsp: a call wants it aligned to 16
                        + "48 8b 1f" // mov (%rdi),%rbx
                        + "48 8b 6f 08" // mov 8(%rdi),%rbp
                        + "4c 8b 67 10" // mov 16(%rdi),%r12
                        + "4c 8b 6f 18" // mov 24(%rdi),%r13
                        // next: the processor asks for memory ahead within a page, not across
                        + "0f 18 8b 00 10 00 00" // prefetcht0 4096(%rbx)
                        + "0f 18 8b 40 10 00 00" // prefetcht0 4160(%rbx)
                        + "0f 18 8b 80 10 00 00" // prefetcht0 4224(%rbx)
                        + "0f 18 8b c0 10 00 00" // prefetcht0 4288(%rbx)
                        + "0f 18 8b 00 11 00 00" // prefetcht0 4352(%rbx)
                        + "0f 18 8b 40 11 00 00" // prefetcht0 4416(%rbx)
                        + "0f 18 8b 80 11 00 00" // prefetcht0 4480(%rbx)
                        + "0f 18 8b c0 11 00 00" // prefetcht0 4544(%rbx)
                        + "48 89 df" // mov %rbx,%rdi
                        + "be 00 10 00 00" // mov $4096,%esi
                        + "41 ff d5" // call *%r13
                        + "49 89 04 24" // mov %rax,(%r12)
                        + "49 89 54 24 08" // mov %rdx,8(%r12)
                        + "48 81 c3 00 10 00 00" // add $4096,%rbx
                        + "49 83 c4 10" // add $16,%r12
                        + "48 ff cd" // dec %rbp
                        + "75 a4" // jnz next
                        + "48 83 c4 08" // add $8,%rsp
                        + "41 5d" // pop %r13
                        + "41 5c" // pop %r12
                        + "5d" // pop %rbp
                        + "5b" // pop %rbx
                        + "c3"); // ret
    }

    /** One instruction that enters the kernel: what a vDSO is searched for. */
    public static byte[] syscallInstruction(Arch arch) {
        return arch == Arch.X86_64 ? bytes("0f 05") : words(0xd4000001);
    }

    /** The forms in which programs have {@code rt_sigreturn}: its number, then the call. */
    public static byte[][] signalReturns(Arch arch) {
        if (arch != Arch.X86_64) {
            throw new IllegalArgumentException("signal returns are not written for " + arch);
        }
        return new byte[][] {
            bytes("48 c7 c0 0f 00 00 00" /* mov $15,%rax */ + "0f 05" /* syscall */),
            bytes("b8 0f 00 00 00" /* mov $15,%eax */ + "0f 05" /* syscall */)
        };
    }

    /**
     * The code of a batch of system calls in a tracee. It starts with the address of the first
     * entry in the first batch register, the number of entries in the second and a signal or 0 in
     * the third (rbx, r12 and r13). It leaves the number of entries not yet done in the second: 0
     * when all were made. It stops at the first call that fails, unless that entry's flags have
     * {@link #BATCH_TOLERATE}.
     *
     * <p>With no signal it ends in a breakpoint. With one it sends that to its own thread; a tracer
     * sees the thread stop at {@link #batchEnd}. A thread that is no longer traced goes on, and
     * returns by rt_sigreturn(2) from the signal frame that its stack pointer points at.
     *
     * <pre>
     * entry:  0 number   8 arg0  16 arg1  24 arg2  32 arg3  40 arg4  48 arg5  56 result  64 flags
     * </pre>
     */
    public static byte[] batch(Arch arch) {
        if (arch != Arch.X86_64) {
            throw new IllegalArgumentException("batches are not written for " + arch);
        }
        return bytes(
                // loop:                                 offset 0
                "4d 85 e4" // test %r12,%r12
                        + "74 38" // jz done              3 -> 61
                        + "48 8b 03" // mov (%rbx),%rax   5
                        + "48 8b 7b 08" // mov 8(%rbx),%rdi 8
                        + "48 8b 73 10" // mov 16(%rbx),%rsi 12
                        + "48 8b 53 18" // mov 24(%rbx),%rdx 16
                        + "4c 8b 53 20" // mov 32(%rbx),%r10 20
                        + "4c 8b 43 28" // mov 40(%rbx),%r8 24
                        + "4c 8b 4b 30" // mov 48(%rbx),%r9 28
                        + "0f 05" // syscall              32
                        + "48 89 43 38" // mov %rax,56(%rbx) 34
                        + "f6 43 40 01" // testb $1,64(%rbx) 38
                        + "75 08" // jnz next             42 -> 52
                        + "48 3d 00 f0 ff ff" // cmp $-4096,%rax 44
                        + "77 09" // ja done              50 -> 61
                        // next:
                        + "48 83 c3 48" // add $72,%rbx   52
                        + "49 ff cc" // dec %r12          56
                        + "eb c3" // jmp loop             59 -> 0
                        // done:
                        + "4d 85 ed" // test %r13,%r13    61
                        + "74 23" // jz trap              64 -> 101
                        + "b8 27 00 00 00" // mov $39,%eax (getpid) 66
                        + "0f 05" // syscall              71
                        + "89 c7" // mov %eax,%edi        73
                        + "b8 ba 00 00 00" // mov $186,%eax (gettid) 75
                        + "0f 05" // syscall              80
                        + "89 c6" // mov %eax,%esi        82
                        + "44 89 ea" // mov %r13d,%edx    84
                        + "b8 ea 00 00 00" // mov $234,%eax (tgkill) 87
                        + "0f 05" // syscall              92
                        // batchEnd:
                        + "b8 0f 00 00 00" // mov $15,%eax (rt_sigreturn) 94
                        + "0f 05" // syscall              99
                        // trap:
                        + "cc"); // int3                  101
    }

    /** Where in {@link #batch} a thread stops that ended it by a signal to itself. */
    public static int batchEnd(Arch arch) {
        return batch(arch).length - 8;
    }

    /**
     * A static ELF executable of a few hundred bytes: it asks to be killed with its parent, and
     * sleeps. Everything that a restored task becomes is made out of one of these.
     *
     * <p>Layout: ELF header (64 bytes), one program header (56), code. Source: elf(5).
     */
    public static byte[] seed(Arch arch) {
        if (arch != Arch.X86_64) {
            throw new IllegalArgumentException("a seed is not written for " + arch);
        }
        byte[] code =
                bytes(
                        "b8 9d 00 00 00" // mov $157,%eax (prctl)
                                + "bf 01 00 00 00" // mov $1,%edi (PR_SET_PDEATHSIG)
                                + "be 09 00 00 00" // mov $9,%esi (SIGKILL)
                                + "0f 05" // syscall
                                + "b8 22 00 00 00" // again: mov $34,%eax (pause)
                                + "0f 05" // syscall
                                + "eb f7" // jmp again
                                // what a C library has, for rehearsals: jcriu.tracee.ReturnCode
                                + "48 c7 c0 0f 00 00 00" // mov $15,%rax (rt_sigreturn)
                                + "0f 05"); // syscall
        int headers = 64 + 56;
        long base = 0x10000;
        java.nio.ByteBuffer elf =
                java.nio.ByteBuffer.allocate(headers + code.length)
                        .order(java.nio.ByteOrder.LITTLE_ENDIAN);
        elf.put(bytes("7f 45 4c 46 02 01 01 00")).putLong(0); // magic, 64 bit, little endian, v1
        elf.putShort((short) 2).putShort((short) arch.elfMachine()).putInt(1); // ET_EXEC
        elf.putLong(base + headers).putLong(64).putLong(0); // entry, phoff, shoff
        elf.putInt(0).putShort((short) 64).putShort((short) 56).putShort((short) 1);
        elf.putShort((short) 64).putShort((short) 0).putShort((short) 0);
        elf.putInt(1).putInt(5).putLong(0).putLong(base).putLong(base); // PT_LOAD, R+X
        elf.putLong(elf.capacity()).putLong(elf.capacity()).putLong(0x1000);
        elf.put(code);
        return elf.array();
    }

    /**
     * The code of a keeper: sleeps in ppoll(2) on a list of pidfds, and exits when all of them have
     * become readable, i.e. all the processes have ended. One that has is taken out of the list:
     * its number becomes -1.
     *
     * @param count where a 32-bit number of entries stands
     * @param pollfds where the list of {@code struct pollfd} begins; both below 2 GiB
     */
    public static byte[] keeper(Arch arch, int count, int pollfds) {
        if (arch != Arch.X86_64) {
            throw new IllegalArgumentException("a keeper is not written for " + arch);
        }
        return java.nio.ByteBuffer.allocate(85)
                .order(java.nio.ByteOrder.LITTLE_ENDIAN)
                .put(bytes("b8 0f 01 00 00")) // again: mov $271,%eax (ppoll)   0
                .put((byte) 0xbf) // mov $pollfds,%edi                         5
                .putInt(pollfds)
                .put(bytes("8b 34 25")) // mov count,%esi                      10
                .putInt(count)
                .put(bytes("31 d2")) // xor %edx,%edx: no timeout              17
                .put(bytes("45 31 d2")) // xor %r10d,%r10d: our signal mask    19
                .put(bytes("0f 05")) // syscall                                22
                .put(bytes("31 db")) // xor %ebx,%ebx: how many live           24
                .put(bytes("bf")) // mov $pollfds,%edi                         26
                .putInt(pollfds)
                .put(bytes("8b 0c 25")) // mov count,%ecx                      31
                .putInt(count)
                .put(bytes("85 c9")) // each: test %ecx,%ecx                   38
                .put(bytes("74 1e")) // jz done                                40 -> 72
                .put(bytes("66 83 7f 06 00")) // cmpw $0,6(%rdi): revents      42
                .put(bytes("74 06")) // je lives                               47 -> 55
                .put(bytes("c7 07 ff ff ff ff")) // movl $-1,(%rdi)            49
                .put(bytes("83 3f 00")) // lives: cmpl $0,(%rdi)               55
                .put(bytes("78 02")) // js next                                58 -> 62
                .put(bytes("ff c3")) // inc %ebx                               60
                .put(bytes("48 83 c7 08")) // next: add $8,%rdi                62
                .put(bytes("ff c9")) // dec %ecx                               66
                .put(bytes("eb e0")) // jmp each                               68 -> 38
                .put(bytes("90 90")) // nop, nop                               70
                .put(bytes("85 db")) // done: test %ebx,%ebx                   72
                .put(bytes("75 b4")) // jnz again                              74 -> 0
                .put(bytes("b8 e7 00 00 00")) // mov $231,%eax (exit_group)      76
                .put(bytes("31 ff")) // xor %edi,%edi                          81
                .put(bytes("0f 05")) // syscall                                83
                .array();
    }

    /** Goes on at {@code target}, with all registers as they are. */
    public static byte[] jump(Arch arch, long target) {
        if (arch != Arch.X86_64) {
            throw new IllegalArgumentException("jumps are not written for " + arch);
        }
        return java.nio.ByteBuffer.allocate(14)
                .order(java.nio.ByteOrder.LITTLE_ENDIAN)
                .put(bytes("ff 25 00 00 00 00")) // jmp *0(%rip): to the address that follows
                .putLong(target)
                .array();
    }

    /** A function that makes a system call of up to three arguments, and returns its result. */
    public static byte[] callAndReturn(Arch arch, Syscall call) {
        if (arch != Arch.X86_64) {
            throw new IllegalArgumentException("calls are not written for " + arch);
        }
        return java.nio.ByteBuffer.allocate(8)
                .order(java.nio.ByteOrder.LITTLE_ENDIAN)
                .put((byte) 0xb8) // mov $number,%eax
                .putInt(call.number(arch))
                .put(bytes("0f 05" /* syscall */ + "c3" /* ret */))
                .array();
    }

    private static byte[] bytes(String hex) {
        byte[] out = new byte[hex.length()];
        int n = 0;
        int high = -1;
        for (int i = 0; i < hex.length(); i++) {
            int digit = Character.digit(hex.charAt(i), 16);
            if (digit < 0) {
                continue;
            }
            if (high < 0) {
                high = digit;
            } else {
                out[n++] = (byte) (high << 4 | digit);
                high = -1;
            }
        }
        return Arrays.copyOf(out, n);
    }

    private static byte[] words(int... instructions) {
        byte[] out = new byte[instructions.length * 4];
        for (int i = 0; i < out.length; i++) {
            out[i] = (byte) (instructions[i / 4] >>> 8 * (i % 4));
        }
        return out;
    }
}
