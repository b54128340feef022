/*  ZMTP 3 as a proxy sees it: where a greeting, a command or a message ends in a stream of bytes,
 *  and the first two frames of a message. Pure; knows the NULL mechanism only (loopback).
 */
#ifndef TESTS_FAULTS_ZMTP_H
#define TESTS_FAULTS_ZMTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*  One direction of one connection; zero-initialise. */
typedef struct {
    size_t greeted; /* bytes of the greeting that have passed */
} zmtp_t;

/*  Frames 0 and 1 of a message, inside the bytes that were given; sizes 0 if there are none. */
typedef struct {
    bool message; /* else a greeting or a command */
    const uint8_t *head, *map;
    size_t head_size, map_size;
} zmtp_unit_t;

/*  The size of the first whole unit in `data`, 0 if it is not all there yet. A unit is a part of
 *  the greeting, a command, or a message with all its frames. */
size_t zmtp_next (zmtp_t *self, const uint8_t *data, size_t size, zmtp_unit_t *unit);

#endif
