/*  Decimals and rationals. Products are formed in 128 bits and checked before they are narrowed. */
#include "lib/film/rational.h"

#include "lib/core/error.h"

#include <string.h>

#define MAX_SCALE 18
#define MAX_EXPONENT 100000 /* beyond it only the sign of the exponent matters */
#define MAX_RATE_TERM 1000000

typedef unsigned __int128 wide_t;

static int64_t power_of_ten (unsigned n)
{
    int64_t value = 1;
    while (n--)
        value *= 10;
    return value;
}

/*  Digits gathered so far: mantissa × 10^zeros, with `fraction` of them behind the point. */
typedef struct {
    uint64_t mantissa;
    int64_t zeros, fraction;
    bool overflow;
} digits_t;

static const char *read_digits (digits_t *self, const char *at, const char *end, bool fraction)
{
    for (; at < end && *at >= '0' && *at <= '9'; at++) {
        self->fraction += fraction;
        if (*at == '0') {
            self->zeros += self->mantissa != 0;
            continue;
        }
        for (; self->zeros >= 0 && !self->overflow; self->zeros--)
            self->overflow = __builtin_mul_overflow (self->mantissa, 10, &self->mantissa);
        self->overflow |=
            __builtin_add_overflow (self->mantissa, (uint64_t)(*at - '0'), &self->mantissa);
        self->zeros = 0;
    }
    return at;
}

static const char *read_exponent (int64_t *exponent, const char *at, const char *end)
{
    bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    if (at == end)
        return NULL;
    int64_t value = 0;
    for (; at < end && *at >= '0' && *at <= '9'; at++)
        if (value < MAX_EXPONENT)
            value = value * 10 + (*at - '0');
    *exponent = negative ? -value : value;
    return at;
}

/*  The shape of a number, without its value; NULL when it is none. */
static const char *read_number (digits_t *digits, int64_t *exponent, const char *at,
                                const char *end)
{
    const char *start = at;
    at = read_digits (digits, at, end, false);
    if (at == start || (*start == '0' && at - start > 1))
        return NULL;
    if (at < end && *at == '.') {
        start = ++at;
        at = read_digits (digits, at, end, true);
        if (at == start)
            return NULL;
    }
    if (at < end && (*at == 'e' || *at == 'E'))
        at = read_exponent (exponent, at + 1, end);
    return at;
}

int aut_decimal_parse (aut_decimal_t *out, const char *text, size_t size)
{
    const char *at = text, *end = text + size;
    bool negative = size && *at == '-';
    digits_t digits = {0};
    int64_t exponent = 0;
    memset (out, 0, sizeof *out);
    if (read_number (&digits, &exponent, at + negative, end) != end)
        return aut_fail (AUT_ERR_INVALID, "not a number");
    exponent += digits.zeros - digits.fraction;
    uint64_t mantissa = digits.mantissa;
    bool overflow = digits.overflow;
    if (mantissa == 0 && !overflow)
        exponent = 0;
    for (; exponent > 0 && !overflow; exponent--)
        overflow = __builtin_mul_overflow (mantissa, 10, &mantissa);
    if (overflow || mantissa > INT64_MAX)
        return aut_fail (AUT_ERR_TOO_LARGE, "a number too large to count with");
    if (exponent < -MAX_SCALE)
        return aut_fail (AUT_ERR_TOO_LARGE, "a number with more than %d decimals", MAX_SCALE);
    out->set = true;
    out->units = negative ? -(int64_t)mantissa : (int64_t)mantissa;
    out->scale = (uint8_t)-exponent;
    return 0;
}

char *aut_decimal_text (aut_decimal_t value, char text[AUT_DECIMAL_TEXT])
{
    char reversed[AUT_DECIMAL_TEXT];
    size_t count = 0, size = 0;
    uint64_t rest = value.units < 0 ? -(uint64_t)value.units : (uint64_t)value.units;
    do {
        reversed[count++] = (char)('0' + rest % 10);
        rest /= 10;
        if (count == value.scale)
            reversed[count++] = '.';
    } while (rest || count <= (size_t)value.scale + (value.scale > 0));
    if (value.units < 0)
        text[size++] = '-';
    while (count)
        text[size++] = reversed[--count];
    text[size] = 0;
    return text;
}

aut_decimal_t aut_decimal_int (int64_t value)
{
    return (aut_decimal_t){.set = true, .units = value};
}

bool aut_decimal_is_integer (aut_decimal_t value)
{
    return value.scale == 0;
}

int aut_decimal_compare (aut_decimal_t a, aut_decimal_t b)
{
    __int128 left = (__int128)a.units * power_of_ten (b.scale);
    __int128 right = (__int128)b.units * power_of_ten (a.scale);
    return (left > right) - (left < right);
}

static int64_t common_divisor (int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a < 0 ? -a : a;
}

int aut_rational_make (aut_rational_t *out, int64_t num, int64_t den)
{
    *out = (aut_rational_t){0, 1};
    if (den <= 0 || num == INT64_MIN)
        return aut_fail (AUT_ERR_INVALID, "a fraction with denominator %lld", (long long)den);
    int64_t divisor = common_divisor (num, den);
    *out = (aut_rational_t){num / divisor, den / divisor};
    return 0;
}

int aut_rate_of (aut_rational_t *out, aut_decimal_t fps)
{
    static const struct {
        int64_t units;
        uint8_t scale;
        int64_t num;
    } ntsc[] = {{23976, 3, 24000}, {2997, 2, 30000}, {5994, 2, 60000}};
    for (size_t i = 0; i < sizeof ntsc / sizeof *ntsc; i++)
        if (fps.units == ntsc[i].units && fps.scale == ntsc[i].scale) {
            *out = (aut_rational_t){ntsc[i].num, 1001};
            return 0;
        }
    if (aut_decimal_compare (fps, aut_decimal_int (1)) < 0 ||
        aut_decimal_compare (fps, aut_decimal_int (240)) > 0)
        return aut_fail (AUT_ERR_INVALID, "a frame rate outside 1 to 240");
    int err = aut_rational_make (out, fps.units, power_of_ten (fps.scale));
    if (!err && (out->num > MAX_RATE_TERM || out->den > MAX_RATE_TERM))
        err = aut_fail (AUT_ERR_INVALID, "a frame rate with too many decimals");
    return err;
}

/*  (units · num · 2 + bias) / (10^scale · den · 2), rounded down. */
static int count_frames (int64_t *out, aut_decimal_t seconds, aut_rational_t rate, bool ceil)
{
    *out = 0;
    if (seconds.units < 0 || rate.num <= 0 || rate.den <= 0)
        return aut_fail (AUT_ERR_INVALID, "a negative time");
    if (rate.num > INT32_MAX || rate.den > INT32_MAX)
        return aut_fail (AUT_ERR_TOO_LARGE, "a frame rate that cannot be counted with");
    wide_t num = (wide_t)seconds.units * (wide_t)rate.num * 2;
    wide_t den = (wide_t)power_of_ten (seconds.scale) * (wide_t)rate.den * 2;
    wide_t frames = (num + (ceil ? den - 1 : den / 2)) / den;
    if (frames > INT32_MAX)
        return aut_fail (AUT_ERR_TOO_LARGE, "too many frames");
    *out = (int64_t)frames;
    return 0;
}

int aut_frames_round (int64_t *out, aut_decimal_t seconds, aut_rational_t rate)
{
    return count_frames (out, seconds, rate, false);
}

int aut_frames_ceil (int64_t *out, aut_decimal_t seconds, aut_rational_t rate)
{
    return count_frames (out, seconds, rate, true);
}

aut_decimal_t aut_frames_seconds (int64_t frames, aut_rational_t rate)
{
    aut_decimal_t result = {.set = true, .scale = 6};
    wide_t num = (wide_t)frames * (wide_t)rate.den * 1000000 * 2 + (wide_t)rate.num;
    result.units = (int64_t)(num / ((wide_t)rate.num * 2));
    for (; result.scale && result.units % 10 == 0; result.scale--)
        result.units /= 10;
    return result;
}
