#include <stdio.h>
#include <string.h>

#include "rpc/procedure_tree.h"

static const struct tree_action *action_of(const struct tree *t, uint16_t number)
{
    for (uint32_t i = 0; i < t->n_actions; i++)
        if (t->action[i]->number == number)
            return t->action[i];
    return NULL;
}

/* Expressions of a clock see the fields of the action that starts or moves it. */
static void enter_action(struct compile *c, const struct tree_action *a)
{
    c->action = a != NULL ? a->name : NULL;
    c->here = (struct names){.kind = "field"};
    c->nodes = 0;
    for (uint32_t i = 0; a != NULL && i < a->n_fields; i++) {
        struct name *here = names_share(c, &c->here, a->field[i].name);
        here->number = a->field[i].number;
        here->type = a->field[i].type;
    }
}

/* "action", or "state:name". */
static bool read_edge(struct compile *c, struct tree_edge *edge, json_t *j)
{
    const char *text = json_string_value(j);

    *edge = (struct tree_edge){0};
    if (text == NULL)
        compile_fault(c, "the name of an action, or \"state:NAME\"", "this is %s",
                      compile_json_words(j));
    else if (strncmp(text, "state:", 6) == 0)
        edge->state = names_number(c, &c->self->states, text + 6);
    else
        edge->action = names_number(c, &c->actions, text);
    return edge->action != 0 || edge->state != 0;
}

static uint32_t read_edges(struct compile *c, struct tree_edge edges[16], json_t *object,
                           const char *member, bool required)
{
    json_t *list = compile_member(c, object, member, JSON_ARRAY, required), *item;
    size_t outer = compile_go(c, member), i;
    uint32_t n = 0;

    if (json_array_size(list) > 16 || (required && list != NULL && json_array_size(list) == 0))
        compile_fault(c, NULL, "%zu names; 1 to 16", json_array_size(list));
    json_array_foreach(list, i, item)
    {
        size_t mark = compile_go_item(c, i);
        if (n < 16 && read_edge(c, &edges[n], item))
            n++;
        compile_back(c, mark);
    }
    compile_back(c, outer);
    return n;
}

static void read_length(struct compile *c, struct tree *t, struct tree_length *out, json_t *j)
{
    const char *op = json_string_value(json_array_get(j, 0)),
               *text = json_string_value(json_array_get(j, 1));
    const struct tree_table *table = NULL;
    size_t mark;

    out->given = true;
    if (!json_is_array(j)) {
        if (span_parse(c, &out->span, j) && out->span.unit != SPAN_MS)
            c->working_time = true;
        return;
    }
    if (op == NULL || strcmp(op, "lookup") != 0 || text == NULL || json_array_size(j) != 4) {
        compile_fault(c, "a span of time, or [\"lookup\", \"TABLE\", \"$attribute\", COLUMN]",
                      "this gives no span of time");
        return;
    }
    mark = compile_go_item(c, 1);
    out->table = names_number(c, &c->tables, text);
    for (uint32_t i = 0; i < t->n_tables; i++)
        if (t->table[i].number == out->table)
            table = &t->table[i];
    if (table != NULL && !table->spans)
        compile_fault(c, "a table of spans of time, such as \"4wh\"",
                      "the table `%s` holds numbers", text);
    compile_back(c, mark);
    mark = compile_go_item(c, 2);
    struct expr *row = arena_alloc(&c->arena, sizeof *row);
    enter_action(c, NULL);
    if (expr_parse_as(c, row, json_array_get(j, 2), KIND_TEXT))
        out->row = row;
    compile_back(c, mark);
    mark = compile_go_item(c, 3);
    out->column = (uint16_t)compile_integer(
        c, json_array_get(j, 3), 0,
        table != NULL && table->n_columns > 0 ? table->n_columns - 1 : 0, 0);
    compile_back(c, mark);
}

/* The end that a starting action's own field gives. An action without that field leaves it to
 * `for`. */
static void read_until(struct compile *c, struct tree *t, struct tree_clock *clock, json_t *until)
{
    const char *text = json_string_value(until);
    bool some = false;

    for (uint32_t i = 0; i < clock->n_start; i++) {
        const struct tree_action *a =
            clock->start[i].action != 0 ? action_of(t, clock->start[i].action) : NULL;
        enter_action(c, a);
        bool there =
            text == NULL || text[0] != '@' || (a != NULL && names_find(&c->here, text + 1) != NULL);
        some = some || there;
        if (there)
            clock->start[i].until = expr_at(c, until, KIND_INT);
        else if (!clock->length.given)
            compile_fault(c, "a `for` beside it, or the field in each action that starts the clock",
                          "`%s`, which starts the clock, has no field `%s`",
                          a != NULL ? a->name : "a state", text + 1);
    }
    if (!some && clock->n_start > 0 && clock->length.given)
        compile_fault(c, "a field of an action that starts the clock",
                      "no starting action has the field `%s`", text);
}

static void read_moves(struct compile *c, struct tree *t, struct tree_clock *clock, json_t *object)
{
    json_t *moves = compile_member(c, object, "move", JSON_OBJECT, false), *item;
    const char *text;
    size_t outer = compile_go(c, "move");

    json_object_foreach(moves, text, item)
    {
        size_t mark = compile_go(c, text);
        uint16_t action = names_number(c, &c->actions, text);
        if (clock->n_move == 16) {
            compile_fault(c, NULL, "at most 16 actions move a clock");
        } else if (action != 0) {
            struct tree_edge *edge = &clock->move[clock->n_move++];
            edge->action = action;
            enter_action(c, action_of(t, action));
            edge->until = expr_at(c, item, KIND_INT);
        }
        compile_back(c, mark);
    }
    compile_back(c, outer);
}

static void read_pause(struct compile *c, struct tree_clock *clock, json_t *object)
{
    json_t *pause = compile_member(c, object, "pause", JSON_ARRAY, false), *item;
    size_t outer = compile_go(c, "pause"), i;

    json_array_foreach(pause, i, item)
    {
        size_t mark = compile_go_item(c, i);
        if (!json_is_string(item))
            compile_fault(c, "the name of a state", "this is %s", compile_json_words(item));
        else if (clock->n_pause < STATES_MAX)
            clock->pause[clock->n_pause++] =
                names_number(c, &c->self->states, json_string_value(item));
        compile_back(c, mark);
    }
    compile_back(c, outer);
    outer = compile_go(c, "pause_max");
    if (json_object_get(object, "pause_max") != NULL || clock->n_pause > 0) {
        if (clock->n_pause == 0)
            compile_fault(c, "`pause` beside it", "a longest pause without states that pause");
        if (span_parse(c, &clock->pause_max, json_object_get(object, "pause_max")) &&
            clock->pause_max.unit != SPAN_MS)
            c->working_time = true;
    }
    compile_back(c, outer);
}

static void read_clock(struct compile *c, struct tree *t, const char *text, json_t *object)
{
    struct tree_clock *clock = arena_alloc(&c->arena, sizeof *clock);
    json_t *again;
    size_t mark;

    clock->name = text;
    clock->number = names_number(c, &c->clocks, text);
    compile_only(c, object, "start stop for until pause pause_max move again");
    clock->n_start = read_edges(c, clock->start, object, "start", true);
    clock->n_stop = read_edges(c, clock->stop, object, "stop", false);
    if (json_object_get(object, "for") != NULL) {
        mark = compile_go(c, "for");
        read_length(c, t, &clock->length, json_object_get(object, "for"));
        compile_back(c, mark);
    }
    if (json_object_get(object, "until") != NULL) {
        mark = compile_go(c, "until");
        read_until(c, t, clock, json_object_get(object, "until"));
        compile_back(c, mark);
    } else if (!clock->length.given) {
        compile_fault(c, "`for` (a span of time) or `until` (a time)",
                      "nothing says how long the clock runs");
    }
    read_pause(c, clock, object);
    read_moves(c, t, clock, object);
    again = compile_member(c, object, "again", JSON_TRUE, false);
    clock->again = json_is_true(again);
    enter_action(c, NULL);
    t->clock[t->n_clocks++] = clock;
}

void tree_clocks(struct compile *c, struct tree *t)
{
    json_t *clocks = json_object_get(c->root, "clocks"), *object;
    const char *text;
    size_t outer = compile_go(c, "clocks");

    json_object_foreach(clocks, text, object)
    {
        size_t mark = compile_go(c, text);
        if (json_is_object(object) && names_find(&c->clocks, text) != NULL &&
            t->n_clocks < CLOCKS_MAX)
            read_clock(c, t, text, object);
        compile_back(c, mark);
    }
    compile_back(c, outer);
}
