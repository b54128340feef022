/*  Screenplays and texts: what each line is, and the storyboards that four screenplays become. */
#include "tests/film/support.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/film/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = {"heading",  "action",   "cue",        "aside",
                                    "dialogue", "lyrics",   "transition", "centred",
                                    "section",  "synopsis", "note",       "page"};

/*  "kind(text)" of every element, with what else it has, "|" between. */
static char *describe (const aut_script_t *script)
{
    aut_buffer_t out = {0};
    aut_buffer_text (&out, "");
    for (size_t i = 0; i < script->title_count; i++)
        aut_buffer_format (&out, "%s=%s|", script->titles[i].key, script->titles[i].value);
    for (size_t i = 0; i < script->count; i++) {
        const aut_script_element_t *element = &script->elements[i];
        aut_buffer_format (&out, "%s%s%s(%s)", i ? "|" : "", kinds[element->kind],
                           element->dual ? "^" : "", element->text);
        if (element->number)
            aut_buffer_format (&out, "#%s", element->number);
        if (element->extension)
            aut_buffer_format (&out, ":%s", element->extension);
        if (element->depth)
            aut_buffer_format (&out, "%u", element->depth);
    }
    return aut_buffer_take (&out, NULL);
}

typedef struct {
    const char *text, *wanted;
} row_t;

static const row_t fountain[] = {
    {"", ""},
    {"\n\n  \n", ""},
    {"INT. HUT - DAY\n\nRain.", "heading(INT. HUT - DAY)|action(Rain.)"},
    {"int. hut\next. hut", "heading(int. hut)|heading(ext. hut)"},
    {"Rain.\nINT. HUT\n", "action(Rain.\nINT. HUT)"},
    {"INTERIOR monologue\n", "action(INTERIOR monologue)"},
    {"I/E CAR #12-A.b#", "heading(I/E CAR)#12-A.b"},
    {"EXT. A #", "heading(EXT. A #)"},
    {"EXT. A ##", "heading(EXT. A ##)"},
    {".SNIPER SCOPE POV #1#", "heading(SNIPER SCOPE POV)#1"},
    {"...where was I", "action(...where was I)"},
    {".", "action(.)"},
    {"!INT. HUT", "action(INT. HUT)"},
    {"!SCANNING...\nHe waits.\n!LOOK", "action(SCANNING...\nHe waits.\nLOOK)"},
    {"MIRA\nHello.\nYou.\n\nShe goes.",
     "cue(MIRA)|dialogue(Hello.)|dialogue(You.)|action(She goes.)"},
    {"MIRA\n\nHello.", "action(MIRA)|action(Hello.)"},
    {"Rain.\nMIRA\nHello.", "action(Rain.\nMIRA\nHello.)"},
    {"@McAvoy (on the radio) (V.O.)\nOver.", "cue(McAvoy):on the radio, V.O.|dialogue(Over.)"},
    {"R2D2\nBeep.", "cue(R2D2)|dialogue(Beep.)"},
    {"23\nNo cue.", "action(23\nNo cue.)"},
    {"ÄNNE\nJa.", "cue(ÄNNE)|dialogue(Ja.)"},
    {"Änne\nJa.", "action(Änne\nJa.)"},
    {"MIRA\n(softly)\nYes.\n(loud)\nNo.",
     "cue(MIRA)|aside(softly)|dialogue(Yes.)|aside(loud)|dialogue(No.)"},
    {"MIRA\nOne.\n  \nTwo.\n\nThree.", "cue(MIRA)|dialogue(One.)|dialogue(Two.)|action(Three.)"},
    {"MIRA\nOne.\n \nTwo.", "cue(MIRA)|dialogue(One.)|action(Two.)"},
    {"MIRA\nHa!\n\nJON (V.O.) ^\nHo!", "cue(MIRA)|dialogue(Ha!)|cue^(JON):V.O.|dialogue(Ho!)"},
    {"MIRA\n~la la\nEnd.", "cue(MIRA)|lyrics(la la)|dialogue(End.)"},
    {"~la la\n~lo lo\nShe stops.", "lyrics(la la)|lyrics(lo lo)|action(She stops.)"},
    {"CUT TO:\n\nX", "transition(CUT TO:)|action(X)"},
    {"THEY COME TO:\n\nX", "transition(THEY COME TO:)|action(X)"},
    {"FADE OUT.", "transition(FADE OUT.)"},
    {"Fade out.", "action(Fade out.)"},
    {"FADE IN:\n\nX", "transition(FADE IN:)|action(X)"},
    {"> Burn to pink.\n\nX", "transition(Burn to pink.)|action(X)"},
    {"> **THE END** <", "centred(THE END)"},
    {"Rain.\n>stop<\nMore.", "action(Rain.)|centred(stop)|action(More.)"},
    {"# Act\n## Sequence\n### Scene\n= what happens\nText",
     "section(Act)1|section(Sequence)2|section(Scene)3|synopsis(what happens)|action(Text)"},
    {"Text\n\n===\n\n=====", "action(Text)|page()|page()"},
    {"*a* **b** ***c*** _d_ _**e**_", "action(a b c d e)"},
    {"\\*a\\* 2 * 3 * 4 *69 and *70", "action(*a* 2 * 3 * 4 *69 and *70)"},
    {"*open\nclose*", "action(*open\nclose*)"},
    {"a****b **", "action(a****b **)"},
    {"A [[n1]] b [[n2]] c.", "action(A  b  c.)|note(n1)|note(n2)"},
    {"A.\n\n[[two\nlines]]\n\nB.", "action(A.)|note(two\nlines)|action(B.)"},
    {"MIRA\n[[aside]]\nHello.", "cue(MIRA)|dialogue(Hello.)|note(aside)"},
    {"A [[open\n\nnote]]", "action(A [[open)|action(note]])"},
    {"A [[x\n  \ny]] B", "action(A  B)|note(x\n  \ny)"},
    {"A /* cut\n\nINT. X */ B.", "action(A  B.)"},
    {"Ah.\n/*\nB.\n*/\nC.", "action(Ah.\nC.)"},
    {"A /* open", "action(A /* open)"},
    {"[[/*]] A */", "action(A */)|note(/*)"},
    {"   INT. HUT\r\n\r\n\tRain.\r\rMore.", "heading(INT. HUT)|action(Rain.)|action(More.)"},
    {"\xef\xbb\xbfINT. HUT", "heading(INT. HUT)"},
    {"Title:\n    _**A**_\n    B\nAuthor: me\n\nRain.", "Title=A\nB|Author=me|action(Rain.)"},
    {"Title: X\nCustom key: y: z\n\n\nRain.", "Title=X|Custom key=y: z|action(Rain.)"},
    {"Remember: the sea.\n\nRain.", "action(Remember: the sea.)|action(Rain.)"},
};

static const row_t plain[] = {
    {"One.\nTwo.\n\nThree.", "action(One.\nTwo.)|action(Three.)"},
    {"# Film\n\n## One\n\nAh.\n\n## Two\n\nOh.",
     "Title=Film|heading(One)2|action(Ah.)|heading(Two)2|action(Oh.)"},
    {"# One\n\nAh.", "heading(One)1|action(Ah.)"},
    {"One\n===\nAh.\n\nTwo\n---\nOh.", "Title=One|action(Ah.)|heading(Two)2|action(Oh.)"},
    {"THE HARBOUR\n\nBoats.", "heading(THE HARBOUR)2|action(Boats.)"},
    {"LOUD WORDS\nin a paragraph", "action(LOUD WORDS\nin a paragraph)"},
    {"Ext. harbour - night\n\nBoats.", "heading(Ext. harbour - night)2|action(Boats.)"},
    {"- one\n- two\n  more\n3. three", "action(one)|action(two\nmore)|action(three)"},
    {"Ah.\n\n---\n\n***\n\nOh.", "action(Ah.)|action(Oh.)"},
    {"#hashtag", "action(#hashtag)"},
    {"[[kept]] /* kept */", "action([[kept]] /* kept */)"},
};

typedef int (reader_fn) (aut_script_t **, const char *, size_t);

static void check_rows (const row_t *rows, size_t count, reader_fn *read)
{
    for (size_t i = 0; i < count; i++) {
        aut_script_t *script;
        int rc = read (&script, rows[i].text, strlen (rows[i].text));
        ck_assert_msg (rc == 0, "%s: %s", rows[i].text, aut_error_detail ());
        char *found = describe (script);
        ck_assert_msg (strcmp (found, rows[i].wanted) == 0, "%s\ngives  %s\nwanted %s",
                       rows[i].text, found, rows[i].wanted);
        free (found);
        aut_script_destroy (&script);
    }
}

START_TEST (fountain_elements)
{
    check_rows (fountain, sizeof fountain / sizeof *fountain, aut_fountain_read);
}
END_TEST

START_TEST (plain_elements)
{
    check_rows (plain, sizeof plain / sizeof *plain, aut_plain_read);
}
END_TEST

START_TEST (lines_are_counted)
{
    static const char text[] = "A.\r\n\r\n[[n\n  \n]]\r/* x\n\n */\n\nINT. HUT\n\nMIRA\nYes.";
    aut_script_t *script;
    ck_assert_int_eq (aut_fountain_read (&script, text, sizeof text - 1), 0);
    ck_assert_uint_eq (script->count, 5);
    static const unsigned lines[] = {1, 3, 10, 12, 13};
    for (size_t i = 0; i < 5; i++)
        ck_assert_uint_eq (script->elements[i].line, lines[i]);
    aut_script_destroy (&script);
}
END_TEST

static const struct {
    const char *text;
    size_t size;
    const char *message;
} refused[] = {
    {"One.\r\n\rTw\xff", 10, "line 3 is not UTF-8"},
    {"One.\n\xed\xa0\x80", 8, "line 2 is not UTF-8"},
    {"A\n\nB\0C", 6, "line 3 has a NUL"},
};

START_TEST (bad_bytes_are_named)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        aut_script_t *script;
        ck_assert_int_eq (aut_fountain_read (&script, refused[i].text, refused[i].size),
                          AUT_ERR_INVALID);
        ck_assert_ptr_null (script);
        ck_assert_msg (strstr (aut_error_detail (), refused[i].message), "%s", aut_error_detail ());
        ck_assert_int_eq (aut_plain_read (&script, refused[i].text, refused[i].size),
                          AUT_ERR_INVALID);
    }
}
END_TEST

START_TEST (forms_are_told_apart)
{
    static const char *const yes[] = {"Title: A\nAuthor: B\n\nX", "A.\n\nINT. HUT\n\nMIRA\nB.",
                                      "ext. x\n\nMIRA\nHm."};
    static const char *const no[] = {"A.\nB.", "# A\n\nB", ".forced",
                                     "A: b",   "\xff",     "EXT. X\n\nRain."};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        ck_assert (aut_fountain_looks_like (yes[i], strlen (yes[i])));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        ck_assert (!aut_fountain_looks_like (no[i], strlen (no[i])));
}
END_TEST

/* ---- storyboards ------------------------------------------------------------------------------
 */

static int import (aut_buffer_t *out, aut_import_report_t *report, const char *text, size_t size,
                   const char *name, bool is_fountain)
{
    aut_import_options_t options = {.name = name,
                                    .form = is_fountain ? "fountain" : "text",
                                    .tier = "animatic",
                                    .fps = aut_decimal_int (24),
                                    .slugs = is_fountain};
    aut_script_t *script;
    int rc = (is_fountain ? aut_fountain_read : aut_plain_read) (&script, text, size);
    *report = (aut_import_report_t){0};
    if (rc == 0)
        rc = aut_import_script (out, report, script, &options);
    aut_script_destroy (&script);
    return rc;
}

static void check_same (const char *found, const char *wanted, const char *name)
{
    size_t at = 0;
    while (found[at] && found[at] == wanted[at])
        at++;
    ck_assert_msg (found[at] == wanted[at], "%s: found \"%.200s\", wanted \"%.200s\"", name,
                   found + at, wanted + at);
}

static const char *const screenplays[] = {"kiln", "duet", "cuts", "nachtzug", "signal", "walk"};

START_TEST (screenplays_become_storyboards)
{
    aut_registry_t *registry = open_registry ();
    for (size_t i = 0; i < sizeof screenplays / sizeof *screenplays; i++) {
        bool text = strcmp (screenplays[i], "walk") == 0;
        char *from = aut_sprintf ("import/%s.%s", screenplays[i], text ? "txt" : "fountain");
        char *to = aut_sprintf ("import/%s.json", screenplays[i]);
        char *script = read_data (from), *wanted = read_data (to);
        aut_import_report_t report;
        aut_buffer_t out = {0};
        int rc = import (&out, &report, script, strlen (script), screenplays[i], !text);
        ck_assert_msg (rc == 0, "%s", aut_error_detail ());
        check_same (out.data, wanted, to);
        aut_storyboard_t *film;
        aut_plan_t *plan = plan_good (registry, out.data, &film);
        ck_assert_uint_eq (plan->shot_count, report.shots);
        aut_plan_destroy (&plan);
        aut_storyboard_destroy (&film);
        aut_buffer_clear (&out);
        aut_buffer_clear (&report.warnings);
        free (from);
        free (to);
        free (script);
        free (wanted);
    }
    aut_registry_destroy (&registry);
}
END_TEST

/*  A text of `count` pieces, $ in them their number; what comes of it is valid, or refused with
 * `refusal`. */
static void check_many (const aut_registry_t *registry, const char *piece, size_t count,
                        const char *refusal)
{
    aut_buffer_t text = {0}, out = {0};
    aut_import_report_t report;
    for (size_t i = 0; i < count; i++)
        for (const char *p = piece; *p; p++)
            if (*p == '$')
                aut_buffer_format (&text, "%zu", i);
            else
                aut_buffer_append (&text, p, 1);
    int rc = import (&out, &report, text.data, text.size, "many", true);
    if (refusal) {
        ck_assert_int_ne (rc, 0);
        ck_assert_msg (strstr (aut_error_detail (), refusal), "%s", aut_error_detail ());
    } else {
        ck_assert_msg (rc == 0, "%s: %s", piece, aut_error_detail ());
        aut_storyboard_t *film = read_good (registry, out.data);
        aut_storyboard_destroy (&film);
    }
    aut_buffer_clear (&text);
    aut_buffer_clear (&out);
    aut_buffer_clear (&report.warnings);
}

START_TEST (much_is_bounded)
{
    aut_registry_t *registry = open_registry ();
    check_many (registry, "INT. A$ - DAY\n\n", 19000, "more than 5000 names");
    check_many (registry, "INT. A\n\nB$\nHello.\n\n", 5001, "more than 5000 names");
    check_many (registry, "A$.\n\n", 20001, "line 40001: there are more than 20000 shots");
    check_many (registry, "A$.\n\n", 20000, NULL);
    check_many (registry, "INT. A\n\n", 5000, NULL);
    check_many (registry, "INT. A #x#\n\n@\xE6\x9D\x8E$\nHi.\n\n", 3000, NULL);
    check_many (registry, "CUT TO:\n\n> dissolve\n\n", 9000, "nothing to film");
    check_many (registry, "> dissolve\n\nA.\n\n> wipe up\n\nA [[x]] b.\n\n", 3000, NULL);
    check_many (registry, "word$ ", 40000, NULL);
    check_many (registry, "\xE6\x9D\x8E\xE6\x9D\x8E", 40000, NULL);
    check_many (registry, "MIRA\n(beat)\n(softly)\n", 20000, NULL);
    check_many (registry, "MIRA (V.O.)\nWords and words.\n\n", 10000, NULL);
    check_many (registry, "[[", 60000, "nothing to film");
    check_many (registry, "[[a b", 60000, NULL);
    check_many (registry, "/*a ", 60000, NULL);
    check_many (registry, "*a _b ", 40000, NULL);
    check_many (registry, "A (b ", 40000, NULL);
    check_many (registry, "MIRA (Tall, $) JON ", 20000, NULL);
    check_many (registry, "# A\n## B\n= C\n[[d]]\n===\n", 30000, "nothing to film");
    aut_registry_destroy (&registry);
}
END_TEST

int main (void)
{
    const TTest *const tests[] = {fountain_elements,    plain_elements,
                                  lines_are_counted,    bad_bytes_are_named,
                                  forms_are_told_apart, screenplays_become_storyboards,
                                  much_is_bounded};
    return run_suite ("import", tests, sizeof tests / sizeof *tests);
}
