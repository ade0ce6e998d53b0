#include <stdio.h>
#include <string.h>

#include "crypto/crypto.h"
#include "rpc/procedure_tree.h"

bool compile_role_is_known(struct compile *c, const char *role)
{
    struct names known = {.kind = "role"};
    json_t *more = json_object_get(c->root, "roles"), *item;
    size_t i, n_roles;
    const char *const *roles = ledger_roles(&n_roles);

    for (i = 0; i < n_roles; i++)
        names_share(c, &known, roles[i]);
    json_array_foreach(more, i, item) if (json_is_string(item))
        names_share(c, &known, json_string_value(item));
    if (names_find(&known, role) != NULL)
        return true;
    compile_fault_unknown(c, "role", role, &known);
    return false;
}

/* "count provider state": the name under which an index keeps its number. */
static bool index_words(char *out, size_t room, const char *kind, json_t *parts)
{
    size_t at = (size_t)snprintf(out, room, "%s", kind), i;
    json_t *part;

    json_array_foreach(parts, i, part) if (json_is_string(part) && at < room) at +=
        (size_t)snprintf(out + at, room - at, " %s", json_string_value(part));
    return at < room;
}

uint16_t compile_index_number(struct compile *c, const struct face *f, json_t *parts)
{
    static const char *const kinds[] = {"count", "list", "unique"};
    char words[120];

    for (size_t i = 0; i < 3; i++)
        if (index_words(words, sizeof words, kinds[i], parts) &&
            names_find(&f->indexes, words) != NULL)
            return names_find(&f->indexes, words)->number;
    compile_fault_unknown(c, "index", words, &f->indexes);
    return 0;
}

static void init_face(struct face *f)
{
    f->states = (struct names){.kind = "state", .section = "states", .first = 1};
    f->attributes = (struct names){
        .kind = "attribute", .section = "attributes", .first = LEDGER_ATTR_FIRST_OWN};
    f->indexes = (struct names){.kind = "index", .section = "indexes", .first = 1};
}

/* Reads a file beside this one. NULL with a fault. */
static json_t *load_json(struct compile *c, const char *name)
{
    struct bytes text = {0};
    json_error_t error;
    json_t *j = NULL;

    if (c->source->load == NULL || c->source->load(c->source->user, &text, name) != ANJU_OK) {
        compile_fault(c, "a file in the same folder", "%s can't be read", name);
        return NULL;
    }
    j = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(j)) {
        compile_fault(c, NULL, "%s:%d: %s", name, j == NULL ? error.line : 1,
                      j == NULL ? error.text : "not an object");
        json_decref(j);
        j = NULL;
    }
    writer_free(&(struct writer){.data = (uint8_t *)(uintptr_t)text.data});
    return j;
}

static void borrow_indexes(struct compile *c, struct face *f, const char *section, const char *kind)
{
    json_t *parts;
    size_t i;
    char words[120];

    json_array_foreach(json_object_get(f->root, section), i,
                       parts) if (index_words(words, sizeof words, kind, parts))(void)
        names_share(c, &f->indexes, words);
}

/* The names of another procedure. One that has no number in its file yet gets the one that building
 * that file will give it, so that procedures may use each other from the start. */
static void load_face(struct compile *c, struct face *f)
{
    const char *text;
    json_t *item;
    size_t i;

    names_load(c, &f->states, f->root);
    names_load(c, &f->attributes, f->root);
    names_load(c, &f->indexes, f->root);
    json_array_foreach(json_object_get(f->root, "states"), i, item) if (json_is_string(item))(void)
        names_share(c, &f->states, json_string_value(item));
    json_object_foreach(json_object_get(f->root, "attributes"), text, item)
    {
        struct type type = {0};
        if (json_is_string(item) && type_parse(c, &type, json_string_value(item)))
            names_share(c, &f->attributes, text)->type = type;
    }
    borrow_indexes(c, f, "lists", "list");
    borrow_indexes(c, f, "counts", "count");
    borrow_indexes(c, f, "unique", "unique");
}

static void declare_faces(struct compile *c)
{
    json_t *uses = compile_member(c, c->root, "uses", JSON_OBJECT, false), *file;
    const char *name;
    size_t outer = compile_go(c, "uses");

    json_object_foreach(uses, name, file)
    {
        size_t mark = compile_go(c, name);
        json_t *root = NULL;
        if (c->n_faces == FACES_MAX)
            compile_fault(c, NULL, "at most %d procedures can be used", FACES_MAX - 1);
        else if (!json_is_string(file))
            compile_fault(c, "the name of its file", "this is %s", compile_json_words(file));
        else
            root = load_json(c, json_string_value(file));
        if (root != NULL) {
            struct face *f = &c->faces[c->n_faces++];
            init_face(f);
            f->name = name;
            f->root = root;
            f->number = (uint16_t)json_integer_value(json_object_get(root, "number"));
            const char *own = json_string_value(json_object_get(root, "name"));
            if (own == NULL || strcmp(own, name) != 0)
                compile_fault(c, NULL, "%s is not the procedure `%s`", json_string_value(file),
                              name);
        }
        compile_back(c, mark);
    }
    for (uint32_t i = 1; i < c->n_faces; i++) {
        size_t mark = compile_go(c, c->faces[i].name);
        load_face(c, &c->faces[i]);
        compile_back(c, mark);
    }
    compile_back(c, outer);
}

static void declare_parents(struct compile *c)
{
    for (uint32_t i = 0; i < c->n_faces; i++) {
        struct face *f = &c->faces[i];
        const char *parent = json_string_value(json_object_get(f->root, "parent"));
        for (uint32_t k = 0; parent != NULL && k < c->n_faces; k++)
            if (strcmp(c->faces[k].name, parent) == 0)
                f->parent = &c->faces[k];
    }
    json_t *parent = compile_member(c, c->root, "parent", JSON_STRING, false);
    size_t mark = compile_go(c, "parent");
    if (parent != NULL && c->self->parent == NULL)
        (void)compile_face(c, json_string_value(parent));
    compile_back(c, mark);
}

static void declare_states(struct compile *c, struct tree *t)
{
    json_t *states = compile_member(c, c->root, "states", JSON_ARRAY, true), *item;
    json_t *ended = compile_member(c, c->root, "ended", JSON_ARRAY, false);
    size_t outer = compile_go(c, "states"), i;

    if (json_array_size(states) > STATES_MAX)
        compile_fault(c, NULL, "%zu states; at most %d", json_array_size(states), STATES_MAX);
    json_array_foreach(states, i, item)
    {
        size_t mark = compile_go_item(c, i);
        if (!json_is_string(item))
            compile_fault(c, "the name of a state", "this is %s", compile_json_words(item));
        else if (compile_name_is_good(c, json_string_value(item)) && i < STATES_MAX)
            (void)names_declare(c, &c->self->states, json_string_value(item));
        compile_back(c, mark);
    }
    compile_back(c, outer);
    outer = compile_go(c, "ended");
    json_array_foreach(ended, i, item)
    {
        size_t mark = compile_go_item(c, i);
        if (!json_is_string(item))
            compile_fault(c, "the name of a state", "this is %s", compile_json_words(item));
        else if (t->n_ended < STATES_MAX)
            t->ended[t->n_ended++] = names_number(c, &c->self->states, json_string_value(item));
        compile_back(c, mark);
    }
    compile_back(c, outer);
}

/* What types name must be known: procedures. Code lists are data of the ledger, checked there. */
static void check_type(struct compile *c, const struct type *t)
{
    if ((t->base == TYPE_REF || t->base == TYPE_LINES) && t->argument[0] != '\0')
        (void)compile_face(c, t->argument);
    if (t->base == TYPE_LINES && t->list_max == 0)
        compile_fault(c, "lines:account[32]", "lines are a list; say how many at most");
}

static void declare_attributes(struct compile *c)
{
    json_t *attributes = compile_member(c, c->root, "attributes", JSON_OBJECT, false), *item;
    const char *text;
    size_t outer = compile_go(c, "attributes");

    if (json_object_size(attributes) > ATTRIBUTES_MAX)
        compile_fault(c, NULL, "%zu attributes; at most %d", json_object_size(attributes),
                      ATTRIBUTES_MAX);
    json_object_foreach(attributes, text, item)
    {
        size_t mark = compile_go(c, text);
        struct type type = {0};
        if (!json_is_string(item)) {
            compile_fault(c, "a type, such as \"text:40\"", "this is %s", compile_json_words(item));
        } else if (compile_name_is_good(c, text) && type_parse(c, &type, json_string_value(item))) {
            if (type.required || type.base == TYPE_LINES)
                compile_fault(c, "a type without `!`",
                              "an attribute can always be absent, and is never lines");
            check_type(c, &type);
            names_declare(c, &c->self->attributes, text)->type = type;
        }
        compile_back(c, mark);
    }
    compile_back(c, outer);
}

static void declare_row(struct compile *c, struct tree_table *table, struct tree_row *row,
                        json_t *cells)
{
    json_t *cell;
    size_t i;

    if (!json_is_array(cells) || json_array_size(cells) != table->n_columns ||
        table->n_columns > COLUMNS_MAX) {
        compile_fault(c, "as many items in each row, 1 to 8", "this row is %s",
                      compile_json_words(cells));
        return;
    }
    json_array_foreach(cells, i, cell)
    {
        size_t mark = compile_go_item(c, i);
        if (table->spans)
            (void)span_parse(c, &row->span[i], cell);
        else
            row->value[i] = compile_integer(c, cell, INT64_MIN, INT64_MAX, 0);
        if (table->spans && row->span[i].unit != SPAN_MS)
            c->working_time = true;
        compile_back(c, mark);
    }
}

static void declare_table(struct compile *c, struct tree *t, const char *text, json_t *rows)
{
    struct tree_table *table = &t->table[t->n_tables];
    struct name *name;
    const char *key;
    json_t *cells = json_object_iter_value(json_object_iter(rows));

    if (!json_is_object(rows) || json_object_size(rows) == 0 || json_object_size(rows) > ROWS_MAX) {
        compile_fault(c, "an object with 1 to 64 rows: {\"CODE\": [item...]}", "this is %s",
                      compile_json_words(rows));
        return;
    }
    if (t->n_tables == TABLES_MAX) {
        compile_fault(c, NULL, "at most %d tables", TABLES_MAX);
        return;
    }
    name = names_declare(c, &c->tables, text);
    table->name = text;
    table->number = name->number;
    table->spans = json_is_string(json_array_get(cells, 0));
    name->type.base = table->spans ? TYPE_TIME : TYPE_INT;
    table->n_columns = (uint32_t)json_array_size(cells);
    table->row = arena_alloc(&c->arena, json_object_size(rows) * sizeof *table->row);
    json_object_foreach(rows, key, cells)
    {
        size_t mark = compile_go(c, key);
        table->row[table->n_rows].key = key;
        declare_row(c, table, &table->row[table->n_rows++], cells);
        compile_back(c, mark);
    }
    t->n_tables++;
}

static void declare_tables(struct compile *c, struct tree *t)
{
    json_t *tables = compile_member(c, c->root, "tables", JSON_OBJECT, false), *rows;
    const char *text;
    size_t outer = compile_go(c, "tables");

    json_object_foreach(tables, text, rows)
    {
        size_t mark = compile_go(c, text);
        if (compile_name_is_good(c, text))
            declare_table(c, t, text, rows);
        compile_back(c, mark);
    }
    compile_back(c, outer);
}

/* Names that expressions may use before the things themselves are read. */
static void declare_members(struct compile *c, const char *section, struct names *names, size_t max)
{
    json_t *object = compile_member(c, c->root, section, JSON_OBJECT, false), *item;
    const char *text;
    size_t outer = compile_go(c, section);

    if (json_object_size(object) > max)
        compile_fault(c, NULL, "%zu %s; at most %zu", json_object_size(object), section, max);
    json_object_foreach(object, text, item)
    {
        size_t mark = compile_go(c, text);
        if (!json_is_object(item))
            compile_fault(c, "an object", "this is %s", compile_json_words(item));
        else if (compile_name_is_good(c, text))
            (void)names_declare(c, names, text);
        compile_back(c, mark);
    }
    compile_back(c, outer);
}

static void declare_index(struct compile *c, struct tree *t, enum ledger_index_kind kind,
                          const char *words, json_t *parts)
{
    struct tree_index *index = &t->index[t->n_indexes];
    char name[120];
    json_t *part;
    size_t i, n = json_array_size(parts);

    if (n < 1 || n > LEDGER_INDEX_PARTS_MAX || !index_words(name, sizeof name, words, parts)) {
        compile_fault(c, "1 to 3 names of attributes, or \"state\"", "this is %s",
                      compile_json_words(parts));
        return;
    }
    if (t->n_indexes == LEDGER_INDEXES_MAX)
        return;
    *index = (struct tree_index){.kind = kind, .n_parts = (uint8_t)n};
    json_array_foreach(parts, i, part)
    {
        size_t mark = compile_go_item(c, i);
        const char *text = json_string_value(part);
        if (text == NULL)
            compile_fault(c, "the name of an attribute, or \"state\"", "this is %s",
                          compile_json_words(part));
        else if (strcmp(text, "state") != 0 &&
                 expr_attribute_number(c, c->self, text, &index->attribute[i], &index->type[i]) &&
                 index->type[i].list_max > 0)
            compile_fault(c, "an attribute with one value", "a list can't be part of an index");
        compile_back(c, mark);
    }
    index->number = names_declare(c, &c->self->indexes, name)->number;
    t->n_indexes++;
}

static void declare_indexes(struct compile *c, struct tree *t)
{
    static const struct {
        const char *section, *words;
        enum ledger_index_kind kind;
    } kinds[] = {
        {"lists", "list", LEDGER_INDEX_LIST},
        {"counts", "count", LEDGER_INDEX_COUNT},
        {"unique", "unique", LEDGER_INDEX_UNIQUE},
    };
    size_t counted = 0, i;
    json_t *parts;

    for (size_t k = 0; k < 3; k++) {
        json_t *list = compile_member(c, c->root, kinds[k].section, JSON_ARRAY, false);
        size_t outer = compile_go(c, kinds[k].section);
        if (k == 0 && json_array_size(list) > 6)
            compile_fault(c, NULL, "%zu lists; at most 6", json_array_size(list));
        if (k > 0)
            counted += json_array_size(list);
        json_array_foreach(list, i, parts)
        {
            size_t mark = compile_go_item(c, i);
            declare_index(c, t, kinds[k].kind, kinds[k].words, parts);
            compile_back(c, mark);
        }
        compile_back(c, outer);
    }
    size_t mark = compile_go(c, "counts");
    if (counted > LEDGER_INDEXES_MAX - 6)
        compile_fault(c, NULL, "%zu counts and uniques; at most %d", counted,
                      LEDGER_INDEXES_MAX - 6);
    compile_back(c, mark);
}

/* The entry for a procedure; NULL with a fault where it is unknown or there are too many. */
static struct tree_offer *offer_to(struct compile *c, struct tree *t, const char *name)
{
    const struct face *face = compile_face(c, name);

    for (uint32_t i = 0; face != NULL && i < t->n_offers; i++)
        if (t->offer[i].face == face)
            return &t->offer[i];
    if (face != NULL && t->n_offers == OFFERS_MAX)
        compile_fault(c, NULL, "offers to more than %d procedures", OFFERS_MAX);
    if (face == NULL || t->n_offers == OFFERS_MAX)
        return NULL;
    t->offer[t->n_offers].face = face;
    return &t->offer[t->n_offers++];
}

/* "created_by": {"PROCEDURE": "STATE"} */
static void declare_created_by(struct compile *c, struct tree *t)
{
    json_t *object = compile_member(c, c->root, "created_by", JSON_OBJECT, false), *state;
    const char *text;
    size_t outer = compile_go(c, "created_by");

    json_object_foreach(object, text, state)
    {
        size_t mark = compile_go(c, text);
        struct tree_offer *offer = offer_to(c, t, text);
        if (!json_is_string(state))
            compile_fault(c, "the state in which it begins", "this is %s",
                          compile_json_words(state));
        else if (offer != NULL)
            offer->state = names_number(c, &c->self->states, json_string_value(state));
        compile_back(c, mark);
    }
    compile_back(c, outer);
}

static void declare_offers(struct compile *c, struct tree *t)
{
    json_t *offers = compile_member(c, c->root, "offers", JSON_OBJECT, false), *list, *item;
    const char *text;
    size_t outer = compile_go(c, "offers"), i;

    json_object_foreach(offers, text, list)
    {
        size_t mark = compile_go(c, text);
        struct tree_offer *offer = offer_to(c, t, text);
        if (!json_is_array(list))
            compile_fault(c, "a list of attributes that it may change", "this is %s",
                          compile_json_words(list));
        else if (offer != NULL) {
            json_array_foreach(list, i, item)
            {
                size_t inner = compile_go_item(c, i);
                if (!json_is_string(item))
                    compile_fault(c, "the name of an attribute", "this is %s",
                                  compile_json_words(item));
                else if (offer->n < ATTRIBUTES_MAX)
                    offer->attribute[offer->n++] =
                        names_number(c, &c->self->attributes, json_string_value(item));
                compile_back(c, inner);
            }
        }
        compile_back(c, mark);
    }
    compile_back(c, outer);
}

/* "A..B" of an account's kind, through the one parser of ranges. */
static bool bounds_of(struct compile *c, struct tree_kind *kind, const char *text)
{
    char type_text[80];
    struct type type;

    (void)snprintf(type_text, sizeof type_text, "money:%.60s", text);
    if (!type_parse(c, &type, type_text))
        return false;
    kind->min = type.min;
    kind->max = type.max;
    return true;
}

static void declare_post(struct compile *c, struct tree *t)
{
    json_t *post = compile_member(c, c->root, "post", JSON_OBJECT, false), *name, *kinds, *item;
    const char *code;
    size_t outer = compile_go(c, "post"), mark;

    if (post != NULL) {
        compile_only(c, post, "balance kind kinds");
        name = compile_member(c, post, "balance", JSON_STRING, true);
        if (name != NULL)
            t->balance = names_number(c, &c->self->attributes, json_string_value(name));
        name = compile_member(c, post, "kind", JSON_STRING, true);
        if (name != NULL)
            t->kind = names_number(c, &c->self->attributes, json_string_value(name));
        kinds = compile_member(c, post, "kinds", JSON_OBJECT, true);
        mark = compile_go(c, "kinds");
        if (json_object_size(kinds) > ROWS_MAX)
            compile_fault(c, NULL, "%zu kinds of accounts; at most %d", json_object_size(kinds),
                          ROWS_MAX);
        json_object_foreach(kinds, code, item)
        {
            size_t inner = compile_go(c, code);
            struct tree_kind kind = {.code = code};
            if (!json_is_string(item))
                compile_fault(c, "bounds of the balance, \"0..\" or \"..0\" or \"..\"",
                              "this is %s", compile_json_words(item));
            else if (bounds_of(c, &kind, json_string_value(item)) && t->n_kinds < ROWS_MAX)
                t->kinds[t->n_kinds++] = kind;
            compile_back(c, inner);
        }
        compile_back(c, mark);
    }
    compile_back(c, outer);
}

static void declare_labels(struct compile *c, struct tree *t)
{
    json_t *labels = compile_member(c, c->root, "labels", JSON_STRING, false);
    struct bytes text = {0};
    struct crypto_hash hash;
    size_t mark = compile_go(c, "labels");

    if (labels != NULL)
        c->labels = load_json(c, json_string_value(labels));
    if (c->labels != NULL &&
        c->source->load(c->source->user, &text, json_string_value(labels)) == ANJU_OK) {
        crypto_sha256(&hash, text);
        memcpy(t->labels, hash.b, sizeof t->labels);
        t->has_labels = true;
        writer_free(&(struct writer){.data = (uint8_t *)(uintptr_t)text.data});
    }
    compile_back(c, mark);
}

static uint16_t number_member(struct compile *c, const char *name, bool required)
{
    json_t *j = compile_member(c, c->root, name, JSON_INTEGER, required);
    size_t mark = compile_go(c, name);
    uint16_t number = j != NULL ? (uint16_t)compile_integer(c, j, 1, 65000, 1) : 0;

    compile_back(c, mark);
    return number;
}

static void declare_head(struct compile *c, struct tree *t)
{
    json_t *name = compile_member(c, c->root, "name", JSON_STRING, true);
    size_t mark = compile_go(c, "name");

    c->self->name = name != NULL && compile_name_is_good(c, json_string_value(name))
                        ? json_string_value(name)
                        : "";
    compile_back(c, mark);
    c->self->number = number_member(c, "number", true);
    t->version = number_member(c, "version", true);
    t->calendar = number_member(c, "calendar", false);
}

void tree_declare(struct compile *c, struct tree *t)
{
    c->self = &c->faces[0];
    c->n_faces = 1;
    init_face(c->self);
    c->self->root = c->root;
    c->fields = (struct names){.kind = "field", .section = "fields", .first = 1};
    c->actions = (struct names){.kind = "action", .section = "actions", .first = 1};
    c->clocks = (struct names){.kind = "clock", .section = "clocks", .first = 1};
    c->tables = (struct names){.kind = "table", .section = "tables", .first = 1};
    c->clauses = (struct names){
        .kind = "clause", .section = "clauses", .first = LEDGER_REFUSED_CLAUSES_FROM};
    compile_only(c, c->root,
                 "name number version about labels calendar roles uses parent states ended "
                 "attributes offers created_by post "
                 "tables clocks actions lists counts unique numbers");
    declare_head(c, t);
    struct names *all[] = {&c->self->states, &c->self->attributes, &c->self->indexes, &c->fields,
                           &c->actions,      &c->clocks,           &c->tables,        &c->clauses};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        names_load(c, all[i], c->root);
    declare_faces(c);
    declare_parents(c);
    declare_states(c, t);
    declare_attributes(c);
    declare_members(c, "clocks", &c->clocks, CLOCKS_MAX);
    declare_members(c, "actions", &c->actions, ACTIONS_MAX);
    declare_tables(c, t);
    declare_indexes(c, t);
    declare_offers(c, t);
    declare_created_by(c, t);
    declare_post(c, t);
    declare_labels(c, t);
}
