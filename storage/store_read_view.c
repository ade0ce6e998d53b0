/* What a reader sees of derived data: the layers it holds, newest first, then the tables. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "storage/store_read_body.h"

enum anju_err store_read_needs_derived(const struct store_read *r)
{
    return r->derived != NULL ? ANJU_OK
                              : anju_fail(ANJU_ERR_UNSUPPORTED,
                                          "%s was opened read-only: subjects and chains are "
                                          "there only for the node itself",
                                          r->store->dir);
}

static struct store_read *read_of(const struct ledger_view *v)
{
    return (struct store_read *)(uintptr_t)v; /* looking does not change it */
}

/* ---- Lookups ---- */

enum anju_err store_read_subject(struct store_read *r, struct ledger_subject *out,
                                 uint16_t procedure, const struct ledger_subject_id *id,
                                 struct arena *a)
{
    enum anju_err err = store_read_needs_derived(r);

    if (err != ANJU_OK)
        return err;
    for (size_t i = r->n_layers; i-- > 0;) {
        err = ledger_overlay_own_subject(r->layers[i]->overlay, out, procedure, id, a);
        if (err != ANJU_ERR_NOT_FOUND)
            return err;
    }
    return derived_subject(&r->store->derived, r->derived, out, procedure, id, a);
}

enum anju_err store_read_chain(struct store_read *r, struct ledger_chain *out,
                               const struct ledger_map_key *key)
{
    enum anju_err err = store_read_needs_derived(r);

    if (err != ANJU_OK)
        return err;
    for (size_t i = r->n_layers; i-- > 0;) {
        err = ledger_overlay_own_chain(r->layers[i]->overlay, out, key);
        if (err != ANJU_ERR_NOT_FOUND)
            return err;
    }
    return derived_chain(&r->store->derived, r->derived, out, key);
}

static enum anju_err chain_item(struct store_read *r, uint64_t *seq,
                                const struct ledger_map_key *key, uint64_t index)
{
    for (size_t i = r->n_layers; i-- > 0;) {
        enum anju_err err = ledger_overlay_chain_item(seq, r->layers[i]->overlay, key, index);
        if (err != ANJU_ERR_NOT_FOUND)
            return err;
    }
    return derived_chain_item(&r->store->derived, r->derived, seq, key, index);
}

/* An index below a chain's count must be there. */
static enum anju_err chain_item_surely(struct store_read *r, uint64_t *seq,
                                       const struct ledger_map_key *key, uint64_t index)
{
    enum anju_err err = chain_item(r, seq, key, index);

    if (err == ANJU_ERR_NOT_FOUND)
        err = anju_fail(ANJU_ERR_CORRUPT,
                        "%s is damaged: a chain lacks its entry %" PRIu64 "; run `anju rebuild`",
                        r->store->derived.env.path, index);
    return err;
}

static enum anju_err chain_count(struct store_read *r, uint64_t *count,
                                 const struct ledger_map_key *key)
{
    struct ledger_chain chain;
    enum anju_err err = store_read_chain(r, &chain, key);

    if (err == ANJU_OK)
        *count = chain.peaks.size;
    return err;
}

enum anju_err store_read_chain_items(struct store_read *r, uint64_t *seqs, size_t *count,
                                     size_t max, const struct ledger_map_key *key, uint64_t begin)
{
    uint64_t size = 0;
    enum anju_err err = chain_count(r, &size, key);

    *count = 0;
    while (err == ANJU_OK && *count < max && begin + *count < size) {
        err = chain_item_surely(r, &seqs[*count], key, begin + *count);
        *count += err == ANJU_OK;
    }
    return err;
}

enum anju_err store_read_chain_find(struct store_read *r, uint64_t *index,
                                    const struct ledger_map_key *key, uint64_t seq)
{
    uint64_t low = 0, high = 0; /* the answer is in [low, high] */
    enum anju_err err = chain_count(r, &high, key);

    while (err == ANJU_OK && low < high) {
        uint64_t middle = low + (high - low) / 2, found;
        err = chain_item_surely(r, &found, key, middle);
        if (err == ANJU_OK && found < seq)
            low = middle + 1;
        else
            high = middle;
    }
    *index = low;
    return err;
}

/* ---- A chain's tree ---- */

static enum anju_err chain_leaf(struct store_read *r, struct crypto_hash *out,
                                const struct ledger_map_key *key, uint64_t index)
{
    uint8_t entry[LEDGER_ENTRY_SIZE];
    uint64_t seq;
    enum anju_err err = chain_item_surely(r, &seq, key, index);

    if (err == ANJU_OK)
        err = store_read_entry(r, entry, seq);
    if (err == ANJU_OK)
        ledger_entry_leaf(out, entry);
    return err;
}

/* Large subtrees are kept once they are merged; small ones, and what is not merged yet, are
 * computed from the leaves. */
static enum anju_err chain_node(struct store_read *r, struct crypto_hash *out,
                                const struct ledger_map_key *key, unsigned level, uint64_t index)
{
    struct crypto_hash left, right;
    enum anju_err err;

    if (level == 0)
        return chain_leaf(r, out, key, index);
    if (level >= LEDGER_CHAIN_NODE_LEVEL_MIN) {
        err = derived_chain_node(&r->store->derived, r->derived, out, key, level, index);
        if (err != ANJU_ERR_NOT_FOUND)
            return err;
    }
    err = chain_node(r, &left, key, level - 1, 2 * index);
    if (err == ANJU_OK)
        err = chain_node(r, &right, key, level - 1, 2 * index + 1);
    if (err == ANJU_OK)
        crypto_inner_hash(out, &left, &right);
    return err;
}

enum anju_err store_read_chain_node(void *ctx, struct crypto_hash *out, unsigned level,
                                    uint64_t index)
{
    const struct store_chain *c = ctx;
    enum anju_err err = store_read_needs_derived(c->read);
    uint64_t size = 0;

    if (err == ANJU_OK)
        err = chain_count(c->read, &size, &c->key);
    if (err != ANJU_OK)
        return err;
    if (level >= 64 || index > (UINT64_MAX >> level) || index + 1 > (size >> level))
        return ANJU_ERR_NOT_FOUND;
    return chain_node(c->read, out, &c->key, level, index);
}

/* ---- The map ---- */

enum anju_err store_read_map_load(void *ctx, struct ledger_map_leaf **leaves, size_t *count,
                                  const struct ledger_map_segment *segment)
{
    struct store_read *r = ctx;
    return derived_leaves(&r->store->derived, r->derived, leaves, count, segment);
}

enum anju_err store_read_prove(struct store_read *r, struct writer *out,
                               const struct ledger_map_key *keys, size_t count)
{
    enum anju_err err = store_read_needs_derived(r);
    return err == ANJU_OK ? ledger_map_prove_with(out, r->map, keys, count, store_read_map_load, r)
                          : err;
}

/* ---- Envelopes ---- */

static enum anju_err find_envelope(struct store_read *r, struct derived_envelope *out,
                                   const struct crypto_hash *id)
{
    for (size_t i = r->n_layers; i-- > 0;) {
        const struct derived_envelope *e = table_get(&r->layers[i]->envelopes, id->b);
        if (e != NULL) {
            *out = *e;
            return ANJU_OK;
        }
    }
    return derived_envelope(&r->store->derived, r->derived, out, id);
}

enum anju_err store_read_envelope(struct store_read *r, struct store_envelope *out,
                                  const struct crypto_hash *id)
{
    struct derived_envelope found;
    uint8_t raw[LEDGER_ENTRY_SIZE];
    struct ledger_entry entry;
    enum anju_err err = store_read_needs_derived(r);

    if (err == ANJU_OK)
        err = find_envelope(r, &found, id);
    if (err == ANJU_OK)
        err = store_read_entry(r, raw, found.first_seq);
    if (err == ANJU_OK)
        err = ledger_entry_decode(&entry, bytes_of(raw, sizeof raw));
    if (err == ANJU_OK)
        *out = (struct store_envelope){.height = entry.height,
                                       .first_seq = found.first_seq,
                                       .n = found.n,
                                       .outcome = entry.outcome,
                                       .failing_index = entry.index};
    if (err == ANJU_OK && entry.kind == LEDGER_ENTRY_RECORD)
        out->failing_index = 0;
    return err;
}

/* ---- The view ---- */

static enum anju_err view_subject(const struct ledger_view *v, struct ledger_subject *out,
                                  uint16_t procedure, const struct ledger_subject_id *id,
                                  struct arena *a)
{
    return store_read_subject(read_of(v), out, procedure, id, a);
}

static enum anju_err view_chain(const struct ledger_view *v, struct ledger_chain *out,
                                const struct ledger_map_key *key)
{
    return store_read_chain(read_of(v), out, key);
}

static enum anju_err view_used(const struct ledger_view *v, struct ledger_used *out, uint32_t key,
                               const uint8_t nonce[LEDGER_NONCE_SIZE])
{
    struct store_read *r = read_of(v);
    enum anju_err err = store_read_needs_derived(r);

    if (err != ANJU_OK)
        return err;
    for (size_t i = r->n_layers; i-- > 0;) {
        err = ledger_overlay_own_used(r->layers[i]->overlay, out, key, nonce);
        if (err != ANJU_ERR_NOT_FOUND)
            return err;
    }
    return derived_used(&r->store->derived, r->derived, out, key, nonce);
}

static enum anju_err view_refusals(const struct ledger_view *v, uint32_t *out, uint32_t member,
                                   uint32_t day)
{
    struct store_read *r = read_of(v);
    enum anju_err err = store_read_needs_derived(r);

    if (err != ANJU_OK)
        return err;
    for (size_t i = r->n_layers; i-- > 0;) {
        err = ledger_overlay_own_refusals(r->layers[i]->overlay, out, member, day);
        if (err != ANJU_ERR_NOT_FOUND)
            return err;
    }
    return derived_refusals(&r->store->derived, r->derived, out, member, day);
}

static enum anju_err view_timers(const struct ledger_view *v, struct ledger_timer *out,
                                 size_t *count, size_t max, uint64_t until)
{
    (void)v, (void)out, (void)max, (void)until;
    *count = 0;
    return anju_fail(ANJU_ERR_UNSUPPORTED, "a reader has no timers: ask the head");
}

static struct ledger_map *view_map(const struct ledger_view *v)
{
    return read_of(v)->map;
}

static const struct ledger_tip *view_tip(const struct ledger_view *v)
{
    return &read_of(v)->tip;
}

void store_read_view_init(struct store_read *r)
{
    r->view = (struct ledger_view){
        .registry = r->store->registry,
        .subject = view_subject,
        .chain = view_chain,
        .used = view_used,
        .refusals = view_refusals,
        .timers = view_timers,
        .map = view_map,
        .tip = view_tip,
    };
}

const struct ledger_view *store_read_view(const struct store_read *r)
{
    return &r->view;
}
