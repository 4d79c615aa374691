package jcriu.proc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class FlagBitsTest {
    private static final long READ = VmFlag.of(VmFlag.RD);
    private static final long READ_WRITE = VmFlag.of(VmFlag.RD, VmFlag.WR);
    private static final long READ_LOCKED = VmFlag.of(VmFlag.RD, VmFlag.LO);

    private static FlagBits.Sample sample(long bits, long flags) {
        return new FlagBits.Sample(bits, flags);
    }

    @Test
    void shouldTellCombinationsThatItHasNotSeen() {
        FlagBits bits =
                FlagBits.learn(
                        List.of(
                                sample(0b1000, 0), // a bit without a code
                                sample(0b1001, READ),
                                sample(0b1011, READ_WRITE),
                                sample(0b1101, READ_LOCKED)));
        assertEquals(OptionalLong.of(READ_WRITE | READ_LOCKED), bits.flags(0b1111));
        assertEquals(OptionalLong.of(VmFlag.of(VmFlag.LO)), bits.flags(0b0100));
        assertEquals(OptionalLong.of(0), bits.flags(0));
    }

    @Test
    void shouldNotGuess() {
        FlagBits bits = FlagBits.learn(List.of(sample(0b000, 0), sample(0b011, READ)));
        assertEquals(OptionalLong.of(READ), bits.flags(0b011));
        assertEquals(OptionalLong.empty(), bits.flags(0b001), "either bit can be the one");
        assertEquals(OptionalLong.empty(), bits.flags(0b010), "either bit can be the one");
        assertEquals(OptionalLong.empty(), bits.flags(0b100), "never seen");
    }

    /** A flag that changed between two readings. */
    @Test
    void shouldNotLearnWhatIsNoFact() {
        assertThrows(
                IllegalArgumentException.class,
                () -> FlagBits.learn(List.of(sample(0b001, READ), sample(0b001, READ_LOCKED))));
    }

    @Test
    void shouldLeaveCodesThatItDoesNotKnowToSmaps() {
        FlagBits bits =
                FlagBits.learn(
                        List.of(
                                sample(0b000, 0),
                                sample(0b001, READ),
                                sample(0b101, READ | VmFlag.UNKNOWN.mask())));
        assertEquals(OptionalLong.of(READ), bits.flags(0b001));
        assertEquals(OptionalLong.empty(), bits.flags(0b101));
    }

    /** Whatever the numbers are, and whatever has been seen: what is told is right. */
    @Test
    void shouldNeverBeWrong() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        int told = 0;
        for (int round = 0; round < 2000; round++) {
            List<Integer> numbers = new ArrayList<>(IntStream.range(0, 64).boxed().toList());
            Collections.shuffle(numbers, random);
            int codes = 1 + random.nextInt(8);
            int silent = random.nextInt(4); // bits without a code
            List<FlagBits.Sample> samples = new ArrayList<>();
            for (int i = random.nextInt(24); i >= 0; i--) {
                samples.add(random(random, numbers, codes, silent));
            }
            FlagBits bits = FlagBits.learn(samples);
            for (int i = 0; i < 20; i++) {
                FlagBits.Sample other = random(random, numbers, codes, silent);
                OptionalLong flags = bits.flags(other.bits());
                if (flags.isPresent()) {
                    told++;
                    assertEquals(other.flags(), flags.getAsLong(), "seed " + seed);
                }
            }
            for (FlagBits.Sample known : samples) {
                assertEquals(
                        OptionalLong.of(known.flags()), bits.flags(known.bits()), "seed " + seed);
            }
        }
        assertTrue(told > 1000, told + " of 40000 were told, seed " + seed);
    }

    private static FlagBits.Sample random(
            Random random, List<Integer> numbers, int codes, int silent) {
        long bits = 0;
        long flags = 0;
        for (int i = 0; i < codes + silent; i++) {
            if (random.nextBoolean()) {
                bits |= 1L << numbers.get(i);
                flags |= i < codes ? VmFlag.values()[i].mask() : 0;
            }
        }
        return sample(bits, flags);
    }
}
