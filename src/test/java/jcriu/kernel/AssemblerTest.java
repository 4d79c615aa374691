package jcriu.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jcriu.CCompiler;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The emitted x86-64 code, read back by a disassembler. It runs in RemoteCallsIT. */
class AssemblerTest {
    private static final Pattern INSTRUCTION =
            Pattern.compile("^\\s*[0-9a-f]+:\\t(?:[0-9a-f]{2} )+\\s*\\t?(.*)$", Pattern.MULTILINE);

    @TempDir private Path scratch;

    private String disassemble(byte[] code) throws IOException {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/objdump")), "no objdump");
        Path file = scratch.resolve("code");
        Files.write(file, code);
        String text =
                CCompiler.run(
                        List.of(
                                "/usr/bin/objdump",
                                "-D",
                                "-b",
                                "binary",
                                "-m",
                                "i386:x86-64",
                                file.toString()));
        StringBuilder out = new StringBuilder();
        Matcher matcher = INSTRUCTION.matcher(text);
        while (matcher.find()) {
            String instruction = matcher.group(1).strip().replaceAll("\\s+", " ");
            if (!instruction.isEmpty()) {
                out.append(instruction).append('\n');
            }
        }
        return out.toString();
    }

    @Test
    void shouldJumpAnywhere() throws IOException {
        byte[] jump = Assembler.jump(Arch.X86_64, 0x7f0123456789L);
        String text = disassemble(java.util.Arrays.copyOf(jump, 6));
        assertEquals("jmp *0x0(%rip) # 0x6\n", text);
        assertEquals(
                0x7f0123456789L,
                java.nio.ByteBuffer.wrap(jump).order(java.nio.ByteOrder.LITTLE_ENDIAN).getLong(6));
    }

    @Test
    void shouldCallAndReturn() throws IOException {
        assertEquals(
                """
                mov $0x13e,%eax
                syscall
                ret
                """,
                disassemble(Assembler.callAndReturn(Arch.X86_64, Syscall.GETRANDOM)));
    }

    @Test
    void shouldMakeASystemCallFromABlock() throws IOException {
        assertEquals(
                """
                mov (%rdi),%rax
                mov 0x10(%rdi),%rsi
                mov 0x18(%rdi),%rdx
                mov 0x20(%rdi),%r10
                mov 0x28(%rdi),%r8
                mov 0x30(%rdi),%r9
                mov 0x8(%rdi),%rdi
                syscall
                ret
                """,
                disassemble(Assembler.syscallFunction(Arch.X86_64)));
    }

    @Test
    void shouldWalkABatch() throws IOException {
        assertEquals(
                """
                test %r12,%r12
                je 0x3d
                mov (%rbx),%rax
                mov 0x8(%rbx),%rdi
                mov 0x10(%rbx),%rsi
                mov 0x18(%rbx),%rdx
                mov 0x20(%rbx),%r10
                mov 0x28(%rbx),%r8
                mov 0x30(%rbx),%r9
                syscall
                mov %rax,0x38(%rbx)
                testb $0x1,0x40(%rbx)
                jne 0x34
                cmp $0xfffffffffffff000,%rax
                ja 0x3d
                add $0x48,%rbx
                dec %r12
                jmp 0x0
                test %r13,%r13
                je 0x65
                mov $0x27,%eax
                syscall
                mov %eax,%edi
                mov $0xba,%eax
                syscall
                mov %eax,%esi
                mov %r13d,%edx
                mov $0xea,%eax
                syscall
                mov $0xf,%eax
                syscall
                int3
                """,
                disassemble(Assembler.batch(Arch.X86_64)));
    }

    @Test
    void shouldSleepInASeed() throws IOException {
        byte[] elf = Assembler.seed(Arch.X86_64);
        assertEquals(
                """
                mov $0x9d,%eax
                mov $0x1,%edi
                mov $0x9,%esi
                syscall
                mov $0x22,%eax
                syscall
                jmp 0x11
                mov $0xf,%rax
                syscall
                """,
                disassemble(java.util.Arrays.copyOfRange(elf, 120, elf.length)));
    }
}
