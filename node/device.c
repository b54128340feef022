/*  See device.h. The driver API, not NVML, because it counts GPUs as the engine will: after
 *  CUDA_VISIBLE_DEVICES and in the same order. No context is made, so no GPU memory is taken. */
#include "node/device.h"

#include "lib/core/log.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

typedef int cuda_int_fn (unsigned);
typedef int cuda_count_fn (int *);
typedef int cuda_get_fn (int *, int);
typedef int cuda_memory_fn (size_t *, int);

/*  POSIX lets a data pointer of dlsym be used as a function; C wants it said. */
#define LOOK_UP(fn, library, symbol)                                                               \
    do {                                                                                           \
        void *found_ = dlsym ((library), (symbol));                                                \
        memcpy (&(fn), &found_, sizeof (fn));                                                      \
    } while (0)

static size_t list_cuda (void *library, aut_device_info_t *out, size_t max)
{
    cuda_int_fn *init;
    cuda_count_fn *get_count;
    cuda_get_fn *get;
    cuda_memory_fn *get_memory;
    LOOK_UP (init, library, "cuInit");
    LOOK_UP (get_count, library, "cuDeviceGetCount");
    LOOK_UP (get, library, "cuDeviceGet");
    LOOK_UP (get_memory, library, "cuDeviceTotalMem_v2");
    int count = 0;
    if (!init || !get_count || !get || !get_memory || init (0) != 0 || get_count (&count) != 0)
        return 0;
    size_t n = 0;
    for (int i = 0; i < count && n < max; i++) {
        int device;
        size_t memory = 0;
        if (get (&device, i) != 0 || get_memory (&memory, device) != 0)
            continue;
        snprintf (out[n].name, sizeof out[n].name, "cuda:%d", i);
        snprintf (out[n].class_, sizeof out[n].class_, "cuda");
        out[n++].memory = memory;
    }
    return n;
}

uint32_t aut_device_cores (void)
{
    cpu_set_t set;
    CPU_ZERO (&set);
    if (sched_getaffinity (0, sizeof set, &set) < 0 || CPU_COUNT (&set) < 1)
        return 1;
    return (uint32_t)CPU_COUNT (&set);
}

uint64_t aut_device_cpu_memory (void)
{
    struct sysinfo info;
    uint64_t memory = 0;
    if (sysinfo (&info) == 0)
        memory = (uint64_t)info.totalram * info.mem_unit;
    FILE *file = fopen ("/sys/fs/cgroup/memory.max", "re");
    uint64_t limit;
    if (file && fscanf (file, "%" SCNu64, &limit) == 1 && limit < memory)
        memory = limit; /* "max" is no number */
    if (file)
        fclose (file);
    return memory;
}

size_t aut_devices_list (aut_device_info_t *out, size_t max)
{
    if (max == 0)
        return 0;
    snprintf (out[0].name, sizeof out[0].name, "cpu");
    snprintf (out[0].class_, sizeof out[0].class_, "cpu");
    out[0].memory = aut_device_cpu_memory ();
    void *library = dlopen ("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return 1;
    size_t n = 1 + list_cuda (library, out + 1, max - 1);
    dlclose (library);
    return n;
}
