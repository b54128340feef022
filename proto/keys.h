/*  Keys in files: who this machine is, which broker it trusts, and who may use the broker here.
 *
 *  A key folder (0700) holds text files (0600), each written whole and by rename:
 *
 *      secret.key      this machine's or person's key pair: "public Z85" and "secret Z85"
 *      brokers.allow   the broker that this machine connects to: one line
 *      nodes.allow, clients.allow, viewers.allow
 *                      who may connect to the broker that runs with this folder
 *
 *  A line of a list is "NAME KEY [operator] [max-jobs=N] [max-bytes=N]"; the words after the key
 *  are for clients.allow. NAME is a letter or digit and then letters, digits, '.', '_', '-', at
 *  most 64; KEY is a CURVE public key in Z85, 40 characters. Empty lines and lines that begin with
 *  '#' say nothing. A name and a key stand in a list once; the same key may be in several lists.
 *
 *  Files that others could read, and lists that others could write, are refused with the chmod that
 *  mends it, links are refused, and what is read is the descriptor that was looked at. What root
 * hands over on a read-only mount (a Secret of Kubernetes, a credential of systemd) may be in an
 * open folder, links within it, and readable by a group. Thread-safe: nothing here keeps state.
 */
#ifndef AUT_PROTO_KEYS_H
#define AUT_PROTO_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUT_KEY_TEXT 41           /* a key in Z85, with its 0 */
#define AUT_KEY_NAME 65           /* longest name, with its 0 */
#define AUT_ALLOW_MAX 10000       /* entries of a list */
#define AUT_ALLOW_BYTES (2 << 20) /* of a list's file */

typedef struct {
    char public_key[AUT_KEY_TEXT], secret_key[AUT_KEY_TEXT];
} aut_keypair_t;

/*  What a connecting socket needs; without a server key it is plain. */
typedef struct {
    aut_keypair_t own;
    char server_key[AUT_KEY_TEXT];
    char dir[256]; /* where they come from, for messages */
} aut_curve_t;

typedef enum {
    AUT_ALLOW_NODES,
    AUT_ALLOW_CLIENTS,
    AUT_ALLOW_VIEWERS,
    AUT_ALLOW_BROKERS,
    AUT_ALLOW_KINDS
} aut_allow_kind_t;

typedef struct {
    char name[AUT_KEY_NAME], key[AUT_KEY_TEXT];
    bool is_operator;
    uint64_t max_jobs;  /* queued or running at a time; 0 = no bound */
    uint64_t max_bytes; /* uploaded and still stored; 0 = no bound */
} aut_allowed_t;

/*  In the order of the file. Zero-initialise; aut_allow_list_clear frees. */
typedef struct {
    aut_allowed_t *items;
    size_t count, cap;
} aut_allow_list_t;

/*  The default folder, $XDG_CONFIG_HOME/auteur/keys; the caller frees it. */
char *aut_keys_default_dir (void);

/*  0 if `key` is a public key in Z85, else AUT_ERR_INVALID that says why. */
int aut_key_check (const char *key);

/*  The folder must be there, ours and closed to others: 0, AUT_ERR_NOT_FOUND, or AUT_ERR_DENIED
 *  with the chmod to run. */
int aut_keys_check_dir (const char *dir);

/*  Draws a pair whose public key begins with a letter or digit, so that a shell takes it for no
 *  option. AUT_ERR_UNSUPPORTED if libzmq was built without CURVE. */
int aut_keypair_new (aut_keypair_t *out);

/*  DIR/secret.key: AUT_ERR_NOT_FOUND (with the command that makes one), AUT_ERR_DENIED (modes),
 *  AUT_ERR_INVALID (what is in it). */
int aut_keypair_load (aut_keypair_t *out, const char *dir);
/*  Parses the file's text; `what` names it in errors. */
int aut_keypair_parse (aut_keypair_t *out, const char *text, size_t size, const char *what);
/*  Makes DIR and DIR/secret.key; AUT_ERR_EXISTS if there is a key already, which stays. */
int aut_keypair_save (const aut_keypair_t *pair, const char *dir);

/*  "nodes.allow"; the word of --as, "node". */
const char *aut_allow_file (aut_allow_kind_t kind);
const char *aut_allow_word (aut_allow_kind_t kind);

/*  DIR's list; a file that is absent is an empty list. AUT_ERR_DENIED (modes), AUT_ERR_INVALID,
 *  naming file and line. On failure `*out` is empty. */
int aut_allow_list_load (aut_allow_list_t *out, const char *dir, aut_allow_kind_t kind);
int aut_allow_list_parse (aut_allow_list_t *out, aut_allow_kind_t kind, const char *text,
                          size_t size, const char *what);
/*  Writes DIR's list durably, by rename. */
int aut_allow_list_save (const aut_allow_list_t *self, const char *dir, aut_allow_kind_t kind);
/*  The text that save writes; the caller frees it. */
char *aut_allow_list_text (const aut_allow_list_t *self, aut_allow_kind_t kind);
void aut_allow_list_clear (aut_allow_list_t *self);

/*  By name or key; NULL if it is not there. */
aut_allowed_t *aut_allow_list_find (const aut_allow_list_t *self, const char *name_or_key);

/*  Puts an entry in, replacing the one of its key. AUT_ERR_EXISTS if its name is another key's;
 *  AUT_ERR_AGAIN if the list is full. `changed` tells whether anything differs now. */
int aut_allow_list_put (aut_allow_list_t *self, const aut_allowed_t *entry, bool *changed);
void aut_allow_list_remove (aut_allow_list_t *self, aut_allowed_t *entry);

#endif
