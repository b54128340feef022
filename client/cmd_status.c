/*  auteur status: one look at the broker. */
#include "client/command.h"
#include "client/interrupt.h"
#include "client/query.h"
#include "lib/core/epoch.h"
#include "lib/core/error.h"

#include <stdio.h>

static void print_counts (const char *title, const json_t *counts)
{
    printf ("%-9s", title);
    const char *key;
    json_t *value;
    bool any = false;
    json_object_foreach ((json_t *)counts, key, value)
    {
        if (!json_is_integer (value))
            continue;
        printf (" %lld %s", (long long)json_integer_value (value), key);
        any = true;
    }
    printf ("%s\n", any ? "" : " none");
}

int aut_cmd_status (int argc, char **argv)
{
    aut_common_t common = AUT_COMMON_DEFAULTS;
    const aut_opt_info_t info = {
        .program = "auteur status",
        .usage = "[--json]",
        .about = "Prints the broker's counts: jobs, tasks, nodes, workers, blobs."};
    const aut_opt_t table[] = {AUT_OPTIONS_CLUSTER (common), AUT_OPTIONS_STATE (common),
                               AUT_OPTIONS_OUTPUT (common), AUT_OPTIONS_END};
    int code = aut_common_parse (&info, table, &common, argc, argv, NULL, NULL);
    if (code >= 0)
        return code;
    aut_interrupt_install ();
    aut_session_t session;
    json_t *reply = NULL;
    int rc = aut_session_open (&session, &common, AUT_SESSION_READ, 0);
    if (rc == 0)
        rc = aut_client_query (session.client, "{\"get\":\"status\"}", &reply);
    code = rc ? aut_common_fail (rc, "status") : AUT_EXIT_DONE;
    if (rc == 0 && common.json) {
        aut_common_print_json (json_incref (reply));
    } else if (rc == 0) {
        uint64_t epoch = (uint64_t)aut_query_int (reply, "epoch");
        printf ("auteur-broker %s, epoch " AUT_EPOCH_TEXT ", up %lld s\n",
                aut_query_text (reply, "version"), AUT_EPOCH_ARGS (epoch),
                (long long)aut_query_int (reply, "uptime_s"));
        static const char *const parts[] = {"jobs", "tasks", "nodes", "workers", "blobs"};
        for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
            print_counts (parts[i], json_object_get (reply, parts[i]));
    }
    json_decref (reply);
    aut_session_close (&session);
    return code;
}
