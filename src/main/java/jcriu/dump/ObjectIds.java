package jcriu.dump;

import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.ImageWriter;
import jcriu.image.proto.jcriu_object;
import jcriu.image.proto.jcriu_place;
import jcriu.resource.SharedObjects;

/**
 * The ids of shared objects in the images. An object's inode number gives it one for life, but a
 * restore makes it anew, with another number: so that its pages can be left to the parent, it has
 * the id of the object that stood there in the parent.
 *
 * <pre>
 *   parent           id 7   mapped at 1000 by task 50
 *   restored, dump   id 9   mapped at 1000 by task 50    in the images: 7
 * </pre>
 *
 * Whatever is guessed here, a page is left to the parent only if its content is the same.
 */
final class ObjectIds {
    /** A mapping of an object. */
    record Place(int pid, long start) {}

    private final Map<Long, Set<Place>> places;

    /** In the images, by the ids that inode numbers give. */
    private final Map<Long, Long> ids = new HashMap<>();

    private final Set<Long> taken = new HashSet<>();

    /** The objects of this dump. */
    private final Set<Long> used = new LinkedHashSet<>();

    private ObjectIds(Map<Long, Set<Place>> places) {
        this.places = places;
    }

    /** Those of a dump without a parent, or whose parent knows of no objects. */
    static ObjectIds of(Map<Long, Set<Place>> places) {
        return of(places, List.of());
    }

    /**
     * Those of a dump with a parent.
     *
     * @param places where the objects are mapped now, by the ids that inode numbers give
     */
    static ObjectIds of(Map<Long, Set<Place>> places, ImageDir parent) {
        try (ImageReader in = parent.reader(ImageType.JCRIU_OBJECTS)) {
            return of(places, in.readAll(jcriu_object.parser()));
        }
    }

    static ObjectIds of(Map<Long, Set<Place>> places, List<jcriu_object> before) {
        ObjectIds ids = new ObjectIds(places);
        Map<Place, Long> there = new HashMap<>();
        Map<Long, Long> inodes = new LinkedHashMap<>();
        for (jcriu_object object : before) {
            long id = object.getId() & 0xffffffffL;
            if (!SharedObjects.isByInode(id)) {
                continue; // no dump of ours says so
            }
            ids.taken.add(id);
            inodes.put(object.getInodeId() & 0xffffffffL, id);
            for (jcriu_place place : object.getPlacesList()) {
                there.put(new Place(place.getPid(), place.getStart()), id);
            }
        }
        Set<Long> claimed = new HashSet<>();
        places.forEach(
                (own, stands) -> {
                    for (Place place : stands) {
                        Long id = SharedObjects.isByInode(own) ? there.get(place) : null;
                        if (id != null && claimed.add(id)) {
                            ids.ids.put(own, id);
                            break;
                        }
                    }
                });
        for (Map.Entry<Long, Long> object : inodes.entrySet()) {
            if (!ids.ids.containsKey(object.getKey()) && claimed.add(object.getValue())) {
                ids.ids.put(object.getKey(), object.getValue());
            }
        }
        return ids;
    }

    /**
     * The id of an object in the images.
     *
     * @param own what its inode number gives, or the id of a SysV segment, which stays as it is
     */
    long of(long own) {
        if (!SharedObjects.isByInode(own)) {
            return own;
        }
        used.add(own);
        return ids.computeIfAbsent(own, this::fresh);
    }

    private long fresh(long own) {
        long id = own;
        while (!taken.add(id)) {
            id = SharedObjects.idOf(id + 1);
        }
        return id;
    }

    /** Writes what the next dump needs to know of the objects that were asked for. */
    void write(ImageDir images) {
        if (used.isEmpty()) {
            return;
        }
        try (ImageWriter out = images.writer(ImageType.JCRIU_OBJECTS)) {
            for (long own : used) {
                jcriu_object.Builder object =
                        jcriu_object
                                .newBuilder()
                                .setId((int) (long) ids.get(own))
                                .setInodeId((int) own);
                for (Place place : places.getOrDefault(own, Set.of())) {
                    object.addPlaces(
                            jcriu_place.newBuilder().setPid(place.pid).setStart(place.start));
                }
                out.write(object.build());
            }
        }
    }
}
