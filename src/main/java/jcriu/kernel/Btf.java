package jcriu.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.OptionalInt;

/**
 * The types of a kernel, as it tells them in {@code /sys/kernel/btf/vmlinux}: ids of functions, and
 * where structures have their members.
 *
 * <p>Shape: a header, then {@code struct btf_type} after {@code struct btf_type}, the first with id
 * 1, then NUL-terminated names. Source: Documentation/bpf/btf.rst.
 */
public final class Btf {
    private static final int MAGIC = 0xeB9F;
    private static final int TYPE_SIZE = 12;

    private static final int STRUCT = 4;
    private static final int UNION = 5;
    private static final int FUNC = 12;

    /** typedef, volatile, const, restrict and type tag: the same type by another name. */
    private static final int SAME = 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 18;

    /** So deep nobody nests types; a circle would have no end. */
    private static final int DEPTH = 16;

    private final ByteBuffer bytes;
    private final int names;
    private final int[] types;

    private Btf(ByteBuffer bytes, int names, int[] types) {
        this.bytes = bytes;
        this.names = names;
        this.types = types;
    }

    /**
     * Reads the table of types.
     *
     * @throws IllegalArgumentException if it is none that we know
     * @throws IndexOutOfBoundsException if it ends too early
     */
    public static Btf parse(byte[] content) {
        ByteBuffer bytes = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
        if (Short.toUnsignedInt(bytes.getShort(0)) != MAGIC || bytes.get(2) != 1) {
            throw new IllegalArgumentException("no BTF of version 1");
        }
        int header = bytes.getInt(4);
        int at = header + bytes.getInt(8);
        int end = at + bytes.getInt(12);
        int names = header + bytes.getInt(16);
        int[] types = new int[1 << 16];
        int count = 1;
        while (at < end) {
            if (count == types.length) {
                types = Arrays.copyOf(types, 2 * count);
            }
            types[count++] = at;
            at += TYPE_SIZE + detail(bytes.getInt(at + 4));
        }
        return new Btf(bytes, names, Arrays.copyOf(types, count));
    }

    /** Bytes that follow a type. */
    private static int detail(int info) {
        int count = info & 0xffff;
        switch (info >>> 24 & 31) {
            case 1: // int
            case 14: // variable
            case 17: // declaration tag
                return 4;
            case 3: // array
                return 12;
            case STRUCT:
            case UNION:
            case 15: // section
            case 19: // enum of 64 bits
                return 12 * count;
            case 6: // enum
            case 13: // prototype
                return 8 * count;
            case 2: // pointer
            case 7: // forward
            case 8: // typedef
            case 9: // volatile
            case 10: // const
            case 11: // restrict
            case FUNC:
            case 16: // float
            case 18: // type tag
                return 0;
            default:
                throw new IllegalArgumentException("kind " + (info >>> 24 & 31) + " of a type");
        }
    }

    private int kind(int id) {
        return bytes.getInt(types[id] + 4) >>> 24 & 31;
    }

    private boolean isNamed(int offset, byte[] name) {
        int at = names + offset;
        for (int i = 0; i < name.length; i++) {
            if (bytes.get(at + i) != name[i]) {
                return false;
            }
        }
        return bytes.get(at + name.length) == 0;
    }

    private OptionalInt find(int kind, String name) {
        byte[] ascii = name.getBytes(StandardCharsets.US_ASCII);
        for (int id = 1; id < types.length; id++) {
            if (kind(id) == kind && isNamed(bytes.getInt(types[id]), ascii)) {
                return OptionalInt.of(id);
            }
        }
        return OptionalInt.empty();
    }

    /** The id of a function. */
    public OptionalInt function(String name) {
        return find(FUNC, name);
    }

    /** The id of a structure. */
    public OptionalInt struct(String name) {
        return find(STRUCT, name);
    }

    /**
     * Where a structure has a member, be it within a nameless part: bytes from its beginning.
     *
     * @param struct its id
     */
    public OptionalInt offset(int struct, String member) {
        return member(struct, member.getBytes(StandardCharsets.US_ASCII), 0, DEPTH);
    }

    private OptionalInt member(int type, byte[] name, int base, int depth) {
        int id = type;
        for (int i = 0; i < DEPTH && (SAME >>> kind(id) & 1) != 0; i++) {
            id = bytes.getInt(types[id] + 8);
        }
        if (depth == 0 || kind(id) != STRUCT && kind(id) != UNION) {
            return OptionalInt.empty();
        }
        int info = bytes.getInt(types[id] + 4);
        boolean fields = info < 0; // then the upper byte of an offset is the width of a bit field
        for (int i = 0; i < (info & 0xffff); i++) {
            int at = types[id] + TYPE_SIZE + 12 * i;
            int bits = bytes.getInt(at + 8) & (fields ? 0xffffff : -1);
            OptionalInt found = OptionalInt.empty();
            if (isNamed(bytes.getInt(at), name)) {
                found = OptionalInt.of(base + bits / 8);
            } else if (bytes.getInt(at) == 0) {
                found = member(bytes.getInt(at + 4), name, base + bits / 8, depth - 1);
            }
            if (found.isPresent()) {
                return found;
            }
        }
        return OptionalInt.empty();
    }
}
