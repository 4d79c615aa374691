package jcriu.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class BtfTest {
    private final ByteArrayOutputStream types = new ByteArrayOutputStream();
    private final ByteArrayOutputStream names = new ByteArrayOutputStream();
    private int count;

    BtfTest() {
        names.write(0);
    }

    private static void put(ByteArrayOutputStream out, int... words) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * words.length).order(ByteOrder.LITTLE_ENDIAN);
        Arrays.stream(words).forEach(bytes::putInt);
        out.writeBytes(bytes.array());
    }

    private int name(String name) {
        if (name.isEmpty()) {
            return 0;
        }
        int at = names.size();
        names.writeBytes((name + "\0").getBytes(StandardCharsets.US_ASCII));
        return at;
    }

    /** Adds a type and returns its id; a member is {its name, its type, its offset}. */
    private int type(String name, int kind, int info, int sizeOrType, int... detail) {
        put(types, name(name), kind << 24 | info, sizeOrType);
        put(types, detail);
        return ++count;
    }

    private byte[] bytes() {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        put(all, 0x0001eb9f, 24, 0, types.size(), types.size(), names.size());
        all.writeBytes(types.toByteArray());
        all.writeBytes(names.toByteArray());
        return all.toByteArray();
    }

    private int makeStructs() {
        int number = type("long", 1, 0, 8, 64);
        type("twin", 12, 0, 0); // a function comes by the name of a structure, and does not matter
        int inner = type("", 4, 2, 16, name("start"), number, 0, name("end"), number, 64);
        int constant = type("", 10, 0, number);
        int either = type("", 5, 2, 8, name("flags"), constant, 0, name("__flags"), number, 0);
        int alias = type("", 9, 0, inner);
        return type(
                "twin",
                4,
                1 << 31 | 4,
                40,
                name("first"),
                number,
                1 << 24, // a bit field, one bit wide
                0,
                alias,
                64,
                0,
                either,
                192,
                name("last"),
                number,
                256);
    }

    @Test
    void shouldFindMembersOfNamelessParts() {
        int twin = makeStructs();
        Btf btf = Btf.parse(bytes());
        assertEquals(OptionalInt.of(twin), btf.struct("twin"));
        assertEquals(OptionalInt.empty(), btf.struct("twins"));
        assertEquals(OptionalInt.of(0), btf.offset(twin, "first"));
        assertEquals(OptionalInt.of(8), btf.offset(twin, "start"));
        assertEquals(OptionalInt.of(16), btf.offset(twin, "end"));
        assertEquals(OptionalInt.of(24), btf.offset(twin, "flags"));
        assertEquals(OptionalInt.of(32), btf.offset(twin, "last"));
        assertEquals(OptionalInt.empty(), btf.offset(twin, "flag"));
    }

    @Test
    void shouldFindFunctionsBehindTypesOfEveryLength() {
        type("array", 3, 0, 0, 1, 1, 4);
        type("enum", 6, 2, 4, name("a"), 0, name("b"), 1);
        type("prototype", 13, 1, 0, name("x"), 1);
        type("wide", 19, 1, 8, name("c"), 0, 1);
        type("section", 15, 1, 8, 1, 0, 8);
        type("variable", 14, 0, 1, 1);
        type("tag", 17, 0, 1, 0);
        type("float", 16, 0, 8);
        int function = type("hook", 12, 0, 3);
        assertEquals(OptionalInt.of(function), Btf.parse(bytes()).function("hook"));
        assertEquals(OptionalInt.empty(), Btf.parse(bytes()).function("hoo"));
    }

    /** A damaged table has no end of types in types. */
    @Test
    void shouldNotWalkInCircles() {
        int id = type("circle", 4, 1, 8, 0, 1, 0);
        assertEquals(1, id);
        assertEquals(OptionalInt.empty(), Btf.parse(bytes()).offset(id, "member"));
    }

    @Test
    void shouldRefuseWhatItDoesNotKnow() {
        type("strange", 31, 0, 0);
        assertThrows(IllegalArgumentException.class, () -> Btf.parse(bytes()));
        assertThrows(IllegalArgumentException.class, () -> Btf.parse(new byte[64]));
        byte[] cut = Arrays.copyOf(new BtfTest().bytes(), 12);
        assertThrows(IndexOutOfBoundsException.class, () -> Btf.parse(cut));
    }
}
