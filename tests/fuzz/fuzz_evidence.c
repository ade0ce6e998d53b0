/* Proofs that a validator contradicted itself: what decodes has one form, and no bytes convict
 * anybody but those that signed. */
#include <stdlib.h>

#include "ledger/evidence.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fixture.h"

static void put_votes(struct writer *out, struct fixture *f, enum ledger_vote_type a_type,
                      enum ledger_vote_type b_type)
{
    struct ledger_evidence e;
    struct ledger_vote a = {.type = a_type,
                            .height = 5,
                            .round = 1,
                            .valid_round = -1,
                            .vid = {{1}}},
                       b = a;

    a.signer = b.signer = f->registry->set.node[0].id;
    b.type = b_type;
    b.vid = (struct crypto_hash){{2}};
    b.round = a_type == b_type ? 1 : 3;
    if (a_type == LEDGER_PRECOMMIT)
        a.result = (struct crypto_hash){{3}};
    if (b_type == LEDGER_PRECOMMIT)
        b.result = (struct crypto_hash){{3}};
    if (ledger_vote_sign(&a, &f->node[0], &f->registry->ledger_id) != ANJU_OK ||
        ledger_vote_sign(&b, &f->node[0], &f->registry->ledger_id) != ANJU_OK ||
        ledger_evidence_of_votes(&e, &a, &b) != ANJU_OK)
        abort();
    ledger_evidence_encode(out, &e, &f->registry->ledger_id);
}

bool fuzz_seed(struct writer *out, unsigned n)
{
    struct fixture *f = fuzz_fixture();
    struct ledger_evidence e;
    struct ledger_certificate c[2];

    if (n == 0)
        put_votes(out, f, LEDGER_PREVOTE, LEDGER_PREVOTE);
    else if (n == 1)
        put_votes(out, f, LEDGER_PROPOSAL, LEDGER_PROPOSAL);
    else if (n == 2)
        put_votes(out, f, LEDGER_PRECOMMIT, LEDGER_PREVOTE);
    else if (n == 3) {
        fixture_certify(f, &c[0], 3, &(struct crypto_hash){{1}}, &(struct crypto_hash){{2}});
        fixture_certify(f, &c[1], 3, &(struct crypto_hash){{1}}, &(struct crypto_hash){{3}});
        if (ledger_evidence_of_commits(&e, &c[0], &c[1]) != ANJU_OK)
            abort();
        ledger_evidence_encode(out, &e, &f->registry->ledger_id);
    }
    return n < 4;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ledger_evidence e;
    struct fixture *f = fuzz_fixture();
    struct writer again = {0};
    struct bytes in = bytes_of(data, size);
    uint32_t convicts;

    if (ledger_evidence_decode(&e, in, &f->registry->ledger_id) != ANJU_OK)
        return 0;
    (void)!ledger_evidence_verify(&convicts, &e, &f->registry->set, &f->registry->ledger_id);
    ledger_evidence_encode(&again, &e, &f->registry->ledger_id);
    fuzz_same(in, &again, "evidence");
    return 0;
}
