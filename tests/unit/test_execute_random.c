/* Random blocks of valid and invalid envelopes: what execution keeps up to date, however overlays
 * are laid over one another, is what the entries say when computed from scratch; and recovery,
 * which folds stored entries, and audit, which executes again, come to the same. */
#include "tests/unit/unit.h"

#include <string.h>

#include "tests/toy/toy.c"
#include "tests/unit/naive.h"

enum { BLOCKS = 160, SUBJECTS = 60, ENVELOPES_MAX = 14, RECORDS_MAX = 5, LAYERS_MAX = 4 };

static uint64_t seed;

static uint64_t next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * UINT64_C(0x2545f4914f6cdd1d) >> 8;
}

static bool chance(unsigned percent)
{
    return next() % 100 < percent;
}

/* What was decided: blocks with what execution made of them. */
struct decided {
    struct ledger_block block;
    struct crypto_hash result;
    struct ledger_item *items;
    size_t n_items;
};

struct world {
    struct arena arena;
    struct ledger_view empty;
    struct ledger_overlay *layers[LAYERS_MAX];
    size_t n_layers;
    struct naive *naive;
    struct decided decided[BLOCKS + 1];
    uint64_t time_ms;
    uint64_t versions[SUBJECTS]; /* a guess while an envelope is being made */
    size_t applied, refused, skipped, fired;
};

static struct ledger_subject_id subject_of(size_t i)
{
    return toy_subject((uint16_t)(i % 3 == 0 ? 0 : 19000 + i % 5), i);
}

static struct bytes random_record(struct world *w)
{
    const size_t i = next() % SUBJECTS;
    const struct ledger_subject_id id = subject_of(i);
    struct toy_record r;

    toy_record(&r, &id, chance(94) ? w->versions[i] : next() % 4);
    if (chance(90))
        toy_uint(&r, TOY_A, next() % 4, &w->arena);
    if (chance(20))
        toy_text(&r, TOY_B, chance(50) ? "north" : "south of the river", &w->arena);
    if (chance(10))
        toy_uint(&r, TOY_C, next() % 12, &w->arena);
    else if (chance(10))
        toy_clear(&r, TOY_C, &w->arena);
    if (chance(20))
        toy_uint(&r, TOY_DUE, w->time_ms + next() % 20000, &w->arena);
    else if (chance(10))
        toy_clear(&r, TOY_DUE, &w->arena);
    if (chance(5)) {
        const struct ledger_subject_id partner = subject_of(next() % SUBJECTS);

        toy_bin(&r, TOY_PARTNER, &partner, &w->arena);
    }
    if (chance(30))
        toy_uint(&r, TOY_STATE, next() % 7, &w->arena);
    if (chance(3))
        toy_uint(&r, TOY_REFUSE, 1, &w->arena);
    if (chance(8)) {
        struct ledger_subject_id others[2] = {subject_of(next() % SUBJECTS),
                                              subject_of(next() % SUBJECTS)};

        toy_others(&r, others, memcmp(others[0].b, others[1].b, 16) == 0 ? 1 : 2, &w->arena);
    }
    w->versions[i]++;
    return toy_record_bytes(&r, &w->arena);
}

static void random_envelope(struct world *w, struct ledger_envelope *out)
{
    struct bytes records[RECORDS_MAX];
    const uint16_t n = (uint16_t)(chance(60) ? 1 : 1 + next() % RECORDS_MAX);
    uint64_t valid_until = w->time_ms + 1 + next() % 40000;

    for (size_t i = 0; i < SUBJECTS; i++) {
        const struct ledger_subject_id id = subject_of(i);

        w->versions[i] = naive_version(w->naive, TOY_PROCEDURE, &id, NULL);
    }
    for (uint16_t i = 0; i < n; i++)
        records[i] = random_record(w);
    if (chance(4))
        valid_until = w->time_ms - next() % 5;
    if (chance(4))
        valid_until = w->time_ms + LEDGER_VALID_AHEAD_MS_DEFAULT + next() % 3;
    toy_envelope(out, (uint32_t)(1 + next() % (TOY_MEMBERS + 1)), chance(5) ? next() % 20 : next(),
                 valid_until, records, n, &w->arena);
}

static void random_block(struct world *w, uint64_t height)
{
    const uint32_t n = (uint32_t)(next() % (ENVELOPES_MAX + 1));
    struct ledger_envelope *envelopes = arena_alloc(&w->arena, (n + 1) * sizeof(*envelopes));

    w->time_ms += 1 + (chance(3) ? LEDGER_VALID_AHEAD_MS_DEFAULT : next() % 3000);
    for (uint32_t i = 0; i < n; i++) {
        const struct ledger_block *old = &w->decided[1 + next() % height].block;

        if (height > 1 && chance(8) && old->n_envelopes > 0)
            envelopes[i] = old->envelopes[next() % old->n_envelopes]; /* once more */
        else
            random_envelope(w, &envelopes[i]);
    }
    toy_block(&w->decided[height].block, height, w->time_ms, envelopes, n);
}

static struct ledger_overlay *top(struct world *w)
{
    return w->layers[w->n_layers - 1];
}

/* The lowest two become one; what stands on them gets it as its floor. */
static void absorb_lowest(struct world *w)
{
    ledger_overlay_absorb(w->layers[0], w->layers[1]);
    w->n_layers--;
    memmove(&w->layers[1], &w->layers[2], (w->n_layers - 1) * sizeof(w->layers[0]));
    if (w->n_layers > 1)
        ledger_overlay_rebase(w->layers[1], ledger_overlay_view(w->layers[0]));
}

/* Takes what the top layer made of the height into the history and into the naive state. */
static void decide(struct world *w, uint64_t height)
{
    struct decided *d = &w->decided[height];
    const struct ledger_envelope_outcome *outcomes;
    const struct ledger_item *items = ledger_overlay_items(top(w), &d->n_items);
    size_t n_outcomes;

    d->result = ledger_overlay_tip(top(w))->result;
    d->items = arena_alloc(&w->arena, (d->n_items + 1) * sizeof(*items));
    naive_begin(w->naive, height, height == 0 ? TOY_CREATED : w->time_ms);
    for (size_t i = 0; i < d->n_items; i++) {
        d->items[i] = items[i];
        d->items[i].effects = arena_copy(&w->arena, items[i].effects);
        d->items[i].record = arena_copy(&w->arena, items[i].record);
        naive_add(w->naive, &d->items[i]);
        w->fired += items[i].entry.kind == LEDGER_ENTRY_TIMER;
    }
    outcomes = ledger_overlay_outcomes(top(w), &n_outcomes);
    for (size_t i = 0; i < n_outcomes; i++) {
        w->applied += outcomes[i].outcome == 0;
        w->refused += outcomes[i].outcome > 0;
        w->skipped += outcomes[i].outcome < 0;
    }
}

/* One height, on a layer of its own or in place; sometimes another candidate was executed and
 * dropped. */
static void step(struct world *w, uint64_t height)
{
    struct ledger_block *block = &w->decided[height].block;

    random_block(w, height);
    if (chance(20)) {
        struct ledger_overlay *candidate = ledger_overlay_new(ledger_overlay_view(top(w)));
        struct ledger_block other = *block;

        other.n_envelopes /= 2;
        ck_assert_int_eq(ledger_execute(candidate, &other), ANJU_OK);
        ledger_overlay_free(candidate);
    }
    while (w->n_layers > 1 && (w->n_layers == LAYERS_MAX || chance(30)))
        absorb_lowest(w);
    if (w->n_layers > 1 || chance(60)) {
        w->layers[w->n_layers] = ledger_overlay_new(ledger_overlay_view(top(w)));
        w->n_layers++;
    }
    ck_assert_int_eq(ledger_execute(top(w), block), ANJU_OK);
    decide(w, height);
}

static void world_begin(struct world *w, uint64_t with_seed)
{
    seed = with_seed;
    toy_reset();
    toy_registry.limits.timers_per_block = 3;
    toy_registry.limits.refusals_per_day = 20;
    w->empty = ledger_view_empty(&toy_registry);
    w->naive = naive_new(&toy_registry);
    w->layers[0] = ledger_overlay_new(&w->empty);
    w->n_layers = 1;
    w->time_ms = TOY_CREATED;
    ck_assert_int_eq(ledger_execute_genesis(w->layers[0]), ANJU_OK);
    decide(w, 0);
}

static void world_end(struct world *w)
{
    while (w->n_layers > 0)
        ledger_overlay_free(w->layers[--w->n_layers]);
    naive_free(w->naive);
    arena_free(&w->arena);
}

/* Recovery: all heights folded from stored entries, then compared row by row. */
static void fold_again(struct world *w)
{
    struct ledger_overlay *o = ledger_overlay_new(&w->empty);

    for (uint64_t height = 0; height <= BLOCKS; height++) {
        const struct decided *d = &w->decided[height];
        const uint64_t time_ms = height == 0 ? TOY_CREATED : d->block.header.time_ms;

        ck_assert_int_eq(ledger_fold(o, d->items, d->n_items, height, time_ms,
                                     height == 0 ? &toy_registry.ledger_id : &d->block.id),
                         ANJU_OK);
        ck_assert_mem_eq(ledger_overlay_tip(o)->result.b, d->result.b, 32);
    }
    naive_compare(w->naive, ledger_overlay_view(o));
    naive_compare_overlays(o, w->layers[0]);
    ledger_overlay_free(o);
}

/* Audit: all blocks executed again; every item is the stored one. */
static void execute_again(struct world *w)
{
    struct ledger_overlay *o = ledger_overlay_new(&w->empty);

    ck_assert_int_eq(ledger_execute_genesis(o), ANJU_OK);
    for (uint64_t height = 1; height <= BLOCKS; height++) {
        const struct decided *d = &w->decided[height];
        const struct ledger_item *items;
        size_t count;

        ck_assert_int_eq(ledger_execute(o, &d->block), ANJU_OK);
        items = ledger_overlay_items(o, &count);
        ck_assert_uint_eq(count, d->n_items);
        for (size_t i = 0; i < count; i++) {
            ck_assert_mem_eq(items[i].bytes, d->items[i].bytes, LEDGER_ENTRY_SIZE);
            ck_assert(bytes_equal(items[i].effects, d->items[i].effects));
            ck_assert(bytes_equal(items[i].record, d->items[i].record));
        }
        ck_assert_mem_eq(ledger_overlay_tip(o)->result.b, d->result.b, 32);
    }
    naive_compare_overlays(o, w->layers[0]);
    ledger_overlay_free(o);
}

START_TEST(random_blocks_give_the_state_that_their_entries_say)
{
    static struct world w;
    struct ledger_rows rows;

    w = (struct world){0};
    world_begin(&w, UINT64_C(0x9e3779b97f4a7c15) * (uint64_t)(_i + 1));
    for (uint64_t height = 1; height <= BLOCKS; height++) {
        step(&w, height);
        if (height % 8 == 0)
            naive_compare(w.naive, ledger_overlay_view(top(&w)));
    }
    while (w.n_layers > 1)
        absorb_lowest(&w);
    naive_compare(w.naive, ledger_overlay_view(w.layers[0]));
    ledger_overlay_rows(&rows, w.layers[0]);
    naive_compare_rows(w.naive, &rows);
    ck_assert_uint_eq(ledger_overlay_weight(w.layers[0]), rows.n_items + rows.n_subjects);
    fold_again(&w);
    execute_again(&w);
    /* The run was worth it: everything that can happen did, often. */
    ck_assert_uint_gt(w.applied, 300);
    ck_assert_uint_gt(w.refused, 30);
    ck_assert_uint_gt(w.skipped, 30);
    ck_assert_uint_gt(w.fired, 10);
    ck_assert_uint_gt(rows.n_chain_nodes, 0);
    world_end(&w);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *c = tcase_create("random");

    tcase_set_timeout(c, 240);
    tcase_add_loop_test(c, random_blocks_give_the_state_that_their_entries_say, 0,
                        getenv("ANJU_TEST_LONG") != NULL ? 200 : 4);
    suite_add_tcase(suite, c);
}

UNIT_MAIN("execute_random", add_tests)
