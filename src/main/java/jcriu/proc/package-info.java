/**
 * {@code /proc} as records: what the kernel says about a task, read and parsed but not judged.
 *
 * <p>Each class names one file of proc(5) and has two halves. {@code parse} takes bytes, and so
 * tests without a process; {@code read} opens the file and parses it at once. Readers run while the
 * target is frozen, so they scan bytes in place and make no string that nobody asked for.
 *
 * <p>A task that is gone is a {@link jcriu.errors.TaskGoneException}; a file that we may not read
 * is an {@link jcriu.errors.EnvironmentException}. Text that does not look as proc(5) says is a
 * defect of ours, thrown as kind INTERNAL.
 *
 * <p>Names and paths are decoded as UTF-8. A byte that is not UTF-8 becomes U+FFFD, so a caller who
 * must reopen a path can see that its name did not survive.
 */
package jcriu.proc;
