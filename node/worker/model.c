/*  See model.h. */
#include "node/worker/model.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "node/backends.h"

#include <stdlib.h>
#include <string.h>

/*  A key promises frames of exactly these weights, so a model that changed is another model. */
static int check_identity (const aut_model_t *model, const aut_task_spec_t *spec)
{
    if (strcmp (model->revision, spec->revision ? spec->revision : "") != 0)
        return aut_fail (AUT_ERR_VERSION, "model %s is here as revision '%s', the task wants '%s'",
                         model->id, model->revision, spec->revision);
    for (size_t i = 0; i < spec->file_count; i++) {
        const aut_model_file_t *found = NULL;
        for (size_t k = 0; k < model->file_count && !found; k++)
            if (strcmp (model->files[k].name, spec->files[i].name) == 0)
                found = &model->files[k];
        if (!found || !found->has_hash || !aut_hash_equal (&found->hash, &spec->files[i].hash))
            return aut_fail (AUT_ERR_VERSION,
                             "file %s of model %s is not the one that the task wants",
                             spec->files[i].name, model->id);
    }
    return 0;
}

static int verify_files (const aut_model_t *model)
{
    int rc = 0;
    const char *dir = model->weights ? model->weights : model->dir;
    for (size_t i = 0; i < model->file_count && rc == 0 && dir; i++) {
        const aut_model_file_t *file = &model->files[i];
        char *path = aut_path_join (dir, file->name, NULL);
        aut_hash_t hash;
        if (file->has_hash && aut_file_exists (path)) {
            rc = aut_hash_file (&hash, NULL, path);
            if (rc == 0 && !aut_hash_equal (&hash, &file->hash))
                rc = aut_fail (AUT_ERR_CORRUPT,
                               "%s does not have the hash that its manifest declares; get it again",
                               path);
        }
        free (path);
    }
    return rc;
}

static void unload (aut_loaded_t *self)
{
    if (self->backend)
        self->backend->unload (self->state);
    self->backend = NULL;
    self->model = NULL;
    self->state = NULL;
}

static int load (aut_loaded_t *self, const aut_model_t *model)
{
    const aut_backend_t *backend = aut_backend_find (model->backend);
    if (!backend)
        return AUT_ERR_UNSUPPORTED;
    aut_model_ref_t ref = {.id = model->id,
                           .revision = model->revision,
                           .dir = model->dir,
                           .weights = model->weights,
                           .precisions = model->precisions,
                           .device = &self->device};
    int rc = backend->probe (&ref);
    if (rc == 0)
        rc = verify_files (model);
    if (rc == 0)
        rc = backend->load (&self->state, &ref);
    if (rc < 0)
        return aut_fail_in (rc, "model %s", model->id);
    self->backend = backend;
    self->model = model;
    return 0;
}

static int find (aut_loaded_t *self, const aut_task_spec_t *spec, const aut_model_t **model)
{
    *model = self->registry ? aut_registry_find (self->registry, spec->model) : NULL;
    if (!*model)
        return aut_fail (AUT_ERR_NOT_FOUND, "this node has no model %s", spec->model);
    return check_identity (*model, spec);
}

int aut_loaded_ensure (aut_loaded_t *self, const aut_task_spec_t *spec)
{
    const aut_model_t *model = NULL;
    int rc = find (self, spec, &model);
    if (rc < 0) {
        aut_loaded_clear (self); /* it points into the registry */
        rc = aut_registry_open (&self->registry, self->models);
        if (rc == 0)
            rc = find (self, spec, &model);
    }
    if (rc < 0 || !model || self->model == model)
        return rc;
    unload (self);
    return load (self, model);
}

void aut_loaded_clear (aut_loaded_t *self)
{
    unload (self);
    aut_registry_destroy (&self->registry);
}
