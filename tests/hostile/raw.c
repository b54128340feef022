/*  See raw.h. */
#include "tests/hostile/raw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEND_MS 1000
#define READ_MS 5000
#define GREETING 64

int raw_dial (uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons (port),
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    int rc = connect (fd, (struct sockaddr *)&address, sizeof address);
    struct pollfd item = {.fd = fd, .events = POLLOUT};
    if (rc < 0 && (errno != EINPROGRESS || poll (&item, 1, READ_MS) != 1)) {
        close (fd);
        return -1;
    }
    return fd;
}

size_t raw_send (int fd, const void *data, size_t size)
{
    size_t sent = 0;
    while (fd >= 0 && sent < size) {
        ssize_t n = send (fd, (const char *)data + sent, size - sent, MSG_NOSIGNAL);
        struct pollfd item = {.fd = fd, .events = POLLOUT};
        if (n > 0)
            sent += (size_t)n;
        else if (errno != EAGAIN || poll (&item, 1, SEND_MS) != 1)
            break;
    }
    return sent;
}

ssize_t raw_read (int fd, void *data, size_t size, int timeout_ms)
{
    struct pollfd item = {.fd = fd, .events = POLLIN};
    if (fd < 0)
        return 0;
    if (poll (&item, 1, timeout_ms) != 1)
        return -1;
    ssize_t n = recv (fd, data, size, 0);
    return n < 0 ? 0 : n;
}

int raw_handshake (int fd)
{
    static const uint8_t ready[] = "\x04\x1c\x05READY\x0bSocket-Type\0\0\0\6DEALER";
    uint8_t greeting[GREETING] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1, 'N', 'U', 'L', 'L'};
    uint8_t answer[512];
    size_t got = 0;
    raw_send (fd, greeting, sizeof greeting);
    raw_send (fd, ready, sizeof ready - 1);
    while (got <= GREETING) {
        ssize_t n = raw_read (fd, answer + got, sizeof answer - got, READ_MS);
        if (n <= 0)
            return -1;
        got += (size_t)n;
    }
    return 0;
}

uint16_t raw_port (const char *url)
{
    return (uint16_t)strtoul (strrchr (url, ':') + 1, NULL, 10);
}
