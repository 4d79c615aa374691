/**
 * Our own system calls: raw calls through one emitted function, off-heap memory, descriptors.
 *
 * <p>A raw call returns what the kernel returned, a negative errno included; there is no {@code
 * errno} variable to go stale. Calls that take structures build them in {@link NativeMemory}.
 */
package jcriu.sys;
