#include "rpc/record_json.h"

#include <stdlib.h>
#include <string.h>

/* From the ledger. */

json_t *record_json(const struct ledger_record *r, const struct ledger_registry *registry)
{
    const struct ledger_procedure *p = ledger_registry_procedure(registry, r->procedure, r->procedure_version);
    const struct ledger_action *a = p != NULL ? ledger_procedure_action(p, r->action) : NULL;
    json_t *out = json_object(), *fields = json_object(), *cosignatures = json_array();

    json_object_set_new(out, "procedure", p != NULL ? json_string(p->name) : json_integer(r->procedure));
    json_object_set_new(out, "procedure_version", json_integer(r->procedure_version));
    json_object_set_new(out, "action", a != NULL ? json_string(a->name) : json_integer(r->action));
    json_object_set_new(out, "subject", json_of_hex(r->subject.b, sizeof(r->subject.b)));
    json_object_set_new(out, "expected_version", json_of_u64(r->expected_version));
    for (uint32_t i = 0; i < r->n_fields; i++) {
        const struct ledger_field *f = a != NULL ? ledger_action_field(a, r->fields[i].number) : NULL;
        json_t *number = json_integer(r->fields[i].number);
        char *text = f == NULL ? json_dumps(number, JSON_ENCODE_ANY) : NULL;
        json_object_set_new(fields, f != NULL ? f->name : text, value_json(r->fields[i].value, f != NULL ? &f->type : NULL));
        free(text);
        json_decref(number);
    }
    json_object_set_new(out, "fields", fields);
    for (uint32_t i = 0; i < r->n_cosignatures; i++) {
        json_t *one = json_object();
        json_object_set_new(one, "key", json_of_hex(r->cosignature[i].key.b, CRYPTO_KEY_SIZE));
        json_object_set_new(one, "signature", json_of_hex(r->cosignature[i].sig.b, CRYPTO_SIG_SIZE));
        json_array_append_new(cosignatures, one);
    }
    json_object_set_new(out, "cosignatures", cosignatures);
    return out;
}

/* To the ledger. */

struct build {
    const struct record_maker *m;
    uint16_t index; /* of the record */
    json_t *openings; /* of its fields; NULL until the first */
    uint8_t record_salt[32];
};

/* A private value or the hash of a file: its commitment goes into the record, the opening beside it. */
static void put_private(struct writer *w, struct build *b, const struct json_in *at, const struct ledger_field *f, uint16_t item)
{
    const struct record_maker *m = b->m;
    struct crypto_hash salt, commitment;
    uint8_t hash[32];
    struct bytes value;

    if (f->type.base == LEDGER_TYPE_FILE) {
        json_read_hex(at, hash, sizeof(hash));
        value = bytes_of(hash, sizeof(hash));
    } else
        value = bytes_of_text(json_read_text(at, LEDGER_RECORD_SIZE_DEFAULT));
    if (b->openings == NULL) {
        b->openings = json_object();
        crypto_random(b->record_salt, sizeof(b->record_salt));
    }
    ledger_field_salt(&salt, b->record_salt, f->number, item);
    ledger_commitment(&commitment, &m->registry->ledger_id, m->member, m->key, m->nonce, b->index, f->number, item, &salt, value);
    mp_put_bin(w, crypto_hash_bytes(&commitment));
    json_t *list = json_object_get(b->openings, f->name), *one = json_object();
    if (list == NULL) {
        list = json_array();
        json_object_set_new(b->openings, f->name, list);
    }
    json_object_set_new(one, "field", json_integer(f->number));
    json_object_set_new(one, "item", json_integer(item));
    json_object_set_new(one, "salt", json_of_hash(&salt));
    json_object_set_new(one, "value", f->type.base == LEDGER_TYPE_FILE ? json_of_hex(hash, sizeof(hash)) : json_of_text(value));
    json_array_append_new(list, one);
}

static int64_t read_int(const struct json_in *at)
{
    const char *text = json_string_value(at->value);
    uint64_t v = 0;
    bool negative = text != NULL && text[0] == '-';

    if (json_is_integer(at->value))
        return json_integer_value(at->value);
    if (text == NULL || json_u64_parse(&v, text + negative) != ANJU_OK || v > (uint64_t)INT64_MAX)
        json_wrong(at, "must be an integer, or a string of decimal digits");
    return negative ? -(int64_t)v : (int64_t)v;
}

static uint64_t read_date(const struct json_in *at)
{
    char text[JSON_TIME_SIZE] = "";
    uint64_t ms = 0;

    if (json_is_string(at->value) && json_string_length(at->value) == 10) {
        memcpy(text, json_string_value(at->value), 10);
        strcpy(text + 10, "T00:00:00.000Z");
    }
    if (json_time_parse(&ms, text) != ANJU_OK)
        json_wrong(at, "must be a date such as \"2026-01-02\"");
    return ms / 86400000;
}

static void put_ref(struct writer *w, const struct json_in *at, uint16_t procedure)
{
    uint8_t id[LEDGER_SUBJECT_SIZE];
    /* Also the form in which answers show it. */
    struct json_in subject = json_is_object(at->value) ? json_member(at, "subject") : *at;

    json_read_hex(&subject, id, sizeof(id));
    mp_put_array(w, 2);
    mp_put_uint(w, procedure);
    mp_put_bin(w, bytes_of(id, sizeof(id)));
}

static void put_hex(struct writer *w, const struct json_in *at, size_t size)
{
    uint8_t data[LEDGER_TEXT_SIZE_MAX];

    json_read_hex(at, data, size);
    mp_put_bin(w, bytes_of(data, size));
}

static void put_one(struct writer *w, struct build *b, const struct json_in *at, const struct ledger_field *f, uint16_t item)
{
    const struct ledger_type *t = &f->type;

    switch (t->base) {
    case LEDGER_TYPE_BOOL: mp_put_bool(w, json_read_bool(at)); break;
    case LEDGER_TYPE_INT:
    case LEDGER_TYPE_MONEY: mp_put_int(w, read_int(at)); break;
    case LEDGER_TYPE_TIME: mp_put_uint(w, json_read_time(at)); break;
    case LEDGER_TYPE_DATE: mp_put_uint(w, read_date(at)); break;
    case LEDGER_TYPE_TEXT:
    case LEDGER_TYPE_CODE: mp_put_str(w, bytes_of_text(json_read_text(at, LEDGER_TEXT_SIZE_MAX))); break;
    case LEDGER_TYPE_BYTES: put_hex(w, at, (size_t)t->max); break;
    case LEDGER_TYPE_HASH: put_hex(w, at, CRYPTO_HASH_SIZE); break;
    case LEDGER_TYPE_KEY: put_hex(w, at, CRYPTO_KEY_SIZE); break;
    case LEDGER_TYPE_MEMBER: mp_put_uint(w, (uint64_t)json_read_int(at, 1, UINT32_MAX)); break;
    case LEDGER_TYPE_REF:
        if (t->procedure == 0)
            mp_put_str(w, bytes_of_text(json_read_text(at, LEDGER_TEXT_SIZE_MAX)));
        else
            put_ref(w, at, t->procedure);
        break;
    case LEDGER_TYPE_PRIVATE:
    case LEDGER_TYPE_FILE: put_private(w, b, at, f, item); break;
    case LEDGER_TYPE_LINES: {
        struct json_in subject = json_member(at, "subject"), amount = json_member(at, "amount");
        mp_put_array(w, 2);
        put_ref(w, &subject, t->procedure);
        mp_put_int(w, read_int(&amount));
        break;
    }
    }
}

static struct bytes build_value(struct build *b, const struct json_in *at, const struct ledger_field *f)
{
    struct writer w = {0};

    if (f->type.list_max > 0) {
        size_t count = json_count(at, f->type.list_max);
        mp_put_array(&w, (uint32_t)count);
        for (size_t i = 0; i < count; i++) {
            struct json_in item = json_item(at, i);
            put_one(&w, b, &item, f, (uint16_t)i);
        }
    } else
        put_one(&w, b, at, f, 0);
    struct bytes out = arena_copy(b->m->arena, writer_view(&w));
    writer_free(&w);
    return out;
}

static const struct ledger_action *action_by_name(const struct ledger_procedure *p, const char *name)
{
    for (uint32_t i = 0; i < p->n_actions; i++)
        if (strcmp(p->action[i].name, name) == 0)
            return &p->action[i];
    return NULL;
}

/* Every name in the JSON must be a field of the action. */
static void check_names(const struct json_in *fields, const struct ledger_action *a)
{
    const char *names[LEDGER_FIELDS_MAX + 1] = {NULL};

    for (uint8_t i = 0; i < a->n_fields; i++)
        names[i] = a->field[i].name;
    json_only(fields, names);
}

static void build_fields(struct ledger_record *out, struct build *b, const struct json_in *at, const struct ledger_action *a)
{
    struct json_in fields = json_optional(at, "fields");

    out->fields = arena_alloc(b->m->arena, (a->n_fields + 1u) * sizeof(*out->fields));
    if (fields.value == NULL)
        return;
    check_names(&fields, a);
    for (uint8_t i = 0; i < a->n_fields && !at->fault->found; i++) { /* ascending by number */
        struct json_in value = json_optional(&fields, a->field[i].name);
        if (value.value != NULL && !json_is_null(value.value))
            out->fields[out->n_fields++] = (struct ledger_value){.number = a->field[i].number, .value = build_value(b, &value, &a->field[i])};
    }
}

static int by_key(const void *a, const void *b)
{
    return memcmp(((const struct ledger_cosignature *)a)->key.b, ((const struct ledger_cosignature *)b)->key.b, CRYPTO_KEY_SIZE);
}

static void build_cosignatures(struct ledger_record *out, const struct json_in *at)
{
    struct json_in list = json_optional(at, "cosignatures");

    for (size_t i = 0; list.value != NULL && i < json_count(&list, LEDGER_COSIGNATURES_MAX); i++) {
        struct json_in one = json_item(&list, i), key = json_member(&one, "key"), sig = json_member(&one, "signature");
        json_read_hex(&key, out->cosignature[i].key.b, CRYPTO_KEY_SIZE);
        json_read_hex(&sig, out->cosignature[i].sig.b, CRYPTO_SIG_SIZE);
        out->n_cosignatures++;
    }
    qsort(out->cosignature, out->n_cosignatures, sizeof(out->cosignature[0]), by_key);
}

/* Subject and expected version, as the JSON says them or as they follow. */
static enum anju_err build_subject(struct ledger_record *out, const struct record_maker *m, const struct json_in *at, bool creates)
{
    struct json_in subject = json_optional(at, "subject"), version = json_optional(at, "expected_version");
    enum anju_err err = ANJU_OK;

    if (subject.value != NULL)
        json_read_hex(&subject, out->subject.b, sizeof(out->subject.b));
    else if (creates) {
        put_u16(out->subject.b, (uint16_t)(m->now_ms / 86400000));
        crypto_random(out->subject.b + 2, sizeof(out->subject.b) - 2);
    } else
        json_wrong(at, "member \"subject\" is missing: only an action that creates may leave it out");
    if (version.value != NULL) {
        out->expected_version = json_is_integer(version.value) ? (uint64_t)json_read_int(&version, 0, INT64_MAX) : json_read_u64(&version);
    } else if (!creates && m->version == NULL)
        json_wrong(at, "member \"expected_version\" is missing");
    if (creates || at->fault->found || m->version == NULL)
        return ANJU_OK;
    uint64_t now = 0;
    err = m->version(m->ctx, &now, &out->procedure_version, out->procedure, &out->subject);
    if (err == ANJU_ERR_NOT_FOUND) {
        json_wrong(&subject, "there is no such subject");
        return ANJU_OK;
    }
    if (version.value == NULL)
        out->expected_version = now;
    return err;
}

enum anju_err record_json_build(struct ledger_record *out, json_t **openings, const struct record_maker *m,
                                const struct json_in *at, uint16_t index)
{
    static const char *const NAMES[] = {"procedure", "procedure_version", "action", "subject", "expected_version", "fields", "cosignatures", NULL};
    struct build b = {.m = m, .index = index};
    struct json_in procedure = json_member(at, "procedure"), action = json_member(at, "action");

    memset(out, 0, sizeof(*out));
    *openings = NULL;
    json_only(at, NAMES);
    const struct ledger_procedure *p = procedure_by_name(m->registry, json_read_text(&procedure, 64));
    if (p == NULL) {
        json_wrong(&procedure, "there is no such procedure");
        return ANJU_OK;
    }
    const struct ledger_action *a = action_by_name(p, json_read_text(&action, 64));
    if (a == NULL) {
        json_wrong(&action, "%s has no such action", p->name);
        return ANJU_OK;
    }
    out->procedure = p->number;
    out->procedure_version = p->version;
    out->action = a->number;
    enum anju_err err = build_subject(out, m, at, a->creates);
    if (err != ANJU_OK)
        return err;
    build_fields(out, &b, at, a);
    build_cosignatures(out, at);
    if (b.openings != NULL) {
        *openings = json_object();
        json_object_set_new(*openings, "record", json_integer(index));
        json_object_set_new(*openings, "record_salt", json_of_hex(b.record_salt, sizeof(b.record_salt)));
        json_object_set_new(*openings, "fields", b.openings);
    }
    return ANJU_OK;
}
