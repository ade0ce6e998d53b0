/*
 * image: a block put together from its parts, decoded and judged once, then shared by the engine,
 * the ledger thread and whoever serves it. Immutable after image_new; counted across threads.
 */
#ifndef ANJU_NODE_IMAGE_H
#define ANJU_NODE_IMAGE_H

#include "ledger/block.h"
#include "node/blob.h"

struct image {
    atomic_uint refs;
    struct crypto_hash vid;
    bool
        valid; /* valid(v) of docs/consensus.md, envelope signatures aside: batches came verified */
    char why[200];             /* in words where it is not */
    struct writer raw;         /* as ledger_block_encode makes it */
    struct ledger_block block; /* decoded from raw; whole only where valid */
    struct arena arena;
};

/* What a body is made of; borrowed. `batches` in the order of the ids. */
struct image_parts {
    struct ledger_header header;
    struct bytes ids; /* n_batches x 32 */
    struct bytes certificate;
    const struct bytes *batches;
    uint16_t n_batches;
};

/* Puts the parts together and judges them on top of `previous` (the tip of height - 1). */
struct image *image_new(const struct image_parts *parts, const struct ledger_registry *registry,
                        const struct ledger_tip *previous);
struct image *image_hold(struct image *image);
void image_release(struct image *image); /* NULL is fine */

#endif
