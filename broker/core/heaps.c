/*  The two heaps of the queues, both 4-ary with the keys inside, so that comparing touches neither
 *  tasks nor jobs: with a million tasks those are not in any cache. */
#include "broker/core/internal.h"

#define WAYS 4

/* ---- a bucket's tasks ---- */

void core_entries_push (core_bucket_t *bucket, core_entry_t entry)
{
    if (bucket->count == bucket->cap) {
        size_t cap = bucket->cap;
        bucket->entries =
            aut_grow (bucket->entries, &cap, bucket->count + 1u, sizeof *bucket->entries);
        bucket->cap = (uint32_t)cap;
    }
    uint32_t at = bucket->count++;
    while (at && entry.key < bucket->entries[(at - 1) / WAYS].key) {
        bucket->entries[at] = bucket->entries[(at - 1) / WAYS];
        at = (at - 1) / WAYS;
    }
    bucket->entries[at] = entry;
}

void core_entries_pop (core_bucket_t *bucket)
{
    core_entry_t entry = bucket->entries[--bucket->count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = WAYS * at + 1, end = child + WAYS;
        if (child >= bucket->count)
            break;
        if (end > bucket->count)
            end = bucket->count;
        uint32_t least = child;
        for (uint32_t i = child + 1; i < end; i++)
            if (bucket->entries[i].key < bucket->entries[least].key)
                least = i;
        if (entry.key <= bucket->entries[least].key)
            break;
        bucket->entries[at] = bucket->entries[least];
        at = least;
    }
    bucket->entries[at] = entry;
}

/* ---- a group's jobs ---- */

/*  Priority above virtual time; that of more than a century of work counts as that. */
core_turn_t core_turn_of (core_bucket_t *bucket)
{
    const core_job_t *job = bucket->job;
    uint64_t most = ((uint64_t)1 << 56) - 1;
    uint64_t level = (uint64_t)(AUT_CORE_PRIORITY - job->priority);
    return (core_turn_t){level << 56 | (job->vtime < most ? job->vtime : most), job->id, bucket};
}

static void turn_place (core_group_t *group, uint32_t at, core_turn_t turn)
{
    group->turns[at] = turn;
    turn.bucket->place = at;
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

/*  Puts the bucket in, or in its new place after the job's virtual time changed. */
void core_turns_put (core_bucket_t *bucket)
{
    core_group_t *group = bucket->group;
    core_turn_t turn = core_turn_of (bucket);
    if (bucket->place == AUT_CORE_NONE) {
        size_t cap = group->cap;
        group->turns = aut_grow (group->turns, &cap, group->count + 1u, sizeof *group->turns);
        group->cap = (uint32_t)cap;
        turn_up (group, group->count++, turn);
        return;
    }
    uint32_t at = bucket->place;
    if (at && core_turn_before (turn, group->turns[(at - 1) / WAYS]))
        turn_up (group, at, turn);
    else
        turn_down (group, at, turn);
}

void core_turns_remove (core_bucket_t *bucket)
{
    core_group_t *group = bucket->group;
    uint32_t at = bucket->place;
    if (at == AUT_CORE_NONE)
        return;
    bucket->place = AUT_CORE_NONE;
    core_turn_t last = group->turns[--group->count];
    if (last.bucket == bucket)
        return;
    last.bucket->place = at;
    group->turns[at] = last;
    core_turns_put (last.bucket);
}
