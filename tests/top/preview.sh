#!/usr/bin/env bash
# auteur preview: nothing while nothing is done, then a picture of each chunk that is, all of them at the end.
. "$(dirname "$0")/../cluster/lib.sh"

# previewed OPTION...: what is said on stdout, in $TMP/said; its errors in $TMP/complaint.
previewed () {
    timeout 60 "$BIN/auteur" preview "$@" --endpoints "$TMP/broker/endpoints.json" >"$TMP/said" 2>"$TMP/complaint"
}

complains () { # CODE PATTERN WHAT OPTION...
    local code=$1 pattern=$2 what=$3 got
    shift 3
    previewed "$@"
    got=$?
    [ $got -eq "$code" ] && grep -q -- "$pattern" "$TMP/complaint" || { cat "$TMP/complaint"; fail "$what: exit $got"; }
}

some_done () {
    [ "$(ask jobs --json | jq '.jobs[0].tasks.done')" -ge 1 ]
}

start_broker
JOB=$(ask submit "$HERE/data/film.json" --json | jq -r .job) || fail "submit"
complains 0 "Job $JOB (queued) has no previews yet" "a job without previews" "$JOB" -o "$TMP/none" --sheet "$TMP/none.png"
[ ! -s "$TMP/said" ] || fail "files are named that are not there"
[ ! -e "$TMP/none" ] && [ ! -e "$TMP/none.png" ] || fail "something was written although there are no previews"
previewed "$JOB" --json -o "$TMP/none" || fail "preview --json of a job without previews"
jq -e '.previews == [] and .chunks > 0' "$TMP/said" >/dev/null || fail "its JSON"
complains 2 "there is no job j77" "an unknown job" j77
complains 2 "has no shot 'onne'" "an unknown shot" "$JOB" --shot onne

start_node n1
wait_for 120 "a finished chunk" some_done
previewed "$JOB" -o "$TMP/early" || { cat "$TMP/complaint"; fail "preview of a running job"; }
[ -s "$TMP/early/one-1.png" ] && grep -qx "$TMP/early/one-1.png" "$TMP/said" || fail "no picture of the first chunk"

ask watch "$JOB" >"$TMP/watch.log" 2>&1 || fail "watch"
previewed "$JOB" -o "$TMP/all" --json --sheet "$TMP/sheet.png" || { cat "$TMP/complaint"; fail "preview"; }
cp "$TMP/said" "$TMP/all.json"
chunks=$(ask jobs --json | jq '.jobs[0].tasks.done')
[ "$(jq '.previews | length' "$TMP/all.json")" = "$chunks" ] || fail "not every one of $chunks chunks has a preview"
jq -r '.previews[] | "\(.sha256)  \(.file)"' "$TMP/all.json" | sha256sum -c --quiet || fail "a picture is not what was said"
[ "$(jq -r '[.previews[] | "\(.shot)-\(.chunk + 1).png"] | sort[]' "$TMP/all.json")" = "$(ls "$TMP/all" | LC_ALL=C sort)" ] ||
    fail "the files are named otherwise"
size () {
    ffprobe -v error -show_entries stream=width,height -of csv=p=0 "$1"
}
for picture in "$TMP"/all/*.png; do
    [ "$(size "$picture")" = 256,144 ] || fail "$picture is $(size "$picture")"
done
width=$(size "$TMP/sheet.png" | cut -d, -f1)
[ "$width" -gt 1000 ] || fail "the sheet is $width wide"
previewed "$JOB" -o "$TMP/one" --shot one || fail "preview --shot"
[ "$(ls "$TMP/one" | grep -vc '^one-[0-9]*\.png$')" = 0 ] && [ -s "$TMP/one/one-1.png" ] || fail "other shots came, too"
echo "$chunks chunks, each with its picture"
