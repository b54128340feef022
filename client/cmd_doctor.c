/*  auteur doctor: what this machine has and lacks, each with what to do about it. */
#include "client/command.h"
#include "client/connect.h"
#include "client/film.h"
#include "client/interrupt.h"
#include "lib/core/confine.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "lib/film/registry.h"
#include "lib/media/stitch.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavfilter/avfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

typedef struct {
    bool json;
    json_t *checks;
    size_t failed;
} doctor_t;

static void report (doctor_t *self, const char *check, bool ok, const char *found,
                    const char *advice)
{
    if (!ok)
        self->failed++;
    if (!self->json)
        printf ("%-8s %-14s %s%s%s\n", ok ? "ok" : "MISSING", check, found, ok ? "" : ": ",
                ok ? "" : advice);
    json_array_append_new (self->checks,
                           json_pack ("{s:s, s:b, s:s, s:s}", "check", check, "ok", (int)ok,
                                      "found", found, "advice", ok ? "" : advice));
}

static void check_programs (doctor_t *self)
{
    static const char *const names[] = {"auteur-worker", "auteur-node", "auteur-broker"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = aut_path_program (names[i]);
        report (self, names[i], path && access (path, X_OK) == 0, path ? path : "not found",
                "install it beside auteur, or on PATH");
        free (path);
    }
}

static void check_codecs (doctor_t *self)
{
    report (self, "ffv1", avcodec_find_encoder_by_name ("ffv1") != NULL, av_version_info (),
            "install an FFmpeg with FFV1: clips are kept in it");
    report (self, "h264", aut_stitch_codec_check ("h264") == 0, av_version_info (),
            "install an FFmpeg with libx264: films are written with it");
    report (self, "burn-in", avfilter_get_by_name ("ass") != NULL, "libass",
            "install an FFmpeg with libass: it draws the words on an animatic");
}

/*  Not an error where it is lacking: workers run without, and log it. */
static void check_confinement (doctor_t *self)
{
    aut_confined_t here;
    char text[256];
    aut_confine_probe (&here);
    report (self, "confinement", true, aut_confined_text (&here, text, sizeof text), "");
}

static void check_state (doctor_t *self, const aut_common_t *common)
{
    char *state = aut_common_state (common);
    struct statvfs space;
    bool made = aut_dir_make (state) == 0 && access (state, W_OK) == 0;
    report (self, "state", made, state, "it cannot be written to; choose another with --state");
    if (made && statvfs (state, &space) == 0) {
        double gigabytes = (double)space.f_bavail * (double)space.f_frsize / 1e9;
        char text[64];
        snprintf (text, sizeof text, "%.1f GB free", gigabytes);
        report (self, "disk", gigabytes >= 2, text, "a film's lossless clips need a few GB");
    }
    free (state);
}

static void check_models (doctor_t *self, const aut_common_t *common)
{
    aut_registry_t *registry = NULL;
    size_t here = 0, bad = 0;
    if (aut_film_registry (&registry, common->models) == 0) {
        for (size_t i = 0; i < aut_registry_count (registry); i++)
            here += aut_registry_at (registry, i)->available;
        bad = aut_registry_warning_count (registry);
    }
    char text[96];
    snprintf (text, sizeof text, "%zu here, of %zu known; default tier %s", here,
              registry ? aut_registry_count (registry) : 0,
              registry ? aut_tiers[aut_registry_default_tier (registry)] : "none");
    report (self, "models", here > 0 && bad == 0, text,
            bad ? "some manifests are faulty: 'auteur models list' names them"
                : "the shipped manifests were not found; install them or use --models");
    aut_registry_destroy (&registry);
}

static void check_broker (doctor_t *self, const aut_common_t *common)
{
    if (!aut_common_has_cluster (common))
        return;
    aut_session_t session;
    json_t *reply = NULL;
    int rc = aut_session_open (&session, common, AUT_SESSION_CLUSTER_ONLY, 0);
    if (rc == 0)
        rc = aut_client_query (session.client, "{\"get\":\"status\"}", &reply);
    report (self, "broker", rc == 0, common->broker ? common->broker : common->endpoints,
            rc ? aut_error_detail () : "");
    json_decref (reply);
    aut_session_close (&session);
}

int aut_cmd_doctor (int argc, char **argv)
{
    aut_common_t common = AUT_COMMON_DEFAULTS;
    const aut_opt_info_t info = {
        .program = "auteur doctor",
        .usage = "[--broker HOST] [--json]",
        .about = "Checks this machine: programs, codecs, fonts' renderer, state folder, disk, "
                 "models and,\n"
                 "with --broker, the cluster. Exit code 1 if something is missing."};
    const aut_opt_t table[] = {AUT_OPTIONS_CLUSTER (common), AUT_OPTIONS_STATE (common),
                               AUT_OPTIONS_MODELS (common), AUT_OPTIONS_OUTPUT (common),
                               AUT_OPTIONS_END};
    int code = aut_common_parse (&info, table, &common, argc, argv, NULL, NULL);
    if (code >= 0)
        return code;
    aut_interrupt_install ();
    doctor_t self = {.json = common.json, .checks = json_array ()};
    check_programs (&self);
    check_codecs (&self);
    check_confinement (&self);
    check_state (&self, &common);
    check_models (&self, &common);
    check_broker (&self, &common);
    if (common.json)
        aut_common_print_json (
            json_pack ("{s:b, s:O}", "ok", (int)(self.failed == 0), "checks", self.checks));
    json_decref (self.checks);
    return self.failed ? AUT_EXIT_FAILED : AUT_EXIT_DONE;
}
