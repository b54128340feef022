/*  See stage.h. */
#include "tests/hostile/stage.h"

#include "lib/core/clock.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"
#include "tests/hostile/raw.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 60000
#define FILM_MS 120000
#define HTTP_MS 15000

static const char film_text[] =
    "{\"storyboard\":\"1\",\"project\":\"honest\",\"defaults\":{\"tier\":\"animatic\",\"width\":32,"
    "\"height\":32,\"fps\":10,\"duration\":1},\"scenes\":[{\"id\":\"s\",\"shots\":[{\"id\":\"a\","
    "\"prompt\":\"a lighthouse\"},{\"id\":\"b\",\"prompt\":\"a harbour\"}]}]}";

int64_t stage_now_ms (void)
{
    return aut_mono_ms (aut_clock_system ());
}

static char *path_of (const stage_t *self, const char *name)
{
    return aut_path_join (self->dir, name, NULL);
}

static pid_t spawn (const stage_t *self, const char *const *args, const char *log_name)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    char *log = path_of (self, log_name);
    posix_spawn_file_actions_init (&actions);
    for (int fd = 1; fd <= 2; fd++)
        posix_spawn_file_actions_addopen (&actions, fd, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    ck_assert_int_eq (posix_spawn (&pid, args[0], &actions, NULL, (char *const *)args, environ), 0);
    posix_spawn_file_actions_destroy (&actions);
    free (log);
    return pid;
}

/*  Keys for the broker, the node and the client, who know each other, and for two who mean ill: a
 *  client with a quota and a viewer. */
static void make_keys (const stage_t *self)
{
    static const char script[] =
        "set -e; a=\"$0\"; cd \"$1\"\n"
        "for who in broker node client mallory viewer; do \"$a\" keys new --keys keys-$who; done\n"
        "for who in node client mallory viewer; do\n"
        "role=$who quota=; [ $who != mallory ] || { role=client; quota='--max-bytes 256M'; }\n"
        "\"$a\" keys allow --keys keys-broker --as $role $quota $who "
        "\"$(\"$a\" keys show --public --keys keys-$who)\"\n"
        "\"$a\" keys allow --keys keys-$who --as broker b "
        "\"$(\"$a\" keys show --public --keys keys-broker)\"\n"
        "done\n";
    const char *args[] = {"/bin/sh", "-c", script, AUTEUR_BIN_DIR "/auteur", self->dir, NULL};
    int status = -1;
    ck_assert_int_eq (waitpid (spawn (self, args, "keys.log"), &status, 0) > 0, 1);
    ck_assert_msg (status == 0, "keys cannot be made");
}

/*  "--keys" and the folder of `who`, or an end of the arguments. */
static void add_keys (const stage_t *self, const char **args, const char *folder)
{
    args[0] = self->keys ? "--keys" : NULL;
    args[1] = self->keys ? folder : NULL;
    args[2] = NULL;
}

static void start_broker (stage_t *self, unsigned descriptors)
{
    char limit[32] = "";
    if (descriptors)
        snprintf (limit, sizeof limit, "ulimit -n %u &&", descriptors);
    char *state = path_of (self, "broker"), *endpoints = path_of (self, "broker/endpoints.json");
    char limited[400];
    snprintf (limited, sizeof limited, "%s exec %s --state %s --port 0 --lease 4 --silent 4 %s%s%s",
              limit, AUTEUR_BIN_DIR "/auteur-broker", state, self->keys ? "--keys " : "",
              self->keys ? self->dir : "", self->keys ? "/keys-broker" : "");
    const char *args[] = {"/bin/sh", "-c", limited, NULL};
    self->broker = spawn (self, args, "broker.log");
    int64_t until = stage_now_ms () + PATIENCE_MS;
    while (aut_endpoints_load (&self->endpoints, endpoints) != 0) {
        ck_assert_msg (stage_now_ms () < until, "the broker does not get ready");
        ck_assert_msg (waitpid (self->broker, NULL, WNOHANG) == 0, "the broker ended");
        usleep (20000);
    }
    self->http = (uint16_t)strtoul (strrchr (self->endpoints.http, ':') + 1, NULL, 10);
    free (state);
    free (endpoints);
}

static bool node_is_there (const stage_t *self)
{
    char answer[1 << 16];
    int status;
    stage_http (self, "/metrics", answer, sizeof answer, &status);
    return strstr (answer, "auteur_workers{state=\"idle\"} 1") != NULL;
}

static void start_node (stage_t *self)
{
    char *state = path_of (self, "node"), *endpoints = path_of (self, "broker/endpoints.json");
    const char *args[16] = {AUTEUR_BIN_DIR "/auteur-node",
                            "--endpoints",
                            endpoints,
                            "--state",
                            state,
                            "--device",
                            "cpu",
                            "--workers",
                            "1"};
    char *keys = path_of (self, "keys-node");
    add_keys (self, args + 9, keys);
    self->node = spawn (self, args, "node.log");
    int64_t until = stage_now_ms () + PATIENCE_MS;
    while (!node_is_there (self)) {
        ck_assert_msg (stage_now_ms () < until, "the node does not join");
        usleep (20000);
    }
    free (keys);
    free (state);
    free (endpoints);
}

void stage_open (stage_t *self, unsigned descriptors, bool keys)
{
    memset (self, 0, sizeof *self);
    self->keys = keys;
    snprintf (self->dir, sizeof self->dir, "/tmp/auteur-hostile-XXXXXX");
    ck_assert_ptr_nonnull (mkdtemp (self->dir));
    /* What the sanitizer keeps of freed memory is not the broker's. */
    setenv ("ASAN_OPTIONS", "quarantine_size_mb=1:detect_leaks=0", 1);
    if (keys)
        make_keys (self);
    start_broker (self, descriptors);
    start_node (self);
}

static void end (pid_t *pid)
{
    if (*pid) {
        kill (*pid, SIGKILL);
        waitpid (*pid, NULL, 0);
    }
    *pid = 0;
}

void stage_close (stage_t *self)
{
    end (&self->film);
    end (&self->node);
    ck_assert_msg (waitpid (self->broker, NULL, WNOHANG) == 0, "the broker did not survive");
    end (&self->broker);
    aut_endpoints_clear (&self->endpoints);
    ck_assert_int_eq (aut_dir_remove (self->dir), 0);
}

aut_curve_t stage_curve (const stage_t *self, const char *who)
{
    aut_curve_t curve = {0};
    if (!self->keys)
        return curve;
    char *folder = aut_sprintf ("%s/keys-%s", self->dir, who);
    ck_assert_int_eq (aut_keypair_load (&curve.own, folder), 0);
    snprintf (curve.server_key, sizeof curve.server_key, "%s", self->endpoints.key);
    free (folder);
    return curve;
}

/* ---- the film -------------------------------------------------------------------------------- */

void stage_film (stage_t *self)
{
    char *board = path_of (self, "film.json"), *film = path_of (self, "film.mp4");
    char *endpoints = path_of (self, "broker/endpoints.json"), *outputs = path_of (self, "out");
    const char *args[16] = {AUTEUR_BIN_DIR "/auteur",
                            "render",
                            board,
                            "--endpoints",
                            endpoints,
                            "-o",
                            film,
                            "--outputs",
                            outputs};
    char *keys = path_of (self, "keys-client");
    add_keys (self, args + 9, keys);
    ck_assert_int_eq (aut_file_write (board, film_text, sizeof film_text - 1), 0);
    self->film = spawn (self, args, "film.log");
    self->film_since_ms = stage_now_ms ();
    free (keys);
    free (board);
    free (film);
    free (endpoints);
    free (outputs);
}

static void show_log (const stage_t *self, const char *name)
{
    char *path = path_of (self, name), *text = NULL;
    size_t size = 0;
    if (aut_file_read (path, 1 << 24, &text, &size) == 0)
        fprintf (stderr, "--- %s\n%s\n", name, size > 3000 ? text + size - 3000 : text);
    free (text);
    free (path);
}

bool stage_film_done (stage_t *self)
{
    int status = 0;
    if (!self->film)
        return true;
    pid_t got = waitpid (self->film, &status, WNOHANG);
    bool late = stage_now_ms () - self->film_since_ms > FILM_MS;
    if (got == 0 && !late)
        return false;
    if (got == 0 || status != 0) {
        show_log (self, "film.log");
        show_log (self, "broker.log");
        show_log (self, "node.log");
    }
    ck_assert_msg (got != 0, "the honest film takes longer than %d s", FILM_MS / 1000);
    self->film = 0;
    ck_assert_msg (status == 0, "the honest film failed with status %d", status);
    return true;
}

static uint64_t disk_used;

static int add_size (const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)path;
    (void)ftw;
    disk_used += type == FTW_F ? (uint64_t)st->st_blocks * 512 : 0;
    return 0;
}

uint64_t stage_disk (const stage_t *self)
{
    char *blobs = path_of (self, "broker/blobs");
    disk_used = 0;
    nftw (blobs, add_size, 16, FTW_PHYS); /* files come and go meanwhile: what is there */
    free (blobs);
    return disk_used;
}

/* ---- what is seen of the broker -------------------------------------------------------------- */

static uint64_t memory (const stage_t *self, const char *field)
{
    char path[64], line[256];
    uint64_t kib = 0;
    snprintf (path, sizeof path, "/proc/%d/status", (int)self->broker);
    FILE *file = fopen (path, "re");
    while (file && fgets (line, sizeof line, file))
        if (strncmp (line, field, strlen (field)) == 0)
            kib = strtoull (line + strlen (field), NULL, 10);
    if (file)
        fclose (file);
    ck_assert_msg (kib > 0, "the broker is gone");
    return kib;
}

uint64_t stage_rss (const stage_t *self)
{
    return memory (self, "VmRSS:");
}

uint64_t stage_peak (const stage_t *self)
{
    return memory (self, "VmHWM:");
}

void stage_peak_reset (const stage_t *self)
{
    char path[64];
    snprintf (path, sizeof path, "/proc/%d/clear_refs", (int)self->broker);
    int fd = open (path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write (fd, "5", 1) != 1)
        fprintf (stderr, "the peak of memory cannot be reset\n");
    if (fd >= 0)
        close (fd);
}

size_t stage_http (const stage_t *self, const char *page, char *answer, size_t max, int *status)
{
    char request[256];
    size_t got = 0;
    *status = 0;
    snprintf (request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
              page);
    int fd = raw_dial (self->http);
    raw_send (fd, request, strlen (request));
    int64_t until = stage_now_ms () + HTTP_MS;
    for (ssize_t n; got + 1 < max && stage_now_ms () < until;) {
        n = raw_read (fd, answer + got, max - 1 - got, 1000);
        if (n == 0)
            break;
        got += n > 0 ? (size_t)n : 0;
    }
    close (fd);
    answer[got] = '\0';
    if (got > 12 && strncmp (answer, "HTTP/1.1 ", 9) == 0)
        *status = (int)strtol (answer + 9, NULL, 10);
    return got;
}

uint64_t stage_refused (const stage_t *self, const char *reason)
{
    char answer[1 << 16], label[64];
    int status;
    int64_t until = stage_now_ms () + PATIENCE_MS;
    do
        stage_http (self, "/metrics", answer, sizeof answer, &status);
    while (status != 200 && stage_now_ms () < until);
    snprintf (label, sizeof label, "auteur_refused_total{reason=\"%s\"} ", reason);
    const char *found = strstr (answer, label);
    ck_assert_msg (found != NULL, "no %s in /metrics", label);
    return strtoull (found + strlen (label), NULL, 10);
}

unsigned stage_log_lines (const stage_t *self)
{
    char *path = path_of (self, "broker.log"), *text = NULL;
    size_t size = 0;
    unsigned lines = 0;
    ck_assert_int_eq (aut_file_read (path, 1 << 24, &text, &size), 0);
    for (const char *at = text; (at = strchr (at, '\n')); at++)
        lines++;
    free (text);
    free (path);
    return lines;
}
