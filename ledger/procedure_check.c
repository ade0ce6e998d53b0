#include "ledger/procedure_check.h"

#include <string.h>

/* Where a fault is, for its words. */
struct check {
    const struct ledger_procedure *p;
    const char *what;  /* "action", "clock" */
    const char *where; /* its name */
    bool failed;
};

static void fail(struct check *c, const char *words)
{
    if (c->failed)
        return; /* the first is told */
    c->failed = true;
    (void)anju_fail(ANJU_ERR_MALFORMED, "the procedure `%s`, %s `%s`: %s", c->p->name, c->what,
                    c->where, words);
}

static void want(struct check *c, bool holds, const char *words)
{
    if (!holds)
        fail(c, words);
}

static bool is_attribute(const struct ledger_procedure *p, uint16_t number)
{
    if (number == LEDGER_ATTR_PARENT)
        return p->parent != 0;
    return number == LEDGER_ATTR_OPEN || number == LEDGER_ATTR_DUE_DAY ||
           ledger_procedure_attribute(p, number) != NULL;
}

static void check_node(struct check *c, const struct ledger_expr_node *n,
                       const struct ledger_action *a)
{
    const struct ledger_table *table;

    switch (n->op) {
    case LEDGER_OP_FIELD:
        want(c, a != NULL && ledger_action_field(a, n->number) != NULL,
             "an expression names a field that the action lacks");
        return;
    case LEDGER_OP_ATTRIBUTE:
        want(c, is_attribute(c->p, n->number), "an expression names an unknown attribute");
        return;
    case LEDGER_OP_STATE:
        want(c, ledger_procedure_state(c->p, n->number) != NULL,
             "an expression names an unknown state");
        return;
    case LEDGER_OP_PASSED:
    case LEDGER_OP_RUNNING:
    case LEDGER_OP_STARTED:
    case LEDGER_OP_END:
        want(c, ledger_procedure_clock(c->p, n->number) != NULL,
             "an expression names an unknown clock");
        return;
    case LEDGER_OP_LOOKUP:
        table = ledger_procedure_table(c->p, n->number);
        want(c, table != NULL && !table->spans && n->count < table->n_columns,
             "an expression looks up what no table of numbers has");
        return;
    case LEDGER_OP_PART:
        want(c, n->number < 2, "a line has two parts");
        return;
    case LEDGER_OP_AND:
    case LEDGER_OP_OR:
        want(c, n->count >= 1 && n->count <= LEDGER_NODES_MAX,
             "`and` and `or` take at least one operand");
        return;
    case LEDGER_OP_LIVE:
        want(c, n->count >= 1 && n->count <= LEDGER_INDEX_PARTS_MAX, "`live` takes 1 to 3 values");
        return;
    case LEDGER_OP_INT:
    case LEDGER_OP_BOOL:
    case LEDGER_OP_TEXT:
    case LEDGER_OP_SELF:
    case LEDGER_OP_ACTOR:
    case LEDGER_OP_NOW:
    case LEDGER_OP_ITEM:
    case LEDGER_OP_HAS:
    case LEDGER_OP_OF:
    case LEDGER_OP_STATE_OF:
    case LEDGER_OP_NOT:
    case LEDGER_OP_EQ:
    case LEDGER_OP_NE:
    case LEDGER_OP_LT:
    case LEDGER_OP_LE:
    case LEDGER_OP_GT:
    case LEDGER_OP_GE:
    case LEDGER_OP_ADD:
    case LEDGER_OP_SUB:
    case LEDGER_OP_MUL:
    case LEDGER_OP_DIV:
    case LEDGER_OP_MIN:
    case LEDGER_OP_MAX:
    case LEDGER_OP_IF:
    case LEDGER_OP_COSIGNED:
    case LEDGER_OP_ROLE:
    case LEDGER_OP_LEN:
    case LEDGER_OP_ALL:
    case LEDGER_OP_ANY:
    case LEDGER_OP_SUM:
    case LEDGER_OP_SEAL:
        return;
    }
    fail(c, "an unknown operator");
}

/* `item` only inside the second operand of all, any or sum; `has` only before a name. */
static unsigned check_tree(struct check *c, const struct ledger_expr *e, unsigned at,
                           unsigned inside)
{
    const struct ledger_expr_node *node = &e->node[at];
    bool each = node->op == LEDGER_OP_ALL || node->op == LEDGER_OP_ANY || node->op == LEDGER_OP_SUM;

    want(c, node->op != LEDGER_OP_ITEM || inside > 0, "`item` outside `all`, `any` and `sum`");
    want(c, inside <= 2, "`all`, `any` and `sum` are nested more than twice");
    if (node->op == LEDGER_OP_PART)
        want(c, e->node[at + 1].op == LEDGER_OP_ITEM, "parts are those of an item");
    if (node->op == LEDGER_OP_HAS)
        want(c, e->node[at + 1].op == LEDGER_OP_FIELD || e->node[at + 1].op == LEDGER_OP_ATTRIBUTE,
             "`has` takes a field or an attribute");
    at++;
    for (unsigned i = 0, n = ledger_op_operands(node); i < n; i++)
        at = check_tree(c, e, at, inside + (each && i == 1));
    return at;
}

static unsigned check_expr(struct check *c, const struct ledger_expr *e,
                           const struct ledger_action *a)
{
    for (unsigned i = 0; i < e->n; i++)
        check_node(c, &e->node[i], a);
    if (e->n > 0)
        (void)check_tree(c, e, 0, 0);
    return e->n;
}

static void check_type(struct check *c, const struct ledger_type *t)
{
    bool codes = t->base == LEDGER_TYPE_CODE;

    want(c, t->base >= LEDGER_TYPE_BOOL && t->base <= LEDGER_TYPE_LINES, "an unknown type");
    want(c, codes == (t->codes.size > 0), "a code without its list, or a list without codes");
    want(c, t->procedure == 0 || t->base == LEDGER_TYPE_REF || t->base == LEDGER_TYPE_LINES,
         "a procedure at a type that refers to none");
    want(c, t->base != LEDGER_TYPE_LINES || (t->procedure != 0 && t->list_max > 0),
         "lines without a procedure, or without their number");
    want(c, t->min <= t->max, "bounds that nothing fits");
    if (t->base == LEDGER_TYPE_TEXT || t->base == LEDGER_TYPE_BYTES)
        want(c, t->max >= 1 && t->max <= LEDGER_TEXT_SIZE_MAX, "a size out of bounds");
}

static void check_span(struct check *c, struct ledger_span s, bool needed)
{
    want(c, s.unit <= LEDGER_UNIT_WORKING_DAYS, "an unknown unit of time");
    want(c, (s.unit != 0) == (s.count != 0) && (s.unit != 0 || !needed),
         "a span of time that is none");
    want(c, s.count <= 10u * 366 * 86400, "a span of time over ten years");
    want(c, s.unit <= LEDGER_UNIT_SECONDS || c->p->calendar != 0,
         "working time, but the procedure names no calendar");
}

static void check_states(struct check *c, const uint16_t *states, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        want(c, ledger_procedure_state(c->p, states[i]) != NULL, "an unknown state");
}

static unsigned check_actors(struct check *c, const struct ledger_actor_rule *actors, unsigned n,
                             const struct ledger_action *a, bool slots)
{
    unsigned nodes = 0;

    for (unsigned i = 0; i < n; i++) {
        const struct ledger_actor_rule *r = &actors[i];
        bool member = r->n_roles > 0 || r->is.n > 0;
        want(c, member || r->anyone || r->cosign.n > 0 || r->timer != 0,
             "an actor that nobody can be");
        want(c, !slots || (member && r->cosign.n == 0 && r->timer == 0 && !r->anyone),
             "approvers are members");
        if (r->timer != 0) {
            want(c, ledger_procedure_clock(c->p, r->timer) != NULL, "a timer of an unknown clock");
            want(c,
                 n == 1 && !member && !r->anyone && r->cosign.n == 0 && a->n_fields == 0 &&
                     a->n_checks == 0 && !a->creates,
                 "a timer's action has no other actor, no field, no check, and creates nothing");
        }
        nodes += check_expr(c, &r->is, a) + check_expr(c, &r->cosign, a);
    }
    return nodes;
}

static unsigned check_changes(struct check *c, const struct ledger_change *changes, unsigned n,
                              const struct ledger_action *a, bool own)
{
    unsigned nodes = 0;

    for (unsigned i = 0; i < n; i++) {
        want(c, changes[i].kind >= LEDGER_CHANGE_SET && changes[i].kind <= LEDGER_CHANGE_CLEAR,
             "an unknown kind of change");
        want(c, changes[i].attribute >= LEDGER_ATTR_FIRST_OWN,
             "a built-in attribute can't be changed");
        want(c, !own || ledger_procedure_attribute(c->p, changes[i].attribute) != NULL,
             "a change of an unknown attribute");
        want(c, (changes[i].kind == LEDGER_CHANGE_CLEAR) == (changes[i].value.n == 0),
             "a change without its value, or a clearing with one");
        for (unsigned k = 0; k < i; k++)
            want(c, changes[k].attribute != changes[i].attribute, "an attribute is changed twice");
        unsigned n_value = check_expr(c, &changes[i].value, a);
        nodes += n_value > 1 ? n_value : 0; /* kept fields and constants cost nothing */
    }
    return nodes;
}

static unsigned check_effects(struct check *c, const struct ledger_action *a)
{
    unsigned nodes = check_changes(c, a->change, a->n_changes, a, true);

    nodes += check_expr(c, &a->parent, a) + check_expr(c, &a->post, a);
    nodes += check_expr(c, &a->share.lines, a) + check_expr(c, &a->share.total, a);
    want(c, a->parent.n == 0 || (a->creates && c->p->parent != 0), "a parent where none can be");
    for (unsigned i = 0; i < a->n_touches; i++) {
        want(c, a->touch[i].procedure != 0 && a->touch[i].subject.n > 0, "an effect on nothing");
        nodes += check_expr(c, &a->touch[i].subject, a);
        nodes += check_changes(c, a->touch[i].change, a->touch[i].n_changes, a, false);
    }
    want(c, (a->post.n > 0) == (a->post_procedure != 0),
         "a post without lines, or lines without accounts");
    bool share = a->share.lines.n > 0;
    want(c,
         share == (a->share.total.n > 0) && share == (a->share.procedure != 0) &&
             share == (a->share.weight != 0) && share == (a->share.add != 0),
         "a share that is not whole");
    return nodes;
}

static unsigned check_need(struct check *c, const struct ledger_action *a)
{
    const struct ledger_need *n = &a->need;
    unsigned nodes = 0;

    if (n->m == 0)
        return 0;
    want(c, n->m <= n->n_slots && a->n_by == 0,
         "an approval of more than there are, or beside other actors");
    want(c, !a->creates,
         "an approval of what creates its subject: nothing is there that could keep it");
    for (unsigned i = 0; i < a->n_fields; i++)
        want(c,
             a->field[i].type.base != LEDGER_TYPE_PRIVATE &&
                 a->field[i].type.base != LEDGER_TYPE_FILE,
             "an approval with private fields: the commitments of two members are never equal");
    nodes += check_actors(c, n->slot, n->n_slots, a, true);
    for (unsigned i = 0; i < n->n_not; i++)
        nodes += check_expr(c, &n->not [i], a);
    check_span(c, n->within, true);
    return nodes;
}

static void check_action(struct check *c, const struct ledger_action *a)
{
    unsigned nodes = 0;

    want(c, a->creates == (a->n_from == 0), "an action that starts nowhere");
    check_states(c, a->from, a->n_from);
    want(c, a->n_cases > 0, "an action that leads nowhere");
    for (unsigned i = 0; i < a->n_cases; i++) {
        want(c, a->cases[i].to == 0 || ledger_procedure_state(c->p, a->cases[i].to) != NULL,
             "a case leads to an unknown state");
        want(c, a->cases[i].to != 0 || !a->creates, "a new subject has no state to stay in");
        want(c, a->cases[i].when.n > 0 || i + 1 == a->n_cases, "cases after one that always holds");
        nodes += check_expr(c, &a->cases[i].when, a);
    }
    want(c, a->n_by > 0 || a->need.m > 0, "nobody may act");
    nodes += check_actors(c, a->by, a->n_by, a, false) + check_need(c, a);
    for (unsigned i = 0; i < a->n_fields; i++) {
        want(c, a->field[i].number > (i > 0 ? a->field[i - 1].number : 0),
             "fields that do not ascend");
        check_type(c, &a->field[i].type);
    }
    for (unsigned i = 0; i < a->n_checks; i++) {
        want(c, a->check[i].that.n > 0 && ledger_procedure_clause(c->p, a->check[i].clause) != NULL,
             "a check without condition or clause");
        nodes += check_expr(c, &a->check[i].that, a);
    }
    nodes += check_effects(c, a);
    want(c, nodes <= LEDGER_NODES_MAX, "more nodes of expressions than an action may have");
}

static void check_edges(struct check *c, const struct ledger_edge *edges, unsigned n, bool move,
                        bool stop)
{
    for (unsigned i = 0; i < n; i++) {
        const struct ledger_action *a = ledger_procedure_action(c->p, edges[i].action);
        want(c, (edges[i].action != 0) != (edges[i].state != 0), "either an action or a state");
        want(c, edges[i].action == 0 || a != NULL, "an unknown action");
        want(c,
             edges[i].state == 0 || (!move && ledger_procedure_state(c->p, edges[i].state) != NULL),
             "an unknown state");
        want(c, (!move || edges[i].until.n > 0) && (!stop || edges[i].until.n == 0),
             "an end where none belongs, or none where one does");
        (void)check_expr(c, &edges[i].until, a);
    }
}

static void check_clock(struct check *c, const struct ledger_clock *clock)
{
    const struct ledger_table *table = ledger_procedure_table(c->p, clock->table);

    want(c, clock->n_start > 0, "nothing starts it");
    check_edges(c, clock->start, clock->n_start, false, false);
    check_edges(c, clock->stop, clock->n_stop, false, true);
    check_edges(c, clock->move, clock->n_move, true, false);
    check_span(c, clock->span, false);
    want(c,
         clock->table == 0 || (table != NULL && table->spans && clock->column < table->n_columns &&
                               clock->row.n > 0 && clock->span.unit == 0),
         "a length that no table of spans has");
    want(c, clock->table != 0 || clock->row.n == 0, "a row without a table");
    (void)check_expr(c, &clock->row, NULL);
    check_states(c, clock->pause, clock->n_pause);
    check_span(c, clock->pause_max, clock->n_pause > 0);
}

static void check_table(struct check *c, const struct ledger_table *t)
{
    want(c, t->n_rows > 0 && t->n_columns > 0, "an empty table");
    for (unsigned i = 0; i < t->n_rows; i++)
        for (unsigned k = 0; t->spans && k < t->n_columns; k++)
            check_span(c, t->row[i].span[k], true);
}

static void check_index(struct check *c, const struct ledger_index *index)
{
    want(c, index->kind >= LEDGER_INDEX_LIST && index->n_parts > 0, "an index of nothing");
    for (unsigned i = 0; i < index->n_parts; i++) {
        uint16_t attribute = index->part[i].attribute;
        want(c, attribute == 0 || is_attribute(c->p, attribute),
             "an index over an unknown attribute");
        want(c, index->part[i].type == ledger_part_type_of(c->p, attribute),
             "a component of another type than its attribute");
    }
}

static void check_accounts(struct check *c, const struct ledger_procedure *p)
{
    const struct ledger_attribute_decl *balance = ledger_procedure_attribute(p, p->balance);
    const struct ledger_attribute_decl *kind = ledger_procedure_attribute(p, p->kind);

    want(c, (p->balance == 0) == (p->kind == 0) && (p->balance == 0) == (p->n_kinds == 0),
         "accounts that are not whole");
    want(c,
         p->balance == 0 || (balance != NULL && balance->type.base == LEDGER_TYPE_MONEY &&
                             balance->type.list_max == 0),
         "a balance is money");
    want(c,
         p->kind == 0 ||
             (kind != NULL && kind->type.base == LEDGER_TYPE_CODE && kind->type.list_max == 0),
         "a kind is a code");
    for (unsigned i = 0; i < p->n_kinds; i++)
        want(c, p->kinds[i].min <= p->kinds[i].max, "bounds that nothing fits");
    for (unsigned i = 0; i < p->n_offers; i++) {
        want(c, p->offer[i].state == 0 || ledger_procedure_state(p, p->offer[i].state) != NULL,
             "an unknown state is offered");
        for (unsigned k = 0; k < p->offer[i].n; k++)
            want(c, ledger_procedure_attribute(p, p->offer[i].attribute[k]) != NULL,
                 "an unknown attribute is offered");
    }
}

/* Ascending numbers make every look-up a search, and every name one number. */
static void ascend(struct check *c, unsigned i, uint16_t before, uint16_t number, uint16_t first)
{
    want(c, number >= first && (i == 0 || number > before), "numbers that do not ascend");
}

enum anju_err ledger_procedure_check(const struct ledger_procedure *p)
{
    struct check c = {.p = p, .what = "the whole", .where = ""};

    want(&c, p->number > 0 && p->version > 0 && p->name[0] != '\0' && p->n_states > 0,
         "number, version, name or states are missing");
    for (unsigned i = 0; i < p->n_states; i++)
        ascend(&c, i, i > 0 ? p->state[i - 1].number : 0, p->state[i].number, 1);
    for (unsigned i = 0; i < p->n_clauses; i++)
        ascend(&c, i, i > 0 ? p->clause[i - 1].number : 0, p->clause[i].number,
               LEDGER_REFUSED_CLAUSES_FROM);
    c.what = "attribute";
    for (unsigned i = 0; i < p->n_attributes; i++) {
        c.where = p->attribute[i].name;
        ascend(&c, i, i > 0 ? p->attribute[i - 1].number : 0, p->attribute[i].number,
               LEDGER_ATTR_FIRST_OWN);
        check_type(&c, &p->attribute[i].type);
        want(&c, p->attribute[i].type.base != LEDGER_TYPE_LINES, "an attribute is never lines");
    }
    c.what = "table";
    for (unsigned i = 0; i < p->n_tables; i++) {
        c.where = p->table[i].name;
        ascend(&c, i, i > 0 ? p->table[i - 1].number : 0, p->table[i].number, 1);
        check_table(&c, &p->table[i]);
    }
    c.what = "action";
    for (unsigned i = 0; i < p->n_actions; i++) {
        c.where = p->action[i].name;
        ascend(&c, i, i > 0 ? p->action[i - 1].number : 0, p->action[i].number, 1);
        check_action(&c, &p->action[i]);
    }
    c.what = "clock";
    for (unsigned i = 0; i < p->n_clocks; i++) {
        c.where = p->clock[i].name;
        ascend(&c, i, i > 0 ? p->clock[i - 1].number : 0, p->clock[i].number, 1);
        check_clock(&c, &p->clock[i]);
    }
    c.what = "index";
    c.where = "";
    for (unsigned i = 0; i < p->n_indexes; i++) {
        ascend(&c, i, i > 0 ? p->index[i - 1].number : 0, p->index[i].number, 1);
        check_index(&c, &p->index[i]);
    }
    check_accounts(&c, p);
    return c.failed ? ANJU_ERR_MALFORMED : ANJU_OK;
}
