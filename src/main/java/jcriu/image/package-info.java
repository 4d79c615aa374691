/**
 * Images: their names, magics, framing and entries. Any machine can read them; nothing here calls
 * the kernel beyond plain files.
 *
 * <p>An <em>image</em> is one file, an <em>images directory</em> all files of one dump, an
 * <em>entry</em> one length-prefixed protobuf message in an image, a <em>payload</em> raw bytes
 * behind an entry. A dump is <em>complete</em> exactly when {@code inventory.img} is there.
 */
package jcriu.image;
