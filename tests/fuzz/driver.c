/*  The plain driver of the fuzz targets: PROGRAM [--inputs N] [--seed S] [--max BYTES] [CORPUS…]
 *
 *  Replays every file of the corpus (folders or single files), then N mutations of them. The same
 *  seed gives the same inputs on every machine. What it runs last before a crash is in
 *  $AUTEUR_FUZZ_CRASH, if that names a file. libFuzzer, where clang is there, is the stronger tool
 *  (make fuzz); this one runs everywhere and in `make check`.
 */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define FILE_MAX (1u << 20)

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

typedef struct {
    uint8_t *data;
    size_t size;
} input_t;

typedef struct {
    input_t *items;
    size_t count, cap;
} corpus_t;

typedef struct {
    uint64_t inputs, seed;
    size_t max;
    const char *crash;
} settings_t;

/* ---- random numbers: splitmix64 ---------------------------------------------------------------
 */

static uint64_t next_random (uint64_t *state)
{
    uint64_t z = (*state += UINT64_C (0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C (0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C (0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static size_t below (uint64_t *state, size_t limit)
{
    return limit ? (size_t)(next_random (state) % limit) : 0;
}

/* ---- corpus -----------------------------------------------------------------------------------
 */

static void add_file (corpus_t *corpus, const char *path)
{
    char *data;
    size_t size;
    if (aut_file_read (path, FILE_MAX, &data, &size) != AUT_OK) {
        fprintf (stderr, "skipped: %s\n", aut_error_detail ());
        return;
    }
    corpus->items =
        aut_grow (corpus->items, &corpus->cap, corpus->count + 1, sizeof (*corpus->items));
    corpus->items[corpus->count++] = (input_t){(uint8_t *)data, size};
}

static int not_hidden (const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/*  The files of a folder in the order of their names, so that a seed means the same everywhere. */
static void add_path (corpus_t *corpus, const char *path)
{
    struct stat st;
    if (stat (path, &st) < 0)
        return; /* no corpus yet */
    if (!S_ISDIR (st.st_mode)) {
        add_file (corpus, path);
        return;
    }
    struct dirent **entries = NULL;
    int count = scandir (path, &entries, not_hidden, alphasort);
    for (int i = 0; i < count; i++) {
        char *name = aut_path_join (path, entries[i]->d_name, NULL);
        add_file (corpus, name);
        free (name);
        free (entries[i]);
    }
    free (entries);
}

/* ---- mutations --------------------------------------------------------------------------------
 */

static void insert_bytes (input_t *in, size_t at, const uint8_t *bytes, size_t count, size_t max)
{
    if (count > max - in->size)
        count = max - in->size;
    if (count == 0)
        return;
    memmove (in->data + at + count, in->data + at, in->size - at);
    if (bytes)
        memcpy (in->data + at, bytes, count);
    in->size += count;
}

static void delete_bytes (input_t *in, size_t at, size_t count)
{
    if (count > in->size - at)
        count = in->size - at;
    memmove (in->data + at, in->data + at + count, in->size - at - count);
    in->size -= count;
}

/*  Overwrites with a number at the edge of its type, in either byte order. */
static void put_number (input_t *in, uint64_t *random)
{
    static const uint64_t edges[] = {0,          1,
                                     0x7F,       0x80,
                                     0xFF,       0x100,
                                     0x7FFF,     0x8000,
                                     0xFFFF,     0x10000,
                                     0x7FFFFFFF, 0x80000000,
                                     0xFFFFFFFF, INT64_MAX,
                                     UINT64_MAX, UINT64_C (1) << 63,
                                     '"',        UINT64_MAX - 7};
    static const size_t widths[] = {1, 2, 4, 8};
    uint64_t value = edges[below (random, sizeof (edges) / sizeof (edges[0]))];
    size_t width = widths[below (random, 4)];
    if (in->size < width)
        return;
    size_t at = below (random, in->size - width + 1);
    bool big_endian = below (random, 2);
    for (size_t i = 0; i < width; i++) {
        size_t shift = 8 * (big_endian ? width - 1 - i : i);
        in->data[at + i] = (uint8_t)(value >> shift);
    }
}

/*  Puts a run of another corpus entry into this input. */
static void splice (input_t *in, const corpus_t *corpus, uint64_t *random, size_t max)
{
    if (corpus->count == 0)
        return;
    const input_t *other = &corpus->items[below (random, corpus->count)];
    if (other->size == 0)
        return;
    size_t from = below (random, other->size);
    size_t count = 1 + below (random, other->size - from);
    insert_bytes (in, below (random, in->size + 1), other->data + from, count, max);
}

static void mutate (input_t *in, const corpus_t *corpus, uint64_t *random, size_t max)
{
    uint8_t bytes[16];
    size_t at = below (random, in->size);
    switch (below (random, 9)) {
    case 0: /* flip a bit */
        if (in->size > 0)
            in->data[at] ^= (uint8_t)(1u << below (random, 8));
        break;
    case 1: /* any byte */
        if (in->size > 0)
            in->data[at] = (uint8_t)next_random (random);
        break;
    case 2: /* insert bytes */
        for (size_t i = 0; i < sizeof (bytes); i++)
            bytes[i] = (uint8_t)next_random (random);
        insert_bytes (in, below (random, in->size + 1), bytes, 1 + below (random, 16), max);
        break;
    case 3: /* delete a run */
        delete_bytes (in, at, 1 + below (random, 16));
        break;
    case 4: /* cut the end off */
        in->size = below (random, in->size + 1);
        break;
    case 5:
        splice (in, corpus, random, max);
        break;
    case 6: /* repeat one byte */
        if (in->size > 0) {
            size_t count = 1 + below (random, 64);
            uint8_t byte = in->data[at];
            size_t before = in->size;
            insert_bytes (in, at, NULL, count, max);
            memset (in->data + at, byte, in->size - before);
        }
        break;
    case 7: /* swap two bytes */
        if (in->size > 1) {
            size_t other = below (random, in->size);
            uint8_t byte = in->data[at];
            in->data[at] = in->data[other];
            in->data[other] = byte;
        }
        break;
    default:
        put_number (in, random);
    }
}

/* ---- running ----------------------------------------------------------------------------------
 */

/*  The target gets a copy of exactly `size` bytes, so that a sanitizer sees a read past the end. */
static void run_one (const settings_t *settings, const uint8_t *data, size_t size)
{
    if (settings->crash && aut_file_write (settings->crash, data, size) != AUT_OK)
        fprintf (stderr, "%s\n", aut_error_detail ());
    uint8_t *exact = aut_realloc (NULL, size, 1);
    if (size > 0)
        memcpy (exact, data, size);
    LLVMFuzzerTestOneInput (exact, size);
    free (exact);
}

static void run_mutations (const settings_t *settings, const corpus_t *corpus)
{
    input_t in = {.data = aut_calloc (settings->max, 1)};
    for (uint64_t n = 0; n < settings->inputs; n++) {
        uint64_t random = settings->seed + n * UINT64_C (0xD1342543DE82EF95);
        in.size = 0;
        if (corpus->count > 0) {
            const input_t *base = &corpus->items[below (&random, corpus->count)];
            in.size = base->size < settings->max ? base->size : settings->max;
            memcpy (in.data, base->data, in.size);
        }
        for (size_t steps = 1 + below (&random, 8); steps > 0; steps--)
            mutate (&in, corpus, &random, settings->max);
        run_one (settings, in.data, in.size);
    }
    free (in.data);
}

static bool parse_arguments (settings_t *settings, corpus_t *corpus, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        char *end = NULL;
        uint64_t value = 0;
        bool is_option = argv[i][0] == '-';
        if (is_option) {
            if (i + 1 == argc)
                return false;
            value = strtoull (argv[i + 1], &end, 10);
            if (*end)
                return false;
        }
        if (strcmp (argv[i], "--inputs") == 0)
            settings->inputs = value;
        else if (strcmp (argv[i], "--seed") == 0)
            settings->seed = value;
        else if (strcmp (argv[i], "--max") == 0)
            settings->max = value > 0 && value <= FILE_MAX ? (size_t)value : FILE_MAX;
        else if (is_option)
            return false;
        else
            add_path (corpus, argv[i]);
        i += is_option;
    }
    return true;
}

int main (int argc, char **argv)
{
    settings_t settings = {.inputs = 20000, .max = 128 * 1024};
    corpus_t corpus = {0};
    settings.crash = getenv ("AUTEUR_FUZZ_CRASH");
    int rc = EXIT_SUCCESS;
    if (parse_arguments (&settings, &corpus, argc, argv)) {
        time_t start = time (NULL);
        run_one (&settings, NULL, 0);
        for (size_t i = 0; i < corpus.count; i++)
            run_one (&settings, corpus.items[i].data, corpus.items[i].size);
        run_mutations (&settings, &corpus);
        printf ("%zu corpus files and %" PRIu64 " mutations (seed %" PRIu64
                ") in %ld s: no fault\n",
                corpus.count, settings.inputs, settings.seed, (long)(time (NULL) - start));
    } else {
        fprintf (stderr, "Usage: %s [--inputs N] [--seed S] [--max BYTES] [CORPUS]...\n", argv[0]);
        rc = 2;
    }
    for (size_t i = 0; i < corpus.count; i++)
        free (corpus.items[i].data);
    free (corpus.items);
    return rc;
}
