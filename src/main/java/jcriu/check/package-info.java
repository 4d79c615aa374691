/** Probes what this kernel allows. A feature has a name; a name nobody knows is a usage error. */
package jcriu.check;
