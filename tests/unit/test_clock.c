/*
 * Clocks and timers on the real engine (tests/procedures/timed.json): when they start, stop, pause
 * and end, in calendar and in working time, and what time alone does.
 */
#include "tests/unit/unit.h"

#include <string.h>
#include <time.h>

#include "tests/unit/world.h"

/* Numbers of timed.json. */
enum { PLAIN = 1, SPAN = 2, DUE = 3, EACH = 4, LATE = 5, FAR = 6, LIMP = 8, STAY = 7 };
enum { RUNNING = 1, PAUSED = 2, STOPPED = 3 };

static struct world w;

static void teardown(void)
{
    world_end(&w);
}

#define ACT(action, fields) world_act(&w, FIXTURE_FIRM, "timed", action, "t", fields, NULL)
#define APPLIED(act) ck_assert_str_eq(act, "applied")
#define REFUSED(act, name) ck_assert_str_eq(act, name)
#define IN_STATE(name) ck_assert_str_eq(world_state(&w, "timed", "t"), name)

/* Local time at the calendar's place, "2026-03-02 10:00", in ms. */
static uint64_t at(const char *local)
{
    struct tm tm = {0};

    ck_assert_ptr_nonnull(strptime(local, "%Y-%m-%d %H:%M", &tm));
    return (uint64_t)(timegm(&tm) - 8 * 3600) * 1000;
}

static void setup(void)
{
    static const char *const files[] = {"timed.json"};

    world_begin(&w);
    world_seal(&w, "tests/procedures", files, 1);
    w.now = at("2026-03-01 00:00");
}

/* The next act is at this time (each takes a second); what time does by itself is done before. */
static void until(const char *local)
{
    ck_assert_uint_ge(at(local), w.now + 1000);
    world_wait(&w, at(local) - 1000 - w.now);
}

static const char *fields(const char *name, uint64_t value)
{
    static char text[80];

    (void)sprintf(text, "{\"%s\":%llu}", name, (unsigned long long)value);
    return text;
}

struct clock {
    bool there;
    unsigned status;
    uint64_t end, at, paused, resume;
};

static struct clock clock_of(unsigned number)
{
    struct bytes raw = world_raw(&w, "timed", "t", LEDGER_ATTR_CLOCKS);
    struct mp_reader m = mp_reader_over(raw);
    struct clock out = {0};
    uint32_t n = raw.size > 0 ? mp_array(&m, 16) : 0;

    for (uint32_t i = 0; i < n; i++) {
        ck_assert_uint_eq(mp_array(&m, 6), 6);
        struct clock c = {.there = mp_uint(&m, 99) == number};
        c.status = (unsigned)mp_uint(&m, 3);
        c.end = mp_uint(&m, UINT64_MAX);
        c.at = mp_uint(&m, UINT64_MAX);
        c.paused = mp_uint(&m, UINT64_MAX);
        c.resume = mp_uint(&m, UINT64_MAX);
        if (c.there)
            out = c;
    }
    ck_assert(!m.r.failed);
    return out;
}

static void begin(const char *local, const char *level, const char *due)
{
    char level_field[40];

    (void)sprintf(level_field, "{\"level\":\"%s\"}", level);
    APPLIED(ACT("make", level_field));
    until(local);
    APPLIED(ACT("begin", due != NULL ? fields("due", at(due)) : NULL));
}

/* ---- spans ---- */

static const struct {
    const char *level, *from, *to; /* NULL: the calendar does not reach so far */
} spans[] = {
    {"1", "2026-03-07 23:50", "2026-03-08 00:05"}, /* calendar time knows no weekend */
    {"2", "2026-03-02 10:00", "2026-03-02 12:00"},
    {"2", "2026-03-02 15:00", "2026-03-02 17:00"}, /* just before the day's end */
    {"2", "2026-03-02 15:01", "2026-03-03 09:01"},
    {"2", "2026-03-02 16:59", "2026-03-03 10:59"},
    {"2", "2026-03-02 17:00", "2026-03-03 11:00"},
    {"2", "2026-03-02 20:00", "2026-03-03 11:00"},
    {"2", "2026-03-03 08:00", "2026-03-03 11:00"},
    {"2", "2026-03-06 16:30", "2026-03-09 10:30"}, /* over a weekend */
    {"2", "2026-03-07 12:00", "2026-03-09 11:00"},
    {"3", "2026-03-02 09:00", "2026-03-02 17:00"},
    {"3", "2026-03-02 10:00", "2026-03-03 10:00"},
    {"4", "2026-04-03 10:00", "2026-04-09 10:00"}, /* Qingming: the 4th to the 6th are off */
    {"2", "2030-12-31 14:00", "2030-12-31 16:00"},
    {"2", "2030-12-31 15:30", NULL},
    {"4", "2031-03-01 10:00", NULL},
};

START_TEST(a_span_runs_in_its_own_kind_of_time)
{
    char level[40];

    (void)sprintf(level, "{\"level\":\"%s\"}", spans[_i].level);
    APPLIED(ACT("make", level));
    until(spans[_i].from);
    if (spans[_i].to == NULL) {
        REFUSED(ACT("reach", NULL), "calendar");
        return;
    }
    APPLIED(ACT("reach", NULL));
    ck_assert_uint_eq(clock_of(FAR).end, at(spans[_i].to));
    ck_assert_uint_eq(clock_of(FAR).status, RUNNING);
}
END_TEST

START_TEST(before_its_first_day_a_calendar_knows_nothing_either)
{
    APPLIED(ACT("make", "{\"level\":\"2\"}"));
    struct ledger_record r = {.procedure = 43,
                              .procedure_version = 1,
                              .action = 8,
                              .subject = world_subject("t"),
                              .expected_version = 1};
    w.now = at("2024-12-31 10:00");
    REFUSED(world_judge(&w, FIXTURE_FIRM, &r), "calendar");
    w.now = at("2025-01-01 10:00"); /* off, but known */
    APPLIED(world_judge(&w, FIXTURE_FIRM, &r));
}
END_TEST

/* ---- start, stop, move ---- */

START_TEST(a_clock_starts_with_an_action_or_with_a_state)
{
    begin("2026-03-02 10:00", "2", "2026-03-06 10:00");
    ck_assert_uint_eq(clock_of(PLAIN).end, at("2026-03-02 11:00"));
    ck_assert_uint_eq(clock_of(SPAN).end, at("2026-03-02 12:00"));
    ck_assert_uint_eq(clock_of(DUE).end, at("2026-03-06 10:00"));
    ck_assert_uint_eq(clock_of(EACH).end, at("2026-03-02 10:30"));
    ck_assert(!clock_of(LATE).there);
    ck_assert_int_eq(world_int(&w, "timed", "t", "due_day"),
                     (int64_t)(at("2026-03-02 10:30") / WORLD_DAY));
}
END_TEST

START_TEST(without_an_end_in_the_record_it_runs_its_length)
{
    begin("2026-03-02 10:00", "2", NULL);
    ck_assert_uint_eq(clock_of(DUE).end, at("2026-03-04 10:00"));
}
END_TEST

/* No level, no row: the clock has no length, so it does not start. */
START_TEST(without_a_length_it_does_not_start)
{
    APPLIED(ACT("make", NULL));
    APPLIED(ACT("begin", NULL));
    ck_assert(!clock_of(SPAN).there);
    ck_assert(clock_of(PLAIN).there);
}
END_TEST

START_TEST(it_starts_once_unless_it_may_start_again)
{
    begin("2026-03-02 10:00", "2", "2026-03-06 10:00");
    until("2026-03-02 10:10");
    APPLIED(ACT("lap", NULL));
    ck_assert_uint_eq(clock_of(EACH).end, at("2026-03-02 10:40"));
    APPLIED(ACT("wait", NULL));
    APPLIED(ACT("resume", NULL)); /* enters running once more */
    ck_assert_uint_eq(clock_of(SPAN).end, at("2026-03-02 12:00"));
}
END_TEST

START_TEST(entering_a_state_starts_it_and_staying_does_not)
{
    begin("2026-03-02 10:00", "4", "2026-03-06 10:00");
    until("2026-03-02 11:00");
    APPLIED(ACT("wait", NULL));
    ck_assert_uint_eq(clock_of(STAY).end, at("2026-03-02 21:00"));
    until("2026-03-02 12:00");
    APPLIED(ACT("lap", NULL));
    ck_assert_uint_eq(clock_of(STAY).end, at("2026-03-02 21:00"));
    APPLIED(ACT("resume", NULL));
    until("2026-03-02 13:00");
    APPLIED(ACT("wait", NULL));
    ck_assert_uint_eq(clock_of(STAY).end, at("2026-03-02 23:00"));
}
END_TEST

START_TEST(a_stopped_clock_stands_where_it_was)
{
    begin("2026-03-02 10:00", "2", "2026-03-06 10:00");
    until("2026-03-02 10:20");
    APPLIED(ACT("halt", NULL));
    struct clock c = clock_of(DUE);
    ck_assert_uint_eq(c.status, STOPPED);
    ck_assert_uint_eq(c.at, at("2026-03-02 10:20"));
    ck_assert_uint_eq(c.end, at("2026-03-06 10:00"));
    REFUSED(ACT("runs", NULL), "not_running");
    APPLIED(ACT("started", NULL));
    until("2026-03-02 23:00");
    REFUSED(ACT("passed", NULL), "not_passed");
    APPLIED(ACT("finish", NULL));
    until("2026-03-20 10:00"); /* long after its end: it was stopped in time */
    REFUSED(ACT("passed", NULL), "not_passed");
}
END_TEST

START_TEST(a_named_action_moves_the_end)
{
    begin("2026-03-02 10:00", "2", "2026-03-02 10:10");
    APPLIED(ACT("extend", fields("new_due", at("2026-03-05 10:00"))));
    ck_assert_uint_eq(clock_of(DUE).end, at("2026-03-05 10:00"));
    ck_assert_uint_eq(clock_of(PLAIN).end, at("2026-03-02 11:00"));
}
END_TEST

START_TEST(checks_see_the_clock)
{
    APPLIED(ACT("make", "{\"level\":\"2\"}"));
    REFUSED(ACT("started", NULL), "not_started");
    REFUSED(ACT("passed", NULL), "not_passed");
    REFUSED(ACT("runs", NULL), "not_running");
    REFUSED(ACT("soon", NULL), "not_soon"); /* it has no end */
    APPLIED(ACT("begin", fields("due", at("2026-03-02 14:00"))));
    APPLIED(ACT("started", NULL));
    APPLIED(ACT("runs", NULL));
    until("2026-03-02 12:59");
    REFUSED(ACT("soon", NULL), "not_soon");
    until("2026-03-02 13:00");
    APPLIED(ACT("soon", NULL));
    APPLIED(ACT("wait", NULL)); /* out of the timer's way; it pauses by two seconds */
    APPLIED(ACT("resume", NULL));
    APPLIED(ACT("finish", NULL));
    until("2026-03-02 14:00");
    REFUSED(ACT("passed", NULL), "not_passed");
    APPLIED(ACT("passed", NULL)); /* 14:00:01, the pause's end included */
}
END_TEST

/* ---- pauses ---- */

START_TEST(a_pause_moves_the_end_by_its_length)
{
    begin("2026-03-02 10:00", "4", "2026-03-06 10:00");
    until("2026-03-02 11:00");
    APPLIED(ACT("wait", NULL));
    struct clock c = clock_of(DUE);
    ck_assert_uint_eq(c.status, PAUSED);
    ck_assert_uint_eq(c.at, at("2026-03-02 11:00"));
    ck_assert_uint_eq(c.resume, at("2026-03-02 15:00")); /* 4 wh at most */
    ck_assert_uint_eq(c.end, at("2026-03-06 10:00"));
    REFUSED(ACT("runs", NULL), "not_running");
    until("2026-03-02 12:30");
    APPLIED(ACT("resume", NULL));
    c = clock_of(DUE);
    ck_assert_uint_eq(c.status, RUNNING);
    ck_assert_uint_eq(c.end, at("2026-03-06 11:30"));
    ck_assert_uint_eq(c.paused, 90 * WORLD_MINUTE);
    ck_assert_uint_eq(c.resume, 0);
}
END_TEST

/* 1.5 of 4 working hours were used, then a night in which nobody works. */
START_TEST(all_pauses_together_have_a_longest_length_in_working_time)
{
    begin("2026-03-02 10:00", "4", "2026-03-06 10:00");
    until("2026-03-02 15:30");
    APPLIED(ACT("wait", NULL));
    until("2026-03-02 23:00");
    APPLIED(ACT("resume", NULL));
    ck_assert_uint_eq(clock_of(DUE).paused, 90 * WORLD_MINUTE);
    ck_assert_uint_eq(clock_of(DUE).end, at("2026-03-06 17:30"));
    until("2026-03-03 08:00");
    APPLIED(ACT("wait", NULL));
    ck_assert_uint_eq(clock_of(DUE).resume, at("2026-03-03 11:30"));
    until("2026-03-03 11:31");
    APPLIED(ACT("resume", NULL)); /* the timer was first */
    struct clock c = clock_of(DUE);
    ck_assert_uint_eq(c.paused, 4 * WORLD_HOUR);
    ck_assert_uint_eq(c.end, at("2026-03-06 21:00"));
    /* Nothing is left for another pause. */
    APPLIED(ACT("wait", NULL));
    ck_assert_uint_eq(clock_of(DUE).status, RUNNING);
}
END_TEST

START_TEST(a_pause_that_ends_by_itself_is_an_entry)
{
    begin("2026-03-02 10:00", "4", "2026-03-06 10:00");
    until("2026-03-02 11:00");
    APPLIED(ACT("wait", NULL));
    uint64_t entries = world_entries(&w), version = world_version(&w, "timed", "t");
    world_wait(&w, 4 * WORLD_HOUR - 1); /* EACH has passed, but its action does not start here */
    ck_assert_uint_eq(world_entries(&w), entries);
    world_wait(&w, 1);
    ck_assert_uint_eq(world_entries(&w), entries + 1);
    ck_assert_uint_eq(world_version(&w, "timed", "t"), version + 1);
    IN_STATE("waiting");
    ck_assert_uint_eq(clock_of(DUE).status, RUNNING);
    ck_assert_uint_eq(clock_of(DUE).end, at("2026-03-06 14:00"));
    size_t n;
    const struct ledger_item *items = ledger_overlay_items(w.o, &n);
    struct ledger_record r;
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(items[0].entry.kind, LEDGER_ENTRY_TIMER);
    ck_assert_int_eq(ledger_record_decode(&r, items[0].record, &w.arena), ANJU_OK);
    ck_assert_uint_eq(r.action, 0);
    ck_assert_uint_eq(r.expected_version, version);
}
END_TEST

/* It can not be undone by a pause that comes too late. */
START_TEST(a_clock_that_has_passed_does_not_pause)
{
    begin("2026-03-02 10:00", "4", "2026-03-06 10:00");
    until("2026-03-02 10:31");
    APPLIED(ACT("halt", NULL)); /* over is a state in which it would */
    ck_assert_uint_eq(clock_of(LIMP).status, RUNNING);
    ck_assert_uint_eq(clock_of(LIMP).end, at("2026-03-02 10:30"));
    ck_assert_uint_eq(clock_of(LIMP).paused, 0);
}
END_TEST

/* The new end was named at 12:00, in a pause: it moves by what is paused after 12:00. */
START_TEST(an_end_that_moves_in_a_pause_moves_on_with_it)
{
    begin("2026-03-02 10:00", "4", "2026-03-06 10:00");
    until("2026-03-02 11:00");
    APPLIED(ACT("wait", NULL));
    until("2026-03-02 12:00");
    APPLIED(ACT("extend", fields("new_due", at("2026-03-10 10:00"))));
    ck_assert_uint_eq(clock_of(DUE).resume, at("2026-03-02 15:00"));
    until("2026-03-02 13:00");
    APPLIED(ACT("resume", NULL));
    ck_assert_uint_eq(clock_of(DUE).end, at("2026-03-10 11:00"));
    ck_assert_uint_eq(clock_of(DUE).paused, 2 * WORLD_HOUR);
}
END_TEST

START_TEST(the_due_day_is_that_of_the_earliest_running_clock)
{
    begin("2026-03-02 10:00", "4", "2026-03-06 10:00");
    ck_assert_int_eq(world_int(&w, "timed", "t", "due_day"),
                     (int64_t)(at("2026-03-02 10:30") / WORLD_DAY));
    until("2026-03-02 10:01");
    APPLIED(ACT("halt", NULL)); /* PLAIN and DUE stop, EACH, SPAN and LATE run */
    ck_assert(world_has(&w, "timed", "t", "due_day"));
    APPLIED(ACT("finish", NULL));
    ck_assert(!world_has(&w, "timed", "t", "due_day"));
}
END_TEST

/* ---- timers ---- */

START_TEST(a_timer_fires_in_the_first_block_after_the_end)
{
    begin("2026-03-02 10:00", "2", "2026-03-02 10:20");
    uint64_t entries = world_entries(&w), version = world_version(&w, "timed", "t");
    world_wait(&w, 20 * WORLD_MINUTE - 1);
    ck_assert_uint_eq(world_entries(&w), entries);
    world_wait(&w, 1);
    ck_assert_uint_eq(world_entries(&w), entries + 1);
    IN_STATE("over");
    ck_assert_uint_eq(clock_of(DUE).status, STOPPED);
    size_t n;
    const struct ledger_item *items = ledger_overlay_items(w.o, &n);
    struct ledger_record r;
    ck_assert_int_eq(items[0].entry.kind, LEDGER_ENTRY_TIMER);
    ck_assert_uint_eq(items[0].entry.member, 0);
    ck_assert_int_eq(ledger_record_decode(&r, items[0].record, &w.arena), ANJU_OK);
    ck_assert_uint_eq(r.procedure, 43);
    ck_assert_uint_eq(r.action, 9); /* lapse */
    ck_assert_uint_eq(r.expected_version, version);
    ck_assert_uint_eq(r.n_fields, 0);
    APPLIED(ACT("passed", NULL));
}
END_TEST

START_TEST(nobody_else_does_what_time_does)
{
    begin("2026-03-02 10:00", "2", "2026-03-02 10:20");
    REFUSED(ACT("lapse", NULL), "actor");
    ck_assert_ptr_nonnull(strstr(w.judged.hint, "time alone"));
}
END_TEST

START_TEST(a_timer_that_starts_its_clock_again_comes_again)
{
    begin("2026-03-02 10:00", "2", "2026-03-06 10:00");
    for (int i = 1; i <= 3; i++) {
        world_wait(&w, 30 * WORLD_MINUTE);
        ck_assert_int_eq(world_int(&w, "timed", "t", "laps"), i);
    }
    world_wait(&w, 3 * WORLD_HOUR); /* once for the block, not once for each half hour */
    ck_assert_int_eq(world_int(&w, "timed", "t", "laps"), 4);
}
END_TEST

START_TEST(timers_of_one_block_fire_in_the_order_of_their_ends)
{
    begin("2026-03-02 10:00", "2", "2026-03-02 10:45");
    uint64_t entries = world_entries(&w);
    world_wait(&w, WORLD_HOUR);
    /* EACH at 10:30, DUE at 10:45; EACH runs on, but over has no action for it. */
    ck_assert_uint_eq(world_entries(&w), entries + 2);
    ck_assert_int_eq(world_int(&w, "timed", "t", "laps"), 1);
    IN_STATE("over");
    world_wait(&w, WORLD_HOUR);
    ck_assert_uint_eq(world_entries(&w), entries + 2);
}
END_TEST

START_TEST(what_a_timer_ends_can_not_fire_any_more)
{
    begin("2026-03-02 10:00", "2", "2026-03-02 10:10");
    uint64_t entries = world_entries(&w);
    world_wait(&w, WORLD_HOUR); /* DUE at 10:10 leads to over, so EACH at 10:30 does not start */
    ck_assert_uint_eq(world_entries(&w), entries + 1);
    ck_assert_int_eq(world_int(&w, "timed", "t", "laps"), 0);
}
END_TEST

START_TEST(a_timer_due_in_another_state_is_dropped_for_good)
{
    begin("2026-03-02 10:00", "2", "2026-03-02 10:30");
    until("2026-03-02 10:29");
    APPLIED(ACT("wait", NULL)); /* DUE pauses, EACH does not */
    uint64_t entries = world_entries(&w);
    world_wait(&w, WORLD_HOUR);
    ck_assert_uint_eq(world_entries(&w), entries);
    APPLIED(ACT("resume", NULL));
    world_wait(&w, 1000);
    ck_assert_int_eq(world_int(&w, "timed", "t", "laps"), 0);
}
END_TEST

START_TEST(an_ended_subject_has_no_timers_but_its_clocks_still_tell)
{
    begin("2026-03-02 10:00", "2", "2026-03-02 11:00");
    APPLIED(ACT("finish", NULL));
    uint64_t entries = world_entries(&w);
    REFUSED(ACT("passed", NULL), "not_passed");
    entries++; /* the refusal */
    world_wait(&w, WORLD_DAY);
    ck_assert_uint_eq(world_entries(&w), entries);
    APPLIED(ACT("passed", NULL));
}
END_TEST

START_TEST(the_timers_of_a_subject_follow_from_its_attributes)
{
    const struct ledger_procedure *p = world_procedure(&w, "timed");
    struct ledger_subject_id id = world_subject("t");
    struct ledger_timer out[16];
    struct ledger_value item = {.number = LEDGER_ATTR_CLOCKS};
    struct ledger_attributes all = {.count = 1, .items = &item};

    begin("2026-03-02 10:00", "2", "2026-03-02 10:20");
    item.value = world_raw(&w, "timed", "t", LEDGER_ATTR_CLOCKS);
    ck_assert_uint_eq(ledger_procedure_timers(out, 16, p, &id, 2, &all), 2);
    ck_assert_uint_eq(out[0].clock, DUE); /* earlier */
    ck_assert_uint_eq(out[0].due, at("2026-03-02 10:20"));
    ck_assert_uint_eq(out[1].clock, EACH);
    ck_assert_uint_eq(ledger_procedure_timers(out, 16, p, &id, 5, &all), 0); /* done */
    ck_assert_uint_eq(ledger_procedure_timers(out, 1, p, &id, 2, &all), 1);
    until("2026-03-02 10:10");
    APPLIED(ACT("wait", NULL));
    item.value = world_raw(&w, "timed", "t", LEDGER_ATTR_CLOCKS);
    ck_assert_uint_eq(ledger_procedure_timers(out, 16, p, &id, 3, &all), 2);
    ck_assert_uint_eq(out[1].clock, DUE);
    ck_assert_uint_eq(out[1].due, at("2026-03-02 14:10")); /* the end of the longest pause */
    all.count = 0;
    ck_assert_uint_eq(ledger_procedure_timers(out, 16, p, &id, 2, &all), 0);
}
END_TEST

static bool fires(const struct ledger_timer *timer)
{
    struct ledger_judgement j;
    struct bytes record;
    bool fired;

    ck_assert_int_eq(
        ledger_judge_timer(&j, &record, &fired, ledger_overlay_view(w.o), w.now, timer, &w.arena),
        ANJU_OK);
    ck_assert(!fired || j.n_effects > 0);
    return fired;
}

/* A timer is a note that a clock was to end: the subject says whether it still does. */
START_TEST(a_timer_that_the_subject_does_not_know_any_more_does_nothing)
{
    struct ledger_timer timer = {.procedure = 43, .subject = world_subject("t"), .clock = DUE};

    begin("2026-03-02 10:00", "2", "2026-03-02 10:20");
    w.now = at("2026-03-02 10:20");
    timer.due = w.now;
    ck_assert(fires(&timer));
    timer.due--; /* the clock ended at another time, before it was moved */
    ck_assert(!fires(&timer));
    timer.due++;
    timer.clock = LATE;
    ck_assert(!fires(&timer));
    timer.clock = DUE;
    ck_assert(fires(&timer));
    w.now -= 60000;
    APPLIED(ACT("finish", NULL)); /* ended: the clock runs, nothing comes of it */
    w.now = timer.due;
    ck_assert_uint_eq(clock_of(DUE).status, RUNNING);
    ck_assert(!fires(&timer));
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *tc = tcase_create("clock");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_span_runs_in_its_own_kind_of_time, 0,
                        (int)(sizeof spans / sizeof *spans));
    tcase_add_test(tc, before_its_first_day_a_calendar_knows_nothing_either);
    tcase_add_test(tc, a_clock_starts_with_an_action_or_with_a_state);
    tcase_add_test(tc, without_an_end_in_the_record_it_runs_its_length);
    tcase_add_test(tc, without_a_length_it_does_not_start);
    tcase_add_test(tc, it_starts_once_unless_it_may_start_again);
    tcase_add_test(tc, entering_a_state_starts_it_and_staying_does_not);
    tcase_add_test(tc, a_stopped_clock_stands_where_it_was);
    tcase_add_test(tc, a_named_action_moves_the_end);
    tcase_add_test(tc, checks_see_the_clock);
    tcase_add_test(tc, a_pause_moves_the_end_by_its_length);
    tcase_add_test(tc, all_pauses_together_have_a_longest_length_in_working_time);
    tcase_add_test(tc, a_pause_that_ends_by_itself_is_an_entry);
    tcase_add_test(tc, a_clock_that_has_passed_does_not_pause);
    tcase_add_test(tc, an_end_that_moves_in_a_pause_moves_on_with_it);
    tcase_add_test(tc, the_due_day_is_that_of_the_earliest_running_clock);
    tcase_add_test(tc, a_timer_fires_in_the_first_block_after_the_end);
    tcase_add_test(tc, nobody_else_does_what_time_does);
    tcase_add_test(tc, a_timer_that_starts_its_clock_again_comes_again);
    tcase_add_test(tc, timers_of_one_block_fire_in_the_order_of_their_ends);
    tcase_add_test(tc, what_a_timer_ends_can_not_fire_any_more);
    tcase_add_test(tc, a_timer_due_in_another_state_is_dropped_for_good);
    tcase_add_test(tc, an_ended_subject_has_no_timers_but_its_clocks_still_tell);
    tcase_add_test(tc, the_timers_of_a_subject_follow_from_its_attributes);
    tcase_add_test(tc, a_timer_that_the_subject_does_not_know_any_more_does_nothing);
    suite_add_tcase(suite, tc);
}

UNIT_MAIN("clock", add_tests)
