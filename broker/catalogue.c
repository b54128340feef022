/*  The catalogue: an array by ascending job id, found by bisection. */
#include "broker/catalogue.h"

#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

struct aut_catalogue {
    aut_entry_t **items;
    size_t count, cap;
};

aut_catalogue_t *aut_catalogue_new (void)
{
    return aut_calloc (1, sizeof (aut_catalogue_t));
}

static void free_entry (aut_entry_t *entry)
{
    for (uint32_t i = 0; i < entry->shot_count; i++)
        free (entry->shots[i]);
    free (entry->shots);
    free (entry->task_shots);
    free (entry->shot_left);
    free (entry->shot_first);
    free (entry->project);
    free (entry);
}

void aut_catalogue_destroy (aut_catalogue_t **self_p)
{
    aut_catalogue_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        free_entry (self->items[i]);
    free (self->items);
    free (self);
    *self_p = NULL;
}

/*  The index of the first entry with an id above `after`. */
static size_t above (const aut_catalogue_t *self, uint64_t after)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (self->items[mid]->id > after)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

aut_entry_t *aut_catalogue_add (aut_catalogue_t *self, const aut_store_job_t *job,
                                const char *const *shots)
{
    aut_entry_t *entry = aut_calloc (1, sizeof *entry);
    entry->id = job->id;
    entry->first_task = job->first_task;
    entry->task_count = job->task_count;
    entry->project = aut_strdup (job->project);
    memcpy (entry->owner, job->owner, sizeof entry->owner);
    entry->created_ms = job->created_ms;
    entry->priority = job->priority;
    entry->state = job->state;
    entry->shot_count = job->shot_count;
    entry->shots = aut_calloc ((size_t)job->shot_count + 1, sizeof *entry->shots);
    for (uint32_t i = 0; i < job->shot_count; i++)
        entry->shots[i] = aut_strdup (shots[i]);
    entry->task_shots = aut_calloc ((size_t)job->task_count + 1, sizeof *entry->task_shots);
    entry->shot_left = aut_calloc ((size_t)job->shot_count + 1, sizeof *entry->shot_left);
    entry->shot_first = aut_calloc ((size_t)job->shot_count + 1, sizeof *entry->shot_first);
    self->items = aut_grow (self->items, &self->cap, self->count + 1, sizeof *self->items);
    size_t place = above (self, job->id);
    for (size_t i = self->count++; i > place; i--)
        self->items[i] = self->items[i - 1];
    self->items[place] = entry;
    return entry;
}

void aut_entry_add_task (aut_entry_t *entry, uint32_t ordinal, uint32_t shot,
                         aut_store_task_state_t state)
{
    if (ordinal >= entry->task_count || shot >= entry->shot_count)
        return;
    entry->task_shots[ordinal] = shot;
    entry->shot_left[shot] += state != AUT_STORE_DONE;
    entry->counts[state]++;
}

void aut_entry_end (aut_entry_t *entry)
{
    /* A shot's tasks stand together, shots in order. */
    uint32_t ordinal = 0;
    entry->shots_done = 0;
    for (uint32_t shot = 0; shot < entry->shot_count; shot++) {
        entry->shot_first[shot] = ordinal;
        while (ordinal < entry->task_count && entry->task_shots[ordinal] == shot)
            ordinal++;
        entry->shots_done += entry->shot_left[shot] == 0;
    }
    entry->shot_first[entry->shot_count] = ordinal;
}

aut_entry_t *aut_catalogue_find (aut_catalogue_t *self, uint64_t job)
{
    aut_entry_t *entry = job ? aut_catalogue_next (self, job - 1) : NULL;
    return entry && entry->id == job ? entry : NULL;
}

/*  Tasks are numbered as jobs are. */
aut_entry_t *aut_catalogue_of_task (aut_catalogue_t *self, uint64_t task)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (self->items[mid]->first_task > task)
            high = mid;
        else
            low = mid + 1;
    }
    aut_entry_t *entry = low ? self->items[low - 1] : NULL;
    return entry && task - entry->first_task < entry->task_count ? entry : NULL;
}

aut_entry_t *aut_catalogue_next (aut_catalogue_t *self, uint64_t after)
{
    size_t i = above (self, after);
    return i < self->count ? self->items[i] : NULL;
}

void aut_catalogue_remove (aut_catalogue_t *self, uint64_t job)
{
    size_t i = job ? above (self, job - 1) : self->count;
    if (i == self->count || self->items[i]->id != job)
        return;
    free_entry (self->items[i]);
    for (self->count--; i < self->count; i++)
        self->items[i] = self->items[i + 1];
}

size_t aut_catalogue_count (const aut_catalogue_t *self)
{
    return self->count;
}

uint64_t aut_catalogue_open_jobs (const aut_catalogue_t *self, const char *owner)
{
    uint64_t count = 0;
    for (size_t i = 0; i < self->count; i++) {
        const aut_entry_t *entry = self->items[i];
        bool going = entry->state == AUT_STORE_JOB_QUEUED || entry->state == AUT_STORE_JOB_RUNNING;
        count += going && strcmp (entry->owner, owner) == 0;
    }
    return count;
}

void aut_entry_done (aut_entry_t *entry, uint64_t task)
{
    uint64_t ordinal = task - entry->first_task;
    if (task < entry->first_task || ordinal >= entry->task_count)
        return;
    uint32_t shot = entry->task_shots[ordinal];
    if (entry->shot_left[shot] > 0 && --entry->shot_left[shot] == 0)
        entry->shots_done++;
}
