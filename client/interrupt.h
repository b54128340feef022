/*  Ctrl-C and SIGTERM for commands that wait: the first asks to stop, the second leaves at once.
 */
#ifndef AUT_CLIENT_INTERRUPT_H
#define AUT_CLIENT_INTERRUPT_H

#include <stdbool.h>

/*  Takes SIGINT, SIGTERM and SIGHUP, and ignores SIGPIPE. Call before threads start. */
void aut_interrupt_install (void);

/*  Whether one of them came. */
bool aut_interrupted (void);

/*  The same, in the form of a cancel callback; `ctx` is ignored. */
bool aut_interrupt_cancelled (void *ctx);

#endif
