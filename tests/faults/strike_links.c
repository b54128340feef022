/*  Faults of links, and the traps that wait for one message. */
#include "tests/faults/strikes.h"

#define TRAP_MS 6000
#define ADOPT_TRAP_MS 30000

static aut_port_t choose_port (dice_t *dice)
{
    return dice_range (dice, 0, 2) == 0 ? AUT_PORT_DATA : AUT_PORT_NODE;
}

static bool struck (campaign_t *self, int kind, node_t *node, unsigned hit, int64_t rest_ms)
{
    if (hit == 0)
        return false;
    strike_count (self, kind, node);
    node->free_at = self->now + rest_ms;
    return true;
}

bool strike_reset (campaign_t *self, int kind, dice_t *dice)
{
    aut_port_t port = choose_port (dice);
    node_t *node = strike_choose (self, dice);
    return node && struck (self, kind, node, links_reset (self->links, node->index, port), 400);
}

bool strike_truncate (campaign_t *self, int kind, dice_t *dice)
{
    aut_port_t port = choose_port (dice);
    node_t *node = strike_choose (self, dice);
    return node && struck (self, kind, node, links_truncate (self->links, node->index, port), 600);
}

bool strike_half_open (campaign_t *self, int kind, dice_t *dice)
{
    aut_port_t port = choose_port (dice);
    unsigned dirs = (unsigned)dice_range (dice, 1, 3);
    int64_t ms = dice_range (dice, 300, 3000);
    node_t *node = strike_choose (self, dice);
    return node && struck (self, kind, node,
                           links_half_open (self->links, node->index, port, dirs & 1, dirs & 2,
                                            self->now + ms),
                           ms + 400);
}

bool strike_delay (campaign_t *self, int kind, dice_t *dice)
{
    aut_port_t port = choose_port (dice);
    int64_t by = dice_range (dice, 50, 500), ms = dice_range (dice, 500, 2000);
    node_t *node = strike_choose (self, dice);
    return node && struck (self, kind, node,
                           links_delay (self->links, node->index, port, by, self->now + ms), ms);
}

bool strike_throttle (campaign_t *self, int kind, dice_t *dice)
{
    aut_port_t port = choose_port (dice);
    size_t rate = (size_t)dice_range (dice, 500, 20000);
    int64_t ms = dice_range (dice, 500, 2000);
    node_t *node = strike_choose (self, dice);
    return node &&
           struck (self, kind, node,
                   links_throttle (self->links, node->index, port, rate, self->now + ms), ms);
}

bool strike_dark (campaign_t *self, int kind, dice_t *dice)
{
    int64_t ms = dice_range (dice, 300, 3500);
    node_t *node = strike_choose (self, dice);
    return node && struck (self, kind, node, links_dark (self->links, node->index, self->now + ms),
                           ms + 400);
}

/*  Waits in view.c for the message that it is about. */
bool strike_trap (campaign_t *self, int kind, dice_t *dice)
{
    trap_t trap = faults_trap (kind);
    node_t *node = strike_choose (self, dice);
    bool broker = trap == TRAP_ACK_BROKER || trap == TRAP_DONE_BROKER;
    if (!node || node->trap || (broker && !strike_broker_is_free (self)))
        return false;
    node->trap = trap;
    node->trap_kind = kind;
    node->trap_until = self->now + (trap == TRAP_ADOPT_LOST ? ADOPT_TRAP_MS : TRAP_MS);
    if (broker)
        self->broker_free_at = self->now + 3000;
    return true;
}
