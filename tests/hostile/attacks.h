/*  What strangers and bad peers do to a broker, each in rounds of a fraction of a second. */
#ifndef AUT_TESTS_HOSTILE_ATTACKS_H
#define AUT_TESTS_HOSTILE_ATTACKS_H

#include "tests/hostile/stage.h"

#define HELD_MAX 6000

typedef struct {
    stage_t *stage;
    uint64_t random; /* state of the generator */
    unsigned round;
    uint64_t attempts;
    int held[HELD_MAX]; /* connections that stay open */
    size_t held_count;
    void *sockets[64]; /* of libzmq, the same */
    size_t socket_count;
    void *peer; /* an attack's own */
} attack_t;

typedef struct {
    const char *name;
    void (*round) (attack_t *self);
    void (*end) (attack_t *self); /* may be NULL */
    unsigned rounds;              /* at least so many */
    const char *reason;           /* how /metrics counts it; NULL: it is within the rules */
    unsigned growth_mib;          /* what the broker's memory may rise by at most */
    unsigned descriptors;         /* limit of the broker's; 0 = none */
    bool keys;                    /* the broker requires them; attackers that need one have one */
} attack_kind_t;

extern const attack_kind_t attack_kinds[];
extern const size_t attack_kind_count;

void attack_close (attack_t *self);

#endif
