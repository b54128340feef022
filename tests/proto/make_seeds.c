/*  Writes the samples as seeds: make_proto_seeds CORPUS-FOLDER. */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "tests/proto/samples.h"

#include <stdio.h>
#include <stdlib.h>

static int write_seed (const char *folder, const char *target, size_t index, const char *name,
                       const aut_buffer_t *bytes)
{
    char *dir = aut_path_join (folder, target, NULL);
    char *path = aut_sprintf ("%s/%02zu-%s", dir, index, name);
    int rc = aut_dir_make (dir);
    if (rc == 0)
        rc = aut_file_write (path, bytes->data, bytes->size);
    free (dir);
    free (path);
    return rc;
}

int main (int argc, char **argv)
{
    int rc = argc == 2 ? 0 : AUT_ERR_INVALID;
    size_t keys;
    for (size_t i = 0; rc == 0 && i < sample_count (); i++) {
        aut_msg_t msg = sample_message (i, &keys);
        uint8_t head[AUT_HEAD_SIZE];
        aut_buffer_t map = {0}, whole = {0};
        rc = aut_msg_encode (&msg, head, &map);
        aut_buffer_append (&whole, head, sizeof head);
        aut_buffer_append (&whole, map.data, map.size);
        if (rc == 0)
            rc = write_seed (argv[1], "fuzz_message", i, aut_msg_name (msg.type), &whole);
        if (rc == 0)
            rc = write_seed (argv[1], "fuzz_scan", i, aut_msg_name (msg.type), &map);
        aut_buffer_clear (&map);
        aut_buffer_clear (&whole);
    }
    aut_buffer_t stream = {0};
    for (size_t i = 0; rc == 0 && i < sample_worker_count (); i++) {
        aut_worker_msg_t msg = sample_worker_message (i, &keys);
        aut_buffer_t one = {0};
        rc = aut_worker_encode (&msg, &one);
        aut_buffer_append (&stream, one.data, one.size);
        if (rc == 0)
            rc = write_seed (argv[1], "fuzz_worker_message", i, aut_worker_msg_name (msg.type),
                             &one);
        aut_buffer_clear (&one);
    }
    if (rc == 0)
        rc = write_seed (argv[1], "fuzz_worker_message", 99, "all", &stream);
    aut_buffer_clear (&stream);
    if (rc)
        fprintf (stderr, "make_proto_seeds: %s\n", aut_error_detail ());
    return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
