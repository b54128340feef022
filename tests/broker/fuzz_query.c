/*  Any bytes as a question on the status socket: refused with a sentence, or one of the questions
 *  that there are. */
#include "broker/internal.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    aut_query_t query = {0};
    char *text = aut_strndup ((const char *)data, size); /* as the socket hands it over */
    int rc = aut_query_parse (&query, text);
    if (rc < 0 ? strlen (aut_error_detail ()) == 0 : query.kind > AUT_QUERY_EVENTS)
        abort ();
    free (text);
    return 0;
}
