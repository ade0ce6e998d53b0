#include <stdio.h>
#include <string.h>

#include "rpc/procedure_tree.h"

static struct expr *new_expr(struct compile *c)
{
    struct expr *e = arena_alloc(&c->arena, sizeof *e);

    return e;
}

static const struct expr *value_at(struct compile *c, json_t *j, enum value_kind kind)
{
    struct expr *e = new_expr(c);

    return expr_parse_as(c, e, j, kind) ? e : NULL;
}

static void read_fields(struct compile *c, struct tree_action *a, json_t *object)
{
    json_t *fields = member_of(c, object, "fields", JSON_OBJECT, false), *item;
    const char *text;
    size_t outer = go(c, "fields");

    c->here = (struct names){.kind = "field"};
    if (json_object_size(fields) > FIELDS_MAX)
        fault(c, NULL, "%zu fields; at most %d in an action", json_object_size(fields), FIELDS_MAX);
    json_object_foreach(fields, text, item) {
        size_t mark = go(c, text);
        struct tree_field *f = &a->field[a->n_fields];
        char words[96], key[140];
        if (!json_is_string(item)) {
            fault(c, "a type, such as \"time!\"", "this is %s", json_words(item));
        } else if (a->n_fields < FIELDS_MAX && name_is_good(c, text) && type_parse(c, &f->type, json_string_value(item))) {
            if ((f->type.base == TYPE_REF || f->type.base == TYPE_LINES) && f->type.argument[0] != '\0')
                (void)face_named(c, f->type.argument);
            if (f->type.base == TYPE_LINES && f->type.list_max == 0)
                fault(c, "lines:account[32]", "lines are a list; say how many at most");
            type_words(words, &f->type);
            (void)snprintf(key, sizeof key, "%s %s", text, words);
            f->name = text;
            f->number = names_share(c, &c->fields, key)->number;
            struct name *here = names_share(c, &c->here, text);
            here->number = f->number;
            here->type = f->type;
            a->n_fields++;
        }
        back(c, mark);
    }
    back(c, outer);
}

static void read_from(struct compile *c, struct tree_action *a, json_t *object)
{
    json_t *from = json_object_get(object, "from"), *item;
    size_t outer = go(c, "from"), i;

    if (json_is_string(from) && strcmp(json_string_value(from), "*") == 0) {
        for (uint32_t k = 0; k < c->self->states.count && a->n_from < STATES_MAX; k++)
            if (c->self->states.items[k].used)
                a->from[a->n_from++] = c->self->states.items[k].number;
    } else if (!json_is_array(from)) {
        fault(c, "a list of states; [] creates the subject, \"*\" is every state", "`from` is %s", json_words(from));
    } else {
        a->creates = json_array_size(from) == 0;
        json_array_foreach(from, i, item) {
            size_t mark = go_item(c, i);
            if (!json_is_string(item))
                fault(c, "the name of a state", "this is %s", json_words(item));
            else if (a->n_from < STATES_MAX)
                a->from[a->n_from++] = names_number(c, &c->self->states, json_string_value(item));
            back(c, mark);
        }
    }
    back(c, outer);
}

static uint16_t read_target(struct compile *c, const struct tree_action *a, json_t *j)
{
    const char *text = json_string_value(j);

    if (text == NULL)
        fault(c, "the name of a state, or \"same\"", "this is %s", json_words(j));
    else if (strcmp(text, "same") != 0)
        return names_number(c, &c->self->states, text);
    else if (a->creates)
        fault(c, "the name of a state", "a new subject has no state that could stay the same");
    return 0;
}

static void read_cases(struct compile *c, struct tree_action *a, json_t *to)
{
    json_t *item;
    size_t i;

    if (json_array_size(to) == 0 || json_array_size(to) > CASES_MAX)
        fault(c, NULL, "%zu cases; 1 to %d", json_array_size(to), CASES_MAX);
    json_array_foreach(to, i, item) {
        size_t mark = go_item(c, i), inner;
        if (a->n_cases == CASES_MAX || !json_is_object(item)) {
            fault(c, "{\"if\": condition, \"to\": \"state\"}, the last one without `if`", "this is %s", json_words(item));
            back(c, mark);
            continue;
        }
        struct tree_case *k = &a->cases[a->n_cases++];
        only_members(c, item, "if to");
        if (json_object_get(item, "if") != NULL) {
            inner = go(c, "if");
            k->when = value_at(c, json_object_get(item, "if"), KIND_BOOL);
            back(c, inner);
        } else if (i + 1 != json_array_size(to)) {
            fault(c, "an `if`; only the last case is for all the rest", "the cases after this one are never reached");
        }
        inner = go(c, "to");
        k->to = read_target(c, a, json_object_get(item, "to"));
        back(c, inner);
        for (size_t before = 0; k->when != NULL && before < i; before++)
            if (json_equal(json_object_get(json_array_get(to, before), "if"), json_object_get(item, "if")))
                fault(c, "conditions that differ", "this case has the condition of case %zu, it is never reached", before);
        back(c, mark);
    }
}

static void read_to(struct compile *c, struct tree_action *a, json_t *object)
{
    json_t *to = json_object_get(object, "to");
    size_t mark = go(c, "to");

    if (to == NULL)
        fault(c, "the name of a state, \"same\", or a list of cases", "`to` is missing");
    else if (json_is_array(to))
        read_cases(c, a, to);
    else {
        a->n_cases = 1;
        a->cases[0].to = read_target(c, a, to);
    }
    back(c, mark);
}

static void read_roles(struct compile *c, struct tree_actor *actor, json_t *roles)
{
    json_t *item;
    size_t i;

    if (json_is_string(roles)) {
        if (role_is_known(c, json_string_value(roles)))
            actor->roles[actor->n_roles++] = json_string_value(roles);
        return;
    }
    if (json_array_size(roles) == 0 || json_array_size(roles) > ROLES_MAX)
        fault(c, "a list of 1 to 16 roles", "this is %s", json_words(roles));
    json_array_foreach(roles, i, item) {
        size_t mark = go_item(c, i);
        if (!json_is_string(item))
            fault(c, "the name of a role", "this is %s", json_words(item));
        else if (actor->n_roles < ROLES_MAX && role_is_known(c, json_string_value(item)))
            actor->roles[actor->n_roles++] = json_string_value(item);
        back(c, mark);
    }
}

static const struct expr *read_key(struct compile *c, json_t *j)
{
    struct expr *e = new_expr(c);
    struct value v = expr_parse(c, e, j);

    if (v.kind != KIND_BYTES && v.kind != KIND_NONE)
        fault(c, "a field or an attribute of type key", "no key stands here");
    return v.kind == KIND_BYTES ? e : NULL;
}

static void read_actor(struct compile *c, struct tree_actor *out, json_t *j, bool slot)
{
    static const char *const members[] = {"role", "is", "cosign", "timer", "anyone"};
    bool any = false;

    if (!json_is_object(j)) {
        fault(c, "{\"role\": [...]}, {\"is\": \"$attribute\"}, {\"cosign\": \"$key\"}, {\"timer\": \"clock\"} or {\"anyone\": true}",
              "this is %s", json_words(j));
        return;
    }
    only_members(c, j, slot ? "role is" : "role is cosign timer anyone");
    for (size_t i = 0; i < 5; i++) {
        json_t *value = json_object_get(j, members[i]);
        size_t mark = go(c, members[i]);
        any = any || value != NULL;
        if (value != NULL && i == 0)
            read_roles(c, out, value);
        else if (value != NULL && i == 1)
            out->is = value_at(c, value, KIND_MEMBER);
        else if (value != NULL && i == 2)
            out->cosign = read_key(c, value);
        else if (value != NULL && i == 3 && json_is_string(value))
            out->timer = names_number(c, &c->clocks, json_string_value(value));
        else if (value != NULL && i == 4 && json_is_true(value))
            out->anyone = true;
        else if (value != NULL)
            fault(c, i == 3 ? "the name of a clock" : "true", "this is %s", json_words(value));
        back(c, mark);
    }
    if (!any)
        fault(c, "a role, a relation, a cosignature, a timer or anyone", "nobody is named");
    if (out->timer != 0 && json_object_size(j) != 1)
        fault(c, "{\"timer\": \"clock\"} alone", "a timer acts alone");
}

static void read_by(struct compile *c, struct tree_action *a, json_t *object)
{
    json_t *by = member_of(c, object, "by", JSON_ARRAY, false), *item;
    size_t outer = go(c, "by"), i;

    if (json_array_size(by) > BY_MAX)
        fault(c, NULL, "at most %d ways to act", BY_MAX);
    json_array_foreach(by, i, item) {
        size_t mark = go_item(c, i);
        if (a->n_by < BY_MAX)
            read_actor(c, &a->by[a->n_by++], item, false);
        back(c, mark);
    }
    back(c, outer);
}

static void read_need(struct compile *c, struct tree_action *a, json_t *object)
{
    json_t *need = member_of(c, object, "need", JSON_OBJECT, false), *list, *item;
    size_t outer = go(c, "need"), i, mark;

    if (need != NULL) {
        struct tree_need *n = a->need = arena_alloc(&c->arena, sizeof *n);
        only_members(c, need, "m of not within");
        list = member_of(c, need, "of", JSON_ARRAY, true);
        mark = go(c, "of");
        if (json_array_size(list) > SLOTS_MAX)
            fault(c, NULL, "%zu approvers; at most %d", json_array_size(list), SLOTS_MAX);
        json_array_foreach(list, i, item) {
            size_t inner = go_item(c, i);
            if (n->n_slots < SLOTS_MAX)
                read_actor(c, &n->slot[n->n_slots++], item, true);
            back(c, inner);
        }
        back(c, mark);
        mark = go(c, "m");
        n->m = (uint32_t)integer_of(c, json_object_get(need, "m"), 1, n->n_slots > 0 ? n->n_slots : 1, 1);
        back(c, mark);
        list = member_of(c, need, "not", JSON_ARRAY, false);
        mark = go(c, "not");
        json_array_foreach(list, i, item) {
            size_t inner = go_item(c, i);
            if (n->n_not == NOT_MAX)
                fault(c, NULL, "at most %d exclusions", NOT_MAX);
            else if ((n->not[n->n_not] = value_at(c, item, KIND_MEMBER)) != NULL)
                n->n_not++;
            back(c, inner);
        }
        back(c, mark);
        mark = go(c, "within");
        if (span_parse(c, &n->within, json_object_get(need, "within")) && n->within.unit != SPAN_MS)
            c->working_time = true;
        back(c, mark);
    }
    back(c, outer);
}

static void read_checks(struct compile *c, struct tree_action *a, json_t *object)
{
    json_t *checks = member_of(c, object, "check", JSON_ARRAY, false), *item, *clause;
    size_t outer = go(c, "check"), i;

    if (json_array_size(checks) > CHECKS_MAX)
        fault(c, NULL, "at most %d checks in an action", CHECKS_MAX);
    json_array_foreach(checks, i, item) {
        size_t mark = go_item(c, i), inner;
        if (!json_is_object(item) || a->n_checks == CHECKS_MAX) {
            fault(c, "{\"that\": condition, \"else\": \"clause\"}", "this is %s", json_words(item));
            back(c, mark);
            continue;
        }
        struct tree_check *check = &a->check[a->n_checks++];
        only_members(c, item, "that else");
        inner = go(c, "that");
        check->that = value_at(c, json_object_get(item, "that"), KIND_BOOL);
        back(c, inner);
        clause = member_of(c, item, "else", JSON_STRING, true);
        inner = go(c, "else");
        if (clause != NULL && name_is_good(c, json_string_value(clause)))
            check->clause = names_share(c, &c->clauses, json_string_value(clause))->number;
        back(c, inner);
        back(c, mark);
    }
    back(c, outer);
}

static struct tree_change *new_change(struct compile *c, struct tree_changes *changes, const struct face *face,
                                      enum change_kind kind, const char *text, struct type *type)
{
    uint16_t number = names_number(c, &face->attributes, text);

    if (number == 0 || changes->n == ATTRIBUTES_MAX)
        return NULL;
    *type = names_find(&face->attributes, text)->type;
    for (uint32_t i = 0; i < changes->n; i++)
        if (changes->item[i].attribute == number)
            fault(c, "one of keep, set, add and clear", "the attribute `%s` is changed twice", text);
    struct tree_change *change = &changes->item[changes->n++];
    *change = (struct tree_change){.kind = kind, .attribute = number};
    return change;
}

static bool fits(struct compile *c, struct value v, const struct type *type, enum change_kind kind)
{
    struct value want = value_of_type(c, type);

    if (v.kind == KIND_NONE)
        return true; /* said already */
    if (kind == CHANGE_ADD && want.list)
        want.list = false; /* one more item */
    else if (kind == CHANGE_ADD && want.kind != KIND_INT)
        return false;
    return v.kind == want.kind && v.list == want.list && v.face == want.face;
}

static void read_change_object(struct compile *c, struct tree_changes *out, const struct face *face, json_t *object,
                               const char *section, enum change_kind kind)
{
    json_t *changes = member_of(c, object, section, JSON_OBJECT, false), *item;
    const char *text;
    size_t outer = go(c, section);

    json_object_foreach(changes, text, item) {
        size_t mark = go(c, text);
        struct type type = {0};
        struct tree_change *change = new_change(c, out, face, kind, text, &type);
        struct expr *e = new_expr(c);
        if (change != NULL) {
            change->value = e;
            struct value v = expr_parse(c, e, item);
            if (!fits(c, v, &type, kind))
                fault(c, kind == CHANGE_ADD ? "a number for a number, one more item for a list" : "a value of the attribute's type",
                      "the attribute `%s` can't take this", text);
        }
        back(c, mark);
    }
    back(c, outer);
}

static void read_clear(struct compile *c, struct tree_changes *out, const struct face *face, json_t *object)
{
    json_t *clear = member_of(c, object, "clear", JSON_ARRAY, false), *item;
    size_t outer = go(c, "clear"), i;
    struct type type;

    json_array_foreach(clear, i, item) {
        size_t mark = go_item(c, i);
        if (!json_is_string(item))
            fault(c, "the name of an attribute", "this is %s", json_words(item));
        else
            (void)new_change(c, out, face, CHANGE_CLEAR, json_string_value(item), &type);
        back(c, mark);
    }
    back(c, outer);
}

/* A kept field becomes the attribute of its name and type. */
static void read_keep(struct compile *c, struct tree_action *a, json_t *object)
{
    json_t *keep = member_of(c, object, "keep", JSON_ARRAY, false), *item;
    size_t outer = go(c, "keep"), i;

    json_array_foreach(keep, i, item) {
        size_t mark = go_item(c, i);
        const char *text = json_string_value(item);
        const struct name *field = text != NULL ? names_find(&c->here, text) : NULL;
        struct type type = {0};
        if (text == NULL)
            fault(c, "the name of a field", "this is %s", json_words(item));
        else if (field == NULL)
            fault_unknown(c, "field", text, &c->here);
        else {
            struct tree_change *change = new_change(c, &a->changes, c->self, CHANGE_SET, text, &type);
            struct expr *e = new_expr(c);
            if (change != NULL) {
                e->n = 1;
                e->node[0] = (struct ledger_expr_node){.op = LEDGER_OP_FIELD, .number = field->number};
                change->value = e;
                if (type.base != field->type.base || (type.list_max > 0) != (field->type.list_max > 0) ||
                    strcmp(type.argument, field->type.argument) != 0)
                    fault(c, "a field and an attribute of one type", "the field `%s` is not of the attribute's type", text);
            }
        }
        back(c, mark);
    }
    back(c, outer);
}

static void read_changes(struct compile *c, struct tree_changes *out, const struct face *face, json_t *object)
{
    read_change_object(c, out, face, object, "set", CHANGE_SET);
    read_change_object(c, out, face, object, "add", CHANGE_ADD);
    read_clear(c, out, face, object);
}

static bool reference_at(struct compile *c, const struct expr **out, const struct face **face, json_t *j)
{
    struct expr *e = new_expr(c);
    struct value v = expr_parse(c, e, j);

    *out = e;
    *face = v.face;
    if (v.kind == KIND_REF && !v.list && v.face != NULL)
        return true;
    if (v.kind != KIND_NONE)
        fault(c, "a field or an attribute of type ref:PROCEDURE", "this names no subject");
    return false;
}

static void read_touches(struct compile *c, struct tree_action *a, json_t *object)
{
    json_t *on = member_of(c, object, "on", JSON_ARRAY, false), *item;
    size_t outer = go(c, "on"), i;

    if (json_array_size(on) > TOUCHES_MAX)
        fault(c, NULL, "at most %d other subjects are named in an action", TOUCHES_MAX);
    json_array_foreach(on, i, item) {
        size_t mark = go_item(c, i), inner;
        if (json_is_object(item) && a->n_touches < TOUCHES_MAX) {
            struct tree_touch *touch = a->touch[a->n_touches++] = arena_alloc(&c->arena, sizeof *touch);
            only_members(c, item, "subject set add clear");
            inner = go(c, "subject");
            bool good = reference_at(c, &touch->subject, &touch->face, json_object_get(item, "subject"));
            back(c, inner);
            if (good)
                read_changes(c, &touch->changes, touch->face, item);
        } else {
            fault(c, "{\"subject\": \"@reference\", \"set\"|\"add\"|\"clear\": ...}", "this is %s", json_words(item));
        }
        back(c, mark);
    }
    back(c, outer);
}

/* "create": subjects of other procedures, or more of its own, that begin with this action. */
static void read_creations(struct compile *c, struct tree_action *a, json_t *object)
{
    json_t *list = member_of(c, object, "create", JSON_ARRAY, false), *item, *name;
    size_t outer = go(c, "create"), i;

    json_array_foreach(list, i, item) {
        size_t mark = go_item(c, i), inner;
        if (!json_is_object(item) || a->n_touches == TOUCHES_MAX) {
            fault(c, "{\"procedure\": ..., \"subject\": \"@id\", \"state\": ..., \"set\": {...}}, 8 with `on` at most", "this is %s", json_words(item));
            back(c, mark);
            continue;
        }
        struct tree_touch *touch = a->touch[a->n_touches++] = arena_alloc(&c->arena, sizeof *touch);
        only_members(c, item, "procedure subject state set");
        name = member_of(c, item, "procedure", JSON_STRING, true);
        inner = go(c, "procedure");
        touch->face = name != NULL ? face_named(c, json_string_value(name)) : NULL;
        back(c, inner);
        inner = go(c, "subject");
        touch->subject = value_at(c, json_object_get(item, "subject"), KIND_BYTES);
        back(c, inner);
        name = member_of(c, item, "state", JSON_STRING, true);
        inner = go(c, "state");
        if (name != NULL && touch->face != NULL)
            touch->state = names_number(c, &touch->face->states, json_string_value(name));
        back(c, inner);
        if (touch->face != NULL)
            read_change_object(c, &touch->changes, touch->face, item, "set", CHANGE_SET);
        back(c, mark);
    }
    back(c, outer);
}

static void read_parent(struct compile *c, struct tree_action *a, json_t *object)
{
    json_t *parent = json_object_get(object, "parent");
    const struct face *face = NULL;
    size_t mark = go(c, "parent");

    if (parent != NULL && reference_at(c, &a->parent, &face, parent)) {
        if (!a->creates)
            fault(c, NULL, "a parent is named when the subject is created, by an action from []");
        if (c->self->parent == NULL)
            fault(c, "\"parent\": \"PROCEDURE\" beside \"states\"", "the procedure does not say whose children its subjects are");
        else if (face != c->self->parent)
            fault(c, NULL, "parents are of `%s`, this is of `%s`", c->self->parent->name, face->name);
    }
    back(c, mark);
}

static const struct expr *lines_at(struct compile *c, const struct face **face, json_t *object)
{
    struct expr *e = new_expr(c);
    size_t mark = go(c, "lines");
    struct value v = expr_parse(c, e, json_object_get(object, "lines"));

    if (v.kind != KIND_LINE && v.kind != KIND_NONE)
        fault(c, "a field of type lines:PROCEDURE[N]", "these are no lines");
    *face = v.face;
    back(c, mark);
    return v.kind == KIND_LINE ? e : NULL;
}

static uint16_t attribute_at(struct compile *c, const struct face *face, json_t *object, const char *member)
{
    json_t *name = member_of(c, object, member, JSON_STRING, true);
    size_t mark = go(c, member);
    uint16_t number = name != NULL && face != NULL ? names_number(c, &face->attributes, json_string_value(name)) : 0;

    if (number != 0 && names_find(&face->attributes, json_string_value(name))->type.base > TYPE_MONEY)
        fault(c, "an attribute of type int or money", "`%s` is not a number", json_string_value(name));
    back(c, mark);
    return number;
}

static void read_post_and_share(struct compile *c, struct tree_action *a, json_t *object)
{
    json_t *post = member_of(c, object, "post", JSON_OBJECT, false);
    json_t *share = member_of(c, object, "share", JSON_OBJECT, false);
    size_t mark = go(c, "post"), inner;

    if (post != NULL) {
        only_members(c, post, "lines");
        a->post.lines = lines_at(c, &a->post.face, post);
    }
    back(c, mark);
    mark = go(c, "share");
    if (share != NULL) {
        only_members(c, share, "lines total weight add");
        a->share.lines = lines_at(c, &a->share.face, share);
        inner = go(c, "total");
        a->share.total = value_at(c, json_object_get(share, "total"), KIND_INT);
        back(c, inner);
        a->share.weight = attribute_at(c, a->share.face, share, "weight");
        a->share.add = attribute_at(c, a->share.face, share, "add");
    }
    back(c, mark);
}

static void check_actors(struct compile *c, struct tree_action *a)
{
    bool timer = false;

    for (uint32_t i = 0; i < a->n_by; i++)
        timer = timer || a->by[i].timer != 0;
    if (a->n_by == 0 && a->need == NULL)
        fault(c, "`by` or `need`", "nobody may do `%s`", a->name);
    if (a->n_by > 0 && a->need != NULL)
        fault(c, "one of them", "`by` and `need` stand together");
    if (timer && (a->n_by > 1 || a->n_checks > 0 || a->n_fields > 0))
        fault(c, "an action of its own; where it must not happen, give `to` a case", "a timer's action has no check, no fields and no other actor");
    if (timer && a->creates)
        fault(c, NULL, "a timer can't create a subject");
}

static void read_action(struct compile *c, struct tree *t, const char *text, json_t *object)
{
    struct tree_action *a = arena_alloc(&c->arena, sizeof *a);

    a->name = text;
    a->number = names_number(c, &c->actions, text);
    c->action = text;
    c->nodes = 0;
    only_members(c, object, "from to by need fields check keep set add clear on create parent post share");
    read_from(c, a, object);
    read_fields(c, a, object);
    read_by(c, a, object);
    read_need(c, a, object);
    read_checks(c, a, object);
    read_keep(c, a, object);
    read_changes(c, &a->changes, c->self, object);
    read_parent(c, a, object);
    read_touches(c, a, object);
    read_creations(c, a, object);
    read_post_and_share(c, a, object);
    read_to(c, a, object);
    check_actors(c, a);
    c->action = NULL;
    t->action[t->n_actions++] = a;
}

void tree_actions(struct compile *c, struct tree *t)
{
    json_t *actions = member_of(c, c->root, "actions", JSON_OBJECT, true), *object;
    const char *text;
    size_t outer = go(c, "actions");

    json_object_foreach(actions, text, object) {
        size_t mark = go(c, text);
        if (json_is_object(object) && names_find(&c->actions, text) != NULL && t->n_actions < ACTIONS_MAX)
            read_action(c, t, text, object);
        back(c, mark);
    }
    back(c, outer);
}
