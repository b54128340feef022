/*  See filter.h. A list of what is refused, not of what is allowed: CUDA's driver, LibTorch, OpenMP
 *  and the sanitizers use calls that change with their versions, and the list of files (Landlock)
 *  already holds the line. What is here is what that does not rule: sockets other than TCP, and the
 *  calls through which kernels are broken. Calls of another architecture (32 bits) are refused as a
 *  whole by libseccomp.
 */
#include "node/worker/filter.h"

#include "lib/core/error.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/socket.h>

/*  gcc's word for it, and clang's. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif

#define FCHMODAT2 452 /* on every architecture; younger than the library's headers */

static const int refused[] = {
    /* programs */
    SCMP_SYS (execve), SCMP_SYS (execveat),
    /* io_uring opens sockets and files past this filter */
    SCMP_SYS (io_uring_setup), SCMP_SYS (io_uring_enter), SCMP_SYS (io_uring_register),
    /* modes, owners and attributes by name, which Landlock does not rule: a key could be opened to
       others. Of what is open for writing they can be changed. */
    SCMP_SYS (chmod), SCMP_SYS (fchmodat), FCHMODAT2, SCMP_SYS (chown), SCMP_SYS (lchown),
    SCMP_SYS (fchownat), SCMP_SYS (setxattr), SCMP_SYS (lsetxattr), SCMP_SYS (removexattr),
    SCMP_SYS (lremovexattr),
    /* other processes */
    SCMP_SYS (process_vm_readv), SCMP_SYS (process_vm_writev), SCMP_SYS (pidfd_getfd),
#ifndef SANITIZED
    SCMP_SYS (ptrace), /* the leak check stops the threads with it */
#endif
    /* namespaces and mounts */
    SCMP_SYS (unshare), SCMP_SYS (setns), SCMP_SYS (mount), SCMP_SYS (umount2),
    SCMP_SYS (pivot_root), SCMP_SYS (chroot), SCMP_SYS (fsopen), SCMP_SYS (fsmount),
    SCMP_SYS (move_mount), SCMP_SYS (open_tree), SCMP_SYS (open_by_handle_at),
    /* the kernel's larger doors */
    SCMP_SYS (bpf), SCMP_SYS (perf_event_open), SCMP_SYS (userfaultfd), SCMP_SYS (keyctl),
    SCMP_SYS (add_key), SCMP_SYS (request_key), SCMP_SYS (kexec_load), SCMP_SYS (kexec_file_load),
    SCMP_SYS (init_module), SCMP_SYS (finit_module), SCMP_SYS (delete_module),
    SCMP_SYS (fanotify_init), SCMP_SYS (personality), SCMP_SYS (quotactl), SCMP_SYS (acct),
    SCMP_SYS (swapon), SCMP_SYS (swapoff), SCMP_SYS (reboot), SCMP_SYS (syslog),
    /* the machine's settings */
    SCMP_SYS (settimeofday), SCMP_SYS (clock_settime), SCMP_SYS (clock_adjtime),
    SCMP_SYS (adjtimex), SCMP_SYS (sethostname), SCMP_SYS (setdomainname)};

/*  clone with a new namespace is refused by its flags; clone3 hides them behind a pointer, so it is
 *  said not to exist and the C library takes clone. */
static int refuse_namespaces (scmp_filter_ctx filter)
{
    static const unsigned long flags[] = {CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWNET,   CLONE_NEWPID,
                                          CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWCGROUP};
    int rc = seccomp_rule_add (filter, SCMP_ACT_ERRNO (ENOSYS), SCMP_SYS (clone3), 0);
    for (size_t i = 0; i < sizeof flags / sizeof *flags && rc == 0; i++)
        rc = seccomp_rule_add (filter, SCMP_ACT_ERRNO (EPERM), SCMP_SYS (clone), 1,
                               SCMP_A0 (SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
    return rc;
}

static int refuse_sockets (scmp_filter_ctx filter, bool local_sockets)
{
    if (!local_sockets)
        return seccomp_rule_add (filter, SCMP_ACT_ERRNO (EPERM), SCMP_SYS (socket), 0);
    return seccomp_rule_add (filter, SCMP_ACT_ERRNO (EPERM), SCMP_SYS (socket), 1,
                             SCMP_A0 (SCMP_CMP_NE, AF_UNIX, 0));
}

int aut_worker_filter (bool local_sockets)
{
    scmp_filter_ctx filter = seccomp_init (SCMP_ACT_ALLOW);
    if (!filter)
        return aut_fail (AUT_ERR_UNSUPPORTED, "no filter of system calls can be made");
    int rc = seccomp_attr_set (filter, SCMP_FLTATR_CTL_TSYNC, 1);
    for (size_t i = 0; i < sizeof refused / sizeof *refused && rc == 0; i++)
        rc = seccomp_rule_add (filter, SCMP_ACT_ERRNO (EPERM), refused[i], 0);
    if (rc == 0)
        rc = refuse_sockets (filter, local_sockets);
    if (rc == 0)
        rc = refuse_namespaces (filter);
    if (rc == 0)
        rc = seccomp_load (filter);
    seccomp_release (filter);
    if (rc == 0)
        return 0;
    errno = -rc;
    return aut_fail (AUT_ERR_UNSUPPORTED, "the kernel takes no filter of system calls: error %d",
                     -rc);
}
