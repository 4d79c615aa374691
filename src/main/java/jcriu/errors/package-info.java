/** The exception root, its kinds and the errno type. Imports nothing of ours. */
package jcriu.errors;
