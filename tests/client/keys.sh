#!/usr/bin/env bash
# auteur keys allow, said again: what is not said stays, and what changes is told.
BIN=$1
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT

fail () {
    echo "FAILED: $*" >&2
    [ ! -f "$TMP/said" ] || cat "$TMP/said" >&2
    exit 1
}

for who in broker anna; do
    "$BIN/auteur" keys new --keys "$TMP/$who" >/dev/null 2>&1 || fail "keys new"
done
KEY=$("$BIN/auteur" keys show --public --keys "$TMP/anna")

# allow WORDS...: says it, and keeps what it said.
allow () {
    "$BIN/auteur" keys allow --keys "$TMP/broker" "$@" >"$TMP/said" 2>&1
}

line () { # the entry's words after its key
    grep -F -- "$KEY" "$TMP/broker/clients.allow" | sed "s/^[^ ]* [^ ]*//"
}

allow --as client anna "$KEY" --max-jobs 20 --max-bytes 1K || fail "the first time"
grep -q "as before\|->" "$TMP/said" && fail "a new entry has changes"
allow --as client anna "$KEY" || fail "the same again"
[ "$(line)" = " max-jobs=20 max-bytes=1024" ] || fail "its bounds are gone: $(line)"
grep -q "allowed as client already" "$TMP/said" || fail "nothing changed, and that is not said"
grep -q "max-jobs: 20, as before" "$TMP/said" || fail "what stays is not said"
allow --as client anna "$KEY" --max-jobs 30 || fail "another bound"
[ "$(line)" = " max-jobs=30 max-bytes=1024" ] || fail "not one bound alone: $(line)"
grep -q "max-jobs: 20 -> 30" "$TMP/said" || fail "the change is not said"
allow --as operator otto "$KEY" || fail "another role and name"
[ "$(line)" = " operator max-jobs=30 max-bytes=1024" ] || fail "the role alone: $(line)"
grep -q "name: anna -> otto" "$TMP/said" || fail "the name's change is not said"
grep -q "role: client -> operator" "$TMP/said" || fail "the role's change is not said"
allow --as client otto "$KEY" --max-jobs 0 --json || fail "a bound taken away"
[ "$(line)" = " max-bytes=1024" ] || fail "the bound stays: $(line)"
[ "$(jq -c '[.changed, .before.max_jobs, .max_jobs, .max_bytes]' "$TMP/said")" = "[true,30,null,1024]" ] ||
    fail "what is said as JSON"
allow --as node otto "$KEY" --max-jobs 3 && fail "a bound for a node"
exit 0
