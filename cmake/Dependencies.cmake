# What the cluster needs beside lib/core: all from the system, found by pkg-config.
if (NOT PkgConfig_FOUND)
    message (FATAL_ERROR "pkg-config is missing: install it, or say -DAUTEUR_CLUSTER=OFF to build the "
             "engine alone")
endif ()
aut_pkg (CZMQ libczmq libzmq)
# Debian 12's msgpack-c ships as "msgpack"; later releases as "msgpack-c".
pkg_search_module (MSGPACK REQUIRED IMPORTED_TARGET GLOBAL msgpack-c msgpack)
aut_pkg (SQLITE sqlite3)
aut_pkg (MICROHTTPD libmicrohttpd)
aut_pkg (FFMPEG libavformat libavcodec libavfilter libavutil libswscale libswresample)
aut_pkg (CAIRO cairo)
aut_pkg (NCURSES ncursesw) # for auteur top
aut_pkg (CURL libcurl) # for auteur import --llm
aut_pkg (CHECK check)
