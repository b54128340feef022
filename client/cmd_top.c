/*  auteur top: the cluster, live on a terminal. */
#include "client/command.h"
#include "client/interrupt.h"
#include "client/top.h"
#include "client/top_curses.h"
#include "client/top_feed.h"
#include "lib/core/clock.h"
#include "lib/core/error.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_WAIT_MS 100
#define REDRAW_MS 1000 /* times go on although nothing has come */

/*  Names are in UTF-8. Where nobody has said what the terminal takes, that is assumed. */
static void choose_locale (void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    bool said = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv (names[i]);
        said = said || (value && *value);
    }
    setlocale (LC_CTYPE, said ? "" : "C.UTF-8");
}

static int number_of (const char *name, int otherwise)
{
    const char *text = getenv (name);
    long value = text ? strtol (text, NULL, 10) : 0;
    return value > 0 && value < 10000 ? (int)value : otherwise;
}

/*  One page on standard output, COLUMNS × LINES large. */
static int show_once (aut_session_t *session, aut_top_t *top)
{
    aut_screen_t screen = {0};
    int rc = aut_top_snapshot (session, top);
    if (rc)
        return aut_common_fail (rc, "top");
    aut_screen_reset (&screen, number_of ("COLUMNS", 80), number_of ("LINES", 24));
    aut_top_draw (top, &screen, aut_mono_ms (aut_clock_system ()), false);
    char *text = aut_screen_text (&screen);
    fputs (text, stdout);
    free (text);
    aut_screen_clear (&screen);
    return AUT_EXIT_DONE;
}

/*  One turn: what has come, the page if it is another one now, a key. True when it is over. */
static bool turn (aut_top_t *top, aut_top_feed_t *feed, aut_curses_t *curses, aut_screen_t *screen,
                  int64_t *drawn_ms, int *rc)
{
    bool changed;
    int64_t now = aut_mono_ms (aut_clock_system ());
    *rc = aut_top_feed_take (feed, top, &changed);
    if (*rc || aut_interrupted ())
        return true;
    if (changed || now - *drawn_ms >= REDRAW_MS) {
        aut_curses_size (curses, screen);
        aut_top_draw (top, screen, now, true);
        aut_curses_paint (curses, screen);
        *drawn_ms = now;
    }
    int key = aut_curses_key (curses, KEY_WAIT_MS);
    if (key == -1)
        return false;
    *drawn_ms = 0;
    if (key == -2)
        return false;
    const char *name = "";
    aut_top_deed_t deed = aut_top_key (top, key, &name);
    if (deed == AUT_TOP_QUIT)
        return true;
    if (deed != AUT_TOP_NOTHING)
        aut_top_feed_tell (feed, deed, name);
    aut_top_feed_want (feed, aut_top_job (top));
    return false;
}

static int show_live (const aut_session_t *session, aut_top_t *top, bool color, double interval)
{
    aut_curses_t *curses = NULL;
    aut_top_feed_t *feed = NULL;
    aut_screen_t screen = {0};
    int64_t drawn_ms = 0;
    int rc = aut_curses_open (&curses, color);
    if (rc) {
        int code = aut_common_fail (rc, "top");
        fprintf (stderr, "'auteur top --once' prints one page anywhere, 'auteur status --json' is "
                         "for programs.\n");
        return code == AUT_EXIT_FAILED ? AUT_EXIT_USAGE : code;
    }
    rc = aut_top_feed_start (&feed, session, (int64_t)(interval * 1000));
    if (rc == 0)
        aut_top_feed_want (feed, aut_top_job (top));
    while (rc == 0 && !turn (top, feed, curses, &screen, &drawn_ms, &rc))
        ;
    aut_curses_close (&curses);
    aut_top_feed_stop (&feed);
    aut_screen_clear (&screen);
    return rc ? aut_common_fail (rc, "top") : AUT_EXIT_DONE;
}

static const char about[] =
    "Shows the cluster live: jobs with their progress, time left and what they wait for; nodes\n"
    "with their devices and what these run. Enter opens a job (its shots, a strip of their\n"
    "chunks, where each runs or why not) or a node. Other keys: arrows or j k select, s sorts by\n"
    "something else, r reverses, / filters, c cancels a job and d drains a node (both ask first),\n"
    "Esc goes back, ? explains, q quits. With JOB its page is opened at once.\n\n"
    "  auteur top --broker HOST\n"
    "  auteur top --once j12 | less     one page of text, COLUMNS x LINES large\n\n"
    "Scripts use 'auteur status --json', 'jobs --json' and 'nodes --json' instead.";

int aut_cmd_top (int argc, char **argv)
{
    aut_common_t common = AUT_COMMON_DEFAULTS;
    bool once = false;
    double interval = 1;
    const aut_opt_info_t info = {.program = "auteur top",
                                 .usage = "[JOB] [--once] [--interval SECONDS]",
                                 .about = about,
                                 .max_operands = 1};
    const aut_opt_t table[] = {
        {"once", 0, AUT_OPT_FLAG, &once, NULL, "print one page as plain text and end", NULL, 0, 0},
        {"interval", 0, AUT_OPT_NUMBER, &interval, "SECONDS",
         "between two looks at everything; changes of state show at once (default 1)", NULL, 0,
         3600},
        AUT_OPTIONS_CLUSTER (common),
        AUT_OPTIONS_OUTPUT (common),
        AUT_OPTIONS_END};
    const char *job[1] = {NULL};
    size_t count;
    int code = aut_common_parse (&info, table, &common, argc, argv, job, &count);
    if (code >= 0)
        return code;
    if (common.json) {
        fprintf (stderr, "auteur top: it is for people; 'auteur status --json' is for programs\n");
        return AUT_EXIT_USAGE;
    }
    if (interval < 0.2)
        interval = 0.2;
    aut_interrupt_install ();
    choose_locale ();
    aut_session_t session;
    int rc = aut_session_open (&session, &common, AUT_SESSION_CLUSTER_ONLY, 0);
    if (rc)
        return aut_common_fail (rc, "top");
    const char *no_color = getenv ("NO_COLOR");
    bool color = !common.no_color && !(no_color && *no_color);
    aut_top_t *top = aut_top_new (session.endpoints.name ? session.endpoints.name
                                                         : session.endpoints.url[AUT_PORT_CLIENT]);
    if (count)
        aut_top_open (top, job[0]);
    code = once ? show_once (&session, top) : show_live (&session, top, color, interval);
    aut_top_destroy (&top);
    aut_session_close (&session);
    return code;
}
