/*  What tests of the store share: a folder of their own, and each implementation in it. */
#ifndef AUT_TESTS_BROKER_STORES_H
#define AUT_TESTS_BROKER_STORES_H

#include "broker/store/store.h"

extern char store_dir[64];

/*  Checked fixture: the folder before each test and its removal afterwards. */
void store_make_dir (void);
void store_remove_dir (void);

/*  By the index of a loop test: 0 = SQLite in the folder, 1 = memory. */
aut_store_t *store_open (int kind);

#endif
