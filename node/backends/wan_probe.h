/*  The wan backend's probe, apart from it: it needs no LibTorch. */
#ifndef AUT_NODE_BACKENDS_WAN_PROBE_H
#define AUT_NODE_BACKENDS_WAN_PROBE_H

#include "node/backend.h"

/*  aut_backend_t's probe: the folder is one that the engine runs, every part of it is there, and
 * its largest part fits into the machine's memory. Reads JSON only. Any thread. */
int aut_wan_probe (const aut_model_ref_t *model);

#endif
