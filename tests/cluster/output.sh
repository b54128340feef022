#!/usr/bin/env bash
# Standard output that cannot be written is a failure of every program.
. "$(dirname "$0")/lib.sh"

[ -c /dev/full ] || exit 0
for program in auteur auteur-broker auteur-node auteur-worker auteur-generate; do
    [ -x "$BIN/$program" ] || continue
    for option in --help --version; do
        "$BIN/$program" $option >/dev/null || fail "$program $option ended with $?"
        "$BIN/$program" $option >/dev/full 2>/dev/null
        code=$?
        [ $code -eq 1 ] || fail "$program $option on a full device ended with $code"
    done
done
