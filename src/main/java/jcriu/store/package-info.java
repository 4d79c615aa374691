/**
 * Pages in images: where the bytes of a page are.
 *
 * <p>A <em>run</em> is a range of pages with one origin: this dump's pages file, or its parent. No
 * native code; runs of any length are checked against the file before they are used.
 */
package jcriu.store;
