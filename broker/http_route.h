/*  Which page a request asks for, from its path and its arguments. Pure, so that any bytes can be
 *  tried on it.
 */
#ifndef AUT_BROKER_HTTP_ROUTE_H
#define AUT_BROKER_HTTP_ROUTE_H

#include "lib/core/hash.h"

#include <stdbool.h>
#include <stdint.h>

#define AUT_ROUTE_LIMIT 1000 /* of a listing's entries that one request may ask for */

typedef enum {
    AUT_PAGE_HEALTHZ,
    AUT_PAGE_READYZ,
    AUT_PAGE_METRICS,
    AUT_PAGE_STATUS,
    /* from here on: the dashboard, which tells of films and not only of counts */
    AUT_PAGE_FILE, /* of broker/web: `file` */
    AUT_PAGE_JOBS,
    AUT_PAGE_JOB, /* `id` */
    AUT_PAGE_NODES,
    AUT_PAGE_EVENTS,
    AUT_PAGE_PREVIEW /* `hash`, `task` */
} aut_page_t;

/*  What came with the request, each NULL when it did not: arguments of the query, decoded, and the
 *  header Last-Event-ID. */
typedef struct {
    const char *id, *after, *limit, *task, *last_event;
} aut_route_args_t;

typedef struct {
    aut_page_t page;
    const char *file; /* name in broker/web, borrowed from a constant */
    uint64_t id, task;
    uint64_t after;
    bool placed; /* `after` was given */
    uint32_t limit;
    aut_hash_t hash;
} aut_route_t;

/*  0; AUT_ERR_NOT_FOUND: there is no such page or job; AUT_ERR_INVALID: an argument is malformed,
 *  the detail says which. */
int aut_route_parse (aut_route_t *out, const char *path, const aut_route_args_t *args);

/*  Whether a page tells of films, and so is not for everybody who may read counts. */
static inline bool aut_route_is_private (const aut_route_t *route)
{
    return route->page >= AUT_PAGE_FILE;
}

/*  Whether `host` (a Host header, NULL if there was none) names this machine's loopback: else a
 * page from elsewhere, whose name was made to lead here, would read what its reader may read. */
bool aut_route_host_is_local (const char *host);

#endif
