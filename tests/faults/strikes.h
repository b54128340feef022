/*  The faults themselves; the deck that they are drawn from is faults.c. */
#ifndef TESTS_FAULTS_STRIKES_H
#define TESTS_FAULTS_STRIKES_H

#include "tests/faults/campaign.h"

/*  A node at work that no fault holds, or sometimes any; NULL if there is none now. */
node_t *strike_choose (campaign_t *self, dice_t *dice);
/*  As counting if the node holds a lease. */
void strike_count (campaign_t *self, int kind, const node_t *node);
bool strike_broker_is_free (const campaign_t *self);
/*  The message that a kind waits for. */
trap_t faults_trap (int kind);
/*  Stops the workers that are to start slowly, as soon as they are there. */
void strike_slow_starts (campaign_t *self);
/*  Gives the disks their room back and lets what is stopped go on. */
void strike_end (campaign_t *self);

/*  Each strikes and counts itself, or gives false: nobody is there whom it could strike now. */
bool strike_broker_kill (campaign_t *self, int kind, dice_t *dice);
bool strike_broker_term (campaign_t *self, int kind, dice_t *dice);
bool strike_broker_stop (campaign_t *self, int kind, dice_t *dice);
bool strike_broker_full (campaign_t *self, int kind, dice_t *dice);
bool strike_second_broker (campaign_t *self, int kind, dice_t *dice);
bool strike_broker_kill_full (campaign_t *self, int kind, dice_t *dice);
bool strike_node_full (campaign_t *self, int kind, dice_t *dice);
bool strike_node_kill (campaign_t *self, int kind, dice_t *dice);
bool strike_node_term (campaign_t *self, int kind, dice_t *dice);
bool strike_node_stop (campaign_t *self, int kind, dice_t *dice);
bool strike_node_stop_long (campaign_t *self, int kind, dice_t *dice);
bool strike_worker_kill (campaign_t *self, int kind, dice_t *dice);
bool strike_worker_crash (campaign_t *self, int kind, dice_t *dice);
bool strike_worker_stop (campaign_t *self, int kind, dice_t *dice);
bool strike_worker_hang (campaign_t *self, int kind, dice_t *dice);
bool strike_slow_start (campaign_t *self, int kind, dice_t *dice);
bool strike_reset (campaign_t *self, int kind, dice_t *dice);
bool strike_truncate (campaign_t *self, int kind, dice_t *dice);
bool strike_half_open (campaign_t *self, int kind, dice_t *dice);
bool strike_delay (campaign_t *self, int kind, dice_t *dice);
bool strike_throttle (campaign_t *self, int kind, dice_t *dice);
bool strike_dark (campaign_t *self, int kind, dice_t *dice);
bool strike_trap (campaign_t *self, int kind, dice_t *dice);

#endif
