/*  A growing byte buffer. Zero-initialise it; aut_buffer_clear frees. */
#ifndef AUT_LIB_CORE_BUFFER_H
#define AUT_LIB_CORE_BUFFER_H

#include <stddef.h>

typedef struct {
    char *data; /* always terminated when not NULL */
    size_t size, cap;
} aut_buffer_t;

void aut_buffer_append (aut_buffer_t *self, const void *data, size_t size);
void aut_buffer_text (aut_buffer_t *self, const char *text);
void aut_buffer_format (aut_buffer_t *self, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));
/*  `text` as a JSON string with its quotes. */
void aut_buffer_json_string (aut_buffer_t *self, const char *text);
/*  `text` for people: control characters and bytes that are not UTF-8 are escaped ("\\n", "\\x1b",
 *  "\\u0085"), so that nothing from outside can drive a terminal or break a line. */
void aut_buffer_printable (aut_buffer_t *self, const char *text);
/*  Takes the bytes out; the caller frees them. Never NULL. */
char *aut_buffer_take (aut_buffer_t *self, size_t *size);
void aut_buffer_clear (aut_buffer_t *self);

/*  The length in bytes of the UTF-8 character at `text` (at most `size` bytes), with its code point
 *  in `code` (may be NULL); 0 if it is not valid UTF-8 (overlong, surrogate, past U+10FFFF, cut).
 */
size_t aut_utf8_next (const char *text, size_t size, unsigned *code);

#endif
