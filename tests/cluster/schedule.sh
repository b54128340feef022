#!/usr/bin/env bash
# The order of work on a real broker and node: equal jobs get equal shares, a higher priority
# overtakes, and the longest chain of chunks begins first.
. "$(dirname "$0")/lib.sh"

# storyboard PROJECT SHOTS SECONDS: shots of one size, in JSON.
storyboard () {
    jq -n --arg project "$1" --argjson shots "$2" --argjson seconds "$3" '{
        storyboard: "1", project: $project,
        defaults: {tier: "animatic", width: 64, height: 64, fps: 4, duration: $seconds, seed: ($project | length)},
        scenes: [{id: "s", shots: [range($shots) | {id: "\($project)-\(.)", prompt: "shot \(.) of \($project)"}]}]}'
}

# started: the tasks in the order in which they were first leased, as lines JOB SHOT CHUNK.
started () {
    local after=0 page
    while page=$("$TESTS/query" "$TMP/broker/endpoints.json" "{\"get\":\"events\",\"after\":$after}") &&
        [ "$(jq '.events | length' <<<"$page")" -gt 0 ]; do
        jq -r '.events[] | select(.type == "task" and .state == "leased") | "\(.job) \(.shot) \(.chunk)"' <<<"$page"
        after=$(jq '[.events[].seq] | max' <<<"$page")
    done | awk '!seen[$0]++'
}

job_is_done () {
    ask jobs --json | jq -e --arg id "$1" 'any(.jobs[]; .id == $id and .state == "done")' >/dev/null
}

storyboard alpha 30 1 >"$TMP/alpha.json"
storyboard bravo 30 1 >"$TMP/bravo.json"
storyboard urgent 5 1 >"$TMP/urgent.json"
# One long take of three chunks behind ten short shots.
storyboard chain 10 2 | jq '.scenes[0].shots += [{id: "long", prompt: "one long take", duration: 30}]' >"$TMP/chain.json"

start_broker
A=$(ask submit "$TMP/alpha.json") || fail "submit alpha"
B=$(ask submit "$TMP/bravo.json") || fail "submit bravo"
U=$(ask submit "$TMP/urgent.json" --priority 10) || fail "submit urgent"
start_node n1
for job in "$A" "$B" "$U"; do
    wait_for 120 "job $job" job_is_done "$job"
done
started >"$TMP/order"
[ "$(wc -l <"$TMP/order")" -eq 65 ] || fail "65 tasks ran, not $(wc -l <"$TMP/order")"

head -n 5 "$TMP/order" | grep -vc "^$U " | grep -qx 0 || fail "the urgent job did not come first"
a=$(sed -n 6,45p "$TMP/order" | grep -c "^$A ")
b=$(sed -n 6,45p "$TMP/order" | grep -c "^$B ")
echo "of 40 tasks while both waited: $a and $b"
[ $((a > b ? a - b : b - a)) -le 4 ] || fail "equal jobs got $a and $b tasks"

kill -TERM "${NODE_PID[n1]}"
wait "${NODE_PID[n1]}" || fail "the node did not end well"
C=$(ask submit "$TMP/chain.json") || fail "submit chain"
start_node n2
wait_for 120 "job $C" job_is_done "$C"
started | grep "^$C " >"$TMP/chain-order"
head -n 1 "$TMP/chain-order" | grep -q " long 0$" || fail "the longest chain did not begin first"
echo "priority, fairness and chain order hold"
