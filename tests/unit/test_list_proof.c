/* Proofs of lists of random ledgers, against the answers computed from all entries by hand; and
 * that nobody can change a byte of one. What lying provers try: test_list_liar.c. */
#include "unit.h"

#include <string.h>

#include "ledger/list_proof.h"
#include "rpc/list_proof_json.h"
#include "rpc/list_prove.h"
#include "rpc/receipt_json.h"
#include "tests/toy/tempdir.c"
#include "tests/unit/stored.h"

enum { THINGS = 36, LOG_MAX = 4000, COLOURS = 4, SHAPES = 3 };

static const char *const COLOUR[COLOURS] = {"red", "green", "blue", "white"};
static const char *const SHAPE[SHAPES] = {"round", "flat", NULL};

static struct stored S;
static struct arena A;
static struct writer W;
static uint64_t seed;

static uint64_t next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * UINT64_C(0x2545f4914f6cdd1d) >> 8;
}

/* ---- the ledger, and what its entries say when read one after the other ---- */

struct value {
    bool exists;
    uint64_t version, state;
    const char *colour, *shape;
};

static struct thing {
    struct ledger_subject_id id;
    char no[8];
    struct value now;
} things[THINGS];

static struct logged {
    uint64_t seq, time_ms;
    uint32_t member; /* of a record or a refusal */
    int thing;       /* -1: none of ours */
    struct value before, after;
} logged[LOG_MAX];
static size_t n_logged;

static struct bytes random_record(size_t i)
{
    struct thing *t = &things[i];
    uint64_t version = t->now.version + (next() % 25 == 0); /* some are stale */

    if (!t->now.exists)
        return stored_record(&S, THING_MAKE, &t->id, version, t->no, COLOUR[next() % COLOURS],
                             SHAPE[next() % SHAPES], 5);
    if (next() % 4 == 0)
        return stored_record(&S, THING_DROP, &t->id, version, NULL, NULL, NULL, 0);
    return stored_record(&S, THING_PAINT, &t->id, version, NULL, COLOUR[next() % COLOURS], NULL, 0);
}

static const char *text_of(const struct bytes *raw, const char *const *names, unsigned n)
{
    struct mp_reader m = mp_reader_over(*raw);
    struct bytes text = mp_str(&m, 100);

    for (unsigned i = 0; i < n; i++)
        if (names[i] != NULL && bytes_equal(text, bytes_of_text(names[i])))
            return names[i];
    ck_abort_msg("a text that no record has");
    return NULL;
}

static void learn_effect(struct logged *l, const struct ledger_effect *e)
{
    struct ledger_attributes changed;

    for (int i = 0; i < THINGS; i++) {
        struct value *v = &things[i].now;

        if (e->procedure != THING || memcmp(things[i].id.b, e->subject.b, 16) != 0)
            continue;
        l->thing = i;
        l->before = *v;
        v->exists = true;
        v->version = e->version_after;
        v->state = e->state_after;
        ck_assert_int_eq(ledger_changed_decode(&changed, e->changed, &A), ANJU_OK);
        if (ledger_attribute(&changed, THING_COLOUR) != NULL)
            v->colour = text_of(ledger_attribute(&changed, THING_COLOUR), COLOUR, COLOURS);
        if (ledger_attribute(&changed, THING_SHAPE) != NULL)
            v->shape = text_of(ledger_attribute(&changed, THING_SHAPE), SHAPE, SHAPES);
        l->after = *v;
    }
}

/* Reads the entries of the newest height out of the truth. */
static void learn(void)
{
    struct store_read *r;
    struct ledger_item *items;
    struct ledger_effect effect;
    size_t n;

    ck_assert_int_eq(store_read_begin(&r, S.store), ANJU_OK);
    ck_assert_int_eq(store_read_items(r, &items, &n, store_read_tip(r)->height, &A), ANJU_OK);
    for (size_t i = 0; i < n; i++) {
        struct logged *l = &logged[n_logged++];
        struct reader in = reader_over(items[i].effects);

        ck_assert_uint_lt(n_logged, LOG_MAX);
        *l = (struct logged){.seq = items[i].entry.seq,
                             .time_ms = items[i].entry.time_ms,
                             .member = items[i].entry.member,
                             .thing = -1};
        for (uint32_t k = 0; k < items[i].entry.n_effects; k++) {
            ledger_effect_read(&effect, &in);
            learn_effect(l, &effect);
        }
    }
    store_read_end(r);
}

static void random_block(void)
{
    struct bytes envelopes[8];
    uint16_t n = (uint16_t)(next() % 8);
    size_t from = next() % THINGS;

    for (uint16_t i = 0; i < n; i++) {
        struct bytes record = random_record((from + i) % THINGS);

        envelopes[i] = fixture_envelope(&S.f, 2 + (uint32_t)(next() % 2),
                                        S.now + 2 * LEDGER_HEARTBEAT_MS_DEFAULT, &record, 1);
    }
    stored_commit(&S, 1 + next() % 5000, envelopes, n);
    learn();
}

static void make_ledger(uint64_t with_seed, unsigned blocks)
{
    seed = with_seed;
    n_logged = 0;
    memset(things, 0, sizeof things);
    stored_begin(&S, tempdir_path("data"), 100);
    learn();
    for (unsigned i = 0; i < THINGS; i++) {
        things[i].id = fixture_subject((uint16_t)(20454 + i % 3), i);
        (void)snprintf(things[i].no, sizeof things[i].no, "N%u", i);
    }
    for (unsigned i = 0; i < blocks; i++)
        random_block();
}

static void setup(void)
{
    tempdir_begin();
}

static void teardown(void)
{
    stored_end(&S);
    writer_free(&W);
    arena_free(&A);
    tempdir_end();
}

/* ---- one question, proved and verified ---- */

struct asked {
    struct store_read *read;
    struct ledger_list_proof proof;
    struct ledger_list_report report;
};

static struct bytes keep(void)
{
    struct bytes out = arena_copy(&A, writer_view(&W));

    writer_clear(&W);
    return out;
}

/* Through both forms: what is verified came out of the bytes, and these out of the text. */
static void pass_forms(struct ledger_list_proof *out, const struct ledger_list_proof *in)
{
    struct ledger_list_proof again;
    json_t *json = list_proof_json(in);
    struct bytes text, raw;

    receipt_json_text(&W, json);
    json_decref(json);
    text = keep();
    ck_assert_msg(list_proof_json_decode(&again, text, &A) == ANJU_OK, "%s", anju_err_text());
    ledger_list_encode(&W, &again);
    raw = keep();
    ck_assert_msg(ledger_list_decode(out, raw, &A) == ANJU_OK, "%s", anju_err_text());
    ledger_list_encode(&W, out);
    ck_assert(bytes_equal(writer_view(&W), raw));
    writer_clear(&W);
}

static void ask(struct asked *out, const struct ledger_question *q, const struct bytes *keys,
                size_t n)
{
    struct ledger_list_proof made;
    enum anju_err err;

    ck_assert_int_eq(store_read_begin(&out->read, S.store), ANJU_OK);
    err = rpc_prove_list(&made, out->read, S.f.registry, q, keys, n, &A);
    ck_assert_msg(err == ANJU_OK, "%s", anju_err_text());
    pass_forms(&out->proof, &made);
    ledger_list_verify(&out->report, &out->proof, S.f.registry, NULL, &A);
    ck_assert_msg(out->report.verdict == LEDGER_VALID, "%s", out->report.reason);
    store_read_end(out->read);
}

/* ---- what the answer must be ---- */

typedef bool belongs_fn(const struct value *v, const void *key);

static bool is_colour(const struct value *v, const void *key)
{
    return v->exists && strcmp(v->colour, key) == 0;
}

struct colour_shape {
    const char *colour, *shape;
};

static bool is_colour_shape(const struct value *v, const void *key)
{
    const struct colour_shape *k = key;

    return v->exists && strcmp(v->colour, k->colour) == 0 &&
           (k->shape == NULL ? v->shape == NULL
                             : v->shape != NULL && strcmp(v->shape, k->shape) == 0);
}

static bool is_open(const struct value *v, const void *key)
{
    return v->exists && (v->state != THING_GONE) == *(const bool *)key;
}

struct colour_state {
    const char *colour;
    uint64_t state;
};

static bool is_colour_state(const struct value *v, const void *key)
{
    const struct colour_state *k = key;

    return v->exists && strcmp(v->colour, k->colour) == 0 && v->state == k->state;
}

/* Which entries are in the chain of a value; of a thing; of a member. */
static size_t chain_of(size_t *out, belongs_fn *belongs, const void *key)
{
    size_t n = 0;

    for (size_t i = 0; i < n_logged; i++)
        if (logged[i].thing >= 0 &&
            (belongs(&logged[i].before, key) || belongs(&logged[i].after, key)))
            out[n++] = i;
    return n;
}

static size_t history_of(size_t *out, int thing)
{
    size_t n = 0;

    for (size_t i = 0; i < n_logged; i++)
        if (logged[i].thing == thing)
            out[n++] = i;
    return n;
}

static size_t acts_of(size_t *out, uint32_t member)
{
    size_t n = 0;

    for (size_t i = 0; i < n_logged; i++)
        if (logged[i].member == member)
            out[n++] = i;
    return n;
}

static uint64_t live_of(belongs_fn *belongs, const void *key)
{
    uint64_t n = 0;

    for (size_t i = 0; i < THINGS; i++)
        n += belongs(&things[i].now, key);
    return n;
}

/* The answer to a question over chain number c is these of the expected entries. */
static void expect_entries(const struct asked *a, uint32_t c, const size_t *chain, size_t n)
{
    const struct ledger_list_answer *answer = &a->report.answers[c];
    const struct ledger_question *q = &a->proof.question;
    uint32_t at = 0;

    ck_assert_uint_eq(answer->count, n);
    ck_assert_int_eq(answer->present, n > 0);
    for (size_t i = 0; i < n; i++) {
        const struct logged *l = &logged[chain[i]];
        bool in = q->ask == LEDGER_ASK_PAGE   ? i >= q->a && i - q->a < q->b
                  : q->ask == LEDGER_ASK_LAST ? n - i <= q->b
                                              : l->time_ms >= q->a && l->time_ms < q->b;
        struct ledger_entry e;

        if (!in)
            continue;
        ck_assert_uint_lt(at, answer->n);
        ck_assert_int_eq(
            ledger_entry_decode(
                &e, bytes_of(a->proof.chains[c].entries[answer->first + at].bytes, 168)),
            ANJU_OK);
        ck_assert_uint_eq(e.seq, l->seq);
        at++;
    }
    ck_assert_uint_eq(answer->n, at);
}

/* ---- questions about entries ---- */

static struct ledger_question random_question(void)
{
    const uint64_t span = S.now - FIXTURE_CREATED;
    struct ledger_question q = {.ask = LEDGER_ASK_PAGE, .b = UINT64_MAX};

    q.parts = (uint8_t)(next() % 4);
    switch (next() % 4) {
    case 0:
        break;
    case 1:
        q.a = next() % 30;
        q.b = 1 + next() % 20;
        break;
    case 2:
        q.ask = LEDGER_ASK_LAST;
        q.b = 1 + next() % 20;
        break;
    default:
        q.ask = LEDGER_ASK_TIME;
        q.a = FIXTURE_CREATED - 10 + next() % (span + 20);
        q.b = q.a + 1 + next() % (next() % 2 == 0 ? span : 3000);
    }
    return q;
}

static void ask_one(size_t *chain)
{
    const struct ledger_question q = random_question();
    struct colour_shape cs = {COLOUR[next() % COLOURS], SHAPE[next() % SHAPES]};
    bool open = next() % 2 == 0;
    uint32_t member = 1 + (uint32_t)(next() % 4);
    int thing = (int)(next() % THINGS);
    struct asked a;
    struct bytes key;
    size_t n = 0;

    switch (next() % 5) {
    case 0:
        stored_key_colour(&W, cs.colour);
        n = chain_of(chain, is_colour, cs.colour);
        break;
    case 1:
        stored_key_colour_shape(&W, cs.colour, cs.shape);
        n = chain_of(chain, is_colour_shape, &cs);
        break;
    case 2:
        stored_key_open(&W, open);
        n = chain_of(chain, is_open, &open);
        break;
    case 3:
        stored_key_actor(&W, member);
        n = acts_of(chain, member);
        break;
    default:
        stored_key_subject(&W, &things[thing].id);
        n = history_of(chain, thing);
    }
    key = keep();
    ask(&a, &q, &key, 1);
    expect_entries(&a, 0, chain, n);
}

START_TEST(any_page_any_span_of_time_and_the_last_n_of_any_chain_are_those_of_all_entries)
{
    static size_t chain[LOG_MAX];

    make_ledger(7 + (uint64_t)_i, 40);
    for (unsigned i = 0; i < 120; i++)
        ask_one(chain);
}
END_TEST

START_TEST(many_keys_are_proved_at_once_absent_ones_too)
{
    static size_t chain[LOG_MAX];
    const struct ledger_question q = {.ask = LEDGER_ASK_PAGE, .b = UINT64_MAX};
    struct bytes keys[COLOURS + 4];
    struct asked a;
    size_t n = 0;

    make_ledger(3, 30);
    for (unsigned i = 0; i < COLOURS; i++) {
        stored_key_colour(&W, COLOUR[i]);
        keys[n++] = keep();
    }
    stored_key_colour(&W, "violet");
    keys[n++] = keep();
    keys[n++] = keys[0]; /* asked twice counts once */
    stored_key_actor(&W, 2);
    keys[n++] = keep();
    const struct ledger_subject_id nobody = fixture_subject(20454, 9999);
    stored_key_subject(&W, &nobody);
    keys[n++] = keep();
    ask(&a, &q, keys, n);
    ck_assert_uint_eq(a.proof.n_chains, COLOURS + 3);
    ck_assert_uint_eq(a.proof.n_declarations, 1);
    for (uint32_t i = 0; i < a.proof.n_chains; i++) {
        const struct ledger_chain_name *name = &a.report.answers[i].name;
        size_t expected = 0;

        if (name->kind == LEDGER_CHAIN_ACTOR)
            expected = acts_of(chain, 2);
        for (unsigned k = 0; k < COLOURS && name->kind == LEDGER_CHAIN_INDEX; k++)
            if (bytes_equal(name->part[0].value, bytes_of_text(COLOUR[k])))
                expected = chain_of(chain, is_colour, COLOUR[k]);
        expect_entries(&a, i, chain, expected);
    }
}
END_TEST

START_TEST(a_question_that_the_rules_of_numbers_forbid_is_no_question)
{
    const struct ledger_question bad[] = {
        {0, 0, 0, 0},
        {6, 0, 0, 0},
        {LEDGER_ASK_PAGE, 0, 0, 0},
        {LEDGER_ASK_TIME, 5, 5, 0},
        {LEDGER_ASK_LAST, 1, 1, 0},
        {LEDGER_ASK_LAST, 0, 0, 0},
        {LEDGER_ASK_NOW, 0, 1, 0},
        {LEDGER_ASK_COUNT, 1, 0, 0},
        {LEDGER_ASK_NOW, 0, 0, 1},
        {LEDGER_ASK_PAGE, 0, 1, 4},
    };

    make_ledger(3, 2);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_int_eq(ledger_question_check(&bad[i]), ANJU_ERR_MALFORMED);
}
END_TEST

/* ---- now ---- */

static void expect_now(const struct bytes *key, belongs_fn *belongs, const void *value)
{
    const struct ledger_question now = {.ask = LEDGER_ASK_NOW}, count = {.ask = LEDGER_ASK_COUNT};
    struct asked a;

    ask(&a, &now, key, 1);
    ck_assert_uint_eq(a.report.answers[0].live, live_of(belongs, value));
    ck_assert_uint_eq(a.proof.chains[0].n_subjects, live_of(belongs, value));
    for (uint32_t i = 0; i < a.proof.chains[0].n_subjects; i++) {
        const struct ledger_list_subject *s = &a.proof.chains[0].subjects[i];
        const struct thing *t = NULL;

        for (size_t k = 0; k < THINGS; k++)
            if (memcmp(things[k].id.b, s->id.b, 16) == 0)
                t = &things[k];
        ck_assert_ptr_nonnull(t);
        ck_assert(belongs(&t->now, value));
        ck_assert_uint_eq(s->version, t->now.version);
        ck_assert_uint_eq(s->state, t->now.state);
    }
    ask(&a, &count, key, 1);
    ck_assert_uint_eq(a.report.answers[0].live, live_of(belongs, value));
}

START_TEST(all_that_have_a_value_now_are_shown_or_counted)
{
    struct bytes key;

    make_ledger(11 + (uint64_t)_i, 30);
    for (unsigned i = 0; i < COLOURS; i++) {
        stored_key_colour(&W, COLOUR[i]);
        key = keep();
        expect_now(&key, is_colour, COLOUR[i]);
        for (unsigned k = 0; k < SHAPES; k++) {
            struct colour_shape cs = {COLOUR[i], SHAPE[k]};
            stored_key_colour_shape(&W, cs.colour, cs.shape);
            key = keep();
            expect_now(&key, is_colour_shape, &cs);
        }
        /* A count keeps no list; a list of its colour leads there. */
        for (uint64_t k = THING_MADE; k <= THING_GONE; k++) {
            struct colour_state cs = {COLOUR[i], k};
            stored_key_colour_state(&W, cs.colour, cs.state);
            key = keep();
            expect_now(&key, is_colour_state, &cs);
        }
    }
    for (int open = 0; open < 2; open++) {
        bool value = open == 1;
        stored_key_open(&W, value);
        key = keep();
        expect_now(&key, is_open, &value);
    }
}
END_TEST

START_TEST(the_state_of_a_subject_or_that_there_is_none_is_proved)
{
    const struct ledger_question now = {.ask = LEDGER_ASK_NOW};
    struct asked a;
    struct bytes key;

    make_ledger(5, 12);
    for (unsigned i = 0; i < THINGS; i++) {
        const struct thing *t = &things[i];

        stored_key_subject(&W, &t->id);
        key = keep();
        ask(&a, &now, &key, 1);
        ck_assert_int_eq(a.report.answers[0].present, t->now.exists);
        ck_assert_uint_eq(a.proof.chains[0].n_subjects, t->now.exists);
        if (t->now.exists)
            ck_assert_uint_eq(a.proof.chains[0].subjects[0].version, t->now.version);
    }
}
END_TEST

START_TEST(what_only_counts_can_be_counted_but_its_subjects_not_always_found)
{
    const struct ledger_question now = {.ask = LEDGER_ASK_NOW}, count = {.ask = LEDGER_ASK_COUNT},
                                 page = {.ask = LEDGER_ASK_PAGE, .b = 5};
    struct ledger_list_proof proof;
    struct ledger_list_report report;
    struct store_read *read;
    struct asked a;
    struct bytes key;
    unsigned i = 0;

    make_ledger(5, 12);
    while (!things[i].now.exists)
        i++;
    stored_key_no(&W, things[i].no);
    key = keep();
    ask(&a, &count, &key, 1);
    ck_assert_uint_eq(a.report.answers[0].live, 1);
    ck_assert_int_eq(store_read_begin(&read, S.store), ANJU_OK);
    ck_assert_int_eq(rpc_prove_list(&proof, read, S.f.registry, &now, &key, 1, &A),
                     ANJU_ERR_UNSUPPORTED);
    /* An empty list of what keeps none would be a lie in good form. */
    ck_assert_int_eq(rpc_prove_list(&proof, read, S.f.registry, &page, &key, 1, &A), ANJU_OK);
    ledger_list_verify(&report, &proof, S.f.registry, NULL, &A);
    ck_assert_int_eq(report.verdict, LEDGER_INVALID);
    ck_assert_ptr_nonnull(strstr(report.reason, "keeps no list"));
    store_read_end(read);
}
END_TEST

/* ---- every byte ---- */

static enum ledger_verdict verdict_of_bytes(struct bytes raw)
{
    struct ledger_list_proof p;
    struct ledger_list_report report;
    struct arena a = {0};
    enum anju_err err = ledger_list_decode(&p, raw, &a);

    report.verdict = LEDGER_INVALID;
    if (err == ANJU_OK)
        ledger_list_verify(&report, &p, S.f.registry, NULL, &a);
    else if (err == ANJU_ERR_UNSUPPORTED)
        report.verdict = LEDGER_CANNOT_TELL;
    arena_free(&a);
    return report.verdict;
}

static enum ledger_verdict verdict_of_text(struct bytes text)
{
    struct ledger_list_proof p;
    struct ledger_list_report report;
    struct arena a = {0};
    enum anju_err err = list_proof_json_decode(&p, text, &a);

    report.verdict = LEDGER_INVALID;
    if (err == ANJU_OK)
        ledger_list_verify(&report, &p, S.f.registry, NULL, &a);
    else if (err == ANJU_ERR_UNSUPPORTED)
        report.verdict = LEDGER_CANNOT_TELL;
    arena_free(&a);
    return report.verdict;
}

/* Byte flips, cuts, additions and exchanges of two stretches. None is valid. */
static void mutate(struct bytes good, enum ledger_verdict (*verdict)(struct bytes))
{
    const bool every = getenv("ANJU_TEST_LONG") != NULL;
    const size_t n = every ? good.size : 700;
    uint8_t *copy = anju_alloc(good.size + 1);

    ck_assert_int_eq(verdict(good), LEDGER_VALID);
    for (size_t i = 0; i < n; i++) {
        const size_t at = every ? i : next() % good.size;

        memcpy(copy, good.data, good.size);
        copy[at] ^= (uint8_t)(1u << next() % 8);
        ck_assert_msg(verdict(bytes_of(copy, good.size)) != LEDGER_VALID, "byte %zu of %zu", at,
                      good.size);
    }
    for (size_t i = 0; i < n / 2; i++)
        ck_assert(verdict(bytes_of(good.data, every ? 2 * i : next() % good.size)) != LEDGER_VALID);
    for (size_t i = 0; i < 200; i++) {
        const size_t size = 1 + next() % 40, x = next() % (good.size - size),
                     y = next() % (good.size - size);

        memcpy(copy, good.data, good.size);
        memcpy(copy + x, good.data + y, size);
        if (x + size <= y || y + size <= x)
            memcpy(copy + y, good.data + x, size);
        if (memcmp(copy, good.data, good.size) != 0)
            ck_assert_int_ne(verdict(bytes_of(copy, good.size)), LEDGER_VALID);
    }
    memcpy(copy, good.data, good.size);
    copy[good.size] = '\n';
    ck_assert_int_ne(verdict(bytes_of(copy, good.size + 1)), LEDGER_VALID);
    free(copy);
}

/* The same with a right id: then what is shown must be wrong, unless it answers another question.
 */
static void mutate_sealed(struct bytes good, const struct ledger_list_proof *was)
{
    const bool every = getenv("ANJU_TEST_LONG") != NULL;
    const size_t n = every ? good.size - 32 : 1000;
    uint8_t *copy = anju_alloc(good.size);

    for (size_t i = 0; i < n; i++) {
        const size_t at = every ? i : next() % (good.size - 32);
        struct ledger_list_proof p;
        struct ledger_list_report report;
        struct crypto_hash id;
        struct arena a = {0};
        bool other = false;

        memcpy(copy, good.data, good.size);
        copy[at] ^= (uint8_t)(1u << next() % 8);
        crypto_digest(&id, "anju/list/1", &S.f.genesis.ledger_id, bytes_of(copy, good.size - 32));
        memcpy(copy + good.size - 32, id.b, 32);
        if (ledger_list_decode(&p, bytes_of(copy, good.size), &a) == ANJU_OK) {
            ledger_list_verify(&report, &p, S.f.registry, NULL, &a);
            other = memcmp(&p.question.a, &was->question.a, 16) != 0;
            for (uint32_t k = 0; k < p.n_chains; k++)
                other = other || !bytes_equal(p.chains[k].key, was->chains[k].key);
            ck_assert_msg(other || report.verdict != LEDGER_VALID, "byte %zu of %zu", at,
                          good.size);
            ck_assert(report.verdict == LEDGER_VALID || report.reason[0] != '\0');
        }
        arena_free(&a);
    }
    free(copy);
}

static void mutate_both(const struct ledger_question *q, const struct bytes *keys, size_t n)
{
    struct asked a;
    struct bytes raw;
    json_t *json;

    ask(&a, q, keys, n);
    ledger_list_encode(&W, &a.proof);
    raw = keep();
    mutate(raw, verdict_of_bytes);
    mutate_sealed(raw, &a.proof);
    json = list_proof_json(&a.proof);
    receipt_json_text(&W, json);
    json_decref(json);
    mutate(keep(), verdict_of_text);
}

START_TEST(no_byte_of_a_proof_is_unchecked)
{
    const struct ledger_question asks[] = {
        {LEDGER_ASK_PAGE, 1, 4, LEDGER_LIST_RECORDS | LEDGER_LIST_EFFECTS},
        {LEDGER_ASK_TIME, FIXTURE_CREATED + 20000, FIXTURE_CREATED + 40000, 0},
        {LEDGER_ASK_LAST, 0, 3, LEDGER_LIST_RECORDS},
        {LEDGER_ASK_NOW, 0, 0, 0},
        {LEDGER_ASK_COUNT, 0, 0, 0},
    };
    struct bytes keys[3];

    make_ledger(17, 25);
    stored_key_colour(&W, "red");
    keys[0] = keep();
    stored_key_colour_shape(&W, "violet", "flat");
    keys[1] = keep();
    stored_key_subject(&W, &things[0].id);
    keys[2] = keep();
    mutate_both(&asks[_i], keys, 3);
}
END_TEST

START_TEST(json_that_says_the_same_in_other_words_is_refused)
{
    const struct ledger_question q = {.ask = LEDGER_ASK_LAST, .b = 1};
    struct ledger_list_proof p;
    struct asked a;
    struct bytes key, text;
    json_t *json;
    char *other;

    make_ledger(17, 5);
    stored_key_colour(&W, "red");
    key = keep();
    ask(&a, &q, &key, 1);
    json = list_proof_json(&a.proof);
    other = json_dumps(json, JSON_INDENT(1));
    ck_assert_int_eq(list_proof_json_decode(&p, bytes_of_text(other), &A), ANJU_ERR_MALFORMED);
    ck_assert_ptr_nonnull(strstr(anju_err_text(), "canonical"));
    free(other);
    receipt_json_text(&W, json);
    text = keep();
    ck_assert_int_eq(list_proof_json_decode(&p, bytes_of(text.data, text.size - 1), &A),
                     ANJU_ERR_MALFORMED);
    json_object_set_new(json, "format", json_string("anju-list/2"));
    receipt_json_text(&W, json);
    ck_assert_int_eq(list_proof_json_decode(&p, keep(), &A), ANJU_ERR_UNSUPPORTED);
    json_decref(json);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *t = tcase_create("list proofs");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 240);
    tcase_add_loop_test(
        t, any_page_any_span_of_time_and_the_last_n_of_any_chain_are_those_of_all_entries, 0, 3);
    tcase_add_test(t, many_keys_are_proved_at_once_absent_ones_too);
    tcase_add_test(t, a_question_that_the_rules_of_numbers_forbid_is_no_question);
    tcase_add_loop_test(t, all_that_have_a_value_now_are_shown_or_counted, 0, 2);
    tcase_add_test(t, the_state_of_a_subject_or_that_there_is_none_is_proved);
    tcase_add_test(t, what_only_counts_can_be_counted_but_its_subjects_not_always_found);
    tcase_add_loop_test(t, no_byte_of_a_proof_is_unchecked, 0, 5);
    tcase_add_test(t, json_that_says_the_same_in_other_words_is_refused);
    suite_add_tcase(suite, t);
}

UNIT_MAIN("list proof", add_tests)
