/*
 * restore: which records of the payload log are the engine's again after a start. What is committed
 * is not. A batch of which every envelope is in the ledger is done with, too, unless a body of a
 * height to come names it: this node may be locked on that body, and after a power cut of all nodes
 * its disk may be the only place where the batch still is.
 */
#ifndef ANJU_NODE_RESTORE_H
#define ANJU_NODE_RESTORE_H

#include "node/engine.h"

struct restore {
    struct engine *engine; /* not started yet */
    const struct ledger_registry *registry;
    uint64_t height; /* committed */
    bool (*is_committed)(void *ctx, const struct crypto_hash *envelope);
    void *ctx;
    struct crypto_hash *settled; /* batches that nobody needs, or so it seems until restore_end */
    size_t n_settled;
    struct crypto_hash *named; /* by bodies of heights to come */
    size_t n_named;
};

/* Each live record, oldest first. */
void restore_found(struct restore *r, const struct payload_record *record);
/* After the last one: gives the engine the settled batches that bodies name, read again through
 * `get` (false: it is gone). What stays in `settled` is to be released. */
void restore_end(struct restore *r,
                 bool (*get)(void *ctx, struct writer *out, const struct crypto_hash *id));
void restore_free(struct restore *r);

#endif
