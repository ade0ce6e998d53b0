/* The rules R1 to R9 one by one (docs/consensus.md); whole stories are in test_consensus_scenes.c.
 */
#include "tests/unit/consensus_script.h"
#include "tests/unit/unit.h"

#include <string.h>

/* --- R1 --- */

/* A certificate is all that a node needs: whoever missed the whole height comes along, out of WAIT
 * too. */
START_TEST(decides_on_a_certificate_without_proposal_or_votes)
{
    struct crypto_hash result = result_of(&A);
    struct ledger_certificate commit;

    script_init(4, 3);
    script_start(HEIGHT);
    commit = make_commit(HEIGHT, 2, &A, &result);
    feed_commit(&commit);
    ck_assert_uint_eq(got_count(CONSENSUS_NEED_BODY), 1);
    ck_assert_uint_eq(got_count(CONSENSUS_DECIDE), 0);
    body(&A, 0);
    ck_assert_uint_eq(got_count(CONSENSUS_EXECUTE), 1);
    executed(&A);
    ck_assert_uint_eq(got_count(CONSENSUS_DECIDE), 1);
    ck_assert_int_eq(memcmp(&got(CONSENSUS_DECIDE)->commit, &commit, sizeof commit), 0);
    ck_assert_int_eq(status().step, CONSENSUS_DECIDED);
    ck_assert_uint_eq(got_count(CONSENSUS_SIGN_SEND), 0);
}
END_TEST

START_TEST(decides_from_three_precommits_of_four_with_one_result)
{
    lock_a();
    precommit_by(0, 0, &A);
    ck_assert_uint_eq(got_count(CONSENSUS_DECIDE), 0);
    precommit_by(1, 0, &A);
    ck_assert_uint_eq(got_count(CONSENSUS_DECIDE), 1);
    ck_assert_uint_eq(got(CONSENSUS_DECIDE)->commit.q, 3);
    ck_assert_uint_eq(got(CONSENSUS_DECIDE)->commit.index[2], 3);
}
END_TEST

/* The lock of an earlier round was real: its precommits count whenever they come. */
START_TEST(decides_from_precommits_of_an_earlier_round)
{
    lock_a();
    jump(1);
    precommit_by(0, 0, &A);
    precommit_by(2, 0, &A);
    ck_assert_uint_eq(got_count(CONSENSUS_DECIDE), 1);
    ck_assert_uint_eq(got(CONSENSUS_DECIDE)->commit.round, 0);
}
END_TEST

START_TEST(stops_with_words_where_the_certified_result_is_another)
{
    struct crypto_hash other = {{0x77}};
    struct ledger_certificate commit;

    script_begin(4, 3);
    body(&A, 0);
    commit = make_commit(HEIGHT, 0, &A, &other);
    feed_commit(&commit);
    executed(&A);
    ck_assert_uint_eq(got_count(CONSENSUS_DECIDE), 0);
    ck_assert_uint_eq(got_count(CONSENSUS_FATAL), 1);
    ck_assert_ptr_nonnull(strstr(got(CONSENSUS_FATAL)->text, "audit"));
    ck_assert_int_eq(status().step, CONSENSUS_HALTED);
    expire(CONSENSUS_TIMER_PROPOSE, 0);
    ck_assert_uint_eq(got_count(CONSENSUS_SIGN_SEND), 0);
    script_start(HEIGHT + 1); /* the next height does not heal it */
    need(CONSENSUS_NEED_BATCH);
    ck_assert_int_eq(status().step, CONSENSUS_HALTED);
    resend_tick();
    resend_tick();
    ck_assert_uint_eq(got_count(CONSENSUS_SEND_VOTE), 0);
}
END_TEST

START_TEST(stops_where_a_certified_block_is_invalid_here)
{
    struct crypto_hash result = result_of(&A);
    struct consensus_body b;
    struct ledger_certificate commit;

    script_begin(4, 3);
    b = good_body(&A, 0);
    b.valid = false;
    feed_body(&b);
    commit = make_commit(HEIGHT, 0, &A, &result);
    feed_commit(&commit);
    ck_assert_uint_eq(got_count(CONSENSUS_FATAL), 1);
}
END_TEST

START_TEST(stops_where_two_certificates_of_one_height_differ)
{
    struct crypto_hash result_a = result_of(&A), result_b = result_of(&B);
    struct ledger_certificate a, b;

    script_begin(4, 3);
    a = make_commit(HEIGHT, 0, &A, &result_a);
    b = make_commit(HEIGHT, 1, &B, &result_b);
    feed_commit(&a);
    feed_commit(&b);
    ck_assert_uint_eq(got_count(CONSENSUS_FATAL), 1);
    ck_assert_ptr_nonnull(strstr(got(CONSENSUS_FATAL)->text, "fork"));
}
END_TEST

/* Checked again here: a certificate of fewer, of twice the same, or of strangers is none. */
START_TEST(takes_no_certificate_that_is_not_exactly_a_quorum)
{
    struct crypto_hash result = result_of(&A);
    struct ledger_certificate commit;
    struct ledger_polka polka;

    script_begin(4, 3);
    commit = make_commit(HEIGHT, 0, &A, &result);
    commit.q = 2;
    feed_commit(&commit);
    commit = make_commit(HEIGHT, 0, &A, &result);
    commit.index[1] = 0;
    feed_commit(&commit);
    commit = make_commit(HEIGHT, 0, &A, &result);
    commit.index[2] = 4;
    feed_commit(&commit);
    commit = make_commit(HEIGHT, 0, &NIL, &result);
    feed_commit(&commit);
    commit = make_commit(HEIGHT - 1, 0, &A, &result);
    feed_commit(&commit);
    ck_assert_ptr_null(consensus_commit(s.c));
    polka = make_polka(0, &A, -1);
    polka.q = 4;
    feed_polka(&polka);
    polka = make_polka(0, &A, 0);
    feed_polka(&polka);
    ck_assert_ptr_null(consensus_polka(s.c, 0));
}
END_TEST

/* --- R2 --- */

START_TEST(skips_to_the_highest_round_that_two_of_four_reached)
{
    script_begin(4, 3);
    prevote_by(0, 7, &NIL, -1);
    ck_assert_uint_eq(status().round, 0); /* one may lie */
    precommit_by(1, 5, &NIL);
    ck_assert_uint_eq(status().round, 5);
    ck_assert_int_eq(status().step, CONSENSUS_PROPOSE);
    ck_assert_uint_eq(got_count(CONSENSUS_SEND_TICKET), 1);
    ck_assert_uint_eq(got(CONSENSUS_SEND_TICKET)->ticket.n, 2);
    ck_assert_uint_eq(consensus_ticket(s.c)->round, 5);
    ck_assert(armed(CONSENSUS_TIMER_PROPOSE, NULL));
}
END_TEST

START_TEST(skips_out_of_wait)
{
    script_init(4, 3);
    script_start(HEIGHT);
    ck_assert_int_eq(status().step, CONSENSUS_WAIT);
    jump(2);
    ck_assert_int_eq(status().step, CONSENSUS_PROPOSE);
}
END_TEST

START_TEST(proposals_are_no_ticket)
{
    struct ledger_vote v;

    script_begin(4, 3);
    v = make_vote(LEDGER_PROPOSAL, 1, 1, &A, -1);
    feed_vote(&v);
    v = make_vote(LEDGER_PROPOSAL, 2, 2, &A, -1);
    feed_vote(&v);
    ck_assert_uint_eq(status().round, 0);
}
END_TEST

/* A ticket that comes whole is taken whole, and no more of it kept than its reason needs. */
START_TEST(enters_a_round_with_a_ticket_from_a_peer)
{
    struct ledger_ticket t = {.height = HEIGHT, .round = 4};

    script_begin(4, 3);
    for (unsigned i = 0; i < 4; i++)
        t.vote[t.n++] = make_vote(LEDGER_PRECOMMIT, i, 3, &NIL, -1);
    feed_ticket(&t);
    ck_assert_uint_eq(status().round, 4);
    ck_assert_uint_eq(consensus_ticket(s.c)->n, 3);
    ck_assert(armed(CONSENSUS_TIMER_PROPOSE, NULL));
}
END_TEST

START_TEST(refuses_a_ticket_that_does_not_justify_its_round)
{
    struct ledger_ticket t;

    script_begin(4, 3);
    t = (struct ledger_ticket){.height = HEIGHT, .round = 4, .n = 2}; /* two of three precommits */
    t.vote[0] = make_vote(LEDGER_PRECOMMIT, 0, 3, &NIL, -1);
    t.vote[1] = make_vote(LEDGER_PRECOMMIT, 1, 3, &NIL, -1);
    feed_ticket(&t);
    ck_assert_uint_eq(status().round, 0);
    t = (struct ledger_ticket){.height = HEIGHT, .round = 4, .n = 2}; /* one signer, twice */
    t.vote[0] = make_vote(LEDGER_PRECOMMIT, 0, 4, &NIL, -1);
    t.vote[1] = make_vote(LEDGER_PREVOTE, 0, 4, &NIL, -1);
    feed_ticket(&t);
    ck_assert_uint_eq(status().round, 0);
    t = (struct ledger_ticket){
        .height = HEIGHT, .round = 4, .n = 3}; /* prevotes, but not all nil */
    t.vote[0] = make_vote(LEDGER_PREVOTE, 0, 3, &NIL, -1);
    t.vote[1] = make_vote(LEDGER_PREVOTE, 1, 3, &A, -1);
    t.vote[2] = make_vote(LEDGER_PREVOTE, 2, 3, &NIL, -1);
    feed_ticket(&t);
    ck_assert_uint_eq(status().round, 0);
    t = (struct ledger_ticket){.height = HEIGHT + 1, .round = 4, .n = 2};
    t.vote[0] = make_vote(LEDGER_PREVOTE, 0, 4, &NIL, -1);
    t.vote[1] = make_vote(LEDGER_PREVOTE, 1, 4, &NIL, -1);
    feed_ticket(&t);
    ck_assert_uint_eq(status().round, 0);
}
END_TEST

/* --- R3 --- */

START_TEST(proposes_its_value_once)
{
    script_begin(4, 0);
    ck_assert_uint_eq(got_count(CONSENSUS_GET_VALUE), 1);
    value(1, &B); /* for another round: nothing */
    ck_assert_uint_eq(got_count(CONSENSUS_SIGN_SEND), 0);
    body(&A, 0);
    value(0, &A);
    ck_vid(signed_vote(LEDGER_PROPOSAL), &A);
    ck_assert_int_eq(signed_vote(LEDGER_PROPOSAL)->valid_round, -1);
    ck_vid(signed_vote(LEDGER_PREVOTE), &A); /* its own is a proposal like others */
    value(0, &B);
    ck_assert_uint_eq(got_count(CONSENSUS_SIGN_SEND), 0);
}
END_TEST

/* 2.6: a value that may have been decided is proposed by its name, even where its body never came.
 */
START_TEST(proposes_the_valid_value_again_without_its_body)
{
    struct ledger_polka polka;

    script_begin(4, 1);
    polka = make_polka(0, &A, -1);
    polka.index[1] = 2; /* not by us */
    polka.index[2] = 3;
    expire(CONSENSUS_TIMER_PROPOSE, 0);
    feed_polka(&polka);
    ck_assert_uint_eq(got_count(CONSENSUS_NEED_BODY), 1);
    prevote_by(2, 1, &NIL, -1);
    prevote_by(3, 1, &NIL, -1);
    ck_assert_uint_eq(status().round, 1);
    ck_assert_uint_eq(got_count(CONSENSUS_GET_VALUE), 0);
    ck_vid(signed_vote(LEDGER_PROPOSAL), &A);
    ck_assert_int_eq(signed_vote(LEDGER_PROPOSAL)->valid_round, 0);
    ck_assert_ptr_nonnull(consensus_polka(s.c, 0));  /* goes with it */
    ck_assert_ptr_null(signed_vote(LEDGER_PREVOTE)); /* but a vote needs the body */
    body(&A, 0);
    ck_vid(signed_vote(LEDGER_PREVOTE), &A);
    ck_assert_int_eq(signed_vote(LEDGER_PREVOTE)->valid_round, 0);
}
END_TEST

START_TEST(drops_its_own_value_once_a_valid_one_is_known)
{
    struct ledger_polka polka;

    script_begin(4, 1);
    expire(CONSENSUS_TIMER_PROPOSE, 0);
    prevote_by(2, 1, &NIL, -1);
    prevote_by(3, 1, &NIL, -1);
    ck_assert_uint_eq(got_count(CONSENSUS_GET_VALUE), 1);
    polka = make_polka(0, &A, -1);
    polka.index[1] = 2;
    polka.index[2] = 3;
    feed_polka(&polka);
    ck_vid(signed_vote(LEDGER_PROPOSAL), &A);
    body(&B, 1);
    value(1, &B);
    ck_assert_uint_eq(got_count(CONSENSUS_SIGN_SEND), 0);
}
END_TEST

/* --- R4 --- */

START_TEST(prevotes_a_fresh_value_when_its_body_is_ready)
{
    script_begin(4, 3);
    propose(0, &A, -1);
    ck_assert_uint_eq(got_count(CONSENSUS_NEED_BODY), 1);
    ck_assert_ptr_null(signed_vote(LEDGER_PREVOTE));
    body(&A, 0);
    ck_vid(signed_vote(LEDGER_PREVOTE), &A);
    ck_assert_int_eq(signed_vote(LEDGER_PREVOTE)->valid_round, -1);
    ck_assert_uint_eq(got_count(CONSENSUS_EXECUTE), 1); /* while the prevotes fly */
}
END_TEST

/* Each line is a reason for nil, or just none. */
static const struct fresh_case {
    const char *what;
    int64_t time_off;
    int proposer;
    bool valid, empty, heartbeat, good;
} FRESH[] = {
    {"a good one", 0, 0, true, false, false, true},
    {"invalid", 0, 0, false, false, false, false},
    {"another one's header", 0, 1, true, false, false, false},
    {"as far ahead as clocks may differ", 500, 0, true, false, false, true},
    {"further ahead", 501, 0, true, false, false, false},
    {"not after the block before", -1000, 0, true, false, false, false},
    {"just after the block before", -999, 0, true, false, false, true},
    {"before 2020", -400000000000, 0, true, false, false, false},
    {"after 2100", 2500000000000, 0, true, false, false, false},
    {"empty without a reason", 0, 0, true, true, false, false},
    {"empty at the heartbeat", 0, 0, true, true, true, true},
};

START_TEST(a_fresh_value_gets_nil_for_every_reason)
{
    const struct fresh_case *f = &FRESH[_i];
    struct consensus_body b;

    script_begin(4, 3);
    if (f->heartbeat)
        need(CONSENSUS_NEED_EMPTY_OK);
    b = good_body(&A, 0);
    b.valid = f->valid;
    b.empty = f->empty;
    b.proposer = s.set.node[f->proposer].id;
    b.time_ms = (uint64_t)((int64_t)s.now_ms + f->time_off);
    feed_body(&b);
    propose(0, &A, -1);
    ck_assert_msg(signed_vote(LEDGER_PREVOTE) != NULL, "%s", f->what);
    ck_assert_msg(ledger_vote_is_nil(signed_vote(LEDGER_PREVOTE)) != f->good, "%s", f->what);
}
END_TEST

/* 2.9: the time of arrival counts, not the time at which the body was complete; more slack each
 * round. */
START_TEST(an_old_time_is_judged_by_when_the_proposal_came)
{
    script_begin(4, 3);
    propose(0, &A, -1);
    struct consensus_body b = good_body(&A, 0);
    s.now_ms += 60000;
    feed_body(&b);
    ck_vid(signed_vote(LEDGER_PREVOTE), &A);

    script_begin(4, 3);
    b = good_body(&A, 0);
    b.time_ms = s.now_ms;
    s.now_ms += 2501; /* MSGDELAY 2000 + PREC 500 at round 0 */
    feed_body(&b);
    propose(0, &A, -1);
    ck_vid(signed_vote(LEDGER_PREVOTE), &NIL);
}
END_TEST

/* The same time is right a round later: a slow way costs a round, not the ledger. */
START_TEST(a_later_round_allows_a_longer_way)
{
    script_begin(4, 3);
    struct consensus_body b = good_body(&A, 1);
    s.now_ms += 4500;
    feed_body(&b);
    jump(1);
    propose(1, &A, -1);
    ck_vid(signed_vote(LEDGER_PREVOTE), &A);
}
END_TEST

/* [E] A locked node takes no fresh value, not even its own lock's. */
START_TEST(a_locked_node_prevotes_nil_on_a_fresh_value)
{
    lock_a();
    jump(1);
    body(&B, 1);
    propose(1, &B, -1);
    ck_vid(signed_vote(LEDGER_PREVOTE), &NIL);
}
END_TEST

/* --- R5 --- */

START_TEST(prevotes_again_only_with_the_polka_and_keeps_it)
{
    struct ledger_polka polka;

    script_begin(4, 3);
    jump(1);
    body(&A, 0);
    propose(1, &A, 0);
    ck_assert_ptr_null(signed_vote(LEDGER_PREVOTE)); /* anybody can claim a valid round */
    polka = make_polka(0, &A, -1);
    feed_polka(&polka);
    ck_vid(signed_vote(LEDGER_PREVOTE), &A);
    ck_assert_int_eq(signed_vote(LEDGER_PREVOTE)->valid_round, 0);
    ck_assert_uint_lt(got_index(CONSENSUS_KEEP_POLKA), got_index(CONSENSUS_SIGN_SEND));
}
END_TEST

START_TEST(a_polka_of_another_block_is_no_reason)
{
    struct ledger_polka polka;

    script_begin(4, 3);
    jump(1);
    body(&A, 0);
    propose(1, &A, 0);
    polka = make_polka(0, &B, -1);
    feed_polka(&polka);
    ck_assert_ptr_null(signed_vote(LEDGER_PREVOTE));
}
END_TEST

/* The lock yields to a later polka, never to an earlier one [E]. */
START_TEST(a_lock_yields_to_a_polka_of_its_round_or_later)
{
    struct ledger_polka polka;

    lock_a(); /* at round 0 */
    jump(1);
    expire(CONSENSUS_TIMER_PROPOSE, 1);
    jump(2);
    body(&B, 1);
    propose(2, &B, 1);
    ck_assert_ptr_null(signed_vote(LEDGER_PREVOTE));
    polka = make_polka(1, &B, -1);
    feed_polka(&polka);
    ck_vid(signed_vote(LEDGER_PREVOTE), &B);
}
END_TEST

START_TEST(a_lock_holds_against_an_earlier_polka)
{
    struct ledger_polka zero, one;

    script_begin(4, 3);
    jump(1);
    expire(CONSENSUS_TIMER_PROPOSE, 1);
    body(&B, 1);
    executed(&B);
    one = make_polka(1, &B, -1);
    feed_polka(&one);
    ck_vid(signed_vote(LEDGER_PRECOMMIT), &B); /* locked at 1 */
    jump(2);
    zero = make_polka(0, &A, -1);
    feed_polka(&zero);
    body(&A, 0);
    propose(2, &A, 0);
    ck_vid(signed_vote(LEDGER_PREVOTE), &NIL);
    ck_assert_int_eq(signed_vote(LEDGER_PREVOTE)->valid_round, -1);
}
END_TEST

/* --- R6, R6b --- */

START_TEST(locks_on_the_third_prevote_and_the_lock_is_kept_before_the_vote)
{
    static struct consensus_slot slot;

    script_begin(4, 3);
    propose(0, &A, -1);
    body(&A, 0);
    executed(&A);
    prevote_by(0, 0, &A, -1);
    ck_assert_uint_eq(got_count(CONSENSUS_SIGN_SEND), 0);
    prevote_by(1, 0, &A, -1);
    ck_vid(signed_vote(LEDGER_PRECOMMIT), &A);
    ck_assert_uint_lt(got_index(CONSENSUS_KEEP_POLKA), got_index(CONSENSUS_SIGN_SEND));
    ck_assert_int_eq(consensus_slot_decode(&slot, writer_view(&s.slot)), ANJU_OK);
    ck_assert_int_eq(slot.locked_round, 0);
    ck_assert_int_eq(slot.valid_round, 0);
    ck_assert(slot.has_precommit && slot.has_locked_polka);
}
END_TEST

START_TEST(precommits_only_what_it_has_executed)
{
    struct crypto_hash result = result_of(&A);

    script_begin(4, 3);
    propose(0, &A, -1);
    body(&A, 0);
    prevote_by(0, 0, &A, -1);
    prevote_by(1, 0, &A, -1);
    ck_assert_ptr_null(signed_vote(LEDGER_PRECOMMIT));
    executed(&A);
    ck_vid(signed_vote(LEDGER_PRECOMMIT), &A);
    ck_assert_int_eq(crypto_hash_compare(&signed_vote(LEDGER_PRECOMMIT)->result, &result), 0);
}
END_TEST

/* Prevotes for one block with different valid rounds are different things. */
START_TEST(prevotes_with_another_valid_round_do_not_add_up)
{
    script_begin(4, 3);
    jump(1);
    body(&A, 0);
    expire(CONSENSUS_TIMER_PROPOSE, 1);
    prevote_by(2, 1, &A, 0);
    prevote_by(0, 1, &A, -1);
    prevote_by(1, 1, &A, 0);
    ck_assert_ptr_null(consensus_polka(s.c, 1));
    prevote_by(0, 1, &A, 0); /* a liar's second vote is held and counts */
    ck_assert_ptr_nonnull(consensus_polka(s.c, 1));
    ck_assert_int_eq(consensus_polka(s.c, 1)->valid_round, 0);
}
END_TEST

START_TEST(stops_where_the_locked_block_executes_to_another_result)
{
    struct crypto_hash other = {{0x77}};

    lock_a();
    script_restart();
    body(&A, 0);
    jump(1);
    propose(1, &A, 0);
    ck_vid(signed_vote(LEDGER_PREVOTE), &A);
    prevote_by(0, 1, &A, 0);
    prevote_by(1, 1, &A, 0);
    executed_as(&A, &other);
    ck_assert_uint_eq(got_count(CONSENSUS_FATAL), 1);
    ck_assert_uint_eq(got_count(CONSENSUS_SIGN_SEND), 0);
}
END_TEST

/* --- R7 --- */

START_TEST(three_nil_prevotes_end_the_round_at_once)
{
    script_begin(4, 3);
    prevote_by(0, 0, &NIL, -1);
    prevote_by(1, 0, &NIL, -1);
    ck_assert_uint_eq(status().round, 0);
    expire(CONSENSUS_TIMER_PROPOSE, 0);
    ck_assert_uint_eq(status().round, 1);
    ck_assert_uint_eq(got(CONSENSUS_SEND_TICKET)->ticket.n, 3);
    ck_assert_int_eq(got(CONSENSUS_SEND_TICKET)->ticket.vote[0].type, LEDGER_PREVOTE);
}
END_TEST

/* --- R8, R9 --- */

START_TEST(timers_start_when_their_condition_comes_true_and_grow_with_the_round)
{
    uint32_t ms = 0;

    script_begin(4, 3);
    ck_assert(armed(CONSENSUS_TIMER_PROPOSE, &ms));
    ck_assert_uint_eq(ms, 600);
    prevote_by(0, 0, &A, -1);
    prevote_by(1, 0, &NIL, -1);
    prevote_by(2, 0, &B, -1);
    ck_assert(!armed(CONSENSUS_TIMER_PREVOTE, NULL)); /* step is PROPOSE still */
    expire(CONSENSUS_TIMER_PROPOSE, 0);
    ck_assert(armed(CONSENSUS_TIMER_PREVOTE, &ms));
    ck_assert_uint_eq(ms, 200);
    expire(CONSENSUS_TIMER_PREVOTE, 0);
    ck_vid(signed_vote(LEDGER_PRECOMMIT), &NIL);
    precommit_by(0, 0, &NIL);
    ck_assert(!armed(CONSENSUS_TIMER_PRECOMMIT, NULL));
    precommit_by(1, 0, &NIL);
    ck_assert(armed(CONSENSUS_TIMER_PRECOMMIT, NULL));
    ck_assert_uint_eq(status().round,
                      0); /* never shortened by nil: a hidden lock could repeat for ever */
    expire(CONSENSUS_TIMER_PRECOMMIT, 0);
    ck_assert_uint_eq(status().round, 1);
    ck_assert(armed(CONSENSUS_TIMER_PROPOSE, &ms));
    ck_assert_uint_eq(ms, 900);
    ck_assert_int_eq(got(CONSENSUS_SEND_TICKET)->ticket.vote[0].type, LEDGER_PRECOMMIT);
    jump(400);
    ck_assert(armed(CONSENSUS_TIMER_PROPOSE, &ms));
    ck_assert_uint_eq(ms, 10000); /* the cap */
}
END_TEST

START_TEST(a_stale_timer_does_nothing)
{
    script_begin(4, 3);
    expire(CONSENSUS_TIMER_PROPOSE, 1);
    expire(CONSENSUS_TIMER_PREVOTE, 0);
    expire(CONSENSUS_TIMER_PRECOMMIT, 0);
    ck_assert_uint_eq(got_count(CONSENSUS_SIGN_SEND), 0);
    jump(1);
    expire(CONSENSUS_TIMER_PROPOSE, 0);
    ck_assert_uint_eq(got_count(CONSENSUS_SIGN_SEND), 0);
    ck_assert_uint_eq(status().round, 1);
}
END_TEST

/* Execution may take longer than Tprevote: a nil precommit then would waste the round. */
START_TEST(waits_for_the_execution_of_a_polka_beyond_tprevote)
{
    script_begin(4, 3);
    propose(0, &A, -1);
    body(&A, 0);
    prevote_by(0, 0, &A, -1);
    prevote_by(1, 0, &A, -1);
    ck_assert(armed(CONSENSUS_TIMER_PREVOTE, NULL));
    expire(CONSENSUS_TIMER_PREVOTE, 0);
    ck_assert_uint_eq(got_count(CONSENSUS_SIGN_SEND), 0);
    executed(&A);
    ck_vid(signed_vote(LEDGER_PRECOMMIT), &A);
}
END_TEST

START_TEST(does_not_wait_for_a_body_that_is_not_there)
{
    script_begin(4, 3);
    expire(CONSENSUS_TIMER_PROPOSE, 0);
    prevote_by(0, 0, &A, -1);
    prevote_by(1, 0, &A, -1);
    prevote_by(2, 0, &A, -1);
    expire(CONSENSUS_TIMER_PREVOTE, 0);
    ck_vid(signed_vote(LEDGER_PRECOMMIT), &NIL);
}
END_TEST

/* [M] Only we saw the polka: while the round can still end, all get it, once. */
START_TEST(says_the_valid_polka_to_all_once_while_tprecommit_runs)
{
    lock_a();
    precommit_by(0, 0, &NIL);
    ck_assert_uint_eq(got_count(CONSENSUS_SEND_POLKA), 0);
    precommit_by(1, 0, &NIL);
    ck_assert_uint_eq(got_count(CONSENSUS_SEND_POLKA), 1);
    ck_assert_int_eq(got(CONSENSUS_SEND_POLKA)->to, -1);
    precommit_by(2, 0, &NIL);
    ck_assert_uint_eq(got_count(CONSENSUS_SEND_POLKA), 0);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *tc = tcase_create("rules");

    tcase_add_checked_fixture(tc, NULL, script_free);
    tcase_add_test(tc, decides_on_a_certificate_without_proposal_or_votes);
    tcase_add_test(tc, decides_from_three_precommits_of_four_with_one_result);
    tcase_add_test(tc, decides_from_precommits_of_an_earlier_round);
    tcase_add_test(tc, stops_with_words_where_the_certified_result_is_another);
    tcase_add_test(tc, stops_where_a_certified_block_is_invalid_here);
    tcase_add_test(tc, stops_where_two_certificates_of_one_height_differ);
    tcase_add_test(tc, takes_no_certificate_that_is_not_exactly_a_quorum);
    tcase_add_test(tc, skips_to_the_highest_round_that_two_of_four_reached);
    tcase_add_test(tc, skips_out_of_wait);
    tcase_add_test(tc, proposals_are_no_ticket);
    tcase_add_test(tc, enters_a_round_with_a_ticket_from_a_peer);
    tcase_add_test(tc, refuses_a_ticket_that_does_not_justify_its_round);
    tcase_add_test(tc, proposes_its_value_once);
    tcase_add_test(tc, proposes_the_valid_value_again_without_its_body);
    tcase_add_test(tc, drops_its_own_value_once_a_valid_one_is_known);
    tcase_add_test(tc, prevotes_a_fresh_value_when_its_body_is_ready);
    tcase_add_loop_test(tc, a_fresh_value_gets_nil_for_every_reason, 0,
                        sizeof FRESH / sizeof *FRESH);
    tcase_add_test(tc, an_old_time_is_judged_by_when_the_proposal_came);
    tcase_add_test(tc, a_later_round_allows_a_longer_way);
    tcase_add_test(tc, a_locked_node_prevotes_nil_on_a_fresh_value);
    tcase_add_test(tc, prevotes_again_only_with_the_polka_and_keeps_it);
    tcase_add_test(tc, a_polka_of_another_block_is_no_reason);
    tcase_add_test(tc, a_lock_yields_to_a_polka_of_its_round_or_later);
    tcase_add_test(tc, a_lock_holds_against_an_earlier_polka);
    tcase_add_test(tc, locks_on_the_third_prevote_and_the_lock_is_kept_before_the_vote);
    tcase_add_test(tc, precommits_only_what_it_has_executed);
    tcase_add_test(tc, prevotes_with_another_valid_round_do_not_add_up);
    tcase_add_test(tc, stops_where_the_locked_block_executes_to_another_result);
    tcase_add_test(tc, three_nil_prevotes_end_the_round_at_once);
    tcase_add_test(tc, timers_start_when_their_condition_comes_true_and_grow_with_the_round);
    tcase_add_test(tc, a_stale_timer_does_nothing);
    tcase_add_test(tc, waits_for_the_execution_of_a_polka_beyond_tprevote);
    tcase_add_test(tc, does_not_wait_for_a_body_that_is_not_there);
    tcase_add_test(tc, says_the_valid_polka_to_all_once_while_tprecommit_runs);
    suite_add_tcase(suite, tc);
}

UNIT_MAIN("consensus rules", add_tests)
