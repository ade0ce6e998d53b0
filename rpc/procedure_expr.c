#include "rpc/procedure_compile.h"

#include <stdio.h>
#include <string.h>

static const struct value none = {0};

static struct ledger_expr_node *emit(struct compile *c, struct expr *e, enum ledger_op op)
{
    static struct ledger_expr_node spare; /* written and never read after a fault */

    c->nodes++;
    if (e->n == LEDGER_NODES_MAX || c->nodes == LEDGER_NODES_MAX + 1) {
        compile_fault(c, "split the action, or keep an intermediate value as an attribute",
                      "over %d nodes of expressions in one action", LEDGER_NODES_MAX);
        return &spare;
    }
    e->node[e->n] = (struct ledger_expr_node){.op = op};
    return &e->node[e->n++];
}

static const char *kind_words(struct value v)
{
    static const char *const words[] = {"nothing", "a bool",   "a number",    "a text",
                                        "bytes",   "a member", "a reference", "a line"};

    return v.list ? "a list" : words[v.kind];
}

struct value expr_value_of_type(struct compile *c, const struct type *t)
{
    struct value v = {.list = t->list_max > 0};

    switch (t->base) {
    case TYPE_BOOL:
        v.kind = KIND_BOOL;
        break;
    case TYPE_INT:
    case TYPE_MONEY:
    case TYPE_TIME:
    case TYPE_DATE:
        v.kind = KIND_INT;
        break;
    case TYPE_TEXT:
    case TYPE_CODE:
        v.kind = KIND_TEXT;
        break;
    case TYPE_BYTES:
    case TYPE_HASH:
    case TYPE_KEY:
    case TYPE_PRIVATE:
    case TYPE_FILE:
        v.kind = KIND_BYTES;
        break;
    case TYPE_MEMBER:
        v.kind = KIND_MEMBER;
        break;
    case TYPE_REF:
        v.kind = KIND_REF;
        break;
    case TYPE_LINES:
        v.kind = KIND_LINE;
        v.list = true;
        break;
    }
    if (t->base == TYPE_REF && t->argument[0] == '\0')
        v.kind = KIND_TEXT; /* a plain reference is compared as what it is */
    if (t->argument[0] != '\0' && (t->base == TYPE_REF || t->base == TYPE_LINES))
        v.face = compile_face(c, t->argument);
    return v;
}

bool expr_attribute_number(struct compile *c, const struct face *f, const char *text,
                           uint16_t *number, struct type *type)
{
    static const struct {
        const char *text;
        uint16_t number;
        enum type_base base;
    } builtin[] = {
        {"open", LEDGER_ATTR_OPEN, TYPE_BOOL},
        {"parent", LEDGER_ATTR_PARENT, TYPE_REF},
        {"due_day", LEDGER_ATTR_DUE_DAY, TYPE_DATE},
    };
    const struct name *own = names_find(&f->attributes, text);
    struct type t = {0};

    for (size_t i = 0; i < sizeof builtin / sizeof *builtin; i++) {
        if (strcmp(text, builtin[i].text) != 0)
            continue;
        t.base = builtin[i].base;
        if (t.base == TYPE_REF && f->parent == NULL) {
            compile_fault(c, "name it: \"parent\": \"PROCEDURE\" beside \"states\"",
                          "the subjects of `%s` have no parent", f->name);
            return false;
        }
        if (t.base == TYPE_REF)
            (void)snprintf(t.argument, sizeof t.argument, "%s", f->parent->name);
        *number = builtin[i].number;
        if (type != NULL)
            *type = t;
        return true;
    }
    if (own == NULL) {
        compile_fault_unknown(c, "attribute", text, &f->attributes);
        return false;
    }
    *number = own->number;
    if (type != NULL)
        *type = own->type;
    return true;
}

const struct face *compile_face(struct compile *c, const char *name)
{
    for (uint32_t i = 0; i < c->n_faces; i++)
        if (strcmp(c->faces[i].name, name) == 0)
            return &c->faces[i];
    compile_fault(c, "name its file: \"uses\": {\"PROCEDURE\": \"FILE.json\"}",
                  "there is no procedure `%s` here", name);
    return NULL;
}

static struct value field_parse(struct compile *c, struct expr *out, const char *text)
{
    const struct name *field;

    if (c->action == NULL) {
        compile_fault(c, "an attribute, `$name`",
                      "there are no fields here: `@%s` belongs to an action", text);
        return none;
    }
    field = names_find(&c->here, text);
    if (field == NULL) {
        compile_fault_unknown(c, "field", text, &c->here);
        return none;
    }
    emit(c, out, LEDGER_OP_FIELD)->number = field->number;
    return expr_value_of_type(c, &field->type);
}

struct value expr_parse_name(struct compile *c, struct expr *out, const char *text)
{
    uint16_t number;
    struct type type;

    if (text[0] == '@')
        return field_parse(c, out, text + 1);
    if (strcmp(text, "$self") == 0) {
        (void)emit(c, out, LEDGER_OP_SELF);
        return (struct value){.kind = KIND_REF, .face = c->self};
    }
    if (!expr_attribute_number(c, c->self, text + 1, &number, &type))
        return none;
    emit(c, out, LEDGER_OP_ATTRIBUTE)->number = number;
    return expr_value_of_type(c, &type);
}

static struct value literal_parse(struct compile *c, struct expr *out, json_t *j)
{
    if (json_is_integer(j)) {
        emit(c, out, LEDGER_OP_INT)->value = json_integer_value(j);
        return (struct value){.kind = KIND_INT};
    }
    if (json_is_boolean(j)) {
        emit(c, out, LEDGER_OP_BOOL)->value = json_is_true(j);
        return (struct value){.kind = KIND_BOOL};
    }
    if (json_is_string(j)) {
        const char *text = json_string_value(j);
        if (text[0] == '@' || text[0] == '$')
            return expr_parse_name(c, out, text);
        emit(c, out, LEDGER_OP_TEXT)->text = bytes_of_text(text);
        return (struct value){.kind = KIND_TEXT};
    }
    compile_fault(
        c,
        "a number, true, false, a text, \"@field\", \"$attribute\" or [\"operator\", operand...]",
        "this is %s", compile_json_words(j));
    return none;
}

static struct value operand(struct compile *c, struct expr *out, json_t *list, size_t index)
{
    size_t mark = compile_go_item(c, index);
    struct value v = expr_parse(c, out, json_array_get(list, index));

    compile_back(c, mark);
    return v;
}

static bool operand_as(struct compile *c, struct expr *out, json_t *list, size_t index,
                       enum value_kind kind)
{
    size_t mark = compile_go_item(c, index);
    bool good = expr_parse_as(c, out, json_array_get(list, index), kind);

    compile_back(c, mark);
    return good;
}

/* The text of operand `index`; NULL with a fault. */
static const char *word(struct compile *c, json_t *list, size_t index, const char *what)
{
    const char *text = json_string_value(json_array_get(list, index));

    if (text == NULL) {
        size_t mark = compile_go_item(c, index);
        compile_fault(c, what, "this is %s", compile_json_words(json_array_get(list, index)));
        compile_back(c, mark);
    }
    return text;
}

static bool same_kind(struct value a, struct value b)
{
    return a.kind == b.kind && a.list == b.list && (a.kind != KIND_REF || a.face == b.face);
}

static struct value parse_equal(struct compile *c, struct expr *out, json_t *list)
{
    struct value a = operand(c, out, list, 1), b = operand(c, out, list, 2);

    if (a.kind != KIND_NONE && b.kind != KIND_NONE && !same_kind(a, b))
        compile_fault(c, "two values of one kind", "%s is compared with %s", kind_words(a),
                      kind_words(b));
    return (struct value){.kind = KIND_BOOL};
}

static struct value parse_if(struct compile *c, struct expr *out, json_t *list)
{
    struct value a, b;

    (void)operand_as(c, out, list, 1, KIND_BOOL);
    a = operand(c, out, list, 2);
    b = operand(c, out, list, 3);
    if (a.kind != KIND_NONE && b.kind != KIND_NONE && !same_kind(a, b))
        compile_fault(c, "two values of one kind", "one side is %s, the other %s", kind_words(a),
                      kind_words(b));
    return a;
}

static struct value parse_of(struct compile *c, struct expr *out, json_t *list)
{
    struct ledger_expr_node *node = emit(c, out, LEDGER_OP_OF);
    struct value ref = operand(c, out, list, 1);
    const char *text = word(c, list, 2, "\"$attribute\" of the subject that the reference names");
    struct type type;
    struct value v = none;

    if (ref.kind == KIND_NONE || text == NULL)
        return none;
    if (ref.kind != KIND_REF || ref.list || ref.face == NULL) {
        compile_fault(c, "a value of type ref:PROCEDURE",
                      "the first operand is %s, it names no subject", kind_words(ref));
        return none;
    }
    size_t mark = compile_go_item(c, 2);
    if (text[0] != '$')
        compile_fault(c, "\"$attribute\"", "`%.40s` is no attribute", text);
    else if (expr_attribute_number(c, ref.face, text + 1, &node->number, &type))
        v = expr_value_of_type(c, &type);
    compile_back(c, mark);
    node->procedure = ref.face->number;
    return v;
}

static struct value parse_state(struct compile *c, struct expr *out, json_t *list)
{
    const char *text = word(c, list, 1, "the name of a state");
    bool other = json_array_size(list) == 3;
    struct ledger_expr_node *node = emit(c, out, other ? LEDGER_OP_STATE_OF : LEDGER_OP_STATE);
    const struct face *face = c->self;

    if (other) {
        struct value ref = operand(c, out, list, 2);
        if (ref.kind != KIND_REF || ref.list || ref.face == NULL) {
            if (ref.kind != KIND_NONE)
                compile_fault(c, "a value of type ref:PROCEDURE",
                              "the last operand is %s, it names no subject", kind_words(ref));
            return none;
        }
        face = ref.face;
    }
    size_t mark = compile_go_item(c, 1);
    if (text != NULL)
        node->number = names_number(c, &face->states, text);
    node->procedure = face->number;
    compile_back(c, mark);
    return (struct value){.kind = KIND_BOOL};
}

static struct value parse_clock(struct compile *c, struct expr *out, json_t *list,
                                enum ledger_op op)
{
    const char *text = word(c, list, 1, "the name of a clock");
    struct ledger_expr_node *node = emit(c, out, op);
    size_t mark = compile_go_item(c, 1);

    if (text != NULL)
        node->number = names_number(c, &c->clocks, text);
    compile_back(c, mark);
    return (struct value){.kind = op == LEDGER_OP_END ? KIND_INT : KIND_BOOL};
}

static struct value parse_role(struct compile *c, struct expr *out, json_t *list)
{
    const char *text = word(c, list, 2, "the name of a role");
    struct ledger_expr_node *node = emit(c, out, LEDGER_OP_ROLE);
    size_t mark = compile_go_item(c, 2);

    if (text != NULL && compile_role_is_known(c, text))
        node->text = bytes_of_text(text);
    compile_back(c, mark);
    (void)operand_as(c, out, list, 1, KIND_MEMBER);
    return (struct value){.kind = KIND_BOOL};
}

static struct value parse_lookup(struct compile *c, struct expr *out, json_t *list)
{
    const char *text = word(c, list, 1, "the name of a table");
    struct ledger_expr_node *node = emit(c, out, LEDGER_OP_LOOKUP);
    size_t mark = compile_go_item(c, 1);
    json_t *table;
    size_t columns = 0;
    const char *row;
    json_t *cells;

    if (text != NULL)
        node->number = names_number(c, &c->tables, text);
    if (text != NULL && node->number != 0 && names_find(&c->tables, text)->type.base == TYPE_TIME)
        compile_fault(c, "a table of numbers; spans of time are for clocks",
                      "the table `%s` holds spans of time", text);
    compile_back(c, mark);
    table = text != NULL ? json_object_get(json_object_get(c->root, "tables"), text) : NULL;
    json_object_foreach(table, row, cells) columns = json_array_size(cells);
    (void)operand_as(c, out, list, 2, KIND_TEXT);
    mark = compile_go_item(c, 3);
    node->count = (uint16_t)compile_integer(c, json_array_get(list, 3), 0,
                                            columns > 0 ? (int64_t)columns - 1 : 0, 0);
    compile_back(c, mark);
    return (struct value){.kind = KIND_INT};
}

/* One value of a tuple: the name of a state, or what its attribute can hold. */
static void parse_live_value(struct compile *c, struct expr *out, const struct face *face,
                             const char *part, json_t *values, size_t i)
{
    const char *text = json_string_value(json_array_get(values, i));
    struct type type = {0};
    uint16_t number;

    if (part == NULL)
        return; /* told by compile_index_number */
    if (strcmp(part, "state") == 0) {
        size_t mark = compile_go_item(c, i);
        if (text == NULL)
            compile_fault(c, "the name of a state", "a state is named, not calculated");
        else
            emit(c, out, LEDGER_OP_INT)->value = names_number(c, &face->states, text);
        compile_back(c, mark);
        return;
    }
    if (!expr_attribute_number(c, face, part, &number, &type))
        return;
    struct value want = expr_value_of_type(c, &type), is = operand(c, out, values, i);
    if (is.kind != KIND_NONE && (is.kind != want.kind || is.list || is.face != want.face))
        compile_fault(c, NULL, "`%s` is %s, it never equals %s", part, kind_words(want),
                      kind_words(is));
}

/* ["live", [component...], [value...]] or with a procedure's name as the fourth item. */
static struct value parse_live(struct compile *c, struct expr *out, json_t *list)
{
    json_t *parts = json_array_get(list, 1), *values = json_array_get(list, 2);
    const struct face *face = json_array_size(list) == 4
                                  ? compile_face(c, word(c, list, 3, "the name of a procedure"))
                                  : c->self;
    struct ledger_expr_node *node = emit(c, out, LEDGER_OP_LIVE);

    if (face == NULL || !json_is_array(parts) || !json_is_array(values) ||
        json_array_size(parts) != json_array_size(values)) {
        compile_fault(c, "[\"live\", [\"parent\", \"open\"], [\"$self\", true]]",
                      "`live` takes the components of an index and as many values");
        return none;
    }
    size_t mark = compile_go_item(c, 1);
    node->number = compile_index_number(c, face, parts);
    compile_back(c, mark);
    node->procedure = face->number;
    node->count = (uint16_t)json_array_size(parts);
    mark = compile_go_item(c, 2);
    for (size_t i = 0; i < json_array_size(values); i++)
        parse_live_value(c, out, face, json_string_value(json_array_get(parts, i)), values, i);
    compile_back(c, mark);
    return (struct value){.kind = KIND_INT};
}

static struct value parse_each(struct compile *c, struct expr *out, json_t *list, enum ledger_op op)
{
    struct value outer = c->item, over;
    enum value_kind kind = op == LEDGER_OP_SUM ? KIND_INT : KIND_BOOL;

    (void)emit(c, out, op);
    over = operand(c, out, list, 1);
    if (over.kind != KIND_NONE && !over.list)
        compile_fault(c, "a field or an attribute that is a list", "%s has no items",
                      kind_words(over));
    over.list = false;
    c->item = over;
    (void)operand_as(c, out, list, 2, kind);
    c->item = outer;
    return (struct value){.kind = kind};
}

static struct value parse_item(struct compile *c, struct expr *out, json_t *list)
{
    static const char *const parts[] = {"subject", "amount"};
    size_t n = json_array_size(list);
    const char *part = n == 2 ? json_string_value(json_array_get(list, 1)) : NULL;

    if (c->item.kind == KIND_NONE) {
        compile_fault(c, NULL, "`item` stands inside `all`, `any` or `sum`");
        return none;
    }
    if (c->item.kind == KIND_LINE) {
        struct ledger_expr_node *node = emit(c, out, LEDGER_OP_PART);
        for (uint16_t i = 0; part != NULL && i < 2; i++)
            if (strcmp(part, parts[i]) == 0) {
                node->number = i;
                (void)emit(c, out, LEDGER_OP_ITEM);
                return i == 0 ? (struct value){.kind = KIND_REF, .face = c->item.face}
                              : (struct value){.kind = KIND_INT};
            }
        compile_fault(c, "[\"item\", \"subject\"] or [\"item\", \"amount\"]",
                      "a line has two parts");
        return none;
    }
    (void)emit(c, out, LEDGER_OP_ITEM);
    return c->item;
}

static struct value parse_has(struct compile *c, struct expr *out, json_t *list)
{
    const char *text = word(c, list, 1, "\"@field\" or \"$attribute\"");

    (void)emit(c, out, LEDGER_OP_HAS);
    if (text != NULL && text[0] != '@' && text[0] != '$')
        compile_fault(c, "\"@field\" or \"$attribute\"", "`%.40s` is a text, it is always there",
                      text);
    else if (text != NULL)
        (void)operand(c, out, list, 1);
    return (struct value){.kind = KIND_BOOL};
}

static struct value parse_many(struct compile *c, struct expr *out, json_t *list, enum ledger_op op,
                               enum value_kind in, enum value_kind of)
{
    emit(c, out, op)->count = (uint16_t)(json_array_size(list) - 1);
    for (size_t i = 1; i < json_array_size(list); i++)
        (void)operand_as(c, out, list, i, in);
    return (struct value){.kind = of};
}

/* Operators with operands of fixed kinds; the rest have functions above. */
static const struct operator
{
    const char *text;
    enum ledger_op op;
    unsigned min, max; /* operands */
    enum value_kind in, out;
}
operators[] = {
    {"and", LEDGER_OP_AND, 2, 16, KIND_BOOL, KIND_BOOL},
    {"or", LEDGER_OP_OR, 2, 16, KIND_BOOL, KIND_BOOL},
    {"not", LEDGER_OP_NOT, 1, 1, KIND_BOOL, KIND_BOOL},
    {"<", LEDGER_OP_LT, 2, 2, KIND_INT, KIND_BOOL},
    {"<=", LEDGER_OP_LE, 2, 2, KIND_INT, KIND_BOOL},
    {">", LEDGER_OP_GT, 2, 2, KIND_INT, KIND_BOOL},
    {">=", LEDGER_OP_GE, 2, 2, KIND_INT, KIND_BOOL},
    {"+", LEDGER_OP_ADD, 2, 2, KIND_INT, KIND_INT},
    {"-", LEDGER_OP_SUB, 2, 2, KIND_INT, KIND_INT},
    {"*", LEDGER_OP_MUL, 2, 2, KIND_INT, KIND_INT},
    {"/", LEDGER_OP_DIV, 2, 2, KIND_INT, KIND_INT},
    {"min", LEDGER_OP_MIN, 2, 2, KIND_INT, KIND_INT},
    {"max", LEDGER_OP_MAX, 2, 2, KIND_INT, KIND_INT},
    {"cosigned", LEDGER_OP_COSIGNED, 1, 1, KIND_BYTES, KIND_BOOL},
    {"now", LEDGER_OP_NOW, 0, 0, KIND_NONE, KIND_INT},
    {"actor", LEDGER_OP_ACTOR, 0, 0, KIND_NONE, KIND_MEMBER},
    {"=", LEDGER_OP_EQ, 2, 2, KIND_NONE, KIND_BOOL},
    {"!=", LEDGER_OP_NE, 2, 2, KIND_NONE, KIND_BOOL},
    {"if", LEDGER_OP_IF, 3, 3, KIND_NONE, KIND_NONE},
    {"of", LEDGER_OP_OF, 2, 2, KIND_NONE, KIND_NONE},
    {"has", LEDGER_OP_HAS, 1, 1, KIND_NONE, KIND_BOOL},
    {"state", LEDGER_OP_STATE, 1, 2, KIND_NONE, KIND_BOOL},
    {"passed", LEDGER_OP_PASSED, 1, 1, KIND_NONE, KIND_BOOL},
    {"running", LEDGER_OP_RUNNING, 1, 1, KIND_NONE, KIND_BOOL},
    {"started", LEDGER_OP_STARTED, 1, 1, KIND_NONE, KIND_BOOL},
    {"end", LEDGER_OP_END, 1, 1, KIND_NONE, KIND_INT},
    {"role", LEDGER_OP_ROLE, 2, 2, KIND_NONE, KIND_BOOL},
    {"lookup", LEDGER_OP_LOOKUP, 3, 3, KIND_NONE, KIND_INT},
    {"live", LEDGER_OP_LIVE, 2, 3, KIND_NONE, KIND_INT},
    {"len", LEDGER_OP_LEN, 1, 1, KIND_NONE, KIND_INT},
    {"all", LEDGER_OP_ALL, 2, 2, KIND_NONE, KIND_BOOL},
    {"any", LEDGER_OP_ANY, 2, 2, KIND_NONE, KIND_BOOL},
    {"sum", LEDGER_OP_SUM, 2, 2, KIND_NONE, KIND_INT},
    {"item", LEDGER_OP_ITEM, 0, 1, KIND_NONE, KIND_NONE},
    {"seal", LEDGER_OP_SEAL, 2, 2, KIND_NONE, KIND_BYTES},
};

static const char all_operators[] =
    "one of: and or not = != < <= > >= + - * / min max if has of state now actor passed running "
    "started end cosigned role lookup live len all any sum item seal span";

static struct value parse_special(struct compile *c, struct expr *out, json_t *list,
                                  enum ledger_op op)
{
    switch (op) {
    case LEDGER_OP_EQ:
    case LEDGER_OP_NE:
        (void)emit(c, out, op);
        return parse_equal(c, out, list);
    case LEDGER_OP_IF:
        (void)emit(c, out, op);
        return parse_if(c, out, list);
    case LEDGER_OP_OF:
        return parse_of(c, out, list);
    case LEDGER_OP_HAS:
        return parse_has(c, out, list);
    case LEDGER_OP_STATE:
        return parse_state(c, out, list);
    case LEDGER_OP_PASSED:
    case LEDGER_OP_RUNNING:
    case LEDGER_OP_STARTED:
    case LEDGER_OP_END:
        return parse_clock(c, out, list, op);
    case LEDGER_OP_ROLE:
        return parse_role(c, out, list);
    case LEDGER_OP_LOOKUP:
        return parse_lookup(c, out, list);
    case LEDGER_OP_LIVE:
        return parse_live(c, out, list);
    case LEDGER_OP_ALL:
    case LEDGER_OP_ANY:
    case LEDGER_OP_SUM:
        return parse_each(c, out, list, op);
    case LEDGER_OP_ITEM:
        return parse_item(c, out, list);
    case LEDGER_OP_LEN: {
        (void)emit(c, out, op);
        struct value v = operand(c, out, list, 1);
        if (v.kind != KIND_NONE && !v.list)
            compile_fault(c, "a field or an attribute that is a list", "%s has no length",
                          kind_words(v));
        return (struct value){.kind = KIND_INT};
    }
    default: /* seal, now, actor: operands of any kind */
        (void)emit(c, out, op);
        for (size_t i = 1; i < json_array_size(list); i++)
            (void)operand(c, out, list, i);
        return none;
    }
}

/* ["span", "15d"]: milliseconds of calendar time. */
static struct value parse_span(struct compile *c, struct expr *out, json_t *list)
{
    struct span span;
    size_t mark = compile_go_item(c, 1);

    if (span_parse(c, &span, json_array_get(list, 1)) && span.unit != SPAN_MS)
        compile_fault(c, "calendar time, such as 15d; working time belongs to clocks",
                      "working time has no fixed length");
    compile_back(c, mark);
    emit(c, out, LEDGER_OP_INT)->value = (int64_t)span.count * 1000;
    return (struct value){.kind = KIND_INT};
}

struct value expr_parse(struct compile *c, struct expr *out, json_t *j)
{
    const char *text = json_string_value(json_array_get(j, 0));
    size_t count = json_array_size(j);

    if (!json_is_array(j))
        return literal_parse(c, out, j);
    if (text != NULL && strcmp(text, "span") == 0 && count == 2)
        return parse_span(c, out, j);
    for (size_t i = 0; text != NULL && i < sizeof operators / sizeof *operators; i++) {
        const struct operator* o = & operators[i];
        if (strcmp(text, o->text) != 0)
            continue;
        if (count - 1 < o->min || count - 1 > o->max) {
            compile_fault(c, NULL, "`%s` takes %u to %u operands, here are %zu", text, o->min,
                          o->max, count - 1);
            return none;
        }
        if (o->in != KIND_NONE)
            return parse_many(c, out, j, o->op, o->in, o->out);
        struct value v = parse_special(c, out, j, o->op);
        return o->out == KIND_NONE ? v : (struct value){.kind = o->out};
    }
    compile_fault(c, all_operators, "`%.40s` is no operator",
                  text != NULL ? text : compile_json_words(json_array_get(j, 0)));
    return none;
}

bool expr_parse_as(struct compile *c, struct expr *out, json_t *j, enum value_kind kind)
{
    struct value v = expr_parse(c, out, j);

    if (v.kind == kind && !v.list)
        return true;
    if (v.kind != KIND_NONE)
        compile_fault(c, kind_words((struct value){.kind = kind}), "this is %s", kind_words(v));
    return false;
}

struct expr *expr_new(struct compile *c)
{
    return arena_alloc(&c->arena, sizeof(struct expr));
}

const struct expr *expr_at(struct compile *c, json_t *j, enum value_kind kind)
{
    struct expr *e = expr_new(c);

    return expr_parse_as(c, e, j, kind) ? e : NULL;
}
