/*  The probes of what runs on LibTorch, apart from the backends: they do not load it. */
#ifndef AUT_NODE_BACKENDS_WAN_PROBE_H
#define AUT_NODE_BACKENDS_WAN_PROBE_H

#include "node/backend.h"

/*  aut_backend_t's probe: the folder is one that the engine runs, every part of it is there, and
 * its largest part fits into the machine's memory. Reads JSON only. Any thread. */
int aut_wan_probe (const aut_model_ref_t *model);
/*  The same of a learned upscaler, whose weights are small: they are there, and so is the device.
 */
int aut_upscaler_probe (const aut_model_ref_t *model);

#endif
