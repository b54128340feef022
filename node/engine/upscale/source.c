/*  Finds and opens an upscaler's files: see source.h. */
#include "node/engine/upscale/source.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "node/engine/upscale/ncnn.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ENTRIES_MAX 10000 /* of a folder that are looked at */

static const char preferred[] = "model.safetensors";

struct source {
    weights_t *weights;
    ncnn_t *ncnn; /* NULL for safetensors */
};

/*  The files of one kind in a folder. */
typedef struct {
    const char *end;
    char *name; /* the first by name */
    char *other;
} found_t;

static bool ends_with (const char *text, const char *end)
{
    size_t length = strlen (text), wanted = strlen (end);
    return length > wanted && strcmp (text + length - wanted, end) == 0;
}

/*  Keeps the two names that come first. */
static void note (found_t *found, const char *name)
{
    if (!ends_with (name, found->end))
        return;
    if (!found->name || strcmp (name, found->name) < 0) {
        free (found->other);
        found->other = found->name;
        found->name = aut_strdup (name);
    } else if (!found->other || strcmp (name, found->other) < 0) {
        free (found->other);
        found->other = aut_strdup (name);
    }
}

/*  Which of the files in a folder is meant, or NULL with the reason recorded in `rc`. */
static char *choose (int *rc, const char *folder, found_t found[2])
{
    for (size_t i = 0; i < 2; i++) {
        if (!found[i].name)
            continue;
        if (found[i].other) {
            *rc = aut_fail (AUT_ERR_INVALID,
                            "%s: there are %s and %s; name the file that is meant, or call it %s",
                            folder, found[i].name, found[i].other, preferred);
            return NULL;
        }
        return aut_path_join (folder, found[i].name, NULL);
    }
    *rc = aut_fail (AUT_ERR_NOT_FOUND,
                    "%s: has no weights of an upscaler: neither a .safetensors file nor a .param "
                    "with its .bin (ncnn); pickled ones (.pth) are not read, convert them",
                    folder);
    return NULL;
}

static int find_in (char **path, const char *folder)
{
    found_t found[2] = {{.end = ".safetensors"}, {.end = ".param"}};
    *path = aut_path_join (folder, preferred, NULL);
    if (aut_file_exists (*path))
        return AUT_OK;
    free (*path);
    *path = NULL;
    DIR *dir = opendir (folder);
    if (!dir)
        return aut_fail_errno ("%s", folder);
    struct dirent *entry;
    for (size_t i = 0; i < ENTRIES_MAX && (entry = readdir (dir)); i++)
        for (size_t k = 0; k < 2; k++)
            note (&found[k], entry->d_name);
    closedir (dir);
    int rc = AUT_OK;
    *path = choose (&rc, folder, found);
    for (size_t k = 0; k < 2; k++) {
        free (found[k].name);
        free (found[k].other);
    }
    return rc;
}

static int open_file (source_t *self, const char *path)
{
    if (ends_with (path, ".safetensors"))
        return weights_open_file (&self->weights, path, path);
    if (!ends_with (path, ".param"))
        return aut_fail (AUT_ERR_UNSUPPORTED,
                         "%s: an upscaler's weights are a .safetensors or a .param file (ncnn); "
                         "convert them",
                         path);
    int rc = ncnn_open (&self->ncnn, path);
    if (rc == AUT_OK)
        weights_adopt (&self->weights, ncnn_tensors (self->ncnn), ncnn_count (self->ncnn), path);
    return rc;
}

int source_open (source_t **out, const char *model)
{
    struct stat status;
    char *path = NULL;
    int rc = AUT_OK;
    *out = NULL;
    if (stat (model, &status) != 0)
        return aut_fail_errno ("upscaler %s", model);
    if (S_ISDIR (status.st_mode))
        rc = find_in (&path, model);
    else
        path = aut_strdup (model);
    source_t *self = aut_calloc (1, sizeof *self);
    if (rc == AUT_OK)
        rc = open_file (self, path);
    free (path);
    if (rc != AUT_OK)
        source_close (&self);
    *out = self;
    return rc;
}

void source_close (source_t **self_p)
{
    source_t *self = *self_p;
    if (!self)
        return;
    weights_close (&self->weights);
    ncnn_close (&self->ncnn);
    free (self);
    *self_p = NULL;
}

weights_t *source_weights (source_t *self)
{
    return self->weights;
}
