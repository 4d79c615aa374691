package jcriu.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Set;
import org.junit.jupiter.api.Test;

class ImageTypeTest {
    /** Their files are named like those of the current kind. */
    private static final Set<ImageType> SHADOWED = Set.of(ImageType.PAGES_OLD);

    @Test
    void shouldNameFilesAsCriuDoes() {
        assertEquals("inventory.img", ImageType.INVENTORY.fileName());
        assertEquals("core-123.img", ImageType.CORE.fileName(123));
        assertEquals("pagemap-shmem-5.img", ImageType.SHMEM_PAGEMAP.fileName(5L));
        assertEquals("ghost-file-1a.img", ImageType.GHOST_FILE.fileName(26));
        assertEquals("stats-dump", ImageType.STATS.fileName("dump"));
        assertEquals("irmap-cache", ImageType.IRMAP_CACHE.fileName());
        assertEquals("tmpfs-dev-46.tar.gz.img", ImageType.TMPFS_DEV.fileName(46));
        assertEquals("tcp-stream-ffffffff.img", ImageType.TCP_STREAM.fileName(-1));
        assertEquals("pages-4294967295.img", ImageType.PAGES.fileName(-1));
    }

    @Test
    void shouldRefuseNamesWithoutId() {
        assertThrows(IllegalArgumentException.class, () -> ImageType.CORE.fileName());
        assertThrows(IllegalArgumentException.class, () -> ImageType.STATS.fileName("../dump"));
    }

    @Test
    void shouldFindTheKindOfEachName() {
        for (ImageType type : ImageType.values()) {
            String name = type == ImageType.STATS ? type.fileName("dump") : type.fileName(7);
            ImageType expected = SHADOWED.contains(type) ? ImageType.PAGES : type;
            assertEquals(expected, ImageType.ofFileName(name), name);
        }
        assertEquals(96, ImageType.values().length, "85 of the format, eleven of our own");
    }

    @Test
    void shouldFindTheNumberInAName() {
        assertEquals(12, ImageType.PAGEMAP.idOf("pagemap-12.img"));
        assertEquals(4294967295L, ImageType.SHMEM_PAGEMAP.idOf("pagemap-shmem-4294967295.img"));
        assertEquals(26, ImageType.GHOST_FILE.idOf("ghost-file-1a.img"));
        assertEquals(46, ImageType.TMPFS_DEV.idOf("tmpfs-dev-46.tar.gz.img"));
    }

    @Test
    void shouldNotKnowOtherNames() {
        for (String name :
                new String[] {
                    "",
                    "dump.log",
                    "core-.img",
                    "core-1",
                    "core-x.img",
                    "core--1.img",
                    "stats-",
                    "inventory.img.tmp",
                    "core-\u0661.img",
                    "ghost-file-G.img",
                    "parent"
                }) {
            assertNull(ImageType.ofFileName(name), name);
        }
    }
}
