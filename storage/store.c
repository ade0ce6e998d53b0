#include "storage/store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "storage/store_body.h"

const struct ledger_view *store_head_view(struct store *s)
{
    return layers_head(s);
}

/* Waits while too much is unmerged. Where merging fails, the tail must not grow for ever. */
static enum anju_err wait_for_merge(struct store *s)
{
    enum anju_err err = ANJU_OK;

    pthread_mutex_lock(&s->mutex);
    while (layers_tail_weight(s) > s->options.tail_weight_max && s->merge_err == ANJU_OK)
        pthread_cond_wait(&s->changed, &s->mutex);
    if (layers_tail_weight(s) > s->options.tail_weight_max)
        err = anju_fail(s->merge_err, "%s", s->merge_words);
    pthread_mutex_unlock(&s->mutex);
    return err;
}

enum anju_err store_commit(struct store *s, const struct store_commit *c)
{
    const struct ledger_tip *tip = ledger_overlay_tip(c->overlay);
    struct truth_height h = {.tip = tip,
                             .raw = c->raw,
                             .certificate = c->certificate,
                             .polkas = c->polkas,
                             .n_polkas = c->n_polkas};
    enum anju_err err;

    assert(!s->readonly && tip->height == s->tip.height + 1);
    assert(crypto_hash_equal(&tip->block, &c->block->id));
    err = wait_for_merge(s);
    if (err == ANJU_OK)
        err = layers_drop_merged(s);
    if (err != ANJU_OK)
        return err;
    ledger_overlay_rebase(c->overlay,
                          layers_head(s)); /* the same state; what it was made on may be gone */
    h.items = ledger_overlay_items(c->overlay, &h.n_items);
    h.nodes = ledger_overlay_log_nodes(c->overlay, &h.n_nodes);
    err = truth_write(&s->truth, &h);
    if (err != ANJU_OK)
        return err;
    layers_publish(s, c->overlay, h.items, h.n_items);
    return ANJU_OK;
}

bool store_free_space_low(const struct store *s, uint64_t *free_bytes)
{
    struct statvfs v;
    uint64_t total, percent;

    if (statvfs(s->dir, &v) != 0) {
        *free_bytes = 0;
        return true; /* a directory that does not answer has no room for us */
    }
    *free_bytes = (uint64_t)v.f_bavail * v.f_frsize;
    total = (uint64_t)v.f_blocks * v.f_frsize;
    percent = total / 100 * s->options.free_percent_min;
    return *free_bytes <
           (percent < s->options.free_bytes_min ? percent : s->options.free_bytes_min);
}

void store_status(struct store_status *out, struct store *s)
{
    pthread_mutex_lock(&s->mutex);
    *out = (struct store_status){
        .height = s->tip.height,
        .watermark = s->watermark,
        .tail_weight = layers_tail_weight(s),
        .layers = s->n_layers,
        .merges = s->merges,
        .last_merge_us = s->last_merge_us,
        .merge_failed = s->merge_err != ANJU_OK,
    };
    pthread_mutex_unlock(&s->mutex);
    out->truth_bytes = kv_bytes(&s->truth.env);
    out->derived_bytes = s->readonly ? 0 : kv_bytes(&s->derived.env);
}
