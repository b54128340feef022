/*  model_index.json of any bytes, and the same bytes as a model's name: what is taken obeys the
 *  rules, and no name leads out of the cache. */
#include "lib/core/hub.h"
#include "lib/core/mem.h"
#include "node/engine/folder_index.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void must (bool holds)
{
    if (!holds)
        abort ();
}

static void check_index (const folder_t *f)
{
    must (f->boundary_ratio >= 0.0 && f->boundary_ratio <= 1.0);
    must (f->pipeline == FOLDER_WAN || f->pipeline == FOLDER_WAN_IMAGE);
    must ((f->boundary_ratio > 0.0) == f->present[FOLDER_TRANSFORMER_2]);
    for (int i = 0; i < FOLDER_COMPONENT_COUNT; i++) {
        const folder_rule_t *rule = folder_rule ((folder_component_t)i);
        must (f->present[i] || !rule->required);
        must (f->present[i] == (f->class_name[i] != NULL));
        must (!f->present[i] || folder_listed (rule->classes, f->class_name[i]));
    }
}

static void check_name (const char *name)
{
    if (!aut_hub_is_name (name))
        return;
    const char *at = strchr (name, '@');
    must (!strstr (name, "../") && !strstr (name, "/.") && !strstr (name, "//"));
    must (name[0] != '/' && name[0] != '.' && name[strlen (name) - 1] != '/');
    must (!at || (at[1] != '/' && at[1] != '.' && at[1] != '\0'));
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    folder_t *folder = aut_calloc (1, sizeof *folder);
    if (folder_read_index (folder, (const char *)data, size) == 0)
        check_index (folder);
    folder_close (&folder);
    char *name = aut_strndup ((const char *)data, size);
    check_name (name);
    free (name);
    return 0;
}
