/*  Native sizes against a search over the whole lattice, and chunks against their definition. */
#include "lib/film/shape.h"
#include "tests/film/support.h"

#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

static aut_model_t model_of (uint32_t multiple, uint32_t width, uint32_t height, uint32_t most)
{
    return (aut_model_t){.video = true,
                         .size_multiple = multiple,
                         .width = width,
                         .height = height,
                         .min_width = 64,
                         .min_height = 64,
                         .max_width = most,
                         .max_height = most};
}

/*  The definition, over all of the lattice. */
static void search (const aut_model_t *model, uint32_t width, uint32_t height, uint32_t *best_w,
                    uint32_t *best_h)
{
    uint64_t best = UINT64_MAX, best_over = 1;
    *best_w = *best_h = 0;
    for (uint32_t w = model->size_multiple; w <= model->max_width; w += model->size_multiple)
        for (uint32_t h = model->size_multiple; h <= model->max_height; h += model->size_multiple) {
            if (w < model->min_width || h < model->min_height ||
                (uint64_t)w * h > (uint64_t)model->width * model->height)
                continue;
            uint64_t a = (uint64_t)w * height, b = (uint64_t)h * width;
            uint64_t distance = a > b ? a - b : b - a; /* over h */
            bool nearer = *best_w == 0 || distance * best_over < best * h;
            bool equal = *best_w != 0 && distance * best_over == best * h;
            uint64_t area = (uint64_t)w * h, old = (uint64_t)*best_w * *best_h;
            if (!nearer && !(equal && (area > old || (area == old && w > *best_w))))
                continue;
            best = distance;
            best_over = h;
            *best_w = w;
            *best_h = h;
        }
}

START_TEST (native_sizes)
{
    const aut_model_t models[] = {model_of (16, 832, 480, 1280), model_of (32, 1280, 704, 1280),
                                  model_of (16, 1280, 720, 1280), model_of (8, 96, 64, 96)};
    static const uint32_t films[][2] = {{1280, 720}, {1280, 704}, {832, 480},   {1920, 1080},
                                        {720, 1280}, {64, 64},    {8192, 16},   {16, 8192},
                                        {1000, 562}, {2048, 858}, {4096, 1716}, {640, 480},
                                        {96, 64},    {720, 576},  {1998, 1080}, {1440, 1080}};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        for (size_t j = 0; j < sizeof films / sizeof *films; j++) {
            uint32_t w, h, wanted_w, wanted_h;
            aut_native_size (&models[i], films[j][0], films[j][1], &w, &h);
            search (&models[i], films[j][0], films[j][1], &wanted_w, &wanted_h);
            ck_assert_msg (w == wanted_w && h == wanted_h, "%ux%u on model %zu: %ux%u, not %ux%u",
                           films[j][0], films[j][1], i, w, h, wanted_w, wanted_h);
        }
}
END_TEST

START_TEST (lattice)
{
    aut_model_t model = {.frames_multiple = 4, .frames_offset = 1, .frames_max = 84};
    ck_assert_uint_eq (aut_lattice_most (&model), 81);
    ck_assert_uint_eq (aut_lattice_up (&model, 0), 1);
    ck_assert_uint_eq (aut_lattice_up (&model, 1), 1);
    ck_assert_uint_eq (aut_lattice_up (&model, 2), 5);
    ck_assert_uint_eq (aut_lattice_up (&model, 81), 81);
    ck_assert_uint_eq (aut_lattice_up (&model, 82), 0);
    ck_assert_uint_eq (aut_tail_taken (&model, 9), 0);
    model.tail_min = 1;
    model.tail_max = 7;
    ck_assert_uint_eq (aut_tail_taken (&model, 9), 5);
    ck_assert_uint_eq (aut_tail_taken (&model, 4), 1);
    model.tail_min = 2;
    ck_assert_uint_eq (aut_tail_taken (&model, 4), 2);
    ck_assert_uint_eq (aut_tail_taken (&model, 1), 0);
    model.frames_offset = 0;
    ck_assert_uint_eq (aut_lattice_up (&model, 1), 4);
    ck_assert_uint_eq (aut_lattice_most (&model), 84);
}
END_TEST

static void check_division (const aut_model_t *model, uint32_t frames, uint32_t available)
{
    uint32_t most = aut_lattice_most (model), kept = 0, total = 0, chunks = 0;
    aut_division_t division = {.model = model, .left = frames, .available = available};
    aut_division_chunk_t chunk;
    uint32_t before = available, shortest = UINT32_MAX, longest = 0;
    while (aut_division_next (&division, &chunk)) {
        ck_assert_uint_eq (chunk.index, chunks);
        ck_assert_uint_eq (chunk.first, kept);
        ck_assert_uint_ge (chunk.keep, 1);
        ck_assert_uint_eq (aut_lattice_up (model, chunk.frames), chunk.frames);
        ck_assert_uint_le (chunk.frames, most);
        ck_assert_uint_eq (chunk.drop, before ? aut_tail_taken (model, before) : 0);
        ck_assert_uint_le (chunk.drop + chunk.keep, chunk.frames);
        ck_assert (division.left == 0 || chunk.drop + chunk.keep == chunk.frames);
        ck_assert_uint_le (chunk.tail_out, chunk.keep);
        before = chunk.tail_out;
        kept += chunk.keep;
        total += chunk.frames;
        chunks++;
        shortest = chunk.frames < shortest ? chunk.frames : shortest;
        longest = chunk.frames > longest ? chunk.frames : longest;
    }
    ck_assert_uint_eq (kept, frames);
    /* as few chunks as possible */
    uint32_t tail = aut_tail_taken (model, most),
             lead = available ? aut_tail_taken (model, available) : 0;
    uint32_t least =
        frames <= most - lead ? 1 : 1 + (frames - (most - lead) + most - tail - 1) / (most - tail);
    ck_assert_uint_eq (chunks, least);
    /* and about even */
    ck_assert_uint_le (longest - shortest, model->frames_multiple * chunks);
}

START_TEST (divisions)
{
    const aut_model_t models[] = {
        {.frames_multiple = 1, .frames_max = 49, .tail_min = 1, .tail_max = 1},
        {.frames_multiple = 4, .frames_offset = 1, .frames_max = 81, .tail_min = 1, .tail_max = 1},
        {.frames_multiple = 4, .frames_offset = 1, .frames_max = 121, .tail_min = 1, .tail_max = 5},
        {.frames_multiple = 4, .frames_offset = 1, .frames_max = 17, .tail_min = 5, .tail_max = 5},
        {.frames_multiple = 8, .frames_offset = 1, .frames_max = 97, .tail_min = 1, .tail_max = 9}};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        for (uint32_t frames = 1; frames < 700; frames++) {
            check_division (&models[i], frames, 0);
            check_division (&models[i], frames, models[i].tail_max);
        }
}
END_TEST

START_TEST (no_tail_no_second_chunk)
{
    aut_model_t model = {.frames_multiple = 4, .frames_offset = 1, .frames_max = 81};
    aut_division_t division = {.model = &model, .left = 82};
    aut_division_chunk_t chunk;
    ck_assert (!aut_division_next (&division, &chunk));
    ck_assert_uint_eq (division.left, 82);
    division.left = 81;
    ck_assert (aut_division_next (&division, &chunk));
    ck_assert_uint_eq (chunk.keep, 81);
    ck_assert_uint_eq (chunk.tail_out, 1);
    ck_assert (!aut_division_next (&division, &chunk));
}
END_TEST

#define MINI                                                                                       \
    "{\"id\":\"small-draft\",\"name\":\"M\",\"version\":\"1\",\"type\":\"video\","                 \
    "\"capabilities\":["                                                                           \
    "\"text-to-video\",\"image-to-video\"],\"license\":\"Apache-2.0\",\"auteur\":{\"backend\":"    \
    "\"wan\","                                                                                     \
    "\"video\":{\"fps\":8,\"frames\":{\"multiple\":4,\"offset\":1,\"max\":17},\"size\":{"          \
    "\"multiple\":16,"                                                                             \
    "\"default\":[96,64]},\"tail\":{\"min\":1,\"max\":5}},\"tiers\":{\"draft\":{\"steps\":20,"     \
    "\"guidance\":4}}}}"

/*  What each way of asking gives, without and with a draft model. */
START_TEST (choices)
{
    static const struct {
        const char *defaults, *shot, *model, *tier, *mini_model, *mini_tier;
        bool lowered, mini_lowered;
    } cases[] = {
        {"", "", "auteur-animatic", "animatic", "small-draft", "draft", false, false},
        {"\"tier\":\"final\"", "", "auteur-animatic", "animatic", "small-draft", "draft", true,
         true},
        {"\"tier\":\"animatic\"", "", "auteur-animatic", "animatic", "auteur-animatic", "animatic",
         false, false},
        {"", ",\"tier\":\"draft\"", "auteur-animatic", "animatic", "small-draft", "draft", true,
         false},
        {"", ",\"model\":\"wan2.2-ti2v-5b\"", "wan2.2-ti2v-5b", "draft", "wan2.2-ti2v-5b", "draft",
         false, false},
        {"\"model\":\"wan2.2-ti2v-5b\"", ",\"tier\":\"final\"", "wan2.2-ti2v-5b", "final",
         "wan2.2-ti2v-5b", "final", false, false},
        {"\"model\":\"wan2.2-ti2v-5b\"", ",\"tier\":\"animatic\"", "auteur-animatic", "animatic",
         "auteur-animatic", "animatic", false, false},
        {"\"model\":\"wan2.2-ti2v-5b\",\"tier\":\"standard\"", "", "wan2.2-ti2v-5b", "standard",
         "wan2.2-ti2v-5b", "standard", false, false},
        {"\"tier\":\"final\"", ",\"model\":\"auteur-animatic\"", "auteur-animatic", "animatic",
         "auteur-animatic", "animatic", false, false},
    };
    for (int mini = 0; mini < 2; mini++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            aut_registry_t *registry = open_registry ();
            if (mini)
                ck_assert_int_eq (aut_registry_add (registry, "m", MINI, strlen (MINI), true), 0);
            char *body = aut_sprintf ("\"defaults\":{%s},\"scenes\":[{\"id\":\"s\",\"shots\":[{"
                                      "\"id\":\"a\",\"prompt\":\"x\"%s}]}]",
                                      cases[i].defaults, cases[i].shot);
            char *text = wrap (body);
            aut_storyboard_t *film = read_good (registry, text);
            aut_choice_t choice = aut_choose (film, film->shots[0], registry);
            ck_assert_str_eq (choice.model->id, mini ? cases[i].mini_model : cases[i].model);
            ck_assert_str_eq (aut_tiers[choice.tier], mini ? cases[i].mini_tier : cases[i].tier);
            ck_assert_int_eq (choice.lowered, mini ? cases[i].mini_lowered : cases[i].lowered);
            aut_storyboard_destroy (&film);
            aut_registry_destroy (&registry);
            free (text);
            free (body);
        }
}
END_TEST

int main (void)
{
    const TTest *const tests[] = {native_sizes, lattice, divisions, no_tail_no_second_chunk,
                                  choices};
    return run_suite ("shape", tests, sizeof tests / sizeof *tests);
}
