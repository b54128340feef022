#include "lib/film/rule.h"

#include <string.h>

typedef struct {
    const aut_rule_t *rule;
    const aut_source_t *source;
    aut_diags_t *diags;
    const aut_node_t *node;
} work_t;

static void check_one_of (const work_t *work, const aut_node_t *key, const aut_node_t *other)
{
    if (!key == !other)
        aut_source_error (work->source, work->diags, work->node, NULL,
                          "needs one of the two%s: %s or %s", key ? ", not both" : "",
                          work->rule->key, work->rule->other);
}

static void check_not_with (const work_t *work, const aut_node_t *key, const aut_node_t *other)
{
    if (key && other)
        aut_source_error_member (work->source, work->diags, work->node, work->rule->key, NULL,
                                 "does not go with %s", work->rule->other);
}

static void check_unless (const work_t *work, const aut_node_t *key, const aut_node_t *other)
{
    aut_decimal_t number = {0};
    if (!other || other->kind != AUT_NODE_STRING)
        return;
    bool except = strcmp (other->text, work->rule->value) == 0;
    bool known = key && key->kind == AUT_NODE_NUMBER && aut_node_decimal (key, &number) == 0;
    const char *name = work->rule->key;
    if (except && known && number.units > 0)
        aut_source_error_member (work->source, work->diags, work->node, name, NULL,
                                 "a %.64s has no %s", other->text, name);
    else if (!except && !key)
        aut_source_error_member (work->source, work->diags, work->node, name, NULL,
                                 "is required for a %.64s", other->text);
    else if (!except && known && number.units == 0)
        aut_source_error_member (work->source, work->diags, work->node, name, NULL,
                                 "must be more than 0 for a %.64s", other->text);
}

static void check_some (const work_t *work, const aut_node_t *list)
{
    if (!list || list->kind != AUT_NODE_ARRAY)
        return;
    for (const aut_node_t *item = list->first; item; item = item->next) {
        const aut_node_t *inner =
            item->kind == AUT_NODE_OBJECT ? aut_node_get (item, work->rule->other) : NULL;
        if (inner && inner->kind == AUT_NODE_ARRAY && inner->size > 0)
            return;
    }
    aut_source_error (work->source, work->diags, list, NULL, "%s is needed", work->rule->value);
}

void aut_rule_check (const aut_rule_t *rule, const aut_source_t *source, aut_diags_t *diags,
                     const aut_node_t *node)
{
    const work_t work = {rule, source, diags, node};
    const aut_node_t *key = aut_node_get (node, rule->key),
                     *other = aut_node_get (node, rule->other);
    switch (rule->kind) {
    case AUT_RULE_ONE_OF:
        check_one_of (&work, key, other);
        break;
    case AUT_RULE_NOT_WITH:
        check_not_with (&work, key, other);
        break;
    case AUT_RULE_UNLESS:
        check_unless (&work, key, other);
        break;
    case AUT_RULE_SOME:
        check_some (&work, key);
        break;
    }
}
