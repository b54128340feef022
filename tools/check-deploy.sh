#!/bin/sh
# check-deploy.sh BUILD: everything in deploy/, with the programs that are built in BUILD. Manifests and
# Containerfiles are checked by schemas and rules; manifests and units are then started as real processes.
# What this machine cannot do (no kubectl, not root) is left out and said.
set -eu
build=${1:?usage: check-deploy.sh BUILD}
specs="kubernetes-validate==1.32.0 dockerfile-parse==2.0.1"
cd "$(dirname "$0")/.."
work=$build/deploy
venv=$work/venv
stamp=$venv/specs
left_out=0
failed=0

if ! command -v kubectl >/dev/null; then
    echo "check-deploy: kubectl (1.27 or later) is missing: https://kubernetes.io/docs/tasks/tools" >&2
    exit 1
fi
if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$specs" ]; then
    echo "check-deploy: installing $specs into $venv/ (some 90 MB)"
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check $specs
    echo "$specs" >"$stamp"
fi
rm -rf "$work/root"
cmake --install "$build" --prefix "$work/root" >/dev/null

check () {
    code=0
    "$@" || code=$?
    case $code in
    0) ;;
    77) left_out=$((left_out + 1)) ;;
    *) failed=$((failed + 1)) ; echo "check-deploy: FAILED: $*" ;;
    esac
}

check "$venv/bin/python" -B tests/deploy/container_lint.py "$work/root"
check "$venv/bin/python" -B tests/deploy/k8s_rules.py --check
check "$venv/bin/python" -B tests/deploy/k8s_validate.py
check "$venv/bin/python" -B tests/deploy/k8s_assert.py --spoil
check "$venv/bin/python" -B tests/deploy/k8s_run.py "$work/root"
check python3 -B tests/deploy/systemd.py "$build"

echo "check-deploy: $failed failed, $left_out left out"
[ "$failed" -eq 0 ]
