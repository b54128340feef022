/*  Subtitles: when each is shown, how it is wrapped, and the files. */
#include "lib/core/mem.h"
#include "lib/film/subtitles.h"
#include "tests/film/support.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define SHOT(id, more) "{\"id\":\"" id "\",\"prompt\":\"p\"" more "}"
#define FILM(shots)                                                                                \
    "{\"storyboard\":\"1\",\"project\":\"p\",\"defaults\":{\"tier\":\"animatic\",\"fps\":24,"      \
    "\"duration\":4},"                                                                             \
    "\"scenes\":[{\"id\":\"s\",\"shots\":[" shots "]}]}"

typedef struct {
    aut_registry_t *registry;
    aut_storyboard_t *film;
    aut_plan_t *plan;
    aut_subtitles_t *made;
} scene_t;

static scene_t scene_of (const char *text)
{
    scene_t scene = {0};
    aut_diags_t diags;
    aut_diags_init (&diags, "f");
    ck_assert_int_eq (aut_registry_open (&scene.registry, NULL), 0);
    ck_assert_int_eq (
        aut_storyboard_read (&scene.film, &diags, text, strlen (text), scene.registry, NULL), 0);
    ck_assert_int_eq (aut_plan_new (&scene.plan, scene.film, scene.registry), 0);
    scene.made = aut_subtitles_new (scene.plan);
    aut_diags_clear (&diags);
    return scene;
}

static void clear (scene_t *scene)
{
    aut_subtitles_destroy (&scene->made);
    aut_plan_destroy (&scene->plan);
    aut_storyboard_destroy (&scene->film);
    aut_registry_destroy (&scene->registry);
}

static size_t characters (const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80 && *text != '\n';
    return count;
}

/*  In order, inside their shots, not over each other, two lines of 42. */
static void check_rules (const scene_t *scene)
{
    for (size_t i = 0; i < scene->made->count; i++) {
        const aut_subtitle_t *cue = &scene->made->cues[i];
        const aut_plan_shot_t *shot = &scene->plan->shots[cue->shot];
        ck_assert_int_lt (cue->start, cue->end);
        ck_assert_int_ge (cue->start, shot->start_frame);
        ck_assert_int_le (cue->end, shot->start_frame + shot->frames);
        if (i)
            ck_assert_int_ge (cue->start, cue[-1].end);
        const char *second = strchr (cue->text, '\n');
        size_t first = second ? (size_t)(second - cue->text) : strlen (cue->text);
        ck_assert_uint_le (first, 42 * 4);
        if (second)
            ck_assert_ptr_null (strchr (second + 1, '\n'));
    }
}

START_TEST (a_word_stands_as_long_as_it_takes)
{
    scene_t scene = scene_of (FILM (SHOT ("a", "") "," SHOT ("b", ",\"dialogue\":\"Yes.\"")));
    check_rules (&scene);
    ck_assert_uint_eq (scene.made->count, 1);
    ck_assert_int_eq (scene.made->cues[0].start, 96);
    ck_assert_int_eq (scene.made->cues[0].end, 96 + 36); /* a second and a half */
    ck_assert_str_eq (scene.made->cues[0].text, "Yes.");
    clear (&scene);
}
END_TEST

START_TEST (long_ones_are_divided_and_can_be_read)
{
    scene_t scene = scene_of (FILM (SHOT (
        "a",
        ",\"duration\":10,\"dialogue\":\"I had thought that we might, all of us, leave by the "
        "front "
        "door before the water comes up to the second floor of this old house by the sea.\"")));
    check_rules (&scene);
    ck_assert_uint_eq (scene.made->count, 2);
    ck_assert_uint_eq (scene.made->hasty, 0);
    for (size_t i = 0; i < 2; i++) {
        const aut_subtitle_t *cue = &scene.made->cues[i];
        double seconds = (double)(cue->end - cue->start) / 24;
        ck_assert_double_le ((double)characters (cue->text) / seconds, 20.5);
        for (const char *line = cue->text; line; line = strchr (line, '\n'), line += line != NULL)
            ck_assert_uint_le (strcspn (line, "\n"), 42);
    }
    clear (&scene);
}
END_TEST

START_TEST (what_does_not_fit_is_told_and_stays_in_its_shot)
{
    scene_t scene = scene_of (FILM (SHOT (
        "a",
        ",\"duration\":1,\"dialogue\":\"Far more words than anybody could ever read "
        "within one second of a film, however fast they are\"") "," SHOT ("b",
                                                                          ",\"transition\":{"
                                                                          "\"type\":\"dissolve\","
                                                                          "\"duration\":0.5},"
                                                                          "\"dialogue\":\"No.\"")));
    check_rules (&scene);
    ck_assert_uint_eq (scene.made->hasty, 1);
    clear (&scene);
}
END_TEST

START_TEST (speech_may_go_into_a_transition_where_nobody_else_speaks)
{
    static const char text[] = FILM (SHOT ("a", "") "," SHOT (
        "b",
        ",\"duration\":1,\"dialogue\":\"Twenty "
        "letters it is\"") "," SHOT ("c", ",\"transition\":{\"type\":\"fade\",\"duration\":0.5}"));
    scene_t scene = scene_of (text);
    check_rules (&scene);
    ck_assert_uint_eq (scene.made->count, 1);
    ck_assert_uint_eq (scene.made->hasty, 0);
    ck_assert_int_eq (scene.made->cues[0].end - scene.made->cues[0].start, 24);
    clear (&scene);
}
END_TEST

START_TEST (files_keep_plain_text)
{
    scene_t scene = scene_of (FILM (
        SHOT ("a", ",\"dialogue\":\"A <b> & {c} --> d\\nand\\ta second line\\r\\n\\r\\nthird\"")));
    aut_buffer_t srt = {0}, vtt = {0};
    check_rules (&scene);
    aut_subtitles_srt (scene.made, &srt);
    aut_subtitles_vtt (scene.made, &vtt);
    ck_assert_ptr_nonnull (strstr (srt.data, "1\n00:00:00,000 --> 00:00:0"));
    ck_assert_ptr_nonnull (strstr (srt.data, "\nA <b> & {c} --> d\nand a second line\n"));
    ck_assert_ptr_nonnull (
        strstr (vtt.data, "A &lt;b&gt; &amp; {c} --&gt; d\nand a second line\n"));
    ck_assert_ptr_nonnull (strstr (vtt.data, "\nthird\n"));
    aut_buffer_clear (&srt);
    aut_buffer_clear (&vtt);
    clear (&scene);
}
END_TEST

START_TEST (any_script_is_wrapped)
{
    scene_t scene = scene_of (FILM (SHOT (
        "a",
        ",\"duration\":30,\"dialogue\":"
        "\"吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。"
        "何でも薄暗いじめじめした所でニャーニャー泣いていた事だけは記憶している。 "
        "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft\"")));
    check_rules (&scene);
    ck_assert_uint_ge (scene.made->count, 3);
    for (size_t i = 0; i < scene.made->count; i++)
        for (const char *line = scene.made->cues[i].text; line;
             line = strchr (line, '\n'), line += line != NULL) {
            size_t size = strcspn (line, "\n");
            char *copy = aut_strndup (line, size);
            ck_assert_uint_le (characters (copy), 42);
            free (copy);
        }
    clear (&scene);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("subtitles");
    TCase *tests = tcase_create ("subtitles");
    tcase_add_test (tests, a_word_stands_as_long_as_it_takes);
    tcase_add_test (tests, long_ones_are_divided_and_can_be_read);
    tcase_add_test (tests, what_does_not_fit_is_told_and_stays_in_its_shot);
    tcase_add_test (tests, speech_may_go_into_a_transition_where_nobody_else_speaks);
    tcase_add_test (tests, files_keep_plain_text);
    tcase_add_test (tests, any_script_is_wrapped);
    suite_add_tcase (suite, tests);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_ENV);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed != 0;
}
