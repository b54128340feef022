/*  Workers: how free they are, and which models they offer to the queues. */
#include "broker/core/internal.h"

static void refresh (core_worker_t *worker)
{
    for (uint32_t i = 0; i < worker->offer_count; i++) {
        core_offer_t *offer = &worker->offers[i];
        uint8_t state = OFFER_FULL;
        if (worker->load < worker->credit)
            state = worker->load                     ? OFFER_PARTIAL
                    : worker->loaded == offer->model ? OFFER_LOADED
                                                     : OFFER_IDLE;
        core_offer_set (offer, state);
    }
}

/*  Counts the workers of a node in or out of the metrics. */
void core_workers_count (aut_core_t *self, const core_node_t *node, bool in)
{
    for (uint32_t i = 0; i < node->worker_count; i++) {
        uint64_t *count =
            node->workers[i].load ? &self->metrics.workers_busy : &self->metrics.workers_idle;
        *count += in ? 1 : (uint64_t)-1;
    }
}

void core_worker_load (aut_core_t *self, core_worker_t *worker, int change)
{
    bool was = worker->load;
    worker->load += (uint32_t)change;
    worker->changed = self->now;
    if (worker->node->state != AUT_NODE_LOST && was != (worker->load > 0)) {
        self->metrics.workers_busy += was ? (uint64_t)-1 : 1;
        self->metrics.workers_idle += was ? 1 : (uint64_t)-1;
    }
    refresh (worker);
}

void core_worker_loaded (core_worker_t *worker, core_model_t *model)
{
    worker->loaded = model;
    refresh (worker);
}

void core_workers_free (aut_core_t *self, core_worker_t *workers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < workers[i].offer_count; j++) {
            core_offer_unlink (&workers[i].offers[j]);
            core_model_put (self, workers[i].offers[j].model);
        }
        free (workers[i].offers);
        free (workers[i].device);
    }
    free (workers);
}

static int worker_build (aut_core_t *self, core_worker_t *worker, uint64_t order,
                         const aut_core_worker_spec_t *spec)
{
    int class_ = core_class_get (self, spec->class_);
    if (class_ < 0)
        return aut_fail (AUT_ERR_AGAIN, "device class \"%s\" is one too many", spec->class_);
    worker->id = spec->id;
    worker->class_ = (uint8_t)class_;
    worker->memory = spec->memory;
    worker->credit =
        spec->credit < self->config.max_credit ? spec->credit : self->config.max_credit;
    worker->device = aut_strdup (spec->device);
    worker->offers = aut_calloc (spec->model_count ? spec->model_count : 1, sizeof (core_offer_t));
    for (uint32_t i = 0; i < spec->model_count; i++) {
        core_model_t *model = core_model_get (self, spec->models[i]);
        if (!model)
            return aut_fail (AUT_ERR_AGAIN, "the broker knows %u models already",
                             self->config.max_models);
        core_offer_t *offer = &worker->offers[worker->offer_count++];
        *offer = (core_offer_t){.worker = worker, .model = model};
        offer->memory = spec->memory;
        offer->order = order;
    }
    refresh (worker);
    return 0;
}

int core_workers_build (aut_core_t *self, core_node_t *node, const aut_core_hello_t *hello,
                        core_worker_t **out)
{
    core_worker_t *workers =
        aut_calloc (hello->worker_count ? hello->worker_count : 1, sizeof *workers);
    for (uint32_t i = 0; i < hello->worker_count; i++) {
        workers[i].node = node;
        int rc = worker_build (self, &workers[i], node->id << 12 | i, &hello->workers[i]);
        if (rc) {
            core_workers_free (self, workers, i + 1);
            return rc;
        }
    }
    *out = workers;
    return 0;
}

/*  Classes become labels of metrics and places in a small table: short words only. */
static bool is_class (const char *text)
{
    size_t size = strspn (text, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return size > 0 && size <= 16 && text[size] == 0;
}

static int worker_check (const aut_core_t *self, const aut_core_worker_spec_t *spec)
{
    if (spec->model_count > self->config.max_worker_models)
        return aut_fail (AUT_ERR_TOO_LARGE, "worker %u offers %u models, the bound is %u", spec->id,
                         spec->model_count, self->config.max_worker_models);
    if (core_text_check (spec->device, AUT_CORE_NAME, true) ||
        core_text_check (spec->class_, AUT_CORE_NAME, true))
        return aut_fail (AUT_ERR_INVALID, "worker %u has no device or class, or too long a name",
                         spec->id);
    if (!is_class (spec->class_))
        return aut_fail (
            AUT_ERR_INVALID,
            "worker %u is of a class that is no word of 1 to 16 letters a-z, 0-9, _ or -",
            spec->id);
    for (uint32_t i = 0; i < spec->model_count; i++)
        if (core_text_check (spec->models[i], AUT_CORE_MODEL, true))
            return aut_fail (AUT_ERR_INVALID, "worker %u offers a model with a bad name", spec->id);
    return 0;
}

int core_hello_check (const aut_core_t *self, const aut_core_hello_t *hello)
{
    if (core_text_check (hello->name, AUT_CORE_NAME - 24, true))
        return aut_fail (AUT_ERR_INVALID, "a node's name has 1 to %d bytes", AUT_CORE_NAME - 25);
    if (hello->worker_count > self->config.max_workers)
        return aut_fail (AUT_ERR_TOO_LARGE, "the node has %u workers, the bound is %u",
                         hello->worker_count, self->config.max_workers);
    if (hello->held_count > self->config.max_held)
        return aut_fail (AUT_ERR_TOO_LARGE, "the node lists %u attempts, the bound is %u",
                         hello->held_count, self->config.max_held);
    bool instance = false;
    for (int i = 0; i < AUT_CORE_INSTANCE; i++)
        instance |= hello->instance[i] != 0;
    if (!instance)
        return aut_fail (AUT_ERR_INVALID, "the node has no instance id");
    for (uint32_t i = 0; i < hello->worker_count; i++) {
        int rc = worker_check (self, &hello->workers[i]);
        if (rc)
            return rc;
        for (uint32_t j = 0; j < i; j++)
            if (hello->workers[j].id == hello->workers[i].id)
                return aut_fail (AUT_ERR_INVALID, "two workers have the id %u",
                                 hello->workers[i].id);
    }
    return 0;
}
