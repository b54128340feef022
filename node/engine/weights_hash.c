/*  Keeps the hashes of weights: see weights_hash.h.
 *
 *  The cache: {"version": 1, "files": {PATH: {"size", "mtime_ns", "sha256"}}}. PATH is absolute and
 *  without links, so that a snapshot's links and its blobs are the same file.
 */
#include "node/engine/weights_hash.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CACHE_VERSION 1
#define CACHE_MAX ((size_t)8 << 20)
#define CACHE_ENTRIES_MAX 10000u
#define MODEL_FILES_MAX 10000u

/* ---- the cache ------------------------------------------------------------------------------- */

char *weights_hash_cache (void)
{
    const char *dir = getenv ("XDG_CACHE_HOME"), *home = getenv ("HOME");
    if (dir && dir[0] == '/') /* the specification: relative paths are ignored */
        return aut_path_join (dir, "auteur", "weights-hashes.json", NULL);
    if (home && home[0] == '/')
        return aut_path_join (home, ".cache", "auteur", "weights-hashes.json", NULL);
    return NULL;
}

/*  What is kept, or an empty cache; the caller decrefs. */
static json_t *load_cache (const char *path)
{
    json_t *root = NULL;
    int64_t version = 0;
    if (aut_json_load (&root, path, CACHE_MAX) == AUT_OK && json_is_object (root) &&
        aut_json_int (root, "version", &version) == AUT_OK && version == CACHE_VERSION &&
        json_is_object (json_object_get (root, "files")))
        return root;
    json_decref (root);
    return json_pack ("{s:i, s:{}}", "version", CACHE_VERSION, "files");
}

static int64_t mtime_of (const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/*  Whether the cache knows a file as it is now; its hash is then in `hex`. */
static bool look_up (const char *cache, const char *path, const struct stat *st,
                     char hex[AUT_HASH_HEX])
{
    json_t *root = load_cache (cache);
    const json_t *entry = json_object_get (json_object_get (root, "files"), path);
    int64_t size = -1, mtime = 0;
    const char *text = NULL;
    aut_hash_t hash;
    bool known = entry && aut_json_int (entry, "size", &size) == AUT_OK &&
                 aut_json_int (entry, "mtime_ns", &mtime) == AUT_OK &&
                 aut_json_string (entry, "sha256", &text) == AUT_OK && size == st->st_size &&
                 mtime == mtime_of (st) && aut_hash_parse (&hash, text) == AUT_OK;
    if (known)
        aut_hash_hex (&hash, hex);
    json_decref (root);
    return known;
}

/*  Forgets files that are gone, so that the cache does not grow for ever. */
static void prune (json_t *files)
{
    const char *path;
    json_t *entry;
    void *next;
    json_object_foreach_safe (files, next, path, entry)
    {
        if (!aut_file_exists (path))
            json_object_del (files, path);
    }
    if (json_object_size (files) >= CACHE_ENTRIES_MAX)
        json_object_clear (files);
}

/*  Adds a hash. The cache is read again, as hashing took long and others may have written. */
static void remember (const char *cache, const char *path, const struct stat *st, const char *hex)
{
    json_t *root = load_cache (cache);
    json_t *files = json_object_get (root, "files");
    json_t *entry = json_pack ("{s:I, s:I, s:s}", "size", (json_int_t)st->st_size, "mtime_ns",
                               (json_int_t)mtime_of (st), "sha256", hex);
    prune (files);
    if (entry && json_object_set_new (files, path, entry) == 0) { /* it refuses what is not UTF-8 */
        const char *slash = strrchr (cache, '/');
        char *dir = slash ? aut_strndup (cache, (size_t)(slash - cache)) : NULL;
        size_t size = 0;
        char *text = aut_json_canonical (root, &size);
        if (!dir || !dir[0] || aut_dir_make (dir) == AUT_OK)
            (void)aut_file_write (cache, text, size);
        free (text);
        free (dir);
    }
    json_decref (root);
}

/* ---- one file -------------------------------------------------------------------------------- */

static bool same_file (const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           mtime_of (a) == mtime_of (b);
}

int weights_hash (const char *file, const char *cache, char hex[AUT_HASH_HEX])
{
    struct stat before, after;
    aut_hash_t hash;
    char *path = realpath (file, NULL);
    if (!path || stat (path, &before) != 0) {
        int rc = aut_fail_errno ("%s", file);
        free (path);
        return rc;
    }
    if (cache && look_up (cache, path, &before, hex)) {
        free (path);
        return AUT_OK;
    }
    int rc = aut_hash_file (&hash, NULL, path);
    if (rc == AUT_OK) {
        aut_hash_hex (&hash, hex);
        /* What changed meanwhile may have been hashed half old, half new. */
        if (cache && stat (path, &after) == 0 && same_file (&before, &after))
            remember (cache, path, &after, hex);
    }
    free (path);
    return rc;
}

/* ---- a model --------------------------------------------------------------------------------- */

typedef struct {
    char **names; /* relative to the model's folder */
    size_t count, cap;
} names_t;

static void add_name (names_t *names, char *name)
{
    names->names = aut_grow (names->names, &names->cap, names->count + 1, sizeof *names->names);
    names->names[names->count++] = name;
}

/*  Adds the regular files in a component's folder. */
static int add_files (names_t *names, const char *path, const char *label)
{
    DIR *dir = opendir (path);
    if (!dir)
        return aut_fail_errno ("%s: cannot be listed (%s)", label, path);
    int rc = AUT_OK;
    for (struct dirent *entry; rc == AUT_OK && (entry = readdir (dir));) {
        struct stat st;
        if (entry->d_name[0] == '.' || fstatat (dirfd (dir), entry->d_name, &st, 0) != 0 ||
            !S_ISREG (st.st_mode))
            continue;
        add_name (names, aut_path_join (label, entry->d_name, NULL));
        if (names->count > MODEL_FILES_MAX)
            rc = aut_fail (AUT_ERR_TOO_LARGE, "%s: more than %u files", label, MODEL_FILES_MAX);
    }
    closedir (dir);
    return rc;
}

static int by_text (const void *a, const void *b)
{
    return strcmp (*(char *const *)a, *(char *const *)b);
}

static int hash_names (const folder_t *folder, const names_t *names, const char *cache,
                       aut_hasher_t *hasher)
{
    int rc = AUT_OK;
    for (size_t i = 0; i < names->count && rc == AUT_OK; i++) {
        char hex[AUT_HASH_HEX];
        char *path = aut_path_join (folder->path, names->names[i], NULL);
        rc = weights_hash (path, cache, hex);
        free (path);
        if (rc != AUT_OK)
            break;
        aut_hasher_update (hasher, names->names[i], strlen (names->names[i]) + 1);
        aut_hasher_update (hasher, hex, strlen (hex));
        aut_hasher_update (hasher, "\n", 1);
    }
    return rc;
}

int weights_hash_model (const folder_t *folder, const char *cache, char hex[AUT_HASH_HEX])
{
    names_t names = {0};
    int rc = AUT_OK;
    add_name (&names, aut_strdup ("model_index.json"));
    for (int i = 0; i < FOLDER_COMPONENT_COUNT && rc == AUT_OK; i++) {
        folder_component_t component = (folder_component_t)i;
        if (!folder->present[i])
            continue;
        char *path = folder_path (folder, component);
        rc = add_files (&names, path, folder_label (component));
        free (path);
    }
    qsort (names.names, names.count, sizeof *names.names, by_text);
    aut_hasher_t *hasher = aut_hasher_new ();
    if (rc == AUT_OK)
        rc = hash_names (folder, &names, cache, hasher);
    aut_hash_t hash = aut_hasher_final (hasher);
    if (rc == AUT_OK)
        aut_hash_hex (&hash, hex);
    aut_hasher_destroy (&hasher);
    for (size_t i = 0; i < names.count; i++)
        free (names.names[i]);
    free (names.names);
    return rc;
}
