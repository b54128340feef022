/*  Treaps of offers: which workers can run a model on a class of device, ordered by memory.
 *  Weights come from the keys, so the shape depends on nothing but the contents. */
#include "broker/core/internal.h"

uint64_t core_mix (uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

uint64_t core_name_key (const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 0x100000001b3u;
    /* SQLite and JSON keep signed 64 bits, and 0 means "no node" */
    hash &= INT64_MAX;
    return hash ? hash : 1;
}

static bool before (const core_offer_t *a, const core_offer_t *b)
{
    return a->memory != b->memory ? a->memory < b->memory : a->order < b->order;
}

static uint8_t best_of (const core_offer_t *offer)
{
    return offer ? offer->best : OFFER_NONE;
}

static void refresh (core_offer_t *offer)
{
    uint8_t best = offer->state;
    uint8_t left = best_of (offer->left), right = best_of (offer->right);
    if (left < best)
        best = left;
    if (right < best)
        best = right;
    offer->best = best;
}

static void refresh_up (core_offer_t *offer)
{
    for (; offer; offer = offer->parent)
        refresh (offer);
}

static core_offer_t **root_of (core_offer_t *offer)
{
    return &offer->model->roots[offer->worker->class_];
}

static void replace (core_offer_t *old, core_offer_t *new)
{
    core_offer_t *parent = old->parent;
    if (new)
        new->parent = parent;
    if (!parent)
        *root_of (old) = new;
    else if (parent->left == old)
        parent->left = new;
    else
        parent->right = new;
}

/*  Lifts `offer` over its parent. */
static void rotate (core_offer_t *offer)
{
    core_offer_t *parent = offer->parent;
    replace (parent, offer);
    if (parent->left == offer) {
        parent->left = offer->right;
        if (parent->left)
            parent->left->parent = parent;
        offer->right = parent;
    } else {
        parent->right = offer->left;
        if (parent->right)
            parent->right->parent = parent;
        offer->left = parent;
    }
    parent->parent = offer;
    refresh (parent);
    refresh (offer);
}

void core_offer_link (core_offer_t *offer)
{
    if (offer->linked)
        return;
    offer->linked = true;
    offer->left = offer->right = offer->parent = NULL;
    offer->best = offer->state;
    offer->weight = (uint32_t)core_mix (offer->order);
    core_offer_t **place = root_of (offer);
    while (*place) {
        offer->parent = *place;
        place = before (offer, *place) ? &(*place)->left : &(*place)->right;
    }
    *place = offer;
    while (offer->parent && offer->weight > offer->parent->weight)
        rotate (offer);
    refresh_up (offer);
}

void core_offer_unlink (core_offer_t *offer)
{
    if (!offer->linked)
        return;
    while (offer->left && offer->right)
        rotate (offer->left->weight > offer->right->weight ? offer->left : offer->right);
    core_offer_t *parent = offer->parent;
    replace (offer, offer->left ? offer->left : offer->right);
    refresh_up (parent);
    offer->linked = false;
    offer->left = offer->right = offer->parent = NULL;
}

void core_offer_set (core_offer_t *offer, uint8_t state)
{
    if (offer->state == state)
        return;
    offer->state = state;
    if (!offer->linked)
        return;
    for (; offer; offer = offer->parent) {
        uint8_t best = offer->best;
        refresh (offer);
        if (offer->best == best)
            return;
    }
}

/*  The first in order below `offer`, which holds one. */
static core_offer_t *leftmost (core_offer_t *offer, uint8_t state)
{
    for (;;) {
        if (best_of (offer->left) <= state)
            offer = offer->left;
        else if (offer->state <= state)
            return offer;
        else
            offer = offer->right;
    }
}

core_offer_t *core_offer_next (core_offer_t *offer, uint8_t state)
{
    if (best_of (offer->right) <= state)
        return leftmost (offer->right, state);
    for (; offer->parent; offer = offer->parent) {
        core_offer_t *parent = offer->parent;
        if (parent->left != offer)
            continue;
        if (parent->state <= state)
            return parent;
        if (best_of (parent->right) <= state)
            return leftmost (parent->right, state);
    }
    return NULL;
}

core_offer_t *core_offer_first (core_offer_t *root, uint64_t memory, uint8_t state)
{
    if (best_of (root) > state)
        return NULL;
    core_offer_t *least = NULL;
    for (core_offer_t *at = root; at;) {
        if (at->memory >= memory) {
            least = at;
            at = at->left;
        } else {
            at = at->right;
        }
    }
    if (!least || least->state <= state)
        return least;
    return core_offer_next (least, state);
}
