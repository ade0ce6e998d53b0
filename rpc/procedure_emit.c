#include "rpc/procedure_emit.h"

#include <stdlib.h>
#include <string.h>

/* Everything is in the compilation's arena; encoding copies it. */
struct emit {
    struct arena *a;
    const struct compile *c;
};

static void *room(struct emit *e, uint32_t n, size_t size)
{
    return arena_alloc(e->a, n > 0 ? n * size : 1);
}

static struct ledger_expr expr_of(struct emit *e, const struct expr *from)
{
    struct ledger_expr out = {0};

    if (from != NULL && from->n > 0) {
        out.n = from->n;
        out.node = room(e, from->n, sizeof *out.node);
        memcpy(out.node, from->node, from->n * sizeof *out.node);
    }
    return out;
}

static struct ledger_span span_of(struct span s)
{
    static const enum ledger_unit units[] = {LEDGER_UNIT_SECONDS, LEDGER_UNIT_WORKING_MINUTES,
                                             LEDGER_UNIT_WORKING_DAYS};

    return s.count == 0 ? (struct ledger_span){0}
                        : (struct ledger_span){.unit = units[s.unit], .count = s.count};
}

static uint16_t face_number(const struct face *f)
{
    return f != NULL ? f->number : 0;
}

static struct ledger_type type_of(struct emit *e, const struct type *from)
{
    static const enum ledger_type_base bases[] = {
        [TYPE_BOOL] = LEDGER_TYPE_BOOL,       [TYPE_INT] = LEDGER_TYPE_INT,
        [TYPE_MONEY] = LEDGER_TYPE_MONEY,     [TYPE_TIME] = LEDGER_TYPE_TIME,
        [TYPE_DATE] = LEDGER_TYPE_DATE,       [TYPE_TEXT] = LEDGER_TYPE_TEXT,
        [TYPE_BYTES] = LEDGER_TYPE_BYTES,     [TYPE_HASH] = LEDGER_TYPE_HASH,
        [TYPE_KEY] = LEDGER_TYPE_KEY,         [TYPE_MEMBER] = LEDGER_TYPE_MEMBER,
        [TYPE_REF] = LEDGER_TYPE_REF,         [TYPE_CODE] = LEDGER_TYPE_CODE,
        [TYPE_PRIVATE] = LEDGER_TYPE_PRIVATE, [TYPE_FILE] = LEDGER_TYPE_FILE,
        [TYPE_LINES] = LEDGER_TYPE_LINES,
    };
    struct ledger_type t = {
        .base = bases[from->base], .required = from->required, .list_max = from->list_max};

    if (from->base == TYPE_INT || from->base == TYPE_MONEY)
        t.min = from->min;
    if (from->base == TYPE_INT || from->base == TYPE_MONEY || from->base == TYPE_TEXT ||
        from->base == TYPE_BYTES)
        t.max = from->max;
    if (from->base == TYPE_CODE)
        t.codes = bytes_of_text(from->argument);
    for (uint32_t i = 0; i < e->c->n_faces && from->base != TYPE_CODE && from->argument[0] != '\0';
         i++)
        if (strcmp(e->c->faces[i].name, from->argument) == 0)
            t.procedure = e->c->faces[i].number;
    return t;
}

static uint16_t *numbers_of(struct emit *e, const uint16_t *from, uint32_t n)
{
    uint16_t *out = room(e, n, sizeof *out);

    if (n > 0)
        memcpy(out, from, n * sizeof *out);
    return out;
}

/* All lists are ordered by their number, which comes first after the name in each struct. */
#define SORTED(type)                                                                               \
    static int type##_order(const void *a, const void *b)                                          \
    {                                                                                              \
        const struct ledger_##type *x = a, *y = b;                                                 \
        return x->number < y->number ? -1 : x->number > y->number;                                 \
    }
SORTED(state)
SORTED(attribute_decl)
SORTED(table)
SORTED(clock)
SORTED(action)
SORTED(field)
SORTED(index)
SORTED(clause)

static struct ledger_actor_rule *actors_of(struct emit *e, const struct tree_actor *from,
                                           uint32_t n)
{
    struct ledger_actor_rule *out = room(e, n, sizeof *out);

    for (uint32_t i = 0; i < n; i++) {
        out[i] = (struct ledger_actor_rule){.anyone = from[i].anyone,
                                            .n_roles = from[i].n_roles,
                                            .timer = from[i].timer,
                                            .is = expr_of(e, from[i].is),
                                            .cosign = expr_of(e, from[i].cosign)};
        out[i].roles = room(e, from[i].n_roles, sizeof *out[i].roles);
        for (uint32_t k = 0; k < from[i].n_roles; k++)
            out[i].roles[k] = bytes_of_text(from[i].roles[k]);
    }
    return out;
}

static struct ledger_change *changes_of(struct emit *e, const struct tree_changes *from)
{
    static const enum ledger_change_kind kinds[] = {LEDGER_CHANGE_SET, LEDGER_CHANGE_ADD,
                                                    LEDGER_CHANGE_CLEAR};
    struct ledger_change *out = room(e, from->n, sizeof *out);

    for (uint32_t i = 0; i < from->n; i++)
        out[i] = (struct ledger_change){.kind = kinds[from->item[i].kind],
                                        .attribute = from->item[i].attribute,
                                        .value = expr_of(e, from->item[i].value)};
    return out;
}

static void emit_need(struct emit *e, struct ledger_need *out, const struct tree_need *from)
{
    if (from == NULL)
        return;
    out->m = (uint8_t)from->m;
    out->n_slots = (uint8_t)from->n_slots;
    out->slot = actors_of(e, from->slot, from->n_slots);
    out->n_not = (uint8_t)from->n_not;
    out->not = room(e, from->n_not, sizeof *out->not );
    for (uint32_t i = 0; i < from->n_not; i++)
        out->not [i] = expr_of(e, from->not [i]);
    out->within = span_of(from->within);
}

static void emit_fields(struct emit *e, struct ledger_action *out, const struct tree_action *from)
{
    out->n_fields = (uint8_t)from->n_fields;
    out->field = room(e, from->n_fields, sizeof *out->field);
    for (uint32_t i = 0; i < from->n_fields; i++)
        out->field[i] = (struct ledger_field){.name = from->field[i].name,
                                              .number = from->field[i].number,
                                              .type = type_of(e, &from->field[i].type)};
    qsort(out->field, from->n_fields, sizeof *out->field, field_order);
}

static void emit_effects(struct emit *e, struct ledger_action *out, const struct tree_action *from)
{
    out->n_changes = (uint8_t)from->changes.n;
    out->change = changes_of(e, &from->changes);
    out->parent = expr_of(e, from->parent);
    out->n_touches = (uint8_t)from->n_touches;
    out->touch = room(e, from->n_touches, sizeof *out->touch);
    for (uint32_t i = 0; i < from->n_touches; i++)
        out->touch[i] = (struct ledger_touch){.procedure = face_number(from->touch[i]->face),
                                              .state = from->touch[i]->state,
                                              .subject = expr_of(e, from->touch[i]->subject),
                                              .n_changes = (uint8_t)from->touch[i]->changes.n,
                                              .change = changes_of(e, &from->touch[i]->changes)};
    out->post = expr_of(e, from->post.lines);
    out->post_procedure = face_number(from->post.face);
    out->share = (struct ledger_share){.lines = expr_of(e, from->share.lines),
                                       .total = expr_of(e, from->share.total),
                                       .procedure = face_number(from->share.face),
                                       .weight = from->share.weight,
                                       .add = from->share.add};
}

static void emit_action(struct emit *e, struct ledger_action *out, const struct tree_action *from)
{
    *out = (struct ledger_action){.name = from->name,
                                  .number = from->number,
                                  .creates = from->creates,
                                  .n_from = (uint8_t)from->n_from,
                                  .from = numbers_of(e, from->from, from->n_from),
                                  .n_cases = (uint8_t)from->n_cases,
                                  .n_by = (uint8_t)from->n_by,
                                  .by = actors_of(e, from->by, from->n_by),
                                  .n_checks = (uint8_t)from->n_checks};
    out->cases = room(e, from->n_cases, sizeof *out->cases);
    for (uint32_t i = 0; i < from->n_cases; i++)
        out->cases[i] =
            (struct ledger_case){.when = expr_of(e, from->cases[i].when), .to = from->cases[i].to};
    emit_need(e, &out->need, from->need);
    emit_fields(e, out, from);
    out->check = room(e, from->n_checks, sizeof *out->check);
    for (uint32_t i = 0; i < from->n_checks; i++)
        out->check[i] = (struct ledger_check){.that = expr_of(e, from->check[i].that),
                                              .clause = from->check[i].clause};
    emit_effects(e, out, from);
}

static struct ledger_edge *edges_of(struct emit *e, const struct tree_edge *from, uint32_t n)
{
    struct ledger_edge *out = room(e, n, sizeof *out);

    for (uint32_t i = 0; i < n; i++)
        out[i] = (struct ledger_edge){
            .action = from[i].action, .state = from[i].state, .until = expr_of(e, from[i].until)};
    return out;
}

static void emit_clock(struct emit *e, struct ledger_clock *out, const struct tree_clock *from)
{
    *out = (struct ledger_clock){
        .name = from->name,
        .number = from->number,
        .again = from->again,
        .n_start = (uint8_t)from->n_start,
        .start = edges_of(e, from->start, from->n_start),
        .n_stop = (uint8_t)from->n_stop,
        .stop = edges_of(e, from->stop, from->n_stop),
        .n_move = (uint8_t)from->n_move,
        .move = edges_of(e, from->move, from->n_move),
        .span = span_of(from->length.span),
        .table = from->length.table,
        .column = from->length.column,
        .row = expr_of(e, from->length.row),
        .n_pause = (uint8_t)from->n_pause,
        .pause = numbers_of(e, from->pause, from->n_pause),
        .pause_max = span_of(from->pause_max),
    };
}

static void emit_table(struct emit *e, struct ledger_table *out, const struct tree_table *from)
{
    *out = (struct ledger_table){.name = from->name,
                                 .number = from->number,
                                 .spans = from->spans,
                                 .n_columns = (uint8_t)from->n_columns,
                                 .n_rows = (uint8_t)from->n_rows};
    out->row = room(e, from->n_rows, sizeof *out->row);
    for (uint32_t i = 0; i < from->n_rows; i++) {
        out->row[i].key = bytes_of_text(from->row[i].key);
        for (uint32_t k = 0; k < from->n_columns; k++) {
            out->row[i].span[k] = span_of(from->row[i].span[k]);
            out->row[i].value[k] = from->row[i].value[k];
        }
    }
}

static bool ended(const struct tree *t, uint16_t state)
{
    for (uint32_t i = 0; i < t->n_ended; i++)
        if (t->ended[i] == state)
            return true;
    return false;
}

static void emit_names(struct emit *e, struct ledger_procedure *p, const struct tree *t)
{
    const struct names *states = &e->c->self->states, *attributes = &e->c->self->attributes,
                       *clauses = &e->c->clauses;

    p->state = room(e, states->count, sizeof *p->state);
    for (uint32_t i = 0; i < states->count; i++)
        if (states->items[i].used)
            p->state[p->n_states++] =
                (struct ledger_state){.name = states->items[i].text,
                                      .number = states->items[i].number,
                                      .ended = ended(t, states->items[i].number)};
    qsort(p->state, p->n_states, sizeof *p->state, state_order);
    p->attribute = room(e, attributes->count, sizeof *p->attribute);
    for (uint32_t i = 0; i < attributes->count; i++)
        if (attributes->items[i].used)
            p->attribute[p->n_attributes++] =
                (struct ledger_attribute_decl){.name = attributes->items[i].text,
                                               .number = attributes->items[i].number,
                                               .type = type_of(e, &attributes->items[i].type)};
    qsort(p->attribute, p->n_attributes, sizeof *p->attribute, attribute_decl_order);
    p->clause = room(e, clauses->count, sizeof *p->clause);
    for (uint32_t i = 0; i < clauses->count; i++)
        if (clauses->items[i].used)
            p->clause[p->n_clauses++] = (struct ledger_clause){.name = clauses->items[i].text,
                                                               .number = clauses->items[i].number};
    qsort(p->clause, p->n_clauses, sizeof *p->clause, clause_order);
}

/* Types of components come from the declarations that the procedure already has. */
static void emit_indexes(struct emit *e, struct ledger_procedure *p, const struct tree *t)
{
    p->n_indexes = (uint8_t)t->n_indexes;
    p->index = room(e, t->n_indexes, sizeof *p->index);
    for (uint32_t i = 0; i < t->n_indexes; i++) {
        p->index[i] = (struct ledger_index){
            .number = t->index[i].number, .kind = t->index[i].kind, .n_parts = t->index[i].n_parts};
        for (uint32_t k = 0; k < t->index[i].n_parts; k++) {
            p->index[i].part[k].attribute = t->index[i].attribute[k];
            p->index[i].part[k].type = ledger_part_type_of(p, t->index[i].attribute[k]);
        }
    }
    qsort(p->index, p->n_indexes, sizeof *p->index, index_order);
}

static void emit_offers(struct emit *e, struct ledger_procedure *p, const struct tree *t)
{
    p->n_offers = (uint8_t)t->n_offers;
    p->offer = room(e, t->n_offers, sizeof *p->offer);
    for (uint32_t i = 0; i < t->n_offers; i++)
        p->offer[i] =
            (struct ledger_offer){.procedure = face_number(t->offer[i].face),
                                  .state = t->offer[i].state,
                                  .n = (uint8_t)t->offer[i].n,
                                  .attribute = numbers_of(e, t->offer[i].attribute, t->offer[i].n)};
    p->balance = t->balance;
    p->kind = t->kind;
    p->n_kinds = (uint8_t)t->n_kinds;
    p->kinds = room(e, t->n_kinds, sizeof *p->kinds);
    for (uint32_t i = 0; i < t->n_kinds; i++)
        p->kinds[i] = (struct ledger_account_kind){.code = bytes_of_text(t->kinds[i].code),
                                                   .min = t->kinds[i].min,
                                                   .max = t->kinds[i].max};
}

void procedure_emit(struct writer *out, struct compile *c, const struct tree *t)
{
    struct emit e = {.a = &c->arena, .c = c};
    struct ledger_procedure p = {.number = c->self->number,
                                 .version = t->version,
                                 .name = c->self->name,
                                 .calendar = t->calendar,
                                 .parent = face_number(c->self->parent),
                                 .has_labels = t->has_labels};

    memcpy(p.labels.b, t->labels, sizeof t->labels);
    emit_names(&e, &p, t);
    p.n_tables = (uint8_t)t->n_tables;
    p.table = room(&e, t->n_tables, sizeof *p.table);
    for (uint32_t i = 0; i < t->n_tables; i++)
        emit_table(&e, &p.table[i], &t->table[i]);
    qsort(p.table, p.n_tables, sizeof *p.table, table_order);
    p.n_clocks = (uint8_t)t->n_clocks;
    p.clock = room(&e, t->n_clocks, sizeof *p.clock);
    for (uint32_t i = 0; i < t->n_clocks; i++)
        emit_clock(&e, &p.clock[i], t->clock[i]);
    qsort(p.clock, p.n_clocks, sizeof *p.clock, clock_order);
    p.n_actions = (uint8_t)t->n_actions;
    p.action = room(&e, t->n_actions, sizeof *p.action);
    for (uint32_t i = 0; i < t->n_actions; i++)
        emit_action(&e, &p.action[i], t->action[i]);
    qsort(p.action, p.n_actions, sizeof *p.action, action_order);
    emit_indexes(&e, &p, t);
    emit_offers(&e, &p, t);
    ledger_procedure_encode(out, &p);
}
