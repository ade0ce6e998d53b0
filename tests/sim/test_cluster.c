/* Clusters from seeds (tests/sim/sim.h): a short run of them; `make sim SEED=n COUNT=n` for more. */
#include "tests/sim/sim.h"
#include "tests/unit/unit.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SEEDS_EACH = 60 };
#else
enum { SEEDS_EACH = 700 };
#endif

/* Whatever the network, crashes and up to f liars do: one block a height, no honest validator signs
 * twice or is accused, nothing leaves before what it rests on is durable; after healing all go on. */
START_TEST(clusters_agree_and_go_on_after_healing)
{
    struct totals totals = {0};
    char why[SIM_WHY_SIZE] = "";
    bool more = getenv("ANJU_TEST_LONG") != NULL;
    uint64_t each = more ? SEEDS_EACH * 10 : SEEDS_EACH;

    ck_assert_msg(sim_seeds(&totals, why, 1 + (uint64_t)_i * each, each, false), "%s", why);
    ck_assert_uint_gt(totals.heights, each);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *tc = tcase_create("cluster");

    tcase_set_timeout(tc, 600);
    tcase_add_loop_test(tc, clusters_agree_and_go_on_after_healing, 0, 8);
    suite_add_tcase(suite, tc);
}

UNIT_MAIN("consensus clusters", add_tests)
