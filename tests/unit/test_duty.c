/* Duty lists and the tasks that they create (tests/procedures/duty.json, task.json) on the real
 * engine. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/world.h"

enum {
    COMMITTEE = FIXTURE_GOVERNMENT,
    FIRM = FIXTURE_FIRM,
    OWNERS = FIXTURE_AGENCY,
    PARTY = FIXTURE_AUDITOR
};

static struct world w;

#define APPLIED(act) ck_assert_str_eq(act, "applied")
#define REFUSED(act, clause) ck_assert_str_eq(act, clause)
#define DUTY(member, action, subject, fields)                                                      \
    world_act(&w, member, "duty", action, subject, fields, NULL)
#define TASK(member, action, subject, fields)                                                      \
    world_act(&w, member, "task", action, subject, fields, NULL)
#define IN_STATE(subject, state) ck_assert_str_eq(world_state(&w, "task", subject), state)

static void setup(void)
{
    static const char *const files[] = {"duty.json", "task.json"};
    world_begin(&w);
    world_role(&w, OWNERS, "owners");
    world_role(&w, PARTY, "party");
    world_seal(&w, "tests/procedures", files, 2);
    APPLIED(DUTY(PARTY, "draft", "d", "{\"estate\":\"E\", \"list\":\"v1\"}"));
    APPLIED(DUTY(PARTY, "sign", "d", "{\"list\":\"v1\"}"));
    APPLIED(DUTY(FIRM, "sign", "d", "{\"list\":\"v1\"}"));
    ck_assert_str_eq(world_state(&w, "duty", "d"), "draft");
    APPLIED(DUTY(OWNERS, "sign", "d", "{\"list\":\"v1\"}"));
    ck_assert_str_eq(world_state(&w, "duty", "d"), "active");
}

static void teardown(void)
{
    world_end(&w);
}

/* The firm must do this within three days. */
static const char *assign(const char *task)
{
    char fields[200];

    (void)snprintf(
        fields, sizeof fields,
        "{\"task\":{\"id\":\"%s\"}, \"bound\":2, \"what\":\"publish the quarter\", \"due\":%llu}",
        task, (unsigned long long)(w.now + 3 * WORLD_DAY));
    return DUTY(COMMITTEE, "assign", "d", fields);
}

START_TEST(a_duty_creates_its_tasks_in_the_same_entry)
{
    uint64_t entries = world_entries(&w);
    APPLIED(assign("t1"));
    ck_assert_uint_eq(world_entries(&w), entries + 1);
    IN_STATE("t1", "due");
    ck_assert_uint_eq(world_version(&w, "task", "t1"), 1);
    ck_assert_int_eq(world_int(&w, "task", "t1", "bound"), FIRM);
    ck_assert(world_bool(&w, "task", "t1", "open"));
    ck_assert_int_eq(world_int(&w, "task", "t1", "due_day"), WORLD_START / WORLD_DAY + 3);
    REFUSED(assign("t1"), "reference"); /* it is there already */
    REFUSED(DUTY(COMMITTEE, "supersede", "d", "{\"by\":\"d\"}"), "open_tasks");
}
END_TEST

START_TEST(a_task_is_proved_by_the_bound_party_and_verified_by_two_others)
{
    APPLIED(assign("t1"));
    REFUSED(TASK(OWNERS, "prove", "t1", "{\"evidence\":[\"a\"]}"), "actor");
    APPLIED(TASK(FIRM, "prove", "t1", "{\"evidence\":[\"a\", \"b\"]}"));
    REFUSED(TASK(FIRM, "verify", "t1", "{\"passed\":true}"), "approval");
    APPLIED(TASK(OWNERS, "verify", "t1", "{\"passed\":true}"));
    REFUSED(TASK(PARTY, "verify", "t1", "{\"passed\":true}"),
            "approval"); /* the slot of the other parties is taken */
    APPLIED(TASK(COMMITTEE, "verify", "t1", "{\"passed\":true}"));
    IN_STATE("t1", "verified");
    APPLIED(DUTY(COMMITTEE, "supersede", "d", "{\"by\":\"d\"}"));
}
END_TEST

/* The clocks of a subject that another one created run like its own. */
START_TEST(a_missed_task_fails_by_itself)
{
    APPLIED(assign("t1"));
    world_wait(&w, 9 * WORLD_DAY);
    IN_STATE("t1", "due");
    world_wait(&w, 2 * WORLD_DAY);
    IN_STATE("t1", "failed");
}
END_TEST

START_TEST(nobody_creates_a_task_but_a_duty)
{
    const struct ledger_procedure *task = world_procedure(&w, "task");
    ck_assert(ledger_procedure_offers_new(task, world_procedure(&w, "duty")->number, 1));
    ck_assert(!ledger_procedure_offers_new(task, task->number, 1));
    for (unsigned i = 0; i < task->n_actions; i++)
        ck_assert(!task->action[i].creates);
    REFUSED(TASK(FIRM, "prove", "t9", "{\"evidence\":[\"a\"]}"), "state");
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *tc = tcase_create("duty");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_duty_creates_its_tasks_in_the_same_entry);
    tcase_add_test(tc, a_task_is_proved_by_the_bound_party_and_verified_by_two_others);
    tcase_add_test(tc, a_missed_task_fails_by_itself);
    tcase_add_test(tc, nobody_creates_a_task_but_a_duty);
    suite_add_tcase(suite, tc);
}

UNIT_MAIN("duty", add_tests)
