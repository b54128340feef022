#include "client/interrupt.h"
#include "client/command.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

/* The one global that cannot be avoided: a signal handler has no other argument. */
static volatile sig_atomic_t signals_seen;

static void on_signal (int number)
{
    (void)number;
    if (signals_seen++ > 0)
        _exit (AUT_EXIT_INTERRUPTED);
}

void aut_interrupt_install (void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction (SIGINT, &action, NULL);
    sigaction (SIGTERM, &action, NULL);
    sigaction (SIGHUP, &action, NULL);
    signal (SIGPIPE, SIG_IGN);
}

bool aut_interrupted (void)
{
    return signals_seen > 0;
}

bool aut_interrupt_cancelled (void *ctx)
{
    (void)ctx;
    return aut_interrupted ();
}
