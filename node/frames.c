#include "node/frames.h"

#include <assert.h>

static const struct {
    const char *name;
    size_t size_max; /* SIZE_MAX: the limit of frames alone */
} TYPES[FRAME_TYPES] = {
    [FRAME_AUTH] = {"AUTH", 1024}, /* also all that is read before AUTH */
    [FRAME_PING] = {"PING", 8},
    [FRAME_PONG] = {"PONG", 8},
    [FRAME_STATUS] = {"STATUS", FRAME_STATUS_SIZE_MAX},
    [FRAME_PROPOSAL] = {"PROPOSAL", FRAME_PROPOSAL_SIZE_MAX},
    [FRAME_VOTE] = {"VOTE", FRAME_VOTE_SIZE_MAX},
    [FRAME_CERTIFICATE] = {"CERTIFICATE", FRAME_CERTIFICATE_SIZE_MAX},
    [FRAME_BATCH] = {"BATCH", SIZE_MAX},
    [FRAME_HAVE] = {"HAVE", 2 + FRAME_HAVE_MAX * 68},
    [FRAME_WANT] = {"WANT", 1024},
    [FRAME_BODY] = {"BODY", FRAME_PROPOSAL_SIZE_MAX},
    [FRAME_BLOCK] = {"BLOCK", FRAME_PROPOSAL_SIZE_MAX},
    [FRAME_BLOCK_BATCH] = {"BLOCK_BATCH", SIZE_MAX},
    [FRAME_HANDOVER] = {"HANDOVER", SIZE_MAX},
    [FRAME_COSIGN] = {"COSIGN", FRAME_COSIGN_SIZE},
};

size_t frame_size_max(uint8_t type, uint32_t frame_size)
{
    size_t own = type < FRAME_TYPES ? TYPES[type].size_max : 0;

    return own < frame_size ? own : frame_size;
}

const char *frame_type_name(uint8_t type)
{
    return type < FRAME_TYPES && TYPES[type].name != NULL ? TYPES[type].name : "unknown";
}

void frame_status_encode(struct writer *w, const struct frame_status *s)
{
    writer_u64(w, s->height);
    writer_u32(w, s->round);
    writer_u8(w, s->step);
    writer_u8(w, s->flags);
    writer_u64(w, s->time_ms);
}

enum anju_err frame_status_decode(struct frame_status *out, struct bytes in)
{
    struct reader r = reader_over(in);

    out->height = reader_u64(&r);
    out->round = reader_u32_max(&r, LEDGER_ROUND_MAX);
    out->step = reader_u8_max(&r, 5);
    out->flags = reader_u8(&r);
    out->time_ms = reader_u64(&r);
    if (out->height == 0)
        reader_fail(&r);
    return reader_finish(&r);
}

static void compact_read(struct frame_compact *out, struct reader *r)
{
    struct bytes header = reader_take(r, LEDGER_HEADER_SIZE);

    *out = (struct frame_compact){.ids = {NULL, 0}};
    if (r->failed || ledger_header_decode(&out->header, header) != ANJU_OK) {
        reader_fail(r);
        return;
    }
    if (out->header.n_batches > LEDGER_BLOCK_BATCHES_MAX)
        reader_fail(r);
    out->ids = reader_take(r, (size_t)out->header.n_batches * CRYPTO_HASH_SIZE);
    out->certificate = reader_take_u32(r, LEDGER_CERTIFICATE_SIZE_MAX);
}

void frame_compact_encode(struct writer *w, const struct frame_compact *c)
{
    assert(c->ids.size == (size_t)c->header.n_batches * CRYPTO_HASH_SIZE);
    ledger_header_encode(writer_reserve(w, LEDGER_HEADER_SIZE), &c->header);
    writer_bytes(w, c->ids);
    writer_bytes_u32(w, c->certificate);
}

enum anju_err frame_compact_decode(struct frame_compact *out, struct bytes in)
{
    struct reader r = reader_over(in);

    compact_read(out, &r);
    return reader_finish(&r);
}

struct crypto_hash frame_compact_id(const struct frame_compact *c, unsigned index)
{
    struct crypto_hash id;
    struct reader r =
        reader_over(bytes_of(c->ids.data + (size_t)index * CRYPTO_HASH_SIZE, CRYPTO_HASH_SIZE));

    reader_copy(&r, id.b, sizeof(id.b));
    return id;
}

static void vote_write(struct writer *w, const struct ledger_vote *vote)
{
    uint8_t body[LEDGER_PRECOMMIT_SIZE];

    writer_put(w, body, ledger_vote_encode(body, vote));
    writer_put(w, vote->sig.b, CRYPTO_SIG_SIZE);
}

static size_t vote_size(enum ledger_vote_type type)
{
    return (type == LEDGER_PRECOMMIT ? LEDGER_PRECOMMIT_SIZE : LEDGER_PREVOTE_SIZE) +
           CRYPTO_SIG_SIZE;
}

static void vote_read(struct ledger_vote *out, enum ledger_vote_type type, struct reader *r)
{
    struct bytes raw = reader_take(r, vote_size(type));

    if (r->failed || ledger_vote_decode(out, type, raw) != ANJU_OK) {
        *out = (struct ledger_vote){.valid_round = -1};
        reader_fail(r);
    }
}

void frame_proposal_encode(struct writer *w, const struct ledger_vote *vote, struct bytes compact,
                           struct bytes polka)
{
    vote_write(w, vote);
    writer_bytes_u32(w, compact);
    writer_bytes_u32(w, polka);
}

enum anju_err frame_proposal_decode(struct frame_proposal *out, struct bytes in)
{
    struct reader r = reader_over(in);
    struct bytes compact, polka;

    vote_read(&out->vote, LEDGER_PROPOSAL, &r);
    compact = reader_take_u32(&r, FRAME_PROPOSAL_SIZE_MAX);
    polka = reader_take_u32(&r, LEDGER_POLKA_SIZE_MAX);
    out->has_compact = compact.size > 0;
    out->has_polka = polka.size > 0;
    if (!r.failed && out->has_compact && frame_compact_decode(&out->compact, compact) != ANJU_OK)
        reader_fail(&r);
    if (!r.failed && out->has_polka && ledger_polka_decode(&out->polka, polka) != ANJU_OK)
        reader_fail(&r);
    return reader_finish(&r);
}

void frame_vote_encode(struct writer *w, const struct ledger_vote *vote)
{
    assert(vote->type != LEDGER_PROPOSAL);
    writer_u8(w, (uint8_t)vote->type);
    vote_write(w, vote);
}

enum anju_err frame_vote_decode(struct ledger_vote *out, struct bytes in)
{
    struct reader r = reader_over(in);
    uint8_t type = reader_u8_max(&r, LEDGER_PRECOMMIT);

    if (type == LEDGER_PROPOSAL)
        reader_fail(&r);
    vote_read(out, type == LEDGER_PRECOMMIT ? LEDGER_PRECOMMIT : LEDGER_PREVOTE, &r);
    return reader_finish(&r);
}

void frame_certificate_encode(struct writer *w, const struct frame_certificate *c)
{
    writer_u8(w, (uint8_t)c->kind);
    switch (c->kind) {
    case FRAME_POLKA:
        ledger_polka_encode(w, &c->polka);
        break;
    case FRAME_COMMIT:
        ledger_certificate_encode(w, &c->commit);
        break;
    case FRAME_TICKET:
        ledger_ticket_encode(w, &c->ticket);
        break;
    }
}

enum anju_err frame_certificate_decode(struct frame_certificate *out, struct bytes in)
{
    struct reader r = reader_over(in);
    uint8_t kind = reader_u8(&r);
    struct bytes rest = reader_take(&r, r.left);

    if (r.failed)
        return ANJU_ERR_MALFORMED;
    switch (kind) {
    case FRAME_POLKA:
        out->kind = FRAME_POLKA;
        return ledger_polka_decode(&out->polka, rest);
    case FRAME_COMMIT:
        out->kind = FRAME_COMMIT;
        return ledger_certificate_decode(&out->commit, rest);
    case FRAME_TICKET:
        out->kind = FRAME_TICKET;
        return ledger_ticket_decode(&out->ticket, rest);
    default: /* a peer's byte, not our enum */
        return anju_fail(ANJU_ERR_MALFORMED, "certificate of kind %u", kind);
    }
}

void frame_batch_encode(struct writer *w, const struct frame_batch *b)
{
    writer_put(w, b->author.b, CRYPTO_HASH_SIZE);
    writer_put(w, b->sig.b, CRYPTO_SIG_SIZE);
    writer_bytes(w, b->raw);
}

enum anju_err frame_batch_decode(struct frame_batch *out, struct bytes in)
{
    struct reader r = reader_over(in);

    reader_copy(&r, out->author.b, CRYPTO_HASH_SIZE);
    reader_copy(&r, out->sig.b, CRYPTO_SIG_SIZE);
    out->raw = reader_take(&r, r.left);
    return reader_finish(&r);
}

void frame_batch_author_digest(struct crypto_hash *out, const struct crypto_hash *ledger_id,
                               const struct crypto_hash *author, const struct crypto_hash *id,
                               uint16_t n_envelopes, uint32_t size)
{
    uint8_t counts[6];
    struct bytes parts[3] = {crypto_hash_bytes(author), crypto_hash_bytes(id),
                             bytes_of(counts, sizeof(counts))};

    put_u16(counts, n_envelopes);
    put_u32(counts + 2, size);
    crypto_digest_parts(out, "anju/batch-author/1", ledger_id, parts, 3);
}

void frame_have_encode(struct writer *w, const struct frame_have *items, uint16_t count)
{
    writer_u16(w, count);
    for (uint16_t i = 0; i < count; i++) {
        writer_put(w, items[i].author.b, CRYPTO_HASH_SIZE);
        writer_put(w, items[i].id.b, CRYPTO_HASH_SIZE);
        writer_u32(w, items[i].size);
    }
}

enum anju_err frame_have_decode(struct frame_have *items, uint16_t *count, struct bytes in)
{
    struct reader r = reader_over(in);

    *count = reader_u16_max(&r, FRAME_HAVE_MAX);
    for (uint16_t i = 0; i < *count && !r.failed; i++) {
        reader_copy(&r, items[i].author.b, CRYPTO_HASH_SIZE);
        reader_copy(&r, items[i].id.b, CRYPTO_HASH_SIZE);
        items[i].size = reader_u32_max(&r, FRAME_SIZE_CAP);
    }
    return reader_finish(&r);
}

void frame_want_encode(struct writer *w, const struct frame_want *want)
{
    writer_u8(w, (uint8_t)want->kind);
    switch (want->kind) {
    case FRAME_WANT_BATCHES:
        writer_u8(w, want->count);
        for (unsigned i = 0; i < want->count; i++)
            writer_put(w, want->ids[i].b, CRYPTO_HASH_SIZE);
        break;
    case FRAME_WANT_BODY:
        writer_put(w, want->ids[0].b, CRYPTO_HASH_SIZE);
        break;
    case FRAME_WANT_BLOCKS:
        writer_u64(w, want->height);
        writer_u8(w, want->count);
        break;
    case FRAME_WANT_BLOCK_BATCHES:
        writer_u64(w, want->height);
        writer_u8(w, want->count);
        for (unsigned i = 0; i < want->count; i++)
            writer_u16(w, want->index[i]);
        break;
    }
}

enum anju_err frame_want_decode(struct frame_want *out, struct bytes in)
{
    struct reader r = reader_over(in);
    uint8_t kind = reader_u8(&r);

    *out = (struct frame_want){.count = 0};
    if (kind == FRAME_WANT_BATCHES) {
        out->kind = FRAME_WANT_BATCHES;
        out->count = reader_u8_max(&r, FRAME_WANT_IDS_MAX);
        for (unsigned i = 0; i < out->count; i++)
            reader_copy(&r, out->ids[i].b, CRYPTO_HASH_SIZE);
    } else if (kind == FRAME_WANT_BODY) {
        out->kind = FRAME_WANT_BODY;
        out->count = 1;
        reader_copy(&r, out->ids[0].b, CRYPTO_HASH_SIZE);
    } else if (kind == FRAME_WANT_BLOCKS) {
        out->kind = FRAME_WANT_BLOCKS;
        out->height = reader_u64(&r);
        out->count = reader_u8_max(&r, FRAME_WANT_BLOCKS_MAX);
    } else if (kind == FRAME_WANT_BLOCK_BATCHES) {
        out->kind = FRAME_WANT_BLOCK_BATCHES;
        out->height = reader_u64(&r);
        out->count = reader_u8_max(&r, FRAME_WANT_IDS_MAX);
        for (unsigned i = 0; i < out->count; i++)
            out->index[i] = reader_u16_max(&r, LEDGER_BLOCK_BATCHES_MAX - 1);
    } else {
        reader_fail(&r);
    }
    if (out->count == 0)
        reader_fail(&r);
    return reader_finish(&r);
}

void frame_block_encode(struct writer *w, struct bytes certificate,
                        const struct frame_compact *compact)
{
    writer_bytes_u32(w, certificate);
    frame_compact_encode(w, compact);
}

enum anju_err frame_block_decode(struct frame_block *out, struct bytes in)
{
    struct reader r = reader_over(in);
    struct bytes certificate = reader_take_u32(&r, LEDGER_CERTIFICATE_SIZE_MAX);

    compact_read(&out->compact, &r);
    if (!r.failed && ledger_certificate_decode(&out->certificate, certificate) != ANJU_OK)
        reader_fail(&r);
    return reader_finish(&r);
}

void frame_block_batch_encode(struct writer *w, const struct frame_block_batch *b)
{
    writer_u64(w, b->height);
    writer_u16(w, b->index);
    writer_bytes(w, b->raw);
}

enum anju_err frame_block_batch_decode(struct frame_block_batch *out, struct bytes in)
{
    struct reader r = reader_over(in);

    out->height = reader_u64(&r);
    out->index = reader_u16_max(&r, LEDGER_BLOCK_BATCHES_MAX - 1);
    out->raw = reader_take(&r, r.left);
    return reader_finish(&r);
}

void frame_cosign_encode(struct writer *w, const struct frame_cosign *c)
{
    writer_u64(w, c->height);
    writer_u64(w, c->size);
    writer_put(w, c->root.b, sizeof(c->root.b));
    writer_u64(w, c->time_s);
    writer_put(w, c->ed25519, sizeof(c->ed25519));
    writer_put(w, c->cose.b, sizeof(c->cose.b));
}

enum anju_err frame_cosign_decode(struct frame_cosign *out, struct bytes in)
{
    struct reader r = reader_over(in);

    out->height = reader_u64(&r);
    out->size = reader_u64(&r);
    reader_copy(&r, out->root.b, sizeof(out->root.b));
    out->time_s = reader_u64(&r);
    reader_copy(&r, out->ed25519, sizeof(out->ed25519));
    reader_copy(&r, out->cose.b, sizeof(out->cose.b));
    return reader_finish(&r);
}
