/*  auteur-bench-engine: how long a forward of the transformer and a decode of the autoencoder take,
 *  and how much memory, on given inputs. The functions are those that auteur-generate and the node
 *  call. */
#include "node/engine/tools/tool.h"

#include "node/engine/wan/transformer.h"
#include "node/engine/wan/vae.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"
#include "lib/core/options.h"
#include "lib/core/peak.h"
#include "lib/core/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CASE_FILE_MAX (1u << 20)
#define REPEAT_MAX 1000

static const char about[] =
    "Times the stages that the case names: {\"stages\": [\"transformer\", \"vae\"], \"repeat\": N, "
    "\"inputs\": \"FILE.safetensors\"}, with the file beside the case. One run warms up; the "
    "median "
    "of N follows. Inputs: hidden_states, encoder_hidden_states, timestep (transformer), latents "
    "(vae; decoded as given). Only the folders of those stages are needed.\n"
    "\n"
    "peak_bytes is the most that the process held in memory (CPU; mapped weights count once they "
    "are touched) or in tensors on the device (CUDA), weights included.\n"
    "\n"
    "Example: auteur-bench-engine --model DIR --case case.json --threads 2 --json";

typedef struct {
    const char *model, *case_path, *out;
    aut_dtype_t dtype;
    aten_t *c;
    json_t *root;
    aut_safetensors_t *inputs;
    int64_t repeat;
    aut_tensor_t results[2]; /* what -o writes: name and data are ours */
    size_t result_count;
    json_t *report;
} bench_t;

static double seconds (void)
{
    struct timespec t;
    clock_gettime (CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/*  Starts a new peak: of tensors, and of the process. */
static void reset_peak (aten_t *c)
{
    aten_memory_reset (c);
    aut_peak_reset ();
}

/*  Bytes of the peak since reset_peak. */
static uint64_t peak (const aten_t *c)
{
    aten_memory_t memory;
    aten_memory (c, &memory);
    return aten_is_cuda (c) ? memory.peak : aut_peak_bytes ();
}

static int by_value (const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median (double *values, size_t count)
{
    qsort (values, count, sizeof *values, by_value);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static const aut_tensor_t *input (bench_t *self, const char *name)
{
    const aut_tensor_t *t = aut_safetensors_find (self->inputs, name);
    if (!t)
        aten_fail (self->c, AUT_ERR_NOT_FOUND, "inputs: no tensor '%s'", name);
    return t;
}

static tensor_t *input_tensor (bench_t *self, const char *name)
{
    const aut_tensor_t *t = input (self, name);
    if (!t)
        return NULL;
    int64_t dims[AUT_TENSOR_RANK_MAX];
    for (uint32_t i = 0; i < t->rank; i++)
        dims[i] = (int64_t)t->shape[i];
    return aten_from_host (self->c, t->data, t->dtype, t->rank, dims);
}

/*  What -o writes, in fp32. */
static void keep_result (bench_t *self, const char *name, tensor_t *t)
{
    if (!self->out || !t || aten_rank (t) > AUT_TENSOR_RANK_MAX)
        return;
    aut_tensor_t *r = &self->results[self->result_count++];
    *r = (aut_tensor_t){.name = name, .dtype = AUT_DTYPE_F32, .rank = (uint32_t)aten_rank (t)};
    for (uint32_t i = 0; i < r->rank; i++)
        r->shape[i] = (uint64_t)aten_dim (t, (int)i);
    size_t size = (size_t)aten_count (t) * sizeof (float);
    void *data = aut_calloc (size ? size : 1, 1);
    aten_read (self->c, t, AUT_DTYPE_F32, data, size);
    r->data = data;
}

static void add_report (bench_t *self, const char *name, double *times, size_t count)
{
    json_t *entry = json_pack ("{s:f, s:I}", "seconds", median (times, count), "peak_bytes",
                               (json_int_t)peak (self->c));
    json_object_set_new (self->report, name, entry);
}

/*  The transformer's `timestep`, (1) or (1, N), of any type. */
static float *read_timesteps (bench_t *self, size_t *count)
{
    tensor_t *t = input_tensor (self, "timestep");
    *count = t ? (size_t)aten_count (t) : 0;
    float *values = aut_calloc (*count + 1, sizeof *values);
    aten_read (self->c, t, AUT_DTYPE_F32, values, *count * sizeof *values);
    return values;
}

static int bench_transformer (bench_t *self)
{
    aten_t *c = self->c;
    wan_transformer_t *model = NULL;
    wan_transformer_options_t options = {.dtype = self->dtype};
    char *path = aut_path_join (self->model, "transformer", NULL);
    reset_peak (c);
    int rc = wan_transformer_open (&model, c, path, "transformer", &options);
    free (path);
    if (rc)
        return rc;
    aten_scope_t s = aten_open (c);
    wan_transformer_in_t in = {.latents = input_tensor (self, "hidden_states"),
                               .text = input_tensor (self, "encoder_hidden_states")};
    float *timesteps = read_timesteps (self, &in.timestep_count);
    in.timesteps = timesteps;
    double times[REPEAT_MAX];
    for (int64_t i = -1; i < self->repeat && aten_status (c) == 0; i++) {
        aten_scope_t inner = aten_open (c);
        double at = seconds ();
        tensor_t *v = wan_transformer_forward (model, &in, NULL);
        aten_sync (c);
        if (i >= 0)
            times[i] = seconds () - at;
        if (i == self->repeat - 1) {
            add_report (self, "forward", times, (size_t)self->repeat);
            keep_result (self, "forward", v);
        }
        aten_close (c, inner, NULL);
    }
    free (timesteps);
    aten_close (c, s, NULL);
    wan_transformer_close (&model);
    return aten_status (c);
}

/*  The decoder's frames, put together only where -o asks for them. */
typedef struct {
    bench_t *bench;
    tensor_t *video; /* (1, 3, F, H, W), kept; or NULL */
} video_t;

static int take_frames (void *ctx, aten_t *c, int64_t first, tensor_t *frames)
{
    video_t *self = ctx;
    if (!self->video)
        return 0;
    tensor_t *part = aten_narrow (c, self->video, 2, first, aten_dim (frames, 2));
    aten_copy_into (c, part, frames);
    return aten_status (c);
}

static int bench_vae (bench_t *self)
{
    aten_t *c = self->c;
    wan_vae_t *vae = NULL;
    wan_vae_options_t options = {.dtype = AUT_DTYPE_F32, .decoder = true};
    char *path = aut_path_join (self->model, "vae", NULL);
    reset_peak (c);
    int rc = wan_vae_open (&vae, c, path, "vae", &options);
    free (path);
    if (rc)
        return rc;
    const wan_vae_config_t *config = wan_vae_config (vae);
    aten_scope_t s = aten_open (c);
    tensor_t *latents = input_tensor (self, "latents");
    video_t video = {.bench = self};
    double times[REPEAT_MAX];
    for (int64_t i = -1; i < self->repeat && aten_status (c) == 0; i++) {
        bool last = i == self->repeat - 1;
        if (last && self->out)
            video.video =
                aten_zeros (c, AUT_DTYPE_F32,
                            DIMS (1, 3, 1 + (aten_dim (latents, 2) - 1) * config->temporal,
                                  aten_dim (latents, 3) * config->spatial,
                                  aten_dim (latents, 4) * config->spatial));
        double at = seconds ();
        wan_vae_decode (vae, latents, take_frames, &video, NULL);
        aten_sync (c);
        if (i >= 0)
            times[i] = seconds () - at;
    }
    if (aten_status (c) == 0) {
        add_report (self, "decode", times, (size_t)self->repeat);
        keep_result (self, "decode", video.video);
    }
    aten_close (c, s, NULL);
    wan_vae_close (&vae);
    return aten_status (c);
}

/*  `inputs`: beside the case, if it is no absolute path. */
static int open_inputs (bench_t *self)
{
    const char *name = NULL;
    int rc = aut_json_string (self->root, "inputs", &name);
    if (rc)
        return aut_fail_in (rc, "%s", self->case_path);
    const char *slash = strrchr (self->case_path, '/');
    char *path = name[0] == '/' || !slash ? aut_strdup (name)
                                          : aut_sprintf ("%.*s/%s", (int)(slash - self->case_path),
                                                         self->case_path, name);
    if (!aut_file_exists (path) && aut_file_exists (name)) {
        free (path);
        path = aut_strdup (name);
    }
    rc = aut_safetensors_open (&self->inputs, path);
    free (path);
    return rc;
}

static int run_stages (bench_t *self)
{
    const json_t *stages = json_object_get (self->root, "stages");
    size_t i;
    json_t *stage;
    if (!json_is_array (stages) || json_array_size (stages) == 0 || json_array_size (stages) > 2)
        return aut_fail (AUT_ERR_INVALID, "%s: stages: expected \"transformer\", \"vae\" or both",
                         self->case_path);
    json_array_foreach (stages, i, stage)
    {
        const char *name = json_is_string (stage) ? json_string_value (stage) : "";
        int rc;
        if (strcmp (name, "transformer") == 0)
            rc = bench_transformer (self);
        else if (strcmp (name, "vae") == 0)
            rc = bench_vae (self);
        else
            rc = aut_fail (AUT_ERR_INVALID, "%s: stages[%zu]: '%s' is neither transformer nor vae",
                           self->case_path, i, name);
        if (rc)
            return rc;
    }
    return 0;
}

static int run (bench_t *self)
{
    int rc = aut_json_load (&self->root, self->case_path, CASE_FILE_MAX);
    if (rc == 0)
        rc = aut_json_int (self->root, "repeat", &self->repeat);
    if (rc == AUT_ERR_NOT_FOUND) {
        self->repeat = 3;
        rc = 0;
    }
    if (rc == 0 && (self->repeat < 1 || self->repeat > REPEAT_MAX))
        rc = aut_fail (AUT_ERR_INVALID, "%s: repeat: %lld is not in 1 … %d", self->case_path,
                       (long long)self->repeat, REPEAT_MAX);
    if (rc == 0)
        rc = open_inputs (self);
    if (rc == 0)
        rc = run_stages (self);
    if (rc == 0 && self->out)
        rc = aut_safetensors_write (self->out, self->results, self->result_count);
    return rc;
}

static void print_report (const json_t *report, bool json)
{
    if (json) {
        char *text = json_dumps (report, JSON_COMPACT | JSON_REAL_PRECISION (6));
        puts (text ? text : "{}");
        free (text);
        return;
    }
    const char *name;
    json_t *entry;
    json_object_foreach ((json_t *)report, name, entry) printf (
        "%-8s %.3f s, peak %.1f MiB\n", name, json_real_value (json_object_get (entry, "seconds")),
        (double)json_integer_value (json_object_get (entry, "peak_bytes")) / 1048576.0);
}

static int read_attention (aten_attention_t *out, const char *text)
{
    static const char *const names[] = {"auto", "cudnn", "flash", "efficient", "math", NULL};
    for (int i = 0; names[i]; i++)
        if (strcmp (text, names[i]) == 0) {
            *out = (aten_attention_t)i;
            return 0;
        }
    return aut_fail (AUT_ERR_INVALID,
                     "--attention: '%s' is none of auto, cudnn, flash, efficient "
                     "and math",
                     text);
}

int main (int argc, char **argv)
{
    bench_t self = {0};
    const char *device = "cpu", *dtype = "fp32", *attention = "auto";
    int64_t threads = 0;
    bool json = false, tf32 = false;
    const aut_opt_t table[] = {
        {"model", 'm', AUT_OPT_STRING, &self.model, "DIR",
         "The folder that holds transformer/ and vae/, or one of them.", NULL, 0, 0},
        {"case", 'c', AUT_OPT_STRING, &self.case_path, "CASE.json", "What to time.", NULL, 0, 0},
        {"threads", 0, AUT_OPT_INT, &threads, "N", "CPU threads; 0 (default): one per core.", NULL,
         0, 1024},
        {"device", 'd', AUT_OPT_STRING, &device, "DEVICE", "cpu (default) or cuda:N.", NULL, 0, 0},
        {"dtype", 0, AUT_OPT_STRING, &dtype, "TYPE", "Of the transformer: fp32 (default) or bf16.",
         NULL, 0, 0},
        {"attention", 0, AUT_OPT_STRING, &attention, "KERNEL",
         "CUDA: auto (default), cudnn, flash, efficient or math.", NULL, 0, 0},
        {"tf32", 0, AUT_OPT_FLAG, &tf32, NULL, "CUDA: allow TF32 in fp32 products.", NULL, 0, 0},
        {"json", 0, AUT_OPT_FLAG, &json, NULL, "Print JSON.", NULL, 0, 0},
        {"output", 'o', AUT_OPT_STRING, &self.out, "FILE",
         "Write the last output of each stage, as \"forward\" and \"decode\".", NULL, 0, 0},
        {NULL, 0, AUT_OPT_FLAG, NULL, NULL, NULL, NULL, 0, 0},
    };
    const aut_opt_info_t info = {
        .program = "auteur-bench-engine", .usage = "--model DIR --case CASE.json", .about = about};
    size_t operands = 0;
    aut_opt_result_t parsed = aut_options_parse (&info, table, argc, argv, NULL, &operands);
    if (parsed != AUT_OPT_GO)
        return parsed == AUT_OPT_EXIT_OK ? EXIT_DONE : EXIT_USAGE;

    aten_options_t options = {.device = device, .threads = (int)threads, .tf32 = tf32};
    int rc = tool_dtype (&self.dtype, dtype);
    if (rc == 0)
        rc = read_attention (&options.attention, attention);
    if (rc == 0 && (!self.model || !self.case_path))
        rc = aut_fail (AUT_ERR_INVALID, "say --model and --case; --help shows an example");
    if (rc == 0)
        rc = aten_new (&self.c, &options);
    self.report = json_object ();
    if (rc == 0)
        rc = run (&self);
    if (rc == 0)
        print_report (self.report, json);
    for (size_t i = 0; i < self.result_count; i++)
        free ((void *)self.results[i].data);
    aut_safetensors_destroy (&self.inputs);
    json_decref (self.root);
    json_decref (self.report);
    aten_destroy (&self.c);
    return tool_report ("auteur-bench-engine", rc);
}
