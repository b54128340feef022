/*  The only place that calls the system's allocator for the rest of auteur. */
#include "lib/core/mem.h"

#include "lib/core/error.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*  There is nothing to clean up that a crash would not leave as well: state is crash-safe. */
static _Noreturn void out_of_memory (void)
{
    static const char text[] = "auteur: out of memory\n";
    ssize_t rc = write (STDERR_FILENO, text, sizeof (text) - 1);
    (void)rc;
    abort ();
}

void *aut_calloc (size_t count, size_t size)
{
    if (count == 0 || size == 0)
        count = size = 1;
    void *ptr = calloc (count, size);
    if (!ptr)
        out_of_memory ();
    return ptr;
}

void *aut_realloc (void *ptr, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow (count, size, &bytes))
        out_of_memory ();
    ptr = realloc (ptr, bytes ? bytes : 1);
    if (!ptr)
        out_of_memory ();
    return ptr;
}

char *aut_strdup (const char *text)
{
    return text ? aut_strndup (text, strlen (text)) : NULL;
}

char *aut_strndup (const char *text, size_t len)
{
    if (!text)
        return NULL;
    len = strnlen (text, len);
    char *copy = aut_realloc (NULL, len + 1, 1);
    memcpy (copy, text, len);
    copy[len] = 0;
    return copy;
}

char *aut_sprintf (const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start (args, format);
    int n = vasprintf (&text, format, args);
    va_end (args);
    if (n < 0)
        out_of_memory ();
    return text;
}

void *aut_try_alloc (size_t count, size_t size)
{
    if (count == 0 || size == 0)
        count = size = 1;
    void *ptr = calloc (count, size);
    if (!ptr)
        aut_fail (AUT_ERR_NOMEM, "not enough memory for %zu elements of %zu bytes", count, size);
    return ptr;
}

void *aut_grow (void *array, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap && array)
        return array;
    size_t grown = *cap ? *cap : 8;
    while (grown < need) {
        if (grown > SIZE_MAX / 2)
            out_of_memory ();
        grown *= 2;
    }
    array = aut_realloc (array, grown, size);
    *cap = grown;
    return array;
}
