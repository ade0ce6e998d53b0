#include "ledger/execute.h"

#include <assert.h>
#include <string.h>

#include "ledger/overlay_body.h"

enum { MS_PER_DAY = 86400000 };

/* Puts what a judgement says into an entry, as the next item, and folds it. */
static enum anju_err add_item(struct ledger_overlay *o, const struct ledger_item *as,
                              const struct ledger_judgement *judged)
{
    struct ledger_item *item = overlay_list_add(&o->items, sizeof(*item));
    struct ledger_entry *e = &item->entry;
    enum anju_err err;

    *item = *as;
    e->seq = o->log.size;
    e->height = o->height;
    e->time_ms = o->time_ms;
    e->procedure_digest = judged->procedure_digest;
    e->n_effects = e->kind == LEDGER_ENTRY_REFUSAL ? 0 : judged->n_effects;
    writer_clear(&o->writer);
    for (uint32_t i = 0; i < e->n_effects; i++)
        ledger_effect_encode(&o->writer, &judged->effects[i]);
    item->effects = arena_copy(&o->item_arena, writer_view(&o->writer));
    item->record = arena_copy(&o->item_arena, as->record);
    err = overlay_effects_root(&e->effects_root, o, item->effects, e->n_effects);
    assert(err == ANJU_OK); /* the rules made them */
    ledger_entry_encode(item->bytes, e);
    ledger_entry_leaf(&item->leaf, item->bytes);
    return overlay_fold(o, item, &item->leaf);
}

/* Genesis */

enum anju_err ledger_execute_genesis(struct ledger_overlay *o)
{
    struct ledger_genesis_entry *entries;
    struct ledger_timer *due;
    uint32_t count = 0;
    size_t n_due;
    enum anju_err err = overlay_begin(o, 0, o->registry->genesis->created, &due, &n_due);

    if (err != ANJU_OK)
        return err;
    arena_clear(&o->judge_arena);
    ledger_genesis_entries(o->registry, &entries, &count, &o->judge_arena);
    for (uint32_t i = 0; err == ANJU_OK && i < count; i++) {
        const struct ledger_judgement judged = {.n_effects = 1, .effects = &entries[i].effect};
        struct ledger_item item = {.entry.kind = LEDGER_ENTRY_GENESIS, .record = entries[i].record};

        crypto_leaf_hash(&item.entry.record_leaf, item.record);
        err = add_item(o, &item, &judged);
    }
    return err != ANJU_OK ? err : overlay_close(o, &o->registry->ledger_id);
}

/* Timers */

/* All due timers were taken away when the block began; an edit after that says that an earlier
 * one's effects stopped this clock, or started it again for a later block. */
static bool was_moved(const struct ledger_overlay *o, const struct ledger_timer *timer,
                      size_t n_due)
{
    const struct ledger_timer_row *edits = o->timer_edits.items;

    for (size_t i = n_due; i < o->timer_edits.count; i++)
        if (ledger_timer_compare(&edits[i].timer, timer) == 0)
            return true;
    return false;
}

static enum anju_err fire(struct ledger_overlay *o, const struct ledger_timer *timer)
{
    struct ledger_item item = {.entry.kind = LEDGER_ENTRY_TIMER};
    struct ledger_judgement judged = {0};
    bool fired = false;
    enum anju_err err;

    arena_clear(&o->judge_arena);
    err = ledger_judge_timer(&judged, &item.record, &fired, &o->view, o->time_ms, timer,
                             &o->judge_arena);
    if (err != ANJU_OK || !fired || judged.outcome != LEDGER_APPLIED)
        return err; /* dropped without an entry, also where its effects can't be carried out */
    crypto_leaf_hash(&item.entry.record_leaf, item.record);
    return add_item(o, &item, &judged);
}

static enum anju_err fire_due(struct ledger_overlay *o, const struct ledger_timer *due,
                              size_t n_due)
{
    enum anju_err err = ANJU_OK;

    for (size_t i = 0; err == ANJU_OK && i < n_due; i++)
        if (!was_moved(o, &due[i], n_due))
            err = fire(o, &due[i]);
    return err;
}

/* Envelopes */

/* What is skipped without an entry, before any record is judged. 0: judge it. A repetition is named
 * before a key that has ended since: it is the same claim, whatever became of the key. */
static enum anju_err admit(struct ledger_envelope_outcome *out, struct ledger_overlay *o,
                           const struct ledger_envelope *e)
{
    const struct ledger_member_key *key = ledger_registry_key(o->registry, e->key);
    struct ledger_used used;
    enum anju_err err;

    if (key == NULL || key->member != e->member) /* ledger_block_check says so before */
        return anju_fail(ANJU_ERR_MISMATCH,
                         "height %llu is not valid: it has an envelope of key %u of member %u, "
                         "which is not a key of this member",
                         (unsigned long long)o->height, (unsigned)e->key, (unsigned)e->member);
    if (e->valid_until <= o->time_ms) {
        out->outcome = LEDGER_SKIP_EXPIRED;
        return ANJU_OK;
    }
    if (e->valid_until - o->time_ms > o->registry->limits.valid_ahead_ms) {
        out->outcome = LEDGER_SKIP_TOO_FAR;
        return ANJU_OK;
    }
    err = o->view.used(&o->view, &used, e->key, e->nonce);
    if (err == ANJU_OK && used.valid_until > o->time_ms) { /* past it, the row is as good as gone */
        out->outcome =
            crypto_hash_equal(&used.envelope, &e->id) ? LEDGER_SKIP_DUPLICATE : LEDGER_SKIP_NONCE;
        out->first_seq = used.first_seq;
        out->n = used.n;
        return ANJU_OK;
    }
    if (err != ANJU_OK && err != ANJU_ERR_NOT_FOUND)
        return err;
    if (o->time_ms < key->from || o->time_ms >= key->until)
        out->outcome = LEDGER_SKIP_KEY;
    return ANJU_OK;
}

static struct ledger_item item_of(const struct ledger_envelope *e, uint32_t index,
                                  enum ledger_entry_kind kind)
{
    struct ledger_item item = {
        .entry = {.kind = kind,
                  .envelope = e->id,
                  .index = index,
                  .member = e->member,
                  .record_leaf = e->leaf_hashes[index]},
        .record = e->records[index].raw,
        .key = e->key,
        .valid_until = e->valid_until,
    };

    memcpy(item.nonce, e->nonce, sizeof(item.nonce));
    return item;
}

static enum anju_err judge_record(struct ledger_judgement *out, struct ledger_overlay *o,
                                  const struct ledger_envelope *e, uint32_t index)
{
    const struct ledger_limits *limits = &o->registry->limits;
    const struct ledger_actor actor = {.member = e->member, .key = e->key, .time_ms = o->time_ms};

    *out = (struct ledger_judgement){.outcome = LEDGER_APPLIED};
    if (e->wire.size > limits->envelope_size || e->n_records > limits->envelope_records)
        out->outcome = LEDGER_REFUSED_ENVELOPE_TOO_LARGE;
    else if (e->records[index].raw.size > limits->record_size)
        out->outcome = LEDGER_REFUSED_RECORD_TOO_LARGE;
    if (out->outcome != LEDGER_APPLIED)
        return ANJU_OK;
    arena_clear(&o->judge_arena);
    return ledger_judge(out, &o->view, &actor, &e->records[index], &o->judge_arena);
}

/* One entry for the whole envelope, unless the member has had its refusals of the day. */
static enum anju_err refuse(struct ledger_envelope_outcome *out, struct ledger_overlay *o,
                            const struct ledger_envelope *e, uint32_t index,
                            const struct ledger_judgement *judged)
{
    struct ledger_item item = item_of(e, index, LEDGER_ENTRY_REFUSAL);
    uint32_t refusals = 0;
    enum anju_err err;

    err = o->view.refusals(&o->view, &refusals, e->member, (uint32_t)(o->time_ms / MS_PER_DAY));
    if (err != ANJU_OK)
        return err;
    out->failing_index = index;
    if (refusals >= o->registry->limits.refusals_per_day) {
        out->outcome = LEDGER_SKIP_REFUSALS;
        return ANJU_OK;
    }
    out->outcome = judged->outcome;
    out->first_seq = o->log.size;
    out->n = 1;
    item.entry.outcome = (uint16_t)judged->outcome;
    item.last_of_envelope = true;
    return add_item(o, &item, judged);
}

/* The records of an admitted envelope, one after the other on top of what the ones before did. */
static enum anju_err execute_records(struct ledger_envelope_outcome *out, struct ledger_overlay *o,
                                     const struct ledger_envelope *e)
{
    const bool many = e->n_records > 1; /* a lone record is refused before it has done anything */
    struct ledger_judgement judged;
    const uint64_t first_seq = o->log.size;
    struct overlay_mark mark;
    enum anju_err err = ANJU_OK;

    if (many)
        overlay_mark(&mark, o);
    for (uint32_t i = 0; err == ANJU_OK && i < e->n_records; i++) {
        struct ledger_item item = item_of(e, i, LEDGER_ENTRY_RECORD);

        err = judge_record(&judged, o, e, i);
        if (err != ANJU_OK)
            return err;
        if (judged.outcome != LEDGER_APPLIED) {
            if (many)
                overlay_undo(o, &mark);
            return refuse(out, o, e, i, &judged);
        }
        assert(judged.n_effects > 0);
        item.last_of_envelope = i + 1 == e->n_records;
        err = add_item(o, &item, &judged);
    }
    overlay_keep(o);
    out->first_seq = first_seq;
    out->n = e->n_records;
    return err;
}

enum anju_err ledger_execute(struct ledger_overlay *o, const struct ledger_block *block)
{
    struct ledger_timer *due;
    size_t n_due;
    enum anju_err err = overlay_begin(o, block->header.height, block->header.time_ms, &due, &n_due);

    if (err == ANJU_OK)
        err = fire_due(o, due, n_due);
    for (uint32_t i = 0; err == ANJU_OK && i < block->n_envelopes; i++) {
        struct ledger_envelope_outcome out = {.id = block->envelopes[i].id};

        err = admit(&out, o, &block->envelopes[i]);
        if (err == ANJU_OK && out.outcome == LEDGER_APPLIED)
            err = execute_records(&out, o, &block->envelopes[i]);
        *(struct ledger_envelope_outcome *)overlay_list_add(&o->outcomes, sizeof(out)) = out;
    }
    return err != ANJU_OK ? err : overlay_close(o, &block->id);
}
