/*  Settings files, and settings by file, variable and option: who wins, what is told of mistakes,
 *  and what --print-config shows.
 */
#include "lib/core/config.h"

#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"
#include "lib/core/options.h"
#include "tests/core/support.h"

#include <stdlib.h>
#include <string.h>

static char *folder;

static void begin (void)
{
    folder = make_folder ();
}

static void end (void)
{
    remove_folder (&folder);
}

static char *test_path (const char *name)
{
    return aut_path_join (folder, name, NULL);
}

/* ---- the file -------------------------------------------------------------------------------- */

START_TEST (reads_lines)
{
    static const char text[] = "# a comment\r\n"
                               "\n"
                               "bind = 0.0.0.0   # all of them\r\n"
                               "  models=/a#b:/c\n"
                               "name = \"a # \\\"b\\\" \\\\ \" # quoted\n"
                               "empty =\n"
                               "device = cuda:0\n"
                               "device = cuda:1";
    static const struct {
        const char *name, *value;
        int line;
    } wanted[] = {{"bind", "0.0.0.0", 3}, {"models", "/a#b:/c", 4}, {"name", "a # \"b\" \\ ", 5},
                  {"empty", "", 6},       {"device", "cuda:0", 7},  {"device", "cuda:1", 8}};
    aut_config_t config;
    ck_assert_int_eq (aut_config_parse (&config, "x.conf", text, sizeof text - 1), 0);
    ck_assert_str_eq (config.path, "x.conf");
    ck_assert_uint_eq (config.count, sizeof wanted / sizeof *wanted);
    for (size_t i = 0; i < config.count; i++) {
        ck_assert_str_eq (config.entries[i].name, wanted[i].name);
        ck_assert_str_eq (config.entries[i].value, wanted[i].value);
        ck_assert_int_eq (config.entries[i].line, wanted[i].line);
    }
    aut_config_clear (&config);
}
END_TEST

START_TEST (reads_json)
{
    static const char text[] = "\n{\"x\": {\"port\": 1},\n \"port\": 7700, \"lease\": 1.5,\n"
                               " \"device\": [\"cpu\", \"cuda:0\"],\n \"insecure\": false}";
    static const char good[] = "{\"bind\": \"port\",\n \"port\": 7700, \"lease\": 1.5,\n"
                               " \"device\": [\"cpu\", \"cuda:0\"],\n \"insecure\": false}";
    static const struct {
        const char *name, *value;
        int line;
    } wanted[] = {{"bind", "port", 1},  {"port", "7700", 2},     {"lease", "1.5", 2},
                  {"device", "cpu", 3}, {"device", "cuda:0", 3}, {"insecure", "false", 4}};
    aut_config_t config;
    ck_assert_int_eq (aut_config_parse (&config, "x", text, sizeof text - 1), AUT_ERR_INVALID);
    ck_assert_pstr_eq (aut_error_detail (), "x:2: \"x\" has a value of the wrong kind");
    aut_config_clear (&config);
    ck_assert_int_eq (aut_config_parse (&config, "x", good, sizeof good - 1), 0);
    ck_assert_uint_eq (config.count, sizeof wanted / sizeof *wanted);
    for (size_t i = 0; i < config.count; i++) {
        ck_assert_str_eq (config.entries[i].name, wanted[i].name);
        ck_assert_str_eq (config.entries[i].value, wanted[i].value);
        ck_assert_int_eq (config.entries[i].line, wanted[i].line);
    }
    aut_config_clear (&config);
}
END_TEST

static const struct {
    const char *text, *says;
} bad_files[] = {
    {"bind 0.0.0.0\n", "f:1: a setting is written NAME = VALUE"},
    {"# x\n= 3\n", "f:2: a setting is written NAME = VALUE"},
    {"a b = 3\n", "f:1: a setting is written NAME = VALUE"},
    {"\n\nname = \"x\n", "f:3: the value has no closing \""},
    {"name = \"x\" y\n", "f:1: the value has no closing \", or something after it"},
    {"{\"port\": 1, \"port\": 2}", "f:1:"},
    {"{\"port\": null}", "f:1: \"port\" has a value of the wrong kind"},
    {"{\"port\": 1", "f:1:"},
    {"{\"port\": 1} more", "f:1:"},
};

START_TEST (refuses_files)
{
    aut_config_t config;
    ck_assert_int_eq (
        aut_config_parse (&config, "f", bad_files[_i].text, strlen (bad_files[_i].text)),
        AUT_ERR_INVALID);
    ck_assert_msg (strncmp (aut_error_detail (), bad_files[_i].says, strlen (bad_files[_i].says)) ==
                       0,
                   "%s", aut_error_detail ());
    aut_config_clear (&config);
}
END_TEST

START_TEST (bounds_files)
{
    aut_config_t config;
    ck_assert_int_eq (aut_config_parse (&config, "f", "a = 1\0b", 7), AUT_ERR_INVALID);
    aut_config_clear (&config);
    aut_buffer_t text = {0};
    for (int i = 0; i < 257; i++)
        aut_buffer_text (&text, "device = cpu\n");
    ck_assert_int_eq (aut_config_parse (&config, "f", text.data, text.size), AUT_ERR_INVALID);
    ck_assert_pstr_eq (aut_error_detail (), "f:257: there are too many settings");
    aut_config_clear (&config);
    char *path = test_path ("large");
    while (text.size <= 64 << 10)
        aut_buffer_text (&text, "# a comment\n");
    ck_assert_int_eq (aut_file_write (path, text.data, text.size), 0);
    ck_assert_int_eq (aut_config_load (&config, path), AUT_ERR_TOO_LARGE);
    aut_config_clear (&config);
    free (path);
    aut_buffer_clear (&text);
}
END_TEST

/* ---- who wins -------------------------------------------------------------------------------- */

typedef struct {
    const char *bind, *state, *backup;
    int64_t port, http_port;
    double lease;
    bool insecure, json;
    aut_opt_list_t devices;
} values_t;

typedef struct {
    values_t values;
    aut_config_t config;
    aut_opt_t table[10];
    aut_opt_result_t result;
    char *out, *err;
} parsed_t;

/*  As a broker does: HTTP's port follows the other. */
static void resolve (void *ctx)
{
    values_t *v = ctx;
    if (v->http_port < 0)
        v->http_port = v->port + 80;
}

#define ARGS 8

static void parse (parsed_t *p, const char *const args[ARGS])
{
    static const char *const only_here[] = {"backup", "json", NULL};
    *p = (parsed_t){.values = {.bind = "127.0.0.1", .port = 7700, .http_port = -1, .lease = 30}};
    values_t *v = &p->values;
    const aut_opt_t table[] = {
        {"state", 0, AUT_OPT_STRING, &v->state, "DIR", "State.", "TEST_STATE", 0, 0},
        {"bind", 0, AUT_OPT_STRING, &v->bind, "ADDR", "Address.", NULL, 0, 0},
        {"port", 0, AUT_OPT_INT, &v->port, "N", "Port.", NULL, 0, 65531},
        {"http-port", 0, AUT_OPT_INT, &v->http_port, "N", "Port.", NULL, -1, 65535},
        {"lease", 0, AUT_OPT_NUMBER, &v->lease, "SECONDS", "Lease.", NULL, 0, 0},
        {"insecure", 0, AUT_OPT_FLAG, &v->insecure, NULL, "Without keys.", NULL, 0, 0},
        {"device", 0, AUT_OPT_LIST, &v->devices, "NAME", "A device.", NULL, 0, 0},
        {"backup", 0, AUT_OPT_STRING, &v->backup, "DIR", "Copy.", NULL, 0, 0},
        {"json", 0, AUT_OPT_FLAG, &v->json, NULL, "As JSON.", NULL, 0, 0},
        {0},
    };
    memcpy (p->table, table, sizeof table);
    const aut_opt_info_t info = {.program = "auteur-test",
                                 .config = &p->config,
                                 .only_here = only_here,
                                 .resolve = resolve,
                                 .ctx = v};
    char *argv[ARGS + 2] = {aut_strdup ("test")};
    int argc = 1;
    for (; argc <= ARGS && args[argc - 1]; argc++)
        argv[argc] = (char *)(uintptr_t)args[argc - 1];
    capture_t out, err;
    capture_begin (&out, 1);
    capture_begin (&err, 2);
    p->result = aut_options_parse (&info, p->table, argc, argv, NULL, NULL);
    p->err = capture_end (&err);
    p->out = capture_end (&out);
    free (argv[0]);
}

static void done (parsed_t *p)
{
    aut_options_clear (p->table);
    aut_config_clear (&p->config);
    free (p->out);
    free (p->err);
}

static char *write_config (const char *text)
{
    char *path = test_path ("test.conf");
    ck_assert_int_eq (aut_file_write (path, text, strlen (text)), 0);
    return path;
}

START_TEST (the_stronger_wins)
{
    char *path = write_config ("bind = file\nport = 1\nlease = 1.5\ninsecure = yes\n"
                               "device = cpu\ndevice = cuda:3\nhttp-port = 9\n");
    setenv ("AUTEUR_BIND", "variable", 1);
    setenv ("AUTEUR_PORT", "2", 1);
    setenv ("AUTEUR_HTTP_PORT", "", 1); /* as if it were not set */
    parsed_t p;
    parse (&p, (const char *const[ARGS]){"--port", "3", "--config", path});
    ck_assert_msg (p.result == AUT_OPT_GO, "%s", p.err);
    ck_assert_str_eq (p.values.bind, "variable");
    ck_assert_int_eq (p.values.port, 3);
    ck_assert_int_eq (p.values.http_port, 9);
    ck_assert (p.values.lease == 1.5 && p.values.insecure);
    ck_assert_uint_eq (p.values.devices.count, 2);
    ck_assert_str_eq (p.values.devices.items[1], "cuda:3");
    done (&p);
    /* A list is one source's, whole. */
    setenv ("AUTEUR_DEVICE", "cuda:0, cuda:1 cuda:2", 1);
    setenv ("AUTEUR_CONFIG", path, 1);
    setenv ("AUTEUR_INSECURE", "off", 1);
    parse (&p, (const char *const[ARGS]){NULL});
    ck_assert_msg (p.result == AUT_OPT_GO, "%s", p.err);
    ck_assert_uint_eq (p.values.devices.count, 3);
    ck_assert_str_eq (p.values.devices.items[1], "cuda:1");
    ck_assert (!p.values.insecure);
    ck_assert_int_eq (p.values.port, 2);
    done (&p);
    parse (&p, (const char *const[ARGS]){"--device", "cpu"});
    ck_assert_uint_eq (p.values.devices.count, 1);
    done (&p);
    free (path);
}
END_TEST

START_TEST (the_file_may_be_optional)
{
    parsed_t p;
    parse (&p, (const char *const[ARGS]){"--config", "-/nonexistent/x.conf"});
    ck_assert_msg (p.result == AUT_OPT_GO, "%s", p.err);
    done (&p);
    parse (&p, (const char *const[ARGS]){"--config=/nonexistent/x.conf"});
    ck_assert_int_eq (p.result, AUT_OPT_EXIT_USAGE);
    ck_assert_ptr_nonnull (strstr (p.err, "--config: "));
    ck_assert_ptr_nonnull (strstr (p.err, "/nonexistent/x.conf"));
    done (&p);
    char *path = write_config ("port = 5");
    char *maybe = aut_sprintf ("-%s", path);
    parse (&p, (const char *const[ARGS]){"--config", maybe});
    ck_assert_int_eq (p.values.port, 5);
    done (&p);
    free (maybe);
    free (path);
}
END_TEST

static const struct {
    const char *text, *says;
} bad_settings[] = {
    {"# x\nprot = 1\n", "test.conf:2: \"prot\" is no setting: did you mean \"port\"?"},
    {"xyzzy = 1\n", "test.conf:1: \"xyzzy\" is no setting\n"},
    {"backup = /x\n", "test.conf:1: \"backup\" is no setting\n"},
    {"config = /x\n", "test.conf:1: \"config\" is no setting\n"},
    {"port = 70000\n", "test.conf:1: port wants a whole number from 0 to 65531, not \"70000\""},
    {"lease = soon\n", "test.conf:1: lease wants a number, not \"soon\""},
    {"insecure = perhaps\n", "test.conf:1: insecure wants true or false, not \"perhaps\""},
    {"port = 1\n\nport = 2\n", "test.conf:3: port was set in line 1 already"},
    {"{\"bind\": \"::\",\n\"prot\": 1}", "test.conf:2: \"prot\" is no setting: did you mean"},
};

START_TEST (tells_what_is_wrong_in_a_file)
{
    char *path = write_config (bad_settings[_i].text);
    parsed_t p;
    parse (&p, (const char *const[ARGS]){"--config", path});
    ck_assert_int_eq (p.result, AUT_OPT_EXIT_USAGE);
    ck_assert_msg (strstr (p.err, bad_settings[_i].says) != NULL, "%s", p.err);
    done (&p);
    free (path);
}
END_TEST

START_TEST (checks_what_is_overruled)
{
    char *path = write_config ("port = many\n");
    parsed_t p;
    parse (&p, (const char *const[ARGS]){"--port", "1", "--config", path});
    ck_assert_int_eq (p.result, AUT_OPT_EXIT_USAGE);
    done (&p);
    setenv ("AUTEUR_PORT", "many", 1);
    parse (&p, (const char *const[ARGS]){NULL});
    ck_assert_int_eq (p.result, AUT_OPT_EXIT_USAGE);
    ck_assert_ptr_nonnull (strstr (p.err, "AUTEUR_PORT wants a whole number"));
    done (&p);
    unsetenv ("AUTEUR_PORT");
    setenv ("AUTEUR_BACKUP", "/x", 1); /* only the command line may */
    parse (&p, (const char *const[ARGS]){NULL});
    ck_assert_int_eq (p.result, AUT_OPT_GO);
    ck_assert_ptr_null (p.values.backup);
    done (&p);
    free (path);
}
END_TEST

START_TEST (shows_what_is_in_force)
{
    char *path = write_config ("# comment\nlease = 1.5\ndevice = cpu\ndevice = cuda:0\n");
    setenv ("TEST_STATE", "/a #b", 1);
    parsed_t p;
    parse (&p, (const char *const[ARGS]){"--print-config", "--port=3", "--config", path});
    ck_assert_int_eq (p.result, AUT_OPT_EXIT_OK);
    char *lease = aut_sprintf ("  # %s:2\n", path);
    ck_assert_ptr_nonnull (strstr (p.out, lease));
    ck_assert_ptr_nonnull (strstr (p.out, "lease = 1.5 "));
    ck_assert_ptr_nonnull (strstr (p.out, "state = \"/a #b\" "));
    ck_assert_ptr_nonnull (strstr (p.out, "# variable TEST_STATE\n"));
    ck_assert_ptr_nonnull (strstr (p.out, "# option --port\n"));
    ck_assert_ptr_nonnull (strstr (p.out, "http-port = 83 "));
    ck_assert_ptr_null (strstr (p.out, "backup"));
    /* It is a settings file that says the same. */
    char *again = test_path ("again.conf"), *first = aut_strdup (p.out);
    ck_assert_int_eq (aut_file_write (again, p.out, strlen (p.out)), 0);
    done (&p);
    unsetenv ("TEST_STATE");
    parse (&p, (const char *const[ARGS]){"--config", again});
    ck_assert_msg (p.result == AUT_OPT_GO, "%s\n%s", p.err, first);
    ck_assert_str_eq (p.values.state, "/a #b");
    ck_assert_int_eq (p.values.port, 3);
    ck_assert_uint_eq (p.values.devices.count, 2);
    done (&p);
    parse (&p, (const char *const[ARGS]){"--print-config", "--json", "--config", path});
    json_t *all = NULL;
    ck_assert_int_eq (aut_json_parse (&all, p.out, strlen (p.out), "out"), 0);
    const json_t *item = json_object_get (json_object_get (all, "settings"), "device");
    ck_assert_str_eq (json_string_value (json_array_get (json_object_get (item, "value"), 1)),
                      "cuda:0");
    item = json_object_get (json_object_get (all, "settings"), "state");
    ck_assert (json_is_null (json_object_get (item, "value")));
    ck_assert_str_eq (json_string_value (json_object_get (item, "from")), "default");
    json_decref (all);
    done (&p);
    free (first);
    free (again);
    free (lease);
    free (path);
}
END_TEST

START_TEST (help_names_variables)
{
    parsed_t p;
    parse (&p, (const char *const[ARGS]){"--help"});
    ck_assert_int_eq (p.result, AUT_OPT_EXIT_OK);
    ck_assert_ptr_nonnull (strstr (p.out, "[AUTEUR_HTTP_PORT]"));
    ck_assert_ptr_nonnull (strstr (p.out, "[TEST_STATE]"));
    ck_assert_ptr_null (strstr (p.out, "AUTEUR_BACKUP"));
    ck_assert_ptr_nonnull (strstr (p.out, "--print-config"));
    done (&p);
    parse (&p, (const char *const[ARGS]){"--print-conf"});
    ck_assert_ptr_nonnull (strstr (p.err, "did you mean --print-config?"));
    done (&p);
}
END_TEST

int main (void)
{
    TCase *tests = tcase_create ("config");
    tcase_add_checked_fixture (tests, begin, end);
    tcase_add_test (tests, reads_lines);
    tcase_add_test (tests, reads_json);
    tcase_add_loop_test (tests, refuses_files, 0, sizeof bad_files / sizeof *bad_files);
    tcase_add_test (tests, bounds_files);
    tcase_add_test (tests, the_stronger_wins);
    tcase_add_test (tests, the_file_may_be_optional);
    tcase_add_loop_test (tests, tells_what_is_wrong_in_a_file, 0,
                         sizeof bad_settings / sizeof *bad_settings);
    tcase_add_test (tests, checks_what_is_overruled);
    tcase_add_test (tests, shows_what_is_in_force);
    tcase_add_test (tests, help_names_variables);
    return run_case (tests);
}
