# shellcheck shell=bash
# To be sourced: calls of jcriu that are made in one virtual machine, for tests that make many. Most
# of the time of a call is the start. What is restored is the machine's child (jcriu.cli.ResidentCalls).
#
#   resident_build              compiles what it needs, once
#   resident_start [COMMAND...] the machine, by way of setpriv, say
#   resident_call LOG LIMIT WORD... a call: its output to LOG, its exit status; 124 after LIMIT
#                               seconds, 98 if the machine has ended; it is gone then
#   resident_end                what was restored and lives is an orphan then, as after a jcriu that ends
resident_target=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)/target
resident_pid=

resident_java() { head -n 1 "$resident_target/java-home"; }

resident_build() {
    "$(resident_java)/bin/javac" -d "$resident_target/resident-classes" -cp "$resident_target/jcriu.jar" \
        "$resident_target/../src/test/java/jcriu/cli/ResidentCalls.java"
}

resident_start() {
    # shellcheck disable=SC2086 # options are words
    coproc RESIDENT { exec "$@" "$(resident_java)/bin/java" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData ${JCRIU_JAVA_OPTS:-} \
        -cp "$resident_target/jcriu.jar:$resident_target/resident-classes" jcriu.cli.ResidentCalls 2>&1 9>&-; }
    resident_pid=$! resident_answers=${RESIDENT[0]} resident_calls=${RESIDENT[1]}
}

resident_call() {
    local log=$1 end=$((SECONDS + $2)) line status
    shift 2
    : > "$log"
    echo "$*" >&"$resident_calls" || return 99
    while read -r -t $((end > SECONDS ? end - SECONDS : 1)) line <&"$resident_answers"; status=$?; [ $status = 0 ]; do
        [[ $line != "exit "* ]] || return "${line#exit }"
        echo "$line" >> "$log"
    done
    resident_end
    [ $status -gt 128 ] && return 124
    echo "Error: the resident virtual machine has ended" >> "$log"
    return 98
}

resident_end() {
    [ -n "$resident_pid" ] || return 0
    kill -KILL "$resident_pid" 2> /dev/null
    wait "$resident_pid" 2> /dev/null
    resident_pid=
}
