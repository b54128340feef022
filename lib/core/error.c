/*  The error table and the sentence of each thread's last failure. */
#include "lib/core/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DETAIL_MAX 2048

static _Thread_local char s_detail[DETAIL_MAX];

/*  A cut sentence must stay valid UTF-8: drops the bytes of a character that was cut in two. */
static void trim_utf8 (char *text, size_t len)
{
    size_t start = len;
    while (start > 0 && len - start < 4 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (want > 1 && len - start + 1 < want)
        text[start - 1] = 0;
}

/*  `s_detail` may be among the arguments, so the text is made aside. */
__attribute__ ((format (printf, 1, 0))) static void
set_detail (const char *format, va_list args, const char *separator, const char *tail)
{
    char text[DETAIL_MAX];
    int n = vsnprintf (text, sizeof (text), format, args);
    size_t len = n < 0 ? 0 : (size_t)n;
    bool cut = len >= sizeof (text);
    if (tail && !cut) {
        n = snprintf (text + len, sizeof (text) - len, "%s%s", separator, tail);
        len += n < 0 ? 0 : (size_t)n;
    }
    if (len >= sizeof (text)) {
        len = sizeof (text) - 1;
        text[len] = 0;
        trim_utf8 (text, len);
    }
    memcpy (s_detail, text, sizeof (s_detail));
}

int (aut_fail) (int code, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    set_detail (format, args, "", NULL);
    va_end (args);
    return code;
}

int (aut_fail_errno) (const char *format, ...)
{
    int saved = errno;
    char buffer[128];
    const char *reason = strerror_r (saved, buffer, sizeof (buffer));

    va_list args;
    va_start (args, format);
    set_detail (format, args, ": ", reason);
    va_end (args);
    errno = saved;

    switch (saved) {
    case ENOSPC:
    case EDQUOT:
        return AUT_ERR_NO_SPACE;
    case ENOENT:
        return AUT_ERR_NOT_FOUND;
    case ENOMEM:
        return AUT_ERR_NOMEM;
    case EMFILE:
    case ENFILE: /* connections come and go */
        return AUT_ERR_AGAIN;
    default:
        return AUT_ERR_IO;
    }
}

int (aut_fail_in) (int code, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    set_detail (format, args, ": ", s_detail);
    va_end (args);
    return code;
}

const char *aut_error_detail (void)
{
    return s_detail;
}

const char *aut_error_text (int code)
{
    switch (code) {
    case AUT_OK:
        return "ok";
#define AUT_ERR_TEXT(name, value, text)                                                            \
    case value:                                                                                    \
        return text;
        AUT_ERRORS (AUT_ERR_TEXT)
#undef AUT_ERR_TEXT
    default:
        return "internal";
    }
}

int aut_error_code (const char *text)
{
    static const struct {
        int code;
        const char *text;
    } table[] = {{AUT_OK, "ok"},
#define AUT_ERR_ROW(name, value, row_text) {value, row_text},
                 AUT_ERRORS (AUT_ERR_ROW)
#undef AUT_ERR_ROW
    };
    for (size_t i = 0; text && i < sizeof (table) / sizeof (table[0]); i++)
        if (strcmp (text, table[i].text) == 0)
            return table[i].code;
    return AUT_ERR_INTERNAL;
}
