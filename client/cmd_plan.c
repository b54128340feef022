/*  auteur plan: what would be rendered, without rendering. */
#include "client/command.h"
#include "client/film.h"
#include "client/interrupt.h"
#include "lib/core/error.h"

#include <stdio.h>

static void print_plan (const aut_plan_t *plan, bool json)
{
    aut_buffer_t text = {0};
    if (json)
        aut_plan_json (plan, &text);
    else
        aut_plan_text (plan, &text);
    fwrite (text.data, 1, text.size, stdout);
    if (json)
        putchar ('\n');
    aut_buffer_clear (&text);
}

int aut_cmd_plan (int argc, char **argv)
{
    aut_common_t common = AUT_COMMON_DEFAULTS;
    const aut_opt_info_t info = {
        .program = "auteur plan",
        .usage = "STORYBOARD [--json]",
        .about = "Shows every shot with its frames, chunks, compiled prompt and seeds, without "
                 "rendering.\n"
                 "The same storyboard gives the same plan on every machine. With --broker, the "
                 "cluster's models count too.",
        .min_operands = 1,
        .max_operands = 1};
    const aut_opt_t table[] = {AUT_OPTIONS_CLUSTER (common), AUT_OPTIONS_MODELS (common),
                               AUT_OPTIONS_OUTPUT (common), AUT_OPTIONS_END};
    const char *file[1];
    int code = aut_common_parse (&info, table, &common, argc, argv, file, NULL);
    if (code >= 0)
        return code;
    aut_session_t session = {0};
    if (aut_common_has_cluster (&common)) {
        aut_interrupt_install ();
        int rc = aut_session_open (&session, &common, AUT_SESSION_CLUSTER_ONLY, 0);
        if (rc)
            return aut_common_fail (rc, "plan");
    }
    aut_film_t film;
    code = aut_film_open (&film, file[0], common.models, session.client);
    if (code < 0) {
        print_plan (film.plan, common.json);
        code = AUT_EXIT_DONE;
    }
    aut_film_clear (&film);
    aut_session_close (&session);
    return code;
}
