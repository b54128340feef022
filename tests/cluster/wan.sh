#!/usr/bin/env bash
# A film from a model that denoises: a shot from a picture, one in chunks that go on from each other's
# tails, and one that goes on from the shot before. The model is a golden's, small and random: its
# frames are noise, but their number, size and rate are the film's, and how they were made is told.
. "$(dirname "$0")/lib.sh"

GOLDEN=$HERE/../engine/goldens
model=$TMP/models/video/models/tiny-ti2v
mkdir -p "$model" "$TMP/models/video/models/plain-i2v"
for part in "$GOLDEN"/wan22-ti2v/model/*; do ln -s "$part" "$model/"; done
for part in "$GOLDEN"/wan22-a14b-i2v/model/*; do ln -s "$part" "$TMP/models/video/models/plain-i2v/"; done
cat >"$model/model.json" <<'END'
{"id": "tiny-ti2v", "name": "Tiny", "version": "1.0.0", "type": "video",
 "requirements": {"vram": 0.1}, "files": [], "license": "Apache-2.0",
 "capabilities": ["text-to-video", "image-to-video", "video-continuation"],
 "auteur": {"backend": "wan",
   "video": {"fps": 8, "frames": {"multiple": 4, "offset": 1, "max": 13},
     "size": {"multiple": 32, "default": [64, 64], "min": [32, 32], "max": [128, 128]},
     "tail": {"min": 1, "max": 5}},
   "tiers": {"draft": {"steps": 2, "guidance": 5.0}}, "precision": ["bf16", "fp32"]}}
END
cat >"$TMP/film.json" <<'END'
{"storyboard": "1", "project": "wan-test", "title": "Noise",
 "defaults": {"model": "tiny-ti2v", "width": 64, "height": 64, "fps": 8, "seed": 5},
 "output": {"burn_in": false},
 "scenes": [{"id": "s", "slugline": "INT. LAB - NIGHT", "shots": [
   {"id": "one", "prompt": "a paper boat", "duration": 1, "init": {"image": "wide.png"}},
   {"id": "two", "prompt": "rain on a window", "duration": 2.5},
   {"id": "three", "prompt": "it clears", "duration": 0.5, "init": {"from": "previous"}}]}]}
END
ffmpeg -v error -f lavfi -i testsrc=s=96x64:d=1 -frames:v 1 "$TMP/wide.png"
export AUTEUR_MODELS=$TMP/models XDG_CACHE_HOME=$TMP/cache

render () { # NAME
    "$BIN/auteur" render "$TMP/film.json" --state "$TMP/state-$1" -o "$TMP/$1.mp4" \
        --outputs "$TMP/out-$1" --json >"$TMP/$1.json" 2>"$TMP/$1.log" ||
        fail "render of $1 ended with $?"
    DIR=$(jq -r .output "$TMP/$1.json")
}

probe () { # FILE
    ffprobe -v error -select_streams v -count_frames -of csv=p=0 \
        -show_entries stream=width,height,r_frame_rate,nb_read_frames "$1"
}

render first
[ "$(probe "$TMP/first.mp4")" = "64,64,8/1,32" ] || fail "the film is $(probe "$TMP/first.mp4")"
[ "$(probe "$DIR/shots/one.mkv")" = "64,64,8/1,8" ] || fail "one is $(probe "$DIR/shots/one.mkv")"
[ "$(probe "$DIR/shots/two.mkv")" = "64,64,8/1,20" ] || fail "two is $(probe "$DIR/shots/two.mkv")"
[ "$(probe "$DIR/shots/three.mkv")" = "64,64,8/1,4" ] || fail "three is $(probe "$DIR/shots/three.mkv")"
two=$DIR/metadata/shots/two.json
[ "$(jq '.chunks | length' "$two")" = 2 ] || fail "two has $(jq '.chunks | length' "$two") chunks"
hashes=$(jq -r '.chunks[].engine.weights_sha256' "$two" | sort -u)
[[ $hashes =~ ^[0-9a-f]{64}$ ]] || fail "the weights are not told once and alike: $hashes"
jq -e 'all(.chunks[].engine; .precision == "fp32" and .memory == "keep" and .peak_bytes > 0)' "$two" \
    >/dev/null || fail "how the chunks were made: $(jq -c '.chunks[].engine' "$two")"

# The same film again, from nothing: the same frames.
render second
[ "$(frames "$TMP/first.mp4")" = "$(frames "$TMP/second.mp4")" ] || fail "the second film differs"

# A folder needs no manifest, and is found by its path as well.
plain=$TMP/models/video/models/plain-i2v
"$BIN/auteur" models show plain-i2v | jq -e '.auteur.backend == "wan"' >/dev/null ||
    fail "no manifest was made of a folder"
"$BIN/auteur" models show "$plain" | cmp - <("$BIN/auteur" models show plain-i2v) ||
    fail "a folder's path is another model"
echo "a film of three shots, 32 frames"
