/*  Key pairs and lists of who is allowed, from anything: a list that is taken is written and read
 *  back the same. The first byte chooses what is parsed. */
#include "lib/core/mem.h"
#include "proto/keys.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void check_list (aut_allow_kind_t kind, const char *text, size_t size)
{
    aut_allow_list_t list, back;
    if (aut_allow_list_parse (&list, kind, text, size, "fuzz"))
        return;
    char *first = aut_allow_list_text (&list, kind);
    if (aut_allow_list_parse (&back, kind, first, strlen (first), "written"))
        abort ();
    char *second = aut_allow_list_text (&back, kind);
    if (back.count != list.count || strcmp (first, second) != 0)
        abort ();
    free (first);
    free (second);
    aut_allow_list_clear (&back);
    aut_allow_list_clear (&list);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    /* a block of just this size, so that a read beyond it is seen */
    char *text = aut_calloc (1, size > 1 ? size - 1 : 1);
    memcpy (text, data + 1, size - 1);
    unsigned kind = data[0] % (AUT_ALLOW_KINDS + 1);
    aut_keypair_t pair;
    if (kind < AUT_ALLOW_KINDS)
        check_list ((aut_allow_kind_t)kind, text, size - 1);
    else if (aut_keypair_parse (&pair, text, size - 1, "fuzz") == 0 && !pair.secret_key[0])
        abort ();
    free (text);
    return 0;
}
