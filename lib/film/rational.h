/*  Exact numbers: decimals as a storyboard writes them, and rationals for rates and counts.
 *  No floating point, so that every machine and locale computes the same plan.
 *  Pure functions; any thread.
 */
#ifndef AUT_LIB_FILM_RATIONAL_H
#define AUT_LIB_FILM_RATIONAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*  units / 10^scale, without trailing zeros; `set` is false for a value that was not written. */
typedef struct {
    bool set;
    uint8_t scale; /* 0…18 */
    int64_t units;
} aut_decimal_t;

/*  num / den in lowest terms, den > 0. */
typedef struct {
    int64_t num, den;
} aut_rational_t;

#define AUT_DECIMAL_TEXT 40 /* bytes that any decimal's text fits in */

/*  Reads the text of a JSON number ("-12.50e1") exactly. AUT_ERR_INVALID if it is not a number,
 *  AUT_ERR_TOO_LARGE if it has more than 18 decimals or does not fit 63 bits once normalised. */
int aut_decimal_parse (aut_decimal_t *out, const char *text, size_t size);

/*  The shortest text of the same value ("-125", "0.5"); returns `text`. */
char *aut_decimal_text (aut_decimal_t value, char text[AUT_DECIMAL_TEXT]);

/*  An integer as a decimal. */
aut_decimal_t aut_decimal_int (int64_t value);
bool aut_decimal_is_integer (aut_decimal_t value);
/*  -1, 0 or 1. */
int aut_decimal_compare (aut_decimal_t a, aut_decimal_t b);

/*  num/den in lowest terms; AUT_ERR_INVALID when den is 0 or a term does not fit. */
int aut_rational_make (aut_rational_t *out, int64_t num, int64_t den);

/*  A frame rate as people write it: 23.976, 29.97 and 59.94 mean 24000/1001, 30000/1001 and
 *  60000/1001, every other number itself. AUT_ERR_INVALID outside 1…240 or when a term of the
 *  fraction is above 1,000,000. */
int aut_rate_of (aut_rational_t *out, aut_decimal_t fps);

/*  seconds × rate in frames, halves rounded up (aut_frames_round) or any part rounded up
 *  (aut_frames_ceil). seconds ≥ 0. AUT_ERR_TOO_LARGE above INT32_MAX. */
int aut_frames_round (int64_t *out, aut_decimal_t seconds, aut_rational_t rate);
int aut_frames_ceil (int64_t *out, aut_decimal_t seconds, aut_rational_t rate);

/*  frames / rate in seconds as a decimal with at most 6 places, halves rounded up. */
aut_decimal_t aut_frames_seconds (int64_t frames, aut_rational_t rate);

#endif
