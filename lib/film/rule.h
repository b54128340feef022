/*  Rules between the members of an object, as a table's fields cannot say them. */
#ifndef AUT_LIB_FILM_RULE_H
#define AUT_LIB_FILM_RULE_H

#include "lib/film/table.h"

/*  Tells `diags` where the object `node` breaks the rule. A member that is faulty by itself has
 * been told of: no more is said of it here. */
void aut_rule_check (const aut_rule_t *rule, const aut_source_t *source, aut_diags_t *diags,
                     const aut_node_t *node);

#endif
