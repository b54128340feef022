/*  What the parts of the registry share: reading one manifest (manifest.c), the set of them
 *  (registry.c), and finding them on disk (registry_search.c). */
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

/*  Notes a warning; takes the heap string over. */
void aut_registry_warn (aut_registry_t *self, char *text);
/*  As aut_manifest_read, with the faults as warnings about `name`. */
int aut_registry_read (aut_registry_t *self, aut_registry_entry_t **out, const char *name,
                       const char *data, size_t size);
/*  Takes an entry into the set, at the search path's present place; on an error it stays the
 *  caller's. AUT_ERR_EXISTS when the id is there already, AUT_ERR_TOO_LARGE. */
int aut_registry_insert (aut_registry_t *self, aut_registry_entry_t *entry);
/*  What is added from now on is further down the search path. */
void aut_registry_next_place (aut_registry_t *self);
/*  The model whose source is `hf:NAME`, at whatever revision, or NULL; `name` may have one. */
const aut_model_t *aut_registry_by_source (const aut_registry_t *self, const char *name);

#endif
