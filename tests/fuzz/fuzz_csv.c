/* CSV files of other systems. */
#include <stdio.h>

#include "tests/fuzz/fuzz.h"
#include "tools/csv.h"

bool fuzz_seed(struct writer *out, unsigned n)
{
    writer_bytes(out, bytes_of_text("id,opened,text\r\n1,2015-01-01 00:00:00,\"a, \"\"b\"\"\nc\"\r\n2,,\n"));
    return n < 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FILE *in = size > 0 ? fmemopen((void *)(uintptr_t)data, size, "rb") : NULL;
    struct csv c;
    enum anju_err err = ANJU_OK;
    size_t rows = 0;

    if (in == NULL)
        return 0;
    csv_init(&c, in, "input");
    while (err != ANJU_ERR_NOT_FOUND && rows++ <= size)
        err = csv_next(&c);
    if (err != ANJU_ERR_NOT_FOUND)
        __builtin_trap(); /* it does not come to an end */
    csv_deinit(&c);
    fclose(in);
    return 0;
}
