#!/bin/sh
# golden.sh BIN COMPARE CASE.json: runs auteur-trace on a golden's case and compares the tensors.
set -eu
bin=$1 compare=$2 case=$3
trace=$(mktemp "${TMPDIR:-/tmp}/auteur-trace-XXXXXX")
trap 'rm -f "$trace"' EXIT
"$bin/auteur-trace" --model "$(dirname "$case")/model" --case "$case" --threads 1 -o "$trace"
"$compare" "$case" "${case%.json}.safetensors" "$trace"
