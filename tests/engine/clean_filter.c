/*  Cleans prompts from standard input to standard output, each ended by a NUL byte: what
 *  tests/engine/clean_campaign.py compares with the reference. A prompt that is refused gives
 *  "\x01" and the reason (no cleaned prompt has a control character).
 */
#include "lib/core/error.h"
#include "node/engine/text/clean.h"

#include <stdio.h>
#include <stdlib.h>

int main (void)
{
    char *line = NULL;
    size_t cap = 0;
    while (getdelim (&line, &cap, 0, stdin) > 0) {
        char *cleaned = NULL;
        if (aut_clean_prompt (line, &cleaned) != 0)
            printf ("\x01%s", aut_error_detail ());
        else
            fputs (cleaned, stdout);
        putchar (0);
        free (cleaned);
    }
    free (line);
    return ferror (stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
