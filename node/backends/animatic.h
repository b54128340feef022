/*  The animatic backend: draws each shot from what the storyboard says, with no model. See
 *  node/backend.h for the functions and animatic.c for how it works.
 */
#ifndef AUT_NODE_BACKENDS_ANIMATIC_H
#define AUT_NODE_BACKENDS_ANIMATIC_H

#include "node/backend.h"

/*  The table of this backend; static. */
extern const aut_backend_t aut_backend_animatic;

#endif
