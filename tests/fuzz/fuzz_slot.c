/* The guard's content, and the votes, certificates and sets that stand in it. */
#include <stdlib.h>

#include "consensus/consensus.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fixture.h"

bool fuzz_seed(struct writer *out, unsigned n)
{
    struct fixture *f = fuzz_fixture();
    struct ledger_certificate *c = arena_alloc(&f->arena, sizeof(*c));
    struct consensus *core = anju_alloc(consensus_size());
    struct consensus_timeouts t = {600, 300, 200, 100, 10000, 50, 500, 2000};

    fixture_certify(f, c, 3, &(struct crypto_hash){{1}}, &(struct crypto_hash){{2}});
    writer_u8(out, (uint8_t)n);
    if (n == 0)
        ledger_certificate_encode(out, c);
    else if (n == 1)
        ledger_set_encode(out, &f->registry->set);
    else {
        consensus_init(core, &f->registry->set.node[0].id, &t);
        consensus_slot_encode(out, core);
    }
    free(core);
    return n < 3;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct consensus_slot slot;
    static struct ledger_certificate certificate;
    static struct ledger_set set;
    struct writer again = {0};

    if (size == 0)
        return 0;
    struct bytes in = bytes_of(data + 1, size - 1);
    if (data[0] == 0 && ledger_certificate_decode(&certificate, in) == ANJU_OK) {
        ledger_certificate_encode(&again, &certificate);
        fuzz_same(in, &again, "certificate");
    } else if (data[0] == 1 && ledger_set_decode(&set, in, &fuzz_fixture()->registry->ledger_id) == ANJU_OK) {
        ledger_set_encode(&again, &set);
        fuzz_same(in, &again, "set");
    } else if (data[0] > 1)
        (void)!consensus_slot_decode(&slot, in);
    return 0;
}
