/*  auteur models: what can be rendered with. */
#include "client/command.h"
#include "client/common.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "lib/film/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int list_models (const aut_registry_t *registry, bool json)
{
    json_t *models = json_array ();
    if (!json)
        printf ("%-28s %-9s %-9s %s\n", "MODEL", "BACKEND", "WEIGHTS", "NAME");
    for (size_t i = 0; i < aut_registry_count (registry); i++) {
        const aut_model_t *model = aut_registry_at (registry, i);
        if (!json)
            printf ("%-28s %-9s %-9s %s\n", model->id, *model->backend ? model->backend : "-",
                    model->available ? "here" : "not here", model->name);
        json_array_append_new (models,
                               json_pack ("{s:s, s:s, s:s, s:s, s:s, s:b, s:s}", "id", model->id,
                                          "name", model->name, "type", model->type, "revision",
                                          model->revision, "backend", model->backend, "available",
                                          model->available, "license", model->license));
    }
    if (json)
        aut_common_print_json (json_pack ("{s:O}", "models", models));
    json_decref (models);
    return AUT_EXIT_DONE;
}

/* Compares every file that the manifest declares with its hash. */
static int verify_model (const aut_model_t *model, bool json)
{
    json_t *files = json_array ();
    size_t bad = 0;
    for (size_t i = 0; i < model->file_count; i++) {
        const aut_model_file_t *file = &model->files[i];
        const char *dir = model->weights ? model->weights : model->dir;
        char *path = aut_path_join (dir ? dir : ".", file->name, NULL);
        aut_hash_t hash;
        const char *state = "ok";
        if (aut_hash_file (&hash, NULL, path))
            state = "missing";
        else if (!file->has_hash)
            state = "no hash declared";
        else if (!aut_hash_equal (&hash, &file->hash))
            state = "differs from its hash";
        bad += strcmp (state, "missing") == 0 || strncmp (state, "differs", 7) == 0;
        if (!json)
            printf ("%s: %s\n", file->name, state);
        json_array_append_new (files, json_pack ("{s:s, s:s}", "name", file->name, "state", state));
        free (path);
    }
    if (!json && model->file_count == 0)
        printf ("%s declares no files: nothing to verify.\n", model->id);
    if (json)
        aut_common_print_json (
            json_pack ("{s:s, s:b, s:O}", "id", model->id, "ok", bad == 0, "files", files));
    json_decref (files);
    return bad ? AUT_EXIT_FAILED : AUT_EXIT_DONE;
}

static int one_model (const aut_registry_t *registry, const char *verb, const char *id, bool json)
{
    const aut_model_t *model = aut_registry_find (registry, id);
    if (!model) {
        char *hint = aut_registry_hint (registry, id, NULL);
        fprintf (stderr, "auteur models: no model '%s'%s%s\n", id, hint ? "; " : "",
                 hint ? hint : "");
        free (hint);
        return AUT_EXIT_USAGE;
    }
    if (strcmp (verb, "verify") == 0)
        return verify_model (model, json);
    /* show: the manifest is the answer for people and scripts alike */
    printf ("%s%s", model->json, model->json[strlen (model->json) - 1] == '\n' ? "" : "\n");
    return AUT_EXIT_DONE;
}

static int run (const aut_common_t *common, const char **words, size_t count)
{
    const char *verb = count ? words[0] : "list";
    if (strcmp (verb, "pull") == 0 || strcmp (verb, "add") == 0) {
        fprintf (stderr, "auteur: 'models %s' is not there yet in this version.\n", verb);
        return AUT_EXIT_FAILED;
    }
    static const char *const verbs[] = {"list", "show", "verify", "pull", "add", NULL};
    bool one = strcmp (verb, "show") == 0 || strcmp (verb, "verify") == 0;
    if (!one && strcmp (verb, "list") != 0) {
        const char *near = aut_nearest (verb, verbs);
        fprintf (stderr, "auteur models: '%s' is not one of list, show, verify%s%s\n", verb,
                 near ? "; did you mean " : "", near ? near : "");
        return AUT_EXIT_USAGE;
    }
    if (one && count != 2) {
        fprintf (stderr, "auteur models %s: a model id is missing; 'auteur models list' has them\n",
                 verb);
        return AUT_EXIT_USAGE;
    }
    aut_registry_t *registry = NULL;
    int rc = aut_registry_open (&registry, common->models);
    if (rc)
        return aut_common_fail (rc, "models");
    for (size_t i = 0; i < aut_registry_warning_count (registry); i++)
        fprintf (stderr, "%s\n", aut_registry_warning (registry, i));
    int code = one ? one_model (registry, verb, words[1], common->json)
                   : list_models (registry, common->json);
    aut_registry_destroy (&registry);
    return code;
}

int aut_cmd_models (int argc, char **argv)
{
    aut_common_t common = AUT_COMMON_DEFAULTS;
    const aut_opt_info_t info = {
        .program = "auteur models",
        .usage = "[list | show ID | verify ID] [--json]",
        .about =
            "Lists the models on the search path, prints a manifest, or compares a model's files\n"
            "with their hashes. 'models pull' and 'models add' are not there yet.",
        .max_operands = 2};
    const aut_opt_t table[] = {AUT_OPTIONS_MODELS (common), AUT_OPTIONS_OUTPUT (common),
                               AUT_OPTIONS_END};
    const char *words[2];
    size_t count;
    int code = aut_common_parse (&info, table, &common, argc, argv, words, &count);
    return code >= 0 ? code : run (&common, words, count);
}
