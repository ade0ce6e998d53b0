/* How long the map takes a key, in blocks of keys that cluster by day. Usage: bench_map [keys]
 * [block]. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ledger/map.h"

static uint64_t seed = 88172645463325252u;

static uint64_t next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * UINT64_C(0x2545f4914f6cdd1d);
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int by_key(const void *a, const void *b)
{
    return memcmp(((const struct ledger_map_leaf *)a)->key.b,
                  ((const struct ledger_map_leaf *)b)->key.b, 32);
}

/* Two thirds of a block are subjects of the last days, one third lists of day 0. */
static void random_key(struct ledger_map_key *key, uint64_t day)
{
    struct crypto_hash h;
    uint64_t n[2] = {next() % 3, 0};

    if (n[0] == 0)
        n[1] = next() % 3000; /* lists */
    else
        n[1] = next();
    crypto_sha256(&h, bytes_of(n, sizeof(n)));
    memcpy(key->b + 2, h.b, 30);
    put_u16(key->b, n[0] == 0 ? 0 : (uint16_t)(day - next() % 3));
}

int main(int argc, char **argv)
{
    const size_t total = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
    const size_t block = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000;
    struct ledger_map_leaf *leaves = calloc(block, sizeof(*leaves));
    struct ledger_map *m = ledger_map_empty();
    struct crypto_hash root;
    double spent = 0;
    size_t updated = 0;
    size_t reported = 0;

    for (size_t done = 0; done < total; done += block) {
        struct ledger_map *after;
        size_t n = 0;
        double begin;

        for (size_t i = 0; i < block; i++) {
            random_key(&leaves[i].key, 20000 + done / 20000);
            leaves[i].count = done;
        }
        qsort(leaves, block, sizeof(*leaves), by_key);
        for (size_t i = 0; i < block; i++)
            if (n == 0 || by_key(&leaves[n - 1], &leaves[i]) != 0)
                leaves[n++] = leaves[i];
        begin = now_s();
        if (ledger_map_update(&after, m, leaves, n, NULL, NULL) != ANJU_OK)
            return 1;
        ledger_map_release(m);
        m = after;
        spent += now_s() - begin;
        updated += n;
        if ((done + block) * 5 / total > reported) {
            reported = (done + block) * 5 / total;
            printf("%8zu keys asked: %.2f us a key\n", done + block, spent * 1e6 / (double)updated);
            spent = 0;
            updated = 0;
        }
    }
    ledger_map_root(&root, m);
    ledger_map_release(m);
    free(leaves);
    return 0;
}
