/*  Shared by the files that answer questions (query*.c, events.c); on the loop's thread. */
#ifndef AUT_BROKER_QUERY_H
#define AUT_BROKER_QUERY_H

#include "broker/core/pace.h"
#include "broker/internal.h"

/*  What the question may bring at most: its own limit, or `most`. */
uint32_t aut_query_limit (const aut_query_t *query, uint32_t most);
/*  Whether who asks may see this job. */
bool aut_query_may_see (const aut_query_t *query, const aut_entry_t *entry);
/*  The job that is asked for, or NULL after {"error":…}: there is none for who asks. */
const aut_entry_t *aut_query_find (aut_broker_t *self, const aut_query_t *query, aut_buffer_t *out);

void aut_query_put_error (aut_buffer_t *out, const char *code, const char *message);
/*  A JSON string; null for NULL and "". */
void aut_query_put_text (aut_buffer_t *out, const char *text);
/*  Whole seconds; null below 0. */
void aut_query_put_seconds (aut_buffer_t *out, double seconds);
/*  A number ≥ 0 with three decimals, whatever the locale. */
void aut_query_put_part (double part, aut_buffer_t *out);

/*  {"id" … "tasks" of a job, without the closing brace. */
void aut_query_put_job (aut_broker_t *self, const aut_entry_t *entry, aut_buffer_t *out);
/*  ,"progress" … "wait" of a job. `budget` counts down the tasks looked at; when it is spent, what
 *  would have to be worked out is null. */
void aut_query_put_outlook (aut_broker_t *self, const aut_entry_t *entry, size_t *budget,
                            aut_buffer_t *out);
/*  Why a task does not run, "" if it does or has ended; `before` is its place in the queue. */
void aut_query_wait (aut_broker_t *self, const aut_entry_t *entry, const aut_core_task_info_t *info,
                     uint32_t before, char *text, size_t size);
/*  A shot's state from those of its chunks. */
const char *aut_query_shot_state (const uint32_t counts[AUT_TASK_STATES], uint32_t total);

void aut_query_answer_job (aut_broker_t *self, const aut_query_t *query, aut_buffer_t *out);
void aut_query_explain (aut_broker_t *self, const aut_query_t *query, aut_buffer_t *out);

#endif
