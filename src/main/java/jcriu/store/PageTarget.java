package jcriu.store;

import jcriu.image.ImageType;

/**
 * Whose pages: a task's private memory, by pid, or a shared object's, by its id in the images. In
 * every image set of a chain the same target has the same name.
 *
 * @param id the pid; or the inode number of the object, 32 bits of it, as the format has it
 */
public record PageTarget(ImageType type, long id) {
    /** Addresses are those of the task. */
    public static PageTarget task(int pid) {
        return new PageTarget(ImageType.PAGEMAP, pid);
    }

    /** Addresses are byte offsets in the object. */
    public static PageTarget object(long id) {
        return new PageTarget(ImageType.SHMEM_PAGEMAP, id & 0xffffffffL);
    }

    /** The name of its pagemap, e.g. {@code pagemap-12.img}. */
    public String fileName() {
        return type.fileName(id);
    }

    @Override
    public String toString() {
        return (type == ImageType.PAGEMAP ? "task " : "shared object ") + id;
    }
}
