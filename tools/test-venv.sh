#!/bin/sh
# test-venv.sh: the Python packages that only tests need, in .venv-tests/, and prints its Python. pip's
# own settings (index, cache, proxy) hold. With --have: only prints it, and fails if it is not there.
set -eu
specs="opentimelineio==0.18.1 otio-cmx3600-adapter==1.0.0 otio-fcpx-xml-adapter==1.0.0 jsonschema==4.26.0"
cd "$(dirname "$0")/.."
venv=.venv-tests
stamp=$venv/specs

if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$specs" ]; then
    if [ "${1:-}" = --have ]; then
        echo "test-venv: $venv/ is not there: run tools/test-venv.sh (make check does)" >&2
        exit 1
    fi
    echo "test-venv: installing $specs into $venv/ (some 20 MB)" >&2
    [ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
    rm -f "$stamp"
    "$venv/bin/pip" install --quiet --disable-pip-version-check $specs >&2
    echo "$specs" >"$stamp"
fi
echo "$PWD/$venv/bin/python"
