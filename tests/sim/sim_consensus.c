/*
 * sim_consensus SEED COUNT: runs a cluster from each of COUNT seeds on; the first that fails prints
 * itself and ends the run. TRACE=1 shows what happened; MUTANT=forget-slot makes the model forget
 * what it signed, to see that this is noticed. tests/sim/mutants.sh does so with the core.
 */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    static struct totals t;
    char why[SIM_WHY_SIZE] = "";
    unsigned long long seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    unsigned long long count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    bool ok = sim_seeds(&t, why, seed, count, getenv("TRACE") != NULL);

    if (!ok)
        printf("%s\n", why);
    printf("%s: %llu seeds from %llu: %llu heights, %llu crashes, %llu lies, %llu pieces of "
           "evidence, %llu messages, "
           "highest round %llu, slowest recovery %.1f s\n",
           ok ? "ok" : "FAILED", count, seed, (unsigned long long)t.heights,
           (unsigned long long)t.crashes, (unsigned long long)t.lies,
           (unsigned long long)t.evidence, (unsigned long long)t.messages,
           (unsigned long long)t.rounds, (double)t.slowest_ms / 1000.0);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
