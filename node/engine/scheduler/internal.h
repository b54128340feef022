/*  What the schedulers share: one struct, and a table of functions per class. */
#ifndef AUT_ENGINE_SCHEDULER_INTERNAL_H
#define AUT_ENGINE_SCHEDULER_INTERNAL_H

#include "node/engine/config.h"
#include "node/engine/scheduler/scheduler.h"

typedef struct {
    const char *class_name;
    /*  MUST. Reads the config and fills sigmas, timesteps and what the class keeps. 0 or an error.
     */
    int (*setup) (scheduler_t *self, config_t *config, double flow_shift);
    /*  MUST. See scheduler_step. */
    tensor_t *(*step) (scheduler_t *self, size_t i, tensor_t *velocity, tensor_t *sample);
    /*  MAY. Frees what setup and step kept. */
    void (*cleanup) (scheduler_t *self);
} scheduler_class_t;

struct scheduler {
    const scheduler_class_t *class;
    aten_t *c;
    size_t steps;
    bool integer;
    double range;
    float sigmas[SCHEDULER_STEPS_MAX + 1];
    double timesteps[SCHEDULER_STEPS_MAX];
    void *state; /* the class's own */
};

extern const scheduler_class_t scheduler_unipc;
extern const scheduler_class_t scheduler_flow_euler;

/*  shift·σ / (1 + (shift − 1)·σ): moves the schedule towards noise (SD3, arXiv 2403.03206, §5.3.2).
 */
double scheduler_shift (double sigma, double shift);

/*  Refuses a config in which `key` is true: the schedule that it asks for is not known. */
int scheduler_refuse (config_t *config, const char *const *keys, size_t count);

#endif
