/* Receipts and set paths: bytes that an auditor gets from anyone. */
#include "ledger/receipt.h"
#include "rpc/receipt_json.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fixture.h"

/* The first byte says which form: 0 bytes, 1 JSON, 2 a set path. */
bool fuzz_seed(struct writer *out, unsigned n)
{
    struct fixture *f = fuzz_fixture();
    struct ledger_receipt *r = arena_alloc(&f->arena, sizeof(*r));
    struct ledger_result result = {.height = 1, .log_size = 1};
    struct ledger_entry entry = {.kind = LEDGER_ENTRY_TIMER, .height = 1, .time_ms = FIXTURE_CREATED, .n_effects = 1};
    struct ledger_set_path path = {.ledger_id = f->registry->ledger_id};
    struct crypto_hash id;

    r->claim.ledger_id = f->registry->ledger_id;
    r->claim.vid.b[0] = 1;
    ledger_entry_encode(r->claim.entry, &entry);
    ledger_entry_leaf(&result.log_root, r->claim.entry);
    ledger_result_encode(r->claim.result, &result);
    ledger_result_id(&id, &result, &f->registry->ledger_id);
    fixture_certify(f, &r->certificate, 1, &r->claim.vid, &id);
    writer_u8(out, (uint8_t)n);
    if (n == 0)
        ledger_receipt_encode(out, r);
    else if (n == 1) {
        json_t *json = receipt_json(r);
        receipt_json_text(out, json);
        json_decref(json);
    } else
        ledger_set_path_encode(out, &path);
    return n < 3;
}

static void take_receipt(struct bytes in, bool json, struct arena *a)
{
    struct fixture *f = fuzz_fixture();
    struct ledger_receipt *r = arena_alloc(a, sizeof(*r));
    struct ledger_receipt_report *report = arena_alloc(a, sizeof(*report));
    struct writer again = {0};

    if ((json ? receipt_json_decode(r, in, a) : ledger_receipt_decode(r, in, a)) != ANJU_OK)
        return;
    if (json) {
        json_t *value = receipt_json(r);
        receipt_json_text(&again, value);
        json_decref(value);
    } else
        ledger_receipt_encode(&again, r);
    fuzz_same(in, &again, "receipt");
    ledger_receipt_verify(report, r, f->registry, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct ledger_set_path *path = arena_alloc(&a, sizeof(*path));
    struct writer again = {0};

    if (size > 0 && data[0] < 2)
        take_receipt(bytes_of(data + 1, size - 1), data[0] == 1, &a);
    else if (size > 0 && ledger_set_path_decode(path, bytes_of(data + 1, size - 1), &a) == ANJU_OK) {
        ledger_set_path_encode(&again, path);
        fuzz_same(bytes_of(data + 1, size - 1), &again, "set path");
    }
    arena_free(&a);
    return 0;
}
