/*  Renders stills of animatic shots for the eye: `animatic_look OUT.png [WIDTH HEIGHT COLUMNS] <
 *  LIST`. A line of LIST is SIZE|MOVE|PROMPT|CARD-TYPE:TEXT|…, with SIZE and MOVE as in a
 *  storyboard; MOVE may end in @FRACTION, the place in the shot. Prints each shot's time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/film/storyboard.h"
#include "lib/media/picture.h"
#include "node/backends/animatic.h"

#define FRAMES 72

typedef struct {
    aut_picture_t *sheet;
    uint32_t x, y, width, height, wanted, first;
} sheet_t;

static int take (void *ctx, uint32_t index, const float *rgb)
{
    sheet_t *s = ctx;
    if (index != s->wanted - s->first)
        return 0;
    for (uint32_t y = 0; y < s->height; y++) {
        uint8_t *out = s->sheet->rgb + ((size_t)(s->y + y) * s->sheet->width + s->x) * 3;
        for (uint32_t i = 0; i < s->width * 3; i++)
            out[i] = (uint8_t)(rgb[(size_t)y * s->width * 3 + i] * 255.0f + 0.5f);
    }
    return 0;
}

static int find (const char *const *names, const char *text)
{
    for (int i = 0; names[i] != NULL; i++)
        if (strcmp (names[i], text) == 0)
            return i;
    return -1;
}

static void render_line (char *text, sheet_t *sheet, uint32_t frames)
{
    char *save = NULL, *size = strtok_r (text, "|\n", &save), *move = strtok_r (NULL, "|\n", &save);
    char *prompt = strtok_r (NULL, "|\n", &save), *card;
    aut_card_t cards[8] = {0};
    size_t count = 0;
    double at = 0.5;
    while (count < 8 && (card = strtok_r (NULL, "|\n", &save)) != NULL) {
        char *colon = strchr (card, ':');
        *colon = '\0';
        cards[count++] =
            (aut_card_t){.type = find (aut_ingredient_types, card), .description = colon + 1};
    }
    char *mark = move != NULL ? strchr (move, '@') : NULL;
    if (mark != NULL) {
        *mark = '\0';
        at = atof (mark + 1);
    }
    if (prompt == NULL)
        return;
    sheet->wanted = (uint32_t)(at * (FRAMES - 1));
    sheet->first = frames == 1 ? sheet->wanted : 0;
    aut_task_spec_t spec = {.prompt = prompt,
                            .width = sheet->width,
                            .height = sheet->height,
                            .rate = {24, 1},
                            .frames = frames,
                            .keep = frames,
                            .shot_frames = FRAMES,
                            .first_frame = sheet->first,
                            .has_camera = true,
                            .camera_size = find (aut_camera_sizes, size),
                            .camera_move = find (aut_camera_moves, move),
                            .cards = cards,
                            .card_count = count};
    aut_generate_in_t in = {.spec = &spec};
    aut_generate_out_t out = {.frame = take, .ctx = sheet};
    struct timespec a, b;
    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &a);
    if (aut_backend_animatic.generate (NULL, &in, &out) != 0)
        fprintf (stderr, "%s: %s\n", prompt, aut_error_detail ());
    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &b);
    printf ("%6.0f ms  %s\n",
            1e3 * (double)(b.tv_sec - a.tv_sec) + 1e-6 * (double)(b.tv_nsec - a.tv_nsec), prompt);
}

int main (int argc, char **argv)
{
    char *lines[64], text[2048];
    uint32_t count = 0, columns = argc > 4 ? (uint32_t)atoi (argv[4]) : 3;
    sheet_t sheet = {.width = argc > 3 ? (uint32_t)atoi (argv[2]) : 640,
                     .height = argc > 3 ? (uint32_t)atoi (argv[3]) : 360};
    uint32_t frames = argc > 5 ? (uint32_t)atoi (argv[5]) : 1;
    while (count < 64 && fgets (text, sizeof text, stdin) != NULL)
        if (text[0] != '\n' && text[0] != '#')
            lines[count++] = aut_strdup (text);
    if (argc < 2 || count == 0)
        return EXIT_FAILURE;
    uint32_t rows = (count + columns - 1) / columns;
    if (aut_picture_new (&sheet.sheet, columns * sheet.width, rows * sheet.height) != 0)
        return EXIT_FAILURE;
    for (uint32_t i = 0; i < count; i++) {
        sheet.x = i % columns * sheet.width;
        sheet.y = i / columns * sheet.height;
        render_line (lines[i], &sheet, frames);
        free (lines[i]);
    }
    int rc = aut_picture_save_png (sheet.sheet, argv[1]);
    aut_picture_destroy (&sheet.sheet);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
