/* A joint decision of owners (tests/procedures/vote.json and ballot.json) on the real engine. */
#include "tests/unit/unit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/world.h"

enum {
    COMMITTEE = FIXTURE_GOVERNMENT,
    OWNERS = FIXTURE_AGENCY,
    HOUSING = FIXTURE_STREET,
    JUSTICE = FIXTURE_JUSTICE
};

static struct world w;

#define APPLIED(act) ck_assert_str_eq(act, "applied")
#define REFUSED(act, clause) ck_assert_str_eq(act, clause)
#define TALLY(name) world_int(&w, "vote", "v", name)
#define IN_STATE(state) ck_assert_str_eq(world_state(&w, "vote", "v"), state)

static const char *text(const char *format, ...) ANJU_PRINTF(1, 2);
static const char *text(const char *format, ...)
{
    static char out[800];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(out, sizeof out, format, args);
    va_end(args);
    return out;
}

static void setup(void)
{
    static const char *const files[] = {"vote.json", "ballot.json", "second.json"};
    world_begin(&w);
    world_role(&w, OWNERS, "owners");
    world_role(&w, HOUSING, "dept:housing");
    world_seal(&w, "tests/procedures", files, 3);
}

static void teardown(void)
{
    world_end(&w);
}

static const char *act(uint32_t member, const char *action, const char *fields)
{
    return world_act(&w, member, "vote", action, "v", fields, NULL);
}

/* Notice on day 0, ballots from day 16 to day 30. */
static void convene(const char *matter)
{
    APPLIED(act(OWNERS, "convene",
                text("{\"no\":\"2026-1\", \"estate\":\"E\", \"matter\":\"%s\", \"text\":\"t\", "
                     "\"opens\":%llu, \"closes\":%llu}",
                     matter, (unsigned long long)(w.now + 16 * (uint64_t)WORLD_DAY),
                     (unsigned long long)(w.now + 30 * (uint64_t)WORLD_DAY))));
}

static void freeze_roll(int persons, int area)
{
    const char *fields = text("{\"roll\":\"r\", \"area\":%d, \"persons\":%d}", area, persons);
    char copy[200];
    (void)snprintf(copy, sizeof copy, "%s", fields);
    APPLIED(act(HOUSING, "roll", copy));
    APPLIED(act(COMMITTEE, "roll", copy));
}

static void open_voting(const char *matter, int persons, int area)
{
    convene(matter);
    freeze_roll(persons, area);
    world_wait(&w, 16 * WORLD_DAY);
    IN_STATE("voting");
}

static const char *cast(const char *unit, int area, bool choice)
{
    return world_act(&w, COMMITTEE, "ballot", "cast", unit,
                     text("{\"vote\":\"v\", \"unit\":\"%s\", \"owner\":\"%s\", \"area\":%d, "
                          "\"seal\":{\"subject\":\"%s\", \"choice\":%s, \"salt\":\"%s\"}}",
                          unit, unit, area, unit, choice ? "true" : "false", unit),
                     unit);
}

static const char *open_ballot(const char *unit, bool choice)
{
    return world_act(&w, COMMITTEE, "ballot", "open", unit,
                     text("{\"choice\":%s, \"salt\":\"%s\"}", choice ? "true" : "false", unit),
                     unit);
}

static void close_voting(void)
{
    world_wait(&w, 15 * WORLD_DAY);
    IN_STATE("counting");
}

START_TEST(notice_comes_fifteen_days_before_and_the_roll_is_frozen_by_two)
{
    REFUSED(act(OWNERS, "convene",
                text("{\"no\":\"1\", \"estate\":\"E\", \"matter\":\"5\", \"text\":\"t\", "
                     "\"opens\":%llu, \"closes\":%llu}",
                     (unsigned long long)(w.now + 14 * (uint64_t)WORLD_DAY),
                     (unsigned long long)(w.now + 30 * (uint64_t)WORLD_DAY))),
            "notice_too_short");
    convene("5");
    APPLIED(act(HOUSING, "roll", "{\"roll\":\"r\", \"area\":400, \"persons\":4}"));
    ck_assert(!world_has(&w, "vote", "v", "roll"));
    REFUSED(act(COMMITTEE, "roll", "{\"roll\":\"r\", \"area\":401, \"persons\":4}"), "approval");
    APPLIED(act(COMMITTEE, "roll", "{\"roll\":\"r\", \"area\":400, \"persons\":4}"));
    REFUSED(act(COMMITTEE, "roll", "{\"roll\":\"r\", \"area\":400, \"persons\":4}"),
            "roll_is_frozen");
}
END_TEST

START_TEST(a_vote_without_a_roll_is_void_when_it_should_open)
{
    convene("5");
    world_wait(&w, 17 * WORLD_DAY);
    IN_STATE("void");
}
END_TEST

/* Nobody may know the state of a vote while it runs, and nobody may vote after seeing others. */
START_TEST(choices_are_sealed_while_the_vote_is_open_and_opened_afterwards)
{
    open_voting("5", 3, 300);
    APPLIED(cast("u1", 100, true));
    APPLIED(cast("u2", 100, false));
    ck_assert_int_eq(TALLY("cast"), 2);
    ck_assert_int_eq(TALLY("cast_area"), 200);
    ck_assert_int_eq(TALLY("yes"), 0);
    REFUSED(open_ballot("u1", true), "not_counting");
    REFUSED(act(OWNERS, "count", NULL), "state");
    close_voting();
    REFUSED(cast("u3", 100, true), "not_open");
    REFUSED(open_ballot("u2", true), "another_choice");
    APPLIED(open_ballot("u2", false));
    APPLIED(open_ballot("u1", true));
    ck_assert_int_eq(TALLY("opened"), 2);
    ck_assert_int_eq(TALLY("yes"), 1);
    ck_assert_int_eq(TALLY("yes_area"), 100);
    REFUSED(open_ballot("u1", true), "state");
}
END_TEST

START_TEST(a_ballot_needs_its_owners_key_and_a_unit_has_one)
{
    open_voting("5", 3, 300);
    REFUSED(world_act(
                &w, COMMITTEE, "ballot", "cast", "u1",
                "{\"vote\":\"v\", \"unit\":\"u1\", \"owner\":\"u1\", \"area\":100, \"seal\":\"s\"}",
                "u2"),
            "cosignature");
    REFUSED(world_act(
                &w, OWNERS, "ballot", "cast", "u1",
                "{\"vote\":\"v\", \"unit\":\"u1\", \"owner\":\"u1\", \"area\":100, \"seal\":\"s\"}",
                "u1"),
            "actor");
    APPLIED(cast("u1", 100, true));
    REFUSED(world_act(
                &w, COMMITTEE, "ballot", "cast", "twin",
                "{\"vote\":\"v\", \"unit\":\"u1\", \"owner\":\"x\", \"area\":100, \"seal\":\"s\"}",
                "x"),
            "unique");
    REFUSED(world_act(&w, COMMITTEE, "ballot", "change", "u1", "{\"seal\":\"s2\"}", "u2"),
            "cosignature");
    APPLIED(world_act(&w, COMMITTEE, "ballot", "change", "u1",
                      "{\"seal\":{\"subject\":\"u1\", \"choice\":false, \"salt\":\"u1\"}}", "u1"));
    close_voting();
    REFUSED(open_ballot("u1", true), "another_choice"); /* the last valid one counts */
    APPLIED(open_ballot("u1", false));
}
END_TEST

static const struct {
    const char *words, *matter;
    int persons, cast, yes;
    const char *state;
} counts[] = {
    {"two thirds of the persons is a quorum, inclusive", "5", 6, 4, 3, "publicised"},
    {"less than two thirds is none", "5", 6, 3, 3, "void"},
    {"half is not more than half", "5", 4, 4, 2, "void"},
    {"more than half is enough for an ordinary matter", "5", 4, 4, 3, "publicised"},
    {"three quarters is enough for a special one, inclusive", "8", 4, 4, 3, "publicised"},
    {"less than three quarters is not", "8", 6, 5, 3, "void"},
    {"two thirds is not three quarters", "7", 3, 3, 2, "void"},
    {"all is enough for everything", "6", 3, 3, 3, "publicised"},
};

START_TEST(quorum_and_thresholds_are_counted_in_whole_numbers)
{
    open_voting(counts[_i].matter, counts[_i].persons, 100 * counts[_i].persons);
    static const char *const units[] = {"u0", "u1", "u2", "u3", "u4", "u5"};
    for (int i = 0; i < counts[_i].cast; i++)
        APPLIED(cast(units[i], 100, i < counts[_i].yes));
    close_voting();
    for (int i = 0; i < counts[_i].cast; i++) {
        if (i + 1 == counts[_i].cast)
            REFUSED(act(JUSTICE, "count", NULL), "ballots_still_sealed");
        APPLIED(open_ballot(units[i], i < counts[_i].yes));
    }
    APPLIED(act(JUSTICE, "count", NULL));
    ck_assert_msg(strcmp(world_state(&w, "vote", "v"), counts[_i].state) == 0, "%s: %s",
                  counts[_i].words, world_state(&w, "vote", "v"));
    if (strcmp(counts[_i].state, "publicised") == 0) {
        world_wait(&w, 8 * WORLD_DAY);
        IN_STATE("effective");
    }
}
END_TEST

/* Persons alone do not decide: one owner of much and three of little. */
START_TEST(persons_and_area_must_both_be_there)
{
    open_voting("5", 4, 1000);
    APPLIED(cast("u1", 100, true));
    APPLIED(cast("u2", 100, true));
    APPLIED(cast("u3", 100, true));
    APPLIED(cast("u4", 700, false));
    close_voting();
    APPLIED(open_ballot("u1", true));
    APPLIED(open_ballot("u2", true));
    APPLIED(open_ballot("u3", true));
    APPLIED(open_ballot("u4", false));
    APPLIED(act(JUSTICE, "count", NULL));
    IN_STATE("void");
}
END_TEST

/* Sealed for ever counts as cast and not as yes: silence helps nobody. */
START_TEST(ballots_that_are_never_opened_do_not_stop_the_count)
{
    open_voting("5", 3, 300);
    APPLIED(cast("u1", 100, true));
    APPLIED(cast("u2", 100, true));
    APPLIED(cast("u3", 100, false));
    close_voting();
    APPLIED(open_ballot("u1", true));
    APPLIED(open_ballot("u2", true));
    REFUSED(act(OWNERS, "count", NULL), "ballots_still_sealed");
    world_wait(&w, 3 * WORLD_DAY);
    APPLIED(act(OWNERS, "count", NULL));
    IN_STATE("publicised");
}
END_TEST

/* The forged signatures of the cases: the ballot is frozen and the count goes on without it. */
START_TEST(a_challenged_ballot_is_taken_out_and_can_undo_the_decision)
{
    open_voting("5", 3, 300);
    APPLIED(cast("u1", 100, true));
    APPLIED(cast("u2", 100, true));
    APPLIED(cast("u3", 100, false));
    close_voting();
    APPLIED(open_ballot("u1", true));
    APPLIED(open_ballot("u2", true));
    APPLIED(open_ballot("u3", false));
    APPLIED(act(OWNERS, "count", NULL));
    IN_STATE("publicised");
    REFUSED(world_act(&w, COMMITTEE, "ballot", "challenge", "u2",
                      "{\"claimant\":\"u2\", \"claim\":\"not_me\"}", "u2"),
            "its_own_ballot");
    APPLIED(world_act(&w, COMMITTEE, "ballot", "challenge", "u2",
                      "{\"claimant\":\"true-owner\", \"claim\":\"not_me\"}", "true-owner"));
    ck_assert_str_eq(world_state(&w, "ballot", "u2"), "frozen");
    ck_assert_int_eq(TALLY("yes"), 1);
    ck_assert_int_eq(TALLY("cast"), 2);
    ck_assert_int_eq(TALLY("yes_area"), 100);
    world_wait(&w, 8 * WORLD_DAY);
    IN_STATE("void"); /* one of two is not more than half */
    REFUSED(world_act(&w, COMMITTEE, "ballot", "challenge", "u1",
                      "{\"claimant\":\"true-owner\", \"claim\":\"not_me\"}", "true-owner"),
            "too_late");
}
END_TEST

static const char *give(const char *unit, int area, const char *signer)
{
    char subject[40];

    (void)snprintf(subject, sizeof subject, "second-%s", unit);
    return world_act(
        &w, COMMITTEE, "second", "give", subject,
        text("{\"vote\":\"v\", \"unit\":\"%s\", \"owner\":\"%s\", \"area\":%d}", unit, unit, area),
        signer);
}

static const char *convene_by_owners(void)
{
    return act(COMMITTEE, "convene_by_owners",
               text("{\"opens\":%llu, \"closes\":%llu}",
                    (unsigned long long)(w.now + 16 * (uint64_t)WORLD_DAY),
                    (unsigned long long)(w.now + 30 * (uint64_t)WORLD_DAY)));
}

static void propose(void)
{
    APPLIED(world_act(&w, COMMITTEE, "vote", "propose", "v",
                      "{\"no\":\"2026-2\", \"estate\":\"E\", \"matter\":\"5\", \"text\":\"t\", "
                      "\"proposer\":\"u1\", \"estate_area\":1000}",
                      "u1"));
}

/* An approval weighted by an attribute: owners of a fifth of the area call a vote. */
START_TEST(owners_of_a_fifth_of_the_area_call_a_vote)
{
    propose();
    APPLIED(give("u1", 100, "u1"));
    REFUSED(give("u2", 100, "u1"), "cosignature");
    REFUSED(world_act(&w, COMMITTEE, "second", "give", "again",
                      "{\"vote\":\"v\", \"unit\":\"u1\", \"owner\":\"u1\", \"area\":100}", "u1"),
            "unique");
    REFUSED(convene_by_owners(), "less_than_a_fifth");
    APPLIED(give("u2", 100, "u2"));
    APPLIED(world_act(&w, COMMITTEE, "second", "withdraw", "second-u2", NULL, "u2"));
    REFUSED(convene_by_owners(), "less_than_a_fifth");
    APPLIED(give("u3", 100, "u3"));
    ck_assert_int_eq(TALLY("seconded"), 200);
    APPLIED(convene_by_owners());
    IN_STATE("noticed");
    REFUSED(give("u4", 100, "u4"), "not_proposed");
}
END_TEST

START_TEST(a_proposal_that_finds_no_support_falls_by_itself)
{
    propose();
    world_wait(&w, 61 * (uint64_t)WORLD_DAY);
    IN_STATE("void");
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *tc = tcase_create("vote");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, notice_comes_fifteen_days_before_and_the_roll_is_frozen_by_two);
    tcase_add_test(tc, a_vote_without_a_roll_is_void_when_it_should_open);
    tcase_add_test(tc, choices_are_sealed_while_the_vote_is_open_and_opened_afterwards);
    tcase_add_test(tc, a_ballot_needs_its_owners_key_and_a_unit_has_one);
    tcase_add_loop_test(tc, quorum_and_thresholds_are_counted_in_whole_numbers, 0,
                        (int)(sizeof counts / sizeof *counts));
    tcase_add_test(tc, persons_and_area_must_both_be_there);
    tcase_add_test(tc, ballots_that_are_never_opened_do_not_stop_the_count);
    tcase_add_test(tc, a_challenged_ballot_is_taken_out_and_can_undo_the_decision);
    tcase_add_test(tc, owners_of_a_fifth_of_the_area_call_a_vote);
    tcase_add_test(tc, a_proposal_that_finds_no_support_falls_by_itself);
    suite_add_tcase(suite, tc);
}

UNIT_MAIN("vote", add_tests)
