/**
 * The kernel's ABI as data: syscall numbers, constants, struct layouts, machine code that we emit.
 *
 * <p>Nothing here calls the kernel. Constants keep the kernel's spelling, so that each can be
 * pasted into a man-page search. {@code AbiTest} compares the numbers with what a C compiler says.
 */
package jcriu.kernel;
