#include "ledger/execute.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/overlay_body.h"

enum row_kind {
    ROW_SUBJECT,
    ROW_CHAIN,
    ROW_ITEM,
    ROW_CHAIN_NODE,
    ROW_USED,
    ROW_REFUSAL,
    ROW_SEGMENT
};

/* Absorbing */

static void absorb_subjects(struct ledger_overlay *into, const struct ledger_overlay *from)
{
    void *value;

    for (size_t i = 0; table_next(&from->subjects, &i, &value) != NULL;) {
        const struct overlay_subject *s = value;

        if (s->present)
            overlay_put_subject(into, &s->is);
    }
}

static void absorb_chain(struct ledger_overlay *into, const void *key,
                         const struct overlay_chain *from)
{
    const size_t n_peaks = (size_t)__builtin_popcountll(from->size);
    struct overlay_chain *c = table_put(&into->chains, key, NULL);
    uint64_t *seqs;

    if (!c->present)
        c->n_seqs = 0;
    else
        assert(c->size == from->size - from->n_seqs); /* `from` was made on top of `into` */
    if (c->n_seqs + from->n_seqs > c->seqs_room) {
        c->seqs_room = (uint32_t)(2 * (c->n_seqs + from->n_seqs));
        seqs = arena_alloc(&into->arena, c->seqs_room * sizeof(*seqs));
        if (c->n_seqs > 0)
            memcpy(seqs, c->seqs, c->n_seqs * sizeof(*seqs));
        c->seqs = seqs;
    }
    if (from->n_seqs > 0)
        memcpy(c->seqs + c->n_seqs, from->seqs, from->n_seqs * sizeof(*from->seqs));
    c->n_seqs += from->n_seqs;
    if (n_peaks > c->peaks_room) {
        c->peaks_room = (uint32_t)(n_peaks + n_peaks / 2);
        c->peaks = arena_alloc(&into->arena, c->peaks_room * sizeof(*c->peaks));
    }
    if (n_peaks > 0)
        memcpy(c->peaks, from->peaks, n_peaks * sizeof(*c->peaks));
    c->size = from->size;
    c->live = from->live;
    c->state = from->state;
    c->present = true;
    c->dirty = false;
}

static void absorb_table(struct table *into, const struct table *from)
{
    const void *key;
    void *value;

    for (size_t i = 0; (key = table_next(from, &i, &value)) != NULL;)
        memcpy(table_put(into, key, NULL), value, from->value_size);
}

static void absorb_lists(struct ledger_overlay *into, const struct ledger_overlay *from)
{
    const struct ledger_chain_node_row *nodes = from->chain_nodes.items;
    struct overlay_list timers = {0};

    for (size_t i = 0; i < from->chain_nodes.count; i++)
        *(struct ledger_chain_node_row *)overlay_list_add(&into->chain_nodes, sizeof(*nodes)) =
            nodes[i];
    if (from->timers.count > 0) {
        overlay_merge_timers(&timers, into->timers.items, into->timers.count, from->timers.items,
                             from->timers.count);
        free(into->timers.items);
        into->timers = timers;
    }
}

void ledger_overlay_absorb(struct ledger_overlay *into, struct ledger_overlay *from)
{
    const void *key;
    void *value;

    assert(!into->undoable && !from->undoable && into->timer_edits.count == 0 &&
           from->timer_edits.count == 0);
    absorb_subjects(into, from);
    for (size_t i = 0; (key = table_next(&from->chains, &i, &value)) != NULL;)
        if (((const struct overlay_chain *)value)->present)
            absorb_chain(into, key, value);
    into->n_chain_items += from->n_chain_items;
    absorb_table(&into->used, &from->used);
    absorb_table(&into->refusals, &from->refusals);
    absorb_table(&into->segments, &from->segments);
    absorb_lists(into, from);
    if (from->map != NULL) {
        ledger_map_release(into->map);
        into->map = ledger_map_hold(from->map);
    }
    if (from->has_tip) {
        into->tip = from->tip;
        into->has_tip = true;
    }
    into->items.count = 0;
    into->outcomes.count = 0;
    into->log_nodes.count = 0;
    ledger_overlay_free(from);
}

/* Rows */

static int subject_row_compare(const void *a, const void *b)
{
    const struct ledger_subject *x = a;
    const struct ledger_subject *y = b;

    if (x->procedure != y->procedure)
        return x->procedure < y->procedure ? -1 : 1;
    return memcmp(x->id.b, y->id.b, LEDGER_SUBJECT_SIZE);
}

static int chain_row_compare(const void *a, const void *b)
{
    return memcmp(((const struct ledger_chain_row *)a)->key.b,
                  ((const struct ledger_chain_row *)b)->key.b, 32);
}

static int node_row_compare(const void *a, const void *b)
{
    const struct ledger_chain_node_row *x = a;
    const struct ledger_chain_node_row *y = b;
    const int order = memcmp(x->key.b, y->key.b, sizeof(x->key.b));

    if (order != 0)
        return order;
    if (x->level != y->level)
        return x->level < y->level ? -1 : 1;
    return x->index == y->index ? 0 : x->index < y->index ? -1 : 1;
}

static int used_row_compare(const void *a, const void *b)
{
    const struct ledger_used_row *x = a;
    const struct ledger_used_row *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return memcmp(x->nonce, y->nonce, sizeof(x->nonce));
}

static int refusal_row_compare(const void *a, const void *b)
{
    const struct ledger_refusal_row *x = a;
    const struct ledger_refusal_row *y = b;

    if (x->member != y->member)
        return x->member < y->member ? -1 : 1;
    return x->day == y->day ? 0 : x->day < y->day ? -1 : 1;
}

static int segment_row_compare(const void *a, const void *b)
{
    const struct ledger_map_segment *x = a;
    const struct ledger_map_segment *y = b;

    return x->prefix == y->prefix ? 0 : x->prefix < y->prefix ? -1 : 1;
}

static void sort(struct overlay_list *l, size_t size, int (*compare)(const void *, const void *))
{
    if (l->count > 1)
        qsort(l->items, l->count, size, compare);
}

static void list_subjects(struct ledger_rows *out, struct ledger_overlay *o)
{
    struct overlay_list *l = &o->rows[ROW_SUBJECT];
    void *value;

    l->count = 0;
    for (size_t i = 0; table_next(&o->subjects, &i, &value) != NULL;)
        if (((const struct overlay_subject *)value)->present)
            *(struct ledger_subject *)overlay_list_add(l, sizeof(struct ledger_subject)) =
                ((const struct overlay_subject *)value)->is;
    sort(l, sizeof(struct ledger_subject), subject_row_compare);
    out->subjects = l->items;
    out->n_subjects = l->count;
}

/* Chains with their peaks in the stored form (in fold_arena, which the next fold clears), then
 * their items in the same order. */
static void list_chains(struct ledger_rows *out, struct ledger_overlay *o)
{
    struct overlay_list *l = &o->rows[ROW_CHAIN];
    struct overlay_list *items = &o->rows[ROW_ITEM];
    const struct ledger_chain_row *rows;
    const void *key;
    void *value;

    l->count = 0;
    items->count = 0;
    arena_clear(&o->fold_arena);
    for (size_t i = 0; (key = table_next(&o->chains, &i, &value)) != NULL;) {
        const struct overlay_chain *c = value;
        struct ledger_chain_row *row;
        uint8_t *peaks;
        size_t size;

        if (!c->present)
            continue;
        size = (size_t)__builtin_popcountll(c->size) * sizeof(*c->peaks);
        peaks = arena_alloc(&o->fold_arena, 8 + size);
        put_u64(peaks, c->size);
        if (size > 0)
            memcpy(peaks + 8, c->peaks, size);
        row = overlay_list_add(l, sizeof(*row));
        memcpy(row->key.b, key, sizeof(row->key.b));
        row->live = c->live;
        row->state = c->state;
        row->peaks = bytes_of(peaks, 8 + size);
    }
    sort(l, sizeof(struct ledger_chain_row), chain_row_compare);
    rows = l->items;
    for (size_t i = 0; i < l->count; i++) {
        const struct overlay_chain *c = table_get(&o->chains, rows[i].key.b);

        for (uint64_t k = 0; k < c->n_seqs; k++)
            *(struct ledger_item_row *)overlay_list_add(items, sizeof(struct ledger_item_row)) =
                (struct ledger_item_row){
                    .key = rows[i].key, .index = c->size - c->n_seqs + k, .seq = c->seqs[k]};
    }
    out->chains = l->items;
    out->n_chains = l->count;
    out->items = items->items;
    out->n_items = items->count;
}

static void list_used(struct ledger_rows *out, struct ledger_overlay *o)
{
    struct overlay_list *l = &o->rows[ROW_USED];
    const uint8_t *key;
    void *value;

    l->count = 0;
    for (size_t i = 0; (key = table_next(&o->used, &i, &value)) != NULL;) {
        struct ledger_used_row *row = overlay_list_add(l, sizeof(*row));

        row->key = get_u32(key);
        memcpy(row->nonce, key + 4, sizeof(row->nonce));
        row->used = *(const struct ledger_used *)value;
    }
    sort(l, sizeof(struct ledger_used_row), used_row_compare);
    out->used = l->items;
    out->n_used = l->count;
}

static void list_refusals(struct ledger_rows *out, struct ledger_overlay *o)
{
    struct overlay_list *l = &o->rows[ROW_REFUSAL];
    const uint8_t *key;
    void *value;

    l->count = 0;
    for (size_t i = 0; (key = table_next(&o->refusals, &i, &value)) != NULL;)
        *(struct ledger_refusal_row *)overlay_list_add(l, sizeof(struct ledger_refusal_row)) =
            (struct ledger_refusal_row){
                .member = get_u32(key), .day = get_u32(key + 4), .count = *(const uint32_t *)value};
    sort(l, sizeof(struct ledger_refusal_row), refusal_row_compare);
    out->refusals = l->items;
    out->n_refusals = l->count;
}

static void list_segments(struct ledger_rows *out, struct ledger_overlay *o)
{
    struct overlay_list *l = &o->rows[ROW_SEGMENT];
    void *value;

    l->count = 0;
    for (size_t i = 0; table_next(&o->segments, &i, &value) != NULL;)
        *(struct ledger_map_segment *)overlay_list_add(l, sizeof(struct ledger_map_segment)) =
            *(const struct ledger_map_segment *)value;
    sort(l, sizeof(struct ledger_map_segment), segment_row_compare);
    out->segments = l->items;
    out->n_segments = l->count;
}

void ledger_overlay_rows(struct ledger_rows *out, struct ledger_overlay *o)
{
    assert(!o->undoable && o->timer_edits.count == 0);
    list_subjects(out, o);
    list_chains(out, o);
    list_used(out, o);
    list_refusals(out, o);
    list_segments(out, o);
    sort(&o->chain_nodes, sizeof(struct ledger_chain_node_row), node_row_compare);
    out->chain_nodes = o->chain_nodes.items;
    out->n_chain_nodes = o->chain_nodes.count;
    out->timers = o->timers.items;
    out->n_timers = o->timers.count;
}

size_t ledger_overlay_weight(const struct ledger_overlay *o)
{
    return o->n_chain_items + o->n_subjects;
}
