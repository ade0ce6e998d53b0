/*
 * Random records of every procedure that there is, sensible ones and nonsense: the engine always
 * answers, what it applies executes, and what must hold of every subject holds after each step.
 * Everything follows from one seed, so the coverage that is asked for at the end is the same in
 * every run.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/procedure_files.h"
#include "tests/unit/world.h"

enum { SUBJECTS = 5, STEPS = 8000 };

static const struct {
    const char *folder, *file;
} files[] = {
    {"ledger/procedures", "order.json"},  {"ledger/procedures", "order-import.json"},
    {"tests/procedures", "account.json"}, {"tests/procedures", "journal.json"},
    {"tests/procedures", "period.json"},  {"tests/procedures", "unit.json"},
    {"tests/procedures", "vote.json"},    {"tests/procedures", "ballot.json"},
    {"tests/procedures", "duty.json"},    {"tests/procedures", "task.json"},
    {"tests/procedures", "thing.json"},   {"tests/procedures", "keeper.json"},
    {"tests/procedures", "timed.json"},
};
enum { PROCEDURES = sizeof files / sizeof *files };

static const char *const roles[] = {
    "center", "hotline",      "committee",    "import", "firm",  "provider", "audit",
    "street", "dept:justice", "dept:housing", "owners", "party", "parent"};
static const char *const people[] = {"ann", "bo", "cai"};

static struct world w;
static struct crypto_key keys[3]; /* of the people */
static uint64_t random_state;

static uint32_t below(uint32_t n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 33) % n;
}

static bool one_in(uint32_t n)
{
    return below(n) == 0;
}

/* Of each procedure five subjects are spoken of at a time; where one has ended, a new one comes. */
static unsigned generation[PROCEDURES][SUBJECTS];

static unsigned index_of(uint16_t procedure)
{
    for (unsigned i = 0; i < PROCEDURES; i++)
        if (w.f.registry->procedures[i]->number == procedure)
            return i;
    return 0;
}

static const char *subject_name(unsigned procedure, unsigned i)
{
    static char out[20];

    (void)snprintf(out, sizeof out, "s%u.%u", i, generation[procedure][i]);
    return out;
}

static void setup(void)
{
    struct bytes compiled[PROCEDURES] = {{0}};
    struct crypto_secret secret;

    for (unsigned i = 0; i < 3; i++)
        world_key(&keys[i], &secret, people[i]);

    world_begin(&w);
    for (uint32_t m = 1; m <= FIXTURE_MEMBERS; m++)
        for (unsigned i = 0; i < sizeof roles / sizeof *roles; i++) {
            const struct ledger_member *member = &w.f.genesis.members[m - 1];
            bool has = i == 0; /* there is one center, it has it */
            for (uint32_t k = 0; k < member->n_roles; k++)
                has = has || strcmp(member->roles[k], roles[i]) == 0;
            if (!has && (i + m) % 2 == 0)
                world_role(&w, m, roles[i]);
        }
    for (unsigned i = 0; i < PROCEDURES; i++)
        compiled[i] = files_compile(files[i].folder, files[i].file);
    world_seal_compiled(&w, compiled, PROCEDURES);
    for (unsigned i = 0; i < PROCEDURES; i++)
        free((void *)(uintptr_t)compiled[i].data);
}

static void teardown(void)
{
    world_end(&w);
}

/* ---- values ---- */

static const uint8_t *noise(size_t size)
{
    static uint8_t out[64];

    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)below(256);
    return out;
}

static void put_nonsense(struct writer *v, unsigned depth)
{
    switch (below(depth < 3 ? 7 : 6)) {
    case 0:
        mp_put_bool(v, one_in(2));
        return;
    case 1:
        mp_put_int(v, (int64_t)below(200) - 100);
        return;
    case 2:
        mp_put_uint(v, one_in(2) ? UINT64_MAX : below(100000));
        return;
    case 3:
        mp_put_int(v, one_in(2) ? INT64_MIN : INT64_MAX);
        return;
    case 4:
        mp_put_str(v, bytes_of("nonsense", below(9)));
        return;
    case 5: {
        size_t size = below(40);
        mp_put_bin(v, bytes_of(noise(size), size));
        return;
    }
    default: {
        uint32_t n = below(4);
        mp_put_array(v, n);
        for (uint32_t i = 0; i < n; i++)
            put_nonsense(v, depth + 1);
    }
    }
}

static void put_reference(struct writer *v, uint16_t procedure)
{
    struct ledger_subject_id id = world_subject(subject_name(index_of(procedure), below(SUBJECTS)));

    mp_put_array(v, 2);
    mp_put_uint(v, procedure);
    mp_put_bin(v, bytes_of(id.b, sizeof id.b));
}

static int64_t number(const struct ledger_type *t)
{
    int64_t v = (int64_t)below(12) - 1;

    if (one_in(50))
        v = one_in(2) ? t->max : t->min;
    return v < t->min ? t->min : v > t->max ? t->max : v;
}

static void put_value(struct writer *v, const struct ledger_type *t, bool unique, int64_t amount)
{
    const struct ledger_code_list *codes;
    char text[20];

    if (one_in(60)) {
        put_nonsense(v, 0);
        return;
    }
    switch (t->base) {
    case LEDGER_TYPE_BOOL:
        mp_put_bool(v, one_in(2));
        return;
    case LEDGER_TYPE_INT:
    case LEDGER_TYPE_MONEY:
        mp_put_int(v, number(t));
        return;
    case LEDGER_TYPE_TIME:
        mp_put_uint(v, w.now + below(40) * (uint64_t)WORLD_DAY - below(2) * WORLD_DAY);
        return;
    case LEDGER_TYPE_DATE:
        mp_put_uint(v, w.now / WORLD_DAY + below(20));
        return;
    case LEDGER_TYPE_TEXT:
        /* Numbers are unique, names of estates meet again. */
        (void)snprintf(text, sizeof text, "%u", unique ? below(1000000) : below(2));
        mp_put_str(v, bytes_of_text(text));
        return;
    case LEDGER_TYPE_CODE:
        codes = ledger_registry_code_list(w.f.registry, t->codes);
        ck_assert_ptr_nonnull(codes);
        mp_put_str(v, codes->codes[below(codes->n_codes)].code);
        return;
    case LEDGER_TYPE_BYTES:
        mp_put_bin(v, bytes_of(noise((size_t)t->max), (size_t)t->max));
        return;
    case LEDGER_TYPE_HASH:
    case LEDGER_TYPE_PRIVATE:
    case LEDGER_TYPE_FILE:
        mp_put_bin(v, bytes_of(noise(32), 32));
        return;
    case LEDGER_TYPE_KEY:
        mp_put_bin(v, bytes_of(keys[below(3)].b, CRYPTO_KEY_SIZE));
        return;
    case LEDGER_TYPE_MEMBER:
        mp_put_uint(v, 1 + below(FIXTURE_MEMBERS));
        return;
    case LEDGER_TYPE_REF:
        if (t->procedure != 0)
            put_reference(v, t->procedure);
        else
            mp_put_str(v, bytes_of_text("reference"));
        return;
    case LEDGER_TYPE_LINES:
        mp_put_array(v, 2);
        put_reference(v, t->procedure);
        mp_put_int(v, amount);
        return;
    }
}

static struct bytes value(const struct ledger_field *f)
{
    const struct ledger_type *t = &f->type;
    struct writer v = {0};
    uint32_t n = 1 + below(3);
    int64_t left = 0;

    if (t->list_max > 0) {
        n = n < t->list_max ? n : t->list_max;
        mp_put_array(&v, n);
    }
    for (uint32_t i = 0; i < (t->list_max > 0 ? n : 1); i++) {
        int64_t amount = i + 1 < n ? (int64_t)below(21) - 10 : -left; /* lines that sum to 0 */
        left += amount;
        put_value(&v, &f->type, strcmp(f->name, "no") == 0, amount);
    }
    struct bytes out = arena_copy(&w.arena, writer_view(&v));
    writer_free(&v);
    return out;
}

/* ---- records ---- */

static unsigned done[PROCEDURES][LEDGER_ACTIONS_MAX], outcomes[2000];

static bool starts(const struct ledger_action *a, uint16_t state)
{
    for (unsigned i = 0; i < a->n_from; i++)
        if (a->from[i] == state)
            return true;
    return state == 0 && a->creates;
}

static const struct ledger_action *choose(const struct ledger_procedure *p, uint16_t state)
{
    const struct ledger_action *a = &p->action[below(p->n_actions)];

    for (unsigned i = 0; i < 200 && !one_in(100) && !starts(a, state); i++)
        a = &p->action[below(p->n_actions)];
    return a;
}

static bool in_force(struct ledger_subject *out, uint16_t procedure, const char *name)
{
    const struct ledger_view *v = ledger_overlay_view(w.o);
    struct ledger_subject_id id = world_subject(name);
    enum anju_err err = v->subject(v, out, procedure, &id, &w.arena);

    ck_assert(err == ANJU_OK || err == ANJU_ERR_NOT_FOUND);
    return err == ANJU_OK;
}

/* Most of the people whose keys a subject may hold. */
static void choose_cosigners(char names[40])
{
    names[0] = '\0';
    for (unsigned i = 0; i < 3; i++)
        if (!one_in(4))
            (void)snprintf(names + strlen(names), 40 - strlen(names), "%s ", people[i]);
}

static void fill(struct ledger_record *r, const struct ledger_action *a)
{
    r->n_fields = 0;
    for (unsigned i = 0; i < a->n_fields; i++)
        if (one_in(2) || (a->field[i].type.required && !one_in(60)))
            r->fields[r->n_fields++] =
                (struct ledger_value){.number = a->field[i].number, .value = value(&a->field[i])};
}

/* Judging looks at keys alone: who signed was verified before, and signing takes longer than all
 * else. */
static void judge(uint32_t member, struct ledger_record *r, const char *names)
{
    struct ledger_actor actor = {.member = member, .key = member, .time_ms = w.now};

    r->n_cosignatures = 0;
    for (unsigned i = 0; i < 3; i++)
        if (strstr(names, people[i]) != NULL)
            r->cosignature[r->n_cosignatures++].key = keys[i];
    ck_assert_msg(ledger_judge(&w.judged, ledger_overlay_view(w.o), &actor, r, &w.arena) == ANJU_OK,
                  "%s", anju_err_text());
    r->n_cosignatures = 0;
}

/* Whoever is refused lets another one try, with other fields. */
static bool attempt(struct ledger_record *r, const struct ledger_action *a, uint32_t *member,
                    char names[40])
{
    for (unsigned i = 0; i < 12; i++) {
        *member = 1 + below(FIXTURE_MEMBERS);
        fill(r, a);
        choose_cosigners(names);
        judge(*member, r, names);
        ck_assert_int_ge(w.judged.outcome, 0);
        ck_assert_int_lt(w.judged.outcome, 2000);
        outcomes[w.judged.outcome]++;
        if (w.judged.outcome == LEDGER_APPLIED)
            return true;
        ck_assert_str_ne(w.judged.clause, "");
        ck_assert_str_ne(w.judged.hint, "");
        ck_assert_uint_eq(w.judged.n_effects, 0);
    }
    return false;
}

static void step(void)
{
    unsigned index = below(PROCEDURES), i = below(SUBJECTS);
    const struct ledger_procedure *p = w.f.registry->procedures[index];
    struct ledger_subject subject = {0};
    bool there = in_force(&subject, p->number, subject_name(index, i));
    const struct ledger_action *a = choose(p, there ? subject.state : 0);
    struct ledger_value fields[LEDGER_FIELDS_MAX];
    struct ledger_record r = {.procedure = p->number,
                              .procedure_version = p->version,
                              .action = one_in(300) ? (uint16_t)below(200) : a->number,
                              .subject = world_subject(subject_name(index, i)),
                              .expected_version = one_in(100) ? below(5) : subject.version,
                              .fields = fields};
    uint32_t member;
    char names[40];

    if (ledger_procedure_is_ended(p, subject.state) && one_in(3))
        generation[index][i]++;
    if (!attempt(&r, a, &member, names))
        return;
    ck_assert_uint_ge(w.judged.n_effects, 1);
    /* What is due fires before; the record may be stale then, and nothing is wrong with that. */
    world_wait(&w, 1000);
    world_cosign(&w, &r, names);
    if (strcmp(world_submit(&w, member, &r), "applied") == 0)
        done[index][a - p->action]++;
}

/* ---- what holds ---- */

static void check_subject(const struct ledger_procedure *p, const struct ledger_subject *s)
{
    struct ledger_attributes all;
    struct crypto_hash digest;

    ck_assert_int_eq(ledger_attributes_decode(&all, s->attributes, &w.arena), ANJU_OK);
    const struct bytes *open = ledger_attribute(&all, LEDGER_ATTR_OPEN);
    ck_assert_ptr_nonnull(open);
    ck_assert(bytes_equal(*open, fixture_bool(&w.f, !ledger_procedure_is_ended(p, s->state))));
    ck_assert_ptr_nonnull(ledger_procedure_state(p, s->state));
    ck_assert_ptr_nonnull(ledger_attribute(&all, LEDGER_ATTR_PROCEDURE_VERSION));
    for (uint32_t i = 0; i < all.count; i++)
        ck_assert(all.items[i].number < LEDGER_ATTR_FIRST_OWN ||
                  ledger_procedure_attribute(p, all.items[i].number) != NULL);
    ledger_state_digest(&digest, &w.f.registry->ledger_id, p->number, &s->id, s->version, s->state,
                        &all);
    ck_assert(crypto_hash_equal(&digest, &s->digest));
}

/* Debits and credits of all accounts are in balance at any time. */
static void check_all(void)
{
    int64_t sum = 0;

    for (unsigned i = 0; i < PROCEDURES; i++) {
        const struct ledger_procedure *p = w.f.registry->procedures[i];
        for (unsigned k = 0; k < SUBJECTS; k++) {
            struct ledger_subject s;
            if (!in_force(&s, p->number, subject_name(i, k)))
                continue;
            check_subject(p, &s);
            if (strcmp(p->name, "account") == 0)
                sum += world_int(&w, "account", subject_name(i, k), "balance");
        }
    }
    ck_assert_int_eq(sum, 0);
}

START_TEST(whatever_comes_is_answered_and_the_books_balance)
{
    unsigned actions = 0, applied = 0, all = 0;

    random_state = 7;
    for (unsigned i = 0; i < STEPS; i++) {
        step();
        if (one_in(40))
            world_wait(&w, one_in(5) ? 16 * (uint64_t)WORLD_DAY : below(WORLD_DAY));
        if (i % 100 == 99) {
            check_all();
            arena_clear(&w.arena);
            arena_clear(&w.f.arena);
        }
    }
    for (unsigned i = 0; i < PROCEDURES; i++)
        for (unsigned k = 0; k < w.f.registry->procedures[i]->n_actions; k++) {
            actions++;
            applied += done[i][k] > 0;
            all += done[i][k];
        }
    if (getenv("ANJU_TEST_TELL") != NULL) {
        fprintf(stderr, "%u of %u actions applied, %u records\n", applied, actions, all);
        for (unsigned i = 0; i < 2000; i++)
            if (outcomes[i] > 0)
                fprintf(stderr, "%u %s: %u\n", i, ledger_outcome_name((int)i), outcomes[i]);
        for (unsigned i = 0; i < PROCEDURES; i++)
            for (unsigned k = 0; k < w.f.registry->procedures[i]->n_actions; k++)
                if (done[i][k] == 0)
                    fprintf(stderr, "never: %s %s\n", w.f.registry->procedures[i]->name,
                            w.f.registry->procedures[i]->action[k].name);
    }
    ck_assert_uint_ge(10 * applied, 6 * actions);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *tc = tcase_create("judge random");

    tcase_set_timeout(tc, 240);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, whatever_comes_is_answered_and_the_books_balance);
    suite_add_tcase(suite, tc);
}

UNIT_MAIN("judge random", add_tests)
