#!/usr/bin/env bash
# What an operator asks: why does it wait, how far is it, what happened. And a watcher that follows
# over two deaths of the broker and a node's is told every change of state, once and in order.
. "$(dirname "$0")/lib.sh"

# get QUESTION: the status socket's answer.
get () {
    "$TESTS/query" "$TMP/broker/endpoints.json" "$1"
}

# job_says FILTER: jq's filter holds for the job.
job_says () {
    get "{\"get\":\"job\",\"id\":\"$JOB\"}" 2>/dev/null | jq -e "$1" >/dev/null
}

export AUTEUR_TEST_WORKER_FAULT=slow:20
start_broker --lease 10 --silent 3
JOB=$(ask submit "$HERE/data/film.json") || fail "submit ended with $?"
job_says '.wait == "no node is connected" and .progress == 0 and .left_s == null' ||
    fail "a job without nodes does not say what it waits for"
job_says '[.shots[].chunks[] | select(.state == "blocked") | .wait] | all (startswith ("waits for "))' ||
    fail "a blocked chunk does not say what it waits for"
job_says 'all (.shots[]; .scene and .frames > 0)' || fail "shots without scene or frames"

ask watch "$JOB" --json >"$TMP/events" 2>"$TMP/watch.log" &
WATCH=$!
PIDS+=("$WATCH")
wait_for 30 "the watcher's first event" ask status --json >"$TMP/status.log"
start_node n1
start_node n2
wait_for 30 "two nodes at work" busy_are 2
job_says '.wait == null and ([.shots[].chunks[] | select(.state == "leased") | .node and .device and .seconds >= 0] | all)' ||
    fail "a running job's chunks do not say where they run"
wait_for 60 "a figure of time left" job_says '.left_s != null and .progress > 0'

for death in 1 2; do
    wait_for 60 "two nodes at work" busy_are 2
    kill -KILL "$BROKER"
    wait "$BROKER" 2>/dev/null
    start_broker --lease 10 --silent 3
done
wait_for 60 "a node at work" busy_node
kill -KILL "${NODE_PID[$BUSY]}"
wait "$WATCH" || fail "watch ended with $?"

# All that is stored of the job since the watcher began, in order: it was told each of them.
get '{"get":"events","after":0}' >"$TMP/stored.json"
jq -e '.next == .seq' "$TMP/stored.json" >/dev/null || fail "the stored events do not fit one answer"
first=$(jq -s '.[0].seq' "$TMP/events")
jq -c --arg job "$JOB" --argjson first "$first" \
    '.events[] | select(.job == $job and .seq >= $first) | .seq' "$TMP/stored.json" >"$TMP/want"
jq -c .seq "$TMP/events" | sort -nuc || fail "the watcher was told something twice or out of order"
jq -c .seq "$TMP/events" | sort >"$TMP/got"
missed=$(sort "$TMP/want" | comm -23 - "$TMP/got" | wc -l)
[ "$missed" = 0 ] || fail "the watcher missed $missed of $(wc -l <"$TMP/want") changes of state"
epochs=$(jq -s 'map(.epoch) | unique | length' "$TMP/events")
[ "$epochs" = 3 ] || fail "the watcher saw $epochs epochs of 3"
echo "$(wc -l <"$TMP/want") changes of state over three brokers: none was missed"

get '{"get":"events","after":1000000000000}' 2>&1 | grep -q "not kept any more" ||
    fail "a place that nobody gave out is not gone"

# The story: every attempt, the lost and the adopted ones too.
ask explain "$JOB" --json >"$TMP/explain.json" || fail "explain ended with $?"
jq -e '.state == "done" and .ended_ms >= .submitted_ms and
       ([.shots[].chunks[] | .attempts[-1].result == "done" and .attempts[-1].seconds > 0] | all) and
       ([.shots[].chunks[].attempts[].result] | index ("lost") and index ("adopted")) and
       ([.story[].what] | .[0] == "submitted" and .[-1] == "done")' "$TMP/explain.json" >/dev/null ||
    fail "the story lacks something: $(cat "$TMP/explain.json")"
ask explain "$JOB" >"$TMP/explain.txt" || fail "explain ended with $?"
grep -q "lost after" "$TMP/explain.txt" || fail "the lost attempt is not told"
[ "$(wc -L <"$TMP/explain.txt")" -le 80 ] || fail "the story is wider than 80 columns"
ask explain "$JOB" --shot two | grep -q '^one' && fail "--shot tells of others"
ask explain "$JOB" --shot nope 2>"$TMP/err.log"
[ $? -eq 2 ] && grep -q nope "$TMP/err.log" || fail "an unknown shot is not named"
ask explain j99 2>"$TMP/err.log"
[ $? -eq 2 ] && grep -q j99 "$TMP/err.log" || fail "an unknown job is not named"
cat "$TMP/explain.txt"

# Taken over: the same film again runs nothing.
JOB=$(ask submit "$HERE/data/film.json")
wait_for 60 "the second job" job_says '.state == "done"'
ask explain "$JOB" | grep -q "taken over: made before for j1" || fail "a result that was taken over is not told"
