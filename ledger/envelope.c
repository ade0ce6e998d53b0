#include "ledger/envelope.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    RECORD_ITEMS = 9,
    RECORD_SIZE_CAP = LEDGER_CAP_FACTOR * LEDGER_RECORD_SIZE_DEFAULT,
    ENVELOPE_SIZE_CAP = LEDGER_CAP_FACTOR * LEDGER_ENVELOPE_SIZE_DEFAULT,
    ENVELOPE_RECORDS_CAP = LEDGER_CAP_FACTOR * LEDGER_ENVELOPE_RECORDS_DEFAULT,
    BATCH_SIZE_CAP = LEDGER_CAP_FACTOR * LEDGER_BATCH_SIZE_DEFAULT,
    RECORD_SIZE_MIN = 27, /* one byte an item, 17 more for the subject's bin, 1 the array's */
    ENVELOPE_SIZE_MIN = LEDGER_BODY_SIZE + CRYPTO_SIG_SIZE + 4 + RECORD_SIZE_MIN,
    /* A cosignature's bytes: array of 2, bin of 33, bin of 64. */
    COSIGNATURE_SIZE = 1 + 2 + CRYPTO_KEY_SIZE + 2 + CRYPTO_SIG_SIZE,
};

void ledger_builtin_id(struct ledger_subject_id *out, enum ledger_builtin type,
                       const uint8_t last12[12])
{
    put_u16(out->b, 0);
    put_u16(out->b + 2, (uint16_t)type);
    memcpy(out->b + 4, last12, 12);
}

void ledger_builtin_number_id(struct ledger_subject_id *out, enum ledger_builtin type,
                              uint64_t number)
{
    uint8_t last12[12] = {0};

    put_u64(last12 + 4, number);
    ledger_builtin_id(out, type, last12);
}

uint16_t ledger_subject_day(const struct ledger_subject_id *id)
{
    return get_u16(id->b);
}

/* ---- record ---- */

static enum anju_err bad_record(const char *what)
{
    return anju_fail(ANJU_ERR_MALFORMED, "record: %s", what);
}

static bool is_array(struct bytes value)
{
    return (value.data[0] & 0xf0) == 0x90 || value.data[0] == 0xdc || value.data[0] == 0xdd;
}

/* Fields, ascending by number. *nested: a value is an array, so the record's depth must be checked.
 */
static enum anju_err read_fields(struct ledger_record *out, struct mp_reader *m, bool *nested,
                                 struct arena *a)
{
    uint32_t last = 0;

    out->n_fields = mp_array(m, LEDGER_RECORD_FIELDS_MAX);
    if (m->r.failed || out->n_fields > m->r.left)
        return bad_record("fields: not an array, or more than a record can hold");
    out->fields = out->n_fields > 0 ? arena_alloc(a, out->n_fields * sizeof out->fields[0]) : NULL;
    for (uint32_t i = 0; i < out->n_fields; i++) {
        struct ledger_value *field = &out->fields[i];

        if (mp_array(m, 2) != 2)
            mp_fail(m);
        field->number = (uint16_t)mp_uint(m, UINT16_MAX);
        field->value = mp_skip(m);
        if (m->r.failed)
            return anju_fail(ANJU_ERR_MALFORMED,
                             "record: the field after %u is not [number, canonical value]", last);
        if (field->number <= last)
            return anju_fail(
                ANJU_ERR_MALFORMED,
                "record: field %u stands after field %u; fields ascend, each once, from 1",
                field->number, last);
        last = field->number;
        *nested |= is_array(field->value);
    }
    return ANJU_OK;
}

static enum anju_err read_holders(struct ledger_record *out, struct mp_reader *m, struct arena *a)
{
    uint32_t last = 0;

    out->n_holders = mp_array(m, LEDGER_RECORD_HOLDERS_MAX);
    if (m->r.failed || out->n_holders > m->r.left)
        return bad_record("holders: not an array, or too many");
    out->holders =
        out->n_holders > 0 ? arena_alloc(a, out->n_holders * sizeof out->holders[0]) : NULL;
    for (uint32_t i = 0; i < out->n_holders; i++) {
        out->holders[i] = (uint32_t)mp_uint(m, UINT32_MAX);
        if (m->r.failed || out->holders[i] <= last)
            return bad_record("holders: not ascending member numbers");
        last = out->holders[i];
    }
    return ANJU_OK;
}

static enum anju_err read_cosignatures(struct ledger_record *out, struct mp_reader *m)
{
    out->n_cosignatures = mp_array(m, LEDGER_COSIGNATURES_MAX);
    if (m->r.failed)
        return bad_record("cosignatures: not an array, or more than 8");
    for (uint32_t i = 0; i < out->n_cosignatures; i++) {
        struct ledger_cosignature *c = &out->cosignature[i];
        struct bytes key, sig;

        if (mp_array(m, 2) != 2)
            mp_fail(m);
        key = mp_bin(m, CRYPTO_KEY_SIZE);
        sig = mp_bin(m, CRYPTO_SIG_SIZE);
        if (m->r.failed || key.size != CRYPTO_KEY_SIZE || sig.size != CRYPTO_SIG_SIZE)
            return anju_fail(ANJU_ERR_MALFORMED,
                             "record: cosignature %u is not [key of 33 bytes, signature of 64]", i);
        memcpy(c->key.b, key.data, CRYPTO_KEY_SIZE);
        memcpy(c->sig.b, sig.data, CRYPTO_SIG_SIZE);
        if (i > 0 && memcmp(c[-1].key.b, c->key.b, CRYPTO_KEY_SIZE) >= 0)
            return bad_record("cosignatures: not ascending by key, each key once");
    }
    return ANJU_OK;
}

static enum anju_err read_head(struct ledger_record *out, struct mp_reader *m)
{
    struct bytes subject;

    if (mp_array(m, RECORD_ITEMS) != RECORD_ITEMS || m->r.failed)
        return bad_record("not an array of nine items");
    if (mp_uint(m, UINT64_MAX) != 1 || m->r.failed)
        return bad_record("its form is not 1, the only one that is known");
    out->procedure = (uint16_t)mp_uint(m, UINT16_MAX);
    if (m->r.failed)
        return bad_record("procedure: not an integer of 16 bits");
    out->procedure_version = (uint16_t)mp_uint(m, UINT16_MAX);
    if (m->r.failed)
        return bad_record("procedure version: not an integer of 16 bits");
    out->action = (uint16_t)mp_uint(m, UINT16_MAX);
    if (m->r.failed)
        return bad_record("action: not an integer of 16 bits");
    subject = mp_bin(m, LEDGER_SUBJECT_SIZE);
    if (m->r.failed || subject.size != LEDGER_SUBJECT_SIZE)
        return bad_record("subject: not bin of 16 bytes");
    memcpy(out->subject.b, subject.data, LEDGER_SUBJECT_SIZE);
    out->expected_version = mp_uint(m, UINT64_MAX);
    if (m->r.failed)
        return bad_record("expected version: not an integer of 64 bits");
    return ANJU_OK;
}

enum anju_err ledger_record_decode(struct ledger_record *out, struct bytes raw, struct arena *a)
{
    struct mp_reader m;
    bool nested = false;
    enum anju_err err;

    if (raw.size > RECORD_SIZE_CAP)
        return anju_fail(ANJU_ERR_TOO_LARGE, "record: %zu bytes, the most is %d", raw.size,
                         RECORD_SIZE_CAP);
    out->raw = raw;
    m = mp_reader_over(raw);
    err = read_head(out, &m);
    if (err == ANJU_OK)
        err = read_fields(out, &m, &nested, a);
    if (err == ANJU_OK)
        err = read_holders(out, &m, a);
    if (err == ANJU_OK)
        err = read_cosignatures(out, &m);
    if (err != ANJU_OK)
        return err;
    if (mp_finish(&m) != ANJU_OK)
        return bad_record("bytes are left over after its nine items");
    /* The items above are read at their own depth; only values can be nested too deeply. */
    if (nested && mp_check(raw) != ANJU_OK)
        return bad_record("a value is nested more deeply than 8");
    return ANJU_OK;
}

void ledger_record_encode(struct writer *w, const struct ledger_record *r)
{
    mp_put_array(w, RECORD_ITEMS);
    mp_put_uint(w, 1);
    mp_put_uint(w, r->procedure);
    mp_put_uint(w, r->procedure_version);
    mp_put_uint(w, r->action);
    mp_put_bin(w, bytes_of(r->subject.b, LEDGER_SUBJECT_SIZE));
    mp_put_uint(w, r->expected_version);
    mp_put_array(w, r->n_fields);
    for (uint32_t i = 0; i < r->n_fields; i++) {
        mp_put_array(w, 2);
        mp_put_uint(w, r->fields[i].number);
        writer_bytes(w, r->fields[i].value);
    }
    mp_put_array(w, r->n_holders);
    for (uint32_t i = 0; i < r->n_holders; i++)
        mp_put_uint(w, r->holders[i]);
    mp_put_array(w, r->n_cosignatures);
    for (uint32_t i = 0; i < r->n_cosignatures; i++) {
        mp_put_array(w, 2);
        mp_put_bin(w, bytes_of(r->cosignature[i].key.b, CRYPTO_KEY_SIZE));
        mp_put_bin(w, bytes_of(r->cosignature[i].sig.b, CRYPTO_SIG_SIZE));
    }
}

void ledger_cosign_digest(struct crypto_hash *out, const struct ledger_record *r,
                          const struct crypto_hash *ledger_id)
{
    static const uint8_t empty_array = 0x90;
    struct writer w = {0};
    struct bytes raw = r->raw;
    size_t last_item = 1 + (size_t)r->n_cosignatures * COSIGNATURE_SIZE;

    if (raw.size == 0) {
        ledger_record_encode(&w, r);
        raw = writer_view(&w);
    }
    assert(r->n_cosignatures <= LEDGER_COSIGNATURES_MAX && raw.size > last_item);
    const struct bytes parts[] = {bytes_of(raw.data, raw.size - last_item),
                                  bytes_of(&empty_array, 1)};
    crypto_digest_parts(out, "anju/cosign/1", ledger_id, parts, 2);
    writer_free(&w);
}

enum anju_err ledger_record_check_cosignatures(const struct ledger_record *r,
                                               const struct crypto_hash *ledger_id)
{
    struct crypto_hash digest;

    if (r->n_cosignatures == 0)
        return ANJU_OK;
    ledger_cosign_digest(&digest, r, ledger_id);
    for (uint32_t i = 0; i < r->n_cosignatures; i++)
        if (crypto_verify(&r->cosignature[i].sig, &r->cosignature[i].key, &digest) != ANJU_OK)
            return anju_fail(
                ANJU_ERR_MISMATCH,
                "record: cosignature %u is not a signature of its key over this record", i);
    return ANJU_OK;
}

const struct bytes *ledger_record_field(const struct ledger_record *r, uint16_t number)
{
    for (uint32_t i = 0; i < r->n_fields && r->fields[i].number <= number; i++)
        if (r->fields[i].number == number)
            return &r->fields[i].value;
    return NULL;
}

/* ---- envelope ---- */

void ledger_envelope_id(struct crypto_hash *out, struct bytes body,
                        const struct crypto_hash *ledger_id)
{
    crypto_digest(out, "anju/envelope/1", ledger_id, body);
}

/* The words of a record's fault, with which record of the envelope it is. */
static enum anju_err in_record(enum anju_err err, uint16_t index)
{
    char words[256];

    snprintf(words, sizeof words, "%s", anju_err_text());
    return anju_fail(err, "envelope: record %u: %s", index,
                     strncmp(words, "record: ", 8) == 0 ? words + 8 : words);
}

static enum anju_err read_body(struct ledger_envelope *out, struct reader *r)
{
    struct reader body;
    uint8_t version;

    out->body = reader_take(r, LEDGER_BODY_SIZE);
    reader_copy(r, out->sig.b, CRYPTO_SIG_SIZE);
    if (r->failed)
        return anju_fail(ANJU_ERR_MALFORMED,
                         "envelope: shorter than a body and a signature (%d bytes)",
                         LEDGER_BODY_SIZE + CRYPTO_SIG_SIZE);
    body = reader_over(out->body);
    version = reader_u8(&body);
    out->member = reader_u32(&body);
    out->key = reader_u32(&body);
    reader_copy(&body, out->nonce, LEDGER_NONCE_SIZE);
    out->valid_until = reader_u64(&body);
    out->n_records = reader_u16(&body);
    reader_copy(&body, out->records_root.b, CRYPTO_HASH_SIZE);
    if (reader_finish(&body) != ANJU_OK)
        return anju_fail(ANJU_ERR_MALFORMED, "envelope: its body is not %d bytes",
                         LEDGER_BODY_SIZE);
    if (version != 1)
        return anju_fail(ANJU_ERR_UNSUPPORTED, "envelope: version %u, this build knows version 1",
                         version);
    if (out->member == 0 || out->key == 0)
        return anju_fail(ANJU_ERR_MALFORMED, "envelope: member and key are numbered from 1");
    if (out->n_records == 0)
        return anju_fail(ANJU_ERR_MALFORMED, "envelope: it holds no record");
    if (out->n_records > ENVELOPE_RECORDS_CAP)
        return anju_fail(ANJU_ERR_TOO_LARGE, "envelope: %u records, the most is %d", out->n_records,
                         ENVELOPE_RECORDS_CAP);
    return ANJU_OK;
}

enum anju_err ledger_envelope_decode(struct ledger_envelope *out, struct bytes wire,
                                     const struct crypto_hash *ledger_id, struct arena *a)
{
    struct reader r = reader_over(wire);
    struct crypto_hash root;
    enum anju_err err;

    if (wire.size > ENVELOPE_SIZE_CAP)
        return anju_fail(ANJU_ERR_TOO_LARGE, "envelope: %zu bytes, the most is %d", wire.size,
                         ENVELOPE_SIZE_CAP);
    out->wire = wire;
    err = read_body(out, &r);
    if (err != ANJU_OK)
        return err;
    if (r.left < (size_t)out->n_records * (4 + RECORD_SIZE_MIN))
        return anju_fail(ANJU_ERR_MALFORMED, "envelope: too short for its %u records",
                         out->n_records);
    out->records = arena_alloc(a, out->n_records * sizeof out->records[0]);
    out->leaf_hashes = arena_alloc(a, out->n_records * sizeof out->leaf_hashes[0]);
    for (uint16_t i = 0; i < out->n_records; i++) {
        struct bytes raw = reader_take_u32(&r, RECORD_SIZE_CAP);

        if (r.failed)
            return anju_fail(ANJU_ERR_MALFORMED,
                             "envelope: record %u: its length is over %d or over what is left", i,
                             RECORD_SIZE_CAP);
        err = ledger_record_decode(&out->records[i], raw, a);
        if (err != ANJU_OK)
            return in_record(err, i);
        crypto_leaf_hash(&out->leaf_hashes[i], raw);
    }
    if (reader_finish(&r) != ANJU_OK)
        return anju_fail(ANJU_ERR_MALFORMED, "envelope: bytes are left over after its %u records",
                         out->n_records);
    merkle_root_of(&root, out->leaf_hashes, out->n_records);
    if (!crypto_hash_equal(&root, &out->records_root))
        return anju_fail(ANJU_ERR_MISMATCH,
                         "envelope: its body names another root than that of its records");
    ledger_envelope_id(&out->id, out->body, ledger_id);
    return ANJU_OK;
}

void ledger_envelope_body(uint8_t out[LEDGER_BODY_SIZE], uint32_t member, uint32_t key,
                          const uint8_t nonce[LEDGER_NONCE_SIZE], uint64_t valid_until,
                          const struct bytes *records, uint16_t n_records)
{
    struct merkle_peaks peaks = {0};
    struct crypto_hash hash;

    for (uint16_t i = 0; i < n_records; i++) {
        crypto_leaf_hash(&hash, records[i]);
        merkle_append(&peaks, &hash, NULL, NULL);
    }
    merkle_root(&hash, &peaks);
    out[0] = 1;
    put_u32(out + 1, member);
    put_u32(out + 5, key);
    memcpy(out + 9, nonce, LEDGER_NONCE_SIZE);
    put_u64(out + 25, valid_until);
    put_u16(out + 33, n_records);
    memcpy(out + 35, hash.b, CRYPTO_HASH_SIZE);
}

void ledger_envelope_wire(struct writer *w, const uint8_t body[LEDGER_BODY_SIZE],
                          const struct crypto_sig *sig, const struct bytes *records,
                          uint16_t n_records)
{
    writer_put(w, body, LEDGER_BODY_SIZE);
    writer_put(w, sig->b, CRYPTO_SIG_SIZE);
    for (uint16_t i = 0; i < n_records; i++)
        writer_bytes_u32(w, records[i]);
}

/* ---- batch ---- */

void ledger_batch_id(struct crypto_hash *out, struct bytes raw, const struct crypto_hash *ledger_id)
{
    crypto_digest(out, "anju/batch/1", ledger_id, raw);
}

enum anju_err ledger_batch_decode(struct ledger_batch *out, struct bytes raw,
                                  const struct crypto_hash *ledger_id, struct arena *a)
{
    struct reader r = reader_over(raw);

    if (raw.size > BATCH_SIZE_CAP)
        return anju_fail(ANJU_ERR_TOO_LARGE, "batch: %zu bytes, the most is %d", raw.size,
                         BATCH_SIZE_CAP);
    out->raw = raw;
    out->n_envelopes = reader_u16(&r);
    if (out->n_envelopes == 0 || r.left < (size_t)out->n_envelopes * (4 + ENVELOPE_SIZE_MIN))
        return anju_fail(ANJU_ERR_MALFORMED, "batch: no envelope, or too short for its %u",
                         out->n_envelopes);
    out->envelopes = arena_alloc(a, out->n_envelopes * sizeof out->envelopes[0]);
    for (uint16_t i = 0; i < out->n_envelopes; i++) {
        out->envelopes[i] = reader_take_u32(&r, ENVELOPE_SIZE_CAP);
        if (r.failed)
            return anju_fail(ANJU_ERR_MALFORMED,
                             "batch: envelope %u: its length is over %d or over what is left", i,
                             ENVELOPE_SIZE_CAP);
    }
    if (reader_finish(&r) != ANJU_OK)
        return anju_fail(ANJU_ERR_MALFORMED, "batch: bytes are left over after its %u envelopes",
                         out->n_envelopes);
    ledger_batch_id(&out->id, raw, ledger_id);
    return ANJU_OK;
}

void ledger_batch_encode(struct writer *w, const struct bytes *envelopes, uint16_t n)
{
    writer_u16(w, n);
    for (uint16_t i = 0; i < n; i++)
        writer_bytes_u32(w, envelopes[i]);
}
