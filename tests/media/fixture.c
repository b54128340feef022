#include "tests/media/fixture.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char s_dir[64];
static char *s_paths[64];
static size_t s_path_count;

void fx_setup (void)
{
    snprintf (s_dir, sizeof s_dir, "/tmp/auteur-media-XXXXXX");
    ck_assert_ptr_nonnull (mkdtemp (s_dir));
}

void fx_teardown (void)
{
    aut_dir_remove (s_dir);
    for (size_t i = 0; i < s_path_count; i++)
        free (s_paths[i]);
    s_path_count = 0;
}

const char *fx_path (const char *name)
{
    char *path = aut_path_join (s_dir, name, NULL);
    for (size_t i = 0; i < s_path_count; i++)
        if (strcmp (s_paths[i], path) == 0) {
            free (path);
            return s_paths[i];
        }
    ck_assert_uint_lt (s_path_count, 64);
    return s_paths[s_path_count++] = path;
}

char *fx_run (size_t *size, const char *format, ...)
{
    char command[2048];
    va_list args;
    va_start (args, format);
    vsnprintf (command, sizeof command, format, args);
    va_end (args);
    FILE *pipe = popen (command, "re");
    ck_assert_ptr_nonnull (pipe);
    char *data = NULL;
    size_t cap = 0, used = 0, got = 0;
    do {
        data = aut_grow (data, &cap, used + 65536, 1);
        got = fread (data + used, 1, 65535, pipe);
        used += got;
    } while (got);
    data[used] = 0;
    ck_assert_msg (pclose (pipe) == 0, "%s", command);
    if (size)
        *size = used;
    return data;
}

void fx_noise (uint8_t *rgb, uint32_t width, uint32_t height, uint64_t frame, uint32_t seed)
{
    uint32_t state = seed * 2654435761u + (uint32_t)frame * 40503u + 1;
    for (size_t i = 0; i < (size_t)width * height * 3; i++) {
        state = state * 1664525u + 1013904223u;
        rgb[i] = (uint8_t)(state >> 24);
    }
}

void fx_flat (uint8_t *rgb, uint32_t width, uint32_t height, uint64_t frame, uint32_t seed)
{
    (void)frame;
    for (size_t i = 0; i < (size_t)width * height; i++)
        for (int c = 0; c < 3; c++)
            rgb[i * 3 + (size_t)c] = (uint8_t)(seed >> (16 - 8 * c));
}

void fx_count (uint8_t *rgb, uint32_t width, uint32_t height, uint64_t frame, uint32_t seed)
{
    memset (rgb, (int)(40 + 4 * frame + seed), (size_t)width * height * 3);
}

const char *fx_clip (const char *name, aut_clip_format_t format, uint64_t frames, fx_fill_fn fill,
                     uint32_t seed, aut_hash_t *hash)
{
    const char *path = fx_path (name);
    uint8_t *rgb = aut_calloc ((size_t)format.width * format.height, 3);
    aut_clip_writer_t *writer = NULL;
    ck_assert_msg (aut_clip_writer_open (&writer, path, &format) == 0, "%s", aut_error_detail ());
    for (uint64_t i = 0; i < frames; i++) {
        fill (rgb, format.width, format.height, i, seed);
        ck_assert_int_eq (aut_clip_writer_frame (writer, rgb), 0);
    }
    uint64_t count = 0;
    ck_assert_msg (aut_clip_writer_finish (writer, &count, hash) == 0, "%s", aut_error_detail ());
    ck_assert_uint_eq (count, frames);
    aut_clip_writer_destroy (&writer);
    free (rgb);
    return path;
}

fx_film_t fx_film (const char *path)
{
    fx_film_t film = {0};
    char *text = fx_run (NULL,
                         "ffprobe -v error -select_streams v:0 -show_entries stream=width,height "
                         "-of csv=p=0 '%s'",
                         path);
    ck_assert_int_eq (sscanf (text, "%u,%u", &film.width, &film.height), 2);
    free (text);
    size_t size = 0;
    film.data = (uint8_t *)fx_run (
        &size, "ffmpeg -v error -i '%s' -vsync passthrough -f rawvideo -pix_fmt yuv420p -", path);
    size_t frame = (size_t)film.width * film.height * 3 / 2;
    ck_assert_uint_eq (size % frame, 0);
    film.count = size / frame;
    return film;
}

void fx_film_clear (fx_film_t *self)
{
    free (self->data);
    self->data = NULL;
}

int fx_at (const fx_film_t *self, uint64_t frame, int plane, uint32_t x, uint32_t y)
{
    ck_assert_uint_lt (frame, self->count);
    size_t luma = (size_t)self->width * self->height;
    const uint8_t *data = self->data + frame * (luma * 3 / 2);
    if (!plane)
        return data[(size_t)y * self->width + x];
    data += luma + (plane == 2 ? luma / 4 : 0);
    return data[(size_t)(y / 2) * (self->width / 2) + x / 2];
}
