package jcriu.proc;

import java.nio.charset.StandardCharsets;

/** Captured text as the bytes that a reader would have filled. */
final class ProcText {
    private ProcText() {}

    /** The text with rubbish behind it, as in a reused buffer; pass {@link #length} along. */
    static byte[] bytes(String text) {
        return (text + "9 leftover\n9").getBytes(StandardCharsets.UTF_8);
    }

    static int length(String text) {
        return text.getBytes(StandardCharsets.UTF_8).length;
    }
}
