#!/bin/sh
# demo.sh BIN DIR: renders the sample storyboard into DIR/film.mp4; auteur says in a line what came out.
# The last line is the path of the film. A film that is newer than the storyboard, its model and the
# programs is left as it is; the state is kept in DIR, so whatever else is asked again finds every shot done.
set -eu
bin=${1:?the folder of the programs}
dir=${2:?a folder for the film}
storyboard=templates/demo/storyboard.json
model=models/video/models/auteur-mini/model.json
film=$dir/film.mp4

up_to_date () {
    for input in "$storyboard" templates/demo/music.ogg "$bin/auteur" "$bin/auteur-worker"; do
        [ "$film" -nt "$input" ] || return 1
    done
    [ ! -e "$model" ] || [ "$film" -nt "$model" ]
}

mkdir -p "$dir"
if [ -s "$film" ] && up_to_date; then
    echo "the film is newer than its storyboard, its model and the programs: nothing to render"
else
    "$bin/auteur" render "$storyboard" -o "$film" --state "$dir/state" --outputs "$dir/outputs"
fi
echo "$film"
