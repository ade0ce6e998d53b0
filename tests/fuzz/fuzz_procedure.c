/* Compiled procedures, and their source files. */
#include <stdio.h>
#include <stdlib.h>

#include "ledger/procedure_body.h"
#include "rpc/procedure_json.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fixture.h"

static bool read_file(struct writer *out, const char *path)
{
    FILE *f = fopen(path, "rb");
    int c;

    if (f == NULL)
        return false;
    while ((c = getc(f)) != EOF)
        writer_u8(out, (uint8_t)c);
    fclose(f);
    return true;
}

bool fuzz_seed(struct writer *out, unsigned n)
{
    struct fixture *f = fuzz_fixture();

    writer_u8(out, n < 2);
    if (n < 2)
        writer_bytes(out, ledger_procedure_bytes(f->registry->procedures[n]));
    else
        (void)read_file(out, "ledger/procedures/order-import.json");
    return n < 3;
}

static enum anju_err load(void *user, struct bytes *out, const char *name)
{
    (void)user, (void)out, (void)name;
    return ANJU_ERR_NOT_FOUND;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fixture *f = fuzz_fixture();
    struct ledger_procedure *p = NULL;
    struct procedure_json_result *result;
    struct writer again = {0};

    if (size == 0)
        return 0;
    struct bytes in = bytes_of(data + 1, size - 1);
    if (data[0] == 1) {
        if (ledger_procedure_decode(&p, in, &f->registry->ledger_id) != ANJU_OK)
            return 0;
        ledger_procedure_encode(&again, p);
        fuzz_same(in, &again, "procedure");
        json_decref(procedure_json_describe(p));
        ledger_procedure_free(p);
        return 0;
    }
    result = anju_alloc(sizeof(*result));
    struct procedure_json_source source = {.text = in, .load = load};
    if (procedure_json_compile(result, &source) == ANJU_OK) {
        /* What the compiler makes, the decoder takes. */
        if (ledger_procedure_decode(&p, writer_view(&result->compiled), &f->registry->ledger_id) != ANJU_OK) {
            fprintf(stderr, "compiled, but not decoded: %s\n", anju_err_text());
            __builtin_trap();
        }
        ledger_procedure_free(p);
    }
    procedure_json_result_free(result);
    free(result);
    return 0;
}
