#!/usr/bin/env bash
# auteur-generate on every golden's model: clips of the right size, rate and length; pictures; what is
# wrong is said with the right exit code; an interrupt leaves nothing behind.
set -u
BIN=${BIN:?the folder of the programs}
GOLDENS=$(cd "$(dirname "${BASH_SOURCE[0]}")/../engine/goldens" && pwd)
TMP=$(mktemp -d "${TMPDIR:-/tmp}/auteur-generate.XXXXXX")
trap 'rm -rf "$TMP"' EXIT

fail () {
    echo "FAILED: $*"
    [ -f "$TMP/log" ] && cat "$TMP/log"
    exit 1
}

generate () { # MODEL OPTION...
    local model=$1
    shift
    "$BIN/auteur-generate" --model "$GOLDENS/$model/model" --prompt "a brass clock" --threads 1 \
        --steps 2 "$@" 2>"$TMP/log"
}

# makes MODEL WANTED OPTION...: the clip is WANTED (width,height,rate,frames).
makes () {
    local model=$1 wanted=$2 clip=$TMP/$1.mkv found
    shift 2
    rm -f "$clip"
    generate "$model" -o "$clip" "$@" >"$TMP/out" || fail "$model ended with $?"
    found=$(ffprobe -v error -select_streams v -count_frames -of csv=p=0 \
        -show_entries stream=width,height,r_frame_rate,nb_read_frames "$clip")
    [ "$found" = "$wanted" ] || fail "$model made $found, not $wanted"
}

# refuses CODE WORDS MODEL OPTION...
refuses () {
    local code=$1 words=$2
    shift 2
    generate "$@" -o "$TMP/none.mkv" >/dev/null
    local got=$?
    [ $got -eq "$code" ] || fail "$* ended with $got, not $code"
    grep -q -- "$words" "$TMP/log" || fail "$*: nothing about '$words'"
    [ -z "$(ls "$TMP"/none.mkv* 2>/dev/null)" ] || fail "$* left a file"
}

ffmpeg -v error -f lavfi -i testsrc=s=96x64:d=1 -frames:v 1 "$TMP/wide.png"
ffmpeg -v error -f lavfi -i testsrc=s=64x96:d=1 -frames:v 1 "$TMP/tall.png"

makes wan21-t2v 64,48,16/1,9 --width 64 --height 48 --frames 9 --json
[ "$(jq -r '"\(.width) \(.frames) \(.fps) \(.seed) \(.rung)"' "$TMP/out")" = "64 9 16 0 keep" ] ||
    fail "the JSON is $(cat "$TMP/out")"
first=$(jq -r .frames_sha256 "$TMP/out")
makes wan21-t2v 64,48,24000/1001,9 --width 64 --height 48 --frames 9 --json --fps 23.976
[ "$(jq -r .frames_sha256 "$TMP/out")" = "$first" ] || fail "the same clip has other frames"
makes wan21-t2v 64,48,16/1,9 --width 64 --height 48 --frames 9 --json --seed 1
[ "$(jq -r .frames_sha256 "$TMP/out")" != "$first" ] || fail "another seed has the same frames"

# What is not said comes from a manifest beside the weights.
mkdir "$TMP/own"
ln -s "$GOLDENS"/wan22-ti2v/model/* "$TMP/own/"
cat >"$TMP/own/model.json" <<'JSON'
{"id": "own", "name": "own", "version": "1.0.0", "type": "video", "capabilities": ["text-to-video"],
 "requirements": {"vram": 0, "disk_space": 0}, "files": [], "license": "Apache-2.0",
 "auteur": {"backend": "wan",
            "video": {"fps": 8, "frames": {"multiple": 4, "offset": 1, "max": 9},
                      "size": {"multiple": 32, "default": [64, 32], "min": [32, 32], "max": [128, 64]},
                      "tail": {"min": 1, "max": 5}},
            "tiers": {"standard": {"steps": 3, "guidance": 1.5}}, "precision": ["fp32"]}}
JSON
"$BIN/auteur-generate" --model "$TMP/own" --prompt "a brass clock" --threads 1 --json \
    -o "$TMP/own.mkv" >"$TMP/out" 2>"$TMP/log" || fail "a model with a manifest ended with $?"
[ "$(jq -r '"\(.width) \(.height) \(.frames) \(.fps) \(.steps) \(.guidance)"' "$TMP/out")" = "64 32 9 8 3 1.5" ] ||
    fail "the manifest was not heard: $(cat "$TMP/out")"

makes wan22-ti2v 64,32,24/1,5 --width 64 --height 32 --frames 5
makes wan22-ti2v 96,64,24/1,5 --width 96 --frames 5 --image "$TMP/wide.png"
makes wan22-a14b-t2v 32,32,16/1,5 --width 32 --height 32 --frames 5 --guidance-2 3
makes wan21-i2v 32,48,16/1,5 --width 32 --frames 5 --image "$TMP/tall.png"
makes wan21-flf2v 48,32,16/1,5 --height 32 --frames 5 --image "$TMP/wide.png" --last "$TMP/tall.png"
makes wan22-a14b-i2v 32,32,16/1,5 --width 32 --height 32 --frames 5 --image "$TMP/wide.png" \
    --fit stretch --vram-limit 1G

refuses 2 'no such folder' nowhere
refuses 2 'try 64' wan21-t2v --width 65
refuses 2 'try 5' wan21-t2v --frames 8
refuses 2 'no first picture' wan21-t2v --image "$TMP/wide.png" --width 32 --height 32 --frames 5
refuses 2 'needs a first picture' wan21-i2v --width 32 --height 32 --frames 5
refuses 2 'not a picture' wan21-i2v --image "$0"
refuses 2 'is no size' wan21-t2v --vram-limit 12X
refuses 2 'neither crop' wan21-t2v --fit squeeze
refuses 2 'out.mkv\|-o' wan21-t2v --no-such-option
generate wan21-t2v --width 32 --height 32 --frames 5 -o "$TMP/full.mkv" >/dev/full
[ $? -eq 1 ] || fail "a full standard output is no failure"

# Interrupted once it is at work.
"$BIN/auteur-generate" --model "$GOLDENS/wan21-t2v/model" --prompt x --threads 1 --steps 1000 \
    --width 96 --height 96 --frames 17 -o "$TMP/cut.mkv" 2>"$TMP/log" &
pid=$!
until grep -q '^step' "$TMP/log"; do
    kill -0 $pid 2>/dev/null || fail "it ended by itself"
    sleep 0.05
done
[ -f "$TMP/cut.mkv.part" ] || fail "nothing grows beside the clip's name"
kill -INT $pid
wait $pid
code=$?
[ $code -eq 130 ] || fail "an interrupted clip ended with $code"
[ -z "$(ls "$TMP"/cut.mkv* 2>/dev/null)" ] || fail "an interrupted clip left $(ls "$TMP"/cut.mkv*)"
echo "clips of all models"
