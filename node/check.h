/*
 * check: the work on envelopes that costs a processor and no waiting: decoding, signatures, and
 * what the rules would say now. Pure but for a cache of verified signatures; verify workers call
 * it, a simulator calls it in place. Any thread.
 */
#ifndef ANJU_NODE_CHECK_H
#define ANJU_NODE_CHECK_H

#include "ledger/block.h"
#include "node/blob.h"
#include "rpc/backend.h"

/* Remembers which (envelope id, signature) were verified, so that no node does it twice. */
struct check_cache;
struct check_cache *check_cache_new(void);
void check_cache_free(struct check_cache *c);
uint64_t check_cache_verified(
    const struct check_cache *c); /* signatures of envelopes verified so far */

/* What the pool knows of a batch. One allocation: free() lets it go. */
struct batch_info {
    uint16_t n_envelopes;
    uint32_t n_records;
    uint32_t n_signatures; /* of envelopes and cosigners */
    uint64_t valid_until_max;
    struct crypto_hash envelopes[]; /* ids */
};

/* Every envelope canonical, its key known and that member's, every signature right. MALFORMED or
 * MISMATCH with words; *out is NULL then. `cache` may be NULL. */
ANJU_MUST_CHECK enum anju_err check_batch(struct batch_info **out, struct bytes raw,
                                          const struct ledger_registry *registry,
                                          struct check_cache *cache);

/* An envelope on its way in. One allocation beside the wire. */
struct submission {
    struct crypto_hash id;
    struct blob *wire;
    uint32_t n_records, n_signatures;
    uint64_t valid_until;
    uint32_t n_subjects;
    struct ledger_subject_id
        *subjects; /* everything of 16 bytes that its records name: their subjects and references */
};
/* Decodes; on failure `*refusal` says INVALID with words and *out is NULL. */
struct submission *submission_new(struct bytes wire, const struct ledger_registry *registry,
                                  struct rpc_submit_result *refusal);
void submission_free(struct submission *s);

struct check_verdict {
    bool good; /* take it; else `result` is the answer */
    struct rpc_submit_result result;
};
struct store_read;
/* Signature, expiry, duplicates, and (where `judge`) what the rules say now. `r` NULL: signature
 * only. */
void check_envelope(struct check_verdict *out, struct bytes wire,
                    const struct ledger_registry *registry, struct store_read *r, uint64_t now_ms,
                    bool judge, struct check_cache *cache);

#endif
