/*  auteur nodes: who renders, and drain. */
#include "client/command.h"
#include "client/interrupt.h"
#include "client/query.h"
#include "lib/core/error.h"

#include <stdio.h>
#include <string.h>

static void print_nodes (const json_t *nodes)
{
    if (json_array_size (nodes) == 0) {
        printf ("No nodes. Start one with: auteur-node --broker HOST\n");
        return;
    }
    printf ("%-24s %-9s %s\n", "NODE", "STATE", "WORKERS");
    size_t i, w;
    json_t *node, *worker;
    json_array_foreach (nodes, i, node)
    {
        printf ("%-24s %-9s", aut_query_text (node, "name"), aut_query_text (node, "state"));
        /* what a lost one's workers do nobody knows */
        bool lost = strcmp (aut_query_text (node, "state"), "lost") == 0;
        json_array_foreach (json_object_get (node, "workers"), w, worker)
        {
            printf (" %s%s", aut_query_text (worker, "device"), lost ? "" : ":");
            printf ("%s", lost ? "" : aut_query_text (worker, "state"));
        }
        printf ("\n");
    }
}

int aut_cmd_nodes (int argc, char **argv)
{
    aut_common_t common = AUT_COMMON_DEFAULTS;
    const aut_opt_info_t info = {
        .program = "auteur nodes",
        .usage = "[--json] | drain NAME",
        .about = "Lists the cluster's nodes and what their workers do.\n"
                 "'auteur nodes drain NAME' lets a node finish what it runs and gives it no more.",
        .max_operands = 2};
    const aut_opt_t table[] = {AUT_OPTIONS_CLUSTER (common), AUT_OPTIONS_OUTPUT (common),
                               AUT_OPTIONS_END};
    const char *words[2];
    size_t count;
    int code = aut_common_parse (&info, table, &common, argc, argv, words, &count);
    if (code >= 0)
        return code;
    if (count == 1 || (count == 2 && strcmp (words[0], "drain") != 0)) {
        fprintf (stderr,
                 "auteur nodes: '%s' is not understood; the form is: auteur nodes drain NAME\n",
                 words[0]);
        return AUT_EXIT_USAGE;
    }
    aut_interrupt_install ();
    aut_session_t session;
    json_t *reply = NULL;
    int rc = aut_session_open (&session, &common, AUT_SESSION_CLUSTER_ONLY, 0);
    if (rc == 0)
        rc = count == 2 ? aut_client_drain (session.client, words[1])
                        : aut_query_list (&session, "nodes", "nodes", &reply);
    code = rc ? aut_common_fail (rc, "nodes") : AUT_EXIT_DONE;
    if (rc == 0 && count == 2 && !common.json)
        printf ("Node %s drains: it finishes what it runs and gets no more.\n", words[1]);
    else if (rc == 0 && count == 2)
        aut_common_print_json (json_pack ("{s:s, s:s}", "name", words[1], "state", "draining"));
    else if (rc == 0 && common.json)
        aut_common_print_json (json_incref (reply));
    else if (rc == 0)
        print_nodes (json_object_get (reply, "nodes"));
    json_decref (reply);
    aut_session_close (&session);
    return code;
}
