/*  What the broker has promised, as the proxy heard it, and whether it keeps it: a result that was
 *  acknowledged is the task's only one and is never made again; a submission that was answered has
 *  one job.
 */
#ifndef TESTS_FAULTS_PROMISE_H
#define TESTS_FAULTS_PROMISE_H

#include "tests/faults/campaign.h"

/*  The ACK of a result leaves the broker, whether it arrives or not. */
void promise_acked (campaign_t *self, const aut_token_t *token);
/*  A task is leased to a node: never twice under one attempt's number, which is committed first. */
void promise_leased (campaign_t *self, const node_t *node, const aut_token_t *token);
/*  Whether no later attempt was leased, and no result acknowledged. */
bool promise_is_current (campaign_t *self, const aut_token_t *token);
/*  The broker answers the submission of `film` with `job`. */
void promise_submitted (campaign_t *self, film_t *film, const char *job);
/*  At the end: no film has two jobs, and no job was made beyond theirs. */
void promise_check_jobs (campaign_t *self);

#endif
