/* sim_explore SEED COUNT: short scenes of one height with one liar of four (explore.h). */
#include "tests/sim/explore.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    static struct explored sum;
    char why[EXPLORE_WHY_SIZE] = "";
    unsigned long long seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    unsigned long long count = argc > 2 ? strtoull(argv[2], NULL, 10) : 100000;
    bool ok = explore(&sum, why, seed, count);

    if (!ok)
        printf("%s\n", why);
    printf("%s: %llu scenes from %llu, %llu decisions, %llu restarts\n", ok ? "ok" : "FAILED",
           (unsigned long long)sum.scenes, seed, (unsigned long long)sum.decided,
           (unsigned long long)sum.restarts);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
