#!/bin/sh
# demo.sh BIN DIR: renders the sample storyboard into DIR/film.mp4. Prints a one-line summary and,
# as its last line, the path of the film.
set -eu
bin=${1:?the folder of the programs}
dir=${2:?a folder for the film}
mkdir -p "$dir"
start=$(date +%s)
"$bin/auteur" render templates/demo/storyboard.json -o "$dir/film.mp4" \
    --state "$dir/state" --outputs "$dir/outputs"
seconds=$(($(date +%s) - start))
facts=$(ffprobe -v error -select_streams v -count_packets \
    -show_entries stream=width,height,nb_read_packets:format=duration -of csv=p=0 "$dir/film.mp4" |
    tr '\n' ',')
echo "$facts" | awk -F, -v s="$seconds" -v size="$(du -h "$dir/film.mp4" | cut -f1)" \
    '{ printf "a film of %.1f s, %d frames of %dx%d, %s, in %d s\n", $4, $3, $1, $2, size, s }'
echo "$dir/film.mp4"
