/*  A campaign: a real broker, real nodes and clients, several films, and faults on all of them.
 *
 *  Everything happens on one thread (campaign.c): the proxy between the processes (link.h), the
 *  processes (process.h), the status socket, the films (film.c) and the faults (faults.c). What
 *  the proxy saw is the view (view.c): which node holds which lease, and when a result was said
 *  and acknowledged. A fault is counted only by the view and the broker's own status together.
 */
#ifndef TESTS_FAULTS_CAMPAIGN_H
#define TESTS_FAULTS_CAMPAIGN_H

#include "proto/client.h"
#include "tests/faults/link.h"
#include "tests/faults/process.h"
#include "tests/faults/tally.h"

#include <stdio.h>

#define NODES 6u
#define CLIENTS NODES /* the owner of the clients' links */
#define HOLDS_MAX 8
#define FILMS_MAX 64
#define TIMERS_MAX 256
#define KINDS_MAX 40
#define DECK_MAX 128
#define LOSSES_MAX 64

typedef struct campaign campaign_t;

/* ---- the view: what passed through the proxy ---------------------------------------------------
 */

typedef struct {
    aut_token_t token;
    bool started, done; /* STARTED, DONE went to the broker */
} hold_t;

/*  What is to happen to a node's next message of a kind. */
typedef enum {
    TRAP_NONE,
    TRAP_ACK_LOST,    /* the ACK of a committed result vanishes with the connection */
    TRAP_ACK_KILL,    /* … and the node is killed */
    TRAP_ACK_BROKER,  /* … and the broker is killed */
    TRAP_DONE_BROKER, /* the broker is killed when DONE has been handed on */
    TRAP_DONE_HALF,   /* half of DONE arrives */
    TRAP_ASSIGN_LOST,
    TRAP_ADOPT_LOST,
    TRAP_STORED_LOST
} trap_t;

typedef struct {
    unsigned index;
    char name[16];
    char known_as[AUT_NAME_MAX + 1]; /* by the WELCOME */
    char *dir;
    proc_t proc;
    bool online; /* a WELCOME has come since the start */
    hold_t holds[HOLDS_MAX];
    size_t hold_count;
    uint64_t seen_task; /* that the status gives for its worker, 0 = none */
    trap_t trap;
    int trap_kind; /* whose count it is */
    int64_t trap_until;
    bool sprung;     /* the trap has caught something; what follows is done outside the judge */
    int64_t free_at; /* no further fault before */
    bool slow_start; /* its next worker is stopped as soon as it is there */
    int slow_kind;
    int64_t slow_ms;
    pid_t stopped_worker;
} node_t;

/* ---- films -------------------------------------------------------------------------------------
 */

typedef enum {
    FILM_NEW,
    FILM_CALM_SUBMIT,
    FILM_CALM_WATCH,
    FILM_CALM_FETCH,
    FILM_READY, /* the undisturbed frames are known */
    FILM_SUBMIT,
    FILM_WATCH,
    FILM_FETCH,
    FILM_SAME
} film_stage_t;

typedef struct {
    unsigned index;
    film_stage_t stage;
    proc_t proc;
    char *file, *calm; /* the storyboard, the undisturbed frames */
    char job[32];
    char promised[32]; /* by a SUBMITTED that left the broker */
    unsigned shots;
    bool again;       /* the client was killed by a fault: the same once more */
    int64_t again_at; /* it was refused for a full disk: the same later */
    int64_t began;
} film_t;

/* ---- faults ------------------------------------------------------------------------------------
 */

typedef struct {
    unsigned injected, counted;
} count_t;

/*  Kinds in the order of the seed: one is drawn after the other, then they are shuffled again. */
typedef struct {
    int kinds[DECK_MAX];
    size_t size, at, put_back;
    uint64_t stream, drawn;
    dice_t dice;
    int64_t next_at, drawn_at, gap_min, gap_max;
} deck_t;

typedef void (*timer_fn) (campaign_t *self, unsigned who, int64_t value);

typedef struct {
    int64_t at;
    timer_fn fn;
    unsigned who;
    int64_t value;
} campaign_timer_t;

/*  A lease whose node was killed: until the next attempt has STARTED. */
typedef struct {
    uint64_t task;
    uint32_t attempt;
    int64_t at;
    bool noticed; /* the broker has said that the node is lost */
    char node[AUT_NAME_MAX + 1];
} loss_t;

#define ATTEMPTS_TOLD 32

/*  See promise.c. Attempts plus 1; 0 = none. */
typedef struct {
    uint32_t acked, leased; /* the last one, and the highest */
    uint32_t told;          /* a bit for each of the first attempts that was leased */
    struct {
        unsigned node, start;
    } to[ATTEMPTS_TOLD]; /* whom each was leased to */
} promise_t;

typedef struct {
    uint64_t seed;
    unsigned target;   /* counted faults */
    int64_t limit_ms;  /* for everything */
    const char *bin;   /* the folder of the programs */
    const char *where; /* folders are made here */
    const char *only;  /* one kind of fault alone; NULL = all */
    int64_t pause_ms;  /* between faults, beyond the seed's */
    bool verbose, keep;
    bool brief; /* one line at the end */
} campaign_options_t;

typedef struct {
    proc_t proc;
    char *dir, *log, *endpoints;
    aut_endpoints_t at;
    bool ready;
    int64_t died;
    zsock_t *status;
} broker_t;

struct campaign {
    campaign_options_t options;
    char *root, *models;
    int signals;
    char *failure; /* owned; the first reason */
    bool interrupted;
    int64_t now, began, storm_began, storm_ended;

    broker_t calm, broker;
    proc_t calm_nodes[2];
    proc_t second; /* a broker on the other's state folder */
    unsigned second_refused;
    node_t nodes[NODES];
    links_t *links;
    char *client_endpoints;
    bool kill_broker;     /* by a trap; done outside the judge */
    unsigned submit_trap; /* 1 lose the answer, 2 and kill the client, 3 and kill the broker */
    bool submit_sprung;

    int64_t asked, answered; /* the status socket */
    bool asks_store, store_full;
    unsigned asks;
    bool has_tmpfs, stopping;
    int64_t full_until; /* a refusal may be due to a full disk */

    film_t films[FILMS_MAX];
    unsigned film_count, films_wanted, films_same;

    dice_t dice;
    deck_t decks[2]; /* faults of the broker, and all others */
    int64_t broker_free_at, looked_at;
    count_t counts[KINDS_MAX];
    unsigned injected, counted;
    campaign_timer_t timers[TIMERS_MAX];
    size_t timer_count;
    loss_t losses[LOSSES_MAX];
    size_t loss_count;
    times_t node_noticed, node_lost, broker_back;
    unsigned full_seen;
    promise_t *promises; /* by task */
    size_t promises_cap;
    uint8_t *failures; /* FAILs by task */
    size_t failures_cap;
    uint64_t failed_task;
    uint32_t failed_attempt;
    FILE *journal;
    bool stormy; /* faults are injected … */
    bool warm;   /* … once the nodes have had work */
};

/*  The first failure is kept, and ends the campaign. */
void campaign_fail (campaign_t *self, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));
void campaign_note (campaign_t *self, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));
void campaign_later (campaign_t *self, int64_t ms, timer_fn fn, unsigned who, int64_t value);
/*  One whole campaign: 0, 1 = failed (the reason was printed), 130 = interrupted. */
int campaign_run (const campaign_options_t *options);

/* cluster.c: brokers and nodes */
void cluster_prepare (campaign_t *self);
void cluster_start_broker (campaign_t *self, broker_t *broker);
void cluster_start_node (campaign_t *self, node_t *node);
void cluster_start_calm (campaign_t *self);
/*  Another broker on the same state folder, which has to be refused by name. */
void cluster_start_second (campaign_t *self);
/*  SIGKILL or SIGTERM; it is started again when it has ended. */
void cluster_end_broker (campaign_t *self, int signum);
/*  At this moment, but for a second broker, which would get the lock: then a little later. */
void cluster_kill_broker_now (campaign_t *self);
void cluster_kill_node (campaign_t *self, node_t *node);
void cluster_pump (campaign_t *self);
/*  True if the process was one of the cluster's. */
bool cluster_ended (campaign_t *self, pid_t pid, int status);
/*  Stops everything well; call until true. */
bool cluster_stop (campaign_t *self);
void cluster_clear (campaign_t *self);

/* view.c */
link_verdict_t view_judge (void *ctx, unsigned owner, aut_port_t port, link_dir_t dir,
                           const aut_msg_t *msg);
void view_forget_node (campaign_t *self, node_t *node);
/*  The lease that the node holds by what passed and by the broker's word; NULL if none. */
const hold_t *view_lease (const campaign_t *self, const node_t *node);
unsigned view_leases (const campaign_t *self);
unsigned view_failures (const campaign_t *self, uint64_t task);
/*  Asks and hears the status socket. */
void view_ask (campaign_t *self);
void view_hear (campaign_t *self);

/* film.c */
void film_add (campaign_t *self);
void film_pump (campaign_t *self);
bool film_ended (campaign_t *self, pid_t pid, int status);
/*  Ends the clients of films that are not needed any more: those of the undisturbed run. */
void film_abandon (campaign_t *self);
unsigned film_clients (const campaign_t *self);
void film_clear (campaign_t *self);

/* faults.c */
void faults_deal (campaign_t *self);
void faults_pump (campaign_t *self);
/*  Ends what goes on: stopped processes go on, links heal, disks get their room back. */
void faults_end (campaign_t *self);
void faults_count (campaign_t *self, int kind, bool counted, const char *whom);
int faults_kind (const char *name);
/*  Whether --only can ask for it. */
bool faults_known (const char *name);
void faults_print (campaign_t *self);

#endif
