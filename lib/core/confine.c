/*  See confine.h. Landlock's numbers are written out here, because the headers of a distribution
 *  are older than the kernels that it is run on; the C library has no wrappers for the calls.
 *
 *  A rule names an inode. For a folder on disk that is enough; the files of /proc get new inodes
 *  when their names are forgotten, so descriptors that hold them stay open with the list.
 */
#include "lib/core/confine.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*  linux/landlock.h */
#define CREATE_VERSION 1u
#define RULE_PATH_BENEATH 1
#define FS_EXECUTE (UINT64_C (1) << 0)
#define FS_WRITE_FILE (UINT64_C (1) << 1)
#define FS_READ_FILE (UINT64_C (1) << 2)
#define FS_READ_DIR (UINT64_C (1) << 3)
#define FS_REMOVE_DIR (UINT64_C (1) << 4)
#define FS_REMOVE_FILE (UINT64_C (1) << 5)
#define FS_MAKE_DIR (UINT64_C (1) << 7)
#define FS_MAKE_REG (UINT64_C (1) << 8)
#define FS_ABI_1 ((UINT64_C (1) << 13) - 1)
#define FS_REFER (UINT64_C (1) << 13)          /* ABI 2 */
#define FS_TRUNCATE (UINT64_C (1) << 14)       /* ABI 3 */
#define FS_IOCTL_DEV (UINT64_C (1) << 15)      /* ABI 5 */
#define NET_BIND_AND_CONNECT UINT64_C (3)      /* ABI 4 */
#define SCOPE_SOCKETS_AND_SIGNALS UINT64_C (3) /* ABI 6 */

#define READ (FS_READ_FILE | FS_READ_DIR)
#define WRITE                                                                                      \
    (READ | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG |           \
     FS_REFER | FS_TRUNCATE)
#define DEVICE (READ | FS_WRITE_FILE | FS_IOCTL_DEV)
#define OF_FILES (FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

typedef struct {
    uint64_t fs, net, scoped;
} ruleset_t;

typedef struct {
    uint64_t allowed;
    int32_t fd;
} __attribute__ ((packed)) beneath_t;

typedef struct {
    int fd;
    uint64_t rights;
} place_t;

struct aut_confine {
    place_t *places;
    size_t count, cap;
};

aut_confine_t *aut_confine_new (void)
{
    return aut_calloc (1, sizeof (aut_confine_t));
}

static void add (aut_confine_t *self, const char *path, uint64_t rights)
{
    struct stat info;
    int fd = open (path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat (fd, &info) < 0 || !S_ISDIR (info.st_mode))
        rights &= OF_FILES;
    self->places = aut_grow (self->places, &self->cap, self->count + 1, sizeof *self->places);
    self->places[self->count++] = (place_t){fd, rights};
}

void aut_confine_read (aut_confine_t *self, const char *path)
{
    add (self, path, READ);
}

void aut_confine_write (aut_confine_t *self, const char *path)
{
    add (self, path, WRITE);
}

void aut_confine_device (aut_confine_t *self, const char *path)
{
    add (self, path, DEVICE);
}

static int landlock_abi (void)
{
    long abi = syscall (SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);
    return abi > 0 ? (int)abi : 0;
}

static ruleset_t what_is_ruled (int abi)
{
    ruleset_t rules = {.fs = FS_ABI_1};
    if (abi >= 2)
        rules.fs |= FS_REFER;
    if (abi >= 3)
        rules.fs |= FS_TRUNCATE;
    if (abi >= 4)
        rules.net = NET_BIND_AND_CONNECT;
    if (abi >= 5)
        rules.fs |= FS_IOCTL_DEV;
    if (abi >= 6)
        rules.scoped = SCOPE_SOCKETS_AND_SIGNALS;
    return rules;
}

/*  An older kernel takes only the size that it knows. */
static size_t size_of_rules (int abi)
{
    if (abi < 4)
        return sizeof (uint64_t);
    return abi < 6 ? 2 * sizeof (uint64_t) : sizeof (ruleset_t);
}

static int add_rules (const aut_confine_t *self, int fd, const ruleset_t *rules)
{
    for (size_t i = 0; i < self->count; i++) {
        beneath_t rule = {.allowed = self->places[i].rights & rules->fs, .fd = self->places[i].fd};
        if (rule.allowed && syscall (SYS_landlock_add_rule, fd, RULE_PATH_BENEATH, &rule, 0) < 0)
            return aut_fail_errno ("Landlock refuses a rule");
    }
    return 0;
}

static int apply_landlock (const aut_confine_t *self, aut_confined_t *out)
{
    int abi = landlock_abi ();
    if (abi == 0)
        return 0;
    ruleset_t rules = what_is_ruled (abi);
    int fd = (int)syscall (SYS_landlock_create_ruleset, &rules, size_of_rules (abi), 0);
    if (fd < 0)
        return aut_fail_errno ("Landlock refuses a set of rules");
    int rc = add_rules (self, fd, &rules);
    if (rc == 0 && syscall (SYS_landlock_restrict_self, fd, 0) < 0)
        rc = aut_fail_errno ("Landlock cannot confine this process");
    close (fd);
    if (rc == 0) {
        out->landlock = abi;
        out->network = abi >= 4;
        out->signals = abi >= 6;
    }
    return rc;
}

int aut_confine_apply (aut_confine_t *self, aut_confined_t *out)
{
    *out = (aut_confined_t){0};
    const struct rlimit none = {0, 0};
    setrlimit (RLIMIT_CORE, &none);
    if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return aut_fail_errno ("the kernel does not take new privileges away");
    out->no_new_privileges = true;
    return apply_landlock (self, out);
}

void aut_confine_destroy (aut_confine_t **self_p)
{
    aut_confine_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    for (size_t i = 0; i < self->count; i++)
        close (self->places[i].fd);
    free (self->places);
    free (self);
}

void aut_confine_probe (aut_confined_t *out)
{
    uint32_t action = SECCOMP_RET_ERRNO;
    int abi = landlock_abi ();
    *out = (aut_confined_t){.no_new_privileges = prctl (PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) >= 0,
                            .landlock = abi,
                            .network = abi >= 4,
                            .signals = abi >= 6,
                            .filter =
                                syscall (SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0};
}

char *aut_confined_text (const aut_confined_t *confined, char *text, size_t size)
{
    char files[48];
    snprintf (files, sizeof files, "files by Landlock (ABI %d)", confined->landlock);
    snprintf (text, size, "%s%s%s%s%s",
              confined->no_new_privileges ? "no new privileges" : "new privileges NOT refused",
              confined->landlock ? ", " : ", files NOT confined (no Landlock)",
              confined->landlock ? files : "",
              confined->filter ? ", system calls filtered (no sockets, no programs)"
                               : ", system calls NOT filtered (no seccomp)",
              confined->network ? ", no TCP" : "");
    return text;
}
