/*  See offer.h. */
#include "node/offer.h"

#include "lib/core/error.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"
#include "node/device.h"
#include "node/probes.h"

#include <stdlib.h>
#include <string.h>

#define CPU_WORKERS_MAX 8
#define CPU_WORKER_MEMORY ((uint64_t)1 << 30) /* what a worker on the cpu should have at least */

/*  Whether this program can run a model on a device. The probe looks at the whole device: a worker
 *  that shares it still runs one task at a time. */
static bool can_run (const aut_model_t *model, const aut_device_info_t *device)
{
    if (!model->available || !*model->backend)
        return false;
    aut_device_t where = {.name = device->name, .memory_bytes = device->memory};
    aut_model_ref_t ref = {.id = model->id,
                           .revision = model->revision,
                           .dir = model->dir,
                           .weights = model->weights,
                           .precisions = model->precisions,
                           .device = &where};
    int rc = aut_backend_probe (model->backend, &ref);
    if (rc < 0)
        aut_log (AUT_LOG_INFO, "node", "%s is not offered on %s: %s", model->id, device->name,
                 aut_error_detail ());
    return rc == 0;
}

static size_t runnable (const aut_registry_t *registry, const aut_device_info_t *device,
                        const char **ids, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < aut_registry_count (registry) && n < max; i++) {
        const aut_model_t *model = aut_registry_at (registry, i);
        if (can_run (model, device))
            ids[n++] = model->id;
    }
    return n;
}

static const aut_device_info_t *find_device (const aut_device_info_t *devices, size_t count,
                                             const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp (devices[i].name, name) == 0)
            return &devices[i];
    return NULL;
}

static void add_workers (aut_offer_t *self, const aut_device_info_t *device, uint32_t count,
                         uint32_t credit, const char *const *ids, size_t id_count)
{
    for (uint32_t w = 0; w < count && self->count < AUT_WORKERS_MAX; w++) {
        aut_msg_worker_t *worker = &self->workers[self->count];
        const char **models = aut_calloc (id_count + 1, sizeof *models);
        for (size_t i = 0; i < id_count; i++)
            models[i] = aut_strdup (ids[i]);
        *worker = (aut_msg_worker_t){.id = (uint32_t)self->count,
                                     .device = aut_strdup (device->name),
                                     .class_ = aut_strdup (device->class_),
                                     .memory = device->memory / count,
                                     .models = models,
                                     .model_count = id_count,
                                     .credit = credit ? credit : 1};
        self->count++;
    }
}

/*  Handoff is serial inside a shot, so workers side by side are worth more than threads inside one:
 *  as many as there are cores, within memory. */
static uint32_t cpu_workers (const aut_node_options_t *options, const aut_device_info_t *device)
{
    if (options->workers)
        return options->workers;
    uint64_t n = aut_device_cores ();
    if (n > CPU_WORKERS_MAX)
        n = CPU_WORKERS_MAX;
    if (device->memory && n > device->memory / CPU_WORKER_MEMORY)
        n = device->memory / CPU_WORKER_MEMORY;
    return n ? (uint32_t)n : 1;
}

static void add_device (aut_offer_t *self, const aut_node_options_t *options,
                        const aut_registry_t *registry, const aut_device_info_t *device)
{
    const char *ids[AUT_MODELS_MAX];
    size_t count = runnable (registry, device, ids, AUT_MODELS_MAX);
    bool cpu = strcmp (device->class_, "cpu") == 0;
    if (count == 0)
        aut_log (AUT_LOG_WARN, "node", "no model here runs on %s", device->name);
    else
        add_workers (self, device, cpu ? cpu_workers (options, device) : 1, options->credit, ids,
                     count);
}

/*  auto: every GPU on which some model runs, and the cpu for what no GPU of ours can run. */
static void add_auto (aut_offer_t *self, const aut_node_options_t *options,
                      const aut_registry_t *registry, const aut_device_info_t *devices,
                      size_t count)
{
    const char *ids[AUT_MODELS_MAX];
    bool cpu_needed = false;
    for (size_t i = 1; i < count; i++)
        if (runnable (registry, &devices[i], ids, AUT_MODELS_MAX))
            add_device (self, options, registry, &devices[i]);
    size_t n = runnable (registry, &devices[0], ids, AUT_MODELS_MAX);
    for (size_t m = 0; m < n; m++) {
        bool elsewhere = false;
        for (size_t w = 0; w < self->count && !elsewhere; w++)
            for (size_t k = 0; k < self->workers[w].model_count && !elsewhere; k++)
                elsewhere = strcmp (self->workers[w].models[k], ids[m]) == 0;
        cpu_needed = cpu_needed || !elsewhere;
    }
    if (cpu_needed)
        add_device (self, options, registry, &devices[0]);
}

static int add_named (aut_offer_t *self, const aut_node_options_t *options,
                      const aut_registry_t *registry, const aut_device_info_t *devices,
                      size_t count, const char *name)
{
    if (strcmp (name, "auto") == 0) {
        add_auto (self, options, registry, devices, count);
        return 0;
    }
    const aut_device_info_t *device = find_device (devices, count, name);
    if (device) {
        add_device (self, options, registry, device);
        return 0;
    }
    if (strncmp (name, "cuda:", 5) != 0)
        return aut_fail (AUT_ERR_INVALID, "'%s' is no device; say auto, cpu or cuda:N", name);
    if (count == 1)
        return aut_fail (AUT_ERR_NOT_FOUND, "there is no %s here: no CUDA driver shows a GPU",
                         name);
    return aut_fail (AUT_ERR_NOT_FOUND, "there is no %s here; the last GPU is %s", name,
                     devices[count - 1].name);
}

int aut_offer_make (aut_offer_t *out, const aut_node_options_t *options,
                    const aut_registry_t *registry)
{
    aut_device_info_t devices[AUT_DEVICES_MAX];
    size_t count = aut_devices_list (devices, AUT_DEVICES_MAX);
    *out = (aut_offer_t){.workers = aut_calloc (AUT_WORKERS_MAX, sizeof *out->workers)};
    static const char *const any[] = {"auto"};
    const char *const *names = options->device_count ? options->devices : any;
    size_t name_count = options->device_count ? options->device_count : 1;
    int rc = 0;
    if (options->workers > AUT_WORKERS_MAX)
        rc = aut_fail (AUT_ERR_INVALID, "a node has at most %d workers", AUT_WORKERS_MAX);
    for (size_t i = 0; i < name_count && rc == 0; i++)
        rc = add_named (out, options, registry, devices, count, names[i]);
    if (rc == 0 && out->count == 0)
        rc = aut_fail (AUT_ERR_INVALID, "no model can run here: look at `auteur models list` and "
                                        "give their folders with --models");
    uint32_t cpu = 0;
    for (size_t i = 0; i < out->count; i++)
        cpu += strcmp (out->workers[i].class_, "cpu") == 0;
    out->threads = cpu ? (aut_device_cores () + cpu - 1) / cpu : aut_device_cores ();
    if (rc < 0)
        aut_offer_clear (out);
    return rc;
}

/*  The strings were made here. */
static void free_text (const char *text)
{
    union {
        const char *in;
        char *out;
    } view = {.in = text};
    free (view.out);
}

void aut_offer_clear (aut_offer_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        aut_msg_worker_t *worker = &self->workers[i];
        for (size_t m = 0; m < worker->model_count; m++)
            free_text (worker->models[m]);
        free ((void *)worker->models);
        free_text (worker->device);
        free_text (worker->class_);
    }
    free (self->workers);
    *self = (aut_offer_t){0};
}
