/*  Any bytes as a path, its arguments and a Host header: split at zero bytes, in this order. What
 * is accepted must be within its bounds. */
#include "broker/http_route.h"

#include "lib/core/error.h"

#include <stdlib.h>
#include <string.h>

#define PARTS 7
#define PART_MAX 256

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void check (const aut_route_t *route)
{
    if (route->page > AUT_PAGE_PREVIEW || (route->page == AUT_PAGE_FILE && !route->file))
        abort ();
    if (route->page == AUT_PAGE_JOB && !route->id)
        abort ();
    if (route->page == AUT_PAGE_PREVIEW && (!route->task || aut_hash_is_zero (&route->hash)))
        abort ();
    if (route->page > AUT_PAGE_FILE && route->page < AUT_PAGE_PREVIEW &&
        (route->limit < 1 || route->limit > AUT_ROUTE_LIMIT))
        abort ();
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    char parts[PARTS][PART_MAX] = {{0}};
    const char *given[PARTS] = {0};
    aut_route_t route;
    for (size_t i = 0, at = 0; i < PARTS && at < size; i++) {
        const uint8_t *end = memchr (data + at, 0, size - at);
        size_t len = end ? (size_t)(end - (data + at)) : size - at;
        memcpy (parts[i], data + at, len < PART_MAX ? len : PART_MAX - 1);
        given[i] = len ? parts[i] : NULL; /* nothing: the argument was not there */
        at += len + 1;
    }
    const aut_route_args_t args = {.id = given[1],
                                   .after = given[2],
                                   .limit = given[3],
                                   .task = given[4],
                                   .last_event = given[5]};
    if (aut_route_parse (&route, parts[0], &args) == 0)
        check (&route);
    aut_route_host_is_local (given[6]);
    return 0;
}
