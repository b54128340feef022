/*  Any bytes as what an HTTP client sends, to the port of a real broker: it answers or hangs up,
 * and after a thousand of them it still says that it is well. */
#include "broker/broker.h"
#include "lib/core/file.h"
#include "lib/core/log.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOK_EVERY 1000

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static aut_broker_t *broker;
static char state[] = "/tmp/auteur-fuzz-http-XXXXXX";
static uint16_t port;

static void stop (void)
{
    aut_broker_stop (&broker, 0);
    aut_dir_remove (state);
}

static void start (void)
{
    aut_broker_options_t options;
    aut_log_setup (AUT_LOG_ERROR, AUT_LOG_TEXT);
    aut_broker_options_init (&options);
    options.state_dir = mkdtemp (state);
    options.port = 0;
    if (aut_broker_start (&broker, &options) < 0)
        abort ();
    port = (uint16_t)strtoul (strrchr (aut_broker_endpoints (broker)->http, ':') + 1, NULL, 10);
    atexit (stop);
}

static int dial (void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons (port),
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 60};
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect (fd, (struct sockaddr *)&address, sizeof address) < 0)
        abort ();
    setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return fd;
}

/*  Sends, ends the sending side and reads to the end; how much of the answer is in `answer`. */
static size_t exchange (const void *data, size_t size, char *answer, size_t max)
{
    int fd = dial ();
    size_t got = 0;
    char bytes[4096];
    for (size_t sent = 0; sent < size;) {
        ssize_t n = send (fd, (const char *)data + sent, size - sent, MSG_NOSIGNAL);
        if (n <= 0)
            break; /* it has hung up on us */
        sent += (size_t)n;
    }
    shutdown (fd, SHUT_WR);
    for (ssize_t n; (n = recv (fd, bytes, sizeof bytes, 0)) > 0;) {
        size_t keep = (size_t)n < max - got ? (size_t)n : max - got;
        memcpy (answer + got, bytes, keep);
        got += keep;
    }
    close (fd);
    return got;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static unsigned count;
    static const char question[] = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    char answer[64];
    if (memmem (data, size, "/events", 7))
        return 0; /* a stream of events does not end */
    if (!broker)
        start ();
    exchange (data, size, answer, sizeof answer);
    if (++count % LOOK_EVERY == 0 &&
        (exchange (question, sizeof question - 1, answer, sizeof answer) < 12 ||
         memcmp (answer, "HTTP/1.1 200", 12) != 0))
        abort ();
    return 0;
}
