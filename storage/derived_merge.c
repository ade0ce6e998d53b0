#include <stdlib.h>
#include <string.h>

#include "storage/derived.h"
#include "storage/derived_key.h"
#include "storage/truth.h"

/* At most so many rows that have run out go in one merge, so that it stays short after a pause. */
enum { EXPIRED_MAX = 1 << 17 };

static enum anju_err put(struct derived_merge *m, enum derived_table table, struct bytes key,
                         struct bytes value)
{
    return kv_put(&m->d->env, m->txn, &m->d->t[table], key, value, false);
}

static enum anju_err delete (struct derived_merge *m, enum derived_table table, struct bytes key) {
    return kv_delete(&m->d->env, m->txn, &m->d->t[table], key);
}

static enum anju_err merge_subjects(struct derived_merge *m, const struct ledger_rows *rows)
{
    struct writer w = {0};
    uint8_t key[SUBJECT_KEY_SIZE];
    enum anju_err err = ANJU_OK;

    for (size_t i = 0; err == ANJU_OK && i < rows->n_subjects; i++) {
        const struct ledger_subject *s = &rows->subjects[i];
        writer_clear(&w);
        writer_u64(&w, s->version);
        writer_u16(&w, s->state);
        writer_put(&w, s->digest.b, 32);
        writer_u64(&w, s->last_seq);
        writer_bytes(&w, s->attributes);
        subject_key(key, s->procedure, &s->id);
        err = put(m, DERIVED_SUBJECTS, bytes_of(key, sizeof key), writer_view(&w));
    }
    writer_free(&w);
    return err;
}

static enum anju_err merge_chains(struct derived_merge *m, const struct ledger_rows *rows)
{
    struct writer w = {0};
    enum anju_err err = ANJU_OK;

    for (size_t i = 0; err == ANJU_OK && i < rows->n_chains; i++) {
        const struct ledger_chain_row *c = &rows->chains[i];
        writer_clear(&w);
        writer_u64(&w, c->live);
        writer_put(&w, c->state.b, 32);
        writer_bytes(&w, c->peaks);
        err = put(m, DERIVED_CHAINS, bytes_of(c->key.b, 32), writer_view(&w));
    }
    writer_free(&w);
    return err;
}

/* Items [0, n) all belong into one row, in order; the row may hold earlier ones already. */
static enum anju_err merge_item_row(struct derived_merge *m, const struct ledger_item_row *items,
                                    size_t n)
{
    size_t first = (size_t)(items[0].index % DERIVED_ITEMS_A_ROW);
    uint8_t key[ITEM_KEY_SIZE], row[8 * DERIVED_ITEMS_A_ROW];
    struct bytes before = {0};
    enum anju_err err = ANJU_OK;

    item_key(key, &items[0].key, items[0].index / DERIVED_ITEMS_A_ROW);
    if (first > 0)
        err =
            kv_get(&m->d->env, m->txn, &m->d->t[DERIVED_ITEMS], &before, bytes_of(key, sizeof key));
    if (err == ANJU_ERR_NOT_FOUND || (err == ANJU_OK && before.size < 8 * first))
        return anju_fail(ANJU_ERR_CORRUPT,
                         "%s is damaged: a chain lacks its earlier entries; run `anju rebuild`",
                         m->d->env.path);
    if (err != ANJU_OK)
        return err;
    if (first > 0)
        memcpy(row, before.data, 8 * first);
    for (size_t i = 0; i < n; i++)
        put_u64(row + 8 * (first + i), items[i].seq);
    return put(m, DERIVED_ITEMS, bytes_of(key, sizeof key), bytes_of(row, 8 * (first + n)));
}

static enum anju_err merge_items(struct derived_merge *m, const struct ledger_rows *rows)
{
    enum anju_err err = ANJU_OK;

    for (size_t i = 0, end; err == ANJU_OK && i < rows->n_items; i = end) {
        const struct ledger_item_row *a = &rows->items[i];
        for (end = i + 1; end < rows->n_items; end++) {
            const struct ledger_item_row *b = &rows->items[end];
            if (b->index % DERIVED_ITEMS_A_ROW == 0 || memcmp(a->key.b, b->key.b, 32) != 0)
                break;
        }
        err = merge_item_row(m, a, end - i);
    }
    return err;
}

static enum anju_err merge_chain_nodes(struct derived_merge *m, const struct ledger_rows *rows)
{
    uint8_t key[NODE_KEY_SIZE];
    enum anju_err err = ANJU_OK;

    for (size_t i = 0; err == ANJU_OK && i < rows->n_chain_nodes; i++) {
        const struct ledger_chain_node_row *n = &rows->chain_nodes[i];
        node_key(key, &n->key, n->level, n->index);
        err = put(m, DERIVED_CHAIN_NODES, bytes_of(key, sizeof key), crypto_hash_bytes(&n->hash));
    }
    return err;
}

static enum anju_err merge_used(struct derived_merge *m, const struct ledger_rows *rows)
{
    uint8_t key[EXPIRY_KEY_SIZE], value[USED_SIZE];
    enum anju_err err = ANJU_OK;

    for (size_t i = 0; err == ANJU_OK && i < rows->n_used; i++) {
        const struct ledger_used_row *u = &rows->used[i];
        put_u64(key, u->used.valid_until);
        used_key(key + 8, u->key, u->nonce);
        memcpy(value, u->used.envelope.b, 32);
        put_u64(value + 32, u->used.valid_until);
        put_u64(value + 40, u->used.first_seq);
        put_u32(value + 48, u->used.n);
        err = put(m, DERIVED_USED, bytes_of(key + 8, USED_KEY_SIZE), bytes_of(value, sizeof value));
        if (err == ANJU_OK)
            err = put(m, DERIVED_EXPIRY, bytes_of(key, sizeof key), bytes_of(NULL, 0));
    }
    return err;
}

static enum anju_err merge_refusals(struct derived_merge *m, const struct ledger_rows *rows)
{
    uint8_t key[REFUSAL_KEY_SIZE], value[4];
    enum anju_err err = ANJU_OK;

    for (size_t i = 0; err == ANJU_OK && i < rows->n_refusals; i++) {
        refusal_key(key, rows->refusals[i].member, rows->refusals[i].day);
        put_u32(value, rows->refusals[i].count);
        err = put(m, DERIVED_REFUSALS, bytes_of(key, sizeof key), bytes_of(value, sizeof value));
    }
    return err;
}

static enum anju_err merge_timers(struct derived_merge *m, const struct ledger_rows *rows)
{
    uint8_t key[TIMER_KEY_SIZE];
    enum anju_err err = ANJU_OK;

    for (size_t i = 0; err == ANJU_OK && i < rows->n_timers; i++) {
        timer_key(key, &rows->timers[i].timer);
        err = rows->timers[i].removed
                  ? delete (m, DERIVED_TIMERS, bytes_of(key, sizeof key))
                  : put(m, DERIVED_TIMERS, bytes_of(key, sizeof key), bytes_of(NULL, 0));
    }
    return err;
}

static enum anju_err merge_segments(struct derived_merge *m, const struct ledger_rows *rows)
{
    uint8_t key[SEGMENT_KEY_SIZE], value[SEGMENT_SIZE];
    enum anju_err err = ANJU_OK;

    for (size_t i = 0; err == ANJU_OK && i < rows->n_segments; i++) {
        const struct ledger_map_segment *s = &rows->segments[i];
        put_u32(key, s->prefix);
        key[4] = s->bits;
        value[0] = s->kind;
        memcpy(value + 1, s->hash.b, 32);
        err = put(m, DERIVED_SEGMENTS, bytes_of(key, sizeof key), bytes_of(value, sizeof value));
    }
    return err;
}

static int by_id(const void *a, const void *b)
{
    return memcmp(*(const uint8_t *const *)a, *(const uint8_t *const *)b, 32);
}

static enum anju_err merge_envelopes(struct derived_merge *m, const struct table *envelopes)
{
    const uint8_t **ids = anju_alloc((envelopes->count + 1) * sizeof *ids);
    uint8_t value[ENVELOPE_SIZE];
    size_t index = 0, n = 0;
    const void *id;
    void *found;
    enum anju_err err = ANJU_OK;

    while ((id = table_next(envelopes, &index, &found)) != NULL)
        ids[n++] = id;
    if (n > 1)
        qsort(ids, n, sizeof *ids, by_id);
    for (size_t i = 0; err == ANJU_OK && i < n; i++) {
        const struct derived_envelope *e = table_get(envelopes, ids[i]);
        put_u64(value, e->first_seq);
        put_u32(value + 8, e->n);
        err = put(m, DERIVED_ENVELOPES, bytes_of(ids[i], 32), bytes_of(value, sizeof value));
    }
    free(ids);
    return err;
}

/* ---- What has run out ---- */

/* Removes the (key, nonce) of an expiry row, unless it was used again by a later envelope. */
static enum anju_err expire_used(struct derived_merge *m, struct bytes expiry_key)
{
    struct bytes key = bytes_of(expiry_key.data + 8, USED_KEY_SIZE), v;
    enum anju_err err = kv_get(&m->d->env, m->txn, &m->d->t[DERIVED_USED], &v, key);

    if (err == ANJU_OK && v.size == USED_SIZE && memcmp(v.data + 32, expiry_key.data, 8) == 0)
        err = delete (m, DERIVED_USED, key);
    else if (err == ANJU_ERR_NOT_FOUND)
        err = ANJU_OK;
    return err == ANJU_OK ? delete (m, DERIVED_EXPIRY, expiry_key) : err;
}

/* The first key of a table, copied; NOT_FOUND where it is empty. */
static enum anju_err first_key(struct derived_merge *m, enum derived_table table, uint8_t *out,
                               size_t size)
{
    struct kv_walk w = {0};
    struct bytes k, v;
    enum anju_err err = kv_walk_begin(&w, &m->d->env, m->txn, &m->d->t[table]);

    if (err == ANJU_OK)
        err = kv_walk_next(&w, &m->d->env, &m->d->t[table], &k, &v, bytes_of(NULL, 0));
    if (err == ANJU_OK && k.size != size)
        err = anju_fail(ANJU_ERR_CORRUPT, "%s is damaged; run `anju rebuild`", m->d->env.path);
    if (err == ANJU_OK)
        memcpy(out, k.data, size);
    kv_walk_end(&w);
    return err;
}

static enum anju_err remove_expired(struct derived_merge *m, uint64_t now_ms)
{
    uint32_t day = (uint32_t)(now_ms / 86400000u);
    uint8_t expiry[EXPIRY_KEY_SIZE], refusal[REFUSAL_KEY_SIZE];
    enum anju_err err = ANJU_OK;

    for (int i = 0; err == ANJU_OK && i < EXPIRED_MAX; i++) {
        err = first_key(m, DERIVED_EXPIRY, expiry, sizeof expiry);
        if (err != ANJU_OK || get_u64(expiry) > now_ms)
            break;
        err = expire_used(m, bytes_of(expiry, sizeof expiry));
    }
    if (err == ANJU_ERR_NOT_FOUND)
        err = ANJU_OK;
    /* Block time never goes back: the days before this one are over. */
    for (int i = 0; err == ANJU_OK && i < EXPIRED_MAX; i++) {
        err = first_key(m, DERIVED_REFUSALS, refusal, sizeof refusal);
        if (err != ANJU_OK || get_u32(refusal) >= day)
            break;
        err = delete (m, DERIVED_REFUSALS, bytes_of(refusal, sizeof refusal));
    }
    return err == ANJU_ERR_NOT_FOUND ? ANJU_OK : err;
}

/* ---- The merge ---- */

enum anju_err derived_merge_begin(struct derived_merge *m, const struct derived *d)
{
    *m = (struct derived_merge){.d = d};
    return kv_begin(&m->txn, &d->env, true);
}

enum anju_err derived_merge_rows(struct derived_merge *m, const struct ledger_rows *rows,
                                 const struct table *envelopes)
{
    enum anju_err err = merge_subjects(m, rows);

    if (err == ANJU_OK)
        err = merge_chains(m, rows);
    if (err == ANJU_OK)
        err = merge_items(m, rows);
    if (err == ANJU_OK)
        err = merge_chain_nodes(m, rows);
    if (err == ANJU_OK)
        err = merge_used(m, rows);
    if (err == ANJU_OK)
        err = merge_refusals(m, rows);
    if (err == ANJU_OK)
        err = merge_timers(m, rows);
    if (err == ANJU_OK)
        err = merge_segments(m, rows);
    if (err == ANJU_OK)
        err = merge_envelopes(m, envelopes);
    return err;
}

enum anju_err derived_merge_commit(struct derived_merge *m, const struct ledger_tip *tip)
{
    struct writer w = {0};
    enum anju_err err = remove_expired(m, tip->time_ms);

    tip_encode(&w, tip);
    if (err == ANJU_OK)
        err = put(m, DERIVED_META, bytes_of_text("tip"), writer_view(&w));
    if (err == ANJU_OK)
        err = kv_commit(&m->d->env, &m->txn);
    writer_free(&w);
    return err;
}

void derived_merge_abort(struct derived_merge *m)
{
    kv_abort(&m->txn);
}
