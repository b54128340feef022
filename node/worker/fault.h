/*  TEST HOOK. Lets the cluster's tests make a worker fail on purpose; does nothing unless the
 *  environment variable AUTEUR_TEST_WORKER_FAULT is set, which no program of ours sets.
 *
 *  Its value is a list of faults separated by ';', each KIND:TEXT, applied to tasks whose prompt
 *  contains TEXT (an empty TEXT: to all):
 *
 *      die:TEXT       the process exits with status 70 in the middle of the chunk
 *      hang:TEXT      it stops reporting and never goes on, nor does it hear CANCEL
 *      oom:TEXT       the chunk fails with AUT_ERR_DEVICE_MEMORY
 *      slow:MS:TEXT   every frame takes MS milliseconds longer (":TEXT" may be left out)
 */
#ifndef AUT_NODE_WORKER_FAULT_H
#define AUT_NODE_WORKER_FAULT_H

#include <stdint.h>

/*  To be called before each frame, with the hook's value (NULL = no fault). 0, or the error that
 *  the fault asks for. */
int aut_fault_before_frame (const char *faults, const char *prompt, uint32_t frame,
                            uint32_t frames);

#endif
