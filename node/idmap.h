/*
 * idmap: a hash table from 32-byte ids to pointers, with deletion. One thread. A seed from the
 * caller keeps whoever chooses ids from choosing our slots. Never iterated: order lives in lists
 * elsewhere.
 */
#ifndef ANJU_NODE_IDMAP_H
#define ANJU_NODE_IDMAP_H

#include "crypto/crypto.h"

struct idmap_slot {
    struct crypto_hash key;
    void *value; /* NULL: free */
};

struct idmap {
    struct idmap_slot *slots;
    size_t count;
    size_t capacity; /* a power of two, 0 before the first put */
    uint64_t seed;
};

void idmap_init(struct idmap *m, uint64_t seed);
void *idmap_get(const struct idmap *m, const struct crypto_hash *key);       /* NULL where absent */
void idmap_put(struct idmap *m, const struct crypto_hash *key, void *value); /* replaces */
void *idmap_remove(struct idmap *m, const struct crypto_hash *key); /* what was there, or NULL */
void idmap_free(struct idmap *m);

#endif
