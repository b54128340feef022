/*  The single-byte encodings that text may have been read in by mistake.
 *
 *  Tables from Python's codecs, and for "sloppy" ones from ftfy's: bytes that the encoding leaves
 *  undefined stand for the same code point, and byte 1A for U+FFFD, so that text that lost bytes
 *  can still be taken apart.
 */
#include "node/engine/text/clean_internal.h"

typedef struct {
    uint16_t code;
    uint8_t byte;
} charmap_byte_t;

#include "node/engine/text/clean_charmaps.inc"

/* a space follows an en dash too often in MacRoman to stand for A0 */
static const struct {
    aut_charmap_t map;
    const charmap_byte_t *bytes; /* by code point; NULL: Latin-1 */
} charmaps[AUT_CHARMAPS] = {
    {{false, true}, NULL},
    {{true, true}, sloppy_windows_1252},
    {{true, true}, sloppy_windows_1251},
    {{true, true}, sloppy_windows_1250},
    {{true, true}, sloppy_windows_1253},
    {{true, true}, sloppy_windows_1254},
    {{true, true}, sloppy_windows_1257},
    {{false, true}, iso_8859_2},
    {{false, false}, macroman},
    {{false, true}, cp437},
};

const aut_charmap_t *aut_charmap (size_t index)
{
    return &charmaps[index].map;
}

static bool find_byte (const charmap_byte_t bytes[128], uint32_t code, uint8_t *byte)
{
    size_t low = 0, high = 128;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (code > bytes[middle].code)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 128 || bytes[low].code != code)
        return false;
    *byte = bytes[low].byte;
    return true;
}

bool aut_charmap_byte (size_t index, uint32_t code, uint8_t *byte)
{
    bool sloppy = charmaps[index].map.sloppy;
    if (sloppy && (code == 0x1A || code == 0xFFFD)) {
        *byte = 0x1A;
        return code == 0xFFFD;
    }
    if (code < 0x80 || (!charmaps[index].bytes && code < 0x100)) {
        *byte = (uint8_t)code;
        return true;
    }
    return charmaps[index].bytes && find_byte (charmaps[index].bytes, code, byte);
}

uint32_t aut_windows_1252 (uint32_t code)
{
    return code >= 0x80 && code < 0xA0 ? windows_1252[code - 0x80] : code;
}
