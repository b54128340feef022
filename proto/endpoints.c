/*  Where a broker is: from an address, from its endpoints.json, or inside this process. */
#include "proto/client.h"

#include "lib/core/error.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define BASE_MAX (65535 - (AUT_PORT_COUNT - 1))
#define HTTP_OFFSET 80
#define FILE_MAX (64 << 10)

static int bad_address (const char *text, const char *why)
{
    return aut_fail (AUT_ERR_INVALID,
                     "\"%.200s\" is not a broker's address: %s. Write [tcp://]HOST[:BASE], such as "
                     "render-box:7700",
                     text, why);
}

/*  Whether the bytes can be a host name, an IPv4 address, or an IPv6 address in brackets. */
static bool is_host (const char *host, size_t size)
{
    bool v6 = size > 2 && host[0] == '[' && host[size - 1] == ']';
    if (size == 0 || size > 255)
        return false;
    for (size_t i = v6 ? 1 : 0; i < (v6 ? size - 1 : size); i++) {
        unsigned char c = (unsigned char)host[i];
        bool good = v6 ? isxdigit (c) || c == ':' || c == '.' || c == '%'
                       : isalnum (c) || c == '.' || c == '-' || c == '_';
        if (!good)
            return false;
    }
    return true;
}

/*  The number after the last ':'; 0 if it is none. */
static unsigned parse_base (const char *text)
{
    unsigned value = 0;
    if (!*text)
        return 0;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || value > 99999)
            return 0;
        value = value * 10 + (unsigned)(*text - '0');
    }
    return value;
}

int aut_endpoints_parse (aut_endpoints_t *out, const char *text)
{
    *out = (aut_endpoints_t){0};
    const char *host = text;
    if (strncmp (host, "tcp://", 6) == 0)
        host += 6;
    else if (strstr (host, "://"))
        return bad_address (text, "the only scheme is tcp");
    const char *bracket = *host == '[' ? strchr (host, ']') : NULL;
    const char *colon = strchr (bracket ? bracket : host, ':');
    size_t size = colon ? (size_t)(colon - host) : strlen (host);
    unsigned base = colon ? parse_base (colon + 1) : AUT_PORT;
    if (!is_host (host, size))
        return bad_address (text, size ? "the host has characters that no host has"
                                       : "the host is missing");
    if (base < 1 || base > BASE_MAX)
        return bad_address (text, "BASE is a port from 1 to 65531");
    for (unsigned i = 0; i < AUT_PORT_COUNT; i++)
        out->url[i] = aut_sprintf ("tcp://%.*s:%u", (int)size, host, base + i);
    if (base + HTTP_OFFSET <= 65535)
        out->http = aut_sprintf ("http://%.*s:%u", (int)size, host, base + HTTP_OFFSET);
    out->name = aut_sprintf ("%.*s:%u", (int)size, host, base);
    return 0;
}

int aut_endpoints_load (aut_endpoints_t *out, const char *path)
{
    *out = (aut_endpoints_t){0};
    json_t *root;
    int rc = aut_json_load (&root, path, FILE_MAX);
    if (rc)
        return rc;
    for (unsigned i = 0; i < AUT_PORT_COUNT && rc == 0; i++) {
        const char *url;
        rc = aut_json_string (root, aut_port_name (i), &url);
        if (rc)
            rc = aut_fail (AUT_ERR_INVALID, "%s: \"%s\" is missing or no string", path,
                           aut_port_name (i));
        else
            out->url[i] = aut_strdup (url);
    }
    const char *http, *key;
    int64_t epoch;
    if (rc == 0 && aut_json_string (root, "http", &http) == 0)
        out->http = aut_strdup (http);
    if (rc == 0 && aut_json_string (root, "key", &key) == 0) {
        rc = aut_key_check (key);
        if (rc)
            rc = aut_fail_in (rc, "%s: \"key\"", path);
        else
            out->key = aut_strdup (key);
    }
    if (rc == 0 && aut_json_int (root, "epoch", &epoch) == 0 && epoch > 0)
        out->epoch = (uint64_t)epoch;
    json_decref (root);
    if (rc)
        aut_endpoints_clear (out);
    else
        out->name = aut_strdup (out->url[AUT_PORT_CLIENT]);
    return rc;
}

void aut_endpoints_inproc (aut_endpoints_t *out, const char *prefix)
{
    *out = (aut_endpoints_t){0};
    for (unsigned i = 0; i < AUT_PORT_COUNT; i++)
        out->url[i] = aut_sprintf ("inproc://%s-%s", prefix, aut_port_name (i));
    out->name = aut_strdup ("this process");
}

char *aut_endpoints_json (const aut_endpoints_t *self, uint64_t pid)
{
    aut_buffer_t text = {0};
    aut_buffer_text (&text, "{");
    for (unsigned i = 0; i < AUT_PORT_COUNT; i++) {
        aut_buffer_format (&text, "\"%s\":", aut_port_name (i));
        aut_buffer_json_string (&text, self->url[i]);
        aut_buffer_text (&text, ",");
    }
    if (self->http) {
        aut_buffer_text (&text, "\"http\":");
        aut_buffer_json_string (&text, self->http);
        aut_buffer_text (&text, ",");
    }
    if (self->key) {
        aut_buffer_text (&text, "\"key\":");
        aut_buffer_json_string (&text, self->key);
        aut_buffer_text (&text, ",");
    }
    aut_buffer_format (&text, "\"pid\":%llu,\"epoch\":%llu}\n", (unsigned long long)pid,
                       (unsigned long long)self->epoch);
    return aut_buffer_take (&text, NULL);
}

void aut_endpoints_copy (aut_endpoints_t *out, const aut_endpoints_t *from)
{
    *out = (aut_endpoints_t){.epoch = from->epoch};
    for (unsigned i = 0; i < AUT_PORT_COUNT; i++)
        out->url[i] = aut_strdup (from->url[i]);
    out->http = aut_strdup (from->http);
    out->key = aut_strdup (from->key);
    out->name = aut_strdup (from->name);
}

void aut_endpoints_clear (aut_endpoints_t *self)
{
    for (unsigned i = 0; i < AUT_PORT_COUNT; i++)
        free (self->url[i]);
    free (self->http);
    free (self->key);
    free (self->name);
    *self = (aut_endpoints_t){0};
}
