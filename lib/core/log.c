/*  The level and format are the process's own and set once at start; they are atomics so that a
 *  late change is not a race.
 */
#include "lib/core/log.h"

#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static _Atomic int s_level = AUT_LOG_INFO;
static _Atomic int s_format = AUT_LOG_TEXT;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void aut_log_setup (aut_log_level_t level, aut_log_format_t format)
{
    s_level = (int)level;
    s_format = (int)format;
}

bool aut_log_wants (aut_log_level_t level)
{
    return (int)level >= s_level;
}

int aut_log_parse_level (aut_log_level_t *level, const char *text)
{
    for (int i = AUT_LOG_DEBUG; i <= AUT_LOG_ERROR; i++)
        if (strcmp (text, level_names[i]) == 0) {
            *level = (aut_log_level_t)i;
            return AUT_OK;
        }
    return aut_fail (AUT_ERR_INVALID, "a log level is debug, info, warn or error, not \"%s\"",
                     text);
}

int aut_log_parse_format (aut_log_format_t *format, const char *text)
{
    if (strcmp (text, "text") == 0)
        *format = AUT_LOG_TEXT;
    else if (strcmp (text, "json") == 0)
        *format = AUT_LOG_JSON;
    else
        return aut_fail (AUT_ERR_INVALID, "a log format is text or json, not \"%s\"", text);
    return AUT_OK;
}

static void append_time (aut_buffer_t *line)
{
    struct timespec now = {0};
    struct tm utc = {0};
    clock_gettime (CLOCK_REALTIME, &now);
    gmtime_r (&now.tv_sec, &utc);
    aut_buffer_format (line, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", utc.tm_year + 1900,
                       utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                       now.tv_nsec / 1000000);
}

static void append_text (aut_buffer_t *line, aut_log_level_t level, const char *component,
                         const aut_log_about_t *about, const char *message)
{
    append_time (line);
    aut_buffer_format (line, " %-5s %s: ", level_names[level], component);
    aut_buffer_printable (line, message);
    if (about->job) {
        aut_buffer_text (line, " job=");
        aut_buffer_printable (line, about->job);
    }
    if (about->task)
        aut_buffer_format (line, " task=t%" PRIu64, about->task);
    if (about->attempt)
        aut_buffer_format (line, " attempt=%" PRIu32, about->attempt);
    if (about->node) {
        aut_buffer_text (line, " node=");
        aut_buffer_printable (line, about->node);
    }
    aut_buffer_text (line, "\n");
}

static void append_json (aut_buffer_t *line, aut_log_level_t level, const char *component,
                         const aut_log_about_t *about, const char *message)
{
    aut_buffer_text (line, "{\"time\":\"");
    append_time (line);
    aut_buffer_format (line, "\",\"level\":\"%s\",\"component\":", level_names[level]);
    aut_buffer_json_string (line, component);
    aut_buffer_text (line, ",\"message\":");
    aut_buffer_json_string (line, message);
    if (about->job) {
        aut_buffer_text (line, ",\"job\":");
        aut_buffer_json_string (line, about->job);
    }
    if (about->task)
        aut_buffer_format (line, ",\"task\":\"t%" PRIu64 "\"", about->task);
    if (about->attempt)
        aut_buffer_format (line, ",\"attempt\":%" PRIu32, about->attempt);
    if (about->node) {
        aut_buffer_text (line, ",\"node\":");
        aut_buffer_json_string (line, about->node);
    }
    aut_buffer_text (line, "}\n");
}

__attribute__ ((format (printf, 4, 0))) static void log_line (aut_log_level_t level,
                                                              const char *component,
                                                              const aut_log_about_t *about,
                                                              const char *format, va_list args)
{
    static const aut_log_about_t nothing;
    int saved = errno; /* logging must not change what the caller is about to report */
    char *message = NULL;
    if (vasprintf (&message, format, args) < 0)
        return;
    aut_buffer_t line = {0};
    if (s_format == AUT_LOG_JSON)
        append_json (&line, level, component, about ? about : &nothing, message);
    else
        append_text (&line, level, component, about ? about : &nothing, message);
    /* not every kernel keeps two writes at one file position apart */
    flockfile (stderr);
    ssize_t rc = write (STDERR_FILENO, line.data, line.size);
    funlockfile (stderr);
    (void)rc; /* nowhere is left to complain */
    aut_buffer_clear (&line);
    free (message);
    errno = saved;
}

void aut_log (aut_log_level_t level, const char *component, const char *format, ...)
{
    if ((int)level < s_level)
        return;
    va_list args;
    va_start (args, format);
    log_line (level, component, NULL, format, args);
    va_end (args);
}

void aut_log_about (aut_log_level_t level, const char *component, const aut_log_about_t *about,
                    const char *format, ...)
{
    if ((int)level < s_level)
        return;
    va_list args;
    va_start (args, format);
    log_line (level, component, about, format, args);
    va_end (args);
}
