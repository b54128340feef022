/*  SHA-256 against the vectors of FIPS 180-4 and NIST's short messages. */
#include "lib/core/hash.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/hash_aide.h"
#include "lib/core/mem.h"
#include "tests/core/support.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *text;
    size_t repeat;
    const char *hex;
} vectors[] = {
    {"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnop"
     "q"
     "rsmnopqrstnopqrstu",
     1, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    {"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};

START_TEST (known_vectors)
{
    char hex[AUT_HASH_HEX];
    size_t len = strlen (vectors[_i].text), size = len * vectors[_i].repeat;
    char *data = aut_calloc (size + 1, 1);
    for (size_t i = 0; i < vectors[_i].repeat; i++)
        memcpy (data + i * len, vectors[_i].text, len);
    aut_hash_t hash = aut_hash_of (data, size);
    ck_assert_str_eq (aut_hash_hex (&hash, hex), vectors[_i].hex);

    aut_hasher_t *hasher = aut_hasher_new ();
    for (int round = 0; round < 2; round++) { /* final resets */
        for (size_t at = 0, step = 1; at < size; step = step * 3 + 1) {
            size_t part = size - at < step ? size - at : step;
            aut_hasher_update (hasher, data + at, part);
            at += part;
        }
        aut_hash_t parts = aut_hasher_final (hasher);
        ck_assert (aut_hash_equal (&parts, &hash));
    }
    aut_hasher_destroy (&hasher);
    ck_assert_ptr_null (hasher);

    char *folder = make_folder ();
    char *path = aut_path_join (folder, "file", NULL);
    aut_hash_t of_file;
    uint64_t bytes = 0;
    ck_assert_int_eq (aut_file_write (path, data, size), 0);
    ck_assert_int_eq (aut_hash_file (&of_file, &bytes, path), 0);
    ck_assert (aut_hash_equal (&of_file, &hash));
    ck_assert_uint_eq (bytes, size);
    free (path);
    remove_folder (&folder);
    free (data);
}
END_TEST

START_TEST (hex_is_strict)
{
    static const char *const bad[] = {
        "",
        "e3b0",
        "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8555",
        "g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85 ",
    };
    aut_hash_t hash = {{1}};
    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++)
        ck_assert_int_eq (aut_hash_parse (&hash, bad[i]), AUT_ERR_INVALID);
    ck_assert_int_eq (aut_hash_parse (&hash, NULL), AUT_ERR_INVALID);
    ck_assert_int_eq (hash.bytes[0], 1);
    char hex[AUT_HASH_HEX];
    ck_assert_int_eq (aut_hash_parse (&hash, vectors[1].hex), 0);
    ck_assert_str_eq (aut_hash_hex (&hash, hex), vectors[1].hex);
}
END_TEST

START_TEST (zero_and_missing)
{
    aut_hash_t hash = {{0}};
    ck_assert (aut_hash_is_zero (&hash));
    hash.bytes[31] = 1;
    ck_assert (!aut_hash_is_zero (&hash));
    ck_assert_int_eq (aut_hash_file (&hash, NULL, "/nonexistent/file"), AUT_ERR_NOT_FOUND);
}
END_TEST

/*  By the aide, by its owner because it is busy, or taken back: always the same hash. */
START_TEST (an_aide_hashes_the_same)
{
    const size_t size = 1 << 20;
    char *data = aut_calloc (1, size);
    aut_hash_aide_t *aide = aut_hash_aide_new ();
    aut_hasher_t *alone = aut_hasher_new (), *aided = aut_hasher_new ();
    aut_hasher_t *other = aut_hasher_new (), *kept = aut_hasher_new ();
    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i * 7 + (i >> 9));
    ck_assert (!aut_hash_aide_begin (aide, other, data, 100)); /* not worth it */
    for (size_t round = 0; round < 200; round++) {
        size_t part = round % 3 ? size / (round % 7 + 1) : 70000;
        bool begun = aut_hash_aide_begin (aide, aided, data, part);
        ck_assert (!begun || !aut_hash_aide_begin (aide, other, data, part)); /* busy */
        aut_hasher_update (alone, data, part);
        if (begun)
            aut_hash_aide_end (aide);
        else
            aut_hasher_update (aided, data, part);
    }
    aut_hasher_copy (kept, aided);
    aut_hasher_update (aided, "x", 1);
    aut_hasher_copy (aided, kept);
    aut_hash_t a = aut_hasher_final (alone), b = aut_hasher_final (aided);
    ck_assert (aut_hash_equal (&a, &b));
    aut_hasher_destroy (&alone);
    aut_hasher_destroy (&aided);
    aut_hasher_destroy (&other);
    aut_hasher_destroy (&kept);
    aut_hash_aide_destroy (&aide);
    ck_assert_ptr_null (aide);
    free (data);
}
END_TEST

int main (void)
{
    TCase *tests = tcase_create ("hash");
    tcase_add_loop_test (tests, known_vectors, 0, sizeof (vectors) / sizeof (vectors[0]));
    tcase_add_test (tests, hex_is_strict);
    tcase_add_test (tests, zero_and_missing);
    tcase_add_test (tests, an_aide_hashes_the_same);
    return run_case (tests);
}
