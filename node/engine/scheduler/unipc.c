/*  UniPC (arXiv 2302.04867): a predictor and a corrector of order p over the last p predictions of
 *  x₀, on the schedule of a flow model: α = 1 − σ, λ = log (α / σ).
 *
 *  With h = λ_t − λ_s, both take the form (eq. 8 and 9, data prediction, B(h) of §3.3)
 *
 *      x_t = σ_t/σ_s · x_s − α_t·(e^−h − 1)·m₀ − α_t·B(h)·Σ ρ_k·D_k,   D_k = (m_k − m₀) / r_k
 *
 *  where m₀ is the prediction at s, m_k an earlier one, and r_k its distance in λ over h. The
 *  corrector adds the prediction at t itself as the last D, with r = 1. The last step ends at σ =
 * 0, where λ is infinite: it is of order 1, and its result is m₀.
 */
#include "node/engine/scheduler/internal.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ORDER_MAX 4
#define DISABLED_MAX 64

typedef struct {
    int order;
    bool bh1, lower_order_final;
    bool uncorrected[SCHEDULER_STEPS_MAX];
    tensor_t *x0[ORDER_MAX]; /* kept; x0[0] is the newest */
    int count;               /* how many of them there are */
    tensor_t *last;          /* the sample before the last predictor; kept */
    int last_order;          /* the order of that predictor */
} unipc_t;

static int read_config (scheduler_t *self, config_t *config)
{
    static const char *const refused[] = {"use_dynamic_shifting",   "use_karras_sigmas",
                                          "use_exponential_sigmas", "use_beta_sigmas",
                                          "thresholding",           "rescale_betas_zero_snr"};
    unipc_t *u = self->state;
    int rc = scheduler_refuse (config, refused, sizeof refused / sizeof *refused);
    if (rc)
        return rc;
    u->order = (int)config_int (config, "solver_order", 2, 1, ORDER_MAX);
    u->bh1 = strcmp (config_string (config, "solver_type", "bh2"), "bh1") == 0;
    u->lower_order_final = config_bool (config, "lower_order_final", true);
    int64_t disabled[DISABLED_MAX];
    size_t n = config_ints (config, "disable_corrector", disabled, DISABLED_MAX, 0,
                            SCHEDULER_STEPS_MAX - 1);
    for (size_t i = 0; i < n; i++)
        u->uncorrected[disabled[i]] = true;
    if (strcmp (config_string (config, "prediction_type", "epsilon"), "flow_prediction") != 0)
        return config_fail (config, "prediction_type", "only 'flow_prediction' is supported");
    if (!config_bool (config, "use_flow_sigmas", false))
        return config_fail (config, "use_flow_sigmas", "only true is supported");
    if (!config_bool (config, "predict_x0", true))
        return config_fail (config, "predict_x0", "only true is supported");
    if (config_has (config, "solver_p"))
        return config_fail (config, "solver_p", "only null is supported");
    return config_status (config);
}

static int unipc_setup (scheduler_t *self, config_t *config, double flow_shift)
{
    self->state = aut_calloc (1, sizeof (unipc_t));
    int rc = read_config (self, config);
    if (rc)
        return rc;
    double shift = config_number (config, "flow_shift", 1.0, 1e-3, 1e3);
    double terminal = config_number (config, "shift_terminal", 0.0, 0.0, 0.999);
    if (strcmp (config_string (config, "final_sigmas_type", "zero"), "zero") != 0)
        return config_fail (config, "final_sigmas_type", "only 'zero' is supported");
    if (flow_shift > 0)
        shift = flow_shift;
    rc = config_status (config);
    if (rc)
        return rc;
    size_t n = self->steps;
    double sigma[SCHEDULER_STEPS_MAX], least = 1.0;
    /* in numpy's order: a timestep is truncated, so that the last bit can count */
    double by = (1.0 / self->range - 1.0) / (double)n;
    for (size_t i = 0; i < n; i++)
        sigma[i] = least = scheduler_shift ((double)i * by + 1.0, shift);
    double stretch = terminal > 0 ? (1.0 - least) / (1.0 - terminal) : 1.0;
    for (size_t i = 0; i < n; i++) {
        if (stretch > 0 && terminal > 0)
            sigma[i] = 1.0 - (1.0 - sigma[i]) / stretch;
        if (i == 0 && fabs (sigma[0] - 1.0) < 1e-6)
            sigma[0] -= 1e-6; /* α must not be 0 */
        self->sigmas[i] = (float)sigma[i];
        self->timesteps[i] = trunc (sigma[i] * self->range);
    }
    self->sigmas[n] = 0.0f;
    self->integer = true;
    return 0;
}

static void unipc_cleanup (scheduler_t *self)
{
    unipc_t *u = self->state;
    for (int i = 0; u && i < ORDER_MAX; i++)
        aten_drop (self->c, &u->x0[i]);
    if (u)
        aten_drop (self->c, &u->last);
    free (u);
    self->state = NULL;
}

static double lambda (double sigma)
{
    return log (1.0 - sigma) - log (sigma);
}

/*  Solves the n × n system a·x = b by elimination with pivots; both are overwritten. */
static void solve (double a[ORDER_MAX][ORDER_MAX], double *b, int n)
{
    for (int col = 0; col < n; col++) {
        int pivot = col;
        for (int row = col + 1; row < n; row++)
            if (fabs (a[row][col]) > fabs (a[pivot][col]))
                pivot = row;
        for (int k = 0; k < n; k++) {
            double t = a[col][k];
            a[col][k] = a[pivot][k];
            a[pivot][k] = t;
        }
        double t = b[col];
        b[col] = b[pivot];
        b[pivot] = t;
        for (int row = col + 1; row < n; row++) {
            double factor = a[row][col] / a[col][col];
            for (int k = col; k < n; k++)
                a[row][k] -= factor * a[col][k];
            b[row] -= factor * b[col];
        }
    }
    for (int row = n - 1; row >= 0; row--) {
        for (int k = row + 1; k < n; k++)
            b[row] -= a[row][k] * b[k];
        b[row] /= a[row][row];
    }
}

/*  The scalars of one update from σ_s to σ_t. */
typedef struct {
    double x, m0, residual; /* factors of x_s, of m₀, and of Σ ρ_k·D_k */
    double r[ORDER_MAX];    /* r_k; the last is 1 */
    double rho[ORDER_MAX];  /* weights of the D_k */
} update_t;

/*  `order` terms for the corrector, order − 1 for the predictor. */
static void weights_of (update_t *u, double hh, double b_h, int order, bool corrector)
{
    double a[ORDER_MAX][ORDER_MAX] = {{0}}, factorial = 1.0, phi = expm1 (hh) / hh - 1.0;
    for (int i = 0; i < order; i++) {
        for (int k = 0; k < order; k++)
            a[i][k] = pow (u->r[k], i);
        u->rho[i] = phi * factorial / b_h;
        factorial *= i + 2;
        phi = phi / hh - 1.0 / factorial;
    }
    int n = corrector ? order : order - 1;
    if (n == 1) {
        /* the paper's choice where one weight is left (§3.3): ½ */
        u->rho[0] = 0.5;
        return;
    }
    solve (a, u->rho, n);
}

/*  From σ_s to σ_t, with the earlier sigmas[−1], sigmas[−2] … before `s`. */
static update_t plan_update (const unipc_t *u, const float *s, double sigma_t, int order,
                             bool corrector)
{
    update_t p = {0};
    double sigma_s = s[0], alpha_t = 1.0 - sigma_t;
    double h = lambda (sigma_t) - lambda (sigma_s);
    double phi_1 = expm1 (-h), b_h = u->bh1 ? -h : phi_1;
    p.x = sigma_t / sigma_s;
    p.m0 = -alpha_t * phi_1;
    if (order == 1 && !corrector)
        return p; /* B (h) may be infinite with λ_t */
    p.residual = -alpha_t * b_h;
    for (int k = 1; k < order; k++)
        p.r[k - 1] = (lambda (s[-k]) - lambda (sigma_s)) / h;
    p.r[order - 1] = 1.0;
    weights_of (&p, -h, b_h, order, corrector);
    return p;
}

/*  σ_t/σ_s·x + … for m[0] (newest), m[1] …; `target` is the prediction at t for the corrector. */
static tensor_t *apply (aten_t *c, const update_t *p, int order, tensor_t *x, tensor_t *const *m,
                        tensor_t *target)
{
    tensor_t *next = aten_add_scaled (c, aten_mul_scalar (c, x, p->x), m[0], p->m0);
    tensor_t *sum = NULL;
    for (int k = 1; k < order; k++) {
        tensor_t *d = aten_mul_scalar (c, aten_sub (c, m[k], m[0]), p->rho[k - 1] / p->r[k - 1]);
        sum = sum ? aten_add_ (c, sum, d) : d;
    }
    if (target) {
        tensor_t *d = aten_mul_scalar (c, aten_sub (c, target, m[0]), p->rho[order - 1]);
        sum = sum ? aten_add_ (c, sum, d) : d;
    }
    return sum ? aten_add_scaled (c, next, sum, p->residual) : next;
}

static tensor_t *unipc_step (scheduler_t *self, size_t i, tensor_t *velocity, tensor_t *sample)
{
    aten_t *c = self->c;
    unipc_t *u = self->state;
    const float *sigma = self->sigmas + i;
    aten_scope_t s = aten_open (c);

    tensor_t *x = aten_to (c, sample, AUT_DTYPE_F32);
    tensor_t *x0 = aten_sub (c, x, aten_mul_scalar (c, velocity, sigma[0]));
    if (i > 0 && u->last && !u->uncorrected[i - 1]) {
        update_t p = plan_update (u, sigma - 1, sigma[0], u->last_order, true);
        x = apply (c, &p, u->last_order, u->last, u->x0, x0);
    }

    tensor_t *m[ORDER_MAX] = {x0};
    memcpy (m + 1, u->x0, (ORDER_MAX - 1) * sizeof *m);
    int order = u->order < u->count + 1 ? u->order : u->count + 1;
    size_t left = self->steps - i;
    if ((u->lower_order_final || sigma[1] <= 0) && (size_t)order > left)
        order = (int)left;
    update_t p = plan_update (u, sigma, sigma[1], order, false);
    tensor_t *next = apply (c, &p, order, x, m, NULL);
    /* `x` may be the caller's own tensor, which it frees: hold a copy of it then */
    tensor_t *last = x == sample ? aten_clone (c, x) : x;

    /* nothing that can fail comes after this: the step may be made again */
    if (aten_status (c))
        return aten_close (c, s, NULL);
    aten_drop (c, &u->x0[ORDER_MAX - 1]);
    memmove (u->x0 + 1, u->x0, (ORDER_MAX - 1) * sizeof *u->x0);
    u->x0[0] = aten_keep (c, x0);
    u->count += u->count < ORDER_MAX - 1;
    u->last_order = order;
    aten_assign (c, &u->last, last);
    return aten_close (c, s, next);
}

const scheduler_class_t scheduler_unipc = {
    .class_name = "UniPCMultistepScheduler",
    .setup = unipc_setup,
    .step = unipc_step,
    .cleanup = unipc_cleanup,
};
