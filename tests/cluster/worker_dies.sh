#!/usr/bin/env bash
# One shot's worker always dies: the others finish and the client ends with exit code 4, on one node
# and on three.
. "$(dirname "$0")/lib.sh"

export AUTEUR_TEST_WORKER_FAULT='die:waves break'
for nodes in 1 3; do
    rm -rf "$TMP/broker" "$TMP"/n[0-9]
    start_broker
    for n in $(seq "$nodes"); do
        start_node "n$n"
    done
    wait_for 30 "$nodes nodes" nodes_are "$nodes"
    began=$SECONDS
    ask render "$HERE/data/film.json" -o "$TMP/film-$nodes.mp4" --outputs "$TMP/out-$nodes" \
        >"$TMP/render-$nodes.log" 2>&1
    code=$?
    [ $code -eq 4 ] || fail "with $nodes nodes: exit code $code, expected 4"
    [ $((SECONDS - began)) -lt 150 ] || fail "with $nodes nodes: it took $((SECONDS - began)) s"
    grep -q "two: chunk 1 failed" "$TMP/render-$nodes.log" || fail "the missing shot is not named"
    [ ! -e "$TMP/film-$nodes.mp4" ] || fail "a film with a missing shot was written"
    for shot in one three four five; do
        [ -s "$TMP/out-$nodes"/*/*/shots/$shot.mkv ] || fail "with $nodes nodes: shot $shot is missing"
    done
    echo "with $nodes nodes: exit 4 after $((SECONDS - began)) s, the other shots are there"
    for n in $(seq "$nodes"); do
        kill -TERM "${NODE_PID[n$n]}"
        wait "${NODE_PID[n$n]}" || fail "node n$n did not end well"
    done
    kill -TERM "$BROKER"
    wait "$BROKER" || fail "the broker did not end well"
done
