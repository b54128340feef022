/*  The two heaps of the queues, both 4-ary with the keys inside, so that comparing touches neither
 *  tasks nor jobs: with a million tasks those are not in any cache. */
#include "broker/core/internal.h"

#define WAYS 4

/* ---- a bucket's tasks ---- */

void core_entries_push (core_bucket_t *bucket, uint64_t key)
{
    if (bucket->count == bucket->cap) {
        size_t cap = bucket->cap;
        bucket->entries =
            aut_grow (bucket->entries, &cap, bucket->count + 1u, sizeof *bucket->entries);
        bucket->cap = (uint32_t)cap;
    }
    uint32_t at = bucket->count++;
    while (at && key < bucket->entries[(at - 1) / WAYS]) {
        bucket->entries[at] = bucket->entries[(at - 1) / WAYS];
        at = (at - 1) / WAYS;
    }
    bucket->entries[at] = key;
}

void core_entries_pop (core_bucket_t *bucket)
{
    uint64_t key = bucket->entries[--bucket->count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = WAYS * at + 1, end = child + WAYS;
        if (child >= bucket->count)
            break;
        if (end > bucket->count)
            end = bucket->count;
        uint32_t least = child;
        for (uint32_t i = child + 1; i < end; i++)
            if (bucket->entries[i] < bucket->entries[least])
                least = i;
        if (key <= bucket->entries[least])
            break;
        bucket->entries[at] = bucket->entries[least];
        at = least;
    }
    bucket->entries[at] = key;
}

/* ---- a group's jobs ---- */

/*  Priority above virtual time; that of more than a century of work counts as that. */
core_turn_t core_turn_of (core_bucket_t *bucket)
{
    const core_job_t *job = bucket->job;
    uint64_t most = ((uint64_t)1 << 56) - 1;
    uint64_t level = (uint64_t)(AUT_CORE_PRIORITY - job->priority);
    return (core_turn_t){level << 56 | (job->vtime < most ? job->vtime : most), job->id, bucket,
                         bucket->slot};
}

static void turn_place (core_group_t *group, uint32_t at, core_turn_t turn)
{
    group->turns[at] = turn;
    group->places[turn.slot] = at;
}

static void turn_up (core_group_t *group, uint32_t at, core_turn_t turn)
{
    while (at && core_turn_before (turn, group->turns[(at - 1) / WAYS])) {
        turn_place (group, at, group->turns[(at - 1) / WAYS]);
        at = (at - 1) / WAYS;
    }
    turn_place (group, at, turn);
}

static void turn_down (core_group_t *group, uint32_t at, core_turn_t turn)
{
    for (;;) {
        uint32_t child = WAYS * at + 1, end = child + WAYS;
        if (child >= group->count)
            break;
        if (end > group->count)
            end = group->count;
        uint32_t least = child;
        for (uint32_t i = child + 1; i < end; i++)
            if (core_turn_before (group->turns[i], group->turns[least]))
                least = i;
        if (!core_turn_before (group->turns[least], turn))
            break;
        turn_place (group, at, group->turns[least]);
        at = least;
    }
    turn_place (group, at, turn);
}

static void group_activate (core_group_t *group)
{
    core_model_t *model = group->model;
    group->active_prev = NULL;
    group->active_next = model->active;
    if (model->active)
        model->active->active_prev = group;
    model->active = group;
}

static void group_deactivate (core_group_t *group)
{
    if (group->active_prev)
        group->active_prev->active_next = group->active_next;
    else
        group->model->active = group->active_next;
    if (group->active_next)
        group->active_next->active_prev = group->active_prev;
}

/*  Puts the bucket in, or in its new place after the job's virtual time changed. */
void core_turns_put (core_bucket_t *bucket)
{
    core_group_t *group = bucket->group;
    core_turn_t turn = core_turn_of (bucket);
    uint32_t at = group->places[bucket->slot];
    if (at == AUT_CORE_NONE) {
        size_t cap = group->cap;
        group->turns = aut_grow (group->turns, &cap, group->count + 1u, sizeof *group->turns);
        group->cap = (uint32_t)cap;
        if (!group->count)
            group_activate (group);
        turn_up (group, group->count++, turn);
        return;
    }
    if (at && core_turn_before (turn, group->turns[(at - 1) / WAYS]))
        turn_up (group, at, turn);
    else
        turn_down (group, at, turn);
}

void core_turns_remove (core_bucket_t *bucket)
{
    core_group_t *group = bucket->group;
    uint32_t at = group->places[bucket->slot];
    if (at == AUT_CORE_NONE)
        return;
    group->places[bucket->slot] = AUT_CORE_NONE;
    core_turn_t last = group->turns[--group->count];
    if (!group->count)
        group_deactivate (group);
    if (last.bucket == bucket)
        return;
    if (at && core_turn_before (last, group->turns[(at - 1) / WAYS]))
        turn_up (group, at, last);
    else
        turn_down (group, at, last);
}

/* ---- slots: a small dense table, where the places of buckets would be a miss each ---- */

void core_slot_take (core_bucket_t *bucket)
{
    core_group_t *group = bucket->group;
    if (group->spare_slot != AUT_CORE_NONE) {
        bucket->slot = group->spare_slot;
        group->spare_slot = group->places[bucket->slot];
    } else {
        size_t cap = group->slot_cap;
        group->places =
            aut_grow (group->places, &cap, group->slot_count + 1u, sizeof *group->places);
        group->slot_cap = (uint32_t)cap;
        bucket->slot = group->slot_count++;
    }
    group->places[bucket->slot] = AUT_CORE_NONE;
}

void core_slot_give (core_bucket_t *bucket)
{
    bucket->group->places[bucket->slot] = bucket->group->spare_slot;
    bucket->group->spare_slot = bucket->slot;
}
