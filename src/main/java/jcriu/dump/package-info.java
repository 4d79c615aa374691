/** The order of steps of a dump, and what it is asked to do. */
package jcriu.dump;
