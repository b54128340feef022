/*  What a process that reads strangers' files gives up before it does so: files other than the
 *  named ones (Landlock, Linux 5.13 and later), TCP, signals to others, new privileges, core dumps.
 *  What the kernel, or the container around us, does not have is reported and not an error: a
 *  process is confined as far as it goes.
 *
 *  Make the list, then apply it in the process's only thread: threads and children made later
 *  inherit it, threads that exist already do not. It cannot be taken back.
 */
#ifndef AUT_LIB_CORE_CONFINE_H
#define AUT_LIB_CORE_CONFINE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct aut_confine aut_confine_t;

/*  What is in force (aut_confine_apply) or would be (aut_confine_probe). */
typedef struct {
    bool no_new_privileges;
    int landlock; /* its ABI's number; 0 = none: files are not confined */
    bool network; /* TCP is refused by Landlock (ABI 4) */
    bool signals; /* signals and abstract sockets end at the own domain (ABI 6) */
    bool filter;  /* system calls are filtered (the caller's doing, or possible here) */
} aut_confined_t;

aut_confine_t *aut_confine_new (void);

/*  A file or folder, with all below it, that may be read; read and written, and in a folder made,
 *  renamed and removed; or used as a device (read, write, ioctl). Links are followed now. A path
 *  that does not exist is left out. */
void aut_confine_read (aut_confine_t *self, const char *path);
void aut_confine_write (aut_confine_t *self, const char *path);
void aut_confine_device (aut_confine_t *self, const char *path);

/*  Confines this process and tells what is in force. Nothing may be executed afterwards, whether it
 *  may be read or not. 0, or AUT_ERR_IO if the kernel has what is asked for and yet refuses. */
int aut_confine_apply (aut_confine_t *self, aut_confined_t *out);

/*  Also closes what the list holds open: not before aut_confine_apply. */
void aut_confine_destroy (aut_confine_t **self_p);

/*  What this kernel would let a process do to itself. Changes nothing. */
void aut_confine_probe (aut_confined_t *out);

/*  "files by Landlock (ABI 7), no TCP, …" for logs and people; returns `text`. */
char *aut_confined_text (const aut_confined_t *confined, char *text, size_t size);

#endif
