/*  The planner's requests: submissions that wait to be turned into tasks. */
#ifndef AUT_BROKER_PLANNER_H
#define AUT_BROKER_PLANNER_H

#include "broker/internal.h"

typedef struct {
    uint64_t reply;
    char owner[AUT_STORE_OWNER]; /* the client's key */
    aut_msg_t msg;               /* SUBMIT, owned */
} aut_plan_request_t;

void aut_plan_request_destroy (void *item);

/*  Reads, checks and plans a submission; the result is the caller's. Any thread. */
int aut_plan_submission (aut_submission_t **out, aut_broker_t *broker,
                         const aut_plan_request_t *request);

#endif
