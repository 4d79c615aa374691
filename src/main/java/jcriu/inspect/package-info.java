/** Looks at images: what is there, whether it is whole, what can be restored. No native code. */
package jcriu.inspect;
