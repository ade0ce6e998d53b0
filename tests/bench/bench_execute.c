/* How many records a second execution and folding take, without signatures, with the small engine
 * of the tests: what is measured is everything but judging. Usage: bench_execute [records] [block]
 * [per envelope]. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/toy/toy.c"

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Record number i is the (i mod 4)th of order i / 4, with a few hundred orders open at a time. */
static struct bytes record_of(uint64_t i, uint64_t block, struct arena *a)
{
    const uint64_t turn = i / block % 4;
    const uint64_t order = (i / block / 4) * block + i % block;
    const struct ledger_subject_id id = toy_subject((uint16_t)(20000 + order / 20000), order);
    struct toy_record r;

    toy_record(&r, &id, turn);
    toy_uint(&r, TOY_STATE, turn, a);
    if (turn == 0) {
        toy_uint(&r, TOY_A, order % 200, a);
        toy_text(&r, TOY_B, order % 3 == 0 ? "water" : "light", a);
        toy_uint(&r, TOY_C, order, a);
    }
    return toy_record_bytes(&r, a);
}

struct spent {
    double execute, absorb, fold;
};

static int one_block(struct spent *spent, struct ledger_overlay *base,
                     struct ledger_overlay *folded, const struct ledger_block *block)
{
    struct ledger_overlay *o = ledger_overlay_new(ledger_overlay_view(base));
    const struct ledger_item *items;
    size_t count;
    double begin = now_s();

    if (ledger_execute(o, block) != ANJU_OK)
        return 1;
    spent->execute += now_s() - begin;
    items = ledger_overlay_items(o, &count);
    if (count != block->n_records)
        return 1;
    begin = now_s();
    if (ledger_fold(folded, items, count, block->header.height, block->header.time_ms,
                    &block->id) != ANJU_OK)
        return 1;
    spent->fold += now_s() - begin;
    begin = now_s();
    ledger_overlay_absorb(base, o);
    spent->absorb += now_s() - begin;
    return 0;
}

int main(int argc, char **argv)
{
    const uint64_t total = argc > 1 ? strtoul(argv[1], NULL, 10) : 60000;
    const uint64_t per_block = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000;
    const uint64_t per_envelope = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
    struct spent spent = {0};
    struct ledger_view empty;
    struct ledger_overlay *base, *folded;
    uint64_t height = 1;
    uint64_t done = 0;

    toy_reset();
    empty = ledger_view_empty(&toy_registry);
    base = ledger_overlay_new(&empty);
    folded = ledger_overlay_new(&empty);
    if (ledger_execute_genesis(base) != ANJU_OK || ledger_execute_genesis(folded) != ANJU_OK)
        return 1;
    for (; done < total; done += per_block, height++) {
        struct arena a = {0};
        const uint64_t time_ms = TOY_CREATED + height * 1000;
        struct ledger_envelope *envelopes = arena_alloc(&a, per_block * sizeof(*envelopes));
        struct bytes *records = arena_alloc(&a, per_block * sizeof(*records));
        struct ledger_block block;
        uint32_t n = 0;

        for (uint64_t i = 0; i < per_block; i++)
            records[i] = record_of(done + i, per_block, &a);
        for (uint64_t i = 0; i < per_block; i += per_envelope, n++)
            toy_envelope(&envelopes[n], 1 + n % 3, done + i, time_ms + 1000, records + i,
                         (uint16_t)(per_block - i < per_envelope ? per_block - i : per_envelope),
                         &a);
        toy_block(&block, height, time_ms, envelopes, n);
        block.n_records = (uint32_t)per_block;
        if (one_block(&spent, base, folded, &block) != 0) {
            printf("block %llu was not executed whole\n", (unsigned long long)height);
            return 1;
        }
        arena_free(&a);
    }
    printf("%llu records in blocks of %llu, %llu an envelope: execute %.1f us, fold %.1f us, "
           "absorb %.2f us a record "
           "(%.0f records/s executed)\n",
           (unsigned long long)done, (unsigned long long)per_block,
           (unsigned long long)per_envelope, spent.execute * 1e6 / (double)done,
           spent.fold * 1e6 / (double)done, spent.absorb * 1e6 / (double)done,
           (double)done / spent.execute);
    ledger_overlay_free(base);
    ledger_overlay_free(folded);
    return 0;
}
