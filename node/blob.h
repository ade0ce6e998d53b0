/*
 * blob: immutable bytes shared by several owners, also across threads (a batch is in the pool, in a
 * body, in a write and on its way to three peers at once). Counted; the last release frees.
 */
#ifndef ANJU_NODE_BLOB_H
#define ANJU_NODE_BLOB_H

#include <stdatomic.h>

#include "base/bytes.h"

struct blob {
    atomic_uint refs;
    size_t size;
    uint8_t data[];
};

struct blob *blob_new(struct bytes b);
struct blob *blob_hold(struct blob *b);
void blob_release(struct blob *b); /* NULL is fine */

static inline struct bytes blob_bytes(const struct blob *b)
{
    return b == NULL ? bytes_of(NULL, 0) : bytes_of(b->data, b->size);
}

#endif
