package jcriu.kernel;

/**
 * A processor architecture: which column of the {@link Syscall} table counts, and the machine code
 * that jcriu emits.
 *
 * <p>All emitted code is position-independent and touches no stack.
 */
public enum Arch {
    X86_64("amd64", 0x3e),
    AARCH64("aarch64", 0xb7);

    private final String javaName;
    private final int elfMachine;

    Arch(String javaName, int elfMachine) {
        this.javaName = javaName;
        this.elfMachine = elfMachine;
    }

    /** {@code e_machine} of an ELF header, elf(5). */
    public int elfMachine() {
        return elfMachine;
    }

    /**
     * The architecture that this JVM runs on.
     *
     * @throws IllegalStateException on one that jcriu does not know
     */
    public static Arch current() {
        String name = System.getProperty("os.arch");
        for (Arch arch : values()) {
            if (arch.javaName.equals(name)) {
                return arch;
            }
        }
        throw new IllegalStateException("jcriu does not know the architecture " + name);
    }
}
