#include "tests/broker/stores.h"

#include "lib/core/error.h"
#include "lib/core/file.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

char store_dir[64];

void store_make_dir (void)
{
    snprintf (store_dir, sizeof store_dir, "/tmp/aut-store-XXXXXX");
    ck_assert_ptr_nonnull (mkdtemp (store_dir));
}

void store_remove_dir (void)
{
    ck_assert_int_eq (aut_dir_remove (store_dir), 0);
}

aut_store_t *store_open (int kind)
{
    aut_store_t *store = NULL;
    int rc = kind ? aut_store_open_memory (&store) : aut_store_open_sqlite (&store, store_dir);
    ck_assert_msg (rc == 0, "%s", aut_error_detail ());
    return store;
}
