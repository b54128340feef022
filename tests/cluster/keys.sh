#!/usr/bin/env bash
# A cluster with keys, over TCP: who is who, what each may do, and how fast a revoked key is out.
. "$(dirname "$0")/lib.sh"

FILM=$HERE/data/film.json
K=$TMP/keys
mkdir -m 700 "$K"

# as WHO COMMAND...: the client under WHO's key.
as () {
    local who=$1
    shift
    timeout 60 "$BIN/auteur" "$@" --endpoints "$TMP/broker/endpoints.json" --keys "$K/$who"
}

allow () { # ROLE NAME [OPTION...]
    local role=$1 name=$2
    shift 2
    "$BIN/auteur" keys allow --keys "$K/broker" --as "$role" "$name" \
        "$("$BIN/auteur" keys show --public --keys "$K/$name")" "$@" >/dev/null || fail "keys allow $name"
}

# refused CODE PATTERN WHAT COMMAND...: ends with CODE and says PATTERN, well within 15 s.
refused () {
    local code=$1 pattern=$2 what=$3 begun=$SECONDS got
    shift 3
    "$@" >"$TMP/said.log" 2>&1
    got=$?
    [ $got -eq "$code" ] || { cat "$TMP/said.log"; fail "$what: exit $got, not $code"; }
    grep -q -- "$pattern" "$TMP/said.log" || { cat "$TMP/said.log"; fail "$what: says nothing of \"$pattern\""; }
    [ $((SECONDS - begun)) -le 15 ] || fail "$what: took $((SECONDS - begun)) s"
    echo "refused as it should be: $what"
}

metric () { # NAME-WITH-LABELS: its value
    curl -fsS "$(jq -r .http "$TMP/broker/endpoints.json")/metrics" | grep -F "$1 " | tail -1 | sed 's/.* //'
}

# Connections that ended without a key: those that spoke something else, and those that said nothing.
without_key () {
    echo $(($(metric 'auteur_refused_total{reason="handshake"}') + $(metric 'auteur_refused_total{reason="speechless"}')))
}

counted () {
    [ "$(without_key)" -ge "$1" ]
}

for who in broker n1 n2 anna ben cora otto vera stranger; do
    "$BIN/auteur" keys new --keys "$K/$who" >/dev/null 2>&1 || fail "keys new $who"
    "$BIN/auteur" keys allow --keys "$K/$who" --as broker studio \
        "$("$BIN/auteur" keys show --public --keys "$K/broker")" >/dev/null || fail "keys allow broker"
done
for node in n1 n2; do allow node $node; done
for client in anna ben; do allow client $client; done
allow operator otto
allow viewer vera

# ---- before it starts ----
chmod 644 "$K/broker/secret.key"
refused 2 "chmod 600" "a key that others can read" "$BIN/auteur-broker" --state "$TMP/x" --port 0 --keys "$K/broker"
chmod 600 "$K/broker/secret.key"
chmod 755 "$K/broker"
refused 2 "chmod 700" "a key folder that others can read" "$BIN/auteur-broker" --state "$TMP/x" --port 0 --keys "$K/broker"
chmod 700 "$K/broker"
refused 2 "auteur keys new" "an open address without keys" "$BIN/auteur-broker" --state "$TMP/x" --port 0 --bind 0.0.0.0

export AUTEUR_TEST_WORKER_FAULT=slow:20
start_broker --keys "$K/broker"
start_node n1 --keys "$K/n1"
start_node n2 --keys "$K/n2"
nodes_online () {
    [ "$(as otto nodes --json 2>/dev/null | jq '[.nodes[] | select(.state == "online")] | length')" = "$1" ]
}
wait_for 60 "two nodes" nodes_online 2

# ---- strangers ----
refused 3 "does not know this key.*keys allow" "a stranger's key" as stranger status
refused 3 "requires keys" "no key" timeout 60 "$BIN/auteur" status --endpoints "$TMP/broker/endpoints.json" --insecure
refused 3 "auteur keys new" "no key folder" timeout 60 "$BIN/auteur" submit "$FILM" --endpoints "$TMP/broker/endpoints.json"
PORT=$(jq -r .client "$TMP/broker/endpoints.json")
PORT=${PORT##*:}
before=$(without_key)
for i in $(seq 60); do
    (exec 3<>"/dev/tcp/127.0.0.1/$PORT" && printf 'GET / HTTP/1.0\r\n\r\n%0128d' "$i" >&3) 2>/dev/null
done
wait_for 20 "60 strangers to be counted" counted $((before + 60))
lines=$(grep -cE 'refused \((handshake|speechless)\)' "$TMP/broker.log")
[ "$lines" -ge 1 ] && [ "$lines" -le 20 ] || fail "$lines lines of log for 60 strangers"
echo "60 connections without a key: counted, $lines lines of log"

# ---- a viewer ----
as vera status >/dev/null || fail "a viewer's status"
as vera jobs --json | jq -e .jobs >/dev/null || fail "a viewer's jobs"
refused 3 "not in a role" "a viewer that submits" as vera submit "$FILM"

# ---- clients: each its own jobs ----
JOB=$(as anna submit "$FILM" --idempotency-key same) || fail "anna's submission"
[ "$(as anna jobs --json | jq '.jobs | length')" = 1 ] || fail "anna does not see her job"
[ "$(as ben jobs --json | jq '.jobs | length')" = 0 ] || fail "ben sees anna's job"
refused 2 "no job $JOB" "another's job cancelled" as ben cancel "$JOB"
refused 2 "no job $JOB" "another's job retried" as ben retry "$JOB"
refused 2 "no job $JOB" "another's job watched" as ben watch "$JOB"
refused 2 "no job $JOB" "another's job fetched" as ben fetch "$JOB" -o "$TMP/stolen"
refused 2 "no job $JOB" "another's job previewed" as ben preview "$JOB" -o "$TMP/stolen"
refused 2 "no job $JOB" "another's job on a page" as ben top --once "$JOB"
refused 2 "operator" "a node drained by a client" as ben nodes drain n1
[ "$(as otto jobs --json | jq -r '.jobs[0].owner')" = anna ] || fail "the operator does not see whose job it is"
BENS=$(as ben submit "$FILM" --idempotency-key same) || fail "ben's submission"
[ "$BENS" != "$JOB" ] || fail "two clients share an idempotency key"
as otto cancel "$BENS" >/dev/null || fail "the operator cannot cancel"
[ "$(as ben jobs --json | jq -r '.jobs[0].state')" = cancelled ] || fail "ben's job is not cancelled"

# ---- a node ----
refused 3 "not in a role.*--as node" "a node under a client's key" timeout 60 "$BIN/auteur-node" \
    --endpoints "$TMP/broker/endpoints.json" --keys "$K/ben" --state "$TMP/false" --name false --workers 1
refused 3 "not in a role.*--as client" "a client under a node's key" as n1 cancel "$JOB"

# it knows another broker's key: nothing refuses it, so it says what it sees and goes on asking
"$BIN/auteur" keys new --keys "$K/astray" >/dev/null 2>&1 || fail "keys new"
"$BIN/auteur" keys allow --as broker other "$("$BIN/auteur" keys show --public --keys "$K/ben")" --keys "$K/astray" >/dev/null 2>&1 ||
    fail "keys allow --as broker"
"$BIN/auteur-node" --endpoints "$TMP/broker/endpoints.json" --keys "$K/astray" --state "$TMP/astray" --name astray \
    --workers 1 2>"$TMP/astray.log" &
astray=$!
wait_for 60 "a node with another broker's key to say so" grep -q "not under the broker's key" "$TMP/astray.log"
kill "$astray"
wait "$astray" 2>/dev/null || true

# ---- revoked: out within a second, its work goes on elsewhere ----
busy () { # NODE: it holds a lease
    as otto nodes --json 2>/dev/null | jq -e --arg n "$1" \
        '.nodes[] | select(.name == $n and .state == "online") | .workers[] | select(.state == "busy")' >/dev/null
}
sed 's/"prompt": *"/&Later, /' "$FILM" >"$TMP/later.json"
cmp -s "$FILM" "$TMP/later.json" && fail "the later film is not another one"
LATER=$(as anna submit "$TMP/later.json") || fail "anna's second submission"
wait_for 60 "n1 at work" busy n1
"$BIN/auteur" keys revoke n1 --keys "$K/broker" >/dev/null || fail "keys revoke"
wait_for 20 "n1 to be out" grep -q 'node has left node=n1' "$TMP/broker.log"
# from the list's change to the broker's own word
left=$(date -d "$(grep -m1 'node has left node=n1' "$TMP/broker.log" | cut -d' ' -f1)" +%s%3N)
out=$((left - $(date -d "@$(stat -c %.3Y "$K/broker/nodes.allow")" +%s%3N)))
[ $out -le 3000 ] || fail "n1 was out after $out ms"
echo "a revoked node was out after $out ms"
as anna watch "$LATER" >"$TMP/watch.log" 2>&1 || fail "the job did not end well without n1"
[ "$(metric 'auteur_tasks_failed_total')" = 0 ] || fail "the revocation failed a task"

allow node n1
wait_for 60 "n1 to be back" nodes_online 2
echo "allowed again, it is back by itself"

# ---- quotas ----
sed 's/"prompt": *"/&For cora, /' "$FILM" >"$TMP/cora.json"
cmp -s "$FILM" "$TMP/cora.json" && fail "cora's film is not another one"
allow client cora --max-jobs 1 --max-bytes 100
refused 1 "max-bytes" "too many bytes" as cora submit "$TMP/cora.json"
allow client cora --max-bytes 1M # the other bound stays
as cora submit "$TMP/cora.json" --idempotency-key one >"$TMP/cora.job" || fail "cora's first job"
refused 1 "max-jobs" "one job too many" as cora submit "$TMP/cora.json" --idempotency-key two
as cora cancel "$(cat "$TMP/cora.job")" >/dev/null || fail "cora cannot cancel"
as cora submit "$TMP/cora.json" --idempotency-key two >/dev/null || fail "cora's second job"

# ---- a client that is revoked, and a list with a slip ----
# the key is out of every list, whatever it is called there
"$BIN/auteur" keys allow --as viewer screen "$("$BIN/auteur" keys show --public --keys "$K/cora")" \
    --keys "$K/broker" >/dev/null || fail "cora's second role"
"$BIN/auteur" keys revoke cora --keys "$K/broker" >/dev/null || fail "keys revoke cora"
refused 3 "does not know this key" "a revoked client" as cora jobs
echo "this is no line of a list" >>"$K/broker/nodes.allow"
wait_for 20 "the slip to be told" grep -q 'stay in force' "$TMP/broker.log"
nodes_online 2 || fail "a slip in a list cost nodes"

# ---- a restart keeps owners ----
kill -KILL "$BROKER"
wait "$BROKER" 2>/dev/null
sed -i '/no line of a list/d' "$K/broker/nodes.allow"
start_broker --keys "$K/broker"
[ "$(as ben jobs --json | jq '.jobs | length')" = 1 ] || fail "ben's jobs after a restart"
[ "$(as anna jobs --json | jq -r '.jobs[0].id')" = "$JOB" ] || fail "anna's jobs after a restart"
wait_for 60 "the nodes to be back" nodes_online 2
echo "owners and nodes are the same after a restart"
