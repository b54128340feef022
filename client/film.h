/*  A storyboard as the commands use it: read, checked with its pictures and sounds, planned. */
#ifndef AUT_CLIENT_FILM_H
#define AUT_CLIENT_FILM_H

#include "client/common.h"
#include "client/connect.h"
#include "lib/film/plan.h"

typedef struct {
    char *file; /* as the user named it */
    char *text; /* the bytes */
    size_t size;
    char *dir; /* the storyboard's folder */
    aut_registry_t *registry;
    aut_diags_t diags;
    aut_storyboard_t *film; /* NULL if it has errors: see diags */
    aut_plan_t *plan;
} aut_film_t;

/*  The models of the search path; those that only the engine runs count as not available in a build
 *  without it. The caller destroys it. */
int aut_film_registry (aut_registry_t **out, const char *models);

/*  Reads and checks FILE. Manifests: the search path in `models`, then those of the cluster when
 *  `client` is not NULL. 0 also when the storyboard has errors (film is then NULL, diags say why);
 *  an error code when it could not be read at all. Clear it in every case. */
int aut_film_load (aut_film_t *out, const char *file, const char *models, aut_client_t *client);

/*  The same for a submission that was fetched from a broker: pictures and sounds are not on this
 *  disk, their hashes stand in `assets`, {"path": hex}. */
int aut_film_load_submitted (aut_film_t *out, const char *text, size_t size, const json_t *assets,
                             const char *models, aut_client_t *client);

/*  Plans a film that has no errors. */
int aut_film_plan (aut_film_t *self);

/*  Loads and plans for a command: prints what is wrong on stderr. -1 to go on, else an exit code.
 */
int aut_film_open (aut_film_t *out, const char *file, const char *models, aut_client_t *client);

/*  Refuses (exit code 2, else -1) a plan that fell to a lower tier, unless that is allowed. */
int aut_film_check_tier (const aut_film_t *self, bool allow_lower);

/*  Prints the plan's warnings on stderr. */
void aut_film_print_warnings (const aut_film_t *self);

void aut_film_clear (aut_film_t *self);

#endif
