/*  The story of a job for people: text from the broker's answer to `{"get":"explain"}`. No sockets,
 * no terminal.
 */
#ifndef AUT_CLIENT_EXPLAIN_H
#define AUT_CLIENT_EXPLAIN_H

#include "lib/core/buffer.h"

#include <jansson.h>
#include <stdint.h>

/*  Appends the story: 80 columns, times as the local clock has them. What a broker or node wrote is
 *  made printable; keys that are missing or of another type are left out. */
void aut_explain_text (const json_t *story, aut_buffer_t *out);

/*  Appends a duration: "0.4 s", "45 s", "12 min 29 s", "3 h 4 min", "2 d 5 h". */
void aut_explain_duration (int64_t ms, aut_buffer_t *out);

#endif
