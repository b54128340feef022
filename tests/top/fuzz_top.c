/*  The live view against a broker that lies: {"answers":[…],"keys":[…]}, each answer taken as every
 *  kind of snapshot and as an event, with a key after it. The page keeps its size, and no control
 *  character is on it. */
#include "client/top.h"
#include "lib/core/json.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void look (aut_top_t *top, aut_screen_t *screen, size_t turn)
{
    aut_screen_reset (screen, 30 + (int)(turn * 37 % 130), 6 + (int)(turn * 11 % 50));
    aut_top_draw (top, screen, (int64_t)turn * 1000, turn % 5 != 0);
    char *text = aut_screen_text (screen);
    int lines = 0;
    for (const char *at = text; *at; at++) {
        lines += *at == '\n';
        if ((*at >= 0 && *at < ' ' && *at != '\n') || *at == 127)
            abort ();
    }
    if (lines != screen->height)
        abort ();
    free (text);
}

static void take (aut_top_t *top, const json_t *answer, size_t turn)
{
    switch (turn % 5) {
    case 0:
        aut_top_take_status (top, answer, (int64_t)turn * 1000);
        break;
    case 1:
        aut_top_take_jobs (top, answer);
        break;
    case 2:
        aut_top_take_nodes (top, answer);
        break;
    case 3:
        aut_top_take_job (top, answer);
        break;
    default:
        aut_top_take_event (top, answer);
        break;
    }
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    json_t *all = NULL;
    if (size > 20000 || aut_json_parse (&all, (const char *)data, size, "fuzz") != 0)
        return 0;
    setlocale (LC_CTYPE, "C.UTF-8");
    const json_t *answers = json_object_get (all, "answers"), *keys = json_object_get (all, "keys");
    aut_top_t *top = aut_top_new ("broker");
    aut_screen_t screen = {0};
    size_t count = json_array_size (answers), pressed = json_array_size (keys);
    for (size_t turn = 0; turn < count + pressed && turn < 60; turn++) {
        const char *name = "";
        const json_t *key = json_array_get (keys, turn);
        if (turn == 4)
            aut_top_open (top, "j2");
        take (top, json_array_get (answers, turn), turn);
        if (json_is_integer (key) &&
            aut_top_key (top, (int)(json_integer_value (key) % 0x110010), &name) >=
                AUT_TOP_CANCEL &&
            strlen (name) > 200)
            abort ();
        look (top, &screen, turn);
    }
    aut_screen_clear (&screen);
    aut_top_destroy (&top);
    json_decref (all);
    return 0;
}
