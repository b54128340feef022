/*  auteur-worker: holds one model on one device and makes chunks, as its node says over descriptor
 *  3. Not for people: auteur-node starts it.
 *
 *  It ends with its node: at the end of the control stream (control.c), and by a parent-death
 *  signal in addition, which is checked against getppid because the parent may be gone already. */
#include "lib/core/error.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"
#include "lib/core/options.h"
#include "node/device.h"
#include "node/worker/confine.h"
#include "node/worker/control.h"
#include "node/worker/fault.h"
#include "node/worker/task.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define TEST_FAULT "AUTEUR_TEST_WORKER_FAULT"

typedef struct {
    const char *device, *models, *vram_limit, *work, *inputs, *confine;
    int64_t parent, threads;
} arguments_t;

static bool cancelled (void *ctx)
{
    return aut_control_cancelled (ctx);
}

static void progress (void *ctx, const aut_worker_progress_t *value)
{
    aut_worker_msg_t msg = {.type = AUT_WORKER_PROGRESS, .progress = *value};
    aut_control_send (ctx, &msg);
}

static void say_hello (aut_control_t *control, const aut_device_t *device)
{
    aut_worker_msg_t msg = {.type = AUT_WORKER_HELLO};
    msg.hello = (aut_worker_hello_t){.pid = (uint64_t)getpid (),
                                     .version = AUTEUR_VERSION,
                                     .device = device->name,
                                     .memory = device->memory_bytes};
    aut_control_send (control, &msg);
}

static void say_fail (aut_control_t *control, uint64_t id, int code)
{
    char text[AUT_TEXT_MAX];
    snprintf (text, sizeof text, "%s", aut_error_detail ());
    aut_worker_msg_t msg = {.type = AUT_WORKER_FAIL};
    msg.fail = (aut_worker_fail_t){.id = id, .code = aut_error_text (code), .message = text};
    aut_control_send (control, &msg);
}

static void serve (aut_control_t *control, const aut_worker_env_t *env)
{
    aut_worker_msg_t msg;
    while (aut_control_next (control, &msg)) {
        aut_worker_msg_t answer = {.type = AUT_WORKER_RESULT};
        int rc = aut_worker_run (env, &msg.task, &answer.result);
        if (rc == 0)
            aut_control_send (control, &answer);
        else
            say_fail (control, msg.task.id, rc);
        aut_worker_msg_clear (&msg);
    }
}

/*  Only as many threads as the node has given: for whatever starts some by itself. The engine is
 * told through the device, as its OpenMP has read the environment before this program begins. */
static void limit_threads (int64_t threads)
{
    char text[24];
    snprintf (text, sizeof text, "%" PRId64, threads);
    setenv ("OMP_NUM_THREADS", text, 0);
    setenv ("MKL_NUM_THREADS", text, 0);
}

/*  NULL without a work folder: then nobody has said what may be written. */
static aut_confine_t *confine (const arguments_t *args)
{
    const aut_worker_places_t places = {.work = args->work,
                                        .inputs = args->inputs,
                                        .models = args->models,
                                        .cuda = strcmp (args->device, "cpu") != 0};
    if (strcmp (args->confine, "off") != 0 && args->work)
        return aut_worker_confine (&places, NULL);
    aut_log (AUT_LOG_WARN, "worker", "not confined: %s",
             args->work ? "AUTEUR_CONFINE is off" : "no --work");
    return NULL;
}

static int run (const arguments_t *args)
{
    aut_control_t *control;
    aut_device_info_t devices[AUT_DEVICES_MAX];
    size_t count = aut_devices_list (devices, AUT_DEVICES_MAX);
    aut_device_t device = {.name = args->device, .threads = (uint32_t)args->threads};
    if (args->vram_limit &&
        aut_options_bytes (&device.memory_limit, "--vram-limit", args->vram_limit) < 0) {
        fprintf (stderr, "auteur-worker: %s\n", aut_error_detail ());
        return 2;
    }
    for (size_t i = 0; i < count; i++)
        if (strcmp (devices[i].name, args->device) == 0)
            device.memory_bytes = devices[i].memory;
    if (aut_control_new (&control, AUT_WORKER_FD) < 0)
        return 1;
    aut_loaded_t loaded = {.models = args->models, .device = device};
    aut_loaded_t upscaler = {.models = args->models, .device = device};
    aut_worker_env_t env = {.loaded = &loaded,
                            .upscaler = &upscaler,
                            .fault = getenv (TEST_FAULT),
                            .cancelled = cancelled,
                            .progress = progress,
                            .ctx = control};
    say_hello (control, &device);
    serve (control, &env);
    aut_loaded_clear (&loaded);
    aut_loaded_clear (&upscaler);
    return 0;
}

int main (int argc, char **argv)
{
    arguments_t args = {.device = "cpu", .threads = 1, .confine = "on"};
    const aut_opt_t table[] = {
        {"device", 0, AUT_OPT_STRING, &args.device, "cpu|cuda:N", "where models run", NULL, 0, 0},
        {"models", 0, AUT_OPT_STRING, &args.models, "DIR[:DIR...]", "where models are looked for",
         "AUTEUR_MODELS", 0, 0},
        {"threads", 0, AUT_OPT_INT, &args.threads, "N", "threads that it may use", NULL, 1, 1024},
        {"vram-limit", 0, AUT_OPT_STRING, &args.vram_limit, "BYTES",
         "device memory that a model may take", "AUTEUR_VRAM_LIMIT", 0, 0},
        {"work", 0, AUT_OPT_STRING, &args.work, "DIR", "all that it may write to", NULL, 0, 0},
        {"inputs", 0, AUT_OPT_STRING, &args.inputs, "DIR", "where the node keeps inputs", NULL, 0,
         0},
        {"confine", 0, AUT_OPT_STRING, &args.confine, "on|off",
         "whether it gives up what it does not need (on)", "AUTEUR_CONFINE", 0, 0},
        {"parent", 0, AUT_OPT_INT, &args.parent, "PID", "the node's process", NULL, 0, INT32_MAX},
        {0}};
    const aut_opt_info_t info = {
        .program = "auteur-worker",
        .usage = "--device cpu|cuda:N",
        .about = "Makes chunks for auteur-node, which starts it with a control socket on "
                 "descriptor 3. Not to be started by hand."};
    /*  A sum of floats shall not depend on how many threads share it: frames are the same on a node
     * with more cores for each worker. (MKL reads this when it is first called.) */
    setenv ("MKL_CBWR", "AUTO,STRICT", 0);
    switch (aut_options_parse (&info, table, argc, argv, NULL, NULL)) {
    case AUT_OPT_EXIT_OK:
        return ferror (stdout) != 0;
    case AUT_OPT_EXIT_USAGE:
        return 2;
    default:
        break;
    }
    if (fcntl (AUT_WORKER_FD, F_GETFD) < 0) {
        fprintf (stderr, "auteur-worker: descriptor 3 is closed; start auteur-node instead\n");
        return 2;
    }
    fcntl (AUT_WORKER_FD, F_SETFD, FD_CLOEXEC);
    signal (SIGPIPE, SIG_IGN);
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    if (args.parent && getppid () != (pid_t)args.parent)
        return 0;
    limit_threads (args.threads);
    aut_confine_t *confined = confine (&args);
    int code = run (&args);
    aut_confine_destroy (&confined);
    return code;
}
