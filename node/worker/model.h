/*  The model that a worker has loaded: one at a time, kept between tasks. */
#ifndef AUT_NODE_WORKER_MODEL_H
#define AUT_NODE_WORKER_MODEL_H

#include "lib/film/registry.h"
#include "lib/film/task.h"
#include "node/backend.h"
#include "node/worker/preview.h"

typedef struct {
    aut_registry_t *registry;     /* owned once opened */
    const char *models;           /* search path, borrowed; NULL = the default one */
    aut_device_t device;          /* name is borrowed */
    const aut_backend_t *backend; /* of the loaded model, or NULL */
    const aut_model_t *model;
    void *state;
    aut_preview_pace_t previews; /* of chunks that run */
} aut_loaded_t;

/*  Makes the spec's model the loaded one. The registry is opened when first needed, and anew when
 * it does not have the model as the spec wants it (manifests may have come since).
 * AUT_ERR_NOT_FOUND if this node does not have it, AUT_ERR_VERSION if it has another revision or
 * other files than the spec's, AUT_ERR_CORRUPT for a file whose bytes do not match its declared
 * hash, or the backend's error. */
int aut_loaded_ensure (aut_loaded_t *self, const aut_task_spec_t *spec);

/*  Unloads, and closes the registry. */
void aut_loaded_clear (aut_loaded_t *self);

#endif
