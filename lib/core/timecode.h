/*  SMPTE timecode (SMPTE ST 12-1). */
#ifndef AUT_LIB_CORE_TIMECODE_H
#define AUT_LIB_CORE_TIMECODE_H

#include <stdbool.h>
#include <stdint.h>

#define AUT_TIMECODE_SIZE 24

/*  Whether timecode at this rate drops numbers: 30000/1001 and 60000/1001 frames a second. */
bool aut_timecode_drops (int64_t rate_num, int64_t rate_den);

/*  "HH:MM:SS:FF" of a frame (from 0), or "HH:MM:SS;FF" with dropped numbers; returns `text`. */
char *aut_timecode (char text[AUT_TIMECODE_SIZE], uint64_t frame, int64_t rate_num,
                    int64_t rate_den);

#endif
