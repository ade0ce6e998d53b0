/*
 * What the engine answers to one record: every verdict that judging can give, with the words that
 * go with it, and the mechanisms of procedures one by one (tests/procedures/thing.json,
 * keeper.json). Clocks and timers: test_clock.c. Expressions: test_expr.c.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "ledger/map.h"
#include "tests/unit/world.h"

enum {
    GOVERNMENT = FIXTURE_GOVERNMENT, /* committee among its roles */
    FIRM = FIXTURE_FIRM,
    AGENCY = FIXTURE_AGENCY,
    AUDIT = FIXTURE_AUDITOR,
    STREET = FIXTURE_STREET,
};

static struct world w;

static void setup(void)
{
    static const char *const files[] = {"thing.json", "keeper.json"};

    world_begin(&w);
    world_seal(&w, "tests/procedures", files, 2);
}

static void teardown(void)
{
    world_end(&w);
}

#define THING(member, action, subject, fields, cosigners)                                          \
    world_act(&w, member, "thing", action, subject, fields, cosigners)
#define KEEPER(action, subject, fields) world_act(&w, FIRM, "keeper", action, subject, fields, NULL)
#define APPLIED(act) ck_assert_str_eq(act, "applied")
#define REFUSED(act, name) ck_assert_str_eq(act, name)
#define HINT(words)                                                                                \
    ck_assert_msg(strstr(w.judged.hint, words) != NULL, "the hint is: %s", w.judged.hint)

static void make(const char *subject, const char *fields)
{
    if (world_version(&w, "keeper", "k") == 0)
        APPLIED(KEEPER("make", "k", NULL));
    APPLIED(THING(FIRM, "make", subject, fields, NULL));
}

/* A record of thing's action with this number, as raw as it gets. */
static struct ledger_record raw(const char *subject, uint16_t action)
{
    return (struct ledger_record){.procedure = 41,
                                  .procedure_version = 1,
                                  .action = action,
                                  .subject = world_subject(subject),
                                  .expected_version = world_version(&w, "thing", subject)};
}

static uint16_t action_number(const char *name)
{
    const struct ledger_procedure *p = world_procedure(&w, "thing");

    for (unsigned i = 0; i < p->n_actions; i++)
        if (strcmp(p->action[i].name, name) == 0)
            return p->action[i].number;
    ck_abort_msg("there is no action %s", name);
}

/* ---- the record as a whole ---- */

START_TEST(procedures_and_versions_that_are_not_there_are_refused)
{
    make("t", "{\"keeper\":\"k\"}");
    struct ledger_record r = raw("t", action_number("heat"));
    r.procedure = 77;
    REFUSED(world_judge(&w, FIRM, &r), "procedure_unknown");
    ck_assert(crypto_hash_equal(&w.judged.procedure_digest, &CRYPTO_ZERO_HASH));
    r.procedure = 0;
    REFUSED(world_judge(&w, FIRM, &r), "builtin");
    r.procedure = 41;
    r.procedure_version = 2;
    REFUSED(world_judge(&w, FIRM, &r), "procedure_version");
    HINT("version 1 of thing");
    r.procedure_version = 1;
    ck_assert_str_eq(world_judge(&w, FIRM, &r), "applied");
    ck_assert(crypto_hash_equal(&w.judged.procedure_digest,
                                ledger_procedure_digest(world_procedure(&w, "thing"))));
}
END_TEST

START_TEST(an_action_that_is_not_there_or_does_not_start_here_is_refused)
{
    make("t", "{\"keeper\":\"k\"}");
    struct ledger_record r = raw("t", 99);
    REFUSED(world_judge(&w, FIRM, &r), "action_unknown");
    REFUSED(THING(FIRM, "cool", "t", NULL, NULL), "state");
    HINT("cool does not start from state fresh; from here: ");
    HINT("heat");
    /* What is not there can only be made, and what is there not once more. */
    REFUSED(THING(FIRM, "heat", "u", NULL, NULL), "state");
    HINT("from here: make");
    REFUSED(THING(FIRM, "make", "t", "{\"keeper\":\"k\"}", NULL), "state");
}
END_TEST

START_TEST(a_stale_version_is_told_what_is_now)
{
    make("t", "{\"keeper\":\"k\"}");
    APPLIED(THING(FIRM, "heat", "t", NULL, NULL));
    REFUSED(world_act_at(&w, FIRM, "thing", "cool", "t", 1, NULL, NULL), "version_stale");
    HINT("version 2, state warm");
    REFUSED(world_act_at(&w, FIRM, "thing", "cool", "t", 3, NULL, NULL), "version_stale");
    REFUSED(world_act_at(&w, FIRM, "thing", "make", "t", 0, "{\"keeper\":\"k\"}", NULL),
            "version_stale");
    REFUSED(world_act_at(&w, FIRM, "thing", "make", "u", 1, "{\"keeper\":\"k\"}", NULL),
            "version_stale");
    APPLIED(world_act_at(&w, FIRM, "thing", "cool", "t", 2, NULL, NULL));
}
END_TEST

START_TEST(holders_wait_for_the_private_store)
{
    uint32_t holder = FIRM;
    make("t", "{\"keeper\":\"k\"}");
    struct ledger_record r = raw("t", action_number("heat"));
    r.n_holders = 1;
    r.holders = &holder;
    REFUSED(world_judge(&w, FIRM, &r), "holders");
}
END_TEST

START_TEST(a_refusal_has_no_effects)
{
    make("t", "{\"keeper\":\"k\"}");
    REFUSED(THING(FIRM, "cool", "t", NULL, NULL), "state");
    ck_assert_uint_eq(w.judged.n_effects, 0);
    ck_assert_uint_eq(world_version(&w, "thing", "t"), 1);
}
END_TEST

/* ---- fields ---- */

START_TEST(a_missing_or_unknown_field_is_named)
{
    APPLIED(KEEPER("make", "k", NULL));
    REFUSED(THING(FIRM, "make", "t", "{\"n\":1}", NULL), "field_missing");
    ck_assert_str_eq(w.judged.field, "keeper");
    make("t", "{\"keeper\":\"k\"}");
    struct ledger_record r = raw("t", action_number("raise"));
    struct ledger_value field = {.number = 600, .value = fixture_int(&w.f, 1)};
    r.n_fields = 1;
    r.fields = &field;
    REFUSED(world_judge(&w, FIRM, &r), "field_unknown");
    HINT("it has: by");
}
END_TEST

/* Each value for each field of `types`: bytes in, verdict out. */
static const struct {
    const char *field;
    const uint8_t *value;
    size_t size;
    const char *verdict;
} values[] = {
#define V(text) (const uint8_t *)(text), sizeof(text) - 1
#define B32                                                                                        \
    "\xc4\x20"                                                                                     \
    "0123456789abcdef0123456789abcdef"
    {"bool", V("\xc3"), "applied"},
    {"bool", V("\x01"), "field_type"},
    {"bool", V("\xa1x"), "field_type"},
    {"int", V("\x05"), "applied"},
    {"int", V("\xfb"), "applied"}, /* -5 */
    {"int", V("\x06"), "field_limit"},
    {"int", V("\xfa"), "field_limit"},
    {"int", V("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), "field_type"},
    {"int", V("\xc2"), "field_type"},
    {"int", V("\x91\x01"), "field_type"},
    {"money", V("\x00"), "applied"},
    {"money", V("\xff"), "field_limit"},
    {"money", V("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"), "applied"},
    {"time", V("\xcf\x00\x00\x01\x9c\x00\x00\x00\x00"), "applied"},
    {"time", V("\xcf\x00\x00\x04\x00\x00\x00\x00\x00"), "field_type"}, /* after 2100 */
    {"time", V("\xff"), "field_type"},
    {"date", V("\xcd\x50\x00"), "applied"},
    {"date", V("\xcd\xff\xff"), "field_type"},
    {"text",
     V("\xa4"
       "door"),
     "applied"},
    {"text", V("\xa0"), "applied"},
    {"text",
     V("\xa5"
       "doors"),
     "field_limit"},
    {"text",
     V("\xc4\x04"
       "door"),
     "field_type"},
    {"code",
     V("\xa1"
       "1"),
     "applied"},
    {"code",
     V("\xa1"
       "9"),
     "code"},
    {"code", V("\x01"), "field_type"},
    {"bytes",
     V("\xc4\x04"
       "door"),
     "applied"},
    {"bytes",
     V("\xc4\x03"
       "doo"),
     "field_limit"},
    {"bytes",
     V("\xa4"
       "door"),
     "field_type"},
    {"hash", V(B32), "applied"},
    {"hash",
     V("\xc4\x1f"
       "0123456789abcdef0123456789abcde"),
     "field_limit"},
    {"point",
     V("\xc4\x21"
       "\x02"
       "0123456789abcdef0123456789abcdef"),
     "applied"},
    {"point",
     V("\xc4\x21"
       "\x04"
       "0123456789abcdef0123456789abcdef"),
     "field_type"},
    {"point", V(B32), "field_limit"},
    {"who", V("\x01"), "applied"},
    {"who", V("\x07"), "reference"},
    {"who", V("\x00"), "reference"},
    {"who",
     V("\xa1"
       "1"),
     "field_type"},
    {"plain",
     V("\xa6"
       "duty-7"),
     "applied"},
    {"plain", V("\x07"), "field_type"},
    {"other",
     V("\x92\x2a\xc4\x10"
       "0123456789abcdef"),
     "reference"}, /* not there */
    {"other",
     V("\x92\x29\xc4\x10"
       "0123456789abcdef"),
     "reference"}, /* of another procedure */
    {"other",
     V("\x92\x2a\xc4\x0f"
       "0123456789abcde"),
     "field_type"},
    {"other",
     V("\xc4\x10"
       "0123456789abcdef"),
     "field_type"},
    {"other",
     V("\x93\x2a\xc4\x10"
       "0123456789abcdef"
       "\x01"),
     "field_type"},
    {"private", V(B32), "applied"},
    {"private",
     V("\xa6"
       "secret"),
     "field_type"},
    {"files", V("\x90"), "applied"},
    {"files", V("\x92" B32 B32), "applied"},
    {"files", V("\x93" B32 B32 B32), "field_limit"},
    {"files", V("\x91\x01"), "field_type"},
    {"files", V(B32), "field_type"},
};

START_TEST(a_value_is_of_its_declared_type_and_within_its_limits)
{
    make("t", "{\"keeper\":\"k\"}");
    const struct ledger_procedure *p = world_procedure(&w, "thing");
    const struct ledger_action *a = ledger_procedure_action(p, action_number("types"));
    struct ledger_record r = raw("t", a->number);
    struct ledger_value field = {.value = bytes_of(values[_i].value, values[_i].size)};
    for (unsigned i = 0; i < a->n_fields; i++)
        if (strcmp(a->field[i].name, values[_i].field) == 0)
            field.number = a->field[i].number;
    ck_assert_uint_ne(field.number, 0);
    r.n_fields = 1;
    r.fields = &field;
    ck_assert_str_eq(world_judge(&w, FIRM, &r), values[_i].verdict);
    ck_assert_str_eq(w.judged.field,
                     strcmp(values[_i].verdict, "applied") == 0 ? "" : values[_i].field);
}
END_TEST

START_TEST(a_wrong_code_is_told_the_right_ones)
{
    make("t", "{\"keeper\":\"k\"}");
    REFUSED(THING(FIRM, "types", "t", "{\"code\":\"9\"}", NULL), "code");
    HINT("list urgency: 1, 2, 3, 4");
}
END_TEST

/* ---- attributes and effects ---- */

/* What an entry binds: absolute values, and a digest that opens to all of them. */
START_TEST(an_effect_says_what_is_now)
{
    struct ledger_attributes changed;
    struct crypto_hash digest;

    APPLIED(KEEPER("make", "k", NULL));
    APPLIED(THING(FIRM, "make", "t", "{\"keeper\":\"k\", \"n\":-7, \"note\":\"x\"}", NULL));
    ck_assert_uint_eq(w.judged.n_effects, 1);
    const struct ledger_effect *e = &w.judged.effects[0];
    ck_assert_uint_eq(e->procedure, 41);
    ck_assert_uint_eq(e->version_after, 1);
    ck_assert_uint_eq(e->state_after, 1);
    ck_assert_int_eq(ledger_changed_decode(&changed, e->changed, &w.arena), ANJU_OK);
    static const uint16_t numbers[] = {LEDGER_ATTR_OPEN, LEDGER_ATTR_PARENT,
                                       LEDGER_ATTR_PROCEDURE_VERSION, 21, 24};
    ck_assert_uint_eq(changed.count, 5);
    for (unsigned i = 0; i < 5; i++)
        ck_assert_uint_eq(changed.items[i].number, numbers[i]);
    ck_assert(bytes_equal(changed.items[3].value, fixture_int(&w.f, -7)));
    ledger_state_digest(&digest, &w.f.registry->ledger_id, 41, &e->subject, 1, 1, &changed);
    ck_assert(crypto_hash_equal(&digest, &e->state_digest));

    /* Only what differs; a cleared attribute has no value. */
    APPLIED(THING(FIRM, "forget", "t", NULL, NULL));
    e = &w.judged.effects[0];
    ck_assert_uint_eq(e->version_after, 2);
    ck_assert_int_eq(ledger_changed_decode(&changed, e->changed, &w.arena), ANJU_OK);
    ck_assert_uint_eq(changed.count, 1);
    ck_assert_uint_eq(changed.items[0].number, 24);
    ck_assert_uint_eq(changed.items[0].value.size, 0);
    ck_assert(!world_has(&w, "thing", "t", "note"));
}
END_TEST

START_TEST(a_field_that_is_left_out_changes_nothing)
{
    make("t", "{\"keeper\":\"k\", \"no\":\"a\"}");
    ck_assert(!world_has(&w, "thing", "t", "owner"));
    APPLIED(THING(FIRM, "raise", "t", "{\"by\":5}", NULL));
    ck_assert_int_eq(world_int(&w, "thing", "t", "n"), 5);
    ck_assert(world_has(&w, "thing", "t", "no"));
}
END_TEST

/* Values are taken before anything changes, so two attributes can change places. */
START_TEST(all_values_are_those_before)
{
    make("t", "{\"keeper\":\"k\", \"owner\":2}");
    APPLIED(THING(FIRM, "lend", "t", "{\"who\":3}", NULL));
    APPLIED(THING(FIRM, "swap", "t", NULL, NULL));
    ck_assert_int_eq(world_int(&w, "thing", "t", "owner"), 3);
    ck_assert_int_eq(world_int(&w, "thing", "t", "friend"), 2);
}
END_TEST

START_TEST(a_sum_stays_within_its_attribute_and_within_64_bits)
{
    make("t", "{\"keeper\":\"k\", \"n\":99, \"big\":4611686018427387904}");
    REFUSED(THING(FIRM, "raise", "t", "{\"by\":2}", NULL), "field_limit");
    ck_assert_str_eq(w.judged.field, "n");
    REFUSED(THING(FIRM, "double", "t", NULL, NULL), "arithmetic");
    APPLIED(THING(FIRM, "raise", "t", "{\"by\":1}", NULL));
    make("u", "{\"keeper\":\"k\", \"big\":-4611686018427387904}");
    APPLIED(THING(FIRM, "double", "u", NULL, NULL));
    ck_assert(world_int(&w, "thing", "u", "big") == INT64_MIN);
    REFUSED(THING(FIRM, "raise", "u", "{\"by\":-1}", NULL), "arithmetic");
    ck_assert_str_eq(w.judged.field, "big");
}
END_TEST

START_TEST(a_list_takes_each_item_once_and_no_more_than_it_holds)
{
    make("t", "{\"keeper\":\"k\"}");
    APPLIED(THING(FIRM, "tag", "t", "{\"tag\":\"a\"}", NULL));
    APPLIED(THING(FIRM, "tag", "t", "{\"tag\":\"a\"}", NULL));
    APPLIED(THING(FIRM, "tag", "t", "{\"tag\":\"b\"}", NULL));
    APPLIED(THING(FIRM, "tag", "t", "{\"tag\":\"b\"}", NULL)); /* full, but it is in it */
    REFUSED(THING(FIRM, "tag", "t", "{\"tag\":\"c\"}", NULL), "field_limit");
    ck_assert_str_eq(w.judged.field, "tags");
    struct bytes tags = world_raw(&w, "thing", "t", 25);
    ck_assert(bytes_equal(tags, bytes_of("\x92\xa1"
                                         "a\xa1"
                                         "b",
                                         5)));
}
END_TEST

/* Over the cap of the format, nobody could read the subject any more. */
START_TEST(a_subject_keeps_no_more_than_fits_a_record)
{
    struct writer pages = {0};
    char page[4000];

    make("t", "{\"keeper\":\"k\"}");
    memset(page, 'p', sizeof page);
    for (unsigned n = 16; n <= 17; n++) {
        writer_clear(&pages);
        mp_put_array(&pages, n);
        for (unsigned i = 0; i < n; i++)
            mp_put_str(&pages, bytes_of(page, sizeof page));
        struct ledger_record r = raw("t", action_number("write"));
        struct ledger_value field = {.number = 27, .value = writer_view(&pages)};
        r.n_fields = 1;
        r.fields = &field;
        ck_assert_str_eq(world_judge(&w, FIRM, &r), n == 16 ? "applied" : "field_limit");
    }
    writer_free(&pages);
}
END_TEST

START_TEST(cases_are_judged_after_the_effects_and_one_must_hold)
{
    make("a", "{\"keeper\":\"k\"}");
    make("b", "{\"keeper\":\"k\", \"n\":50}");
    APPLIED(THING(FIRM, "sort", "a", "{\"n\":10}", NULL));
    ck_assert_str_eq(world_state(&w, "thing", "a"), "warm");
    REFUSED(THING(FIRM, "sort", "b", "{\"n\":9}", NULL), "case");
    APPLIED(THING(FIRM, "sort", "b", "{\"n\":-1}", NULL));
    ck_assert_str_eq(world_state(&w, "thing", "b"), "cold");
}
END_TEST

/* ---- actors ---- */

START_TEST(a_role_a_relation_or_a_name_in_the_record_lets_a_member_act)
{
    make("t", "{\"keeper\":\"k\", \"owner\":3}");
    REFUSED(THING(FIRM, "by_role", "t", NULL, NULL), "actor");
    HINT("who may do by_role: role street/audit");
    APPLIED(THING(STREET, "by_role", "t", NULL, NULL));
    APPLIED(THING(AUDIT, "by_role", "t", NULL, NULL));
    REFUSED(THING(FIRM, "by_owner", "t", NULL, NULL), "actor");
    APPLIED(THING(AGENCY, "by_owner", "t", NULL, NULL));
    REFUSED(THING(FIRM, "by_named", "t", "{\"who\":3}", NULL), "actor");
    APPLIED(THING(FIRM, "by_named", "t", "{\"who\":2}", NULL));
    /* An owner that nobody named is nobody. */
    APPLIED(THING(FIRM, "forget", "t", NULL, NULL));
    REFUSED(THING(AGENCY, "by_owner", "t", NULL, NULL), "actor");
}
END_TEST

START_TEST(a_key_that_the_subject_or_record_names_must_have_cosigned)
{
    make("t", "{\"keeper\":\"k\", \"key\":\"kim\"}");
    REFUSED(THING(FIRM, "by_key", "t", NULL, NULL), "cosignature");
    HINT("a cosignature of the named key");
    REFUSED(THING(FIRM, "by_key", "t", NULL, "lee"), "cosignature");
    APPLIED(THING(FIRM, "by_key", "t", NULL, "kim"));
    APPLIED(THING(FIRM, "by_key", "t", NULL, "lee kim"));
    /* Of a list, one is enough. */
    REFUSED(THING(FIRM, "by_keys", "t", NULL, "kim"), "cosignature");
    APPLIED(THING(FIRM, "tag", "t", "{\"key\":\"lee\"}", NULL));
    APPLIED(THING(FIRM, "tag", "t", "{\"key\":\"ann\"}", NULL));
    APPLIED(THING(FIRM, "by_keys", "t", NULL, "ann"));
    REFUSED(THING(FIRM, "by_keys", "t", NULL, "kim"), "cosignature");
    /* Role and cosignature together. */
    REFUSED(THING(FIRM, "by_both", "t", "{\"signer\":\"kim\"}", "kim"), "actor");
    REFUSED(THING(GOVERNMENT, "by_both", "t", "{\"signer\":\"kim\"}", NULL), "cosignature");
    APPLIED(THING(GOVERNMENT, "by_both", "t", "{\"signer\":\"kim\"}", "kim"));
    /* One of two ways. */
    APPLIED(THING(AUDIT, "by_two_ways", "t", NULL, NULL));
    APPLIED(THING(FIRM, "by_two_ways", "t", NULL, "kim"));
    REFUSED(THING(FIRM, "by_two_ways", "t", NULL, NULL), "cosignature");
}
END_TEST

/* ---- approvals ---- */

#define AGREE(member, note) THING(member, "agree", "t", "{\"note\":\"" note "\"}", NULL)

START_TEST(the_last_of_m_approvals_carries_the_action_out)
{
    make("t", "{\"keeper\":\"k\", \"owner\":3}");
    APPLIED(AGREE(GOVERNMENT, "yes"));
    ck_assert_str_eq(world_state(&w, "thing", "t"), "fresh");
    ck_assert(!world_has(&w, "thing", "t", "note"));
    ck_assert_uint_eq(world_version(&w, "thing", "t"), 2);
    ck_assert_uint_gt(world_raw(&w, "thing", "t", LEDGER_ATTR_APPROVALS).size, 0);
    REFUSED(AGREE(GOVERNMENT, "yes"), "approval");
    REFUSED(AGREE(AUDIT, "yes"), "actor");
    HINT("agree needs 2 of: ");
    REFUSED(AGREE(AGENCY, "no"), "approval");
    HINT("open with other fields");
    APPLIED(AGREE(AGENCY, "yes"));
    ck_assert_str_eq(world_state(&w, "thing", "t"), "cold");
    ck_assert(world_has(&w, "thing", "t", "note"));
    ck_assert_uint_eq(world_raw(&w, "thing", "t", LEDGER_ATTR_APPROVALS).size, 0);
}
END_TEST

/* The committee could stand for both of the first two slots; it moves over for the street. */
START_TEST(each_approver_fills_a_slot_of_its_own)
{
    make("t", "{\"keeper\":\"k\"}");
    APPLIED(AGREE(GOVERNMENT, "yes"));
    APPLIED(AGREE(STREET, "yes"));
    ck_assert_str_eq(world_state(&w, "thing", "t"), "cold");
    /* Two streets are not a street and a committee. */
    teardown();
    world_begin(&w);
    world_role(&w, FIRM, "street");
    static const char *const files[] = {"thing.json", "keeper.json"};
    world_seal(&w, "tests/procedures", files, 2);
    make("t", "{\"keeper\":\"k\"}");
    APPLIED(AGREE(STREET, "yes"));
    REFUSED(AGREE(FIRM, "yes"), "approval");
    APPLIED(AGREE(GOVERNMENT, "yes"));
    ck_assert_str_eq(world_state(&w, "thing", "t"), "cold");
}
END_TEST

START_TEST(a_party_can_not_approve_and_checks_hold_for_each_approval)
{
    make("t", "{\"keeper\":\"k\"}");
    APPLIED(THING(FIRM, "lend", "t", "{\"who\":5}", NULL));
    REFUSED(AGREE(STREET, "yes"), "approval");
    HINT("a party");
    make("u", "{\"keeper\":\"k\", \"flag\":true}");
    REFUSED(THING(GOVERNMENT, "agree", "u", "{\"note\":\"yes\"}", NULL), "flagged");
    ck_assert_int_ge(w.judged.outcome, LEDGER_REFUSED_CLAUSES_FROM);
}
END_TEST

START_TEST(an_approval_expires_after_its_time)
{
    make("t", "{\"keeper\":\"k\"}");
    APPLIED(AGREE(GOVERNMENT, "yes"));
    world_wait(&w, WORLD_DAY - 2000);
    REFUSED(AGREE(STREET, "no"), "approval");
    /* Each act takes a second: it is a day now, to the millisecond. */
    APPLIED(AGREE(STREET, "no"));
    ck_assert_str_eq(world_state(&w, "thing", "t"), "fresh");
    APPLIED(AGREE(GOVERNMENT, "no"));
    ck_assert_str_eq(world_state(&w, "thing", "t"), "cold");
}
END_TEST

/* fresh -> warm keeps it, since agree starts from both; where it does not start it is void for
 * good. */
START_TEST(an_approval_lapses_where_its_action_does_not_start)
{
    make("t", "{\"keeper\":\"k\"}");
    APPLIED(AGREE(GOVERNMENT, "yes"));
    APPLIED(THING(FIRM, "heat", "t", NULL, NULL));
    ck_assert_uint_gt(world_raw(&w, "thing", "t", LEDGER_ATTR_APPROVALS).size, 0);
    APPLIED(THING(FIRM, "cool", "t", NULL, NULL));
    ck_assert_uint_eq(world_raw(&w, "thing", "t", LEDGER_ATTR_APPROVALS).size, 0);
    APPLIED(THING(FIRM, "heat", "t", NULL, NULL));
    APPLIED(AGREE(STREET, "yes"));
    ck_assert_str_eq(world_state(&w, "thing", "t"), "warm");
}
END_TEST

START_TEST(approvals_of_two_actions_wait_side_by_side)
{
    make("t", "{\"keeper\":\"k\"}");
    APPLIED(THING(AUDIT, "settle", "t", NULL, NULL));
    APPLIED(AGREE(GOVERNMENT, "yes"));
    APPLIED(THING(GOVERNMENT, "settle", "t", NULL, NULL));
    ck_assert_str_eq(world_state(&w, "thing", "t"), "fresh");
    APPLIED(THING(STREET, "settle", "t", NULL, NULL));
    ck_assert_str_eq(world_state(&w, "thing", "t"), "warm");
    APPLIED(AGREE(STREET, "yes"));
    ck_assert_str_eq(world_state(&w, "thing", "t"), "cold");
}
END_TEST

/* ---- other subjects ---- */

START_TEST(an_action_changes_the_offered_attributes_of_others)
{
    struct ledger_subject_id k = world_subject("k"), t = world_subject("t");

    make("t", "{\"keeper\":\"k\", \"note\":\"hi\"}");
    APPLIED(KEEPER("make", "l", "{\"label\":\"old\"}"));
    APPLIED(THING(FIRM, "tell", "t", "{\"first\":\"k\", \"second\":\"l\", \"by\":4}", NULL));
    ck_assert_uint_eq(w.judged.n_effects, 3);
    for (unsigned i = 1; i < 3; i++) { /* ascending by (procedure, subject) */
        const struct ledger_effect *a = &w.judged.effects[i - 1], *b = &w.judged.effects[i];
        ck_assert(a->procedure < b->procedure ||
                  (a->procedure == b->procedure &&
                   memcmp(a->subject.b, b->subject.b, sizeof a->subject.b) < 0));
    }
    ck_assert_int_eq(memcmp(w.judged.effects[0].subject.b, t.b, sizeof t.b), 0);
    ck_assert_int_eq(world_int(&w, "keeper", "k", "count"), 1);
    ck_assert_int_eq(world_int(&w, "keeper", "l", "total"), 4);
    ck_assert(world_has(&w, "keeper", "k", "label"));
    ck_assert_uint_eq(world_version(&w, "keeper", "k"), 2);
    ck_assert_str_eq(world_state(&w, "keeper", "k"), "here");
    APPLIED(THING(FIRM, "quiet", "t", NULL, NULL));
    ck_assert(!world_has(&w, "keeper", "k", "label"));
    (void)k;
}
END_TEST

START_TEST(two_references_to_one_subject_both_count)
{
    make("t", "{\"keeper\":\"k\"}");
    APPLIED(THING(FIRM, "tell", "t", "{\"first\":\"k\", \"second\":\"k\", \"by\":4}", NULL));
    ck_assert_uint_eq(w.judged.n_effects, 2);
    ck_assert_int_eq(world_int(&w, "keeper", "k", "count"), 2);
    ck_assert_int_eq(world_int(&w, "keeper", "k", "total"), 8);
    ck_assert_uint_eq(world_version(&w, "keeper", "k"), 2);
    REFUSED(THING(FIRM, "tell", "t", "{\"first\":\"k\", \"second\":\"k\", \"by\":500}", NULL),
            "field_limit");
    ck_assert_str_eq(w.judged.field, "total");
}
END_TEST

START_TEST(two_subjects_of_one_record_can_not_take_one_unique_value)
{
    make("t", "{\"keeper\":\"k\"}");
    APPLIED(KEEPER("make", "l", NULL));
    REFUSED(THING(FIRM, "mark", "t", "{\"first\":\"k\", \"second\":\"l\", \"note\":\"m\"}", NULL),
            "unique");
    ck_assert_str_eq(w.judged.field, "mark");
    APPLIED(THING(FIRM, "mark", "t", "{\"first\":\"k\", \"note\":\"m\"}", NULL));
    REFUSED(THING(FIRM, "mark", "t", "{\"first\":\"l\", \"note\":\"m\"}", NULL), "unique");
    APPLIED(THING(FIRM, "mark", "t", "{\"first\":\"k\", \"second\":\"k\", \"note\":\"n\"}", NULL));
    APPLIED(THING(FIRM, "mark", "t", "{\"first\":\"l\", \"note\":\"m\"}", NULL));
}
END_TEST

START_TEST(an_action_creates_subjects_that_are_not_there_yet)
{
    make("t", "{\"keeper\":\"k\"}");
    REFUSED(THING(FIRM, "spawn", "t", "{\"one\":{\"id\":\"k\"}}", NULL), "reference");
    REFUSED(THING(FIRM, "spawn", "t", "{\"one\":{\"id\":\"x\"}, \"two\":{\"id\":\"x\"}}", NULL),
            "reference");
    APPLIED(THING(FIRM, "spawn", "t", "{\"one\":{\"id\":\"x\"}, \"two\":{\"id\":\"y\"}}", NULL));
    ck_assert_uint_eq(w.judged.n_effects, 3);
    ck_assert_str_eq(world_state(&w, "keeper", "x"), "here");
    ck_assert_uint_eq(world_version(&w, "keeper", "y"), 1);
    ck_assert(world_bool(&w, "keeper", "y", "open"));
    ck_assert(bytes_equal(world_raw(&w, "keeper", "y", 18), fixture_str(&w.f, "two")));
    ck_assert(bytes_equal(world_raw(&w, "keeper", "y", LEDGER_ATTR_PROCEDURE_VERSION),
                          fixture_uint(&w.f, 1)));
    APPLIED(KEEPER("shut", "x", NULL));
    APPLIED(THING(FIRM, "spawn", "t", "{\"one\":{\"id\":\"z\"}}", NULL));
    ck_assert_uint_eq(w.judged.n_effects, 2);
}
END_TEST

/* A thing is there, but a thing is no keeper. */
START_TEST(a_reference_names_a_subject_of_its_procedure)
{
    struct ledger_subject_id t = world_subject("t");
    struct writer ref = {0};

    make("t", "{\"keeper\":\"k\"}");
    struct ledger_record r = raw("t", action_number("types"));
    struct ledger_value field = {.number = 21};
    mp_put_array(&ref, 2);
    mp_put_uint(&ref, 41);
    mp_put_bin(&ref, bytes_of(t.b, sizeof t.b));
    field.value = writer_view(&ref);
    r.n_fields = 1;
    r.fields = &field;
    REFUSED(world_judge(&w, FIRM, &r), "reference");
    HINT("a subject of procedure 42, not of 41");
    writer_free(&ref);
}
END_TEST

START_TEST(an_absent_reference_reaches_nobody)
{
    make("t", "{\"keeper\":\"k\"}");
    APPLIED(THING(FIRM, "tell", "t", "{\"by\":4}", NULL));
    ck_assert_uint_eq(w.judged.n_effects, 1);
}
END_TEST

/* The compiler refuses it, but what is offered can change with a procedure's next version. */
START_TEST(what_is_not_offered_is_refused_by_the_engine_too)
{
    struct ledger_procedure *keeper =
        (struct ledger_procedure *)(uintptr_t)world_procedure(&w, "keeper");

    make("t", "{\"keeper\":\"k\"}");
    keeper->offer[0].n = 1; /* count alone */
    REFUSED(THING(FIRM, "tell", "t", "{\"second\":\"k\", \"by\":4}", NULL), "not_offered");
    keeper->offer[0].n = 4;
    APPLIED(THING(FIRM, "tell", "t", "{\"second\":\"k\", \"by\":4}", NULL));
}
END_TEST

START_TEST(a_record_reaches_a_bounded_number_of_subjects)
{
    make("t", "{\"keeper\":\"k\"}");
    APPLIED(KEEPER("make", "l", NULL));
    APPLIED(KEEPER("make", "m", NULL));
    ((struct ledger_registry *)w.f.registry)->limits.touched = 3;
    REFUSED(THING(FIRM, "name_many", "t", "{\"list\":[\"k\", \"l\"]}", NULL), "nobody_counts");
    REFUSED(THING(FIRM, "name_many", "t", "{\"list\":[\"k\", \"l\", \"m\"]}", NULL), "touched");
}
END_TEST

/* Loading keeps the subjects in order, whatever order the record names them in. */
START_TEST(many_references_in_any_order_are_all_found)
{
    char fields[2000] = "{\"list\":[", name[20];

    make("t", "{\"keeper\":\"k\"}");
    for (unsigned i = 0; i < 60; i++) {
        (void)sprintf(name, "many%u", i);
        APPLIED(KEEPER("make", name, NULL));
        (void)sprintf(fields + strlen(fields), "\"%s\",", name);
    }
    strcat(fields, "\"k\"]}");
    REFUSED(THING(FIRM, "name_many", "t", fields, NULL), "nobody_counts");
    APPLIED(THING(FIRM, "tell", "t", "{\"first\":\"many31\", \"by\":1}", NULL));
    APPLIED(THING(FIRM, "name_many", "t", fields, NULL));
}
END_TEST

/* ---- parents and indexes ---- */

START_TEST(a_parent_counts_its_open_children)
{
    make("t", "{\"keeper\":\"k\"}");
    make("u", "{\"keeper\":\"k\"}");
    REFUSED(KEEPER("shut", "k", NULL), "open_children");
    APPLIED(THING(FIRM, "end", "t", NULL, NULL));
    REFUSED(KEEPER("shut", "k", NULL), "open_children");
    APPLIED(THING(FIRM, "end", "u", NULL, NULL));
    ck_assert(!world_bool(&w, "thing", "u", "open"));
    APPLIED(KEEPER("shut", "k", NULL));
}
END_TEST

START_TEST(a_unique_value_is_held_by_one_subject_until_it_lets_go)
{
    make("t", "{\"keeper\":\"k\", \"no\":\"7\"}");
    REFUSED(THING(FIRM, "make", "u", "{\"keeper\":\"k\", \"no\":\"7\"}", NULL), "unique");
    ck_assert_str_eq(w.judged.field, "no");
    APPLIED(THING(FIRM, "rename", "t", "{\"no\":\"7\"}", NULL)); /* its own */
    make("u", "{\"keeper\":\"k\", \"no\":\"8\"}");
    REFUSED(THING(FIRM, "rename", "u", "{\"no\":\"7\"}", NULL), "unique");
    APPLIED(THING(FIRM, "rename", "t", "{\"no\":\"9\"}", NULL));
    APPLIED(THING(FIRM, "rename", "u", "{\"no\":\"7\"}", NULL));
    APPLIED(THING(FIRM, "forget", "u", NULL, NULL));
    APPLIED(THING(FIRM, "rename", "t", "{\"no\":\"7\"}", NULL));
    make("v", "{\"keeper\":\"k\"}"); /* absent values are not counted, however many */
    make("x", "{\"keeper\":\"k\"}");
}
END_TEST

/* docs/formats.md, "Chains and the map": 02, procedure, index, n, then type, length, bytes of each
 * part. */
START_TEST(a_tuples_key_has_the_bytes_of_the_format)
{
    const struct ledger_procedure *p = world_procedure(&w, "thing");
    struct ledger_value items[] = {{LEDGER_ATTR_OPEN, fixture_bool(&w.f, true)},
                                   {LEDGER_ATTR_PARENT, bytes_of("\x92\x2a\xc4\x10"
                                                                 "0123456789abcdef",
                                                                 20)},
                                   {16, fixture_str(&w.f, "no7")},
                                   {17, fixture_uint(&w.f, 258)}};
    struct ledger_attributes all = {.count = 4, .items = items};
    static const struct {
        const char *bytes;
        size_t size;
    } want[] = {
#define W(text) {text, sizeof(text) - 1}
        W("\x02\x00\x29\x00\x01\x01"
          "\x01\x00\x08\x00\x00\x00\x00\x00\x00\x01\x02"),
        W("\x02\x00\x29\x00\x02\x02"
          "\x05\x00\x12\x00\x2a"
          "0123456789abcdef"
          "\x03\x00\x01\x01"),
        W("\x02\x00\x29\x00\x03\x02"
          "\x01\x00\x08\x00\x00\x00\x00\x00\x00\x00\x02"
          "\x00\x00\x00"),
        W("\x02\x00\x29\x00\x04\x01"
          "\x04\x00\x03"
          "no7"),
    };
    struct writer key = {0};
    uint32_t n;
    const struct ledger_index *index = ledger_procedure_indexes(p, &n);

    ck_assert_uint_eq(n, 4);
    for (uint32_t i = 0; i < n; i++) {
        writer_clear(&key);
        ck_assert(ledger_index_tuple(&key, p, &index[i], 2, &all));
        ck_assert(bytes_equal(writer_view(&key), bytes_of(want[i].bytes, want[i].size)));
    }
    all.count = 2; /* without a number it is not counted among the unique ones */
    writer_clear(&key);
    ck_assert(!ledger_index_tuple(&key, p, &index[3], 2, &all));
    ck_assert(ledger_index_tuple(&key, p, &index[0], 2, &all));
    writer_free(&key);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *tc = tcase_create("judge");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, procedures_and_versions_that_are_not_there_are_refused);
    tcase_add_test(tc, an_action_that_is_not_there_or_does_not_start_here_is_refused);
    tcase_add_test(tc, a_stale_version_is_told_what_is_now);
    tcase_add_test(tc, holders_wait_for_the_private_store);
    tcase_add_test(tc, a_refusal_has_no_effects);
    tcase_add_test(tc, a_missing_or_unknown_field_is_named);
    tcase_add_loop_test(tc, a_value_is_of_its_declared_type_and_within_its_limits, 0,
                        (int)(sizeof values / sizeof *values));
    tcase_add_test(tc, a_wrong_code_is_told_the_right_ones);
    tcase_add_test(tc, an_effect_says_what_is_now);
    tcase_add_test(tc, a_field_that_is_left_out_changes_nothing);
    tcase_add_test(tc, all_values_are_those_before);
    tcase_add_test(tc, a_sum_stays_within_its_attribute_and_within_64_bits);
    tcase_add_test(tc, a_list_takes_each_item_once_and_no_more_than_it_holds);
    tcase_add_test(tc, a_subject_keeps_no_more_than_fits_a_record);
    tcase_add_test(tc, cases_are_judged_after_the_effects_and_one_must_hold);
    tcase_add_test(tc, a_role_a_relation_or_a_name_in_the_record_lets_a_member_act);
    tcase_add_test(tc, a_key_that_the_subject_or_record_names_must_have_cosigned);
    tcase_add_test(tc, the_last_of_m_approvals_carries_the_action_out);
    tcase_add_test(tc, each_approver_fills_a_slot_of_its_own);
    tcase_add_test(tc, a_party_can_not_approve_and_checks_hold_for_each_approval);
    tcase_add_test(tc, an_approval_expires_after_its_time);
    tcase_add_test(tc, an_approval_lapses_where_its_action_does_not_start);
    tcase_add_test(tc, approvals_of_two_actions_wait_side_by_side);
    tcase_add_test(tc, an_action_changes_the_offered_attributes_of_others);
    tcase_add_test(tc, two_references_to_one_subject_both_count);
    tcase_add_test(tc, two_subjects_of_one_record_can_not_take_one_unique_value);
    tcase_add_test(tc, an_action_creates_subjects_that_are_not_there_yet);
    tcase_add_test(tc, a_reference_names_a_subject_of_its_procedure);
    tcase_add_test(tc, an_absent_reference_reaches_nobody);
    tcase_add_test(tc, what_is_not_offered_is_refused_by_the_engine_too);
    tcase_add_test(tc, a_record_reaches_a_bounded_number_of_subjects);
    tcase_add_test(tc, many_references_in_any_order_are_all_found);
    tcase_add_test(tc, a_parent_counts_its_open_children);
    tcase_add_test(tc, a_unique_value_is_held_by_one_subject_until_it_lets_go);
    tcase_add_test(tc, a_tuples_key_has_the_bytes_of_the_format);
    suite_add_tcase(suite, tc);
}

UNIT_MAIN("judge", add_tests)
