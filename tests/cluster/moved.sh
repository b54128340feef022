#!/usr/bin/env bash
# The broker dies by kill -9 in the middle of a render and comes back on other ports: the node and
# the render read endpoints.json again and follow, and the film is the undisturbed one.
. "$(dirname "$0")/lib.sh"

# place SOCKET: where the broker has it.
place () {
    jq -r ".$1" "$TMP/broker/endpoints.json"
}

"$BIN/auteur" render "$HERE/data/film.json" -o "$TMP/calm.mp4" --outputs "$TMP/outputs-calm" \
    >"$TMP/calm.log" 2>&1 || fail "the undisturbed render"

export AUTEUR_TEST_WORKER_FAULT=slow:20
"$BIN/auteur-broker" --state "$TMP/broker" --port 0 --lease 10 --silent 3 >>"$TMP/broker.log" 2>&1 &
BROKER=$!
PIDS+=("$BROKER")
wait_for 30 "the broker to accept" accepts_or_ended
start_node n1
wait_for 30 "the node" nodes_are 1

ask render "$HERE/data/film.json" -o "$TMP/film.mp4" --outputs "$TMP/outputs" >"$TMP/render.log" 2>&1 &
RENDER=$!
PIDS+=("$RENDER")

wait_for 30 "a node at work" busy_node
before=$(for socket in client node data status events; do place $socket; done)
kill -KILL "$BROKER"
wait "$BROKER" 2>/dev/null
# The system gives the same free ports again to one who asks alone: these are others for certain.
start_broker --lease 10 --silent 3
after=$(for socket in client node data status events; do place $socket; done)
[ -z "$(comm -12 <(sort <<<"$before") <(sort <<<"$after"))" ] || fail "the broker has a port again that it had"
echo "the broker has moved: $(place client)"

wait "$RENDER" || fail "render ended with $?"
cmp "$TMP/calm.mp4" "$TMP/film.mp4" || fail "the films differ"
[ "$(ask jobs --json | jq '.jobs | length')" = 1 ] || fail "there is more than one job"
echo "node and render have followed; the film is the same"
