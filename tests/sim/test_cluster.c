/* Clusters from seeds and scenes in step (tests/sim/sim.h, explore.h): a short run of both; for
 * more, `make sim SEED=n COUNT=n` and `make explore SEED=n COUNT=n`. */
#include "tests/sim/explore.h"
#include "tests/sim/sim.h"
#include "tests/unit/unit.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SEEDS_EACH = 60, SCENES_EACH = 500 };
#else
enum { SEEDS_EACH = 600, SCENES_EACH = 10000 };
#endif

/* Whatever the network, crashes and up to f liars do: one block a height, no honest validator signs
 * twice or is accused, nothing leaves before what it rests on is durable; after healing all go on.
 */
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

/* One liar of four, deafness and crashes chosen phase by phase: no fork, nobody honest framed. */
START_TEST(one_liar_of_four_cannot_make_two_blocks)
{
    struct explored sum = {0};
    char why[EXPLORE_WHY_SIZE] = "";
    uint64_t each = SCENES_EACH * (getenv("ANJU_TEST_LONG") != NULL ? 50 : 1);

    ck_assert_msg(explore(&sum, why, 1 + (uint64_t)_i * each, each), "%s", why);
    ck_assert_uint_gt(sum.decided, each);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *tc = tcase_create("cluster");

    tcase_set_timeout(tc, 600);
    tcase_add_loop_test(tc, clusters_agree_and_go_on_after_healing, 0, 8);
    tcase_add_loop_test(tc, one_liar_of_four_cannot_make_two_blocks, 0, 4);
    suite_add_tcase(suite, tc);
}

UNIT_MAIN("consensus clusters", add_tests)
