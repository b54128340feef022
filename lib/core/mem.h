/*  Memory that is checked: these end the process with a message when the system has none left,
 *  so they are for small, bounded sizes. Sizes that come from outside are bounded first and use
 *  aut_try_alloc.
 */
#ifndef AUT_LIB_CORE_MEM_H
#define AUT_LIB_CORE_MEM_H

#include <stddef.h>

/*  Zeroed memory for `count` elements of `size` bytes; ends the process on failure or overflow. */
void *aut_calloc (size_t count, size_t size);

/*  realloc for `count` elements of `size`; new bytes are not cleared; ends the process on failure.
 */
void *aut_realloc (void *ptr, size_t count, size_t size);

/*  A copy of `text` (NULL gives NULL); the caller frees it. */
char *aut_strdup (const char *text);

/*  A copy of the first `len` bytes of `text`, terminated; the caller frees it. */
char *aut_strndup (const char *text, size_t len);

/*  A formatted string; the caller frees it. */
char *aut_sprintf (const char *format, ...) __attribute__ ((format (printf, 1, 2)));

/*  Zeroed memory or NULL with AUT_ERR_NOMEM recorded. */
void *aut_try_alloc (size_t count, size_t size);

/*  Grows `array` (of `size`-byte elements, `*cap` of them) by doubling so that `need` fit. */
void *aut_grow (void *array, size_t *cap, size_t need, size_t size);

#endif
