/* Envelopes with their records, and batches of them: what clients and peers send. */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fixture.h"

static struct bytes envelope_of(struct fixture *f, unsigned n)
{
    struct ledger_value fields[] = {{1, fixture_uint(f, 7)}, {2, fixture_str(f, "lift")}, {9, fixture_bin(f, "0123456789abcdef", 16)}};
    struct ledger_record r = {.procedure = 1, .procedure_version = 1, .action = 1, .subject = fixture_subject(20454, n), .n_fields = 3, .fields = fields};

    return fixture_envelope_of(f, 1, FIXTURE_CREATED + 1000, &r);
}

bool fuzz_seed(struct writer *out, unsigned n)
{
    struct fixture *f = fuzz_fixture();
    struct bytes two[] = {envelope_of(f, 1), envelope_of(f, 2)};

    writer_u8(out, (uint8_t)n);
    writer_bytes(out, n == 0 ? two[0] : fixture_batch(f, two, 2));
    return n < 2;
}

static void take_envelope(struct bytes in, struct arena *a)
{
    struct fixture *f = fuzz_fixture();
    struct ledger_envelope e;
    struct writer again = {0};

    if (ledger_envelope_decode(&e, in, &f->registry->ledger_id, a) != ANJU_OK)
        return;
    for (uint16_t i = 0; i < e.n_records; i++) {
        struct writer record = {0};
        ledger_record_encode(&record, &e.records[i]);
        fuzz_same(e.records[i].raw, &record, "record");
    }
    struct bytes *records = arena_alloc(a, (e.n_records + 1u) * sizeof(*records));
    for (uint16_t i = 0; i < e.n_records; i++)
        records[i] = e.records[i].raw;
    ledger_envelope_wire(&again, e.body.data, &e.sig, records, e.n_records);
    fuzz_same(in, &again, "envelope");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fixture *f = fuzz_fixture();
    struct arena a = {0};
    struct ledger_batch b;
    struct writer again = {0};

    if (size == 0)
        return 0;
    struct bytes in = bytes_of(data + 1, size - 1);
    if (data[0] % 2 == 0)
        take_envelope(in, &a);
    else if (ledger_batch_decode(&b, in, &f->registry->ledger_id, &a) == ANJU_OK) {
        ledger_batch_encode(&again, b.envelopes, b.n_envelopes);
        fuzz_same(in, &again, "batch");
    }
    arena_free(&a);
    return 0;
}
