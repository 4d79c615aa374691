package jcriu.memory;

import static jcriu.memory.PageStates.State.DIRTY;
import static jcriu.memory.PageStates.State.DONT_DUMP;
import static jcriu.memory.PageStates.State.DUMP;
import static jcriu.memory.PageStates.State.ZERO;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import jcriu.memory.PageStates.State;
import jcriu.store.Runs;
import org.junit.jupiter.api.Test;

class PageStatesTest {
    private static final long PAGE = 4096;

    /** Enough for edges of words, and of the blocks of the map. */
    private static final int SPACE = 3 * 65536;

    /** One state a page, as plain as can be. */
    private static final class Model {
        private final State[] states = new State[SPACE];
        private int pages;

        Model() {
            java.util.Arrays.fill(states, DONT_DUMP);
        }

        void merge(int start, int end, State state) {
            for (int page = start; page < end; page++) {
                if (state.compareTo(states[page]) > 0) {
                    states[page] = state;
                }
            }
            pages = start < end ? Math.max(pages, end) : pages;
        }

        void merge(Model other) {
            for (int page = 0; page < other.pages; page++) {
                merge(page, page + 1, other.states[page]);
            }
        }

        void foundZero(int start, int end) {
            merge(start, end, DONT_DUMP);
            for (int page = start; page < end; page++) {
                states[page] = ZERO;
            }
        }

        String runs() {
            StringBuilder runs = new StringBuilder();
            int start = 0;
            for (int page = 1; page <= pages; page++) {
                if (page == pages || states[page] != states[start]) {
                    runs.append(run(start, page, states[start]));
                    start = page;
                }
            }
            return runs.toString();
        }
    }

    private static String run(long start, long end, State state) {
        return " " + start + "-" + end + " " + state;
    }

    private static String runs(PageStates states) {
        StringBuilder runs = new StringBuilder();
        states.visit((start, end, state) -> runs.append(run(start / PAGE, end / PAGE, state)));
        return runs.toString();
    }

    private static Runs one(long start, long end) {
        Runs runs = new Runs();
        runs.add(start * PAGE, end * PAGE);
        return runs;
    }

    /** Around the edges of words and blocks as often as anywhere. */
    private static int anyPage(Random random) {
        int page =
                switch (random.nextInt(4)) {
                    case 0 -> random.nextInt(SPACE);
                    case 1 -> 65536 * random.nextInt(3) + random.nextInt(5) - 2;
                    case 2 -> 64 * random.nextInt(20) + random.nextInt(3) - 1;
                    default -> random.nextInt(200);
                };
        return Math.max(0, page);
    }

    @Test
    void shouldAgreeWithAPlainModel() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 60; round++) {
            List<PageStates> maps = new ArrayList<>();
            List<Model> models = new ArrayList<>();
            for (int mapper = 0; mapper < 3; mapper++) {
                maps.add(new PageStates());
                models.add(new Model());
            }
            StringBuilder said = new StringBuilder("seed " + seed + ", round " + round + ":");
            for (int step = random.nextInt(25); step >= 0; step--) {
                int which = random.nextInt(3);
                int start = anyPage(random);
                int end =
                        Math.min(SPACE, start + random.nextInt(random.nextBoolean() ? 70 : 70000));
                switch (random.nextInt(8)) {
                    case 0 -> {
                        int from = random.nextInt(3);
                        said.append(" " + which + "<-" + from);
                        maps.get(which).merge(maps.get(from));
                        models.get(which).merge(models.get(from));
                    }
                    case 1 -> {
                        said.append(" " + which + ":zero" + start + "-" + end);
                        maps.get(which).foundZero(one(start, end));
                        models.get(which).foundZero(start, end);
                    }
                    default -> {
                        State state = State.values()[random.nextInt(4)];
                        said.append(" " + which + ":" + state + start + "-" + end);
                        maps.get(which).merge(one(start, end), state);
                        models.get(which).merge(start, end, state);
                    }
                }
            }
            for (int i = 0; i < 3; i++) {
                requireSame(models.get(i), maps.get(i), random, said.toString());
            }
        }
    }

    private static void requireSame(Model model, PageStates map, Random random, String said) {
        assertEquals(model.runs(), runs(map), said);
        assertEquals(model.pages * PAGE, map.bytes(), said);
        for (int i = 0; i < 50; i++) {
            int page = Math.min(SPACE - 1, anyPage(random));
            assertEquals(model.states[page], map.of(page * PAGE), said + ", page " + page);
        }
        Runs used = map.used();
        assertEquals(map.with(DUMP).bytes() + map.with(DIRTY).bytes(), used.bytes(), said);
        for (int i = 0; i < used.size(); i++) {
            for (long at = used.start(i); at < used.end(i); at += PAGE) {
                assertTrue(model.states[(int) (at / PAGE)].compareTo(DUMP) >= 0, said);
            }
        }
    }

    /** The picture of its Javadoc. */
    @Test
    void shouldLetTheStrongestWordCount() {
        PageStates states = new PageStates();
        states.merge(one(0, 2), DUMP);
        states.merge(one(2, 3), DIRTY);
        states.merge(one(3, 6), DONT_DUMP);
        PageStates second = new PageStates();
        second.merge(one(3, 4), DUMP);
        second.merge(one(5, 6), DIRTY);
        second.merge(one(6, 8), DONT_DUMP);
        states.merge(second);
        states.merge(one(0, 4), DUMP);
        states.merge(one(5, 7), DUMP);
        assertEquals(
                " 0-2 DUMP 2-3 DIRTY 3-4 DUMP 4-5 DONT_DUMP 5-6 DIRTY 6-7 DUMP 7-8 DONT_DUMP",
                runs(states));
    }

    @Test
    void shouldHoldAnObjectOfManyExabytesOfWhichLittleIsUsed() {
        PageStates states = new PageStates();
        long pages = Long.MAX_VALUE / PAGE;
        states.merge(one(0, pages), DONT_DUMP);
        states.merge(one(pages - 1, pages), DUMP);
        states.merge(one(77, 78), DIRTY);
        assertEquals(
                " 0-77 DONT_DUMP 77-78 DIRTY 78-"
                        + (pages - 1)
                        + " DONT_DUMP "
                        + (pages - 1)
                        + "-"
                        + pages
                        + " DUMP",
                runs(states));
        assertEquals(DONT_DUMP, states.of(pages / 2 * PAGE));
    }

    @Test
    void shouldTakeWholePagesOnly() {
        PageStates states = new PageStates();
        assertThrows(IllegalArgumentException.class, () -> states.merge(0, 100, DUMP));
        assertThrows(IllegalArgumentException.class, () -> states.merge(-PAGE, PAGE, DUMP));
        states.merge(PAGE, PAGE, DUMP);
        assertEquals(0, states.bytes());
        assertEquals("", runs(states));
    }
}
