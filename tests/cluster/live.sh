#!/usr/bin/env bash
# A chunk that takes long shows what it is at before it is done, and something else later; the film is
# the same, to the last frame, as one that was never looked at.
. "$(dirname "$0")/lib.sh"

# shown: the running chunk's preview is in $HASH, and by `auteur preview` in $TMP/now/one-1.png.
shown () {
    chunk=$("$TESTS/query" "$TMP/broker/endpoints.json" "{\"get\":\"job\",\"id\":\"$JOB\"}" | jq -c '.shots[0].chunks[0]')
    HASH=$(jq -r 'select(.state == "leased") | .preview // empty' <<<"$chunk")
    TASK=$(jq -r .task <<<"$chunk")
    [ -n "$HASH" ]
}

shows_another () {
    shown && [ "$HASH" != "$1" ]
}

# brought NAME: the client brings the picture as $TMP/NAME.png. A next one may come in between, so that
# one that was just told is there no more: then it is asked for again.
brought () {
    rm -rf "${TMP:?}/$1"
    ask preview "$JOB" -o "$TMP/$1" --json >"$TMP/$1.json" 2>"$TMP/$1.err" || { cat "$TMP/$1.err"; fail "auteur preview"; }
    [ -s "$TMP/$1/one-1.png" ] && cp "$TMP/$1/one-1.png" "$TMP/$1.png"
}

# served: HTTP shows the picture, with exactly its bytes.
served () {
    shown && curl -sf -o "$TMP/http.png" "$HTTP/preview/$HASH.png?task=$TASK" &&
        [ "$(sha256sum <"$TMP/http.png")" = "$HASH  -" ]
}

looks_like () {
    wait_for 60 "auteur preview to bring it" brought "$1"
    [ "$(sha256sum <"$TMP/$1.png")" = "$(jq -r '.previews[0].sha256' "$TMP/$1.json")  -" ] || fail "it is not what was said"
    [ "$(ffprobe -v error -show_entries stream=codec_name,width,height -of csv=p=0 "$TMP/$1.png")" = png,256,144 ] ||
        fail "$1.png is no such picture"
}

jq '.defaults.duration = 4 | .scenes = [.scenes[0] | .shots = [.shots[0] | .duration = 4]]' "$HERE/data/film.json" >"$TMP/film.json"
start_broker
HTTP=$(jq -r .http "$TMP/broker/endpoints.json")
JOB=$(ask submit "$TMP/film.json" --json | jq -r .job) || fail "submit"
export AUTEUR_TEST_WORKER_FAULT=slow:500
start_node n1
wait_for 120 "a picture of the running chunk" shown
first=$HASH
looks_like first
wait_for 60 "HTTP to show it" served
wait_for 60 "another picture of it" shows_another "$first"
looks_like second
cmp -s "$TMP/first.png" "$TMP/second.png" && fail "both pictures are the same"
blobs=$(find "$TMP/broker/blobs" -type f -newer "$TMP/film.json" | xargs sha256sum | grep -c -e "^$first" -e "^$HASH")
[ "$blobs" = 0 ] || fail "pictures of a running chunk are on the disk"
last=$HASH
ask watch "$JOB" >"$TMP/watch.log" 2>&1 || fail "watch"
ask preview "$JOB" -o "$TMP/done" --json | jq -e --arg last "$last" '.previews[0].sha256 != $last' >/dev/null ||
    fail "the result has no preview of its own"
gone () {
    [ "$(curl -s -o /dev/null -w '%{http_code}' "$HTTP/preview/$last.png?task=$TASK")" = 404 ]
}
wait_for 30 "the pictures of the chunk that ended to go" gone
ask fetch "$JOB" -o "$TMP/slow" >/dev/null || fail "fetch"

# Undisturbed: at another broker, as this one has the result.
kill -TERM "${NODE_PID[n1]}" "$BROKER"
wait "${NODE_PID[n1]}" "$BROKER"
unset AUTEUR_TEST_WORKER_FAULT
rm -rf "$TMP/broker" "$TMP/n1"
BASE=
start_broker
start_node n2
JOB=$(ask submit "$TMP/film.json" --json | jq -r .job) || fail "submit again"
ask watch "$JOB" >"$TMP/watch2.log" 2>&1 || fail "watch again"
ask fetch "$JOB" -o "$TMP/fast" >/dev/null || fail "fetch again"
frames_in () { frames "$(find "$1" -name "*.mkv" -print -quit)"; }
[ "$(frames_in "$TMP/slow")" = "$(frames_in "$TMP/fast")" ] || fail "the frames differ"
echo "two pictures of a running chunk; the film is the same as without"
