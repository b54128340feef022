/*  Drop-frame: the first 2 (4) numbers of a minute are left out, but not of each tenth minute, so
 *  that the numbers follow the clock.
 */
#include "lib/core/timecode.h"

#include <stdio.h>

bool aut_timecode_drops (int64_t rate_num, int64_t rate_den)
{
    return rate_den == 1001 && (rate_num == 30000 || rate_num == 60000);
}

char *aut_timecode (char text[AUT_TIMECODE_SIZE], uint64_t frame, int64_t rate_num,
                    int64_t rate_den)
{
    uint64_t base = ((uint64_t)rate_num + (uint64_t)rate_den / 2) / (uint64_t)rate_den;
    bool drop = aut_timecode_drops (rate_num, rate_den);
    if (!base)
        base = 1;
    if (drop) {
        uint64_t lost = base / 15, minute = base * 60 - lost, ten = minute * 10 + lost;
        uint64_t tens = frame / ten, rest = frame % ten;
        frame += tens * 9 * lost;
        if (rest >= base * 60)
            frame += ((rest - lost) / minute) * lost;
    }
    uint64_t seconds = frame / base;
    snprintf (text, AUT_TIMECODE_SIZE, "%02u:%02u:%02u%c%02u", (unsigned)(seconds / 3600 % 100),
              (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60), drop ? ';' : ':',
              (unsigned)(frame % base));
    return text;
}
