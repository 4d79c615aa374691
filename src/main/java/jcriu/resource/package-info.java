/**
 * One class per kernel resource: how it is dumped and how it is restored, side by side.
 *
 * <p>A class reads a frozen task with {@code jcriu.proc} and {@code jcriu.tracee} and makes entries
 * of {@code jcriu.image.proto}; on restore it makes descriptors of our own, or adds remote calls to
 * a task's batch. The order of steps is not here.
 */
package jcriu.resource;
