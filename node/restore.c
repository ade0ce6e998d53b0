#include "node/restore.h"

#include <stdlib.h>

static void add(struct crypto_hash **list, size_t *count, const struct crypto_hash *id)
{
    *list = anju_realloc(*list, (*count + 1) * sizeof(**list));
    (*list)[(*count)++] = *id;
}

static bool is_settled(const struct restore *r, struct bytes raw)
{
    struct arena a = {0};
    struct ledger_batch batch;
    bool settled = ledger_batch_decode(&batch, raw, &r->registry->ledger_id, &a) == ANJU_OK;

    for (unsigned i = 0; settled && i < batch.n_envelopes; i++) {
        struct crypto_hash id;
        settled = batch.envelopes[i].size >= LEDGER_BODY_SIZE;
        if (settled) {
            ledger_envelope_id(&id, bytes_of(batch.envelopes[i].data, LEDGER_BODY_SIZE),
                               &r->registry->ledger_id);
            settled = r->is_committed(r->ctx, &id);
        }
    }
    arena_free(&a);
    return settled;
}

static void note_batches(struct restore *r, struct bytes body)
{
    struct frame_compact c;

    if (frame_compact_decode(&c, body) != ANJU_OK)
        return;
    for (unsigned i = 0; i < c.header.n_batches; i++) {
        struct crypto_hash id = frame_compact_id(&c, i);
        add(&r->named, &r->n_named, &id);
    }
}

void restore_found(struct restore *r, const struct payload_record *record)
{
    if (record->height != 0 && record->height <= r->height)
        return;
    if (record->kind == PAYLOAD_BODY)
        note_batches(r, record->data);
    if (record->kind == PAYLOAD_BATCH && is_settled(r, record->data))
        add(&r->settled, &r->n_settled, &record->id);
    else
        engine_restore(r->engine, record);
}

static bool is_named(const struct restore *r, const struct crypto_hash *id)
{
    for (size_t i = 0; i < r->n_named; i++) {
        if (crypto_hash_equal(&r->named[i], id))
            return true;
    }
    return false;
}

void restore_end(struct restore *r,
                 bool (*get)(void *ctx, struct writer *out, const struct crypto_hash *id))
{
    size_t left = 0;

    for (size_t i = 0; i < r->n_settled; i++) {
        struct payload_record record = {.kind = PAYLOAD_BATCH, .id = r->settled[i]};
        struct writer w = {0};
        if (is_named(r, &record.id) && get(r->ctx, &w, &record.id)) {
            record.data = writer_view(&w);
            engine_restore(r->engine, &record);
        } else {
            r->settled[left++] = record.id;
        }
        writer_free(&w);
    }
    r->n_settled = left;
}

void restore_free(struct restore *r)
{
    free(r->settled);
    free(r->named);
}
