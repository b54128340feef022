/*  aut_clean_prompt on anything: UTF-8 gives UTF-8 with single spaces inside and no control
 *  character; what is not UTF-8 is refused. The same bytes read as Latin-1 are UTF-8 always, and
 *  mojibake often.
 */
#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "node/engine/text/clean.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static bool is_utf8 (const char *text)
{
    size_t left = strlen (text);
    while (left > 0) {
        size_t len = aut_utf8_next (text, left, NULL);
        if (len == 0)
            return false;
        text += len;
        left -= len;
    }
    return true;
}

static bool is_clean (const char *text)
{
    size_t size = strlen (text);
    if (size > 0 && (text[0] == ' ' || text[size - 1] == ' '))
        return false;
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F ||
            (text[i] == ' ' && text[i + 1] == ' '))
            return false;
    return is_utf8 (text);
}

static void check (const char *text)
{
    char *cleaned = NULL;
    int result = aut_clean_prompt (text, &cleaned);
    if (result == 0 && (!is_utf8 (text) || !is_clean (cleaned)))
        abort ();
    if (result != 0 && (cleaned || (result == AUT_ERR_INVALID && is_utf8 (text))))
        abort ();
    free (cleaned);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    char *text = aut_strndup ((const char *)data, size);
    check (text);
    aut_buffer_t latin_1 = {0};
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        char two[2] = {(char)(0xC0 | *c >> 6), (char)(0x80 | (*c & 0x3F))};
        aut_buffer_append (&latin_1, *c < 0x80 ? (const char *)c : two, *c < 0x80 ? 1 : 2);
    }
    check (latin_1.data ? latin_1.data : "");
    aut_buffer_clear (&latin_1);
    free (text);
    return 0;
}
