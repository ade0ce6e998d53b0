/* What an action changes: its subject, others that references name, new ones, books. */
#include <string.h>

#include "rpc/procedure_tree.h"

static struct tree_change *new_change(struct compile *c, struct tree_changes *changes,
                                      const struct face *face, enum change_kind kind,
                                      const char *text, struct type *type)
{
    uint16_t number = names_number(c, &face->attributes, text);

    if (number == 0 || changes->n == ATTRIBUTES_MAX)
        return NULL;
    *type = names_find(&face->attributes, text)->type;
    for (uint32_t i = 0; i < changes->n; i++)
        if (changes->item[i].attribute == number)
            compile_fault(c, "one of keep, set, add and clear",
                          "the attribute `%s` is changed twice", text);
    struct tree_change *change = &changes->item[changes->n++];
    *change = (struct tree_change){.kind = kind, .attribute = number};
    return change;
}

static bool fits(struct compile *c, struct value v, const struct type *type, enum change_kind kind)
{
    struct value want = expr_value_of_type(c, type);

    if (v.kind == KIND_NONE)
        return true; /* said already */
    if (kind == CHANGE_ADD && want.list)
        want.list = false; /* one more item */
    else if (kind == CHANGE_ADD && want.kind != KIND_INT)
        return false;
    return v.kind == want.kind && v.list == want.list && v.face == want.face;
}

static void read_change_object(struct compile *c, struct tree_changes *out, const struct face *face,
                               json_t *object, const char *section, enum change_kind kind)
{
    json_t *changes = compile_member(c, object, section, JSON_OBJECT, false), *item;
    const char *text;
    size_t outer = compile_go(c, section);

    json_object_foreach(changes, text, item)
    {
        size_t mark = compile_go(c, text);
        struct type type = {0};
        struct tree_change *change = new_change(c, out, face, kind, text, &type);
        struct expr *e = expr_new(c);
        if (change != NULL) {
            change->value = e;
            struct value v = expr_parse(c, e, item);
            if (!fits(c, v, &type, kind))
                compile_fault(c,
                              kind == CHANGE_ADD ? "a number for a number, one more item for a list"
                                                 : "a value of the attribute's type",
                              "the attribute `%s` can't take this", text);
        }
        compile_back(c, mark);
    }
    compile_back(c, outer);
}

static void read_clear(struct compile *c, struct tree_changes *out, const struct face *face,
                       json_t *object)
{
    json_t *clear = compile_member(c, object, "clear", JSON_ARRAY, false), *item;
    size_t outer = compile_go(c, "clear"), i;
    struct type type;

    json_array_foreach(clear, i, item)
    {
        size_t mark = compile_go_item(c, i);
        if (!json_is_string(item))
            compile_fault(c, "the name of an attribute", "this is %s", compile_json_words(item));
        else
            (void)new_change(c, out, face, CHANGE_CLEAR, json_string_value(item), &type);
        compile_back(c, mark);
    }
    compile_back(c, outer);
}

/* A kept field becomes the attribute of its name and type. */
static void read_keep(struct compile *c, struct tree_action *a, json_t *object)
{
    json_t *keep = compile_member(c, object, "keep", JSON_ARRAY, false), *item;
    size_t outer = compile_go(c, "keep"), i;

    json_array_foreach(keep, i, item)
    {
        size_t mark = compile_go_item(c, i);
        const char *text = json_string_value(item);
        const struct name *field = text != NULL ? names_find(&c->here, text) : NULL;
        struct type type = {0};
        if (text == NULL)
            compile_fault(c, "the name of a field", "this is %s", compile_json_words(item));
        else if (field == NULL)
            compile_fault_unknown(c, "field", text, &c->here);
        else {
            struct tree_change *change =
                new_change(c, &a->changes, c->self, CHANGE_SET, text, &type);
            struct expr *e = expr_new(c);
            if (change != NULL) {
                e->n = 1;
                e->node[0] =
                    (struct ledger_expr_node){.op = LEDGER_OP_FIELD, .number = field->number};
                change->value = e;
                if (type.base != field->type.base ||
                    (type.list_max > 0) != (field->type.list_max > 0) ||
                    strcmp(type.argument, field->type.argument) != 0)
                    compile_fault(c, "a field and an attribute of one type",
                                  "the field `%s` is not of the attribute's type", text);
            }
        }
        compile_back(c, mark);
    }
    compile_back(c, outer);
}

static void read_changes(struct compile *c, struct tree_changes *out, const struct face *face,
                         json_t *object)
{
    read_change_object(c, out, face, object, "set", CHANGE_SET);
    read_change_object(c, out, face, object, "add", CHANGE_ADD);
    read_clear(c, out, face, object);
}

static bool reference_at(struct compile *c, const struct expr **out, const struct face **face,
                         json_t *j)
{
    struct expr *e = expr_new(c);
    struct value v = expr_parse(c, e, j);

    *out = e;
    *face = v.face;
    if (v.kind == KIND_REF && !v.list && v.face != NULL)
        return true;
    if (v.kind != KIND_NONE)
        compile_fault(c, "a field or an attribute of type ref:PROCEDURE", "this names no subject");
    return false;
}

static void read_touches(struct compile *c, struct tree_action *a, json_t *object)
{
    json_t *on = compile_member(c, object, "on", JSON_ARRAY, false), *item;
    size_t outer = compile_go(c, "on"), i;

    if (json_array_size(on) > TOUCHES_MAX)
        compile_fault(c, NULL, "at most %d other subjects are named in an action", TOUCHES_MAX);
    json_array_foreach(on, i, item)
    {
        size_t mark = compile_go_item(c, i), inner;
        if (json_is_object(item) && a->n_touches < TOUCHES_MAX) {
            struct tree_touch *touch = a->touch[a->n_touches++] =
                arena_alloc(&c->arena, sizeof *touch);
            compile_only(c, item, "subject set add clear");
            inner = compile_go(c, "subject");
            bool good =
                reference_at(c, &touch->subject, &touch->face, json_object_get(item, "subject"));
            compile_back(c, inner);
            if (good)
                read_changes(c, &touch->changes, touch->face, item);
        } else {
            compile_fault(c, "{\"subject\": \"@reference\", \"set\"|\"add\"|\"clear\": ...}",
                          "this is %s", compile_json_words(item));
        }
        compile_back(c, mark);
    }
    compile_back(c, outer);
}

/* "create": subjects of other procedures, or more of its own, that begin with this action. */
static void read_creations(struct compile *c, struct tree_action *a, json_t *object)
{
    json_t *list = compile_member(c, object, "create", JSON_ARRAY, false), *item, *name;
    size_t outer = compile_go(c, "create"), i;

    json_array_foreach(list, i, item)
    {
        size_t mark = compile_go_item(c, i), inner;
        if (!json_is_object(item) || a->n_touches == TOUCHES_MAX) {
            compile_fault(
                c,
                "{\"procedure\": ..., \"subject\": \"@id\", \"state\": ..., \"set\": {...}}, 8 "
                "with `on` at most",
                "this is %s", compile_json_words(item));
            compile_back(c, mark);
            continue;
        }
        struct tree_touch *touch = a->touch[a->n_touches++] = arena_alloc(&c->arena, sizeof *touch);
        compile_only(c, item, "procedure subject state set");
        name = compile_member(c, item, "procedure", JSON_STRING, true);
        inner = compile_go(c, "procedure");
        touch->face = name != NULL ? compile_face(c, json_string_value(name)) : NULL;
        compile_back(c, inner);
        inner = compile_go(c, "subject");
        touch->subject = expr_at(c, json_object_get(item, "subject"), KIND_BYTES);
        compile_back(c, inner);
        name = compile_member(c, item, "state", JSON_STRING, true);
        inner = compile_go(c, "state");
        if (name != NULL && touch->face != NULL)
            touch->state = names_number(c, &touch->face->states, json_string_value(name));
        compile_back(c, inner);
        if (touch->face != NULL)
            read_change_object(c, &touch->changes, touch->face, item, "set", CHANGE_SET);
        compile_back(c, mark);
    }
    compile_back(c, outer);
}

static void read_parent(struct compile *c, struct tree_action *a, json_t *object)
{
    json_t *parent = json_object_get(object, "parent");
    const struct face *face = NULL;
    size_t mark = compile_go(c, "parent");

    if (parent != NULL && reference_at(c, &a->parent, &face, parent)) {
        if (!a->creates)
            compile_fault(c, NULL,
                          "a parent is named when the subject is created, by an action from []");
        if (c->self->parent == NULL)
            compile_fault(c, "\"parent\": \"PROCEDURE\" beside \"states\"",
                          "the procedure does not say whose children its subjects are");
        else if (face != c->self->parent)
            compile_fault(c, NULL, "parents are of `%s`, this is of `%s`", c->self->parent->name,
                          face->name);
    }
    compile_back(c, mark);
}

static const struct expr *lines_at(struct compile *c, const struct face **face, json_t *object)
{
    struct expr *e = expr_new(c);
    size_t mark = compile_go(c, "lines");
    struct value v = expr_parse(c, e, json_object_get(object, "lines"));

    if (v.kind != KIND_LINE && v.kind != KIND_NONE)
        compile_fault(c, "a field of type lines:PROCEDURE[N]", "these are no lines");
    *face = v.face;
    compile_back(c, mark);
    return v.kind == KIND_LINE ? e : NULL;
}

static uint16_t attribute_at(struct compile *c, const struct face *face, json_t *object,
                             const char *member)
{
    json_t *name = compile_member(c, object, member, JSON_STRING, true);
    size_t mark = compile_go(c, member);
    uint16_t number = name != NULL && face != NULL
                          ? names_number(c, &face->attributes, json_string_value(name))
                          : 0;

    if (number != 0 &&
        names_find(&face->attributes, json_string_value(name))->type.base > TYPE_MONEY)
        compile_fault(c, "an attribute of type int or money", "`%s` is not a number",
                      json_string_value(name));
    compile_back(c, mark);
    return number;
}

static void read_post_and_share(struct compile *c, struct tree_action *a, json_t *object)
{
    json_t *post = compile_member(c, object, "post", JSON_OBJECT, false);
    json_t *share = compile_member(c, object, "share", JSON_OBJECT, false);
    size_t mark = compile_go(c, "post"), inner;

    if (post != NULL) {
        compile_only(c, post, "lines");
        a->post.lines = lines_at(c, &a->post.face, post);
    }
    compile_back(c, mark);
    mark = compile_go(c, "share");
    if (share != NULL) {
        compile_only(c, share, "lines total weight add");
        a->share.lines = lines_at(c, &a->share.face, share);
        inner = compile_go(c, "total");
        a->share.total = expr_at(c, json_object_get(share, "total"), KIND_INT);
        compile_back(c, inner);
        a->share.weight = attribute_at(c, a->share.face, share, "weight");
        a->share.add = attribute_at(c, a->share.face, share, "add");
    }
    compile_back(c, mark);
}

void tree_effects(struct compile *c, struct tree_action *a, json_t *object)
{
    read_keep(c, a, object);
    read_changes(c, &a->changes, c->self, object);
    read_parent(c, a, object);
    read_touches(c, a, object);
    read_creations(c, a, object);
    read_post_and_share(c, a, object);
}
