/*
 * The entries of a height, one value: n u32, n x offset u32 (from the value's begin), then the
 * items. Item: checksum u32 over the rest, entry 168, key u32, nonce 16, valid_until u64, flags u8
 * (1: last of its envelope), where the envelope lies in the block (offset u32, size u32), size u32
 * + effects, size u32 + record (kinds 0 and 2; the others' are in the block). Each item has a
 * checksum of its own, so that one is read without the ten thousand beside it.
 */
#include <inttypes.h>
#include <string.h>

#include "storage/checksum.h"
#include "storage/truth.h"

enum { ITEM_LAST_OF_ENVELOPE = 1, EFFECTS_SIZE_MAX = 1 << 30, RECORD_SIZE_MAX = 1 << 30 };

static bool has_envelope(const struct ledger_entry *e)
{
    return e->kind == LEDGER_ENTRY_RECORD || e->kind == LEDGER_ENTRY_REFUSAL;
}

static void encode_item(struct writer *w, const struct ledger_item *item, const uint32_t wire[2])
{
    size_t begin = w->size;

    writer_u32(w, 0);
    writer_put(w, item->bytes, LEDGER_ENTRY_SIZE);
    writer_u32(w, item->key);
    writer_put(w, item->nonce, LEDGER_NONCE_SIZE);
    writer_u64(w, item->valid_until);
    writer_u8(w, item->last_of_envelope ? ITEM_LAST_OF_ENVELOPE : 0);
    writer_u32(w, wire[0]);
    writer_u32(w, wire[1]);
    writer_bytes_u32(w, item->effects);
    writer_bytes_u32(w, has_envelope(&item->entry) ? bytes_of(NULL, 0) : item->record);
    put_u32(w->data + begin,
            checksum_crc32c(0, bytes_of(w->data + begin + 4, w->size - begin - 4)));
}

void truth_items_encode(struct writer *w, const struct ledger_item *items, size_t count,
                        const uint32_t *wires)
{
    size_t base = w->size;

    writer_u32(w, (uint32_t)count);
    (void)writer_reserve(w, 4 * count);
    for (size_t i = 0; i < count; i++) {
        put_u32(w->data + base + 4 + 4 * i, (uint32_t)(w->size - base));
        encode_item(w, &items[i], wires + 2 * i);
    }
}

/* ---- Where envelopes lie in a block ---- */

/* Walks the envelopes of a block's batches, in order. */
struct wires {
    struct bytes raw;
    struct reader r; /* over the batches */
    uint16_t left;   /* envelopes of the batch in hand */
    struct bytes now;
    struct crypto_hash id;
};

/* Past header, batch ids and certificate, which stand before the batches. */
static struct reader batches_of(struct bytes raw)
{
    struct reader r = reader_over(raw);
    struct bytes head = reader_take(&r, LEDGER_HEADER_SIZE);
    uint16_t n = head.size == LEDGER_HEADER_SIZE ? get_u16(head.data + LEDGER_HEADER_SIZE - 10) : 0;

    (void)reader_take(&r, (size_t)n * CRYPTO_HASH_SIZE);
    (void)reader_take_u32(&r, LEDGER_CERTIFICATE_SIZE_MAX);
    return r;
}

static bool next_wire(struct wires *w, const struct crypto_hash *ledger_id)
{
    while (w->left == 0) {
        (void)reader_u32(&w->r); /* the batch's size */
        w->left = reader_u16(&w->r);
        if (w->r.failed)
            return false;
    }
    w->left--;
    w->now = reader_take_u32(&w->r, UINT32_MAX);
    if (w->r.failed || w->now.size < LEDGER_BODY_SIZE)
        return false;
    ledger_envelope_id(&w->id, bytes_of(w->now.data, LEDGER_BODY_SIZE), ledger_id);
    return true;
}

enum anju_err truth_find_wires(uint32_t *wires, const struct ledger_item *items, size_t count,
                               struct bytes raw, const struct crypto_hash *ledger_id)
{
    struct wires w = {.raw = raw, .r = batches_of(raw)};

    for (size_t i = 0; i < count; i++) {
        const struct ledger_entry *e = &items[i].entry;
        wires[2 * i] = wires[2 * i + 1] = 0;
        if (!has_envelope(e))
            continue;
        while (w.now.size == 0 || !crypto_hash_equal(&w.id, &e->envelope))
            if (!next_wire(&w, ledger_id))
                return anju_fail(ANJU_ERR_CORRUPT,
                                 "entry %" PRIu64 " names an envelope that is not in its block",
                                 e->seq);
        wires[2 * i] = (uint32_t)(w.now.data - raw.data);
        wires[2 * i + 1] = (uint32_t)w.now.size;
    }
    return ANJU_OK;
}

/* ---- Reading ---- */

static enum anju_err damaged(const struct truth *t, uint64_t seq, const char *what)
{
    return anju_fail(ANJU_ERR_CORRUPT, "%s is damaged: entry %" PRIu64 ", %s", t->env.path, seq,
                     what);
}

/* The bytes of one item after its checksum, which is checked. */
static enum anju_err find_item(const struct truth *t, MDB_txn *txn, struct bytes *out,
                               const struct store_height *h, uint32_t index)
{
    uint64_t seq = h->first_seq + index;
    uint8_t key[8];
    struct bytes v;
    uint32_t begin, end;
    enum anju_err err;

    put_u64(key, h->height);
    err = kv_get_unchecked(&t->env, txn, &t->t[TRUTH_ITEMS], &v, bytes_of(key, 8));
    if (err != ANJU_OK)
        return err;
    if (v.size < 4 + 4 * (size_t)h->n || get_u32(v.data) != h->n || index >= h->n)
        return damaged(t, seq, "the list of its height");
    begin = get_u32(v.data + 4 + 4 * (size_t)index);
    end = index + 1 < h->n ? get_u32(v.data + 8 + 4 * (size_t)index) : (uint32_t)v.size;
    if (begin > end || end > v.size || end - begin < 4 + LEDGER_ENTRY_SIZE)
        return damaged(t, seq, "its place in its height");
    *out = bytes_of(v.data + begin + 4, end - begin - 4);
    if (get_u32(v.data + begin) != checksum_crc32c(0, *out))
        return damaged(t, seq, "its stored bytes");
    return ANJU_OK;
}

/* Reads an item's own bytes; *wire says where its envelope lies. */
static enum anju_err decode_item(const struct truth *t, struct ledger_item *out, uint32_t wire[2],
                                 struct bytes in, uint64_t seq)
{
    struct reader r = reader_over(in);
    struct bytes entry = reader_take(&r, LEDGER_ENTRY_SIZE);

    *out = (struct ledger_item){0};
    if (ledger_entry_decode(&out->entry, entry) != ANJU_OK || out->entry.seq != seq)
        return damaged(t, seq, "it does not decode");
    memcpy(out->bytes, entry.data, LEDGER_ENTRY_SIZE);
    ledger_entry_leaf(&out->leaf, out->bytes);
    out->key = reader_u32(&r);
    reader_copy(&r, out->nonce, LEDGER_NONCE_SIZE);
    out->valid_until = reader_u64(&r);
    out->last_of_envelope = (reader_u8(&r) & ITEM_LAST_OF_ENVELOPE) != 0;
    wire[0] = reader_u32(&r);
    wire[1] = reader_u32(&r);
    out->effects = reader_take_u32(&r, EFFECTS_SIZE_MAX);
    out->record = reader_take_u32(&r, RECORD_SIZE_MAX);
    return reader_finish(&r) == ANJU_OK ? ANJU_OK : damaged(t, seq, "it does not decode");
}

/* The record of index `index` in an envelope's wire; empty where there is none. */
static struct bytes record_in(struct bytes wire, uint32_t index)
{
    struct reader r = reader_over(wire);
    struct bytes record = {0};

    (void)reader_take(&r, LEDGER_BODY_SIZE + CRYPTO_SIG_SIZE);
    for (uint32_t i = 0; i <= index && !r.failed; i++)
        record = reader_take_u32(&r, RECORD_SIZE_MAX);
    return r.failed ? bytes_of(NULL, 0) : record;
}

static enum anju_err take_record(const struct truth *t, MDB_txn *txn, struct store_item *out,
                                 const uint32_t wire[2])
{
    const struct ledger_entry *e = &out->item.entry;
    struct crypto_hash hash;
    struct bytes raw;
    enum anju_err err = truth_block_unchecked(t, txn, &raw, e->height);

    if (err != ANJU_OK)
        return err;
    if (wire[0] > raw.size || wire[1] > raw.size - wire[0] ||
        wire[1] < LEDGER_BODY_SIZE + CRYPTO_SIG_SIZE)
        return damaged(t, e->seq, "the place of its envelope");
    out->envelope = bytes_of(raw.data + wire[0], wire[1]);
    ledger_envelope_id(&hash, bytes_of(out->envelope.data, LEDGER_BODY_SIZE), &t->ledger_id);
    if (!crypto_hash_equal(&hash, &e->envelope))
        return damaged(t, e->seq, "its envelope in the block");
    out->item.record = record_in(out->envelope, e->index);
    return ANJU_OK;
}

enum anju_err truth_item(const struct truth *t, MDB_txn *txn, struct store_item *out,
                         const struct store_height *h, uint32_t index)
{
    struct crypto_hash hash;
    struct bytes in;
    uint32_t wire[2] = {0, 0};
    enum anju_err err = find_item(t, txn, &in, h, index);

    *out = (struct store_item){.block = h->block};
    if (err == ANJU_OK)
        err = decode_item(t, &out->item, wire, in, h->first_seq + index);
    if (err == ANJU_OK && has_envelope(&out->item.entry))
        err = take_record(t, txn, out, wire);
    if (err != ANJU_OK)
        return err;
    crypto_leaf_hash(&hash, out->item.record);
    if (!crypto_hash_equal(&hash, &out->item.entry.record_leaf))
        return damaged(t, h->first_seq + index, "its record");
    return ANJU_OK;
}

enum anju_err truth_item_bare(const struct truth *t, MDB_txn *txn, struct ledger_item *out,
                              const struct store_height *h, uint32_t index)
{
    struct bytes in;
    uint32_t wire[2];
    enum anju_err err = find_item(t, txn, &in, h, index);

    return err == ANJU_OK ? decode_item(t, out, wire, in, h->first_seq + index) : err;
}

enum anju_err truth_entry(const struct truth *t, MDB_txn *txn, uint8_t out[LEDGER_ENTRY_SIZE],
                          const struct store_height *h, uint32_t index)
{
    struct bytes in;
    enum anju_err err = find_item(t, txn, &in, h, index);

    if (err == ANJU_OK)
        memcpy(out, in.data, LEDGER_ENTRY_SIZE);
    return err;
}
