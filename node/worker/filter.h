/*  The system calls that a worker has no use for and a break-in would. */
#ifndef AUT_NODE_WORKER_FILTER_H
#define AUT_NODE_WORKER_FILTER_H

#include <stdbool.h>

/*  Refuses them from now on, in every thread: sockets (but local ones, with `local_sockets`),
 *  starting programs, other processes' memory, new namespaces, mounts, the kernel's larger doors.
 *  Each gives EPERM and does not kill. 0, or AUT_ERR_UNSUPPORTED. */
int aut_worker_filter (bool local_sockets);

#endif
