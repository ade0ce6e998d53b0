/*
 * consistency_json: proofs of consistency as JSON text, in the one form, and made from a snapshot
 * of the store. Any thread.
 */
#ifndef ANJU_RPC_CONSISTENCY_JSON_H
#define ANJU_RPC_CONSISTENCY_JSON_H

#include "ledger/consistency.h"
#include "rpc/json.h"
#include "storage/store.h"

json_t *consistency_json(const struct ledger_consistency *c);
ANJU_MUST_CHECK enum anju_err consistency_json_decode(struct ledger_consistency *out,
                                                      struct bytes text, struct arena *a);

/* Between two heights, 0 < first < second. NOT_FOUND: one is not there. Hashes in the arena. */
ANJU_MUST_CHECK enum anju_err rpc_prove_consistency(struct ledger_consistency *out,
                                                    struct store_read *read,
                                                    const struct ledger_registry *registry,
                                                    uint64_t first, uint64_t second,
                                                    struct arena *a);

#endif
