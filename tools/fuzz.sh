#!/bin/sh
# fuzz.sh DIR SECONDS: every fuzz target for so long; with libFuzzer where clang has it, else with
# the plain driver. New inputs gather in DIR/corpus, a crash in DIR/crashes.
set -eu
dir=${1:?a folder for the build}
seconds=${2:-60}
cd "$(dirname "$0")/.."
mkdir -p "$dir/crashes"
export LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp:print_suppressions=0"

if echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { (void)d; return n > 9; }' |
    clang -x c -fsanitize=fuzzer - -o "$dir/probe" 2>/dev/null; then
    cmake -G Ninja -S . -B "$dir/build" --log-level=WARNING -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ \
        -DAUTEUR_LIBFUZZER=ON -DAUTEUR_SANITIZE=address,undefined
    cmake --build "$dir/build" --target fuzzers
    for program in "$dir"/build/fuzz/*; do
        name=$(basename "$program")
        echo "fuzz: $name for $seconds s"
        mkdir -p "$dir/corpus/$name" "tests/fuzz/corpus/$name"
        log=$dir/$name.log
        if ! "$program" -max_total_time="$seconds" -max_len=131072 -timeout=30 \
            -rss_limit_mb=2560 -artifact_prefix="$dir/crashes/$name-" \
            "$dir/corpus/$name" "tests/fuzz/corpus/$name" >"$log" 2>&1; then
            tail -n 40 "$log"
            exit 1
        fi
        grep '^Done' "$log" || true
        rmdir "tests/fuzz/corpus/$name" 2>/dev/null || true
    done
else
    echo "fuzz: no libFuzzer here (clang and libclang-rt): the plain driver it is"
    cmake -G Ninja -S . -B "$dir/build" --log-level=WARNING -DAUTEUR_SANITIZE=address,undefined
    cmake --build "$dir/build" --target fuzzers
    for program in "$dir"/build/tests/fuzz_*; do
        name=$(basename "$program")
        echo "fuzz: $name for $seconds s"
        end=$(($(date +%s) + seconds))
        seed=$(date +%s)
        while [ "$(date +%s)" -lt "$end" ]; do
            AUTEUR_FUZZ_CRASH="" "$program" --inputs 20000 --seed "$seed" "tests/fuzz/corpus/$name" ||
                { echo "fuzz: again with: $program --inputs 20000 --seed $seed"; exit 1; }
            seed=$((seed + 20000))
        done
    done
fi
echo "fuzz: no faults"
