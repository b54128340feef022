#!/usr/bin/env bash
# A broker's state is wiped while a node works, and the broker that takes its place gives the node
# another film's chunk under the same task and attempt. The node drops what it had and goes on: no
# chunk of the old film gets into the new one, and no lease is lost for it.
. "$(dirname "$0")/lib.sh"

sed 's/white lighthouse/red windmill/; s/"seed": 5/"seed": 6/; s/"cluster-test"/"cluster-after"/' \
    "$HERE/data/film.json" >"$TMP/after.json"
"$BIN/auteur" render "$TMP/after.json" -o "$TMP/calm.mp4" --outputs "$TMP/outputs-calm" \
    >"$TMP/calm.log" 2>&1 || fail "the undisturbed render"

# leased JOB: the tasks of a job that were leased, as lines TASK ATTEMPT.
leased () {
    "$TESTS/query" "$TMP/broker/endpoints.json" '{"get":"events","after":0}' |
        jq -r --arg job "$1" '.events[] | select(.type == "task" and .job == $job and .attempt > 0)
            | "\(.task) \(.attempt)"' | sort -u
}

export AUTEUR_TEST_WORKER_FAULT=slow:20
start_broker --lease 60 --silent 3
start_node n1
wait_for 30 "the node" nodes_are 1
OLD=$(ask submit "$HERE/data/film.json") || fail "submit the old film"
wait_for 30 "the node at work" busy_are 1
before=$(leased "$OLD")
epoch=$(jq .epoch "$TMP/broker/endpoints.json")

# The node sleeps until the other broker stands and has the film; its worker works on.
kill -STOP "${NODE_PID[n1]}"
kill -KILL "$BROKER"
wait "$BROKER" 2>/dev/null
rm -rf "$TMP/broker"
start_broker --lease 60 --silent 3
[ "$(jq .epoch "$TMP/broker/endpoints.json")" != "$epoch" ] || fail "the broker has the epoch of the one before"
NEW=$(ask submit "$TMP/after.json") || fail "submit the new film"
[ "$NEW" = "$OLD" ] || fail "the jobs are $OLD and $NEW: nothing could be confused"
echo "wiped: the node has task and attempt $before of another broker"
kill -CONT "${NODE_PID[n1]}"

job_is_done () {
    ask jobs --json | jq -e --arg id "$1" 'any(.jobs[]; .id == $id and .state == "done")' >/dev/null
}
wait_for 200 "job $NEW" job_is_done "$NEW"
leased "$NEW" | grep -qx "$before" || fail "no chunk had the numbers of the old one: $(leased "$NEW")"
[ -z "$(leased "$NEW" | awk '$2 != 1')" ] || fail "a lease was lost: $(leased "$NEW")"
ask fetch "$NEW" -o "$TMP/new" >"$TMP/fetch.log" 2>&1 || fail "fetch ended with $?"
for shot in one two three four five; do
    cmp "$TMP"/outputs-calm/*/*/shots/$shot.mkv "$TMP/new/shots/$shot.mkv" || fail "shot $shot differs"
done
echo "the new film has its own frames, each chunk at its first attempt"
