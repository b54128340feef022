/*  See notify.h. libsystemd would do the same, for a library more in every process. A path that
 *  begins with '@' is a name in the abstract name space, whose first byte is 0 on the wire. */
#include "lib/core/notify.h"

#include "lib/core/buffer.h"
#include "lib/core/mem.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct aut_notify {
    int fd; /* −1: nobody listens */
    struct sockaddr_un address;
    socklen_t size;
    int64_t every_ms; /* 0: nobody watches */
    int64_t last_ms;
    bool pinged, ready, stopping;
    char *status;
};

static void find_socket (aut_notify_t *self)
{
    const char *path = getenv ("NOTIFY_SOCKET");
    size_t size = path ? strlen (path) : 0;
    bool abstract = path && path[0] == '@';
    if (size < 2 || (!abstract && path[0] != '/') || size >= sizeof self->address.sun_path)
        return;
    self->address.sun_family = AF_UNIX;
    memcpy (self->address.sun_path, path, size);
    if (abstract)
        self->address.sun_path[0] = 0;
    /* An abstract name is as long as its address says; a path ends with its 0. */
    self->size = (socklen_t)(offsetof (struct sockaddr_un, sun_path) + size + !abstract);
    self->fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

/*  The patience is another process's if the variable names another one. */
static void find_watchdog (aut_notify_t *self)
{
    const char *patience = getenv ("WATCHDOG_USEC"), *pid = getenv ("WATCHDOG_PID");
    long long us = patience ? strtoll (patience, NULL, 10) : 0;
    if (us <= 0 || (pid && *pid && strtoll (pid, NULL, 10) != (long long)getpid ()))
        return;
    self->every_ms = us / 2000 > 0 ? us / 2000 : 1;
}

aut_notify_t *aut_notify_new (void)
{
    aut_notify_t *self = aut_calloc (1, sizeof *self);
    self->fd = -1;
    find_socket (self);
    find_watchdog (self);
    unsetenv ("NOTIFY_SOCKET");
    unsetenv ("WATCHDOG_USEC");
    unsetenv ("WATCHDOG_PID");
    return self;
}

void aut_notify_destroy (aut_notify_t **self_p)
{
    aut_notify_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    if (self->fd >= 0)
        close (self->fd);
    free (self->status);
    free (self);
}

static void say (const aut_notify_t *self, const char *text)
{
    if (self->fd >= 0)
        (void)!sendto (self->fd, text, strlen (text), MSG_DONTWAIT | MSG_NOSIGNAL,
                       (const struct sockaddr *)&self->address, self->size);
}

void aut_notify_ready (aut_notify_t *self)
{
    if (!self->ready)
        say (self, "READY=1");
    self->ready = true;
}

void aut_notify_stopping (aut_notify_t *self)
{
    if (!self->stopping)
        say (self, "STOPPING=1");
    self->stopping = true;
}

void aut_notify_status (aut_notify_t *self, const char *format, ...)
{
    va_list args;
    char text[512];
    va_start (args, format);
    vsnprintf (text, sizeof text, format, args);
    va_end (args);
    if (self->status && strcmp (self->status, text) == 0)
        return;
    free (self->status);
    self->status = aut_strdup (text);
    aut_buffer_t line = {0};
    aut_buffer_text (&line, "STATUS=");
    aut_buffer_printable (&line, text); /* no line breaks: they would begin another variable */
    say (self, line.data);
    aut_buffer_clear (&line);
}

void aut_notify_watchdog (aut_notify_t *self, bool well, int64_t now_ms)
{
    if (!self->every_ms || !well || (self->pinged && now_ms - self->last_ms < self->every_ms))
        return;
    say (self, "WATCHDOG=1");
    self->pinged = true;
    self->last_ms = now_ms;
}
