#!/usr/bin/env bash
# Two brokers on one state folder: the second refuses and says who has it; after a kill -9 a new one
# starts, and a broker that was stopped, lost its lock file and wakes up commits nothing.
. "$(dirname "$0")/lib.sh"

start_broker
"$BIN/auteur-broker" --state "$TMP/broker" --port 0 >"$TMP/second.log" 2>&1
code=$?
[ $code -ne 0 ] || fail "a second broker started"
grep -q "pid $BROKER on $(hostname)" "$TMP/second.log" || { cat "$TMP/second.log"; fail "it does not name the first"; }
ask status >/dev/null || fail "the first one suffered"
echo "refused: $(cat "$TMP/second.log")"

kill -KILL "$BROKER"
wait "$BROKER" 2>/dev/null
start_broker
ask status >/dev/null || fail "none starts after a kill"
grep -q "pid $BROKER " "$TMP/broker/lock" || fail "the lock names another one"
echo "after kill -9 the next one started"

# A lock that was taken away by hand (or a file system that loses locks): the epoch fences. The old
# broker sees a newer one in the database at its next commit and stops.
old=$BROKER
cp "$TMP/broker/endpoints.json" "$TMP/old.json"
kill -STOP "$old"
rm "$TMP/broker/lock"
"$BIN/auteur-broker" --state "$TMP/broker" --port 0 >"$TMP/third.log" 2>&1 &
BROKER=$!
PIDS+=("$BROKER")
third_ready () { grep -q ' ready: ' "$TMP/third.log" 2>/dev/null; }
wait_for 30 "the third broker" third_ready
kill -CONT "$old"
timeout 60 "$BIN/auteur" submit "$HERE/data/film.json" --endpoints "$TMP/old.json" --timeout 10 >"$TMP/stale.log" 2>&1 &&
    fail "the stale broker took a job: $(cat "$TMP/stale.log")"
ended () { ! kill -0 "$old" 2>/dev/null; }
wait_for 30 "the stale broker to stop" ended
wait "$old" 2>/dev/null
[ "$(ask jobs --json | jq '.jobs | length')" = 0 ] || fail "something of the stale broker is in the store"
echo "a stale broker took nothing, and stopped"
