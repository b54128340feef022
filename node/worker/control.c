/*  See control.h. There is no destroy: the thread sits in a read until the process ends. */
#include "node/worker/control.h"

#include "lib/core/error.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

struct aut_control {
    int fd;
    pthread_mutex_t lock; /* of what follows up to `quit` */
    pthread_cond_t wake;
    aut_worker_msg_t next; /* type 0: none */
    bool quit;
    _Atomic uint64_t current;   /* the task that runs */
    _Atomic uint64_t cancelled; /* the last one that was cancelled */
};

/*  _exit: the main thread may be deep in a backend, and nothing here needs tidying up. */
static void leave (int status)
{
    _exit (status);
}

static void take (aut_control_t *self, aut_worker_msg_t *msg)
{
    pthread_mutex_lock (&self->lock);
    if (msg->type == AUT_WORKER_TASK) {
        aut_worker_msg_clear (&self->next); /* one task at a time: the node never sends two */
        self->next = *msg;
        *msg = (aut_worker_msg_t){0};
    } else if (msg->type == AUT_WORKER_QUIT) {
        self->quit = true;
    } else if (msg->type == AUT_WORKER_CANCEL) {
        atomic_store (&self->cancelled, msg->cancel.id);
    }
    pthread_cond_signal (&self->wake);
    pthread_mutex_unlock (&self->lock);
}

static void *read_control (void *arg)
{
    aut_control_t *self = arg;
    aut_worker_stream_t stream = {0};
    for (;;) {
        aut_worker_msg_t msg = {0};
        int rc = aut_worker_recv (self->fd, &stream, &msg);
        if (rc == AUT_ERR_AGAIN)
            continue;
        if (rc == AUT_ERR_NOT_FOUND || rc == AUT_ERR_IO)
            leave (0);
        if (rc < 0) {
            aut_log (AUT_LOG_ERROR, "worker", "the control stream is broken: %s",
                     aut_error_detail ());
            leave (1);
        }
        take (self, &msg);
        aut_worker_msg_clear (&msg);
    }
    return NULL;
}

int aut_control_new (aut_control_t **out, int fd)
{
    aut_control_t *self = aut_calloc (1, sizeof *self);
    self->fd = fd;
    pthread_mutex_init (&self->lock, NULL);
    pthread_cond_init (&self->wake, NULL);
    *out = self;
    pthread_t thread;
    if (pthread_create (&thread, NULL, read_control, self) != 0)
        return aut_fail (AUT_ERR_IO, "cannot start the control thread");
    pthread_detach (thread);
    return 0;
}

bool aut_control_next (aut_control_t *self, aut_worker_msg_t *task)
{
    pthread_mutex_lock (&self->lock);
    while (!self->next.type && !self->quit)
        pthread_cond_wait (&self->wake, &self->lock);
    bool some = self->next.type != 0 && !self->quit;
    if (some) {
        *task = self->next;
        self->next = (aut_worker_msg_t){0};
        atomic_store (&self->current, task->task.id);
    }
    pthread_mutex_unlock (&self->lock);
    return some;
}

bool aut_control_cancelled (aut_control_t *self)
{
    return atomic_load (&self->cancelled) == atomic_load (&self->current);
}

void aut_control_send (aut_control_t *self, const aut_worker_msg_t *msg)
{
    int rc = aut_worker_send (self->fd, msg);
    if (rc == AUT_ERR_IO)
        leave (0);
    if (rc < 0)
        aut_log (AUT_LOG_ERROR, "worker", "cannot tell %s: %s", aut_worker_msg_name (msg->type),
                 aut_error_detail ());
}
