/*  What `auteur validate` says of many storyboards, one a line on stdin: its JSON, one a line on
 *  stdout. A process for each of thousands would take minutes. */
#include "lib/core/error.h"
#include "lib/film/storyboard.h"

#include <stdio.h>
#include <stdlib.h>

int main (void)
{
    aut_registry_t *registry = NULL;
    char *line = NULL;
    size_t cap = 0;
    ssize_t size;
    if (aut_registry_open (&registry, NULL)) {
        fprintf (stderr, "%s\n", aut_error_detail ());
        return 1;
    }
    while ((size = getline (&line, &cap, stdin)) > 0) {
        aut_diags_t diags;
        aut_storyboard_t *film = NULL;
        aut_buffer_t out = {0};
        aut_diags_init (&diags, "variant");
        aut_storyboard_read (&film, &diags, line, (size_t)size, registry, NULL);
        aut_diags_json (&diags, &out);
        puts (out.data);
        aut_buffer_clear (&out);
        aut_diags_clear (&diags);
        aut_storyboard_destroy (&film);
    }
    free (line);
    aut_registry_destroy (&registry);
    return 0;
}
