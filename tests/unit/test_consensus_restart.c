/* What survives a restart: the slot and its bytes, and a restart in every phase
 * (docs/consensus.md). */
#include "tests/unit/consensus_script.h"
#include "tests/unit/unit.h"

#include <string.h>

START_TEST(a_slot_says_after_a_restart_what_it_said_before)
{
    struct writer again = {0};
    struct bytes first;

    lock_a();
    jump(1);
    body(&B, 1);
    propose(1, &B, -1);
    struct writer before = s.slot;
    memset(&s.slot, 0, sizeof s.slot);
    writer_bytes(&s.slot, writer_view(&before));
    script_restart();
    consensus_slot_encode(&again, s.c);
    first = writer_view(&before);
    ck_assert(bytes_equal(first, writer_view(&again)));
    ck_assert_uint_gt(first.size, 400);
    writer_free(&again);
    writer_free(&before);
}
END_TEST

/* Of 31 validators, everything in it: still under its bound, or the guard could not take it. */
START_TEST(the_largest_slot_fits)
{
    static struct consensus_slot slot;

    script_begin(31, 30);
    for (unsigned i = 0; i < 21; i++)
        precommit_by(i, 6, &NIL); /* R2 goes to 6 */
    ck_assert_uint_eq(status().round, 6);
    expire(CONSENSUS_TIMER_PRECOMMIT, 6);
    ck_assert_uint_eq(status().round, 7); /* a ticket of 21 precommits */
    struct ledger_polka polka = make_polka(7, &A, -1);
    expire(CONSENSUS_TIMER_PROPOSE, 7);
    body(&A, 7);
    feed_polka(&polka);
    executed(&A);
    ck_vid(signed_vote(LEDGER_PRECOMMIT), &A);
    ck_assert_int_eq(consensus_slot_decode(&slot, writer_view(&s.slot)), ANJU_OK);
    ck_assert_uint_eq(slot.ticket.n, 21);
    ck_assert_uint_lt(s.slot.size + 200,
                      CONSENSUS_SLOT_SIZE_MAX); /* a proposal would be 144 more */
}
END_TEST

START_TEST(a_damaged_slot_is_refused)
{
    static struct consensus_slot slot;

    lock_a();
    for (size_t size = 0; size < s.slot.size; size++)
        ck_assert_int_eq(consensus_slot_decode(&slot, bytes_of(s.slot.data, size)),
                         ANJU_ERR_MALFORMED);
    writer_u8(&s.slot, 0);
    ck_assert_int_eq(consensus_slot_decode(&slot, writer_view(&s.slot)), ANJU_ERR_MALFORMED);
    s.slot.size--;
    s.slot.data[0] = 2; /* a version of tomorrow */
    ck_assert_int_eq(consensus_slot_decode(&slot, writer_view(&s.slot)), ANJU_ERR_MALFORMED);
    s.slot.data[0] = 1;
    s.slot.data[13] = CONSENSUS_PREVOTE; /* a precommit was signed, so this can't be */
    ck_assert_int_eq(consensus_slot_decode(&slot, writer_view(&s.slot)), ANJU_ERR_MALFORMED);
}
END_TEST

START_TEST(the_slot_of_another_node_stops_this_one)
{
    lock_a();
    s.self = 2;
    script_restart();
    ck_assert_uint_eq(got_count(CONSENSUS_FATAL), 1);
    ck_assert_uint_eq(got_count(CONSENSUS_SIGN_SEND) + got_count(CONSENSUS_SEND_VOTE), 0);
    ck_assert(status().halted);
    need(CONSENSUS_NEED_BATCH);
    expire(CONSENSUS_TIMER_PROPOSE, 0);
    ck_assert_uint_eq(got_count(CONSENSUS_SIGN_SEND), 0);
}
END_TEST

START_TEST(a_slot_of_an_earlier_height_is_past)
{
    static struct consensus_slot slot;
    struct consensus_event e = {.kind = CONSENSUS_EVENT_START};

    lock_a();
    ck_assert_int_eq(consensus_slot_decode(&slot, writer_view(&s.slot)), ANJU_OK);
    e.start = (struct consensus_start){
        .height = HEIGHT + 1, .set = &s.set, .may_sign = true, .caught_up = true, .slot = &slot};
    feed(&e);
    ck_assert_int_eq(status().step, CONSENSUS_WAIT);
    ck_assert_ptr_null(consensus_valid_polka(s.c));
}
END_TEST

START_TEST(restart_in_wait_knows_nothing_and_says_nothing)
{
    script_init(4, 3);
    script_start(HEIGHT);
    ck_assert(!consensus_slot_changed(s.c));
    ck_assert_uint_eq(s.slot.size, 0); /* no slot is written for that */
}
END_TEST

START_TEST(restart_in_propose_arms_tpropose_and_asks_for_a_value_again)
{
    script_begin(4, 0);
    ck_assert_uint_eq(got_count(CONSENSUS_GET_VALUE), 1);
    script_restart();
    ck_assert_int_eq(status().step, CONSENSUS_PROPOSE);
    ck_assert(armed(CONSENSUS_TIMER_PROPOSE, NULL));
    ck_assert_uint_eq(got_count(CONSENSUS_GET_VALUE),
                      1); /* nothing was signed: another value is fine */
    body(&A, 0);
    value(0, &A);
    ck_vid(signed_vote(LEDGER_PROPOSAL), &A);
}
END_TEST

/* The proposal was signed, the crash came before its prevote: no second proposal, the same again.
 */
START_TEST(restart_after_a_proposal_repeats_it_and_no_other)
{
    script_begin(4, 0);
    value(0, &A); /* its body is not ready, so no prevote */
    ck_vid(signed_vote(LEDGER_PROPOSAL), &A);
    ck_assert_ptr_null(signed_vote(LEDGER_PREVOTE));
    script_restart();
    ck_assert_uint_eq(got_count(CONSENSUS_GET_VALUE), 0);
    ck_assert_uint_eq(got_count(CONSENSUS_SEND_VOTE), 1);
    ck_vid(&got(CONSENSUS_SEND_VOTE)->vote, &A);
    ck_assert_uint_eq(got_count(CONSENSUS_NEED_BODY), 1);
    body(&B, 0);
    value(0, &B);
    ck_assert_uint_eq(got_count(CONSENSUS_SIGN_SEND), 0);
    body(&A, 0);
    ck_vid(signed_vote(LEDGER_PREVOTE), &A);
}
END_TEST

START_TEST(restart_in_prevote_signs_nothing_else_and_arms_nothing)
{
    script_begin(4, 3);
    propose(0, &A, -1);
    body(&A, 0);
    ck_vid(signed_vote(LEDGER_PREVOTE), &A);
    prevote_by(0, 0, &A, -1);
    prevote_by(1, 0, &NIL, -1);
    ck_assert(armed(CONSENSUS_TIMER_PREVOTE, NULL));
    script_restart();
    ck_assert_int_eq(status().step, CONSENSUS_PREVOTE);
    ck_assert(!armed(CONSENSUS_TIMER_PREVOTE, NULL)); /* the votes have to come again first */
    ck_assert(!armed(CONSENSUS_TIMER_PROPOSE, NULL));
    ck_vid(&got(CONSENSUS_SEND_VOTE)->vote, &A);
    propose(0, &B, -1);
    body(&B, 0);
    ck_assert_uint_eq(got_count(CONSENSUS_SIGN_SEND), 0);
    expire(CONSENSUS_TIMER_PREVOTE, 0);
    ck_assert_uint_eq(got_count(CONSENSUS_SIGN_SEND), 0);
    prevote_by(0, 0, &A, -1);
    prevote_by(1, 0, &A, -1);
    body(&A, 0);
    executed(&A);
    ck_vid(signed_vote(LEDGER_PRECOMMIT), &A);
}
END_TEST

START_TEST(restart_in_precommit_keeps_the_lock_and_repeats_the_votes)
{
    lock_a();
    script_restart();
    ck_assert_int_eq(status().step, CONSENSUS_PRECOMMIT);
    ck_assert_uint_eq(got_count(CONSENSUS_SEND_VOTE), 2);
    ck_assert_uint_eq(got_count(CONSENSUS_SEND_POLKA), 1);
    ck_assert_uint_eq(got_count(CONSENSUS_ARM), 0);
    ck_assert_uint_eq(got_count(CONSENSUS_NEED_BODY), 1); /* the node has it in its payload log */
    jump(1);
    body(&B, 1);
    propose(1, &B, -1);
    ck_vid(signed_vote(LEDGER_PREVOTE), &NIL); /* locked still */
    precommit_by(0, 0, &A);
    precommit_by(1, 0, &A); /* with ours, which the slot brought back */
    ck_assert_ptr_nonnull(consensus_commit(s.c));
    body(&A, 0);
    ck_assert_uint_eq(got_count(CONSENSUS_EXECUTE), 1);
    executed(&A);
    ck_assert_uint_eq(got_count(CONSENSUS_DECIDE), 1);
}
END_TEST

/* Without the ticket a node that restarts could not bring the others into its round [M]. */
START_TEST(restart_in_a_later_round_shows_its_ticket_again)
{
    script_begin(4, 3);
    jump(3);
    script_restart();
    ck_assert_uint_eq(status().round, 3);
    ck_assert_uint_eq(got_count(CONSENSUS_SEND_TICKET), 1);
    ck_assert_uint_eq(got(CONSENSUS_SEND_TICKET)->ticket.round, 3);
    ck_assert(armed(CONSENSUS_TIMER_PROPOSE, NULL));
    ck_assert_uint_eq(got_count(CONSENSUS_GET_VALUE), 1); /* proposer(8, 3) is 3 */
}
END_TEST

/* The slot reached the disk before the signature came back: signing again gives the same bytes. */
START_TEST(restart_before_the_signature_was_kept_signs_the_same_again)
{
    struct consensus_actions *out = (struct consensus_actions *)anju_alloc(sizeof *out);
    struct consensus_event e = {.kind = CONSENSUS_EVENT_TIMER};

    script_begin(4, 3);
    e.timer.timer = CONSENSUS_TIMER_PROPOSE;
    e.timer.height = HEIGHT;
    consensus_step(s.c, out, &e); /* not handed back */
    ck_assert_int_eq(out->items[0].kind, CONSENSUS_SIGN_SEND);
    writer_clear(&s.slot);
    consensus_slot_encode(&s.slot, s.c);
    script_restart();
    ck_assert_uint_eq(got_count(CONSENSUS_SEND_VOTE), 0);
    ck_vid(signed_vote(LEDGER_PREVOTE), &NIL);
    ck_assert(ledger_vote_equal(signed_vote(LEDGER_PREVOTE), &out->items[0].vote));
    free(out);
}
END_TEST

/* A clone with our key, or a guard that forgot: signing on would be equivocation. */
START_TEST(a_foreign_vote_with_our_key_stops_us)
{
    script_begin(4, 3);
    propose(0, &A, -1);
    body(&A, 0);
    ck_vid(signed_vote(LEDGER_PREVOTE), &A);
    prevote_by(3, 0, &A, -1); /* our own, back from a peer */
    ck_assert_uint_eq(got_count(CONSENSUS_FATAL), 0);
    prevote_by(3, 0, &B, -1);
    ck_assert_uint_eq(got_count(CONSENSUS_FATAL), 1);
    ck_assert_ptr_nonnull(strstr(got(CONSENSUS_FATAL)->text, "key"));
    expire(CONSENSUS_TIMER_PREVOTE, 0);
    ck_assert_uint_eq(got_count(CONSENSUS_SIGN_SEND), 0);
    executed(&A);
    for (unsigned i = 0; i < 3; i++)
        precommit_by(i, 0, &A);
    ck_assert_uint_eq(got_count(CONSENSUS_DECIDE), 1); /* it follows */
    script_start(HEIGHT + 1);
    need(CONSENSUS_NEED_BATCH);
    feed(&(struct consensus_event){.kind = CONSENSUS_EVENT_TIMER,
                                   .timer = {CONSENSUS_TIMER_PROPOSE, HEIGHT + 1, 0}});
    ck_assert_uint_eq(got_count(CONSENSUS_SIGN_SEND), 0);
    ck_assert(status().halted);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *tc = tcase_create("restart");

    tcase_add_checked_fixture(tc, NULL, script_free);
    tcase_add_test(tc, a_slot_says_after_a_restart_what_it_said_before);
    tcase_add_test(tc, the_largest_slot_fits);
    tcase_add_test(tc, a_damaged_slot_is_refused);
    tcase_add_test(tc, the_slot_of_another_node_stops_this_one);
    tcase_add_test(tc, a_slot_of_an_earlier_height_is_past);
    tcase_add_test(tc, restart_in_wait_knows_nothing_and_says_nothing);
    tcase_add_test(tc, restart_in_propose_arms_tpropose_and_asks_for_a_value_again);
    tcase_add_test(tc, restart_after_a_proposal_repeats_it_and_no_other);
    tcase_add_test(tc, restart_in_prevote_signs_nothing_else_and_arms_nothing);
    tcase_add_test(tc, restart_in_precommit_keeps_the_lock_and_repeats_the_votes);
    tcase_add_test(tc, restart_in_a_later_round_shows_its_ticket_again);
    tcase_add_test(tc, restart_before_the_signature_was_kept_signs_the_same_again);
    tcase_add_test(tc, a_foreign_vote_with_our_key_stops_us);
    suite_add_tcase(suite, tc);
}

UNIT_MAIN("consensus restarts", add_tests)
