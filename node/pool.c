/*
 * pool: envelopes on their way in, and batches of all authors (docs/consensus.md, "Dissemination").
 */
#include "node/engine_state.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define POOL_BYTES_MAX_DEFAULT (UINT64_C(64) << 20)
#define SWEEP_MS 5000
#define FORGET_MS 60000
#define BATCH_OVERHEAD 6 /* count and one length */

struct batch *pool_batch(struct engine *e, const struct crypto_hash *id)
{
    return idmap_get(&e->batches, id);
}

/* ---- Lists of batches, one an author, oldest first ---- */

static void list_add(struct engine *e, struct batch *b)
{
    struct batch_list *l = &e->lists[b->author];

    b->before = l->last;
    b->after = NULL;
    if (l->last != NULL)
        l->last->after = b;
    else
        l->first = b;
    l->last = b;
    l->count++;
    l->bytes += b->size;
}

static void list_remove(struct engine *e, struct batch *b)
{
    struct batch_list *l = &e->lists[b->author];

    if (b->before != NULL)
        b->before->after = b->after;
    else
        l->first = b->after;
    if (b->after != NULL)
        b->after->before = b->before;
    else
        l->last = b->before;
    l->count--;
    l->bytes -= b->size;
    b->before = b->after = NULL;
}

/* It is here, or given up: it counts against nobody's announcements any more. */
static void settle_announcement(struct engine *e, struct batch *b)
{
    if (b->announced_by >= 0 && e->peers[b->announced_by].announced > 0)
        e->peers[b->announced_by].announced--;
    b->announced_by = -1;
}

static void set_author(struct engine *e, struct batch *b, int author, uint32_t size)
{
    list_remove(e, b);
    b->author = author;
    b->size = size;
    list_add(e, b);
}

static struct batch *batch_new(struct engine *e, const struct crypto_hash *id, int author,
                               uint32_t size)
{
    struct batch *b = anju_alloc(sizeof(*b));

    *b = (struct batch){.id = *id,
                        .author = author,
                        .from = -1,
                        .announced_by = -1,
                        .size = size,
                        .want_at = UINT64_MAX};
    b->made_ms = e->w.mono_ms(e->w.ctx);
    idmap_put(&e->batches, id, b);
    list_add(e, b);
    return b;
}

struct batch *pool_batch_named(struct engine *e, const struct crypto_hash *id, uint64_t want_in_ms)
{
    struct batch *b = pool_batch(e, id);

    if (b == NULL)
        b = batch_new(e, id, NO_AUTHOR, 0);
    if (b->state == BATCH_WANTED)
        b->want_at = engine_min(b->want_at, e->w.mono_ms(e->w.ctx) + want_in_ms);
    b->pins++;
    return b;
}

/* ---- Places: which batches hold an envelope ---- */

static void place_link(struct engine *e, struct batch *b)
{
    if (b->certified)
        return; /* in a block already: not live, whatever it holds */
    b->places = anju_alloc((size_t)b->info->n_envelopes * sizeof(*b->places) + 1);
    for (uint32_t i = 0; i < b->info->n_envelopes; i++) {
        struct place *p = &b->places[i];
        *p = (struct place){.batch = b, .next = idmap_get(&e->places, &b->info->envelopes[i])};
        idmap_put(&e->places, &b->info->envelopes[i], p);
    }
    b->live = b->info->n_envelopes;
    if (b->live > 0)
        e->live_batches++;
}

static void place_unlink(struct engine *e, struct batch *b)
{
    for (uint32_t i = 0; b->places != NULL && i < b->info->n_envelopes; i++) {
        const struct crypto_hash *id = &b->info->envelopes[i];
        struct place *head = idmap_get(&e->places, id), **link = &head;
        while (*link != NULL && *link != &b->places[i])
            link = &(*link)->next;
        if (*link != NULL)
            *link = b->places[i].next;
        if (head == NULL)
            idmap_remove(&e->places, id);
        else
            idmap_put(&e->places, id, head);
    }
    free(b->places);
    b->places = NULL;
}

static void place_die(struct engine *e, struct place *p)
{
    if (p->dead)
        return;
    p->dead = true;
    if (--p->batch->live == 0 && p->batch->state == BATCH_HELD)
        e->live_batches--;
}

static void batch_remove(struct engine *e, struct batch *b)
{
    assert(b->pins == 0);
    settle_announcement(e, b);
    if (b->state == BATCH_HELD && b->live > 0)
        e->live_batches--;
    if (b->logged)
        e->w.release(e->w.ctx, PAYLOAD_BATCH, &b->id, 1);
    place_unlink(e, b);
    list_remove(e, b);
    idmap_remove(&e->batches, &b->id);
    blob_release(b->raw);
    free(b->info);
    free(b);
}

void pool_unpin(struct engine *e, struct batch *b)
{
    assert(b->pins > 0);
    b->pins--;
    /* What only a body wanted goes with it; what is live stays for the next proposal. */
    if (b->pins == 0 &&
        (b->state == BATCH_BAD || b->certified || (b->author == NO_AUTHOR && b->live == 0)))
        if (b->state != BATCH_CHECKING)
            batch_remove(e, b);
}

/* ---- Announcing ---- */

static void have_flush(struct engine *e)
{
    struct writer w = {0};

    if (e->have_count == 0)
        return;
    frame_have_encode(&w, e->have, e->have_count);
    sync_broadcast(e, FRAME_HAVE, writer_view(&w));
    writer_free(&w);
    e->have_count = 0;
    e->have_at = UINT64_MAX;
    e->have_last = e->w.mono_ms(e->w.ctx);
}

static void have_add(struct engine *e, const struct batch *b)
{
    uint64_t now = e->w.mono_ms(e->w.ctx);

    if (b->author == NO_AUTHOR)
        return;
    e->have[e->have_count++] =
        (struct frame_have){.author = e->set->node[b->author].id, .id = b->id, .size = b->size};
    if (e->have_count == FRAME_HAVE_MAX || now >= e->have_last + HAVE_MS)
        have_flush(e);
    else
        e->have_at = engine_min(e->have_at, e->have_last + HAVE_MS);
}

void pool_peer_up(struct engine *e, int peer)
{
    struct frame_have items[FRAME_HAVE_MAX];
    struct writer w = {0};
    uint16_t n = 0;

    for (int author = 0; author < e->set->n; author++) {
        for (struct batch *b = e->lists[author].first; b != NULL && n < FRAME_HAVE_MAX;
             b = b->after) {
            if (b->state == BATCH_HELD && b->live > 0)
                items[n++] = (struct frame_have){
                    .author = e->set->node[author].id, .id = b->id, .size = b->size};
        }
    }
    if (n > 0) {
        frame_have_encode(&w, items, n);
        sync_send(e, peer, FRAME_HAVE, writer_view(&w));
        writer_free(&w);
    }
}

/* ---- A batch becomes held ---- */

static void batch_send(struct engine *e, int peer, const struct batch *b)
{
    struct writer w = {0};
    struct frame_batch f = {.sig = b->sig, .raw = blob_bytes(b->raw)};

    if (b->author != NO_AUTHOR)
        f.author = e->set->node[b->author].id;
    frame_batch_encode(&w, &f);
    if (peer < 0)
        sync_broadcast(e, FRAME_BATCH, writer_view(&w));
    else
        sync_send(e, peer, FRAME_BATCH, writer_view(&w));
    writer_free(&w);
}

static void batch_hold(struct engine *e, struct batch *b, struct batch_info *info)
{
    b->info = info;
    b->state = BATCH_HELD;
    b->want_at = UINT64_MAX;
    place_link(e, b);
    if (!b->certified && !b->logged) {
        struct payload_record record = {.kind = PAYLOAD_BATCH, .id = b->id};
        outbox_keep(e, &record, b->raw);
        b->logged = true;
    }
    if (!b->certified)
        have_add(e, b);
    bodies_batch_settled(e, b);
}

void engine_on_batch(struct engine *e, const struct crypto_hash *id, struct batch_info *info,
                     const char *why)
{
    struct batch *b = pool_batch(e, id);

    if (b == NULL || b->state != BATCH_CHECKING) {
        free(info);
        return;
    }
    if (info != NULL && (info->n_records > e->registry->limits.block_records ||
                         info->n_signatures > e->registry->limits.block_signatures)) {
        why = "more records or signatures than a block may hold";
        free(info);
        info = NULL;
    }
    if (info != NULL) {
        batch_hold(e, b, info);
    } else {
        char hex[65];
        hex_encode(hex, id->b, sizeof(id->b));
        log_warn("node", "batch refused id=%s peer=%d: %s", hex, b->from, why);
        if (b->from >= 0 && e->peers[b->from].up && e->peers[b->from].set_index == b->author)
            e->peers[b->from].author_of_bad = true;
        b->state = BATCH_BAD;
        blob_release(b->raw);
        b->raw = NULL;
        bodies_batch_settled(e, b);
        if (b->pins == 0)
            batch_remove(e, b);
    }
    engine_settle(e);
}

/* Bytes of a batch that nobody vouches for yet. */
static void batch_take(struct engine *e, struct batch *b, struct bytes raw, int peer)
{
    settle_announcement(e, b);
    b->raw = blob_new(raw);
    b->from = peer;
    b->state = BATCH_CHECKING;
    b->want_at = UINT64_MAX;
    e->w.check_batch(e->w.ctx, &b->id, b->raw);
}

/* The author of a batch frame: its set index where the signature is right, else NO_AUTHOR. */
static int author_of(struct engine *e, const struct frame_batch *f, const struct crypto_hash *id)
{
    struct crypto_hash digest;
    int author = ledger_set_find(e->set, &f->author);

    if (author < 0 || f->raw.size < 2)
        return NO_AUTHOR;
    frame_batch_author_digest(&digest, &e->registry->ledger_id, &f->author, id,
                              get_u16(f->raw.data), (uint32_t)f->raw.size);
    return crypto_verify(&f->sig, &e->set->node[author].node_key, &digest) == ANJU_OK ? author
                                                                                      : NO_AUTHOR;
}

static bool over_quota(const struct engine *e, int author, size_t size)
{
    const struct batch_list *l = &e->lists[author];

    return l->count >= AUTHOR_BATCHES_MAX || l->bytes + size > AUTHOR_BYTES_MAX;
}

bool pool_on_batch_frame(struct engine *e, int peer, struct bytes body)
{
    struct frame_batch f;
    struct crypto_hash id;
    struct batch *b;
    int author;

    if (frame_batch_decode(&f, body) != ANJU_OK || f.raw.size > e->registry->limits.batch_size ||
        f.raw.size < 2)
        return false;
    ledger_batch_id(&id, f.raw, &e->registry->ledger_id);
    b = pool_batch(e, &id);
    if (b != NULL)
        b->holders |= UINT64_C(1) << peer;
    if (b != NULL && b->state != BATCH_WANTED)
        return true;
    author = author_of(e, &f, &id);
    if (author == NO_AUTHOR && (b == NULL || b->pins == 0))
        return true; /* neither signed by a validator nor wanted by a body */
    if ((b == NULL || b->pins == 0) && over_quota(e, author, f.raw.size))
        return true; /* the author is beyond its quota; a body that names it would still fetch it */
    if (b == NULL)
        b = batch_new(e, &id, author, (uint32_t)f.raw.size);
    else
        set_author(e, b, author, (uint32_t)f.raw.size);
    b->sig = f.sig;
    b->holders |= UINT64_C(1) << peer;
    batch_take(e, b, f.raw, peer);
    return true;
}

void pool_put_certified(struct engine *e, struct bytes raw, int peer)
{
    struct crypto_hash id;
    struct batch *b;

    ledger_batch_id(&id, raw, &e->registry->ledger_id);
    b = pool_batch(e, &id);
    if (b == NULL || b->state != BATCH_WANTED)
        return; /* only what a certified body names was asked for */
    set_author(e, b, b->author, (uint32_t)raw.size);
    b->certified = b->author == NO_AUTHOR;
    batch_take(e, b, raw, peer);
}

bool pool_on_have_frame(struct engine *e, int peer, struct bytes body)
{
    struct frame_have items[FRAME_HAVE_MAX];
    uint16_t n;

    if (frame_have_decode(items, &n, body) != ANJU_OK)
        return false;
    for (uint16_t i = 0; i < n; i++) {
        struct batch *b = pool_batch(e, &items[i].id);
        int author = ledger_set_find(e->set, &items[i].author);
        if (author < 0 || items[i].size > e->registry->limits.batch_size)
            continue;
        if (b == NULL) {
            /* Who the author is, is only said here: nobody but the announcer pays for it. */
            if (e->peers[peer].announced >= ANNOUNCED_MAX)
                continue;
            b = batch_new(e, &items[i].id, NO_AUTHOR, 0);
            b->announced_by = peer;
            e->peers[peer].announced++;
        }
        b->holders |= UINT64_C(1) << peer;
        if (b->state == BATCH_WANTED)
            b->want_at = engine_min(b->want_at, e->w.mono_ms(e->w.ctx) + WANT_MS);
    }
    return true;
}

void pool_answer_want(struct engine *e, int peer, const struct frame_want *want)
{
    for (unsigned i = 0; i < want->count; i++) {
        const struct batch *b = pool_batch(e, &want->ids[i]);
        if (b != NULL && b->state == BATCH_HELD)
            batch_send(e, peer, b);
    }
}

void pool_restore(struct engine *e, const struct payload_record *record)
{
    struct crypto_hash id;
    struct batch *b;

    ledger_batch_id(&id, record->data, &e->registry->ledger_id);
    if (!crypto_hash_equal(&id, &record->id) || pool_batch(e, &id) != NULL)
        return;
    /* Whose it was is not kept. It counts as ours: then it is announced, and proposed in our turn.
     */
    b = batch_new(e, &id, e->self_index >= 0 ? e->self_index : NO_AUTHOR,
                  (uint32_t)record->data.size);
    b->logged = true;
    if (b->author != NO_AUTHOR) {
        struct crypto_hash digest;
        frame_batch_author_digest(&digest, &e->registry->ledger_id, &e->config.self, &id,
                                  get_u16(record->data.data), b->size);
        if (crypto_sign(&b->sig, &e->config.secret, &digest) != ANJU_OK)
            b->author = NO_AUTHOR;
    }
    batch_take(e, b, record->data, -1);
}

/* ---- Own batches ---- */

static uint32_t own_open(const struct engine *e)
{
    uint32_t n = 0;

    for (const struct batch *b = e->lists[e->self_index >= 0 ? e->self_index : NO_AUTHOR].first;
         b != NULL; b = b->after)
        n += b->own && b->live > 0;
    return n;
}

/* How many of the waiting envelopes the next batch takes, and whether they fill it. */
static uint32_t next_batch(const struct engine *e, const struct pooled **from, bool *full)
{
    const struct ledger_limits *l = &e->registry->limits;
    uint64_t size = 2, records = 0, signatures = 0;
    uint32_t n = 0;

    *from = NULL;
    *full = false;
    for (const struct pooled *p = e->pool_first; p != NULL; p = p->after) {
        if (p->state != ENVELOPE_WAITING)
            continue;
        size += 4 + p->s->wire->size;
        records += p->s->n_records;
        signatures += p->s->n_signatures;
        if (n > 0 && (size > l->batch_size || records > l->block_records / 4 ||
                      signatures > l->block_signatures / 4 || n == UINT16_MAX)) {
            *full = true;
            return n;
        }
        if (n++ == 0)
            *from = p;
    }
    return n;
}

static void sign_batch(struct engine *e, struct batch *b, uint16_t n)
{
    struct crypto_hash digest;

    frame_batch_author_digest(&digest, &e->registry->ledger_id, &e->config.self, &b->id, n,
                              b->size);
    if (crypto_sign(&b->sig, &e->config.secret, &digest) != ANJU_OK)
        log_error("node", "cannot sign a batch: %s", anju_err_text());
}

static void close_batch(struct engine *e, uint32_t n)
{
    struct bytes *wires = anju_alloc(n * sizeof(*wires));
    struct batch_info *info = anju_alloc(sizeof(*info) + n * sizeof(struct crypto_hash));
    struct writer w = {0};
    struct crypto_hash id;
    struct batch *b;
    uint32_t i = 0;

    for (struct pooled *p = e->pool_first; p != NULL && i < n; p = p->after) {
        if (p->state != ENVELOPE_WAITING)
            continue;
        wires[i] = blob_bytes(p->s->wire);
        info->envelopes[i++] = p->s->id;
        info->n_records += p->s->n_records;
        info->n_signatures += p->s->n_signatures;
        if (p->s->valid_until > info->valid_until_max)
            info->valid_until_max = p->s->valid_until;
        p->state = ENVELOPE_BATCHED;
        e->pool_waiting--;
        e->pool_waiting_bytes -= p->s->wire->size;
    }
    info->n_envelopes = (uint16_t)n;
    ledger_batch_encode(&w, wires, (uint16_t)n);
    ledger_batch_id(&id, writer_view(&w), &e->registry->ledger_id);
    if (pool_batch(e, &id) == NULL) {
        b = batch_new(e, &id, e->self_index >= 0 ? e->self_index : NO_AUTHOR, (uint32_t)w.size);
        b->own = true;
        b->raw = blob_new(writer_view(&w));
        if (e->self_index >= 0)
            sign_batch(e, b, (uint16_t)n);
        if (e->self_index >= 0)
            batch_send(e, -1, b);
        batch_hold(e, b, info);
    } else {
        free(info); /* the same envelopes in the same order came back from another node */
    }
    writer_free(&w);
    free(wires);
}

/* A node that is no validator hands its envelopes to one, and to the next one when they do not
 * commit. */
static void hand_over(struct engine *e, struct batch *b)
{
    for (unsigned i = 0; i < e->set->n; i++) {
        int peer = sync_peer_of(e, (int)(e->handover_next++ % e->set->n));
        if (peer >= 0) {
            sync_send(e, peer, FRAME_HANDOVER, blob_bytes(b->raw));
            break;
        }
    }
    b->made_ms = e->w.mono_ms(e->w.ctx);
}

void pool_close_batches(struct engine *e)
{
    const struct pooled *from;
    bool full;

    while (e->pool_waiting > 0) {
        uint32_t n, open = own_open(e);
        if (open >= AUTHOR_BATCHES_MAX)
            return;
        /* Only what is full leaves while two are under way: then one message carries many. */
        if (open >= OWN_BATCHES_OPEN &&
            e->pool_waiting_bytes + BATCH_OVERHEAD < e->registry->limits.batch_size &&
            e->pool_waiting < e->registry->limits.block_records / 4)
            return;
        n = next_batch(e, &from, &full);
        if (open >= OWN_BATCHES_OPEN && !full)
            return;
        close_batch(e, n);
    }
}

/* ---- Envelopes coming in ---- */

static struct crypto_hash subject_key(const struct ledger_subject_id *id)
{
    struct crypto_hash key = CRYPTO_ZERO_HASH;

    memcpy(key.b, id->b, LEDGER_SUBJECT_SIZE);
    return key;
}

/* How many pending envelopes name a subject; the count lies where the pointer would. */
static void count_subjects(struct engine *e, const struct submission *s, int by)
{
    for (uint32_t i = 0; i < s->n_subjects; i++) {
        struct crypto_hash key = subject_key(&s->subjects[i]);
        intptr_t n = (intptr_t)idmap_get(&e->subjects, &key) + by;
        if (n == 0)
            idmap_remove(&e->subjects, &key);
        else
            idmap_put(&e->subjects, &key, (void *)n);
    }
}

static void pool_link(struct engine *e, struct pooled *p)
{
    p->before = e->pool_last;
    if (e->pool_last != NULL)
        e->pool_last->after = p;
    else
        e->pool_first = p;
    e->pool_last = p;
    e->pool_count++;
    e->pool_bytes += p->s->wire->size;
    idmap_put(&e->pool, &p->s->id, p);
    count_subjects(e, p->s, 1);
}

static void pool_remove(struct engine *e, struct pooled *p)
{
    if (p->before != NULL)
        p->before->after = p->after;
    else
        e->pool_first = p->after;
    if (p->after != NULL)
        p->after->before = p->before;
    else
        e->pool_last = p->before;
    if (p->state == ENVELOPE_WAITING) {
        e->pool_waiting--;
        e->pool_waiting_bytes -= p->s->wire->size;
    }
    e->pool_count--;
    e->pool_bytes -= p->s->wire->size;
    idmap_remove(&e->pool, &p->s->id);
    count_subjects(e, p->s, -1);
    submission_free(p->s);
    free(p->waiters);
    free(p);
}

static void answer_all(struct engine *e, struct pooled *p, const struct rpc_submit_result *result)
{
    for (uint32_t i = 0; i < p->n_waiters; i++)
        e->w.answer(e->w.ctx, p->waiters[i], result);
    p->n_waiters = 0;
}

static void wait_for(struct pooled *p, uint64_t ticket)
{
    if (ticket == 0)
        return;
    p->waiters = anju_realloc(p->waiters, (p->n_waiters + 1) * sizeof(*p->waiters));
    p->waiters[p->n_waiters++] = ticket;
}

void engine_forget(struct engine *e, const struct crypto_hash *id, uint64_t ticket)
{
    struct pooled *p = idmap_get(&e->pool, id);

    for (uint32_t i = 0; p != NULL && i < p->n_waiters; i++) {
        if (p->waiters[i] == ticket)
            p->waiters[i--] = p->waiters[--p->n_waiters];
    }
}

static void answer_busy(struct engine *e, uint64_t ticket, const struct submission *s,
                        const char *hint)
{
    struct rpc_submit_result result = {.state = RPC_SUBMIT_BUSY, .id = s->id};

    snprintf(result.hint, sizeof(result.hint), "%s", hint);
    if (ticket != 0)
        e->w.answer(e->w.ctx, ticket, &result);
}

/* Something that this envelope names is named by one that has not been committed yet: a refusal now
 * would prove nothing. */
static bool names_pending(const struct engine *e, const struct submission *s)
{
    for (uint32_t i = 0; i < s->n_subjects; i++) {
        struct crypto_hash key = subject_key(&s->subjects[i]);
        if (idmap_get(&e->subjects, &key) != NULL)
            return true;
    }
    return false;
}

void engine_submit(struct engine *e, uint64_t ticket, struct submission *s)
{
    struct pooled *p = idmap_get(&e->pool, &s->id);
    uint64_t bytes_max =
        e->config.pool_bytes_max == 0 ? POOL_BYTES_MAX_DEFAULT : e->config.pool_bytes_max;
    bool judge;

    if (p != NULL && bytes_equal(blob_bytes(p->s->wire), blob_bytes(s->wire))) {
        wait_for(p, ticket);
        submission_free(s);
        return;
    }
    if (p != NULL) {
        struct rpc_submit_result result = {.state = RPC_SUBMIT_INVALID, .id = s->id};
        snprintf(result.hint, sizeof(result.hint),
                 "the same envelope with another signature is pending: send the first one again");
        if (ticket != 0)
            e->w.answer(e->w.ctx, ticket, &result);
        submission_free(s);
        return;
    }
    if (e->refuse_hint[0] != '\0' || e->pool_bytes + s->wire->size > bytes_max || e->log_full) {
        answer_busy(e, ticket, s,
                    e->refuse_hint[0] != '\0' ? e->refuse_hint
                                              : "the pool is full: try again in a second");
        submission_free(s);
        return;
    }
    judge = !names_pending(e, s);
    p = anju_alloc(sizeof(*p));
    *p = (struct pooled){.s = s, .state = ENVELOPE_CHECKING};
    pool_link(e, p);
    wait_for(p, ticket);
    e->w.check_envelope(e->w.ctx, &s->id, s->wire, judge);
}

void engine_on_envelope(struct engine *e, const struct crypto_hash *id,
                        const struct check_verdict *verdict)
{
    struct pooled *p = idmap_get(&e->pool, id);

    if (p == NULL || p->state != ENVELOPE_CHECKING)
        return; /* committed in another node's batch while it was being checked */
    if (!verdict->good) {
        e->counters.envelopes_refused++;
        answer_all(e, p, &verdict->result);
        pool_remove(e, p);
        engine_settle(e);
        return;
    }
    e->counters.envelopes_taken++;
    p->state = ENVELOPE_WAITING;
    e->pool_waiting++;
    e->pool_waiting_bytes += p->s->wire->size;
    engine_settle(e);
}

bool pool_on_handover_frame(struct engine *e, int peer, struct bytes body)
{
    struct arena a = {0};
    struct ledger_batch batch;
    bool fine = body.size <= e->registry->limits.batch_size &&
                ledger_batch_decode(&batch, body, &e->registry->ledger_id, &a) == ANJU_OK;

    for (unsigned i = 0; fine && i < batch.n_envelopes && e->self_index >= 0; i++) {
        struct rpc_submit_result refusal;
        struct submission *s = submission_new(batch.envelopes[i], e->registry, &refusal);
        if (s == NULL) {
            log_warn("node", "peer=%d handed over an envelope that is malformed: %s", peer,
                     refusal.hint);
            break;
        }
        engine_submit(e, 0, s);
    }
    arena_free(&a);
    return fine;
}

void engine_refuse(struct engine *e, const char *hint)
{
    snprintf(e->refuse_hint, sizeof(e->refuse_hint), "%s", hint);
}

/* ---- Proposing and committing ---- */

bool pool_has_live(const struct engine *e)
{
    return e->live_batches > 0;
}

uint16_t pool_choose(struct engine *e, struct batch **out, uint16_t max)
{
    const struct ledger_limits *l = &e->registry->limits;
    uint64_t bytes = 0, records = 0, signatures = 0;
    struct batch *at[LEDGER_SET_MAX + 1];
    unsigned authors = e->set->n + 1u, idle = 0;
    uint16_t n = 0;

    for (unsigned i = 0; i < authors; i++)
        at[i] = e->lists[i < e->set->n ? i : NO_AUTHOR].first;
    for (unsigned turn = e->next_author; idle < authors && n < max; turn++) {
        struct batch **b = &at[turn % authors];
        while (*b != NULL && ((*b)->state != BATCH_HELD || (*b)->live == 0 || (*b)->certified))
            *b = (*b)->after;
        if (*b == NULL || bytes + (*b)->raw->size > l->block_size ||
            records + (*b)->info->n_records > l->block_records ||
            signatures + (*b)->info->n_signatures > l->block_signatures) {
            idle++;
            continue;
        }
        idle = 0;
        bytes += (*b)->raw->size;
        records += (*b)->info->n_records;
        signatures += (*b)->info->n_signatures;
        out[n++] = *b;
        *b = (*b)->after;
    }
    e->next_author = (e->next_author + 1) % authors;
    return n;
}

static void settle_outcome(struct engine *e, const struct engine_outcome *o)
{
    struct pooled *p = idmap_get(&e->pool, &o->id);
    struct rpc_submit_result result = {.state =
                                           o->n > 0 ? RPC_SUBMIT_COMMITTED : RPC_SUBMIT_SKIPPED,
                                       .id = o->id,
                                       .outcome = o->outcome,
                                       .height = o->height,
                                       .first_seq = o->first_seq,
                                       .n = o->n,
                                       .failing_index = o->failing_index,
                                       .other = o->other};

    for (struct place *at = idmap_get(&e->places, &o->id); at != NULL; at = at->next)
        place_die(e, at);
    if (p == NULL)
        return;
    answer_all(e, p, &result);
    pool_remove(e, p);
}

/* Batches without a live envelope go, but not those that a body of this height names. */
static void drop_dead(struct engine *e, bool expired_too)
{
    for (unsigned i = 0; i <= NO_AUTHOR; i++) {
        struct batch *next;
        for (struct batch *b = e->lists[i].first; b != NULL; b = next) {
            next = b->after;
            if (b->state != BATCH_HELD || b->pins > 0 || b->certified)
                continue;
            if (b->live == 0 || (expired_too && b->info->valid_until_max <= e->tip.time_ms))
                batch_remove(e, b);
        }
    }
}

void pool_committed(struct engine *e, const struct engine_committed *c,
                    const struct frame_compact *compact)
{
    for (size_t i = 0; i < c->n_outcomes; i++)
        settle_outcome(e, &c->outcomes[i]);
    for (unsigned i = 0; i < compact->header.n_batches; i++) {
        struct crypto_hash id = frame_compact_id(compact, i);
        struct batch *b = pool_batch(e, &id);
        for (uint32_t k = 0; b != NULL && b->places != NULL && k < b->info->n_envelopes; k++)
            place_die(e, &b->places[k]);
        if (b != NULL && b->pins == 0)
            batch_remove(e, b);
    }
    drop_dead(e, false);
}

/* ---- Time ---- */

static void want_batch(struct engine *e, struct batch *b, uint64_t now)
{
    struct frame_want want = {.kind = FRAME_WANT_BATCHES, .count = 1};
    struct writer w = {0};
    uint64_t ask = b->holders;

    /* One holder, then others; where nobody has announced it, whoever is there. */
    if (ask == 0) {
        for (int i = 0; i < ENGINE_PEERS_MAX; i++)
            ask |= e->peers[i].up ? UINT64_C(1) << i : 0;
    }
    for (unsigned i = 0; i < ENGINE_PEERS_MAX; i++) {
        unsigned peer = (b->want_tries + i) % ENGINE_PEERS_MAX;
        if ((ask >> peer & 1) != 0 && e->peers[peer].up) {
            want.ids[0] = b->id;
            frame_want_encode(&w, &want);
            sync_send(e, (int)peer, FRAME_WANT, writer_view(&w));
            writer_free(&w);
            b->want_tries = peer + 1;
            break;
        }
    }
    b->want_at = now + WANT_MS;
}

static void sweep(struct engine *e, uint64_t now)
{
    e->sweep_at = now + SWEEP_MS;
    drop_dead(e, true);
    for (unsigned i = 0; i <= NO_AUTHOR; i++) {
        struct batch *next;
        for (struct batch *b = e->lists[i].first; b != NULL; b = next) {
            next = b->after;
            if ((b->state == BATCH_WANTED || (b->state == BATCH_HELD && b->certified)) &&
                b->pins == 0 && now - b->made_ms > FORGET_MS)
                batch_remove(e,
                             b); /* announced and never sent, or of a block that came another way */
            else if (b->own && e->self_index < 0 && b->live > 0 && now - b->made_ms >= HANDOVER_MS)
                hand_over(e, b);
        }
    }
    /* What expired while it waited here: the block's time has passed it for good. */
    struct pooled *next;
    for (struct pooled *p = e->pool_first; p != NULL; p = next) {
        next = p->after;
        if (p->s->valid_until <= e->tip.time_ms && p->state != ENVELOPE_CHECKING) {
            struct rpc_submit_result result = {
                .state = RPC_SUBMIT_SKIPPED, .id = p->s->id, .outcome = LEDGER_SKIP_EXPIRED};
            answer_all(e, p, &result);
            pool_remove(e, p);
        }
    }
}

void pool_tick(struct engine *e, uint64_t now)
{
    if (now >= e->have_at)
        have_flush(e);
    for (unsigned i = 0; i <= NO_AUTHOR; i++) {
        for (struct batch *b = e->lists[i].first; b != NULL; b = b->after) {
            if (b->state == BATCH_WANTED && now >= b->want_at)
                want_batch(e, b, now);
            if (b->own && e->self_index < 0 && !b->handed) {
                b->handed = true;
                hand_over(e, b);
            }
        }
    }
    if (now >= e->sweep_at)
        sweep(e, now);
}

uint64_t pool_deadline(const struct engine *e)
{
    uint64_t at = engine_min(e->have_at, e->sweep_at);

    for (unsigned i = 0; i <= NO_AUTHOR; i++) {
        for (const struct batch *b = e->lists[i].first; b != NULL; b = b->after) {
            at = engine_min(at, b->want_at);
            if (b->own && e->self_index < 0 && !b->handed)
                at = 0;
        }
    }
    return at;
}

void pool_free(struct engine *e)
{
    for (unsigned i = 0; i <= NO_AUTHOR; i++) {
        while (e->lists[i].first != NULL) {
            struct batch *b = e->lists[i].first;
            b->pins = 0;
            b->logged = false; /* it stays in the payload log for the next start */
            batch_remove(e, b);
        }
    }
    while (e->pool_first != NULL)
        pool_remove(e, e->pool_first);
    idmap_free(&e->batches);
    idmap_free(&e->places);
    idmap_free(&e->pool);
    idmap_free(&e->subjects);
}
