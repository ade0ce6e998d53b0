#include "node/engine_state.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* ---- Events for the core ---- */

void engine_queue(struct engine *e, const struct queued *q)
{
    if (e->queue_count == e->queue_room) {
        size_t room = e->queue_room == 0 ? 32 : e->queue_room * 2;
        struct queued *items = anju_alloc(room * sizeof(*items));
        for (size_t i = 0; i < e->queue_count; i++)
            items[i] = e->queue[(e->queue_first + i) % e->queue_room];
        free(e->queue);
        e->queue = items;
        e->queue_first = 0;
        e->queue_room = room;
    }
    e->queue[(e->queue_first + e->queue_count++) % e->queue_room] = *q;
}

static void arm(struct engine *e, const struct consensus_action *a)
{
    e->timers[a->timer] = (struct armed){
        .on = true, .height = a->height, .round = a->round, .at = e->w.mono_ms(e->w.ctx) + a->ms};
}

static void send_certificate(struct engine *e, int to, const struct frame_certificate *c)
{
    struct writer w = {0};

    frame_certificate_encode(&w, c);
    outbox_send(e, to, FRAME_CERTIFICATE, writer_view(&w));
    writer_free(&w);
}

/* A proposal goes with what it is about, where we have it. */
static void send_proposal(struct engine *e, const struct ledger_vote *vote)
{
    const struct body *b = bodies_find(e, &vote->vid);
    const struct ledger_polka *polka =
        vote->valid_round >= 0 ? consensus_polka(e->core, (uint32_t)vote->valid_round) : NULL;
    struct bytes compact = b != NULL ? blob_bytes(b->compact) : bytes_of(NULL, 0);
    struct writer w = {0}, p = {0};

    if (polka != NULL && crypto_hash_equal(&polka->vid, &vote->vid))
        ledger_polka_encode(&p, polka);
    if (compact.size + p.size + 256 > FRAME_PROPOSAL_SIZE_MAX)
        compact = bytes_of(NULL, 0);
    frame_proposal_encode(&w, vote, compact, writer_view(&p));
    outbox_send(e, -1, FRAME_PROPOSAL, writer_view(&w));
    writer_free(&w);
    writer_free(&p);
}

static void send_vote(struct engine *e, const struct ledger_vote *vote)
{
    struct writer w = {0};

    if (vote->type == LEDGER_PROPOSAL) {
        send_proposal(e, vote);
        return;
    }
    frame_vote_encode(&w, vote);
    outbox_send(e, -1, FRAME_VOTE, writer_view(&w));
    writer_free(&w);
}

static void halt(struct engine *e, const char *reason)
{
    if (e->halted)
        return;
    e->halted = true;
    e->halt_reason = reason;
    log_error("node", "this node stops signing at height=%llu and goes on serving: %s",
              (unsigned long long)e->height, reason);
}

static void sign_send(struct engine *e, const struct consensus_action *a)
{
    struct ledger_vote vote = a->vote;

    if (!doubt_may_sign(e))
        return;
    if (ledger_vote_sign(&vote, &e->config.secret, &e->registry->ledger_id) != ANJU_OK) {
        halt(e, "the node key cannot sign");
        return;
    }
    if (vote.type == LEDGER_PRECOMMIT)
        e->own_precommit = vote;
    engine_queue(e, &(struct queued){.kind = QUEUED_VOTE, .vote = vote});
    send_vote(e, &vote);
}

static void evidence(struct engine *e, const struct consensus_action *a)
{
    char signer[65];

    e->counters.evidence++;
    hex_encode(signer, a->vote.signer.b, sizeof(a->vote.signer.b));
    log_error("node",
              "evidence: validator=%s signed two messages that contradict each other height=%llu "
              "rounds=%u,%u; "
              "the usual cause is the same identity run twice",
              signer, (unsigned long long)a->vote.height, a->vote.round, a->other.round);
    if (e->w.evidence != NULL)
        e->w.evidence(e->w.ctx, &a->vote, &a->other);
}

static void carry_out(struct engine *e, const struct consensus_action *a)
{
    switch (a->kind) {
    case CONSENSUS_SIGN_SEND:
        sign_send(e, a);
        break;
    case CONSENSUS_SEND_VOTE:
        send_vote(e, &a->vote);
        break;
    case CONSENSUS_SEND_POLKA:
        send_certificate(e, a->to,
                         &(struct frame_certificate){.kind = FRAME_POLKA, .polka = a->polka});
        break;
    case CONSENSUS_SEND_COMMIT:
        send_certificate(e, a->to,
                         &(struct frame_certificate){.kind = FRAME_COMMIT, .commit = a->commit});
        break;
    case CONSENSUS_SEND_TICKET:
        send_certificate(e, a->to,
                         &(struct frame_certificate){.kind = FRAME_TICKET, .ticket = a->ticket});
        break;
    case CONSENSUS_KEEP_POLKA:
        bodies_keep_polka(e, &a->polka);
        break;
    case CONSENSUS_GET_VALUE:
        bodies_make_value(e, a->height, a->round);
        break;
    case CONSENSUS_NEED_BODY:
        bodies_need(e, &a->vid);
        break;
    case CONSENSUS_EXECUTE:
        bodies_execute(e, &a->vid);
        break;
    case CONSENSUS_ARM:
        arm(e, a);
        break;
    case CONSENSUS_CANCEL:
        e->timers[a->timer].on = false;
        break;
    case CONSENSUS_DECIDE:
        outbox_decide(e, &a->commit);
        break;
    case CONSENSUS_EVIDENCE:
        evidence(e, a);
        break;
    case CONSENSUS_ALARM:
        e->alarm = a->text;
        e->alarm_height = e->height;
        log_error("node", "alarm at height=%llu: %s", (unsigned long long)e->height, a->text);
        break;
    case CONSENSUS_FATAL:
        halt(e, a->text);
        break;
    }
}

static void step(struct engine *e, const struct consensus_event *event)
{
    e->actions->count = 0;
    consensus_step(e->core, e->actions, event);
    for (size_t i = 0; i < e->actions->count; i++)
        carry_out(e, &e->actions->items[i]);
}

static void step_queued(struct engine *e, const struct queued *q)
{
    struct consensus_event event = {.now_ms = e->w.wall_ms(e->w.ctx), .from = -1};
    const struct body *b;

    switch (q->kind) {
    case QUEUED_VOTE:
        event.kind = CONSENSUS_EVENT_VOTE;
        event.vote = &q->vote;
        break;
    case QUEUED_BODY:
        b = bodies_find(e, &q->vid);
        if (b == NULL)
            return;
        event.kind = CONSENSUS_EVENT_BODY;
        event.body = (struct consensus_body){.vid = q->vid,
                                             .valid = b->image != NULL && b->image->valid,
                                             .empty = b->header.n_records == 0,
                                             .proposer = b->header.proposer,
                                             .time_ms = b->header.time_ms};
        break;
    case QUEUED_EXECUTED:
        event.kind = CONSENSUS_EVENT_EXECUTED;
        event.executed.vid = q->vid;
        event.executed.result = q->result;
        break;
    case QUEUED_VALUE:
        event.kind = CONSENSUS_EVENT_VALUE;
        event.value.height = q->height;
        event.value.round = q->round;
        event.value.vid = q->vid;
        break;
    case QUEUED_NEED:
        event.kind = CONSENSUS_EVENT_NEED;
        event.need = q->need;
        break;
    }
    step(e, &event);
}

static void drain(struct engine *e)
{
    while (e->queue_count > 0) {
        struct queued q = e->queue[e->queue_first];
        e->queue_first = (e->queue_first + 1) % e->queue_room;
        e->queue_count--;
        step_queued(e, &q);
    }
}

void engine_feed(struct engine *e, const struct consensus_event *event)
{
    drain(e);
    step(e, event);
    drain(e);
}

void engine_vote_in(struct engine *e, int peer, const struct ledger_vote *vote)
{
    engine_feed(e, &(struct consensus_event){.kind = CONSENSUS_EVENT_VOTE,
                                             .now_ms = e->w.wall_ms(e->w.ctx),
                                             .from = e->peers[peer].set_index,
                                             .vote = vote});
}

/* ---- Leaving WAIT ---- */

static void need(struct engine *e, enum consensus_need why)
{
    if (!e->need_sent[why]) {
        e->need_sent[why] = true;
        engine_queue(e, &(struct queued){.kind = QUEUED_NEED, .need = why});
    }
}

void engine_update_need(struct engine *e)
{
    uint64_t since = e->w.mono_ms(e->w.ctx) - e->committed_mono_ms,
             heartbeat = e->registry->limits.heartbeat_ms;

    if (batches_have_live(e))
        need(e, CONSENSUS_NEED_BATCH);
    if (e->w.wall_ms(e->w.ctx) >= e->next_due_ms)
        need(e, CONSENSUS_NEED_DUE);
    if (since + HEARTBEAT_SLACK_MS >= heartbeat)
        need(e, CONSENSUS_NEED_EMPTY_OK);
    if (since >= heartbeat)
        need(e, CONSENSUS_NEED_HEARTBEAT);
}

static void note_work(struct engine *e)
{
    if (!batches_have_live(e))
        e->work_since_ms = UINT64_MAX;
    else if (e->work_since_ms == UINT64_MAX)
        e->work_since_ms = e->w.mono_ms(e->w.ctx);
}

void engine_settle(struct engine *e)
{
    if (!e->started)
        return;
    pool_close_batches(e);
    note_work(e);
    if (!e->deciding)
        engine_update_need(e);
    drain(e);
    outbox_flush(e);
    outbox_release(e);
}

/* ---- Heights ---- */

static void begin_height(struct engine *e, const struct consensus_slot *slot)
{
    struct consensus_event event = {
        .kind = CONSENSUS_EVENT_START,
        .now_ms = e->w.wall_ms(e->w.ctx),
        .from = -1,
        .start = {.height = e->height,
                  .set = e->set,
                  .previous_time_ms = e->tip.time_ms,
                  .slot = slot,
                  .caught_up = e->certified_height < e->height}};

    doubt_begin(e);
    event.start.may_sign = doubt_may_sign(e);
    memset(e->need_sent, 0, sizeof(e->need_sent));
    memset(e->timers, 0, sizeof(e->timers));
    e->queue_count = 0;
    e->resend_at = e->w.mono_ms(e->w.ctx) + RESEND_MS;
    engine_feed(e, &event);
    bodies_begin(e);
    sync_begin(e);
}

void engine_begin_again(struct engine *e)
{
    begin_height(e, NULL);
}

void engine_start(struct engine *e, const struct ledger_tip *tip, struct bytes certificate,
                  uint64_t next_due_ms, struct bytes slot)
{
    struct consensus_slot *kept = anju_alloc(sizeof(*kept));
    uint64_t now = e->w.mono_ms(e->w.ctx);
    bool has = slot.size > 0;

    if (has && consensus_slot_decode(kept, slot) != ANJU_OK) {
        halt(e, "the guard's content cannot be read: it is not known what this node has signed");
        has = false;
    }
    if (has && kept->height > tip->height + 1) {
        /* Signed above what is committed here: the ledger is older than the guard. Follow until
         * past it. */
        log_warn("node",
                 "the guard is of height=%llu, the ledger of height=%llu: this node follows until "
                 "it has caught up",
                 (unsigned long long)kept->height, (unsigned long long)tip->height);
        e->certified_height = kept->height;
        e->sound_from = kept->height + 1;
    }
    e->started = true;
    e->tip = *tip;
    e->height = tip->height + 1;
    e->certificate = blob_new(certificate);
    e->next_due_ms = next_due_ms;
    e->committed_mono_ms = now;
    e->status_at = now;
    e->sweep_at = now;
    begin_height(e, has && kept->height == e->height ? kept : NULL);
    free(kept);
    engine_settle(e);
}

void engine_on_committed(struct engine *e, const struct engine_committed *c)
{
    struct ledger_certificate decided;
    struct body *b = NULL;
    struct blob *compact_bytes;
    struct frame_compact compact;
    struct crypto_hash *ids;
    enum anju_err err;

    assert(e->deciding && c->tip->height == e->height);
    err = ledger_certificate_decode(&decided, blob_bytes(e->certificate));
    assert(err == ANJU_OK); /* we encoded it */
    b = bodies_find(e, &decided.vid);
    assert(b != NULL);
    compact_bytes = blob_hold(b->compact);
    err = frame_compact_decode(&compact, blob_bytes(compact_bytes));
    assert(err == ANJU_OK);
    (void)err;
    e->counters.commits++;
    e->counters.records += compact.header.n_records;
    e->counters.rounds_above_0 += decided.round > 0;
    e->tip = *c->tip;
    e->next_due_ms = c->next_due_ms;
    e->committed_mono_ms = e->w.mono_ms(e->w.ctx);
    if (e->certified_height < e->height)
        e->certified_height = e->height;
    bodies_clear(e);
    pool_committed(e, c);
    batches_committed(e, &compact);
    e->w.release_heights(e->w.ctx, e->height);
    ids = anju_alloc((size_t)compact.header.n_batches * sizeof(*ids) + 1);
    for (unsigned i = 0; i < compact.header.n_batches; i++)
        ids[i] = frame_compact_id(&compact, i);
    e->w.release(e->w.ctx, PAYLOAD_BATCH, ids, compact.header.n_batches);
    free(ids);
    blob_release(compact_bytes);
    e->height++;
    e->deciding = false;
    e->work_since_ms = UINT64_MAX;
    begin_height(e, NULL);
    if (e->w.changed != NULL)
        e->w.changed(e->w.ctx);
    engine_settle(e);
}

void engine_on_executed(struct engine *e, const struct crypto_hash *vid,
                        const struct crypto_hash *result_id)
{
    struct body *b = bodies_find(e, vid);

    if (b != NULL) {
        b->executed = true;
        b->result = *result_id;
        engine_queue(e,
                     &(struct queued){.kind = QUEUED_EXECUTED, .vid = *vid, .result = *result_id});
    }
    engine_settle(e);
}

void engine_on_durable(struct engine *e, uint64_t token)
{
    assert(token <= e->token_issued);
    if (token > e->token_durable)
        e->token_durable = token;
    engine_settle(e);
}

/* ---- Time ---- */

uint64_t engine_deadline(const struct engine *e)
{
    uint64_t at = UINT64_MAX, wall, mono;

    if (!e->started)
        return at;
    for (unsigned i = 0; i < TIMERS; i++) {
        if (e->timers[i].on)
            at = engine_min(at, e->timers[i].at);
    }
    at = engine_min(at, pool_deadline(e));
    at = engine_min(at, batches_deadline(e));
    at = engine_min(at, bodies_deadline(e));
    at = engine_min(at, sync_deadline(e));
    mono = e->w.mono_ms(e->w.ctx);
    wall = e->w.wall_ms(e->w.ctx);
    if (!e->deciding && !e->need_sent[CONSENSUS_NEED_DUE] && e->next_due_ms != UINT64_MAX)
        at = engine_min(
            at, e->next_due_ms <= wall ? mono : mono + engine_min(e->next_due_ms - wall, 60000));
    if (!e->need_sent[CONSENSUS_NEED_HEARTBEAT])
        at = engine_min(at, e->committed_mono_ms + e->registry->limits.heartbeat_ms);
    if (!e->need_sent[CONSENSUS_NEED_EMPTY_OK])
        at = engine_min(at, e->committed_mono_ms + e->registry->limits.heartbeat_ms -
                                HEARTBEAT_SLACK_MS);
    if (e->pending_count > 0)
        at = engine_min(at, e->log_retry_at);
    return at;
}

void engine_tick(struct engine *e)
{
    uint64_t now = e->w.mono_ms(e->w.ctx);

    if (!e->started)
        return;
    for (unsigned i = 0; i < TIMERS; i++) {
        struct armed t = e->timers[i];
        if (!t.on || now < t.at)
            continue;
        e->timers[i].on = false;
        struct consensus_event event = {
            .kind = CONSENSUS_EVENT_TIMER, .now_ms = e->w.wall_ms(e->w.ctx), .from = -1};
        event.timer.timer = (enum consensus_timer)i;
        event.timer.height = t.height;
        event.timer.round = t.round;
        engine_feed(e, &event);
    }
    pool_tick(e, now);
    batches_tick(e, now);
    bodies_tick(e, now);
    sync_tick(e, now);
    engine_settle(e);
}

/* ---- Peers ---- */

void engine_peer_up(struct engine *e, int peer, const struct crypto_hash *node_id)
{
    assert(peer >= 0 && peer < ENGINE_PEERS_MAX && !e->peers[peer].up);
    e->peers[peer] = (struct engine_peer){
        .up = true, .id = *node_id, .set_index = ledger_set_find(e->set, node_id)};
    if (!e->started)
        return;
    sync_status_to(e, peer);
    batches_peer_up(e, peer);
    engine_settle(e);
}

void engine_peer_down(struct engine *e, int peer)
{
    e->peers[peer].up = false;
    batches_peer_down(e, peer);
}

static bool dispatch(struct engine *e, int peer, uint8_t type, struct bytes body)
{
    switch (type) {
    case FRAME_STATUS:
        return sync_on_status_frame(e, peer, body);
    case FRAME_PROPOSAL:
        return sync_on_proposal_frame(e, peer, body);
    case FRAME_VOTE:
        return sync_on_vote_frame(e, peer, body);
    case FRAME_CERTIFICATE:
        return sync_on_certificate_frame(e, peer, body);
    case FRAME_BATCH:
        return batches_on_batch_frame(e, peer, body);
    case FRAME_HAVE:
        return batches_on_have_frame(e, peer, body);
    case FRAME_WANT:
        return sync_on_want_frame(e, peer, body);
    case FRAME_BODY: {
        struct frame_compact c;
        struct crypto_hash vid;
        if (frame_compact_decode(&c, body) != ANJU_OK)
            return false;
        ledger_block_id(&vid, &c.header, &e->registry->ledger_id);
        const struct body *b = bodies_find(e, &vid);
        return b == NULL || !b->needed ||
               bodies_learn(e, &c, peer, b->certified); /* only what we asked for */
    }
    case FRAME_BLOCK:
        return sync_on_block_frame(e, peer, body);
    case FRAME_BLOCK_BATCH:
        return sync_on_block_batch_frame(e, peer, body);
    case FRAME_HANDOVER:
        return pool_on_handover_frame(e, peer, body);
    default: /* a peer's byte, not our enum */
        return false;
    }
}

bool engine_peer_frame(struct engine *e, int peer, uint8_t type, struct bytes body)
{
    bool fine;

    if (!e->started)
        return true;
    e->counters.frames_in++;
    fine = !e->peers[peer].author_of_bad &&
           body.size <= frame_size_max(type, e->registry->limits.frame_size) &&
           dispatch(e, peer, type, body);
    if (!fine)
        e->counters.frames_refused++;
    engine_settle(e);
    return fine;
}

/* ---- Life ---- */

struct engine *engine_new(const struct engine_config *config)
{
    const struct ledger_genesis *g = config->registry->genesis;
    struct consensus_timeouts t = {.propose = g->timeouts.propose_ms,
                                   .propose_step = g->timeouts.propose_step_ms,
                                   .vote = g->timeouts.vote_ms,
                                   .vote_step = g->timeouts.vote_step_ms,
                                   .cap = g->timeouts.cap_ms,
                                   .flagged_propose = g->timeouts.flagged_propose_ms,
                                   .precision = g->timeouts.precision_ms,
                                   .message_delay = g->timeouts.message_delay_ms};
    struct engine *e = anju_alloc(sizeof(*e));
    uint64_t seed = 0;

    *e = (struct engine){.config = *config,
                         .w = config->world,
                         .registry = config->registry,
                         .set = &config->registry->set,
                         .in_doubt = config->in_doubt,
                         .sign_from = UINT64_MAX,
                         .have_at = UINT64_MAX,
                         .next_due_ms = UINT64_MAX,
                         .work_since_ms = UINT64_MAX};
    e->self_index = ledger_set_find(e->set, &config->self);
    e->core = anju_alloc(consensus_size());
    e->actions = anju_alloc(sizeof(*e->actions));
    consensus_init(e->core, &config->self, &t);
    e->w.random(e->w.ctx, &seed, sizeof(seed));
    idmap_init(&e->batches, seed);
    idmap_init(&e->places, seed);
    idmap_init(&e->done, seed);
    idmap_init(&e->pool, seed);
    idmap_init(&e->subjects, seed);
    return e;
}

void engine_free(struct engine *e)
{
    if (e == NULL)
        return;
    bodies_clear(e);
    pool_free(e);
    batches_free(e);
    outbox_free(e);
    sync_free(e);
    for (size_t i = 0; i < e->old_body_count; i++)
        blob_release(e->old_bodies[i]);
    free(e->old_bodies);
    free(e->polkas);
    blob_release(e->certificate);
    free(e->queue);
    free(e->core);
    free(e->actions);
    bytes_wipe(&e->config.secret, sizeof(e->config.secret));
    free(e);
}

void engine_restore(struct engine *e, const struct payload_record *record)
{
    assert(!e->started);
    if (record->kind == PAYLOAD_BATCH)
        batches_restore(e, record);
    else
        bodies_restore(e, record);
}
