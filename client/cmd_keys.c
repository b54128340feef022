/*  auteur keys: make a key, and say who may use the broker of this machine. */
#include "client/command.h"
#include "client/common.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "proto/keys.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

typedef struct {
    aut_common_t common;
    const char *as, *max_bytes;
    int64_t max_jobs; /* -1: not said */
    bool only_public;
    const char *words[3]; /* the verb and its operands */
    size_t count;
    char *dir;
} keys_t;

static const char about[] =
    "Keys let programs on different machines know each other; connections between them are then\n"
    "encrypted. The folder is --keys DIR, AUTEUR_KEYS or $XDG_CONFIG_HOME/auteur/keys.\n"
    "\n"
    "  new                    make this machine's key; one that is there stays\n"
    "  show [--public]        this machine's public key, and that of the broker it connects to\n"
    "  allow NAME PUBLICKEY   let a key in, in the role --as: node, client (submits, sees its own\n"
    "                         jobs), operator (a client for all jobs, and drains nodes), viewer\n"
    "                         (status and events only); or broker: the one to connect to.\n"
    "                         Said again, it changes what is said; the rest stays\n"
    "  revoke NAME|KEY        take a key out of every list, or of --as's; it is out in a second\n"
    "  list                   who is allowed\n"
    "\n"
    "The whole set-up, on three machines. Each line may be said again without harm:\n"
    "\n"
    "  broker$  auteur keys new\n"
    "  broker$  auteur-broker --bind 0.0.0.0 --state /srv/auteur\n"
    "\n"
    "  node$    auteur keys new                        # prints this node's public key\n"
    "  broker$  auteur keys allow --as node gpu1 'NODE-KEY'\n"
    "  node$    auteur keys allow --as broker studio 'BROKER-KEY'\n"
    "  node$    auteur-node --broker BROKER-HOST --state /var/cache/auteur\n"
    "\n"
    "  client$  auteur keys new                        # prints this client's public key\n"
    "  broker$  auteur keys allow --as client anna 'CLIENT-KEY' --max-jobs 20 --max-bytes 100G\n"
    "  client$  auteur keys allow --as broker studio 'BROKER-KEY'\n"
    "  client$  auteur render film.json --broker BROKER-HOST\n"
    "\n"
    "'auteur keys show --public' prints a key alone; put keys in single quotes (').";

/* ---- show and new --------------------------------------------------------------------------- */

/*  The broker's entry in `list`, loaded from the folder; NULL if there is none. */
static int load_broker (const keys_t *self, aut_allow_list_t *list, const aut_allowed_t **broker)
{
    int rc = aut_allow_list_load (list, self->dir, AUT_ALLOW_BROKERS);
    *broker = rc == 0 && list->count ? &list->items[0] : NULL;
    return rc;
}

static int show (const keys_t *self)
{
    aut_keypair_t pair;
    aut_allow_list_t list = {0};
    const aut_allowed_t *broker;
    int rc = aut_keypair_load (&pair, self->dir);
    if (!rc)
        rc = load_broker (self, &list, &broker);
    if (rc)
        return rc;
    if (self->common.json) {
        json_t *out = json_pack ("{s:s, s:s}", "folder", self->dir, "public", pair.public_key);
        json_object_set_new (
            out, "broker",
            broker ? json_pack ("{s:s, s:s}", "name", broker->name, "public", broker->key)
                   : json_null ());
        aut_common_print_json (out);
    } else if (self->only_public) {
        printf ("%s\n", pair.public_key);
    } else {
        printf ("this machine  %s\n", pair.public_key);
        if (broker)
            printf ("broker        %s  (%s)\n", broker->key, broker->name);
        else
            printf (
                "broker        none yet: auteur keys allow --as broker NAME 'KEY', with the key "
                "that\n              'auteur keys show' prints on the broker's machine\n");
    }
    aut_allow_list_clear (&list);
    return 0;
}

static int make_new (const keys_t *self)
{
    aut_keypair_t pair;
    int rc = aut_keypair_new (&pair);
    if (!rc)
        rc = aut_keypair_save (&pair, self->dir);
    memset (pair.secret_key, 0, sizeof pair.secret_key);
    if (rc == AUT_ERR_EXISTS && aut_keypair_load (&pair, self->dir) == 0) {
        memset (pair.secret_key, 0, sizeof pair.secret_key);
        return aut_fail (AUT_ERR_INVALID,
                         "%s has a key already, and it stays: its public key is %s", self->dir,
                         pair.public_key);
    }
    if (rc)
        return rc;
    if (self->common.json) {
        aut_common_print_json (
            json_pack ("{s:s, s:s}", "folder", self->dir, "public", pair.public_key));
    } else if (self->only_public) {
        printf ("%s\n", pair.public_key);
    } else {
        printf ("%s\n", pair.public_key);
        fprintf (stderr,
                 "That is this machine's public key; the secret one stays in %s.\n"
                 "A node or client: run on the broker's machine\n"
                 "  auteur keys allow --as node|client|operator|viewer NAME '%s'\n"
                 "The broker: run on each machine that connects to it\n"
                 "  auteur keys allow --as broker NAME '%s'\n",
                 self->dir, pair.public_key, pair.public_key);
    }
    return 0;
}

/* ---- allow and revoke ----------------------------------------------------------------------- */

static int role_of (const char *as, aut_allow_kind_t *kind, bool *is_operator)
{
    static const char *const words[] = {"node", "client", "viewer", "broker", "operator", NULL};
    *is_operator = strcmp (as, "operator") == 0;
    for (int i = 0; i < AUT_ALLOW_KINDS; i++)
        if (strcmp (as, aut_allow_word ((aut_allow_kind_t)i)) == 0 ||
            (*is_operator && i == AUT_ALLOW_CLIENTS)) {
            *kind = (aut_allow_kind_t)i;
            return 0;
        }
    const char *near = aut_nearest (as, words);
    return aut_fail (AUT_ERR_INVALID,
                     "--as %.40s is not known%s%s%s: node, client, operator, viewer or broker", as,
                     near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

static int fill_entry (const keys_t *self, aut_allow_kind_t kind, aut_allowed_t *entry)
{
    const char *name = self->words[1], *key = self->words[2];
    if (strlen (name) >= sizeof entry->name)
        return aut_fail (AUT_ERR_INVALID, "a name has %d characters at most", AUT_KEY_NAME - 1);
    int rc = aut_key_check (key);
    if (rc)
        return rc;
    memcpy (entry->name, name, strlen (name) + 1);
    memcpy (entry->key, key, sizeof entry->key);
    if (self->max_jobs > 0)
        entry->max_jobs = (uint64_t)self->max_jobs;
    if (self->max_bytes)
        rc = aut_options_bytes (&entry->max_bytes, "--max-bytes", self->max_bytes);
    if (!rc && kind != AUT_ALLOW_CLIENTS && (self->max_jobs >= 0 || self->max_bytes))
        rc = aut_fail (AUT_ERR_INVALID, "--max-jobs and --max-bytes are for clients");
    return rc;
}

static json_t *entry_json (const aut_allowed_t *entry, aut_allow_kind_t kind)
{
    json_t *out = json_pack ("{s:s, s:s, s:s}", "name", entry->name, "key", entry->key, "role",
                             entry->is_operator ? "operator" : aut_allow_word (kind));
    if (entry->max_jobs)
        json_object_set_new (out, "max_jobs", json_integer ((json_int_t)entry->max_jobs));
    if (entry->max_bytes)
        json_object_set_new (out, "max_bytes", json_integer ((json_int_t)entry->max_bytes));
    return out;
}

/*  What the list has for this key, and stays where nothing else is said; an empty name if it has
 *  nothing. */
static void keep (const keys_t *self, const aut_allow_list_t *list, aut_allowed_t *entry,
                  aut_allowed_t *before)
{
    const aut_allowed_t *found = aut_allow_list_find (list, entry->key);
    *before = (aut_allowed_t){0};
    if (!found)
        return;
    *before = *found;
    if (self->max_jobs < 0)
        entry->max_jobs = found->max_jobs;
    if (!self->max_bytes)
        entry->max_bytes = found->max_bytes;
}

static void print_bound (const char *word, uint64_t before, uint64_t now)
{
    char from[24] = "no bound", to[24] = "no bound";
    if (before)
        snprintf (from, sizeof from, "%" PRIu64, before);
    if (now)
        snprintf (to, sizeof to, "%" PRIu64, now);
    if (before != now)
        printf ("  %s: %s -> %s\n", word, from, to);
    else if (now)
        printf ("  %s: %s, as before\n", word, to);
}

/*  One change of a list's entry; `before` has no name if there was none. */
static void print_allowed (const keys_t *self, aut_allow_kind_t kind, const aut_allowed_t *before,
                           const aut_allowed_t *now, bool changed)
{
    if (self->common.json) {
        json_t *out = entry_json (now, kind);
        json_object_set_new (out, "changed", json_boolean (changed));
        if (changed && before->name[0])
            json_object_set_new (out, "before", entry_json (before, kind));
        aut_common_print_json (out);
        return;
    }
    printf ("%s: %s is allowed as %s%s.\n", aut_allow_file (kind), now->name, self->as,
            changed ? "" : " already");
    if (!before->name[0])
        return;
    if (strcmp (before->name, now->name) != 0)
        printf ("  name: %s -> %s\n", before->name, now->name);
    if (before->is_operator != now->is_operator)
        printf ("  role: %s -> %s\n", before->is_operator ? "operator" : "client", self->as);
    print_bound ("max-jobs", before->max_jobs, now->max_jobs);
    print_bound ("max-bytes", before->max_bytes, now->max_bytes);
}

static int allow (const keys_t *self)
{
    aut_allow_kind_t kind = AUT_ALLOW_CLIENTS;
    aut_allowed_t entry = {0}, before;
    aut_allow_list_t list = {0};
    bool changed = false;
    int rc = self->as ? role_of (self->as, &kind, &entry.is_operator)
                      : aut_fail (AUT_ERR_INVALID, "say the role: --as node, client, operator, "
                                                   "viewer or broker");
    if (!rc)
        rc = fill_entry (self, kind, &entry);
    if (!rc)
        rc = aut_allow_list_load (&list, self->dir, kind);
    if (!rc)
        keep (self, &list, &entry, &before);
    if (!rc && kind == AUT_ALLOW_BROKERS) { /* one at a time: a new one takes the place */
        if (list.count && strcmp (list.items[0].key, entry.key) != 0)
            fprintf (stderr, "auteur keys: the broker was %s, %s\n", list.items[0].name,
                     list.items[0].key);
        aut_allowed_t *same = aut_allow_list_find (&list, entry.key);
        list.count = same != NULL;
    }
    if (!rc)
        rc = aut_allow_list_put (&list, &entry, &changed);
    if (!rc && changed)
        rc = aut_allow_list_save (&list, self->dir, kind);
    aut_allow_list_clear (&list);
    if (!rc)
        print_allowed (self, kind, &before, &entry, changed);
    return rc;
}

/*  The key that a list has under the name (or as the key) that was given; "" if it has none. */
static int find_key (const keys_t *self, aut_allow_kind_t kind, char key[AUT_KEY_TEXT])
{
    aut_allow_list_t list;
    int rc = aut_allow_list_load (&list, self->dir, kind);
    const aut_allowed_t *entry = rc ? NULL : aut_allow_list_find (&list, self->words[1]);
    snprintf (key, AUT_KEY_TEXT, "%s", entry ? entry->key : "");
    aut_allow_list_clear (&list);
    return rc;
}

/*  Takes the key out of one list; counts it. */
static int revoke_in (const keys_t *self, aut_allow_kind_t kind, const char *key, json_t *out)
{
    aut_allow_list_t list;
    int rc = aut_allow_list_load (&list, self->dir, kind);
    if (rc)
        return rc;
    aut_allowed_t *entry = aut_allow_list_find (&list, key);
    if (entry) {
        json_array_append_new (out, json_pack ("{s:s, s:s, s:s}", "name", entry->name, "key",
                                               entry->key, "role", aut_allow_word (kind)));
        aut_allow_list_remove (&list, entry);
        rc = aut_allow_list_save (&list, self->dir, kind);
    }
    aut_allow_list_clear (&list);
    return rc;
}

static int take_out (const keys_t *self)
{
    aut_allow_kind_t only = AUT_ALLOW_CLIENTS;
    bool is_operator;
    int rc = self->as ? role_of (self->as, &only, &is_operator) : 0;
    json_t *out = json_array ();
    /* A key may have another name in another list, and is to be out there, too. */
    char keys[AUT_ALLOW_KINDS][AUT_KEY_TEXT] = {0};
    for (int i = 0; !rc && i < AUT_ALLOW_KINDS; i++)
        if (!self->as || i == (int)only)
            rc = find_key (self, (aut_allow_kind_t)i, keys[i]);
    for (int i = 0; !rc && i < AUT_ALLOW_KINDS * AUT_ALLOW_KINDS; i++) {
        int kind = i / AUT_ALLOW_KINDS, from = i % AUT_ALLOW_KINDS;
        if (keys[from][0] && (!self->as || kind == (int)only))
            rc = revoke_in (self, (aut_allow_kind_t)kind, keys[from], out);
    }
    if (!rc && json_array_size (out) == 0)
        rc = aut_fail (AUT_ERR_NOT_FOUND, "no list in %s has the name or key %.80s", self->dir,
                       self->words[1]);
    size_t i;
    json_t *entry;
    if (!rc && self->common.json) {
        aut_common_print_json (json_pack ("{s:O}", "revoked", out));
    } else if (!rc) {
        json_array_foreach (out, i, entry)
            printf ("%s is no %s any more.\n", json_string_value (json_object_get (entry, "name")),
                    json_string_value (json_object_get (entry, "role")));
    }
    json_decref (out);
    return rc;
}

/*  Two who change the lists at once must not undo each other: the folder is locked meanwhile. */
static int locked (const keys_t *self, int (*change) (const keys_t *self))
{
    int fd = open (self->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && flock (fd, LOCK_EX)) {
        int rc = aut_fail_errno ("cannot lock %s", self->dir);
        close (fd);
        return rc;
    }
    int rc = change (self); /* which says what is wrong with a folder that cannot be opened */
    if (fd >= 0)
        close (fd);
    return rc;
}

static int allow_locked (const keys_t *self)
{
    return locked (self, allow);
}

static int revoke_locked (const keys_t *self)
{
    return locked (self, take_out);
}

/* ---- list ----------------------------------------------------------------------------------- */

static int list_all (const keys_t *self)
{
    json_t *keys = json_array ();
    int rc = 0;
    for (int i = 0; !rc && i < AUT_ALLOW_KINDS; i++) {
        aut_allow_list_t list;
        rc = aut_allow_list_load (&list, self->dir, (aut_allow_kind_t)i);
        for (size_t k = 0; !rc && k < list.count; k++)
            json_array_append_new (keys, entry_json (&list.items[k], (aut_allow_kind_t)i));
        aut_allow_list_clear (&list);
    }
    if (!rc && self->common.json) {
        aut_common_print_json (json_pack ("{s:s, s:O}", "folder", self->dir, "keys", keys));
    } else if (!rc && json_array_size (keys) == 0) {
        printf ("Nobody is allowed yet. auteur keys allow --as ROLE NAME 'KEY' lets a key in.\n");
    } else if (!rc) {
        size_t i;
        json_t *entry;
        printf ("%-9s %-24s %s\n", "ROLE", "NAME", "KEY");
        json_array_foreach (keys, i, entry)
        {
            const json_t *jobs = json_object_get (entry, "max_jobs");
            const json_t *bytes = json_object_get (entry, "max_bytes");
            printf ("%-9s %-24s %s", json_string_value (json_object_get (entry, "role")),
                    json_string_value (json_object_get (entry, "name")),
                    json_string_value (json_object_get (entry, "key")));
            if (jobs)
                printf (" max-jobs=%" JSON_INTEGER_FORMAT, json_integer_value (jobs));
            if (bytes)
                printf (" max-bytes=%" JSON_INTEGER_FORMAT, json_integer_value (bytes));
            printf ("\n");
        }
    }
    json_decref (keys);
    return rc;
}

/* ---- the command ---------------------------------------------------------------------------- */

static const struct {
    const char *word, *form;
    size_t operands;
    int (*run) (const keys_t *self);
} verbs[] = {
    {"new", "new", 0, make_new},
    {"show", "show [--public]", 0, show},
    {"allow", "allow --as ROLE NAME PUBLICKEY", 2, allow_locked},
    {"revoke", "revoke NAME|KEY", 1, revoke_locked},
    {"list", "list", 0, list_all},
};
#define VERBS (sizeof verbs / sizeof *verbs)

static int run (const keys_t *self)
{
    const char *names[VERBS + 1] = {0};
    const char *word = self->words[0] ? self->words[0] : "";
    for (size_t i = 0; i < VERBS; i++) {
        names[i] = verbs[i].word;
        if (strcmp (word, verbs[i].word) != 0)
            continue;
        if (self->count != verbs[i].operands + 1) {
            fprintf (stderr, "auteur keys: the form is: auteur keys %s\n", verbs[i].form);
            return AUT_EXIT_USAGE;
        }
        int rc = verbs[i].run (self);
        return rc ? aut_common_fail (rc, "keys %s", word) : AUT_EXIT_DONE;
    }
    const char *near = aut_nearest (word, names);
    fprintf (stderr,
             "auteur keys: '%s' is not understood%s%s%s: new, allow, revoke, list or show\n", word,
             near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return AUT_EXIT_USAGE;
}

int aut_cmd_keys (int argc, char **argv)
{
    keys_t self = {.common = AUT_COMMON_DEFAULTS, .max_jobs = -1};
    const aut_opt_info_t info = {.program = "auteur keys",
                                 .usage = "new | show | list | allow --as ROLE NAME PUBLICKEY | "
                                          "revoke NAME|KEY",
                                 .about = about,
                                 .min_operands = 1,
                                 .max_operands = 3};
    const aut_opt_t table[] = {
        {"keys", 0, AUT_OPT_STRING, &self.common.keys, "DIR",
         "the key folder ($XDG_CONFIG_HOME/auteur/keys)", "AUTEUR_KEYS", 0, 0},
        {"as", 0, AUT_OPT_STRING, &self.as, "ROLE", "node, client, operator, viewer or broker",
         NULL, 0, 0},
        {"max-jobs", 0, AUT_OPT_INT, &self.max_jobs, "N",
         "a client's jobs that may be queued or running at a time (0: no bound)", NULL, 0,
         1000000000},
        {"max-bytes", 0, AUT_OPT_STRING, &self.max_bytes, "SIZE",
         "bytes that a client may have stored, with K, M, G or T (0: no bound)", NULL, 0, 0},
        {"public", 0, AUT_OPT_FLAG, &self.only_public, NULL, "print the public key alone", NULL, 0,
         0},
        AUT_OPTIONS_OUTPUT (self.common),
        AUT_OPTIONS_END};
    int code = aut_common_parse (&info, table, &self.common, argc, argv, self.words, &self.count);
    if (code >= 0)
        return code;
    bool named = self.common.keys && *self.common.keys;
    self.dir = named ? aut_strdup (self.common.keys) : aut_keys_default_dir ();
    code = run (&self);
    free (self.dir);
    return code;
}
