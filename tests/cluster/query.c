/*  query ENDPOINTS REQUEST: asks a broker's status socket one thing, for the scripts. */
#include "lib/core/error.h"
#include "proto/client.h"

#include <stdio.h>
#include <stdlib.h>

int main (int argc, char **argv)
{
    if (argc != 3) {
        fprintf (stderr, "usage: query endpoints.json REQUEST\n");
        return 2;
    }
    aut_net_init ();
    aut_endpoints_t endpoints = {0};
    aut_client_t *client = NULL;
    json_t *reply = NULL;
    int rc = aut_endpoints_load (&endpoints, argv[1]);
    if (rc == 0)
        rc = aut_client_new (&client, &endpoints, NULL);
    if (rc == 0)
        rc = aut_client_query (client, argv[2], &reply);
    if (rc)
        fprintf (stderr, "query: %s\n", aut_error_detail ());
    else
        json_dumpf (reply, stdout, JSON_COMPACT);
    json_decref (reply);
    aut_client_destroy (&client);
    aut_endpoints_clear (&endpoints);
    return rc ? 1 : 0;
}
