package jcriu.kernel;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.TreeMap;

/**
 * The functions that a 64-bit ELF shared object exports, read as a dynamic linker finds them: by
 * its program headers, without sections. Source: elf(5), the ELF gABI, "Dynamic Linking".
 */
public final class ElfFunctions {
    private static final int PT_LOAD = 1;
    private static final int PT_DYNAMIC = 2;
    private static final int DT_HASH = 4;
    private static final int DT_STRTAB = 5;
    private static final int DT_SYMTAB = 6;
    private static final int DT_GNU_HASH = 0x6ffffef5;
    private static final int STT_FUNC = 2;
    private static final int SYMBOL_SIZE = 24;
    private static final int LONGEST_NAME = 255;

    private final ByteBuffer elf;
    private final Map<String, Integer> offsets = new TreeMap<>();
    private long base;

    private ElfFunctions(byte[] bytes) {
        elf = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Reads an object.
     *
     * @return the byte offset of each function by name
     * @throws IllegalArgumentException if it is none
     */
    public static Map<String, Integer> of(byte[] bytes) {
        try {
            ElfFunctions functions = new ElfFunctions(bytes);
            functions.read();
            if (functions.offsets.isEmpty()) {
                throw new IllegalArgumentException("an ELF object that exports no function");
            }
            return functions.offsets;
        } catch (IndexOutOfBoundsException | BufferUnderflowException e) {
            throw new IllegalArgumentException("an ELF object that leads out of itself", e);
        }
    }

    private void read() {
        // 0x7f E L F, 64 bits, little endian
        if (elf.getInt(0) != 0x464c457f || elf.get(4) != 2 || elf.get(5) != 1) {
            throw new IllegalArgumentException("no 64-bit ELF object");
        }
        int headers = at(elf.getLong(32));
        int headerSize = elf.getShort(54) & 0xffff;
        int count = elf.getShort(56) & 0xffff;
        int dynamic = -1;
        boolean loaded = false;
        for (int i = 0; i < count; i++) {
            int header = headers + i * headerSize;
            int type = elf.getInt(header);
            if (type == PT_LOAD && !loaded) {
                base = elf.getLong(header + 16) - elf.getLong(header + 8);
                loaded = true;
            } else if (type == PT_DYNAMIC) {
                dynamic = at(elf.getLong(header + 8));
            }
        }
        if (dynamic < 0) {
            throw new IllegalArgumentException("an ELF object without a dynamic section");
        }
        int strings = -1;
        int symbols = -1;
        int hash = -1;
        int gnuHash = -1;
        for (int entry = dynamic; elf.getLong(entry) != 0; entry += 16) {
            long tag = elf.getLong(entry);
            long value = elf.getLong(entry + 8);
            if (tag == DT_STRTAB) {
                strings = at(value - base);
            } else if (tag == DT_SYMTAB) {
                symbols = at(value - base);
            } else if (tag == DT_HASH) {
                hash = at(value - base);
            } else if (tag == DT_GNU_HASH) {
                gnuHash = at(value - base);
            }
        }
        if (strings < 0 || symbols < 0 || hash < 0 && gnuHash < 0) {
            throw new IllegalArgumentException("an ELF object without symbols");
        }
        int number = hash >= 0 ? elf.getInt(hash + 4) : numberByGnuHash(gnuHash);
        for (int i = 1; i < number; i++) {
            int symbol = symbols + i * SYMBOL_SIZE;
            boolean function = (elf.get(symbol + 4) & 0xf) == STT_FUNC;
            if (function && elf.getShort(symbol + 6) != 0) {
                String name = string(strings + elf.getInt(symbol));
                offsets.put(name, at(elf.getLong(symbol + 8) - base));
            }
        }
    }

    /**
     * The table tells the number of symbols by its longest chain only: {@code u32 buckets, first
     * symbol, words of the filter, shift; u64 filter[]; u32 bucket[]; u32 chain[]}, a chain's last
     * entry being odd.
     */
    private int numberByGnuHash(int table) {
        int buckets = elf.getInt(table);
        int first = elf.getInt(table + 4);
        int bucket = table + 16 + 8 * elf.getInt(table + 8);
        int last = 0;
        for (int i = 0; i < buckets; i++) {
            last = Math.max(last, elf.getInt(bucket + 4 * i));
        }
        if (last < first) {
            return first;
        }
        int chain = bucket + 4 * buckets;
        while ((elf.getInt(chain + 4 * (last - first)) & 1) == 0) {
            last++;
        }
        return last + 1;
    }

    private String string(int offset) {
        StringBuilder text = new StringBuilder();
        for (int i = offset; elf.get(i) != 0 && text.length() < LONGEST_NAME; i++) {
            text.append((char) (elf.get(i) & 0xff));
        }
        return text.toString();
    }

    private int at(long offset) {
        if (offset < 0 || offset >= elf.capacity()) {
            throw new IndexOutOfBoundsException(offset);
        }
        return (int) offset;
    }
}
