/*  Configs of any bytes: every read ends with a value in its range, and an error has a sentence. */
#include "lib/core/error.h"
#include "node/engine/config.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void must (bool holds)
{
    if (!holds)
        abort ();
}

static void read_all (config_t *c)
{
    int64_t ints[4];
    double numbers[4];
    bool bools[4];
    int64_t value = config_int (c, "num_layers", 30, 1, 200);
    must (value >= 1 && value <= 200);
    value = config_need_int (c, "z_dim", 1, 256);
    must (value >= 1 && value <= 256);
    value = config_int (c, "size.shortest_edge", 224, 1, 4096);
    must (value >= 1 && value <= 4096);
    double number = config_number (c, "eps", 1e-6, 0, 1);
    must (number >= 0 && number <= 1);
    must (config_ints (c, "patch_size", ints, 3, 1, 16) <= 3);
    must (config_numbers (c, "latents_mean", numbers, 4) <= 4);
    must (config_bools (c, "temperal_downsample", bools, 4) <= 4);
    must (config_string (c, "qk_norm", "x") != NULL);
    (void)config_bool (c, "is_residual", false);
    (void)config_has (c, "a.b.c");
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    config_t *c = NULL;
    int rc = config_parse (&c, (const char *)data, size, "vae/config.json");
    must ((rc == 0) == (c != NULL));
    if (rc != 0)
        return 0;
    read_all (c);
    if (config_status (c) != 0)
        must (strncmp (aut_error_detail (), "vae/config.json: ", 17) == 0);
    config_close (&c);
    return 0;
}
