/*  Schedulers: reading a folder's config and finding its class. See scheduler.h. */
#include "node/engine/scheduler/internal.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

static const scheduler_class_t *const classes[] = {&scheduler_unipc, &scheduler_flow_euler};

double scheduler_shift (double sigma, double shift)
{
    return shift * sigma / (1.0 + (shift - 1.0) * sigma);
}

int scheduler_refuse (config_t *config, const char *const *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (config_bool (config, keys[i], false))
            return aut_fail (AUT_ERR_UNSUPPORTED, "%s: %s: true is not supported",
                             config_label (config), keys[i]);
    return config_status (config);
}

static int find_class (const scheduler_class_t **out, const config_t *config, const char *name)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strcmp (classes[i]->class_name, name) == 0) {
            *out = classes[i];
            return 0;
        }
    return aut_fail (
        AUT_ERR_UNSUPPORTED, "%s: _class_name: '%s' is not supported; known are %s and %s",
        config_label (config), name, scheduler_unipc.class_name, scheduler_flow_euler.class_name);
}

static int setup (scheduler_t *self, config_t *config, double flow_shift)
{
    const char *name = config_string (config, "_class_name", "");
    int rc = config_status (config);
    if (rc == 0)
        rc = find_class (&self->class, config, name);
    if (rc)
        return rc;
    self->range = (double)config_int (config, "num_train_timesteps", 1000, 1, 1000000);
    rc = self->class->setup (self, config, flow_shift);
    return rc ? rc : config_status (config);
}

int scheduler_open (scheduler_t **out, aten_t *c, const char *folder, const char *label,
                    size_t steps, double flow_shift)
{
    *out = NULL;
    if (steps < 1 || steps > SCHEDULER_STEPS_MAX)
        return aut_fail (AUT_ERR_INVALID, "steps: %zu is not in 1 … %d", steps,
                         SCHEDULER_STEPS_MAX);
    config_t *config = NULL;
    int rc = config_open_in (&config, folder, label, "scheduler_config.json");
    if (rc)
        return rc;
    scheduler_t *self = aut_calloc (1, sizeof *self);
    self->c = c;
    self->steps = steps;
    rc = setup (self, config, flow_shift);
    config_close (&config);
    if (rc)
        scheduler_close (&self);
    *out = self;
    return rc;
}

void scheduler_close (scheduler_t **self_p)
{
    scheduler_t *self = *self_p;
    *self_p = NULL;
    if (!self)
        return;
    if (self->class && self->class->cleanup)
        self->class->cleanup (self);
    free (self);
}

size_t scheduler_steps (const scheduler_t *self)
{
    return self->steps;
}

double scheduler_timestep (const scheduler_t *self, size_t i)
{
    return i < self->steps ? self->timesteps[i] : 0.0;
}

bool scheduler_is_integer (const scheduler_t *self)
{
    return self->integer;
}

double scheduler_sigma (const scheduler_t *self, size_t i)
{
    return i <= self->steps ? self->sigmas[i] : 0.0;
}

double scheduler_range (const scheduler_t *self)
{
    return self->range;
}

tensor_t *scheduler_step (scheduler_t *self, size_t i, tensor_t *velocity, tensor_t *sample)
{
    if (i >= self->steps)
        return aten_fail (self->c, AUT_ERR_STATE, "step %zu of %zu", i, self->steps);
    return self->class->step (self, i, velocity, sample);
}
