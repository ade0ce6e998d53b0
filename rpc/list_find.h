/*
 * list_find: the subjects that have the value of an index now. What counts keeps no list, so they
 * are looked for along a list that names them: the index's own chain, or that of a list of the same
 * procedure whose components are among the index's.
 */
#ifndef ANJU_RPC_LIST_FIND_H
#define ANJU_RPC_LIST_FIND_H

#include "ledger/list_proof.h"
#include "storage/store.h"

/* What the keys of one answer may still use together. */
struct rpc_find_left {
    uint64_t entries; /* to look through */
    uint64_t bytes;   /* of attributes, records and effects */
};

/* Finds the `live` subjects whose tuple is `key`, ascending by id, in the arena. UNSUPPORTED: no
 * list leads to them. TOO_LARGE: more than what is left would have to be looked through or shown.
 * CORRUPT: fewer are there. */
ANJU_MUST_CHECK enum anju_err rpc_find_now(struct ledger_list_subject **out,
                                           struct store_read *read,
                                           const struct ledger_registry *registry,
                                           const struct ledger_declared *declared,
                                           const struct ledger_chain_name *name, struct bytes key,
                                           uint32_t live, struct rpc_find_left *left,
                                           struct arena *a);
/* Takes `size` from what is left. TOO_LARGE with words. */
ANJU_MUST_CHECK enum anju_err rpc_take_bytes(struct rpc_find_left *left, size_t size);

#endif
