/*
 * sync: what other nodes say about agreement, and catching up (docs/consensus.md, "Catch-up" and
 * "Re-send layer"). A claim of height counts only with its commit certificate; a laggard is
 * answered with the block that it lacks; a block fetched goes through the same rules as one voted
 * on.
 */
#include "node/engine_state.h"

#include <string.h>

#include "base/log.h"

int sync_peer_of(const struct engine *e, int set_index)
{
    for (int i = 0; i < ENGINE_PEERS_MAX; i++) {
        if (e->peers[i].up && e->peers[i].set_index == set_index)
            return i;
    }
    return -1;
}

void sync_send(struct engine *e, int peer, enum frame_type type, struct bytes body)
{
    if (e->peers[peer].up)
        (void)e->w.send(e->w.ctx, peer, type, body); /* what is lost is said again */
}

void sync_broadcast(struct engine *e, enum frame_type type, struct bytes body)
{
    for (int i = 0; i < ENGINE_PEERS_MAX; i++)
        sync_send(e, i, type, body);
}

void sync_status_to(struct engine *e, int peer)
{
    struct consensus_status core;
    struct frame_status s = {.height = e->height, .time_ms = e->w.wall_ms(e->w.ctx)};
    struct writer w = {0};

    consensus_status(&core, e->core);
    s.round = core.round;
    s.step = (uint8_t)core.step;
    s.flags = doubt_may_sign(e) ? FRAME_STATUS_VOTES : 0;
    frame_status_encode(&w, &s);
    if (peer < 0)
        sync_broadcast(e, FRAME_STATUS, writer_view(&w));
    else
        sync_send(e, peer, FRAME_STATUS, writer_view(&w));
    writer_free(&w);
}

/* ---- Serving ---- */

enum { TAG_PEER = 0xffff, TAG_HEAD_ONLY = 1 << 16, TAG_PICKED = 1 << 17 };

/* tag: peer in the low 32 bits with how, indexes wanted in the high 32 for a pick (first index). */
static void read_for(struct engine *e, int peer, uint64_t height, uint32_t how, uint64_t pick)
{
    if (e->peers[peer].reads >= 2 * FRAME_WANT_BLOCKS_MAX)
        return;
    e->peers[peer].reads++;
    e->w.read_block(e->w.ctx, height, pick << 32 | how | (uint32_t)peer);
}

void sync_answer_laggard(struct engine *e, int peer, uint64_t height)
{
    uint64_t now = e->w.mono_ms(e->w.ctx);

    if (height == 0 || height >= e->height || now < e->peers[peer].answered_ms + LAGGARD_MS)
        return;
    e->peers[peer].answered_ms = now;
    read_for(e, peer, height, TAG_HEAD_ONLY, 0);
}

static void send_block_batch(struct engine *e, int peer, uint64_t height, uint16_t index,
                             struct bytes raw)
{
    struct writer w = {0};

    frame_block_batch_encode(
        &w, &(struct frame_block_batch){.height = height, .index = index, .raw = raw});
    sync_send(e, peer, FRAME_BLOCK_BATCH, writer_view(&w));
    writer_free(&w);
}

/* The stored block has its batches one after the other behind header, ids and certificate. */
static void serve(struct engine *e, int peer, uint64_t height, uint32_t how, uint32_t pick,
                  struct bytes block, struct bytes certificate)
{
    struct reader r = reader_over(block);
    struct frame_compact c = {.ids = {NULL, 0}};
    struct writer w = {0};

    if (ledger_header_decode(&c.header, reader_take(&r, LEDGER_HEADER_SIZE)) != ANJU_OK)
        return;
    c.ids = reader_take(&r, (size_t)c.header.n_batches * CRYPTO_HASH_SIZE);
    c.certificate = reader_take_u32(&r, LEDGER_CERTIFICATE_SIZE_MAX);
    if (r.failed)
        return;
    if ((how & TAG_PICKED) == 0) {
        frame_block_encode(&w, certificate, &c);
        sync_send(e, peer, FRAME_BLOCK, writer_view(&w));
        writer_free(&w);
    }
    for (unsigned i = 0; i < c.header.n_batches && (how & TAG_HEAD_ONLY) == 0; i++) {
        struct bytes raw = reader_take_u32(&r, FRAME_SIZE_CAP);
        if (r.failed)
            return;
        /* A pick names its first index; sixteen from there on are what one WANT may ask for. */
        if ((how & TAG_PICKED) == 0 || (i >= pick && i < pick + FRAME_WANT_IDS_MAX))
            send_block_batch(e, peer, height, (uint16_t)i, raw);
    }
}

void engine_on_block(struct engine *e, uint64_t tag, uint64_t height, struct bytes block,
                     struct bytes certificate)
{
    uint32_t how = (uint32_t)tag & (TAG_HEAD_ONLY | TAG_PICKED);
    int peer = (int)(tag & TAG_PEER);

    if (e->peers[peer].reads > 0)
        e->peers[peer].reads--;
    if (block.size > 0 && e->peers[peer].up)
        serve(e, peer, height, how, (uint32_t)(tag >> 32), block, certificate);
}

bool sync_on_want_frame(struct engine *e, int peer, struct bytes body)
{
    struct frame_want want;

    if (frame_want_decode(&want, body) != ANJU_OK)
        return false;
    switch (want.kind) {
    case FRAME_WANT_BATCHES:
        batches_answer_want(e, peer, &want);
        break;
    case FRAME_WANT_BODY: {
        const struct body *b = bodies_find(e, &want.ids[0]);
        if (b != NULL && b->compact != NULL)
            sync_send(e, peer, FRAME_BODY, blob_bytes(b->compact));
        break;
    }
    case FRAME_WANT_BLOCKS:
        for (unsigned i = 0; i < want.count && want.height + i < e->height && want.height > 0; i++)
            read_for(e, peer, want.height + i, 0, 0);
        break;
    case FRAME_WANT_BLOCK_BATCHES:
        if (want.height > 0 && want.height < e->height)
            read_for(e, peer, want.height, TAG_PICKED, want.index[0]);
        break;
    }
    return true;
}

/* ---- Catching up ---- */

static struct ahead *ahead_at(struct engine *e, uint64_t height)
{
    return &e->ahead[height % SYNC_WINDOW];
}

static void ahead_clear(struct ahead *a)
{
    blob_release(a->certificate);
    blob_release(a->compact);
    *a = (struct ahead){.height = 0};
}

/* Whoever was asked for the very next block takes its time, maybe on purpose: each block that it
 * sends keeps its request open. Then another one is asked as well. */
static bool is_held_up(const struct engine *e, uint64_t now)
{
    return e->ahead[e->height % SYNC_WINDOW].height != e->height &&
           now >= e->committed_mono_ms + SYNC_SLOW_MS && now >= e->sync_hedged_ms + SYNC_SLOW_MS;
}

/* Blocks h .. h + window - 1 that nobody was asked for yet. */
static void ask_for_blocks(struct engine *e)
{
    uint64_t now = e->w.mono_ms(e->w.ctx), from = e->height;
    unsigned open = 0, open_max = SYNC_PEERS;

    for (int i = 0; i < ENGINE_PEERS_MAX; i++) {
        struct engine_peer *p = &e->peers[i];
        if (p->sync_from != 0 && p->up && now >= p->sync_deadline)
            p->sync_shunned_until = now + SYNC_SHUN_MS; /* it claims what it does not send */
        if (p->sync_from != 0 && (!p->up || now >= p->sync_deadline))
            p->sync_from = 0;
        open += p->sync_from != 0;
        if (p->sync_from != 0 && p->sync_from + p->sync_left > from)
            from = p->sync_from + p->sync_left;
    }
    if (open > 0 && is_held_up(e, now)) {
        e->sync_hedged_ms = now;
        from = e->height;
        open_max = open + 1;
    }
    while (ahead_at(e, from)->height == from && from < e->height + SYNC_WINDOW)
        from++;
    e->sync_turn = (e->sync_turn + 1) % ENGINE_PEERS_MAX;
    for (int turn = 0; turn < ENGINE_PEERS_MAX && open < open_max; turn++) {
        int i = (e->sync_turn + turn) % ENGINE_PEERS_MAX;
        struct engine_peer *p = &e->peers[i];
        struct frame_want want = {.kind = FRAME_WANT_BLOCKS, .height = from};
        struct writer w = {0};
        uint64_t count = engine_min(FRAME_WANT_BLOCKS_MAX, e->height + SYNC_WINDOW - from);
        /* About 32 MiB a request, by the largest block seen on the way. */
        if (e->ahead_bytes_max > SYNC_BYTES_MAX / FRAME_WANT_BLOCKS_MAX)
            count = engine_min(count, SYNC_BYTES_MAX / e->ahead_bytes_max);
        if (!p->up || p->sync_from != 0 || p->height <= from || from >= e->height + SYNC_WINDOW ||
            now < p->sync_shunned_until)
            continue;
        count = engine_min(count, p->height - from);
        want.count = (uint8_t)count;
        frame_want_encode(&w, &want);
        sync_send(e, i, FRAME_WANT, writer_view(&w));
        writer_free(&w);
        p->sync_from = from;
        p->sync_left = (uint32_t)count;
        p->sync_deadline = now + SYNC_TIMEOUT_MS;
        from += count;
        open++;
    }
}

static void feed_commit(struct engine *e, const struct ledger_certificate *c, int peer)
{
    struct body *b = bodies_get(e, &c->vid);

    b->certified = true;
    if (b->state != BODY_READY && b->want_at == UINT64_MAX)
        b->want_at = e->w.mono_ms(e->w.ctx) + WANT_NAMED_MS;
    engine_feed(e, &(struct consensus_event){.kind = CONSENSUS_EVENT_COMMIT,
                                             .now_ms = e->w.wall_ms(e->w.ctx),
                                             .from = peer >= 0 ? e->peers[peer].set_index : -1,
                                             .commit = c});
}

/* A certificate of a later height is verified: what is signed at this one could only be a mistake.
 */
static void feed_later_commit(struct engine *e, const struct ledger_certificate *c)
{
    if (c->height <= e->certified_height)
        return;
    e->certified_height = c->height;
    engine_feed(e, &(struct consensus_event){.kind = CONSENSUS_EVENT_COMMIT,
                                             .now_ms = e->w.wall_ms(e->w.ctx),
                                             .from = -1,
                                             .commit = c});
}

static bool knows_commit(const struct engine *e, const struct ledger_certificate *c)
{
    const struct body *b = bodies_find(e, &c->vid);

    return b != NULL && b->certified;
}

static void ahead_put(struct engine *e, struct ahead *a, uint64_t height, struct bytes certificate,
                      const struct frame_compact *compact)
{
    struct writer w = {0};

    ahead_clear(a);
    a->height = height;
    a->certificate = blob_new(certificate);
    frame_compact_encode(&w, compact);
    a->compact = blob_new(writer_view(&w));
    writer_free(&w);
    if (compact->header.n_bytes > e->ahead_bytes_max)
        e->ahead_bytes_max = compact->header.n_bytes;
}

/* A block of a request has come, from it or from somebody else. */
static void note_answer(struct engine *e, struct engine_peer *p, uint64_t height)
{
    if (p->height <= height)
        p->height = height + 1;
    if (p->sync_from == 0 || height < p->sync_from || height >= p->sync_from + p->sync_left)
        return;
    p->sync_left -= (uint32_t)(height + 1 - p->sync_from);
    p->sync_from = p->sync_left == 0 ? 0 : height + 1;
    p->sync_deadline = e->w.mono_ms(e->w.ctx) + SYNC_TIMEOUT_MS;
}

/* Its batches follow; they are wanted from now on, so that they are taken and checked ahead. */
static void want_ahead(struct engine *e, const struct frame_compact *compact)
{
    for (unsigned i = 0; i < compact->header.n_batches; i++) {
        struct crypto_hash id = frame_compact_id(compact, i);
        if (batches_find(e, &id) == NULL) {
            struct batch *b = batches_named(e, &id, SYNC_TIMEOUT_MS);
            b->pins--; /* the body will pin it; until then the sweep may take it */
        }
    }
}

/* Only a certificate that was verified here, byte for byte, goes to the core: who sends a true block
 * may send another one after it. One that adds nothing is not looked at again. */
bool sync_on_block_frame(struct engine *e, int peer, struct bytes body)
{
    struct frame_block f;
    struct crypto_hash vid;
    struct ahead *a;
    struct writer w = {0};
    uint64_t height;
    bool verified_before, certified;

    if (frame_block_decode(&f, body) != ANJU_OK)
        return false;
    height = f.certificate.height;
    ledger_block_id(&vid, &f.compact.header, &e->registry->ledger_id);
    if (f.compact.header.height != height || !crypto_hash_equal(&vid, &f.certificate.vid))
        return false;
    if (height < e->height || height >= e->height + SYNC_WINDOW)
        return true;
    a = ahead_at(e, height);
    if (a->height == height && height > e->height) {
        note_answer(e, &e->peers[peer], height);
        return true; /* it waits for its turn already */
    }
    if (!bodies_are_sound(e, &f.compact))
        return false;
    ledger_certificate_encode(&w, &f.certificate);
    verified_before =
        a->height == height && bytes_equal(blob_bytes(a->certificate), writer_view(&w));
    certified = height == e->height && knows_commit(e, &f.certificate);
    if (!verified_before && !certified) {
        if (ledger_certificate_verify(&f.certificate, e->set, &e->registry->ledger_id) != ANJU_OK) {
            log_warn("node", "peer=%d sent a block whose certificate does not verify height=%llu",
                     peer, (unsigned long long)height);
            writer_free(&w);
            return false;
        }
        if (a->height != height)
            ahead_put(e, a, height, writer_view(&w), &f.compact);
    }
    writer_free(&w);
    note_answer(e, &e->peers[peer], height);
    if (height > e->height) {
        feed_later_commit(e, &f.certificate);
        want_ahead(e, &f.compact);
        return true;
    }
    if (!bodies_learn(e, &f.compact, peer, true))
        return false;
    if (!e->deciding && (verified_before || !certified))
        feed_commit(e, &f.certificate, peer);
    return true;
}

bool sync_on_block_batch_frame(struct engine *e, int peer, struct bytes body)
{
    struct frame_block_batch f;

    if (frame_block_batch_decode(&f, body) != ANJU_OK ||
        f.raw.size > e->registry->limits.batch_size)
        return false;
    if (f.height >= e->height && f.height < e->height + SYNC_WINDOW)
        batches_put_certified(e, f.raw, peer);
    return true;
}

bool sync_on_status_frame(struct engine *e, int peer, struct bytes body)
{
    struct engine_peer *p = &e->peers[peer];
    struct frame_status s;

    if (frame_status_decode(&s, body) != ANJU_OK)
        return false;
    p->height = s.height;
    p->round = s.round;
    p->step = s.step;
    p->flags = s.flags;
    p->clock_ms = (int64_t)(s.time_ms - e->w.wall_ms(e->w.ctx));
    doubt_on_status(e, peer, &s);
    if (s.height < e->height) {
        sync_answer_laggard(e, peer, s.height);
    } else if (s.height > e->height) {
        ask_for_blocks(e);
    } else {
        struct consensus_status core;
        consensus_status(&core, e->core);
        /* The certificate that lets it into our round, and the value that it must know of. */
        if (p->set_index >= 0 && (s.round < core.round || s.step < (uint8_t)core.step)) {
            const struct ledger_ticket *ticket = consensus_ticket(e->core);
            const struct ledger_polka *polka = consensus_valid_polka(e->core);
            struct writer w = {0};
            if (ticket != NULL && s.round < core.round) {
                frame_certificate_encode(
                    &w, &(struct frame_certificate){.kind = FRAME_TICKET, .ticket = *ticket});
                outbox_send(e, p->set_index, FRAME_CERTIFICATE, writer_view(&w));
                writer_clear(&w);
            }
            if (polka != NULL) {
                frame_certificate_encode(
                    &w, &(struct frame_certificate){.kind = FRAME_POLKA, .polka = *polka});
                outbox_send(e, p->set_index, FRAME_CERTIFICATE, writer_view(&w));
            }
            writer_free(&w);
        }
    }
    return true;
}

/* ---- Votes, proposals, certificates ---- */

/* Repeated by RESEND every half second: a signature is verified once. */
static bool verified(struct engine *e, const struct ledger_vote *vote)
{
    struct crypto_hash digest, key;
    struct bytes parts[2];

    ledger_vote_digest(&digest, vote, &e->registry->ledger_id);
    parts[0] = crypto_hash_bytes(&digest);
    parts[1] = bytes_of(vote->sig.b, CRYPTO_SIG_SIZE);
    crypto_sha256_parts(&key, parts, 2);
    for (unsigned i = 0; i < 256; i++) {
        if (crypto_hash_equal(&e->seen_votes[i], &key))
            return true;
    }
    if (ledger_vote_verify(vote, e->set, &e->registry->ledger_id) != ANJU_OK)
        return false;
    e->counters.votes_verified++;
    e->seen_votes[e->seen_next++ % 256] = key;
    return true;
}

/* A message of another height: answers a laggard, tells one that is ahead where we are, and keeps a
 * few votes of the next height, verified: else one peer could fill up what there is room for in
 * everybody's name. `vote` NULL: a certificate. True: it is of our height. */
static bool of_our_height(struct engine *e, int peer, uint64_t height,
                          const struct ledger_vote *vote, uint8_t type, struct bytes body)
{
    int signer = vote != NULL ? ledger_set_find(e->set, &vote->signer) : -1;
    struct engine_peer *p = &e->peers[peer];
    uint64_t now = e->w.mono_ms(e->w.ctx);
    unsigned kept = 0;

    if (height == e->height)
        return true;
    if (height < e->height) {
        sync_answer_laggard(e, peer, height);
        return false;
    }
    if (p->height < height)
        p->height = height; /* a claim: it only decides whom we ask */
    if (now >= p->status_asked_ms + LAGGARD_MS && !e->deciding) {
        p->status_asked_ms = now;
        sync_status_to(e, peer);
    }
    for (size_t i = 0; i < e->early_count; i++) {
        if (e->early[i].signer == signer && bytes_equal(blob_bytes(e->early[i].body), body))
            return false; /* said again */
        kept += e->early[i].signer == signer;
    }
    if (height == e->height + 1 && signer >= 0 && kept < EARLY_PER_SIGNER &&
        e->early_count < EARLY_MAX && verified(e, vote))
        e->early[e->early_count++] =
            (struct early){.signer = signer, .peer = peer, .type = type, .body = blob_new(body)};
    return false;
}

static bool refuse_vote(const struct engine *e, int peer, const struct ledger_vote *vote)
{
    char hex[65];

    hex_encode(hex, vote->signer.b, sizeof(vote->signer.b));
    log_warn("node", "peer=%d sent a vote that does not verify height=%llu round=%u signer=%s",
             peer, (unsigned long long)e->height, vote->round, hex);
    return false;
}

bool sync_on_vote_frame(struct engine *e, int peer, struct bytes body)
{
    struct ledger_vote vote;

    if (frame_vote_decode(&vote, body) != ANJU_OK)
        return false;
    if (ledger_set_find(e->set, &vote.signer) < 0)
        return refuse_vote(e, peer, &vote);
    if (!of_our_height(e, peer, vote.height, &vote, FRAME_VOTE, body))
        return true;
    if (!verified(e, &vote))
        return refuse_vote(e, peer, &vote);
    engine_vote_in(e, peer, &vote);
    return true;
}

/* The core asks for the bodies of two proposals a round, whatever their proposer signs besides. A few
 * of rounds to come are taken ahead; the rest is fetched when its round comes. */
static bool is_worth_learning(const struct engine *e, const struct ledger_vote *vote)
{
    const struct body *b = bodies_find(e, &vote->vid);
    struct consensus_status core;
    unsigned unasked = 0;

    consensus_status(&core, e->core);
    if (b != NULL && b->needed)
        return true;
    for (const struct body *at = e->bodies; at != NULL; at = at->next)
        unasked += !at->needed && !at->certified;
    return vote->round > core.round && vote->round - core.round <= ROUNDS_TAKEN_AHEAD &&
           unasked < BODIES_UNASKED_MAX;
}

bool sync_on_proposal_frame(struct engine *e, int peer, struct bytes body)
{
    struct frame_proposal f;
    int signer;

    if (frame_proposal_decode(&f, body) != ANJU_OK)
        return false;
    signer = ledger_set_find(e->set, &f.vote.signer);
    if (signer < 0)
        return refuse_vote(e, peer, &f.vote);
    if (!of_our_height(e, peer, f.vote.height, &f.vote, FRAME_PROPOSAL, body))
        return true;
    if (!verified(e, &f.vote))
        return refuse_vote(e, peer, &f.vote);
    if (ledger_set_proposer(e->set, f.vote.height, f.vote.round) != (unsigned)signer)
        return true; /* signed, but not its turn: the core would say no as well */
    if (f.has_compact) {
        struct crypto_hash vid;
        ledger_block_id(&vid, &f.compact.header, &e->registry->ledger_id);
        if (!crypto_hash_equal(&vid, &f.vote.vid))
            return false;
    }
    if (f.has_polka && f.polka.height == e->height &&
        ledger_polka_verify(&f.polka, e->set, &e->registry->ledger_id) == ANJU_OK)
        engine_feed(e, &(struct consensus_event){.kind = CONSENSUS_EVENT_POLKA,
                                                 .now_ms = e->w.wall_ms(e->w.ctx),
                                                 .from = e->peers[peer].set_index,
                                                 .polka = &f.polka});
    engine_vote_in(e, peer, &f.vote);
    return !f.has_compact || !is_worth_learning(e, &f.vote) ||
           bodies_learn(e, &f.compact, peer, false);
}

bool sync_on_certificate_frame(struct engine *e, int peer, struct bytes body)
{
    struct frame_certificate c;
    struct consensus_event event = {.now_ms = e->w.wall_ms(e->w.ctx),
                                    .from = e->peers[peer].set_index};
    enum anju_err err = ANJU_OK;
    uint64_t height;

    if (frame_certificate_decode(&c, body) != ANJU_OK)
        return false;
    height = c.kind == FRAME_POLKA    ? c.polka.height
             : c.kind == FRAME_COMMIT ? c.commit.height
                                      : c.ticket.height;
    if (height < e->height) {
        sync_answer_laggard(e, peer, height);
        return true;
    }
    if (height > e->height) {
        /* It must have committed what lies below. A commit certificate proves more than its claim.
         */
        if (c.kind == FRAME_COMMIT && height > e->certified_height &&
            ledger_certificate_verify(&c.commit, e->set, &e->registry->ledger_id) == ANJU_OK)
            feed_later_commit(e, &c.commit);
        (void)of_our_height(e, peer, height, NULL, FRAME_CERTIFICATE, body);
        return true;
    }
    switch (c.kind) {
    case FRAME_POLKA:
        err = ledger_polka_verify(&c.polka, e->set, &e->registry->ledger_id);
        event.kind = CONSENSUS_EVENT_POLKA;
        event.polka = &c.polka;
        break;
    case FRAME_COMMIT:
        if (knows_commit(e, &c.commit))
            return true;
        err = ledger_certificate_verify(&c.commit, e->set, &e->registry->ledger_id);
        if (err == ANJU_OK && height > e->certified_height)
            e->certified_height = height;
        if (err == ANJU_OK && !e->deciding)
            feed_commit(e, &c.commit, peer);
        if (err == ANJU_OK)
            return true;
        break;
    case FRAME_TICKET:
        err = ledger_ticket_verify(&c.ticket, e->set, &e->registry->ledger_id);
        event.kind = CONSENSUS_EVENT_TICKET;
        event.ticket = &c.ticket;
        break;
    }
    if (err != ANJU_OK) {
        log_warn("node", "peer=%d sent a certificate that does not verify height=%llu: %s", peer,
                 (unsigned long long)height, anju_err_text());
        return false;
    }
    engine_feed(e, &event);
    return true;
}

/* ---- A new height, time ---- */

void sync_begin(struct engine *e)
{
    struct ahead *a = ahead_at(e, e->height);
    size_t count = e->early_count;
    struct early early[EARLY_MAX];

    memcpy(early, e->early, count * sizeof(early[0]));
    e->early_count = 0;
    if (a->height == e->height) {
        struct frame_compact compact;
        struct ledger_certificate c;
        if (frame_compact_decode(&compact, blob_bytes(a->compact)) == ANJU_OK &&
            ledger_certificate_decode(&c, blob_bytes(a->certificate)) == ANJU_OK) {
            e->counters.blocks_synced++;
            if (bodies_learn(e, &compact, -1, true))
                feed_commit(e, &c, -1);
        }
        ahead_clear(a);
    }
    for (size_t i = 0; i < count; i++) {
        if (e->peers[early[i].peer].up)
            (void)engine_peer_frame(e, early[i].peer, early[i].type, blob_bytes(early[i].body));
        blob_release(early[i].body);
    }
    for (int i = 0; i < ENGINE_PEERS_MAX; i++) {
        if (e->peers[i].up && e->peers[i].height > e->height + 1) {
            ask_for_blocks(e);
            break;
        }
    }
}

void sync_tick(struct engine *e, uint64_t now)
{
    struct consensus_status core;

    if (now >= e->resend_at) {
        uint16_t jitter = 0;
        e->w.random(e->w.ctx, &jitter, sizeof(jitter));
        e->resend_at = now + RESEND_MS - 50 + jitter % 100;
        e->counters.resends++;
        engine_feed(e, &(struct consensus_event){.kind = CONSENSUS_EVENT_RESEND,
                                                 .now_ms = e->w.wall_ms(e->w.ctx),
                                                 .from = -1});
        for (int i = 0; i < ENGINE_PEERS_MAX; i++) {
            if (e->peers[i].up && e->peers[i].height > e->height) {
                ask_for_blocks(e);
                break;
            }
        }
    }
    if (now >= e->status_at) {
        e->status_at = now + STATUS_MS;
        consensus_status(&core, e->core);
        if (core.step == CONSENSUS_WAIT || e->status_owed || e->certified_height >= e->height ||
            core.step == CONSENSUS_HALTED || !doubt_may_sign(e) || core.round > 0)
            sync_status_to(e, -1);
        e->status_owed = false;
    }
}

uint64_t sync_deadline(const struct engine *e)
{
    return engine_min(e->resend_at, e->status_at);
}

void sync_free(struct engine *e)
{
    for (size_t i = 0; i < e->early_count; i++)
        blob_release(e->early[i].body);
    for (unsigned i = 0; i < SYNC_WINDOW; i++)
        ahead_clear(&e->ahead[i]);
}
