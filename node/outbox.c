/*
 * outbox: one FIFO. Votes, proposals, certificates and DECIDE leave only when everything that the
 * core emitted before them is durable. Everything emitted within one call from outside waits for
 * the sync that this call ends with, if it needs one (docs/consensus.md, "Log before send").
 */
#include "node/engine_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static struct outbox_item *push(struct engine *e)
{
    if (e->outbox_count == e->outbox_room) {
        size_t room = e->outbox_room == 0 ? 64 : e->outbox_room * 2;
        struct outbox_item *items = anju_alloc(room * sizeof(*items));
        for (size_t i = 0; i < e->outbox_count; i++)
            items[i] = e->outbox[(e->outbox_first + i) % e->outbox_room];
        free(e->outbox);
        e->outbox = items;
        e->outbox_first = 0;
        e->outbox_room = room;
    }
    return &e->outbox[(e->outbox_first + e->outbox_count++) % e->outbox_room];
}

/* The token of the sync that this call may end with; outbox_flush lowers it where none is needed.
 */
static uint64_t next_token(const struct engine *e)
{
    return e->token_issued + 1;
}

void outbox_send(struct engine *e, int to, enum frame_type type, struct bytes body)
{
    if (e->outbox_count >= OUTBOX_MAX)
        return; /* the disk stands still: what is lost here is said again by RESEND */
    *push(e) = (struct outbox_item){.kind = OUTBOX_SEND,
                                    .after = next_token(e),
                                    .to = to,
                                    .type = type,
                                    .body = blob_new(body)};
}

/* The proposer of h + 1 puts its own precommit in, where it made one: a certificate then also shows
 * who takes part. It takes the place of the last signer. */
static void put_own_precommit(const struct engine *e, struct ledger_certificate *c)
{
    const struct ledger_vote *own = &e->own_precommit;
    uint8_t self = (uint8_t)e->self_index;
    unsigned at = c->q - 1u;

    if (e->self_index < 0 || own->type != LEDGER_PRECOMMIT || own->height != c->height ||
        own->round != c->round || !crypto_hash_equal(&own->vid, &c->vid) ||
        !crypto_hash_equal(&own->result, &c->result))
        return;
    for (unsigned i = 0; i < c->q; i++) {
        if (c->index[i] == self)
            return;
    }
    while (at > 0 && c->index[at - 1] > self) {
        c->index[at] = c->index[at - 1];
        c->sig[at] = c->sig[at - 1];
        at--;
    }
    c->index[at] = self;
    c->sig[at] = own->sig;
}

void outbox_decide(struct engine *e, const struct ledger_certificate *commit)
{
    struct outbox_item *item = push(e);

    *item = (struct outbox_item){.kind = OUTBOX_DECIDE, .after = next_token(e), .commit = *commit};
    put_own_precommit(e, &item->commit);
}

void outbox_keep(struct engine *e, const struct payload_record *record, struct blob *blob)
{
    if (e->pending_count == e->pending_room) {
        e->pending_room = e->pending_room == 0 ? 64 : e->pending_room * 2;
        e->pending = anju_realloc(e->pending, e->pending_room * sizeof(*e->pending));
        e->pending_blobs = anju_realloc(e->pending_blobs, e->pending_room * sizeof(struct blob *));
    }
    e->pending[e->pending_count] = *record;
    e->pending[e->pending_count].data = blob_bytes(blob);
    e->pending_blobs[e->pending_count++] = blob_hold(blob);
}

/* True: everything is appended. */
static bool append_pending(struct engine *e)
{
    size_t done = 0;

    while (done < e->pending_count && e->w.append(e->w.ctx, &e->pending[done])) {
        blob_release(e->pending_blobs[done]);
        done++;
    }
    e->pending_count -= done;
    memmove(e->pending, e->pending + done, e->pending_count * sizeof(*e->pending));
    memmove(e->pending_blobs, e->pending_blobs + done, e->pending_count * sizeof(struct blob *));
    if (e->pending_count > 0 && !e->log_full)
        log_error(
            "node",
            "the payload log has no room: this node neither votes nor takes work until there is");
    if (e->pending_count == 0 && e->log_full)
        log_info("node", "the payload log has room again");
    e->log_full = e->pending_count > 0;
    return !e->log_full;
}

/* Whether this call emitted something that must wait for what it changed. */
static bool something_leaves(const struct engine *e)
{
    return e->outbox_count > 0 &&
           e->outbox[(e->outbox_first + e->outbox_count - 1) % e->outbox_room].after >
               e->token_issued;
}

static void settle_after(struct engine *e)
{
    for (size_t i = e->outbox_count; i > 0; i--) {
        struct outbox_item *item = &e->outbox[(e->outbox_first + i - 1) % e->outbox_room];
        if (item->after <= e->token_issued)
            break;
        item->after = e->token_issued;
    }
}

void outbox_flush(struct engine *e)
{
    bool records = e->pending_count > 0;

    /* A changed slot is written with the first message that rests on it: a step alone is not worth
     * a sync. In doubt nothing is signed, and the guard stays empty: it must not look sound after a
     * restart. */
    if (e->config.may_sign && !e->in_doubt && something_leaves(e) &&
        consensus_slot_changed(e->core)) {
        writer_clear(&e->slot);
        consensus_slot_encode(&e->slot, e->core);
    }
    if (records && e->log_full && e->w.mono_ms(e->w.ctx) < e->log_retry_at)
        return;
    if (records && !append_pending(e)) {
        e->log_retry_at = e->w.mono_ms(e->w.ctx) + RESEND_MS;
        return; /* what was emitted waits: its token is not issued */
    }
    if (records || e->slot.size > 0) {
        e->token_issued++;
        e->counters.syncs++;
        e->w.sync(e->w.ctx, e->token_issued, writer_view(&e->slot));
        writer_clear(&e->slot);
    } else {
        settle_after(e);
    }
}

static void let_go(struct engine *e, struct outbox_item *item)
{
    if (item->kind == OUTBOX_SEND) {
        if (item->to < 0) {
            sync_broadcast(e, item->type, blob_bytes(item->body));
        } else {
            int peer = sync_peer_of(e, item->to);
            if (peer >= 0)
                sync_send(e, peer, item->type, blob_bytes(item->body));
        }
        blob_release(item->body);
        return;
    }
    struct body *body = bodies_find(e, &item->commit.vid);
    struct writer w = {0};
    if (body == NULL || body->image == NULL || e->deciding)
        return; /* the core decides what it was told is ready, once; this cannot be */
    ledger_certificate_encode(&w, &item->commit);
    blob_release(e->certificate);
    e->certificate = blob_new(writer_view(&w));
    writer_free(&w);
    e->deciding = true;
    e->w.commit(e->w.ctx, body->image, blob_bytes(e->certificate), e->polkas, e->polka_count);
}

void outbox_release(struct engine *e)
{
    while (e->outbox_count > 0) {
        struct outbox_item *item = &e->outbox[e->outbox_first];
        if (item->after > e->token_durable)
            return;
        struct outbox_item out = *item;
        e->outbox_first = (e->outbox_first + 1) % e->outbox_room;
        e->outbox_count--;
        let_go(e, &out);
    }
}

void outbox_free(struct engine *e)
{
    for (size_t i = 0; i < e->outbox_count; i++) {
        struct outbox_item *item = &e->outbox[(e->outbox_first + i) % e->outbox_room];
        if (item->kind == OUTBOX_SEND)
            blob_release(item->body);
    }
    for (size_t i = 0; i < e->pending_count; i++)
        blob_release(e->pending_blobs[i]);
    free(e->outbox);
    free(e->pending);
    free(e->pending_blobs);
    writer_free(&e->slot);
}
