package jcriu.check;

/**
 * What a probe found.
 *
 * @param why where it is not there: what was tried and failed, or why nothing was tried
 */
public record Verdict(State state, String why) {
    public enum State {
        THERE("ok"),
        MISSING("missing"),
        /** Nothing of jcriu uses it, so nothing tried it. */
        NOT_PROBED("not probed");

        private final String word;

        State(String word) {
            this.word = word;
        }

        public String word() {
            return word;
        }
    }

    static final Verdict THERE = new Verdict(State.THERE, "");

    static Verdict missing(String why) {
        return new Verdict(State.MISSING, why);
    }

    static Verdict notProbed(String why) {
        return new Verdict(State.NOT_PROBED, why);
    }

    static Verdict of(boolean there, String why) {
        return there ? THERE : missing(why);
    }

    public boolean there() {
        return state == State.THERE;
    }

    @Override
    public String toString() {
        return why.isEmpty() ? state.word() : state.word() + ": " + why;
    }
}
