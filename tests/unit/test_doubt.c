/*
 * A node whose guard cannot say what its key has signed (node/doubt.c): new, emptied, restored.
 */
#include "fake_world.h"
#include "unit.h"

#include <string.h>

static struct fake_cluster c;
static uint64_t ticket;

static void begin(int validators, uint64_t seed)
{
    fake_begin(&c, validators, 0, seed);
    c.doubt = true;
    ticket = 0;
}

static void start(int from, int to)
{
    for (int i = from; i < to; i++)
        fake_start(&c, i);
}

static bool is_answered(struct fake_cluster *cluster, void *ctx)
{
    return fake_answer(cluster, *(uint64_t *)ctx) != NULL;
}

static void commit_at(int node, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        fake_submit(&c, node, ++ticket, fake_envelope(&c));
        fake_run(&c, 20000, is_answered, &ticket);
        ck_assert_int_eq(fake_answer(&c, ticket)->state, RPC_SUBMIT_COMMITTED);
    }
}

static void status(struct engine_status *out, int node)
{
    engine_status(out, c.node[node].engine);
}

/* The lowest height of which a vote of this node left after the first `from` of all votes. */
static uint64_t lowest_vote(int node, size_t from)
{
    uint64_t lowest = UINT64_MAX;

    for (size_t i = from; i < c.n_votes; i++) {
        if (crypto_hash_equal(&c.votes[i].signer, &c.node[node].id) && c.votes[i].height < lowest)
            lowest = c.votes[i].height;
    }
    return lowest;
}

static void end(void)
{
    fake_check(&c);
    fake_end(&c);
}

/* Nobody knows more than the others: they begin, with no ceremony, and with one of them missing. */
START_TEST(a_new_ledger_starts_by_itself)
{
    int validators = _i;

    begin(validators, (uint64_t)_i);
    start(0, validators == 4 ? 3 : validators);
    fake_run_for(&c, 300);
    uint64_t began = c.now_ms;
    commit_at(0, 3);
    ck_assert_uint_le(c.now_ms - began, 1000); /* Tpropose once, of the one that is missing */
    end();
}
END_TEST

/* Two of four cannot tell whether the other two have gone on without them. */
START_TEST(fewer_than_a_quorum_of_new_nodes_sign_nothing)
{
    begin(4, 5);
    start(0, 2);
    fake_submit(&c, 0, ++ticket, fake_envelope(&c));
    fake_run_for(&c, 20000);
    ck_assert_uint_eq(c.n_votes, 0);
    start(2, 3);
    fake_run(&c, 20000, is_answered, &ticket);
    end();
}
END_TEST

/* For all it knows, its key may have been used before: it votes two heights above all that the
 * others have reached. */
START_TEST(a_node_that_comes_late_votes_above_what_it_could_have_signed)
{
    struct engine_status s;

    begin(4, 6);
    start(0, 3);
    commit_at(0, 5);
    uint64_t reached = c.node[0].height + 1;
    size_t before = c.n_votes;
    start(3, 4);
    fake_run_to(&c, 0xf, c.node[0].height, 10000);
    status(&s, 3);
    ck_assert(s.in_doubt && !s.ready);
    commit_at(1, 6);
    ck_assert_uint_eq(lowest_vote(3, before), reached + 2);
    fake_isolate(&c, 2, true); /* now the three need it */
    commit_at(0, 2);
    status(&s, 3);
    ck_assert(!s.in_doubt);
    end();
}
END_TEST

/* The hole that this closes: with its directory emptied, a node signed what it had signed
 * otherwise. */
START_TEST(an_emptied_or_restored_node_signs_nothing_twice)
{
    int victim = _i % 4;
    bool ledger = _i % 3 != 0;

    begin(4, (uint64_t)_i + 300);
    start(0, 4);
    fake_run_for(&c, 200);
    commit_at((victim + 1) % 4, 2);
    for (int k = 0; k < 4; k++) {
        fake_submit(&c, (victim + 1) % 4, ++ticket, fake_envelope(&c));
        fake_run_for(&c, (uint64_t)(3 + (k * 5 + _i) % 17)); /* in the middle of things */
        size_t before = c.n_votes;
        uint64_t lived = 0;
        for (size_t i = 0; i < before; i++) {
            if (crypto_hash_equal(&c.votes[i].signer, &c.node[victim].id) &&
                c.votes[i].height > lived)
                lived = c.votes[i].height;
        }
        fake_crash(&c, victim);
        fake_wipe(&c, victim, ledger);
        fake_start(&c, victim);
        for (int n = 0; n < 10 && lowest_vote(victim, before) == UINT64_MAX; n++) {
            commit_at((victim + 1) % 4, 1);
            fake_run_for(&c, 600); /* it has blocks to fetch */
        }
        ck_assert_uint_gt(lowest_vote(victim, before), lived);
        ck_assert_uint_lt(lowest_vote(victim, before), UINT64_MAX);
    }
    end();
}
END_TEST

/* Three of four are needed to vouch: two may both be those that do not know how far it was. */
START_TEST(with_one_of_the_others_away_nobody_can_vouch)
{
    struct engine_status s;

    begin(4, 8);
    start(0, 4);
    fake_run_for(&c, 200);
    commit_at(0, 4);
    fake_crash(&c, 3);
    fake_wipe(&c, 3, true);
    fake_isolate(&c, 2, true);
    size_t before = c.n_votes;
    fake_start(&c, 3);
    fake_submit(&c, 0, ++ticket, fake_envelope(&c));
    fake_run_for(&c, 30000);
    ck_assert_ptr_null(fake_answer(&c, ticket));
    ck_assert_uint_eq(lowest_vote(3, before), UINT64_MAX);
    status(&s, 3);
    ck_assert_uint_eq(s.vouched, 2);
    ck_assert_ptr_nonnull(strstr(s.reason, "too few validators"));
    fake_isolate(&c, 2, false);
    fake_run(&c, 20000, is_answered, &ticket);
    end();
}
END_TEST

/* A follower writes nothing into the guard, so a restart does not make it look sound. */
START_TEST(a_restart_in_doubt_stays_in_doubt)
{
    struct engine_status s;

    begin(4, 9);
    start(0, 4);
    fake_run_for(&c, 200);
    commit_at(0, 3);
    fake_crash(&c, 3);
    fake_wipe(&c, 3, true);
    for (int k = 0; k < 5; k++) {
        fake_start(&c, 3);
        commit_at(0, 1);
        fake_run_to(&c, 0xf, c.node[0].height, 10000);
        status(&s, 3);
        ck_assert(s.in_doubt);
        ck_assert_uint_eq(c.node[3].slot->size, 0);
        fake_crash(&c, 3);
    }
    fake_start(&c, 3);
    commit_at(0, 4);
    status(&s, 3);
    ck_assert(!s.in_doubt && c.node[3].slot->size > 0);
    end();
}
END_TEST

/* Those in doubt do not vouch for each other. */
START_TEST(two_emptied_nodes_of_four_wait_for_words)
{
    struct engine_status s;

    begin(4, 10);
    start(0, 4);
    fake_run_for(&c, 200);
    commit_at(0, 4);
    for (int i = 2; i < 4; i++) {
        fake_crash(&c, i);
        fake_wipe(&c, i, true);
    }
    size_t before = c.n_votes;
    start(2, 4);
    fake_run_for(&c, 70000);
    for (int i = 2; i < 4; i++) {
        status(&s, i);
        ck_assert(s.in_doubt);
        ck_assert_uint_eq(s.sign_from, UINT64_MAX);
        ck_assert_uint_eq(lowest_vote(i, before), UINT64_MAX);
    }
    end();
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *t = tcase_create("doubt");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, a_new_ledger_starts_by_itself, 1, 5);
    tcase_add_test(t, fewer_than_a_quorum_of_new_nodes_sign_nothing);
    tcase_add_test(t, a_node_that_comes_late_votes_above_what_it_could_have_signed);
    tcase_add_loop_test(t, an_emptied_or_restored_node_signs_nothing_twice, 0, 24);
    tcase_add_test(t, with_one_of_the_others_away_nobody_can_vouch);
    tcase_add_test(t, a_restart_in_doubt_stays_in_doubt);
    tcase_add_test(t, two_emptied_nodes_of_four_wait_for_words);
    suite_add_tcase(suite, t);
}

UNIT_MAIN("doubt", add_tests)
