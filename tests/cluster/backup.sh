#!/usr/bin/env bash
# A backup is taken while a film is rendered; then broker and node die, and their folders with them. A
# broker on the copy, in another place and with a node that knows nothing, finishes the film: the frames
# are the undisturbed ones, and what was done when the copy was made is not done again.
. "$(dirname "$0")/lib.sh"

FILM=$TMP/film.json
jq '.defaults += {width: 128, height: 72}' "$HERE/data/film.json" >"$FILM"
"$BIN/auteur" render "$FILM" -o "$TMP/calm.mp4" --outputs "$TMP/outputs-calm" \
    >"$TMP/calm.log" 2>&1 || fail "the undisturbed render"
TASKS=$("$BIN/auteur" plan "$FILM" --json | jq .tasks)

done_tasks () {
    ask status --json 2>/dev/null | jq '.tasks.done'
}

half_is_done () {
    DONE=$(done_tasks)
    [ "${DONE:-0}" -ge $((TASKS / 2)) ]
}

export AUTEUR_TEST_WORKER_FAULT=slow:20
start_broker
start_node n1
ask submit "$FILM" --json >"$TMP/submit.json" 2>>"$TMP/client.log" || fail "submit"
JOB=$(jq -r .job "$TMP/submit.json")
wait_for 120 "half of the film" half_is_done
[ "$DONE" -lt "$TASKS" ] || fail "the film is done before the backup"

# backup DIR [OPTION...]
backup () {
    "$BIN/auteur-broker" --state "$TMP/broker" --backup "$@" 2>>"$TMP/backup.log"
}

backup "$TMP/monday" --json >"$TMP/monday.json" || fail "the backup ended with $?"
jq -e --arg to "$TMP/monday" '.backup == $to and .artifacts > 0 and .copied == .artifacts and .damaged == 0' \
    "$TMP/monday.json" >/dev/null || fail "the backup says $(cat "$TMP/monday.json")"
[ ! -e "$TMP/monday.partial" ] || fail "a finished backup left its partial folder"
echo "backed up with $DONE of $TASKS chunks done: $(cat "$TMP/monday.json")"

backup "$TMP/monday" >/dev/null
[ $? -eq 2 ] || fail "a backup over a backup was not refused"
backup "$TMP/tuesday" --previous "$TMP/monday" --json >"$TMP/tuesday.json" || fail "the second backup"
jq -e --slurpfile first "$TMP/monday.json" '.linked == $first[0].artifacts' "$TMP/tuesday.json" >/dev/null ||
    fail "the second backup links not what the first has: $(cat "$TMP/tuesday.json")"
echo "the next one: $(cat "$TMP/tuesday.json")"

kill -KILL "$BROKER" "${NODE_PID[n1]}"
wait "$BROKER" "${NODE_PID[n1]}" 2>/dev/null
mv "$TMP/broker" "$TMP/lost-broker"
rm -rf "$TMP/n1"
cp -a "$TMP/monday" "$TMP/broker"
start_broker
AGAIN=$(done_tasks)
[ "$AGAIN" -ge "$DONE" ] || fail "of $DONE done chunks the copy has $AGAIN"
start_node fresh --log-level debug
timeout 200 "$BIN/auteur" watch "$JOB" --endpoints "$TMP/broker/endpoints.json" >"$TMP/watch.log" 2>&1 ||
    fail "watch ended with $?"
ask fetch "$JOB" -o "$TMP/fetched" >>"$TMP/client.log" 2>&1 || fail "fetch"
"$BIN/auteur" stitch "$TMP/fetched" -o "$TMP/film.mp4" >>"$TMP/client.log" 2>&1 || fail "stitch"
cmp "$TMP/calm.mp4" "$TMP/film.mp4" || fail "the films differ"
runs=$(grep -c "runs on worker" "$TMP/fresh.log")
[ "$runs" -eq $((TASKS - AGAIN)) ] || fail "$runs chunks were rendered again, $((TASKS - AGAIN)) were missing"
echo "restored elsewhere: $AGAIN chunks were there, $runs were rendered; the film is the same"
