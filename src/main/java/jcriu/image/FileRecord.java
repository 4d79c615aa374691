package jcriu.image;

import java.util.Optional;

/**
 * What a manifest says about a file.
 *
 * @param name without a directory
 * @param size bytes
 * @param digest of all its bytes
 * @param digestedByPage a pages file, covered by the file of its digests
 */
public record FileRecord(
        String name, long size, Optional<FileDigest> digest, boolean digestedByPage) {}
