/*  Coroutines: the broker's threads run on stacks of their own and give control back where they
 *  would wait. Only one runs at a time, so the order of everything is the simulator's. */
#include "tests/sim/sim.h"

#include "lib/core/mem.h"

#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define FIBER_LEAVE(save, bottom, size) __sanitizer_start_switch_fiber (save, bottom, size)
#define FIBER_ENTER(save, bottom, size) __sanitizer_finish_switch_fiber (save, bottom, size)
#else
#define FIBER_LEAVE(save, bottom, size) (void)(save), (void)(bottom), (void)(size)
#define FIBER_ENTER(save, bottom, size) (void)(save), (void)(bottom), (void)(size)
#endif

#define STACK ((size_t)256 << 10)
#define SPARE 16

static co_t *current;
static ucontext_t outside;
static const void *outside_bottom;
static size_t outside_size;
static void *spare[SPARE];
static size_t spare_count;

static void begin (void)
{
    co_t *self = current;
    FIBER_ENTER (NULL, &outside_bottom, &outside_size);
    self->run (self->broker, self->role);
    self->wait = CO_DONE;
    FIBER_LEAVE (NULL, outside_bottom, outside_size);
    swapcontext (&self->context, &outside);
}

void co_start (co_t *self, broker_t *broker, int role, void (*run) (broker_t *, int))
{
    *self = (co_t){.broker = broker, .role = role, .run = run, .wait = CO_NEW};
    self->stack = spare_count ? spare[--spare_count] : aut_calloc (1, STACK);
    getcontext (&self->context);
    self->context.uc_stack.ss_sp = self->stack;
    self->context.uc_stack.ss_size = STACK;
    self->context.uc_link = NULL;
    makecontext (&self->context, begin, 0);
}

void co_resume (co_t *self)
{
    void *fake = NULL;
    current = self;
    FIBER_LEAVE (&fake, self->stack, STACK);
    swapcontext (&outside, &self->context);
    FIBER_ENTER (fake, NULL, NULL);
    current = NULL;
    if (self->wait != CO_DONE)
        return;
    if (spare_count < SPARE)
        spare[spare_count++] = self->stack;
    else
        free (self->stack);
    self->stack = NULL;
}

void co_yield (co_t *self)
{
    FIBER_LEAVE (&self->fake, outside_bottom, outside_size);
    swapcontext (&self->context, &outside);
    FIBER_ENTER (self->fake, &outside_bottom, &outside_size);
}

co_t *co_current (void)
{
    return current;
}

void co_clear (void)
{
    while (spare_count)
        free (spare[--spare_count]);
}
