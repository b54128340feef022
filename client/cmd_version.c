/*  auteur version: what runs here, for a bug report. */
#include "client/command.h"
#include "client/common.h"

#include <libavcodec/avcodec.h>
#include <sqlite3.h>
#include <stdio.h>
#include <zmq.h>

int aut_cmd_version (int argc, char **argv)
{
    aut_common_t common = AUT_COMMON_DEFAULTS;
    const aut_opt_info_t info = {.program = "auteur version",
                                 .usage = "[--json]",
                                 .about = "Prints the versions of auteur and its libraries."};
    const aut_opt_t table[] = {AUT_OPTIONS_OUTPUT (common), AUT_OPTIONS_END};
    int code = argc > 1 ? aut_common_parse (&info, table, &common, argc, argv, NULL, NULL) : -1;
    if (code >= 0)
        return code;
    int major, minor, patch;
    zmq_version (&major, &minor, &patch);
    char zmq[32];
    snprintf (zmq, sizeof zmq, "%d.%d.%d", major, minor, patch);
    if (common.json)
        aut_common_print_json (json_pack ("{s:s, s:s, s:s, s:s}", "version", AUTEUR_VERSION,
                                          "zeromq", zmq, "ffmpeg", av_version_info (), "sqlite",
                                          sqlite3_libversion ()));
    else
        printf ("auteur %s (ZeroMQ %s, FFmpeg %s, SQLite %s)\n", AUTEUR_VERSION, zmq,
                av_version_info (), sqlite3_libversion ());
    return AUT_EXIT_DONE;
}
