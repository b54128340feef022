#!/usr/bin/env bash
# An upgrade while a film is rendered: first the broker, then the nodes one by one, by programs from
# another folder. No chunk is rendered twice, and the film is the undisturbed one.
. "$(dirname "$0")/lib.sh"

FILM=$TMP/film.json
jq '.defaults += {width: 128, height: 72}' "$HERE/data/film.json" >"$FILM"
"$BIN/auteur" render "$FILM" -o "$TMP/calm.mp4" --outputs "$TMP/outputs-calm" \
    >"$TMP/calm.log" 2>&1 || fail "the undisturbed render"
TASKS=$("$BIN/auteur" plan "$FILM" --json | jq .tasks)
OLD=$BIN

# The new release: the same programs as other files. What is beside bin/ comes along by a link.
mkdir -p "$TMP/new/bin"
cp "$OLD"/auteur "$OLD"/auteur-* "$TMP/new/bin/"
[ ! -e "$OLD/../share" ] || ln -s "$(cd "$OLD/../share" && pwd)" "$TMP/new/share"

# is_new PID: it runs the new release's program.
is_new () {
    [[ $(readlink "/proc/$1/exe") == "$TMP/new/bin/"* ]]
}

export AUTEUR_TEST_WORKER_FAULT=slow:100
start_broker
start_node a --drain 120 --log-level debug
start_node b --drain 120 --log-level debug
wait_for 60 "both nodes" nodes_are 2
ask render "$FILM" -o "$TMP/film.mp4" --outputs "$TMP/outputs" >"$TMP/render.log" 2>&1 &
RENDER=$!
PIDS+=("$RENDER")
wait_for 60 "both nodes at work" busy_are 2

BIN=$TMP/new/bin
kill -TERM "$BROKER"
wait "$BROKER" || fail "the old broker ended with $?"
start_broker
is_new "$BROKER" || fail "the new broker is the old one"
wait_for 60 "the nodes at the new broker" nodes_are 2
kill -0 "$RENDER" 2>/dev/null || fail "the film was done before the broker was upgraded"
echo "the broker is the new one"

for name in a b; do
    kill -TERM "${NODE_PID[$name]}"
    wait "${NODE_PID[$name]}" || fail "node $name ended with $?"
    grep -q "given back" "$TMP/$name.log" && fail "node $name gave a chunk back"
    if [ $name = a ]; then
        kill -0 "$RENDER" 2>/dev/null || fail "the film was done before a node was upgraded"
    fi
    start_node $name --drain 120 --log-level debug
    wait_for 60 "the new node $name" nodes_are 2
    is_new "${NODE_PID[$name]}" || fail "the new node $name is the old one"
    echo "node $name is the new one"
done

wait "$RENDER" || fail "render ended with $?"
cmp "$TMP/calm.mp4" "$TMP/film.mp4" || fail "the films differ"
runs=$(cat "$TMP/a.log" "$TMP/b.log" | grep -c "runs on worker")
[ "$runs" -eq "$TASKS" ] || fail "$TASKS chunks were rendered $runs times"
echo "each of $TASKS chunks was rendered once; the film is the same"
