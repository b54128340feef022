/*  Key files: reading, checking modes, writing. The lists' text is in keys_list.c. */
#include "proto/keys.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "proto/keys_internal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zmq.h>

#define SECRET_FILE "secret.key"
#define SECRET_BYTES 4096
#define DRAWS 1000 /* until a key begins with a letter or digit: 62 of 85 do */

char *aut_keys_default_dir (void)
{
    const char *config = getenv ("XDG_CONFIG_HOME");
    const char *home = getenv ("HOME");
    if (config && config[0] == '/')
        return aut_path_join (config, "auteur", "keys", NULL);
    return aut_path_join (home && home[0] ? home : "/", ".config", "auteur", "keys", NULL);
}

int aut_key_check (const char *key)
{
    uint8_t bytes[32];
    char copy[AUT_KEY_TEXT];
    size_t size = strlen (key);
    if (size != AUT_KEY_TEXT - 1)
        return aut_fail (AUT_ERR_INVALID,
                         "a public key has %d characters, this has %zu: was it cut, or does it "
                         "need quotes (')?",
                         AUT_KEY_TEXT - 1, size);
    memcpy (copy, key, sizeof copy);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)key[i] <= ' ' || (unsigned char)key[i] >= 127 ||
            strchr ("\"',;\\_`|~", key[i]))
            return aut_fail (AUT_ERR_INVALID, "a public key is Z85 text, which has no 0x%02x",
                             (unsigned)(unsigned char)key[i]);
    if (!zmq_z85_decode (bytes, copy))
        return aut_fail (AUT_ERR_INVALID, "this is no key: its Z85 text does not decode");
    return 0;
}

/* ---- files ---------------------------------------------------------------------------------- */

/*  Everything is opened once and judged by its descriptor: what was judged is what is read, whoever
 *  renames things meanwhile. */
typedef struct {
    int fd;
    bool handed_over; /* the folder: see below */
} folder_t;

/*  Kubernetes and systemd hand secrets over as root's files on a mount that is read-only here: the
 *  folder may be open, as nobody can put anything in, and a group that root chose may read a file.
 */
static bool is_handed_over (const struct stat *st, int fd)
{
    struct statvfs fs;
    return st->st_uid == 0 && fstatvfs (fd, &fs) == 0 && (fs.f_flag & ST_RDONLY) &&
           (S_ISDIR (st->st_mode) || !(st->st_mode & 027));
}

static int check_mode (int fd, const char *path, unsigned mode, bool *handed_over)
{
    struct stat st;
    if (fstat (fd, &st))
        return aut_fail_errno ("cannot look at %s", path);
    *handed_over = is_handed_over (&st, fd);
    if (!S_ISDIR (st.st_mode) && !S_ISREG (st.st_mode))
        return aut_fail (AUT_ERR_INVALID, "%s is no file", path);
    if (st.st_uid != geteuid () && st.st_uid != 0)
        return aut_fail (AUT_ERR_DENIED,
                         "%s belongs to another user: run this as that one, or chown it", path);
    if ((st.st_mode & 077) && !*handed_over)
        return aut_fail (AUT_ERR_DENIED, "%s is open to others (mode %04o): run chmod %o %s", path,
                         (unsigned)st.st_mode & 07777, mode, path);
    return 0;
}

static int open_folder (folder_t *out, const char *dir)
{
    out->fd = open (dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (out->fd < 0 && errno == ENOENT)
        return aut_fail (AUT_ERR_NOT_FOUND,
                         "there are no keys in %s: run auteur keys new --keys %s", dir, dir);
    if (out->fd < 0 && (errno == ENOTDIR || errno == ELOOP))
        return aut_fail (AUT_ERR_INVALID, "%s is no folder; name it itself, not a link to it", dir);
    if (out->fd < 0)
        return aut_fail_errno ("cannot open %s", dir);
    int rc = check_mode (out->fd, dir, 0700, &out->handed_over);
    if (rc)
        close (out->fd);
    return rc;
}

int aut_keys_check_dir (const char *dir)
{
    folder_t folder;
    int rc = open_folder (&folder, dir);
    if (!rc)
        close (folder.fd);
    return rc;
}

/*  The kubelet's names are links within the folder; elsewhere nobody needs any. */
static int open_file (int *out, const folder_t *folder, const char *file, const char *path)
{
    /* non-blocking, so that a named pipe is refused instead of waited for */
    int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
    *out = openat (folder->fd, file, flags | (folder->handed_over ? 0 : O_NOFOLLOW));
    if (*out < 0 && errno == ELOOP)
        return aut_fail (AUT_ERR_DENIED, "%s is a link: put the file itself there", path);
    return *out < 0 ? aut_fail_errno ("cannot open %s", path) : 0;
}

int aut_keys_read (const char *dir, const char *file, size_t max, char **data, size_t *size)
{
    folder_t folder;
    int fd, rc = open_folder (&folder, dir);
    bool handed_over;
    if (rc)
        return rc;
    char *path = aut_path_join (dir, file, NULL);
    rc = open_file (&fd, &folder, file, path);
    if (!rc) {
        rc = check_mode (fd, path, 0600, &handed_over);
        if (!rc)
            rc = aut_file_read_fd (fd, path, max, data, size);
        close (fd);
    }
    close (folder.fd);
    free (path);
    return rc;
}

static int write_temp (int dir, const char *temp, const char *text)
{
    unlinkat (dir, temp, 0);
    int fd = openat (dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    int rc = aut_file_write_all (fd, text, strlen (text)) || fsync (fd) ? -1 : 0;
    return close (fd) ? -1 : rc;
}

/*  aut_file_write makes its files 0644 at most; a key's must never be open to others, not even
 *  before it is renamed. */
int aut_keys_write (const char *dir, const char *file, const char *text, bool replace)
{
    folder_t folder;
    int rc = open_folder (&folder, dir);
    if (rc)
        return rc;
    char *temp = aut_sprintf (".%s.%ld", file, (long)getpid ());
    if (write_temp (folder.fd, temp, text))
        rc = aut_fail_errno ("cannot write %s/%s", dir, temp);
    /* a link fails if there is one, unlike rename */
    else if (!replace && linkat (folder.fd, temp, folder.fd, file, 0))
        rc = errno == EEXIST
                 ? aut_fail (AUT_ERR_EXISTS, "%s/%s is there already and stays", dir, file)
                 : aut_fail_errno ("cannot make %s/%s", dir, file);
    else if (replace && renameat (folder.fd, temp, folder.fd, file))
        rc = aut_fail_errno ("cannot rename to %s/%s", dir, file);
    if (rc || !replace)
        unlinkat (folder.fd, temp, 0);
    if (!rc && fsync (folder.fd))
        rc = aut_fail_errno ("cannot sync %s", dir);
    close (folder.fd);
    free (temp);
    return rc;
}

/* ---- key pairs ------------------------------------------------------------------------------ */

int aut_keypair_new (aut_keypair_t *out)
{
    for (int i = 0; i < DRAWS; i++) {
        if (zmq_curve_keypair (out->public_key, out->secret_key))
            return aut_fail (AUT_ERR_UNSUPPORTED,
                             "cannot draw a key: %s (is libzmq built with "
                             "CURVE?)",
                             zmq_strerror (zmq_errno ()));
        if (isalnum ((unsigned char)out->public_key[0]))
            return 0;
    }
    return aut_fail (AUT_ERR_INTERNAL, "no key begins with a letter or digit");
}

/*  One line "WORD KEY" of `text` into `out`. */
static int take_line (aut_keypair_t *out, const char *line, size_t size, const char *what)
{
    static const char *const words[] = {"public ", "secret "};
    for (int i = 0; i < 2; i++) {
        char *to = i ? out->secret_key : out->public_key;
        size_t len = strlen (words[i]);
        if (size < len || memcmp (line, words[i], len) != 0)
            continue;
        if (to[0] || size - len != AUT_KEY_TEXT - 1)
            return aut_fail (AUT_ERR_INVALID,
                             "%s: one line \"%sKEY\" with a key of %d characters "
                             "is expected",
                             what, words[i], AUT_KEY_TEXT - 1);
        memcpy (to, line + len, AUT_KEY_TEXT - 1);
        int rc = aut_key_check (to);
        return rc ? aut_fail_in (rc, "%s", what) : 0;
    }
    return aut_fail (AUT_ERR_INVALID, "%s: a line that is neither public, secret nor a comment",
                     what);
}

int aut_keypair_parse (aut_keypair_t *out, const char *text, size_t size, const char *what)
{
    char derived[AUT_KEY_TEXT];
    int rc = 0;
    memset (out, 0, sizeof *out);
    for (size_t at = 0, next; !rc && at < size; at = next) {
        const char *end = memchr (text + at, '\n', size - at);
        size_t len = end ? (size_t)(end - (text + at)) : size - at;
        next = at + len + 1;
        if (len && text[at] != '#')
            rc = take_line (out, text + at, len, what);
    }
    if (!rc && (!out->public_key[0] || !out->secret_key[0]))
        rc = aut_fail (AUT_ERR_INVALID, "%s: the public or the secret key is missing", what);
    if (!rc &&
        (zmq_curve_public (derived, out->secret_key) || strcmp (derived, out->public_key) != 0))
        rc = aut_fail (AUT_ERR_INVALID, "%s: the two keys are not a pair", what);
    if (rc)
        memset (out, 0, sizeof *out);
    return rc;
}

int aut_keypair_load (aut_keypair_t *out, const char *dir)
{
    char *text = NULL, *path = aut_path_join (dir, SECRET_FILE, NULL);
    size_t size;
    memset (out, 0, sizeof *out);
    int rc = aut_keys_read (dir, SECRET_FILE, SECRET_BYTES, &text, &size);
    if (!rc)
        rc = aut_keypair_parse (out, text, size, path);
    else if (rc == AUT_ERR_NOT_FOUND)
        rc = aut_fail (AUT_ERR_NOT_FOUND, "there is no key in %s: run auteur keys new --keys %s",
                       dir, dir);
    free (text);
    free (path);
    return rc;
}

int aut_keypair_save (const aut_keypair_t *pair, const char *dir)
{
    int rc = aut_dir_make_private (dir);
    if (rc)
        return rc;
    char *text = aut_sprintf ("# A key of auteur. The secret one never leaves this machine; "
                              "'auteur keys show' prints the public one.\n"
                              "public %s\nsecret %s\n",
                              pair->public_key, pair->secret_key);
    rc = aut_keys_write (dir, SECRET_FILE, text, false);
    free (text);
    return rc;
}
