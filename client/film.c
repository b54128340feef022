#include "client/film.h"
#include "client/command.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "lib/media/picture.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STORYBOARD_MAX (32u << 20)

/* Finds a picture or sound on disk, makes sure that it is what it claims to be, and hashes it. */
static int resolve_on_disk (void *ctx, const char *path, aut_asset_kind_t kind, aut_hash_t *hash)
{
    char *real = NULL, *why = NULL;
    int rc = aut_asset_locate (&real, ctx, path);
    if (rc == 0) {
        rc = aut_media_probe (real, kind == AUT_ASSET_IMAGE ? AUT_MEDIA_IMAGE : AUT_MEDIA_AUDIO,
                              &why);
        if (rc && why)
            aut_fail (rc, "%s", why);
    }
    if (rc == 0)
        rc = aut_hash_file (hash, NULL, real);
    free (why);
    free (real);
    return rc;
}

static int resolve_submitted (void *ctx, const char *path, aut_asset_kind_t kind, aut_hash_t *hash)
{
    (void)kind;
    const char *hex = json_string_value (json_object_get (ctx, path));
    if (!hex)
        return aut_fail (AUT_ERR_NOT_FOUND, "is not part of the submission");
    return aut_hash_parse (hash, hex);
}

static int add_cluster_manifest (void *ctx, const char *manifest)
{
    /* One that is known here already is the same model: manifests are shared by id. */
    aut_registry_t *registry = ctx;
    int rc =
        aut_registry_add (registry, "the cluster's manifest", manifest, strlen (manifest), true);
    return rc == AUT_ERR_EXISTS || rc == AUT_ERR_INVALID ? 0 : rc;
}

int aut_film_registry (aut_registry_t **out, const char *models)
{
    int rc = aut_registry_open (out, models);
#ifndef AUTEUR_ENGINE
    if (rc == 0) {
        aut_registry_forget_backend (*out, "wan");
        aut_registry_forget_backend (*out, "upscaler");
    }
#endif
    return rc;
}

static int open_registry (aut_film_t *self, const char *models, aut_client_t *client)
{
    int rc = aut_film_registry (&self->registry, models);
    if (rc)
        return rc;
    for (size_t i = 0; i < aut_registry_warning_count (self->registry); i++)
        fprintf (stderr, "%s\n", aut_registry_warning (self->registry, i));
    if (!client)
        return 0;
    aut_registry_forget_weights (self->registry);
    return aut_client_models (client, add_cluster_manifest, self->registry);
}

static int read_film (aut_film_t *self, const aut_assets_t *assets)
{
    int rc = aut_storyboard_read (&self->film, &self->diags, self->text, self->size, self->registry,
                                  assets);
    return rc == AUT_ERR_INVALID && self->diags.errors ? 0 : rc;
}

int aut_film_load (aut_film_t *out, const char *file, const char *models, aut_client_t *client)
{
    *out = (aut_film_t){.file = aut_strdup (file)};
    aut_diags_init (&out->diags, file);
    int rc = aut_file_read (file, STORYBOARD_MAX, &out->text, &out->size);
    /* Whatever keeps a storyboard from being read, it is the command line that names it. */
    if (rc)
        return rc == AUT_ERR_NOMEM ? rc : AUT_ERR_INVALID;
    char *copy = aut_strdup (file);
    out->dir = aut_strdup (dirname (copy));
    free (copy);
    rc = open_registry (out, models, client);
    const aut_assets_t assets = {resolve_on_disk, out->dir};
    return rc ? rc : read_film (out, &assets);
}

int aut_film_load_submitted (aut_film_t *out, const char *text, size_t size, const json_t *assets,
                             const char *models, aut_client_t *client)
{
    *out = (aut_film_t){.file = aut_strdup ("storyboard.json")};
    aut_diags_init (&out->diags, out->file);
    out->text = aut_strndup (text, size);
    out->size = size;
    int rc = open_registry (out, models, client);
    const aut_assets_t resolver = {resolve_submitted, (void *)assets};
    if (rc == 0)
        rc = read_film (out, &resolver);
    if (rc == 0 && !out->film)
        rc = aut_fail (AUT_ERR_INVALID, "the job's storyboard is not valid for this version");
    return rc ? rc : aut_film_plan (out);
}

int aut_film_plan (aut_film_t *self)
{
    return aut_plan_new (&self->plan, self->film, self->registry);
}

void aut_film_print_warnings (const aut_film_t *self)
{
    aut_buffer_t text = {0};
    aut_diags_text (&self->diags, true, &text);
    if (text.size)
        fputs (text.data, stderr);
    aut_buffer_clear (&text);
    for (size_t i = 0; self->plan && i < self->plan->warning_count; i++)
        fprintf (stderr, "%s: warning: %s\n", self->file, self->plan->warnings[i]);
}

int aut_film_open (aut_film_t *out, const char *file, const char *models, aut_client_t *client)
{
    int rc = aut_film_load (out, file, models, client);
    if (rc == 0 && !out->film) {
        aut_buffer_t text = {0};
        aut_diags_text (&out->diags, false, &text);
        fputs (text.data, stderr);
        aut_buffer_clear (&text);
        fprintf (stderr, "auteur: %s has %zu error%s\n", file, out->diags.errors,
                 out->diags.errors == 1 ? "" : "s");
        return AUT_EXIT_USAGE;
    }
    if (rc == 0)
        rc = aut_film_plan (out);
    if (rc)
        return aut_common_fail (rc, "%s", file);
    aut_film_print_warnings (out);
    return -1;
}

int aut_film_check_tier (const aut_film_t *self, bool allow_lower)
{
    if (!self->plan->lowered || allow_lower)
        return -1;
    fprintf (
        stderr,
        "auteur: %s asks for a tier that no model here serves; nothing was rendered.\n"
        "Add a model ('auteur models list' shows what there is), choose another tier, or take\n"
        "the next lower one with --allow-lower-tier.\n",
        self->file);
    return AUT_EXIT_USAGE;
}

void aut_film_clear (aut_film_t *self)
{
    aut_plan_destroy (&self->plan);
    aut_storyboard_destroy (&self->film);
    aut_registry_destroy (&self->registry);
    aut_diags_clear (&self->diags);
    free (self->file);
    free (self->text);
    free (self->dir);
    *self = (aut_film_t){0};
}
