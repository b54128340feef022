#include "client/submission.h"
#include "client/query.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"

#include <stdlib.h>

#define SUBMISSION_MAX (64u << 20)
#define STORYBOARD_MAX (32u << 20)

json_t *aut_submission_assets (const aut_film_t *film)
{
    aut_asset_ref_t *refs = NULL;
    size_t count = aut_storyboard_assets (film->film, &refs);
    json_t *assets = json_object ();
    for (size_t i = 0; i < count; i++) {
        char hex[AUT_HASH_HEX];
        json_object_set_new (assets, refs[i].path, json_string (aut_hash_hex (&refs[i].hash, hex)));
    }
    free (refs);
    return assets;
}

static int upload_assets (aut_artifact_client_t *artifacts, const aut_film_t *film)
{
    aut_asset_ref_t *refs = NULL;
    size_t count = aut_storyboard_assets (film->film, &refs);
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        char *real = NULL;
        aut_ref_t stored;
        rc = aut_asset_locate (&real, film->dir, refs[i].path);
        if (rc == 0)
            rc = aut_artifact_put_file (artifacts, &stored, real);
        /* The plan was made from the file as it was; another one now would be another film. */
        if (rc == 0 && !aut_hash_equal (&stored.hash, &refs[i].hash))
            rc = aut_fail (AUT_ERR_INVALID, "it changed while it was read; try again");
        if (rc)
            aut_fail_in (rc, "%s", refs[i].path);
        free (real);
    }
    free (refs);
    return rc;
}

static int upload_description (aut_artifact_client_t *artifacts, const aut_film_t *film,
                               bool allow_lower_tier, aut_ref_t *ref)
{
    aut_ref_t storyboard;
    int rc = aut_artifact_put_bytes (artifacts, &storyboard, film->text, film->size);
    if (rc)
        return rc;
    char hex[AUT_HASH_HEX];
    json_t *json =
        json_pack ("{s:s, s:o, s:b}", "storyboard", aut_hash_hex (&storyboard.hash, hex), "assets",
                   aut_submission_assets (film), "allow_lower_tier", (int)allow_lower_tier);
    size_t size;
    char *text = aut_json_canonical (json, &size);
    json_decref (json);
    rc = aut_artifact_put_bytes (artifacts, ref, text, size);
    free (text);
    return rc;
}

int aut_submission_send (char **job, aut_session_t *session, const aut_film_t *film,
                         const aut_submission_options_t *options)
{
    aut_artifact_client_t *artifacts;
    aut_ref_t submission;
    int rc = aut_client_artifacts (session->client, &artifacts);
    if (rc == 0)
        rc = upload_assets (artifacts, film);
    if (rc == 0)
        rc = upload_description (artifacts, film, options->allow_lower_tier, &submission);
    if (rc == 0)
        rc = aut_client_submit (session->client, &submission, film->film->project,
                                options->priority, options->idempotency, job, NULL);
    return rc;
}

static int fetch_storyboard (aut_artifact_client_t *artifacts, const json_t *submission,
                             char **text, size_t *size)
{
    const char *hex;
    aut_hash_t hash;
    int rc = aut_json_string (submission, "storyboard", &hex);
    if (rc == 0)
        rc = aut_hash_parse (&hash, hex);
    return rc ? rc : aut_artifact_get_bytes (artifacts, &hash, STORYBOARD_MAX, text, size);
}

/*  The storyboard's bytes, which the caller frees, and {"path": hash of its files}, decrefs. */
static int fetch_submission (aut_session_t *session, const char *job, char **text, size_t *size,
                             json_t **assets)
{
    json_t *reply = NULL, *submission = NULL;
    int rc = aut_query_job (session, job, 0, 1, &reply);
    const char *hex = NULL;
    aut_hash_t hash;
    aut_artifact_client_t *artifacts = NULL;
    char *data = NULL;
    size_t data_size = 0;
    if (rc == 0)
        rc = aut_json_string (reply, "submission", &hex);
    if (rc == 0)
        rc = aut_hash_parse (&hash, hex);
    if (rc == 0)
        rc = aut_client_artifacts (session->client, &artifacts);
    if (rc == 0)
        rc = aut_artifact_get_bytes (artifacts, &hash, SUBMISSION_MAX, &data, &data_size);
    if (rc == 0)
        rc = aut_json_parse (&submission, data, data_size, "the submission");
    if (rc == 0)
        rc = fetch_storyboard (artifacts, submission, text, size);
    if (rc == 0)
        *assets = json_incref (json_object_get (submission, "assets"));
    free (data);
    json_decref (submission);
    json_decref (reply);
    return rc;
}

int aut_submission_film (aut_film_t *out, aut_session_t *session, const char *job,
                         const char *models)
{
    char *text = NULL;
    size_t size = 0;
    json_t *assets = NULL;
    *out = (aut_film_t){0};
    int rc = fetch_submission (session, job, &text, &size, &assets);
    if (rc == 0)
        rc = aut_film_load_submitted (out, text, size, assets, models,
                                      session->local ? NULL : session->client);
    free (text);
    json_decref (assets);
    return rc;
}
