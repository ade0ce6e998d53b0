#include <stdlib.h>
#include <string.h>

#include "base/mp.h"
#include "ledger/procedure_check.h"

/* What reading shares: the cursor, and the procedure that owns the memory. */
struct decode {
    struct mp_reader m;
    struct ledger_procedure *p;
};

static void *room(struct decode *d, uint32_t n, size_t size)
{
    return arena_alloc(&d->p->arena, n > 0 ? n * size : 1);
}

/* An array of exactly `n` items. */
static void tuple(struct decode *d, uint32_t n)
{
    if (mp_array(&d->m, n) != n)
        mp_fail(&d->m);
}

static uint16_t get_number(struct decode *d)
{
    return (uint16_t)mp_uint(&d->m, UINT16_MAX);
}

/* A name is shown on terminals and in logs, and is a C string here. */
static const char *get_name(struct decode *d)
{
    struct bytes name = mp_str(&d->m, LEDGER_NAME_SIZE_MAX);

    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] < 0x20 || name.data[i] == 0x7f)
            mp_fail(&d->m);
    return arena_text(&d->p->arena, name);
}

static struct bytes get_text(struct decode *d, uint32_t max)
{
    return mp_str(&d->m, max); /* borrows from the copy that the procedure owns */
}

static uint16_t *get_numbers(struct decode *d, uint8_t *n, uint32_t max)
{
    *n = (uint8_t)mp_array(&d->m, max);
    uint16_t *numbers = room(d, *n, sizeof *numbers);
    for (uint32_t i = 0; i < *n; i++)
        numbers[i] = get_number(d);
    return numbers;
}

static void get_type(struct decode *d, struct ledger_type *t)
{
    tuple(d, 7);
    t->base = (enum ledger_type_base)mp_uint(&d->m, LEDGER_TYPE_LINES);
    t->required = mp_bool(&d->m);
    t->list_max = (uint32_t)mp_uint(&d->m, LEDGER_ITEMS_MAX);
    t->min = mp_int(&d->m);
    t->max = mp_int(&d->m);
    t->procedure = get_number(d);
    t->codes = get_text(d, LEDGER_NAME_SIZE_MAX);
}

static struct ledger_span get_span(struct decode *d)
{
    struct ledger_span s;

    tuple(d, 2);
    s.unit = (enum ledger_unit)mp_uint(&d->m, LEDGER_UNIT_WORKING_DAYS);
    s.count = (uint32_t)mp_uint(&d->m, UINT32_MAX);
    return s;
}

static void get_node(struct decode *d, struct ledger_expr_node *node)
{
    *node = (struct ledger_expr_node){.op = (enum ledger_op)mp_uint(&d->m, LEDGER_OP_LAST)};
    const struct ledger_op_form *form = ledger_op_form(node->op);

    if (form == NULL) {
        mp_fail(&d->m); /* no operator has the number 0 */
        return;
    }
    for (const char *what = form->immediates; *what != '\0'; what++) {
        switch (*what) {
        case 'i':
            node->value = mp_int(&d->m);
            break;
        case 'b':
            node->value = mp_bool(&d->m);
            break;
        case 't':
            node->text = get_text(d, node->op == LEDGER_OP_ROLE ? LEDGER_NAME_SIZE_MAX
                                                                : LEDGER_TEXT_SIZE_MAX);
            break;
        case 'n':
            node->number = get_number(d);
            break;
        case 'p':
            node->procedure = get_number(d);
            break;
        case 'c':
            node->count = get_number(d);
            break;
        }
    }
}

/* Reads nodes while operands are owed. That the array has no more items is known from what follows
 * it: each item that is left over would be read as something else and refused; so its count is
 * checked here. */
static void get_expr(struct decode *d, struct ledger_expr *e)
{
    struct ledger_expr_node nodes[LEDGER_NODES_MAX];
    struct bytes whole = mp_skip(&d->m);
    struct decode inner = {.m = mp_reader_over(whole), .p = d->p};
    uint32_t items = mp_array(&inner.m, 4 * LEDGER_NODES_MAX);
    unsigned owed = items > 0 ? 1 : 0;
    uint32_t n = 0;

    while (owed > 0 && n < LEDGER_NODES_MAX && inner.m.r.left > 0 && !inner.m.r.failed) {
        get_node(&inner, &nodes[n]);
        owed += ledger_op_operands(&nodes[n]) - 1;
        n++;
    }
    if (owed > 0 || mp_finish(&inner.m) != ANJU_OK) {
        mp_fail(&d->m);
        return;
    }
    e->n = (uint16_t)n;
    e->node = room(d, n, sizeof *e->node);
    if (n > 0)
        memcpy(e->node, nodes, n * sizeof *nodes);
}

static void get_actor(struct decode *d, struct ledger_actor_rule *a)
{
    tuple(d, 5);
    a->anyone = mp_bool(&d->m);
    a->n_roles = (uint8_t)mp_array(&d->m, LEDGER_ROLES_MAX);
    a->roles = room(d, a->n_roles, sizeof *a->roles);
    for (uint32_t i = 0; i < a->n_roles; i++)
        a->roles[i] = get_text(d, LEDGER_NAME_SIZE_MAX);
    get_expr(d, &a->is);
    get_expr(d, &a->cosign);
    a->timer = get_number(d);
}

static struct ledger_actor_rule *get_actors(struct decode *d, uint8_t *n)
{
    *n = (uint8_t)mp_array(&d->m, LEDGER_ACTORS_MAX);
    struct ledger_actor_rule *actors = room(d, *n, sizeof *actors);
    for (uint32_t i = 0; i < *n; i++)
        get_actor(d, &actors[i]);
    return actors;
}

static void get_need(struct decode *d, struct ledger_need *n)
{
    uint32_t items = mp_array(&d->m, 4);

    if (items == 0)
        return;
    if (items != 4)
        mp_fail(&d->m);
    n->m = (uint8_t)mp_uint(&d->m, LEDGER_ACTORS_MAX);
    n->slot = get_actors(d, &n->n_slots);
    n->n_not = (uint8_t)mp_array(&d->m, LEDGER_NOT_MAX);
    n->not = room(d, n->n_not, sizeof *n->not );
    for (uint32_t i = 0; i < n->n_not; i++)
        get_expr(d, &n->not [i]);
    n->within = get_span(d);
    if (n->m == 0)
        mp_fail(&d->m); /* no approval is written as an empty array */
}

static struct ledger_change *get_changes(struct decode *d, uint8_t *n)
{
    *n = (uint8_t)mp_array(&d->m, LEDGER_OWN_ATTRIBUTES_MAX);
    struct ledger_change *changes = room(d, *n, sizeof *changes);
    for (uint32_t i = 0; i < *n; i++) {
        tuple(d, 3);
        changes[i].kind = (enum ledger_change_kind)mp_uint(&d->m, LEDGER_CHANGE_CLEAR);
        changes[i].attribute = get_number(d);
        get_expr(d, &changes[i].value);
    }
    return changes;
}

static void get_fields(struct decode *d, struct ledger_action *a)
{
    a->n_fields = (uint8_t)mp_array(&d->m, LEDGER_FIELDS_MAX);
    a->field = room(d, a->n_fields, sizeof *a->field);
    for (uint32_t i = 0; i < a->n_fields; i++) {
        tuple(d, 3);
        a->field[i].number = get_number(d);
        a->field[i].name = get_name(d);
        get_type(d, &a->field[i].type);
    }
}

static void get_effects(struct decode *d, struct ledger_action *a)
{
    a->change = get_changes(d, &a->n_changes);
    get_expr(d, &a->parent);
    a->n_touches = (uint8_t)mp_array(&d->m, LEDGER_TOUCHES_MAX);
    a->touch = room(d, a->n_touches, sizeof *a->touch);
    for (uint32_t i = 0; i < a->n_touches; i++) {
        tuple(d, 4);
        a->touch[i].procedure = get_number(d);
        a->touch[i].state = get_number(d);
        get_expr(d, &a->touch[i].subject);
        a->touch[i].change = get_changes(d, &a->touch[i].n_changes);
    }
    tuple(d, 2);
    a->post_procedure = get_number(d);
    get_expr(d, &a->post);
    tuple(d, 5);
    a->share.procedure = get_number(d);
    a->share.weight = get_number(d);
    a->share.add = get_number(d);
    get_expr(d, &a->share.lines);
    get_expr(d, &a->share.total);
}

static void get_action(struct decode *d, struct ledger_action *a)
{
    tuple(d, 14);
    a->number = get_number(d);
    a->name = get_name(d);
    a->creates = mp_bool(&d->m);
    a->from = get_numbers(d, &a->n_from, LEDGER_STATES_MAX);
    a->n_cases = (uint8_t)mp_array(&d->m, LEDGER_CASES_MAX);
    a->cases = room(d, a->n_cases, sizeof *a->cases);
    for (uint32_t i = 0; i < a->n_cases; i++) {
        tuple(d, 2);
        get_expr(d, &a->cases[i].when);
        a->cases[i].to = get_number(d);
    }
    a->by = get_actors(d, &a->n_by);
    get_need(d, &a->need);
    get_fields(d, a);
    a->n_checks = (uint8_t)mp_array(&d->m, LEDGER_CHECKS_MAX);
    a->check = room(d, a->n_checks, sizeof *a->check);
    for (uint32_t i = 0; i < a->n_checks; i++) {
        tuple(d, 2);
        get_expr(d, &a->check[i].that);
        a->check[i].clause = get_number(d);
    }
    get_effects(d, a);
}

static struct ledger_edge *get_edges(struct decode *d, uint8_t *n)
{
    *n = (uint8_t)mp_array(&d->m, LEDGER_EDGES_MAX);
    struct ledger_edge *edges = room(d, *n, sizeof *edges);
    for (uint32_t i = 0; i < *n; i++) {
        tuple(d, 3);
        edges[i].action = get_number(d);
        edges[i].state = get_number(d);
        get_expr(d, &edges[i].until);
    }
    return edges;
}

static void get_clock(struct decode *d, struct ledger_clock *c)
{
    tuple(d, 12);
    c->number = get_number(d);
    c->name = get_name(d);
    c->start = get_edges(d, &c->n_start);
    c->stop = get_edges(d, &c->n_stop);
    c->move = get_edges(d, &c->n_move);
    c->span = get_span(d);
    c->table = get_number(d);
    c->column = get_number(d);
    get_expr(d, &c->row);
    c->pause = get_numbers(d, &c->n_pause, LEDGER_STATES_MAX);
    c->pause_max = get_span(d);
    c->again = mp_bool(&d->m);
}

static void get_table(struct decode *d, struct ledger_table *t)
{
    tuple(d, 5);
    t->number = get_number(d);
    t->name = get_name(d);
    t->spans = mp_bool(&d->m);
    t->n_columns = (uint8_t)mp_uint(&d->m, LEDGER_COLUMNS_MAX);
    t->n_rows = (uint8_t)mp_array(&d->m, LEDGER_ROWS_MAX);
    t->row = room(d, t->n_rows, sizeof *t->row);
    for (uint32_t i = 0; i < t->n_rows; i++) {
        tuple(d, 1u + t->n_columns);
        t->row[i].key = get_text(d, LEDGER_NAME_SIZE_MAX);
        for (uint32_t k = 0; k < t->n_columns; k++) {
            if (t->spans)
                t->row[i].span[k] = get_span(d);
            else
                t->row[i].value[k] = mp_int(&d->m);
        }
    }
}

static void get_declarations(struct decode *d, struct ledger_procedure *p)
{
    p->n_states = (uint8_t)mp_array(&d->m, LEDGER_STATES_MAX);
    p->state = room(d, p->n_states, sizeof *p->state);
    for (uint32_t i = 0; i < p->n_states; i++) {
        tuple(d, 3);
        p->state[i].number = get_number(d);
        p->state[i].name = get_name(d);
        p->state[i].ended = mp_bool(&d->m);
    }
    p->n_attributes = (uint8_t)mp_array(&d->m, LEDGER_OWN_ATTRIBUTES_MAX);
    p->attribute = room(d, p->n_attributes, sizeof *p->attribute);
    for (uint32_t i = 0; i < p->n_attributes; i++) {
        tuple(d, 3);
        p->attribute[i].number = get_number(d);
        p->attribute[i].name = get_name(d);
        get_type(d, &p->attribute[i].type);
    }
    p->n_tables = (uint8_t)mp_array(&d->m, LEDGER_TABLES_MAX);
    p->table = room(d, p->n_tables, sizeof *p->table);
    for (uint32_t i = 0; i < p->n_tables; i++)
        get_table(d, &p->table[i]);
    p->n_clocks = (uint8_t)mp_array(&d->m, LEDGER_CLOCKS_MAX);
    p->clock = room(d, p->n_clocks, sizeof *p->clock);
    for (uint32_t i = 0; i < p->n_clocks; i++)
        get_clock(d, &p->clock[i]);
}

static void get_indexes(struct decode *d, struct ledger_procedure *p)
{
    p->n_indexes = (uint8_t)mp_array(&d->m, LEDGER_INDEXES_MAX);
    p->index = room(d, p->n_indexes, sizeof *p->index);
    for (uint32_t i = 0; i < p->n_indexes; i++) {
        struct ledger_index *index = &p->index[i];
        tuple(d, 3);
        index->number = get_number(d);
        index->kind = (enum ledger_index_kind)mp_uint(&d->m, LEDGER_INDEX_UNIQUE);
        index->n_parts = (uint8_t)mp_array(&d->m, LEDGER_INDEX_PARTS_MAX);
        for (uint32_t k = 0; k < index->n_parts; k++) {
            tuple(d, 2);
            index->part[k].attribute = get_number(d);
            index->part[k].type = (enum ledger_part_type)mp_uint(&d->m, LEDGER_PART_DAY);
        }
    }
}

static void get_rest(struct decode *d, struct ledger_procedure *p)
{
    get_indexes(d, p);
    p->n_offers = (uint8_t)mp_array(&d->m, LEDGER_OFFERS_MAX);
    p->offer = room(d, p->n_offers, sizeof *p->offer);
    for (uint32_t i = 0; i < p->n_offers; i++) {
        tuple(d, 3);
        p->offer[i].procedure = get_number(d);
        p->offer[i].state = get_number(d);
        p->offer[i].attribute = get_numbers(d, &p->offer[i].n, LEDGER_OWN_ATTRIBUTES_MAX);
    }
    tuple(d, 3);
    p->balance = get_number(d);
    p->kind = get_number(d);
    p->n_kinds = (uint8_t)mp_array(&d->m, LEDGER_ROWS_MAX);
    p->kinds = room(d, p->n_kinds, sizeof *p->kinds);
    for (uint32_t i = 0; i < p->n_kinds; i++) {
        tuple(d, 3);
        p->kinds[i].code = get_text(d, LEDGER_NAME_SIZE_MAX);
        p->kinds[i].min = mp_int(&d->m);
        p->kinds[i].max = mp_int(&d->m);
    }
    p->n_clauses = (uint16_t)mp_array(&d->m, LEDGER_CLAUSES_MAX);
    p->clause = room(d, p->n_clauses, sizeof *p->clause);
    for (uint32_t i = 0; i < p->n_clauses; i++) {
        tuple(d, 2);
        p->clause[i].number = get_number(d);
        p->clause[i].name = get_name(d);
    }
}

static void get_procedure(struct decode *d, struct ledger_procedure *p)
{
    struct bytes labels;

    tuple(d, 16);
    if (mp_uint(&d->m, UINT16_MAX) != LEDGER_PROCEDURE_FORMAT)
        mp_fail(&d->m);
    p->number = get_number(d);
    p->version = get_number(d);
    p->name = get_name(d);
    p->calendar = get_number(d);
    p->parent = get_number(d);
    labels = mp_bin(&d->m, CRYPTO_HASH_SIZE);
    p->has_labels = labels.size == CRYPTO_HASH_SIZE;
    if (p->has_labels)
        memcpy(p->labels.b, labels.data, CRYPTO_HASH_SIZE);
    else if (labels.size != 0)
        mp_fail(&d->m);
    get_declarations(d, p);
    p->n_actions = (uint8_t)mp_array(&d->m, LEDGER_ACTIONS_MAX);
    p->action = room(d, p->n_actions, sizeof *p->action);
    for (uint32_t i = 0; i < p->n_actions && !d->m.r.failed; i++)
        get_action(d, &p->action[i]);
    if (!d->m.r.failed)
        get_rest(d, p);
}

enum anju_err ledger_procedure_decode(struct ledger_procedure **out, struct bytes compiled,
                                      const struct crypto_hash *ledger_id)
{
    struct ledger_procedure *p;
    struct decode d;
    enum anju_err err;

    *out = NULL;
    if (compiled.size > LEDGER_PROCEDURE_SIZE_MAX)
        return anju_fail(ANJU_ERR_TOO_LARGE, "a compiled procedure of %zu bytes; at most %d",
                         compiled.size, LEDGER_PROCEDURE_SIZE_MAX);
    if (mp_check(compiled) != ANJU_OK)
        return anju_fail(ANJU_ERR_MALFORMED, "a compiled procedure that is not canonical msgpack");
    p = anju_alloc(sizeof *p);
    p->bytes = arena_copy(&p->arena, compiled);
    d = (struct decode){.m = mp_reader_over(p->bytes), .p = p};
    get_procedure(&d, p);
    err = mp_finish(&d.m);
    if (err != ANJU_OK)
        err = anju_fail(
            ANJU_ERR_MALFORMED,
            "the compiled procedure `%.64s` does not have the form of format %d near byte %zu",
            p->name != NULL ? p->name : "", LEDGER_PROCEDURE_FORMAT, compiled.size - d.m.r.left);
    else
        err = ledger_procedure_check(p);
    if (err != ANJU_OK) {
        ledger_procedure_free(p);
        return err;
    }
    crypto_digest(&p->digest, "anju/procedure/1", ledger_id, p->bytes);
    *out = p;
    return ANJU_OK;
}

void ledger_procedure_free(struct ledger_procedure *p)
{
    if (p == NULL)
        return;
    struct arena arena = p->arena;
    arena_free(&arena);
    free(p);
}
