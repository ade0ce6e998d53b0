/* Whole blocks, as a peer or a disk gives them. */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fixture.h"

bool fuzz_seed(struct writer *out, unsigned n)
{
    struct fixture *f = fuzz_fixture();
    struct ledger_tip tip = {.height = n, .time_ms = FIXTURE_CREATED};
    struct ledger_record r = {.procedure = 1, .procedure_version = 1, .action = 1, .subject = fixture_subject(20454, 1)};
    struct bytes envelope = fixture_envelope_of(f, 1, FIXTURE_CREATED + 1000, &r);

    writer_bytes(out, fixture_block(f, &tip, FIXTURE_CREATED + 5, &envelope, 1));
    return n < 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fixture *f = fuzz_fixture();
    struct arena a = {0};
    struct ledger_block b;
    struct writer again = {0};

    if (ledger_block_decode(&b, bytes_of(data, size), &f->registry->ledger_id, &a) == ANJU_OK) {
        struct bytes *batches = arena_alloc(&a, (b.n_batches + 1u) * sizeof(*batches));
        for (uint16_t i = 0; i < b.n_batches; i++)
            batches[i] = b.batches[i].raw;
        ledger_block_encode(&again, &b.header, b.batch_ids, b.certificate_bytes, batches);
        fuzz_same(bytes_of(data, size), &again, "block");
    }
    arena_free(&a);
    return 0;
}
