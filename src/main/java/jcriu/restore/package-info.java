/** The order of steps of a restore, and what it is asked to do. */
package jcriu.restore;
