#include <string.h>

#include "rpc/methods.h"
#include "rpc/record_json.h"

enum { RECORDS_MAX = LEDGER_ENVELOPE_RECORDS_DEFAULT };

static enum anju_err version_of(void *ctx, uint64_t *version, uint16_t *procedure_version, uint16_t procedure, const struct ledger_subject_id *subject)
{
    struct call_in *in = ctx;
    struct ledger_subject s;
    enum anju_err err = store_read_subject(in->read, &s, procedure, subject, &in->arena);

    if (err != ANJU_OK)
        return err;
    const struct ledger_procedure *p = procedure_of_subject(procedure, s.attributes, in->backend->registry);
    *version = s.version;
    if (p != NULL)
        *procedure_version = p->version;
    return ANJU_OK;
}

/* What the key signs: digest("anju/envelope/1", body) is the SHA-256 of this. */
static json_t *to_sign(const struct crypto_hash *ledger_id, const uint8_t body[LEDGER_BODY_SIZE])
{
    static const char tag[] = "anju/envelope/1"; /* with its NUL */
    struct writer w = {0};

    writer_put(&w, tag, sizeof(tag));
    writer_put(&w, ledger_id->b, sizeof(ledger_id->b));
    writer_put(&w, body, LEDGER_BODY_SIZE);
    json_t *out = json_of_base64(writer_view(&w));
    writer_free(&w);
    return out;
}

static json_t *answer(const struct record_maker *m, uint64_t valid_until, const struct bytes *records, uint16_t n, json_t *openings)
{
    uint8_t body[LEDGER_BODY_SIZE];
    struct crypto_hash id;
    json_t *out = json_object(), *list = json_array();

    ledger_envelope_body(body, m->member, m->key, m->nonce, valid_until, records, n);
    ledger_envelope_id(&id, bytes_of(body, sizeof(body)), &m->registry->ledger_id);
    for (uint16_t i = 0; i < n; i++)
        json_array_append_new(list, json_of_base64(records[i]));
    json_object_set_new(out, "body", json_of_hex(body, sizeof(body)));
    json_object_set_new(out, "records", list);
    json_object_set_new(out, "envelope", json_of_hash(&id));
    json_object_set_new(out, "to_sign", to_sign(&m->registry->ledger_id, body));
    json_object_set_new(out, "openings", openings);
    return out;
}

/* Members of the list as records; the openings of each that has private fields. */
static enum anju_err build_all(struct call_in *in, const struct record_maker *m, const struct json_in *list, struct bytes *records, uint16_t n, json_t *openings)
{
    struct ledger_record *record = arena_alloc(&in->arena, sizeof(*record));
    enum anju_err err = ANJU_OK;

    for (uint16_t i = 0; i < n && err == ANJU_OK && !in->fault.found; i++) {
        struct json_in at = json_item(list, i);
        struct writer w = {0};
        json_t *opening;
        err = record_json_build(record, &opening, m, &at, i);
        if (opening != NULL)
            json_array_append_new(openings, opening);
        if (err == ANJU_OK && !in->fault.found)
            ledger_record_encode(&w, record);
        records[i] = arena_copy(&in->arena, writer_view(&w));
        writer_free(&w);
    }
    return err;
}

void rpc_record_prepare(void *ctx, struct jsonrpc_call *call, const json_t *params)
{
    static const char *const NAMES[] = {"member", "key", "valid_until", "nonce", "records", NULL};
    struct call_in in;
    json_t *openings = json_array();

    call_begin(&in, ctx, call, params, NAMES);
    struct record_maker m = {.registry = in.backend->registry, .now_ms = in.backend->now_ms(in.backend->ctx), .version = version_of, .ctx = &in, .arena = &in.arena};
    struct json_in list = json_optional(&in.params, "records"), until = json_optional(&in.params, "valid_until");
    m.member = (uint32_t)call_int_or(&in, "member", 1, UINT32_MAX, 0);
    m.key = (uint32_t)call_int_or(&in, "key", 1, UINT32_MAX, 0);
    uint64_t valid_until = until.value != NULL ? json_read_time(&until) : m.now_ms + 3600000;
    uint16_t n = (uint16_t)json_count(&list, RECORDS_MAX);
    crypto_random(m.nonce, sizeof(m.nonce));
    if (call_has(&in, "nonce"))
        call_hex(&in, "nonce", m.nonce, sizeof(m.nonce));
    const struct ledger_member_key *key = ledger_registry_key(m.registry, m.key);
    if (!call_has(&in, "member") || !call_has(&in, "key"))
        call_wrong(&in, "member", "member and key (numbers) are needed; member.list shows them");
    else if (key == NULL || key->member != m.member)
        call_wrong(&in, "key", "is not a key of this member; member.list shows them");
    if (n == 0)
        call_wrong(&in, "records", "must have at least one record");
    if (!call_params_good(&in) || !call_read(&in)) {
        json_decref(openings);
        return;
    }
    struct bytes *records = arena_alloc(&in.arena, n * sizeof(*records));
    enum anju_err err = build_all(&in, &m, &list, records, n, openings);
    if (err != ANJU_OK || in.fault.found) {
        json_decref(openings);
        if (err != ANJU_OK)
            call_failed(&in, err);
        else
            call_params_good(&in);
        return;
    }
    call_result(&in, answer(&m, valid_until, records, n, openings));
}
