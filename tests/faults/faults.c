/*  The kinds of faults and when they strike. The schedule (which kind, how long, in which order) is
 *  the seed's alone; whom it strikes is the seed's choice among those who are at work then.
 *
 *  A fault is counted if it strikes a process that holds a lease (by what passed and by the
 *  broker's word), a broker that has leases out, or the moment between a commit and its
 *  acknowledgement, which the traps of view.c wait for. Now and then one strikes blindly.
 */
#include "tests/faults/strikes.h"

#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS 400 /* for somebody at work, before another card is drawn */

typedef bool (*strike_fn) (campaign_t *self, int kind, dice_t *dice);

typedef struct {
    const char *name;
    unsigned weight; /* cards in the deck */
    strike_fn strike;
    trap_t trap; /* for strike_trap */
} kind_t;

/* ---- the deck ---------------------------------------------------------------------------------
 */

static const kind_t kinds[] = {
    {"broker-kill", 2, strike_broker_kill, 0},
    {"broker-kill-before-ack", 2, strike_trap, TRAP_ACK_BROKER},
    {"broker-kill-at-done", 1, strike_trap, TRAP_DONE_BROKER},
    {"broker-stop", 2, strike_broker_stop, 0},
    {"broker-restart", 1, strike_broker_term, 0},
    {"broker-disk-full", 2, strike_broker_full, 0},
    {"second-broker", 1, strike_second_broker, 0},
    {"node-kill", 3, strike_node_kill, 0},
    {"node-kill-before-ack", 1, strike_trap, TRAP_ACK_KILL},
    {"node-stop", 3, strike_node_stop, 0},
    {"node-stop-beyond-silent", 1, strike_node_stop_long, 0},
    {"node-drain-restart", 1, strike_node_term, 0},
    {"node-disk-full", 1, strike_node_full, 0},
    {"worker-kill", 1, strike_worker_kill, 0},
    {"worker-crash", 2, strike_worker_crash, 0},
    {"worker-hang", 1, strike_worker_hang, 0},
    {"worker-stop", 3, strike_worker_stop, 0},
    {"worker-slow-start", 2, strike_slow_start, 0},
    {"link-reset", 4, strike_reset, 0},
    {"link-cut-in-message", 3, strike_truncate, 0},
    {"link-half-open", 4, strike_half_open, 0},
    {"link-delay", 2, strike_delay, 0},
    {"link-throttle", 2, strike_throttle, 0},
    {"link-dark", 2, strike_dark, 0},
    {"ack-lost", 3, strike_trap, TRAP_ACK_LOST},
    {"done-cut", 2, strike_trap, TRAP_DONE_HALF},
    {"assign-lost", 2, strike_trap, TRAP_ASSIGN_LOST},
    {"adopt-lost", 1, strike_trap, TRAP_ADOPT_LOST},
    {"stored-lost", 3, strike_trap, TRAP_STORED_LOST},
    {"submit-ack-lost", 0, NULL, 0},
    {"submit-ack-client-kill", 0, NULL, 0},
    {"submit-ack-broker-kill", 0, NULL, 0},
};

#define KINDS ((int)(sizeof kinds / sizeof *kinds))
_Static_assert(sizeof kinds / sizeof *kinds <= KINDS_MAX, "room for the counts");

int faults_kind (const char *name)
{
    for (int i = 0; i < KINDS; i++)
        if (strcmp (kinds[i].name, name) == 0)
            return i;
    abort ();
}

trap_t faults_trap (int kind)
{
    return kinds[kind].trap;
}

bool faults_known (const char *name)
{
    for (int i = 0; i < KINDS; i++)
        if (strcmp (kinds[i].name, name) == 0)
            return kinds[i].weight > 0;
    return false;
}

void faults_count (campaign_t *self, int kind, bool counted, const char *whom)
{
    self->counts[kind].injected++;
    self->counts[kind].counted += counted;
    self->injected++;
    self->counted += counted;
    campaign_note (self, "%s: %s%s", kinds[kind].name, whom, counted ? "" : " (not counted)");
}

static void shuffle (campaign_t *self)
{
    for (size_t i = self->deck_size; i > 1; i--) {
        size_t k = (size_t)dice_range (&self->deck_dice, 0, (int64_t)i - 1);
        int kind = self->deck[i - 1];
        self->deck[i - 1] = self->deck[k];
        self->deck[k] = kind;
    }
    self->deck_at = self->put_back = 0;
}

void faults_deal (campaign_t *self)
{
    const char *only = self->options.only;
    self->dice = dice_new (self->options.seed, 1);
    self->deck_dice = dice_new (self->options.seed, 2);
    for (int i = 0; i < KINDS; i++)
        for (unsigned n = 0; n < kinds[i].weight && self->deck_size < DECK_MAX; n++)
            if (!only || strcmp (only, kinds[i].name) == 0)
                self->deck[self->deck_size++] = i;
    shuffle (self);
}

static void next_card (campaign_t *self, dice_t *dice)
{
    self->next_at = self->now + dice_range (dice, 20, 220) + self->options.pause_ms;
    self->drawn_at = 0;
    self->drawn++;
    if (++self->deck_at == self->deck_size)
        shuffle (self);
}

/*  Nobody is there for it now: to the end of the deck, from where it comes once more. */
static void put_back (campaign_t *self)
{
    size_t left = self->deck_size - self->deck_at;
    int *deck = self->deck + self->deck_at, kind = deck[0];
    self->drawn_at = 0;
    if (++self->put_back > self->deck_size || left == 1) {
        if (++self->deck_at == self->deck_size)
            shuffle (self);
        return;
    }
    memmove (deck, deck + 1, (left - 1) * sizeof *deck);
    deck[left - 1] = kind;
}

static void expire_traps (campaign_t *self)
{
    for (unsigned i = 0; i < NODES; i++)
        if (self->nodes[i].trap && self->nodes[i].trap_until <= self->now)
            self->nodes[i].trap = TRAP_NONE;
}

void faults_pump (campaign_t *self)
{
    expire_traps (self);
    strike_slow_starts (self);
    self->warm |= view_leases (self) >= NODES / 2;
    if (!self->stormy || !self->warm || self->now < self->next_at)
        return;
    if (!self->drawn_at)
        self->drawn_at = self->now;
    int kind = self->deck[self->deck_at];
    dice_t dice = dice_new (self->options.seed, 3000 + self->drawn);
    if (kinds[kind].strike (self, kind, &dice))
        next_card (self, &dice);
    else if (self->now - self->drawn_at > PATIENCE_MS)
        put_back (self);
    else
        self->next_at = self->now + 15;
}

void faults_end (campaign_t *self)
{
    self->stormy = false;
    strike_end (self);
}

void faults_print (campaign_t *self)
{
    printf ("%-28s %9s %9s\n", "fault", "injected", "counted");
    for (int i = 0; i < KINDS; i++)
        printf ("%-28s %9u %9u\n", kinds[i].name, self->counts[i].injected,
                self->counts[i].counted);
    printf ("%-28s %9u %9u\n", "all", self->injected, self->counted);
    if (!self->has_tmpfs)
        printf ("full disks were not tried: no tmpfs can be mounted here\n");
    else
        printf ("no-space was heard during %u of the broker's %u full disks\n", self->full_seen,
                self->counts[faults_kind ("broker-disk-full")].injected);
    printf ("%u second brokers on the same state folder, %u of them refused by name\n",
            self->counts[faults_kind ("second-broker")].injected, self->second_refused);
}
