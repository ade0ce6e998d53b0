/*
 * The engine on a view that the test has in its hand: subjects of an older version of their procedure,
 * and a state that can't be read.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "tests/unit/procedure_files.h"
#include "tests/unit/world.h"

/* Everything is read through to the world's state, but for what the test wants otherwise. */
struct double_view {
    struct ledger_view view;
    const struct ledger_view *below;
    uint16_t version; /* of the procedure that subjects live under; 0: as they do */
    enum anju_err subject_err, chain_err;
    uint16_t failing; /* procedure whose subjects can't be read; 0: any */
};

static struct world w;

static enum anju_err read_subject(const struct ledger_view *v, struct ledger_subject *out,
                                  uint16_t procedure, const struct ledger_subject_id *id,
                                  struct arena *a)
{
    const struct double_view *d = (const struct double_view *)v;
    struct ledger_attributes all;
    struct writer bytes = {0};

    if (d->subject_err != ANJU_OK && (d->failing == 0 || d->failing == procedure))
        return anju_fail(d->subject_err, "a page that the test damaged");
    enum anju_err err = d->below->subject(d->below, out, procedure, id, a);
    if (err != ANJU_OK || d->version == 0)
        return err;
    ck_assert_int_eq(ledger_attributes_decode(&all, out->attributes, a), ANJU_OK);
    for (uint32_t i = 0; i < all.count; i++)
        if (all.items[i].number == LEDGER_ATTR_PROCEDURE_VERSION)
            all.items[i].value = fixture_uint(&w.f, d->version);
    ledger_attributes_encode(&bytes, all.items, all.count);
    out->attributes = arena_copy(a, writer_view(&bytes));
    writer_free(&bytes);
    return ANJU_OK;
}

static enum anju_err read_chain(const struct ledger_view *v, struct ledger_chain *out,
                                const struct ledger_map_key *key)
{
    const struct double_view *d = (const struct double_view *)v;

    if (d->chain_err != ANJU_OK)
        return anju_fail(d->chain_err, "a page that the test damaged");
    return d->below->chain(d->below, out, key);
}

static struct double_view over_world(void)
{
    struct double_view d = {.below = ledger_overlay_view(w.o)};

    d.view = *d.below;
    d.view.subject = read_subject;
    d.view.chain = read_chain;
    return d;
}

/* Version 2 has no heat from fresh any more. */
static void setup(void)
{
    struct bytes compiled[3] = {files_compile("tests/procedures", "thing.json"),
                                {0},
                                files_compile("tests/procedures", "keeper.json")};
    struct ledger_procedure *p;
    struct writer second = {0};

    ck_assert_int_eq(ledger_procedure_decode(&p, compiled[0], &CRYPTO_ZERO_HASH), ANJU_OK);
    p->version = 2;
    for (unsigned i = 0; i < p->n_actions; i++)
        if (strcmp(p->action[i].name, "heat") == 0)
            p->action[i].from[0] = p->action[i].from[1];
    ledger_procedure_encode(&second, p);
    compiled[1] = writer_view(&second);
    world_begin(&w);
    world_seal_compiled(&w, compiled, 3);
    ledger_procedure_free(p);
    writer_free(&second);
    free((void *)(uintptr_t)compiled[0].data);
    free((void *)(uintptr_t)compiled[2].data);
    ck_assert_str_eq(world_act(&w, FIXTURE_FIRM, "keeper", "make", "k", NULL, NULL), "applied");
    ck_assert_str_eq(world_act(&w, FIXTURE_FIRM, "thing", "make", "t",
                               "{\"keeper\":\"k\", \"no\":\"7\"}", NULL),
                     "applied");
}

static void teardown(void)
{
    world_end(&w);
}

static uint16_t action_number(const char *name)
{
    const struct ledger_procedure *p = world_procedure(&w, "thing");

    for (unsigned i = 0; i < p->n_actions; i++)
        if (strcmp(p->action[i].name, name) == 0)
            return p->action[i].number;
    ck_abort_msg("no action %s", name);
}

static struct ledger_record heat(uint16_t version)
{
    return (struct ledger_record){.procedure = 41,
                                  .procedure_version = version,
                                  .action = action_number("heat"),
                                  .subject = world_subject("t"),
                                  .expected_version = 1};
}

static enum anju_err judge(struct ledger_judgement *out, const struct double_view *d,
                           const struct ledger_record *r)
{
    struct ledger_actor actor = {.member = FIXTURE_FIRM, .key = FIXTURE_FIRM, .time_ms = w.now};

    return ledger_judge(out, &d->view, &actor, r, &w.arena);
}

START_TEST(a_subject_lives_under_the_version_that_began_it)
{
    struct double_view d = over_world();
    struct ledger_record one = heat(1), two = heat(2);
    struct ledger_judgement j;

    /* New ones begin under the newest. */
    ck_assert(bytes_equal(world_raw(&w, "thing", "t", LEDGER_ATTR_PROCEDURE_VERSION),
                          fixture_uint(&w.f, 2)));
    ck_assert_int_eq(judge(&j, &d, &two), ANJU_OK);
    ck_assert_str_eq(j.clause, "state");
    ck_assert_int_eq(judge(&j, &d, &one), ANJU_OK);
    ck_assert_str_eq(j.clause, "procedure_version");
    ck_assert_ptr_nonnull(strstr(j.hint, "version 2 of thing, not 1"));

    /* An older one goes on as it began. */
    d.version = 1;
    ck_assert_int_eq(judge(&j, &d, &two), ANJU_OK);
    ck_assert_str_eq(j.clause, "procedure_version");
    ck_assert_ptr_nonnull(strstr(j.hint, "version 1 of thing, not 2"));
    ck_assert_int_eq(judge(&j, &d, &one), ANJU_OK);
    ck_assert_int_eq(j.outcome, LEDGER_APPLIED);
    ck_assert(crypto_hash_equal(
        &j.procedure_digest,
        ledger_procedure_digest(ledger_registry_procedure(w.f.registry, 41, 1))));

    /* Of a version that this ledger does not know, nothing is guessed. */
    d.version = 7;
    ck_assert_int_eq(judge(&j, &d, &one), ANJU_OK);
    ck_assert_str_eq(j.clause, "procedure_version");
}
END_TEST

/* A damaged page is no verdict: whoever asks must stop, not refuse. */
START_TEST(a_state_that_can_not_be_read_is_an_error_and_no_answer)
{
    struct double_view d = over_world();
    struct ledger_record r = heat(2);
    struct ledger_value fields[2];
    struct ledger_judgement j;
    struct ledger_subject_id k = world_subject("k");
    struct writer ref = {0};

    d.subject_err = ANJU_ERR_CORRUPT;
    ck_assert_int_eq(judge(&j, &d, &r), ANJU_ERR_CORRUPT);
    ck_assert_uint_eq(j.n_effects, 0);

    /* A reference that can't be followed. */
    mp_put_array(&ref, 2);
    mp_put_uint(&ref, 42);
    mp_put_bin(&ref, bytes_of(k.b, sizeof k.b));
    d.failing = 42;
    r.action = action_number("tell");
    fields[0] = (struct ledger_value){.number = 25, .value = fixture_int(&w.f, 1)};
    fields[1] = (struct ledger_value){.number = 28, .value = writer_view(&ref)};
    r.n_fields = 2;
    r.fields = fields;
    ck_assert_int_eq(judge(&j, &d, &r), ANJU_ERR_CORRUPT);
    d.subject_err = ANJU_OK;
    ck_assert_int_eq(judge(&j, &d, &r), ANJU_OK);
    ck_assert_int_eq(j.outcome, LEDGER_APPLIED);
    writer_free(&ref);

    /* A unique value whose count can't be read. */
    d.chain_err = ANJU_ERR_CORRUPT;
    r.action = action_number("rename");
    fields[0] = (struct ledger_value){.number = 1, .value = fixture_str(&w.f, "8")};
    r.n_fields = 1;
    ck_assert_int_eq(judge(&j, &d, &r), ANJU_ERR_CORRUPT);
    d.chain_err = ANJU_OK;
    ck_assert_int_eq(judge(&j, &d, &r), ANJU_OK);
    ck_assert_int_eq(j.outcome, LEDGER_APPLIED);
}
END_TEST

START_TEST(a_timer_on_a_state_that_can_not_be_read_is_an_error_too)
{
    struct double_view d = over_world();
    struct ledger_timer timer = {
        .due = w.now, .procedure = 41, .subject = world_subject("t"), .clock = 1};
    struct ledger_judgement j;
    struct bytes record;
    bool fired = true;

    d.subject_err = ANJU_ERR_CORRUPT;
    ck_assert_int_eq(ledger_judge_timer(&j, &record, &fired, &d.view, w.now, &timer, &w.arena),
                     ANJU_ERR_CORRUPT);
    ck_assert(!fired);
    d.subject_err = ANJU_OK; /* a clock that the subject does not have: nothing happens */
    ck_assert_int_eq(ledger_judge_timer(&j, &record, &fired, &d.view, w.now, &timer, &w.arena),
                     ANJU_OK);
    ck_assert(!fired);
    timer.subject = world_subject("nobody");
    ck_assert_int_eq(ledger_judge_timer(&j, &record, &fired, &d.view, w.now, &timer, &w.arena),
                     ANJU_OK);
    ck_assert(!fired);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *tc = tcase_create("judge view");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_subject_lives_under_the_version_that_began_it);
    tcase_add_test(tc, a_state_that_can_not_be_read_is_an_error_and_no_answer);
    tcase_add_test(tc, a_timer_on_a_state_that_can_not_be_read_is_an_error_too);
    suite_add_tcase(suite, tc);
}

UNIT_MAIN("judge view", add_tests)
