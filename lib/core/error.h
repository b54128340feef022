/*  Errors: one table of codes, and a per-thread sentence that says what is wrong, where, and what
 *  to do about it.
 *
 *  A function that can fail returns 0 or a negative aut_err_t. The one that finds the fault calls
 *  aut_fail () and returns its result; callers pass the code up, adding context where it helps
 *  with aut_fail_in (). The sentence belongs to the calling thread and lives until its next
 *  failure.
 */
#ifndef AUT_LIB_CORE_ERROR_H
#define AUT_LIB_CORE_ERROR_H

/*  X (name, value, stable text used on the wire and in JSON) */
#define AUT_ERRORS(X)                                                                              \
    X (NOMEM, -1, "out-of-memory")                                                                 \
    X (INVALID, -2, "invalid") /* input from outside breaks a rule */                              \
    X (NOT_FOUND, -3, "not-found")                                                                 \
    X (EXISTS, -4, "exists")                                                                       \
    X (IO, -5, "io")             /* the operating system refused */                                \
    X (NO_SPACE, -6, "no-space") /* disk or quota is full */                                       \
    X (CORRUPT, -7, "corrupt")   /* bytes differ from their hash or schema */                      \
    X (AGAIN, -8, "again")       /* a bounded queue is full: try later */                          \
    X (TIMEOUT, -9, "timeout")                                                                     \
    X (CANCELLED, -10, "cancelled")                                                                \
    X (FENCED, -11, "fenced") /* a newer epoch or attempt owns this */                             \
    X (UNSUPPORTED, -12, "unsupported")                                                            \
    X (VERSION, -13, "version") /* a peer or file of another version */                            \
    X (DENIED, -14, "denied")                                                                      \
    X (UNREACHABLE, -15, "unreachable")                                                            \
    X (TOO_LARGE, -16, "too-large")                                                                \
    X (STATE, -17, "state")                 /* not possible in this state */                       \
    X (DEVICE_MEMORY, -18, "device-memory") /* the accelerator is out of memory */                 \
    X (INTERNAL, -19, "internal")           /* a fault of ours */

typedef enum {
    AUT_OK = 0,
#define AUT_ERR_ENUM(name, value, text) AUT_ERR_##name = value,
    AUT_ERRORS (AUT_ERR_ENUM)
#undef AUT_ERR_ENUM
} aut_err_t;

/*  Records the sentence for this thread and returns `code`. */
int aut_fail (int code, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

/*  As aut_fail, with ": " and strerror (errno) at the end; AUT_ERR_NO_SPACE for ENOSPC and EDQUOT,
 *  AUT_ERR_NOT_FOUND for ENOENT, AUT_ERR_NOMEM for ENOMEM, AUT_ERR_AGAIN for EMFILE and ENFILE,
 *  otherwise AUT_ERR_IO. */
int aut_fail_errno (const char *format, ...) __attribute__ ((format (printf, 1, 2)));

/*  Puts "context: " before the sentence already recorded, and returns `code`. */
int aut_fail_in (int code, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

#ifdef __clang_analyzer__
/* The static analyser sees no other file's code: tell it that these never give 0. */
#define aut_fail(code, ...) ((aut_fail)(code, __VA_ARGS__), (code))
#define aut_fail_in(code, ...) ((aut_fail_in)(code, __VA_ARGS__), (code))
#define aut_fail_errno(...) ((aut_fail_errno)(__VA_ARGS__), AUT_ERR_IO)
#endif

/*  The calling thread's last sentence, "" if there was none. Never NULL. */
const char *aut_error_detail (void);

/*  The stable text of a code ("not-found"); "ok" for 0, "internal" for an unknown code. */
const char *aut_error_text (int code);

/*  The code of a stable text; AUT_ERR_INTERNAL for an unknown one. */
int aut_error_code (const char *text);

#endif
