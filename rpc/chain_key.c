#include "rpc/chain_key.h"

#include <stdio.h>
#include <string.h>

#include "rpc/record_json.h"

const char *const CHAIN_KEY_NAMES[] = {"procedure", "subject", "member", "list", "values", NULL};

/* ---- reading ---- */

static const char *part_name(const struct ledger_procedure *p, uint16_t attribute)
{
    const struct ledger_attribute_decl *decl =
        p != NULL ? ledger_procedure_attribute(p, attribute) : NULL;

    return decl != NULL                       ? decl->name
           : attribute == 0                   ? "state"
           : attribute == LEDGER_ATTR_OPEN    ? "open"
           : attribute == LEDGER_ATTR_PARENT  ? "parent"
           : attribute == LEDGER_ATTR_DUE_DAY ? "due_day"
                                              : "";
}

static bool same_parts(const struct ledger_procedure *p, const struct ledger_index *index,
                       const struct json_in *names, size_t count)
{
    if (index->n_parts != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct json_in at = json_item(names, i);

        if (strcmp(part_name(p, index->part[i].attribute), json_read_text(&at, 64)) != 0)
            return false;
    }
    return true;
}

static void put_text_or_hex(struct writer *w, const struct json_in *at, enum ledger_part_type type)
{
    const char *text = json_read_text(at, LEDGER_TEXT_SIZE_MAX);
    uint8_t data[LEDGER_TEXT_SIZE_MAX / 2];
    size_t size = strlen(text) / 2;

    if (type == LEDGER_PART_STR) {
        writer_u16(w, (uint16_t)strlen(text));
        writer_put(w, text, strlen(text));
    } else if (hex_decode(data, size, text) == ANJU_OK) {
        writer_u16(w, (uint16_t)size);
        writer_put(w, data, size);
    } else
        json_wrong(at, "must be hexadecimal");
}

static uint64_t state_number(const struct json_in *at, const struct ledger_procedure *p)
{
    const char *text = json_read_text(at, 64);

    for (uint8_t i = 0; i < p->n_states; i++)
        if (strcmp(p->state[i].name, text) == 0)
            return p->state[i].number;
    json_wrong(at, "%s has no such state", p->name);
    return 0;
}

static uint64_t read_number(const struct json_in *at)
{
    uint64_t ms = 0;

    if (json_is_integer(at->value))
        return (uint64_t)json_integer_value(at->value);
    if (json_is_string(at->value) && json_time_parse(&ms, json_string_value(at->value)) == ANJU_OK)
        return ms;
    const char *text = json_is_string(at->value) ? json_string_value(at->value) : "";
    if (text[0] == '-' && json_u64_parse(&ms, text + 1) == ANJU_OK)
        return (uint64_t)(-(int64_t)ms);
    return json_read_u64(at);
}

/* One component of a chain key from its JSON value; null is an absent one. */
static void put_component(struct writer *w, const struct ledger_procedure *p,
                          const struct ledger_index_part *part, const struct json_in *at)
{
    char day[JSON_TIME_SIZE];
    uint64_t v;

    if (at->value == NULL || json_is_null(at->value)) {
        writer_u8(w, LEDGER_PART_ABSENT);
        writer_u16(w, 0);
        return;
    }
    writer_u8(w, (uint8_t)part->type);
    switch (part->type) {
    case LEDGER_PART_UINT:
    case LEDGER_PART_INT:
        v = part->attribute == 0 ? state_number(at, p) : read_number(at);
        writer_u16(w, 8);
        writer_u64(w, v);
        break;
    case LEDGER_PART_BOOL:
        writer_u16(w, 1);
        writer_u8(w, json_read_bool(at));
        break;
    case LEDGER_PART_DAY:
        snprintf(day, sizeof(day), "%.10sT00:00:00.000Z", json_read_text(at, 10));
        if (json_time_parse(&v, day) != ANJU_OK)
            json_wrong(at, "must be a date such as \"2026-01-02\"");
        writer_u16(w, 4);
        writer_u32(w, (uint32_t)(v / 86400000));
        break;
    case LEDGER_PART_STR:
    case LEDGER_PART_BIN:
        put_text_or_hex(w, at, part->type);
        break;
    case LEDGER_PART_ABSENT:
        writer_u16(w, 0);
        break;
    }
}

/* Lists come before what only counts. */
static const struct ledger_index *find_index(const struct ledger_procedure *p,
                                             const struct json_in *names, size_t count, bool counts)
{
    for (int kind = LEDGER_INDEX_LIST; kind <= (counts ? LEDGER_INDEX_UNIQUE : LEDGER_INDEX_LIST);
         kind++)
        for (uint8_t i = 0; i < p->n_indexes; i++)
            if ((int)p->index[i].kind == kind && same_parts(p, &p->index[i], names, count))
                return &p->index[i];
    return NULL;
}

/* {"procedure", "list": ["provider"], "values": ["3"]}. */
static void read_list(struct writer *w, const struct json_in *in,
                      const struct ledger_registry *registry, bool counts)
{
    struct json_in procedure = json_member(in, "procedure"), names = json_member(in, "list"),
                   values = json_member(in, "values");
    const struct ledger_procedure *p = procedure_by_name(registry, json_read_text(&procedure, 64));
    const size_t count = json_count(&names, LEDGER_INDEX_PARTS_MAX);
    const struct ledger_index *index;

    if (p == NULL) {
        json_wrong(&procedure, "there is no such procedure; procedure.list shows all");
        return;
    }
    if (json_count(&values, LEDGER_INDEX_PARTS_MAX) != count)
        json_wrong(&values, "must have one value for each name in list");
    index = find_index(p, &names, count, counts);
    if (index == NULL) {
        json_wrong(&names, "is no %s of this procedure; procedure.get shows them",
                   counts ? "list or count" : "list index");
        return;
    }
    writer_u8(w, 2);
    writer_u16(w, p->number);
    writer_u16(w, index->number);
    writer_u8(w, index->n_parts);
    for (size_t k = 0; k < count; k++) {
        struct json_in at = json_item(&values, k);

        put_component(w, p, &index->part[k], &at);
    }
}

static void read_member(struct writer *w, const struct json_in *in)
{
    struct json_in member = json_member(in, "member");

    writer_u8(w, 2);
    writer_u16(w, 0);
    writer_u16(w, 0);
    writer_u8(w, 1);
    writer_u8(w, LEDGER_PART_UINT);
    writer_u16(w, 8);
    writer_u64(w, (uint64_t)json_read_int(&member, 1, UINT32_MAX));
}

/* Procedure "0" are the built-in subjects. */
static void read_subject(struct writer *w, const struct json_in *in,
                         const struct ledger_registry *registry)
{
    struct json_in procedure = json_member(in, "procedure"), subject = json_member(in, "subject");
    const char *name = json_read_text(&procedure, 64);
    const struct ledger_procedure *p = procedure_by_name(registry, name);
    struct ledger_subject_id id;

    if (p == NULL && strcmp(name, "0") != 0)
        json_wrong(&procedure, "there is no such procedure; procedure.list shows all");
    json_read_hex(&subject, id.b, sizeof id.b);
    writer_u8(w, 1);
    writer_u16(w, p != NULL ? p->number : 0);
    writer_put(w, id.b, sizeof id.b);
}

void chain_key_read(struct writer *out, const struct json_in *at,
                    const struct ledger_registry *registry, bool counts)
{
    const json_t *list = json_object_get(at->value, "list"),
                 *member = json_object_get(at->value, "member"),
                 *subject = json_object_get(at->value, "subject");

    if ((list != NULL) + (member != NULL) + (subject != NULL) != 1)
        json_wrong(at, "give one of subject (with procedure), member, and list (with procedure and "
                       "values)");
    else if (list != NULL)
        read_list(out, at, registry, counts);
    else if (member != NULL)
        read_member(out, at);
    else
        read_subject(out, at, registry);
}

/* ---- writing ---- */

static json_t *part_json(const struct ledger_procedure *p, const struct ledger_chain_part *part,
                         uint16_t attribute)
{
    char day[JSON_TIME_SIZE];
    uint64_t v = part->value.size == 8 ? get_u64(part->value.data) : 0;

    switch (part->type) {
    case LEDGER_PART_ABSENT:
        return json_null();
    case LEDGER_PART_UINT:
        for (uint8_t i = 0; p != NULL && attribute == 0 && i < p->n_states; i++)
            if (p->state[i].number == v)
                return json_string(p->state[i].name);
        return json_of_u64(v);
    case LEDGER_PART_INT:
        return json_of_i64((int64_t)v);
    case LEDGER_PART_BOOL:
        return json_boolean(part->value.data[0]);
    case LEDGER_PART_STR:
        return json_of_text(part->value);
    case LEDGER_PART_BIN:
        return json_of_hex(part->value.data, part->value.size);
    case LEDGER_PART_DAY:
        json_time_text(day, (uint64_t)get_u32(part->value.data) * 86400000);
        return json_stringn(day, 10);
    }
    return json_null();
}

static json_t *procedure_json(const struct ledger_procedure *p, uint16_t number)
{
    char text[8];

    (void)snprintf(text, sizeof text, "%u", number);
    return json_string(p != NULL ? p->name : text);
}

static json_t *index_json(json_t *out, const struct ledger_chain_name *name,
                          const struct ledger_declared *d, const struct ledger_procedure *p)
{
    json_t *names = json_array(), *values = json_array();

    for (unsigned i = 0; i < name->n_parts; i++) {
        uint16_t attribute = d != NULL ? d->index.part[i].attribute : UINT16_MAX;

        json_array_append_new(names, json_string(part_name(p, attribute)));
        json_array_append_new(values, part_json(p, &name->part[i], attribute));
    }
    json_object_set_new(out, "list", names);
    json_object_set_new(out, "values", values);
    return out;
}

json_t *chain_key_json(const struct ledger_chain_name *name, const struct ledger_declared *declared,
                       const struct ledger_registry *registry)
{
    const struct ledger_procedure *p = ledger_registry_procedure(registry, name->procedure, 0);
    json_t *out = json_object();

    if (name->kind == LEDGER_CHAIN_ACTOR) {
        json_object_set_new(out, "member", json_integer(name->member));
        return out;
    }
    json_object_set_new(out, "procedure", procedure_json(p, name->procedure));
    if (name->kind == LEDGER_CHAIN_INDEX)
        return index_json(out, name, declared, p);
    json_object_set_new(out, "subject", json_of_hex(name->subject.b, LEDGER_SUBJECT_SIZE));
    return out;
}
