#!/usr/bin/env bash
# bench_pg.sh [BENCH_BROKER]: the broker's bench done by PostgreSQL, the peer that people build queues on:
# SELECT … FOR UPDATE SKIP LOCKED to claim a task of 256 bytes, and an UPDATE to complete it, each
# durable (synchronous_commit = on, fsync = on), by 1 and 8 clients over a unix socket. The cluster is
# made for the run in $TMPDIR and removed after it. A shared disk's fsync varies many-fold from second to
# second: short rounds of both take turns, and medians are compared.
set -eu

broker=${1:-}
seconds=2 rounds=5
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
if [ -z "$bin" ] || [ ! -x "$bin/initdb" ]; then
    echo "postgres  not installed (apt install postgresql): no comparison"
    exit 0
fi

# PostgreSQL refuses to run as root.
as=()
if [ "$(id -u)" = 0 ]; then
    user=$(id -un postgres 2>/dev/null || echo nobody)
    as=(setpriv --reuid "$user" --regid "$(id -gn "$user")" --clear-groups)
fi

dir=$(mktemp -d "${TMPDIR:-/tmp}/aut-pg-XXXXXX")
[ ${#as[@]} = 0 ] || chown "$user" "$dir"
stop () {
    cd /
    "${as[@]}" "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$dir"
}
trap stop EXIT
cd "$dir"

"${as[@]}" "$bin/initdb" -D "$dir/data" -A trust --no-sync >/dev/null
"${as[@]}" "$bin/pg_ctl" -D "$dir/data" -w -l "$dir/data/log" \
    -o "-c listen_addresses='' -c unix_socket_directories='$dir' -c shared_buffers=256MB" \
    start >/dev/null
sql () { "${as[@]}" "$bin/psql" -h "$dir" -d postgres -qAt "$@"; }

cat >"$dir/work.sql" <<'SQL'
UPDATE tasks SET state = 1, attempt = attempt + 1 WHERE id = (SELECT id FROM tasks WHERE state = 0
ORDER BY priority, id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id AS task \gset
UPDATE tasks SET state = 2, result = 'done' WHERE id = :task AND state = 1;
SQL
chmod 644 "$dir/work.sql"
chmod 755 "$dir"

# claim_and_complete CLIENTS: tasks per second on a fresh table.
claim_and_complete () {
    sql -c "DROP TABLE IF EXISTS tasks" 2>/dev/null
    sql -c "CREATE TABLE tasks (id bigserial PRIMARY KEY, priority int NOT NULL DEFAULT 0, state int NOT
            NULL DEFAULT 0, attempt int NOT NULL DEFAULT 0, payload text NOT NULL, result text)"
    sql -c "INSERT INTO tasks (payload) SELECT repeat ('x', 256) FROM generate_series (1, 20000 * $seconds)"
    sql -c "CREATE INDEX ready ON tasks (priority, id) WHERE state = 0"
    sql -c "VACUUM ANALYZE tasks" -c "CHECKPOINT"
    sync # what initdb and the loading left to write is not the queue's cost
    "${as[@]}" "$bin/pgbench" -h "$dir" -n -M prepared -c "$1" -j 1 -T "$seconds" \
        -f "$dir/work.sql" postgres 2>/dev/null | awk '/^tps/ {printf "%.0f\n", $3; exit}'
}

median () { sort -n | awk '{a[NR] = $1} END {print a[int ((NR + 1) / 2)]}'; }

for clients in 1 8; do
    : >"$dir/pg.$clients"
    for credit in 1 16; do : >"$dir/broker.$clients.$credit"; done
    for ((round = 0; round < rounds; round++)); do
        claim_and_complete "$clients" >>"$dir/pg.$clients"
        [ -n "$broker" ] || continue
        for credit in 1 16; do
            "$broker" --workers "$clients" --credit "$credit" --seconds "$seconds" \
                >>"$dir/broker.$clients.$credit"
        done
    done
    pg=$(median <"$dir/pg.$clients")
    line="$clients worker(s): PostgreSQL $pg durable tasks/s"
    for credit in 1 16; do
        [ -n "$broker" ] || continue
        ours=$(median <"$dir/broker.$clients.$credit")
        line="$line, broker at credit $credit $ours ($(awk "BEGIN {printf \"%.1f\", $ours / $pg}") x)"
    done
    echo "$line"
done
