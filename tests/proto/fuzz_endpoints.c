/*  Any bytes as an endpoints.json, and as an address: refused, or what is written again reads the
 *  same. */
#include "proto/client.h"
#include "tests/fuzz/memfile.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void check_again (const aut_endpoints_t *first)
{
    char path[MEMFILE_PATH];
    aut_endpoints_t second;
    char *text = aut_endpoints_json (first, 1);
    int fd = memfile (path, (const uint8_t *)text, strlen (text));
    if (aut_endpoints_load (&second, path) != 0)
        abort ();
    for (unsigned i = 0; i < AUT_PORT_COUNT; i++)
        if (strcmp (first->url[i], second.url[i]) != 0)
            abort ();
    aut_endpoints_clear (&second);
    close (fd);
    free (text);
}

static void as_address (const uint8_t *data, size_t size)
{
    aut_endpoints_t endpoints;
    char *text = strndup ((const char *)data, size);
    if (aut_endpoints_parse (&endpoints, text) == 0)
        check_again (&endpoints);
    aut_endpoints_clear (&endpoints);
    free (text);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    char path[MEMFILE_PATH];
    aut_endpoints_t endpoints;
    int fd = memfile (path, data, size);
    if (aut_endpoints_load (&endpoints, path) == 0)
        check_again (&endpoints);
    aut_endpoints_clear (&endpoints);
    close (fd);
    as_address (data, size);
    return 0;
}
