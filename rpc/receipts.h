/*
 * receipts: makes receipts from what the store holds (docs/formats.md, "Receipts").
 */
#ifndef ANJU_RPC_RECEIPTS_H
#define ANJU_RPC_RECEIPTS_H

#include <jansson.h>

#include "ledger/registry.h"
#include "storage/store.h"

/* The receipt of entry seq as JSON (a new reference): claim and endorsement; with `parts` also record,
 * envelope and effects. NOT_FOUND: no such entry. BUSY: entry of height 0, and there is no block 1 yet,
 * whose certificate endorses it. */
ANJU_MUST_CHECK enum anju_err rpc_make_receipt(json_t **out, struct store_read *read, const struct ledger_registry *r,
                                               uint64_t seq, bool parts);

#endif
