package jcriu.image;

import com.dynatrace.hash4j.hashing.HashStream128;
import com.dynatrace.hash4j.hashing.HashValue128;
import com.dynatrace.hash4j.hashing.Hasher128;
import com.dynatrace.hash4j.hashing.Hashing;
import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A digest of bytes: XXH3 of 128 bits. It finds damage; it is no defence against somebody who looks
 * for collisions.
 */
public record FileDigest(long low, long high) {
    private static final int BYTES = 16;
    private static final int STEP = 64 << 10;
    private static final Hasher128 HASHER = Hashing.xxh3_128();

    private static FileDigest of(HashValue128 value) {
        return new FileDigest(value.getLeastSignificantBits(), value.getMostSignificantBits());
    }

    /** As images hold it: the low half first, little-endian; nothing if it has another length. */
    static FileDigest read(ByteString bytes) {
        if (bytes.size() != BYTES) {
            return null;
        }
        ByteBuffer buffer = bytes.asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
        return new FileDigest(buffer.getLong(), buffer.getLong());
    }

    ByteString toBytes() {
        ByteBuffer bytes = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
        return ByteString.copyFrom(bytes.putLong(low).putLong(high).flip());
    }

    /** Takes bytes in pieces; made for one thread. */
    public static final class Stream {
        private HashStream128 stream;
        private byte[] step;
        private FileDigest whole;

        /** Takes the bytes between position and limit, and moves neither. */
        public Stream put(ByteBuffer bytes) {
            begin();
            if (bytes.hasArray()) {
                int at = bytes.arrayOffset() + bytes.position();
                stream.putBytes(bytes.array(), at, bytes.remaining());
                return this;
            }
            if (step == null) {
                step = new byte[STEP];
            }
            for (ByteBuffer rest = bytes.duplicate(); rest.hasRemaining(); ) {
                int n = Math.min(rest.remaining(), step.length);
                rest.get(step, 0, n);
                stream.putBytes(step, 0, n);
            }
            return this;
        }

        /** Takes the last bytes of an array; in one go if they are the only ones, as mostly. */
        Stream putLast(byte[] bytes, int length) {
            if (stream == null) {
                whole = of(HASHER.hashBytesTo128Bits(bytes, 0, length));
            } else {
                stream.putBytes(bytes, 0, length);
            }
            return this;
        }

        private void begin() {
            if (stream == null) {
                stream = HASHER.hashStream();
            }
        }

        /** The digest of all that was put. */
        public FileDigest get() {
            if (whole != null) {
                return whole;
            }
            begin();
            return of(stream.get());
        }
    }
}
