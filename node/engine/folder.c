/*  Model folders: see folder.h. What a component is, is in the table of folder_index.c; here the
 *  folder is found, and each component's own file is asked whether it agrees.
 */
#include "node/engine/folder.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/hub.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"
#include "node/engine/config.h"
#include "node/engine/folder_index.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_dir (const char *path)
{
    struct stat st;
    return stat (path, &st) == 0 && S_ISDIR (st.st_mode);
}

/* ---- finding --------------------------------------------------------------------------------- */

/*  Sets path, name and revision. A folder of that name comes before the cache. */
static int locate (folder_t *self, const char *model)
{
    bool hub_only = strncmp (model, "hf:", 3) == 0;
    self->name = aut_strdup (model);
    if (!hub_only && is_dir (model)) {
        self->path = aut_strdup (model);
        self->revision = aut_strdup ("");
        return AUT_OK;
    }
    if (!hub_only && aut_file_exists (model))
        return aut_fail (AUT_ERR_INVALID, "%s: is not a folder", model);
    if (!hub_only && !aut_hub_is_name (model))
        return aut_fail (AUT_ERR_NOT_FOUND,
                         "%s: there is no such folder (and it is not written like ORG/NAME, a "
                         "model in the Hugging Face cache)",
                         model);
    return aut_hub_find (&self->path, &self->revision, hub_only ? model + 3 : model);
}

/* ---- components ------------------------------------------------------------------------------ */

/*  Whether the file that describes a component names a class that is supported. A file that names
 *  none is believed to be what the index says. */
static int check_declared (const folder_rule_t *rule, const char *path, const char *label)
{
    config_t *config = NULL;
    if (!rule->class_key)
        return AUT_OK;
    int rc = config_open (&config, path, label);
    if (rc != AUT_OK)
        return rc;
    const char *name = config_string (config, rule->class_key, NULL);
    rc = config_status (config);
    if (rc == AUT_OK && name && !folder_listed (rule->declared, name)) {
        char *where = aut_sprintf ("%s: %s", label, rule->class_key);
        rc = folder_unsupported (where, name, rule->declared);
        free (where);
    }
    config_close (&config);
    return rc;
}

static int check_component (const folder_t *self, folder_component_t component)
{
    const folder_rule_t *rule = folder_rule (component);
    char *dir = folder_path (self, component);
    char *path = aut_path_join (dir, rule->file, NULL);
    char *label = aut_path_join (rule->name, rule->file, NULL);
    int rc = AUT_OK;
    if (!is_dir (dir))
        rc = aut_fail (AUT_ERR_NOT_FOUND,
                       "%s is missing: " FOLDER_INDEX " names the component %s, but there is no "
                       "folder %s",
                       label, rule->name, dir);
    else if (!aut_file_exists (path))
        rc = aut_fail (AUT_ERR_NOT_FOUND, "%s is missing (looked for %s)", label, path);
    else
        rc = check_declared (rule, path, label);
    free (label);
    free (path);
    free (dir);
    return rc;
}

/* ---- the folder ------------------------------------------------------------------------------ */

static int read_folder (folder_t *self)
{
    char *path = aut_path_join (self->path, FOLDER_INDEX, NULL), *data = NULL;
    size_t size = 0;
    int rc = aut_file_read (path, FOLDER_INDEX_MAX, &data, &size);
    if (rc == AUT_ERR_NOT_FOUND)
        rc = aut_fail (rc,
                       FOLDER_INDEX " is missing (looked for %s): this is not the folder of a "
                                    "diffusers pipeline",
                       path);
    else if (rc != AUT_OK)
        rc = aut_fail_in (rc, FOLDER_INDEX);
    else
        rc = folder_read_index (self, data, size);
    free (data);
    free (path);
    for (int i = 0; i < FOLDER_COMPONENT_COUNT && rc == AUT_OK; i++)
        if (self->present[i])
            rc = check_component (self, (folder_component_t)i);
    return rc;
}

int folder_open (folder_t **out, const char *model)
{
    folder_t *self = aut_calloc (1, sizeof *self);
    *out = NULL;
    int rc = locate (self, model);
    if (rc == AUT_OK)
        rc = read_folder (self);
    if (rc != AUT_OK) {
        folder_close (&self);
        return rc;
    }
    *out = self;
    return AUT_OK;
}

void folder_close (folder_t **self_p)
{
    folder_t *self = *self_p;
    if (!self)
        return;
    json_decref (self->owner);
    free (self->revision);
    free (self->name);
    free (self->path);
    free (self);
    *self_p = NULL;
}

char *folder_path (const folder_t *self, folder_component_t component)
{
    return aut_path_join (self->path, folder_rule (component)->name, NULL);
}

const char *folder_label (folder_component_t component)
{
    return folder_rule (component)->name;
}

static uint64_t file_size (const char *folder, const char *name)
{
    struct stat info;
    char *path = aut_path_join (folder, name, NULL);
    bool found = stat (path, &info) == 0 && S_ISREG (info.st_mode);
    free (path);
    return found ? (uint64_t)info.st_size : 0;
}

uint64_t folder_size (const folder_t *self, folder_component_t component)
{
    if (!self->present[component])
        return 0;
    char *path = folder_path (self, component);
    DIR *files = opendir (path);
    uint64_t size = 0;
    for (const struct dirent *item; files && (item = readdir (files));) {
        const char *end = strrchr (item->d_name, '.');
        if (end && strcmp (end, ".safetensors") == 0)
            size += file_size (path, item->d_name);
    }
    if (files)
        closedir (files);
    free (path);
    return size;
}
