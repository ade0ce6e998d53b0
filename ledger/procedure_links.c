#include "ledger/procedure_check.h"

#include <stdio.h>

#include "ledger/registry.h"

/* What a procedure needs of the ledger that it is put on. */
struct links {
    const struct ledger_registry *r;
    const struct ledger_procedure *p;
    const char *where; /* the action, clock or attribute that is looked at */
    enum anju_err err;
};

static void want(struct links *l, bool holds, const char *what, const char *name, unsigned number)
{
    char numbered[24] = "";

    if (holds || l->err != ANJU_OK)
        return; /* the first is told */
    if (number != 0)
        (void)snprintf(numbered, sizeof numbered, ", number %u", number);
    l->err = anju_fail(ANJU_ERR_MALFORMED, "genesis: the procedure %s, %s: %s%s%s", l->p->name,
                       l->where, what, name, numbered);
}

/* NULL with a fault. A procedure knows itself by its own version. */
static const struct ledger_procedure *other(struct links *l, uint16_t number)
{
    const struct ledger_procedure *p =
        number == l->p->number ? l->p : ledger_registry_procedure(l->r, number, 0);

    want(l, p != NULL, "it needs another procedure that is not here", "", number);
    return p;
}

static bool has_attribute(const struct ledger_procedure *p, uint16_t number)
{
    return number == LEDGER_ATTR_OPEN || number == LEDGER_ATTR_DUE_DAY ||
           (number == LEDGER_ATTR_PARENT && p->parent != 0) ||
           ledger_procedure_attribute(p, number) != NULL;
}

static bool has_index(const struct ledger_procedure *p, uint16_t number, unsigned n_parts)
{
    for (unsigned i = 0; i < p->n_indexes; i++)
        if (p->index[i].number == number)
            return p->index[i].n_parts == n_parts;
    return false;
}

static void link_role(struct links *l, struct bytes role)
{
    char name[LEDGER_NAME_SIZE_MAX + 1];

    (void)snprintf(name, sizeof name, "%.*s", (int)role.size, (const char *)role.data);
    want(l, ledger_role_is_known(role), "there is no role ", name, 0);
}

static void link_expr(struct links *l, const struct ledger_expr *e)
{
    for (unsigned i = 0; i < e->n; i++) {
        const struct ledger_expr_node *n = &e->node[i];
        const struct ledger_procedure *p;
        if (n->op == LEDGER_OP_ROLE)
            link_role(l, n->text);
        if (n->op != LEDGER_OP_OF && n->op != LEDGER_OP_STATE_OF && n->op != LEDGER_OP_LIVE)
            continue;
        p = other(l, n->procedure);
        if (p == NULL)
            return;
        if (n->op == LEDGER_OP_OF)
            want(l, has_attribute(p, n->number), "an expression reads an attribute that is not in ",
                 p->name, n->number);
        else if (n->op == LEDGER_OP_STATE_OF)
            want(l, ledger_procedure_state(p, n->number) != NULL,
                 "an expression asks for a state that is not in ", p->name, n->number);
        else
            want(l, has_index(p, n->number, n->count),
                 "an expression counts in an index that is not in ", p->name, n->number);
    }
}

static void link_type(struct links *l, const struct ledger_type *t)
{
    char name[LEDGER_NAME_SIZE_MAX + 1];

    if (t->procedure != 0)
        (void)other(l, t->procedure);
    if (t->base != LEDGER_TYPE_CODE)
        return;
    (void)snprintf(name, sizeof name, "%.*s", (int)t->codes.size, (const char *)t->codes.data);
    want(l, ledger_registry_code_list(l->r, t->codes) != NULL, "it needs the code list ", name, 0);
}

static void link_actors(struct links *l, const struct ledger_actor_rule *rules, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        for (unsigned k = 0; k < rules[i].n_roles; k++)
            link_role(l, rules[i].roles[k]);
        link_expr(l, &rules[i].is);
        link_expr(l, &rules[i].cosign);
    }
}

static void link_changes(struct links *l, const struct ledger_change *changes, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        link_expr(l, &changes[i].value);
}

static void link_touch(struct links *l, const struct ledger_touch *touch)
{
    const struct ledger_procedure *p = other(l, touch->procedure);

    link_expr(l, &touch->subject);
    link_changes(l, touch->change, touch->n_changes);
    if (p == NULL)
        return;
    if (touch->state != 0)
        want(l, ledger_procedure_offers_new(p, l->p->number, touch->state),
             "it creates a subject that it may not, of ", p->name, touch->state);
    for (unsigned i = 0; i < touch->n_changes; i++) {
        uint16_t attribute = touch->change[i].attribute;
        want(l,
             touch->state != 0 ? ledger_procedure_attribute(p, attribute) != NULL
                               : ledger_procedure_offers(p, l->p->number, attribute),
             "it changes an attribute that is not offered by ", p->name, attribute);
    }
}

static void link_books(struct links *l, const struct ledger_action *a)
{
    const struct ledger_procedure *p;

    link_expr(l, &a->post);
    link_expr(l, &a->share.lines);
    link_expr(l, &a->share.total);
    p = a->post_procedure != 0 ? other(l, a->post_procedure) : NULL;
    if (p != NULL)
        want(l, p->balance != 0 && ledger_procedure_offers(p, l->p->number, p->balance),
             "it posts to what are no accounts, or not offered by ", p->name, p->balance);
    p = a->share.procedure != 0 ? other(l, a->share.procedure) : NULL;
    if (p == NULL)
        return;
    want(l, ledger_procedure_attribute(p, a->share.weight) != NULL,
         "it shares by an attribute that is not in ", p->name, a->share.weight);
    want(l, ledger_procedure_offers(p, l->p->number, a->share.add),
         "it shares to an attribute that is not offered by ", p->name, a->share.add);
}

static void link_action(struct links *l, const struct ledger_action *a)
{
    l->where = a->name;
    link_actors(l, a->by, a->n_by);
    link_actors(l, a->need.slot, a->need.n_slots);
    for (unsigned i = 0; i < a->need.n_not; i++)
        link_expr(l, &a->need.not [i]);
    for (unsigned i = 0; i < a->n_cases; i++)
        link_expr(l, &a->cases[i].when);
    for (unsigned i = 0; i < a->n_fields; i++)
        link_type(l, &a->field[i].type);
    for (unsigned i = 0; i < a->n_checks; i++)
        link_expr(l, &a->check[i].that);
    link_changes(l, a->change, a->n_changes);
    link_expr(l, &a->parent);
    for (unsigned i = 0; i < a->n_touches; i++)
        link_touch(l, &a->touch[i]);
    link_books(l, a);
}

static void link_edges(struct links *l, const struct ledger_edge *edges, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        link_expr(l, &edges[i].until);
}

enum anju_err ledger_procedure_check_links(const struct ledger_registry *r,
                                           const struct ledger_procedure *p)
{
    struct links l = {.r = r, .p = p, .where = "the whole"};

    want(&l, p->calendar == 0 || ledger_registry_calendar(r, p->calendar) != NULL,
         "it needs a calendar that is not here", "", p->calendar);
    if (p->parent != 0)
        (void)other(&l, p->parent);
    for (unsigned i = 0; i < p->n_attributes; i++) {
        l.where = p->attribute[i].name;
        link_type(&l, &p->attribute[i].type);
    }
    for (unsigned i = 0; i < p->n_clocks; i++) {
        l.where = p->clock[i].name;
        link_edges(&l, p->clock[i].start, p->clock[i].n_start);
        link_edges(&l, p->clock[i].move, p->clock[i].n_move);
        link_expr(&l, &p->clock[i].row);
    }
    for (unsigned i = 0; i < p->n_actions; i++)
        link_action(&l, &p->action[i]);
    return l.err;
}
