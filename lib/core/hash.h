/*  SHA-256 (FIPS 180-4) by OpenSSL's libcrypto, and its hex form. */
#ifndef AUT_LIB_CORE_HASH_H
#define AUT_LIB_CORE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t bytes[32];
} aut_hash_t;

#define AUT_HASH_HEX 65 /* 64 hex digits and the terminator */

typedef struct aut_hasher aut_hasher_t;

/*  An incremental hash; destroy nulls the caller's pointer. */
aut_hasher_t *aut_hasher_new (void);
void aut_hasher_update (aut_hasher_t *self, const void *data, size_t size);
/*  Gives the digest and resets the hasher for the next message. */
aut_hash_t aut_hasher_final (aut_hasher_t *self);
/*  Makes `self` what `other` is now. */
void aut_hasher_copy (aut_hasher_t *self, const aut_hasher_t *other);
void aut_hasher_destroy (aut_hasher_t **self_p);

/*  The hash of one buffer. */
aut_hash_t aut_hash_of (const void *data, size_t size);

/*  The hash and size of a file's content (size may be NULL); 0 or an error. */
int aut_hash_file (aut_hash_t *hash, uint64_t *size, const char *path);

/*  Lower-case hex into `hex` (AUT_HASH_HEX bytes); returns `hex`. */
char *aut_hash_hex (const aut_hash_t *hash, char hex[AUT_HASH_HEX]);

/*  Exactly 64 lower-case hex digits; 0 or AUT_ERR_INVALID. */
int aut_hash_parse (aut_hash_t *hash, const char *hex);

bool aut_hash_equal (const aut_hash_t *a, const aut_hash_t *b);
/*  All zero bytes: "no hash". */
bool aut_hash_is_zero (const aut_hash_t *hash);

#endif
