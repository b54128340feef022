#!/usr/bin/env bash
# bench_peers.sh DIR [ROUNDS [SECONDS]]: durable tasks per second of the broker beside the queues that
# people use, in one run: redis, beanstalkd, PostgreSQL, Celery, and bare SQLite with the broker's
# rows and commits as its ceiling. Tasks of 256 bytes, 1 and 8 workers with one task in flight each.
#
#   redis       appendonly, appendfsync always; BLMOVE, LREM, each called and awaited (bench_peer.c,
#               each worker a process, and all in one process: the better counts)
#   redis_1     the same with both in one write: no client library's function does that by itself
#   beanstalkd  -f 0; reserve, delete (bench_peer.c, the same)
#   PostgreSQL  SELECT … FOR UPDATE SKIP LOCKED and an UPDATE, each a commit, synchronous_commit = on
#               (pgbench over a unix socket)
#   Celery      on the redis above, acks_late, results ignored (celery_peer.py)
#
# What is missing is installed: Debian's packages by tools/deps.sh, Celery into DIR/peers; what cannot
# be is left out by name. Servers and data live in $TMPDIR and end with the run. A shared disk's
# fsync varies many-fold from second to second, so only neighbours are compared: the broker runs
# right before or (every other round: a throttled disk favours who comes first) right after each peer,
# and the median of these ratios counts.
set -eu

dir=${1:?the folder of the benches}
rounds=${2:-5} seconds=${3:-2}
here=$(cd "$(dirname "$0")" && pwd)
dir=$(cd "$dir" && pwd)
venv=$dir/peers

"$here/../../tools/deps.sh" bench >"$dir/peers.log" 2>&1 || echo "peers     not all could be installed: $dir/peers.log"
if [ ! -x "$venv/bin/celery" ]; then
    { python3 -m venv "$venv" && "$venv/bin/pip" -q --disable-pip-version-check install 'celery[redis]>=5.3,<6'; } \
        >>"$dir/peers.log" 2>&1 || echo "celery    cannot be installed: $dir/peers.log"
fi
pg=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)

# PostgreSQL refuses to run as root.
as=()
if [ "$(id -u)" = 0 ]; then
    user=$(id -un postgres 2>/dev/null || echo nobody)
    as=(setpriv --reuid "$user" --regid "$(id -gn "$user")" --clear-groups)
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/aut-peers-XXXXXX")
chmod 755 "$work"
mkdir "$work/redis" "$work/beans" "$work/pg" "$work/out"
redis_pid='' beans_pid=''
stop () {
    cd /
    [ -z "$redis_pid" ] || kill "$redis_pid" 2>/dev/null || true
    [ -z "$beans_pid" ] || kill "$beans_pid" 2>/dev/null || true
    [ ! -d "$work/pg/data" ] ||
        "${as[@]}" "$pg/pg_ctl" -D "$work/pg/data" -m immediate stop >/dev/null 2>&1 || true
    wait
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 1' INT TERM
cd "$work"

# until_up PORT: when something accepts there.
until_up () {
    local i
    for ((i = 0; i < 600; i++)); do
        (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return 0
        sleep 0.05 # between tries only
    done
    return 1
}
free_port () {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
better () { if [ "$1" -ge "$2" ]; then echo "$1"; else echo "$2"; fi; }

# drive QUEUE PORT WORKERS [OPTION]: the better of a process for each worker and one for all.
drive () {
    local each all
    each=$("$dir/bench_peer" --queue "$1" --port "$2" --workers "$3" --seconds "$seconds" "${@:4}")
    all=$("$dir/bench_peer" --queue "$1" --port "$2" --workers "$3" --processes 1 --seconds "$seconds" \
        "${@:4}")
    better "$each" "$all"
}

tasks=$((20000 * (seconds + 1)))

start_redis () {
    local port
    port=$(free_port)
    rm -rf "$work/redis/"*
    redis-server --port "$port" --bind 127.0.0.1 --dir "$work/redis" --appendonly yes --appendfsync no \
        --save '' --auto-aof-rewrite-percentage 0 --loglevel warning >"$work/redis.log" 2>&1 &
    redis_pid=$!
    redis_port=$port
    until_up "$port"
}
stop_redis () {
    kill "$redis_pid" && wait "$redis_pid" || true
    redis_pid=''
}

drive_redis () {
    start_redis
    "$dir/bench_peer" --queue redis --port "$redis_port" --fill $((tasks * 2))
    sync
    redis-cli -p "$redis_port" config set appendfsync always >/dev/null
    drive redis "$redis_port" "$1" "${@:2}"
    stop_redis
}

run_redis () { drive_redis "$1" --calls >>"$work/out/redis.$1"; }
run_redis_1 () { drive_redis "$1" >>"$work/out/redis_1.$1"; }

run_celery () {
    start_redis
    PEER_PORT=$redis_port "$venv/bin/python" -B "$here/celery_peer.py" "$redis_port" "$1" 4000 \
        $((seconds * 2)) >>"$work/out/celery.$1"
    stop_redis
}

start_beans () {
    beanstalkd -l 127.0.0.1 -p "$1" -b "$work/beans" "${@:2}" 2>>"$work/beans.log" &
    beans_pid=$!
    until_up "$1"
}
stop_beans () {
    kill "$beans_pid" && wait "$beans_pid" || true
    beans_pid=''
}

# Filled without fsync, then started anew on its log with -f 0.
run_beanstalkd () {
    local port
    port=$(free_port)
    rm -rf "$work/beans/"*
    start_beans "$port" -F
    "$dir/bench_peer" --queue beanstalkd --port "$port" --fill $((tasks * 2))
    stop_beans
    sync
    start_beans "$port" -f 0
    drive beanstalkd "$port" "$1" >>"$work/out/beanstalkd.$1"
    stop_beans
}

sql () { "${as[@]}" "$pg/psql" -h "$work/pg" -d postgres -qAt "$@"; }

start_pg () {
    [ ${#as[@]} = 0 ] || chown "$user" "$work/pg"
    "${as[@]}" "$pg/initdb" -D "$work/pg/data" -A trust --no-sync >/dev/null
    "${as[@]}" "$pg/pg_ctl" -D "$work/pg/data" -w -l "$work/pg/log" \
        -o "-c listen_addresses='' -c unix_socket_directories='$work/pg' -c shared_buffers=256MB" \
        start >/dev/null
    cat >"$work/work.sql" <<'SQL'
UPDATE tasks SET state = 1, attempt = attempt + 1 WHERE id = (SELECT id FROM tasks WHERE state = 0
ORDER BY priority, id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id AS task \gset
UPDATE tasks SET state = 2, result = 'done' WHERE id = :task AND state = 1;
SQL
    chmod 644 "$work/work.sql"
}

run_postgresql () {
    sql -c "DROP TABLE IF EXISTS tasks" 2>/dev/null
    sql -c "CREATE TABLE tasks (id bigserial PRIMARY KEY, priority int NOT NULL DEFAULT 0, state int NOT
            NULL DEFAULT 0, attempt int NOT NULL DEFAULT 0, payload text NOT NULL, result text)"
    sql -c "INSERT INTO tasks (payload) SELECT repeat ('x', 256) FROM generate_series (1, $tasks)"
    sql -c "CREATE INDEX ready ON tasks (priority, id) WHERE state = 0"
    sql -c "VACUUM ANALYZE tasks" -c "CHECKPOINT"
    sync # what initdb and the loading left to write is not the queue's cost
    "${as[@]}" "$pg/pgbench" -h "$work/pg" -n -M prepared -c "$1" -j 1 -T "$seconds" \
        -f "$work/work.sql" postgres 2>/dev/null | awk '/^tps/ {printf "%.0f\n", $3; exit}' \
        >>"$work/out/postgresql.$1"
}

# The broker; what it committed goes to $per and $part.
run_ours () {
    local rate
    sync
    read -r rate per part _ < <("$dir/bench_broker" --workers "$1" --seconds "$seconds" --dir "$work")
    echo "$rate" >>"$work/out/auteur.$1"
    echo "$per" >>"$work/out/per.$1"
    echo "$part" >>"$work/out/part.$1"
}

# SQLite with as many tasks a commit as the broker just had.
run_ceiling () {
    "$dir/bench_ceiling" --per-commit "$per" --seconds "$seconds" --dir "$work" >>"$work/out/ceiling.$1"
}

run_credit () {
    "$dir/bench_broker" --workers "$1" --credit 16 --seconds "$seconds" --dir "$work" |
        cut -d' ' -f1 >>"$work/out/credit.$1"
}

median () { sort -n "$1" | awk '{a[NR] = $1} END {print a[int ((NR + 1) / 2)]}'; }

report () {
    local peer name
    printf '%s worker(s)  auteur: %s tasks a commit, %s of the time in commits\n' "$1" \
        "$(median "$work/out/per.$1")" "$(median "$work/out/part.$1")"
    for peer in $peers; do
        name=$peer.$1
        paste -d' ' "$work/out/beside-$name" "$work/out/$name" |
            awk 'NF == 2 {printf ("%.2f\n", $1 / ($2 > 0 ? $2 : 1))}' >"$work/out/ratio-$name"
        printf '%s worker(s)  %-11s %6d/s beside auteur %6d/s, auteur is %5s x of it (by round: %s)\n' \
            "$1" "$peer" "$(median "$work/out/$name")" "$(median "$work/out/beside-$name")" \
            "$(median "$work/out/ratio-$name")" "$(paste -sd' ' "$work/out/ratio-$name")"
    done
}

peers='ceiling credit'
! command -v redis-server >/dev/null || peers="$peers redis redis_1"
! command -v beanstalkd >/dev/null || peers="$peers beanstalkd"
[ -z "$pg" ] || { start_pg; peers="$peers postgresql"; }
[ ! -x "$venv/bin/celery" ] || ! command -v redis-server >/dev/null || peers="$peers celery"
echo "rounds    $rounds of $seconds s, load $(cut -d' ' -f1 /proc/loadavg); credit: the broker itself, 16 tasks in flight each"
for workers in 1 8; do
    for ((round = 0; round < rounds; round++)); do
        for peer in $peers; do
            [ $((round % 2)) = 0 ] || "run_$peer" "$workers"
            run_ours "$workers"
            tail -n 1 "$work/out/auteur.$workers" >>"$work/out/beside-$peer.$workers"
            [ $((round % 2)) = 1 ] || "run_$peer" "$workers"
        done
    done
    report "$workers"
done
