/* The reader's life, and what it reads of the truth. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "storage/store_read_body.h"

/* ---- Begin and end ---- */

/* Under the mutex the list of layers, the newest tip and the snapshots belong together: a merge
 * marks its layers only after it has committed, and the ledger thread drops them only after that,
 * so whatever is not in the tables yet is in a layer. The truth may be a height ahead; the tip
 * bounds what is read. */
static enum anju_err take_snapshot(struct store_read *r, struct store *s)
{
    enum anju_err err = kv_begin(&r->truth, &s->truth.env, false);

    if (err == ANJU_OK)
        err = kv_begin(&r->derived, &s->derived.env, false);
    if (err != ANJU_OK)
        return err;
    r->layers = anju_alloc((s->n_layers + 1) * sizeof(struct layer *));
    for (size_t i = 0; i < s->n_layers; i++) {
        r->layers[i] = s->layers[i];
        layer_hold(r->layers[i]);
    }
    r->n_layers = s->n_layers;
    r->map = ledger_map_hold(
        s->n_layers > 0 ? ledger_overlay_map(s->layers[s->n_layers - 1]->overlay) : s->base_map);
    r->tip = s->tip;
    return ANJU_OK;
}

enum anju_err store_read_begin(struct store_read **out, struct store *s)
{
    struct store_read *r = anju_alloc(sizeof *r);
    enum anju_err err;

    r->store = s;
    store_read_view_init(r);
    if (s->readonly) {
        err = kv_begin(&r->truth, &s->truth.env, false);
        if (err == ANJU_OK)
            err = truth_tip(&s->truth, r->truth, &r->tip);
    } else {
        pthread_mutex_lock(&s->mutex);
        err = take_snapshot(r, s);
        pthread_mutex_unlock(&s->mutex);
    }
    if (err != ANJU_OK) {
        store_read_end(r);
        r = NULL;
    }
    *out = r;
    return err;
}

void store_read_end(struct store_read *r)
{
    if (r == NULL)
        return;
    kv_abort(&r->truth);
    kv_abort(&r->derived);
    ledger_map_release(r->map);
    layers_release(r->store, r->layers, r->n_layers);
    free(r->layers);
    free(r);
}

const struct ledger_tip *store_read_tip(const struct store_read *r)
{
    return &r->tip;
}

/* ---- Heights ---- */

static bool above(const struct store_read *r, uint64_t height)
{
    return height > r->tip.height;
}

enum anju_err store_read_height(struct store_read *r, struct store_height *out, uint64_t height)
{
    return above(r, height) ? ANJU_ERR_NOT_FOUND
                            : truth_height(&r->store->truth, r->truth, out, height);
}

enum anju_err store_read_block(struct store_read *r, struct bytes *out, uint64_t height)
{
    return above(r, height) ? ANJU_ERR_NOT_FOUND
                            : truth_block(&r->store->truth, r->truth, out, height);
}

/* The header of a block, checked by its id, and the block's bytes, of which nothing else is
 * checked. */
static enum anju_err read_head(struct store_read *r, struct ledger_header *out, struct bytes *raw,
                               uint64_t height)
{
    struct store_height h;
    struct crypto_hash id;
    enum anju_err err = store_read_height(r, &h, height);

    if (err == ANJU_OK)
        err = truth_block_unchecked(&r->store->truth, r->truth, raw, height);
    if (err != ANJU_OK)
        return err;
    if (raw->size < LEDGER_HEADER_SIZE ||
        ledger_header_decode(out, bytes_of(raw->data, LEDGER_HEADER_SIZE)) != ANJU_OK)
        goto damaged;
    ledger_block_id(&id, out, &r->store->truth.ledger_id);
    if (crypto_hash_equal(&id, &h.block))
        return ANJU_OK;
damaged:
    return anju_fail(ANJU_ERR_CORRUPT, "%s is damaged: the header of block %" PRIu64,
                     r->store->truth.env.path, height);
}

enum anju_err store_read_header(struct store_read *r, struct ledger_header *out, uint64_t height)
{
    struct bytes raw;
    return read_head(r, out, &raw, height);
}

/* The certificate inside a block, checked by the header's digest of it. */
static enum anju_err carried_certificate(struct store_read *r, struct bytes *out, uint64_t height)
{
    struct ledger_header header;
    struct crypto_hash digest;
    struct bytes raw;
    struct reader rd;
    enum anju_err err = read_head(r, &header, &raw, height);

    if (err != ANJU_OK)
        return err;
    rd = reader_over(raw);
    (void)reader_take(&rd, LEDGER_HEADER_SIZE);
    (void)reader_take(&rd, (size_t)header.n_batches * CRYPTO_HASH_SIZE);
    *out = reader_take_u32(&rd, LEDGER_CERTIFICATE_SIZE_MAX);
    crypto_digest(&digest, "anju/certificate/1", &r->store->truth.ledger_id, *out);
    if (rd.failed || !crypto_hash_equal(&digest, &header.previous_certificate))
        return anju_fail(ANJU_ERR_CORRUPT, "%s is damaged: the certificate in block %" PRIu64,
                         r->store->truth.env.path, height);
    return ANJU_OK;
}

enum anju_err store_read_decided(struct store_read *r, struct bytes *out, uint64_t height)
{
    if (height == 0 || above(r, height))
        return ANJU_ERR_NOT_FOUND;
    return truth_certificate(&r->store->truth, r->truth, out, height);
}

enum anju_err store_read_certificate(struct store_read *r, struct bytes *out, uint64_t height)
{
    if (height == 0 || above(r, height))
        return ANJU_ERR_NOT_FOUND;
    return above(r, height + 1) ? store_read_decided(r, out, height)
                                : carried_certificate(r, out, height + 1);
}

enum anju_err store_read_polka(struct store_read *r, struct bytes *out, uint64_t height,
                               uint16_t index)
{
    return above(r, height) ? ANJU_ERR_NOT_FOUND
                            : truth_polka(&r->store->truth, r->truth, out, height, index);
}

/* ---- Entries ---- */

enum anju_err store_read_height_of(struct store_read *r, uint64_t *height, uint64_t seq)
{
    if (seq >= r->tip.log.size)
        return ANJU_ERR_NOT_FOUND;
    return truth_height_of(&r->store->truth, r->truth, height, seq);
}

/* The height that holds an entry. */
static enum anju_err height_with(struct store_read *r, struct store_height *out, uint64_t seq)
{
    uint64_t height = 0;
    enum anju_err err = store_read_height_of(r, &height, seq);

    if (err == ANJU_OK)
        err = truth_height(&r->store->truth, r->truth, out, height);
    if (err == ANJU_OK && (seq < out->first_seq || seq - out->first_seq >= out->n))
        err = anju_fail(ANJU_ERR_CORRUPT, "%s is damaged: no height holds entry %" PRIu64,
                        r->store->truth.env.path, seq);
    return err;
}

enum anju_err store_read_item(struct store_read *r, struct store_item *out, uint64_t seq)
{
    struct store_height h;
    enum anju_err err = height_with(r, &h, seq);

    return err == ANJU_OK
               ? truth_item(&r->store->truth, r->truth, out, &h, (uint32_t)(seq - h.first_seq))
               : err;
}

enum anju_err store_read_entry(struct store_read *r, uint8_t out[LEDGER_ENTRY_SIZE], uint64_t seq)
{
    struct store_height h;
    enum anju_err err = height_with(r, &h, seq);

    return err == ANJU_OK
               ? truth_entry(&r->store->truth, r->truth, out, &h, (uint32_t)(seq - h.first_seq))
               : err;
}

enum anju_err store_read_items(struct store_read *r, struct ledger_item **out, size_t *count,
                               uint64_t height, struct arena *a)
{
    struct store_height h;
    enum anju_err err = store_read_height(r, &h, height);

    if (err != ANJU_OK)
        return err;
    *out = arena_alloc(a, (h.n + 1u) * sizeof **out);
    *count = h.n;
    for (uint32_t i = 0; err == ANJU_OK && i < h.n; i++) {
        struct store_item item;
        err = truth_item(&r->store->truth, r->truth, &item, &h, i);
        (*out)[i] = item.item;
    }
    return err;
}

/* ---- The log's tree ---- */

enum anju_err store_read_log_node(void *ctx, struct crypto_hash *out, unsigned level,
                                  uint64_t index)
{
    struct store_read *r = ctx;
    uint8_t entry[LEDGER_ENTRY_SIZE];
    enum anju_err err;

    if (level >= 64 || index > (UINT64_MAX >> level) || (index + 1) > (r->tip.log.size >> level))
        return ANJU_ERR_NOT_FOUND; /* not complete at this height */
    if (level > 0)
        return truth_log_node(&r->store->truth, r->truth, out, level, index);
    err = store_read_entry(r, entry, index);
    if (err == ANJU_OK)
        ledger_entry_leaf(out, entry);
    return err;
}

enum anju_err store_read_path(struct store_read *r, struct crypto_hash *path, unsigned *count,
                              uint64_t seq)
{
    struct store_height h;
    enum anju_err err = height_with(r, &h, seq);

    return err == ANJU_OK
               ? merkle_path(path, count, seq, h.result_body.log_size, store_read_log_node, r)
               : err;
}
