#!/usr/bin/env bash
# Editing one shot renders exactly its tasks, and those of the shot that starts from it.
. "$(dirname "$0")/lib.sh"

start_broker
start_node n1
start_node n2

# done_attempts JOB: how many tasks of the job were really run, by shot.
ran () {
    ask jobs --json | jq -e --arg id "$1" '.jobs[] | select(.id == $id) | .state == "done"' >/dev/null ||
        fail "job $1 is not done"
    jq -r '.shots | length' >/dev/null 2>&1 </dev/null
    for f in "$2"/metadata/shots/*.json; do
        jq -r --arg job "$1" '.id as $s | .chunks[] | select(.cached | not) | $s' "$f"
    done | sort | uniq -c | awk '{print $2 ":" $1}' | paste -sd' '
}

render () { # STORYBOARD NAME
    ask render "$1" -o "$TMP/$2.mp4" --outputs "$TMP/out-$2" --json >"$TMP/$2.json" 2>"$TMP/$2.log" ||
        fail "render of $2 ended with $?"
    JOB=$(jq -r .job "$TMP/$2.json")
    DIR=$(jq -r .output "$TMP/$2.json")
}

render "$HERE/data/film.json" first
[ "$(ran "$JOB" "$DIR")" = "five:1 four:1 one:3 three:1 two:3" ] || fail "first render ran: $(ran "$JOB" "$DIR")"

render "$HERE/data/film.json" again
[ -z "$(ran "$JOB" "$DIR")" ] || fail "an unchanged film ran: $(ran "$JOB" "$DIR")"
cmp "$TMP/first.mp4" "$TMP/again.mp4" || fail "the unchanged film differs"

sed 's/waves break against the rock/gulls circle above the rock/' "$HERE/data/film.json" >"$TMP/board-two.json"
render "$TMP/board-two.json" two
[ "$(ran "$JOB" "$DIR")" = "two:3" ] || fail "editing shot two ran: $(ran "$JOB" "$DIR")"

sed 's/lantern first/lantern last/' "$HERE/data/film.json" >"$TMP/board-three.json"
render "$TMP/board-three.json" three
[ "$(ran "$JOB" "$DIR")" = "four:1 three:1" ] || fail "editing shot three ran: $(ran "$JOB" "$DIR")"

sed 's/"title": "Five shots"/"title": "Other title"/' "$HERE/data/film.json" >"$TMP/board-title.json"
render "$TMP/board-title.json" title
[ -z "$(ran "$JOB" "$DIR")" ] || fail "a new title ran: $(ran "$JOB" "$DIR")"
echo "exactly the edited shots ran"
