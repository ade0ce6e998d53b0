#include "ledger/evidence.h"

#include <assert.h>
#include <string.h>

enum { VERSION = 1 };

/* ---- What contradicts what ---- */

static bool is_amnesia(const struct ledger_vote *a, const struct ledger_vote *b)
{
    return a->type == LEDGER_PRECOMMIT && b->type == LEDGER_PREVOTE && !ledger_vote_is_nil(a) &&
           !ledger_vote_is_nil(b) && b->valid_round < (int64_t)a->round && a->round < b->round;
}

static bool is_double(const struct ledger_vote *a, const struct ledger_vote *b)
{
    return a->type == b->type && a->round == b->round && !ledger_vote_equal(a, b);
}

static bool is_before(const struct ledger_vote *a, const struct ledger_vote *b)
{
    uint8_t x[LEDGER_PRECOMMIT_SIZE] = {0}, y[LEDGER_PRECOMMIT_SIZE] = {0};

    (void)ledger_vote_encode(x, a);
    (void)ledger_vote_encode(y, b);
    return memcmp(x, y, sizeof x) < 0;
}

static void put_pair(struct ledger_evidence *out, const struct ledger_vote *a,
                     const struct ledger_vote *b)
{
    out->first = *a;
    out->second = *b;
}

enum anju_err ledger_evidence_of_votes(struct ledger_evidence *out, const struct ledger_vote *a,
                                       const struct ledger_vote *b)
{
    *out = (struct ledger_evidence){.kind = LEDGER_EVIDENCE_VOTE};
    if (!crypto_hash_equal(&a->signer, &b->signer))
        return anju_fail(ANJU_ERR_MISMATCH, "the two messages have two signers");
    if (a->height != b->height)
        return anju_fail(ANJU_ERR_MISMATCH, "the two messages are of two heights");
    if (is_amnesia(a, b) || is_amnesia(b, a)) {
        out->kind = LEDGER_EVIDENCE_AMNESIA;
        put_pair(out, is_amnesia(a, b) ? a : b, is_amnesia(a, b) ? b : a);
        return ANJU_OK;
    }
    if (!is_double(a, b))
        return anju_fail(ANJU_ERR_MISMATCH, "the two messages do not contradict each other");
    if (a->type == LEDGER_PROPOSAL)
        out->kind = LEDGER_EVIDENCE_PROPOSAL;
    put_pair(out, is_before(a, b) ? a : b, is_before(a, b) ? b : a);
    return ANJU_OK;
}

static int compare_commits(const struct ledger_certificate *a, const struct ledger_certificate *b)
{
    int rc = memcmp(a->vid.b, b->vid.b, sizeof a->vid.b);

    return rc != 0 ? rc : memcmp(a->result.b, b->result.b, sizeof a->result.b);
}

enum anju_err ledger_evidence_of_commits(struct ledger_evidence *out,
                                         const struct ledger_certificate *a,
                                         const struct ledger_certificate *b)
{
    int order = compare_commits(a, b);

    *out = (struct ledger_evidence){.kind = LEDGER_EVIDENCE_FORK};
    if (a->height != b->height)
        return anju_fail(ANJU_ERR_MISMATCH, "the two certificates are of two heights");
    if (order == 0)
        return anju_fail(ANJU_ERR_MISMATCH, "the two certificates agree on block and result");
    out->first_commit = order < 0 ? *a : *b;
    out->second_commit = order < 0 ? *b : *a;
    return ANJU_OK;
}

/* ---- Bytes ---- */

static size_t vote_size(enum ledger_vote_type type)
{
    return (type == LEDGER_PRECOMMIT ? LEDGER_PRECOMMIT_SIZE : LEDGER_PREVOTE_SIZE) +
           CRYPTO_SIG_SIZE;
}

static void put_vote(struct writer *w, const struct ledger_vote *v)
{
    uint8_t body[LEDGER_PRECOMMIT_SIZE];
    size_t size = ledger_vote_encode(body, v);

    writer_u8(w, (uint8_t)v->type);
    writer_put(w, body, size);
    writer_put(w, v->sig.b, CRYPTO_SIG_SIZE);
}

static void put_commit(struct writer *w, const struct ledger_certificate *c)
{
    struct writer one = {0};

    ledger_certificate_encode(&one, c);
    writer_bytes_u32(w, writer_view(&one));
    writer_free(&one);
}

void ledger_evidence_encode(struct writer *w, const struct ledger_evidence *e,
                            const struct crypto_hash *ledger_id)
{
    writer_u8(w, VERSION);
    writer_put(w, ledger_id->b, CRYPTO_HASH_SIZE);
    writer_u8(w, (uint8_t)e->kind);
    if (e->kind == LEDGER_EVIDENCE_FORK) {
        put_commit(w, &e->first_commit);
        put_commit(w, &e->second_commit);
    } else {
        put_vote(w, &e->first);
        put_vote(w, &e->second);
    }
}

static enum anju_err take_vote(struct ledger_vote *out, struct reader *r)
{
    uint8_t type = reader_u8(r);

    if (r->failed || type > LEDGER_PRECOMMIT)
        return anju_fail(ANJU_ERR_MALFORMED, "evidence: an unknown type of message");
    struct bytes b = reader_take(r, vote_size((enum ledger_vote_type)type));
    if (r->failed)
        return anju_fail(ANJU_ERR_MALFORMED, "evidence: it is cut short");
    return ledger_vote_decode(out, (enum ledger_vote_type)type, b);
}

static enum anju_err take_commit(struct ledger_certificate *out, struct reader *r)
{
    struct bytes b = reader_take_u32(r, LEDGER_CERTIFICATE_SIZE_MAX);

    if (r->failed)
        return anju_fail(ANJU_ERR_MALFORMED, "evidence: it is cut short");
    return ledger_certificate_decode(out, b);
}

/* One proof has one form: what is decoded is made again and compared. */
static enum anju_err check_form(const struct ledger_evidence *e, struct bytes in,
                                const struct crypto_hash *ledger_id, uint8_t kind)
{
    struct writer w = {0};
    bool same;

    ledger_evidence_encode(&w, e, ledger_id);
    same = e->kind == (enum ledger_evidence_kind)kind && bytes_equal(writer_view(&w), in);
    writer_free(&w);
    return same ? ANJU_OK
                : anju_fail(ANJU_ERR_MALFORMED, "evidence: its two parts are not in order, or not "
                                                "of the kind that it says");
}

enum anju_err ledger_evidence_decode(struct ledger_evidence *out, struct bytes in,
                                     const struct crypto_hash *ledger_id)
{
    struct ledger_vote a = {0}, b = {0};
    struct ledger_certificate first = {0}, second = {0};
    struct reader r = reader_over(in);
    uint8_t version = reader_u8(&r);
    struct bytes ledger = reader_take(&r, CRYPTO_HASH_SIZE);
    uint8_t kind = reader_u8(&r);
    enum anju_err err;

    memset(out, 0, sizeof *out);
    if (r.failed || version != VERSION || kind < LEDGER_EVIDENCE_VOTE ||
        kind > LEDGER_EVIDENCE_FORK)
        return anju_fail(ANJU_ERR_MALFORMED, "not an evidence of a version or kind known here");
    if (memcmp(ledger.data, ledger_id->b, CRYPTO_HASH_SIZE) != 0)
        return anju_fail(ANJU_ERR_MISMATCH, "the evidence is about another ledger");
    if (kind == LEDGER_EVIDENCE_FORK) {
        err = take_commit(&first, &r);
        if (err == ANJU_OK)
            err = take_commit(&second, &r);
        if (err == ANJU_OK)
            err = ledger_evidence_of_commits(out, &first, &second);
    } else {
        err = take_vote(&a, &r);
        if (err == ANJU_OK)
            err = take_vote(&b, &r);
        if (err == ANJU_OK)
            err = ledger_evidence_of_votes(out, &a, &b);
    }
    if (err == ANJU_OK)
        err = reader_finish(&r);
    return err == ANJU_OK ? check_form(out, in, ledger_id, kind) : err;
}

/* ---- Judging ---- */

static bool has_signer(const struct ledger_certificate *c, unsigned index)
{
    for (unsigned i = 0; i < c->q; i++) {
        if (c->index[i] == index)
            return true;
    }
    return false;
}

static enum anju_err verify_fork(uint32_t *convicts, const struct ledger_evidence *e,
                                 const struct ledger_set *set, const struct crypto_hash *ledger_id)
{
    enum anju_err err = ledger_certificate_verify(&e->first_commit, set, ledger_id);

    if (err == ANJU_OK)
        err = ledger_certificate_verify(&e->second_commit, set, ledger_id);
    for (unsigned i = 0; err == ANJU_OK && i < set->n; i++) {
        if (e->first_commit.round == e->second_commit.round && has_signer(&e->first_commit, i) &&
            has_signer(&e->second_commit, i))
            *convicts |= UINT32_C(1) << i;
    }
    return err;
}

enum anju_err ledger_evidence_verify(uint32_t *convicts, const struct ledger_evidence *e,
                                     const struct ledger_set *set,
                                     const struct crypto_hash *ledger_id)
{
    struct ledger_evidence again;
    enum anju_err err;
    int index;

    *convicts = 0;
    if (e->kind == LEDGER_EVIDENCE_FORK) {
        err = ledger_evidence_of_commits(&again, &e->first_commit, &e->second_commit);
        return err == ANJU_OK ? verify_fork(convicts, e, set, ledger_id) : err;
    }
    err = ledger_evidence_of_votes(&again, &e->first, &e->second);
    if (err == ANJU_OK)
        err = ledger_vote_verify(&e->first, set, ledger_id);
    if (err == ANJU_OK)
        err = ledger_vote_verify(&e->second, set, ledger_id);
    if (err != ANJU_OK)
        return err;
    index = ledger_set_find(set, &e->first.signer);
    assert(index >= 0); /* its signature was verified by the set */
    *convicts = UINT32_C(1) << index;
    return ANJU_OK;
}

uint64_t ledger_evidence_height(const struct ledger_evidence *e)
{
    return e->kind == LEDGER_EVIDENCE_FORK ? e->first_commit.height : e->first.height;
}

const char *ledger_evidence_name(enum ledger_evidence_kind kind)
{
    switch (kind) {
    case LEDGER_EVIDENCE_VOTE:
        return "two votes";
    case LEDGER_EVIDENCE_PROPOSAL:
        return "two proposals";
    case LEDGER_EVIDENCE_AMNESIA:
        return "amnesia";
    case LEDGER_EVIDENCE_FORK:
        return "fork";
    }
    return "";
}
