/*  The seam: the linker calls these (--wrap) where the broker's sources would call ZeroMQ, poll,
 * the blob store's folder, the system's dice and the log. In a coroutine a call that waits goes
 * back to the simulator. */
#include "tests/sim/sim.h"

#include "lib/core/error.h"
#include "lib/core/log.h"

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

int __real_poll (struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll (struct pollfd *fds, nfds_t count, int timeout);
int __wrap_ppoll (struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                  const sigset_t *mask);
ssize_t __wrap_getrandom (void *bytes, size_t size, unsigned flags);
int __wrap_zsock_signal (void *sock, byte status);
void __wrap_aut_socket_close (zsock_t **sock);
unsigned __wrap_aut_socket_wait (zsock_t *sock, zsock_t *pipe, aut_mailbox_t *mailbox, int timeout);
int __wrap_aut_net_recv (zsock_t *sock, bool router, aut_received_t *in);
int __wrap_aut_net_send_to (zsock_t *sock, const aut_peer_t *peer, const aut_msg_t *msg,
                            const void *body, size_t size);
int __wrap_aut_net_send_error_to (zsock_t *sock, const aut_peer_t *peer, uint64_t req,
                                  uint64_t xfer, int code);
bool __wrap_aut_blobs_has (aut_blobs_t *blobs, const aut_hash_t *hash, uint64_t *size);
void __wrap_aut_submission_destroy (aut_submission_t **self_p);
void __wrap_aut_log (aut_log_level_t level, const char *component, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));
void __wrap_aut_log_about (aut_log_level_t level, const char *component,
                           const aut_log_about_t *about, const char *format, ...)
    __attribute__ ((format (printf, 4, 5)));

int __wrap_poll (struct pollfd *fds, nfds_t count, int timeout)
{
    co_t *co = co_current ();
    int ready = __real_poll (fds, count, co ? 0 : timeout);
    if (!co || ready || co->broker->dying)
        return ready;
    co->wait = CO_POLL;
    co->fds = fds;
    co->fd_count = count;
    co->until = timeout < 0 ? INT64_MAX : co->broker->sim->now + timeout;
    co_yield (co);
    return __real_poll (fds, count, 0);
}

/*  Simulated time is whole milliseconds. */
int __wrap_ppoll (struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                  const sigset_t *mask)
{
    (void)mask;
    long ms = timeout ? timeout->tv_sec * 1000 + (timeout->tv_nsec + 999999) / 1000000 : -1;
    return __wrap_poll (fds, count, (int)ms);
}

ssize_t __wrap_getrandom (void *bytes, size_t size, unsigned flags)
{
    (void)flags;
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)rng_below (&sim_running ()->random, 256);
    return (ssize_t)size;
}

int __wrap_zsock_signal (void *sock, byte status)
{
    (void)sock;
    (void)status;
    return 0;
}

void __wrap_aut_socket_close (zsock_t **sock)
{
    (void)sock;
}

unsigned __wrap_aut_socket_wait (zsock_t *sock, zsock_t *pipe, aut_mailbox_t *mailbox, int timeout)
{
    co_t *co = co_current ();
    broker_t *broker = co->broker;
    (void)sock;
    (void)pipe;
    for (int i = 0; i < 2; i++) {
        unsigned bits = broker->dying ? 2 : 0;
        if (broker->in[co->role].count)
            bits |= 1;
        if (aut_mailbox_count (mailbox))
            bits |= 4;
        if (bits || i || !timeout)
            return bits;
        co->wait = CO_SOCKET;
        co->mailbox = mailbox;
        co->until = timeout < 0 ? INT64_MAX : broker->sim->now + timeout;
        co_yield (co);
    }
    return 0;
}

int __wrap_aut_net_recv (zsock_t *sock, bool router, aut_received_t *in)
{
    (void)sock;
    (void)router;
    memset (in, 0, sizeof *in);
    in->fd = -1;
    return broker_receive (co_current ()->broker, co_current ()->role, in);
}

int __wrap_aut_net_send_to (zsock_t *sock, const aut_peer_t *peer, const aut_msg_t *msg,
                            const void *body, size_t size)
{
    (void)sock;
    (void)body;
    (void)size;
    return broker_send (co_current ()->broker, peer, msg);
}

int __wrap_aut_net_send_error_to (zsock_t *sock, const aut_peer_t *peer, uint64_t req,
                                  uint64_t xfer, int code)
{
    char text[AUT_TEXT_MAX + 1];
    aut_msg_t msg = {.type = AUT_MSG_ERROR,
                     .error = {req, xfer, aut_error_text (code),
                               aut_msg_clip (text, sizeof text, aut_error_detail ())}};
    return __wrap_aut_net_send_to (sock, peer, &msg, NULL, 0);
}

bool __wrap_aut_blobs_has (aut_blobs_t *blobs, const aut_hash_t *hash, uint64_t *size)
{
    (void)blobs;
    const sim_blob_t *blob = disk_blob (sim_running (), hash);
    if (blob && size)
        *size = blob->size;
    return blob != NULL;
}

void __wrap_aut_submission_destroy (aut_submission_t **self_p)
{
    plan_submission_destroy (self_p);
}

static void note_line (const char *component, const char *format, va_list args)
{
    char text[600];
    if (!sim_running () || !sim_running ()->verbose)
        return;
    vsnprintf (text, sizeof text, format, args);
    sim_note (sim_running (), "    log %s: %s", component, text);
}

void __wrap_aut_log (aut_log_level_t level, const char *component, const char *format, ...)
{
    va_list args;
    (void)level;
    va_start (args, format);
    note_line (component, format, args);
    va_end (args);
}

void __wrap_aut_log_about (aut_log_level_t level, const char *component,
                           const aut_log_about_t *about, const char *format, ...)
{
    va_list args;
    (void)level;
    (void)about;
    va_start (args, format);
    note_line (component, format, args);
    va_end (args);
}
