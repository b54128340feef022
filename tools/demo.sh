#!/bin/sh
# demo.sh BIN DIR: renders the sample storyboard into DIR/film.mp4; auteur says in a line what came out.
# The last line is the path of the film. The state is kept in DIR: a second run finds every shot done.
set -eu
bin=${1:?the folder of the programs}
dir=${2:?a folder for the film}
mkdir -p "$dir"
"$bin/auteur" render templates/demo/storyboard.json -o "$dir/film.mp4" \
    --state "$dir/state" --outputs "$dir/outputs"
echo "$dir/film.mp4"
