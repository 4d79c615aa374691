/**
 * Memory between a task and an image: which pages a mapping has, and moving them on all cores.
 *
 * <p>A <em>run</em> is a range of pages that is treated alike.
 */
package jcriu.memory;
