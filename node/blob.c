#include "node/blob.h"

#include <stdlib.h>
#include <string.h>

struct blob *blob_new(struct bytes b)
{
    struct blob *out = anju_alloc(sizeof(*out) + b.size);

    atomic_init(&out->refs, 1);
    out->size = b.size;
    if (b.size > 0)
        memcpy(out->data, b.data, b.size);
    return out;
}

struct blob *blob_hold(struct blob *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void blob_release(struct blob *b)
{
    if (b != NULL && atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1)
        free(b);
}
