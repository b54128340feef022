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

#define PATIENCE_MS 150 /* for somebody at work, before another card is drawn */

typedef bool (*strike_fn) (campaign_t *self, int kind, dice_t *dice);

typedef struct {
    const char *name;
    unsigned weight; /* cards in the deck */
    strike_fn strike;
    trap_t trap; /* for strike_trap */
    bool broker; /* which deck */
} kind_t;

/* ---- the kinds ---------------------------------------------------------------------------------
 */

static const kind_t kinds[] = {
    {"broker-kill", 2, strike_broker_kill, 0, true},
    {"broker-kill-before-ack", 2, strike_trap, TRAP_ACK_BROKER, true},
    {"broker-kill-at-done", 1, strike_trap, TRAP_DONE_BROKER, true},
    {"broker-stop", 2, strike_broker_stop, 0, true},
    {"broker-restart", 1, strike_broker_term, 0, true},
    {"broker-disk-full", 1, strike_broker_full, 0, true},
    {"broker-kill-disk-full", 2, strike_broker_kill_full, 0, true},
    {"second-broker", 1, strike_second_broker, 0, true},
    {"node-kill", 3, strike_node_kill, 0, false},
    {"node-kill-before-ack", 1, strike_trap, TRAP_ACK_KILL, false},
    {"node-stop", 3, strike_node_stop, 0, false},
    {"node-stop-beyond-silent", 1, strike_node_stop_long, 0, false},
    {"node-drain-restart", 1, strike_node_term, 0, false},
    {"node-disk-full", 1, strike_node_full, 0, false},
    {"worker-kill", 1, strike_worker_kill, 0, false},
    {"worker-crash", 2, strike_worker_crash, 0, false},
    {"worker-hang", 1, strike_worker_hang, 0, false},
    {"worker-stop", 3, strike_worker_stop, 0, false},
    {"worker-slow-start", 2, strike_slow_start, 0, false},
    {"link-reset", 4, strike_reset, 0, false},
    {"link-cut-in-message", 3, strike_truncate, 0, false},
    {"link-half-open", 4, strike_half_open, 0, false},
    {"link-delay", 2, strike_delay, 0, false},
    {"link-throttle", 2, strike_throttle, 0, false},
    {"link-dark", 2, strike_dark, 0, false},
    {"ack-lost", 3, strike_trap, TRAP_ACK_LOST, false},
    {"done-cut", 2, strike_trap, TRAP_DONE_HALF, false},
    {"assign-lost", 2, strike_trap, TRAP_ASSIGN_LOST, false},
    {"adopt-lost", 1, strike_trap, TRAP_ADOPT_LOST, false},
    {"stored-lost", 3, strike_trap, TRAP_STORED_LOST, false},
    {"submit-ack-lost", 0, NULL, 0, false},
    {"submit-ack-client-kill", 0, NULL, 0, false},
    {"submit-ack-broker-kill", 0, NULL, 0, false},
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

/* ---- the decks --------------------------------------------------------------------------------
 */

static void shuffle (deck_t *deck)
{
    for (size_t i = deck->size; i > 1; i--) {
        size_t k = (size_t)dice_range (&deck->dice, 0, (int64_t)i - 1);
        int kind = deck->kinds[i - 1];
        deck->kinds[i - 1] = deck->kinds[k];
        deck->kinds[k] = kind;
    }
    deck->at = deck->put_back = 0;
}

static void deal (campaign_t *self, deck_t *deck, bool broker)
{
    const char *only = self->options.only;
    deck->stream = broker ? 1000000 : 2000000;
    deck->dice = dice_new (self->options.seed, deck->stream);
    deck->gap_min = broker ? 800 : 20;
    deck->gap_max = broker ? 3000 : 220;
    for (int i = 0; i < KINDS; i++)
        for (unsigned n = 0; n < kinds[i].weight && deck->size < DECK_MAX; n++)
            if (kinds[i].broker == broker && (!only || strcmp (only, kinds[i].name) == 0))
                deck->kinds[deck->size++] = i;
    shuffle (deck);
}

void faults_deal (campaign_t *self)
{
    self->dice = dice_new (self->options.seed, 1);
    deal (self, &self->decks[0], true);
    deal (self, &self->decks[1], false);
}

static void next_card (campaign_t *self, deck_t *deck, dice_t *dice)
{
    deck->next_at =
        self->now + dice_range (dice, deck->gap_min, deck->gap_max) + self->options.pause_ms;
    deck->drawn_at = 0;
    deck->drawn++;
    if (++deck->at == deck->size)
        shuffle (deck);
}

/*  Nobody is there for it now: to the end of the deck, from where it comes once more. */
static void put_back (campaign_t *self, deck_t *deck)
{
    size_t left = deck->size - deck->at;
    int *cards = deck->kinds + deck->at, kind = cards[0];
    deck->drawn_at = 0;
    campaign_note (self, "(nobody for %s: %u nodes hold a lease)", kinds[kind].name,
                   view_leases (self));
    if (++deck->put_back > deck->size || left == 1) {
        if (++deck->at == deck->size)
            shuffle (deck);
        return;
    }
    memmove (cards, cards + 1, (left - 1) * sizeof *cards);
    cards[left - 1] = kind;
}

static void draw (campaign_t *self, deck_t *deck)
{
    if (deck->size == 0 || self->now < deck->next_at)
        return;
    if (!deck->drawn_at)
        deck->drawn_at = self->now;
    int kind = deck->kinds[deck->at];
    dice_t dice = dice_new (self->options.seed, deck->stream + deck->drawn);
    if (kinds[kind].strike (self, kind, &dice))
        next_card (self, deck, &dice);
    else if (self->now - deck->drawn_at > PATIENCE_MS)
        put_back (self, deck);
    else
        deck->next_at = self->now + 15;
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
    if (!self->stormy || !self->warm)
        return;
    draw (self, &self->decks[0]);
    draw (self, &self->decks[1]);
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
                self->counts[faults_kind ("broker-disk-full")].injected +
                    self->counts[faults_kind ("broker-kill-disk-full")].injected);
    printf ("%u second brokers on the same state folder, %u of them refused by name\n",
            self->counts[faults_kind ("second-broker")].injected, self->second_refused);
}
