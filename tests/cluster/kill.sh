#!/usr/bin/env bash
# A node dies by kill -9 while it holds a lease, then the broker while two nodes work: the film is
# the undisturbed one, frame for frame.
. "$(dirname "$0")/lib.sh"

"$BIN/auteur" render "$HERE/data/film.json" -o "$TMP/calm.mp4" --outputs "$TMP/outputs-calm" \
    --sheet "$TMP/sheet.png" --sheet-frames 2 >"$TMP/calm.log" 2>&1 || fail "the undisturbed render"
# Two thumbnails of 208 in a line and what is between them.
width=$(ffprobe -v error -show_entries stream=width -of csv=p=0 "$TMP/sheet.png")
[ "$width" = 452 ] || fail "a contact sheet with two pictures of each shot is $width pixels wide"

# Slow workers leave time to hit them at work.
export AUTEUR_TEST_WORKER_FAULT=slow:20
start_broker --lease 10 --silent 3
start_node n1
start_node n2
start_node n3
wait_for 30 "three nodes" nodes_are 3

ask render "$HERE/data/film.json" -o "$TMP/film.mp4" --outputs "$TMP/outputs" >"$TMP/render.log" 2>&1 &
RENDER=$!
PIDS+=("$RENDER")

wait_for 30 "a node at work" busy_node
kill -KILL "${NODE_PID[$BUSY]}"
echo "killed node $BUSY while it held a lease"

wait_for 30 "two nodes at work" busy_are 2
kill -KILL "$BROKER"
wait "$BROKER" 2>/dev/null
echo "killed the broker while two nodes worked"
start_broker --lease 10 --silent 3

wait "$RENDER" || fail "render ended with $?"
[ "$(frames "$TMP/calm.mp4")" = "$(frames "$TMP/film.mp4")" ] || fail "the frames differ"
cmp "$TMP/calm.mp4" "$TMP/film.mp4" || fail "the films differ"
for shot in one two three four five; do
    cmp "$TMP"/outputs-calm/*/*/shots/$shot.mkv "$TMP"/outputs/*/*/shots/$shot.mkv || fail "shot $shot differs"
done
# The broker's death cost no chunk: nothing that ran then was started again for it.
echo "the film is the same, frame for frame"
