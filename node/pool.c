/*
 * pool: envelopes on their way in through this node, until they are settled, and the batches that
 * it makes of them (docs/consensus.md, "Dissemination").
 */
#include "node/engine_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define POOL_BYTES_MAX_DEFAULT (UINT64_C(64) << 20)
#define SWEEP_MS 5000
#define BATCH_OVERHEAD 6 /* count and one length */

/* ---- Own batches ---- */

static uint32_t own_open(const struct engine *e)
{
    uint32_t n = 0;

    for (const struct batch *b = e->lists[e->self_index >= 0 ? e->self_index : NO_AUTHOR].first;
         b != NULL; b = b->after)
        n += b->own && b->live > 0;
    return n;
}

/* How many of the waiting envelopes the next batch takes, and whether they fill it. Envelopes leave
 * in the order in which they came, so that what acts on a subject does not overtake what created
 * it: one that is still being checked holds up those behind it. */
static uint32_t next_batch(const struct engine *e, bool *full)
{
    const struct ledger_limits *l = &e->registry->limits;
    uint64_t size = 2, records = 0, signatures = 0;
    uint32_t n = 0;

    *full = false;
    for (const struct pooled *p = e->pool_first; p != NULL; p = p->after) {
        if (p->state == ENVELOPE_CHECKING)
            break;
        if (p->state == ENVELOPE_BATCHED)
            continue;
        size += 4 + p->s->wire->size;
        records += p->s->n_records;
        signatures += p->s->n_signatures;
        if (n > 0 && (size > l->batch_size || records > l->block_records / 4 ||
                      signatures > l->block_signatures / 4 || n == UINT16_MAX)) {
            *full = true;
            return n;
        }
        n++;
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
    if (batches_find(e, &id) == NULL) {
        b = batches_new(e, &id, e->self_index >= 0 ? e->self_index : NO_AUTHOR, (uint32_t)w.size);
        b->own = true;
        b->raw = blob_new(writer_view(&w));
        if (e->self_index >= 0)
            sign_batch(e, b, (uint16_t)n);
        if (e->self_index >= 0)
            batches_send(e, -1, b);
        batches_hold(e, b, info);
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
    b->hand_at = e->w.mono_ms(e->w.ctx) + HANDOVER_MS;
}

void pool_close_batches(struct engine *e)
{
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
        n = next_batch(e, &full);
        if (n == 0 || (open >= OWN_BATCHES_OPEN && !full))
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

/* A validator makes batches itself: it has nothing to hand over. */
bool pool_on_handover_frame(struct engine *e, int peer, struct bytes body)
{
    struct arena a = {0};
    struct ledger_batch batch;
    bool fine = e->peers[peer].set_index < 0 && body.size <= e->registry->limits.batch_size &&
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

/* ---- Settled ---- */

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

    batches_envelope_settled(e, &o->id);
    if (p == NULL)
        return;
    answer_all(e, p, &result);
    pool_remove(e, p);
}

void pool_committed(struct engine *e, const struct engine_committed *c)
{
    for (size_t i = 0; i < c->n_outcomes; i++)
        settle_outcome(e, &c->outcomes[i]);
}

/* What expired while it waited here: the block's time has passed it for good. */
static void drop_expired(struct engine *e)
{
    struct pooled *next;

    for (struct pooled *p = e->pool_first; p != NULL; p = next) {
        struct rpc_submit_result result = {
            .state = RPC_SUBMIT_SKIPPED, .id = p->s->id, .outcome = LEDGER_SKIP_EXPIRED};
        next = p->after;
        if (p->s->valid_until > e->tip.time_ms || p->state == ENVELOPE_CHECKING)
            continue;
        answer_all(e, p, &result);
        pool_remove(e, p);
    }
}

void pool_tick(struct engine *e, uint64_t now)
{
    if (now >= e->sweep_at) {
        e->sweep_at = now + SWEEP_MS;
        batches_sweep(e, now);
        drop_expired(e);
    }
    if (e->self_index >= 0)
        return;
    for (struct batch *b = e->lists[NO_AUTHOR].first; b != NULL; b = b->after) {
        if (b->own && b->live > 0 && now >= b->hand_at)
            hand_over(e, b);
    }
}

uint64_t pool_deadline(const struct engine *e)
{
    uint64_t at = e->sweep_at;

    if (e->self_index >= 0)
        return at;
    for (const struct batch *b = e->lists[NO_AUTHOR].first; b != NULL; b = b->after) {
        if (b->own && b->live > 0)
            at = engine_min(at, b->hand_at);
    }
    return at;
}

void pool_free(struct engine *e)
{
    while (e->pool_first != NULL)
        pool_remove(e, e->pool_first);
    idmap_free(&e->pool);
    idmap_free(&e->subjects);
}
