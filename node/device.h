/*  The devices of this machine: its processors, and the GPUs that the CUDA driver shows. The driver
 *  is looked up at run time, so one program serves machines with and without it. */
#ifndef AUT_NODE_DEVICE_H
#define AUT_NODE_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#define AUT_DEVICES_MAX 64

typedef struct {
    char name[24];   /* "cpu", "cuda:0" */
    char class_[8];  /* "cpu", "cuda" */
    uint64_t memory; /* bytes in all */
} aut_device_info_t;

/*  What there is, the cpu first; at most `max`. Never 0. Any thread. */
size_t aut_devices_list (aut_device_info_t *out, size_t max);

/*  Processors that this process may use, at least 1. */
uint32_t aut_device_cores (void);

/*  Memory that this process may use: the machine's, or its control group's limit if that is less.
 */
uint64_t aut_device_cpu_memory (void);

#endif
