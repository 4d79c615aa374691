/**
 * The command line: words become options, options become one call, its outcome an exit code.
 *
 * <p>{@code GetoptArguments} reads words as getopt_long(3) does. {@code Arguments} holds the
 * result; it and its two mixins are a picocli model, which writes the help. An option is
 * <em>built</em>, accepted <em>without effect</em>, or <em>refused</em>.
 */
package jcriu.cli;
