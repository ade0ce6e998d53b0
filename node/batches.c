/*
 * batches: envelopes packed by one validator, from all of them: announced, fetched, checked, held,
 * and let go when nothing in them is live (docs/consensus.md, "Dissemination").
 */
#include "node/engine_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum {
    FORGET_MS = 60000,
    WANT_DOUBLINGS = 4,       /* of WANT_MS, when everybody was asked in vain */
    WANT_DOUBLINGS_NAMED = 2, /* where a body names the batch */
};

struct batch *batches_find(struct engine *e, const struct crypto_hash *id)
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

struct batch *batches_new(struct engine *e, const struct crypto_hash *id, int author, uint32_t size)
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

struct batch *batches_named(struct engine *e, const struct crypto_hash *id, uint64_t want_in_ms)
{
    struct batch *b = batches_find(e, id);

    if (b == NULL)
        b = batches_new(e, id, NO_AUTHOR, 0);
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

void batches_unpin(struct engine *e, struct batch *b)
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

/* Somebody else who says that it has the batch, and may say so of one more. */
static bool announced_by_another(struct engine *e, struct batch *b)
{
    for (int i = 0; i < ENGINE_PEERS_MAX; i++) {
        struct engine_peer *p = &e->peers[i];
        if ((b->holders >> i & 1) == 0 || !p->up || p->announced >= ANNOUNCED_MAX)
            continue;
        b->announced_by = i;
        p->announced++;
        return true;
    }
    return false;
}

/* What only it announced is forgotten: nobody else would be asked for that in vain, and it may
 * announce as much again when it comes back. */
void batches_peer_down(struct engine *e, int peer)
{
    for (unsigned i = 0; i <= NO_AUTHOR; i++) {
        struct batch *next;
        for (struct batch *b = e->lists[i].first; b != NULL; b = next) {
            next = b->after;
            b->holders &= ~(UINT64_C(1) << peer);
            if (b->announced_by != peer)
                continue;
            b->announced_by = -1;
            if (!announced_by_another(e, b) && b->state == BATCH_WANTED && b->pins == 0)
                batch_remove(e, b);
        }
    }
}

void batches_peer_up(struct engine *e, int peer)
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

void batches_send(struct engine *e, int peer, const struct batch *b)
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

void batches_log(struct engine *e, struct batch *b)
{
    struct payload_record record = {.kind = PAYLOAD_BATCH, .id = b->id};

    if (b->logged)
        return;
    outbox_keep(e, &record, b->raw);
    b->logged = true;
}

void batches_hold(struct engine *e, struct batch *b, struct batch_info *info)
{
    b->info = info;
    b->state = BATCH_HELD;
    b->want_at = UINT64_MAX;
    place_link(e, b);
    if (!b->certified)
        batches_log(e, b);
    if (!b->certified)
        have_add(e, b);
    bodies_batch_settled(e, b);
}

void engine_on_batch(struct engine *e, const struct crypto_hash *id, struct batch_info *info,
                     const char *why)
{
    struct batch *b = batches_find(e, id);

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
        batches_hold(e, b, info);
    } else {
        char hex[65];
        hex_encode(hex, id->b, sizeof(id->b));
        log_warn("node", "batch refused id=%s peer=%d: %s", hex, b->from, why);
        if (b->from >= 0 && e->peers[b->from].up && e->peers[b->from].set_index == b->author)
            e->peers[b->from].author_of_bad = true;
        b->state = BATCH_BAD;
        blob_release(b->raw);
        b->raw = NULL;
        b->pins++; /* bodies let go of it in there */
        bodies_batch_settled(e, b);
        batches_unpin(e, b);
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

/* The author of a batch frame: its set index, or NO_AUTHOR. False: it is said to be a validator's,
 * and the signature is not. Nobody passes such a batch on, and looking at many would cost time. */
static bool author_of(struct engine *e, int *author, const struct frame_batch *f,
                      const struct crypto_hash *id)
{
    struct crypto_hash digest;

    *author = ledger_set_find(e->set, &f->author);
    if (*author < 0) {
        *author = NO_AUTHOR;
        return true;
    }
    frame_batch_author_digest(&digest, &e->registry->ledger_id, &f->author, id,
                              get_u16(f->raw.data), (uint32_t)f->raw.size);
    return crypto_verify(&f->sig, &e->set->node[*author].node_key, &digest) == ANJU_OK;
}

/* It came late, or again: what is in it has taken effect. Only a block that names it can want it.
 */
static bool is_done(const struct engine *e, const struct crypto_hash *id)
{
    return idmap_get(&e->done, id) != NULL;
}

static void remember_done(struct engine *e, const struct crypto_hash *id)
{
    struct crypto_hash *slot = &e->done_ids[e->done_next++ % DONE_MAX];

    if (is_done(e, id))
        return;
    if (!crypto_hash_is_zero(slot))
        idmap_remove(&e->done, slot);
    *slot = *id;
    idmap_put(&e->done, id, slot);
}

static bool over_quota(const struct engine *e, int author, size_t size)
{
    const struct batch_list *l = &e->lists[author];

    return l->count >= AUTHOR_BATCHES_MAX || l->bytes + size > AUTHOR_BYTES_MAX;
}

bool batches_on_batch_frame(struct engine *e, int peer, struct bytes body)
{
    struct frame_batch f;
    struct crypto_hash id;
    struct batch *b;
    int author;

    if (frame_batch_decode(&f, body) != ANJU_OK || f.raw.size > e->registry->limits.batch_size ||
        f.raw.size < 2)
        return false;
    ledger_batch_id(&id, f.raw, &e->registry->ledger_id);
    b = batches_find(e, &id);
    if (b != NULL)
        b->holders |= UINT64_C(1) << peer;
    if (b != NULL && b->state != BATCH_WANTED)
        return true;
    if ((b == NULL || b->pins == 0) && is_done(e, &id))
        return true;
    if (!author_of(e, &author, &f, &id))
        return false;
    if (author == NO_AUTHOR && (b == NULL || b->pins == 0))
        return true; /* neither signed by a validator nor wanted by a body */
    if ((b == NULL || b->pins == 0) && over_quota(e, author, f.raw.size))
        return true; /* the author is beyond its quota; a body that names it would still fetch it */
    if (b == NULL)
        b = batches_new(e, &id, author, (uint32_t)f.raw.size);
    else
        set_author(e, b, author, (uint32_t)f.raw.size);
    b->sig = f.sig;
    b->holders |= UINT64_C(1) << peer;
    batch_take(e, b, f.raw, peer);
    return true;
}

void batches_put_certified(struct engine *e, struct bytes raw, int peer)
{
    struct crypto_hash id;
    struct batch *b;

    ledger_batch_id(&id, raw, &e->registry->ledger_id);
    b = batches_find(e, &id);
    if (b == NULL || b->state != BATCH_WANTED)
        return; /* only what a certified body names was asked for */
    set_author(e, b, b->author, (uint32_t)raw.size);
    b->certified = b->author == NO_AUTHOR;
    batch_take(e, b, raw, peer);
}

bool batches_on_have_frame(struct engine *e, int peer, struct bytes body)
{
    struct frame_have items[FRAME_HAVE_MAX];
    uint16_t n;

    if (frame_have_decode(items, &n, body) != ANJU_OK)
        return false;
    for (uint16_t i = 0; i < n; i++) {
        struct batch *b = batches_find(e, &items[i].id);
        int author = ledger_set_find(e->set, &items[i].author);
        if (author < 0 || items[i].size > e->registry->limits.batch_size ||
            is_done(e, &items[i].id))
            continue;
        if (b == NULL) {
            /* Who the author is, is only said here: nobody but the announcer pays for it. */
            if (e->peers[peer].announced >= ANNOUNCED_MAX)
                continue;
            b = batches_new(e, &items[i].id, NO_AUTHOR, 0);
            b->announced_by = peer;
            e->peers[peer].announced++;
        }
        if (b->state == BATCH_WANTED && (b->holders >> peer & 1) == 0)
            b->want_at = engine_min(b->want_at, e->w.mono_ms(e->w.ctx) + WANT_MS);
        b->holders |= UINT64_C(1) << peer;
    }
    return true;
}

void batches_answer_want(struct engine *e, int peer, const struct frame_want *want)
{
    for (unsigned i = 0; i < want->count; i++) {
        const struct batch *b = batches_find(e, &want->ids[i]);
        if (b != NULL && b->state == BATCH_HELD)
            batches_send(e, peer, b);
    }
}

void batches_restore(struct engine *e, const struct payload_record *record)
{
    struct crypto_hash id;
    struct batch *b;

    ledger_batch_id(&id, record->data, &e->registry->ledger_id);
    if (!crypto_hash_equal(&id, &record->id) || batches_find(e, &id) != NULL)
        return;
    /* Whose it was is not kept. It counts as ours: then it is announced, and proposed in our turn.
     */
    b = batches_new(e, &id, e->self_index >= 0 ? e->self_index : NO_AUTHOR,
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

/* ---- Proposing and committing ---- */

bool batches_have_live(const struct engine *e)
{
    return e->live_batches > 0;
}

static bool is_for_a_block(const struct batch *b)
{
    return b->state == BATCH_HELD && b->live > 0 && !b->certified;
}

uint16_t batches_choose(struct engine *e, struct batch **out, uint16_t max)
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
        while (*b != NULL && !is_for_a_block(*b) && (*b)->state != BATCH_CHECKING)
            *b = (*b)->after;
        /* One that is still being checked holds up those that its author sent after it: what acts
         * on a subject must not overtake what created it. */
        if (*b == NULL || (*b)->state == BATCH_CHECKING ||
            bytes + (*b)->raw->size > l->block_size ||
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

/* ---- Time ---- */

/* One holder, then the others; then, where nobody has announced it or a body names it, whoever is
 * there: who says that it has a batch need not send it, and others may have it by now. */
static uint64_t peers_to_ask(const struct engine *e, struct batch *b)
{
    uint64_t there = 0, holders;

    for (unsigned i = 0; i < ENGINE_PEERS_MAX; i++)
        there |= e->peers[i].up ? UINT64_C(1) << i : 0;
    holders = b->holders & there;
    if ((holders & ~b->asked) != 0)
        return holders & ~b->asked;
    if ((holders == 0 || b->pins > 0) && (there & ~b->asked) != 0)
        return there & ~b->asked;
    b->asked = 0;
    return holders != 0 ? holders : there;
}

/* Whom to ask for it now, or -1. When all were asked in vain they are asked again ever more rarely:
 * what nobody has must not use up what peers listen to. */
static int ask_whom(struct engine *e, struct batch *b, uint64_t now)
{
    uint64_t ask = peers_to_ask(e, b);
    unsigned doublings = b->pins > 0 ? WANT_DOUBLINGS_NAMED : WANT_DOUBLINGS;

    if (b->asked != 0 || ask == 0)
        doublings = 0;
    else if (b->want_turns < doublings)
        doublings = b->want_turns++;
    b->want_at = now + ((uint64_t)WANT_MS << doublings);
    for (unsigned i = 0; i < ENGINE_PEERS_MAX; i++) {
        unsigned peer = (b->want_tries + i) % ENGINE_PEERS_MAX;
        if ((ask >> peer & 1) == 0)
            continue;
        b->want_tries = peer + 1;
        b->asked |= UINT64_C(1) << peer;
        return (int)peer;
    }
    return -1;
}

static void send_wants(struct engine *e, int peer, struct frame_want *want)
{
    struct writer w = {0};

    if (want->count == 0)
        return;
    want->kind = FRAME_WANT_BATCHES;
    frame_want_encode(&w, want);
    sync_send(e, peer, FRAME_WANT, writer_view(&w));
    writer_free(&w);
    want->count = 0;
}

void batches_sweep(struct engine *e, uint64_t now)
{
    drop_dead(e, true);
    for (unsigned i = 0; i <= NO_AUTHOR; i++) {
        struct batch *next;
        for (struct batch *b = e->lists[i].first; b != NULL; b = next) {
            bool of_a_block = b->state == BATCH_HELD && b->certified;
            next = b->after;
            /* Announced and never sent, or of a block that came another way. */
            if ((b->state == BATCH_WANTED || of_a_block) && b->pins == 0 &&
                now - b->made_ms > FORGET_MS)
                batch_remove(e, b);
        }
    }
}

/* One frame asks a peer for many. */
static void want_batches(struct engine *e, uint64_t now)
{
    struct frame_want want[ENGINE_PEERS_MAX];

    for (int i = 0; i < ENGINE_PEERS_MAX; i++)
        want[i].count = 0;
    for (unsigned i = 0; i <= NO_AUTHOR; i++) {
        for (struct batch *b = e->lists[i].first; b != NULL; b = b->after) {
            int peer = b->state == BATCH_WANTED && now >= b->want_at ? ask_whom(e, b, now) : -1;
            if (peer < 0)
                continue;
            want[peer].ids[want[peer].count++] = b->id;
            if (want[peer].count == FRAME_WANT_IDS_MAX)
                send_wants(e, peer, &want[peer]);
        }
    }
    for (int i = 0; i < ENGINE_PEERS_MAX; i++)
        send_wants(e, i, &want[i]);
}

void batches_tick(struct engine *e, uint64_t now)
{
    if (now >= e->have_at)
        have_flush(e);
    want_batches(e, now);
}

uint64_t batches_deadline(const struct engine *e)
{
    uint64_t at = e->have_at;

    for (unsigned i = 0; i <= NO_AUTHOR; i++) {
        for (const struct batch *b = e->lists[i].first; b != NULL; b = b->after)
            at = engine_min(at, b->want_at);
    }
    return at;
}

void batches_committed(struct engine *e, const struct frame_compact *compact)
{
    for (unsigned i = 0; i < compact->header.n_batches; i++) {
        struct crypto_hash id = frame_compact_id(compact, i);
        struct batch *b = batches_find(e, &id);
        remember_done(e, &id);
        for (uint32_t k = 0; b != NULL && b->places != NULL && k < b->info->n_envelopes; k++)
            place_die(e, &b->places[k]);
        if (b != NULL && b->pins == 0)
            batch_remove(e, b);
    }
    drop_dead(e, false);
}

void batches_envelope_settled(struct engine *e, const struct crypto_hash *envelope)
{
    for (struct place *at = idmap_get(&e->places, envelope); at != NULL; at = at->next)
        place_die(e, at);
}

void batches_free(struct engine *e)
{
    for (unsigned i = 0; i <= NO_AUTHOR; i++) {
        while (e->lists[i].first != NULL) {
            struct batch *b = e->lists[i].first;
            b->pins = 0;
            b->logged = false; /* it stays in the payload log for the next start */
            batch_remove(e, b);
        }
    }
    idmap_free(&e->batches);
    idmap_free(&e->done);
    idmap_free(&e->places);
}
