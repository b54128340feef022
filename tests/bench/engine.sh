#!/usr/bin/env bash
# engine.sh BIN DIR: a forward of the transformer and a decode of the autoencoder beside diffusers, on
# the same models and inputs with the same threads, in turns; medians and ratios. diffusers lives in a
# virtual environment below DIR, which nothing else uses.
set -eu
bin=${1:?the folder of the programs}
dir=${2:?a folder to work in}
here=$(cd "$(dirname "$0")" && pwd)
rounds=${ROUNDS:-3}
threads=${THREADS:-$(nproc)}
models=$dir/engine
python=$dir/venv/bin/python

if [ ! -x "$bin/auteur-bench-engine" ]; then
    echo "   built without the engine: nothing to measure"
    exit 0
fi
mkdir -p "$dir"
if [ ! -f "$dir/venv/ready" ]; then
    echo "   installing diffusers into $dir/venv"
    python3 -m venv "$dir/venv"
    # torch first: the build that the engine links to, so that both run the same kernels
    "$dir/venv/bin/pip" install -q --disable-pip-version-check "${TORCH_SPEC:-torch==2.13.0}"
    "$dir/venv/bin/pip" install -q --disable-pip-version-check diffusers==0.42.1 \
        safetensors==0.8.0 accelerate==1.15.0 numpy==2.4.6
    touch "$dir/venv/ready"
fi
[ -f "$models/vae.json" ] || "$python" "$here/engine_peer.py" make "$models"

median () { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# measure STAGE KEY: rounds in turns, then the medians side by side
measure () {
    local stage=$1 key=$2 i
    rm -f "$models/$stage".ours "$models/$stage".theirs
    for i in $(seq "$rounds"); do
        "$bin/auteur-bench-engine" --model "$models" --case "$models/$stage.json" --json \
            --threads "$threads" -o "$models/$stage.ours.safetensors" >>"$models/$stage.ours"
        "$python" "$here/engine_peer.py" run "$models" "$models/$stage.json" "$threads" \
            --output "$models/$stage.theirs.safetensors" 2>/dev/null >>"$models/$stage.theirs"
    done
    local ours theirs ours_peak theirs_peak
    ours=$(jq ".$key.seconds" "$models/$stage.ours" | median)
    theirs=$(jq ".$key.seconds" "$models/$stage.theirs" | median)
    ours_peak=$(jq ".$key.peak_bytes" "$models/$stage.ours" | median)
    theirs_peak=$(jq ".$key.peak_bytes" "$models/$stage.theirs" | median)
    awk -v k="$key" -v a="$ours" -v b="$theirs" -v p="$ours_peak" -v q="$theirs_peak" 'BEGIN {
        printf "   %-8s auteur %.3f s, diffusers %.3f s: %.2f x (aim 0.9)\n", k, a, b, a / b
        printf "   %-8s peak   %.0f MiB,  diffusers %.0f MiB: %.2f x (aim 0.7)\n", "", p / 1048576,
            q / 1048576, p / q }'
    "$python" - "$models/$stage" "$key" <<'PYTHON'
import sys
from safetensors.torch import load_file
ours, theirs = (load_file(f"{sys.argv[1]}.{x}.safetensors")[sys.argv[2]] for x in ("ours", "theirs"))
difference = float((ours - theirs).abs().max())
print(f"            largest difference of the outputs {difference:.1e}")
sys.exit(difference > 1e-3)
PYTHON
}

echo "   $threads threads, $rounds rounds in turns, medians"
measure transformer forward
measure vae decode
