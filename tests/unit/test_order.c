/* The service order (order.json, order-import.json) on the real engine, act by act. */
#include "tests/unit/unit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/world.h"

enum {
    CENTER = FIXTURE_GOVERNMENT,
    FIRM = FIXTURE_FIRM,
    AGENCY = FIXTURE_AGENCY,
    AUDIT = FIXTURE_AUDITOR,
    STREET = FIXTURE_STREET,
    JUSTICE = FIXTURE_JUSTICE
};

static struct world w;

static void setup(void)
{
    static const char *const files[] = {"order.json", "order-import.json"};
    world_begin(&w);
    world_role(&w, JUSTICE, "parent"); /* the city, for what the district can't decide alone */
    world_seal(&w, "ledger/procedures", files, 2);
}

static void teardown(void)
{
    world_end(&w);
}

static const char *text(const char *format, ...) ANJU_PRINTF(1, 2);
static const char *text(const char *format, ...)
{
    static char out[600];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(out, sizeof out, format, args);
    va_end(args);
    return out;
}

static unsigned long long in(uint64_t ms)
{
    return w.now + ms;
}

#define ACT(member, action, subject, fields, cosigners)                                            \
    world_act(&w, member, "order", action, subject, fields, cosigners)
#define APPLIED(act) ck_assert_str_eq(act, "applied")
#define REFUSED(act, clause) ck_assert_str_eq(act, clause)
#define IN_STATE(subject, state) ck_assert_str_eq(world_state(&w, "order", subject), state)

static const char *place_fields(const char *no, const char *more)
{
    return text("{\"no\":\"%s\", \"type\":\"lift-repair\", \"subject\":\"the lift stands\", "
                "\"address\":\"3-2-101\", \"contact\":\"138\", "
                "\"grid\":\"110101001001001\", \"urgency\":\"2\", \"channel\":\"hotline\", "
                "\"confirm\":\"confirm\", \"rate\":\"rate\"%s}",
                no, more);
}

static void place(const char *subject)
{
    APPLIED(
        ACT(CENTER, "place", subject, place_fields(subject, ", \"consent\":\"call-77\""), NULL));
}

static const char *dispatch(const char *subject, uint32_t provider)
{
    return ACT(
        CENTER, "dispatch", subject,
        text("{\"provider\":%u, \"duty\":\"duty-7\", \"due\":%llu}", provider, in(3 * WORLD_DAY)),
        NULL);
}

static const char *accept(const char *subject, uint32_t provider)
{
    return ACT(provider, "accept", subject,
               text("{\"eta\":%llu, \"handler\":\"worker-5\"}", in(WORLD_HOUR)), NULL);
}

static void schedule(const char *subject)
{
    APPLIED(ACT(FIRM, "schedule", subject, text("{\"slot\":%llu}", in(WORLD_HOUR)), NULL));
}

static void start(const char *subject)
{
    APPLIED(ACT(FIRM, "start", subject, "{\"how\":\"code\"}", "confirm"));
}

static const char *complete(const char *subject)
{
    return ACT(FIRM, "complete", subject,
               text("{\"result\":\"resolved\", \"begin\":%llu, \"end\":%llu, "
                    "\"staff\":\"worker-5\", \"cost\":12000, "
                    "\"after\":[\"photo1\",\"photo2\"]}",
                    in(0) - 2000, in(0) - 1000),
               NULL);
}

/* From nothing to in service by the firm. */
static void to_service(const char *subject)
{
    place(subject);
    APPLIED(dispatch(subject, FIRM));
    APPLIED(accept(subject, FIRM));
    schedule(subject);
    start(subject);
}

static void to_completed(const char *subject)
{
    to_service(subject);
    APPLIED(complete(subject));
    IN_STATE(subject, "completed");
}

START_TEST(an_order_goes_from_placing_to_confirmation_and_rating)
{
    place("a");
    IN_STATE("a", "placed");
    APPLIED(dispatch("a", FIRM));
    IN_STATE("a", "dispatched");
    APPLIED(accept("a", FIRM));
    APPLIED(ACT(FIRM, "contact", "a", text("{\"at\":%llu, \"how\":\"phone\"}", in(0)), NULL));
    IN_STATE("a", "accepted");
    schedule("a");
    IN_STATE("a", "scheduled");
    start("a");
    IN_STATE("a", "in_service");
    APPLIED(complete("a"));
    IN_STATE("a", "completed");
    /* Any member may carry in what the resident's code has signed. */
    APPLIED(ACT(AGENCY, "confirm", "a", "{\"solved\":true}", "confirm"));
    IN_STATE("a", "closed");
    ck_assert(world_bool(&w, "order", "a", "solved"));
    ck_assert(!world_bool(&w, "order", "a", "silent"));
    ck_assert(!world_bool(&w, "order", "a", "open"));
    APPLIED(ACT(AGENCY, "rate", "a", "{\"score\":\"5\"}", "rate"));
    REFUSED(ACT(AGENCY, "rate", "a", "{\"score\":\"5\"}", "rate"), "rated_before");
    ck_assert_uint_eq(world_version(&w, "order", "a"), 9);
}
END_TEST

/* A proxy needs the resident's word: recorded, or signed with the key that will confirm. */
START_TEST(an_order_for_somebody_else_needs_a_consent_or_the_residents_cosignature)
{
    REFUSED(ACT(CENTER, "place", "a", place_fields("a", ""), NULL), "consent_missing");
    APPLIED(ACT(CENTER, "place", "a", place_fields("a", ""), "confirm"));
    REFUSED(ACT(FIRM, "place", "b", place_fields("b", ", \"consent\":\"x\""), NULL), "cosignature");
    APPLIED(ACT(FIRM, "place", "b", place_fields("b", ""), "confirm"));
    REFUSED(ACT(FIRM, "place", "c", place_fields("c", ", \"mode\":\"raffle\""), "confirm"), "code");
}
END_TEST

START_TEST(a_missing_unknown_or_mistyped_field_is_named)
{
    place("a");
    REFUSED(
        ACT(CENTER, "dispatch", "a", text("{\"provider\":2, \"due\":%llu}", in(WORLD_DAY)), NULL),
        "field_missing");
    REFUSED(ACT(CENTER, "dispatch", "a",
                text("{\"provider\":77, \"duty\":\"d\", \"due\":%llu}", in(WORLD_DAY)), NULL),
            "reference");
    REFUSED(ACT(CENTER, "dispatch", "a",
                text("{\"provider\":%u, \"duty\":\"d\", \"due\":%llu}", AUDIT, in(WORLD_DAY)),
                NULL),
            "not_a_provider");
    REFUSED(ACT(CENTER, "dispatch", "a",
                text("{\"provider\":2, \"duty\":\"d\", \"due\":%llu}", in(0) - WORLD_DAY), NULL),
            "due_in_the_past");
    IN_STATE("a", "placed");
}
END_TEST

START_TEST(only_the_provider_that_was_named_acts_and_only_in_order)
{
    place("a");
    REFUSED(accept("a", FIRM), "state");
    APPLIED(dispatch("a", FIRM));
    REFUSED(accept("a", AGENCY), "actor");
    REFUSED(complete("a"), "state");
    REFUSED(world_act_at(&w, FIRM, "order", "accept", "a", 1,
                         text("{\"eta\":%llu, \"handler\":\"x\"}", in(WORLD_HOUR)), NULL),
            "version_stale");
    APPLIED(accept("a", FIRM));
    REFUSED(ACT(FIRM, "start", "a", "{\"how\":\"code\"}", "confirm"), "state");
}
END_TEST

/* The spoken number is what a resident has; two orders with one would be a lie to one of them. */
START_TEST(an_order_number_is_given_once)
{
    place("a");
    REFUSED(ACT(CENTER, "place", "b", place_fields("a", ", \"consent\":\"x\""), NULL), "unique");
    REFUSED(ACT(CENTER, "place", "a", place_fields("z", ", \"consent\":\"x\""), NULL), "state");
    place("b");
}
END_TEST

START_TEST(the_second_return_goes_to_adjudication_and_two_of_three_decide)
{
    const char *decision = "{\"provider\":3, \"basis\":\"article 12\"}";
    place("a");
    APPLIED(dispatch("a", FIRM));
    APPLIED(ACT(FIRM, "return", "a",
                "{\"reason\":\"remit\", \"basis\":\"article 3\", \"suggest\":3}", NULL));
    IN_STATE("a", "placed");
    ck_assert(!world_has(&w, "order", "a", "provider"));
    APPLIED(ACT(CENTER, "dispatch", "a",
                text("{\"provider\":2, \"duty\":\"d\", \"due\":%llu}",
                     (unsigned long long)(WORLD_START + 2000 + 3 * WORLD_DAY - 1000)),
                NULL));
    APPLIED(ACT(FIRM, "return", "a", "{\"reason\":\"title\", \"basis\":\"article 3\"}", NULL));
    IN_STATE("a", "adjudicating");
    ck_assert_int_eq(world_int(&w, "order", "a", "bounced"), 2);
    REFUSED(ACT(FIRM, "adjudicate", "a", decision, NULL), "approval"); /* a party */
    REFUSED(ACT(AUDIT, "adjudicate", "a", decision, NULL), "actor");
    APPLIED(ACT(CENTER, "adjudicate", "a", decision, NULL));
    IN_STATE("a", "adjudicating");
    REFUSED(ACT(CENTER, "adjudicate", "a", decision, NULL), "approval");
    APPLIED(ACT(STREET, "adjudicate", "a", decision, NULL));
    IN_STATE("a", "dispatched");
    ck_assert_int_eq(world_int(&w, "order", "a", "provider"), AGENCY);
    REFUSED(ACT(AGENCY, "return", "a", "{\"reason\":\"remit\", \"basis\":\"article 3\"}", NULL),
            "final");
    APPLIED(accept("a", AGENCY));
}
END_TEST

/* Otherwise two could sign two different decisions and each think that it holds. */
START_TEST(an_approval_of_other_fields_is_no_approval)
{
    place("a");
    APPLIED(dispatch("a", FIRM));
    APPLIED(accept("a", FIRM));
    APPLIED(ACT(FIRM, "extend", "a",
                text("{\"new_due\":%llu, \"reason\":\"material\"}",
                     (unsigned long long)(WORLD_START + 9 * WORLD_DAY)),
                NULL));
    REFUSED(ACT(CENTER, "extend", "a",
                text("{\"new_due\":%llu, \"reason\":\"material\"}",
                     (unsigned long long)(WORLD_START + 8 * WORLD_DAY)),
                NULL),
            "approval");
    ck_assert_int_eq(world_int(&w, "order", "a", "extended"), 0);
    APPLIED(ACT(CENTER, "extend", "a",
                text("{\"new_due\":%llu, \"reason\":\"material\"}",
                     (unsigned long long)(WORLD_START + 9 * WORLD_DAY)),
                NULL));
    ck_assert_int_eq(world_int(&w, "order", "a", "extended"), 1);
}
END_TEST

START_TEST(an_extension_moves_the_due_day_and_a_second_one_needs_the_next_level)
{
    int64_t day = WORLD_START / WORLD_DAY;
    to_service("a");
    ck_assert_int_eq(world_int(&w, "order", "a", "due_day"),
                     day + 1); /* the first contact, within 24 hours */
    const char *fields = "{\"new_due\":1773280800000, \"reason\":\"material\", "
                         "\"public_note\":\"parts are late\"}"; /* 2026-03-12 */
    APPLIED(ACT(FIRM, "extend", "a", fields, NULL));
    APPLIED(ACT(CENTER, "extend", "a", fields, NULL));
    REFUSED(ACT(FIRM, "extend", "a", "{\"new_due\":1773367200000, \"reason\":\"material\"}", NULL),
            "extended_before");
    fields = "{\"new_due\":1773367200000, \"reason\":\"material\", \"public_note\":\"parts are "
             "later\"}"; /* 2026-03-13 */
    APPLIED(ACT(FIRM, "extend_again", "a", fields, NULL));
    APPLIED(ACT(CENTER, "extend_again", "a", fields, NULL));
    ck_assert_int_eq(world_int(&w, "order", "a", "extended"), 1);
    APPLIED(ACT(JUSTICE, "extend_again", "a", fields, NULL));
    ck_assert_int_eq(world_int(&w, "order", "a", "extended"), 2);
    APPLIED(ACT(FIRM, "complete", "a",
                text("{\"result\":\"resolved\", \"begin\":%llu, \"end\":%llu, \"staff\":\"x\"}",
                     in(0) - 2000, in(0) - 1000),
                NULL));
}
END_TEST

/* What time alone changes is an entry too, so that it can be proved. */
START_TEST(seven_days_of_silence_close_an_order_without_calling_it_solved)
{
    to_completed("a");
    uint64_t entries = world_entries(&w);
    world_wait(&w, 6 * WORLD_DAY);
    IN_STATE("a", "completed");
    world_wait(&w, WORLD_DAY + WORLD_MINUTE);
    IN_STATE("a", "closed");
    ck_assert(world_bool(&w, "order", "a", "silent"));
    ck_assert(!world_has(&w, "order", "a", "solved"));
    ck_assert_uint_eq(world_entries(&w), entries + 1);
    REFUSED(ACT(CENTER, "confirm", "a", "{\"solved\":true}", "confirm"), "state");
    world_wait(&w, 40 * (uint64_t)WORLD_DAY);
    ck_assert_uint_eq(world_entries(&w), entries + 2); /* the refusal, and no second closing */
    REFUSED(ACT(CENTER, "rate", "a", "{\"score\":\"2\"}", "rate"), "too_late");
}
END_TEST

START_TEST(an_order_reopens_twice_with_the_confirming_key_and_then_is_supervised)
{
    to_completed("a");
    for (int i = 0; i < 2; i++) {
        REFUSED(ACT(CENTER, "reopen", "a", "{\"reason\":\"false\"}", "rate"), "cosignature");
        APPLIED(ACT(CENTER, "reopen", "a", "{\"reason\":\"false\"}", "confirm"));
        IN_STATE("a", "dispatched");
        ck_assert_int_eq(world_int(&w, "order", "a", "provider"), FIRM);
        /* Only the clock of the second try runs: three working days for this urgency. */
        ck_assert_int_eq(world_int(&w, "order", "a", "due_day"), WORLD_START / WORLD_DAY + 3);
        APPLIED(accept("a", FIRM));
        schedule("a");
        start("a");
        APPLIED(complete("a"));
    }
    REFUSED(ACT(CENTER, "reopen", "a", "{\"reason\":\"again\"}", "confirm"), "supervise_instead");
    APPLIED(ACT(
        AUDIT, "supervise", "a",
        text("{\"reason\":\"repeated\", \"note\":\"third time\", \"due\":%llu}", in(3 * WORLD_DAY)),
        NULL));
    IN_STATE("a", "completed");
    REFUSED(ACT(FIRM, "uphold", "a", "{\"upheld\":false, \"basis\":\"x\"}", NULL), "actor");
    APPLIED(ACT(CENTER, "uphold", "a", "{\"upheld\":true, \"basis\":\"visit 3\"}", NULL));
    ck_assert_int_eq(world_int(&w, "order", "a", "upheld"), 1);
    REFUSED(ACT(CENTER, "uphold", "a", "{\"upheld\":true, \"basis\":\"visit 3\"}", NULL),
            "nothing_to_decide");
}
END_TEST

START_TEST(fifteen_days_after_completion_it_is_too_late_to_reopen)
{
    to_completed("a");
    world_wait(&w, 14 * WORLD_DAY);
    IN_STATE("a", "closed");
    to_completed("b");
    world_wait(&w, WORLD_DAY);
    REFUSED(ACT(CENTER, "reopen", "a", "{\"reason\":\"again\"}", "confirm"), "supervise_instead");
    APPLIED(ACT(CENTER, "reopen", "b", "{\"reason\":\"again\"}", "confirm"));
}
END_TEST

/* A code in the pool can be read by all; that it signs this very record makes reading it useless.
 */
START_TEST(a_confirmation_needs_the_one_time_key_over_this_record)
{
    to_completed("a");
    REFUSED(ACT(FIRM, "confirm", "a", "{\"solved\":true}", NULL), "cosignature");
    REFUSED(ACT(FIRM, "confirm", "a", "{\"solved\":true}", "rate"), "cosignature");
    REFUSED(ACT(FIRM, "confirm", "a", "{\"solved\":true}", "somebody"), "cosignature");
    APPLIED(ACT(FIRM, "confirm", "a", "{\"solved\":false}", "confirm"));
    ck_assert(world_has(&w, "order", "a", "solved"));
    ck_assert(!world_bool(&w, "order", "a", "solved"));
}
END_TEST

START_TEST(the_due_clock_starts_once_and_a_new_dispatch_can_not_reset_it)
{
    place("a");
    APPLIED(dispatch("a", FIRM));
    APPLIED(ACT(FIRM, "return", "a", "{\"reason\":\"area\", \"basis\":\"x\"}", NULL));
    REFUSED(dispatch("a", AGENCY), "due_is_fixed");
    APPLIED(ACT(CENTER, "dispatch", "a",
                text("{\"provider\":3, \"duty\":\"d\", \"due\":%llu}",
                     (unsigned long long)(WORLD_START + 1000 + 3 * WORLD_DAY)),
                NULL));
}
END_TEST

/* From nothing to accepted, with the first contact made: only the due clock runs. */
static void to_contacted(const char *subject)
{
    place(subject);
    APPLIED(dispatch(subject, FIRM));
    APPLIED(accept(subject, FIRM));
    APPLIED(ACT(FIRM, "contact", subject, text("{\"at\":%llu, \"how\":\"phone\"}", in(0)), NULL));
}

START_TEST(a_question_pauses_the_due_clock_and_the_answer_resumes_it)
{
    int64_t today = WORLD_START / WORLD_DAY;
    to_contacted("a");
    ck_assert_int_eq(world_int(&w, "order", "a", "due_day"), today + 3);
    APPLIED(ACT(FIRM, "ask", "a", "{\"question\":\"which door?\"}", NULL));
    IN_STATE("a", "waiting");
    ck_assert(!world_has(&w, "order", "a", "due_day"));
    world_wait(&w, 2 * WORLD_DAY);
    REFUSED(ACT(AUDIT, "answer", "a", "{\"answer\":\"the left\"}", "rate"), "cosignature");
    APPLIED(ACT(AUDIT, "answer", "a", "{\"answer\":\"the left\"}", "confirm"));
    IN_STATE("a", "accepted");
    ck_assert_int_eq(world_int(&w, "order", "a", "due_day"), today + 5);
}
END_TEST

/* The pause is for the resident's answer, not for the provider's rest: five working days in all,
 * then the clock runs again by itself. */
START_TEST(a_pause_ends_by_itself_after_five_working_days)
{
    int64_t today = WORLD_START / WORLD_DAY; /* a Monday */
    to_contacted("a");
    APPLIED(ACT(FIRM, "ask", "a", "{\"question\":\"which door?\"}", NULL));
    uint64_t entries = world_entries(&w);
    world_wait(&w, 6 * WORLD_DAY);
    ck_assert(!world_has(&w, "order", "a", "due_day"));
    world_wait(&w, 3 * WORLD_DAY);
    IN_STATE("a", "waiting");
    ck_assert_uint_eq(world_entries(&w), entries + 1);
    ck_assert_int_eq(world_int(&w, "order", "a", "due_day"), today + 3 + 7);
    APPLIED(ACT(AUDIT, "answer", "a", "{\"answer\":\"the left\"}", "confirm"));
    APPLIED(ACT(FIRM, "ask", "a", "{\"question\":\"and the floor?\"}", NULL));
    ck_assert_msg(world_has(&w, "order", "a", "due_day"),
                  "the pause is used up, the clock runs on");
}
END_TEST

START_TEST(a_transfer_needs_both_providers)
{
    place("a");
    APPLIED(dispatch("a", FIRM));
    APPLIED(accept("a", FIRM));
    REFUSED(ACT(FIRM, "transfer", "a", "{\"receiver\":2, \"reason\":\"skill\"}", NULL),
            "already_theirs");
    APPLIED(ACT(FIRM, "transfer", "a", "{\"receiver\":3, \"reason\":\"skill\"}", NULL));
    ck_assert_int_eq(world_int(&w, "order", "a", "provider"), FIRM);
    REFUSED(ACT(STREET, "transfer", "a", "{\"receiver\":3, \"reason\":\"skill\"}", NULL), "actor");
    APPLIED(ACT(AGENCY, "transfer", "a", "{\"receiver\":3, \"reason\":\"skill\"}", NULL));
    ck_assert_int_eq(world_int(&w, "order", "a", "provider"), AGENCY);
    ck_assert(!world_has(&w, "order", "a", "handler"));
}
END_TEST

START_TEST(the_first_provider_grabs_an_open_order)
{
    APPLIED(ACT(CENTER, "place", "a", place_fields("a", ", \"mode\":\"grab\""), "confirm"));
    place("b");
    REFUSED(ACT(AGENCY, "grab", "b", text("{\"eta\":%llu}", in(WORLD_HOUR)), NULL),
            "not_open_to_grab");
    REFUSED(ACT(AUDIT, "grab", "a", text("{\"eta\":%llu}", in(WORLD_HOUR)), NULL), "actor");
    APPLIED(ACT(AGENCY, "grab", "a", text("{\"eta\":%llu}", in(WORLD_HOUR)), NULL));
    REFUSED(ACT(FIRM, "grab", "a", text("{\"eta\":%llu}", in(WORLD_HOUR)), NULL), "state");
    ck_assert_int_eq(world_int(&w, "order", "a", "provider"), AGENCY);
    IN_STATE("a", "accepted");
}
END_TEST

static const char *child_fields(const char *no, const char *parent)
{
    return text("{\"no\":\"%s\", \"parent\":\"%s\", \"type\":\"wiring\", \"address\":\"3-2\", "
                "\"grid\":\"110101001001001\", \"urgency\":\"3\", "
                "\"basis\":\"article 9\"}",
                no, parent);
}

/* The lead answers for all: it can't say "done" while a part is not. */
START_TEST(a_parent_is_not_completed_over_open_children)
{
    to_service("a");
    REFUSED(ACT(AGENCY, "place_child", "a1", child_fields("a1", "a"), NULL), "not_the_lead");
    REFUSED(ACT(STREET, "place_child", "a1", child_fields("a1", "nowhere"), NULL), "reference");
    APPLIED(ACT(FIRM, "place_child", "a1", child_fields("a1", "a"), NULL));
    place("b");
    REFUSED(ACT(FIRM, "co_handle", "a", "{\"children\":[\"a1\", \"b\"]}", NULL), "not_its_child");
    APPLIED(ACT(FIRM, "co_handle", "a", "{\"children\":[\"a1\"]}", NULL));
    REFUSED(complete("a"), "open_children");
    APPLIED(ACT(CENTER, "cancel", "a1", "{\"reason\":\"elsewhere\"}", NULL));
    APPLIED(complete("a"));
}
END_TEST

START_TEST(a_merged_filer_keeps_confirmation_rating_and_the_right_to_reopen)
{
    APPLIED(ACT(CENTER, "place", "b",
                "{\"no\":\"b\", \"type\":\"lift-repair\", \"subject\":\"s\", \"address\":\"a\", "
                "\"contact\":\"c\", \"grid\":\"110101001001001\", "
                "\"urgency\":\"2\", \"channel\":\"web\", \"confirm\":\"confirm-b\", "
                "\"rate\":\"rate-b\", \"consent\":\"x\"}",
                NULL));
    to_service("a");
    REFUSED(ACT(CENTER, "merge", "b", "{\"reason\":\"duplicate\", \"master\":\"b\"}", NULL),
            "its_own_master");
    APPLIED(ACT(CENTER, "merge", "b", "{\"reason\":\"duplicate\", \"master\":\"a\"}", NULL));
    IN_STATE("b", "cancelled");
    ck_assert(world_has(&w, "order", "a", "subscribers"));
    REFUSED(ACT(CENTER, "rate", "b", "{\"score\":\"4\"}", "rate-b"), "not_closed");
    APPLIED(complete("a"));
    APPLIED(ACT(CENTER, "confirm", "a", "{\"solved\":true}", "confirm"));
    APPLIED(ACT(CENTER, "confirm_merged", "b", "{\"solved\":false}", "confirm-b"));
    APPLIED(ACT(CENTER, "rate", "b", "{\"score\":\"2\"}", "rate-b"));
    APPLIED(ACT(CENTER, "reopen", "a", "{\"reason\":\"again\"}", "confirm-b"));
    IN_STATE("a", "dispatched");
}
END_TEST

START_TEST(an_arrival_outside_the_fence_waits_for_a_reviewer)
{
    place("a");
    APPLIED(dispatch("a", FIRM));
    APPLIED(accept("a", FIRM));
    schedule("a");
    REFUSED(ACT(FIRM, "start", "a", "{\"how\":\"code\"}", NULL), "code_missing");
    REFUSED(ACT(FIRM, "start", "a", "{\"how\":\"nfc\"}", NULL), "tag_missing");
    REFUSED(ACT(FIRM, "start", "a", "{\"how\":\"fence\", \"in_fence\":false}", NULL),
            "out_of_fence");
    APPLIED(ACT(FIRM, "start", "a", "{\"how\":\"other\"}", NULL));
    REFUSED(complete("a"), "exception_open");
    REFUSED(ACT(FIRM, "clear_exception", "a", "{\"reason\":\"device\"}", NULL), "actor");
    APPLIED(ACT(STREET, "clear_exception", "a", "{\"reason\":\"device\"}", NULL));
    APPLIED(complete("a"));
}
END_TEST

START_TEST(an_order_is_cancelled_before_service_begins_and_not_after)
{
    place("a");
    REFUSED(ACT(FIRM, "cancel", "a", "{\"reason\":\"changed\"}", NULL), "cosignature");
    APPLIED(ACT(FIRM, "cancel", "a", "{\"reason\":\"changed\"}", "confirm"));
    IN_STATE("a", "cancelled");
    to_service("b");
    REFUSED(ACT(CENTER, "cancel", "b", "{\"reason\":\"invalid\"}", NULL), "state");
    APPLIED(ACT(FIRM, "ask", "b", "{\"question\":\"?\"}", NULL));
    REFUSED(ACT(CENTER, "cancel", "b", "{\"reason\":\"invalid\"}", NULL), "already_started");
}
END_TEST

#define IMPORT(member, action, subject, fields)                                                    \
    world_act(&w, member, "order-import", action, subject, fields, NULL)

START_TEST(imported_history_keeps_its_own_times_in_order)
{
    const char *placed =
        "{\"occurred\":1420070400000, \"no\":\"101001\", \"type\":\"Pothole\", "
        "\"grid\":\"Dorchester\", \"due\":1420156800000, \"committed\":[\"1 Main St\"]}";
    REFUSED(IMPORT(FIRM, "place", "i", placed), "actor");
    REFUSED(IMPORT(CENTER, "place", "i",
                   text("{\"occurred\":%llu, \"no\":\"1\", \"type\":\"x\"}", in(WORLD_DAY))),
            "in_the_future");
    APPLIED(IMPORT(CENTER, "place", "i", placed));
    REFUSED(IMPORT(CENTER, "dispatch", "i", "{\"occurred\":1420070399999, \"provider\":\"PWDx\"}"),
            "before_the_last");
    APPLIED(IMPORT(CENTER, "dispatch", "i", "{\"occurred\":1420070400000, \"provider\":\"PWDx\"}"));
    APPLIED(IMPORT(CENTER, "accept", "i", "{\"occurred\":1420070400000}"));
    REFUSED(IMPORT(CENTER, "close", "i", "{\"occurred\":1420080000000}"), "state");
    APPLIED(IMPORT(CENTER, "complete", "i", "{\"occurred\":1420080000000, \"result\":\"fixed\"}"));
    APPLIED(IMPORT(CENTER, "close", "i", "{\"occurred\":1420080000000}"));
    ck_assert_str_eq(world_state(&w, "order-import", "i"), "closed");
    REFUSED(IMPORT(CENTER, "place", "j", placed), "unique");
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *tc = tcase_create("order");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, an_order_goes_from_placing_to_confirmation_and_rating);
    tcase_add_test(tc, an_order_for_somebody_else_needs_a_consent_or_the_residents_cosignature);
    tcase_add_test(tc, a_missing_unknown_or_mistyped_field_is_named);
    tcase_add_test(tc, only_the_provider_that_was_named_acts_and_only_in_order);
    tcase_add_test(tc, an_order_number_is_given_once);
    tcase_add_test(tc, the_second_return_goes_to_adjudication_and_two_of_three_decide);
    tcase_add_test(tc, an_approval_of_other_fields_is_no_approval);
    tcase_add_test(tc, an_extension_moves_the_due_day_and_a_second_one_needs_the_next_level);
    tcase_add_test(tc, seven_days_of_silence_close_an_order_without_calling_it_solved);
    tcase_add_test(tc, an_order_reopens_twice_with_the_confirming_key_and_then_is_supervised);
    tcase_add_test(tc, fifteen_days_after_completion_it_is_too_late_to_reopen);
    tcase_add_test(tc, a_confirmation_needs_the_one_time_key_over_this_record);
    tcase_add_test(tc, the_due_clock_starts_once_and_a_new_dispatch_can_not_reset_it);
    tcase_add_test(tc, a_question_pauses_the_due_clock_and_the_answer_resumes_it);
    tcase_add_test(tc, a_pause_ends_by_itself_after_five_working_days);
    tcase_add_test(tc, a_transfer_needs_both_providers);
    tcase_add_test(tc, the_first_provider_grabs_an_open_order);
    tcase_add_test(tc, a_parent_is_not_completed_over_open_children);
    tcase_add_test(tc, a_merged_filer_keeps_confirmation_rating_and_the_right_to_reopen);
    tcase_add_test(tc, an_arrival_outside_the_fence_waits_for_a_reviewer);
    tcase_add_test(tc, an_order_is_cancelled_before_service_begins_and_not_after);
    tcase_add_test(tc, imported_history_keeps_its_own_times_in_order);
    suite_add_tcase(suite, tc);
}

UNIT_MAIN("order", add_tests)
