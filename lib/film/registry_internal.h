/*  What the two halves of the registry share: reading one manifest, and the set of them. */
#ifndef AUT_LIB_FILM_REGISTRY_INTERNAL_H
#define AUT_LIB_FILM_REGISTRY_INTERNAL_H

#include "lib/film/registry.h"

/*  A model with the memory that its strings lie in. */
typedef struct {
    aut_model_t model; /* first: a pointer to it is one to the entry */
    aut_arena_t *arena;
    aut_source_t *source;
} aut_registry_entry_t;

/*  Reads a manifest; faults go to `diags`. 0 and the entry, or AUT_ERR_INVALID and NULL. */
int aut_manifest_read (aut_registry_entry_t **out, aut_diags_t *diags, const char *data,
                       size_t size);
void aut_registry_entry_destroy (aut_registry_entry_t **self_p);

#endif
