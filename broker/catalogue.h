/*  What listings say of jobs beside the core's states: project, creation, the shots' names and how
 *  many are done. It belongs to the loop, like the core.
 */
#ifndef AUT_BROKER_CATALOGUE_H
#define AUT_BROKER_CATALOGUE_H

#include "broker/store/store.h"

typedef struct aut_catalogue aut_catalogue_t;

typedef struct {
    uint64_t id, first_task;
    uint32_t task_count;
    char *project;
    char owner[AUT_STORE_OWNER];
    int64_t created_ms;
    int32_t priority;
    aut_store_job_state_t state; /* as committed */
    uint32_t shot_count, shots_done;
    char **shots;         /* names, by index */
    uint32_t *task_shots; /* by ordinal: the shot's index */
    uint32_t *shot_left;  /* by shot: tasks not done yet */
    uint32_t *shot_first; /* by shot: its first ordinal; shot_count + 1 of them */
    uint32_t counts[AUT_STORE_CANCELLED + 1]; /* as stored when it was added */
} aut_entry_t;

aut_catalogue_t *aut_catalogue_new (void);
void aut_catalogue_destroy (aut_catalogue_t **self_p);

/*  Adds a job (names are copied); then add_task for each of its tasks in order, then end. */
aut_entry_t *aut_catalogue_add (aut_catalogue_t *self, const aut_store_job_t *job,
                                const char *const *shots);
void aut_entry_add_task (aut_entry_t *entry, uint32_t ordinal, uint32_t shot,
                         aut_store_task_state_t state);
void aut_entry_end (aut_entry_t *entry);

/*  Forgets a job that could not be stored. */
void aut_catalogue_remove (aut_catalogue_t *self, uint64_t job);

/*  By id, or NULL. */
aut_entry_t *aut_catalogue_find (aut_catalogue_t *self, uint64_t job);
/*  The first with an id above `after`, or NULL. Ids ascend as jobs are added. */
aut_entry_t *aut_catalogue_next (aut_catalogue_t *self, uint64_t after);
/*  The job that a task is of, or NULL. */
aut_entry_t *aut_catalogue_of_task (aut_catalogue_t *self, uint64_t task);
size_t aut_catalogue_count (const aut_catalogue_t *self);
/*  How many jobs of this owner have not ended. Linear. */
uint64_t aut_catalogue_open_jobs (const aut_catalogue_t *self, const char *owner);

/*  A task has become done. */
void aut_entry_done (aut_entry_t *entry, uint64_t task);

#endif
