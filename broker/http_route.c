/*  See http_route.h. */
#include "broker/http_route.h"

#include "lib/core/error.h"

#include <string.h>

#define DIGITS_MAX 18 /* fits in 64 bits whatever the digits */

static const struct {
    const char *path;
    aut_page_t page;
    const char *file;
} pages[] = {
    {"/healthz", AUT_PAGE_HEALTHZ, NULL},     {"/readyz", AUT_PAGE_READYZ, NULL},
    {"/metrics", AUT_PAGE_METRICS, NULL},     {"/status.json", AUT_PAGE_STATUS, NULL},
    {"/", AUT_PAGE_FILE, "index.html"},       {"/app.js", AUT_PAGE_FILE, "app.js"},
    {"/view.js", AUT_PAGE_FILE, "view.js"},   {"/app.css", AUT_PAGE_FILE, "app.css"},
    {"/icon.svg", AUT_PAGE_FILE, "icon.svg"}, {"/jobs.json", AUT_PAGE_JOBS, NULL},
    {"/job.json", AUT_PAGE_JOB, NULL},        {"/nodes.json", AUT_PAGE_NODES, NULL},
    {"/events", AUT_PAGE_EVENTS, NULL},
};

/*  Digits alone, and not so many that they could overflow. */
static int parse_number (uint64_t *out, const char *text, const char *what)
{
    size_t digits = strspn (text, "0123456789");
    if (!digits || digits > DIGITS_MAX || text[digits])
        return aut_fail (AUT_ERR_INVALID, "%s must be a whole number of at most %d digits", what,
                         DIGITS_MAX);
    for (*out = 0; *text; text++)
        *out = *out * 10 + (uint64_t)(*text - '0');
    return 0;
}

/*  "j12" and "t12". */
static int parse_id (uint64_t *out, const char *text, char kind, const char *what)
{
    if (!text || text[0] != kind || text[1] == '0')
        return aut_fail (AUT_ERR_INVALID, "%s must be like %c12", what, kind);
    return parse_number (out, text + 1, what);
}

/*  /preview/<SHA-256 in hex>.png of the task that the argument names. */
static int parse_preview (aut_route_t *out, const char *name, const char *task)
{
    char hex[AUT_HASH_HEX];
    size_t len = strlen (name);
    if (len != AUT_HASH_HEX - 1 + strlen (".png") || strcmp (name + AUT_HASH_HEX - 1, ".png") != 0)
        return AUT_ERR_NOT_FOUND;
    memcpy (hex, name, AUT_HASH_HEX - 1);
    hex[AUT_HASH_HEX - 1] = 0;
    if (aut_hash_parse (&out->hash, hex) || aut_hash_is_zero (&out->hash))
        return AUT_ERR_NOT_FOUND;
    out->page = AUT_PAGE_PREVIEW;
    return parse_id (&out->task, task, 't', "task");
}

static int parse_place (aut_route_t *out, const aut_route_args_t *args)
{
    uint64_t limit = AUT_ROUTE_LIMIT;
    const char *after = args->after;
    /* A browser that comes back says where it was, beside the address that it began with. */
    if (out->page == AUT_PAGE_EVENTS && args->last_event)
        after = args->last_event;
    int rc = after ? parse_number (&out->after, after, "after (Last-Event-ID)") : 0;
    if (!rc && args->limit)
        rc = parse_number (&limit, args->limit, "limit");
    if (!rc && (limit < 1 || limit > AUT_ROUTE_LIMIT))
        rc = aut_fail (AUT_ERR_INVALID, "limit must be 1 … %d", AUT_ROUTE_LIMIT);
    out->placed = after != NULL;
    out->limit = (uint32_t)limit;
    return rc;
}

int aut_route_parse (aut_route_t *out, const char *path, const aut_route_args_t *args)
{
    static const char preview[] = "/preview/";
    memset (out, 0, sizeof *out);
    if (strncmp (path, preview, sizeof preview - 1) == 0)
        return parse_preview (out, path + sizeof preview - 1, args->task);
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        if (strcmp (path, pages[i].path) != 0)
            continue;
        out->page = pages[i].page;
        out->file = pages[i].file;
        int rc = out->page > AUT_PAGE_FILE ? parse_place (out, args) : 0;
        if (!rc && out->page == AUT_PAGE_JOB)
            rc = parse_id (&out->id, args->id, 'j', "id");
        return rc;
    }
    return AUT_ERR_NOT_FOUND;
}

bool aut_route_host_is_local (const char *host)
{
    static const char *const local[] = {"localhost", "127.0.0.1", "[::1]"};
    for (size_t i = 0; host && i < sizeof local / sizeof *local; i++) {
        size_t len = strlen (local[i]);
        if (strncasecmp (host, local[i], len) == 0 && (!host[len] || host[len] == ':'))
            return true;
    }
    return false;
}
