/*
 * chain_key: chain keys by names, between JSON and bytes (docs/rpc.md, "Methods"): one of
 * {"procedure", "subject"}, {"member"} and {"procedure", "list": ["provider"], "values": [3]}. Any
 * thread.
 */
#ifndef ANJU_RPC_CHAIN_KEY_H
#define ANJU_RPC_CHAIN_KEY_H

#include "ledger/list_proof.h"
#include "rpc/json.h"

/* Reads the chain key that an object names, appended. Faults name their place. `counts`: an index
 * that only counts will do where no list has these names. */
void chain_key_read(struct writer *out, const struct json_in *at,
                    const struct ledger_registry *registry, bool counts);
/* The members that such an object may have, NULL-terminated. */
extern const char *const CHAIN_KEY_NAMES[];

/* The same object of a key, by the names of the registry's newest procedures; numbers where it
 * knows none. A new reference. */
json_t *chain_key_json(const struct ledger_chain_name *name, const struct ledger_declared *declared,
                       const struct ledger_registry *registry);

#endif
