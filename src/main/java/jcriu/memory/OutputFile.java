package jcriu.memory;

/** A file that is new and being written: what {@link LocalXfer} asks of a file system. */
public interface OutputFile {
    /** Opens it; it is open while it is used only: there may be more files than descriptors. */
    Handle open();

    /** Takes its name away, if it still has it. */
    void remove();

    /** The open file. */
    interface Handle extends AutoCloseable {
        /** Makes room for so many bytes; the file may get that size, or keep its own. */
        void reserve(long bytes);

        /** Maps so many bytes, shared; stays when this is closed. 0 where that cannot be done. */
        long map(long bytes);

        /**
         * Writes what stands in our own memory, or its beginning.
         *
         * @return bytes that are written, at least 1
         */
        long write(long address, long length, long offset);

        /**
         * Reads all of it into our own memory.
         *
         * @throws jcriu.errors.JcriuException if the file ends before
         */
        void read(long address, long length, long offset);

        void truncate(long size);

        @Override
        void close();
    }
}
