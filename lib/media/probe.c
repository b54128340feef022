/*  Whether a file is the picture or sound it is said to be: it is decoded, with limits. */
#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/media/picture.h"
#include "lib/media/sound_track.h"

#include <stdlib.h>
#include <string.h>

static int s_probe_image (const char *path)
{
    aut_picture_t *picture = NULL;
    int rc = aut_picture_load (&picture, path);
    aut_picture_destroy (&picture);
    return rc;
}

/*  Decodes about a second: what is no sound shows at once. */
static int s_probe_audio (const char *path)
{
    float *samples = aut_calloc (AUT_SOUND_RATE * AUT_SOUND_CHANNELS, sizeof *samples);
    aut_sound_reader_t *reader;
    size_t got;
    int rc = aut_sound_reader_open (&reader, path);
    if (rc == 0)
        rc = aut_sound_reader_read (reader, samples, AUT_SOUND_RATE, &got);
    aut_sound_reader_close (&reader);
    free (samples);
    return rc;
}

int aut_media_probe (const char *path, aut_media_kind_t kind, char **why)
{
    if (why)
        *why = NULL;
    int rc = kind == AUT_MEDIA_IMAGE ? s_probe_image (path) : s_probe_audio (path);
    if (rc < 0 && why) {
        const char *detail = aut_error_detail ();
        size_t len = strlen (path);
        if (strncmp (detail, path, len) == 0 && strncmp (detail + len, ": ", 2) == 0)
            detail += len + 2;
        *why = aut_strdup (detail);
    }
    return rc;
}
