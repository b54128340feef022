/*  What a node keeps of one hold; see transfer.h. */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "node/transfer.h"

#include <stdlib.h>
#include <string.h>

aut_work_t *aut_work_new (uint64_t hold, const aut_msg_assign_t *assign, const char *dir)
{
    aut_work_t *self = aut_calloc (1, sizeof *self);
    self->hold = hold;
    atomic_init (&self->cancelled, false);
    self->dir = aut_strdup (dir);
    if (assign->spec) {
        self->spec = aut_calloc (assign->spec_size + 1, 1);
        memcpy (self->spec, assign->spec, assign->spec_size);
        self->spec_size = assign->spec_size;
    }
    self->spec_ref = assign->spec_ref;
    self->inputs = aut_calloc (assign->input_count + 1, sizeof *self->inputs);
    self->input_count = assign->input_count;
    for (size_t i = 0; i < assign->input_count; i++) {
        self->inputs[i].role = aut_strdup (assign->inputs[i].role);
        self->inputs[i].key = aut_strdup (assign->inputs[i].key);
        self->inputs[i].ref = assign->inputs[i].ref;
    }
    return self;
}

static int take_file (aut_work_t *self, size_t which, const char *name)
{
    aut_work_file_t *file = &self->files[which];
    if (!name || !*name)
        return 0;
    if (strchr (name, '/') || strcmp (name, ".") == 0 || strcmp (name, "..") == 0)
        return aut_fail (AUT_ERR_INVALID, "the worker's result is not in its folder");
    free (file->path);
    file->path = aut_path_join (self->dir, name, NULL);
    return 0;
}

int aut_work_take_result (aut_work_t *self, const aut_worker_result_t *result)
{
    int rc = take_file (self, AUT_FILE_MEZZANINE, result->mezzanine);
    if (rc == 0)
        rc = take_file (self, AUT_FILE_TAIL, result->tail);
    if (rc == 0)
        rc = take_file (self, AUT_FILE_PREVIEW, result->preview);
    if (rc == 0)
        rc = take_file (self, AUT_FILE_METADATA, result->metadata);
    return rc;
}

void aut_work_refs (const aut_work_t *self, aut_result_refs_t *refs)
{
    refs->mezzanine = self->files[AUT_FILE_MEZZANINE].ref;
    refs->tail = self->files[AUT_FILE_TAIL].ref;
    refs->preview = self->files[AUT_FILE_PREVIEW].ref;
    refs->metadata = self->files[AUT_FILE_METADATA].ref;
}

void aut_work_destroy (aut_work_t **self_p, aut_blobs_t *cache)
{
    aut_work_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    for (size_t i = 0; i < self->input_count; i++) {
        aut_work_input_t *input = &self->inputs[i];
        if (input->pinned)
            aut_blobs_unpin (cache, &input->ref.hash);
        free (input->role);
        free (input->key);
        free (input->path);
    }
    for (size_t i = 0; i < AUT_FILE_COUNT; i++) {
        if (self->files[i].pinned)
            aut_blobs_unpin (cache, &self->files[i].ref.hash);
        free (self->files[i].path);
    }
    aut_dir_remove (self->dir);
    free (self->inputs);
    free (self->spec);
    free (self->dir);
    free (self->text);
    free (self);
}
