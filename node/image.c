#include "node/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum anju_err judge(struct image *image, const struct ledger_registry *registry,
                           const struct ledger_tip *previous)
{
    enum anju_err err = ledger_block_decode(&image->block, writer_view(&image->raw),
                                            &registry->ledger_id, &image->arena);

    if (err != ANJU_OK)
        return err;
    return ledger_block_check(&image->block, registry, previous);
}

struct image *image_new(const struct image_parts *parts, const struct ledger_registry *registry,
                        const struct ledger_tip *previous)
{
    struct image *image = anju_alloc(sizeof(*image));
    struct crypto_hash *ids = anju_alloc((size_t)parts->n_batches * sizeof(*ids) + 1);

    atomic_init(&image->refs, 1);
    if (parts->n_batches > 0)
        memcpy(ids, parts->ids.data, parts->ids.size);
    ledger_block_id(&image->vid, &parts->header, &registry->ledger_id);
    ledger_block_encode(&image->raw, &parts->header, ids, parts->certificate, parts->batches);
    free(ids);
    image->valid = judge(image, registry, previous) == ANJU_OK;
    if (!image->valid)
        snprintf(image->why, sizeof(image->why), "%s", anju_err_text());
    return image;
}

struct image *image_hold(struct image *image)
{
    atomic_fetch_add_explicit(&image->refs, 1, memory_order_relaxed);
    return image;
}

void image_release(struct image *image)
{
    if (image == NULL || atomic_fetch_sub_explicit(&image->refs, 1, memory_order_acq_rel) != 1)
        return;
    writer_free(&image->raw);
    arena_free(&image->arena);
    free(image);
}
