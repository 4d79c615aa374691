package jcriu.inspect;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import jcriu.errors.JcriuException;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.VmaStatus;
import jcriu.image.proto.file_entry;
import jcriu.image.proto.memfd_inode_entry;
import jcriu.image.proto.mm_entry;
import jcriu.image.proto.vma_entry;
import jcriu.store.PageTarget;

/**
 * Says what a page belongs to: which mapping of a task, or which object. A pre-dump does not know
 * its mappings: there those of the dump that was made on it are asked, as far as they go.
 */
final class Owners {
    private final ImageDir images;
    private final Map<Long, Optional<mm_entry>> mappings = new HashMap<>();
    private Map<Integer, String> names;

    /**
     * @param images a dump that has the mappings
     */
    Owners(ImageDir images) {
        this.images = images;
    }

    /** For people, e.g. {@code task 12, heap 0x55..-0x56..}. */
    String of(PageTarget target, long address) {
        if (target.type() == ImageType.SHMEM_PAGEMAP) {
            return target + object(target.id());
        }
        Optional<mm_entry> mm = mappings.computeIfAbsent(target.id(), this::mm);
        for (vma_entry vma : mm.map(mm_entry::getVmasList).orElse(List.of())) {
            if ((vma.getStatus() & VmaStatus.GUARD) == 0
                    && vma.getStart() <= address
                    && address < vma.getEnd()) {
                return target
                        + ", "
                        + kind(vma)
                        + " 0x"
                        + Long.toHexString(vma.getStart())
                        + "-0x"
                        + Long.toHexString(vma.getEnd());
            }
        }
        return target.toString();
    }

    private Optional<mm_entry> mm(long pid) {
        try (ImageReader in = images.reader(ImageType.MM, pid)) {
            return Optional.of(in.requireOne(mm_entry.parser()));
        } catch (JcriuException e) {
            return Optional.empty(); // missing or damaged: named by whoever checks it
        }
    }

    private String kind(vma_entry vma) {
        int status = vma.getStatus();
        if ((status & VmaStatus.HEAP) != 0) {
            return "heap";
        }
        if ((status & VmaStatus.STACK) != 0) {
            return "stack";
        }
        if ((status & (VmaStatus.FILE_PRIVATE | VmaStatus.FILE_SHARED)) != 0) {
            String name = names().get((int) vma.getShmid());
            return name == null ? "a mapped file" : name;
        }
        return "anonymous memory";
    }

    private Map<Integer, String> names() {
        if (names == null) {
            names = new HashMap<>();
            try (ImageReader in = images.reader(ImageType.FILES)) {
                for (file_entry file : in.readAll(file_entry.parser())) {
                    if (file.hasReg()) {
                        names.put(file.getId(), file.getReg().getName());
                    }
                }
            } catch (JcriuException e) {
                names.clear(); // as above
            }
        }
        return names;
    }

    private String object(long id) {
        try (ImageReader in = images.reader(ImageType.MEMFD_INODE)) {
            for (memfd_inode_entry inode : in.readAll(memfd_inode_entry.parser())) {
                if (Integer.toUnsignedLong(inode.getShmid()) == id) {
                    return " (" + inode.getName() + ")";
                }
            }
        } catch (JcriuException e) {
            return "";
        }
        return id < 1L << 31 ? " (SysV segment)" : "";
    }
}
