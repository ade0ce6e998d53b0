/*
 * receipt: proves one entry to someone who trusts the genesis document and nobody here
 * (docs/formats.md, "Receipts"). The claim is the same bytes at every node for ever; an endorsement
 * is any certificate over its block and result; parts may follow, each bound to the claim. No byte
 * of a receipt that verifies is unchecked. Also the set path, the file by which a verifier knows
 * the later validator sets. Decoders borrow from their input; arrays are in the caller's arena.
 * Pure; any thread.
 */
#ifndef ANJU_LEDGER_RECEIPT_H
#define ANJU_LEDGER_RECEIPT_H

#include "ledger/block.h"

enum {
    LEDGER_RECEIPT_EFFECTS_MAX = 4096,
    LEDGER_RECEIPT_SIZE_MAX = 32 * 1024 * 1024,
    LEDGER_SET_CHANGES_MAX = 4096,
};

/* A path of RFC 6962 2.1.1. */
struct ledger_path {
    uint8_t n;
    struct crypto_hash hash[MERKLE_PATH_MAX];
};

struct ledger_claim {
    struct crypto_hash ledger_id;
    uint8_t entry[LEDGER_ENTRY_SIZE];
    struct ledger_path
        path; /* to the log root of the entry's height: index = seq, size = log size */
    uint8_t result[LEDGER_RESULT_SIZE];
    struct crypto_hash vid; /* height 0: the ledger id */
};

/* One effect of the entry, with its path to the entry's root of effects. */
struct ledger_receipt_effect {
    uint32_t index;
    struct ledger_path path;
    struct bytes effect; /* encoded */
    bool has_attributes;
    struct bytes attributes; /* all of the subject's after this entry: opens the state digest */
};

struct ledger_receipt {
    struct ledger_claim claim;
    /* The endorsement: a certificate over (vid, result); at height 0 header and certificate of
     * height 1. */
    uint8_t header[LEDGER_HEADER_SIZE]; /* height 0 only */
    struct ledger_certificate certificate;
    /* Parts. */
    bool has_record;
    struct bytes record; /* the record's bytes */
    bool has_envelope;   /* kinds 1 and 3 only */
    uint8_t body[LEDGER_BODY_SIZE];
    struct crypto_sig sig;
    struct crypto_key key;
    struct ledger_path
        record_path;    /* from the record's leaf to the body's root: index, n_records */
    uint32_t n_effects; /* 0: this part is not there */
    struct ledger_receipt_effect *effects; /* ascending by index */
};

bool ledger_receipt_is_genesis(
    const struct ledger_receipt *r); /* by the height in the entry's bytes */
void ledger_claim_encode(struct writer *w, const struct ledger_claim *c);
/* digest("anju/receipt/1", claim) */
void ledger_receipt_id(struct crypto_hash *out, const struct ledger_claim *c);
void ledger_receipt_encode(struct writer *w, const struct ledger_receipt *r);
/* MALFORMED / UNSUPPORTED / TOO_LARGE with words; what decodes encodes to the same bytes. */
ANJU_MUST_CHECK enum anju_err ledger_receipt_decode(struct ledger_receipt *out, struct bytes in,
                                                    struct arena *a);

/* One change of the validator set, by the result that named the next set. */
struct ledger_set_change {
    uint8_t result[LEDGER_RESULT_SIZE];
    struct ledger_certificate certificate; /* over that result */
    struct ledger_set set;                 /* the set that it names */
};

struct ledger_set_path {
    struct crypto_hash ledger_id;
    uint32_t n_changes; /* 0: the genesis set still rules */
    struct ledger_set_change *changes;
};

void ledger_set_path_encode(struct writer *w, const struct ledger_set_path *p);
ANJU_MUST_CHECK enum anju_err ledger_set_path_decode(struct ledger_set_path *out, struct bytes in,
                                                     struct arena *a);
/* Checks every change from the genesis set on. MISMATCH with words that name the change. */
ANJU_MUST_CHECK enum anju_err ledger_set_path_verify(const struct ledger_set_path *p,
                                                     const struct ledger_registry *r);
/* The set whose span holds the height; `p` may be NULL (the genesis set for ever). */
const struct ledger_set *ledger_set_path_at(const struct ledger_set_path *p,
                                            const struct ledger_registry *r, uint64_t height);

enum ledger_verdict {
    LEDGER_VALID = 0,
    LEDGER_INVALID = 1,
    LEDGER_CANNOT_TELL = 2
}; /* exit codes of `anju verify` */

/* Who signed a result, and under which set. */
struct ledger_signers {
    uint8_t set_n, q;   /* validators in the set, signatures needed */
    uint64_t set_since; /* first height that this set rules */
    uint64_t known_to;  /* the set path is known to this height */
    uint32_t n;
    uint32_t member[LEDGER_QUORUM_MAX]; /* member numbers of those who signed */
};
/* Whether the set that rules the certificate's height signed it. `result` is the result that it is
 * over: where it names another next set, unknown signers can't be told from wrong ones. Words for
 * what is not valid: anju_err_text(). */
ANJU_MUST_CHECK enum ledger_verdict ledger_signers_check(struct ledger_signers *out,
                                                         const struct ledger_certificate *c,
                                                         const struct ledger_result *result,
                                                         const struct ledger_registry *registry,
                                                         const struct ledger_set_path *path);

/* What a verification looked at, in this order; bits of `checked`. */
enum ledger_receipt_check {
    LEDGER_CHECK_LEDGER = 1, /* it is of the ledger that the genesis document names */
    LEDGER_CHECK_ENTRY = 2,  /* the entry is what an execution makes */
    LEDGER_CHECK_LOG = 4,    /* it stands in the log under the root of its height */
    LEDGER_CHECK_RESULT = 8, /* the certificate is over the claim's block and result */
    LEDGER_CHECK_GENESIS_LINK =
        16, /* height 0: the header of height 1 names genesis and its result */
    LEDGER_CHECK_RECORD =
        32, /* the record is the one that the entry binds, its cosignatures are right */
    LEDGER_CHECK_ENVELOPE =
        64, /* the envelope holds it at this index, and its member's key signed it */
    LEDGER_CHECK_EFFECTS = 128, /* the effects shown are the entry's */
    LEDGER_CHECK_STATE =
        256, /* the attributes shown are the subjects' whole state after the entry */
    LEDGER_CHECK_SIGNATURES = 512, /* a quorum of the set that rules this height signed it */
};
enum { LEDGER_CHECKS = 10 };
const char *ledger_check_words(
    enum ledger_receipt_check check); /* one clause in English, for "checked: ..." */

struct ledger_receipt_report {
    enum ledger_verdict verdict;
    unsigned checked;          /* what held */
    enum ledger_receipt_check failed;  /* not valid: what did not hold or could not be told */
    char reason[256];          /* not valid: why, and the next step */
    struct crypto_hash id;     /* receipt id */
    struct ledger_entry entry; /* decoded; where LEDGER_CHECK_ENTRY held */
    struct ledger_result result;
    struct ledger_signers signers;
};

/* Verifies against the genesis document's registry and a set path (already verified; NULL: genesis
 * only). Needs no clock, network or other secret. Never fails otherwise than by its verdict. */
void ledger_receipt_verify(struct ledger_receipt_report *out, const struct ledger_receipt *r,
                           const struct ledger_registry *registry,
                           const struct ledger_set_path *path);
/* What the verdict rests on: "genesis only, set path known to height N". `out` holds 160 bytes. */
void ledger_trust_words(char *out, size_t room, const struct ledger_signers *signers);

#endif
