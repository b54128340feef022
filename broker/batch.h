/*  How long the loop gathers before it commits.
 *
 *  Where tasks are done sooner than a commit takes, the answers to one commit come back while the
 *  next runs, and the nodes fall into two groups that take turns: twice the commits, and twice the
 *  wait of each. So this learns how soon tasks come back. When most of them do within the time of a
 *  commit, it says for how many of those that are under way to wait, and until when: never longer
 *  than a commit takes. Tasks of seconds or minutes are never waited for.
 *
 *  Pure: the time is passed in, in microseconds of any origin.
 */
#ifndef AUT_BROKER_BATCH_H
#define AUT_BROKER_BATCH_H

#include <stddef.h>
#include <stdint.h>

#define AUT_BATCH_TASKS 1024 /* assignments that are remembered; a later one takes the place */
#define AUT_BATCH_SENDS 8    /* rounds of sending */

typedef struct {
    int64_t commit_us,
        turn_us;    /* moving means: of a commit, of a quick task's way there and back */
    uint32_t quick; /* moving share of tasks that came back in time, of 1024 */
    uint64_t round; /* of sending */
    struct {
        int64_t at_us;
        uint32_t sent, back;
    } sends[AUT_BATCH_SENDS];
    struct {
        uint64_t task, round;
    } tasks[AUT_BATCH_TASKS];
} aut_batch_t;

/*  A commit took so long. */
void aut_batch_commit (aut_batch_t *self, int64_t took_us);

/*  A round of sending begins; then each task that is sent in it. */
void aut_batch_send (aut_batch_t *self, int64_t now_us);
void aut_batch_sent (aut_batch_t *self, uint64_t task);

/*  Word came at `at_us` that a task has ended. */
void aut_batch_back (aut_batch_t *self, uint64_t task, int64_t at_us);

/*  For how many tasks to wait before the next commit, 0 = for none; and how long. */
size_t aut_batch_missing (const aut_batch_t *self, int64_t now_us, int64_t *wait_us);

#endif
