/*  One thread per proxy, one connection at a time: the client under test has one socket. */
#include "tests/proto/proxy.h"

#include "lib/core/mem.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECE (16 << 10)

struct proxy {
    int listener;
    uint16_t port;
    _Atomic uint16_t target;
    size_t bytes;
    unsigned cuts;
    atomic_uint cut;
    atomic_bool stop;
    pthread_t thread;
};

static int connect_target (uint16_t target)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons (target), .sin_addr = {htonl (INADDR_LOOPBACK)}};
    if (!target)
        return -1;
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect (fd, (struct sockaddr *)&address, sizeof address) < 0) {
        close (fd);
        return -1;
    }
    return fd;
}

static bool forward (int from, int to, size_t *total)
{
    char piece[PIECE];
    ssize_t n = recv (from, piece, sizeof piece, 0);
    if (n <= 0)
        return false;
    *total += (size_t)n;
    for (ssize_t at = 0; at < n;) {
        ssize_t sent = send (to, piece + at, (size_t)(n - at), MSG_NOSIGNAL);
        if (sent < 0)
            return false;
        at += sent;
    }
    return true;
}

static void serve (proxy_t *self, uint16_t target, int client, int server)
{
    size_t total = 0;
    bool good = true;
    while (good && !atomic_load (&self->stop) && atomic_load (&self->target) == target) {
        struct pollfd items[2] = {{.fd = client, .events = POLLIN},
                                  {.fd = server, .events = POLLIN}};
        poll (items, 2, 50);
        if (items[0].revents)
            good = forward (client, server, &total);
        if (good && items[1].revents)
            good = forward (server, client, &total);
        if (total > self->bytes && atomic_load (&self->cut) < self->cuts) {
            atomic_fetch_add (&self->cut, 1);
            good = false;
        }
    }
}

static void *run (void *arg)
{
    proxy_t *self = arg;
    while (!atomic_load (&self->stop)) {
        struct pollfd item = {.fd = self->listener, .events = POLLIN};
        if (poll (&item, 1, 50) <= 0)
            continue;
        int client = accept (self->listener, NULL, NULL);
        uint16_t target = atomic_load (&self->target);
        int server = connect_target (target);
        if (client >= 0 && server >= 0)
            serve (self, target, client, server);
        if (client >= 0)
            close (client);
        if (server >= 0)
            close (server);
    }
    return NULL;
}

proxy_t *proxy_new (uint16_t target_port, size_t bytes, unsigned cuts)
{
    proxy_t *self = aut_calloc (1, sizeof *self);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl (INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    atomic_init (&self->target, target_port);
    self->bytes = bytes;
    self->cuts = cuts;
    self->listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind (self->listener, (struct sockaddr *)&address, size) < 0 ||
        listen (self->listener, 16) < 0 ||
        getsockname (self->listener, (struct sockaddr *)&address, &size) < 0)
        abort ();
    self->port = ntohs (address.sin_port);
    pthread_create (&self->thread, NULL, run, self);
    return self;
}

uint16_t proxy_port (const proxy_t *self)
{
    return self->port;
}

void proxy_point (proxy_t *self, uint16_t target_port)
{
    atomic_store (&self->target, target_port);
}

unsigned proxy_cuts (proxy_t *self)
{
    return atomic_load (&self->cut);
}

void proxy_destroy (proxy_t **self_p)
{
    proxy_t *self = *self_p;
    atomic_store (&self->stop, true);
    pthread_join (self->thread, NULL);
    close (self->listener);
    free (self);
    *self_p = NULL;
}
