/* evidence_fork: whether two nodes hold different certificates of one height. */
#ifndef ANJU_TOOLS_EVIDENCE_FORK_H
#define ANJU_TOOLS_EVIDENCE_FORK_H

#include "ledger/evidence.h"
#include "tools/tools.h"

/* The proof of the first height at which two nodes (by URL) hold different, valid commit
 * certificates. NOT_FOUND: they agree as far as both go. Others: one does not answer, or not with
 * valid ones. */
ANJU_MUST_CHECK enum anju_err fork_between(struct ledger_evidence *out, const char *a,
                                           const char *b, const struct ledger_registry *registry);

#endif
