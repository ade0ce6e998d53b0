/* What execution does with verdicts and effects, rule by rule; the verdicts are toy.c's. */
#include "tests/unit/unit.h"

#include <string.h>

#include "tests/toy/toy.c"

enum { DAY_MS = 86400000 };
#define TIME0 (TOY_CREATED + 1000)

static struct arena arena;
static struct ledger_view empty;
static struct ledger_overlay *o;
static struct ledger_envelope envelopes[64];
static uint32_t n_envelopes;
static uint64_t nonces;
static const struct ledger_subject_id S1 = {{0x4d, 0x00, 1}}, S2 = {{0x4d, 0x00, 2}},
                                      S3 = {{0x4d, 0x01, 3}};

static void setup(void)
{
    toy_reset();
    empty = ledger_view_empty(&toy_registry);
    o = ledger_overlay_new(&empty);
    ck_assert_int_eq(ledger_execute_genesis(o), ANJU_OK);
    n_envelopes = 0;
    nonces = 1;
}

static void teardown(void)
{
    ledger_overlay_free(o);
    arena_free(&arena);
}

/* Envelopes that wait for the next block. */
static struct ledger_envelope *send_many(uint32_t key, uint64_t nonce, uint64_t valid_until,
                                         const struct bytes *records, uint16_t n)
{
    toy_envelope(&envelopes[n_envelopes], key, nonce, valid_until, records, n, &arena);
    return &envelopes[n_envelopes++];
}

static struct ledger_envelope *send(uint32_t key, struct toy_record *r)
{
    const struct bytes record = toy_record_bytes(r, &arena);

    return send_many(key, nonces++, ledger_overlay_tip(o)->time_ms + DAY_MS / 2, &record, 1);
}

static const struct ledger_envelope_outcome *block_on(struct ledger_overlay *on, uint64_t time_ms)
{
    const struct ledger_envelope_outcome *outcomes;
    struct ledger_block block;
    size_t count;

    toy_block(&block, ledger_overlay_tip(on)->height + 1, time_ms, envelopes, n_envelopes);
    ck_assert_int_eq(ledger_execute(on, &block), ANJU_OK);
    outcomes = ledger_overlay_outcomes(on, &count);
    ck_assert_uint_eq(count, n_envelopes);
    n_envelopes = 0;
    return outcomes;
}

static const struct ledger_envelope_outcome *block(uint64_t time_ms)
{
    return block_on(o, time_ms);
}

/* A new subject, or a change of one, with the attribute A and more if wanted. */
static struct toy_record change(const struct ledger_subject_id *id, uint64_t version, uint64_t a)
{
    struct toy_record r;

    toy_record(&r, id, version);
    toy_uint(&r, TOY_A, a, &arena);
    return r;
}

static const struct ledger_item *item(size_t index)
{
    size_t count;
    const struct ledger_item *items = ledger_overlay_items(o, &count);

    ck_assert_uint_lt(index, count);
    return &items[index];
}

static size_t n_items(void)
{
    size_t count;

    ledger_overlay_items(o, &count);
    return count;
}

static uint64_t log_size(void)
{
    return ledger_overlay_tip(o)->log.size;
}

static struct ledger_map_key tuple_key(const struct ledger_index *index, uint16_t state,
                                       const uint64_t *a, const char *b, const uint64_t *c)
{
    struct ledger_value values[3];
    struct ledger_attributes attributes = {.items = values};
    struct ledger_map_key key;
    struct writer w[3] = {{0}}, out = {0};

    if (a != NULL) {
        mp_put_uint(&w[0], *a);
        values[attributes.count++] = (struct ledger_value){TOY_A, writer_view(&w[0])};
    }
    if (b != NULL) {
        mp_put_str(&w[1], bytes_of_text(b));
        values[attributes.count++] = (struct ledger_value){TOY_B, writer_view(&w[1])};
    }
    if (c != NULL) {
        mp_put_uint(&w[2], *c);
        values[attributes.count++] = (struct ledger_value){TOY_C, writer_view(&w[2])};
    }
    ck_assert(toy_tuple(&out, index, state, &attributes));
    ledger_map_key_chain(&key, writer_view(&out));
    for (int i = 0; i < 3; i++)
        writer_free(&w[i]);
    writer_free(&out);
    return key;
}

static struct ledger_chain chain_of(const struct ledger_map_key *key)
{
    const struct ledger_view *v = ledger_overlay_view(o);
    struct ledger_chain chain;
    const enum anju_err err = v->chain(v, &chain, key);

    if (err == ANJU_ERR_NOT_FOUND)
        chain = (struct ledger_chain){0};
    else
        ck_assert_int_eq(err, ANJU_OK);
    return chain;
}

static void assert_chain(const struct ledger_map_key *key, uint64_t count, uint64_t live)
{
    const struct ledger_chain chain = chain_of(key);

    ck_assert_uint_eq(chain.peaks.size, count);
    ck_assert_uint_eq(chain.live, live);
}

static void assert_state_list(uint16_t state, uint64_t count, uint64_t live)
{
    const struct ledger_map_key key = tuple_key(&toy_indexes[0], state, NULL, NULL, NULL);

    assert_chain(&key, count, live);
}

static void assert_a_count(uint64_t a, uint64_t live)
{
    const struct ledger_map_key key = tuple_key(&toy_indexes[4], 0, &a, NULL, NULL);

    assert_chain(&key, 0, live);
}

static void assert_actor(uint32_t member, uint64_t count)
{
    struct ledger_map_key key;

    ledger_map_key_actor(&key, member);
    assert_chain(&key, count, 0);
}

static uint64_t version_of(const struct ledger_subject_id *id, uint16_t *state)
{
    const struct ledger_view *v = ledger_overlay_view(o);
    struct ledger_subject s;
    const enum anju_err err = v->subject(v, &s, TOY_PROCEDURE, id, &arena);

    if (err == ANJU_ERR_NOT_FOUND)
        return 0;
    ck_assert_int_eq(err, ANJU_OK);
    if (state != NULL)
        *state = s.state;
    return s.version;
}

START_TEST(genesis_writes_entries_of_kind_0_into_their_subjects_chains_only)
{
    const struct ledger_tip *tip = ledger_overlay_tip(o);
    struct ledger_map_key key;
    struct ledger_chain chain;

    ck_assert_uint_eq(tip->height, 0);
    ck_assert_uint_eq(tip->time_ms, TOY_CREATED);
    ck_assert_mem_eq(tip->block.b, toy_registry.ledger_id.b, 32);
    ck_assert_uint_eq(tip->log.size, 3);
    ck_assert_mem_eq(tip->result_body.next_set.b, toy_registry.set.hash.b, 32);
    ck_assert_uint_eq(n_items(), 3);
    for (size_t i = 0; i < 3; i++) {
        const struct ledger_item *it = item(i);
        struct crypto_hash record_leaf;

        ck_assert_int_eq(it->entry.kind, LEDGER_ENTRY_GENESIS);
        ck_assert_uint_eq(it->entry.seq, i);
        ck_assert_uint_eq(it->entry.member, 0);
        ck_assert(crypto_hash_is_zero(&it->entry.envelope));
        crypto_leaf_hash(&record_leaf, it->record);
        ck_assert_mem_eq(it->entry.record_leaf.b, record_leaf.b, 32);
        ledger_map_key_subject(&key, 0,
                               &(struct ledger_subject_id){{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                                            0, 0, (uint8_t)(i + 1)}});
        chain = chain_of(&key);
        ck_assert_uint_eq(chain.peaks.size, 1);
        ck_assert_mem_eq(chain.peaks.peak[0].b, it->leaf.b, 32);
    }
    for (uint32_t member = 0; member < 4; member++)
        assert_actor(member, 0);
    ck_assert_int_eq(ledger_execute_genesis(o), ANJU_ERR_MISMATCH);
}
END_TEST

START_TEST(a_record_becomes_an_entry_that_binds_record_outcome_and_effects)
{
    struct toy_record r = change(&S1, 0, 7);
    const struct ledger_envelope *e = send(2, &r);
    const struct ledger_envelope_outcome *out = block(TIME0);
    const struct ledger_item *it = item(0);
    struct ledger_entry decoded;
    struct reader effects = reader_over(it->effects);
    struct ledger_effect effect;
    struct crypto_hash root;

    ck_assert_int_eq(out[0].outcome, LEDGER_APPLIED);
    ck_assert_uint_eq(out[0].first_seq, 3);
    ck_assert_uint_eq(out[0].n, 1);
    ck_assert_mem_eq(out[0].id.b, e->id.b, 32);
    ck_assert_int_eq(ledger_entry_decode(&decoded, bytes_of(it->bytes, sizeof(it->bytes))),
                     ANJU_OK);
    ck_assert_int_eq(decoded.kind, LEDGER_ENTRY_RECORD);
    ck_assert_uint_eq(decoded.seq, 3);
    ck_assert_uint_eq(decoded.height, 1);
    ck_assert_uint_eq(decoded.time_ms, TIME0);
    ck_assert_uint_eq(decoded.member, 2);
    ck_assert_uint_eq(decoded.index, 0);
    ck_assert_mem_eq(decoded.envelope.b, e->id.b, 32);
    ck_assert_mem_eq(decoded.record_leaf.b, e->leaf_hashes[0].b, 32);
    ck_assert(bytes_equal(it->record, e->records[0].raw));
    ck_assert_uint_eq(decoded.n_effects, 1);
    ledger_effect_read(&effect, &effects);
    ck_assert_int_eq(reader_finish(&effects), ANJU_OK);
    ledger_effects_root(&root, &effect, 1);
    ck_assert_mem_eq(decoded.effects_root.b, root.b, 32);
    ck_assert_uint_eq(it->key, 2);
    ck_assert(it->last_of_envelope);
    assert_actor(2, 1);
    assert_state_list(0, 1, 1);
    assert_a_count(7, 1);
    ck_assert_uint_eq(version_of(&S1, NULL), 1);
}
END_TEST

START_TEST(an_entry_joins_the_chains_of_the_tuple_before_and_after_and_live_moves)
{
    struct toy_record r = change(&S1, 0, 7);

    send(1, &r);
    block(TIME0);
    r = change(&S1, 1, 8);
    toy_uint(&r, TOY_STATE, 2, &arena);
    send(1, &r);
    block(TIME0 + 1);
    assert_state_list(0, 2, 0);
    assert_state_list(2, 1, 1);
    assert_a_count(7, 0);
    assert_a_count(8, 1);
    r = change(&S1, 2, 8); /* the same tuple again: one more entry, the same live */
    send(1, &r);
    block(TIME0 + 2);
    assert_state_list(2, 2, 1);
    assert_a_count(8, 1);
    assert_actor(1, 3);
}
END_TEST

START_TEST(an_entry_that_touches_several_subjects_joins_each_chain_once)
{
    const struct ledger_subject_id others[] = {S2, S3};
    struct ledger_map_key key;
    struct toy_record r;

    for (int i = 0; i < 3; i++) {
        const struct ledger_subject_id *ids[] = {&S1, &S2, &S3};

        r = change(ids[i], 0, 1);
        send(1, &r);
    }
    block(TIME0);
    assert_state_list(0, 3, 3);
    r = change(&S1, 1, 5);
    toy_others(&r, others, 2, &arena);
    send(1, &r);
    block(TIME0 + 1);
    ck_assert_uint_eq(item(0)->entry.n_effects, 3);
    assert_state_list(0, 4, 3);
    assert_a_count(1, 0);
    assert_a_count(5, 3);
    ledger_map_key_subject(&key, TOY_PROCEDURE, &S3);
    assert_chain(&key, 2, 0);
    assert_actor(1, 4);
}
END_TEST

START_TEST(a_unique_tuple_is_counted_only_where_all_of_it_is_there)
{
    const uint64_t nine = 9;
    const struct ledger_map_key key = tuple_key(&toy_indexes[3], 0, NULL, NULL, &nine);
    const struct ledger_envelope_outcome *out;
    struct toy_record r = change(&S1, 0, 1);

    send(1, &r);
    block(TIME0);
    assert_chain(&key, 0, 0);
    r = change(&S1, 1, 1);
    toy_uint(&r, TOY_C, nine, &arena);
    send(1, &r);
    r = change(&S2, 0, 1); /* in the same block already taken */
    toy_uint(&r, TOY_C, nine, &arena);
    send(1, &r);
    out = block(TIME0 + 1);
    ck_assert_int_eq(out[0].outcome, LEDGER_APPLIED);
    ck_assert_int_eq(out[1].outcome, LEDGER_REFUSED_UNIQUE);
    assert_chain(&key, 0, 1);
    r = change(&S1, 2, 1);
    toy_clear(&r, TOY_C, &arena);
    send(1, &r);
    r = change(&S2, 0, 1);
    toy_uint(&r, TOY_C, nine, &arena);
    send(1, &r);
    out = block(TIME0 + 2);
    ck_assert_int_eq(out[1].outcome, LEDGER_APPLIED);
    assert_chain(&key, 0, 1);
}
END_TEST

/* All or none: what the first records did is taken back from every place where they left a trace.
 */
START_TEST(a_refused_envelope_leaves_one_entry_in_its_members_chain_and_nothing_else)
{
    const struct ledger_envelope_outcome *out;
    struct bytes records[3];
    struct ledger_chain before, after;
    struct ledger_map_key actor, subject;
    struct crypto_hash empty_root;
    struct toy_record r = change(&S1, 0, 7);
    struct ledger_envelope *e;
    struct ledger_timer timers[4];
    const struct ledger_view *v = ledger_overlay_view(o);
    size_t n_timers;

    send(1, &r);
    block(TIME0);
    ledger_map_key_subject(&subject, TOY_PROCEDURE, &S1);
    before = chain_of(&subject);

    r = change(&S1, 1, 8);
    toy_uint(&r, TOY_STATE, 2, &arena);
    toy_uint(&r, TOY_DUE, TIME0 + 50, &arena);
    records[0] = toy_record_bytes(&r, &arena);
    r = change(&S2, 0, 8);
    records[1] = toy_record_bytes(&r, &arena);
    r = change(&S2, 9, 8); /* stale */
    records[2] = toy_record_bytes(&r, &arena);
    e = send_many(1, nonces++, TIME0 + 1000, records, 3);
    r = change(&S3, 0, 3); /* and one after it that holds */
    send(2, &r);
    out = block(TIME0 + 1);

    ck_assert_int_eq(out[0].outcome, LEDGER_REFUSED_VERSION_STALE);
    ck_assert_uint_eq(out[0].failing_index, 2);
    ck_assert_uint_eq(out[0].first_seq, 4);
    ck_assert_uint_eq(out[0].n, 1);
    ck_assert_int_eq(out[1].outcome, LEDGER_APPLIED);
    ck_assert_uint_eq(out[1].first_seq, 5);
    ck_assert_uint_eq(n_items(), 2);
    ck_assert_int_eq(item(0)->entry.kind, LEDGER_ENTRY_REFUSAL);
    ck_assert_uint_eq(item(0)->entry.outcome, LEDGER_REFUSED_VERSION_STALE);
    ck_assert_uint_eq(item(0)->entry.index, 2);
    ck_assert_uint_eq(item(0)->entry.n_effects, 0);
    merkle_root_of(&empty_root, NULL, 0);
    ck_assert_mem_eq(item(0)->entry.effects_root.b, empty_root.b, 32);
    ck_assert_mem_eq(item(0)->entry.record_leaf.b, e->leaf_hashes[2].b, 32);
    ck_assert(bytes_equal(item(0)->record, records[2]));

    ck_assert_uint_eq(version_of(&S1, NULL), 1);
    ck_assert_uint_eq(version_of(&S2, NULL), 0);
    after = chain_of(&subject);
    ck_assert_mem_eq(before.peaks.peak[0].b, after.peaks.peak[0].b, 32);
    ck_assert_uint_eq(after.peaks.size, 1);
    ck_assert_mem_eq(before.state.b, after.state.b, 32);
    assert_state_list(2, 0, 0);
    assert_a_count(8, 0);
    ledger_map_key_actor(&actor, 1);
    after = chain_of(&actor);
    ck_assert_uint_eq(after.peaks.size, 2);
    ck_assert_int_eq(v->timers(v, timers, &n_timers, 4, UINT64_MAX), ANJU_OK);
    ck_assert_uint_eq(n_timers, 0);
}
END_TEST

START_TEST(the_records_of_an_envelope_see_each_others_effects)
{
    const struct ledger_envelope_outcome *out;
    struct bytes records[3];
    struct toy_record r = change(&S1, 0, 7);

    records[0] = toy_record_bytes(&r, &arena);
    r = change(&S1, 1, 7);
    toy_uint(&r, TOY_LIVE, 1, &arena); /* the count holds what the first did */
    records[1] = toy_record_bytes(&r, &arena);
    r = change(&S2, 0, 7);
    records[2] = toy_record_bytes(&r, &arena);
    send_many(1, nonces++, TIME0 + 1000, records, 3);
    r = change(&S3, 0, 7);
    toy_uint(&r, TOY_LIVE, 2, &arena); /* and so does the next envelope */
    send(2, &r);
    out = block(TIME0);
    ck_assert_int_eq(out[0].outcome, LEDGER_APPLIED);
    ck_assert_uint_eq(out[0].n, 3);
    ck_assert_int_eq(out[1].outcome, LEDGER_APPLIED);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(item(i)->entry.index, i);
        ck_assert_int_eq(item(i)->last_of_envelope, i == 2);
    }
    ck_assert_uint_eq(version_of(&S1, NULL), 2);
    assert_a_count(7, 3);
}
END_TEST

START_TEST(the_same_envelope_again_is_skipped_with_the_same_claim)
{
    const struct ledger_envelope_outcome *out;
    struct toy_record r = change(&S1, 0, 7);
    struct ledger_envelope applied, refused;
    uint64_t size;

    applied = *send(1, &r);
    envelopes[n_envelopes++] = applied; /* twice in one block */
    r = change(&S2, 0, 7);
    toy_uint(&r, TOY_REFUSE, 1, &arena);
    refused = *send(1, &r);
    out = block(TIME0);
    ck_assert_int_eq(out[0].outcome, LEDGER_APPLIED);
    ck_assert_int_eq(out[1].outcome, LEDGER_SKIP_DUPLICATE);
    ck_assert_uint_eq(out[1].first_seq, out[0].first_seq);
    ck_assert_uint_eq(out[1].n, 1);
    ck_assert_int_eq(out[2].outcome, TOY_CLAUSE);
    size = log_size();
    ck_assert_uint_eq(size, 5);
    toy_keys[0].until = TIME0 + 1; /* whatever became of the key since */
    envelopes[n_envelopes++] = applied;
    envelopes[n_envelopes++] = refused;
    out = block(TIME0 + 1);
    ck_assert_int_eq(out[0].outcome, LEDGER_SKIP_DUPLICATE);
    ck_assert_uint_eq(out[0].first_seq, 3);
    ck_assert_int_eq(out[1].outcome, LEDGER_SKIP_DUPLICATE);
    ck_assert_uint_eq(out[1].first_seq, 4);
    ck_assert_uint_eq(log_size(), size);
    ck_assert_uint_eq(n_items(), 0);
}
END_TEST

START_TEST(a_nonce_serves_one_envelope_of_a_key_until_its_valid_until_has_passed)
{
    const struct ledger_envelope_outcome *out;
    struct toy_record r = change(&S1, 0, 7);
    struct bytes record = toy_record_bytes(&r, &arena);
    struct ledger_used used;
    struct ledger_envelope *second;
    const struct ledger_view *v = ledger_overlay_view(o);
    uint8_t nonce[LEDGER_NONCE_SIZE] = {0};

    send_many(1, 77, TIME0 + 100, &record, 1);
    r = change(&S2, 0, 7);
    record = toy_record_bytes(&r, &arena);
    send_many(1, 77, TIME0 + 5000, &record, 1); /* another envelope, the same nonce */
    send_many(4, 77, TIME0 + 5000, &record, 1); /* another key of the member */
    out = block(TIME0);
    ck_assert_int_eq(out[0].outcome, LEDGER_APPLIED);
    ck_assert_int_eq(out[1].outcome, LEDGER_SKIP_NONCE);
    ck_assert_uint_eq(out[1].first_seq, 3);
    ck_assert_int_eq(out[2].outcome, LEDGER_APPLIED);
    r = change(&S3, 0, 7);
    record = toy_record_bytes(&r, &arena);
    send_many(1, 77, TIME0 + 5000, &record, 1);
    out = block(TIME0 + 99);
    ck_assert_int_eq(out[0].outcome, LEDGER_SKIP_NONCE);
    second = send_many(1, 77, TIME0 + 5000, &record, 1);
    out = block(TIME0 + 100);
    ck_assert_int_eq(out[0].outcome, LEDGER_APPLIED);
    put_u64(nonce, 77);
    ck_assert_int_eq(v->used(v, &used, 1, nonce), ANJU_OK);
    ck_assert_mem_eq(used.envelope.b, second->id.b, 32);
    ck_assert_uint_eq(used.valid_until, TIME0 + 5000);
    ck_assert_uint_eq(used.first_seq, 5);
}
END_TEST

START_TEST(an_envelope_is_admitted_before_valid_until_and_at_most_a_day_ahead)
{
    const struct ledger_envelope_outcome *out;
    struct bytes record[4];

    for (unsigned i = 0; i < 4; i++) {
        const struct ledger_subject_id id = toy_subject(20000, i);
        struct toy_record r = change(&id, 0, 1);

        record[i] = toy_record_bytes(&r, &arena);
    }
    send_many(1, 1, TIME0, &record[0], 1);
    send_many(1, 2, TIME0 + 1, &record[1], 1);
    send_many(1, 3, TIME0 + DAY_MS, &record[2], 1);
    send_many(1, 4, TIME0 + DAY_MS + 1, &record[3], 1);
    out = block(TIME0);
    ck_assert_int_eq(out[0].outcome, LEDGER_SKIP_EXPIRED);
    ck_assert_int_eq(out[1].outcome, LEDGER_APPLIED);
    ck_assert_int_eq(out[2].outcome, LEDGER_APPLIED);
    ck_assert_int_eq(out[3].outcome, LEDGER_SKIP_TOO_FAR);
    ck_assert_uint_eq(n_items(), 2);
}
END_TEST

START_TEST(a_key_is_good_from_its_begin_and_not_at_its_end)
{
    const struct ledger_envelope_outcome *out;
    struct toy_record r = change(&S1, 0, 7);

    toy_keys[0].from = TIME0 + 10;
    toy_keys[0].until = TIME0 + 20;
    send(1, &r);
    out = block(TIME0 + 9);
    ck_assert_int_eq(out[0].outcome, LEDGER_SKIP_KEY);
    send(1, &r);
    out = block(TIME0 + 10);
    ck_assert_int_eq(out[0].outcome, LEDGER_APPLIED);
    r = change(&S1, 1, 7);
    send(1, &r);
    out = block(TIME0 + 20);
    ck_assert_int_eq(out[0].outcome, LEDGER_SKIP_KEY);
    ck_assert_uint_eq(out[0].n, 0);
    assert_actor(1, 1);
}
END_TEST

START_TEST(a_members_refusals_of_a_day_are_bounded_and_the_rest_leaves_no_trace)
{
    const uint64_t next_day = (TIME0 / DAY_MS + 1) * DAY_MS;
    const struct ledger_envelope_outcome *out;
    struct toy_record bad = change(&S1, 0, 7), good = change(&S2, 0, 7);
    struct ledger_envelope skipped;

    toy_registry.limits.refusals_per_day = 2;
    toy_uint(&bad, TOY_REFUSE, 1, &arena);
    send(1, &bad);
    send(4, &bad); /* the member's other key counts too */
    skipped = *send(1, &bad);
    send(2, &bad);
    send(1, &good);
    out = block(next_day - 2);
    ck_assert_int_eq(out[0].outcome, TOY_CLAUSE);
    ck_assert_int_eq(out[1].outcome, TOY_CLAUSE);
    ck_assert_int_eq(out[2].outcome, LEDGER_SKIP_REFUSALS);
    ck_assert_uint_eq(out[2].n, 0);
    ck_assert_int_eq(out[3].outcome, TOY_CLAUSE);
    ck_assert_int_eq(out[4].outcome, LEDGER_APPLIED);
    ck_assert_uint_eq(n_items(), 4);
    assert_actor(1, 3);
    send(1, &bad);
    out = block(next_day - 1);
    ck_assert_int_eq(out[0].outcome, LEDGER_SKIP_REFUSALS);
    envelopes[n_envelopes++] = skipped; /* its nonce was never used */
    send(1, &bad);
    send(1, &bad);
    out = block(next_day);
    ck_assert_int_eq(out[0].outcome, TOY_CLAUSE);
    ck_assert_int_eq(out[1].outcome, TOY_CLAUSE);
    ck_assert_int_eq(out[2].outcome, LEDGER_SKIP_REFUSALS);
}
END_TEST

START_TEST(what_is_over_a_limit_and_under_the_cap_is_refused)
{
    const struct ledger_envelope_outcome *out;
    struct bytes records[2];
    struct toy_record r = change(&S1, 0, 7);

    records[0] = toy_record_bytes(&r, &arena);
    toy_registry.limits.record_size = (uint32_t)records[0].size;
    r = change(&S2, 0, 7);
    toy_text(&r, TOY_B, "one more", &arena);
    records[1] = toy_record_bytes(&r, &arena);
    send_many(1, nonces++, TIME0 + 100, records, 2);
    out = block(TIME0);
    ck_assert_int_eq(out[0].outcome, LEDGER_REFUSED_RECORD_TOO_LARGE);
    ck_assert_uint_eq(out[0].failing_index, 1);
    ck_assert(crypto_hash_is_zero(&item(0)->entry.procedure_digest)); /* nothing judged it */
    toy_registry.limits.record_size = 1000;
    toy_registry.limits.envelope_records = 1;
    send_many(1, nonces++, TIME0 + 100, records, 2);
    out = block(TIME0 + 1);
    ck_assert_int_eq(out[0].outcome, LEDGER_REFUSED_ENVELOPE_TOO_LARGE);
    ck_assert_uint_eq(out[0].failing_index, 0);
    toy_registry.limits.envelope_records = 1000;
    toy_registry.limits.envelope_size = 150;
    send_many(1, nonces++, TIME0 + 100, records, 2);
    out = block(TIME0 + 2);
    ck_assert_int_eq(out[0].outcome, LEDGER_REFUSED_ENVELOPE_TOO_LARGE);
    ck_assert_uint_eq(version_of(&S1, NULL), 0);
}
END_TEST

static void with_timer(const struct ledger_subject_id *id, uint64_t due, uint64_t state)
{
    struct toy_record r = change(id, 0, 1);

    toy_uint(&r, TOY_DUE, due, &arena);
    toy_uint(&r, TOY_STATE, state, &arena);
    send(1, &r);
}

static void assert_waiting(size_t count)
{
    const struct ledger_view *v = ledger_overlay_view(o);
    struct ledger_timer timers[16];
    size_t n;

    ck_assert_int_eq(v->timers(v, timers, &n, 16, UINT64_MAX), ANJU_OK);
    ck_assert_uint_eq(n, count);
}

START_TEST(timers_fire_once_at_the_first_block_after_they_are_due_and_before_its_records)
{
    struct toy_record r;
    const struct ledger_envelope_outcome *out;
    uint16_t state;

    with_timer(&S2, TIME0 + 10, 1);
    with_timer(&S1, TIME0 + 10, 1);
    with_timer(&S3, TIME0 + 5, 1);
    block(TIME0);
    block(TIME0 + 4);
    ck_assert_uint_eq(n_items(), 0);
    assert_waiting(3);
    r = change(&S1, 2, 1); /* the version that the timer makes */
    send(1, &r);
    out = block(TIME0 + 10);
    ck_assert_int_eq(out[0].outcome, LEDGER_APPLIED);
    ck_assert_uint_eq(n_items(), 4);
    for (size_t i = 0; i < 3; i++) {
        const struct ledger_subject_id *order[] = {&S3, &S1, &S2};
        struct ledger_record record;
        struct crypto_hash leaf;

        ck_assert_int_eq(item(i)->entry.kind, LEDGER_ENTRY_TIMER);
        ck_assert_uint_eq(item(i)->entry.member, 0);
        ck_assert(crypto_hash_is_zero(&item(i)->entry.envelope));
        ck_assert_int_eq(ledger_record_decode(&record, item(i)->record, &arena), ANJU_OK);
        ck_assert_mem_eq(record.subject.b, order[i]->b, 16);
        crypto_leaf_hash(&leaf, item(i)->record);
        ck_assert_mem_eq(leaf.b, item(i)->entry.record_leaf.b, 32);
    }
    ck_assert_uint_eq(version_of(&S3, &state), 2);
    ck_assert_uint_eq(state, TOY_STATE_FIRED);
    assert_actor(1, 4);
    assert_waiting(0);
    block(TIME0 + 11);
    ck_assert_uint_eq(n_items(), 0);
}
END_TEST

START_TEST(a_timer_in_a_state_that_it_does_not_start_from_is_dropped_for_good)
{
    struct toy_record r;

    with_timer(&S1, TIME0 + 10, TOY_STATE_DEAF);
    block(TIME0);
    assert_waiting(1);
    block(TIME0 + 10);
    ck_assert_uint_eq(n_items(), 0);
    assert_waiting(0);
    r = change(&S1, 1, 1); /* now it would start, but it is gone */
    toy_uint(&r, TOY_STATE, 1, &arena);
    send(1, &r);
    block(TIME0 + 11);
    block(TIME0 + 12);
    ck_assert_uint_eq(n_items(), 0);
    assert_waiting(0);
    r = change(&S1, 2, 1); /* a clock that is set again is another timer */
    toy_uint(&r, TOY_DUE, TIME0 + 20, &arena);
    send(1, &r);
    block(TIME0 + 13);
    assert_waiting(1);
    block(TIME0 + 20);
    ck_assert_uint_eq(n_items(), 1);
}
END_TEST

START_TEST(a_timer_that_was_stopped_moved_or_paused_does_not_fire)
{
    struct toy_record r;

    with_timer(&S1, TIME0 + 10, 1);
    with_timer(&S2, TIME0 + 10, 1);
    with_timer(&S3, TIME0 + 10, 1);
    block(TIME0);
    r = change(&S1, 1, 1);
    toy_clear(&r, TOY_DUE, &arena);
    send(1, &r);
    r = change(&S2, 1, 1);
    toy_uint(&r, TOY_DUE, TIME0 + 30, &arena);
    send(1, &r);
    r = change(&S3, 1, 1);
    toy_uint(&r, TOY_STATE, TOY_STATE_PAUSED, &arena);
    send(1, &r);
    block(TIME0 + 1);
    assert_waiting(1);
    block(TIME0 + 20);
    ck_assert_uint_eq(n_items(), 0);
    r = change(&S3, 2, 1); /* resumed after it was due: the next block fires it */
    toy_uint(&r, TOY_STATE, 1, &arena);
    send(1, &r);
    block(TIME0 + 21);
    ck_assert_uint_eq(n_items(), 1);
    block(TIME0 + 22);
    ck_assert_uint_eq(n_items(), 1);
    ck_assert_int_eq(item(0)->entry.kind, LEDGER_ENTRY_TIMER);
    block(TIME0 + 30);
    ck_assert_uint_eq(n_items(), 1);
    assert_waiting(0);
}
END_TEST

START_TEST(a_timer_that_an_earlier_one_of_the_block_stops_does_not_fire)
{
    struct toy_record r = change(&S1, 0, 1);
    uint16_t state;

    toy_uint(&r, TOY_DUE, TIME0 + 10, &arena);
    toy_bin(&r, TOY_PARTNER, &S2, &arena);
    send(1, &r);
    with_timer(&S2, TIME0 + 11, 1);
    block(TIME0);
    block(TIME0 + 20);
    ck_assert_uint_eq(n_items(), 1);
    ck_assert_uint_eq(item(0)->entry.n_effects, 2);
    ck_assert_uint_eq(version_of(&S2, &state), 2);
    ck_assert_uint_eq(state, 1);
    assert_waiting(0);
}
END_TEST

START_TEST(at_most_the_limit_of_timers_fires_in_a_block_and_the_rest_in_the_next)
{
    toy_registry.limits.timers_per_block = 2;
    with_timer(&S1, TIME0 + 10, TOY_STATE_DEAF); /* a dropped one is one of the two */
    with_timer(&S2, TIME0 + 11, 1);
    with_timer(&S3, TIME0 + 12, 1);
    block(TIME0);
    block(TIME0 + 100);
    ck_assert_uint_eq(n_items(), 1);
    assert_waiting(1);
    block(TIME0 + 101);
    ck_assert_uint_eq(n_items(), 1);
    assert_waiting(0);
}
END_TEST

START_TEST(a_block_in_which_nothing_happens_moves_only_the_height)
{
    const struct ledger_tip before = *ledger_overlay_tip(o);
    const struct ledger_tip *after;
    struct ledger_block next;

    block(TIME0);
    after = ledger_overlay_tip(o);
    ck_assert_uint_eq(after->height, 1);
    ck_assert_mem_eq(after->result_body.log_root.b, before.result_body.log_root.b, 32);
    ck_assert_mem_eq(after->result_body.map_root.b, before.result_body.map_root.b, 32);
    ck_assert_mem_ne(after->result.b, before.result.b, 32);
    toy_block(&next, 3, TIME0 + 1, NULL, 0); /* a height is missing */
    ck_assert_int_eq(ledger_execute(o, &next), ANJU_ERR_MISMATCH);
}
END_TEST

/* ledger_block_check refuses such a block; an audit of an altered copy may come here without it. */
START_TEST(a_key_that_is_not_that_members_is_an_error_with_words)
{
    struct toy_record r = change(&S1, 0, 7);
    struct ledger_block next;

    send(1, &r)->member = 2;
    toy_block(&next, 1, TIME0, envelopes, n_envelopes);
    ck_assert_int_eq(ledger_execute(o, &next), ANJU_ERR_MISMATCH);
    ck_assert_ptr_nonnull(strstr(anju_err_text(), "key 1 of member 2"));
}
END_TEST

/* Two candidates for one height: executed on top of the same state, one is dropped, one absorbed.
 */
START_TEST(an_overlay_can_be_dropped_or_absorbed_and_what_is_below_stays)
{
    struct ledger_overlay *dropped, *kept, *twin;
    struct toy_record r = change(&S1, 0, 7);
    const struct ledger_tip before = *ledger_overlay_tip(o);
    struct ledger_map_key key = tuple_key(&toy_indexes[0], 0, NULL, NULL, NULL);
    struct ledger_envelope e;
    struct crypto_hash result;
    uint64_t seq;

    send(1, &r);
    dropped = ledger_overlay_new(ledger_overlay_view(o));
    block_on(dropped, TIME0);
    ck_assert_uint_eq(ledger_overlay_tip(dropped)->log.size, 4);
    ledger_overlay_free(dropped);
    ck_assert_mem_eq(&before, ledger_overlay_tip(o), sizeof(before));
    ck_assert_uint_eq(version_of(&S1, NULL), 0);

    e = *send(2, &r);
    kept = ledger_overlay_new(ledger_overlay_view(o));
    block_on(kept, TIME0 + 1);
    result = ledger_overlay_tip(kept)->result;
    ck_assert_int_eq(ledger_overlay_chain_item(&seq, o, &key, 0), ANJU_ERR_NOT_FOUND);
    ck_assert_int_eq(ledger_overlay_chain_item(&seq, kept, &key, 0), ANJU_OK);
    ck_assert_uint_eq(seq, 3);
    ledger_overlay_absorb(o, kept);
    ck_assert_mem_eq(ledger_overlay_tip(o)->result.b, result.b, 32);
    ck_assert_uint_eq(version_of(&S1, NULL), 1);
    ck_assert_int_eq(ledger_overlay_chain_item(&seq, o, &key, 0), ANJU_OK);
    ck_assert_int_eq(ledger_overlay_chain_item(&seq, o, &key, 1), ANJU_ERR_NOT_FOUND);

    /* The same block in place gives the same. */
    twin = ledger_overlay_new(&empty);
    ck_assert_int_eq(ledger_execute_genesis(twin), ANJU_OK);
    envelopes[n_envelopes++] = e;
    block_on(twin, TIME0 + 1);
    ck_assert_mem_eq(ledger_overlay_tip(twin)->result.b, result.b, 32);
    ledger_overlay_free(twin);
}
END_TEST

/* A view below that breaks at a chosen call. */
struct broken {
    struct ledger_view view;
    const struct ledger_view *real;
    int calls_left;
};

static bool breaks(const struct ledger_view *v)
{
    return ((struct broken *)(uintptr_t)v)->calls_left-- == 0;
}

static enum anju_err broken_subject(const struct ledger_view *v, struct ledger_subject *out,
                                    uint16_t procedure, const struct ledger_subject_id *id,
                                    struct arena *a)
{
    const struct ledger_view *real = ((const struct broken *)v)->real;

    return breaks(v) ? ANJU_ERR_CORRUPT : real->subject(real, out, procedure, id, a);
}

static enum anju_err broken_chain(const struct ledger_view *v, struct ledger_chain *out,
                                  const struct ledger_map_key *key)
{
    const struct ledger_view *real = ((const struct broken *)v)->real;

    return breaks(v) ? ANJU_ERR_CORRUPT : real->chain(real, out, key);
}

static enum anju_err broken_used(const struct ledger_view *v, struct ledger_used *out, uint32_t key,
                                 const uint8_t nonce[LEDGER_NONCE_SIZE])
{
    const struct ledger_view *real = ((const struct broken *)v)->real;

    return breaks(v) ? ANJU_ERR_CORRUPT : real->used(real, out, key, nonce);
}

static enum anju_err broken_refusals(const struct ledger_view *v, uint32_t *out, uint32_t member,
                                     uint32_t day)
{
    const struct ledger_view *real = ((const struct broken *)v)->real;

    return breaks(v) ? ANJU_ERR_CORRUPT : real->refusals(real, out, member, day);
}

static enum anju_err broken_timers(const struct ledger_view *v, struct ledger_timer *out,
                                   size_t *count, size_t max, uint64_t until)
{
    const struct ledger_view *real = ((const struct broken *)v)->real;

    return breaks(v) ? ANJU_ERR_CORRUPT : real->timers(real, out, count, max, until);
}

static struct ledger_map *broken_map(const struct ledger_view *v)
{
    const struct ledger_view *real = ((const struct broken *)v)->real;

    return real->map(real);
}

static const struct ledger_tip *broken_tip(const struct ledger_view *v)
{
    const struct ledger_view *real = ((const struct broken *)v)->real;

    return real->tip(real);
}

START_TEST(a_view_that_fails_stops_the_execution_wherever_it_fails)
{
    struct broken broken = {.view = {.registry = &toy_registry,
                                     .subject = broken_subject,
                                     .chain = broken_chain,
                                     .used = broken_used,
                                     .refusals = broken_refusals,
                                     .timers = broken_timers,
                                     .map = broken_map,
                                     .tip = broken_tip},
                            .real = ledger_overlay_view(o)};
    struct ledger_block next;
    struct bytes records[2];
    struct toy_record r = change(&S3, 0, 7);
    enum anju_err err = ANJU_ERR_CORRUPT;
    int calls = 0;

    with_timer(&S1, TIME0 + 1, 1);
    block(TIME0);
    send(1, &r);
    r = change(&S2, 0, 7);
    records[0] = toy_record_bytes(&r, &arena);
    toy_uint(&r, TOY_REFUSE, 1, &arena);
    records[1] = toy_record_bytes(&r, &arena);
    send_many(2, nonces++, TIME0 + 1000, records, 2);
    toy_block(&next, 2, TIME0 + 2, envelopes, n_envelopes);
    while (err != ANJU_OK) {
        struct ledger_overlay *on;

        broken.calls_left = calls++;
        on = ledger_overlay_new(&broken.view);
        err = ledger_execute(on, &next);
        ck_assert(err == ANJU_OK || err == ANJU_ERR_CORRUPT);
        ledger_overlay_free(on);
    }
    ck_assert_int_gt(calls, 20);
}
END_TEST

/* Stored entries of a height, folded on top of the height before. */
START_TEST(folding_refuses_entries_that_are_not_what_was_executed)
{
    struct ledger_overlay *on = ledger_overlay_new(ledger_overlay_view(o)), *folded;
    struct toy_record r = change(&S1, 0, 7);
    struct bytes records[2];
    struct ledger_item items[2];
    const struct ledger_tip *tip;
    const struct ledger_item *executed;
    uint8_t *effects;
    size_t count;

    records[0] = toy_record_bytes(&r, &arena);
    r = change(&S2, 0, 7);
    records[1] = toy_record_bytes(&r, &arena);
    send_many(1, nonces++, TIME0 + 1000, records, 2);
    block_on(on, TIME0);
    tip = ledger_overlay_tip(on);
    executed = ledger_overlay_items(on, &count);
    ck_assert_uint_eq(count, 2);
    effects = anju_dup(executed[1].effects.data, executed[1].effects.size);
    effects[executed[1].effects.size - 1] ^= 1; /* the value of TOY_A */
    for (int what = 0; what < 7; what++) {
        enum anju_err err;

        memcpy(items, executed, sizeof(items));
        if (what == 1)
            items[0].entry.seq++;
        if (what == 2)
            items[1].entry.time_ms++;
        if (what == 3 || what == 5)
            items[1].effects.data = effects;
        if (what == 4)
            items[1].effects.size--;
        if (what == 5) /* a root of their own; but they do not open to the digest */
            crypto_leaf_hash(&items[1].entry.effects_root, items[1].effects);
        if (what == 6)
            items[1].last_of_envelope = false;
        folded = ledger_overlay_new(ledger_overlay_view(o));
        err = ledger_fold(folded, items, 2, 1, TIME0, &tip->block);
        ck_assert_int_eq(err, what == 0 ? ANJU_OK : ANJU_ERR_CORRUPT);
        if (what == 0)
            ck_assert_mem_eq(ledger_overlay_tip(folded)->result.b, tip->result.b, 32);
        ledger_overlay_free(folded);
    }
    folded = ledger_overlay_new(ledger_overlay_view(o));
    ck_assert_int_eq(ledger_fold(folded, items, 2, 2, TIME0, &tip->block), ANJU_ERR_MISMATCH);
    ledger_overlay_free(folded);
    ledger_overlay_free(on);
    free(effects);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *c = tcase_create("execute");

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, genesis_writes_entries_of_kind_0_into_their_subjects_chains_only);
    tcase_add_test(c, a_record_becomes_an_entry_that_binds_record_outcome_and_effects);
    tcase_add_test(c, an_entry_joins_the_chains_of_the_tuple_before_and_after_and_live_moves);
    tcase_add_test(c, an_entry_that_touches_several_subjects_joins_each_chain_once);
    tcase_add_test(c, a_unique_tuple_is_counted_only_where_all_of_it_is_there);
    tcase_add_test(c, a_refused_envelope_leaves_one_entry_in_its_members_chain_and_nothing_else);
    tcase_add_test(c, the_records_of_an_envelope_see_each_others_effects);
    tcase_add_test(c, the_same_envelope_again_is_skipped_with_the_same_claim);
    tcase_add_test(c, a_nonce_serves_one_envelope_of_a_key_until_its_valid_until_has_passed);
    tcase_add_test(c, an_envelope_is_admitted_before_valid_until_and_at_most_a_day_ahead);
    tcase_add_test(c, a_key_is_good_from_its_begin_and_not_at_its_end);
    tcase_add_test(c, a_members_refusals_of_a_day_are_bounded_and_the_rest_leaves_no_trace);
    tcase_add_test(c, what_is_over_a_limit_and_under_the_cap_is_refused);
    tcase_add_test(c,
                   timers_fire_once_at_the_first_block_after_they_are_due_and_before_its_records);
    tcase_add_test(c, a_timer_in_a_state_that_it_does_not_start_from_is_dropped_for_good);
    tcase_add_test(c, a_timer_that_was_stopped_moved_or_paused_does_not_fire);
    tcase_add_test(c, a_timer_that_an_earlier_one_of_the_block_stops_does_not_fire);
    tcase_add_test(c, at_most_the_limit_of_timers_fires_in_a_block_and_the_rest_in_the_next);
    tcase_add_test(c, a_block_in_which_nothing_happens_moves_only_the_height);
    tcase_add_test(c, a_key_that_is_not_that_members_is_an_error_with_words);
    tcase_add_test(c, an_overlay_can_be_dropped_or_absorbed_and_what_is_below_stays);
    tcase_add_test(c, a_view_that_fails_stops_the_execution_wherever_it_fails);
    tcase_add_test(c, folding_refuses_entries_that_are_not_what_was_executed);
    suite_add_tcase(suite, c);
}

UNIT_MAIN("execute", add_tests)
