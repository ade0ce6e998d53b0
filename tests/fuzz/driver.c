/*
 * driver: a fuzz target as a plain program: its seeds, every truncation of them, and seeded mutations. With file
 * names it replays those files. Ends with "N passed, 0 failed", or dies where the target does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

enum { MUTATIONS = 1500, TRUNCATIONS_MAX = 1500 };

static uint64_t state = 0x9e3779b97f4a7c15u;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* The input in memory of exactly its size, so that a sanitizer sees one byte too many. */
static void run(struct bytes in)
{
    uint8_t *copy = malloc(in.size > 0 ? in.size : 1);

    if (in.size > 0)
        memcpy(copy, in.data, in.size);
    LLVMFuzzerTestOneInput(copy, in.size);
    free(copy);
}

static void mutate(struct writer *w)
{
    for (uint64_t times = 1 + next() % 3; times > 0 && w->size > 0; times--) {
        size_t at = (size_t)(next() % w->size);
        switch (next() % 5) {
        case 0: w->data[at] ^= (uint8_t)(1u << next() % 8); break;
        case 1: w->data[at] = (uint8_t)next(); break;
        case 2: w->data[at] = next() % 2 ? 0xff : 0; break;
        case 3: /* a part again, elsewhere */
            memmove(w->data + at, w->data + next() % w->size / 2, (w->size - at) / 2 < 8 ? 1 : 8);
            break;
        case 4: w->size = at; break;
        }
    }
}

static unsigned run_seed(const struct writer *seed)
{
    unsigned count = 1;

    run(writer_view(seed));
    size_t step = seed->size / TRUNCATIONS_MAX + 1;
    for (size_t size = 0; size < seed->size; size += step, count++)
        run(bytes_of(seed->data, size));
    for (unsigned i = 0; i < MUTATIONS; i++, count++) {
        struct writer w = {0};
        writer_bytes(&w, writer_view(seed));
        mutate(&w);
        run(writer_view(&w));
        writer_free(&w);
    }
    return count;
}

static void replay(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct writer w = {0};
    int c;

    if (f == NULL)
        abort();
    while ((c = getc(f)) != EOF)
        writer_u8(&w, (uint8_t)c);
    fclose(f);
    run(writer_view(&w));
    writer_free(&w);
}

int main(int argc, char **argv)
{
    unsigned count = 0, seeds = 0;

    for (int i = 1; i < argc; i++, count++)
        replay(argv[i]);
    for (;; seeds++) {
        struct writer seed = {0};
        bool there = fuzz_seed(&seed, seeds);
        if (there && argc == 1)
            count += run_seed(&seed);
        writer_free(&seed);
        if (!there)
            break;
    }
    printf("%u inputs, %u seeds\n%d passed, %d failed\n", count, seeds, seeds > 0, seeds == 0);
    return seeds > 0 ? 0 : 1;
}
