#!/usr/bin/env bash
# A model that no node has: a local render says so and ends, a cluster says what it waits for; and
# watch --json tells the end also of a job that ended before.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/board.json" <<'END'
{"storyboard": "1", "project": "lacking",
 "defaults": {"model": "wan2.1-t2v-1.3b", "duration": 1, "width": 64, "height": 64},
 "scenes": [{"id": "s", "shots": [{"id": "a", "prompt": "a harbour at dawn"}]}]}
END

timeout 120 "$BIN/auteur" render "$TMP/board.json" --outputs "$TMP/out" >"$TMP/local.log" 2>&1
code=$?
[ $code -eq 1 ] || fail "a local render without the model ended with $code"
grep -q "no node with model wan2.1-t2v-1.3b" "$TMP/local.log" || fail "the missing model is not named"

start_broker
start_node n1
JOB=$(ask submit "$TMP/board.json") || fail "submit ended with $?"
ask watch "$JOB" >"$TMP/watch.log" 2>&1 &
WATCH=$!
PIDS+=("$WATCH")
wait_for 60 "the reason of the wait" grep -q "Waiting: no node with model" "$TMP/watch.log"
ask cancel "$JOB" >/dev/null || fail "cancel ended with $?"
wait "$WATCH"
code=$?
[ $code -eq 1 ] || fail "watching a cancelled job ended with $code"
ask watch "$JOB" --json 2>/dev/null | tail -n 1 | jq -e '.state == "cancelled"' >/dev/null ||
    fail "watch --json does not tell the end of a job that had ended"
