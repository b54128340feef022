/*  Finds snapshots: see hub.h. */
#include "lib/core/hub.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"

#include <ctype.h>
#include <dirent.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define COMMIT_DIGITS 40
#define PART_MAX 96 /* of an organisation's or a model's name, as the hub has it */
#define REVISION_MAX 200
#define REF_FILE_MAX 4096

/* ---- names ----------------------------------------------------------------------------------- */

static bool is_word_char (char c)
{
    return isalnum ((unsigned char)c) || c == '-' || c == '_' || c == '.';
}

/*  A part of a name: words that begin and end with neither '.' nor '-', without ".." and "--". */
static bool is_part (const char *text, size_t length)
{
    if (length == 0 || length > PART_MAX || strchr (".-", text[0]) ||
        strchr (".-", text[length - 1]))
        return false;
    for (size_t i = 0; i < length; i++)
        if (!is_word_char (text[i]) ||
            (i > 0 && text[i] == text[i - 1] && (text[i] == '.' || text[i] == '-')))
            return false;
    return true;
}

/*  "main", "v1.0", "refs/pr/3": no part is empty or begins with a dot. */
static bool is_revision (const char *text)
{
    size_t length = strlen (text);
    if (length == 0 || length > REVISION_MAX || text[length - 1] == '/')
        return false;
    for (size_t i = 0; i < length; i++) {
        bool first = i == 0 || text[i - 1] == '/';
        if (!(is_word_char (text[i]) || text[i] == '/') ||
            (first && (text[i] == '.' || text[i] == '/')))
            return false;
    }
    return true;
}

bool aut_hub_is_name (const char *model)
{
    size_t length = strcspn (model, "@"), org = strcspn (model, "/");
    return org < length && is_part (model, org) && is_part (model + org + 1, length - org - 1) &&
           (!model[length] || is_revision (model + length + 1));
}

/*  Exactly the lower-case hex digits of a commit. */
static bool is_commit (const char *text)
{
    return strlen (text) == COMMIT_DIGITS && strspn (text, "0123456789abcdef") == COMMIT_DIGITS;
}

/* ---- places ---------------------------------------------------------------------------------- */

static const char *variable (const char *name)
{
    const char *value = getenv (name);
    return value && value[0] ? value : NULL;
}

char *aut_hub_root (void)
{
    const char *dir;
    if ((dir = variable ("HF_HUB_CACHE")))
        return aut_strdup (dir);
    if ((dir = variable ("HF_HOME")))
        return aut_path_join (dir, "hub", NULL);
    if ((dir = variable ("XDG_CACHE_HOME")))
        return aut_path_join (dir, "huggingface", "hub", NULL);
    if ((dir = variable ("HOME")))
        return aut_path_join (dir, ".cache", "huggingface", "hub", NULL);
    return NULL;
}

/*  The commit that a ref's file holds. */
static int read_ref (char **commit, const char *repository, const char *revision, const char *model)
{
    char *path = aut_path_join (repository, "refs", revision, NULL), *text = NULL;
    size_t size = 0;
    int rc = aut_file_read (path, REF_FILE_MAX, &text, &size);
    if (rc == AUT_ERR_NOT_FOUND)
        rc = aut_fail (rc, "%s: the Hugging Face cache has no revision %s of it (looked for %s)",
                       model, revision, path);
    else if (rc == AUT_OK) {
        text[strcspn (text, " \t\r\n")] = '\0';
        if (is_commit (text))
            *commit = aut_strdup (text);
        else
            rc = aut_fail (AUT_ERR_CORRUPT, "%s: %s does not hold a commit", model, path);
    }
    free (text);
    free (path);
    return rc;
}

static int find_snapshot (char **path, char **commit, const char *repository, const char *revision,
                          const char *model)
{
    int rc = AUT_OK;
    if (!aut_file_exists (repository))
        return aut_fail (AUT_ERR_NOT_FOUND,
                         "%s: is neither a folder nor in the Hugging Face cache (looked for %s); "
                         "download it, or set HF_HUB_CACHE to where it is",
                         model, repository);
    if (is_commit (revision))
        *commit = aut_strdup (revision);
    else
        rc = read_ref (commit, repository, revision, model);
    if (rc != AUT_OK)
        return rc;
    *path = aut_path_join (repository, "snapshots", *commit, NULL);
    if (!aut_file_exists (*path))
        return aut_fail (AUT_ERR_NOT_FOUND,
                         "%s: the Hugging Face cache has no such snapshot "
                         "(looked for %s)",
                         model, *path);
    return AUT_OK;
}

int aut_hub_find (char **path, char **commit, const char *model)
{
    *path = *commit = NULL;
    if (!aut_hub_is_name (model))
        return aut_fail (AUT_ERR_INVALID,
                         "%s: is not a model's name (ORG/NAME or "
                         "ORG/NAME@REVISION)",
                         model);
    char *root = aut_hub_root ();
    if (!root)
        return aut_fail (AUT_ERR_NOT_FOUND,
                         "%s: neither HF_HUB_CACHE nor HOME says where the "
                         "Hugging Face cache is",
                         model);
    size_t length = strcspn (model, "@"), org = strcspn (model, "/");
    const char *revision = model[length] ? model + length + 1 : "main";
    char *name = aut_sprintf ("models--%.*s--%.*s", (int)org, model, (int)(length - org - 1),
                              model + org + 1);
    char *repository = aut_path_join (root, name, NULL);
    int rc = find_snapshot (path, commit, repository, revision, model);
    if (rc != AUT_OK) {
        free (*path);
        free (*commit);
        *path = *commit = NULL;
    }
    free (repository);
    free (name);
    free (root);
    return rc;
}

/* ---- what there is --------------------------------------------------------------------------- */

#define FOLDER_START "models--"

/*  "models--ORG--NAME" → "ORG/NAME"; NULL for another folder. The caller frees it. */
static char *name_of (const char *folder)
{
    if (strncmp (folder, FOLDER_START, strlen (FOLDER_START)) != 0)
        return NULL;
    const char *org = folder + strlen (FOLDER_START), *gap = strstr (org, "--");
    if (!gap)
        return NULL;
    char *name = aut_sprintf ("%.*s/%s", (int)(gap - org), org, gap + 2);
    if (!aut_hub_is_name (name)) {
        free (name);
        return NULL;
    }
    return name;
}

static int compare_names (const void *a, const void *b)
{
    return strcmp (*(char *const *)a, *(char *const *)b);
}

/*  The names of the models in the cache, sorted; the caller frees each and the list. */
static char **list_names (const char *root, size_t *count)
{
    char **names = NULL;
    size_t cap = 0;
    DIR *folder = opendir (root);
    *count = 0;
    for (const struct dirent *item; folder && *count < AUT_HUB_MAX && (item = readdir (folder));) {
        char *name = name_of (item->d_name);
        if (!name)
            continue;
        names = aut_grow (names, &cap, *count + 1, sizeof *names);
        names[(*count)++] = name;
    }
    if (folder)
        closedir (folder);
    if (*count)
        qsort (names, *count, sizeof *names, compare_names);
    return names;
}

void aut_hub_list (void (*found) (void *ctx, const char *name, const char *path,
                                  const char *commit),
                   void *ctx)
{
    size_t count = 0;
    char *root = aut_hub_root ();
    char **names = root ? list_names (root, &count) : NULL;
    for (size_t i = 0; i < count; i++) {
        char *path = NULL, *commit = NULL;
        if (aut_hub_find (&path, &commit, names[i]) == 0)
            found (ctx, names[i], path, commit);
        free (path);
        free (commit);
        free (names[i]);
    }
    free (names);
    free (root);
}
