/*  What every attack is played on: a real broker and a real node on loopback, and a film that an
 *  honest client renders meanwhile. What the broker takes of memory, refuses and logs is read from
 *  outside.
 */
#ifndef AUT_TESTS_HOSTILE_STAGE_H
#define AUT_TESTS_HOSTILE_STAGE_H

#include "proto/client.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct {
    char dir[64];
    pid_t broker, node, film; /* 0 = none */
    aut_endpoints_t endpoints;
    uint16_t http;
    bool keys;
    int64_t film_since_ms;
} stage_t;

/*  Starts broker and node and waits until the node is there. `descriptors` limits those of the
 *  broker; 0 = as they are. With `keys` all three have keys, and attackers none. Fails the test
 *  otherwise. */
void stage_open (stage_t *self, unsigned descriptors, bool keys);
void stage_close (stage_t *self);

/*  The keys of "client" (the honest one), "mallory" (a client with a quota of STAGE_QUOTA bytes) or
 *  "viewer"; none where the stage has none. */
aut_curve_t stage_curve (const stage_t *self, const char *who);
#define STAGE_QUOTA ((uint64_t)256 << 20)

/*  Bytes on disk of what the broker has stored, finished and not. */
uint64_t stage_disk (const stage_t *self);

/*  Starts a client that renders a small film; whether it has ended well. A film that fails or takes
 *  longer than two minutes fails the test. */
void stage_film (stage_t *self);
bool stage_film_done (stage_t *self);

/*  KiB of the broker now, and at most since stage_peak_reset. */
uint64_t stage_rss (const stage_t *self);
uint64_t stage_peak (const stage_t *self);
void stage_peak_reset (const stage_t *self);

/*  auteur_refused_total{reason="…"} as the broker's /metrics has it. */
uint64_t stage_refused (const stage_t *self, const char *reason);
/*  Lines of the broker's log that tell of refusals. */
unsigned stage_log_lines (const stage_t *self);

/*  A GET of the HTTP port; the answer's length, its status in `status` (0: none within 15 s). */
size_t stage_http (const stage_t *self, const char *page, char *answer, size_t max, int *status);

int64_t stage_now_ms (void);

#endif
