/*  What the tests of lib/core share. */
#ifndef AUT_TESTS_CORE_SUPPORT_H
#define AUT_TESTS_CORE_SUPPORT_H

#include <check.h>
#include <stddef.h>

/*  A fresh folder below $TMPDIR or /tmp; the caller removes it with remove_folder. */
char *make_folder (void);
void remove_folder (char **path);

/*  Starts to collect what is written on a descriptor (1 or 2); capture_end restores it and gives
 *  the text, which the caller frees. */
typedef struct {
    int fd, saved, file;
} capture_t;
void capture_begin (capture_t *self, int fd);
char *capture_end (capture_t *self);

/*  Runs a suite of one test case and gives main's result. */
int run_case (TCase *tests);

#endif
