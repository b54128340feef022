#!/usr/bin/env bash
# output.upscale through the cluster: a task for each chunk, after it. A node dies by kill -9 while it
# enlarges, and the film is the undisturbed one; a second render takes everything over, one with
# another size only what was generated; a worker that always dies costs the film and no shot.
. "$(dirname "$0")/lib.sh"

# Narrow, so that 1080 lines are few pixels.
cat >"$TMP/film.json" <<'END'
{"storyboard": "1", "project": "up",
 "defaults": {"tier": "animatic", "width": 16, "height": 128, "fps": 8, "duration": 1, "seed": 5},
 "scenes": [{"id": "s", "shots": [
   {"id": "one", "prompt": "a white lighthouse above a darkening sea", "duration": 6.25, "camera": {"move": "pan-right"}},
   {"id": "two", "prompt": "he wipes the lens", "init": {"from": "previous"}, "transition": {"type": "dissolve", "duration": 0.5}}]}],
 "output": {"upscale": "1080p", "burn_in": false}}
END
"$BIN/auteur" plan "$TMP/film.json" --json >"$TMP/plan.json" || fail "plan ended with $?"
jq -e '.tasks == 3 and .upscale == {"width": 136, "height": 1080, "tasks": 3} and
    .shots[0].upscale == {"model": "lanczos", "factor": 1, "width": 136, "height": 1080, "tasks": 2}' \
    "$TMP/plan.json" >/dev/null || fail "the plan does not say what is enlarged"

"$BIN/auteur" render "$TMP/film.json" -o "$TMP/calm.mp4" --outputs "$TMP/calm" >"$TMP/calm.log" 2>&1 ||
    fail "the undisturbed render"
size=$(ffprobe -v error -count_packets -select_streams v -show_entries stream=width,height,nb_read_packets \
    -of csv=p=0 "$TMP/calm.mp4")
[ "$size" = 136,1080,54 ] || fail "the film is $size"
[ "$(ffprobe -v error -show_entries stream=width,height -of csv=p=0 "$TMP"/calm/*/*/shots/one.mkv)" = 16,128 ] ||
    fail "shot one does not hold its own frames"
for shot in one two; do
    told=$(jq -r .frames_sha256 "$TMP"/calm/*/*/metadata/shots/$shot.json)
    found=$(ffmpeg -v error -i "$TMP"/calm/*/*/shots/$shot.mkv -f rawvideo -pix_fmt rgb24 - | sha256sum | cut -d' ' -f1)
    [ "$told" = "$found" ] || fail "frames_sha256 of shot $shot is not that of its own frames"
done
"$BIN/auteur" stitch "$TMP"/calm/*/* -o "$TMP/again.mp4" >"$TMP/stitch.log" 2>&1 || fail "stitch ended with $?"
cmp "$TMP/calm.mp4" "$TMP/again.mp4" || fail "the same folder stitched again gives another film"
echo "the film is $size, its shots are as they were made"

# at_upscale JOB: the name of a node that enlarges a chunk of it, in VICTIM.
at_upscale () {
    VICTIM=$("$TESTS/query" "$TMP/broker/endpoints.json" "{\"get\":\"job\",\"id\":\"$1\"}" 2>/dev/null |
        jq -r '[.shots[]?.chunks[] | select(.kind == "upscale" and .state == "leased" and .node != "")][0].node // empty')
    [ -n "$VICTIM" ]
}

# enlarged DIR: whether the enlarged clips of both shots are the undisturbed render's.
enlarged () {
    cmp "$TMP"/calm/*/*/upscaled/one.mkv "$1"/*/*/upscaled/one.mkv &&
        cmp "$TMP"/calm/*/*/upscaled/two.mkv "$1"/*/*/upscaled/two.mkv
}

export AUTEUR_TEST_WORKER_FAULT=slow:60:upscale
start_broker --lease 10 --silent 3
start_node n1
start_node n2
wait_for 30 "two nodes" nodes_are 2
ask render "$TMP/film.json" -o "$TMP/film.mp4" --outputs "$TMP/out" >"$TMP/render.log" 2>&1 &
RENDER=$!
PIDS+=("$RENDER")
wait_for 60 "a node that enlarges" at_upscale j1
kill -KILL "${NODE_PID[$VICTIM]}"
echo "killed node $VICTIM while it enlarged a chunk"
wait "$RENDER" || fail "render ended with $?"
cmp "$TMP/calm.mp4" "$TMP/film.mp4" || fail "the films differ"
enlarged "$TMP/out" || fail "the enlarged clips differ"
grep -q "upscale 1 of 2 done" "$TMP/render.log" || fail "the progress does not tell of upscaling"
ask explain j1 >"$TMP/explain.log" || fail "explain ended with $?"
grep -q "upscale 2  done" "$TMP/explain.log" || fail "explain does not tell of upscaling"
echo "the film is the same"

# jobs_like JQ: the job's chunks for which the expression holds.
chunks_like () {
    "$TESTS/query" "$TMP/broker/endpoints.json" "{\"get\":\"explain\",\"id\":\"$1\"}" |
        jq "[.shots[].chunks[] | select($2)] | length"
}

ask render "$TMP/film.json" -o "$TMP/second.mp4" --outputs "$TMP/second" >"$TMP/second.log" 2>&1 ||
    fail "the second render ended with $?"
cmp "$TMP/calm.mp4" "$TMP/second.mp4" || fail "the second film differs"
[ "$(chunks_like j2 '.cached != null and (.attempts | length) == 0')" = 6 ] || fail "something ran again"

# At another size what is generated is the same; it is cancelled at work, and a retry ends it.
NODE=$([ "$VICTIM" = n1 ] && echo n2 || echo n1)
jq '.output.upscale = "2k"' "$TMP/film.json" >"$TMP/2k.json"
JOB=$(ask submit "$TMP/2k.json") || fail "submit ended with $?"
wait_for 60 "an upscale at work" at_upscale "$JOB"
ask cancel "$JOB" >/dev/null || fail "cancel ended with $?"
ask retry "$JOB" >/dev/null || fail "retry ended with $?"
ask watch "$JOB" >"$TMP/watch.log" 2>&1 || fail "watch ended with $?"
[ "$(chunks_like "$JOB" '.kind == null and .cached != null')" = 3 ] || fail "chunks were generated again"
[ "$(chunks_like "$JOB" '.kind == "upscale" and .cached == null and .state == "done"')" = 3 ] ||
    fail "not everything was enlarged anew"
ask fetch "$JOB" -o "$TMP/2k" >"$TMP/fetch.log" 2>&1 || fail "fetch ended with $?"
[ "$(ffprobe -v error -show_entries stream=width,height -of csv=p=0 "$TMP/2k/upscaled/one.mkv")" = 180,1440 ] ||
    fail "the enlarged clip has another size"
cmp "$TMP"/calm/*/*/shots/one.mkv "$TMP/2k/shots/one.mkv" || fail "the shot itself differs"
echo "taken over: all of it, or what was generated"

kill -TERM "${NODE_PID[$NODE]}"
wait "${NODE_PID[$NODE]}" || fail "node $NODE did not end well"
export AUTEUR_TEST_WORKER_FAULT=die:upscale
start_node n3
jq '.defaults.seed = 6' "$TMP/film.json" >"$TMP/dies.json"
ask render "$TMP/dies.json" -o "$TMP/dies.mp4" --outputs "$TMP/dies" >"$TMP/dies.log" 2>&1
code=$?
[ $code -eq 1 ] || fail "without enlarged frames render ended with $code"
[ ! -e "$TMP/dies.mp4" ] || fail "a film was written"
grep -q "one: upscale 1 failed" "$TMP/dies.log" || fail "what failed is not named"
echo "what fails is named, and no film is written"
