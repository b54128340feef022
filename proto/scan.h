/*  The scan that runs before msgpack unpacks anything: lengths, depth and counts of untrusted
 * bytes.
 *
 *  msgpack-c allocates by the length that the bytes declare; five bytes can ask for 137 GB. After
 *  this scan every declared length fits in the bytes that are there, so what the unpacker can
 *  allocate is a small multiple of the input. Allocates nothing, any thread.
 */
#ifndef AUT_PROTO_SCAN_H
#define AUT_PROTO_SCAN_H

#include <stddef.h>

#define AUT_SCAN_DEPTH 8      /* maps and arrays inside each other */
#define AUT_SCAN_VALUES 16384 /* values in one message, keys included */

/*  Checks that `data` is exactly one msgpack value within these bounds and without extension types.
 *  0, AUT_ERR_INVALID or AUT_ERR_TOO_LARGE with the byte's offset in the detail. */
int aut_scan (const void *data, size_t size);

#endif
