/* The fund journal (tests/procedures/journal.json and its accounts, periods and units) on the real
 * engine. */
#include "tests/unit/unit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/world.h"

enum { COMMITTEE = FIXTURE_GOVERNMENT, FIRM = FIXTURE_FIRM, OWNERS = FIXTURE_AGENCY };

static struct world w;

#define ACT(member, procedure, action, subject, fields)                                            \
    world_act(&w, member, procedure, action, subject, fields, NULL)
#define APPLIED(act) ck_assert_str_eq(act, "applied")
#define REFUSED(act, clause) ck_assert_str_eq(act, clause)
#define BALANCE(account) world_int(&w, "account", account, "balance")

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

static void open_account(const char *name, const char *kind)
{
    APPLIED(
        ACT(OWNERS, "account", "open", name, text("{\"estate\":\"E\", \"kind\":\"%s\"}", kind)));
}

static void setup(void)
{
    static const char *const files[] = {"account.json", "period.json", "journal.json", "unit.json"};
    world_begin(&w);
    world_role(&w, OWNERS, "owners");
    world_seal(&w, "tests/procedures", files, 4);
    open_account("bank", "1001");
    open_account("parking", "4001");
    open_account("cost", "5001");
    APPLIED(ACT(OWNERS, "period", "begin", "q1",
                text("{\"estate\":\"E\", \"name\":\"2026Q1\", \"publish_until\":%llu}",
                     (unsigned long long)(w.now + 60 * (uint64_t)WORLD_DAY))));
}

static void teardown(void)
{
    world_end(&w);
}

/* A post of the firm into the first quarter. */
static const char *post(const char *no, const char *lines)
{
    return ACT(FIRM, "journal", "post", no,
               text("{\"no\":\"%s\", \"estate\":\"E\", \"period\":\"q1\", \"lines\":%s, "
                    "\"amount\":100, \"voucher\":\"v\", "
                    "\"what\":\"parking in January\"}",
                    no, lines));
}

START_TEST(a_post_moves_the_balances_of_all_its_accounts_at_once)
{
    APPLIED(post("j1", "[[\"bank\", 10000], [\"parking\", -10000]]"));
    ck_assert_int_eq(BALANCE("bank"), 10000);
    ck_assert_int_eq(BALANCE("parking"), -10000);
    APPLIED(post("j2", "[[\"cost\", 2500], [\"bank\", -2500]]"));
    ck_assert_int_eq(BALANCE("bank"), 7500);
    ck_assert_int_eq(BALANCE("cost"), 2500);
    ck_assert_uint_eq(world_version(&w, "account", "bank"), 3);
}
END_TEST

START_TEST(lines_that_do_not_sum_to_zero_are_refused)
{
    REFUSED(post("j1", "[[\"bank\", 10000], [\"parking\", -9999]]"), "unbalanced");
    REFUSED(post("j1", "[[\"bank\", 0]]"), "one_sided");
    ck_assert_int_eq(BALANCE("bank"), 0);
    ck_assert_str_eq(world_state(&w, "journal", "j1"), "");
}
END_TEST

/* The founding complaint: money that was never there gets spent. */
START_TEST(a_bank_account_is_never_negative)
{
    APPLIED(post("j1", "[[\"bank\", 10000], [\"parking\", -10000]]"));
    REFUSED(post("j2", "[[\"cost\", 10001], [\"bank\", -10001]]"), "unbalanced");
    APPLIED(post("j3", "[[\"cost\", 10000], [\"bank\", -10000]]"));
    ck_assert_int_eq(BALANCE("bank"), 0);
    REFUSED(post("j4", "[[\"parking\", 1], [\"cost\", -1]]"), "applied");
}
END_TEST

START_TEST(sums_that_overflow_are_refused)
{
    APPLIED(post("j1", "[[\"bank\", 9223372036854775807], [\"parking\", -9223372036854775807]]"));
    REFUSED(post("j2", "[[\"bank\", 1], [\"parking\", -1]]"), "arithmetic");
    ck_assert_int_eq(BALANCE("bank"), INT64_MAX);
    /* Their sum is -2^64, which is 0 where nobody looks, and each account could take it. */
    open_account("advert", "4002");
    open_account("courts", "4003");
    REFUSED(post("j3", "[[\"advert\", -9223372036854775807], [\"courts\", -9223372036854775807], "
                       "[\"advert\", -1], [\"courts\", -1]]"),
            "arithmetic");
}
END_TEST

START_TEST(nothing_is_posted_into_a_closed_period)
{
    APPLIED(post("j1", "[[\"bank\", 10000], [\"parking\", -10000]]"));
    APPLIED(ACT(OWNERS, "period", "close", "q1", "{\"statement\":\"s\"}"));
    ck_assert_str_eq(world_state(&w, "period", "q1"), "open");
    REFUSED(ACT(COMMITTEE, "period", "close", "q1", "{\"statement\":\"s\"}"), "actor");
    APPLIED(ACT(FIRM, "period", "close", "q1", "{\"statement\":\"s\"}"));
    ck_assert_str_eq(world_state(&w, "period", "q1"), "closed");
    REFUSED(post("j2", "[[\"bank\", 10000], [\"parking\", -10000]]"), "period_closed");
    REFUSED(ACT(OWNERS, "journal", "split", "j1", "{\"shares\":[[\"u1\", 100]]}"), "reference");
    ck_assert_int_eq(BALANCE("bank"), 10000);
}
END_TEST

START_TEST(accounts_of_another_estate_or_none_are_refused)
{
    APPLIED(ACT(OWNERS, "account", "open", "other", "{\"estate\":\"F\", \"kind\":\"1001\"}"));
    REFUSED(post("j1", "[[\"other\", 10000], [\"parking\", -10000]]"), "another_estate");
    REFUSED(post("j1", "[[\"nowhere\", 10000], [\"parking\", -10000]]"), "reference");
    REFUSED(ACT(OWNERS, "account", "open", "twin", "{\"estate\":\"E\", \"kind\":\"1001\"}"),
            "unique");
    APPLIED(post("j1", "[[\"bank\", 10000], [\"parking\", -10000]]"));
    REFUSED(ACT(OWNERS, "account", "shut", "bank", "{\"basis\":\"b\"}"), "not_empty");
    APPLIED(ACT(OWNERS, "account", "shut", "cost", "{\"basis\":\"b\"}"));
    REFUSED(post("j2", "[[\"cost\", 1], [\"bank\", -1]]"), "period");
}
END_TEST

/* Only a post moves a balance. */
START_TEST(nobody_changes_a_balance_by_hand)
{
    const struct ledger_procedure *account = world_procedure(&w, "account");
    for (unsigned i = 0; i < account->n_actions; i++)
        for (unsigned k = 0; k < account->action[i].n_changes; k++)
            ck_assert_uint_ne(account->action[i].change[k].attribute, account->balance);
    ck_assert(
        ledger_procedure_offers(account, world_procedure(&w, "journal")->number, account->balance));
    ck_assert(
        !ledger_procedure_offers(account, world_procedure(&w, "period")->number, account->balance));
}
END_TEST

static const char *const units[] = {"u1", "u2", "u3"};

/* Three units with these areas, in an estate with one posted cost of 100. */
static void enter_units(int a, int b, int c)
{
    const int area[] = {a, b, c};
    for (int i = 0; i < 3; i++)
        APPLIED(ACT(COMMITTEE, "unit", "enter", units[i],
                    text("{\"estate\":\"E\", \"area\":%d}", area[i])));
    APPLIED(post("j1", "[[\"bank\", 100], [\"parking\", -100]]"));
}

/* Lines ascend by subject, so that no unit is in them twice. */
static const char *split(int a, int b, int c)
{
    const int share[] = {a, b, c};
    int order[] = {0, 1, 2};
    struct ledger_subject_id id[3];
    char lines[200];
    size_t at = 0;
    for (int i = 0; i < 3; i++)
        id[i] = world_subject(units[i]);
    for (int i = 0; i < 3; i++)
        for (int k = i + 1; k < 3; k++)
            if (memcmp(id[order[i]].b, id[order[k]].b, sizeof id[0].b) > 0) {
                int swap = order[i];
                order[i] = order[k];
                order[k] = swap;
            }
    for (int i = 0; i < 3; i++)
        at += (size_t)snprintf(lines + at, sizeof lines - at, "%s[\"%s\", %d]", i > 0 ? "," : "",
                               units[order[i]], share[order[i]]);
    return ACT(OWNERS, "journal", "split", "j1", text("{\"shares\":[%s]}", lines));
}

START_TEST(a_cost_is_split_by_area_with_the_rest_to_the_largest_remainders)
{
    enter_units(3, 2, 2); /* 42.86, 28.57, 28.57 of 100 */
    REFUSED(split(42, 29, 29), "share");
    REFUSED(split(44, 28, 28), "share");
    REFUSED(split(43, 28, 28), "share");
    REFUSED(split(43, 29, 29), "share");
    /* The ids of u2 and u3 decide who bears the odd one: u3's comes first. Nobody chooses. */
    REFUSED(split(43, 29, 28), "share");
    APPLIED(split(43, 28, 29));
    ck_assert_int_eq(world_int(&w, "unit", "u1", "owed"), 43);
    ck_assert_int_eq(world_int(&w, "unit", "u3", "owed"), 29);
    ck_assert_str_eq(world_state(&w, "journal", "j1"), "settled");
    REFUSED(split(43, 28, 29), "state");
}
END_TEST

/* 1 of 4 equal units gets the odd one, and it is the first: no other allocation is right. */
START_TEST(of_equal_remainders_the_first_lines_get_the_rest)
{
    static const char *const four[] = {"u1", "u2", "u3", "u4"};
    const char *order[4];
    char lines[200];

    for (int i = 0; i < 4; i++) {
        int k = i;
        APPLIED(ACT(COMMITTEE, "unit", "enter", four[i], "{\"estate\":\"E\", \"area\":5}"));
        struct ledger_subject_id id = world_subject(four[i]);
        for (; k > 0; k--) {
            struct ledger_subject_id before = world_subject(order[k - 1]);
            if (memcmp(before.b, id.b, sizeof id.b) < 0)
                break;
            order[k] = order[k - 1];
        }
        order[k] = four[i];
    }
    APPLIED(ACT(FIRM, "journal", "post", "j1",
                "{\"no\":\"j1\", \"estate\":\"E\", \"period\":\"q1\", \"amount\":102, "
                "\"voucher\":\"v\", \"what\":\"lift\", "
                "\"lines\":[[\"bank\", 102], [\"parking\", -102]]}"));
    for (unsigned up = 0; up < 16; up++) { /* who of the four gets 26 instead of 25 */
        size_t at = 0;
        for (unsigned i = 0; i < 4; i++)
            at += (size_t)snprintf(lines + at, sizeof lines - at, "%s[\"%s\", %u]",
                                   i > 0 ? "," : "", order[i], 25 + (up >> i & 1));
        if (up != 3)
            REFUSED(ACT(OWNERS, "journal", "split", "j1", text("{\"shares\":[%s]}", lines)),
                    "share");
    }
    REFUSED(ACT(OWNERS, "journal", "split", "j1",
                text("{\"shares\":[[\"%s\", 26], [\"%s\", 26], [\"%s\", 25], [\"%s\", 25]]}",
                     order[1], order[0], order[2], order[3])),
            "share"); /* not in their order */
    REFUSED(ACT(OWNERS, "journal", "split", "j1",
                text("{\"shares\":[[\"%s\", 26], [\"%s\", 26], [\"%s\", 25], [\"%s\", 25]]}",
                     order[0], order[0], order[2], order[3])),
            "share"); /* one twice */
    APPLIED(ACT(OWNERS, "journal", "split", "j1",
                text("{\"shares\":[[\"%s\", 26], [\"%s\", 26], [\"%s\", 25], [\"%s\", 25]]}",
                     order[0], order[1], order[2], order[3])));
    ck_assert_int_eq(world_int(&w, "unit", order[1], "owed"), 26);
}
END_TEST

START_TEST(a_share_stays_within_the_bounds_of_its_attribute)
{
    struct ledger_procedure *unit =
        (struct ledger_procedure *)(uintptr_t)world_procedure(&w, "unit");

    enter_units(1, 1, 2);
    for (unsigned i = 0; i < unit->n_attributes; i++)
        if (strcmp(unit->attribute[i].name, "owed") == 0)
            unit->attribute[i].type.max = 49;
    REFUSED(split(25, 25, 50), "field_limit");
    ck_assert_str_eq(w.judged.field, "owed");
}
END_TEST

START_TEST(a_split_that_leaves_a_unit_out_is_refused)
{
    enter_units(1, 1, 2);
    REFUSED(ACT(OWNERS, "journal", "split", "j1", "{\"shares\":[[\"u3\", 100]]}"), "units_missing");
    APPLIED(ACT(COMMITTEE, "unit", "remove", "u1", "{\"basis\":\"merged\"}"));
    APPLIED(ACT(COMMITTEE, "unit", "remove", "u2", "{\"basis\":\"merged\"}"));
    APPLIED(ACT(OWNERS, "journal", "split", "j1", "{\"shares\":[[\"u3\", 100]]}"));
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *tc = tcase_create("journal");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_post_moves_the_balances_of_all_its_accounts_at_once);
    tcase_add_test(tc, lines_that_do_not_sum_to_zero_are_refused);
    tcase_add_test(tc, a_bank_account_is_never_negative);
    tcase_add_test(tc, sums_that_overflow_are_refused);
    tcase_add_test(tc, nothing_is_posted_into_a_closed_period);
    tcase_add_test(tc, accounts_of_another_estate_or_none_are_refused);
    tcase_add_test(tc, nobody_changes_a_balance_by_hand);
    tcase_add_test(tc, a_cost_is_split_by_area_with_the_rest_to_the_largest_remainders);
    tcase_add_test(tc, of_equal_remainders_the_first_lines_get_the_rest);
    tcase_add_test(tc, a_share_stays_within_the_bounds_of_its_attribute);
    tcase_add_test(tc, a_split_that_leaves_a_unit_out_is_refused);
    suite_add_tcase(suite, tc);
}

UNIT_MAIN("journal", add_tests)
