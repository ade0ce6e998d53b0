#include "ledger/execute.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/overlay_body.h"

void *overlay_list_add(struct overlay_list *l, size_t size)
{
    uint8_t *item;

    if (l->count == l->room) {
        l->room = l->room == 0 ? 16 : 2 * l->room;
        l->items = anju_realloc(l->items, l->room * size);
    }
    item = (uint8_t *)l->items + l->count++ * size;
    memset(item, 0, size);
    return item;
}

static void list_free(struct overlay_list *l)
{
    free(l->items);
    *l = (struct overlay_list){0};
}

static unsigned peak_count(const struct overlay_chain *c)
{
    return (unsigned)__builtin_popcountll(c->size);
}

static void copy_hashes(struct crypto_hash *out, const struct crypto_hash *in, unsigned count)
{
    if (count > 0)
        memcpy(out, in, count * sizeof(*out));
}

void overlay_subject_key(uint8_t out[OVERLAY_SUBJECT_KEY_SIZE], uint16_t procedure,
                         const struct ledger_subject_id *id)
{
    put_u16(out, procedure);
    memcpy(out + 2, id->b, LEDGER_SUBJECT_SIZE);
}

void overlay_used_key(uint8_t out[OVERLAY_USED_KEY_SIZE], uint32_t key,
                      const uint8_t nonce[LEDGER_NONCE_SIZE])
{
    put_u32(out, key);
    memcpy(out + 4, nonce, LEDGER_NONCE_SIZE);
}

void overlay_day_key(uint8_t out[8], uint32_t member, uint32_t day)
{
    put_u32(out, member);
    put_u32(out + 4, day);
}

/* Own rows */

enum anju_err ledger_overlay_own_subject(const struct ledger_overlay *o, struct ledger_subject *out,
                                         uint16_t procedure, const struct ledger_subject_id *id,
                                         struct arena *a)
{
    uint8_t key[OVERLAY_SUBJECT_KEY_SIZE];
    const struct overlay_subject *s;

    overlay_subject_key(key, procedure, id);
    s = table_get(&o->subjects, key);
    if (s == NULL || !s->present)
        return ANJU_ERR_NOT_FOUND;
    *out = s->is;
    out->attributes = arena_copy(a, s->is.attributes);
    return ANJU_OK;
}

enum anju_err ledger_overlay_own_chain(const struct ledger_overlay *o, struct ledger_chain *out,
                                       const struct ledger_map_key *key)
{
    const struct overlay_chain *c = table_get(&o->chains, key->b);

    if (c == NULL || !c->present)
        return ANJU_ERR_NOT_FOUND;
    out->live = c->live;
    out->state = c->state;
    out->peaks.size = c->size;
    copy_hashes(out->peaks.peak, c->peaks, peak_count(c));
    return ANJU_OK;
}

enum anju_err ledger_overlay_own_used(const struct ledger_overlay *o, struct ledger_used *out,
                                      uint32_t key, const uint8_t nonce[LEDGER_NONCE_SIZE])
{
    uint8_t k[OVERLAY_USED_KEY_SIZE];
    const struct ledger_used *used;

    overlay_used_key(k, key, nonce);
    used = table_get(&o->used, k);
    if (used == NULL)
        return ANJU_ERR_NOT_FOUND;
    *out = *used;
    return ANJU_OK;
}

enum anju_err ledger_overlay_own_refusals(const struct ledger_overlay *o, uint32_t *out,
                                          uint32_t member, uint32_t day)
{
    uint8_t key[8];
    const uint32_t *count;

    overlay_day_key(key, member, day);
    count = table_get(&o->refusals, key);
    if (count == NULL)
        return ANJU_ERR_NOT_FOUND;
    *out = *count;
    return ANJU_OK;
}

enum anju_err ledger_overlay_chain_item(uint64_t *seq, const struct ledger_overlay *o,
                                        const struct ledger_map_key *key, uint64_t index)
{
    const struct overlay_chain *c = table_get(&o->chains, key->b);

    if (c == NULL || !c->present || index >= c->size || index < c->size - c->n_seqs)
        return ANJU_ERR_NOT_FOUND;
    *seq = c->seqs[index - (c->size - c->n_seqs)];
    return ANJU_OK;
}

/* The view: own rows first, then what is below */

static const struct ledger_overlay *overlay_of(const struct ledger_view *v)
{
    return (const struct ledger_overlay *)v;
}

static enum anju_err view_subject(const struct ledger_view *v, struct ledger_subject *out,
                                  uint16_t procedure, const struct ledger_subject_id *id,
                                  struct arena *a)
{
    const struct ledger_overlay *o = overlay_of(v);
    const enum anju_err err = ledger_overlay_own_subject(o, out, procedure, id, a);

    return err == ANJU_ERR_NOT_FOUND ? o->below->subject(o->below, out, procedure, id, a) : err;
}

static enum anju_err view_chain(const struct ledger_view *v, struct ledger_chain *out,
                                const struct ledger_map_key *key)
{
    const struct ledger_overlay *o = overlay_of(v);
    const enum anju_err err = ledger_overlay_own_chain(o, out, key);

    return err == ANJU_ERR_NOT_FOUND ? o->below->chain(o->below, out, key) : err;
}

static enum anju_err view_used(const struct ledger_view *v, struct ledger_used *out, uint32_t key,
                               const uint8_t nonce[LEDGER_NONCE_SIZE])
{
    const struct ledger_overlay *o = overlay_of(v);
    const enum anju_err err = ledger_overlay_own_used(o, out, key, nonce);

    return err == ANJU_ERR_NOT_FOUND ? o->below->used(o->below, out, key, nonce) : err;
}

static enum anju_err view_refusals(const struct ledger_view *v, uint32_t *out, uint32_t member,
                                   uint32_t day)
{
    const struct ledger_overlay *o = overlay_of(v);
    const enum anju_err err = ledger_overlay_own_refusals(o, out, member, day);

    return err == ANJU_ERR_NOT_FOUND ? o->below->refusals(o->below, out, member, day) : err;
}

static struct ledger_map *view_map(const struct ledger_view *v)
{
    const struct ledger_overlay *o = overlay_of(v);

    return o->map != NULL ? o->map : o->below->map(o->below);
}

static const struct ledger_tip *view_tip(const struct ledger_view *v)
{
    const struct ledger_overlay *o = overlay_of(v);

    return o->has_tip ? &o->tip : o->below->tip(o->below);
}

/* Edits */

static struct overlay_undo *remember(struct ledger_overlay *o, const void *key, size_t key_size)
{
    struct overlay_undo *u = overlay_list_add(&o->undo, sizeof(*u));

    memcpy(u->key, key, key_size);
    return u;
}

static void remember_chain(struct ledger_overlay *o, const struct ledger_map_key *key,
                           const struct overlay_chain *c)
{
    struct overlay_undo *u;

    if (!o->undoable || c->span == o->span)
        return;
    u = remember(o, key->b, sizeof(key->b));
    u->is_chain = true;
    u->was.chain = *c;
    if (c->present) {
        u->peaks = arena_alloc(&o->undo_arena, peak_count(c) * sizeof(*u->peaks));
        copy_hashes(u->peaks, c->peaks, peak_count(c));
    }
}

/* Memory for `n` peaks; what is there stays. */
static void reserve_peaks(struct ledger_overlay *o, struct overlay_chain *c, unsigned n,
                          unsigned used)
{
    struct crypto_hash *peaks;

    if (n <= c->peaks_room)
        return;
    c->peaks_room = n < 2 ? 2 : n + n / 2;
    peaks = arena_alloc(&o->arena, c->peaks_room * sizeof(*peaks));
    copy_hashes(peaks, c->peaks, used);
    c->peaks = peaks;
}

enum anju_err overlay_edit_chain(struct overlay_chain **out, struct ledger_overlay *o,
                                 const struct ledger_map_key *key)
{
    struct overlay_chain *c = table_put(&o->chains, key->b, NULL);
    unsigned n;
    enum anju_err err;

    if (!c->present) {
        err = o->below->chain(o->below, &o->head, key);
        if (err == ANJU_ERR_NOT_FOUND) {
            o->head.live = 0;
            o->head.state = CRYPTO_ZERO_HASH;
            o->head.peaks.size = 0;
        } else if (err != ANJU_OK) {
            return err;
        }
        remember_chain(o, key, c);
        n = merkle_peak_count(&o->head.peaks);
        reserve_peaks(o, c, n, 0);
        copy_hashes(c->peaks, o->head.peaks.peak, n);
        c->live = o->head.live;
        c->state = o->head.state;
        c->size = o->head.peaks.size;
        c->n_seqs = 0;
        c->present = true;
        c->dirty = false;
    } else {
        remember_chain(o, key, c);
    }
    c->span = o->span;
    if (!c->dirty) {
        c->dirty = true;
        *(struct ledger_map_key *)overlay_list_add(&o->dirty, sizeof(*key)) = *key;
    }
    *out = c;
    return ANJU_OK;
}

struct node_sink {
    struct ledger_overlay *o;
    const struct ledger_map_key *key;
};

static void on_chain_node(void *ctx, unsigned level, uint64_t index, const struct crypto_hash *hash)
{
    const struct node_sink *sink = ctx;
    struct ledger_chain_node_row *row;

    if (level < LEDGER_CHAIN_NODE_LEVEL_MIN)
        return;
    row = overlay_list_add(&sink->o->chain_nodes, sizeof(*row));
    row->key = *sink->key;
    row->level = (uint8_t)level;
    row->index = index;
    row->hash = *hash;
}

void overlay_append(struct ledger_overlay *o, const struct ledger_map_key *key,
                    struct overlay_chain *c, uint64_t seq, const struct crypto_hash *leaf)
{
    struct node_sink sink = {.o = o, .key = key};
    struct merkle_peaks *peaks = &o->head.peaks;
    const unsigned n = peak_count(c);
    uint64_t *seqs;

    peaks->size = c->size;
    copy_hashes(peaks->peak, c->peaks, n);
    merkle_append(peaks, leaf, (c->size + 1) % 256 == 0 ? on_chain_node : NULL, &sink);
    reserve_peaks(o, c, merkle_peak_count(peaks), n);
    c->size++;
    copy_hashes(c->peaks, peaks->peak, peak_count(c));
    if (c->n_seqs == c->seqs_room) {
        c->seqs_room = c->seqs_room == 0 ? 2 : 2 * c->seqs_room;
        seqs = arena_alloc(&o->arena, c->seqs_room * sizeof(*seqs));
        if (c->n_seqs > 0)
            memcpy(seqs, c->seqs, c->n_seqs * sizeof(*seqs));
        c->seqs = seqs;
    }
    c->seqs[c->n_seqs++] = seq;
    o->n_chain_items++;
}

void overlay_put_subject(struct ledger_overlay *o, const struct ledger_subject *subject)
{
    uint8_t key[OVERLAY_SUBJECT_KEY_SIZE];
    struct overlay_subject *s;

    overlay_subject_key(key, subject->procedure, &subject->id);
    s = table_put(&o->subjects, key, NULL);
    if (o->undoable && s->span != o->span)
        remember(o, key, sizeof(key))->was.subject = *s;
    o->n_subjects += !s->present;
    s->is = *subject;
    s->is.attributes = arena_copy(&o->arena, subject->attributes);
    s->span = o->span;
    s->present = true;
}

void overlay_edit_timer(struct ledger_overlay *o, const struct ledger_timer *timer, bool removed)
{
    struct ledger_timer_row *row = overlay_list_add(&o->timer_edits, sizeof(*row));

    row->timer = *timer;
    row->removed = removed;
}

/* Taking back */

void overlay_mark(struct overlay_mark *out, struct ledger_overlay *o)
{
    assert(!o->undoable);
    o->undoable = true;
    o->span++;
    o->undo.count = 0;
    arena_clear(&o->undo_arena);
    *out = (struct overlay_mark){
        .n_timer_edits = o->timer_edits.count,
        .n_chain_nodes = o->chain_nodes.count,
        .n_chain_items = o->n_chain_items,
        .n_subjects = o->n_subjects,
        .n_dirty = o->dirty.count,
        .n_items = o->items.count,
        .n_log_nodes = o->log_nodes.count,
        .log = o->log,
    };
}

void overlay_keep(struct ledger_overlay *o)
{
    o->undoable = false;
}

void overlay_undo(struct ledger_overlay *o, const struct overlay_mark *to)
{
    const struct overlay_undo *undo = o->undo.items;

    assert(o->undoable);
    for (size_t i = o->undo.count; i-- > 0;) {
        if (undo[i].is_chain) {
            struct overlay_chain *c = table_get(&o->chains, undo[i].key);

            *c = undo[i].was.chain;
            if (c->present)
                copy_hashes(c->peaks, undo[i].peaks, peak_count(c));
        } else {
            *(struct overlay_subject *)table_get(&o->subjects, undo[i].key) = undo[i].was.subject;
        }
    }
    o->timer_edits.count = to->n_timer_edits;
    o->chain_nodes.count = to->n_chain_nodes;
    o->n_chain_items = to->n_chain_items;
    o->n_subjects = to->n_subjects;
    o->dirty.count = to->n_dirty;
    o->items.count = to->n_items;
    o->log_nodes.count = to->n_log_nodes;
    o->log = to->log;
    o->envelope_n = 0;
    o->undoable = false;
}

/* Life */

struct ledger_overlay *ledger_overlay_new(const struct ledger_view *below)
{
    struct ledger_overlay *o = anju_alloc(sizeof(*o));

    o->below = below;
    o->registry = below->registry;
    o->view = (struct ledger_view){
        .registry = below->registry,
        .subject = view_subject,
        .chain = view_chain,
        .used = view_used,
        .refusals = view_refusals,
        .timers = overlay_view_timers,
        .map = view_map,
        .tip = view_tip,
    };
    table_init(&o->subjects, OVERLAY_SUBJECT_KEY_SIZE, sizeof(struct overlay_subject));
    table_init(&o->chains, sizeof(struct ledger_map_key), sizeof(struct overlay_chain));
    table_init(&o->used, OVERLAY_USED_KEY_SIZE, sizeof(struct ledger_used));
    table_init(&o->refusals, 8, sizeof(uint32_t));
    table_init(&o->segments, 5, sizeof(struct ledger_map_segment));
    return o;
}

void ledger_overlay_free(struct ledger_overlay *o)
{
    if (o == NULL)
        return;
    ledger_map_release(o->map);
    table_free(&o->subjects);
    table_free(&o->chains);
    table_free(&o->used);
    table_free(&o->refusals);
    table_free(&o->segments);
    list_free(&o->timers);
    list_free(&o->timer_edits);
    list_free(&o->chain_nodes);
    list_free(&o->dirty);
    list_free(&o->items);
    list_free(&o->outcomes);
    list_free(&o->log_nodes);
    list_free(&o->undo);
    list_free(&o->touched);
    list_free(&o->leaves);
    for (size_t i = 0; i < sizeof(o->rows) / sizeof(o->rows[0]); i++)
        list_free(&o->rows[i]);
    arena_free(&o->arena);
    arena_free(&o->item_arena);
    arena_free(&o->undo_arena);
    arena_free(&o->judge_arena);
    arena_free(&o->fold_arena);
    writer_free(&o->writer);
    free(o);
}

const struct ledger_view *ledger_overlay_view(const struct ledger_overlay *o)
{
    return &o->view;
}

void ledger_overlay_rebase(struct ledger_overlay *o, const struct ledger_view *below)
{
    o->below = below;
}

const struct ledger_tip *ledger_overlay_tip(const struct ledger_overlay *o)
{
    return view_tip(&o->view);
}

struct ledger_map *ledger_overlay_map(const struct ledger_overlay *o)
{
    return o->map;
}

void ledger_overlay_trim(struct ledger_overlay *o)
{
    struct ledger_map *trimmed;

    if (o->map == NULL)
        return;
    trimmed = ledger_map_trim(o->map);
    ledger_map_release(o->map);
    o->map = trimmed;
}

const struct ledger_item *ledger_overlay_items(const struct ledger_overlay *o, size_t *count)
{
    *count = o->items.count;
    return o->items.items;
}

const struct ledger_envelope_outcome *ledger_overlay_outcomes(const struct ledger_overlay *o,
                                                              size_t *count)
{
    *count = o->outcomes.count;
    return o->outcomes.items;
}

const struct ledger_log_node *ledger_overlay_log_nodes(const struct ledger_overlay *o,
                                                       size_t *count)
{
    *count = o->log_nodes.count;
    return o->log_nodes.items;
}
