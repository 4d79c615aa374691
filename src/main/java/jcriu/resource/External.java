package jcriu.resource;

import static jcriu.kernel.FileConstants.*;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.proto.TtyType;
import jcriu.image.proto.file_entry;
import jcriu.image.proto.reg_file_entry;
import jcriu.image.proto.tty_info_entry;
import jcriu.sys.Fd;
import jcriu.sys.FileStat;

/**
 * Files that belong to the outside world, {@code --external}: the dump keeps only what they are
 * called, and the restore is given others for them.
 *
 * <pre>
 * dump                      in the images           restore
 * file[MNT_ID:INODE]        file[MNT_ID:INODE]      --inherit-fd fd[N]:file[MNT_ID:INODE]
 * tty[RDEV:DEV]             tty-info, EXT_TTY       --inherit-fd fd[N]:tty[RDEV:DEV]
 * pipe:[INODE]              jcriu-pipes, outside    --inherit-fd fd[N]:pipe:[INODE]
 * dev[MAJOR/MINOR]:NAME     dev[NAME]               --external dev[NAME]:PATH, or --inherit-fd
 * </pre>
 *
 * <p>Numbers of files and terminals are hexadecimal, device numbers as stat(2) gives them.
 */
public final class External {
    private static final Pattern FILE = Pattern.compile("file\\[([0-9a-f]+):([0-9a-f]+)\\]");
    private static final Pattern TTY = Pattern.compile("tty\\[([0-9a-f]+):([0-9a-f]+)\\]");
    private static final Pattern PIPE = Pattern.compile("pipe:?\\[([0-9]+)\\]");
    private static final Pattern DEVICE = Pattern.compile("dev\\[([0-9]+)/([0-9]+)\\]:(.+)");
    private static final Pattern GIVEN = Pattern.compile("(dev\\[[^\\]]+\\]):(/.+)");

    private final List<String> named = new ArrayList<>();
    private final Set<Long> pipes = new HashSet<>();
    private final Map<Long, String> devices = new HashMap<>();

    /**
     * The resources of a dump.
     *
     * @throws IllegalArgumentException for one of another form or kind
     */
    public static External ofDump(List<String> resources) {
        External external = new External();
        for (String resource : resources) {
            Matcher device = DEVICE.matcher(resource);
            if (device.matches()) {
                long number = number(device, 1, 10) << 20 | number(device, 2, 10);
                external.devices.put(number, "dev[" + device.group(3) + "]");
            } else if (FILE.matcher(resource).matches()) {
                external.named.add(key(FILE, resource));
            } else if (TTY.matcher(resource).matches()) {
                external.named.add(key(TTY, resource));
            } else if (PIPE.matcher(resource).matches()) {
                Matcher pipe = PIPE.matcher(resource);
                pipe.matches();
                external.pipes.add(number(pipe, 1, 10));
            } else {
                throw new IllegalArgumentException(resource);
            }
        }
        return external;
    }

    /**
     * The resources of a restore: paths by what they stand for.
     *
     * @throws IllegalArgumentException for one of another form or kind
     */
    public static Map<String, String> ofRestore(List<String> resources) {
        Map<String, String> paths = new HashMap<>();
        for (String resource : resources) {
            Matcher given = GIVEN.matcher(resource);
            if (!given.matches()) {
                throw new IllegalArgumentException(resource);
            }
            paths.put(given.group(1), given.group(2));
        }
        return paths;
    }

    private static long number(Matcher matcher, int group, int radix) {
        return Long.parseUnsignedLong(matcher.group(group), radix);
    }

    /** Without leading zeros. */
    private static String key(Pattern pattern, String resource) {
        Matcher matcher = pattern.matcher(resource);
        matcher.matches();
        return resource.substring(0, resource.indexOf('['))
                + pair(number(matcher, 1, 16), number(matcher, 2, 16));
    }

    private static String pair(long first, long second) {
        return "[" + Long.toHexString(first) + ":" + Long.toHexString(second) + "]";
    }

    /**
     * What an open file is called, if it belongs to the outside world; else null.
     *
     * @param isTty whether it is a terminal
     */
    String name(OpenFile file, boolean isTty) {
        FileStat stat = file.stat();
        String name = isTty ? tty(stat) : "file" + pair(file.info().mntId(), stat.ino());
        if (named.contains(name)) {
            return name;
        }
        boolean device = stat.type() == S_IFCHR || stat.type() == S_IFBLK;
        return device && !isTty ? devices.get(stat.rdev()) : null;
    }

    /** Whether a pipe, given by its inode number, belongs to the outside world. */
    boolean isPipe(long inode) {
        return pipes.contains(inode);
    }

    /** What a terminal is called. */
    static String tty(FileStat stat) {
        return tty(stat.rdev(), stat.dev());
    }

    private static String tty(long rdev, long dev) {
        return "tty" + pair(statNumber(rdev), statNumber(dev));
    }

    /** A device number of the kernel (12 bits, 20 bits) as stat(2) gives it, makedev(3). */
    private static long statNumber(long device) {
        long major = device >>> 20;
        long minor = device & 0xfffff;
        return minor & 0xff | major << 8 | (minor & ~0xffL) << 12;
    }

    // ------------------------------------------------------------------ restore

    /** Whether a name in an entry is that of an external file, and no path. */
    static boolean isName(reg_file_entry reg) {
        String name = reg.getName();
        return reg.getExt() && (name.startsWith("file[") || name.startsWith("dev["));
    }

    /**
     * What an entry is called, if it belongs to the outside world; else null.
     *
     * @param terminal what it says of its terminal, or null
     */
    static String name(file_entry entry, tty_info_entry terminal) {
        if (entry.hasReg() && isName(entry.getReg())) {
            return entry.getReg().getName();
        }
        if (terminal != null && terminal.getType() == TtyType.EXT_TTY) {
            return tty(terminal.getRdev() & 0xffffffffL, terminal.getDev() & 0xffffffffL);
        }
        return null;
    }

    /** Opens what is given for a device. */
    static Fd open(String path, reg_file_entry reg) {
        int flags = RegFile.openFlags(reg.getFlags());
        Fd fd = Fd.open(path, flags);
        RegFile.seek(fd, reg.getPos(), flags, FileStat.of(fd.procPath()));
        return fd;
    }

    /** Nobody has given anything for it. */
    static JcriuException missing(String name) {
        boolean device = name.startsWith("dev[");
        return new JcriuException(
                        Kind.RESTORE_REFUSED, name + " was outside the tree, and is not given")
                .withHint(
                        device
                                ? "give it: --external " + name + ":PATH"
                                : "give one of your own descriptors: --inherit-fd fd[N]:" + name);
    }
}
