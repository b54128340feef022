#!/bin/sh
# mutants.sh BUILD SEEDS JOBS [NAME…]: breaks the sources in one way after the other, as the patches in
# mutations/ say, and looks whether it is noticed: by the simulator within SEEDS seeds, or, where a patch
# says so, by a named test. Works on a copy of the sources in BUILD. Exits 1 if a mutant survives.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$1 seeds=$2 jobs=$3
shift 3
copy=$build/source out=$build/out
rm -rf "$copy"
mkdir -p "$copy" "$out" || exit 2
(cd "$root" && tar cf - CMakeLists.txt cmake tools templates lib proto broker node client tests/CMakeLists.txt tests/lsan.supp \
    tests/broker tests/broker_core tests/core tests/fuzz/driver.c tests/sim) | (cd "$copy" && tar xmf -) || exit 2
# No sanitizers: a mutant is to be seen for what it does. A build without the engine needs no LibTorch.
cmake -G Ninja -S "$copy" -B "$out" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DAUTEUR_ENGINE=OFF \
    -DAUTEUR_WERROR=OFF >"$build/log" 2>&1 || { cat "$build/log"; exit 2; }

# Runs what is to notice; true if it is content. Its output is in $build/log.
content () {
    if [ "$1" = sim ]; then
        timeout 600 "$out/tests/test_sim" --seeds "$seeds" --jobs "$jobs" --again 0 --bare >"$build/log" 2>&1
    else
        CK_DEFAULT_TIMEOUT=120 timeout 600 "$out/tests/$1" >"$build/log" 2>&1
    fi
}

make () {
    ninja -C "$out" -j "$jobs" "$1" >"$build/log" 2>&1
}

if [ $# -eq 0 ]; then
    for patch in "$here"/mutations/*.patch; do
        set -- "$@" "$(basename "$patch" .patch)"
    done
fi
good="" survived=0 count=0
for name in "$@"; do
    patch=$here/mutations/$name.patch
    by=$(sed -n 's/^caught by: //p' "$patch")
    case $by in sim) target=test_sim ;; *) target=$by ;; esac
    # Without a mutation it must be content, or it would notice nothing.
    case " $good " in
    *" $by "*) ;;
    *)
        make "$target" || { tail -20 "$build/log"; exit 2; }
        content "$by" || { tail -20 "$build/log"; echo "$by fails without a mutation"; exit 2; }
        good="$good $by" ;;
    esac
    if ! patch -d "$copy" -p1 -s -f <"$patch" >"$build/log" 2>&1; then
        cat "$build/log"
        echo "$name: the patch does not apply any more: make it anew"
        exit 2
    fi
    count=$((count + 1))
    if ! make "$target"; then
        tail -5 "$build/log"
        verdict="does not compile" survived=$((survived + 1))
    elif content "$by"; then
        verdict="SURVIVES" survived=$((survived + 1))
    else
        verdict=$(sed -n 's/^seed [0-9]*: //p' "$build/log" | head -1)
        [ -n "$verdict" ] || verdict=$(grep -m1 -E ':[EF]:|died|Assert' "$build/log" | sed 's/.*: *//')
        verdict="$by: $verdict"
    fi
    printf '%-30s %s\n' "$name" "$verdict"
    patch -d "$copy" -p1 -s -f -R <"$patch" || exit 2
done
echo "$count mutants, $survived not caught"
[ "$survived" -eq 0 ]
