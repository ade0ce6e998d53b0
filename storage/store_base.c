#include <stdlib.h>
#include <string.h>

#include "storage/store_body.h"

static const struct base_view *base_of(const struct ledger_view *v)
{
    return (const struct base_view *)v;
}

static enum anju_err view_subject(const struct ledger_view *v, struct ledger_subject *out,
                                  uint16_t procedure, const struct ledger_subject_id *id,
                                  struct arena *a)
{
    const struct base_view *b = base_of(v);
    return derived_subject(&b->store->derived, b->txn, out, procedure, id, a);
}

static enum anju_err view_chain(const struct ledger_view *v, struct ledger_chain *out,
                                const struct ledger_map_key *key)
{
    const struct base_view *b = base_of(v);
    return derived_chain(&b->store->derived, b->txn, out, key);
}

static enum anju_err view_used(const struct ledger_view *v, struct ledger_used *out, uint32_t key,
                               const uint8_t nonce[LEDGER_NONCE_SIZE])
{
    const struct base_view *b = base_of(v);
    return derived_used(&b->store->derived, b->txn, out, key, nonce);
}

static enum anju_err view_refusals(const struct ledger_view *v, uint32_t *out, uint32_t member,
                                   uint32_t day)
{
    const struct base_view *b = base_of(v);
    return derived_refusals(&b->store->derived, b->txn, out, member, day);
}

static enum anju_err view_timers(const struct ledger_view *v, struct ledger_timer *out,
                                 size_t *count, size_t max, uint64_t until)
{
    const struct base_view *b = base_of(v);
    return derived_timers(&b->store->derived, b->txn, out, count, max, until);
}

static struct ledger_map *view_map(const struct ledger_view *v)
{
    return base_of(v)->store->base_map;
}

static const struct ledger_tip *view_tip(const struct ledger_view *v)
{
    return &base_of(v)->store->base_tip;
}

void base_init(struct store *s)
{
    s->base = (struct base_view){
        .view =
            {
                .registry = s->registry,
                .subject = view_subject,
                .chain = view_chain,
                .used = view_used,
                .refusals = view_refusals,
                .timers = view_timers,
                .map = view_map,
                .tip = view_tip,
            },
        .store = s,
    };
}

/* Brings a cold segment. Any thread: a snapshot of its own, as new as it gets. A segment is cold
 * only when nothing above the watermark has touched it (layers_drop_merged), so the tables have all
 * of it. */
static enum anju_err load_segment(void *ctx, struct ledger_map_leaf **leaves, size_t *count,
                                  const struct ledger_map_segment *segment)
{
    const struct store *s = ctx;
    MDB_txn *txn = NULL;
    enum anju_err err = kv_begin(&txn, &s->derived.env, false);

    if (err == ANJU_OK)
        err = derived_leaves(&s->derived, txn, leaves, count, segment);
    kv_abort(&txn);
    return err;
}

enum anju_err base_renew(struct store *s)
{
    MDB_txn *fresh = NULL;
    enum anju_err err = kv_begin(&fresh, &s->derived.env, false);

    if (err != ANJU_OK)
        return err;
    kv_abort(&s->base.txn);
    s->base.txn = fresh;
    return ANJU_OK;
}

static enum anju_err load_map(struct store *s)
{
    struct ledger_map_segment *segments = NULL;
    struct crypto_hash root;
    size_t count = 0;
    enum anju_err err = derived_segments(&s->derived, s->base.txn, &segments, &count);

    if (err != ANJU_OK)
        return err;
    s->base_map = ledger_map_open(segments, count, load_segment, s);
    free(segments);
    ledger_map_root(&root, s->base_map);
    if (s->has_base && !crypto_hash_equal(&root, &s->base_tip.result_body.map_root))
        return anju_fail(ANJU_ERR_CORRUPT,
                         "%s is damaged: its map does not have the root of its height",
                         s->derived.env.path);
    return ANJU_OK;
}

enum anju_err base_load(struct store *s)
{
    enum anju_err err = base_renew(s);

    if (err == ANJU_OK)
        err = derived_tip(&s->derived, s->base.txn, &s->base_tip);
    s->has_base = err == ANJU_OK;
    if (err == ANJU_ERR_NOT_FOUND) {
        memset(&s->base_tip, 0, sizeof s->base_tip); /* as ledger_view_empty has it */
        err = ANJU_OK;
    }
    if (err == ANJU_OK)
        err = load_map(s);
    s->tip = s->base_tip;
    s->watermark = s->base_tip.height;
    return err;
}
