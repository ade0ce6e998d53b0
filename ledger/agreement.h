/*
 * agreement: what validators sign, and the certificates that prove what they agreed on.
 * The fixed layouts of docs/formats.md, "What the validators sign": set, header, result, proposal,
 * votes, certificate, polka, ticket. Here are bytes, digests and signature checks; when to sign what
 * is consensus/. Hashes of a set, header, result and vote are computed, never taken from a peer.
 * Pure; any thread.
 */
#ifndef ANJU_LEDGER_AGREEMENT_H
#define ANJU_LEDGER_AGREEMENT_H

#include "base/codec.h"
#include "crypto/crypto.h"
#include "ledger/limits.h"

enum {
    LEDGER_HEADER_SIZE = 2 + 8 + 8 + 32 * 5 + 2 + 4 + 4, /* 188 */
    LEDGER_RESULT_SIZE = 8 + 8 + 32 * 3,                 /* 112 */
    LEDGER_PREVOTE_SIZE = 32 + 8 + 4 + 4 + 32,           /* 80; a proposal too */
    LEDGER_PRECOMMIT_SIZE = 32 + 8 + 4 + 32 + 32,        /* 108 */
    LEDGER_CERTIFICATE_SIZE_MAX = 77 + 65 * LEDGER_SET_MAX,
    LEDGER_POLKA_SIZE_MAX = 49 + 65 * LEDGER_SET_MAX,
    LEDGER_TICKET_SIZE_MAX = 13 + 173 * LEDGER_SET_MAX,
    LEDGER_ROUND_MAX = INT32_MAX - 1,
};

/* One validator. */
struct ledger_node {
    struct crypto_hash id; /* H(node key) */
    struct crypto_key node_key;
    uint8_t log_key[CRYPTO_ED25519_SIZE];
    uint8_t cosign_key[CRYPTO_ED25519_SIZE];
    uint32_t member;
};

/* A validator set, nodes ascending by id. `hash` is derived: ledger_set_seal. */
struct ledger_set {
    struct crypto_hash previous; /* hash of the set before; zero at genesis */
    uint64_t since;              /* first height that it rules */
    uint8_t n;
    struct ledger_node node[LEDGER_SET_MAX];
    struct crypto_hash hash;
};

static inline unsigned ledger_set_faulty(const struct ledger_set *s) { return (s->n - 1u) / 3u; }       /* f */
static inline unsigned ledger_set_quorum(const struct ledger_set *s) { return 2u * s->n / 3u + 1u; }    /* q */
static inline unsigned ledger_set_skip(const struct ledger_set *s) { return ledger_set_faulty(s) + 1u; } /* s = f+1 */

void ledger_node_id(struct crypto_hash *out, const struct crypto_key *node_key);
/* Sorts by id and computes the hash. MALFORMED: n is 0 or over 31, a bad key, or an id twice. */
ANJU_MUST_CHECK enum anju_err ledger_set_seal(struct ledger_set *set, const struct crypto_hash *ledger_id);
void ledger_set_encode(struct writer *w, const struct ledger_set *set);
ANJU_MUST_CHECK enum anju_err ledger_set_decode(struct ledger_set *out, struct bytes in, const struct crypto_hash *ledger_id);
/* The index of a node in the set, or -1. */
int ledger_set_find(const struct ledger_set *set, const struct crypto_hash *node_id);
/* proposer(h, r) = V[(h + r) mod n] */
unsigned ledger_set_proposer(const struct ledger_set *set, uint64_t height, uint32_t round);

struct ledger_header {
    uint16_t version; /* 1 */
    uint64_t height;
    uint64_t time_ms;
    struct crypto_hash proposer;
    struct crypto_hash previous;             /* block id of height - 1 */
    struct crypto_hash previous_result;      /* result id of height - 1 */
    struct crypto_hash previous_certificate; /* its digest; zero at height 1 */
    struct crypto_hash batches_root;         /* MTH(batch ids) */
    uint16_t n_batches;
    uint32_t n_records;
    uint32_t n_bytes;
};

void ledger_header_encode(uint8_t out[LEDGER_HEADER_SIZE], const struct ledger_header *h);
ANJU_MUST_CHECK enum anju_err ledger_header_decode(struct ledger_header *out, struct bytes in);
/* The block id, vid: digest("anju/block/1", header). */
void ledger_block_id(struct crypto_hash *out, const struct ledger_header *h, const struct crypto_hash *ledger_id);

struct ledger_result {
    uint64_t height;
    uint64_t log_size;
    struct crypto_hash log_root;
    struct crypto_hash map_root;
    struct crypto_hash next_set; /* hash of the set that rules height + 2 */
};

void ledger_result_encode(uint8_t out[LEDGER_RESULT_SIZE], const struct ledger_result *r);
ANJU_MUST_CHECK enum anju_err ledger_result_decode(struct ledger_result *out, struct bytes in);
void ledger_result_id(struct crypto_hash *out, const struct ledger_result *r, const struct crypto_hash *ledger_id);

enum ledger_vote_type { LEDGER_PROPOSAL = 0, LEDGER_PREVOTE = 1, LEDGER_PRECOMMIT = 2 };

/* A signed proposal, prevote or precommit. */
struct ledger_vote {
    enum ledger_vote_type type;
    uint64_t height;
    uint32_t round;
    int32_t valid_round;       /* proposal, prevote: -1 none; precommit: always -1 here, not in the bytes */
    struct crypto_hash signer; /* node id */
    struct crypto_hash vid;    /* zero = nil; never in a proposal */
    struct crypto_hash result; /* precommit: result id; zero elsewhere and when nil */
    struct crypto_sig sig;
};

/* The signed bytes without the signature: 80 or 108. Returns the size. */
size_t ledger_vote_encode(uint8_t out[LEDGER_PRECOMMIT_SIZE], const struct ledger_vote *v);
/* MALFORMED: the wrong size; nil with valid_round or result; round or valid_round out of range;
 * valid_round >= round; a proposal of nil; a height of 0. `in` is the body, then the signature. */
ANJU_MUST_CHECK enum anju_err ledger_vote_decode(struct ledger_vote *out, enum ledger_vote_type type, struct bytes in);
void ledger_vote_digest(struct crypto_hash *out, const struct ledger_vote *v, const struct crypto_hash *ledger_id);
ANJU_MUST_CHECK enum anju_err ledger_vote_sign(struct ledger_vote *v, const struct crypto_secret *secret,
                                               const struct crypto_hash *ledger_id);
/* NOT_FOUND: the signer is not in the set. MISMATCH: a wrong signature. */
ANJU_MUST_CHECK enum anju_err ledger_vote_verify(const struct ledger_vote *v, const struct ledger_set *set,
                                                 const struct crypto_hash *ledger_id);
bool ledger_vote_is_nil(const struct ledger_vote *v);
/* The same signed content (type, height, round, valid_round, signer, vid, result). */
bool ledger_vote_equal(const struct ledger_vote *a, const struct ledger_vote *b);

/* Exactly q precommits for one (height, round, vid, result). */
struct ledger_certificate {
    uint64_t height;
    uint32_t round;
    struct crypto_hash vid;
    struct crypto_hash result;
    uint8_t q;
    uint8_t index[LEDGER_SET_MAX]; /* into the set, ascending */
    struct crypto_sig sig[LEDGER_SET_MAX];
};

void ledger_certificate_encode(struct writer *w, const struct ledger_certificate *c);
ANJU_MUST_CHECK enum anju_err ledger_certificate_decode(struct ledger_certificate *out, struct bytes in);
/* Reads one from a longer structure: its q says where it ends. The reader fails where it is malformed. */
void ledger_certificate_read(struct ledger_certificate *out, struct reader *r);
/* digest("anju/certificate/1", bytes), what the next header names. */
void ledger_certificate_digest(struct crypto_hash *out, const struct ledger_certificate *c, const struct crypto_hash *ledger_id);
/* MISMATCH: not exactly q of this set, an index out of range, nil, or a wrong signature: every one is checked. */
ANJU_MUST_CHECK enum anju_err ledger_certificate_verify(const struct ledger_certificate *c, const struct ledger_set *set,
                                                        const struct crypto_hash *ledger_id);

/* Exactly q prevotes for one (height, round, vid, valid_round), vid not nil. */
struct ledger_polka {
    uint64_t height;
    uint32_t round;
    struct crypto_hash vid;
    int32_t valid_round;
    uint8_t q;
    uint8_t index[LEDGER_SET_MAX];
    struct crypto_sig sig[LEDGER_SET_MAX];
};

void ledger_polka_encode(struct writer *w, const struct ledger_polka *p);
ANJU_MUST_CHECK enum anju_err ledger_polka_decode(struct ledger_polka *out, struct bytes in);
ANJU_MUST_CHECK enum anju_err ledger_polka_verify(const struct ledger_polka *p, const struct ledger_set *set,
                                                  const struct crypto_hash *ledger_id);

/* Why a round may be entered: q precommits of any value at round - 1, or q prevotes nil at round - 1,
 * or f + 1 distinct signers with votes at rounds >= round. At least as many, each of them for the same one
 * of the three reasons; signers ascending by id, so each once. */
struct ledger_ticket {
    uint64_t height;
    uint32_t round; /* the round to enter, above 0 */
    uint8_t n;
    struct ledger_vote vote[LEDGER_SET_MAX];
};

void ledger_ticket_encode(struct writer *w, const struct ledger_ticket *t);
ANJU_MUST_CHECK enum anju_err ledger_ticket_decode(struct ledger_ticket *out, struct bytes in);
/* MISMATCH: it does not justify the round under this set, or a wrong signature. */
ANJU_MUST_CHECK enum anju_err ledger_ticket_verify(const struct ledger_ticket *t, const struct ledger_set *set,
                                                   const struct crypto_hash *ledger_id);

#endif
