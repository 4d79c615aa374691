/**
 * Other processes, stopped: seize and thaw, registers, memory, and system calls that they make for
 * us.
 *
 * <p>A <em>tracee</em> is one thread. A <em>remote call</em> is a system call that it makes on our
 * behalf, one instruction of its own vDSO at a time; a <em>batch</em> is many of them behind one
 * stop, run by a few dozen bytes of code in a <em>scratch</em> area. A <em>seed</em> is the empty
 * process that a restored task is made out of.
 *
 * <p>ptrace(2) belongs to one OS thread: everything here except {@link jcriu.tracee.RemoteMemory}
 * must be called from the thread that seized.
 */
package jcriu.tracee;
