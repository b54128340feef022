/*  `model_index.json`: which pipeline a folder is, and the class of each component. Only folder.c
 *  and the tests use it.
 */
#ifndef AUT_ENGINE_FOLDER_INDEX_H
#define AUT_ENGINE_FOLDER_INDEX_H

#include "node/engine/folder.h"

#include <stddef.h>

#define FOLDER_INDEX "model_index.json"
#define FOLDER_INDEX_MAX ((size_t)1 << 20)

/*  What must hold for a component's folder. Lists end with NULL. */
typedef struct {
    const char *name;        /* in the index, and of the folder */
    bool required;           /* by every pipeline */
    const char *file;        /* that must be in the folder: "config.json" */
    const char *class_key;   /* in that file, or NULL: where it says what it is */
    const char *classes[5];  /* supported, in the index */
    const char *declared[5]; /* supported, under class_key */
} folder_rule_t;

/*  The rule of a component; never NULL. */
const folder_rule_t *folder_rule (folder_component_t component);

/*  Whether `text` is in a list that ends with NULL. */
bool folder_listed (const char *const *list, const char *text);

/*  Records AUT_ERR_UNSUPPORTED: "WHERE: NAME is not supported; supported: A, B". */
int folder_unsupported (const char *where, const char *name, const char *const *list);

/*  Fills in what the index's text says: pipeline, boundary_ratio, expand_timesteps, present,
 *  class_name and owner. Errors as folder_open's. What was filled in is freed by folder_close. */
int folder_read_index (folder_t *self, const char *data, size_t size);

#endif
