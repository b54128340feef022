/*  Taps: see tap.h. */
#include "node/engine/tap.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool full_name (const tap_t *tap, char *name, const char *format, va_list args)
{
    size_t length = strlen (tap->prefix);
    memcpy (name, tap->prefix, length);
    vsnprintf (name + length, TAP_NAME_MAX - length, format, args);
    return !tap->wanted || tap->wanted (tap->ctx, name);
}

bool tap_wants (const tap_t *tap, const char *format, ...)
{
    if (!tap)
        return false;
    char name[TAP_NAME_MAX];
    va_list args;
    va_start (args, format);
    bool wanted = full_name (tap, name, format, args);
    va_end (args);
    return wanted;
}

void tap (const tap_t *tap, aten_t *c, tensor_t *t, const char *format, ...)
{
    if (!tap || !t)
        return;
    char name[TAP_NAME_MAX];
    va_list args;
    va_start (args, format);
    bool wanted = full_name (tap, name, format, args);
    va_end (args);
    if (wanted)
        tap->seen (tap->ctx, name, c, t);
}

size_t tap_enter (tap_t *tap, const char *format, ...)
{
    if (!tap)
        return 0;
    size_t length = strlen (tap->prefix);
    va_list args;
    va_start (args, format);
    vsnprintf (tap->prefix + length, sizeof tap->prefix - length, format, args);
    va_end (args);
    size_t end = strlen (tap->prefix);
    if (end + 1 < sizeof tap->prefix)
        memcpy (tap->prefix + end, ".", 2);
    return length;
}

void tap_leave (tap_t *tap, size_t length)
{
    if (tap && length < sizeof tap->prefix)
        tap->prefix[length] = '\0';
}
