#include "tests/proto/samples.h"

#define HASH(b)                                                                                    \
    {                                                                                              \
        {                                                                                          \
            [0] = (b), [31] = 1                                                                    \
        }                                                                                          \
    }
#define REF(b, n)                                                                                  \
    {                                                                                              \
        HASH (b), (n)                                                                              \
    }
#define NONE                                                                                       \
    {                                                                                              \
        {{0}}, 0                                                                                   \
    }

static const char *const models[] = {"auteur-animatic", "wan2.1-t2v-1.3b"};
static const aut_msg_worker_t workers[] = {
    {0, "cpu", "cpu", UINT64_C (64) << 30, models, 1, 2},
    {7, "cuda:0", "cuda", UINT64_C (139) << 30, models, 2, 1},
    {8, "cuda:1", "cuda", 1, NULL, 0, 1024},
};
static const aut_msg_held_t held[] = {{1, 1, 3, false}, {UINT64_MAX, UINT32_MAX, UINT64_MAX, true}};
static const aut_msg_input_t inputs[] = {
    {"tail", "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c", REF (9, 4096)},
    {"image", "x", REF (10, 0)},
};
static const aut_hash_t hashes[] = {HASH (9), HASH (10)};
static const aut_msg_result_t results[] = {
    {1, "sc1-sh1", 0, HASH (1), "done", 1, "node-a", "cuda:0", 12.5, 1 << 30, REF (2, 100),
     REF (3, 200), REF (4, 300), REF (5, 400), NULL, true},
    {2, "sc1-sh1", 1, HASH (6), "failed", 3, NULL, NULL, 0, 0, NONE, NONE, NONE, NONE,
     "the worker died: см. журнал", false},
};
static const char *const manifests[] = {"{\"id\":\"auteur-animatic\"}", ""};
static const uint8_t spec[] = "{\"kind\":\"generate\"}";

static const uint8_t preview[] = "\x89PNG\r\n\x1a\n\0no more";

#define TOKEN                                                                                      \
    {                                                                                              \
        UINT64_C (1) << 40, 2, 3                                                                   \
    }
#define MESSAGE(name, count, ...)                                                                  \
    {                                                                                              \
        count,                                                                                     \
        {                                                                                          \
            .type = AUT_MSG_##name, __VA_ARGS__                                                    \
        }                                                                                          \
    }

static const struct {
    size_t keys;
    aut_msg_t msg;
} samples[] = {
    MESSAGE (OK, 1, .ok = {1}),
    MESSAGE (ERROR, 4, .error = {1, 2, "not-found", "job j9 is unknown"}),
    MESSAGE (ERROR, 2, .error = {0, 0, "version", ""}),
    MESSAGE (PING, 0, .ping = {0}),
    MESSAGE (PONG, 0, .pong = {0}),
    MESSAGE (SUBMIT, 5, .submit = {1, REF (1, 10), -100, "key", "lighthouse"}),
    MESSAGE (SUBMIT, 4, .submit = {UINT64_MAX, REF (1, UINT64_MAX), 100, NULL, "p"}),
    MESSAGE (SUBMITTED, 3, .submitted = {1, "j1", true}),
    MESSAGE (CANCEL, 2, .cancel = {1, "j1"}),
    MESSAGE (RETRY, 2, .retry = {1, "j1"}),
    MESSAGE (RESULTS, 4, .results = {1, "j1", 0, AUT_PAGE_MAX}),
    MESSAGE (RESULTS_PAGE, 5, .results_page = {1, "j1", "running", 2, results, 2}),
    MESSAGE (RESULTS_PAGE, 5, .results_page = {1, "j1", "done", 0, NULL, 0}),
    MESSAGE (DRAIN, 2, .drain = {1, "node-a"}),
    MESSAGE (MODELS, 2, .models = {1, 0}),
    MESSAGE (MODELS_PAGE, 3, .models_page = {1, 2, manifests, 2}),
    MESSAGE (MODELS_PAGE, 3, .models_page = {1, 0, NULL, 0}),
    MESSAGE (HELLO, 5, .hello = {"node-a", {1, 2, [15] = 16}, "0.1.0", workers, 3, held, 2}),
    MESSAGE (HELLO, 5, .hello = {"n", {0}, "0", NULL, 0, NULL, 0}),
    MESSAGE (WELCOME, 6, .welcome = {5, "node-a-2", 3, 1000, 15000, 30000}),
    MESSAGE (ASSIGN, 6, .assign = {TOKEN, 7, 30000, "j1", spec, sizeof spec - 1, NONE, inputs, 2}),
    MESSAGE (ASSIGN, 6, .assign = {TOKEN, 7, 30000, "j1", NULL, 0, REF (8, 40000), NULL, 0}),
    MESSAGE (STARTED, 1, .started = {TOKEN}),
    MESSAGE (PROGRESS, 5, .progress = {TOKEN, 1, 2, 3, UINT32_MAX, NULL, 0}),
    MESSAGE (DONE, 9,
             .done = {TOKEN, REF (2, 100), REF (5, 400), REF (3, 200), REF (4, 300), hashes, 2,
                      12.25, 1 << 30, "cuda:0"}),
    MESSAGE (DONE, 7,
             .done = {TOKEN, REF (2, 100), REF (5, 400), NONE, NONE, NULL, 0, 0, 0, "cpu"}),
    MESSAGE (FAIL, 3, .fail = {TOKEN, "device-memory", "needs 40 GB, 24 are there"}),
    MESSAGE (ACK, 1, .ack = {TOKEN}),
    MESSAGE (ABORT, 1, .abort = {TOKEN}),
    MESSAGE (ADOPT, 2, .adopt = {TOKEN, 4}),
    MESSAGE (RELEASE, 1, .release = {TOKEN}),
    MESSAGE (BYE, 0, .bye = {0}),
    MESSAGE (PUT, 3, .put = {1, HASH (1), 0}),
    MESSAGE (GO, 3, .go = {1, 100, 8 << 20}),
    MESSAGE (DATA, 4, .data = {1, 100, 1000, true}),
    MESSAGE (DATA, 2, .data = {1, 0, 0, false}),
    MESSAGE (CREDIT, 2, .credit = {1, 1 << 20}),
    MESSAGE (STORED, 2, .stored = {1, HASH (1)}),
    MESSAGE (GET, 4, .get = {1, HASH (1), 0, 8 << 20}),
    MESSAGE (CLOSE, 1, .close = {1}),
    MESSAGE (PROGRESS, 6, .progress = {TOKEN, 1, 2, 3, 4, preview, sizeof preview}),
};

static const aut_worker_input_t worker_inputs[] = {
    {"tail", "key", "/var/lib/auteur/blobs/ab/cdef"},
    {"image", "key2", "relative"},
};

#define WORKER(name, count, ...)                                                                   \
    {                                                                                              \
        count,                                                                                     \
        {                                                                                          \
            .type = AUT_WORKER_##name, __VA_ARGS__                                                 \
        }                                                                                          \
    }

static const struct {
    size_t keys;
    aut_worker_msg_t msg;
} worker_samples[] = {
    WORKER (HELLO, 5, .hello = {1234, "0.1.0", "cuda:0", 1 << 30, models, 2}),
    WORKER (TASK, 4, .task = {1, spec, sizeof spec - 1, worker_inputs, 2, "/tmp/out"}),
    WORKER (TASK, 4, .task = {UINT64_MAX, spec, 1, NULL, 0, "out"}),
    WORKER (PROGRESS, 5, .progress = {1, 1, 20, 0, 49, NULL, 0}),
    WORKER (RESULT, 7, .result = {1, "clip.mkv", "meta.json", "tail.safetensors", "p.png", 1.5, 7}),
    WORKER (RESULT, 5, .result = {1, "clip.mkv", "meta.json", NULL, NULL, 0, 0}),
    WORKER (FAIL, 3, .fail = {0, "internal", "no device"}),
    WORKER (CANCEL, 1, .cancel = {1}),
    WORKER (QUIT, 0, .quit = {0}),
    WORKER (PROGRESS, 6, .progress = {1, 1, 20, 0, 49, preview, sizeof preview}),
};

size_t sample_count (void)
{
    return sizeof samples / sizeof *samples;
}

aut_msg_t sample_message (size_t index, size_t *keys)
{
    *keys = samples[index].keys;
    return samples[index].msg;
}

size_t sample_worker_count (void)
{
    return sizeof worker_samples / sizeof *worker_samples;
}

aut_worker_msg_t sample_worker_message (size_t index, size_t *keys)
{
    *keys = worker_samples[index].keys;
    return worker_samples[index].msg;
}
