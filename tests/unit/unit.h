/*
 * unit: what each test program shares. TEST_MAIN(name, case...) runs the listed TCase makers; every
 * test program closes with Check's own summary and exits 1 where a test failed.
 */
#ifndef ANJU_TESTS_UNIT_H
#define ANJU_TESTS_UNIT_H

#include <check.h>
#include <stdlib.h>

#define UNIT_MAIN(suite_name, add_tests)                                                           \
    int main(void)                                                                                 \
    {                                                                                              \
        Suite *suite = suite_create(suite_name);                                                   \
        add_tests(suite);                                                                          \
        SRunner *runner = srunner_create(suite);                                                   \
        srunner_run_all(runner, CK_ENV);                                                           \
        int failed = srunner_ntests_failed(runner);                                                \
        srunner_free(runner);                                                                      \
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;                                          \
    }

#endif
