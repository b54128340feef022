/*  See node.h and node_options.h. */
#include "node/node_options.h"

#include "lib/core/mem.h"

#include <stdlib.h>

void aut_node_options_init (aut_node_options_t *options)
{
    *options = (aut_node_options_t){.credit = 1,
                                    .cache_size = (uint64_t)16 << 30,
                                    .drain_ms = 10000,
                                    .hang_ms = 300000,
                                    .load_ms = 900000};
}

void aut_node_options_keep (aut_node_options_t *self, const aut_node_options_t *options)
{
    const char **devices = aut_calloc (options->device_count + 1, sizeof *devices);
    for (size_t i = 0; i < options->device_count; i++)
        devices[i] = aut_strdup (options->devices[i]);
    *self = *options;
    self->devices = devices;
    self->models = aut_strdup (options->models);
}

void aut_node_options_clear (aut_node_options_t *self)
{
    union { /* copied above: ours to free */
        const char *in;
        char *out;
    } text;
    for (size_t i = 0; i < self->device_count; i++) {
        text.in = self->devices[i];
        free (text.out);
    }
    text.in = self->models;
    free (text.out);
    free ((void *)self->devices);
}
