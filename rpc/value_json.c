#include <stdio.h>
#include <string.h>

#include "rpc/record_json.h"

/* From the ledger. */

static json_t *date_json(uint64_t days)
{
    char text[JSON_TIME_SIZE];

    json_time_text(text, days * 86400000);
    return json_stringn(text, 10);
}

static json_t *ref_json(struct mp_reader *m)
{
    json_t *out = json_object();

    mp_array(m, 2);
    json_object_set_new(out, "procedure", json_integer((json_int_t)mp_uint(m, UINT16_MAX)));
    struct bytes id = mp_bin(m, LEDGER_SUBJECT_SIZE);
    json_object_set_new(out, "subject", json_of_hex(id.data, id.size));
    return out;
}

static json_t *untyped_json(struct mp_reader *m)
{
    struct mp_value v = mp_next(m);
    json_t *list;

    switch (v.type) {
    case MP_UINT: return json_of_u64(v.u);
    case MP_INT: return json_of_i64(v.i);
    case MP_BOOL: return json_boolean(v.b);
    case MP_STR: return json_of_text(v.bytes);
    case MP_BIN: return json_of_hex(v.bytes.data, v.bytes.size);
    case MP_ARRAY:
        list = json_array();
        for (uint32_t i = 0; i < v.count; i++)
            json_array_append_new(list, untyped_json(m)); /* depth was bounded when it was decoded */
        return list;
    case MP_NONE: break;
    }
    return json_null();
}

static json_t *line_json(struct mp_reader *m)
{
    mp_array(m, 2);
    json_t *out = ref_json(m);
    json_object_set_new(out, "amount", json_of_i64(mp_int(m)));
    return out;
}

static json_t *one_json(struct mp_reader *m, const struct ledger_type *t)
{
    switch (t->base) {
    case LEDGER_TYPE_TIME: return json_of_time(mp_uint(m, UINT64_MAX));
    case LEDGER_TYPE_DATE: return date_json(mp_uint(m, UINT32_MAX));
    case LEDGER_TYPE_MEMBER: return json_integer((json_int_t)mp_uint(m, UINT32_MAX));
    case LEDGER_TYPE_REF: return t->procedure != 0 ? ref_json(m) : untyped_json(m);
    case LEDGER_TYPE_LINES: return line_json(m);
    case LEDGER_TYPE_BOOL:
    case LEDGER_TYPE_INT:
    case LEDGER_TYPE_MONEY:
    case LEDGER_TYPE_TEXT:
    case LEDGER_TYPE_BYTES:
    case LEDGER_TYPE_HASH:
    case LEDGER_TYPE_KEY:
    case LEDGER_TYPE_CODE:
    case LEDGER_TYPE_PRIVATE:
    case LEDGER_TYPE_FILE: break;
    }
    return untyped_json(m);
}

json_t *value_json(struct bytes value, const struct ledger_type *type)
{
    struct mp_reader m = mp_reader_over(value);
    json_t *list;

    if (type == NULL)
        return untyped_json(&m);
    if (type->list_max == 0)
        return one_json(&m, type);
    list = json_array();
    for (uint32_t i = mp_array(&m, LEDGER_ITEMS_MAX); i > 0; i--)
        json_array_append_new(list, one_json(&m, type));
    return list;
}

/* Attributes. */

static json_t *clocks_json(struct bytes value, const struct ledger_procedure *p)
{
    static const char *const STATUS[] = {"", "running", "paused", "stopped"};
    struct mp_reader m = mp_reader_over(value);
    json_t *out = json_object();

    for (uint32_t i = mp_array(&m, LEDGER_CLOCKS_MAX); i > 0; i--) {
        json_t *one = json_object();
        mp_array(&m, 6);
        const struct ledger_clock *c = ledger_procedure_clock(p, (uint16_t)mp_uint(&m, UINT16_MAX));
        uint64_t status = mp_uint(&m, 3), end = mp_uint(&m, UINT64_MAX), at = mp_uint(&m, UINT64_MAX);
        json_object_set_new(one, "status", json_string(STATUS[status]));
        json_object_set_new(one, "end", json_of_time(end));
        if (status != 1)
            json_object_set_new(one, status == 2 ? "paused_at" : "stopped_at", json_of_time(at));
        json_object_set_new(one, "paused_ms", json_of_u64(mp_uint(&m, UINT64_MAX)));
        mp_uint(&m, UINT64_MAX);
        json_object_set_new(out, c != NULL ? c->name : "?", one);
    }
    return out;
}

static json_t *approvals_json(struct bytes value, const struct ledger_procedure *p)
{
    struct mp_reader m = mp_reader_over(value);
    json_t *out = json_object();

    for (uint32_t i = mp_array(&m, LEDGER_ACTORS_MAX); i > 0; i--) {
        json_t *one = json_object(), *members = json_array();
        mp_array(&m, 4);
        const struct ledger_action *a = ledger_procedure_action(p, (uint16_t)mp_uint(&m, UINT16_MAX));
        mp_bin(&m, CRYPTO_HASH_SIZE);
        json_object_set_new(one, "expires", json_of_time(mp_uint(&m, UINT64_MAX)));
        for (uint32_t k = mp_array(&m, LEDGER_ACTORS_MAX); k > 0; k--)
            json_array_append_new(members, json_integer((json_int_t)mp_uint(&m, UINT32_MAX)));
        json_object_set_new(one, "members", members);
        json_object_set_new(out, a != NULL ? a->name : "?", one);
    }
    return out;
}

/* The built-in attributes that people see under a name. */
static const char *reserved_name(uint16_t number)
{
    switch (number) {
    case LEDGER_ATTR_OPEN: return "open";
    case LEDGER_ATTR_PARENT: return "parent";
    case LEDGER_ATTR_DUE_DAY: return "due_day";
    case LEDGER_ATTR_CLOCKS: return "clocks";
    case LEDGER_ATTR_APPROVALS: return "approvals";
    case LEDGER_ATTR_PROCEDURE_VERSION: return "procedure_version";
    default: return NULL;
    }
}

static json_t *reserved_json(uint16_t number, struct bytes value, const struct ledger_procedure *p)
{
    static const struct ledger_type day = {.base = LEDGER_TYPE_DATE}, parent = {.base = LEDGER_TYPE_REF, .procedure = 1};

    switch (number) {
    case LEDGER_ATTR_PARENT: return value_json(value, &parent);
    case LEDGER_ATTR_DUE_DAY: return value_json(value, &day);
    case LEDGER_ATTR_CLOCKS: return clocks_json(value, p);
    case LEDGER_ATTR_APPROVALS: return approvals_json(value, p);
    default: return value_json(value, NULL);
    }
}

static void set_attribute(json_t *out, uint16_t number, struct bytes value, const struct ledger_procedure *p)
{
    const struct ledger_attribute_decl *decl = p != NULL ? ledger_procedure_attribute(p, number) : NULL;
    const char *reserved = p != NULL ? reserved_name(number) : NULL;
    char name[16];

    snprintf(name, sizeof(name), "%u", number);
    json_object_set_new(out, decl != NULL ? decl->name : reserved != NULL ? reserved : name,
                        value.size == 0    ? json_null()
                        : reserved != NULL ? reserved_json(number, value, p)
                                           : value_json(value, decl != NULL ? &decl->type : NULL));
}

static json_t *list_json(const struct ledger_attributes *list, const struct ledger_procedure *p)
{
    json_t *out = json_object();

    for (uint32_t i = 0; i < list->count; i++)
        set_attribute(out, list->items[i].number, list->items[i].value, p);
    return out;
}

json_t *attributes_json(struct bytes attributes, const struct ledger_procedure *p)
{
    struct arena arena = {0};
    struct ledger_attributes list = {0};
    json_t *out = ledger_attributes_decode(&list, attributes, &arena) == ANJU_OK ? list_json(&list, p) : json_null();

    arena_free(&arena);
    return out;
}

json_t *changed_json(struct bytes changed, const struct ledger_procedure *p)
{
    struct arena arena = {0};
    struct ledger_attributes list = {0};
    json_t *out = ledger_changed_decode(&list, changed, &arena) == ANJU_OK ? list_json(&list, p) : json_null();

    arena_free(&arena);
    return out;
}

const struct ledger_procedure *procedure_of_subject(uint16_t procedure, struct bytes attributes, const struct ledger_registry *r)
{
    struct arena arena = {0};
    struct ledger_attributes list = {0};
    uint16_t version = 0;

    if (ledger_attributes_decode(&list, attributes, &arena) == ANJU_OK) {
        const struct bytes *value = ledger_attribute(&list, LEDGER_ATTR_PROCEDURE_VERSION);
        struct mp_reader m = mp_reader_over(value != NULL ? *value : bytes_of(NULL, 0));
        version = value != NULL ? (uint16_t)mp_uint(&m, UINT16_MAX) : 0;
    }
    arena_free(&arena);
    return ledger_registry_procedure(r, procedure, version);
}

json_t *subject_json(const struct ledger_subject *s, const struct ledger_registry *registry)
{
    const struct ledger_procedure *p = procedure_of_subject(s->procedure, s->attributes, registry);
    const struct ledger_state *state = p != NULL ? ledger_procedure_state(p, s->state) : NULL;
    json_t *out = json_object();

    json_object_set_new(out, "procedure", p != NULL ? json_string(p->name) : json_integer(s->procedure));
    json_object_set_new(out, "subject", json_of_hex(s->id.b, sizeof(s->id.b)));
    json_object_set_new(out, "version", json_of_u64(s->version));
    json_object_set_new(out, "state", state != NULL ? json_string(state->name) : json_integer(s->state));
    json_object_set_new(out, "attributes", attributes_json(s->attributes, p));
    json_object_set_new(out, "state_digest", json_of_hash(&s->digest));
    json_object_set_new(out, "last_seq", json_of_u64(s->last_seq));
    return out;
}

const struct ledger_procedure *procedure_by_name(const struct ledger_registry *r, const char *name)
{
    uint64_t number;
    const struct ledger_procedure *p = ledger_registry_procedure_named(r, name);

    if (p == NULL && json_u64_parse(&number, name) == ANJU_OK && number > 0 && number <= UINT16_MAX)
        p = ledger_registry_procedure(r, (uint16_t)number, 0);
    return p;
}
