/*
 * bodies: what the blocks of this height consist of: gathered, judged, executed (docs/consensus.md,
 * "Dissemination and availability"). A body is ready when its compact part and all its batches are
 * here and appended to the payload log; the outbox then holds votes for it until they are synced.
 */
#include "node/engine_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

struct body *bodies_find(const struct engine *e, const struct crypto_hash *vid)
{
    for (struct body *b = e->bodies; b != NULL; b = b->next) {
        if (crypto_hash_equal(&b->vid, vid))
            return b;
    }
    return NULL;
}

struct body *bodies_get(struct engine *e, const struct crypto_hash *vid)
{
    struct body *b = bodies_find(e, vid);

    if (b != NULL)
        return b;
    b = anju_alloc(sizeof(*b));
    *b = (struct body){.vid = *vid, .want_at = UINT64_MAX, .from = -1, .next = e->bodies};
    e->bodies = b;
    e->body_count++;
    return b;
}

static void body_free(struct engine *e, struct body *b)
{
    for (unsigned i = 0; b->batches != NULL && i < b->header.n_batches; i++)
        batches_unpin(e, b->batches[i]);
    free(b->batches);
    blob_release(b->compact);
    image_release(b->image);
    free(b);
}

static void report(struct engine *e, const struct body *b)
{
    engine_queue(e, &(struct queued){.kind = QUEUED_BODY, .vid = b->vid});
}

/* It is not valid, whatever else it may hold: nothing more is fetched for it. */
static void condemn(struct engine *e, struct body *b)
{
    for (unsigned i = 0; i < b->header.n_batches; i++)
        batches_unpin(e, b->batches[i]);
    free(b->batches);
    b->batches = NULL;
    b->state = BODY_READY;
    b->want_at = UINT64_MAX;
    report(e, b);
}

/* All batches are settled: log the rest of the body, then have it put together and judged. */
static void gathered(struct engine *e, struct body *b)
{
    struct blob **raws = anju_alloc((size_t)b->header.n_batches * sizeof(struct blob *) + 1);
    struct frame_compact compact;
    enum anju_err err = frame_compact_decode(&compact, blob_bytes(b->compact));

    assert(err == ANJU_OK); /* we encoded it */
    (void)err;
    for (unsigned i = 0; i < b->header.n_batches; i++)
        raws[i] = b->batches[i]->state == BATCH_BAD ? NULL : blob_hold(b->batches[i]->raw);
    for (unsigned i = 0; i < b->header.n_batches; i++) {
        if (raws[i] != NULL)
            continue;
        /* A batch that is bad for ever makes the body bad for ever. */
        for (unsigned k = 0; k < b->header.n_batches; k++)
            blob_release(raws[k]);
        free(raws);
        condemn(e, b);
        return;
    }
    if (!b->certified) {
        struct payload_record record = {.kind = PAYLOAD_BODY, .height = e->height, .id = b->vid};
        /* We may vote for it, so all of it is kept, also what came as part of a certified block. */
        for (unsigned i = 0; i < b->header.n_batches; i++)
            batches_log(e, b->batches[i]);
        outbox_keep(e, &record, b->compact);
    }
    b->state = BODY_JUDGING;
    b->want_at = UINT64_MAX;
    e->w.judge(e->w.ctx, &compact, raws, &e->tip);
    free(raws);
}

static void gather(struct engine *e, struct body *b)
{
    uint64_t bytes = 0;

    if (b->state != BODY_GATHERING)
        return;
    b->missing = 0;
    for (unsigned i = 0; i < b->header.n_batches; i++) {
        const struct batch *batch = b->batches[i];
        if (batch->state == BATCH_HELD || batch->state == BATCH_BAD)
            bytes += batch->raw != NULL ? batch->raw->size : 0;
        else
            b->missing++;
    }
    if (bytes > b->header.n_bytes)
        condemn(e, b); /* more than the header says */
    else if (b->missing == 0)
        gathered(e, b);
}

/* What the header says of the payload is over a limit in force, before any of it is here. */
static bool is_over_limits(const struct engine *e, const struct ledger_header *h)
{
    const struct ledger_limits *l = &e->registry->limits;

    return h->n_bytes > l->block_size || h->n_records > l->block_records;
}

bool bodies_are_sound(const struct engine *e, const struct frame_compact *c)
{
    struct crypto_hash *leaves = anju_alloc((size_t)c->header.n_batches * sizeof(*leaves) + 1);
    struct crypto_hash root, digest = CRYPTO_ZERO_HASH;

    for (unsigned i = 0; i < c->header.n_batches; i++)
        crypto_leaf_hash(&leaves[i],
                         bytes_of(c->ids.data + (size_t)i * CRYPTO_HASH_SIZE, CRYPTO_HASH_SIZE));
    merkle_root_of(&root, leaves, c->header.n_batches);
    free(leaves);
    if (c->certificate.size > 0)
        crypto_digest(&digest, "anju/certificate/1", &e->registry->ledger_id, c->certificate);
    return crypto_hash_equal(&root, &c->header.batches_root) &&
           crypto_hash_equal(&digest, &c->header.previous_certificate);
}

bool bodies_learn(struct engine *e, const struct frame_compact *compact, int peer, bool certified)
{
    struct crypto_hash vid;
    struct body *b;
    struct writer w = {0};

    if (compact->header.height != e->height)
        return true;
    ledger_block_id(&vid, &compact->header, &e->registry->ledger_id);
    b = bodies_find(e, &vid);
    if (b == NULL && !certified && peer >= 0 && e->body_count >= BODIES_MAX)
        return true;
    if (b != NULL && certified)
        b->certified = true;
    if (b != NULL && b->state != BODY_UNKNOWN)
        return true;
    if (!bodies_are_sound(e, compact))
        return false;
    b = bodies_get(e, &vid);
    b->certified = b->certified || certified;
    b->from = peer;
    b->header = compact->header;
    frame_compact_encode(&w, compact);
    b->compact = blob_new(writer_view(&w));
    writer_free(&w);
    b->batches = anju_alloc((size_t)b->header.n_batches * sizeof(struct batch *) + 1);
    for (unsigned i = 0; i < b->header.n_batches; i++) {
        struct crypto_hash id = frame_compact_id(compact, i);
        b->batches[i] = batches_named(e, &id, WANT_NAMED_MS);
        if (peer >= 0)
            b->batches[i]->holders |= UINT64_C(1) << peer;
    }
    b->state = BODY_GATHERING;
    if (b->certified)
        b->want_at = e->w.mono_ms(e->w.ctx);
    if (is_over_limits(e, &b->header))
        condemn(e, b);
    else
        gather(e, b);
    return true;
}

void bodies_need(struct engine *e, const struct crypto_hash *vid)
{
    struct body *b = bodies_get(e, vid);

    b->needed = true;
    if (b->state == BODY_READY)
        report(e, b);
    if (b->state == BODY_UNKNOWN)
        b->want_at = e->w.mono_ms(e->w.ctx);
}

void bodies_batch_settled(struct engine *e, const struct batch *batch)
{
    struct body *next;

    for (struct body *b = e->bodies; b != NULL; b = next) {
        bool names = false;
        next = b->next;
        if (b->state != BODY_GATHERING)
            continue;
        for (unsigned i = 0; i < b->header.n_batches && !names; i++)
            names = b->batches[i] == batch;
        if (names)
            gather(e, b);
    }
}

void engine_on_judged(struct engine *e, struct image *image)
{
    struct body *b = bodies_find(e, &image->vid);

    if (b == NULL || b->state != BODY_JUDGING) {
        image_release(image);
        return;
    }
    b->state = BODY_READY;
    b->image = image;
    if (!image->valid) {
        char hex[65];
        hex_encode(hex, b->vid.b, sizeof(b->vid.b));
        log_warn("node", "block refused height=%llu vid=%s: %s", (unsigned long long)e->height, hex,
                 image->why);
    }
    report(e, b);
    if (e->value.wanted && e->value.has && crypto_hash_equal(&e->value.vid, &b->vid)) {
        e->value.wanted = false;
        if (image->valid)
            engine_queue(e, &(struct queued){.kind = QUEUED_VALUE,
                                             .vid = b->vid,
                                             .height = e->value.height,
                                             .round = e->value.round});
        else if (!e->value.empty)
            log_error("node", "our own proposal was not valid: %s", image->why);
    }
    engine_settle(e);
}

void bodies_execute(struct engine *e, const struct crypto_hash *vid)
{
    struct body *b = bodies_find(e, vid);

    if (b == NULL || b->image == NULL || !b->image->valid)
        return;
    if (b->executed)
        engine_queue(e,
                     &(struct queued){.kind = QUEUED_EXECUTED, .vid = b->vid, .result = b->result});
    if (b->executing)
        return; /* under way, or done */
    b->executing = true;
    e->w.execute(e->w.ctx, b->image);
}

void bodies_make_value(struct engine *e, uint64_t height, uint32_t round)
{
    struct batch *chosen[LEDGER_BLOCK_BATCHES_MAX];
    struct crypto_hash leaves[LEDGER_BLOCK_BATCHES_MAX];
    uint64_t now = e->w.wall_ms(e->w.ctx);
    struct writer ids = {0};
    struct frame_compact c = {.certificate = blob_bytes(e->certificate)};
    struct crypto_hash vid;
    uint16_t n = batches_choose(e, chosen, LEDGER_BLOCK_BATCHES_MAX);

    c.header = (struct ledger_header){.version = 1,
                                      .height = height,
                                      .time_ms = now > e->tip.time_ms ? now : e->tip.time_ms + 1,
                                      .proposer = e->config.self,
                                      .previous = e->tip.block,
                                      .previous_result = e->tip.result,
                                      .n_batches = n};
    if (c.certificate.size > 0)
        crypto_digest(&c.header.previous_certificate, "anju/certificate/1", &e->registry->ledger_id,
                      c.certificate);
    for (uint16_t i = 0; i < n; i++) {
        writer_put(&ids, chosen[i]->id.b, CRYPTO_HASH_SIZE);
        crypto_leaf_hash(&leaves[i], crypto_hash_bytes(&chosen[i]->id));
        c.header.n_records += chosen[i]->info->n_records;
        c.header.n_bytes += (uint32_t)chosen[i]->raw->size;
    }
    merkle_root_of(&c.header.batches_root, leaves, n);
    c.ids = writer_view(&ids);
    ledger_block_id(&vid, &c.header, &e->registry->ledger_id);
    e->value.wanted = true;
    e->value.has = true;
    e->value.height = height;
    e->value.round = round;
    e->value.vid = vid;
    e->value.empty = n == 0;
    e->counters.proposals_made++;
    bodies_learn(e, &c, -1, false);
    struct body *b = bodies_find(e, &vid);
    if (b != NULL &&
        b->state == BODY_READY) { /* proposed before, in an earlier round of the same time */
        e->value.wanted = false;
        engine_queue(e, &(struct queued){
                            .kind = QUEUED_VALUE, .vid = vid, .height = height, .round = round});
    }
    writer_free(&ids);
}

void bodies_keep_polka(struct engine *e, const struct ledger_polka *polka)
{
    struct payload_record record = {.kind = PAYLOAD_POLKA, .height = e->height};
    struct writer w = {0};
    struct blob *blob;

    ledger_polka_encode(&w, polka);
    crypto_sha256(&record.id, writer_view(&w));
    blob = blob_new(writer_view(&w));
    writer_free(&w);
    outbox_keep(e, &record, blob);
    if (e->polka_count == e->polka_room) {
        e->polka_room = e->polka_room == 0 ? 8 : e->polka_room * 2;
        e->polkas = anju_realloc(e->polkas, e->polka_room * sizeof(struct blob *));
    }
    e->polkas[e->polka_count++] = blob;
}

void bodies_restore(struct engine *e, const struct payload_record *record)
{
    if (record->kind == PAYLOAD_POLKA || record->kind == PAYLOAD_BODY) {
        struct blob ***list = record->kind == PAYLOAD_POLKA ? &e->polkas : &e->old_bodies;
        size_t *count = record->kind == PAYLOAD_POLKA ? &e->polka_count : &e->old_body_count;
        *list = anju_realloc(*list, (*count + 1) * sizeof(struct blob *));
        (*list)[(*count)++] = blob_new(record->data);
        if (record->kind == PAYLOAD_POLKA)
            e->polka_room = e->polka_count;
    }
}

/* Drops restored polkas of heights that are committed by now. */
static void sort_out_polkas(struct engine *e)
{
    size_t kept = 0;

    for (size_t i = 0; i < e->polka_count; i++) {
        struct ledger_polka polka;
        if (ledger_polka_decode(&polka, blob_bytes(e->polkas[i])) == ANJU_OK &&
            polka.height == e->height)
            e->polkas[kept++] = e->polkas[i];
        else
            blob_release(e->polkas[i]);
    }
    e->polka_count = kept;
}

void bodies_begin(struct engine *e)
{
    sort_out_polkas(e);
    for (size_t i = 0; i < e->old_body_count; i++) {
        struct frame_compact c;
        if (frame_compact_decode(&c, blob_bytes(e->old_bodies[i])) == ANJU_OK &&
            c.header.height == e->height)
            bodies_learn(e, &c, -1, false);
        blob_release(e->old_bodies[i]);
    }
    free(e->old_bodies);
    e->old_bodies = NULL;
    e->old_body_count = 0;
}

void bodies_clear(struct engine *e)
{
    while (e->bodies != NULL) {
        struct body *b = e->bodies;
        e->bodies = b->next;
        body_free(e, b);
    }
    e->body_count = 0;
    for (size_t i = 0; i < e->polka_count; i++)
        blob_release(e->polkas[i]);
    e->polka_count = 0;
    e->value.wanted = e->value.has = false;
}

/* ---- Asking for what is missing ---- */

static int next_peer(const struct engine *e, uint32_t *tries)
{
    for (unsigned i = 0; i < ENGINE_PEERS_MAX; i++) {
        unsigned peer = (*tries)++ % ENGINE_PEERS_MAX;
        if (e->peers[peer].up)
            return (int)peer;
    }
    return -1;
}

static void send_want(struct engine *e, int peer, const struct frame_want *want)
{
    struct writer w = {0};

    frame_want_encode(&w, want);
    sync_send(e, peer, FRAME_WANT, writer_view(&w));
    writer_free(&w);
}

/* A committed block's batches are gone from pools: they come from somebody's ledger. */
static void want_certified(struct engine *e, struct body *b)
{
    struct frame_want want = {.kind = FRAME_WANT_BLOCK_BATCHES, .height = e->height};

    for (unsigned tried = 0; tried < ENGINE_PEERS_MAX; tried++) {
        int peer = next_peer(e, &b->want_tries);
        if (peer < 0)
            return;
        if (e->peers[peer].height <= e->height)
            continue;
        for (unsigned i = 0; i < b->header.n_batches && want.count < FRAME_WANT_IDS_MAX; i++) {
            if (b->batches[i]->state == BATCH_WANTED)
                want.index[want.count++] = (uint16_t)i;
        }
        if (want.count > 0)
            send_want(e, peer, &want);
        return;
    }
}

static void want(struct engine *e, struct body *b, uint64_t now)
{
    b->want_at = now + WANT_MS;
    if (b->state == BODY_UNKNOWN) {
        struct frame_want ask = {.kind = FRAME_WANT_BODY, .count = 1};
        int peer = next_peer(e, &b->want_tries);
        ask.ids[0] = b->vid;
        if (peer >= 0)
            send_want(e, peer, &ask);
    } else if (b->state == BODY_GATHERING && b->certified) {
        want_certified(e, b);
    } else {
        b->want_at = UINT64_MAX; /* the pool asks for single batches by itself */
    }
}

void bodies_tick(struct engine *e, uint64_t now)
{
    for (struct body *b = e->bodies; b != NULL; b = b->next) {
        if (now >= b->want_at)
            want(e, b, now);
    }
}

uint64_t bodies_deadline(const struct engine *e)
{
    uint64_t at = UINT64_MAX;

    for (const struct body *b = e->bodies; b != NULL; b = b->next)
        at = engine_min(at, b->want_at);
    return at;
}
