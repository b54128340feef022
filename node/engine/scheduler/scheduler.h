/*  Schedulers: the times at which a flow-matching model is asked, and the step from one to the
 * next.
 *
 *  A flow model gives the velocity v at x_σ = (1 − σ)·x₀ + σ·noise, so that x₀ = x_σ − σ·v
 *  (Flow Matching, arXiv 2210.02747; Rectified Flow, arXiv 2209.03003). All scalars are computed on
 *  the host in double from the sigmas as the reference rounds them (fp32). Steps are addressed by
 *  their index: two equal timesteps are no problem.
 */
#ifndef AUT_ENGINE_SCHEDULER_H
#define AUT_ENGINE_SCHEDULER_H

#include "node/engine/shim/aten.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCHEDULER_STEPS_MAX 1000

typedef struct scheduler scheduler_t;

/*  Reads `folder`/scheduler_config.json, whose class says which of the schedulers it is, and lays
 *  out `steps` (1 … SCHEDULER_STEPS_MAX). `flow_shift` replaces the config's, 0 keeps it. `label`
 *  ("scheduler") begins error messages. AUT_ERR_UNSUPPORTED names a setting that is not known.
 *  Freed with scheduler_close, before its context. */
int scheduler_open (scheduler_t **out, aten_t *c, const char *folder, const char *label,
                    size_t steps, double flow_shift);
void scheduler_close (scheduler_t **self_p);

size_t scheduler_steps (const scheduler_t *self);
/*  What the model is told at step i: 0 … num_train_timesteps. */
double scheduler_timestep (const scheduler_t *self, size_t i);
/*  Whether timesteps are whole numbers (UniPC truncates them). */
bool scheduler_is_integer (const scheduler_t *self);
/*  σ before step i; i = steps gives the last, after all of them. */
double scheduler_sigma (const scheduler_t *self, size_t i);
/*  The timesteps of a model's training (1000): `boundary_ratio` is a share of it. */
double scheduler_range (const scheduler_t *self);

/*  x_σ(i) and the velocity there → x_σ(i + 1), in the current scope. Steps are made in order. After
 *  an error nothing has changed: the step can be made again. */
tensor_t *scheduler_step (scheduler_t *self, size_t i, tensor_t *velocity, tensor_t *sample);

#endif
