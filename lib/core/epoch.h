/*  Which broker, and which of its starts: the number in every token, WELCOME and event.
 *
 *      bits 20 … 51   the broker's identity, drawn at random when its state is made
 *      bits  0 … 19   its starts, from 1
 *
 *  So tasks and attempts, which every broker counts from 1, never mean the same under two brokers.
 *  Epochs of one broker are ordered by its starts; those of two are only different. All stay below
 *  2^53: JSON's numbers keep them exactly. Identity 0 belongs to nobody: states that were made
 *  before there were identities count from there until they are opened again.
 */
#ifndef AUT_CORE_EPOCH_H
#define AUT_CORE_EPOCH_H

#include <stdbool.h>
#include <stdint.h>

#define AUT_EPOCH_START_BITS 20
#define AUT_EPOCH_STARTS ((UINT64_C (1) << AUT_EPOCH_START_BITS) - 1) /* the last one */

/*  For people: identity and start, "9f3a01c2.3". Arguments of AUT_EPOCH_TEXT. */
#define AUT_EPOCH_TEXT "%08llx.%llu"
#define AUT_EPOCH_ARGS(epoch)                                                                      \
    (unsigned long long)aut_epoch_broker (epoch),                                                  \
        (unsigned long long)((uint64_t)(epoch)&AUT_EPOCH_STARTS)

/*  The identity alone. */
static inline uint64_t aut_epoch_broker (uint64_t epoch)
{
    return epoch >> AUT_EPOCH_START_BITS;
}

/*  Whether both are of one broker, whichever its start. */
static inline bool aut_epoch_same_broker (uint64_t a, uint64_t b)
{
    return aut_epoch_broker (a) == aut_epoch_broker (b);
}

/*  Whether `a` is an earlier start of the broker that `b` is of. */
static inline bool aut_epoch_earlier (uint64_t a, uint64_t b)
{
    return aut_epoch_same_broker (a, b) && a < b;
}

#endif
