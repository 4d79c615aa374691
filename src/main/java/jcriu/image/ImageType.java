package jcriu.image;

/**
 * The kinds of files in an images directory: name, magic, and what stands in front of the entries.
 *
 * <p>Constants carry the names of the magics; the table holds also the kinds that only old dumps
 * have. In a file name {@code %u} and {@code %d} are a decimal id, {@code %x} a hexadecimal one,
 * {@code %s} a word. Two kinds that share a file name ({@code pages-1.img}) stand with the current
 * one first.
 */
public enum ImageType {
    INVENTORY("inventory", 0x58313116, Head.INVENTORY),
    FDINFO("fdinfo-%u", 0x56213732, Head.NORMAL),
    PAGEMAP("pagemap-%u", 0x56084025, Head.NORMAL),
    SHMEM_PAGEMAP("pagemap-shmem-%u", 0x56084025, Head.NORMAL),
    REG_FILES("reg-files", 0x50363636, Head.NORMAL),
    EXT_FILES("ext-files", 0x59255641, Head.NORMAL),
    NS_FILES("ns-files", 0x61394011, Head.NORMAL),
    EVENTFD_FILE("eventfd", 0x44523722, Head.NORMAL),
    EVENTPOLL_FILE("eventpoll", 0x45023858, Head.NORMAL),
    EVENTPOLL_TFD("eventpoll-tfd", 0x44433746, Head.NORMAL),
    SIGNALFD("signalfd", 0x57323820, Head.NORMAL),
    INOTIFY_FILE("inotify", 0x48424431, Head.NORMAL),
    INOTIFY_WD("inotify-wd", 0x54562009, Head.NORMAL),
    FANOTIFY_FILE("fanotify", 0x55096122, Head.NORMAL),
    FANOTIFY_MARK("fanotify-mark", 0x56506035, Head.NORMAL),
    CORE("core-%u", 0x55053847, Head.NORMAL),
    IDS("ids-%u", 0x54432030, Head.NORMAL),
    MM("mm-%u", 0x57492820, Head.NORMAL),
    VMAS("vmas-%u", 0x54123737, Head.NORMAL),
    PIPES("pipes", 0x56513555, Head.NORMAL),
    PIPES_DATA("pipes-data", 0x56453709, Head.NORMAL),
    FIFO("fifo", 0x58364939, Head.NORMAL),
    FIFO_DATA("fifo-data", 0x59333054, Head.NORMAL),
    PSTREE("pstree", 0x50273030, Head.NORMAL),
    SIGACT("sigacts-%u", 0x55344201, Head.NORMAL),
    UNIXSK("unixsk", 0x54373943, Head.NORMAL),
    INETSK("inetsk", 0x56443851, Head.NORMAL),
    PACKETSK("packetsk", 0x60454618, Head.NORMAL),
    NETLINK_SK("netlinksk", 0x58005614, Head.NORMAL),
    SK_QUEUES("sk-queues", 0x56264026, Head.NORMAL),
    ITIMERS("itimers-%u", 0x57464056, Head.NORMAL),
    POSIX_TIMERS("posix-timers-%u", 0x52603957, Head.NORMAL),
    CREDS("creds-%u", 0x54023547, Head.NORMAL),
    UTSNS("utsns-%u", 0x54473203, Head.NORMAL),
    IPC_VAR("ipcns-var-%u", 0x53115007, Head.NORMAL),
    IPCNS_SHM("ipcns-shm-%u", 0x46283044, Head.NORMAL),
    IPCNS_MSG("ipcns-msg-%u", 0x55453737, Head.NORMAL),
    IPCNS_SEM("ipcns-sem-%u", 0x59573019, Head.NORMAL),
    FS("fs-%u", 0x51403912, Head.NORMAL),
    REMAP_FPATH("remap-fpath", 0x59133954, Head.NORMAL),
    GHOST_FILE("ghost-file-%x", 0x52583605, Head.NORMAL),
    MEMFD_INODE("memfd", 0x48453499, Head.NORMAL),
    TCP_STREAM("tcp-stream-%x", 0x51465506, Head.NORMAL),
    MNTS("mountpoints-%u", 0x55563928, Head.NORMAL),
    NETDEV("netdev-%u", 0x57373951, Head.NORMAL),
    NETNS("netns-%u", 0x55933752, Head.NORMAL),
    IFADDR("ifaddr-%u", 0, Head.RAW),
    ROUTE("route-%u", 0, Head.RAW),
    ROUTE6("route6-%u", 0, Head.RAW),
    RULE("rule-%u", 0, Head.RAW),
    IPTABLES("iptables-%u", 0, Head.RAW),
    IP6TABLES("ip6tables-%u", 0, Head.RAW),
    NFTABLES("nftables-%u", 0, Head.RAW),
    TMPFS_IMG("tmpfs-%u.tar.gz", 0, Head.RAW),
    TMPFS_DEV("tmpfs-dev-%u.tar.gz", 0, Head.RAW),
    AUTOFS("autofs-%u", 0x49353943, Head.NORMAL),
    BINFMT_MISC_OLD("binfmt-misc-%u", 0x67343323, Head.NORMAL),
    BINFMT_MISC("binfmt-misc", 0x67343323, Head.NORMAL),
    TTY_FILES("tty", 0x59433025, Head.NORMAL),
    TTY_INFO("tty-info", 0x59453036, Head.NORMAL),
    TTY_DATA("tty-data", 0x59413026, Head.NORMAL),
    FILE_LOCKS("filelocks", 0x54323616, Head.NORMAL),
    RLIMIT("rlimit-%u", 0x57113925, Head.NORMAL),
    PAGES("pages-%u", 0, Head.RAW),
    PAGES_OLD("pages-%d", 0x56084025, Head.NORMAL),
    SHM_PAGES_OLD("pages-shmem-%d", 0x56084025, Head.NORMAL),
    SIGNAL("signal-s-%u", 0x59255647, Head.NORMAL),
    PSIGNAL("signal-p-%u", 0x59255647, Head.NORMAL),
    TUNFILE("tunfile", 0x57143751, Head.NORMAL),
    CGROUP("cgroup", 0x59383330, Head.NORMAL),
    TIMERFD("timerfd", 0x50493712, Head.NORMAL),
    CPUINFO("cpuinfo", 0x61404013, Head.NORMAL),
    SECCOMP("seccomp", 0x64413049, Head.NORMAL),
    USERNS("userns-%u", 0x55474906, Head.NORMAL),
    NETNF_CT("netns-ct-%u", 0, Head.RAW),
    NETNF_EXP("netns-exp-%u", 0, Head.RAW),
    FILES("files", 0x56303138, Head.NORMAL),
    TIMENS("timens-%u", 0x43114433, Head.NORMAL),
    PIDNS("pidns-%u", 0x61157326, Head.NORMAL),
    BPFMAP_FILE("bpfmap-file", 0x57506142, Head.NORMAL),
    BPFMAP_DATA("bpfmap-data", 0x64324033, Head.NORMAL),
    APPARMOR("apparmor", 0x59423047, Head.NORMAL),
    PIDFD("pidfd", 0x54435556, Head.NORMAL),
    STATS("stats-%s", 0x57093306, Head.SERVICE),
    IRMAP_CACHE("irmap-cache", 0x57004059, Head.SERVICE),

    /** Our own: a digest for each page of a pages file. */
    JCRIU_DIGESTS("jcriu-digests-%u", 0, Head.RAW),

    /** Our own: what the format has no field for. */
    JCRIU_TASKS("jcriu-tasks", 0x6a637231, Head.INVENTORY),

    /** Our own: how memory is locked, named and sealed. */
    JCRIU_MEMORY("jcriu-memory", 0x6a63724d, Head.INVENTORY),

    /** Our own: which tracker was set at the end of the dump, and for what. */
    JCRIU_TRACK("jcriu-track", 0x6a637274, Head.INVENTORY),

    /** Our own: where shared objects stood, so that they keep their ids. */
    JCRIU_OBJECTS("jcriu-objects", 0x6a63726f, Head.INVENTORY),

    /** Our own: packets of pipes. */
    JCRIU_PIPES("jcriu-pipes", 0x6a637232, Head.INVENTORY),

    /** Our own: epoll watches of files that are not at their numbers. */
    JCRIU_EPOLL("jcriu-epoll", 0x6a637765, Head.INVENTORY),

    /** Our own: what the format has no field for in open files. */
    JCRIU_FILES("jcriu-files", 0x6a637766, Head.INVENTORY),

    /** Our own: what the checkpoint consists of. */
    JCRIU_MANIFEST("jcriu-manifest", 0x6a63726d, Head.INVENTORY),

    /** Our own: pages that have left the pages files beside it, and for whom. */
    JCRIU_SUPERSEDED("jcriu-superseded", 0x6a637273, Head.INVENTORY),

    /** Our own: the dump is being linked to another; what may be left over of that. */
    JCRIU_LINKING("jcriu-linking", 0x6a63726c, Head.INVENTORY);

    /** What a file begins with. */
    public enum Head {
        /** The common magic, then the type's. */
        NORMAL,
        /** The type's magic alone. */
        INVENTORY,
        /** The service magic, then the type's; the file has no suffix, and is in the work dir. */
        SERVICE,
        /** Nothing: payload from the first byte. */
        RAW
    }

    static final int COMMON_MAGIC = 0x54564319;
    static final int SERVICE_MAGIC = 0x55105940;

    private final String pattern;
    private final int magic;
    private final Head head;

    ImageType(String pattern, int magic, Head head) {
        this.pattern = pattern;
        this.magic = magic;
        this.head = head;
    }

    public int magic() {
        return magic;
    }

    public Head head() {
        return head;
    }

    /**
     * The file name for an id, e.g. {@code core-12.img}; an id that the name lacks is not used.
     *
     * @param ids a number, or a word for {@link #STATS}; an Integer is unsigned, as in the images
     */
    public String fileName(Object... ids) {
        int at = pattern.indexOf('%');
        if (at < 0) {
            return pattern + suffix();
        }
        if (ids.length == 0) {
            throw new IllegalArgumentException(name() + " images are named with an id");
        }
        char form = pattern.charAt(at + 1);
        String id =
                switch (form) {
                    case 'x' -> Long.toHexString(number(ids[0]));
                    case 'u' -> Long.toUnsignedString(number(ids[0]));
                    case 'd' -> Long.toString(number(ids[0]));
                    default -> ids[0].toString();
                };
        if (form == 's' && !isId(id, form)) {
            throw new IllegalArgumentException("not a word for a file name: " + id);
        }
        return pattern.substring(0, at) + id + pattern.substring(at + 2) + suffix();
    }

    private static long number(Object id) {
        return id instanceof Integer i ? Integer.toUnsignedLong(i) : ((Number) id).longValue();
    }

    private String suffix() {
        return head == Head.SERVICE ? "" : ".img";
    }

    /** The number in the name of a file of this kind, which {@link #ofFileName} has told. */
    public long idOf(String fileName) {
        int at = pattern.indexOf('%');
        int end = fileName.length() - (pattern.length() - at - 2) - suffix().length();
        String id = fileName.substring(at, end);
        return pattern.charAt(at + 1) == 'x'
                ? Long.parseUnsignedLong(id, 16)
                : Long.parseUnsignedLong(id);
    }

    /** The kind that a file of this name is, or null if the name is none of ours. */
    public static ImageType ofFileName(String name) {
        for (ImageType type : values()) {
            int at = type.pattern.indexOf('%');
            String prefix = at < 0 ? type.pattern : type.pattern.substring(0, at);
            String suffix = (at < 0 ? "" : type.pattern.substring(at + 2)) + type.suffix();
            if (!name.startsWith(prefix)
                    || !name.endsWith(suffix)
                    || name.length() < prefix.length() + suffix.length()) {
                continue;
            }
            String id = name.substring(prefix.length(), name.length() - suffix.length());
            if (at < 0 ? id.isEmpty() : isId(id, type.pattern.charAt(at + 1))) {
                return type;
            }
        }
        return null;
    }

    private static boolean isId(String id, char form) {
        String digits =
                switch (form) {
                    case 'x' -> "0123456789abcdef";
                    case 's' -> "abcdefghijklmnopqrstuvwxyz";
                    default -> "0123456789";
                };
        return !id.isEmpty() && id.chars().allMatch(c -> digits.indexOf(c) >= 0);
    }
}
