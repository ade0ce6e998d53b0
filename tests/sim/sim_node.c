/*
 * sim_node SEED COUNT [SECONDS]: whole clusters of node engines, one run a seed, each twice.
 * TRACE=1 shows one seed in words. Ends with `N seeds, H simulated hours, 0 violations`, or prints
 * the seed that fails and exits 1.
 */
#include "tests/sim/lab.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void print_faults(const struct lab_totals *t)
{
    (void)printf("faults:");
    for (unsigned i = 0; i < FAULTS; i++)
        (void)printf("%s %s %" PRIu64, i == 0 ? "" : ",", lab_fault_names[i], t->faults[i]);
    (void)printf("\n");
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1,
             count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1, failed = seed, hash;
    uint64_t seconds = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
    const char *trace = getenv("TRACE");
    struct lab_totals t = {0};
    char why[LAB_WHY_SIZE] = "";
    bool fine;

    if (trace != NULL && trace[0] == '1')
        fine = lab_seed(&t, &hash, why, seed, true);
    else
        fine = lab_seeds(&t, &failed, why, seed, count, seconds);
    (void)printf("%" PRIu64 " heights, %" PRIu64 " envelopes, %" PRIu64 " acknowledged, %" PRIu64
                 " frames, slowest recovery %" PRIu64 " ms (seed %" PRIu64 ")\n",
                 t.heights, t.envelopes, t.acknowledged, t.frames, t.slowest_recovery_ms,
                 t.slowest_recovery_seed);
    print_faults(&t);
    if (!fine)
        (void)printf("seed %" PRIu64 ": %s\nagain: TRACE=1 build/tests/sim/sim_node %" PRIu64
                     " 1\n",
                     failed, why, failed);
    (void)printf("%" PRIu64 " seeds, %.1f simulated hours, %d violations\n", t.seeds,
                 (double)t.virtual_ms / 3600000.0, fine ? 0 : 1);
    return fine ? 0 : 1;
}
