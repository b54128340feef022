#!/bin/sh
# lint.sh BUILD: what `make lint` runs, over the files that git tracks. BUILD is a configured build
# folder, for compile_commands.json. A file that passed clang-tidy is not looked at again until it,
# a header or the settings change.
set -u
build=${1:?a configured build folder}
cd "$(dirname "$0")/.." || exit 2
status=0

echo "lint: include arrows and banned calls"
tools/arch.sh || status=1

echo "lint: clang-format"
git ls-files '*.c' '*.cpp' '*.h' '*.hpp' | xargs -r clang-format --dry-run -Werror || status=1

echo "lint: shell syntax"
for script in $(git ls-files '*.sh' .ci/run); do
    bash -n "$script" || status=1
done

echo "lint: clang-tidy"
stamps=$build/tidy
mkdir -p "$stamps"
settings=$( (cat .clang-tidy; git ls-files '*.h' | sort | xargs cat) | sha256sum | cut -c1-32)
todo=
for file in $(git ls-files '*.c'); do
    grep -q "/$file\"" "$build/compile_commands.json" || continue # not built in this configuration
    key=$(sha256sum <"$file" | cut -c1-32)
    name=$(echo "$file" | tr / _)
    [ -e "$stamps/$name-$key-$settings" ] || todo="$todo $file"
done
export build stamps settings
[ -z "$todo" ] || echo $todo | tr ' ' '\n' | xargs -P "$(nproc)" -I{} sh -c '
    if clang-tidy -p "$build" --quiet --warnings-as-errors="*" "$1" 2>"$stamps/log.$$"; then
        name=$(echo "$1" | tr / _)
        key=$(sha256sum <"$1" | cut -c1-32)
        rm -f "$stamps/$name"-* "$stamps/log.$$"
        touch "$stamps/$name-$key-$settings"
    else
        grep -E "error:" "$stamps/log.$$"
        rm -f "$stamps/log.$$"
        exit 1
    fi' lint {} || status=1

[ $status -eq 0 ] && echo "lint: clean"
exit $status
