/*  Which keys go with which broker. */
#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "proto/client.h"

#include <stdlib.h>
#include <string.h>

bool aut_endpoint_is_local (const char *url)
{
    static const char *const starts[] = {"inproc:", "tcp://localhost:", "tcp://[::1]:"};
    static const char block[] = "tcp://127.";
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (strncmp (url, starts[i], strlen (starts[i])) == 0)
            return true;
    /* numbers alone: 127.example.org is a name, and may be anywhere */
    size_t size = strlen (block);
    return strncmp (url, block, size) == 0 && !url[size + strspn (url + size, "0123456789.:*")];
}

/*  The broker's key: the one that this machine trusts, else the one that it wrote beside its
 *  addresses. */
static int find_server (aut_curve_t *out, const aut_endpoints_t *broker)
{
    aut_allow_list_t list;
    int rc = aut_allow_list_load (&list, out->dir, AUT_ALLOW_BROKERS);
    if (rc)
        return rc;
    const char *key = list.count ? list.items[0].key : broker->key;
    if (key)
        memcpy (out->server_key, key, strlen (key) + 1);
    else
        rc = aut_fail (AUT_ERR_UNREACHABLE,
                       "the key of the broker at %s (%s) is not known here: run auteur keys show "
                       "on its machine, and here auteur keys allow --as broker NAME 'KEY' --keys "
                       "%s; --insecure connects without keys",
                       broker->name, broker->url[AUT_PORT_CLIENT], out->dir);
    aut_allow_list_clear (&list);
    return rc;
}

static int no_pair (const aut_endpoints_t *broker, const char *dir)
{
    return aut_fail (AUT_ERR_UNREACHABLE,
                     "connections to the broker at %s (%s) need keys, and there is none in %s: run "
                     "auteur keys new --keys %s, and on the broker's machine auteur keys allow "
                     "with what it prints; --insecure connects without keys",
                     broker->name, broker->url[AUT_PORT_CLIENT], dir, dir);
}

int aut_curve_choose (aut_curve_t *out, const char *keys, bool insecure,
                      const aut_endpoints_t *broker)
{
    const char *url = broker->url[AUT_PORT_CLIENT];
    bool named = keys && keys[0];
    memset (out, 0, sizeof *out);
    if (insecure || strncmp (url, "inproc:", 7) == 0 ||
        (!named && !broker->key && aut_endpoint_is_local (url)))
        return 0;
    char *dir = named ? aut_strdup (keys) : aut_keys_default_dir ();
    int rc = 0;
    if (strlen (dir) >= sizeof out->dir)
        rc = aut_fail (AUT_ERR_INVALID, "--keys: the path is longer than %zu bytes",
                       sizeof out->dir - 1);
    if (!rc) {
        memcpy (out->dir, dir, strlen (dir) + 1);
        rc = aut_keypair_load (&out->own, dir);
    }
    if (rc == AUT_ERR_NOT_FOUND)
        rc = no_pair (broker, dir);
    if (!rc)
        rc = find_server (out, broker);
    if (rc)
        memset (out, 0, sizeof *out);
    free (dir);
    return rc;
}
