/*  Near names for hints: edit distance without regard to case, within a budget. */
#include "lib/film/table.h"

#include "lib/core/mem.h"

#include <string.h>

#define LONGEST 64u /* longer words get no hint */

static int lower (char byte)
{
    return byte >= 'A' && byte <= 'Z' ? byte + 32 : (unsigned char)byte;
}

static size_t least (size_t a, size_t b)
{
    return a < b ? a : b;
}

/*  Levenshtein's distance, with two neighbours that changed places counted once. */
static size_t distance (const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t rows[3][LONGEST + 1];
    for (size_t j = 0; j <= b_size; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t *row = rows[i % 3], *above = rows[(i - 1) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            bool same = lower (a[i - 1]) == lower (b[j - 1]);
            row[j] = least (above[j - 1] + !same, least (above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && lower (a[i - 1]) == lower (b[j - 2]) &&
                lower (a[i - 2]) == lower (b[j - 1]))
                row[j] = least (row[j], two_above[j - 2] + 1);
        }
    }
    return rows[a_size % 3][b_size];
}

/*  Whether one of two words begins with the other, of at least three letters. */
static bool begins (const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t size = least (a_size, b_size);
    for (size_t i = 0; i < size; i++)
        if (lower (a[i]) != lower (b[i]))
            return false;
    return size >= 3;
}

char *aut_nearest_hint (const char *text, const void *names, size_t count, size_t stride,
                        uint64_t *budget)
{
    const char *best = NULL;
    size_t size = strlen (text), best_distance = SIZE_MAX;
    if (size == 0 || size > LONGEST)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const char *name = *(const char *const *)((const char *)names + i * stride);
        size_t name_size = name ? strnlen (name, LONGEST + 1) : 0;
        size_t longest = size > name_size ? size : name_size;
        size_t limit = longest < 5 ? 1 : (longest + 1) / 3;
        if (name_size == 0 || name_size > LONGEST)
            continue;
        uint64_t cost = size * name_size + 8;
        if (budget && *budget < cost)
            return NULL;
        if (budget)
            *budget -= cost;
        size_t found = distance (text, size, name, name_size);
        if (found > limit && begins (text, size, name, name_size))
            found = limit;
        if (found <= limit && found < best_distance) {
            best = name;
            best_distance = found;
        }
    }
    return best ? aut_sprintf ("did you mean \"%s\"?", best) : NULL;
}
