#!/usr/bin/env bash
# The model that ships, on a cluster: the node that makes the second of a shot's three chunks dies by
# kill -9 at work, another one makes it from the first one's tail, and the film is the undisturbed one.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/film.json" <<'END'
{"storyboard": "1", "project": "mini-test", "title": "Two shapes",
 "defaults": {"model": "auteur-mini", "fps": 8, "seed": 5, "steps": 2},
 "output": {"burn_in": false},
 "scenes": [{"id": "s", "shots": [
   {"id": "long", "prompt": "a red circle moves right over a blue background", "duration": 5},
   {"id": "next", "prompt": "a yellow square grows over a green background", "duration": 1}]}]}
END

# One worker, as in each node below: a worker's threads are its share of the cores, and a sum of floats
# over two threads is another one than over one.
"$BIN/auteur" render "$TMP/film.json" -o "$TMP/calm.mp4" --outputs "$TMP/outputs-calm" --workers 1 \
    >"$TMP/calm.log" 2>&1 || fail "the undisturbed render ended with $?"
probe=$(ffprobe -v error -select_streams v -count_frames -of csv=p=0 \
    -show_entries stream=width,height,nb_read_frames "$TMP/calm.mp4")
[ "$probe" = "96,64,48" ] || fail "the film is $probe"

# Slow workers hold their leases for seconds.
export AUTEUR_TEST_WORKER_FAULT=slow:100
start_broker --lease 10 --silent 3
start_node n1
start_node n2
wait_for 60 "two nodes" nodes_are 2

ask render "$TMP/film.json" -o "$TMP/film.mp4" --outputs "$TMP/outputs" >"$TMP/render.log" 2>&1 &
RENDER=$!
PIDS+=("$RENDER")

# second_runs: the first chunk is committed, and VICTIM is the node that holds the second one's lease.
second_runs () {
    VICTIM=$("$TESTS/query" "$TMP/broker/endpoints.json" '{"get":"job","id":"j1"}' 2>/dev/null | jq -r '
        .shots[]? | select(.id == "long").chunks |
        select(.[0].state == "done" and .[1].state != "done") | .[1].node // empty')
    [ -n "$VICTIM" ]
}
wait_for 120 "the second chunk at work" second_runs
kill -KILL "${NODE_PID[$VICTIM]}"
echo "killed node $VICTIM while it made the second chunk"

wait "$RENDER" || fail "render ended with $?"
told=$(jq -r '.chunks | "\(length) \(.[1].attempt) \(.[1].node)"' "$TMP"/outputs/*/*/metadata/shots/long.json)
read -r count attempt node <<<"$told"
[ "$count" -eq 3 ] || fail "the long shot has $count chunks"
[ "$attempt" -ge 2 ] || fail "the second chunk was made at once: the kill came too late"
[ "$node" != "$VICTIM" ] || fail "a dead node made the second chunk"
for shot in long next; do
    calm=$(jq -r .frames_sha256 "$TMP"/outputs-calm/*/*/metadata/shots/$shot.json)
    [[ $calm =~ ^[0-9a-f]{64}$ ]] || fail "shot $shot has no hash of its frames"
    [ "$(jq -r .frames_sha256 "$TMP"/outputs/*/*/metadata/shots/$shot.json)" = "$calm" ] ||
        fail "the frames of shot $shot differ"
done
cmp "$TMP/calm.mp4" "$TMP/film.mp4" || fail "the films differ"
echo "node $node made it again: the film is the same, frame for frame"
