/*  What a client knows of one job while it follows it: built from a snapshot, kept current by
 *  events. No sockets, no terminal. Not thread-safe.
 */
#ifndef AUT_CLIENT_JOBVIEW_H
#define AUT_CLIENT_JOBVIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    AUT_VIEW_BLOCKED,
    AUT_VIEW_READY,
    AUT_VIEW_LEASED,
    AUT_VIEW_DONE,
    AUT_VIEW_FAILED,
    AUT_VIEW_CANCELLED
} aut_view_state_t;

typedef struct {
    aut_view_state_t state;
    uint32_t attempt;
    uint32_t weight;    /* native frames it keeps; 1 when not known */
    double progress;    /* 0…1 while leased */
    int64_t started_ms; /* when its lease was first seen, on the caller's clock */
    char node[64];
    char *error; /* NULL if none */
} aut_view_chunk_t;

typedef struct {
    char *id;
    aut_view_chunk_t *chunks;
    uint32_t chunk_count, done_count;
    uint32_t made;     /* of them, those that make its frames: the rest enlarges them; 0: all */
    void *hash_handle; /* private */
} aut_view_shot_t;

#define AUT_VIEW_NAME 64

/*  What people call a shot's task: "chunk 2", or "upscale 2" for what enlarges the second chunk,
 * and with `of` how many there are. Returns `name`. */
char *aut_jobview_name (const aut_view_shot_t *shot, uint32_t index, bool of,
                        char name[AUT_VIEW_NAME]);

/*  What changed with one event. */
typedef struct {
    const aut_view_shot_t *shot; /* NULL: the job itself, or nothing of interest */
    uint32_t chunk;
    aut_view_state_t before, after;
} aut_view_change_t;

typedef struct aut_jobview aut_jobview_t;

aut_jobview_t *aut_jobview_new (const char *job);
void aut_jobview_destroy (aut_jobview_t **self_p);

/*  Tells how many native frames a chunk keeps, so that progress counts frames. Before or after the
 *  first snapshot. */
void aut_jobview_weigh (aut_jobview_t *self, const char *shot, uint32_t chunk, uint32_t frames);

/*  Takes the answer to {"get":"job"}; 0 or AUT_ERR_INVALID if it is not one. */
int aut_jobview_snapshot (aut_jobview_t *self, const json_t *job, int64_t now_ms);

/*  Takes one event; others' events are ignored. `change` may be NULL. */
void aut_jobview_event (aut_jobview_t *self, const json_t *event, int64_t now_ms,
                        aut_view_change_t *change);

/*  "queued", "running", "done", "failed", "cancelled"; "" before the first snapshot. */
const char *aut_jobview_state (const aut_jobview_t *self);
bool aut_jobview_ended (const aut_jobview_t *self);

size_t aut_jobview_shots (const aut_jobview_t *self);
const aut_view_shot_t *aut_jobview_shot (const aut_jobview_t *self, size_t index);
/*  Shots whose chunks are all done. */
size_t aut_jobview_shots_done (const aut_jobview_t *self);
/*  Weighted share of the job that is done, 0…1. */
double aut_jobview_fraction (const aut_jobview_t *self);
double aut_jobview_shot_fraction (const aut_view_shot_t *shot);

#endif
