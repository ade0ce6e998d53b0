/*
 * forms: the JSON forms of what the ledger holds (docs/rpc.md, "Forms"). New references, owned by the
 * caller; the tools print the same ones. Any thread.
 */
#ifndef ANJU_RPC_FORMS_H
#define ANJU_RPC_FORMS_H

#include "ledger/block.h"
#include "ledger/execute.h"
#include "rpc/json.h"

json_t *form_header(const struct ledger_header *h);
json_t *form_result(const struct ledger_result *r);
json_t *form_certificate(const struct ledger_certificate *c, const struct ledger_set *set);
/* seq, kind, outcome, height, time, envelope, index, member, digests; "leaf" is its hash in the log. */
json_t *form_entry(const struct ledger_entry *e, const struct crypto_hash *leaf, const struct ledger_registry *r);
/* Effects by the names of their procedures where the registry knows them. CORRUPT where they do not decode. */
ANJU_MUST_CHECK enum anju_err form_effects(json_t **out, struct bytes effects, uint32_t count,
                                           const struct ledger_registry *r);
json_t *form_member(const struct ledger_member *m, const struct ledger_registry *r);
json_t *form_node(const struct ledger_node_info *n);

/* "genesis", "record", "timer", "refusal". */
const char *form_kind(enum ledger_entry_kind kind);

#endif
