#include "ledger/procedure_body.h"

#include <assert.h>
#include <string.h>

#include "base/mp.h"

static void put_text(struct writer *w, const char *text)
{
    mp_put_str(w, bytes_of_text(text));
}

static void put_numbers(struct writer *w, const uint16_t *numbers, uint32_t n)
{
    mp_put_array(w, n);
    for (uint32_t i = 0; i < n; i++)
        mp_put_uint(w, numbers[i]);
}

static void put_type(struct writer *w, const struct ledger_type *t)
{
    mp_put_array(w, 7);
    mp_put_uint(w, t->base);
    mp_put_bool(w, t->required);
    mp_put_uint(w, t->list_max);
    mp_put_int(w, t->min);
    mp_put_int(w, t->max);
    mp_put_uint(w, t->procedure);
    mp_put_str(w, t->codes);
}

static void put_span(struct writer *w, struct ledger_span s)
{
    mp_put_array(w, 2);
    mp_put_uint(w, s.unit);
    mp_put_uint(w, s.count);
}

/* The items of a node in the flat list: the operator and its immediate operands. */
static uint32_t node_items(const struct ledger_expr_node *node)
{
    return 1 + (uint32_t)strlen(ledger_op_form(node->op)->immediates);
}

static void put_node(struct writer *w, const struct ledger_expr_node *node)
{
    mp_put_uint(w, node->op);
    for (const char *what = ledger_op_form(node->op)->immediates; *what != '\0'; what++) {
        switch (*what) {
        case 'i':
            mp_put_int(w, node->value);
            break;
        case 'b':
            mp_put_bool(w, node->value != 0);
            break;
        case 't':
            mp_put_str(w, node->text);
            break;
        case 'n':
            mp_put_uint(w, node->number);
            break;
        case 'p':
            mp_put_uint(w, node->procedure);
            break;
        case 'c':
            mp_put_uint(w, node->count);
            break;
        }
    }
}

/* An expression is one flat array: its depth in the file stays bounded, however it nests. */
static void put_expr(struct writer *w, const struct ledger_expr *e)
{
    uint32_t items = 0;

    for (uint32_t i = 0; i < e->n; i++)
        items += node_items(&e->node[i]);
    mp_put_array(w, items);
    for (uint32_t i = 0; i < e->n; i++)
        put_node(w, &e->node[i]);
}

static void put_actor(struct writer *w, const struct ledger_actor_rule *a)
{
    mp_put_array(w, 5);
    mp_put_bool(w, a->anyone);
    mp_put_array(w, a->n_roles);
    for (uint32_t i = 0; i < a->n_roles; i++)
        mp_put_str(w, a->roles[i]);
    put_expr(w, &a->is);
    put_expr(w, &a->cosign);
    mp_put_uint(w, a->timer);
}

static void put_actors(struct writer *w, const struct ledger_actor_rule *actors, uint32_t n)
{
    mp_put_array(w, n);
    for (uint32_t i = 0; i < n; i++)
        put_actor(w, &actors[i]);
}

static void put_need(struct writer *w, const struct ledger_need *n)
{
    if (n->m == 0) {
        mp_put_array(w, 0);
        return;
    }
    mp_put_array(w, 4);
    mp_put_uint(w, n->m);
    put_actors(w, n->slot, n->n_slots);
    mp_put_array(w, n->n_not);
    for (uint32_t i = 0; i < n->n_not; i++)
        put_expr(w, &n->not [i]);
    put_span(w, n->within);
}

static void put_changes(struct writer *w, const struct ledger_change *changes, uint32_t n)
{
    mp_put_array(w, n);
    for (uint32_t i = 0; i < n; i++) {
        mp_put_array(w, 3);
        mp_put_uint(w, changes[i].kind);
        mp_put_uint(w, changes[i].attribute);
        put_expr(w, &changes[i].value);
    }
}

static void put_fields(struct writer *w, const struct ledger_action *a)
{
    mp_put_array(w, a->n_fields);
    for (uint32_t i = 0; i < a->n_fields; i++) {
        mp_put_array(w, 3);
        mp_put_uint(w, a->field[i].number);
        put_text(w, a->field[i].name);
        put_type(w, &a->field[i].type);
    }
}

static void put_effects(struct writer *w, const struct ledger_action *a)
{
    put_changes(w, a->change, a->n_changes);
    put_expr(w, &a->parent);
    mp_put_array(w, a->n_touches);
    for (uint32_t i = 0; i < a->n_touches; i++) {
        mp_put_array(w, 4);
        mp_put_uint(w, a->touch[i].procedure);
        mp_put_uint(w, a->touch[i].state);
        put_expr(w, &a->touch[i].subject);
        put_changes(w, a->touch[i].change, a->touch[i].n_changes);
    }
    mp_put_array(w, 2);
    mp_put_uint(w, a->post_procedure);
    put_expr(w, &a->post);
    mp_put_array(w, 5);
    mp_put_uint(w, a->share.procedure);
    mp_put_uint(w, a->share.weight);
    mp_put_uint(w, a->share.add);
    put_expr(w, &a->share.lines);
    put_expr(w, &a->share.total);
}

static void put_action(struct writer *w, const struct ledger_action *a)
{
    mp_put_array(w, 14);
    mp_put_uint(w, a->number);
    put_text(w, a->name);
    mp_put_bool(w, a->creates);
    put_numbers(w, a->from, a->n_from);
    mp_put_array(w, a->n_cases);
    for (uint32_t i = 0; i < a->n_cases; i++) {
        mp_put_array(w, 2);
        put_expr(w, &a->cases[i].when);
        mp_put_uint(w, a->cases[i].to);
    }
    put_actors(w, a->by, a->n_by);
    put_need(w, &a->need);
    put_fields(w, a);
    mp_put_array(w, a->n_checks);
    for (uint32_t i = 0; i < a->n_checks; i++) {
        mp_put_array(w, 2);
        put_expr(w, &a->check[i].that);
        mp_put_uint(w, a->check[i].clause);
    }
    put_effects(w, a);
}

static void put_edges(struct writer *w, const struct ledger_edge *edges, uint32_t n)
{
    mp_put_array(w, n);
    for (uint32_t i = 0; i < n; i++) {
        mp_put_array(w, 3);
        mp_put_uint(w, edges[i].action);
        mp_put_uint(w, edges[i].state);
        put_expr(w, &edges[i].until);
    }
}

static void put_clock(struct writer *w, const struct ledger_clock *c)
{
    mp_put_array(w, 12);
    mp_put_uint(w, c->number);
    put_text(w, c->name);
    put_edges(w, c->start, c->n_start);
    put_edges(w, c->stop, c->n_stop);
    put_edges(w, c->move, c->n_move);
    put_span(w, c->span);
    mp_put_uint(w, c->table);
    mp_put_uint(w, c->column);
    put_expr(w, &c->row);
    put_numbers(w, c->pause, c->n_pause);
    put_span(w, c->pause_max);
    mp_put_bool(w, c->again);
}

static void put_table(struct writer *w, const struct ledger_table *t)
{
    mp_put_array(w, 5);
    mp_put_uint(w, t->number);
    put_text(w, t->name);
    mp_put_bool(w, t->spans);
    mp_put_uint(w, t->n_columns);
    mp_put_array(w, t->n_rows);
    for (uint32_t i = 0; i < t->n_rows; i++) {
        mp_put_array(w, 1u + t->n_columns);
        mp_put_str(w, t->row[i].key);
        for (uint32_t k = 0; k < t->n_columns; k++) {
            if (t->spans)
                put_span(w, t->row[i].span[k]);
            else
                mp_put_int(w, t->row[i].value[k]);
        }
    }
}

static void put_declarations(struct writer *w, const struct ledger_procedure *p)
{
    mp_put_array(w, p->n_states);
    for (uint32_t i = 0; i < p->n_states; i++) {
        mp_put_array(w, 3);
        mp_put_uint(w, p->state[i].number);
        put_text(w, p->state[i].name);
        mp_put_bool(w, p->state[i].ended);
    }
    mp_put_array(w, p->n_attributes);
    for (uint32_t i = 0; i < p->n_attributes; i++) {
        mp_put_array(w, 3);
        mp_put_uint(w, p->attribute[i].number);
        put_text(w, p->attribute[i].name);
        put_type(w, &p->attribute[i].type);
    }
    mp_put_array(w, p->n_tables);
    for (uint32_t i = 0; i < p->n_tables; i++)
        put_table(w, &p->table[i]);
    mp_put_array(w, p->n_clocks);
    for (uint32_t i = 0; i < p->n_clocks; i++)
        put_clock(w, &p->clock[i]);
}

static void put_indexes(struct writer *w, const struct ledger_procedure *p)
{
    mp_put_array(w, p->n_indexes);
    for (uint32_t i = 0; i < p->n_indexes; i++) {
        const struct ledger_index *index = &p->index[i];
        mp_put_array(w, 3);
        mp_put_uint(w, index->number);
        mp_put_uint(w, index->kind);
        mp_put_array(w, index->n_parts);
        for (uint32_t k = 0; k < index->n_parts; k++) {
            mp_put_array(w, 2);
            mp_put_uint(w, index->part[k].attribute);
            mp_put_uint(w, index->part[k].type);
        }
    }
}

static void put_rest(struct writer *w, const struct ledger_procedure *p)
{
    put_indexes(w, p);
    mp_put_array(w, p->n_offers);
    for (uint32_t i = 0; i < p->n_offers; i++) {
        mp_put_array(w, 3);
        mp_put_uint(w, p->offer[i].procedure);
        mp_put_uint(w, p->offer[i].state);
        put_numbers(w, p->offer[i].attribute, p->offer[i].n);
    }
    mp_put_array(w, 3);
    mp_put_uint(w, p->balance);
    mp_put_uint(w, p->kind);
    mp_put_array(w, p->n_kinds);
    for (uint32_t i = 0; i < p->n_kinds; i++) {
        mp_put_array(w, 3);
        mp_put_str(w, p->kinds[i].code);
        mp_put_int(w, p->kinds[i].min);
        mp_put_int(w, p->kinds[i].max);
    }
    mp_put_array(w, p->n_clauses);
    for (uint32_t i = 0; i < p->n_clauses; i++) {
        mp_put_array(w, 2);
        mp_put_uint(w, p->clause[i].number);
        put_text(w, p->clause[i].name);
    }
}

void ledger_procedure_encode(struct writer *out, const struct ledger_procedure *p)
{
    mp_put_array(out, 16);
    mp_put_uint(out, LEDGER_PROCEDURE_FORMAT);
    mp_put_uint(out, p->number);
    mp_put_uint(out, p->version);
    put_text(out, p->name);
    mp_put_uint(out, p->calendar);
    mp_put_uint(out, p->parent);
    mp_put_bin(out, p->has_labels ? crypto_hash_bytes(&p->labels) : bytes_of(NULL, 0));
    put_declarations(out, p);
    mp_put_array(out, p->n_actions);
    for (uint32_t i = 0; i < p->n_actions; i++)
        put_action(out, &p->action[i]);
    put_rest(out, p);
}
