/*
 * consistency: proves that the log of one height is the beginning of the log of a later one:
 * nothing of it was changed, taken away or put in between (docs/formats.md, "Consistency"). Pure;
 * any thread.
 */
#ifndef ANJU_LEDGER_CONSISTENCY_H
#define ANJU_LEDGER_CONSISTENCY_H

#include "ledger/list_proof.h"

/* A height as its validators signed it. */
struct ledger_checkpoint {
    uint8_t header[LEDGER_HEADER_SIZE];
    uint8_t result[LEDGER_RESULT_SIZE];
    struct ledger_certificate certificate;
};
/* Header, result and certificate are of one height above 0, block and result. Who signed is for
 * ledger_signers_check. MISMATCH, MALFORMED, UNSUPPORTED with words. */
ANJU_MUST_CHECK enum anju_err ledger_checkpoint_check(struct ledger_header *header,
                                                      struct ledger_result *result,
                                                      const uint8_t *header_bytes,
                                                      const uint8_t *result_bytes,
                                                      const struct ledger_certificate *c,
                                                      const struct crypto_hash *ledger_id);

struct ledger_consistency {
    struct crypto_hash ledger_id;
    struct ledger_checkpoint first, second;
    struct ledger_boundary path; /* RFC 6962 2.1.2 */
};

struct ledger_consistency_report {
    enum ledger_verdict verdict;
    char failed[80]; /* not valid: what did not hold */
    char reason[256];
    struct ledger_header header[2];
    struct ledger_result result[2];
    struct ledger_signers signers[2];
};

/* Verifies against the genesis document's registry and a set path (already verified; NULL: genesis
 * only). Never fails otherwise than by its verdict. */
void ledger_consistency_verify(struct ledger_consistency_report *out,
                               const struct ledger_consistency *c,
                               const struct ledger_registry *registry,
                               const struct ledger_set_path *path);

#endif
