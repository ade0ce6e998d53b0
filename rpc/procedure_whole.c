/* What can be said only of a procedure as a whole. */
#include <stdio.h>
#include <string.h>

#include "rpc/procedure_tree.h"

static bool leads_from(const struct tree_action *a, uint16_t state)
{
    for (uint32_t i = 0; i < a->n_from; i++)
        if (a->from[i] == state)
            return true;
    return false;
}

static bool is_ended(const struct tree *t, uint16_t state)
{
    for (uint32_t i = 0; i < t->n_ended; i++)
        if (t->ended[i] == state)
            return true;
    return false;
}

/* Marks the states that follow the marked ones; true while there are new ones. */
static bool spread(const struct tree *t, bool *reached, const struct names *states)
{
    bool more = false;

    for (uint32_t i = 0; i < t->n_actions; i++) {
        const struct tree_action *a = t->action[i];
        bool starts = a->creates;
        for (uint32_t s = 0; s < states->count; s++)
            starts = starts || (reached[s] && leads_from(a, states->items[s].number));
        for (uint32_t k = 0; starts && k < a->n_cases; k++)
            for (uint32_t s = 0; s < states->count; s++)
                if (a->cases[k].to == states->items[s].number && !reached[s])
                    more = reached[s] = true;
    }
    return more;
}

static bool has_way_out(const struct tree *t, uint16_t state)
{
    for (uint32_t i = 0; i < t->n_actions; i++)
        for (uint32_t k = 0; leads_from(t->action[i], state) && k < t->action[i]->n_cases; k++)
            if (t->action[i]->cases[k].to != 0 && t->action[i]->cases[k].to != state)
                return true;
    return false;
}

static void check_states(struct compile *c, const struct tree *t)
{
    const struct names *states = &c->self->states;
    bool *reached = arena_alloc(&c->arena, states->count + 1);
    json_t *list = json_object_get(c->root, "states"), *item;
    size_t outer = compile_go(c, "states"), i;

    for (uint32_t k = 0; k < t->n_offers; k++)
        for (uint32_t s = 0; s < states->count; s++)
            reached[s] = reached[s] ||
                         (t->offer[k].state != 0 && t->offer[k].state == states->items[s].number);
    while (spread(t, reached, states))
        continue;
    json_array_foreach(list, i, item)
    {
        const char *text = json_string_value(item);
        size_t mark = compile_go_item(c, i);
        for (uint32_t s = 0; text != NULL && s < states->count; s++) {
            if (!states->items[s].used || strcmp(states->items[s].text, text) != 0)
                continue;
            if (!reached[s])
                compile_fault(c, "an action that leads to it, or no such state",
                              "the state `%s` is never reached", text);
            else if (!is_ended(t, states->items[s].number) &&
                     !has_way_out(t, states->items[s].number))
                compile_fault(c, "an action that leads out, or the state in `ended`",
                              "there is no way out of the state `%s`", text);
        }
        compile_back(c, mark);
    }
    compile_back(c, outer);
}

static bool is_timer_action(const struct tree_action *a)
{
    return a->n_by == 1 && a->by[0].timer != 0;
}

/* An action of a timer must be able to happen while its clock runs; a clock that several timers
 * wait for in one state has cases that can't be told apart. */
static void check_timers(struct compile *c, const struct tree *t)
{
    size_t outer = compile_go(c, "actions");

    for (uint32_t i = 0; i < t->n_actions; i++) {
        const struct tree_action *a = t->action[i];
        size_t mark = compile_go(c, a->name);
        for (uint32_t k = 0; is_timer_action(a) && k < i; k++)
            for (uint32_t f = 0; is_timer_action(t->action[k]) && f < a->n_from; f++)
                if (t->action[k]->by[0].timer == a->by[0].timer &&
                    leads_from(t->action[k], a->from[f]))
                    compile_fault(c, "one action with cases",
                                  "`%s` and `%s` wait for one clock in one state",
                                  t->action[k]->name, a->name);
        for (uint32_t f = 0; is_timer_action(a) && f < a->n_from; f++)
            if (is_ended(t, a->from[f]))
                compile_fault(c, "states that are not in `ended`",
                              "`%s` waits in an ended state, where no clock fires", a->name);
        compile_back(c, mark);
    }
    compile_back(c, outer);
}

/* Does `face` let this procedure change the attribute? Its own may be offered to itself as well. */
static bool is_offered(const struct compile *c, const struct face *face, uint16_t attribute)
{
    json_t *list = json_object_get(json_object_get(face->root, "offers"), c->self->name), *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        const char *text = json_string_value(item);
        const struct name *name = text != NULL ? names_find(&face->attributes, text) : NULL;
        if (name != NULL && name->number == attribute)
            return true;
    }
    return false;
}

static const char *attribute_name(const struct face *face, uint16_t number)
{
    for (uint32_t i = 0; i < face->attributes.count; i++)
        if (face->attributes.items[i].number == number)
            return face->attributes.items[i].text;
    return "?";
}

static void need_offer(struct compile *c, const struct face *face, uint16_t attribute)
{
    char right[160] = "";

    if (face == NULL || attribute == 0 || is_offered(c, face, attribute))
        return;
    (void)snprintf(right, sizeof right,
                   "in the file of `%.40s`: \"offers\": {\"%.40s\": [\"%.40s\"]}", face->name,
                   c->self->name, attribute_name(face, attribute));
    compile_fault(c, right, "`%s` does not offer its attribute `%s` to this procedure", face->name,
                  attribute_name(face, attribute));
}

static void need_creation(struct compile *c, const struct tree_touch *touch)
{
    const char *state = json_string_value(
        json_object_get(json_object_get(touch->face->root, "created_by"), c->self->name));
    const struct name *name = state != NULL ? names_find(&touch->face->states, state) : NULL;
    char right[160];

    if (name != NULL && name->number == touch->state)
        return;
    (void)snprintf(
        right, sizeof right,
        "in the file of `%.40s`: \"created_by\": {\"%.40s\": \"STATE\"}, and that state here",
        touch->face->name, c->self->name);
    compile_fault(c, right, "`%s` does not let this procedure create its subjects in this state",
                  touch->face->name);
}

static void check_offers(struct compile *c, const struct tree *t)
{
    size_t outer = compile_go(c, "actions");

    for (uint32_t i = 0; i < t->n_actions; i++) {
        const struct tree_action *a = t->action[i];
        size_t mark = compile_go(c, a->name), inner = compile_go(c, "create");
        uint32_t n_on = 0;
        for (uint32_t k = 0; k < a->n_touches; k++) {
            if (a->touch[k]->state == 0) { /* those of `on` come first */
                n_on++;
                continue;
            }
            size_t item = compile_go_item(c, k - n_on);
            need_creation(c, a->touch[k]);
            compile_back(c, item);
        }
        compile_back(c, inner);
        inner = compile_go(c, "on");
        for (uint32_t k = 0; k < a->n_touches && a->touch[k]->state == 0; k++) {
            size_t item = compile_go_item(c, k);
            for (uint32_t n = 0; n < a->touch[k]->changes.n; n++)
                need_offer(c, a->touch[k]->face, a->touch[k]->changes.item[n].attribute);
            compile_back(c, item);
        }
        compile_back(c, inner);
        inner = compile_go(c, "share");
        need_offer(c, a->share.face, a->share.add);
        compile_back(c, inner);
        inner = compile_go(c, "post");
        json_t *post = a->post.face != NULL ? json_object_get(a->post.face->root, "post") : NULL;
        const char *balance = json_string_value(json_object_get(post, "balance"));
        if (a->post.face != NULL && balance == NULL)
            compile_fault(
                c, "in its file: \"post\": {\"balance\": ..., \"kind\": ..., \"kinds\": {...}}",
                "`%s` is no procedure of accounts", a->post.face->name);
        else if (a->post.face != NULL)
            need_offer(c, a->post.face, names_number(c, &a->post.face->attributes, balance));
        compile_back(c, inner);
        compile_back(c, mark);
    }
    compile_back(c, outer);
}

static void check_creation(struct compile *c, const struct tree *t)
{
    bool creates = false;

    for (uint32_t i = 0; i < t->n_actions; i++)
        creates = creates || t->action[i]->creates;
    for (uint32_t i = 0; i < t->n_offers; i++)
        creates = creates || t->offer[i].state != 0;
    if (!creates && t->n_actions > 0)
        compile_fault(c, "an action with \"from\": []", "no action creates a subject");
}

/* Words of one thing in both languages. */
static void need_label(struct compile *c, json_t *section, const char *kind, const char *name)
{
    json_t *label = json_object_get(section, name);

    if (json_is_string(json_object_get(label, "zh")) &&
        json_is_string(json_object_get(label, "en")))
        return;
    compile_fault(c, "{\"zh\": \"...\", \"en\": \"...\"} under its name",
                  "the labels have no words for the %s `%s`", kind, name);
}

/* A label of what is not there is a name that somebody misspelt, here or there. */
static void check_section(struct compile *c, const char *section, const struct names *names)
{
    json_t *labels = json_object_get(c->labels, section), *label;
    const char *text;

    for (uint32_t i = 0; i < names->count; i++)
        if (names->items[i].used)
            need_label(c, labels, names->kind, names->items[i].text);
    json_object_foreach(labels, text, label) if (names_find(names, text) == NULL) compile_fault(
        c, NULL, "the labels have words for a %s `%s`, which is not here", names->kind, text);
}

static void check_labels(struct compile *c, const struct tree *t)
{
    struct names fields = {.kind = "field"};
    size_t mark = compile_go(c, "labels");

    for (uint32_t i = 0; i < t->n_actions; i++)
        for (uint32_t k = 0; k < t->action[i]->n_fields; k++)
            (void)names_share(c, &fields, t->action[i]->field[k].name);
    if (c->labels != NULL) {
        check_section(c, "states", &c->self->states);
        check_section(c, "actions", &c->actions);
        check_section(c, "fields", &fields);
        check_section(c, "clauses", &c->clauses);
    }
    compile_back(c, mark);
}

void tree_check(struct compile *c, struct tree *t)
{
    if (c->working_time && t->calendar == 0)
        compile_fault(c, "\"calendar\": 1 beside \"states\"",
                      "clocks run in working time, but no calendar is named");
    check_creation(c, t);
    check_states(c, t);
    check_timers(c, t);
    check_offers(c, t);
    check_labels(c, t);
}
