#include <string.h>

#include "rpc/record_json.h"
#include "tools/submit.h"

/* A subject that an earlier record of the envelope touched has its next version when a later one comes. */
struct touched {
    uint16_t procedure;
    struct ledger_subject_id subject;
    uint64_t version;
};

struct build {
    struct submission *s;
    struct record_maker maker;
    struct touched touched[LEDGER_ENVELOPE_RECORDS_DEFAULT];
    size_t n_touched;
    json_t *attributes; /* of the subject of the record in hand, or NULL */
};

static struct touched *find_touched(struct build *b, uint16_t procedure, const struct ledger_subject_id *subject)
{
    for (size_t i = 0; i < b->n_touched; i++)
        if (b->touched[i].procedure == procedure && memcmp(&b->touched[i].subject, subject, sizeof(*subject)) == 0)
            return &b->touched[i];
    return NULL;
}

static void touch(struct build *b, const struct ledger_record *r)
{
    struct touched *t = find_touched(b, r->procedure, &r->subject);

    if (t == NULL)
        t = &b->touched[b->n_touched++];
    *t = (struct touched){.procedure = r->procedure, .subject = r->subject, .version = r->expected_version + 1};
}

/* The version that a node shows, and the attributes for the code. */
static enum anju_err ask_version(void *ctx, uint64_t *version, uint16_t *procedure_version, uint16_t procedure,
                                 const struct ledger_subject_id *subject)
{
    struct build *b = ctx;
    const struct touched *t = find_touched(b, procedure, subject);
    const struct ledger_procedure *p = ledger_registry_procedure(b->maker.registry, procedure, 0);
    char hex[2 * LEDGER_SUBJECT_SIZE + 1];
    json_t *result, *error;

    hex_encode(hex, subject->b, sizeof(subject->b));
    enum anju_err err = nodes_call(b->s->nodes, &result, &error, "subject.get",
                                   json_pack("{s:s, s:s}", "procedure", ledger_procedure_name(p), "subject", hex));
    if (err != ANJU_OK) {
        bool missing = json_integer_value(json_object_get(error, "code")) == -32001;
        json_decref(error);
        if (!missing)
            return err;
        if (t == NULL)
            return ANJU_ERR_NOT_FOUND;
        *version = t->version; /* an earlier record of this envelope creates it */
        return ANJU_OK;
    }
    const char *text = json_string_value(json_object_get(result, "version"));
    if (json_u64_parse(version, text != NULL ? text : "") != ANJU_OK)
        err = anju_fail(ANJU_ERR_MALFORMED, "subject.get: the answer has no version");
    json_decref(b->attributes);
    b->attributes = json_incref(json_object_get(result, "attributes"));
    json_int_t lives_under = json_integer_value(json_object_get(b->attributes, "procedure_version"));
    if (lives_under > 0 && lives_under <= UINT16_MAX)
        *procedure_version = (uint16_t)lives_under;
    if (t != NULL)
        *version = t->version;
    json_decref(result);
    return err;
}

/* Is this key a value of the record's fields, or an attribute of its subject? */
static bool names_key(const json_t *object, const char *hex)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, name, value)
        if (json_is_string(value) && strcmp(json_string_value(value), hex) == 0)
            return true;
    return false;
}

static enum anju_err cosign(struct ledger_record *r, const struct crypto_secret *secret, const struct crypto_key *key,
                            const struct crypto_hash *ledger_id)
{
    struct crypto_hash digest;
    uint32_t at = r->n_cosignatures;

    if (at == LEDGER_COSIGNATURES_MAX)
        return anju_fail(ANJU_ERR_TOO_LARGE, "a record has at most %d cosignatures", LEDGER_COSIGNATURES_MAX);
    ledger_cosign_digest(&digest, r, ledger_id);
    for (; at > 0 && memcmp(&r->cosignature[at - 1].key, key, sizeof(*key)) > 0; at--)
        r->cosignature[at] = r->cosignature[at - 1];
    r->cosignature[at].key = *key;
    r->n_cosignatures++;
    return crypto_sign(&r->cosignature[at].sig, secret, &digest);
}

/* The code cosigns where its key is on the order: as the confirm code, or as the one to rate. */
static enum anju_err cosign_with_code(struct ledger_record *r, const struct build *b, const json_t *record)
{
    static const enum ledger_code_purpose PURPOSES[] = {LEDGER_CODE_CONFIRM, LEDGER_CODE_RATE};
    const struct crypto_hash *ledger_id = &b->maker.registry->ledger_id;
    struct crypto_secret secret;
    struct crypto_key key;
    char hex[2 * CRYPTO_KEY_SIZE + 1], code[64];
    size_t size = 0;
    enum anju_err err = ANJU_OK;

    for (const char *p = b->s->code; *p != '\0' && size + 1 < sizeof(code); p++)
        if (*p != '-' && *p != ' ')
            code[size++] = *p;
    code[size] = '\0';
    for (size_t i = 0; i < 2; i++) {
        err = ledger_code_secret(&secret, ledger_id, &r->subject, PURPOSES[i], code);
        if (err == ANJU_OK)
            err = crypto_key_of(&key, &secret);
        if (err != ANJU_OK)
            break;
        hex_encode(hex, key.b, sizeof(key.b));
        if (names_key(json_object_get(record, "fields"), hex) || names_key(b->attributes, hex)) {
            err = cosign(r, &secret, &key, ledger_id);
            break;
        }
        if (i == 1)
            err = anju_fail(ANJU_ERR_MISMATCH, "--code: this code is not one of this order's");
    }
    bytes_wipe(&secret, sizeof(secret));
    bytes_wipe(code, sizeof(code));
    return err;
}

static enum anju_err build_one(struct build *b, struct bytes *out, const struct json_in *at, uint16_t index)
{
    struct ledger_record *record = arena_alloc(b->s->arena, sizeof(*record));
    struct writer w = {0};
    char hex[2 * LEDGER_SUBJECT_SIZE + 1];
    json_t *openings;

    json_decref(b->attributes);
    b->attributes = NULL;
    enum anju_err err = record_json_build(record, &openings, &b->maker, at, index);
    if (openings != NULL)
        json_array_append_new(b->s->openings, openings);
    if (err == ANJU_OK)
        err = json_finish(at->fault, "record");
    if (err == ANJU_OK && b->s->code != NULL)
        err = cosign_with_code(record, b, at->value);
    if (err != ANJU_OK)
        return err;
    touch(b, record);
    hex_encode(hex, record->subject.b, sizeof(record->subject.b));
    json_array_append_new(b->s->subjects, json_string(hex));
    ledger_record_encode(&w, record);
    *out = arena_copy(b->s->arena, writer_view(&w));
    writer_free(&w);
    return ANJU_OK;
}

enum anju_err submission_build(struct submission *s, const json_t *input, uint64_t valid_until)
{
    struct build *b = arena_alloc(s->arena, sizeof(*b));
    struct json_fault fault = {0};
    struct json_in root = json_root(input, &fault);
    bool many = json_is_array(input);
    uint16_t count = many ? (uint16_t)json_count(&root, LEDGER_ENVELOPE_RECORDS_DEFAULT) : 1;
    struct bytes *records = arena_alloc(s->arena, (count + 1u) * sizeof(*records));
    enum anju_err err = json_finish(&fault, "records");

    s->openings = json_array();
    s->subjects = json_array();
    crypto_random(s->nonce, sizeof(s->nonce));
    if (err == ANJU_OK && count == 0)
        err = anju_fail(ANJU_ERR_MALFORMED, "the array has no record");
    b->s = s;
    b->maker = (struct record_maker){.registry = s->signer->registry, .member = s->signer->member, .key = s->signer->key,
                                     .now_ms = tool_now_ms(), .version = ask_version, .ctx = b, .arena = s->arena};
    memcpy(b->maker.nonce, s->nonce, sizeof(s->nonce));
    for (uint16_t i = 0; i < count && err == ANJU_OK; i++) {
        struct json_in item = many ? json_item(&root, i) : root;
        err = build_one(b, &records[i], &item, i);
    }
    json_decref(b->attributes);
    if (err != ANJU_OK)
        return err;
    return signer_envelope(&s->wire, &s->id, s->signer, s->nonce, valid_until, records, count);
}

void submission_free(struct submission *s)
{
    writer_free(&s->wire);
    json_decref(s->subjects);
    json_decref(s->openings);
}
