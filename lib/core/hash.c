/*  SHA-256 by OpenSSL. A digest cannot fail on valid arguments, so failures there mean that no
 *  memory is left or libcrypto is broken; both end the process as aut_calloc does.
 */
#include "lib/core/hash.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE (256 * 1024)

struct aut_hasher {
    EVP_MD_CTX *ctx;
};

static void begin (aut_hasher_t *self)
{
    if (EVP_DigestInit_ex (self->ctx, EVP_sha256 (), NULL) != 1)
        abort ();
}

aut_hasher_t *aut_hasher_new (void)
{
    aut_hasher_t *self = aut_calloc (1, sizeof (*self));
    self->ctx = EVP_MD_CTX_new ();
    if (!self->ctx)
        abort ();
    begin (self);
    return self;
}

void aut_hasher_update (aut_hasher_t *self, const void *data, size_t size)
{
    if (size > 0 && EVP_DigestUpdate (self->ctx, data, size) != 1)
        abort ();
}

aut_hash_t aut_hasher_final (aut_hasher_t *self)
{
    aut_hash_t hash;
    if (EVP_DigestFinal_ex (self->ctx, hash.bytes, NULL) != 1)
        abort ();
    begin (self);
    return hash;
}

void aut_hasher_copy (aut_hasher_t *self, const aut_hasher_t *other)
{
    if (EVP_MD_CTX_copy_ex (self->ctx, other->ctx) != 1)
        abort ();
}

void aut_hasher_destroy (aut_hasher_t **self_p)
{
    if (!self_p || !*self_p)
        return;
    EVP_MD_CTX_free ((*self_p)->ctx);
    free (*self_p);
    *self_p = NULL;
}

aut_hash_t aut_hash_of (const void *data, size_t size)
{
    aut_hash_t hash;
    if (EVP_Digest (size ? data : "", size, hash.bytes, NULL, EVP_sha256 (), NULL) != 1)
        abort ();
    return hash;
}

int aut_hash_file (aut_hash_t *hash, uint64_t *size, const char *path)
{
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return aut_fail_errno ("cannot open %s", path);

    int rc = AUT_OK;
    uint64_t total = 0;
    char *chunk = aut_calloc (1, READ_SIZE);
    aut_hasher_t *hasher = aut_hasher_new ();
    for (;;) {
        ssize_t n = read (fd, chunk, READ_SIZE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = aut_fail_errno ("cannot read %s", path);
        if (n <= 0)
            break;
        aut_hasher_update (hasher, chunk, (size_t)n);
        total += (uint64_t)n;
    }
    if (rc == AUT_OK) {
        *hash = aut_hasher_final (hasher);
        if (size)
            *size = total;
    }
    aut_hasher_destroy (&hasher);
    free (chunk);
    close (fd);
    return rc;
}

char *aut_hash_hex (const aut_hash_t *hash, char hex[AUT_HASH_HEX])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof (hash->bytes); i++) {
        hex[2 * i] = digits[hash->bytes[i] >> 4];
        hex[2 * i + 1] = digits[hash->bytes[i] & 15];
    }
    hex[AUT_HASH_HEX - 1] = 0;
    return hex;
}

static int digit_value (char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

int aut_hash_parse (aut_hash_t *hash, const char *hex)
{
    aut_hash_t parsed;
    if (!hex || strnlen (hex, AUT_HASH_HEX) != AUT_HASH_HEX - 1)
        return aut_fail (AUT_ERR_INVALID, "a hash is 64 lower-case hex digits");
    for (size_t i = 0; i < sizeof (parsed.bytes); i++) {
        int high = digit_value (hex[2 * i]), low = digit_value (hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return aut_fail (AUT_ERR_INVALID, "a hash is 64 lower-case hex digits");
        parsed.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *hash = parsed;
    return AUT_OK;
}

bool aut_hash_equal (const aut_hash_t *a, const aut_hash_t *b)
{
    return memcmp (a->bytes, b->bytes, sizeof (a->bytes)) == 0;
}

bool aut_hash_is_zero (const aut_hash_t *hash)
{
    static const aut_hash_t zero;
    return aut_hash_equal (hash, &zero);
}
