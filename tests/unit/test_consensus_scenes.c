/* Whole stories: silent and equivocating leaders, split and late votes, restarts, floods, laggards,
 * evidence, WAIT (docs/consensus.md). */
#include "tests/unit/consensus_script.h"
#include "tests/unit/unit.h"

#include <string.h>

/* --- leaders --- */

START_TEST(a_silent_leader_costs_one_timeout)
{
    script_begin(4, 3);
    expire(CONSENSUS_TIMER_PROPOSE, 0);
    ck_vid(signed_vote(LEDGER_PREVOTE), &NIL);
    prevote_by(1, 0, &NIL, -1);
    prevote_by(2, 0, &NIL, -1);
    ck_assert_uint_eq(status().round, 1);
    propose(1, &B, -1);
    body(&B, 1);
    ck_vid(signed_vote(LEDGER_PREVOTE), &B);
    executed(&B);
    prevote_by(1, 1, &B, -1);
    prevote_by(2, 1, &B, -1);
    ck_vid(signed_vote(LEDGER_PRECOMMIT), &B);
    precommit_by(1, 1, &B);
    precommit_by(2, 1, &B);
    ck_assert_uint_eq(got_count(CONSENSUS_DECIDE), 1);
    ck_assert_uint_eq(got(CONSENSUS_DECIDE)->commit.round, 1);
}
END_TEST

/* Two proposals: one prevote all the same, evidence, and the other body is there if it wins. */
START_TEST(an_equivocating_leader_gets_one_prevote_and_leaves_evidence)
{
    script_begin(4, 3);
    propose(0, &A, -1);
    propose(0, &B, -1);
    ck_assert_uint_eq(got_count(CONSENSUS_EVIDENCE), 1);
    ck_vid(&got(CONSENSUS_EVIDENCE)->vote, &A);
    ck_vid(&got(CONSENSUS_EVIDENCE)->other, &B);
    ck_assert_uint_eq(got_count(CONSENSUS_NEED_BODY), 1);
    body(&B, 0); /* whichever is there first */
    ck_vid(signed_vote(LEDGER_PREVOTE), &B);
    body(&A, 0);
    ck_assert_uint_eq(got_count(CONSENSUS_SIGN_SEND), 0);
    prevote_by(0, 0, &A, -1);
    prevote_by(1, 0, &A, -1);
    prevote_by(2, 0, &A, -1);
    ck_assert_uint_eq(got_count(CONSENSUS_EXECUTE), 1);
    executed(&A);
    ck_vid(signed_vote(LEDGER_PRECOMMIT), &A); /* the polka counts, not what we prevoted */
}
END_TEST

START_TEST(a_proposal_of_somebody_else_is_none)
{
    struct ledger_vote v;

    script_begin(4, 3);
    v = make_vote(LEDGER_PROPOSAL, 2, 0, &A, -1);
    body(&A, 2);
    feed_vote(&v);
    ck_assert_uint_eq(got_count(CONSENSUS_NEED_BODY), 0);
    ck_assert_uint_eq(got_count(CONSENSUS_SIGN_SEND), 0);
}
END_TEST

/* --- votes --- */

START_TEST(split_votes_end_in_nil_precommits_and_a_new_round)
{
    script_begin(4, 3);
    propose(0, &A, -1);
    body(&A, 0);
    prevote_by(0, 0, &A, -1);
    prevote_by(1, 0, &NIL, -1);
    ck_assert(armed(CONSENSUS_TIMER_PREVOTE, NULL));
    prevote_by(2, 0, &NIL, -1); /* two and two */
    expire(CONSENSUS_TIMER_PREVOTE, 0);
    ck_vid(signed_vote(LEDGER_PRECOMMIT), &NIL);
    precommit_by(1, 0, &NIL);
    precommit_by(2, 0, &NIL);
    expire(CONSENSUS_TIMER_PRECOMMIT, 0);
    ck_assert_uint_eq(status().round, 1);
    ck_assert_ptr_null(consensus_valid_polka(s.c));
}
END_TEST

/* Late prevotes make a value valid, late precommits decide: nothing that is signed is lost. */
START_TEST(late_votes_count)
{
    script_begin(4, 3);
    propose(0, &A, -1);
    body(&A, 0);
    executed(&A);
    jump(1);
    prevote_by(0, 0, &A, -1);
    prevote_by(2, 0, &A, -1);
    ck_assert_ptr_nonnull(consensus_valid_polka(s.c)); /* with ours of round 0 */
    ck_assert_int_eq(crypto_hash_compare(&consensus_valid_polka(s.c)->vid, &A), 0);
    precommit_by(0, 0, &A);
    precommit_by(1, 0, &A);
    precommit_by(2, 0, &A);
    ck_assert_uint_eq(got_count(CONSENSUS_DECIDE), 1);
}
END_TEST

/* 2.5: the first vote alone would let one liar keep a quorum from us for ever. */
START_TEST(the_second_vote_of_a_liar_counts_too)
{
    script_begin(4, 3);
    propose(0, &A, -1);
    body(&A, 0);
    executed(&A);
    prevote_by(0, 0, &NIL, -1);
    prevote_by(0, 0, &A, -1);
    ck_assert_uint_eq(got_count(CONSENSUS_EVIDENCE), 1);
    prevote_by(0, 0, &B, -1); /* a third is dropped, and accused once is enough */
    ck_assert_uint_eq(got_count(CONSENSUS_EVIDENCE), 0);
    prevote_by(1, 0, &A, -1);
    ck_vid(signed_vote(LEDGER_PRECOMMIT), &A);
}
END_TEST

/* A certificate counts as it is, whatever two votes of its signers came before. */
START_TEST(a_polka_that_conflicts_with_the_votes_held_is_taken_whole)
{
    struct ledger_polka polka;

    script_begin(4, 3);
    propose(0, &A, -1);
    body(&A, 0);
    executed(&A);
    for (unsigned i = 0; i < 2; i++) {
        prevote_by(i, 0, &NIL, -1);
        prevote_by(i, 0, &B, -1);
    }
    polka = make_polka(0, &A, -1);
    feed_polka(&polka);
    ck_vid(signed_vote(LEDGER_PRECOMMIT), &A);
}
END_TEST

START_TEST(votes_of_strangers_of_other_heights_and_out_of_range_do_nothing)
{
    struct ledger_vote v;

    script_begin(4, 3);
    v = make_vote(LEDGER_PREVOTE, 0, 5, &NIL, -1);
    memset(&v.signer, 0xee, sizeof v.signer);
    feed_vote(&v);
    v = make_vote(LEDGER_PREVOTE, 1, 5, &NIL, -1);
    v.height = HEIGHT - 1;
    feed_vote(&v);
    v.height = HEIGHT + 2;
    feed_vote(&v);
    v = make_vote(LEDGER_PREVOTE, 1, LEDGER_ROUND_MAX + 1u, &NIL, -1);
    feed_vote(&v);
    v = make_vote(LEDGER_PREVOTE, 1, 5, &NIL, 2);
    feed_vote(&v);
    v = make_vote(LEDGER_PREVOTE, 1, 5, &A, 5);
    feed_vote(&v);
    v = make_vote(LEDGER_PRECOMMIT, 1, 5, &NIL, -1);
    v.result.b[0] = 1;
    feed_vote(&v);
    prevote_by(2, 5, &NIL, -1); /* had one of those counted, this would be the second signer */
    ck_assert_uint_eq(status().round, 0);
    ck_assert_uint_eq(got_count(CONSENSUS_EVIDENCE), 0);
}
END_TEST

/* What the node does before the core sees it: the ledger's id is in the digest. */
START_TEST(a_vote_of_another_ledger_does_not_verify)
{
    struct crypto_hash here = {{1}}, there = {{2}};
    struct crypto_secret secret = {{9}};
    struct crypto_key key;
    struct ledger_set set = {.n = 1, .since = 1};
    struct ledger_vote v = {.type = LEDGER_PREVOTE, .height = HEIGHT, .valid_round = -1};

    ck_assert_int_eq(crypto_key_of(&key, &secret), ANJU_OK);
    set.node[0].node_key = key;
    ledger_node_id(&set.node[0].id, &key);
    v.signer = set.node[0].id;
    ck_assert_int_eq(ledger_vote_sign(&v, &secret, &there), ANJU_OK);
    ck_assert_int_eq(ledger_vote_verify(&v, &set, &here), ANJU_ERR_MISMATCH);
    ck_assert_int_eq(ledger_vote_verify(&v, &set, &there), ANJU_OK);
}
END_TEST

/* Far rounds cost one vote a signer, whatever comes; near ones are held in full and count later. */
START_TEST(a_flood_of_future_rounds_moves_nobody_and_loses_nothing_near)
{
    script_begin(4, 3);
    for (uint32_t round = 1; round < 3000; round++) {
        prevote_by(0, round, &NIL, -1);
        precommit_by(0, round, &B);
    }
    prevote_by(0, LEDGER_ROUND_MAX, &NIL, -1);
    ck_assert_uint_eq(status().round, 0);
    prevote_by(1, 1, &B, -1);
    ck_assert_uint_eq(status().round, 1); /* the liar and one more: a ticket, and harmless */
    propose(1, &B, -1);
    body(&B, 1);
    ck_vid(signed_vote(LEDGER_PREVOTE), &B);
    executed(&B);
    prevote_by(2, 1, &B, -1);
    ck_vid(signed_vote(LEDGER_PRECOMMIT), &B);
}
END_TEST

START_TEST(votes_held_for_the_round_after_next_count_when_it_comes)
{
    script_begin(4, 3);
    propose(2, &A, -1);
    body(&A, 2);
    executed(&A);
    prevote_by(2, 2, &A, -1);
    ck_assert_uint_eq(status().round, 0);
    prevote_by(1, 2, &A, -1);
    ck_assert_uint_eq(status().round, 2);
    ck_vid(signed_vote(LEDGER_PREVOTE), &A);
    ck_vid(signed_vote(LEDGER_PRECOMMIT), &A);
}
END_TEST

/* Only one vote a signer is held for rounds far ahead; it is in the table once we are there. */
START_TEST(the_highest_vote_of_a_far_round_is_in_the_table_on_arrival)
{
    script_begin(4, 3);
    prevote_by(0, 9, &NIL, -1);
    prevote_by(1, 9, &NIL, -1);
    ck_assert_uint_eq(status().round, 9);
    ck_assert_uint_eq(status().votes_seen, 3);
    expire(CONSENSUS_TIMER_PROPOSE, 9); /* the third nil: R7 */
    ck_assert_uint_eq(status().round, 10);
}
END_TEST

/* --- heights --- */

/* 2.15: four messages of each signer wait for the next height, and with them it can be decided. */
START_TEST(four_messages_a_signer_wait_for_the_next_height)
{
    struct ledger_vote v;
    struct crypto_hash result = result_of(&A);

    script_begin(4, 3);
    for (unsigned signer = 0; signer < 3; signer++) {
        for (uint32_t round = 0; round < 6; round++) {
            v = make_vote(LEDGER_PRECOMMIT, signer, round, round == 3 ? &A : &NIL, -1);
            v.height = HEIGHT + 1;
            feed_vote(&v);
            feed_vote(&v); /* the same again takes no place */
        }
        v = make_vote(LEDGER_PRECOMMIT, signer, 5, &A, -1);
        v.height = HEIGHT + 1;
        feed_vote(&v);
    }
    ck_assert_uint_eq(status().round, 0);
    script_start(HEIGHT + 1);
    ck_assert_uint_eq(status().round, 3); /* rounds 0 to 3 were held, 4 and 5 not */
    ck_assert_ptr_nonnull(consensus_commit(s.c));
    ck_assert_int_eq(crypto_hash_compare(&consensus_commit(s.c)->result, &result), 0);
    script_start(HEIGHT + 2); /* and they are gone then */
    ck_assert_uint_eq(status().round, 0);
    ck_assert_ptr_null(consensus_commit(s.c));
}
END_TEST

/* The proposal of the next height may come before our own commit: its time of arrival is kept. */
START_TEST(an_early_proposal_is_timely_by_when_it_came)
{
    struct consensus_event start = {.kind = CONSENSUS_EVENT_START};
    struct ledger_vote v;
    struct consensus_body b;

    script_begin(4, 3);
    v = make_vote(LEDGER_PROPOSAL, 1, 0, &A, -1); /* proposer(9, 0) is 1 */
    v.height = HEIGHT + 1;
    feed_vote(&v);
    b = good_body(&A, 1);
    b.time_ms = s.now_ms;
    s.now_ms += 60000;
    start.start = (struct consensus_start){.height = HEIGHT + 1,
                                           .set = &s.set,
                                           .may_sign = true,
                                           .caught_up = true,
                                           .previous_time_ms = b.time_ms - 10};
    feed(&start);
    feed_body(&b);
    ck_vid(signed_vote(LEDGER_PREVOTE), &A);
}
END_TEST

/* 2.16's counterexample: one is a height behind, and the others wait for it at the next. It must
 * get the certificate, which its own vote asks for; with it it decides and comes along. */
START_TEST(a_laggard_one_height_behind_comes_along)
{
    struct crypto_hash result = result_of(&A);
    struct ledger_certificate commit;
    struct ledger_vote v;

    lock_a(); /* it precommitted A, and all precommits to it were lost */
    v = make_vote(LEDGER_PREVOTE, 0, 0, &NIL, -1);
    v.height = HEIGHT + 1;
    feed_vote(&v); /* the others are at the next height: kept, nothing signed */
    ck_assert_uint_eq(got_count(CONSENSUS_SIGN_SEND), 0);
    resend_tick();
    resend_tick();
    ck_assert_uint_eq(got_count(CONSENSUS_SEND_VOTE), 2); /* what makes the others answer */
    commit = make_commit(HEIGHT, 0, &A, &result);
    feed_commit(&commit);
    ck_assert_uint_eq(got_count(CONSENSUS_DECIDE), 1);
    script_start(HEIGHT + 1);
    v = make_vote(LEDGER_PREVOTE, 1, 0, &NIL, -1);
    v.height = HEIGHT + 1;
    feed_vote(&v);
    ck_assert_int_eq(status().step,
                     CONSENSUS_PROPOSE); /* the early vote and this one: out of WAIT */
    ck_assert_uint_eq(status().votes_seen, 3);
}
END_TEST

/* --- catching up (2.13) --- */

START_TEST(does_not_sign_while_not_caught_up_or_not_allowed)
{
    struct crypto_hash result = result_of(&A);
    struct ledger_certificate commit;

    for (unsigned i = 0; i < 2; i++) {
        script_init(4, 0); /* it would be the proposer */
        script_start_as(HEIGHT, i == 0, i == 1);
        need(CONSENSUS_NEED_BATCH);
        ck_assert_uint_eq(got_count(CONSENSUS_GET_VALUE), 0);
        propose(0, &A, -1);
        body(&A, 0);
        executed(&A);
        for (unsigned k = 1; k < 4; k++) {
            prevote_by(k, 0, &A, -1);
            ck_assert_uint_eq(got_count(CONSENSUS_SIGN_SEND), 0);
        }
        resend_tick();
        resend_tick();
        ck_assert_uint_eq(got_count(CONSENSUS_SEND_VOTE) + got_count(CONSENSUS_SIGN_SEND), 0);
        commit = make_commit(HEIGHT, 0, &A, &result);
        feed_commit(&commit);
        ck_assert_uint_eq(got_count(CONSENSUS_DECIDE), 1);
    }
}
END_TEST

START_TEST(a_certificate_of_a_later_height_stops_signing_until_it_is_passed)
{
    struct crypto_hash result = result_of(&A);
    struct ledger_certificate commit;

    script_begin(4, 3);
    commit = make_commit(HEIGHT + 1, 0, &A, &result);
    feed_commit(&commit);
    expire(CONSENSUS_TIMER_PROPOSE, 0);
    ck_assert_uint_eq(got_count(CONSENSUS_SIGN_SEND), 0);
    script_start(HEIGHT + 1);
    need(CONSENSUS_NEED_BATCH);
    feed(&(struct consensus_event){.kind = CONSENSUS_EVENT_TIMER,
                                   .timer = {CONSENSUS_TIMER_PROPOSE, HEIGHT + 1, 0}});
    ck_assert_uint_eq(got_count(CONSENSUS_SIGN_SEND), 0);
    script_start(HEIGHT + 2);
    need(CONSENSUS_NEED_BATCH);
    feed(&(struct consensus_event){.kind = CONSENSUS_EVENT_TIMER,
                                   .timer = {CONSENSUS_TIMER_PROPOSE, HEIGHT + 2, 0}});
    ck_assert_uint_eq(got_count(CONSENSUS_SIGN_SEND), 1);
}
END_TEST

/* While the body of a decided block is being fetched: the certificate goes on, no vote does. */
START_TEST(with_a_certificate_and_no_body_it_signs_nothing_and_says_the_certificate)
{
    struct crypto_hash result = result_of(&A);
    struct ledger_certificate commit;

    script_begin(4, 3);
    commit = make_commit(HEIGHT, 0, &A, &result);
    feed_commit(&commit);
    expire(CONSENSUS_TIMER_PROPOSE, 0);
    prevote_by(0, 5, &NIL, -1);
    prevote_by(1, 5, &NIL, -1);
    ck_assert_uint_eq(got_count(CONSENSUS_SIGN_SEND), 0);
    resend_tick();
    resend_tick();
    ck_assert_uint_eq(got_count(CONSENSUS_SEND_COMMIT), 1);
    ck_assert_uint_eq(got_count(CONSENSUS_NEED_BODY), 1); /* asked again */
}
END_TEST

/* --- evidence (2.14) --- */

START_TEST(a_prevote_that_forgets_a_precommit_is_evidence)
{
    script_begin(4, 3);
    precommit_by(2, 1, &A);
    prevote_by(2, 2, &B, 0); /* vr 0 < 1 < 2 */
    ck_assert_uint_eq(got_count(CONSENSUS_EVIDENCE), 1);
    ck_assert_int_eq(got(CONSENSUS_EVIDENCE)->vote.type, LEDGER_PRECOMMIT);
    ck_assert_int_eq(got(CONSENSUS_EVIDENCE)->other.type, LEDGER_PREVOTE);

    script_begin(4, 3); /* the other order of arrival */
    prevote_by(2, 2, &B, -1);
    precommit_by(2, 1, &A);
    ck_assert_uint_eq(got_count(CONSENSUS_EVIDENCE), 1);
}
END_TEST

/* What an honest node may do is never evidence: nil, a polka at or above the lock, an earlier
 * prevote. */
START_TEST(what_the_rules_allow_is_never_evidence)
{
    script_begin(4, 3);
    prevote_by(2, 0, &B, -1);
    precommit_by(2, 0, &NIL);
    prevote_by(2, 1, &A, -1);
    precommit_by(2, 1, &A);
    ck_assert_uint_eq(got_count(CONSENSUS_EVIDENCE), 0);
    prevote_by(2, 2, &B, 1);
    ck_assert_uint_eq(got_count(CONSENSUS_EVIDENCE), 0);
    precommit_by(2, 2, &NIL);
    ck_assert_uint_eq(got_count(CONSENSUS_EVIDENCE), 0);
}
END_TEST

START_TEST(two_precommits_of_one_round_are_evidence)
{
    struct ledger_vote v;

    script_begin(4, 3);
    precommit_by(2, 0, &A);
    v = make_vote(LEDGER_PRECOMMIT, 2, 0, &A, -1);
    v.result.b[5] = 1; /* the same block with two results */
    feed_vote(&v);
    ck_assert_uint_eq(got_count(CONSENSUS_EVIDENCE), 1);
}
END_TEST

/* --- results --- */

START_TEST(a_result_that_differs_is_reported_and_f_plus_one_raise_an_alarm)
{
    struct ledger_vote v;

    lock_a();
    for (unsigned i = 0; i < 2; i++) {
        v = make_vote(LEDGER_PRECOMMIT, i, 0, &A, -1);
        v.result.b[5] = 1;
        feed_vote(&v);
        ck_assert_uint_eq(got_count(CONSENSUS_ALARM), 1);
        ck_assert_int_eq(strstr(got(CONSENSUS_ALARM)->text, "f + 1") != NULL, i == 1);
    }
    precommit_by(2, 0, &A);
    ck_assert_uint_eq(got_count(CONSENSUS_DECIDE), 0); /* two and two */
}
END_TEST

START_TEST(a_result_that_differs_before_execution_is_found_after_it)
{
    struct ledger_vote v;

    script_begin(4, 3);
    v = make_vote(LEDGER_PRECOMMIT, 1, 0, &A, -1);
    v.result.b[5] = 1;
    feed_vote(&v);
    ck_assert_uint_eq(got_count(CONSENSUS_ALARM), 0);
    propose(0, &A, -1);
    body(&A, 0);
    executed(&A);
    ck_assert_uint_eq(got_count(CONSENSUS_ALARM), 1);
}
END_TEST

START_TEST(one_liar_with_another_result_is_like_silence)
{
    struct ledger_vote v;

    lock_a();
    v = make_vote(LEDGER_PRECOMMIT, 0, 0, &A, -1);
    v.result.b[5] = 1;
    feed_vote(&v);
    precommit_by(1, 0, &A);
    ck_assert_uint_eq(got_count(CONSENSUS_DECIDE), 0);
    precommit_by(2, 0, &A);
    ck_assert_uint_eq(got_count(CONSENSUS_DECIDE), 1);
}
END_TEST

/* --- WAIT, empty blocks, silent proposers (2.8) --- */

START_TEST(wait_ends_for_a_reason_only)
{
    for (enum consensus_need reason = CONSENSUS_NEED_BATCH; reason <= CONSENSUS_NEED_EMPTY_OK;
         reason++) {
        script_init(4, 3);
        script_start(HEIGHT);
        ck_assert(!armed(CONSENSUS_TIMER_PROPOSE, NULL));
        need(reason);
        ck_assert_int_eq(status().step == CONSENSUS_PROPOSE, reason != CONSENSUS_NEED_EMPTY_OK);
        ck_assert_int_eq(armed(CONSENSUS_TIMER_PROPOSE, NULL), reason != CONSENSUS_NEED_EMPTY_OK);
    }
    script_init(4, 3);
    script_start(HEIGHT);
    prevote_by(0, 0, &NIL, -1);
    ck_assert_int_eq(status().step, CONSENSUS_WAIT); /* one may lie */
    prevote_by(2, 0, &NIL, -1);
    ck_assert_int_eq(status().step, CONSENSUS_PROPOSE);
}
END_TEST

START_TEST(a_proposal_ends_wait_when_its_body_is_there_and_has_records)
{
    struct consensus_body b;

    script_init(4, 3);
    script_start(HEIGHT);
    propose(0, &A, -1);
    ck_assert_int_eq(status().step, CONSENSUS_WAIT);
    ck_assert_uint_eq(got_count(CONSENSUS_NEED_BODY), 1);
    body(&A, 0);
    ck_vid(signed_vote(LEDGER_PREVOTE), &A);

    script_init(4, 3); /* [M] one liar must not keep the ledger busy with nothing */
    script_start(HEIGHT);
    propose(0, &A, -1);
    b = good_body(&A, 0);
    b.empty = true;
    feed_body(&b);
    ck_assert_int_eq(status().step, CONSENSUS_WAIT);
    need(CONSENSUS_NEED_HEARTBEAT);
    ck_vid(signed_vote(LEDGER_PREVOTE), &A);
}
END_TEST

START_TEST(an_empty_block_is_fine_in_a_later_round)
{
    struct consensus_body b;

    script_begin(4, 3);
    jump(1);
    b = good_body(&A, 1);
    b.empty = true;
    feed_body(&b);
    propose(1, &A, -1);
    ck_vid(signed_vote(LEDGER_PREVOTE), &A);
}
END_TEST

/* A proposer that was silent gets 50 ms the next time, until it is heard again. */
START_TEST(a_silent_proposer_is_waited_for_only_briefly_until_it_is_back)
{
    uint32_t ms = 0;
    struct ledger_vote v;

    script_begin(4, 3);
    expire(CONSENSUS_TIMER_PROPOSE, 0); /* on validator 0 */
    script_start(HEIGHT + 4);           /* its turn again */
    need(CONSENSUS_NEED_BATCH);
    ck_assert(armed(CONSENSUS_TIMER_PROPOSE, &ms));
    ck_assert_uint_eq(ms, 50);
    v = make_vote(LEDGER_PROPOSAL, 0, 0, &A, -1);
    v.height = HEIGHT + 4;
    feed_vote(&v);
    script_start(HEIGHT + 8);
    need(CONSENSUS_NEED_BATCH);
    ck_assert(armed(CONSENSUS_TIMER_PROPOSE, &ms));
    ck_assert_uint_eq(ms, 600);
}
END_TEST

START_TEST(a_decided_block_of_its_clears_the_flag_too)
{
    uint32_t ms = 0;
    struct crypto_hash result = result_of(&A);
    struct ledger_certificate commit;

    script_begin(4, 3);
    expire(CONSENSUS_TIMER_PROPOSE, 0);
    body(&A, 0);
    executed(&A);
    commit = make_commit(HEIGHT, 0, &A, &result);
    feed_commit(&commit);
    ck_assert_uint_eq(got_count(CONSENSUS_DECIDE), 1);
    script_start(HEIGHT + 4);
    need(CONSENSUS_NEED_BATCH);
    ck_assert(armed(CONSENSUS_TIMER_PROPOSE, &ms));
    ck_assert_uint_eq(ms, 600);
}
END_TEST

/* --- saying again (2.16), bounds --- */

START_TEST(says_again_what_an_unchanged_step_rests_on)
{
    lock_a();
    resend_tick(); /* the step is new: not yet */
    ck_assert_uint_eq(got_count(CONSENSUS_SEND_VOTE), 0);
    resend_tick();
    ck_assert_uint_eq(got_count(CONSENSUS_SEND_VOTE), 2);
    ck_assert_uint_eq(got_count(CONSENSUS_SEND_POLKA), 1);
    ck_assert_uint_eq(got_count(CONSENSUS_SEND_TICKET), 0);
    jump(1);
    resend_tick();
    resend_tick();
    ck_assert_uint_eq(got_count(CONSENSUS_SEND_VOTE), 0);
    ck_assert_uint_eq(got_count(CONSENSUS_SEND_TICKET), 1);
    ck_assert_uint_eq(got_count(CONSENSUS_SEND_POLKA), 1);
}
END_TEST

/* An execution may be dropped by the node; while a polka waits for it, it is asked for again. */
START_TEST(asks_again_for_what_it_waits_for)
{
    script_begin(4, 3);
    propose(0, &A, -1);
    resend_tick();
    resend_tick();
    ck_assert_uint_eq(got_count(CONSENSUS_NEED_BODY), 1);
    body(&A, 0);
    prevote_by(0, 0, &A, -1);
    prevote_by(1, 0, &A, -1);
    resend_tick();
    resend_tick();
    ck_assert_uint_eq(got_count(CONSENSUS_EXECUTE), 1);
    ck_assert_uint_eq(got_count(CONSENSUS_NEED_BODY), 0);
}
END_TEST

/* Bodies and polkas that nobody asked for push out only what does not matter. */
START_TEST(a_flood_of_bodies_and_old_polkas_leaves_what_matters)
{
    lock_a();
    for (uint32_t i = 0; i < 500; i++) {
        struct crypto_hash vid = {{0x55, (uint8_t)(i >> 8), (uint8_t)i}};

        body(&vid, 0);
    }
    jump(100);
    for (uint32_t round = 1; round < 60; round++) {
        struct crypto_hash vid = {{0x55, (uint8_t)round}};
        struct ledger_polka polka = make_polka(round, &vid, -1);

        feed_polka(&polka);
    }
    ck_assert_uint_eq(consensus_valid_polka(s.c)->round, 59);
    ck_assert_ptr_null(
        consensus_polka(s.c, 20)); /* gone; it would come with a proposal that names it */
    propose(100, &A, 0);
    struct ledger_polka zero = make_polka(0, &A, -1);
    feed_polka(&zero);
    ck_vid(signed_vote(LEDGER_PREVOTE), &A); /* the body was not evicted: it is our lock */
    ck_assert_uint_eq(got_count(CONSENSUS_NEED_BODY), 0);
}
END_TEST

/* A network of one runs through the same rules. */
START_TEST(one_validator_alone_decides)
{
    script_begin(1, 0);
    ck_assert_uint_eq(got_count(CONSENSUS_GET_VALUE), 1);
    body(&A, 0);
    value(0, &A);
    ck_vid(signed_vote(LEDGER_PREVOTE), &A);
    ck_assert_uint_eq(got_count(CONSENSUS_EXECUTE), 1);
    executed(&A);
    ck_vid(signed_vote(LEDGER_PRECOMMIT), &A);
    ck_assert_uint_eq(got_count(CONSENSUS_DECIDE), 1);
    ck_assert_uint_eq(got(CONSENSUS_DECIDE)->commit.q, 1);
    script_start(HEIGHT + 1);
    need(CONSENSUS_NEED_HEARTBEAT);
    ck_assert_uint_eq(got_count(CONSENSUS_GET_VALUE), 1);
}
END_TEST

START_TEST(one_validator_alone_comes_out_of_a_round_without_value)
{
    script_begin(1, 0);
    expire(CONSENSUS_TIMER_PROPOSE, 0);
    ck_assert_uint_eq(status().round, 1);
    ck_assert_uint_eq(got_count(CONSENSUS_GET_VALUE), 1);
}
END_TEST

/* --- rare ways --- */

/* 2.9: a block too far ahead was decided; the ledger goes on a millisecond a block until clocks are
 * there. */
START_TEST(a_ledger_whose_last_block_was_ahead_of_the_clocks_goes_on)
{
    for (uint64_t off = 1; off <= 2; off++) {
        struct consensus_event start = {.kind = CONSENSUS_EVENT_START};
        struct consensus_body b;

        script_init(4, 3);
        start.start = (struct consensus_start){.height = HEIGHT,
                                               .set = &s.set,
                                               .may_sign = true,
                                               .caught_up = true,
                                               .previous_time_ms = s.now_ms + 3600000};
        feed(&start);
        need(CONSENSUS_NEED_BATCH);
        b = good_body(&A, 0);
        b.time_ms = s.now_ms + 3600000 + off;
        feed_body(&b);
        propose(0, &A, -1);
        ck_vid(signed_vote(LEDGER_PREVOTE), off == 1 ? &A : &NIL);
    }
}
END_TEST

START_TEST(one_block_executed_twice_to_two_results_stops_the_node)
{
    struct crypto_hash other = {{0x77}};

    lock_a();
    executed(&A);
    ck_assert_uint_eq(got_count(CONSENSUS_FATAL), 0);
    executed_as(&A, &other);
    ck_assert_uint_eq(got_count(CONSENSUS_FATAL), 1);
}
END_TEST

START_TEST(nothing_happens_before_the_first_start)
{
    struct ledger_ticket t = {.height = HEIGHT, .round = 1, .n = 2};

    script_init(4, 3);
    t.vote[0] = make_vote(LEDGER_PREVOTE, 0, 1, &NIL, -1);
    t.vote[1] = make_vote(LEDGER_PREVOTE, 1, 1, &NIL, -1);
    feed_ticket(&t);
    prevote_by(0, 0, &A, -1);
    body(&A, 0);
    need(CONSENSUS_NEED_BATCH);
    resend_tick();
    resend_tick();
    ck_assert_uint_eq(status().height, 0);
    script_start(HEIGHT);
    ck_assert_int_eq(status().step, CONSENSUS_WAIT);
}
END_TEST

START_TEST(a_liar_is_named_once_a_height)
{
    script_begin(4, 3);
    prevote_by(2, 0, &A, -1);
    prevote_by(2, 0, &B, -1);
    ck_assert_uint_eq(got_count(CONSENSUS_EVIDENCE), 1);
    precommit_by(2, 0, &A);
    precommit_by(2, 0, &B);
    ck_assert_uint_eq(got_count(CONSENSUS_EVIDENCE), 0);
}
END_TEST

/* The proposal's own polka goes with it, also where a higher one came to light since. */
START_TEST(a_proposal_is_said_again_with_the_polka_that_it_names)
{
    struct ledger_polka zero, one;

    script_begin(4, 1);
    expire(CONSENSUS_TIMER_PROPOSE, 0);
    zero = make_polka(0, &A, -1);
    zero.index[1] = 2;
    zero.index[2] = 3;
    feed_polka(&zero);
    precommit_by(2, 1, &NIL);
    precommit_by(3, 1, &NIL);
    ck_vid(signed_vote(LEDGER_PROPOSAL), &A);
    expire(CONSENSUS_TIMER_PROPOSE, 1);
    one = make_polka(1, &A, 0);
    one.index[1] = 2;
    one.index[2] = 3;
    feed_polka(&one);
    resend_tick();
    resend_tick();
    ck_assert_int_eq(consensus_valid_polka(s.c)->round, 1);
    ck_assert_uint_eq(got_count(CONSENSUS_SEND_POLKA), 2);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *tc = tcase_create("scenes");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, NULL, script_free);
    tcase_add_test(tc, a_silent_leader_costs_one_timeout);
    tcase_add_test(tc, an_equivocating_leader_gets_one_prevote_and_leaves_evidence);
    tcase_add_test(tc, a_proposal_of_somebody_else_is_none);
    tcase_add_test(tc, split_votes_end_in_nil_precommits_and_a_new_round);
    tcase_add_test(tc, late_votes_count);
    tcase_add_test(tc, the_second_vote_of_a_liar_counts_too);
    tcase_add_test(tc, a_polka_that_conflicts_with_the_votes_held_is_taken_whole);
    tcase_add_test(tc, votes_of_strangers_of_other_heights_and_out_of_range_do_nothing);
    tcase_add_test(tc, a_vote_of_another_ledger_does_not_verify);
    tcase_add_test(tc, a_flood_of_future_rounds_moves_nobody_and_loses_nothing_near);
    tcase_add_test(tc, votes_held_for_the_round_after_next_count_when_it_comes);
    tcase_add_test(tc, the_highest_vote_of_a_far_round_is_in_the_table_on_arrival);
    tcase_add_test(tc, four_messages_a_signer_wait_for_the_next_height);
    tcase_add_test(tc, an_early_proposal_is_timely_by_when_it_came);
    tcase_add_test(tc, a_laggard_one_height_behind_comes_along);
    tcase_add_test(tc, does_not_sign_while_not_caught_up_or_not_allowed);
    tcase_add_test(tc, a_certificate_of_a_later_height_stops_signing_until_it_is_passed);
    tcase_add_test(tc, with_a_certificate_and_no_body_it_signs_nothing_and_says_the_certificate);
    tcase_add_test(tc, a_prevote_that_forgets_a_precommit_is_evidence);
    tcase_add_test(tc, what_the_rules_allow_is_never_evidence);
    tcase_add_test(tc, two_precommits_of_one_round_are_evidence);
    tcase_add_test(tc, a_result_that_differs_is_reported_and_f_plus_one_raise_an_alarm);
    tcase_add_test(tc, a_result_that_differs_before_execution_is_found_after_it);
    tcase_add_test(tc, one_liar_with_another_result_is_like_silence);
    tcase_add_test(tc, wait_ends_for_a_reason_only);
    tcase_add_test(tc, a_proposal_ends_wait_when_its_body_is_there_and_has_records);
    tcase_add_test(tc, an_empty_block_is_fine_in_a_later_round);
    tcase_add_test(tc, a_silent_proposer_is_waited_for_only_briefly_until_it_is_back);
    tcase_add_test(tc, a_decided_block_of_its_clears_the_flag_too);
    tcase_add_test(tc, says_again_what_an_unchanged_step_rests_on);
    tcase_add_test(tc, asks_again_for_what_it_waits_for);
    tcase_add_test(tc, a_flood_of_bodies_and_old_polkas_leaves_what_matters);
    tcase_add_test(tc, one_validator_alone_decides);
    tcase_add_test(tc, one_validator_alone_comes_out_of_a_round_without_value);
    tcase_add_test(tc, a_ledger_whose_last_block_was_ahead_of_the_clocks_goes_on);
    tcase_add_test(tc, one_block_executed_twice_to_two_results_stops_the_node);
    tcase_add_test(tc, nothing_happens_before_the_first_start);
    tcase_add_test(tc, a_liar_is_named_once_a_height);
    tcase_add_test(tc, a_proposal_is_said_again_with_the_polka_that_it_names);
    suite_add_tcase(suite, tc);
}

UNIT_MAIN("consensus scenes", add_tests)
