#include <stdio.h>
#include <string.h>

#include "rpc/procedure_tree.h"

static void read_fields(struct compile *c, struct tree_action *a, json_t *object)
{
    json_t *fields = compile_member(c, object, "fields", JSON_OBJECT, false), *item;
    const char *text;
    size_t outer = compile_go(c, "fields");

    c->here = (struct names){.kind = "field"};
    if (json_object_size(fields) > FIELDS_MAX)
        compile_fault(c, NULL, "%zu fields; at most %d in an action", json_object_size(fields),
                      FIELDS_MAX);
    json_object_foreach(fields, text, item)
    {
        size_t mark = compile_go(c, text);
        struct tree_field *f = &a->field[a->n_fields];
        char words[96], key[140];
        if (!json_is_string(item)) {
            compile_fault(c, "a type, such as \"time!\"", "this is %s", compile_json_words(item));
        } else if (a->n_fields < FIELDS_MAX && compile_name_is_good(c, text) &&
                   type_parse(c, &f->type, json_string_value(item))) {
            if ((f->type.base == TYPE_REF || f->type.base == TYPE_LINES) &&
                f->type.argument[0] != '\0')
                (void)compile_face(c, f->type.argument);
            if (f->type.base == TYPE_LINES && f->type.list_max == 0)
                compile_fault(c, "lines:account[32]", "lines are a list; say how many at most");
            type_words(words, &f->type);
            (void)snprintf(key, sizeof key, "%s %s", text, words);
            f->name = text;
            f->number = names_share(c, &c->fields, key)->number;
            struct name *here = names_share(c, &c->here, text);
            here->number = f->number;
            here->type = f->type;
            a->n_fields++;
        }
        compile_back(c, mark);
    }
    compile_back(c, outer);
}

static void read_from(struct compile *c, struct tree_action *a, json_t *object)
{
    json_t *from = json_object_get(object, "from"), *item;
    size_t outer = compile_go(c, "from"), i;

    if (json_is_string(from) && strcmp(json_string_value(from), "*") == 0) {
        for (uint32_t k = 0; k < c->self->states.count && a->n_from < STATES_MAX; k++)
            if (c->self->states.items[k].used)
                a->from[a->n_from++] = c->self->states.items[k].number;
    } else if (!json_is_array(from)) {
        compile_fault(c, "a list of states; [] creates the subject, \"*\" is every state",
                      "`from` is %s", compile_json_words(from));
    } else {
        a->creates = json_array_size(from) == 0;
        json_array_foreach(from, i, item)
        {
            size_t mark = compile_go_item(c, i);
            if (!json_is_string(item))
                compile_fault(c, "the name of a state", "this is %s", compile_json_words(item));
            else if (a->n_from < STATES_MAX)
                a->from[a->n_from++] = names_number(c, &c->self->states, json_string_value(item));
            compile_back(c, mark);
        }
    }
    compile_back(c, outer);
}

static uint16_t read_target(struct compile *c, const struct tree_action *a, json_t *j)
{
    const char *text = json_string_value(j);

    if (text == NULL)
        compile_fault(c, "the name of a state, or \"same\"", "this is %s", compile_json_words(j));
    else if (strcmp(text, "same") != 0)
        return names_number(c, &c->self->states, text);
    else if (a->creates)
        compile_fault(c, "the name of a state",
                      "a new subject has no state that could stay the same");
    return 0;
}

static void read_cases(struct compile *c, struct tree_action *a, json_t *to)
{
    json_t *item;
    size_t i;

    if (json_array_size(to) == 0 || json_array_size(to) > CASES_MAX)
        compile_fault(c, NULL, "%zu cases; 1 to %d", json_array_size(to), CASES_MAX);
    json_array_foreach(to, i, item)
    {
        size_t mark = compile_go_item(c, i), inner;
        if (a->n_cases == CASES_MAX || !json_is_object(item)) {
            compile_fault(c, "{\"if\": condition, \"to\": \"state\"}, the last one without `if`",
                          "this is %s", compile_json_words(item));
            compile_back(c, mark);
            continue;
        }
        struct tree_case *k = &a->cases[a->n_cases++];
        compile_only(c, item, "if to");
        if (json_object_get(item, "if") != NULL) {
            inner = compile_go(c, "if");
            k->when = expr_at(c, json_object_get(item, "if"), KIND_BOOL);
            compile_back(c, inner);
        } else if (i + 1 != json_array_size(to)) {
            compile_fault(c, "an `if`; only the last case is for all the rest",
                          "the cases after this one are never reached");
        }
        inner = compile_go(c, "to");
        k->to = read_target(c, a, json_object_get(item, "to"));
        compile_back(c, inner);
        for (size_t before = 0; k->when != NULL && before < i; before++)
            if (json_equal(json_object_get(json_array_get(to, before), "if"),
                           json_object_get(item, "if")))
                compile_fault(c, "conditions that differ",
                              "this case has the condition of case %zu, it is never reached",
                              before);
        compile_back(c, mark);
    }
}

static void read_to(struct compile *c, struct tree_action *a, json_t *object)
{
    json_t *to = json_object_get(object, "to");
    size_t mark = compile_go(c, "to");

    if (to == NULL)
        compile_fault(c, "the name of a state, \"same\", or a list of cases", "`to` is missing");
    else if (json_is_array(to))
        read_cases(c, a, to);
    else {
        a->n_cases = 1;
        a->cases[0].to = read_target(c, a, to);
    }
    compile_back(c, mark);
}

static void read_roles(struct compile *c, struct tree_actor *actor, json_t *roles)
{
    json_t *item;
    size_t i;

    if (json_is_string(roles)) {
        if (compile_role_is_known(c, json_string_value(roles)))
            actor->roles[actor->n_roles++] = json_string_value(roles);
        return;
    }
    if (json_array_size(roles) == 0 || json_array_size(roles) > ROLES_MAX)
        compile_fault(c, "a list of 1 to 16 roles", "this is %s", compile_json_words(roles));
    json_array_foreach(roles, i, item)
    {
        size_t mark = compile_go_item(c, i);
        if (!json_is_string(item))
            compile_fault(c, "the name of a role", "this is %s", compile_json_words(item));
        else if (actor->n_roles < ROLES_MAX && compile_role_is_known(c, json_string_value(item)))
            actor->roles[actor->n_roles++] = json_string_value(item);
        compile_back(c, mark);
    }
}

static const struct expr *read_key(struct compile *c, json_t *j)
{
    struct expr *e = expr_new(c);
    struct value v = expr_parse(c, e, j);

    if (v.kind != KIND_BYTES && v.kind != KIND_NONE)
        compile_fault(c, "a field or an attribute of type key", "no key stands here");
    return v.kind == KIND_BYTES ? e : NULL;
}

static void read_actor(struct compile *c, struct tree_actor *out, json_t *j, bool slot)
{
    static const char *const members[] = {"role", "is", "cosign", "timer", "anyone"};
    bool any = false;

    if (!json_is_object(j)) {
        compile_fault(
            c,
            "{\"role\": [...]}, {\"is\": \"$attribute\"}, {\"cosign\": \"$key\"}, {\"timer\": "
            "\"clock\"} or {\"anyone\": true}",
            "this is %s", compile_json_words(j));
        return;
    }
    compile_only(c, j, slot ? "role is" : "role is cosign timer anyone");
    for (size_t i = 0; i < 5; i++) {
        json_t *value = json_object_get(j, members[i]);
        size_t mark = compile_go(c, members[i]);
        any = any || value != NULL;
        if (value != NULL && i == 0)
            read_roles(c, out, value);
        else if (value != NULL && i == 1)
            out->is = expr_at(c, value, KIND_MEMBER);
        else if (value != NULL && i == 2)
            out->cosign = read_key(c, value);
        else if (value != NULL && i == 3 && json_is_string(value))
            out->timer = names_number(c, &c->clocks, json_string_value(value));
        else if (value != NULL && i == 4 && json_is_true(value))
            out->anyone = true;
        else if (value != NULL)
            compile_fault(c, i == 3 ? "the name of a clock" : "true", "this is %s",
                          compile_json_words(value));
        compile_back(c, mark);
    }
    if (!any)
        compile_fault(c, "a role, a relation, a cosignature, a timer or anyone", "nobody is named");
    if (out->timer != 0 && json_object_size(j) != 1)
        compile_fault(c, "{\"timer\": \"clock\"} alone", "a timer acts alone");
}

static void read_by(struct compile *c, struct tree_action *a, json_t *object)
{
    json_t *by = compile_member(c, object, "by", JSON_ARRAY, false), *item;
    size_t outer = compile_go(c, "by"), i;

    if (json_array_size(by) > BY_MAX)
        compile_fault(c, NULL, "at most %d ways to act", BY_MAX);
    json_array_foreach(by, i, item)
    {
        size_t mark = compile_go_item(c, i);
        if (a->n_by < BY_MAX)
            read_actor(c, &a->by[a->n_by++], item, false);
        compile_back(c, mark);
    }
    compile_back(c, outer);
}

static void read_need(struct compile *c, struct tree_action *a, json_t *object)
{
    json_t *need = compile_member(c, object, "need", JSON_OBJECT, false), *list, *item;
    size_t outer = compile_go(c, "need"), i, mark;

    if (need != NULL) {
        struct tree_need *n = a->need = arena_alloc(&c->arena, sizeof *n);
        compile_only(c, need, "m of not within");
        list = compile_member(c, need, "of", JSON_ARRAY, true);
        mark = compile_go(c, "of");
        if (json_array_size(list) > SLOTS_MAX)
            compile_fault(c, NULL, "%zu approvers; at most %d", json_array_size(list), SLOTS_MAX);
        json_array_foreach(list, i, item)
        {
            size_t inner = compile_go_item(c, i);
            if (n->n_slots < SLOTS_MAX)
                read_actor(c, &n->slot[n->n_slots++], item, true);
            compile_back(c, inner);
        }
        compile_back(c, mark);
        mark = compile_go(c, "m");
        n->m = (uint32_t)compile_integer(c, json_object_get(need, "m"), 1,
                                         n->n_slots > 0 ? n->n_slots : 1, 1);
        compile_back(c, mark);
        list = compile_member(c, need, "not", JSON_ARRAY, false);
        mark = compile_go(c, "not");
        json_array_foreach(list, i, item)
        {
            size_t inner = compile_go_item(c, i);
            if (n->n_not == NOT_MAX)
                compile_fault(c, NULL, "at most %d exclusions", NOT_MAX);
            else if ((n->not [n->n_not] = expr_at(c, item, KIND_MEMBER)) != NULL)
                n->n_not++;
            compile_back(c, inner);
        }
        compile_back(c, mark);
        mark = compile_go(c, "within");
        if (span_parse(c, &n->within, json_object_get(need, "within")) && n->within.unit != SPAN_MS)
            c->working_time = true;
        compile_back(c, mark);
    }
    compile_back(c, outer);
}

static void read_checks(struct compile *c, struct tree_action *a, json_t *object)
{
    json_t *checks = compile_member(c, object, "check", JSON_ARRAY, false), *item, *clause;
    size_t outer = compile_go(c, "check"), i;

    if (json_array_size(checks) > CHECKS_MAX)
        compile_fault(c, NULL, "at most %d checks in an action", CHECKS_MAX);
    json_array_foreach(checks, i, item)
    {
        size_t mark = compile_go_item(c, i), inner;
        if (!json_is_object(item) || a->n_checks == CHECKS_MAX) {
            compile_fault(c, "{\"that\": condition, \"else\": \"clause\"}", "this is %s",
                          compile_json_words(item));
            compile_back(c, mark);
            continue;
        }
        struct tree_check *check = &a->check[a->n_checks++];
        compile_only(c, item, "that else");
        inner = compile_go(c, "that");
        check->that = expr_at(c, json_object_get(item, "that"), KIND_BOOL);
        compile_back(c, inner);
        clause = compile_member(c, item, "else", JSON_STRING, true);
        inner = compile_go(c, "else");
        if (clause != NULL && compile_name_is_good(c, json_string_value(clause)))
            check->clause = names_share(c, &c->clauses, json_string_value(clause))->number;
        compile_back(c, inner);
        compile_back(c, mark);
    }
    compile_back(c, outer);
}

static void check_actors(struct compile *c, struct tree_action *a)
{
    bool timer = false;

    for (uint32_t i = 0; i < a->n_by; i++)
        timer = timer || a->by[i].timer != 0;
    if (a->n_by == 0 && a->need == NULL)
        compile_fault(c, "`by` or `need`", "nobody may do `%s`", a->name);
    if (a->n_by > 0 && a->need != NULL)
        compile_fault(c, "one of them", "`by` and `need` stand together");
    if (a->need != NULL && a->creates)
        compile_fault(c, "create it by one, in a state from which several carry it on",
                      "`%s` creates its subject, and nothing is there that could keep approvals",
                      a->name);
    for (uint32_t i = 0; a->need != NULL && i < a->n_fields; i++)
        if (a->field[i].type.base == TYPE_PRIVATE || a->field[i].type.base == TYPE_FILE)
            compile_fault(c, "a hash of what all of them have, or an action of its own",
                          "`%s` is private: the commitments of two members are never equal, so "
                          "nobody could join the approval",
                          a->field[i].name);
    if (timer && (a->n_by > 1 || a->n_checks > 0 || a->n_fields > 0))
        compile_fault(c, "an action of its own; where it must not happen, give `to` a case",
                      "a timer's action has no check, no fields and no other actor");
    if (timer && a->creates)
        compile_fault(c, NULL, "a timer can't create a subject");
}

static void read_action(struct compile *c, struct tree *t, const char *text, json_t *object)
{
    struct tree_action *a = arena_alloc(&c->arena, sizeof *a);

    a->name = text;
    a->number = names_number(c, &c->actions, text);
    c->action = text;
    c->nodes = 0;
    compile_only(c, object,
                 "from to by need fields check keep set add clear on create parent post share");
    read_from(c, a, object);
    read_fields(c, a, object);
    read_by(c, a, object);
    read_need(c, a, object);
    read_checks(c, a, object);
    tree_effects(c, a, object);
    read_to(c, a, object);
    check_actors(c, a);
    c->action = NULL;
    t->action[t->n_actions++] = a;
}

void tree_actions(struct compile *c, struct tree *t)
{
    json_t *actions = compile_member(c, c->root, "actions", JSON_OBJECT, true), *object;
    const char *text;
    size_t outer = compile_go(c, "actions");

    json_object_foreach(actions, text, object)
    {
        size_t mark = compile_go(c, text);
        if (json_is_object(object) && names_find(&c->actions, text) != NULL &&
            t->n_actions < ACTIONS_MAX)
            read_action(c, t, text, object);
        compile_back(c, mark);
    }
    compile_back(c, outer);
}
