# Helpers of the cluster tests: real brokers, nodes and clients on loopback. Sourced with BIN set to
# the folder of the programs. Waiting is for a condition with a bound, never for a time.

set -u
BIN=${BIN:?the folder of the programs}
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TMP=$(mktemp -d "${TMPDIR:-/tmp}/auteur-cluster.XXXXXX")
PIDS=()
export XDG_STATE_HOME=$TMP/xdg-state XDG_CONFIG_HOME=$TMP/xdg-config HF_HUB_CACHE=$TMP/no-hub
unset AUTEUR_BROKER AUTEUR_STATE AUTEUR_MODELS AUTEUR_KEYS

cleanup () {
    local status=$?
    for pid in "${PIDS[@]:-}"; do
        [ -n "$pid" ] && kill -KILL "$pid" 2>/dev/null
    done
    wait 2>/dev/null
    if [ $status -ne 0 ]; then
        for log in "$TMP"/*.log; do
            [ -f "$log" ] && { echo "--- $(basename "$log")"; tail -n 25 "$log"; }
        done
    fi
    rm -rf "$TMP"
    exit $status
}
trap cleanup EXIT

fail () {
    echo "FAILED: $*"
    exit 1
}

# wait_for SECONDS WHAT COMMAND...: until COMMAND succeeds.
wait_for () {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        [ $SECONDS -lt $deadline ] || fail "waited too long for $what"
        sleep 0.05
    done
}

# start_broker [OPTION...]: on $TMP/broker; sets BROKER. Started again it has the same ports, as a
# broker that comes back after a crash does. They lie below the system's free ports, so that a broker
# of another test never gets them while this one is away.
BASE=
start_broker () {
    rm -f "$TMP/broker/endpoints.json"
    local try
    for try in $(seq 20); do
        [ -n "$BASE" ] && [ "$try" -eq 1 ] || BASE=$((10000 + RANDOM % 220 * 100))
        "$BIN/auteur-broker" --state "$TMP/broker" --port "$BASE" "$@" >>"$TMP/broker.log" 2>&1 &
        BROKER=$!
        PIDS+=("$BROKER")
        wait_for 30 "the broker to accept" accepts_or_ended
        [ -s "$TMP/broker/endpoints.json" ] && return
    done
    fail "no free ports for a broker"
}

accepts_or_ended () {
    [ -s "$TMP/broker/endpoints.json" ] || ! kill -0 "$BROKER" 2>/dev/null
}

# start_node NAME [OPTION...]: sets NODE_PID[NAME].
declare -A NODE_PID
start_node () {
    local name=$1
    shift
    "$BIN/auteur-node" --endpoints "$TMP/broker/endpoints.json" --state "$TMP/$name" --name "$name" \
        --workers 1 "$@" >>"$TMP/$name.log" 2>&1 &
    NODE_PID[$name]=$!
    PIDS+=("${NODE_PID[$name]}")
}

# ask COMMAND...: the client against this broker.
ask () {
    "$BIN/auteur" "$@" --endpoints "$TMP/broker/endpoints.json"
}

# nodes_are N: N nodes are online.
nodes_are () {
    [ "$(ask nodes --json 2>/dev/null | jq '[.nodes[] | select(.state == "online")] | length')" = "$1" ]
}

# busy_node: the name of a node whose worker holds a lease; fails if there is none.
busy_node () {
    BUSY=$(ask nodes --json 2>/dev/null |
        jq -r '[.nodes[] | select(.state == "online" and any(.workers[]; .state == "busy"))][0].name // empty')
    [ -n "$BUSY" ]
}

# busy_are N: at least N workers hold a lease.
busy_are () {
    [ "$(ask nodes --json 2>/dev/null |
        jq '[.nodes[] | select(.state == "online") | .workers[] | select(.state == "busy")] | length')" -ge "$1" ]
}

# frames FILM: a hash of every decoded frame.
frames () {
    ffmpeg -v error -i "$1" -map 0:v -f framemd5 - | grep -v '^#' | sha256sum | cut -d' ' -f1
}
