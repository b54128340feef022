/*  The batch: a ring of the last rounds of sending, and by task the round that it went with. */
#include "broker/batch.h"

#define SHARE 1024
#define QUICK_MAX_US 20000 /* nobody is made to wait for longer */

static int64_t mean (int64_t old, int64_t value)
{
    return old ? old + (value - old) / 8 : value;
}

/*  A task is quick if it is back before a commit would end. */
static int64_t quick_us (const aut_batch_t *self)
{
    return self->commit_us < QUICK_MAX_US ? self->commit_us : QUICK_MAX_US;
}

void aut_batch_commit (aut_batch_t *self, int64_t took_us)
{
    self->commit_us = mean (self->commit_us, took_us);
}

void aut_batch_send (aut_batch_t *self, int64_t now_us)
{
    self->round++;
    self->sends[self->round % AUT_BATCH_SENDS].at_us = now_us;
    self->sends[self->round % AUT_BATCH_SENDS].sent = 0;
    self->sends[self->round % AUT_BATCH_SENDS].back = 0;
}

void aut_batch_sent (aut_batch_t *self, uint64_t task)
{
    self->tasks[task % AUT_BATCH_TASKS].task = task;
    self->tasks[task % AUT_BATCH_TASKS].round = self->round;
    self->sends[self->round % AUT_BATCH_SENDS].sent++;
}

/*  One of an earlier round than those in the ring was not quick. */
void aut_batch_back (aut_batch_t *self, uint64_t task, int64_t at_us)
{
    uint64_t round = self->tasks[task % AUT_BATCH_TASKS].round;
    int64_t turn = QUICK_MAX_US;
    if (self->tasks[task % AUT_BATCH_TASKS].task == task && round + AUT_BATCH_SENDS > self->round) {
        turn = at_us - self->sends[round % AUT_BATCH_SENDS].at_us;
        self->sends[round % AUT_BATCH_SENDS].back++;
        self->tasks[task % AUT_BATCH_TASKS].task = 0;
    }
    if (turn < quick_us (self)) {
        self->turn_us = mean (self->turn_us, turn);
        self->quick += (SHARE - self->quick) / 16;
    } else {
        self->quick -= self->quick / 16;
    }
}

size_t aut_batch_missing (const aut_batch_t *self, int64_t now_us, int64_t *wait_us)
{
    size_t missing = 0;
    int64_t limit = 2 * self->turn_us < quick_us (self) ? 2 * self->turn_us : quick_us (self);
    *wait_us = 0;
    if (self->quick < SHARE / 2)
        return 0;
    for (int i = 0; i < AUT_BATCH_SENDS; i++) {
        int64_t left = self->sends[i].at_us + limit - now_us;
        if (left <= 0 || left > limit || self->sends[i].sent <= self->sends[i].back)
            continue;
        missing += self->sends[i].sent - self->sends[i].back;
        *wait_us = left > *wait_us ? left : *wait_us;
    }
    return missing;
}
