/*
 * list_prove: makes proofs of lists from what a snapshot of the store holds (docs/formats.md,
 * "Proofs of lists"). Any thread, each with its own snapshot.
 */
#ifndef ANJU_RPC_LIST_PROVE_H
#define ANJU_RPC_LIST_PROVE_H

#include "ledger/list_proof.h"
#include "storage/store.h"

enum {
    RPC_PROVE_ENTRIES_MAX = 10000, /* of all keys together */
    RPC_PROVE_SUBJECTS_MAX = 10000,
    RPC_PROVE_SCAN_MAX = 200000, /* entries looked through for what has a value now */
    RPC_PROVE_BYTES_MAX = 16 << 20, /* of records, effects and attributes */
};

/* The proof that answers the question for these chain keys (in any order; one that stands twice
 * counts once), as of the snapshot's height. It borrows from the snapshot and the arena.
 * BUSY: there is no block yet whose certificate could endorse it. NOT_FOUND: an index is not
 * declared. TOO_LARGE: over one of the bounds above. UNSUPPORTED: no list of the procedure leads to
 * the subjects. All with words. */
ANJU_MUST_CHECK enum anju_err rpc_prove_list(struct ledger_list_proof *out, struct store_read *read,
                                             const struct ledger_registry *registry,
                                             const struct ledger_question *question,
                                             const struct bytes *keys, size_t n_keys,
                                             struct arena *a);

/* The first entry of the log at or after a time; UINT64_MAX: none yet. */
ANJU_MUST_CHECK enum anju_err rpc_seq_at_time(uint64_t *seq, struct store_read *read,
                                              uint64_t time_ms);

#endif
