/*  The engine: see engine.h. Here a request is checked and a clip's stages are put in order; what
 *  they do is in pipeline/. */
#include "node/engine/engine.h"

#include "node/engine/memory_plan.h"
#include "node/engine/pipeline/pipeline.h"
#include "node/engine/stages.h"

#include "lib/core/clock.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SIDE_MAX 8192
#define PICTURE_SIDE_MAX 65536
#define GUIDANCE_MAX 1000.0

struct engine {
    aten_t *c;
    stages_t stages;
    const pipeline_t *pipeline;
    engine_facts_t facts;
    engine_rung_t rung; /* the highest that may be used */
    uint64_t memory;    /* bytes that may be used; 0 = unknown */
    memory_need_t need; /* the weights' part holds for all clips */
};

const char *engine_rung_name (engine_rung_t rung)
{
    static const char *const names[] = {"keep", "stages", "tiles", "slices", "offload"};
    return rung < ENGINE_RUNGS ? names[rung] : "?";
}

/*  What the device has for us. On the CPU that is the machine's memory. */
static uint64_t device_memory (const aten_t *c, uint64_t limit)
{
    aten_memory_t m;
    aten_memory (c, &m);
    uint64_t total = m.total;
    if (!aten_is_cuda (c)) {
        long pages = sysconf (_SC_PHYS_PAGES), size = sysconf (_SC_PAGESIZE);
        total = pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;
    }
    return limit && (!total || limit < total) ? limit : total;
}

static int read_configs (engine_t *self)
{
    stages_t *s = &self->stages;
    folder_component_t which =
        s->folder->present[FOLDER_TRANSFORMER] ? FOLDER_TRANSFORMER : FOLDER_TRANSFORMER_2;
    char *path = folder_path (s->folder, which);
    int rc = wan_transformer_read_config (&s->transformer_config, path, folder_label (which));
    free (path);
    if (rc)
        return rc;
    path = folder_path (s->folder, FOLDER_VAE);
    rc = wan_vae_read_config (&s->vae_config, path, folder_label (FOLDER_VAE));
    free (path);
    return rc;
}

/*  Transformer and autoencoder must speak of the same latents. */
static int check_configs (const engine_t *self)
{
    const stages_t *s = &self->stages;
    int64_t z = s->vae_config.z_dim, in = s->transformer_config.in_channels;
    int64_t wanted = self->pipeline == &pipeline_wan_i2v ? 2 * z + s->vae_config.temporal : z;
    if (in != wanted)
        return aut_fail (AUT_ERR_INVALID,
                         "transformer/config.json: in_channels: expected %lld for %s with the "
                         "autoencoder's %lld channels, found %lld",
                         (long long)wanted, self->pipeline->name, (long long)z, (long long)in);
    if (s->transformer_config.out_channels != z)
        return aut_fail (AUT_ERR_INVALID,
                         "transformer/config.json: out_channels: expected %lld, the autoencoder's "
                         "z_dim, found %lld",
                         (long long)z, (long long)s->transformer_config.out_channels);
    if (s->transformer_config.image_dim > 0 && self->pipeline == &pipeline_wan_i2v &&
        !s->folder->present[FOLDER_IMAGE_ENCODER])
        return aut_fail (AUT_ERR_NOT_FOUND, "image_encoder: missing, and the transformer needs it");
    return 0;
}

static void find_facts (engine_t *self)
{
    const stages_t *s = &self->stages;
    engine_facts_t *f = &self->facts;
    f->width_multiple = s->vae_config.spatial * s->transformer_config.patch[2];
    f->height_multiple = s->vae_config.spatial * s->transformer_config.patch[1];
    /* as many latent frames as fill the patches, the first of which is one frame */
    f->frames_multiple = s->vae_config.temporal * s->transformer_config.patch[0];
    f->frames_offset = 1 + f->frames_multiple - s->vae_config.temporal;
    self->pipeline->facts (s, f);
}

static int check_options (const engine_options_t *o)
{
    if (o->dtype != AUT_DTYPE_F32 && o->dtype != AUT_DTYPE_BF16)
        return aut_fail (AUT_ERR_UNSUPPORTED, "dtype: '%s' is not supported; F32 and BF16 are",
                         aut_dtype_text (o->dtype));
    return 0;
}

int engine_open (engine_t **out, const engine_options_t *options)
{
    *out = NULL;
    int rc = check_options (options);
    if (rc)
        return rc;
    engine_t *self = aut_calloc (1, sizeof *self);
    self->rung = options->rung;
    self->stages.rung = options->rung;
    self->stages.dtype = options->dtype;
    rc = folder_open (&self->stages.folder, options->model);
    if (rc == 0) {
        self->pipeline = pipeline_of (self->stages.folder);
        rc = read_configs (self);
    }
    if (rc == 0)
        rc = check_configs (self);
    aten_options_t a = {
        .device = options->device ? options->device : "cpu",
        .threads = options->threads,
        .tf32 = options->tf32,
        .attention = options->attention,
        .memory_limit = options->memory_limit,
    };
    if (rc == 0)
        rc = aten_new (&self->c, &a);
    if (rc) {
        engine_close (&self);
        return rc;
    }
    self->stages.c = self->c;
    self->memory = device_memory (self->c, options->memory_limit);
    memory_weigh (&self->need, self->stages.folder, options->dtype);
    find_facts (self);
    *out = self;
    return 0;
}

void engine_close (engine_t **self_p)
{
    engine_t *self = *self_p;
    *self_p = NULL;
    if (!self)
        return;
    if (self->c)
        stages_free (&self->stages);
    aten_destroy (&self->c);
    folder_close (&self->stages.folder);
    free (self);
}

const engine_facts_t *engine_facts (const engine_t *self)
{
    return &self->facts;
}

const folder_t *engine_folder (const engine_t *self)
{
    return self->stages.folder;
}

aten_t *engine_aten (engine_t *self)
{
    return self->c;
}

int engine_vae (engine_t *self, wan_vae_t **out)
{
    *out = stages_vae (&self->stages, true);
    return aten_status (self->c);
}

void engine_trim (engine_t *self)
{
    stages_free (&self->stages);
}

/*  (1, C, T, h, w) of a clip's noise. */
static void latent_dims (const engine_t *self, const engine_request_t *r, int64_t dims[5])
{
    const wan_vae_config_t *vae = &self->stages.vae_config;
    dims[0] = 1;
    dims[1] = vae->z_dim;
    dims[2] = 1 + (r->frames - 1) / vae->temporal;
    dims[3] = r->height / vae->spatial;
    dims[4] = r->width / vae->spatial;
}

static int64_t count_tokens (const engine_t *self, const int64_t dims[5])
{
    const int64_t *patch = self->stages.transformer_config.patch;
    return dims[2] / patch[0] * (dims[3] / patch[1]) * (dims[4] / patch[2]);
}

/*  Each side alone is in range; together they may still be more than any machine has. */
static int check_tokens (const engine_t *self, const engine_request_t *r)
{
    int64_t dims[5];
    latent_dims (self, r, dims);
    int64_t tokens = count_tokens (self, dims);
    if (tokens <= WAN_TOKENS_MAX)
        return 0;
    return aut_fail (AUT_ERR_INVALID,
                     "width, height and frames: %lld tokens are more than %d: make it smaller or "
                     "shorter",
                     (long long)tokens, WAN_TOKENS_MAX);
}

static int check_size (const engine_t *self, const engine_request_t *r)
{
    const engine_facts_t *f = &self->facts;
    const struct {
        const char *name;
        int64_t value, offset, multiple, max;
    } sizes[] = {
        {"width", r->width, 0, f->width_multiple, SIDE_MAX},
        {"height", r->height, 0, f->height_multiple, SIDE_MAX},
        {"frames", r->frames, f->frames_offset, f->frames_multiple, f->frames_multiple * 1023 + 1},
    };
    for (size_t i = 0; i < 3; i++) {
        int64_t value = sizes[i].value, by = sizes[i].multiple, from = sizes[i].offset;
        if (value < 1 || value > sizes[i].max)
            return aut_fail (AUT_ERR_INVALID, "%s: %lld is not in 1 … %lld", sizes[i].name,
                             (long long)value, (long long)sizes[i].max);
        int64_t least = from ? from : by;
        if ((value - from) % by != 0 || value < least) {
            int64_t below = value > least ? (value - from) / by * by + from : least;
            char first[32] = "";
            if (from)
                snprintf (first, sizeof first, "%lld + ", (long long)from);
            return aut_fail (AUT_ERR_INVALID, "%s: %lld is not %s%lld·k; try %lld", sizes[i].name,
                             (long long)value, first, (long long)by, (long long)below);
        }
    }
    return check_tokens (self, r);
}

static bool given (const engine_picture_t *picture)
{
    return picture->u8 || picture->f32;
}

/*  Bytes are resized; floats are taken as they are. */
static int check_picture (const engine_picture_t *p, const engine_request_t *r, const char *name)
{
    if (!given (p))
        return 0;
    if (p->width < 1 || p->height < 1 || p->width > PICTURE_SIDE_MAX ||
        p->height > PICTURE_SIDE_MAX)
        return aut_fail (AUT_ERR_INVALID, "%s picture: %lld x %lld pixels; sides are 1 … %d", name,
                         (long long)p->width, (long long)p->height, PICTURE_SIDE_MAX);
    if (p->f32 && (p->u8 || p->width != r->width || p->height != r->height))
        return aut_fail (AUT_ERR_INVALID,
                         "%s picture: one of floats must be the clip's %lld x %lld pixels", name,
                         (long long)r->width, (long long)r->height);
    return 0;
}

static int check_pictures (const engine_t *self, const engine_request_t *r)
{
    const engine_facts_t *f = &self->facts;
    const char *kind = self->pipeline->name;
    int rc = check_picture (&r->first, r, "first");
    if (rc == 0)
        rc = check_picture (&r->last, r, "last");
    if (rc)
        return rc;
    if (r->tail && given (&r->first))
        return aut_fail (AUT_ERR_INVALID, "a first picture and a tail: only one can be first");
    if (given (&r->first) && !f->first_frame)
        return aut_fail (AUT_ERR_INVALID, "this model takes no first picture (%s)", kind);
    if (given (&r->last) && !f->last_frame)
        return aut_fail (AUT_ERR_INVALID, "this model takes no last picture (%s)", kind);
    if (!f->text_only && !given (&r->first) && !r->tail)
        return aut_fail (AUT_ERR_INVALID, "this model needs a first picture (%s)", kind);
    if (given (&r->last) && r->frames < 2)
        return aut_fail (AUT_ERR_INVALID, "frames: a first and a last picture need at least two");
    if (!r->tail)
        return 0;
    if (r->tail_frames < 1 || r->tail_frames > f->tail_max || r->tail_frames >= r->frames ||
        (r->tail_frames - 1) % f->frames_multiple != 0)
        return aut_fail (AUT_ERR_INVALID,
                         "tail: %lld frames; this model goes on from 1 + %lld·k, at most %lld, and "
                         "fewer than the clip has",
                         (long long)r->tail_frames, (long long)f->frames_multiple,
                         (long long)f->tail_max);
    return 0;
}

static int check_request (const engine_t *self, const engine_request_t *r)
{
    int rc = check_size (self, r);
    if (rc == 0)
        rc = check_pictures (self, r);
    if (rc)
        return rc;
    if (!r->prompt)
        return aut_fail (AUT_ERR_INVALID, "prompt: missing");
    const double numbers[] = {r->guidance, r->guidance_2, r->flow_shift};
    static const char *const names[] = {"guidance", "guidance_2", "flow_shift"};
    for (size_t i = 0; i < 3; i++)
        if (!(numbers[i] >= 0 && numbers[i] <= GUIDANCE_MAX))
            return aut_fail (AUT_ERR_INVALID, "%s: %g is not in 0 … %g", names[i], numbers[i],
                             GUIDANCE_MAX);
    return 0;
}

static int begin (engine_t *self, run_t *run)
{
    stages_t *s = &self->stages;
    const engine_request_t *r = run->request;
    int rc = check_request (self, r);
    if (rc)
        return rc;
    char *path = folder_path (s->folder, FOLDER_SCHEDULER);
    rc = scheduler_open (&run->scheduler, self->c, path, folder_label (FOLDER_SCHEDULER), r->steps,
                         r->flow_shift);
    free (path);
    if (rc)
        return rc;
    latent_dims (self, r, run->latent_dims);
    memory_work (&self->need, &s->transformer_config, s->dtype,
                 count_tokens (self, run->latent_dims), r->width, r->height);
    engine_rung_t rung = memory_plan (&self->need, self->memory);
    stages_set_rung (s, rung > self->rung ? rung : self->rung);
    return 0;
}

static double seconds (void)
{
    return (double)aut_mono_ms (aut_clock_system ()) / 1000.0;
}

static int prepare (run_t *run)
{
    return run->pipeline->prepare (run);
}

static int make_clip (run_t *run, engine_report_t *report)
{
    double at = seconds ();
    int rc = pipeline_stage (run, pipeline_encode_text);
    if (rc == 0)
        rc = pipeline_stage (run, prepare);
    report->text_seconds = seconds () - at;
    if (rc)
        return rc;

    at = seconds ();
    tensor_t *latents = pipeline_denoise (run);
    report->denoise_seconds = seconds () - at;

    at = seconds ();
    rc = aten_status (run->c);
    if (rc == 0)
        rc = pipeline_decode (run, latents);
    report->decode_seconds = seconds () - at;
    aten_drop (run->c, &latents);
    return rc;
}

int engine_generate (engine_t *self, const engine_request_t *request, const engine_events_t *events,
                     engine_report_t *report)
{
    engine_report_t unwanted;
    if (!report)
        report = &unwanted;
    *report = (engine_report_t){0};
    run_t run = {
        .pipeline = self->pipeline,
        .request = request,
        .events = events,
        .stages = &self->stages,
        .c = self->c,
        .tap = events->tap,
        .guided = request->guidance > 1.0,
    };
    aten_clear (self->c);
    int rc = begin (self, &run);
    if (rc == 0) {
        aten_memory_reset (self->c);
        aten_scope_t s = aten_open (self->c);
        rc = make_clip (&run, report);
        aten_close (self->c, s, NULL);
        aten_memory_t memory;
        aten_memory (self->c, &memory);
        report->peak_bytes = memory.peak;
        report->rung = self->stages.rung;
    }
    pipeline_cleanup (&run);
    aten_clear (self->c);
    return rc;
}
