/* What hangs under one leaf of the map: entries, what they bind, and subjects as they are now. */
#include <string.h>

#include "ledger/list_work.h"

/* ---- entries ---- */

/* How many places of a page lie in a chain. */
static uint64_t page_size(uint64_t count, uint64_t first, uint64_t most)
{
    return first >= count ? 0 : count - first < most ? count - first : most;
}

/* By position it follows from the count alone what must be shown. */
static bool check_place(struct list_work *w, uint32_t chain, uint64_t begin, uint64_t n)
{
    const struct ledger_list_chain *c = &w->p->chains[chain];

    if (c->n_entries != n || c->begin != (n > 0 ? begin : 0))
        return LIST_INVALID(w, LEDGER_LIST_CHECK_COMPLETE,
                            "key %u: its chain has %ju entries, so %ju from %ju on must be shown; "
                            "%u from %ju on are",
                            chain, (uintmax_t)w->out->answers[chain].count, (uintmax_t)n,
                            (uintmax_t)begin, c->n_entries, (uintmax_t)c->begin);
    w->out->answers[chain].n = c->n_entries;
    return true;
}

/* A span of time is the entries in it and one beyond each end, unless the chain ends there. */
static bool check_span(struct list_work *w, uint32_t chain, const struct ledger_entry *entries)
{
    const struct ledger_list_chain *c = &w->p->chains[chain];
    const struct ledger_question *q = &w->p->question;
    struct ledger_list_answer *answer = &w->out->answers[chain];
    uint32_t before = 0, after = 0;

    for (uint32_t i = 0; i < c->n_entries; i++) {
        before += entries[i].time_ms < q->a;
        after += entries[i].time_ms >= q->b;
    }
    if (before > 1 || after > 1)
        return LIST_INVALID(w, LEDGER_LIST_CHECK_COMPLETE,
                            "key %u: more than the neighbours outside of the span are shown",
                            chain);
    if ((c->begin > 0 && before == 0) || (answer->count > 0 && c->n_entries == 0))
        return LIST_INVALID(w, LEDGER_LIST_CHECK_COMPLETE,
                            "key %u: nothing shows that no earlier entry lies in the span", chain);
    if (c->begin + c->n_entries < answer->count && after == 0)
        return LIST_INVALID(w, LEDGER_LIST_CHECK_COMPLETE,
                            "key %u: nothing shows that no later entry lies in the span", chain);
    answer->first = before;
    answer->n = c->n_entries - before - after;
    return true;
}

static bool check_question(struct list_work *w, uint32_t chain, const struct ledger_entry *entries)
{
    const struct ledger_question *q = &w->p->question;
    uint64_t count = w->out->answers[chain].count, n;

    switch (q->ask) {
    case LEDGER_ASK_PAGE:
        return check_place(w, chain, q->a, page_size(count, q->a, q->b));
    case LEDGER_ASK_LAST:
        n = count < q->b ? count : q->b;
        return check_place(w, chain, count - n, n);
    case LEDGER_ASK_TIME:
        return check_span(w, chain, entries);
    case LEDGER_ASK_NOW:
    case LEDGER_ASK_COUNT:
        return check_place(w, chain, 0, 0);
    }
    return false;
}

/* Entries that an execution made, in the order of the log, and none after this height. */
static bool read_entries(struct list_work *w, uint32_t chain, struct ledger_entry *entries,
                         struct crypto_hash *leaves)
{
    const struct ledger_list_chain *c = &w->p->chains[chain];

    for (uint32_t i = 0; i < c->n_entries; i++) {
        struct ledger_entry *e = &entries[i];

        if (ledger_entry_decode(e, bytes_of(c->entries[i].bytes, LEDGER_ENTRY_SIZE)) != ANJU_OK)
            return LIST_INVALID(w, LEDGER_LIST_CHECK_ENTRIES, "key %u, entry %u: %s", chain, i,
                                anju_err_text());
        if (e->seq >= w->out->result.log_size || e->height > w->out->result.height ||
            (i > 0 && (e->seq <= e[-1].seq || e->time_ms < e[-1].time_ms)))
            return LIST_INVALID(w, LEDGER_LIST_CHECK_ENTRIES,
                                "key %u, entry %u: it is out of order", chain, i);
        ledger_entry_leaf(&leaves[i], c->entries[i].bytes);
    }
    return true;
}

static bool check_range(struct list_work *w, uint32_t chain, const struct crypto_hash *leaves)
{
    const struct ledger_list_chain *c = &w->p->chains[chain];
    const struct ledger_map_leaf *leaf;
    struct ledger_map_key key;

    ledger_chain_map_key(&key, &w->names[chain], c->key);
    leaf = list_leaf(w, &key);
    if (c->n_entries == 0)
        return c->boundary.n == 0 ||
               LIST_INVALID(w, LEDGER_LIST_CHECK_ENTRIES,
                            "key %u: hashes of a range without entries", chain);
    if (leaf == NULL)
        return LIST_INVALID(w, LEDGER_LIST_CHECK_ENTRIES,
                            "key %u: entries are shown of a key that never was", chain);
    if (merkle_range_check(&leaf->root, leaf->count, c->begin, leaves, c->n_entries,
                           c->boundary.hash, c->boundary.n) != ANJU_OK)
        return LIST_INVALID(w, LEDGER_LIST_CHECK_ENTRIES,
                            "key %u: the entries shown are not those that its chain has at these "
                            "places (%ju to %ju of %ju)",
                            chain, (uintmax_t)c->begin, (uintmax_t)(c->begin + c->n_entries - 1),
                            (uintmax_t)leaf->count);
    return true;
}

bool list_check_entries(struct list_work *w, uint32_t chain)
{
    const struct ledger_list_chain *c = &w->p->chains[chain];
    struct ledger_entry *entries = arena_alloc(w->arena, (c->n_entries + 1u) * sizeof entries[0]);
    struct crypto_hash *leaves = arena_alloc(w->arena, (c->n_entries + 1u) * sizeof leaves[0]);

    return read_entries(w, chain, entries, leaves) && check_range(w, chain, leaves) &&
           check_question(w, chain, entries);
}

/* ---- contents ---- */

static bool effects_are(const struct ledger_entry *e, struct bytes effects, struct arena *a)
{
    struct reader r = reader_over(effects);
    struct crypto_hash root, *leaves;
    struct ledger_effect effect;
    struct ledger_attributes changed;

    if (e->n_effects == 0 || e->n_effects > effects.size / LEDGER_EFFECT_SIZE_MIN)
        return e->n_effects == 0 && effects.size == 0;
    leaves = arena_alloc(a, e->n_effects * sizeof leaves[0]);
    for (uint32_t i = 0; i < e->n_effects; i++) {
        const uint8_t *begin = r.at;

        ledger_effect_read(&effect, &r);
        if (r.failed || ledger_changed_decode(&changed, effect.changed, a) != ANJU_OK)
            return false;
        crypto_leaf_hash(&leaves[i], bytes_of(begin, (size_t)(r.at - begin)));
    }
    if (reader_finish(&r) != ANJU_OK)
        return false;
    merkle_root_of(&root, leaves, e->n_effects);
    return crypto_hash_equal(&root, &e->effects_root);
}

static bool record_is(const struct ledger_entry *e, struct bytes raw, struct arena *a)
{
    struct ledger_record record;
    struct crypto_hash leaf;

    crypto_leaf_hash(&leaf, raw);
    return crypto_hash_equal(&leaf, &e->record_leaf) &&
           ledger_record_decode(&record, raw, a) == ANJU_OK;
}

bool list_check_contents(struct list_work *w, uint32_t chain)
{
    const struct ledger_list_chain *c = &w->p->chains[chain];
    const uint8_t parts = w->p->question.parts;
    struct arena a = {0};
    bool good = true;

    for (uint32_t i = 0; good && parts != 0 && i < c->n_entries; i++) {
        const struct ledger_list_entry *e = &c->entries[i];
        struct ledger_entry entry;

        arena_clear(&a);
        good = ledger_entry_decode(&entry, bytes_of(e->bytes, LEDGER_ENTRY_SIZE)) == ANJU_OK;
        if (good && (parts & LEDGER_LIST_RECORDS) != 0 && !record_is(&entry, e->record, &a))
            good = LIST_INVALID(w, LEDGER_LIST_CHECK_CONTENTS,
                                "key %u, entry %u: the record is not the one that the entry binds",
                                chain, i);
        if (good && (parts & LEDGER_LIST_EFFECTS) != 0 && !effects_are(&entry, e->effects, &a))
            good = LIST_INVALID(w, LEDGER_LIST_CHECK_CONTENTS,
                                "key %u, entry %u: the effects are not the entry's", chain, i);
    }
    arena_free(&a);
    return good;
}

/* ---- subjects ---- */

static bool state_is(const struct list_work *w, uint16_t procedure,
                     const struct ledger_list_subject *s, const struct ledger_map_leaf *leaf,
                     struct arena *a, struct ledger_attributes *all)
{
    struct crypto_hash digest;

    if (ledger_attributes_decode(all, s->attributes, a) != ANJU_OK)
        return false;
    ledger_state_digest(&digest, &w->registry->ledger_id, procedure, &s->id, s->version, s->state,
                        all);
    return crypto_hash_equal(&digest, &leaf->state);
}

/* It has the value that the key names, by the declared attributes. */
static bool has_value(const struct ledger_list_chain *c, const struct ledger_declared *d,
                      const struct ledger_list_subject *s, const struct ledger_attributes *all)
{
    struct writer w = {0};
    bool same = ledger_declared_tuple(&w, d->procedure, &d->index, s->state, all) &&
                bytes_equal(writer_view(&w), c->key);

    writer_free(&w);
    return same;
}

/* Where an index began late, those count that were touched since: shown by the last entry. */
static bool check_last(struct list_work *w, uint32_t chain, const struct ledger_declared *d,
                       const struct ledger_list_subject *s, const struct ledger_map_leaf *leaf)
{
    struct ledger_entry last;
    struct crypto_hash hash;
    bool late = d != NULL && d->late;

    if (s->has_last != late)
        return LIST_INVALID(w, LEDGER_LIST_CHECK_NOW,
                            late
                                ? "key %u: its index began late, and nothing shows that a subject "
                                  "was touched since"
                                : "key %u: its index did not begin late, and a last entry is shown",
                            chain);
    if (!late)
        return true;
    ledger_entry_leaf(&hash, s->last);
    if (leaf->count == 0 ||
        ledger_entry_decode(&last, bytes_of(s->last, LEDGER_ENTRY_SIZE)) != ANJU_OK ||
        merkle_range_check(&leaf->root, leaf->count, leaf->count - 1, &hash, 1, s->boundary.hash,
                           s->boundary.n) != ANJU_OK)
        return LIST_INVALID(w, LEDGER_LIST_CHECK_NOW,
                            "key %u: the last entry shown of a subject is not its last", chain);
    if (last.seq < d->since)
        return LIST_INVALID(w, LEDGER_LIST_CHECK_NOW,
                            "key %u: a subject is shown that its late index does not count", chain);
    return true;
}

static bool check_subject(struct list_work *w, uint32_t chain, uint32_t i, struct arena *a)
{
    const struct ledger_list_chain *c = &w->p->chains[chain];
    const struct ledger_declared *d = w->out->answers[chain].declared;
    const struct ledger_list_subject *s = &c->subjects[i];
    const struct ledger_map_leaf *leaf;
    struct ledger_attributes all;
    struct ledger_map_key key;

    if (i > 0 && memcmp(s[-1].id.b, s->id.b, LEDGER_SUBJECT_SIZE) >= 0)
        return LIST_INVALID(w, LEDGER_LIST_CHECK_NOW,
                            "key %u: the subjects do not ascend: one stands twice or out of place",
                            chain);
    ledger_map_key_subject(&key, w->names[chain].procedure, &s->id);
    leaf = list_leaf(w, &key);
    if (leaf == NULL)
        return LIST_INVALID(w, LEDGER_LIST_CHECK_STATES,
                            "key %u: a subject is shown that never was", chain);
    if (!state_is(w, w->names[chain].procedure, s, leaf, a, &all))
        return LIST_INVALID(w, LEDGER_LIST_CHECK_STATES,
                            "key %u, subject %u: this is not its state at this height", chain, i);
    if (d != NULL && !has_value(c, d, s, &all))
        return LIST_INVALID(w, LEDGER_LIST_CHECK_NOW,
                            "key %u, subject %u: it does not have the value now", chain, i);
    return check_last(w, chain, d, s, leaf);
}

bool list_check_states(struct list_work *w, uint32_t chain)
{
    const struct ledger_list_chain *c = &w->p->chains[chain];
    struct arena a = {0};
    bool good = true;

    if (w->p->question.ask != LEDGER_ASK_NOW)
        return c->n_subjects == 0 ||
               LIST_INVALID(w, LEDGER_LIST_CHECK_STATES,
                            "key %u: subjects are shown that nobody asked for", chain);
    for (uint32_t i = 0; good && i < c->n_subjects; i++) {
        arena_clear(&a);
        good = check_subject(w, chain, i, &a);
    }
    arena_free(&a);
    return good;
}

bool list_check_now(struct list_work *w, uint32_t chain)
{
    const struct ledger_list_chain *c = &w->p->chains[chain];
    const struct ledger_list_answer *answer = &w->out->answers[chain];
    const struct ledger_chain_name *name = &w->names[chain];
    uint64_t wanted = name->kind == LEDGER_CHAIN_SUBJECT ? answer->present : answer->live;

    if (w->p->question.ask != LEDGER_ASK_NOW)
        return true;
    if (c->n_subjects != wanted)
        return LIST_INVALID(w, LEDGER_LIST_CHECK_NOW,
                            "key %u: %ju subjects have the value now, %u are shown", chain,
                            (uintmax_t)wanted, c->n_subjects);
    if (name->kind == LEDGER_CHAIN_SUBJECT && wanted == 1 &&
        memcmp(c->subjects[0].id.b, name->subject.b, LEDGER_SUBJECT_SIZE) != 0)
        return LIST_INVALID(w, LEDGER_LIST_CHECK_NOW,
                            "key %u: the state of another subject is shown", chain);
    return true;
}
