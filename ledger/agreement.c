#include "ledger/agreement.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static enum anju_err malformed(const char *what)
{
    return anju_fail(ANJU_ERR_MALFORMED, "%s", what);
}

static enum anju_err mismatch(const char *what)
{
    return anju_fail(ANJU_ERR_MISMATCH, "%s", what);
}

static void read_hash(struct reader *r, struct crypto_hash *out)
{
    reader_copy(r, out->b, CRYPTO_HASH_SIZE);
}

/* ---- set ---- */

void ledger_node_id(struct crypto_hash *out, const struct crypto_key *node_key)
{
    crypto_sha256(out, bytes_of(node_key->b, CRYPTO_KEY_SIZE));
}

static int compare_nodes(const void *a, const void *b)
{
    return crypto_hash_compare(&((const struct ledger_node *)a)->id,
                               &((const struct ledger_node *)b)->id);
}

enum anju_err ledger_set_seal(struct ledger_set *set, const struct crypto_hash *ledger_id)
{
    struct writer w = {0};

    if (set->n == 0 || set->n > LEDGER_SET_MAX)
        return anju_fail(ANJU_ERR_MALFORMED, "validator set: %u nodes, it has 1 to %d", set->n,
                         LEDGER_SET_MAX);
    for (unsigned i = 0; i < set->n; i++) {
        if (crypto_key_check(&set->node[i].node_key) != ANJU_OK)
            return anju_fail(ANJU_ERR_MALFORMED,
                             "validator set: the key of node %u is not on the curve", i);
        ledger_node_id(&set->node[i].id, &set->node[i].node_key);
    }
    qsort(set->node, set->n, sizeof set->node[0], compare_nodes);
    for (unsigned i = 1; i < set->n; i++)
        if (crypto_hash_equal(&set->node[i - 1].id, &set->node[i].id))
            return malformed("validator set: a node stands in it twice");
    ledger_set_encode(&w, set);
    crypto_digest(&set->hash, "anju/set/1", ledger_id, writer_view(&w));
    writer_free(&w);
    return ANJU_OK;
}

void ledger_set_encode(struct writer *w, const struct ledger_set *set)
{
    writer_put(w, set->previous.b, CRYPTO_HASH_SIZE);
    writer_u64(w, set->since);
    writer_u8(w, set->n);
    for (unsigned i = 0; i < set->n; i++) {
        const struct ledger_node *node = &set->node[i];

        writer_put(w, node->node_key.b, CRYPTO_KEY_SIZE);
        writer_put(w, node->log_key, CRYPTO_ED25519_SIZE);
        writer_put(w, node->cosign_key, CRYPTO_ED25519_SIZE);
        writer_u32(w, node->member);
    }
}

enum anju_err ledger_set_decode(struct ledger_set *out, struct bytes in,
                                const struct crypto_hash *ledger_id)
{
    struct reader r = reader_over(in);

    read_hash(&r, &out->previous);
    out->since = reader_u64(&r);
    out->n = reader_u8_max(&r, LEDGER_SET_MAX);
    for (unsigned i = 0; i < out->n; i++) {
        struct ledger_node *node = &out->node[i];

        reader_copy(&r, node->node_key.b, CRYPTO_KEY_SIZE);
        reader_copy(&r, node->log_key, CRYPTO_ED25519_SIZE);
        reader_copy(&r, node->cosign_key, CRYPTO_ED25519_SIZE);
        node->member = reader_u32(&r);
        ledger_node_id(&node->id, &node->node_key);
        if (i > 0 && compare_nodes(node - 1, node) >= 0)
            reader_fail(&r);
    }
    if (reader_finish(&r) != ANJU_OK)
        return malformed("validator set: cut, too long, or its nodes do not ascend by id");
    return ledger_set_seal(out, ledger_id);
}

int ledger_set_find(const struct ledger_set *set, const struct crypto_hash *node_id)
{
    for (unsigned i = 0; i < set->n; i++)
        if (crypto_hash_equal(&set->node[i].id, node_id))
            return (int)i;
    return -1;
}

unsigned ledger_set_proposer(const struct ledger_set *set, uint64_t height, uint32_t round)
{
    return (unsigned)((height % set->n + round % set->n) % set->n);
}

/* ---- header, result ---- */

void ledger_header_encode(uint8_t out[LEDGER_HEADER_SIZE], const struct ledger_header *h)
{
    put_u16(out, h->version);
    put_u64(out + 2, h->height);
    put_u64(out + 10, h->time_ms);
    memcpy(out + 18, h->proposer.b, CRYPTO_HASH_SIZE);
    memcpy(out + 50, h->previous.b, CRYPTO_HASH_SIZE);
    memcpy(out + 82, h->previous_result.b, CRYPTO_HASH_SIZE);
    memcpy(out + 114, h->previous_certificate.b, CRYPTO_HASH_SIZE);
    memcpy(out + 146, h->batches_root.b, CRYPTO_HASH_SIZE);
    put_u16(out + 178, h->n_batches);
    put_u32(out + 180, h->n_records);
    put_u32(out + 184, h->n_bytes);
}

enum anju_err ledger_header_decode(struct ledger_header *out, struct bytes in)
{
    struct reader r = reader_over(in);

    out->version = reader_u16(&r);
    out->height = reader_u64(&r);
    out->time_ms = reader_u64(&r);
    read_hash(&r, &out->proposer);
    read_hash(&r, &out->previous);
    read_hash(&r, &out->previous_result);
    read_hash(&r, &out->previous_certificate);
    read_hash(&r, &out->batches_root);
    out->n_batches = reader_u16(&r);
    out->n_records = reader_u32(&r);
    out->n_bytes = reader_u32(&r);
    if (reader_finish(&r) != ANJU_OK)
        return anju_fail(ANJU_ERR_MALFORMED, "header: %zu bytes, a header has %d", in.size,
                         LEDGER_HEADER_SIZE);
    if (out->version != 1)
        return anju_fail(ANJU_ERR_UNSUPPORTED, "header: version %u, this build knows version 1",
                         out->version);
    if (out->height == 0)
        return malformed("header: height 0 is genesis, which has no header");
    if (out->time_ms < LEDGER_TIME_MIN || out->time_ms > LEDGER_TIME_MAX)
        return malformed("header: its time lies outside 2020 to 2100");
    if ((out->height == 1) != crypto_hash_is_zero(&out->previous_certificate))
        return malformed("header: it names no certificate at height 1, and one at every other");
    if (out->n_batches > LEDGER_BLOCK_BATCHES_MAX ||
        out->n_records > LEDGER_CAP_FACTOR * LEDGER_BLOCK_RECORDS_DEFAULT ||
        out->n_bytes > LEDGER_CAP_FACTOR * LEDGER_BLOCK_SIZE_DEFAULT)
        return anju_fail(ANJU_ERR_TOO_LARGE,
                         "header: more batches, records or bytes than any block may have");
    return ANJU_OK;
}

void ledger_block_id(struct crypto_hash *out, const struct ledger_header *h,
                     const struct crypto_hash *ledger_id)
{
    uint8_t bytes[LEDGER_HEADER_SIZE];

    ledger_header_encode(bytes, h);
    crypto_digest(out, "anju/block/1", ledger_id, bytes_of(bytes, sizeof bytes));
}

void ledger_result_encode(uint8_t out[LEDGER_RESULT_SIZE], const struct ledger_result *r)
{
    put_u64(out, r->height);
    put_u64(out + 8, r->log_size);
    memcpy(out + 16, r->log_root.b, CRYPTO_HASH_SIZE);
    memcpy(out + 48, r->map_root.b, CRYPTO_HASH_SIZE);
    memcpy(out + 80, r->next_set.b, CRYPTO_HASH_SIZE);
}

enum anju_err ledger_result_decode(struct ledger_result *out, struct bytes in)
{
    struct reader r = reader_over(in);

    out->height = reader_u64(&r);
    out->log_size = reader_u64(&r);
    read_hash(&r, &out->log_root);
    read_hash(&r, &out->map_root);
    read_hash(&r, &out->next_set);
    if (reader_finish(&r) != ANJU_OK)
        return anju_fail(ANJU_ERR_MALFORMED, "result: %zu bytes, a result has %d", in.size,
                         LEDGER_RESULT_SIZE);
    return ANJU_OK;
}

void ledger_result_id(struct crypto_hash *out, const struct ledger_result *r,
                      const struct crypto_hash *ledger_id)
{
    uint8_t bytes[LEDGER_RESULT_SIZE];

    ledger_result_encode(bytes, r);
    crypto_digest(out, "anju/result/1", ledger_id, bytes_of(bytes, sizeof bytes));
}

/* ---- votes ---- */

size_t ledger_vote_encode(uint8_t out[LEDGER_PRECOMMIT_SIZE], const struct ledger_vote *v)
{
    memcpy(out, v->signer.b, CRYPTO_HASH_SIZE);
    put_u64(out + 32, v->height);
    put_u32(out + 40, v->round);
    if (v->type == LEDGER_PRECOMMIT) {
        memcpy(out + 44, v->vid.b, CRYPTO_HASH_SIZE);
        memcpy(out + 76, v->result.b, CRYPTO_HASH_SIZE);
        return LEDGER_PRECOMMIT_SIZE;
    }
    put_u32(out + 44, (uint32_t)v->valid_round);
    memcpy(out + 48, v->vid.b, CRYPTO_HASH_SIZE);
    return LEDGER_PREVOTE_SIZE;
}

bool ledger_vote_is_nil(const struct ledger_vote *v)
{
    return crypto_hash_is_zero(&v->vid);
}

bool ledger_vote_equal(const struct ledger_vote *a, const struct ledger_vote *b)
{
    return a->type == b->type && a->height == b->height && a->round == b->round &&
           a->valid_round == b->valid_round && crypto_hash_equal(&a->signer, &b->signer) &&
           crypto_hash_equal(&a->vid, &b->vid) && crypto_hash_equal(&a->result, &b->result);
}

/* Reads body and signature from the reader, which goes on behind them. */
static void read_vote(struct reader *r, struct ledger_vote *out, enum ledger_vote_type type)
{
    out->type = type;
    read_hash(r, &out->signer);
    out->height = reader_u64(r);
    out->round = reader_u32(r);
    if (type == LEDGER_PRECOMMIT) {
        out->valid_round = -1;
        read_hash(r, &out->vid);
        read_hash(r, &out->result);
    } else {
        out->valid_round = reader_i32(r);
        read_hash(r, &out->vid);
        out->result = CRYPTO_ZERO_HASH;
    }
    reader_copy(r, out->sig.b, CRYPTO_SIG_SIZE);
}

static enum anju_err check_vote(const struct ledger_vote *v)
{
    bool nil = ledger_vote_is_nil(v);

    if (v->height == 0)
        return malformed("vote: height 0 is not voted on");
    if (v->round > LEDGER_ROUND_MAX)
        return malformed("vote: its round is over the greatest one");
    if (v->type == LEDGER_PRECOMMIT)
        return nil == crypto_hash_is_zero(&v->result)
                   ? ANJU_OK
                   : malformed("precommit: block and result are both nil or neither");
    if (v->valid_round < -1 || v->valid_round >= (int64_t)v->round)
        return malformed("vote: its valid round is not a round before its own");
    if (nil && v->type == LEDGER_PROPOSAL)
        return malformed("proposal: it proposes nil");
    if (nil && v->valid_round != -1)
        return malformed("prevote: nil has no valid round");
    return ANJU_OK;
}

enum anju_err ledger_vote_decode(struct ledger_vote *out, enum ledger_vote_type type,
                                 struct bytes in)
{
    struct reader r = reader_over(in);

    read_vote(&r, out, type);
    if (reader_finish(&r) != ANJU_OK)
        return anju_fail(ANJU_ERR_MALFORMED, "vote: %zu bytes are not its body and signature",
                         in.size);
    return check_vote(out);
}

static const char *vote_tag(enum ledger_vote_type type)
{
    switch (type) {
    case LEDGER_PROPOSAL:
        return "anju/proposal/1";
    case LEDGER_PREVOTE:
        return "anju/prevote/1";
    case LEDGER_PRECOMMIT:
        return "anju/precommit/1";
    }
    assert(false);
    return "";
}

void ledger_vote_digest(struct crypto_hash *out, const struct ledger_vote *v,
                        const struct crypto_hash *ledger_id)
{
    uint8_t body[LEDGER_PRECOMMIT_SIZE];
    size_t size = ledger_vote_encode(body, v);

    crypto_digest(out, vote_tag(v->type), ledger_id, bytes_of(body, size));
}

enum anju_err ledger_vote_sign(struct ledger_vote *v, const struct crypto_secret *secret,
                               const struct crypto_hash *ledger_id)
{
    struct crypto_hash digest;

    assert(check_vote(v) == ANJU_OK);
    ledger_vote_digest(&digest, v, ledger_id);
    return crypto_sign(&v->sig, secret, &digest);
}

enum anju_err ledger_vote_verify(const struct ledger_vote *v, const struct ledger_set *set,
                                 const struct crypto_hash *ledger_id)
{
    int index = ledger_set_find(set, &v->signer);
    struct crypto_hash digest;

    if (index < 0)
        return anju_fail(ANJU_ERR_NOT_FOUND, "vote: its signer is not in the validator set");
    ledger_vote_digest(&digest, v, ledger_id);
    if (crypto_verify(&v->sig, &set->node[index].node_key, &digest) != ANJU_OK)
        return anju_fail(ANJU_ERR_MISMATCH, "vote: the signature of validator %d is wrong", index);
    return ANJU_OK;
}

/* ---- certificate, polka: q signatures over one content ---- */

static void write_signatures(struct writer *w, uint8_t q, const uint8_t *index,
                             const struct crypto_sig *sig)
{
    writer_u8(w, q);
    for (unsigned i = 0; i < q; i++) {
        writer_u8(w, index[i]);
        writer_put(w, sig[i].b, CRYPTO_SIG_SIZE);
    }
}

static uint8_t read_signatures(struct reader *r, uint8_t *index, struct crypto_sig *sig)
{
    uint8_t q = reader_u8_max(r, LEDGER_QUORUM_MAX);

    if (q == 0)
        reader_fail(r);
    for (unsigned i = 0; i < q; i++) {
        index[i] = reader_u8_max(r, LEDGER_SET_MAX - 1);
        reader_copy(r, sig[i].b, CRYPTO_SIG_SIZE);
        if (i > 0 && index[i] <= index[i - 1])
            reader_fail(r);
    }
    return q;
}

/* Exactly a quorum of the set, each one a signature over `content` with its own signer. */
static enum anju_err verify_signatures(const char *what, struct ledger_vote *content, uint8_t q,
                                       const uint8_t *index, const struct crypto_sig *sig,
                                       const struct ledger_set *set,
                                       const struct crypto_hash *ledger_id)
{
    if (q != ledger_set_quorum(set))
        return anju_fail(ANJU_ERR_MISMATCH, "%s: %u signatures, a quorum of this set is exactly %u",
                         what, q, ledger_set_quorum(set));
    for (unsigned i = 0; i < q; i++) {
        struct crypto_hash digest;

        if (index[i] >= set->n || (i > 0 && index[i] <= index[i - 1]))
            return anju_fail(ANJU_ERR_MISMATCH, "%s: signer %u is not in the set, or out of order",
                             what, index[i]);
        content->signer = set->node[index[i]].id;
        ledger_vote_digest(&digest, content, ledger_id);
        if (crypto_verify(&sig[i], &set->node[index[i]].node_key, &digest) != ANJU_OK)
            return anju_fail(ANJU_ERR_MISMATCH, "%s: the signature of validator %u is wrong", what,
                             index[i]);
    }
    return ANJU_OK;
}

void ledger_certificate_encode(struct writer *w, const struct ledger_certificate *c)
{
    writer_u64(w, c->height);
    writer_u32(w, c->round);
    writer_put(w, c->vid.b, CRYPTO_HASH_SIZE);
    writer_put(w, c->result.b, CRYPTO_HASH_SIZE);
    write_signatures(w, c->q, c->index, c->sig);
}

void ledger_certificate_read(struct ledger_certificate *out, struct reader *r)
{
    out->height = reader_u64(r);
    out->round = reader_u32_max(r, LEDGER_ROUND_MAX);
    read_hash(r, &out->vid);
    read_hash(r, &out->result);
    out->q = read_signatures(r, out->index, out->sig);
    if (out->height == 0 || crypto_hash_is_zero(&out->vid) || crypto_hash_is_zero(&out->result))
        reader_fail(r);
}

enum anju_err ledger_certificate_decode(struct ledger_certificate *out, struct bytes in)
{
    struct reader r = reader_over(in);

    ledger_certificate_read(out, &r);
    if (reader_finish(&r) != ANJU_OK)
        return malformed("certificate: cut, too long, nil, or its signers do not ascend");
    return ANJU_OK;
}

void ledger_certificate_digest(struct crypto_hash *out, const struct ledger_certificate *c,
                               const struct crypto_hash *ledger_id)
{
    struct writer w = {0};

    ledger_certificate_encode(&w, c);
    crypto_digest(out, "anju/certificate/1", ledger_id, writer_view(&w));
    writer_free(&w);
}

enum anju_err ledger_certificate_verify(const struct ledger_certificate *c,
                                        const struct ledger_set *set,
                                        const struct crypto_hash *ledger_id)
{
    struct ledger_vote content = {.type = LEDGER_PRECOMMIT,
                                  .height = c->height,
                                  .round = c->round,
                                  .valid_round = -1,
                                  .vid = c->vid,
                                  .result = c->result};

    if (check_vote(&content) != ANJU_OK || ledger_vote_is_nil(&content))
        return mismatch("certificate: it is for nil, or for no round of a height");
    return verify_signatures("certificate", &content, c->q, c->index, c->sig, set, ledger_id);
}

void ledger_polka_encode(struct writer *w, const struct ledger_polka *p)
{
    writer_u64(w, p->height);
    writer_u32(w, p->round);
    writer_put(w, p->vid.b, CRYPTO_HASH_SIZE);
    writer_i32(w, p->valid_round);
    write_signatures(w, p->q, p->index, p->sig);
}

enum anju_err ledger_polka_decode(struct ledger_polka *out, struct bytes in)
{
    struct reader r = reader_over(in);

    out->height = reader_u64(&r);
    out->round = reader_u32_max(&r, LEDGER_ROUND_MAX);
    read_hash(&r, &out->vid);
    out->valid_round = reader_i32(&r);
    out->q = read_signatures(&r, out->index, out->sig);
    if (out->height == 0 || crypto_hash_is_zero(&out->vid) || out->valid_round < -1 ||
        out->valid_round >= (int64_t)out->round)
        reader_fail(&r);
    if (reader_finish(&r) != ANJU_OK)
        return malformed("polka: cut, too long, nil, a valid round not before its round, or "
                         "signers not ascending");
    return ANJU_OK;
}

enum anju_err ledger_polka_verify(const struct ledger_polka *p, const struct ledger_set *set,
                                  const struct crypto_hash *ledger_id)
{
    struct ledger_vote content = {.type = LEDGER_PREVOTE,
                                  .height = p->height,
                                  .round = p->round,
                                  .valid_round = p->valid_round,
                                  .vid = p->vid};

    if (check_vote(&content) != ANJU_OK || ledger_vote_is_nil(&content))
        return mismatch("polka: it is for nil, or for no round of a height");
    return verify_signatures("polka", &content, p->q, p->index, p->sig, set, ledger_id);
}

/* ---- ticket ---- */

void ledger_ticket_encode(struct writer *w, const struct ledger_ticket *t)
{
    writer_u64(w, t->height);
    writer_u32(w, t->round);
    writer_u8(w, t->n);
    for (unsigned i = 0; i < t->n; i++) {
        uint8_t body[LEDGER_PRECOMMIT_SIZE];
        size_t size = ledger_vote_encode(body, &t->vote[i]);

        writer_u8(w, (uint8_t)t->vote[i].type);
        writer_put(w, body, size);
        writer_put(w, t->vote[i].sig.b, CRYPTO_SIG_SIZE);
    }
}

enum anju_err ledger_ticket_decode(struct ledger_ticket *out, struct bytes in)
{
    struct reader r = reader_over(in);

    out->height = reader_u64(&r);
    out->round = reader_u32_max(&r, LEDGER_ROUND_MAX);
    out->n = reader_u8_max(&r, LEDGER_SET_MAX);
    for (unsigned i = 0; i < out->n; i++) {
        uint8_t type = reader_u8(&r);

        if (type != LEDGER_PREVOTE && type != LEDGER_PRECOMMIT)
            return malformed("ticket: cut, or it holds what is not a prevote or precommit");
        read_vote(&r, &out->vote[i], (enum ledger_vote_type)type);
        if (r.failed || check_vote(&out->vote[i]) != ANJU_OK)
            return malformed("ticket: cut, or one of its votes is malformed");
        if (out->vote[i].height != out->height)
            return malformed("ticket: a vote of another height");
        if (i > 0 && crypto_hash_compare(&out->vote[i - 1].signer, &out->vote[i].signer) >= 0)
            return malformed("ticket: its signers do not ascend");
    }
    if (out->height == 0 || out->round == 0 || out->n == 0)
        reader_fail(&r);
    if (reader_finish(&r) != ANJU_OK)
        return malformed("ticket: cut, too long, empty, or for round 0");
    return ANJU_OK;
}

/* Each vote serves the one reason for which the round may be entered. */
static bool ticket_justifies(const struct ledger_ticket *t, const struct ledger_set *set)
{
    unsigned precommits = 0, nil_prevotes = 0, later = 0;

    for (unsigned i = 0; i < t->n; i++) {
        const struct ledger_vote *v = &t->vote[i];
        bool before = v->round == t->round - 1;

        precommits += before && v->type == LEDGER_PRECOMMIT;
        nil_prevotes += before && v->type == LEDGER_PREVOTE && ledger_vote_is_nil(v);
        later += v->round >= t->round;
    }
    return (precommits == t->n && t->n >= ledger_set_quorum(set)) ||
           (nil_prevotes == t->n && t->n >= ledger_set_quorum(set)) ||
           (later == t->n && t->n >= ledger_set_skip(set));
}

enum anju_err ledger_ticket_verify(const struct ledger_ticket *t, const struct ledger_set *set,
                                   const struct crypto_hash *ledger_id)
{
    if (t->round == 0 || t->n > set->n || !ticket_justifies(t, set))
        return mismatch("ticket: its votes do not justify its round");
    for (unsigned i = 0; i < t->n; i++) {
        enum anju_err err;

        if (t->vote[i].height != t->height ||
            (i > 0 && crypto_hash_compare(&t->vote[i - 1].signer, &t->vote[i].signer) >= 0))
            return mismatch("ticket: a vote of another height, or signers that do not ascend");
        err = ledger_vote_verify(&t->vote[i], set, ledger_id);
        if (err != ANJU_OK)
            return err;
    }
    return ANJU_OK;
}
