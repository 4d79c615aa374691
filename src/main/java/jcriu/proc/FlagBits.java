package jcriu.proc;

import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/**
 * What the bits of the kernel's {@code vm_flags} mean, learned from mappings of which both are
 * known: these bits, and the codes of smaps, each of which stands for one of them.
 *
 * <p>A bit has no lasting number, so none is assumed. A code can be any of the bits that are set in
 * all mappings that have it, and in no other mapping. Where these do not agree later, or a bit
 * comes up that has not been seen, there is no answer.
 */
final class FlagBits {
    /**
     * A mapping.
     *
     * @param bits as the kernel has them
     * @param flags a set of {@link VmFlag}
     */
    record Sample(long bits, long flags) {}

    private final long seen;
    private final Map<VmFlag, Long> candidates;

    private FlagBits(long seen, Map<VmFlag, Long> candidates) {
        this.seen = seen;
        this.candidates = candidates;
    }

    /**
     * Learns. Mappings with a code that {@link VmFlag} does not know teach nothing.
     *
     * @throws IllegalArgumentException if no bit explains a code
     */
    static FlagBits learn(Collection<Sample> all) {
        List<Sample> samples = all.stream().filter(s -> !VmFlag.UNKNOWN.in(s.flags)).toList();
        long seen = 0;
        Map<VmFlag, Long> candidates = new EnumMap<>(VmFlag.class);
        for (Sample sample : samples) {
            seen |= sample.bits;
            for (VmFlag flag : VmFlag.values()) {
                if (flag.in(sample.flags)) {
                    candidates.merge(flag, sample.bits, (a, b) -> a & b);
                }
            }
        }
        for (Map.Entry<VmFlag, Long> flag : candidates.entrySet()) {
            for (Sample sample : samples) {
                if (!flag.getKey().in(sample.flags)) {
                    flag.setValue(flag.getValue() & ~sample.bits);
                }
            }
            if (flag.getValue() == 0) {
                throw new IllegalArgumentException(
                        "no bit is seen where smaps says " + flag.getKey().code());
            }
        }
        return new FlagBits(seen, candidates);
    }

    /** The set of {@link VmFlag} that smaps would tell of these bits, where that is certain. */
    OptionalLong flags(long bits) {
        if ((bits & ~seen) != 0) {
            return OptionalLong.empty();
        }
        long flags = 0;
        for (Map.Entry<VmFlag, Long> flag : candidates.entrySet()) {
            long there = bits & flag.getValue();
            if (there != 0 && there != flag.getValue()) {
                return OptionalLong.empty();
            }
            flags |= there == 0 ? 0 : flag.getKey().mask();
        }
        return OptionalLong.of(flags);
    }
}
