#!/bin/sh
# deps.sh build|lint|bench|deploy|web: installs the Debian packages that are missing, and does nothing if none is.
# "a|b": either name will do (the first that the distribution has is installed).
set -eu

build="gcc g++ make cmake ninja-build pkg-config ccache check uthash-dev libzmq3-dev libczmq-dev
libmsgpack-dev|libmsgpack-c-dev libsqlite3-dev libssl-dev libjansson-dev libmicrohttpd-dev
libavformat-dev libavcodec-dev libavfilter-dev libavutil-dev libswscale-dev libswresample-dev
libass-dev libcairo2-dev libncurses-dev libcurl4-openssl-dev libseccomp-dev libsentencepiece-dev python3-venv python3-numpy
jq ffmpeg fonts-dejavu-core fonts-noto-core"
lint="$build git clang clang-format clang-tidy"
web="python3 chromium prometheus" # the dashboard in a browser; promtool is in prometheus
bench="redis-server redis-tools beanstalkd postgresql python3-venv" # what the broker is measured against
deploy="python3-venv bubblewrap util-linux systemd golang-github-containers-common" # make check-deploy

case ${1:-build} in
build) wanted=$build ;;
lint) wanted=$lint ;;
bench) wanted=$bench ;;
web) wanted=$web ;;
deploy) wanted=$deploy ;;
*) echo "usage: deps.sh build|lint|bench|deploy|web" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
    echo "deps: no Debian packages here; install what corresponds to:" $wanted >&2
    exit 0
fi

installed () {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ] ||
        dpkg-query -W -f '${db:Status-Status} ${Provides}\n' 2>/dev/null |
            grep -Eq "^installed .*(^|[ ,])$1([ ,(]|\$)"
}

missing=
for names in $wanted; do
    found=
    for name in $(echo "$names" | tr '|' ' '); do
        if installed "$name"; then
            found=$name
            break
        fi
    done
    [ -n "$found" ] || missing="$missing $names"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif command -v sudo >/dev/null; then
    as_root=sudo
else
    echo "deps: missing:$missing" >&2
    echo "deps: become root, or install them with apt-get, and run this again" >&2
    exit 1
fi

run () {
    echo "deps: $*"
    "$@"
}

echo "deps: missing:$missing"
run $as_root apt-get -q update
chosen=
for names in $missing; do
    found=
    for name in $(echo "$names" | tr '|' ' '); do
        if apt-cache show "$name" >/dev/null 2>&1; then
            found=$name
            break
        fi
    done
    if [ -z "$found" ]; then
        echo "deps: this system's package lists have no $names" >&2
        exit 1
    fi
    chosen="$chosen $found"
done
run $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 install -y \
    --no-install-recommends $chosen
