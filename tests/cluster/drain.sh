#!/usr/bin/env bash
# A node's end: SIGTERM lets the running chunk finish, or gives it back when the time is over; a second
# one leaves at once; kill -9 leaves no worker. The job goes on by whatever nodes there are.
. "$(dirname "$0")/lib.sh"

# A frame takes so long that a chunk outlives one drain and not the other.
export AUTEUR_TEST_WORKER_FAULT=slow:100
start_broker
ask submit "$HERE/data/film.json" --json >"$TMP/submit.json" 2>>"$TMP/client.log" || fail "submit"
JOB=$(jq -r .job "$TMP/submit.json")

# ended NAME SECONDS: the node ends within so long; its status in ENDED.
ended () {
    local began=$SECONDS pid=${NODE_PID[$1]}
    wait "$pid"
    ENDED=$?
    [ $((SECONDS - began)) -le "$2" ] || fail "node $1 took $((SECONDS - began)) s to end"
}

workers_of () {
    ps -o pid= --ppid "$1" | tr -d ' '
}

all_gone () {
    local pid
    for pid in $1; do
        [ ! -d "/proc/$pid" ] || return 1
    done
}

runs () {
    grep -q "runs on worker" "$TMP/$1.log" 2>/dev/null
}

start_node patient --drain 60 --log-level debug
wait_for 60 "a running chunk" runs patient
workers=$(workers_of "${NODE_PID[patient]}")
[ -n "$workers" ] || fail "the node has no workers"
kill -TERM "${NODE_PID[patient]}"
ended patient 60
[ $ENDED -eq 0 ] || fail "a drained node ended with $ENDED"
wait_for 5 "the workers to go" all_gone "$workers"
grep -q "given back" "$TMP/patient.log" && fail "the chunk was given back though there was time"
grep -q "done, took" "$TMP/patient.log" || fail "no chunk was finished"
echo "a chunk was finished in the drain"

start_node hasty --drain 1 --log-level debug
wait_for 60 "a running chunk" runs hasty
workers=$(workers_of "${NODE_PID[hasty]}")
kill -TERM "${NODE_PID[hasty]}"
ended hasty 10
[ $ENDED -eq 0 ] || fail "a drained node ended with $ENDED"
wait_for 5 "the workers to go" all_gone "$workers"
grep -q "given back" "$TMP/hasty.log" || fail "the chunk was not given back"
echo "a chunk was given back at the end of the drain"

start_node twice --drain 60 --log-level debug
wait_for 60 "a running chunk" runs twice
workers=$(workers_of "${NODE_PID[twice]}")
kill -TERM "${NODE_PID[twice]}"
wait_for 10 "the drain to begin" grep -q draining "$TMP/twice.log"
kill -TERM "${NODE_PID[twice]}"
ended twice 3
[ $ENDED -eq 130 ] || fail "a node that was told twice ended with $ENDED"
wait_for 5 "the workers to go" all_gone "$workers"
echo "the second signal was obeyed at once"

start_node shot --log-level debug
wait_for 60 "a running chunk" runs shot
workers=$(workers_of "${NODE_PID[shot]}")
kill -KILL "${NODE_PID[shot]}"
wait_for 5 "the workers to go" all_gone "$workers"
echo "kill -9 left no worker"

unset AUTEUR_TEST_WORKER_FAULT
start_node last
timeout 200 "$BIN/auteur" watch "$JOB" --endpoints "$TMP/broker/endpoints.json" >"$TMP/watch.log" 2>&1 ||
    fail "watch ended with $?"
ask jobs --json | jq -e --arg id "$JOB" '.jobs[] | select(.id == $id) | .state == "done"' >/dev/null ||
    fail "the job is not done"
echo "the job was finished"
