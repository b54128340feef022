/*  What the loop committed of jobs and attempts, as log lines with their ids. What ends well is
 * told at debug but for jobs; a line a task would say more than anybody reads. */
#include "broker/internal.h"

#include "lib/core/log.h"

#include <inttypes.h>
#include <stdio.h>

#define LOG "broker"

/*  The text of a job's id, with what a line is about. */
typedef struct {
    aut_log_about_t about;
    char job[24];
} subject_t;

static const aut_log_about_t *about (subject_t *self, uint64_t job, uint64_t task, uint32_t attempt,
                                     const char *node)
{
    snprintf (self->job, sizeof self->job, "j%" PRIu64, job);
    self->about = (aut_log_about_t){
        .job = self->job, .task = task, .attempt = attempt, .node = node && node[0] ? node : NULL};
    return &self->about;
}

static void log_wait (const aut_core_action_t *action)
{
    static const char *const words[] = {
        [AUT_ENDED_FAILED] = "the attempt failed, it is tried again",
        [AUT_ENDED_MOVED] = "too little device memory, on to a bigger one",
        [AUT_ENDED_LOST] = "the lease is lost, it is tried again",
        [AUT_ENDED_RELEASED] = "the node gave it back"};
    subject_t subject;
    bool failed = action->u.wait.end == AUT_ENDED_FAILED || action->u.wait.end == AUT_ENDED_MOVED;
    aut_log_about (action->u.wait.end == AUT_ENDED_RELEASED ? AUT_LOG_INFO : AUT_LOG_WARN, LOG,
                   about (&subject, action->u.wait.job, action->u.wait.task, action->u.wait.attempt,
                          action->u.wait.node),
                   "%s%s%s%s%s", words[action->u.wait.end], failed ? ": " : "",
                   failed && action->u.wait.code ? action->u.wait.code : "", failed ? ": " : "",
                   failed && action->u.wait.message ? action->u.wait.message : "");
}

static void log_failed (const aut_core_action_t *action)
{
    subject_t subject;
    if (action->u.failed.cause == action->u.failed.task)
        aut_log_about (AUT_LOG_WARN, LOG,
                       about (&subject, action->u.failed.job, action->u.failed.task,
                              action->u.failed.attempt, action->u.failed.node),
                       "the task failed for good: %s",
                       action->u.failed.message ? action->u.failed.message : "");
}

static void log_job (aut_broker_t *self, const aut_core_action_t *action)
{
    const aut_entry_t *entry = aut_catalogue_find (self->catalogue, action->u.job.job);
    subject_t subject;
    aut_log_about (AUT_LOG_INFO, LOG, about (&subject, action->u.job.job, 0, 0, NULL), "job %s: %s",
                   aut_job_state_text (action->u.job.state), entry ? entry->project : "");
}

/*  Those that come by the thousand. */
static void log_detail (const aut_core_action_t *action)
{
    subject_t subject;
    if (action->kind == AUT_MUT_TASK_LEASE)
        aut_log_about (AUT_LOG_DEBUG, LOG,
                       about (&subject, action->u.lease.job, action->u.lease.token.task,
                              action->u.lease.token.attempt, action->u.lease.node),
                       action->u.lease.adopted ? "adopted" : "leased");
    else if (action->kind == AUT_MUT_TASK_RESULT)
        aut_log_about (AUT_LOG_DEBUG, LOG,
                       about (&subject, action->u.result.job, action->u.result.token.task,
                              action->u.result.token.attempt, action->u.result.node),
                       "done");
    else if (action->kind == AUT_MUT_TASK_CACHED)
        aut_log_about (AUT_LOG_DEBUG, LOG,
                       about (&subject, action->u.cached.job, action->u.cached.task, 0, NULL),
                       "done by an earlier result");
}

void aut_broker_log (aut_broker_t *self)
{
    bool details = aut_log_wants (AUT_LOG_DEBUG);
    for (size_t i = 0; i < self->actions.count; i++) {
        const aut_core_action_t *action = &self->actions.items[i];
        if (action->kind == AUT_MUT_TASK_WAIT)
            log_wait (action);
        else if (action->kind == AUT_MUT_TASK_FAILED)
            log_failed (action);
        else if (action->kind == AUT_PUB_JOB)
            log_job (self, action);
        else if (details)
            log_detail (action);
    }
}
