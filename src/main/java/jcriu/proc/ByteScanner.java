package jcriu.proc;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;

/** A cursor over the ASCII text of one {@code /proc} file. */
final class ByteScanner {
    private final String file;
    private final byte[] text;
    private final int end;
    private int pos;

    /**
     * @param file the name for error messages, e.g. {@code stat}
     */
    ByteScanner(String file, byte[] text, int lengthBytes) {
        this.file = file;
        this.text = text;
        this.end = lengthBytes;
    }

    int pos() {
        return pos;
    }

    void seek(int newPos) {
        pos = newPos;
    }

    boolean atEnd() {
        return pos >= end;
    }

    boolean atEndOfLine() {
        return pos >= end || text[pos] == '\n';
    }

    /** The byte under the cursor, or -1 at the end. */
    int peek() {
        return pos < end ? text[pos] : -1;
    }

    int next() {
        if (pos >= end) {
            throw malformed("more text");
        }
        return text[pos++];
    }

    void expect(char wanted) {
        if (peek() != wanted) {
            throw malformed("'" + wanted + "'");
        }
        pos++;
    }

    /** Moves behind {@code ascii} if the text goes on with it. */
    boolean skipIf(String ascii) {
        int length = ascii.length();
        if (end - pos < length) {
            return false;
        }
        for (int i = 0; i < length; i++) {
            if (text[pos + i] != ascii.charAt(i)) {
                return false;
            }
        }
        pos += length;
        return true;
    }

    /** Moves over spaces and tabs, never past the end of the line. */
    void skipBlanks() {
        while (pos < end && (text[pos] == ' ' || text[pos] == '\t')) {
            pos++;
        }
    }

    /** Moves to the next blank or end of line. */
    void skipWord() {
        while (pos < end && text[pos] != ' ' && text[pos] != '\t' && text[pos] != '\n') {
            pos++;
        }
    }

    void skipLine() {
        int at = endOfLine();
        pos = at < end ? at + 1 : end;
    }

    /** The index of this line's newline, or of the end of the text. */
    int endOfLine() {
        int at = pos;
        while (at < end && text[at] != '\n') {
            at++;
        }
        return at;
    }

    /** A decimal number after blanks; one above {@code Long.MAX_VALUE} is kept as its 64 bits. */
    long decimal() {
        skipBlanks();
        boolean negative = peek() == '-';
        if (negative) {
            pos++;
        }
        int from = pos;
        long value = 0;
        for (; pos < end; pos++) {
            int digit = text[pos] - '0';
            if (digit < 0 || digit > 9) {
                break;
            }
            value = value * 10 + digit;
        }
        if (pos == from) {
            throw malformed("a decimal number");
        }
        return negative ? -value : value;
    }

    int decimalInt() {
        return (int) decimal();
    }

    /** A hexadecimal number after blanks, without 0x; 64 bits, unsigned. */
    long hex() {
        skipBlanks();
        int from = pos;
        long value = 0;
        for (; pos < end; pos++) {
            int digit = hexDigit(text[pos]);
            if (digit < 0) {
                break;
            }
            value = value << 4 | digit;
        }
        if (pos == from) {
            throw malformed("a hexadecimal number");
        }
        return value;
    }

    /** An octal number after blanks. */
    long octal() {
        skipBlanks();
        int from = pos;
        long value = 0;
        for (; pos < end; pos++) {
            int digit = text[pos] - '0';
            if (digit < 0 || digit > 7) {
                break;
            }
            value = value << 3 | digit;
        }
        if (pos == from) {
            throw malformed("an octal number");
        }
        return value;
    }

    /** The decimal numbers up to the end of the line. */
    int[] decimalInts() {
        int[] values = new int[4];
        int count = 0;
        skipBlanks();
        while (!atEndOfLine()) {
            if (count == values.length) {
                values = Arrays.copyOf(values, count * 2);
            }
            values[count++] = decimalInt();
            skipBlanks();
        }
        return count == values.length ? values : Arrays.copyOf(values, count);
    }

    /** The text up to the next blank or end of line, after blanks. */
    String word() {
        skipBlanks();
        int from = pos;
        skipWord();
        return string(from, pos);
    }

    /** A word with the kernel's octal escapes undone. */
    String unescapedWord() {
        skipBlanks();
        int from = pos;
        skipWord();
        return unescaped(from, pos);
    }

    /** The rest of the line; moves to its newline. */
    String restOfLine() {
        int from = pos;
        pos = endOfLine();
        return string(from, pos);
    }

    String string(int from, int to) {
        return new String(text, from, to - from, StandardCharsets.UTF_8);
    }

    /** A string where each backslash with three octal digits is put back to its byte. */
    String unescaped(int from, int to) {
        return unescaped(from, to, false);
    }

    /** The same for a file whose only escape is {@code \012}; other backslashes are real. */
    String unescapedNewlines(int from, int to) {
        return unescaped(from, to, true);
    }

    private String unescaped(int from, int to, boolean onlyNewlines) {
        int escape = from;
        while (escape < to && text[escape] != '\\') {
            escape++;
        }
        if (escape == to) {
            return string(from, to);
        }
        byte[] raw = new byte[to - from];
        int length = 0;
        for (int i = from; i < to; i++) {
            int value = text[i] == '\\' && to - i > 3 ? octalTriple(i + 1) : -1;
            if (value >= 0 && (!onlyNewlines || value == '\n')) {
                raw[length++] = (byte) value;
                i += 3;
            } else {
                raw[length++] = text[i];
            }
        }
        return new String(raw, 0, length, StandardCharsets.UTF_8);
    }

    /** The byte that three octal digits stand for, or -1. */
    private int octalTriple(int at) {
        int value = 0;
        for (int i = at; i < at + 3; i++) {
            if (text[i] < '0' || text[i] > '7') {
                return -1;
            }
            value = value << 3 | text[i] - '0';
        }
        return value;
    }

    JcriuException malformed(String wanted) {
        String found = pos < end ? "'" + (char) (text[pos] & 0xff) + "'" : "the end";
        return new JcriuException(
                Kind.INTERNAL,
                "/proc " + file + " at byte " + pos + ": expected " + wanted + ", found " + found);
    }

    private static int hexDigit(byte b) {
        if (b >= '0' && b <= '9') {
            return b - '0';
        }
        if (b >= 'a' && b <= 'f') {
            return b - 'a' + 10;
        }
        if (b >= 'A' && b <= 'F') {
            return b - 'A' + 10;
        }
        return -1;
    }
}
