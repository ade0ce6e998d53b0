/*
 * The engine against one lying validator: frames that only somebody with a key of the set, or a
 * connection of its own, can send. Whatever it says, the others neither stop nor forget.
 */
#include "fake_world.h"
#include "node/engine_state.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

static struct fake_cluster c;
enum { LIAR = 1 };

static void start_all(uint64_t seed)
{
    fake_begin(&c, 4, 0, seed);
    for (int i = 0; i < c.count; i++)
        fake_start(&c, i);
}

static bool is_answered(struct fake_cluster *cluster, void *ctx)
{
    return fake_answer(cluster, *(uint64_t *)ctx) != NULL;
}

static void expect_committed(uint64_t ticket, uint64_t ms)
{
    fake_run(&c, ms, is_answered, &ticket);
    ck_assert_int_eq(fake_answer(&c, ticket)->state, RPC_SUBMIT_COMMITTED);
}

static bool frame(int to, enum frame_type type, struct writer *w)
{
    bool fine = engine_peer_frame(c.node[to].engine, LIAR, (uint8_t)type, writer_view(w));

    writer_clear(w);
    return fine;
}

/* The stored block of node 0 without its batches. */
static void compact_of(struct frame_compact *out, uint64_t height)
{
    struct reader r = reader_over(blob_bytes(c.node[0].block[height]));

    ck_assert_int_eq(ledger_header_decode(&out->header, reader_take(&r, LEDGER_HEADER_SIZE)),
                     ANJU_OK);
    out->ids = reader_take(&r, (size_t)out->header.n_batches * CRYPTO_HASH_SIZE);
    out->certificate = reader_take_u32(&r, LEDGER_CERTIFICATE_SIZE_MAX);
}

/* Block `height` with its certificate, as if the header said another time, or with another result. */
static void put_forged_block(struct writer *w, uint64_t height, bool other_result)
{
    struct frame_compact compact;
    struct ledger_certificate certificate;
    struct writer encoded = {0};

    compact_of(&compact, height);
    compact.header.time_ms += !other_result;
    ck_assert_int_eq(
        ledger_certificate_decode(&certificate, blob_bytes(c.node[0].certificate[height])),
        ANJU_OK);
    ledger_block_id(&certificate.vid, &compact.header, &c.fixture.registry->ledger_id);
    certificate.result.b[0] ^= other_result;
    ledger_certificate_encode(&encoded, &certificate);
    frame_block_encode(w, writer_view(&encoded), &compact);
    writer_free(&encoded);
}

/* A laggard that believed the second certificate without a look would see a fork and stop. */
START_TEST(a_true_block_does_not_vouch_for_a_forged_one_behind_it)
{
    struct engine_status s;
    struct frame_compact compact;
    struct writer w = {0};

    start_all(1);
    fake_isolate(&c, 3, true);
    fake_submit(&c, 0, 1, fake_envelope(&c));
    expect_committed(1, 5000);
    fake_isolate(&c, 3, false);
    compact_of(&compact, 1);
    frame_block_encode(&w, blob_bytes(c.node[0].certificate[1]), &compact);
    ck_assert(frame(3, FRAME_BLOCK, &w));
    put_forged_block(&w, 1, true);
    (void)frame(3, FRAME_BLOCK, &w);
    put_forged_block(&w, 1, false);
    ck_assert(!frame(3, FRAME_BLOCK, &w));
    engine_status(&s, c.node[3].engine);
    ck_assert_msg(!s.halted, "%s", s.halt_reason);
    fake_run_to(&c, 0xf, 1, 10000);
    writer_free(&w);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* The certificate of a block says nothing of bytes that its header does not name. */
START_TEST(a_block_with_other_batches_than_its_header_names_is_refused)
{
    struct frame_compact compact;
    struct writer w = {0};
    uint8_t *ids;

    start_all(2);
    fake_isolate(&c, 3, true);
    for (uint64_t t = 1; t <= 3; t++) {
        fake_submit(&c, 0, t, fake_envelope(&c));
        expect_committed(t, 5000);
    }
    fake_isolate(&c, 3, false);
    compact_of(&compact, 3);
    ids = anju_dup(compact.ids.data, compact.ids.size);
    ids[0] ^= 1;
    compact.ids = bytes_of(ids, compact.ids.size);
    frame_block_encode(&w, blob_bytes(c.node[0].certificate[3]), &compact);
    ck_assert(!frame(3, FRAME_BLOCK, &w));
    fake_run_to(&c, 0xf, 3, 10000);
    free(ids);
    writer_free(&w);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

static bool voted_for_a_block(int node)
{
    for (size_t i = 0; i < c.n_votes; i++) {
        if (c.votes[i].type == LEDGER_PREVOTE && !ledger_vote_is_nil(&c.votes[i]) &&
            crypto_hash_equal(&c.votes[i].signer, &c.node[node].id))
            return true;
    }
    return false;
}

static unsigned synced_batches(int node)
{
    unsigned n = 0;

    for (size_t i = 0; i < c.node[node].n_records; i++)
        n += c.node[node].records[i].kind == PAYLOAD_BATCH && c.node[node].records[i].synced;
    return n;
}

/* Batches of a certified block need no log: the block itself will be on disk. But anybody can send
 * one in that form, and if the voters then lost power, nobody would have what they voted for. */
START_TEST(a_batch_sent_as_part_of_a_block_is_durable_before_a_vote_for_it)
{
    struct frame_block_batch f = {.height = 1};
    struct writer w = {0};
    struct bytes wire;

    start_all(3);
    for (int i = 0; i < c.count; i++)
        c.drop_types[i] = 1u << FRAME_VOTE | 1u << FRAME_CERTIFICATE; /* nothing is decided */
    c.drop_types[3] |= 1u << FRAME_BATCH | 1u << FRAME_HAVE;
    wire = fake_envelope(&c);
    fake_submit(&c, 0, 1, wire);
    fake_run_for(&c, 40);
    ck_assert(!voted_for_a_block(3)); /* it knows the proposal, not the batch */
    f.raw = fixture_batch(&c.fixture, &wire, 1);
    frame_block_batch_encode(&w, &f);
    ck_assert(frame(3, FRAME_BLOCK_BATCH, &w));
    fake_run_for(&c, 15);
    ck_assert(voted_for_a_block(3));
    ck_assert_uint_eq(synced_batches(3), 1);
    for (int i = 0; i < c.count; i++)
        c.drop_types[i] = 0;
    expect_committed(1, 10000);
    fake_run_to(&c, 0xf, 1, 10000);
    ck_assert_uint_eq(synced_batches(3), 0);
    writer_free(&w);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

static uint64_t wants_seen(void)
{
    uint64_t n = 0;

    for (int i = 0; i < c.count; i++)
        n += i != LIAR ? c.node[i].wants_seen : 0;
    return n;
}

static void announce(int to, unsigned frames)
{
    struct frame_have items[FRAME_HAVE_MAX];
    struct writer w = {0};

    for (unsigned k = 0; k < frames; k++) {
        for (unsigned i = 0; i < FRAME_HAVE_MAX; i++) {
            items[i] = (struct frame_have){.author = c.node[LIAR].id, .size = 500000};
            crypto_random(items[i].id.b, sizeof(items[i].id.b));
        }
        frame_have_encode(&w, items, FRAME_HAVE_MAX);
        ck_assert(frame(to, FRAME_HAVE, &w));
    }
    writer_free(&w);
}

/* A peer listens to 200 messages a second. If honest nodes used them up by asking each other for
 * what only a liar spoke of, their votes would be lost: the ledger would stand still. */
START_TEST(what_only_a_liar_announced_is_asked_of_nobody_when_it_has_gone)
{
    struct engine_status s;
    uint64_t before;

    start_all(4);
    for (int k = 0; k < 5; k++) { /* each time that it comes back it may announce again */
        for (int i = 0; i < c.count; i++) {
            if (i != LIAR)
                announce(i, 4);
        }
        fake_run_for(&c, 10);
        fake_isolate(&c, LIAR, true);
        if (k < 4)
            fake_isolate(&c, LIAR, false);
    }
    engine_status(&s, c.node[0].engine);
    ck_assert_uint_eq(s.batches, 0);
    before = wants_seen();
    fake_run_for(&c, 5000);
    ck_assert_uint_le(wants_seen() - before, 10);
    fake_submit(&c, 0, 1, fake_envelope(&c));
    expect_committed(1, 10000);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

enum { FALSE_IDS = 500 };

/* A proposal of the liar for a round that is its turn, of batches that do not exist but for the
 * first, where `raw` is one. */
static void put_false_proposal(struct writer *w, uint32_t round, uint32_t n_bytes, struct bytes raw)
{
    struct crypto_hash ids[FALSE_IDS], leaves[FALSE_IDS];
    struct frame_compact compact = {
        .header = {.version = 1,
                   .height = 1,
                   .time_ms = FIXTURE_CREATED + 1,
                   .n_batches = FALSE_IDS,
                   .n_bytes = n_bytes},
        .ids = bytes_of(ids, sizeof(ids))};
    struct ledger_vote vote = {.type = LEDGER_PROPOSAL, .height = 1, .round = round, .valid_round = -1};
    struct writer encoded = {0};

    for (unsigned i = 0; i < FALSE_IDS; i++) {
        crypto_random(ids[i].b, sizeof(ids[i].b));
        if (i == 0 && raw.size > 0)
            ledger_batch_id(&ids[0], raw, &c.fixture.registry->ledger_id);
        crypto_leaf_hash(&leaves[i], crypto_hash_bytes(&ids[i]));
    }
    merkle_root_of(&compact.header.batches_root, leaves, FALSE_IDS);
    compact.header.proposer = vote.signer = c.node[LIAR].id;
    ledger_block_id(&vote.vid, &compact.header, &c.fixture.registry->ledger_id);
    ck_assert_int_eq(
        ledger_vote_sign(&vote, &c.node[LIAR].secret, &c.fixture.registry->ledger_id), ANJU_OK);
    frame_compact_encode(&encoded, &compact);
    frame_proposal_encode(w, &vote, writer_view(&encoded), bytes_of(NULL, 0));
    writer_free(&encoded);
}

static uint32_t turn_of_the_liar(void)
{
    const struct ledger_set *set = &c.fixture.registry->set;
    uint32_t turn = 0;

    while (ledger_set_proposer(set, 1, turn) != (unsigned)ledger_set_find(set, &c.node[LIAR].id))
        turn++;
    return turn;
}

/* It signs as many proposals as it likes, for its turn now and for turns to come. */
START_TEST(proposals_without_end_of_batches_that_do_not_exist_take_little)
{
    struct engine_status s;
    struct writer w = {0};
    uint32_t turn;

    start_all(5);
    turn = turn_of_the_liar();
    for (uint32_t k = 0; k < 200; k++) {
        put_false_proposal(&w, turn + k % 20 * 4, 1000, bytes_of(NULL, 0));
        ck_assert(frame(0, FRAME_PROPOSAL, &w));
    }
    engine_status(&s, c.node[0].engine);
    ck_assert_uint_le(s.batches, 6 * FALSE_IDS);
    fake_run_for(&c, 2000);
    /* Each id is asked of three peers, sixteen at once, then again and again, ever more rarely. */
    ck_assert_uint_le(wants_seen(), 3000 / FRAME_WANT_IDS_MAX * 3 * 3);
    fake_submit(&c, 0, 1, fake_envelope(&c));
    expect_committed(1, 10000);
    engine_status(&s, c.node[0].engine);
    ck_assert_uint_eq(s.batches, 0);
    writer_free(&w);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* Batches of a block to come are wanted once its certificate was seen; those of one that only says so
 * are not. */
START_TEST(a_second_block_of_a_later_height_makes_nobody_want_anything)
{
    struct engine_status s;
    struct frame_compact compact;
    struct writer w = {0};
    uint32_t wanted;

    start_all(9);
    fake_isolate(&c, 3, true);
    for (uint64_t t = 1; t <= 3; t++) {
        fake_submit(&c, 0, t, fake_envelope(&c));
        expect_committed(t, 5000);
    }
    fake_isolate(&c, 3, false);
    compact_of(&compact, 3);
    frame_block_encode(&w, blob_bytes(c.node[0].certificate[3]), &compact);
    ck_assert(frame(3, FRAME_BLOCK, &w));
    engine_status(&s, c.node[3].engine);
    wanted = s.batches;
    for (int k = 0; k < 50; k++) {
        put_forged_block(&w, 3, k % 2 == 0);
        (void)frame(3, FRAME_BLOCK, &w);
    }
    engine_status(&s, c.node[3].engine);
    ck_assert_uint_eq(s.batches, wanted);
    ck_assert(!s.halted);
    fake_run_to(&c, 0xf, 3, 10000);
    writer_free(&w);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* Envelopes that a validator hands over would be decoded on the main thread, half a MiB a frame. */
START_TEST(a_validator_has_nothing_to_hand_over)
{
    struct writer w = {0};
    struct bytes wire;

    start_all(10);
    wire = fake_envelope(&c);
    writer_bytes(&w, fixture_batch(&c.fixture, &wire, 1));
    ck_assert(!frame(0, FRAME_HANDOVER, &w));
    writer_free(&w);
    fake_end(&c);
}
END_TEST

/* A peer may send a few votes of the next height, in each validator's name: verified ones only, or a
 * liar's would take the place of theirs. */
START_TEST(votes_of_the_next_height_are_kept_only_where_they_verify)
{
    struct ledger_vote vote = {.type = LEDGER_PREVOTE, .height = 2, .valid_round = -1};
    struct writer w = {0};

    start_all(6);
    vote.signer = c.node[0].id;
    for (uint32_t round = 0; round < EARLY_PER_SIGNER; round++) {
        vote.round = round;
        crypto_random(vote.sig.b, sizeof(vote.sig.b));
        frame_vote_encode(&w, &vote);
        (void)frame(3, FRAME_VOTE, &w);
    }
    ck_assert_uint_eq(c.node[3].engine->early_count, 0);
    vote.round = 0;
    ck_assert_int_eq(
        ledger_vote_sign(&vote, &c.node[0].secret, &c.fixture.registry->ledger_id), ANJU_OK);
    frame_vote_encode(&w, &vote);
    ck_assert(frame(3, FRAME_VOTE, &w));
    ck_assert_uint_eq(c.node[3].engine->early_count, 1);
    writer_free(&w);
    fake_end(&c);
}
END_TEST

/* A laggard asks one peer for sixteen blocks. One that sends a block every two seconds breaks no rule:
 * the laggard would never get to the others. */
START_TEST(a_peer_that_sends_blocks_slowly_does_not_keep_a_laggard_back)
{
    struct frame_status claim = {.height = 100, .step = 1, .time_ms = 1};
    struct frame_compact compact;
    struct writer w = {0};
    uint64_t began;

    start_all(7);
    fake_isolate(&c, 3, true);
    for (uint64_t t = 1; t <= 60; t++) {
        fake_submit(&c, 0, t, fake_envelope(&c));
        expect_committed(t, 5000);
    }
    c.drop_types[LIAR] = 1u << FRAME_WANT;
    fake_isolate(&c, 3, false);
    frame_status_encode(&w, &claim);
    ck_assert(frame(3, FRAME_STATUS, &w));
    began = c.now_ms;
    while (c.node[3].height < 60) {
        ck_assert_uint_lt(c.now_ms, began + 15000);
        compact_of(&compact, c.node[3].height + 1);
        frame_block_encode(&w, blob_bytes(c.node[0].certificate[c.node[3].height + 1]), &compact);
        ck_assert(frame(3, FRAME_BLOCK, &w));
        fake_run_for(&c, 2000);
    }
    writer_free(&w);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* What is known to be bad before it is whole is not fetched on. */
START_TEST(a_body_beyond_its_header_or_the_limits_is_given_up)
{
    struct frame_batch f = {.author = CRYPTO_ZERO_HASH};
    struct engine_status s;
    struct writer w = {0};
    struct bytes wire;

    start_all(8);
    wire = fake_envelope(&c);
    f.raw = fixture_batch(&c.fixture, &wire, 1);
    put_false_proposal(&w, turn_of_the_liar(), c.fixture.registry->limits.block_size + 1, f.raw);
    ck_assert(frame(0, FRAME_PROPOSAL, &w));
    engine_status(&s, c.node[0].engine);
    ck_assert_uint_eq(s.batches, 0);
    put_false_proposal(&w, turn_of_the_liar(), (uint32_t)f.raw.size - 1, f.raw);
    ck_assert(frame(0, FRAME_PROPOSAL, &w));
    engine_status(&s, c.node[0].engine);
    ck_assert_uint_eq(s.batches, FALSE_IDS);
    frame_batch_encode(&w, &f);
    ck_assert(frame(0, FRAME_BATCH, &w));
    fake_run_for(&c, 10);
    engine_status(&s, c.node[0].engine);
    ck_assert_uint_le(s.batches, 1); /* the one that is there may be proposed by somebody */
    writer_free(&w);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *t = tcase_create("engine_liar");

    tcase_set_timeout(t, 120);
    tcase_add_test(t, a_true_block_does_not_vouch_for_a_forged_one_behind_it);
    tcase_add_test(t, a_block_with_other_batches_than_its_header_names_is_refused);
    tcase_add_test(t, a_batch_sent_as_part_of_a_block_is_durable_before_a_vote_for_it);
    tcase_add_test(t, what_only_a_liar_announced_is_asked_of_nobody_when_it_has_gone);
    tcase_add_test(t, proposals_without_end_of_batches_that_do_not_exist_take_little);
    tcase_add_test(t, votes_of_the_next_height_are_kept_only_where_they_verify);
    tcase_add_test(t, a_peer_that_sends_blocks_slowly_does_not_keep_a_laggard_back);
    tcase_add_test(t, a_body_beyond_its_header_or_the_limits_is_given_up);
    tcase_add_test(t, a_second_block_of_a_later_height_makes_nobody_want_anything);
    tcase_add_test(t, a_validator_has_nothing_to_hand_over);
    suite_add_tcase(suite, t);
}

UNIT_MAIN("engine_liar", add_tests)
