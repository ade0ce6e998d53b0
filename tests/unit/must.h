/*
 * must: what a test's own preparations need. Unlike Check's asserts it also works outside a running test (fuzz
 * targets, benchmarks): it says what went wrong and aborts.
 */
#ifndef ANJU_TESTS_MUST_H
#define ANJU_TESTS_MUST_H

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

#define must(call) must_at((call), #call, __FILE__, __LINE__)

static inline void must_at(enum anju_err err, const char *call, const char *file, int line)
{
    if (err == ANJU_OK)
        return;
    fprintf(stderr, "%s:%d: %s: %s: %s\n", file, line, call, anju_err_name(err), anju_err_text());
    abort();
}

#endif
