/*  The most memory that the process held: its resident set, mapped files included (Linux, proc(5)).
 */
#ifndef AUT_LIB_CORE_PEAK_H
#define AUT_LIB_CORE_PEAK_H

#include <stdint.h>

/*  The peak is counted from here on. Where the system cannot reset it, it is the process's. */
void aut_peak_reset (void);

/*  Bytes; 0 if the system tells nothing. */
uint64_t aut_peak_bytes (void);

#endif
