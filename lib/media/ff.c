/*  FFmpeg's errors, logs and files in our terms. The only process-wide thing here is FFmpeg's own
 *  log callback, set once.
 */
#include "lib/media/ff.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <libavutil/opt.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void s_log (void *ctx, int level, const char *format, va_list args)
{
    if (level > AV_LOG_ERROR)
        return;
    char line[512];
    int prefix = 1;
    av_log_format_line (ctx, level, format, args, line, sizeof line, &prefix);
    size_t len = strlen (line);
    while (len && line[len - 1] == '\n')
        line[--len] = 0;
    aut_log (AUT_LOG_DEBUG, "ffmpeg", "%s", line);
}

static void s_init (void)
{
    av_log_set_callback (s_log);
}

void aut_ff_init (void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once (&once, s_init);
}

int aut_ff_fail (int code, int result, const char *format, ...)
{
    char what[512], why[AV_ERROR_MAX_STRING_SIZE] = "";
    va_list args;
    va_start (args, format);
    vsnprintf (what, sizeof what, format, args);
    va_end (args);
    if (result == AVERROR (ENOSPC) || result == AVERROR (EDQUOT))
        code = AUT_ERR_NO_SPACE;
    else if (result == AVERROR (ENOENT))
        code = AUT_ERR_NOT_FOUND;
    else if (result == AVERROR (ENOMEM))
        code = AUT_ERR_NOMEM;
    else if (result == AVERROR (EIO) || result == AVERROR (EACCES) || result == AVERROR (EROFS))
        code = AUT_ERR_IO;
    av_strerror (result, why, sizeof why);
    return aut_fail (code, "%s: %s", what, why);
}

char *aut_ff_url (const char *path)
{
    return aut_sprintf ("file:%s", path);
}

int aut_ff_regular (const char *path, uint64_t *size)
{
    struct stat st;
    if (stat (path, &st) < 0)
        return aut_fail_errno ("%s", path);
    if (!S_ISREG (st.st_mode))
        return aut_fail (AUT_ERR_INVALID, "%s: not a regular file", path);
    if (size)
        *size = (uint64_t)st.st_size;
    return 0;
}

int aut_ff_output_open (aut_ff_output_t *self, const char *path, const char *muxer)
{
    aut_ff_init ();
    *self = (aut_ff_output_t){.path = aut_strdup (path), .part = aut_sprintf ("%s.part", path)};
    char *url = aut_ff_url (self->part);
    int rc = avformat_alloc_output_context2 (&self->format, NULL, muxer, url);
    if (rc >= 0) {
        self->format->flags |= AVFMT_FLAG_BITEXACT;
        rc = avio_open (&self->format->pb, url, AVIO_FLAG_WRITE);
    }
    free (url);
    if (rc < 0) {
        rc = aut_ff_fail (AUT_ERR_IO, rc, "%s: cannot be written", path);
        aut_ff_output_clear (self);
        return rc;
    }
    return 0;
}

static int s_sync (const char *path)
{
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return aut_fail_errno ("%s", path);
    int rc = fsync (fd) < 0 ? aut_fail_errno ("%s", path) : 0;
    close (fd);
    return rc;
}

static int s_sync_folder (const char *path)
{
    const char *slash = strrchr (path, '/');
    char *folder =
        slash ? aut_strndup (path, slash == path ? 1 : (size_t)(slash - path)) : aut_strdup (".");
    int rc = aut_dir_sync (folder);
    free (folder);
    return rc;
}

int aut_ff_output_packet (aut_ff_output_t *self, AVPacket *packet)
{
    int rc = av_interleaved_write_frame (self->format, packet);
    if (rc >= 0 && self->format->pb->error < 0)
        rc = self->format->pb->error;
    return rc < 0 ? aut_ff_fail (AUT_ERR_IO, rc, "%s: cannot be written", self->path) : 0;
}

int aut_ff_output_commit (aut_ff_output_t *self)
{
    int rc = av_write_trailer (self->format);
    self->header = false;
    if (rc >= 0 && self->format->pb->error < 0)
        rc = self->format->pb->error;
    int closed = avio_closep (&self->format->pb);
    if (rc >= 0)
        rc = closed;
    if (rc < 0)
        return aut_ff_fail (AUT_ERR_IO, rc, "%s: cannot be written", self->path);
    rc = s_sync (self->part);
    if (rc < 0)
        return rc;
    if (rename (self->part, self->path) < 0)
        return aut_fail_errno ("%s", self->path);
    free (self->part);
    self->part = NULL;
    return s_sync_folder (self->path);
}

void aut_ff_output_clear (aut_ff_output_t *self)
{
    if (self->format) {
        /* The muxer frees what it holds only in its trailer. */
        if (self->header)
            av_write_trailer (self->format);
        avio_closep (&self->format->pb);
        avformat_free_context (self->format);
        if (self->part)
            unlink (self->part);
    }
    free (self->path);
    free (self->part);
    *self = (aut_ff_output_t){0};
}

int aut_ff_input_open (AVFormatContext **out, const char *path, const char *demuxer)
{
    aut_ff_init ();
    *out = NULL;
    int rc = aut_ff_regular (path, NULL);
    if (rc < 0)
        return rc;
    AVDictionary *options = NULL;
    av_dict_set (&options, "protocol_whitelist", "file", 0);
    char *url = aut_ff_url (path);
    rc = avformat_open_input (out, url, av_find_input_format (demuxer), &options);
    free (url);
    av_dict_free (&options);
    if (rc < 0)
        return aut_ff_fail (AUT_ERR_CORRUPT, rc, "%s: not a readable %s file", path, demuxer);
    return 0;
}

void aut_ff_row_rgb (uint8_t *rgb, const uint8_t *bgr0, uint32_t width)
{
    for (uint32_t x = 0; x < width; x++, rgb += 3, bgr0 += 4) {
        rgb[0] = bgr0[2];
        rgb[1] = bgr0[1];
        rgb[2] = bgr0[0];
    }
}
