/*  Indexes of any bytes: whatever is taken names only files beside the index, each once. */
#include "node/engine/weights_index.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    weights_index_t index;
    if (weights_index_parse (&index, (const char *)data, size, "index") != 0) {
        if (index.shards || index.entries || index.owner)
            abort ();
        return 0;
    }
    if (index.entry_count == 0 || index.shard_count == 0 || index.shard_count > index.entry_count ||
        index.shard_count > WEIGHTS_SHARDS_MAX)
        abort ();
    for (size_t i = 0; i < index.entry_count; i++)
        if (!index.entries[i].tensor || index.entries[i].shard >= index.shard_count)
            abort ();
    for (size_t i = 0; i < index.shard_count; i++) {
        if (strchr (index.shards[i], '/') || index.shards[i][0] == '.')
            abort ();
        for (size_t k = 0; k < i; k++)
            if (strcmp (index.shards[i], index.shards[k]) == 0)
                abort ();
    }
    weights_index_clear (&index);
    return 0;
}
