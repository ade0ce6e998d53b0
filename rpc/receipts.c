#include "rpc/receipts.h"

#include <string.h>

#include "rpc/receipt_json.h"

/* What stands beside the claim and is only needed while the receipt is made. */
struct parts {
    struct ledger_envelope envelope;
    struct ledger_receipt_effect *effects;
};

static enum anju_err fill_claim(struct ledger_receipt *out, struct store_read *read, const struct ledger_registry *r,
                                const struct store_item *item, const struct store_height *h)
{
    unsigned n = 0;
    enum anju_err err = store_read_path(read, out->claim.path.hash, &n, item->item.entry.seq);

    out->claim.path.n = (uint8_t)n;
    out->claim.ledger_id = r->ledger_id;
    memcpy(out->claim.entry, item->item.bytes, LEDGER_ENTRY_SIZE);
    ledger_result_encode(out->claim.result, &h->result_body);
    out->claim.vid = h->block;
    return err;
}

/* Height 0 is endorsed by header and certificate of height 1, any other by its own certificate. */
static enum anju_err fill_endorsement(struct ledger_receipt *out, struct store_read *read, uint64_t height)
{
    struct ledger_header header;
    struct bytes raw;
    enum anju_err err = ANJU_OK;

    if (height == 0) {
        err = store_read_header(read, &header, 1);
        if (err == ANJU_ERR_NOT_FOUND)
            return anju_fail(ANJU_ERR_BUSY, "genesis is endorsed by the certificate of block 1, which is not there yet");
        if (err == ANJU_OK)
            ledger_header_encode(out->header, &header);
    }
    if (err == ANJU_OK)
        err = store_read_certificate(read, &raw, height == 0 ? 1 : height);
    return err == ANJU_OK ? ledger_certificate_decode(&out->certificate, raw) : err;
}

static enum anju_err leaf_of(void *ctx, struct crypto_hash *out, unsigned level, uint64_t index)
{
    const struct crypto_hash *leaves = ctx;

    /* A path over a small tree: inner nodes are computed from the leaves below them. */
    merkle_root_of(out, leaves + (index << level), (size_t)1 << level);
    return ANJU_OK;
}

static enum anju_err path_in(struct ledger_path *out, uint64_t index, const struct crypto_hash *leaves, uint64_t count)
{
    unsigned n = 0;
    enum anju_err err = merkle_path(out->hash, &n, index, count, leaf_of, (void *)(uintptr_t)leaves);

    out->n = (uint8_t)n;
    return err;
}

static enum anju_err fill_envelope(struct ledger_receipt *out, const struct ledger_registry *r, const struct store_item *item, struct arena *a)
{
    struct ledger_envelope e;
    enum anju_err err = ledger_envelope_decode(&e, item->envelope, &r->ledger_id, a);

    if (err != ANJU_OK)
        return err;
    const struct ledger_member_key *key = ledger_registry_key(r, e.key);
    if (key == NULL || item->item.entry.index >= e.n_records)
        return anju_fail(ANJU_ERR_CORRUPT, "entry %llu: its envelope does not fit it", (unsigned long long)item->item.entry.seq);
    out->has_envelope = true;
    memcpy(out->body, e.body.data, LEDGER_BODY_SIZE);
    out->sig = e.sig;
    out->key = key->key;
    return path_in(&out->record_path, item->item.entry.index, e.leaf_hashes, e.n_records);
}

static enum anju_err fill_effects(struct ledger_receipt *out, const struct store_item *item, struct arena *a)
{
    uint32_t n = item->item.entry.n_effects;
    struct reader in = reader_over(item->item.effects);
    struct crypto_hash *leaves = arena_alloc(a, (n > 0 ? n : 1) * sizeof(*leaves));
    enum anju_err err = ANJU_OK;

    out->n_effects = n;
    out->effects = arena_alloc(a, (n > 0 ? n : 1) * sizeof(*out->effects));
    for (uint32_t i = 0; i < n; i++) {
        struct ledger_effect effect;
        const uint8_t *begin = in.at;
        ledger_effect_read(&effect, &in);
        out->effects[i].index = i;
        out->effects[i].effect = bytes_of(begin, (size_t)(in.at - begin));
        crypto_leaf_hash(&leaves[i], out->effects[i].effect);
    }
    if (reader_finish(&in) != ANJU_OK)
        return anju_fail(ANJU_ERR_CORRUPT, "entry %llu: its effects do not decode", (unsigned long long)item->item.entry.seq);
    for (uint32_t i = 0; err == ANJU_OK && i < n; i++)
        err = path_in(&out->effects[i].path, i, leaves, n);
    return err;
}

static enum anju_err fill_parts(struct ledger_receipt *out, const struct ledger_registry *r, const struct store_item *item, struct arena *a)
{
    enum anju_err err = ANJU_OK;

    out->has_record = true;
    out->record = item->item.record;
    if (item->envelope.size > 0)
        err = fill_envelope(out, r, item, a);
    return err == ANJU_OK ? fill_effects(out, item, a) : err;
}

enum anju_err rpc_make_receipt(json_t **out, struct store_read *read, const struct ledger_registry *r, uint64_t seq, bool parts)
{
    struct arena arena = {0};
    struct ledger_receipt *receipt = arena_alloc(&arena, sizeof(*receipt));
    struct store_item item;
    struct store_height h;
    enum anju_err err = store_read_item(read, &item, seq);

    if (err == ANJU_OK)
        err = store_read_height(read, &h, item.item.entry.height);
    if (err == ANJU_OK)
        err = fill_claim(receipt, read, r, &item, &h);
    if (err == ANJU_OK)
        err = fill_endorsement(receipt, read, h.height);
    if (err == ANJU_OK && parts)
        err = fill_parts(receipt, r, &item, &arena);
    if (err == ANJU_OK)
        *out = receipt_json(receipt);
    arena_free(&arena);
    return err;
}
