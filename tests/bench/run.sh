#!/usr/bin/env bash
# run.sh BIN DIR: the figures of this machine. Every figure that is judged stands beside a peer or a
# limit that was measured in the same run: machines differ, ratios travel.
set -eu
bin=${1:?the folder of the programs}
dir=${2:?the folder of the benches}
here=$(cd "$(dirname "$0")" && pwd)

echo "machine   $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, \
$(awk '/MemTotal/ {printf "%.0f GiB", $2 / 1048576}' /proc/meminfo), $(uname -sr)"
echo "auteur    $("$bin/auteur" version)"
echo "load      $(cut -d' ' -f1-3 /proc/loadavg) before the run"

# bench TITLE COMMAND...: one bench; a failing one does not keep the others from running.
failed=0
bench () {
    local title=$1
    shift
    echo
    echo "== $title"
    "$@" || { echo "   failed with exit code $?"; failed=1; }
}

bench "plan: 100,000 shots, limit 1 s" "$dir/bench_plan"
bench "core: ns per event, 1 k against 1 M queued tasks, 1,000 against 10,000 nodes, limit 2 x" \
    "$dir/bench_core"
bench "core: makespan of 200 shots on 16 nodes in simulated time, aim 0.95 of the bound" \
    "$dir/bench_makespan"
bench "broker: durable tasks/s" "$dir/bench_broker"
bench "broker: dispatch latency, 1,000 nodes, aim p99 10 ms" "$dir/bench_broker" --nodes 1000
bench "durable tasks/s beside other queues, aim > 1.0 x of each, 10 x Celery, 0.6 x the ceiling" \
    bash "$here/bench_peers.sh" "$dir"
bench "artifacts: MB/s against raw ZeroMQ, aim 0.8" "$dir/bench_artifact"
bench "artifacts under CURVE against raw CURVE" "$dir/bench_artifact" --curve
bench "stitch: against the ffmpeg command with the same graph, aim 1.0 x time, 0.5 x memory" \
    "$dir/bench_stitch"
if [ -x "$dir/bench_upscale" ]; then
    bench "upscaling: learned beside lanczos on a pan: PSNR, flicker, speed" \
        "$dir/bench_upscale" "$here/../../models/image/models/auteur-upscale-x4"
fi
bench "engine: against diffusers, aim 0.9 x time, 0.7 x memory" bash "$here/engine.sh" "$bin" "$dir"
exit $failed
