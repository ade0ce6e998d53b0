/* The bytes of receipts and set paths. What they prove: ledger/receipt_verify.c. */
#include "ledger/receipt.h"

#include <string.h>

enum {
    RECEIPT_VERSION = 1,
    PART_RECORD = 1,
    PART_ENVELOPE = 2,
    PART_EFFECTS = 4,
    PARTS_ALL = PART_RECORD | PART_ENVELOPE | PART_EFFECTS,
    RECORD_SIZE_CAP = LEDGER_CAP_FACTOR * LEDGER_RECORD_SIZE_DEFAULT,
    SET_SIZE_MAX = 32 + 8 + 1 + LEDGER_SET_MAX * (33 + 32 + 32 + 4),
};

bool ledger_receipt_is_genesis(const struct ledger_receipt *r)
{
    return get_u64(r->claim.entry + 12) == 0;
}

/* ---- writing ---- */

static void write_path(struct writer *w, const struct ledger_path *p)
{
    writer_u8(w, p->n);
    for (unsigned i = 0; i < p->n; i++)
        writer_put(w, p->hash[i].b, CRYPTO_HASH_SIZE);
}

void ledger_claim_encode(struct writer *w, const struct ledger_claim *c)
{
    writer_put(w, c->ledger_id.b, CRYPTO_HASH_SIZE);
    writer_put(w, c->entry, LEDGER_ENTRY_SIZE);
    write_path(w, &c->path);
    writer_put(w, c->result, LEDGER_RESULT_SIZE);
    writer_put(w, c->vid.b, CRYPTO_HASH_SIZE);
}

void ledger_receipt_id(struct crypto_hash *out, const struct ledger_claim *c)
{
    struct writer w = {0};

    ledger_claim_encode(&w, c);
    crypto_digest(out, "anju/receipt/1", &c->ledger_id, writer_view(&w));
    writer_free(&w);
}

static void write_effects(struct writer *w, const struct ledger_receipt *r)
{
    writer_u32(w, r->n_effects);
    for (uint32_t i = 0; i < r->n_effects; i++) {
        const struct ledger_receipt_effect *e = &r->effects[i];

        writer_u32(w, e->index);
        write_path(w, &e->path);
        writer_bytes_u32(w, e->effect);
        writer_u8(w, e->has_attributes);
        if (e->has_attributes)
            writer_bytes_u32(w, e->attributes);
    }
}

void ledger_receipt_encode(struct writer *w, const struct ledger_receipt *r)
{
    uint8_t parts =
        (uint8_t)((r->has_record ? PART_RECORD : 0) | (r->has_envelope ? PART_ENVELOPE : 0) |
                  (r->n_effects > 0 ? PART_EFFECTS : 0));

    writer_u8(w, RECEIPT_VERSION);
    ledger_claim_encode(w, &r->claim);
    if (ledger_receipt_is_genesis(r))
        writer_put(w, r->header, LEDGER_HEADER_SIZE);
    ledger_certificate_encode(w, &r->certificate);
    writer_u8(w, parts);
    if (r->has_record)
        writer_bytes_u32(w, r->record);
    if (r->has_envelope) {
        writer_put(w, r->body, LEDGER_BODY_SIZE);
        writer_put(w, r->sig.b, CRYPTO_SIG_SIZE);
        writer_put(w, r->key.b, CRYPTO_KEY_SIZE);
        write_path(w, &r->record_path);
    }
    if (r->n_effects > 0)
        write_effects(w, r);
}

/* ---- reading ---- */

static void read_path(struct reader *r, struct ledger_path *out)
{
    out->n = reader_u8_max(r, MERKLE_PATH_MAX);
    for (unsigned i = 0; i < out->n; i++)
        reader_copy(r, out->hash[i].b, CRYPTO_HASH_SIZE);
}

static void read_claim(struct reader *r, struct ledger_claim *out)
{
    reader_copy(r, out->ledger_id.b, CRYPTO_HASH_SIZE);
    reader_copy(r, out->entry, LEDGER_ENTRY_SIZE);
    read_path(r, &out->path);
    reader_copy(r, out->result, LEDGER_RESULT_SIZE);
    reader_copy(r, out->vid.b, CRYPTO_HASH_SIZE);
}

static void read_effects(struct reader *r, struct ledger_receipt *out, struct arena *a)
{
    out->n_effects = reader_u32_max(r, LEDGER_RECEIPT_EFFECTS_MAX);
    if (out->n_effects == 0 || (size_t)out->n_effects * LEDGER_EFFECT_SIZE_MIN > r->left) {
        reader_fail(r);
        return;
    }
    out->effects = arena_alloc(a, out->n_effects * sizeof out->effects[0]);
    for (uint32_t i = 0; i < out->n_effects && !r->failed; i++) {
        struct ledger_receipt_effect *e = &out->effects[i];

        e->index = reader_u32(r);
        read_path(r, &e->path);
        e->effect = reader_take_u32(r, LEDGER_EFFECT_SIZE_MIN + LEDGER_ATTRIBUTES_SIZE_MAX);
        e->has_attributes = reader_u8_max(r, 1) == 1;
        if (e->has_attributes)
            e->attributes = reader_take_u32(r, LEDGER_ATTRIBUTES_SIZE_MAX);
        if (i > 0 && e->index <= e[-1].index)
            reader_fail(r);
    }
}

enum anju_err ledger_receipt_decode(struct ledger_receipt *out, struct bytes in, struct arena *a)
{
    struct reader r = reader_over(in);
    uint8_t version, parts;

    memset(out, 0, sizeof *out);
    if (in.size > LEDGER_RECEIPT_SIZE_MAX)
        return anju_fail(ANJU_ERR_TOO_LARGE, "receipt: %zu bytes, the most is %d", in.size,
                         LEDGER_RECEIPT_SIZE_MAX);
    version = reader_u8(&r);
    if (!r.failed && version != RECEIPT_VERSION)
        return anju_fail(ANJU_ERR_UNSUPPORTED, "receipt: version %u, this build knows version %d",
                         version, RECEIPT_VERSION);
    read_claim(&r, &out->claim);
    if (ledger_receipt_is_genesis(out))
        reader_copy(&r, out->header, LEDGER_HEADER_SIZE);
    ledger_certificate_read(&out->certificate, &r);
    if (r.failed)
        return anju_fail(ANJU_ERR_MALFORMED,
                         "receipt: cut or malformed in its claim or certificate");
    parts = reader_u8_max(&r, PARTS_ALL);
    out->has_record = (parts & PART_RECORD) != 0;
    out->has_envelope = (parts & PART_ENVELOPE) != 0;
    if (out->has_record)
        out->record = reader_take_u32(&r, RECORD_SIZE_CAP);
    if (out->has_envelope) {
        reader_copy(&r, out->body, LEDGER_BODY_SIZE);
        reader_copy(&r, out->sig.b, CRYPTO_SIG_SIZE);
        reader_copy(&r, out->key.b, CRYPTO_KEY_SIZE);
        read_path(&r, &out->record_path);
    }
    if ((parts & PART_EFFECTS) != 0)
        read_effects(&r, out, a);
    if (reader_finish(&r) != ANJU_OK)
        return anju_fail(
            ANJU_ERR_MALFORMED,
            "receipt: cut, too long or malformed in its parts (record, envelope, effects)");
    return ANJU_OK;
}

/* ---- set path ---- */

void ledger_set_path_encode(struct writer *w, const struct ledger_set_path *p)
{
    writer_u8(w, RECEIPT_VERSION);
    writer_put(w, p->ledger_id.b, CRYPTO_HASH_SIZE);
    writer_u32(w, p->n_changes);
    for (uint32_t i = 0; i < p->n_changes; i++) {
        writer_put(w, p->changes[i].result, LEDGER_RESULT_SIZE);
        ledger_certificate_encode(w, &p->changes[i].certificate);
        ledger_set_encode(w, &p->changes[i].set);
    }
}

/* A set inside a longer structure: its n says where it ends. */
static enum anju_err read_set(struct ledger_set *out, struct reader *r,
                              const struct crypto_hash *ledger_id)
{
    enum { NODE_SIZE = 33 + 32 + 32 + 4, HEAD_SIZE = 32 + 8 + 1 };
    size_t n = r->left >= HEAD_SIZE ? r->at[HEAD_SIZE - 1] : 0;
    struct bytes bytes = reader_take(r, HEAD_SIZE + n * NODE_SIZE);

    return r->failed ? ANJU_ERR_MALFORMED : ledger_set_decode(out, bytes, ledger_id);
}

enum anju_err ledger_set_path_decode(struct ledger_set_path *out, struct bytes in, struct arena *a)
{
    struct reader r = reader_over(in);
    uint8_t version = reader_u8(&r);

    if (!r.failed && version != RECEIPT_VERSION)
        return anju_fail(ANJU_ERR_UNSUPPORTED, "set path: version %u, this build knows version %d",
                         version, RECEIPT_VERSION);
    reader_copy(&r, out->ledger_id.b, CRYPTO_HASH_SIZE);
    out->n_changes = reader_u32_max(&r, LEDGER_SET_CHANGES_MAX);
    if (r.failed || (size_t)out->n_changes * LEDGER_RESULT_SIZE > r.left)
        return anju_fail(ANJU_ERR_MALFORMED, "set path: cut, or too short for its changes");
    out->changes = arena_alloc(a, (out->n_changes + 1u) * sizeof out->changes[0]);
    for (uint32_t i = 0; i < out->n_changes; i++) {
        struct ledger_set_change *c = &out->changes[i];

        reader_copy(&r, c->result, LEDGER_RESULT_SIZE);
        ledger_certificate_read(&c->certificate, &r);
        if (read_set(&c->set, &r, &out->ledger_id) != ANJU_OK)
            return anju_fail(ANJU_ERR_MALFORMED, "set path: change %u is cut or malformed", i);
    }
    if (reader_finish(&r) != ANJU_OK)
        return anju_fail(ANJU_ERR_MALFORMED, "set path: cut, or bytes are left over");
    return ANJU_OK;
}
