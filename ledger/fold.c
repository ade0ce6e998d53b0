#include "ledger/execute.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/overlay_body.h"

enum { MS_PER_DAY = 86400000 };

/* Begin */

/* What is due at the start of a block fires now or is dropped, in any case it waits no longer. A
 * dropped timer leaves no entry, so recovery has to take it away by the same rule. */
static enum anju_err take_due(struct ledger_overlay *o, struct ledger_timer **due, size_t *n_due)
{
    const size_t max = o->registry->limits.timers_per_block;
    enum anju_err err;

    *due = arena_alloc(&o->item_arena, (max + 1) * sizeof(**due));
    err = o->view.timers(&o->view, *due, n_due, max, o->time_ms);
    for (size_t i = 0; err == ANJU_OK && i < *n_due; i++)
        overlay_edit_timer(o, &(*due)[i], true);
    return err;
}

enum anju_err overlay_begin(struct ledger_overlay *o, uint64_t height, uint64_t time_ms,
                            struct ledger_timer **due, size_t *n_due)
{
    const struct ledger_tip *tip = ledger_overlay_tip(o);
    const bool empty = tip->log.size == 0;

    if (height == 0 ? !empty : empty || height != tip->height + 1)
        return anju_fail(ANJU_ERR_MISMATCH,
                         "height %llu does not follow height %llu of a log of %llu entries",
                         (unsigned long long)height, (unsigned long long)tip->height,
                         (unsigned long long)tip->log.size);
    o->height = height;
    o->time_ms = time_ms;
    o->log = tip->log;
    o->envelope_n = 0;
    o->timer_edits.count = 0;
    o->dirty.count = 0;
    o->items.count = 0;
    o->outcomes.count = 0;
    o->log_nodes.count = 0;
    arena_clear(&o->item_arena);
    *n_due = 0;
    return height == 0 ? ANJU_OK : take_due(o, due, n_due);
}

/* One effect */

/* The subject as it was, with its attributes decoded. */
struct before {
    bool there;
    struct ledger_subject is;
    struct ledger_attributes attributes;
};

static enum anju_err corrupt(const struct ledger_item *item, const char *what)
{
    return anju_fail(ANJU_ERR_CORRUPT,
                     "entry %llu: %s; rebuild the derived data, or take another copy",
                     (unsigned long long)item->entry.seq, what);
}

static enum anju_err read_before(struct before *out, struct ledger_overlay *o,
                                 const struct ledger_effect *effect)
{
    uint8_t key[OVERLAY_SUBJECT_KEY_SIZE];
    const struct overlay_subject *own;
    enum anju_err err = ANJU_OK;

    overlay_subject_key(key, effect->procedure, &effect->subject);
    own = table_get(&o->subjects, key);
    out->there = true;
    if (own != NULL && own->present)
        out->is = own->is;
    else
        err = o->below->subject(o->below, &out->is, effect->procedure, &effect->subject,
                                &o->fold_arena);
    if (err == ANJU_ERR_NOT_FOUND) {
        *out = (struct before){.there = false};
        return ANJU_OK;
    }
    return err != ANJU_OK
               ? err
               : ledger_attributes_decode(&out->attributes, out->is.attributes, &o->fold_arena);
}

static void touch(struct ledger_overlay *o, const struct ledger_map_key *key)
{
    *(struct ledger_map_key *)overlay_list_add(&o->touched, sizeof(*key)) = *key;
}

static enum anju_err move_live(struct ledger_overlay *o, const struct ledger_item *item,
                               const struct ledger_map_key *key, bool up)
{
    struct overlay_chain *chain;
    const enum anju_err err = overlay_edit_chain(&chain, o, key);

    if (err != ANJU_OK)
        return err;
    if (!up && chain->live == 0)
        return corrupt(item, "a live count would fall below 0");
    if (up)
        chain->live++;
    else
        chain->live--;
    return ANJU_OK;
}

/* The chain key of a tuple appended to the writer; empty where it is not counted or there is none.
 */
static struct bytes tuple(struct ledger_overlay *o, const struct ledger_procedure *p,
                          const struct ledger_index *index, bool there, uint16_t state,
                          const struct ledger_attributes *attributes)
{
    const size_t at = o->writer.size;

    if (!there || !ledger_index_tuple(&o->writer, p, index, state, attributes))
        o->writer.size = at;
    return bytes_of(o->writer.data + at, o->writer.size - at);
}

/* The entry joins the chains of the tuple before and of the one after; live moves where they
 * differ. */
static enum anju_err fold_index(struct ledger_overlay *o, const struct ledger_item *item,
                                const struct ledger_procedure *p, const struct ledger_index *index,
                                const struct before *before, uint16_t state_after,
                                const struct ledger_attributes *after)
{
    struct ledger_map_key b_key;
    struct ledger_map_key a_key;
    struct bytes a;
    struct bytes b;
    size_t b_size;
    enum anju_err err = ANJU_OK;

    writer_clear(&o->writer);
    b_size = tuple(o, p, index, before->there, before->is.state, &before->attributes).size;
    a = tuple(o, p, index, true, state_after, after);
    b = bytes_of(o->writer.data, b_size); /* the writer may have moved */
    if (bytes_equal(a, b) && (a.size == 0 || index->kind != LEDGER_INDEX_LIST))
        return ANJU_OK;
    if (b.size > 0)
        ledger_map_key_chain(&b_key, b);
    if (bytes_equal(a, b)) {
        touch(o, &b_key);
        return ANJU_OK;
    }
    if (b.size > 0) {
        err = move_live(o, item, &b_key, false);
        if (err == ANJU_OK && index->kind == LEDGER_INDEX_LIST)
            touch(o, &b_key);
    }
    if (err == ANJU_OK && a.size > 0) {
        ledger_map_key_chain(&a_key, a);
        err = move_live(o, item, &a_key, true);
        if (err == ANJU_OK && index->kind == LEDGER_INDEX_LIST)
            touch(o, &a_key);
    }
    return err;
}

/* All procedures come with genesis, so each index is older than every subject that it lists: a
 * tuple before an index existed does not occur. Numbers of indexes belong to the procedure's name,
 * and a version keeps those of the one before, so the newest version has them all. */
static enum anju_err fold_indexes(struct ledger_overlay *o, const struct ledger_item *item,
                                  const struct ledger_effect *effect, const struct before *before,
                                  const struct ledger_attributes *after)
{
    const struct ledger_procedure *p = ledger_registry_procedure(o->registry, effect->procedure, 0);
    const struct ledger_index *indexes;
    enum anju_err err = ANJU_OK;
    uint32_t count = 0;

    if (effect->procedure == 0 || p == NULL)
        return ANJU_OK;
    indexes = ledger_procedure_indexes(p, &count);
    for (uint32_t i = 0; err == ANJU_OK && i < count; i++)
        err = fold_index(o, item, p, &indexes[i], before, effect->state_after, after);
    return err;
}

/* The timers that the attributes of a subject imply, under the version that it lives under. */
static size_t timers_of(struct ledger_timer out[OVERLAY_TIMERS_OF_SUBJECT_MAX],
                        const struct ledger_overlay *o, const struct ledger_effect *effect,
                        uint16_t state, const struct ledger_attributes *attributes)
{
    const struct bytes *version = ledger_attribute(attributes, LEDGER_ATTR_PROCEDURE_VERSION);
    const struct ledger_procedure *p = NULL;
    struct mp_reader m;

    if (version != NULL && effect->procedure != 0) {
        m = mp_reader_over(*version);
        p = ledger_registry_procedure(o->registry, effect->procedure,
                                      (uint16_t)mp_uint(&m, UINT16_MAX));
    }
    return p == NULL ? 0
                     : ledger_procedure_timers(out, OVERLAY_TIMERS_OF_SUBJECT_MAX, p,
                                               &effect->subject, state, attributes);
}

static void fold_timers(struct ledger_overlay *o, const struct ledger_effect *effect,
                        const struct before *before, const struct ledger_attributes *after)
{
    struct ledger_timer *was = o->timers_was;
    struct ledger_timer *now = o->timers_now;
    const size_t n_was =
        before->there ? timers_of(was, o, effect, before->is.state, &before->attributes) : 0;
    const size_t n_now = timers_of(now, o, effect, effect->state_after, after);
    size_t i = 0;
    size_t k = 0;

    while (i < n_was || k < n_now) {
        const int order = i == n_was ? 1 : k == n_now ? -1 : ledger_timer_compare(&was[i], &now[k]);

        if (order < 0)
            overlay_edit_timer(o, &was[i], true);
        else if (order > 0)
            overlay_edit_timer(o, &now[k], false);
        i += order <= 0;
        k += order >= 0;
    }
}

static enum anju_err fold_effect(struct ledger_overlay *o, const struct ledger_item *item,
                                 const struct ledger_effect *effect)
{
    struct ledger_map_key key;
    struct ledger_attributes after;
    struct overlay_chain *chain;
    struct crypto_hash digest;
    struct before before;
    enum anju_err err = read_before(&before, o, effect);

    if (err == ANJU_OK)
        err = ledger_attributes_apply(&after, &before.attributes, effect->changed, &o->fold_arena);
    if (err != ANJU_OK)
        return err;
    ledger_state_digest(&digest, &o->registry->ledger_id, effect->procedure, &effect->subject,
                        effect->version_after, effect->state_after, &after);
    if (!crypto_hash_equal(&digest, &effect->state_digest))
        return corrupt(item, "an effect does not open to its state digest");
    ledger_map_key_subject(&key, effect->procedure, &effect->subject);
    err = overlay_edit_chain(&chain, o, &key);
    if (err != ANJU_OK)
        return err;
    chain->state = digest;
    touch(o, &key);
    err = fold_indexes(o, item, effect, &before, &after);
    if (err != ANJU_OK)
        return err;
    fold_timers(o, effect, &before, &after);
    writer_clear(&o->writer);
    ledger_attributes_encode(&o->writer, after.items, after.count);
    overlay_put_subject(o, &(struct ledger_subject){
                               .procedure = effect->procedure,
                               .id = effect->subject,
                               .version = effect->version_after,
                               .state = effect->state_after,
                               .digest = digest,
                               .attributes = writer_view(&o->writer),
                               .last_seq = item->entry.seq,
                           });
    return ANJU_OK;
}

/* One entry */

static int key_compare(const void *a, const void *b)
{
    return memcmp(((const struct ledger_map_key *)a)->b, ((const struct ledger_map_key *)b)->b,
                  sizeof(struct ledger_map_key));
}

/* The entry joins every touched chain once. */
static enum anju_err join_chains(struct ledger_overlay *o, const struct ledger_item *item,
                                 const struct crypto_hash *leaf)
{
    struct ledger_map_key *keys = o->touched.items;
    struct overlay_chain *chain;
    enum anju_err err;

    if (o->touched.count > 1)
        qsort(keys, o->touched.count, sizeof(*keys), key_compare);
    for (size_t i = 0; i < o->touched.count; i++) {
        if (i > 0 && key_compare(&keys[i - 1], &keys[i]) == 0)
            continue;
        err = overlay_edit_chain(&chain, o, &keys[i]);
        if (err != ANJU_OK)
            return err;
        overlay_append(o, &keys[i], chain, item->entry.seq, leaf);
    }
    return ANJU_OK;
}

static enum anju_err count_refusal(struct ledger_overlay *o, uint32_t member)
{
    const uint32_t day = (uint32_t)(o->time_ms / MS_PER_DAY);
    uint8_t key[8];
    uint32_t count = 0;
    const enum anju_err err = o->view.refusals(&o->view, &count, member, day);

    if (err != ANJU_OK)
        return err;
    overlay_day_key(key, member, day);
    *(uint32_t *)table_put(&o->refusals, key, NULL) = count + 1;
    return ANJU_OK;
}

static void use_nonce(struct ledger_overlay *o, const struct ledger_item *item)
{
    uint8_t key[OVERLAY_USED_KEY_SIZE];

    overlay_used_key(key, item->key, item->nonce);
    *(struct ledger_used *)table_put(&o->used, key, NULL) = (struct ledger_used){
        .envelope = item->entry.envelope,
        .valid_until = item->valid_until,
        .first_seq = o->envelope_first_seq,
        .n = o->envelope_n,
    };
}

static enum anju_err fold_envelope(struct ledger_overlay *o, const struct ledger_item *item)
{
    struct ledger_map_key key;
    enum anju_err err = ANJU_OK;

    ledger_map_key_actor(&key, item->entry.member);
    touch(o, &key);
    if (o->envelope_n++ == 0)
        o->envelope_first_seq = item->entry.seq;
    if (item->entry.kind == LEDGER_ENTRY_REFUSAL)
        err = count_refusal(o, item->entry.member);
    if (item->last_of_envelope) {
        use_nonce(o, item);
        o->envelope_n = 0;
    }
    return err;
}

static void on_log_node(void *ctx, unsigned level, uint64_t index, const struct crypto_hash *hash)
{
    struct ledger_overlay *o = ctx;

    *(struct ledger_log_node *)overlay_list_add(&o->log_nodes, sizeof(struct ledger_log_node)) =
        (struct ledger_log_node){.level = (uint8_t)level, .index = index, .hash = *hash};
}

enum anju_err overlay_fold(struct ledger_overlay *o, const struct ledger_item *item,
                           const struct crypto_hash *leaf)
{
    struct reader r = reader_over(item->effects);
    struct ledger_effect effect;
    enum anju_err err = ANJU_OK;

    assert(item->entry.seq == o->log.size);
    arena_clear(&o->fold_arena);
    o->touched.count = 0;
    merkle_append(&o->log, leaf, on_log_node, o);
    for (uint32_t i = 0; err == ANJU_OK && i < item->entry.n_effects; i++) {
        ledger_effect_read(&effect, &r);
        err = fold_effect(o, item, &effect);
    }
    if (err == ANJU_OK &&
        (item->entry.kind == LEDGER_ENTRY_RECORD || item->entry.kind == LEDGER_ENTRY_REFUSAL))
        err = fold_envelope(o, item);
    return err != ANJU_OK ? err : join_chains(o, item, leaf);
}

static int effect_compare(const struct ledger_effect *a, const struct ledger_effect *b)
{
    if (a->procedure != b->procedure)
        return a->procedure < b->procedure ? -1 : 1;
    return memcmp(a->subject.b, b->subject.b, LEDGER_SUBJECT_SIZE);
}

enum anju_err overlay_effects_root(struct crypto_hash *out, struct ledger_overlay *o,
                                   struct bytes effects, uint32_t count)
{
    struct reader r = reader_over(effects);
    struct ledger_effect last = {0};
    struct crypto_hash *leaves;

    if (count > effects.size)
        return anju_fail(ANJU_ERR_MALFORMED, "%u effects in %zu bytes", (unsigned)count,
                         effects.size);
    arena_clear(&o->fold_arena);
    leaves = arena_alloc(&o->fold_arena, (count + (size_t)1) * sizeof(*leaves));
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *begin = r.at;
        struct ledger_effect effect;

        ledger_effect_read(&effect, &r);
        if (r.failed || (i > 0 && effect_compare(&last, &effect) >= 0))
            return anju_fail(ANJU_ERR_MALFORMED, "effect %u of %u is cut off or out of order",
                             (unsigned)i, (unsigned)count);
        crypto_leaf_hash(&leaves[i], bytes_of(begin, (size_t)(r.at - begin)));
        last = effect;
    }
    merkle_root_of(out, leaves, count);
    return reader_finish(&r);
}

/* Close */

static void on_segment(void *ctx, const struct ledger_map_segment *s)
{
    struct ledger_overlay *o = ctx;
    uint8_t key[5];

    put_u32(key, s->prefix);
    key[4] = s->bits;
    *(struct ledger_map_segment *)table_put(&o->segments, key, NULL) = *s;
}

static enum anju_err close_map(struct ledger_overlay *o)
{
    struct ledger_map *before = o->view.map(&o->view);
    struct ledger_map *after;
    struct ledger_map_key *keys = o->dirty.items;
    enum anju_err err;

    if (o->dirty.count > 1)
        qsort(keys, o->dirty.count, sizeof(*keys), key_compare);
    o->leaves.count = 0;
    for (size_t i = 0; i < o->dirty.count; i++) {
        struct overlay_chain *chain = table_get(&o->chains, keys[i].b);
        struct ledger_map_leaf *leaf = overlay_list_add(&o->leaves, sizeof(*leaf));
        struct merkle_peaks *peaks = &o->head.peaks;

        *leaf = (struct ledger_map_leaf){
            .key = keys[i], .count = chain->size, .live = chain->live, .state = chain->state};
        peaks->size = chain->size;
        if (chain->size > 0)
            memcpy(peaks->peak, chain->peaks, merkle_peak_count(peaks) * sizeof(*chain->peaks));
        merkle_root(&leaf->root, peaks);
        chain->dirty = false;
    }
    err = ledger_map_update(&after, before, o->leaves.items, o->leaves.count, on_segment, o);
    if (err != ANJU_OK)
        return err;
    ledger_map_release(o->map);
    o->map = after;
    return ANJU_OK;
}

static void close_timers(struct ledger_overlay *o)
{
    struct overlay_list merged = {0};

    if (o->timer_edits.count == 0)
        return;
    overlay_merge_timers(&merged, o->timers.items, o->timers.count, o->timer_edits.items,
                         o->timer_edits.count);
    free(o->timers.items);
    o->timers = merged;
    o->timer_edits.count = 0;
}

enum anju_err overlay_close(struct ledger_overlay *o, const struct crypto_hash *block)
{
    struct ledger_result result = {.height = o->height, .log_size = o->log.size};
    const enum anju_err err = close_map(o);

    if (err != ANJU_OK)
        return err;
    close_timers(o);
    merkle_root(&result.log_root, &o->log);
    ledger_map_root(&result.map_root, o->map);
    result.next_set = o->registry->set.hash; /* the set stays until governance can change it */
    o->tip.height = o->height;
    o->tip.time_ms = o->time_ms;
    o->tip.block = *block;
    o->tip.result_body = result;
    o->tip.log = o->log;
    ledger_result_id(&o->tip.result, &result, &o->registry->ledger_id);
    o->has_tip = true;
    return ANJU_OK;
}

/* A whole height of stored entries */

static enum anju_err check_stored(struct ledger_overlay *o, const struct ledger_item *item)
{
    const struct ledger_entry *e = &item->entry;
    struct crypto_hash root;
    enum anju_err err;

    if (e->seq != o->log.size || e->height != o->height || e->time_ms != o->time_ms)
        return corrupt(item, "it is not the next one of its block");
    err = overlay_effects_root(&root, o, item->effects, e->n_effects);
    if (err != ANJU_OK || !crypto_hash_equal(&root, &e->effects_root))
        return corrupt(item, "the stored effects are not those of the entry");
    return ANJU_OK;
}

enum anju_err ledger_fold(struct ledger_overlay *o, const struct ledger_item *items, size_t count,
                          uint64_t height, uint64_t time_ms, const struct crypto_hash *block)
{
    uint8_t bytes[LEDGER_ENTRY_SIZE];
    struct ledger_timer *due;
    struct crypto_hash leaf;
    size_t n_due;
    enum anju_err err = overlay_begin(o, height, time_ms, &due, &n_due);

    for (size_t i = 0; err == ANJU_OK && i < count; i++) {
        err = check_stored(o, &items[i]);
        if (err != ANJU_OK)
            break;
        ledger_entry_encode(bytes, &items[i].entry);
        ledger_entry_leaf(&leaf, bytes);
        err = overlay_fold(o, &items[i], &leaf);
    }
    if (err == ANJU_OK && o->envelope_n != 0)
        err = anju_fail(ANJU_ERR_CORRUPT, "height %llu: its last envelope has no end",
                        (unsigned long long)height);
    return err != ANJU_OK ? err : overlay_close(o, block);
}
