package jcriu.dump;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jcriu.dump.ObjectIds.Place;
import jcriu.image.ImageDir;
import jcriu.image.proto.jcriu_object;
import jcriu.image.proto.jcriu_place;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ObjectIdsTest {
    private static final long A = id(100);
    private static final long B = id(200);
    private static final long C = id(300);
    private static final int PID = 50;

    @TempDir Path directory;

    private static long id(long inode) {
        return inode | 1L << 31;
    }

    private static Map<Long, Set<Place>> at(long... idsAndStarts) {
        Map<Long, Set<Place>> places = new LinkedHashMap<>();
        for (int i = 0; i < idsAndStarts.length; i += 2) {
            places.put(idsAndStarts[i], Set.of(new Place(PID, idsAndStarts[i + 1])));
        }
        return places;
    }

    /** What the next dump reads of one with these objects. */
    private ImageDir written(ObjectIds ids, long... owns) {
        ImageDir images = new ImageDir(directory);
        for (long own : owns) {
            ids.of(own);
        }
        ids.write(images);
        return images;
    }

    @Test
    void shouldGoByInodesWithoutAParent() {
        ObjectIds ids = ObjectIds.of(at(A, 1000));
        assertEquals(A, ids.of(A));
        assertEquals(B, ids.of(B));
        assertEquals(7, ids.of(7)); // a segment
        assertEquals(A, ObjectIds.of(at(A, 1000), new ImageDir(directory)).of(A)); // CRIU's parent
    }

    @Test
    void shouldKeepTheIdsOfRestoredObjects() {
        ImageDir parent = written(ObjectIds.of(at(A, 1000, B, 2000)), A, B);
        // B's number has come to the object that was A
        ObjectIds ids = ObjectIds.of(at(B, 1000, C, 2000), parent);
        assertEquals(A, ids.of(B));
        assertEquals(B, ids.of(C));
        ImageDir next = written(ids, B, C);
        ids = ObjectIds.of(at(B, 1000, C, 2000), next);
        assertEquals(A, ids.of(B));
        assertEquals(B, ids.of(C));
        assertEquals(id(101), ids.of(A)); // a new object, whose own is another's now
    }

    @Test
    void shouldKnowAnObjectThatHasMoved() {
        ImageDir parent = written(ObjectIds.of(at(A, 1000)), A);
        ImageDir next = written(ObjectIds.of(at(C, 1000), parent), C);
        assertEquals(A, ObjectIds.of(at(C, 5000), next).of(C));
    }

    @Test
    void shouldGiveNoIdTwice() {
        ImageDir parent = written(ObjectIds.of(at(A, 1000)), A);
        ObjectIds ids = ObjectIds.of(at(B, 1000, A, 2000), parent);
        assertEquals(A, ids.of(B));
        assertNotEquals(A, ids.of(A));
        assertNotEquals(B, ids.of(A));
        assertEquals(7, ids.of(7));
        Map<Long, Set<Place>> both = Map.of(C, Set.of(new Place(PID, 1000), new Place(PID, 1)));
        assertEquals(A, ObjectIds.of(both, parent).of(C));
    }

    /** Ids of segments are not to be had. */
    @Test
    void shouldBelieveNoSegmentsId() {
        List<jcriu_object> before =
                List.of(
                        jcriu_object
                                .newBuilder()
                                .setId(7)
                                .setInodeId((int) A)
                                .addPlaces(jcriu_place.newBuilder().setPid(PID).setStart(1000))
                                .build());
        assertEquals(A, ObjectIds.of(at(A, 1000), before).of(A));
        Map<Long, Set<Place>> segment = at(9, 1000);
        assertEquals(A, ObjectIds.of(segment, new ImageDir(directory)).of(A));
    }
}
