#include "rpc/procedure_json.h"

#include "ledger/procedure_body.h"
#include "rpc/json.h"

static const char *const base_words[] = {
    [LEDGER_TYPE_BOOL] = "bool",       [LEDGER_TYPE_INT] = "int",   [LEDGER_TYPE_MONEY] = "money",
    [LEDGER_TYPE_TIME] = "time",       [LEDGER_TYPE_DATE] = "date", [LEDGER_TYPE_TEXT] = "text",
    [LEDGER_TYPE_BYTES] = "bytes",     [LEDGER_TYPE_HASH] = "hash", [LEDGER_TYPE_KEY] = "key",
    [LEDGER_TYPE_MEMBER] = "member",   [LEDGER_TYPE_REF] = "ref",   [LEDGER_TYPE_CODE] = "code",
    [LEDGER_TYPE_PRIVATE] = "private", [LEDGER_TYPE_FILE] = "file", [LEDGER_TYPE_LINES] = "lines",
};

/* A type as an object: programs should not have to take a text apart. */
static json_t *describe_type(const struct ledger_type *t)
{
    json_t *j = json_pack("{s:s, s:b}", "type", base_words[t->base], "required", t->required);

    if (t->list_max > 0)
        json_object_set_new(j, "list_max", json_integer(t->list_max));
    if (t->procedure != 0)
        json_object_set_new(j, "procedure", json_integer(t->procedure));
    if (t->codes.size > 0)
        json_object_set_new(j, "codes", json_of_text(t->codes));
    if (t->base == LEDGER_TYPE_TEXT || t->base == LEDGER_TYPE_BYTES)
        json_object_set_new(j, "size", json_integer(t->max));
    if ((t->base == LEDGER_TYPE_INT || t->base == LEDGER_TYPE_MONEY) && t->min != INT64_MIN)
        json_object_set_new(j, "min", json_of_i64(t->min));
    if ((t->base == LEDGER_TYPE_INT || t->base == LEDGER_TYPE_MONEY) && t->max != INT64_MAX)
        json_object_set_new(j, "max", json_of_i64(t->max));
    return j;
}

static json_t *named(uint16_t number, const char *name)
{
    return json_pack("{s:i, s:s}", "number", number, "name", name);
}

static const char *state_name(const struct ledger_procedure *p, uint16_t number)
{
    const struct ledger_state *s = ledger_procedure_state(p, number);

    return s != NULL ? s->name : "same";
}

static json_t *describe_actor(const struct ledger_procedure *p, const struct ledger_action *a,
                              const struct ledger_actor_rule *r)
{
    json_t *j = json_object(), *roles = json_array();

    for (unsigned i = 0; i < r->n_roles; i++)
        json_array_append_new(roles, json_of_text(r->roles[i]));
    if (r->n_roles > 0)
        json_object_set(j, "role", roles);
    json_decref(roles);
    if (r->is.n > 0)
        json_object_set_new(j, "is", procedure_json_expr(p, &r->is, a));
    if (r->cosign.n > 0)
        json_object_set_new(j, "cosign", procedure_json_expr(p, &r->cosign, a));
    if (r->timer != 0)
        json_object_set_new(j, "timer", json_string(ledger_procedure_clock(p, r->timer)->name));
    if (r->anyone)
        json_object_set_new(j, "anyone", json_true());
    return j;
}

static json_t *describe_actors(const struct ledger_procedure *p, const struct ledger_action *a,
                               const struct ledger_actor_rule *r, unsigned n)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < n; i++)
        json_array_append_new(list, describe_actor(p, a, &r[i]));
    return list;
}

static json_t *describe_need(const struct ledger_procedure *p, const struct ledger_action *a)
{
    json_t *not = json_array();

    for (unsigned i = 0; i < a->need.n_not; i++)
        json_array_append_new(not, procedure_json_expr(p, &a->need.not [i], a));
    return json_pack("{s:i, s:o, s:o}", "m", a->need.m, "of",
                     describe_actors(p, a, a->need.slot, a->need.n_slots), "not", not );
}

/* Attributes of other procedures have only their number here. */
static json_t *describe_changes(const struct ledger_procedure *p, const struct ledger_action *a,
                                const struct ledger_change *changes, unsigned n, bool own)
{
    static const char *const kinds[] = {
        [LEDGER_CHANGE_SET] = "set", [LEDGER_CHANGE_ADD] = "add", [LEDGER_CHANGE_CLEAR] = "clear"};
    json_t *list = json_array();

    for (unsigned i = 0; i < n; i++) {
        json_t *attribute =
            own ? json_string(ledger_procedure_attribute(p, changes[i].attribute)->name)
                : json_integer(changes[i].attribute);
        json_t *change =
            json_pack("{s:s, s:o}", "kind", kinds[changes[i].kind], "attribute", attribute);
        if (changes[i].value.n > 0)
            json_object_set_new(change, "value", procedure_json_expr(p, &changes[i].value, a));
        json_array_append_new(list, change);
    }
    return list;
}

static json_t *describe_touches(const struct ledger_procedure *p, const struct ledger_action *a)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < a->n_touches; i++) {
        const struct ledger_touch *t = &a->touch[i];
        json_t *touch =
            json_pack("{s:i, s:o, s:o}", "procedure", t->procedure, "subject",
                      procedure_json_expr(p, &t->subject, a), "changes",
                      describe_changes(p, a, t->change, t->n_changes, t->procedure == p->number));
        if (t->state != 0)
            json_object_set_new(touch, "creates_in_state", json_integer(t->state));
        json_array_append_new(list, touch);
    }
    return list;
}

static json_t *describe_action(const struct ledger_procedure *p, const struct ledger_action *a)
{
    json_t *from = json_array(), *to = json_array(), *fields = json_array(), *checks = json_array();
    json_t *j = named(a->number, a->name);

    for (unsigned i = 0; i < a->n_from; i++)
        json_array_append_new(from, json_string(state_name(p, a->from[i])));
    for (unsigned i = 0; i < a->n_cases; i++) {
        json_t *k = json_pack("{s:s}", "to", state_name(p, a->cases[i].to));
        if (a->cases[i].when.n > 0)
            json_object_set_new(k, "if", procedure_json_expr(p, &a->cases[i].when, a));
        json_array_append_new(to, k);
    }
    for (unsigned i = 0; i < a->n_fields; i++) {
        json_t *field = named(a->field[i].number, a->field[i].name),
               *type = describe_type(&a->field[i].type);
        json_object_update(field, type);
        json_decref(type);
        json_array_append_new(fields, field);
    }
    for (unsigned i = 0; i < a->n_checks; i++)
        json_array_append_new(
            checks, json_pack("{s:o, s:s}", "that", procedure_json_expr(p, &a->check[i].that, a),
                              "else", ledger_procedure_clause(p, a->check[i].clause)));
    json_object_set_new(j, "from", from);
    json_object_set_new(j, "to", to);
    json_object_set_new(j, "by", describe_actors(p, a, a->by, a->n_by));
    if (a->need.m > 0)
        json_object_set_new(j, "need", describe_need(p, a));
    json_object_set_new(j, "fields", fields);
    json_object_set_new(j, "check", checks);
    json_object_set_new(j, "changes", describe_changes(p, a, a->change, a->n_changes, true));
    if (a->n_touches > 0)
        json_object_set_new(j, "on", describe_touches(p, a));
    if (a->parent.n > 0)
        json_object_set_new(j, "parent", procedure_json_expr(p, &a->parent, a));
    if (a->post.n > 0)
        json_object_set_new(j, "post", procedure_json_expr(p, &a->post, a));
    if (a->share.lines.n > 0)
        json_object_set_new(j, "share", procedure_json_expr(p, &a->share.lines, a));
    return j;
}

static json_t *describe_indexes(const struct ledger_procedure *p)
{
    static const char *const kinds[] = {[LEDGER_INDEX_LIST] = "list",
                                        [LEDGER_INDEX_COUNT] = "count",
                                        [LEDGER_INDEX_UNIQUE] = "unique"};
    json_t *list = json_array();

    for (unsigned i = 0; i < p->n_indexes; i++) {
        const struct ledger_index *index = &p->index[i];
        json_t *parts = json_array();
        for (unsigned k = 0; k < index->n_parts; k++)
            json_array_append_new(
                parts, json_string(procedure_json_attribute_name(p, index->part[k].attribute)));
        json_array_append_new(list, json_pack("{s:i, s:s, s:o}", "number", index->number, "kind",
                                              kinds[index->kind], "parts", parts));
    }
    return list;
}

/* "4wh", as people write it, in the largest unit that fits. */
static json_t *describe_span(struct ledger_span s)
{
    static const struct {
        enum ledger_unit unit;
        uint32_t factor;
        const char *text;
    } units[] = {
        {LEDGER_UNIT_SECONDS, 86400, "d"},      {LEDGER_UNIT_SECONDS, 3600, "h"},
        {LEDGER_UNIT_SECONDS, 60, "m"},         {LEDGER_UNIT_SECONDS, 1, "s"},
        {LEDGER_UNIT_WORKING_DAYS, 1, "wd"},    {LEDGER_UNIT_WORKING_MINUTES, 60, "wh"},
        {LEDGER_UNIT_WORKING_MINUTES, 1, "wm"},
    };

    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (units[i].unit == s.unit && s.count % units[i].factor == 0)
            return json_sprintf("%u%s", s.count / units[i].factor, units[i].text);
    return json_null();
}

static json_t *describe_edges(const struct ledger_procedure *p, const struct ledger_edge *edges,
                              unsigned n)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < n; i++) {
        const struct ledger_action *a = ledger_procedure_action(p, edges[i].action);
        json_t *edge = a != NULL ? json_pack("{s:s}", "action", a->name)
                                 : json_pack("{s:s}", "state", state_name(p, edges[i].state));
        if (edges[i].until.n > 0)
            json_object_set_new(edge, "until", procedure_json_expr(p, &edges[i].until, a));
        json_array_append_new(list, edge);
    }
    return list;
}

static json_t *describe_clock(const struct ledger_procedure *p, const struct ledger_clock *c)
{
    const struct ledger_table *table = ledger_procedure_table(p, c->table);
    json_t *clock = named(c->number, c->name), *pause = json_array();

    for (unsigned k = 0; k < c->n_pause; k++)
        json_array_append_new(pause, json_string(state_name(p, c->pause[k])));
    json_object_set_new(clock, "start", describe_edges(p, c->start, c->n_start));
    json_object_set_new(clock, "stop", describe_edges(p, c->stop, c->n_stop));
    json_object_set_new(clock, "move", describe_edges(p, c->move, c->n_move));
    if (c->span.unit != 0)
        json_object_set_new(clock, "for", describe_span(c->span));
    if (table != NULL)
        json_object_set_new(clock, "for",
                            json_pack("[s, s, o, i]", "lookup", table->name,
                                      procedure_json_expr(p, &c->row, NULL), (int)c->column));
    json_object_set_new(clock, "pause", pause);
    if (c->pause_max.unit != 0)
        json_object_set_new(clock, "pause_max", describe_span(c->pause_max));
    json_object_set_new(clock, "again", json_boolean(c->again));
    return clock;
}

static json_t *describe_table(const struct ledger_table *t)
{
    json_t *rows = json_object();

    for (unsigned i = 0; i < t->n_rows; i++) {
        json_t *cells = json_array(), *key = json_of_text(t->row[i].key);
        for (unsigned k = 0; k < t->n_columns; k++)
            json_array_append_new(cells, t->spans ? describe_span(t->row[i].span[k])
                                                  : json_of_i64(t->row[i].value[k]));
        json_object_set_new(rows, json_string_value(key), cells);
        json_decref(key);
    }
    return json_pack("{s:i, s:s, s:o}", "number", t->number, "name", t->name, "rows", rows);
}

json_t *procedure_json_describe(const struct ledger_procedure *p)
{
    json_t *j = named(p->number, p->name), *clocks = json_array(), *tables = json_array(),
           *states = json_array(), *attributes = json_array(), *actions = json_array(),
           *clauses = json_array();

    for (unsigned i = 0; i < p->n_states; i++) {
        json_t *state = named(p->state[i].number, p->state[i].name);
        json_object_set_new(state, "ended", json_boolean(p->state[i].ended));
        json_array_append_new(states, state);
    }
    for (unsigned i = 0; i < p->n_attributes; i++) {
        json_t *attribute = named(p->attribute[i].number, p->attribute[i].name),
               *type = describe_type(&p->attribute[i].type);
        json_object_del(type, "required");
        json_object_update(attribute, type);
        json_decref(type);
        json_array_append_new(attributes, attribute);
    }
    for (unsigned i = 0; i < p->n_actions; i++)
        json_array_append_new(actions, describe_action(p, &p->action[i]));
    for (unsigned i = 0; i < p->n_clauses; i++)
        json_array_append_new(clauses, named(p->clause[i].number, p->clause[i].name));
    json_object_set_new(j, "version", json_integer(p->version));
    json_object_set_new(j, "digest", json_of_hash(&p->digest));
    if (p->has_labels)
        json_object_set_new(j, "labels", json_of_hash(&p->labels));
    json_object_set_new(j, "states", states);
    json_object_set_new(j, "attributes", attributes);
    for (unsigned i = 0; i < p->n_clocks; i++)
        json_array_append_new(clocks, describe_clock(p, &p->clock[i]));
    for (unsigned i = 0; i < p->n_tables; i++)
        json_array_append_new(tables, describe_table(&p->table[i]));
    json_object_set_new(j, "clocks", clocks);
    json_object_set_new(j, "tables", tables);
    json_object_set_new(j, "actions", actions);
    json_object_set_new(j, "clauses", clauses);
    json_object_set_new(j, "indexes", describe_indexes(p));
    return j;
}
