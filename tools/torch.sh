#!/bin/sh
# torch.sh: LibTorch, headers and libraries, as Python's package of it brings them, in .venv/. Does
# nothing if what is asked for is there. Nothing of Python is used beyond pip's fetching and unpacking;
# pip's own settings (index, cache, proxy) hold. Another build: TORCH_SPEC='torch==2.12.0', and for one
# without CUDA PIP_INDEX_URL=https://download.pytorch.org/whl/cpu.
set -eu
spec=${TORCH_SPEC:-torch==2.13.0}
cd "$(dirname "$0")/.."
venv=.venv
stamp=$venv/torch.spec

[ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$spec" ] || exit 0

if ! command -v python3 >/dev/null; then
    echo "torch: python3 is missing; or say CMAKE_FLAGS=-DAUTEUR_TORCH=FOLDER for a LibTorch that is" \
        "there, or -DAUTEUR_ENGINE=OFF to build without the engine" >&2
    exit 1
fi
echo "torch: installing $spec into $venv/ (0.2 to 3 GB to fetch, by the build)"
[ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
rm -f "$stamp"
"$venv/bin/pip" install --quiet --disable-pip-version-check "$spec"
echo "$spec" >"$stamp"
echo "torch: $("$venv/bin/pip" list --disable-pip-version-check 2>/dev/null | grep '^torch ')"
