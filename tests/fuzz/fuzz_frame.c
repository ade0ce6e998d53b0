/* Bodies of peer frames: the first byte is the frame's type. */
#include <string.h>

#include "node/frames.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fixture.h"
#include "tests/unit/must.h"

static void put_vote(struct writer *out, struct fixture *f, enum ledger_vote_type type)
{
    struct ledger_vote v = {.type = type, .height = 3, .round = 1, .valid_round = -1, .signer = f->registry->set.node[0].id, .vid = {{1}}};

    if (type == LEDGER_PRECOMMIT)
        v.result.b[0] = 2;
    must(ledger_vote_sign(&v, &f->node[0], &f->registry->ledger_id));
    if (type == LEDGER_PROPOSAL)
        frame_proposal_encode(out, &v, bytes_of(NULL, 0), bytes_of(NULL, 0));
    else
        frame_vote_encode(out, &v);
}

bool fuzz_seed(struct writer *out, unsigned n)
{
    static const uint8_t TYPES[] = {FRAME_STATUS, FRAME_PROPOSAL, FRAME_VOTE, FRAME_VOTE, FRAME_CERTIFICATE, FRAME_HAVE, FRAME_WANT};
    struct fixture *f = fuzz_fixture();
    struct frame_status status = {.height = 9, .round = 2, .step = 1, .flags = 1, .time_ms = FIXTURE_CREATED};
    struct frame_certificate *c = arena_alloc(&f->arena, sizeof(*c));
    struct frame_have have = {.size = 100};
    struct frame_want want = {.kind = FRAME_WANT_BATCHES, .count = 2};

    if (n >= sizeof(TYPES))
        return false;
    writer_u8(out, TYPES[n]);
    c->kind = FRAME_COMMIT;
    fixture_certify(f, &c->commit, 3, &(struct crypto_hash){{1}}, &(struct crypto_hash){{2}});
    switch (n) {
    case 0: frame_status_encode(out, &status); break;
    case 1: put_vote(out, f, LEDGER_PROPOSAL); break;
    case 2: put_vote(out, f, LEDGER_PREVOTE); break;
    case 3: put_vote(out, f, LEDGER_PRECOMMIT); break;
    case 4: frame_certificate_encode(out, c); break;
    case 5: frame_have_encode(out, &have, 1); break;
    case 6: frame_want_encode(out, &want); break;
    }
    return true;
}

static union {
    struct frame_status status;
    struct frame_proposal proposal;
    struct ledger_vote vote;
    struct frame_certificate certificate;
    struct frame_batch batch;
    struct frame_have have[FRAME_HAVE_MAX];
    struct frame_want want;
    struct frame_block block;
    struct frame_compact compact;
} u;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(size > 0 ? data + 1 : data, size > 0 ? size - 1 : 0);
    struct writer again = {0};
    uint16_t count;

    if (size == 0)
        return 0;
    switch (data[0]) {
    case FRAME_STATUS:
        if (frame_status_decode(&u.status, in) == ANJU_OK) {
            frame_status_encode(&again, &u.status);
            fuzz_same(in, &again, "STATUS");
        }
        break;
    case FRAME_VOTE:
        if (frame_vote_decode(&u.vote, in) == ANJU_OK) {
            frame_vote_encode(&again, &u.vote);
            fuzz_same(in, &again, "VOTE");
        }
        break;
    case FRAME_CERTIFICATE:
        if (frame_certificate_decode(&u.certificate, in) == ANJU_OK) {
            frame_certificate_encode(&again, &u.certificate);
            fuzz_same(in, &again, "CERTIFICATE");
        }
        break;
    case FRAME_HAVE:
        if (frame_have_decode(u.have, &count, in) == ANJU_OK) {
            frame_have_encode(&again, u.have, count);
            fuzz_same(in, &again, "HAVE");
        }
        break;
    case FRAME_WANT:
        if (frame_want_decode(&u.want, in) == ANJU_OK) {
            frame_want_encode(&again, &u.want);
            fuzz_same(in, &again, "WANT");
        }
        break;
    case FRAME_PROPOSAL: (void)!frame_proposal_decode(&u.proposal, in); break;
    case FRAME_BATCH: (void)!frame_batch_decode(&u.batch, in); break;
    case FRAME_BLOCK: (void)!frame_block_decode(&u.block, in); break;
    case FRAME_BODY: (void)!frame_compact_decode(&u.compact, in); break;
    }
    return 0;
}
