/*
 * The engine, in whole clusters of it: deterministic, on a virtual clock, with lost messages, dead
 * disks and crashes.
 */
#include "fake_world.h"
#include "unit.h"

#include <string.h>

static struct fake_cluster c;

static void start_all(int validators, int followers, uint64_t seed)
{
    fake_begin(&c, validators, followers, seed);
    for (int i = 0; i < c.count; i++)
        fake_start(&c, i);
}

static bool is_answered(struct fake_cluster *cluster, void *ctx)
{
    return fake_answer(cluster, *(uint64_t *)ctx) != NULL;
}

static const struct rpc_submit_result *wait_answer(uint64_t ticket, uint64_t ms)
{
    fake_run(&c, ms, is_answered, &ticket);
    return fake_answer(&c, ticket);
}

static void expect_committed(uint64_t ticket, uint64_t ms)
{
    const struct rpc_submit_result *r = wait_answer(ticket, ms);

    ck_assert_int_eq(r->state, RPC_SUBMIT_COMMITTED);
    ck_assert_uint_eq(r->n, 1);
}

/* A network for development is not another program. */
START_TEST(one_node_alone_commits_through_the_same_code)
{
    start_all(1, 0, 1);
    for (uint64_t t = 1; t <= 5; t++) {
        fake_submit(&c, 0, t, fake_envelope(&c));
        expect_committed(t, 1000);
    }
    ck_assert_uint_ge(c.node[0].height, 5);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* An idle ledger answers in a few message delays: nothing waits for a timer. */
START_TEST(four_nodes_commit_an_envelope_without_waiting_for_a_timer)
{
    start_all(4, 0, 2);
    fake_run_for(&c, 100);
    uint64_t began = c.now_ms;
    fake_submit(&c, 2, 1, fake_envelope(&c));
    expect_committed(1, 1000);
    ck_assert_uint_le(c.now_ms - began, 60);
    fake_run_to(&c, 0xf, 1, 1000);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* Nothing happens while nothing is to be done, until the heartbeat makes one empty block. */
START_TEST(an_idle_ledger_makes_one_empty_block_a_heartbeat)
{
    start_all(4, 0, 3);
    fake_run_for(&c, 58000);
    ck_assert_uint_eq(c.node[0].height, 0);
    fake_run_to(&c, 0xf, 1, 5000);
    fake_run_for(&c, 30000);
    ck_assert_uint_eq(c.node[0].height, 1);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* The answer to a repeated envelope is the first claim, while it is pending and afterwards. */
START_TEST(the_same_envelope_again_gets_the_same_claim)
{
    start_all(4, 0, 4);
    struct bytes wire = fake_envelope(&c);
    fake_submit(&c, 0, 1, wire);
    fake_submit(&c, 0, 2, wire);
    expect_committed(1, 1000);
    expect_committed(2, 1000);
    fake_submit(&c, 0, 3, wire);
    expect_committed(3, 1000);
    ck_assert_uint_eq(fake_answer(&c, 1)->first_seq, fake_answer(&c, 2)->first_seq);
    ck_assert_uint_eq(fake_answer(&c, 1)->first_seq, fake_answer(&c, 3)->first_seq);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* Two nodes took the same envelope: it takes effect once, and both answer with that. */
START_TEST(an_envelope_sent_to_two_nodes_takes_effect_once)
{
    start_all(4, 0, 5);
    struct bytes wire = fake_envelope(&c);
    fake_submit(&c, 0, 1, wire);
    fake_submit(&c, 3, 2, wire);
    expect_committed(1, 2000);
    wait_answer(2, 2000);
    ck_assert_uint_eq(fake_answer(&c, 1)->first_seq, fake_answer(&c, 2)->first_seq);
    fake_run_for(&c, 1000);
    const struct ledger_tip *tip = ledger_overlay_tip(c.node[0].state);
    ck_assert_uint_eq(tip->result_body.log_size, fake_answer(&c, 1)->first_seq + 1);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* A fifth of all messages is lost, and still everything is committed everywhere. */
START_TEST(lost_messages_are_said_again)
{
    start_all(4, 0, (uint64_t)_i + 10);
    c.loss_percent = 20;
    for (uint64_t t = 1; t <= 20; t++) {
        fake_submit(&c, (int)(t % 4), t, fake_envelope(&c));
        fake_run_for(&c, 50);
    }
    for (uint64_t t = 1; t <= 20; t++)
        expect_committed(t, 60000);
    c.loss_percent = 0;
    fake_run_to(&c, 0xf, c.node[0].height, 20000);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* A validator that was away catches up by itself, and its vote counts again. */
START_TEST(a_laggard_catches_up_and_votes_again)
{
    start_all(4, 0, 6);
    fake_isolate(&c, 3, true);
    for (uint64_t t = 1; t <= 50; t++) {
        fake_submit(&c, 0, t, fake_envelope(&c));
        expect_committed(t, 5000);
    }
    ck_assert_uint_eq(c.node[3].height, 0);
    fake_isolate(&c, 3, false);
    fake_run_to(&c, 0xf, c.node[0].height, 10000);
    fake_isolate(&c, 2, true); /* now the three need it */
    fake_submit(&c, 0, 100, fake_envelope(&c));
    expect_committed(100, 10000);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* docs/consensus.md, "Catch-up": two decide h, their precommits to the third are lost; at h + 1
 * they wait for it and it waits for h. */
START_TEST(a_node_one_height_behind_is_told_the_block_it_lacks)
{
    start_all(4, 0, 7);
    fake_isolate(&c, 3, true);
    c.drop_types[2] = 1u << FRAME_VOTE | 1u << FRAME_CERTIFICATE;
    fake_submit(&c, 0, 1, fake_envelope(&c));
    fake_run_for(&c, 3000);
    c.drop_types[2] = 0;
    fake_submit(&c, 0, 2, fake_envelope(&c));
    expect_committed(1, 20000);
    expect_committed(2, 20000);
    fake_run_to(&c, 0x7, 2, 10000);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* An author that pushes its batch to some only cannot keep the others from the block. */
START_TEST(a_withheld_batch_comes_from_whoever_has_it)
{
    start_all(4, 0, 8);
    c.cut[0][3] = true; /* node 0's messages to node 3 are lost, not those of the others */
    fake_submit(&c, 0, 1, fake_envelope(&c));
    expect_committed(1, 5000);
    fake_run_to(&c, 0xf, 1, 5000);
    ck_assert_uint_gt(c.node[1].wants_seen + c.node[2].wants_seen, 0);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

static bool has_voted_for_a_block(int node, uint64_t height)
{
    for (size_t i = 0; i < c.n_votes; i++) {
        if (c.votes[i].type == LEDGER_PREVOTE && c.votes[i].height == height &&
            crypto_hash_equal(&c.votes[i].signer, &c.node[node].id) &&
            !ledger_vote_is_nil(&c.votes[i]))
            return true;
    }
    return false;
}

/* Who says that it has a batch need not send it: then others are asked that said nothing. */
START_TEST(a_batch_that_its_only_known_holder_never_sends_comes_from_another)
{
    start_all(4, 0, 18);
    c.cut[0][3] = true; /* the author's push is lost */
    for (int i = 0; i < 4; i++)
        c.drop_types[i] = 1u << FRAME_VOTE | 1u << FRAME_CERTIFICATE;
    c.drop_types[3] |= 1u << FRAME_HAVE | 1u << FRAME_BATCH;
    fake_submit(&c, 0, 1, fake_envelope(&c));
    fake_run_for(&c, 30);
    c.cut[1][3] = true; /* the proposer, of which node 3 knows that it has the batch */
    c.drop_types[3] &= ~(1u << FRAME_BATCH);
    fake_run_for(&c, 550);
    ck_assert(has_voted_for_a_block(3, 1));
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* One validator down: q of the others go on; two down: nothing is decided, and nothing forks. */
START_TEST(progress_needs_a_quorum_and_comes_back_with_it)
{
    start_all(4, 0, 9);
    fake_crash(&c, 1);
    fake_submit(&c, 0, 1, fake_envelope(&c));
    expect_committed(1, 10000);
    uint64_t height = c.node[0].height;
    fake_crash(&c, 2);
    fake_submit(&c, 0, 2, fake_envelope(&c));
    fake_run_for(&c, 10000);
    ck_assert(fake_answer(&c, 2) == NULL);
    ck_assert_uint_eq(c.node[0].height, height);
    fake_start(&c, 2);
    expect_committed(2, 30000);
    fake_start(&c, 1);
    fake_run_to(&c, 0xf, c.node[0].height, 10000);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* Crashes at any moment, each losing what was not synced: no node ever signs twice, everything that
 * was acknowledged stays, and the cluster goes on. */
START_TEST(crashes_lose_nothing_and_sign_nothing_twice)
{
    uint64_t ticket = 1;

    start_all(4, 0, (uint64_t)_i + 100);
    for (int k = 0; k < 12; k++) {
        int victim = (int)((unsigned)(k * 7 + _i) % 4);
        for (int i = 0; i < 3; i++) {
            if (c.node[(victim + 1 + i) % 4].engine != NULL)
                fake_submit(&c, (victim + 1 + i) % 4, ticket++, fake_envelope(&c));
        }
        fake_run_for(&c, (uint64_t)(3 + (k * 5 + _i) % 17)); /* in the middle of things */
        fake_crash(&c, victim);
        fake_run_for(&c, 200);
        fake_start(&c, victim);
        fake_run_for(&c, 100);
    }
    fake_run_for(&c, 20000);
    fake_submit(&c, 0, 9999, fake_envelope(&c));
    expect_committed(9999, 30000);
    fake_run_to(&c, 0xf, c.node[0].height, 20000);
    for (size_t i = 0; i < c.n_answers; i++)
        ck_assert_int_eq(c.answers[i].result.state, RPC_SUBMIT_COMMITTED);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* All nodes lose power at once, in the middle of agreeing. */
START_TEST(a_power_cut_of_all_nodes_is_survived)
{
    start_all(4, 0, (uint64_t)_i + 200);
    fake_submit(&c, 0, 1, fake_envelope(&c));
    fake_run_for(&c, (uint64_t)_i);
    for (int i = 0; i < 4; i++)
        fake_crash(&c, i);
    for (int i = 0; i < 4; i++)
        fake_start(&c, i);
    fake_submit(&c, 1, 2, fake_envelope(&c));
    expect_committed(2, 30000);
    fake_run_to(&c, 0xf, c.node[1].height, 20000);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* A vote that is not on disk must not be on the wire: the node could forget it and sign another. */
START_TEST(nothing_signed_leaves_before_it_is_durable)
{
    start_all(4, 0, 11);
    c.node[0].disk_stands = true;
    fake_submit(&c, 1, 1, fake_envelope(&c));
    expect_committed(1, 20000); /* the other three are a quorum */
    fake_run_for(&c, 2000);
    ck_assert_uint_gt(c.node[0].syncs_waiting, 0);
    for (size_t i = 0; i < c.n_votes; i++)
        ck_assert_msg(!crypto_hash_equal(&c.votes[i].signer, &c.node[0].id),
                      "a vote of the node with the dead disk left");
    c.node[0].disk_stands = false;
    fake_run_to(&c, 0xf, c.node[1].height, 20000);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* Without room in its payload log a node neither votes nor takes work, and says so; with room it
 * goes on. */
START_TEST(a_full_payload_log_stops_votes_until_there_is_room)
{
    struct engine_status s;

    start_all(4, 0, 12);
    c.node[0].no_room = true;
    fake_submit(&c, 1, 1, fake_envelope(&c));
    expect_committed(1, 20000);
    engine_status(&s, c.node[0].engine);
    ck_assert(s.log_full);
    ck_assert(!s.ready);
    for (size_t i = 0; i < c.n_votes; i++)
        ck_assert(!crypto_hash_equal(&c.votes[i].signer, &c.node[0].id));
    fake_submit(&c, 0, 2, fake_envelope(&c));
    ck_assert_int_eq(wait_answer(2, 1000)->state, RPC_SUBMIT_BUSY);
    c.node[0].no_room = false;
    fake_run_to(&c, 0xf, c.node[1].height, 20000);
    engine_status(&s, c.node[0].engine);
    ck_assert(!s.log_full);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* A node that is no validator takes envelopes too, follows, and never votes. */
START_TEST(a_follower_hands_envelopes_to_a_validator_and_follows)
{
    struct engine_status s;

    start_all(4, 1, 13);
    fake_run_for(&c, 100);
    fake_submit(&c, 4, 1, fake_envelope(&c));
    expect_committed(1, 5000);
    fake_run_to(&c, 0x1f, 1, 5000);
    engine_status(&s, c.node[4].engine);
    ck_assert(!s.validator);
    ck_assert(!s.ready);
    for (size_t i = 0; i < c.n_votes; i++)
        ck_assert(!crypto_hash_equal(&c.votes[i].signer, &c.node[4].id));
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* While two own batches are under way the pool collects, and then one batch carries many. */
START_TEST(envelopes_under_load_share_batches)
{
    start_all(4, 0, 14);
    for (uint64_t t = 1; t <= 200; t++)
        fake_submit(&c, 0, t, fake_envelope(&c));
    for (uint64_t t = 1; t <= 200; t++)
        expect_committed(t, 10000);
    ck_assert_uint_le(c.node[0].height, 12);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* What acts on a subject is often sent right after what created it. */
START_TEST(envelopes_take_effect_in_the_order_in_which_a_node_got_them)
{
    start_all(4, 0, (uint64_t)_i + 400);
    c.slow_checks = true; /* and checks end in any order */
    for (uint64_t t = 1; t <= 60; t++) {
        fake_submit(&c, 2, t, fake_envelope(&c));
        if (t % 7 == 0)
            fake_run_for(&c, 3);
    }
    for (uint64_t t = 1; t <= 60; t++)
        expect_committed(t, 20000);
    for (uint64_t t = 2; t <= 60; t++)
        ck_assert_uint_lt(fake_answer(&c, t - 1)->first_seq, fake_answer(&c, t)->first_seq);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* No bytes of a peer crash a node; what breaks the protocol is said to do so, and nothing changes.
 */
START_TEST(frames_of_any_bytes_are_refused_or_ignored)
{
    uint8_t bytes[300];
    uint64_t x = 88172645463325252u;

    start_all(4, 0, 15);
    fake_run_for(&c, 100);
    for (int k = 0; k < 20000; k++) {
        size_t size;
        for (size_t i = 0; i < sizeof(bytes); i++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            bytes[i] = (uint8_t)(x >> 11);
        }
        size = bytes[0] * (sizeof(bytes) - 1) / 255;
        (void)engine_peer_frame(c.node[0].engine, 1, (uint8_t)(k % 18), bytes_of(bytes, size));
    }
    ck_assert(!engine_peer_frame(c.node[0].engine, 1, 200, bytes_of(bytes, 10)));
    ck_assert(!engine_peer_frame(c.node[0].engine, 1, FRAME_VOTE, bytes_of(bytes, 0)));
    ck_assert_uint_eq(c.node[0].height, 0);
    fake_submit(&c, 1, 1, fake_envelope(&c));
    expect_committed(1, 5000);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* Real frames, each with one byte changed or cut short, at a node in the middle of things. */
START_TEST(frames_changed_in_one_byte_do_no_harm)
{
    size_t n;
    uint64_t x = 88172645463325252u + (uint64_t)_i;

    start_all(4, 0, (uint64_t)_i + 300);
    fake_isolate(&c, 3, true);
    for (uint64_t t = 1; t <= 4; t++) {
        fake_submit(&c, (int)t % 3, t, fake_envelope(&c));
        expect_committed(t, 20000);
    }
    fake_isolate(&c, 3, false); /* blocks are asked for and sent */
    fake_submit(&c, 0, 5, fake_envelope(&c));
    expect_committed(5, 20000);
    fake_submit(&c, 0, 6, fake_envelope(&c));
    fake_run_for(&c, 7);
    n = c.n_sent;
    for (int k = 0; k < 4000; k++) {
        const struct blob *from = c.sent[(size_t)k % n].body;
        uint8_t *bytes = anju_dup(from->data, from->size);
        size_t size = from->size;
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        if (size > 0 && k % 5 != 0)
            bytes[(x >> 8) % size] ^= (uint8_t)(1 + (x >> 40) % 255);
        else if (size > 0)
            size = (size_t)(x >> 8) % size;
        (void)engine_peer_frame(c.node[k % 3].engine, (k % 3 + 1) % 3, c.sent[(size_t)k % n].type,
                                bytes_of(bytes, size));
        free(bytes);
        if (k % 400 == 0)
            fake_run_for(&c, 3);
    }
    for (int i = 0; i < 3; i++) { /* whoever was caught lying is disconnected */
        fake_isolate(&c, i, true);
        fake_isolate(&c, i, false);
    }
    fake_submit(&c, 1, 7, fake_envelope(&c));
    expect_committed(7, 60000);
    fake_run_to(&c, 0xf, c.node[0].height, 60000);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

static struct bytes vote_frame(struct writer *w, enum ledger_vote_type type, uint64_t height,
                               uint32_t round, const struct crypto_secret *secret,
                               const struct crypto_hash *ledger_id)
{
    struct crypto_key key;
    struct ledger_vote v = {.type = type, .height = height, .round = round, .valid_round = -1};

    ck_assert_int_eq(crypto_key_of(&key, secret), ANJU_OK);
    ledger_node_id(&v.signer, &key);
    ck_assert_int_eq(ledger_vote_sign(&v, secret, ledger_id), ANJU_OK);
    frame_vote_encode(w, &v);
    return writer_view(w);
}

/* Another ledger's signature, a stranger's, and a height that nobody has reached. */
START_TEST(votes_that_do_not_verify_are_refused)
{
    struct writer w = {0};
    struct crypto_hash other = CRYPTO_ZERO_HASH;
    struct crypto_secret stranger;

    start_all(4, 0, 16);
    other.b[0] = 1;
    ck_assert_int_eq(crypto_secret_new(&stranger), ANJU_OK);
    ck_assert(!engine_peer_frame(c.node[0].engine, 1, FRAME_VOTE,
                                 vote_frame(&w, LEDGER_PREVOTE, 1, 0, &c.node[1].secret, &other)));
    writer_clear(&w);
    ck_assert(!engine_peer_frame(
        c.node[0].engine, 1, FRAME_VOTE,
        vote_frame(&w, LEDGER_PREVOTE, 1, 0, &stranger, &c.fixture.registry->ledger_id)));
    writer_clear(&w);
    /* A huge height is a claim without a certificate: it changes nothing. */
    ck_assert(engine_peer_frame(c.node[0].engine, 1, FRAME_VOTE,
                                vote_frame(&w, LEDGER_PREVOTE, UINT64_MAX, 0, &c.node[1].secret,
                                           &c.fixture.registry->ledger_id)));
    writer_free(&w);
    fake_submit(&c, 0, 1, fake_envelope(&c));
    expect_committed(1, 5000);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* A batch with one wrong signature in it is refused as a whole, and its author, if that is who sent
 * it, is disconnected. */
START_TEST(a_batch_with_a_wrong_signature_is_not_taken)
{
    struct writer w = {0};
    struct engine_status s;
    struct frame_batch f;
    struct crypto_hash id, digest;

    start_all(4, 0, 17);
    struct bytes good = fake_envelope(&c);
    uint8_t *bad = anju_dup(good.data, good.size);
    bad[LEDGER_BODY_SIZE + 5] ^= 1;
    struct bytes wire = bytes_of(bad, good.size);
    struct bytes raw = fixture_batch(&c.fixture, &wire, 1);
    f.author = c.node[1].id;
    f.raw = raw;
    ledger_batch_id(&id, raw, &c.fixture.registry->ledger_id);
    frame_batch_author_digest(&digest, &c.fixture.registry->ledger_id, &f.author, &id, 1,
                              (uint32_t)raw.size);
    ck_assert_int_eq(crypto_sign(&f.sig, &c.node[1].secret, &digest), ANJU_OK);
    frame_batch_encode(&w, &f);
    ck_assert(engine_peer_frame(c.node[0].engine, 1, FRAME_BATCH, writer_view(&w)));
    fake_run_for(&c, 1);
    ck_assert(!engine_peer_frame(c.node[0].engine, 1, FRAME_STATUS, bytes_of("", 0)));
    fake_isolate(&c, 1, true); /* as the connection would be closed, and come back */
    fake_isolate(&c, 1, false);
    fake_run_for(&c, 1000);
    engine_status(&s, c.node[0].engine);
    ck_assert_uint_eq(s.batches, 0);
    ck_assert_uint_eq(c.node[0].height, 0);
    fake_submit(&c, 1, 1, good);
    expect_committed(1, 5000);
    writer_free(&w);
    free(bad);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* Anybody can announce batches in another's name: that must not use up the other's quota. */
START_TEST(false_announcements_do_not_shut_an_author_out)
{
    struct frame_have items[FRAME_HAVE_MAX];
    struct writer w = {0};
    struct engine_status s;

    start_all(4, 0, 18);
    fake_run_for(&c, 100);
    for (unsigned k = 0; k < 40; k++) {
        for (unsigned i = 0; i < FRAME_HAVE_MAX; i++) {
            items[i] = (struct frame_have){.author = c.node[2].id, .size = 500000};
            crypto_random(items[i].id.b, sizeof(items[i].id.b));
        }
        writer_clear(&w);
        frame_have_encode(&w, items, FRAME_HAVE_MAX);
        ck_assert(engine_peer_frame(c.node[0].engine, 1, FRAME_HAVE, writer_view(&w)));
    }
    engine_status(&s, c.node[0].engine);
    ck_assert_uint_le(s.batches, 1024); /* and the memory of it has a bound */
    writer_free(&w);
    fake_submit(&c, 2, 1, fake_envelope(&c));
    expect_committed(1, 5000);
    fake_run_for(&c, 120000);
    engine_status(&s, c.node[0].engine);
    ck_assert_uint_eq(s.batches, 0);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* A peer that claims heights which it does not have keeps nobody from catching up, nor from being
 * ready. */
START_TEST(a_false_claim_of_height_does_no_harm)
{
    struct frame_status lie = {.height = 1000000, .step = 1, .time_ms = 1};
    struct writer w = {0};
    struct engine_status s;

    start_all(4, 0, 21);
    fake_isolate(&c, 3, true);
    for (uint64_t t = 1; t <= 40; t++) {
        fake_submit(&c, 0, t, fake_envelope(&c));
        expect_committed(t, 5000);
    }
    fake_isolate(&c, 3, false);
    frame_status_encode(&w, &lie);
    ck_assert(engine_peer_frame(c.node[3].engine, 1, FRAME_STATUS, writer_view(&w)));
    ck_assert(engine_peer_frame(c.node[0].engine, 1, FRAME_STATUS, writer_view(&w)));
    fake_run_to(&c, 0xf, c.node[0].height, 20000);
    ck_assert(engine_peer_frame(c.node[0].engine, 1, FRAME_STATUS, writer_view(&w)));
    engine_status(&s, c.node[0].engine);
    ck_assert_msg(s.ready, "%s", s.reason);
    writer_free(&w);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* A batch that comes again after its block is not proposed again. */
START_TEST(a_committed_batch_does_not_come_back)
{
    struct frame_batch f;
    struct writer w = {0};
    struct engine_status s;

    start_all(4, 0, 22);
    fake_submit(&c, 1, 1, fake_envelope(&c));
    expect_committed(1, 5000);
    fake_run_to(&c, 0xf, 1, 5000);
    fake_run_for(&c, 500);
    for (size_t i = 0; i < c.n_sent; i++) {
        if (c.sent[i].type != FRAME_BATCH)
            continue;
        ck_assert_int_eq(frame_batch_decode(&f, blob_bytes(c.sent[i].body)), ANJU_OK);
        frame_batch_encode(&w, &f);
    }
    ck_assert_uint_gt(w.size, 0);
    w.size = w.size < f.raw.size + 96 ? w.size : f.raw.size + 96;
    ck_assert(engine_peer_frame(c.node[0].engine, 1, FRAME_BATCH, writer_view(&w)));
    fake_run_for(&c, 3000);
    engine_status(&s, c.node[0].engine);
    ck_assert_uint_eq(s.batches, 0);
    ck_assert_uint_eq(c.node[0].height, 1);
    writer_free(&w);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* Work that waits for a quorum makes the node say so. */
START_TEST(a_node_whose_work_waits_is_not_ready)
{
    struct engine_status s;

    start_all(4, 0, 19);
    fake_run_for(&c, 100);
    engine_status(&s, c.node[0].engine);
    ck_assert_msg(s.ready, "%s", s.reason);
    c.disk_all_stand = true;
    fake_submit(&c, 0, 1, fake_envelope(&c));
    fake_run_for(&c, 7000);
    engine_status(&s, c.node[0].engine);
    ck_assert(!s.ready);
    ck_assert_msg(strstr(s.reason, "stuck: work has waited") != NULL, "%s", s.reason);
    c.disk_all_stand = false;
    expect_committed(1, 20000);
    fake_run_for(&c, 200);
    engine_status(&s, c.node[0].engine);
    ck_assert_msg(s.ready, "%s", s.reason);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

/* The certificate that the next block carries shows its proposer among the signers, where it
 * signed. */
START_TEST(the_certificate_of_a_proposer_has_its_own_precommit)
{
    unsigned own = 0;

    start_all(4, 0, 20);
    for (uint64_t t = 1; t <= 12; t++) {
        fake_submit(&c, 0, t, fake_envelope(&c));
        expect_committed(t, 5000);
        fake_run_to(&c, 0xf, t, 5000);
    }
    for (uint64_t h = 2; h <= 12; h++) {
        struct frame_compact compact = {.ids = {NULL, 0}};
        struct ledger_certificate cert;
        struct reader r = reader_over(blob_bytes(c.node[0].block[h]));
        ck_assert_int_eq(ledger_header_decode(&compact.header, reader_take(&r, LEDGER_HEADER_SIZE)),
                         ANJU_OK);
        (void)reader_take(&r, (size_t)compact.header.n_batches * 32);
        ck_assert_int_eq(
            ledger_certificate_decode(&cert, reader_take_u32(&r, LEDGER_CERTIFICATE_SIZE_MAX)),
            ANJU_OK);
        ck_assert_int_eq(ledger_certificate_verify(&cert, &c.fixture.registry->set,
                                                   &c.fixture.registry->ledger_id),
                         ANJU_OK);
        int proposer = ledger_set_find(&c.fixture.registry->set, &compact.header.proposer);
        for (unsigned i = 0; i < cert.q; i++)
            own += cert.index[i] == proposer;
    }
    ck_assert_uint_eq(own, 11);
    fake_check(&c);
    fake_end(&c);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *t = tcase_create("engine");

    tcase_set_timeout(t, 120);
    tcase_add_test(t, one_node_alone_commits_through_the_same_code);
    tcase_add_test(t, four_nodes_commit_an_envelope_without_waiting_for_a_timer);
    tcase_add_test(t, an_idle_ledger_makes_one_empty_block_a_heartbeat);
    tcase_add_test(t, the_same_envelope_again_gets_the_same_claim);
    tcase_add_test(t, an_envelope_sent_to_two_nodes_takes_effect_once);
    tcase_add_loop_test(t, lost_messages_are_said_again, 0, 5);
    tcase_add_test(t, a_laggard_catches_up_and_votes_again);
    tcase_add_test(t, a_node_one_height_behind_is_told_the_block_it_lacks);
    tcase_add_test(t, a_withheld_batch_comes_from_whoever_has_it);
    tcase_add_test(t, a_batch_that_its_only_known_holder_never_sends_comes_from_another);
    tcase_add_test(t, progress_needs_a_quorum_and_comes_back_with_it);
    tcase_add_loop_test(t, crashes_lose_nothing_and_sign_nothing_twice, 0, 10);
    tcase_add_loop_test(t, a_power_cut_of_all_nodes_is_survived, 0, 30);
    tcase_add_test(t, nothing_signed_leaves_before_it_is_durable);
    tcase_add_test(t, a_full_payload_log_stops_votes_until_there_is_room);
    tcase_add_test(t, a_follower_hands_envelopes_to_a_validator_and_follows);
    tcase_add_test(t, envelopes_under_load_share_batches);
    tcase_add_loop_test(t, envelopes_take_effect_in_the_order_in_which_a_node_got_them, 0, 5);
    tcase_add_test(t, frames_of_any_bytes_are_refused_or_ignored);
    tcase_add_loop_test(t, frames_changed_in_one_byte_do_no_harm, 0, 5);
    tcase_add_test(t, votes_that_do_not_verify_are_refused);
    tcase_add_test(t, a_batch_with_a_wrong_signature_is_not_taken);
    tcase_add_test(t, false_announcements_do_not_shut_an_author_out);
    tcase_add_test(t, a_node_whose_work_waits_is_not_ready);
    tcase_add_test(t, a_false_claim_of_height_does_no_harm);
    tcase_add_test(t, a_committed_batch_does_not_come_back);
    tcase_add_test(t, the_certificate_of_a_proposer_has_its_own_precommit);
    suite_add_tcase(suite, t);
}

UNIT_MAIN("engine", add_tests)
