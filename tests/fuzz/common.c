#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "tests/unit/fixture.h"

void fuzz_same(struct bytes in, struct writer *again, const char *what)
{
    if (!bytes_equal(in, writer_view(again))) {
        fprintf(stderr, "%s: what was decoded encodes to other bytes\n", what);
        abort();
    }
    writer_free(again);
}

struct fixture *fuzz_fixture(void)
{
    static struct fixture fixture;
    static bool made;

    if (!made)
        fixture_init_shipped(&fixture, 4);
    made = true;
    return &fixture;
}
