/*
 * frames: what nodes say to each other (docs/formats.md, "Peer frames"). A frame is len u32, type
 * u8, body; the peer layer adds and takes off the first two. Encoders append a body to a writer;
 * decoders borrow from their input, check every bound before anything is allocated, and refuse
 * leftover bytes. AUTH, PING and PONG belong to the peer layer, COSIGN to node/cosign.c, all others
 * to the engine. Pure; any thread.
 */
#ifndef ANJU_NODE_FRAMES_H
#define ANJU_NODE_FRAMES_H

#include "ledger/agreement.h"
#include "ledger/envelope.h"

enum frame_type {
    FRAME_AUTH = 1,
    FRAME_PING = 2,
    FRAME_PONG = 3,
    FRAME_STATUS = 4,
    FRAME_PROPOSAL = 5,
    FRAME_VOTE = 6,
    FRAME_CERTIFICATE = 7,
    FRAME_BATCH = 8,
    FRAME_HAVE = 9,
    FRAME_WANT = 10,
    FRAME_BODY = 11,
    FRAME_BLOCK = 12,
    FRAME_BLOCK_BATCH = 13,
    FRAME_HANDOVER = 14,
    FRAME_COSIGN = 15,
    FRAME_TYPES,
};

enum {
    FRAME_SIZE_CAP = LEDGER_CAP_FACTOR * LEDGER_FRAME_SIZE_DEFAULT, /* whatever genesis says */
    FRAME_PROPOSAL_SIZE_MAX = 64 * 1024,
    FRAME_VOTE_SIZE_MAX = 256,
    FRAME_CERTIFICATE_SIZE_MAX = 8 * 1024,
    FRAME_STATUS_SIZE_MAX = 16 * 1024,
    FRAME_HAVE_MAX = 256,
    FRAME_WANT_IDS_MAX = 16,
    FRAME_WANT_BLOCKS_MAX = 16,
};

/* The largest body of a frame type where `frame_size` is the limit in force; 0 for a type that does
 * not exist. */
size_t frame_size_max(uint8_t type, uint32_t frame_size);
const char *frame_type_name(uint8_t type);

enum { FRAME_STATUS_VOTES = 1 };

struct frame_status {
    uint64_t height; /* the height that the sender works at: it has committed height - 1 */
    uint32_t round;
    uint8_t step;  /* enum consensus_step_name */
    uint8_t flags; /* FRAME_STATUS_VOTES: it votes, and knows what it has signed */
    uint64_t time_ms;
};
void frame_status_encode(struct writer *w, const struct frame_status *s);
ANJU_MUST_CHECK enum anju_err frame_status_decode(struct frame_status *out, struct bytes in);

/* A body without its batches: header, batch ids (n_batches x 32), certificate of height - 1. */
struct frame_compact {
    struct ledger_header header;
    struct bytes ids;         /* n_batches x 32 */
    struct bytes certificate; /* empty at height 1 */
};
void frame_compact_encode(struct writer *w, const struct frame_compact *c);
ANJU_MUST_CHECK enum anju_err frame_compact_decode(struct frame_compact *out, struct bytes in);
struct crypto_hash frame_compact_id(const struct frame_compact *c, unsigned index);

struct frame_proposal {
    struct ledger_vote vote;
    bool has_compact;
    struct frame_compact compact;
    bool has_polka;
    struct ledger_polka polka; /* of vote.valid_round */
};
/* `compact` and `polka` may be empty. */
void frame_proposal_encode(struct writer *w, const struct ledger_vote *vote, struct bytes compact,
                           struct bytes polka);
ANJU_MUST_CHECK enum anju_err frame_proposal_decode(struct frame_proposal *out, struct bytes in);

/* PREVOTE or PRECOMMIT: type u8, vote, signature. */
void frame_vote_encode(struct writer *w, const struct ledger_vote *vote);
ANJU_MUST_CHECK enum anju_err frame_vote_decode(struct ledger_vote *out, struct bytes in);

enum frame_certificate_kind { FRAME_POLKA = 1, FRAME_COMMIT = 2, FRAME_TICKET = 3 };
struct frame_certificate {
    enum frame_certificate_kind kind;
    union {
        struct ledger_polka polka;
        struct ledger_certificate commit;
        struct ledger_ticket ticket;
    };
};
void frame_certificate_encode(struct writer *w, const struct frame_certificate *c);
ANJU_MUST_CHECK enum anju_err frame_certificate_decode(struct frame_certificate *out,
                                                       struct bytes in);

/* BATCH: author node id 32, its signature 64 (zeros: the sender only passes it on), batch bytes. */
struct frame_batch {
    struct crypto_hash author;
    struct crypto_sig sig;
    struct bytes raw;
};
void frame_batch_encode(struct writer *w, const struct frame_batch *b);
ANJU_MUST_CHECK enum anju_err frame_batch_decode(struct frame_batch *out, struct bytes in);
/* digest("anju/batch-author/1", author 32, batch id 32, n_envelopes u16, size u32): what the author
 * signs. */
void frame_batch_author_digest(struct crypto_hash *out, const struct crypto_hash *ledger_id,
                               const struct crypto_hash *author, const struct crypto_hash *id,
                               uint16_t n_envelopes, uint32_t size);

/* HAVE: n u16, n x (author 32, batch id 32, bytes u32). */
struct frame_have {
    struct crypto_hash author;
    struct crypto_hash id;
    uint32_t size;
};
void frame_have_encode(struct writer *w, const struct frame_have *items, uint16_t count);
ANJU_MUST_CHECK enum anju_err frame_have_decode(struct frame_have *items, uint16_t *count,
                                                struct bytes in);

enum frame_want_kind {
    FRAME_WANT_BATCHES = 1,       /* n u8, n x id: answered by BATCH */
    FRAME_WANT_BODY = 2,          /* vid: answered by BODY */
    FRAME_WANT_BLOCKS = 3,        /* from u64, count u8: answered by BLOCK and its BLOCK_BATCHes */
    FRAME_WANT_BLOCK_BATCHES = 4, /* height u64, n u8, n x index u16: answered by BLOCK_BATCH */
};
struct frame_want {
    enum frame_want_kind kind;
    uint8_t count;
    struct crypto_hash ids[FRAME_WANT_IDS_MAX]; /* BATCHES; BODY: ids[0] */
    uint64_t height;
    uint16_t index[FRAME_WANT_IDS_MAX];
};
void frame_want_encode(struct writer *w, const struct frame_want *want);
ANJU_MUST_CHECK enum anju_err frame_want_decode(struct frame_want *out, struct bytes in);

/* BLOCK: len u32 + certificate of the block itself, then its compact body. */
struct frame_block {
    struct ledger_certificate certificate;
    struct frame_compact compact;
};
void frame_block_encode(struct writer *w, struct bytes certificate,
                        const struct frame_compact *compact);
ANJU_MUST_CHECK enum anju_err frame_block_decode(struct frame_block *out, struct bytes in);

/* BLOCK_BATCH: height u64, index u16, batch bytes. */
struct frame_block_batch {
    uint64_t height;
    uint16_t index;
    struct bytes raw;
};
void frame_block_batch_encode(struct writer *w, const struct frame_block_batch *b);
ANJU_MUST_CHECK enum anju_err frame_block_batch_decode(struct frame_block_batch *out,
                                                       struct bytes in);

/* COSIGN: what the sender, a validator, signed for a checkpoint (docs/formats.md, "Outside forms").
 * Size and root make one that contradicts ours evidence by itself. */
struct frame_cosign {
    uint64_t height;
    uint64_t size;
    struct crypto_hash root;
    uint64_t time_s;
    uint8_t ed25519[64];    /* cosignature/v1 by its cosign key */
    struct crypto_sig cose; /* ES256K over the root by its node key */
};
enum { FRAME_COSIGN_SIZE = 8 + 8 + 32 + 8 + 64 + 64 };
void frame_cosign_encode(struct writer *w, const struct frame_cosign *c);
ANJU_MUST_CHECK enum anju_err frame_cosign_decode(struct frame_cosign *out, struct bytes in);

#endif
