/** How far a long piece of work is, for whoever shows it. Used by all others. */
package jcriu.progress;
