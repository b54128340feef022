/*  Key files and lists: what is written is read back, what others could read or write is refused
 *  with the command that mends it, and what is malformed names its line. */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "proto/client.h"
#include "proto/keys.h"

#include <check.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define OK(call) ck_assert_msg ((call) == 0, #call ": %s", aut_error_detail ())
#define SAYS(text) ck_assert_msg (strstr (aut_error_detail (), text), "%s", aut_error_detail ())

static char dir[64];

static void setup (void)
{
    snprintf (dir, sizeof dir, "/tmp/auteur-keys.XXXXXX");
    ck_assert_ptr_nonnull (mkdtemp (dir));
}

static void teardown (void)
{
    aut_dir_remove (dir);
}

static char *in_dir (const char *file)
{
    return aut_path_join (dir, file, NULL);
}

/*  DIR/FILE with this text and mode. */
static void put_file (const char *file, const char *text, size_t size, unsigned mode)
{
    char *path = in_dir (file);
    OK (aut_file_write (path, text, size));
    ck_assert_int_eq (chmod (path, mode), 0);
    free (path);
}

START_TEST (a_pair_is_kept)
{
    aut_keypair_t pair, back;
    char *path = in_dir ("secret.key");
    struct stat st;
    OK (aut_keypair_new (&pair));
    OK (aut_keypair_save (&pair, dir));
    OK (aut_keypair_load (&back, dir));
    ck_assert_str_eq (pair.public_key, back.public_key);
    ck_assert_str_eq (pair.secret_key, back.secret_key);
    ck_assert_int_eq (stat (path, &st), 0);
    ck_assert_uint_eq (st.st_mode & 07777, 0600);
    free (path);
}
END_TEST

START_TEST (new_never_overwrites)
{
    aut_keypair_t first, second, back;
    OK (aut_keypair_new (&first));
    OK (aut_keypair_new (&second));
    OK (aut_keypair_save (&first, dir));
    ck_assert_int_eq (aut_keypair_save (&second, dir), AUT_ERR_EXISTS);
    OK (aut_keypair_load (&back, dir));
    ck_assert_str_eq (back.public_key, first.public_key);
}
END_TEST

START_TEST (open_modes_are_refused)
{
    aut_keypair_t pair;
    aut_allow_list_t list;
    char *path = in_dir ("secret.key");
    OK (aut_keypair_new (&pair));
    OK (aut_keypair_save (&pair, dir));
    ck_assert_int_eq (chmod (path, 0640), 0);
    ck_assert_int_eq (aut_keypair_load (&pair, dir), AUT_ERR_DENIED);
    SAYS ("chmod 600");
    ck_assert_int_eq (chmod (path, 0600), 0);
    ck_assert_int_eq (chmod (dir, 0750), 0);
    ck_assert_int_eq (aut_keypair_load (&pair, dir), AUT_ERR_DENIED);
    SAYS ("chmod 700");
    ck_assert_int_eq (aut_keypair_save (&pair, dir), AUT_ERR_DENIED);
    ck_assert_int_eq (chmod (dir, 0700), 0);
    put_file ("nodes.allow", "", 0, 0622);
    ck_assert_int_eq (aut_allow_list_load (&list, dir, AUT_ALLOW_NODES), AUT_ERR_DENIED);
    SAYS ("chmod 600");
    free (path);
}
END_TEST

/*  Root in a mount namespace of this process's own; false where the system allows none. */
static bool own_mounts (void)
{
    if (geteuid () != 0) {
        char line[32];
        size_t size = (size_t)snprintf (line, sizeof line, "0 %u 1", geteuid ());
        int fd = unshare (CLONE_NEWUSER) ? -1 : open ("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
        bool mapped = fd >= 0 && write (fd, line, size) == (ssize_t)size;
        if (fd >= 0)
            close (fd);
        if (!mapped)
            return false;
    }
    return unshare (CLONE_NEWNS) == 0 && mount ("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/*  As the kubelet lays a Secret out: names are links into ..data, which leads to a folder. */
START_TEST (what_root_hands_over_read_only_is_taken)
{
    aut_keypair_t pair, back;
    char *made = in_dir ("secret.key"), *real = in_dir ("..2026/secret.key");
    OK (aut_keypair_new (&pair));
    OK (aut_keypair_save (&pair, dir));
    if (!own_mounts ()) {
        printf ("left out: no mounts of our own here\n");
        return;
    }
    char *stamp = in_dir ("..2026"), *data = in_dir ("..data");
    ck_assert_int_eq (mkdir (stamp, 0755) || rename (made, real) || symlink ("..2026", data) ||
                          symlink ("..data/secret.key", made) || chmod (real, 0440) ||
                          chmod (dir, 01777),
                      0);
    ck_assert_int_eq (aut_keypair_load (&back, dir), AUT_ERR_DENIED); /* can be written here */
    ck_assert_int_eq (mount (dir, dir, NULL, MS_BIND, NULL), 0);
    ck_assert_int_eq (mount (NULL, dir, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
    OK (aut_keypair_load (&back, dir));
    ck_assert_str_eq (back.public_key, pair.public_key);
    ck_assert_int_eq (umount2 (dir, MNT_DETACH), 0);
    ck_assert_int_eq (chmod (real, 0444), 0);
    ck_assert_int_eq (mount (dir, dir, NULL, MS_BIND, NULL), 0);
    ck_assert_int_eq (mount (NULL, dir, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
    ck_assert_int_eq (aut_keypair_load (&back, dir), AUT_ERR_DENIED); /* everybody could read it */
    SAYS ("open to others");
    ck_assert_int_eq (umount2 (dir, MNT_DETACH), 0);
    free (made);
    free (real);
    free (stamp);
    free (data);
}
END_TEST

/*  A link may lead elsewhere a moment after it was looked at. */
START_TEST (links_are_refused)
{
    aut_keypair_t pair;
    aut_allow_list_t list;
    char *path = in_dir ("secret.key"), *real = in_dir ("real.key"),
         *nodes = in_dir ("nodes.allow");
    char *link_to_dir = aut_sprintf ("%s.link", dir);
    OK (aut_keypair_new (&pair));
    OK (aut_keypair_save (&pair, dir));
    ck_assert_int_eq (symlink (dir, link_to_dir), 0);
    ck_assert_int_eq (aut_keypair_load (&pair, link_to_dir), AUT_ERR_INVALID);
    SAYS ("not a link to it");
    ck_assert_int_eq (aut_keypair_save (&pair, link_to_dir), AUT_ERR_INVALID);
    ck_assert_int_eq (rename (path, real) || symlink (real, path), 0);
    ck_assert_int_eq (aut_keypair_load (&pair, dir), AUT_ERR_DENIED);
    SAYS ("is a link");
    ck_assert_int_eq (symlink ("/dev/null", nodes), 0);
    ck_assert_int_eq (aut_allow_list_load (&list, dir, AUT_ALLOW_NODES), AUT_ERR_DENIED);
    ck_assert_int_eq (unlink (nodes) || mkfifo (nodes, 0600), 0);
    ck_assert_int_eq (aut_allow_list_load (&list, dir, AUT_ALLOW_NODES), AUT_ERR_INVALID);
    ck_assert_int_eq (unlink (link_to_dir), 0);
    free (path);
    free (real);
    free (nodes);
    free (link_to_dir);
}
END_TEST

START_TEST (absent_keys_name_the_command)
{
    aut_keypair_t pair;
    ck_assert_int_eq (aut_keypair_load (&pair, dir), AUT_ERR_NOT_FOUND);
    SAYS ("auteur keys new");
    ck_assert_int_eq (aut_keypair_load (&pair, "/nonexistent/keys"), AUT_ERR_NOT_FOUND);
    SAYS ("auteur keys new");
}
END_TEST

START_TEST (broken_pairs_are_refused)
{
    aut_keypair_t one, two, out;
    OK (aut_keypair_new (&one));
    OK (aut_keypair_new (&two));
    struct {
        char *text;
        const char *says;
    } cases[] = {
        {aut_strdup (""), "missing"},
        {aut_sprintf ("public %s\n", one.public_key), "missing"},
        {aut_sprintf ("public %s\nsecret %s\n", two.public_key, one.secret_key), "not a pair"},
        {aut_sprintf ("public %s\nsecret %.39s\n", one.public_key, one.secret_key), "40"},
        {aut_sprintf ("public %s\npublic %s\n", one.public_key, one.public_key), "one line"},
        {aut_sprintf ("public %s\nsecret %.39s~\n", one.public_key, one.secret_key), "0x7e"},
        {aut_strdup ("hello\n"), "neither"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_int_eq (
            aut_keypair_parse (&out, cases[i].text, strlen (cases[i].text), "secret.key"),
            AUT_ERR_INVALID);
        SAYS (cases[i].says);
        ck_assert_str_eq (out.secret_key, "");
        free (cases[i].text);
    }
}
END_TEST

START_TEST (huge_files_are_refused)
{
    aut_keypair_t pair;
    aut_allow_list_t list;
    size_t size = AUT_ALLOW_BYTES + 1;
    char *text = aut_calloc (1, size);
    memset (text, '#', size);
    put_file ("secret.key", text, 8192, 0600);
    ck_assert_int_eq (aut_keypair_load (&pair, dir), AUT_ERR_TOO_LARGE);
    put_file ("nodes.allow", text, size, 0600);
    ck_assert_int_eq (aut_allow_list_load (&list, dir, AUT_ALLOW_NODES), AUT_ERR_TOO_LARGE);
    free (text);
}
END_TEST

START_TEST (lists_are_kept)
{
    aut_allow_list_t list = {0}, back;
    aut_keypair_t pair;
    bool changed;
    OK (aut_keypair_new (&pair));
    aut_allowed_t entry = {
        .name = "anna", .is_operator = true, .max_jobs = 7, .max_bytes = 1 << 20};
    memcpy (entry.key, pair.public_key, sizeof entry.key);
    OK (aut_allow_list_put (&list, &entry, &changed));
    ck_assert (changed);
    OK (aut_allow_list_put (&list, &entry, &changed));
    ck_assert (!changed);
    entry.max_jobs = 8;
    OK (aut_allow_list_put (&list, &entry, &changed));
    ck_assert (changed);
    ck_assert_uint_eq (list.count, 1);
    OK (aut_allow_list_save (&list, dir, AUT_ALLOW_CLIENTS));
    OK (aut_allow_list_load (&back, dir, AUT_ALLOW_CLIENTS));
    ck_assert_uint_eq (back.count, 1);
    ck_assert_str_eq (back.items[0].name, "anna");
    ck_assert_str_eq (back.items[0].key, pair.public_key);
    ck_assert (back.items[0].is_operator);
    ck_assert_uint_eq (back.items[0].max_jobs, 8);
    ck_assert_uint_eq (back.items[0].max_bytes, 1 << 20);
    ck_assert_ptr_eq (aut_allow_list_find (&back, pair.public_key), back.items);
    aut_allow_list_remove (&back, back.items);
    ck_assert_uint_eq (back.count, 0);
    aut_allow_list_clear (&back);
    aut_allow_list_clear (&list);
}
END_TEST

START_TEST (a_name_is_of_one_key)
{
    aut_allow_list_t list = {0};
    aut_keypair_t pair;
    bool changed;
    aut_allowed_t entry = {.name = "n1"};
    OK (aut_keypair_new (&pair));
    memcpy (entry.key, pair.public_key, sizeof entry.key);
    OK (aut_allow_list_put (&list, &entry, &changed));
    OK (aut_keypair_new (&pair));
    memcpy (entry.key, pair.public_key, sizeof entry.key);
    ck_assert_int_eq (aut_allow_list_put (&list, &entry, &changed), AUT_ERR_EXISTS);
    aut_allow_list_clear (&list);
}
END_TEST

START_TEST (broken_lists_name_their_line)
{
    static const char key[] = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
    struct {
        aut_allow_kind_t kind;
        char *text;
        const char *says;
    } cases[] = {
        {AUT_ALLOW_NODES, aut_strdup ("# x\n\nn1\n"), "list:3: the key is missing"},
        {AUT_ALLOW_NODES, aut_strdup ("n1 abc\n"), "list:1: a public key has 40"},
        {AUT_ALLOW_NODES, aut_sprintf ("-n %s\n", key), "list:1: \"-n\" is no name"},
        {AUT_ALLOW_NODES, aut_sprintf ("n1 %s operator\n", key), "only clients"},
        {AUT_ALLOW_CLIENTS, aut_sprintf ("n1 %s admin\n", key), "\"admin\" is not known"},
        {AUT_ALLOW_CLIENTS, aut_sprintf ("n1 %s max-jobs=-1\n", key), "whole number"},
        {AUT_ALLOW_CLIENTS, aut_sprintf ("n1 %s\nn2 %s\n", key, key), "list:2"},
        {AUT_ALLOW_BROKERS, aut_sprintf ("n1 %s\nn1 %s\n", key, key), "list:2"},
        {AUT_ALLOW_NODES, aut_sprintf ("n1 %s %600s\n", key, "x"), "longer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aut_allow_list_t list;
        ck_assert_int_eq (aut_allow_list_parse (&list, cases[i].kind, cases[i].text,
                                                strlen (cases[i].text), "list"),
                          AUT_ERR_INVALID);
        SAYS (cases[i].says);
        ck_assert_ptr_null (list.items);
        free (cases[i].text);
    }
}
END_TEST

/*  What is no loopback address goes with keys. */
START_TEST (loopback_is_known_by_its_numbers)
{
    static const char *const local[] = {"tcp://127.0.0.1:7700", "tcp://127.3.2.1:*",
                                        "tcp://localhost:7700", "tcp://[::1]:7700",
                                        "inproc://a-client"};
    static const char *const far[] = {"tcp://127.example.org:7700",
                                      "tcp://127.0.0.1.example.org:1",
                                      "tcp://localhost.example.org:7700",
                                      "tcp://0.0.0.0:7700",
                                      "tcp://[::]:7700",
                                      "tcp://10.127.0.1:7700"};
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        ck_assert_msg (aut_endpoint_is_local (local[i]), "%s", local[i]);
    for (size_t i = 0; i < sizeof far / sizeof *far; i++)
        ck_assert_msg (!aut_endpoint_is_local (far[i]), "%s", far[i]);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("keys");
    TCase *tc = tcase_create ("files");
    tcase_add_checked_fixture (tc, setup, teardown);
    tcase_add_test (tc, a_pair_is_kept);
    tcase_add_test (tc, new_never_overwrites);
    tcase_add_test (tc, open_modes_are_refused);
    tcase_add_test (tc, what_root_hands_over_read_only_is_taken);
    tcase_add_test (tc, links_are_refused);
    tcase_add_test (tc, absent_keys_name_the_command);
    tcase_add_test (tc, broken_pairs_are_refused);
    tcase_add_test (tc, huge_files_are_refused);
    tcase_add_test (tc, lists_are_kept);
    tcase_add_test (tc, a_name_is_of_one_key);
    tcase_add_test (tc, broken_lists_name_their_line);
    tcase_add_test (tc, loopback_is_known_by_its_numbers);
    suite_add_tcase (suite, tc);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? 1 : 0;
}
