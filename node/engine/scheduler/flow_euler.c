/*  FlowMatchEuler: one Euler step of the flow's ordinary differential equation,
 *  x_σ' = x_σ + (σ' − σ)·v (Stable Diffusion 3, arXiv 2403.03206).
 *
 *  The published configs compute the smallest σ from a schedule that is already shifted, and then
 *  shift it again; that is how the models were tuned, so it is done here too.
 */
#include "node/engine/scheduler/internal.h"

#include "lib/core/error.h"

#include <math.h>

static int euler_setup (scheduler_t *self, config_t *config, double flow_shift)
{
    static const char *const refused[] = {"use_dynamic_shifting",   "use_karras_sigmas",
                                          "use_exponential_sigmas", "use_beta_sigmas",
                                          "invert_sigmas",          "stochastic_sampling"};
    int rc = scheduler_refuse (config, refused, sizeof refused / sizeof *refused);
    double shift = config_number (config, "shift", 1.0, 1e-3, 1e3);
    double terminal = config_number (config, "shift_terminal", 0.0, 0.0, 0.999);
    if (flow_shift > 0)
        shift = flow_shift;
    if (rc || (rc = config_status (config)))
        return rc;
    float shift_f = (float)shift, least = 1.0f / (float)self->range; /* the reference's types */
    double last = shift_f * least / (1.0f + (shift_f - 1.0f) * least) * self->range;
    size_t n = self->steps;
    double sigma[SCHEDULER_STEPS_MAX], smallest = 1.0;
    double by = n > 1 ? (last - self->range) / (double)(n - 1) : 0.0;
    for (size_t i = 0; i < n; i++) {
        double at = i + 1 == n && n > 1 ? last : (double)i * by + self->range;
        sigma[i] = smallest = scheduler_shift (at / self->range, shift);
    }
    double stretch = terminal > 0 ? (1.0 - smallest) / (1.0 - terminal) : 1.0;
    for (size_t i = 0; i < n; i++) {
        self->sigmas[i] = (float)(stretch > 0 ? 1.0 - (1.0 - sigma[i]) / stretch : sigma[i]);
        self->timesteps[i] = self->sigmas[i] * (float)self->range;
    }
    self->sigmas[n] = 0.0f;
    self->integer = false;
    return 0;
}

static tensor_t *euler_step (scheduler_t *self, size_t i, tensor_t *velocity, tensor_t *sample)
{
    aten_t *c = self->c;
    double dt = (double)(self->sigmas[i + 1] - self->sigmas[i]);
    aten_scope_t s = aten_open (c);
    tensor_t *x = aten_to (c, sample, AUT_DTYPE_F32);
    x = aten_add (c, x, aten_mul_scalar (c, velocity, dt));
    return aten_close (c, s, aten_to (c, x, aten_dtype (velocity)));
}

const scheduler_class_t scheduler_flow_euler = {
    .class_name = "FlowMatchEulerDiscreteScheduler",
    .setup = euler_setup,
    .step = euler_step,
};
