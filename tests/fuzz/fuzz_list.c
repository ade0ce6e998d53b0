/* Proofs of lists and of consistency: files that an auditor gets from anyone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/consistency.h"
#include "rpc/consistency_json.h"
#include "rpc/list_proof_json.h"
#include "rpc/receipt_json.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fixture.h"
#include "tests/unit/procedure_files.h"

static const char *const FILES[] = {"good-many-keys", "good-page-with-records-and-effects",
                                    "good-time", "good-now", "good-consistency"};
enum { N_FILES = sizeof(FILES) / sizeof(FILES[0]) };

/* The first byte says which form: 0 the bytes of a list without their id, 1 its JSON, 2 a proof of
 * consistency. */
bool fuzz_seed(struct writer *out, unsigned n)
{
    struct arena *a = &fuzz_fixture()->arena;
    struct ledger_list_proof *p = arena_alloc(a, sizeof(*p));
    char path[100];

    if (n >= 2 * N_FILES - 1)
        return false;
    (void)snprintf(path, sizeof(path), "tests/vectors/lists/%s.json", FILES[n % N_FILES]);
    struct bytes file = files_read(path);
    writer_u8(out, n % N_FILES == N_FILES - 1 ? 2 : n < N_FILES);
    if (n < N_FILES)
        writer_bytes(out, file);
    else if (list_proof_json_decode(p, file, a) == ANJU_OK) {
        ledger_list_encode(out, p);
        out->size -= CRYPTO_HASH_SIZE;
    }
    free((void *)(uintptr_t)file.data);
    return true;
}

static void take_list(struct bytes in, bool json, struct arena *a)
{
    struct fixture *f = fuzz_fixture();
    struct ledger_list_proof *p = arena_alloc(a, sizeof(*p));
    struct ledger_list_report *report = arena_alloc(a, sizeof(*report));
    struct writer again = {0};

    if ((json ? list_proof_json_decode(p, in, a) : ledger_list_decode(p, in, a)) != ANJU_OK)
        return;
    if (json) {
        json_t *value = list_proof_json(p);
        receipt_json_text(&again, value);
        json_decref(value);
    } else
        ledger_list_encode(&again, p);
    fuzz_same(in, &again, "list");
    ledger_list_verify(report, p, f->registry, NULL, a);
}

/* With the id of whatever stands before it, so that this check hides no other. */
static void take_bytes(struct bytes in, struct arena *a)
{
    struct crypto_hash id, ledger_id = {{0}};
    struct writer w = {0};

    if (in.size > CRYPTO_HASH_SIZE)
        memcpy(ledger_id.b, in.data + 1, CRYPTO_HASH_SIZE);
    crypto_digest(&id, "anju/list/1", &ledger_id, in);
    writer_bytes(&w, in);
    writer_bytes(&w, crypto_hash_bytes(&id));
    take_list(writer_view(&w), false, a);
    writer_free(&w);
}

static void take_consistency(struct bytes in, struct arena *a)
{
    struct ledger_consistency *c = arena_alloc(a, sizeof(*c));
    struct ledger_consistency_report *report = arena_alloc(a, sizeof(*report));
    struct writer again = {0};
    json_t *value;

    if (consistency_json_decode(c, in, a) != ANJU_OK)
        return;
    value = consistency_json(c);
    receipt_json_text(&again, value);
    json_decref(value);
    fuzz_same(in, &again, "consistency");
    ledger_consistency_verify(report, c, fuzz_fixture()->registry, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};

    if (size == 0)
        return 0;
    if (data[0] % 3 == 0)
        take_bytes(bytes_of(data + 1, size - 1), &a);
    else if (data[0] % 3 == 1)
        take_list(bytes_of(data + 1, size - 1), true, &a);
    else
        take_consistency(bytes_of(data + 1, size - 1), &a);
    arena_free(&a);
    return 0;
}
