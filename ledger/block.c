#include "ledger/block.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK_SIZE_CAP = LEDGER_CAP_FACTOR * LEDGER_BLOCK_SIZE_DEFAULT,
    BLOCK_RECORDS_CAP = LEDGER_CAP_FACTOR * LEDGER_BLOCK_RECORDS_DEFAULT,
    BLOCK_SIGNATURES_CAP = LEDGER_CAP_FACTOR * LEDGER_BLOCK_SIGNATURES_DEFAULT,
    BATCH_SIZE_CAP = LEDGER_CAP_FACTOR * LEDGER_BATCH_SIZE_DEFAULT,
};

void ledger_block_encode(struct writer *w, const struct ledger_header *h,
                         const struct crypto_hash *batch_ids, struct bytes certificate,
                         const struct bytes *batches)
{
    uint8_t header[LEDGER_HEADER_SIZE];

    ledger_header_encode(header, h);
    writer_put(w, header, sizeof header);
    for (unsigned i = 0; i < h->n_batches; i++)
        writer_put(w, batch_ids[i].b, CRYPTO_HASH_SIZE);
    writer_bytes_u32(w, certificate);
    for (unsigned i = 0; i < h->n_batches; i++)
        writer_bytes_u32(w, batches[i]);
}

/* The words of a part's fault, with which part of the block it is. */
static enum anju_err in_part(enum anju_err err, const char *part, unsigned index)
{
    char words[256];

    snprintf(words, sizeof words, "%s", anju_err_text());
    return anju_fail(err, "block: %s %u: %s", part, index, words);
}

static int compare_hashes(const void *a, const void *b)
{
    return crypto_hash_compare(a, b);
}

/* The ids' root is the header's, and no id stands twice. */
static enum anju_err check_ids(const struct ledger_header *h, const struct crypto_hash *ids)
{
    struct merkle_peaks peaks = {0};
    struct crypto_hash root, leaf, *sorted;
    bool twice = false;

    for (unsigned i = 0; i < h->n_batches; i++) {
        crypto_leaf_hash(&leaf, crypto_hash_bytes(&ids[i]));
        merkle_append(&peaks, &leaf, NULL, NULL);
    }
    merkle_root(&root, &peaks);
    if (!crypto_hash_equal(&root, &h->batches_root))
        return anju_fail(ANJU_ERR_MISMATCH, "block: its batch ids do not make the header's root");
    if (h->n_batches < 2)
        return ANJU_OK;
    sorted = anju_dup(ids, h->n_batches * sizeof ids[0]);
    qsort(sorted, h->n_batches, sizeof sorted[0], compare_hashes);
    for (unsigned i = 1; i < h->n_batches; i++)
        twice |= crypto_hash_equal(&sorted[i - 1], &sorted[i]);
    free(sorted);
    return twice ? anju_fail(ANJU_ERR_MALFORMED, "block: a batch stands in it twice") : ANJU_OK;
}

/* The certificate of height - 1 says what the header says of it. */
static enum anju_err check_certificate(struct ledger_block *b, const struct crypto_hash *ledger_id)
{
    const struct ledger_header *h = &b->header;
    struct crypto_hash digest;
    enum anju_err err;

    if ((h->height == 1) != (b->certificate_bytes.size == 0))
        return anju_fail(ANJU_ERR_MALFORMED,
                         "block: it carries no certificate at height 1, and one at every other");
    if (h->height == 1)
        return ANJU_OK;
    err = ledger_certificate_decode(&b->certificate, b->certificate_bytes);
    if (err != ANJU_OK)
        return err;
    ledger_certificate_digest(&digest, &b->certificate, ledger_id);
    if (!crypto_hash_equal(&digest, &h->previous_certificate))
        return anju_fail(ANJU_ERR_MISMATCH,
                         "block: its certificate is not the one that the header names");
    if (b->certificate.height != h->height - 1 ||
        !crypto_hash_equal(&b->certificate.vid, &h->previous) ||
        !crypto_hash_equal(&b->certificate.result, &h->previous_result))
        return anju_fail(ANJU_ERR_MISMATCH,
                         "block: its certificate is for another height, block or result");
    return ANJU_OK;
}

static enum anju_err read_batches(struct ledger_block *b, struct reader *r,
                                  const struct crypto_hash *ledger_id, struct arena *a)
{
    uint64_t n_bytes = 0;

    b->batches = arena_alloc(a, (b->n_batches + 1u) * sizeof b->batches[0]);
    for (unsigned i = 0; i < b->n_batches; i++) {
        struct bytes raw = reader_take_u32(r, BATCH_SIZE_CAP);
        enum anju_err err;

        if (r->failed)
            return anju_fail(ANJU_ERR_MALFORMED,
                             "block: batch %u: its length is over %d or over what is left", i,
                             BATCH_SIZE_CAP);
        err = ledger_batch_decode(&b->batches[i], raw, ledger_id, a);
        if (err != ANJU_OK)
            return in_part(err, "batch", i);
        if (!crypto_hash_equal(&b->batches[i].id, &b->batch_ids[i]))
            return anju_fail(ANJU_ERR_MISMATCH, "block: batch %u has another id than the one named",
                             i);
        n_bytes += raw.size;
        b->n_envelopes += b->batches[i].n_envelopes;
    }
    if (reader_finish(r) != ANJU_OK)
        return anju_fail(ANJU_ERR_MALFORMED, "block: bytes are left over after its %u batches",
                         b->n_batches);
    if (n_bytes != b->header.n_bytes)
        return anju_fail(ANJU_ERR_MISMATCH, "block: its batches have %ju bytes, the header says %u",
                         (uintmax_t)n_bytes, b->header.n_bytes);
    if (b->n_envelopes > b->header.n_records)
        return anju_fail(ANJU_ERR_MISMATCH, "block: %u envelopes, the header says %u records",
                         b->n_envelopes, b->header.n_records);
    return ANJU_OK;
}

static enum anju_err read_envelopes(struct ledger_block *b, const struct crypto_hash *ledger_id,
                                    struct arena *a)
{
    unsigned at = 0;
    uint64_t n_records = 0;

    b->envelopes = arena_alloc(a, (b->n_envelopes + 1u) * sizeof b->envelopes[0]);
    for (unsigned i = 0; i < b->n_batches; i++) {
        for (unsigned j = 0; j < b->batches[i].n_envelopes; j++) {
            struct ledger_envelope *e = &b->envelopes[at];
            enum anju_err err = ledger_envelope_decode(e, b->batches[i].envelopes[j], ledger_id, a);

            if (err != ANJU_OK)
                return in_part(err, "envelope", at);
            n_records += e->n_records;
            if (n_records > b->header.n_records)
                return anju_fail(ANJU_ERR_MISMATCH, "block: more records than the header's %u",
                                 b->header.n_records);
            at++;
        }
    }
    if (n_records != b->header.n_records)
        return anju_fail(ANJU_ERR_MISMATCH, "block: %ju records, the header says %u",
                         (uintmax_t)n_records, b->header.n_records);
    b->n_records = (uint32_t)n_records;
    return ANJU_OK;
}

static uint64_t count_signatures(const struct ledger_block *b)
{
    uint64_t n = b->n_envelopes;

    for (unsigned i = 0; i < b->n_envelopes; i++)
        for (unsigned j = 0; j < b->envelopes[i].n_records; j++)
            n += b->envelopes[i].records[j].n_cosignatures;
    return n;
}

enum anju_err ledger_block_decode(struct ledger_block *out, struct bytes raw,
                                  const struct crypto_hash *ledger_id, struct arena *a)
{
    struct reader r = reader_over(raw);
    struct bytes header = reader_take(&r, LEDGER_HEADER_SIZE);
    enum anju_err err;

    memset(out, 0, sizeof *out);
    if (r.failed)
        return anju_fail(ANJU_ERR_MALFORMED, "block: shorter than a header");
    err = ledger_header_decode(&out->header, header);
    if (err != ANJU_OK)
        return err;
    ledger_block_id(&out->id, &out->header, ledger_id);
    out->n_batches = out->header.n_batches;
    out->batch_ids = arena_alloc(a, (out->n_batches + 1u) * sizeof out->batch_ids[0]);
    for (unsigned i = 0; i < out->n_batches; i++)
        reader_copy(&r, out->batch_ids[i].b, CRYPTO_HASH_SIZE);
    out->certificate_bytes = reader_take_u32(&r, LEDGER_CERTIFICATE_SIZE_MAX);
    if (r.failed)
        return anju_fail(ANJU_ERR_MALFORMED, "block: cut in its batch ids or certificate");
    err = check_ids(&out->header, out->batch_ids);
    if (err == ANJU_OK)
        err = check_certificate(out, ledger_id);
    if (err == ANJU_OK)
        err = read_batches(out, &r, ledger_id, a);
    if (err == ANJU_OK)
        err = read_envelopes(out, ledger_id, a);
    if (err == ANJU_OK && count_signatures(out) > BLOCK_SIGNATURES_CAP)
        err = anju_fail(ANJU_ERR_TOO_LARGE, "block: more signatures than any block may have");
    return err;
}

enum anju_err ledger_header_describe(struct ledger_header *h, const struct bytes *batches,
                                     uint16_t n, const struct crypto_hash *ledger_id,
                                     struct arena *a)
{
    struct merkle_peaks peaks = {0};
    uint64_t n_records = 0, n_bytes = 0;

    for (unsigned i = 0; i < n; i++) {
        struct ledger_batch batch;
        struct crypto_hash leaf;
        enum anju_err err = ledger_batch_decode(&batch, batches[i], ledger_id, a);

        if (err != ANJU_OK)
            return in_part(err, "batch", i);
        crypto_leaf_hash(&leaf, crypto_hash_bytes(&batch.id));
        merkle_append(&peaks, &leaf, NULL, NULL);
        n_bytes += batches[i].size;
        for (unsigned j = 0; j < batch.n_envelopes; j++) {
            /* n_records stands in the body at 33; a body was found to be there. */
            n_records += get_u16(batch.envelopes[j].data + 33);
        }
    }
    if (n > LEDGER_BLOCK_BATCHES_MAX || n_records > BLOCK_RECORDS_CAP || n_bytes > BLOCK_SIZE_CAP)
        return anju_fail(ANJU_ERR_TOO_LARGE,
                         "block: %u batches, %ju records, %ju bytes are more than a block may have",
                         n, (uintmax_t)n_records, (uintmax_t)n_bytes);
    merkle_root(&h->batches_root, &peaks);
    h->n_batches = n;
    h->n_records = (uint32_t)n_records;
    h->n_bytes = (uint32_t)n_bytes;
    return ANJU_OK;
}

/* ---- what needs the state before ---- */

static enum anju_err check_place(const struct ledger_block *b, const struct ledger_registry *r,
                                 const struct ledger_tip *previous)
{
    const struct ledger_header *h = &b->header;

    if (h->height != previous->height + 1)
        return anju_fail(ANJU_ERR_MISMATCH, "block: height %ju on top of height %ju",
                         (uintmax_t)h->height, (uintmax_t)previous->height);
    if (!crypto_hash_equal(&h->previous, &previous->block))
        return anju_fail(ANJU_ERR_MISMATCH, "block: it follows another block than ours");
    if (!crypto_hash_equal(&h->previous_result, &previous->result))
        return anju_fail(ANJU_ERR_MISMATCH,
                         "block: its previous result is not the one that we computed");
    if (h->time_ms <= previous->time_ms)
        return anju_fail(ANJU_ERR_MISMATCH, "block: its time is not after the block before");
    if (ledger_set_find(&r->set, &h->proposer) < 0)
        return anju_fail(ANJU_ERR_MISMATCH, "block: its proposer is not in the validator set");
    return h->height == 1 ? ANJU_OK
                          : ledger_certificate_verify(&b->certificate, &r->set, &r->ledger_id);
}

static enum anju_err check_limits(const struct ledger_block *b, const struct ledger_limits *l)
{
    uint64_t signatures = count_signatures(b);

    if (b->header.n_bytes > l->block_size)
        return anju_fail(ANJU_ERR_TOO_LARGE, "block: %u bytes of batches, the limit is %u",
                         b->header.n_bytes, l->block_size);
    if (b->n_records > l->block_records)
        return anju_fail(ANJU_ERR_TOO_LARGE, "block: %u records, the limit is %u", b->n_records,
                         l->block_records);
    if (signatures > l->block_signatures)
        return anju_fail(ANJU_ERR_TOO_LARGE, "block: %ju signatures, the limit is %u",
                         (uintmax_t)signatures, l->block_signatures);
    for (unsigned i = 0; i < b->n_batches; i++)
        if (b->batches[i].raw.size > l->batch_size)
            return anju_fail(ANJU_ERR_TOO_LARGE, "block: batch %u has %zu bytes, the limit is %u",
                             i, b->batches[i].raw.size, l->batch_size);
    return ANJU_OK;
}

/* The key under which an envelope's signature must be right. */
static enum anju_err find_key(const struct ledger_member_key **out, const struct ledger_envelope *e,
                              const struct ledger_registry *r)
{
    *out = ledger_registry_key(r, e->key);
    if (*out == NULL)
        return anju_fail(ANJU_ERR_MISMATCH, "envelope: key %u is not known", e->key);
    if ((*out)->member != e->member)
        return anju_fail(ANJU_ERR_MISMATCH, "envelope: key %u belongs to member %u, not %u", e->key,
                         (*out)->member, e->member);
    if ((*out)->purpose == LEDGER_KEY_NODE)
        return anju_fail(ANJU_ERR_MISMATCH,
                         "envelope: key %u is a node's; an operator or approver key signs", e->key);
    return ANJU_OK;
}

enum anju_err ledger_block_check(const struct ledger_block *b, const struct ledger_registry *r,
                                 const struct ledger_tip *previous)
{
    enum anju_err err = check_place(b, r, previous);

    if (err == ANJU_OK)
        err = check_limits(b, &r->limits);
    for (unsigned i = 0; err == ANJU_OK && i < b->n_envelopes; i++) {
        const struct ledger_member_key *key;

        err = find_key(&key, &b->envelopes[i], r);
        if (err != ANJU_OK)
            return in_part(err, "envelope", i);
    }
    return err;
}

static enum anju_err in_envelope_record(enum anju_err err, unsigned index)
{
    char words[256];

    snprintf(words, sizeof words, "%s", anju_err_text());
    return anju_fail(err, "envelope: its record %u: %s", index, words);
}

enum anju_err ledger_envelope_verify(const struct ledger_envelope *e,
                                     const struct ledger_registry *r)
{
    const struct ledger_member_key *key;
    enum anju_err err = find_key(&key, e, r);

    if (err != ANJU_OK)
        return err;
    if (crypto_verify(&e->sig, &key->key, &e->id) != ANJU_OK)
        return anju_fail(ANJU_ERR_MISMATCH,
                         "envelope: the signature is not one of key %u over this envelope", e->key);
    for (unsigned i = 0; i < e->n_records; i++) {
        err = ledger_record_check_cosignatures(&e->records[i], &r->ledger_id);
        if (err != ANJU_OK)
            return in_envelope_record(err, i);
    }
    return ANJU_OK;
}
