/*
 * block: the body of a block, its static checks, and the signatures that it needs verified.
 * Pure; any thread.
 */
#ifndef ANJU_LEDGER_BLOCK_H
#define ANJU_LEDGER_BLOCK_H

#include "ledger/agreement.h"
#include "ledger/registry.h"

/* header, batch ids, certificate of height - 1 (none at height 1), batches: decoded, borrowing. */
struct ledger_block {
    struct ledger_header header;
    struct crypto_hash id;
    uint16_t n_batches;
    struct crypto_hash *batch_ids;
    struct bytes certificate_bytes; /* empty at height 1 */
    struct ledger_certificate certificate;
    struct ledger_batch *batches;         /* with their envelopes' wires */
    uint32_t n_envelopes;
    struct ledger_envelope *envelopes;    /* decoded, in order of batches */
    uint32_t n_records;                   /* in all envelopes */
};

/* The stored and transmitted form: header 188, n x batch id 32, len u32 + certificate, n x (len u32, batch). */
void ledger_block_encode(struct writer *w, const struct ledger_header *h, const struct crypto_hash *batch_ids,
                         struct bytes certificate, const struct bytes *batches);
/* Decodes and checks form: header, root and counts of the payload, batch ids (none twice), hard caps,
 * every envelope canonical. Not signatures, not what needs state. MALFORMED/MISMATCH with words. */
ANJU_MUST_CHECK enum anju_err ledger_block_decode(struct ledger_block *out, struct bytes raw,
                                                  const struct crypto_hash *ledger_id, struct arena *a);
/* Fills a header's batches_root, n_batches, n_records and n_bytes from batches (n_records: records of all
 * envelopes; n_bytes: of the batches). */
ANJU_MUST_CHECK enum anju_err ledger_header_describe(struct ledger_header *h, const struct bytes *batches, uint16_t n,
                                                     const struct crypto_hash *ledger_id, struct arena *a);
/* What needs the state of height - 1 (CONSENSUS valid(v)): version, height, previous ids, time > previous,
 * proposer in the set, the certificate of height - 1 verified by the previous set and hashing to the
 * header's digest, limits in force, every envelope's key known and that member's. Not envelope signatures. */
ANJU_MUST_CHECK enum anju_err ledger_block_check(const struct ledger_block *b, const struct ledger_registry *r,
                                                 const struct ledger_tip *previous);
/* One envelope: key known and that member's, its signature and every cosignature. For verify workers,
 * submit and audit. MISMATCH with words. */
ANJU_MUST_CHECK enum anju_err ledger_envelope_verify(const struct ledger_envelope *e, const struct ledger_registry *r);

#endif
