/*  One message of every type, with every optional value or with none; for tests and fuzz seeds. */
#ifndef AUT_TESTS_PROTO_SAMPLES_H
#define AUT_TESTS_PROTO_SAMPLES_H

#include "proto/message.h"
#include "proto/worker.h"

/*  The number of samples, and sample `index`; `keys` is how many keys its map must have. */
size_t sample_count (void);
aut_msg_t sample_message (size_t index, size_t *keys);

size_t sample_worker_count (void);
aut_worker_msg_t sample_worker_message (size_t index, size_t *keys);

#endif
