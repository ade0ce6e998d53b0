/*
 * backend: what the rpc server may ask of the node: submissions that wait for their commit, status,
 * metrics. Submissions are decoded on the rpc thread, belong to the main thread until they are
 * settled, and are answered on a thread for that; status and metrics read a snapshot that the main
 * thread takes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/procedure_body.h"
#include "node/node_state.h"

static const uint64_t BOUND_MS[FINALITY_BUCKETS] = {1,   2,   5,   10,   20,   50,
                                                    100, 200, 500, 1000, 2000, 5000};

/* One call of submit: from the rpc thread to the main thread, then to the one that answers. */
struct request {
    struct job job;
    struct node *node;
    struct request *before, *after;
    uint64_t serial; /* tickets are serial << 16 | index */
    uint64_t began_ms;
    uint32_t wait_ms;
    struct event *timeout;
    rpc_submit_done *done;
    void *done_ctx;
    size_t count, open;
    struct rpc_submit_result *results;
    struct submission **subs; /* until the engine has them */
    struct blob **wires;      /* for the words of a refusal */
    bool *settled;
};

enum { TICKET_INDEX_BITS = 16, TICKET_INDEX_MASK = 0xffff };

static void request_free(struct request *r)
{
    for (size_t i = 0; i < r->count; i++) {
        submission_free(r->subs[i]);
        blob_release(r->wires[i]);
    }
    free(r->results);
    free(r->subs);
    free(r->wires);
    free(r->settled);
    free(r);
}

/* ---- Words ---- */

static void set_words(char *out, size_t size, const char *words)
{
    if (out[0] == '\0' && words != NULL)
        snprintf(out, size, "%s", words);
}

/* Names the procedure, the action and the clause of a refusal, whoever found it. */
static void add_words(struct rpc_submit_result *result, struct bytes wire,
                      const struct ledger_registry *registry)
{
    struct arena a = {0};
    struct ledger_envelope e;
    const struct ledger_procedure *p;
    const struct ledger_record *record;

    if (result->outcome <= 0 ||
        (result->state != RPC_SUBMIT_REFUSED && result->state != RPC_SUBMIT_COMMITTED))
        return;
    if (result->outcome < LEDGER_REFUSED_CLAUSES_FROM)
        set_words(result->clause, sizeof(result->clause), ledger_outcome_name(result->outcome));
    if (ledger_envelope_decode(&e, wire, &registry->ledger_id, &a) == ANJU_OK &&
        result->failing_index < e.n_records) {
        record = &e.records[result->failing_index];
        p = ledger_registry_procedure(registry, record->procedure, record->procedure_version);
        if (p == NULL)
            p = ledger_registry_procedure(registry, record->procedure, 0);
        if (p != NULL) {
            set_words(result->procedure, sizeof(result->procedure), ledger_procedure_name(p));
            for (uint32_t i = 0; i < p->n_actions; i++) {
                if (p->action[i].number == record->action)
                    set_words(result->action, sizeof(result->action), p->action[i].name);
            }
            if (result->outcome >= LEDGER_REFUSED_CLAUSES_FROM)
                set_words(result->clause, sizeof(result->clause),
                          ledger_procedure_clause(p, (uint16_t)result->outcome));
        }
    }
    arena_free(&a);
}

/* ---- Submitting ---- */

/* The answer may hold receipts, which are read from the store: not work for the main thread. */
static void deliver(struct job *job)
{
    struct request *r = (struct request *)(void *)job;

    for (size_t i = 0; i < r->count; i++)
        add_words(&r->results[i], blob_bytes(r->wires[i]), r->node->registry);
    r->done(r->done_ctx, r->results, r->count);
    request_free(r);
}

static void finish(struct request *r)
{
    struct node *n = r->node;

    if (r->before != NULL)
        r->before->after = r->after;
    else
        n->requests = r->after;
    if (r->after != NULL)
        r->after->before = r->before;
    n->requests_open--;
    if (r->timeout != NULL)
        event_free(r->timeout);
    r->timeout = NULL;
    if (n->threads_running)
        queue_push(&n->answer_queue, &r->job, deliver);
    else
        deliver(&r->job);
}

static void count_finality(struct node *n, uint64_t ms)
{
    unsigned i = 0;

    while (i < FINALITY_BUCKETS && ms > BOUND_MS[i])
        i++;
    n->finality.bucket[i]++;
    n->finality.count++;
    n->finality.sum_ms += ms;
}

void backend_answer(struct node *n, uint64_t ticket, const struct rpc_submit_result *result)
{
    size_t index = ticket & TICKET_INDEX_MASK;
    struct request *r = n->requests;

    while (r != NULL && r->serial != ticket >> TICKET_INDEX_BITS)
        r = r->after;
    if (r == NULL || index >= r->count || r->settled[index])
        return;
    r->results[index] = *result;
    r->settled[index] = true;
    if (result->state == RPC_SUBMIT_COMMITTED)
        count_finality(n, node_mono_ms() - r->began_ms);
    if (--r->open == 0)
        finish(r);
}

static void give_up_waiting(struct request *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->settled[i])
            continue;
        engine_forget(r->node->engine, &r->results[i].id, r->serial << TICKET_INDEX_BITS | i);
        r->results[i].state = RPC_SUBMIT_PENDING;
        snprintf(r->results[i].hint, sizeof(r->results[i].hint),
                 "not committed yet: ask again with the same envelope, that is always safe");
    }
    finish(r);
}

static void on_timeout(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    give_up_waiting(ctx);
}

static void submit_on_main(struct job *job)
{
    struct request *r = (struct request *)(void *)job;
    struct node *n = r->node;
    struct timeval wait = {.tv_sec = r->wait_ms / 1000,
                           .tv_usec = (suseconds_t)(r->wait_ms % 1000) * 1000};

    r->serial = ++n->next_ticket;
    r->after = n->requests;
    if (r->after != NULL)
        r->after->before = r;
    n->requests = r;
    n->requests_open++;
    r->open++; /* ours, so that an answer in here does not end it */
    for (size_t i = 0; i < r->count; i++) {
        struct submission *s = r->subs[i];
        r->subs[i] = NULL;
        if (s != NULL)
            engine_submit(n->engine, r->serial << TICKET_INDEX_BITS | i, s);
    }
    if (--r->open == 0) {
        finish(r);
        return;
    }
    r->timeout = event_new(n->base, -1, 0, on_timeout, r);
    event_add(r->timeout, &wait);
}

static bool is_draining(struct node *n)
{
    bool draining;

    pthread_mutex_lock(&n->snapshot_lock);
    draining = n->draining;
    pthread_mutex_unlock(&n->snapshot_lock);
    return draining;
}

static void submit(void *ctx, const struct bytes *wires, size_t count, uint32_t wait_ms,
                   rpc_submit_done *done, void *done_ctx)
{
    struct node *n = ctx;
    struct request *r = anju_alloc(sizeof(*r));

    *r = (struct request){.node = n,
                          .count = count,
                          .wait_ms = wait_ms,
                          .done = done,
                          .done_ctx = done_ctx,
                          .began_ms = node_mono_ms()};
    r->results = anju_alloc(count * sizeof(*r->results) + 1);
    r->subs = anju_alloc(count * sizeof(*r->subs) + 1);
    r->wires = anju_alloc(count * sizeof(*r->wires) + 1);
    r->settled = anju_alloc(count * sizeof(*r->settled) + 1);
    for (size_t i = 0; i < count; i++) {
        r->subs[i] =
            i <= TICKET_INDEX_MASK ? submission_new(wires[i], n->registry, &r->results[i]) : NULL;
        if (r->subs[i] != NULL) {
            r->wires[i] = blob_hold(r->subs[i]->wire);
            r->results[i].id = r->subs[i]->id;
            r->open++;
        } else {
            r->settled[i] = true;
        }
    }
    if (r->open > 0 && !is_draining(n) && queue_offer(&n->main_queue, &r->job, submit_on_main))
        return;
    for (size_t i = 0; i < count; i++) {
        if (r->subs[i] == NULL)
            continue;
        r->results[i].state = RPC_SUBMIT_BUSY;
        snprintf(r->results[i].hint, sizeof(r->results[i].hint),
                 "more is waiting here than the node can take: try again in a second");
    }
    done(done_ctx, r->results, count);
    request_free(r);
}

/* ---- Status ---- */

static const char *step_name(enum consensus_step_name step)
{
    switch (step) {
    case CONSENSUS_WAIT:
        return "wait";
    case CONSENSUS_PROPOSE:
        return "propose";
    case CONSENSUS_PREVOTE:
        return "prevote";
    case CONSENSUS_PRECOMMIT:
        return "precommit";
    case CONSENSUS_DECIDED:
        return "decided";
    case CONSENSUS_HALTED:
        return "halted";
    }
    return "";
}

static void take(struct node *n, struct snapshot *out, bool *draining)
{
    pthread_mutex_lock(&n->snapshot_lock);
    *out = n->snapshot;
    *draining = n->draining;
    pthread_mutex_unlock(&n->snapshot_lock);
}

static uint64_t now_ms(void *ctx)
{
    (void)ctx;
    return node_wall_ms();
}

/* What `anju doctor` reads. */
static void put_more(struct node *n, struct rpc_node_status *out, const struct snapshot *s)
{
    const struct ledger_set *set = &n->registry->set;
    const struct engine_status *e = &s->engine;

    out->quorum = ledger_set_quorum(set);
    out->may_sign = e->may_sign;
    out->in_doubt = e->in_doubt && e->validator;
    out->vouched = e->vouched;
    out->sign_from = e->sign_from;
    out->guard = n->guard_words;
    snprintf(out->halt_reason, sizeof(out->halt_reason), "%s",
             e->halt_reason != NULL ? e->halt_reason : "");
    snprintf(out->alarm, sizeof(out->alarm), "%s", e->alarm != NULL ? e->alarm : "");
    out->alarm_height = e->alarm_height;
    out->idle_ms = e->idle_ms;
    out->waiting_ms = e->waiting_ms;
    out->free_bytes = s->free_bytes;
    out->disk_low = s->disk_low;
    out->log_full = e->log_full;
    out->commit_waits = s->commit_waits;
    out->evidence = e->evidence;
    out->twins = s->peers.twins;
    out->twin_ms = s->peers.twin_ms;
    hex_encode(out->twin, s->peers.twin.b, CRYPTO_HASH_SIZE);
    out->n_validators = set->n;
    for (unsigned i = 0; i < set->n; i++) {
        const struct engine_validator *v = &e->validators[i];
        out->validators[i] = (struct rpc_node_validator){.self = (int)i == n->self_index,
                                                         .connected = v->up,
                                                         .votes = v->votes,
                                                         .voted = v->voted,
                                                         .height = v->height,
                                                         .clock_ms = v->clock_ms};
        hex_encode(out->validators[i].node, set->node[i].id.b, CRYPTO_HASH_SIZE);
    }
}

static void status(void *ctx, struct rpc_node_status *out)
{
    struct node *n = ctx;
    struct snapshot s;
    bool draining;

    take(n, &s, &draining);
    *out = (struct rpc_node_status){
        .origin = n->genesis.origin,
        .role = s.engine.validator ? "validator" : "follower",
        .height = s.engine.height,
        .log_size = s.engine.log_size,
        .time_ms = s.engine.time_ms,
        .pending_height = s.engine.height + 1,
        .round = s.engine.core.round,
        .step = step_name(s.engine.core.step),
        .peers_connected = s.peers.connected,
        .peers_known = s.peers.known,
        .pool_envelopes = s.engine.pool_envelopes,
        .pool_bytes = (uint32_t)s.engine.pool_bytes,
        .ready = s.engine.ready && !draining && !s.disk_low && !s.commit_waits,
        .started_ms = n->started_ms,
        .highest_height_seen =
            s.engine.highest_seen > s.engine.height ? s.engine.highest_seen : s.engine.height};
    put_more(n, out, &s);
    hex_encode(out->node_id, n->self.b, CRYPTO_HASH_SIZE);
    hex_encode(out->ledger_id, n->registry->ledger_id.b, CRYPTO_HASH_SIZE);
    if (draining)
        snprintf(out->reason, sizeof(out->reason), "shutting down");
    else if (s.commit_waits)
        snprintf(out->reason, sizeof(out->reason),
                 "the disk is full: a decided height waits for room");
    else if (s.disk_low)
        snprintf(out->reason, sizeof(out->reason), "the disk is nearly full: no new work is taken");
    else if (!s.engine.ready)
        snprintf(out->reason, sizeof(out->reason), "%s", s.engine.reason);
}

static void metric(struct writer *w, const char *name, const char *type, const char *help,
                   uint64_t value)
{
    char line[400];
    int size = snprintf(line, sizeof(line), "# HELP anju_%s %s\n# TYPE anju_%s %s\nanju_%s %llu\n",
                        name, help, name, type, name, (unsigned long long)value);

    writer_put(w, line, (size_t)size);
}

static void put_finality(struct writer *w, const struct finality *f)
{
    static const char HEAD[] =
        "# HELP anju_finality_seconds From the arrival of an envelope at this node to its commit.\n"
        "# TYPE anju_finality_seconds histogram\n";
    char line[160];
    uint64_t sum = 0;
    int size;

    writer_put(w, HEAD, sizeof(HEAD) - 1);
    for (unsigned i = 0; i < FINALITY_BUCKETS; i++) {
        sum += f->bucket[i];
        size =
            snprintf(line, sizeof(line), "anju_finality_seconds_bucket{le=\"%llu.%03llu\"} %llu\n",
                     (unsigned long long)(BOUND_MS[i] / 1000),
                     (unsigned long long)(BOUND_MS[i] % 1000), (unsigned long long)sum);
        writer_put(w, line, (size_t)size);
    }
    size = snprintf(line, sizeof(line),
                    "anju_finality_seconds_bucket{le=\"+Inf\"} %llu\nanju_finality_seconds_sum "
                    "%llu.%03llu\nanju_finality_seconds_count %llu\n",
                    (unsigned long long)f->count, (unsigned long long)(f->sum_ms / 1000),
                    (unsigned long long)(f->sum_ms % 1000), (unsigned long long)f->count);
    writer_put(w, line, (size_t)size);
}

static void metrics(void *ctx, struct writer *w)
{
    struct node *n = ctx;
    struct store_status store;
    struct snapshot s;
    bool draining;

    take(n, &s, &draining);
    store_status(&store, n->store);
    metric(w, "ready", "gauge", "1 while this node keeps up and votes.",
           s.engine.ready && !draining && !s.disk_low);
    metric(w, "height", "gauge", "Last committed height.", s.engine.height);
    metric(w, "height_seen", "gauge", "Highest height with a verified certificate.",
           s.engine.highest_seen);
    metric(w, "round", "gauge", "Round of the height that is being agreed on.",
           s.engine.core.round);
    metric(w, "log_entries", "gauge", "Entries in the log.", s.engine.log_size);
    metric(w, "block_time_ms", "gauge", "Time of the last block, ms since 1970.", s.engine.time_ms);
    metric(w, "commits_total", "counter", "Blocks committed since the start.", s.engine.commits);
    metric(w, "records_total", "counter", "Records in them.", s.engine.records);
    metric(w, "late_commits_total", "counter", "Blocks decided in a round above 0.",
           s.engine.rounds_above_0);
    metric(w, "proposals_total", "counter", "Proposals made.", s.engine.proposals_made);
    metric(w, "blocks_synced_total", "counter", "Blocks caught up with.", s.engine.blocks_synced);
    metric(w, "evidence_total", "counter", "Contradicting signatures seen.", s.engine.evidence);
    metric(w, "halted", "gauge", "1 when this node has stopped signing.", s.engine.halted);
    metric(w, "peers_connected", "gauge", "Peers connected.", s.peers.connected);
    metric(w, "peers_refused_total", "counter", "Connections refused.", s.peers.refused);
    metric(w, "peer_frames_in_total", "counter", "Frames received.", s.peers.frames_in);
    metric(w, "peer_frames_out_total", "counter", "Frames sent.", s.peers.frames_out);
    metric(w, "peer_frames_dropped_total", "counter", "Frames over a peer's rate.",
           s.peers.dropped_frames);
    metric(w, "peer_bytes_in_total", "counter", "Bytes received from peers.", s.peers.bytes_in);
    metric(w, "peer_bytes_out_total", "counter", "Bytes sent to peers.", s.peers.bytes_out);
    metric(w, "pool_envelopes", "gauge", "Envelopes that came in here and are not settled.",
           s.engine.pool_envelopes);
    metric(w, "pool_bytes", "gauge", "Their bytes.", s.engine.pool_bytes);
    metric(w, "batches", "gauge", "Batches held or announced.", s.engine.batches);
    metric(w, "envelopes_taken_total", "counter", "Envelopes taken into the pool.",
           s.engine.envelopes_taken);
    metric(w, "envelopes_refused_total", "counter", "Envelopes refused before the pool.",
           s.engine.envelopes_refused);
    metric(w, "envelope_signatures_verified_total", "counter",
           "Envelopes whose signatures were verified.", check_cache_verified(n->cache));
    metric(w, "votes_verified_total", "counter", "Votes verified.", s.engine.votes_verified);
    metric(w, "outbox_waiting", "gauge", "Messages that wait for a sync.", s.engine.outbox_waiting);
    metric(w, "syncs_total", "counter", "Syncs asked of the log thread.", s.engine.syncs);
    metric(w, "queue_main", "gauge", "Jobs waiting for the main thread.", s.main_queue);
    metric(w, "queue_log", "gauge", "Jobs waiting for the log thread.", s.log_queue);
    metric(w, "queue_ledger", "gauge", "Jobs waiting for the ledger thread.", s.ledger_queue);
    metric(w, "queue_verify", "gauge", "Jobs waiting for the verify workers.", s.verify_queue);
    metric(w, "last_execute_us", "gauge", "Execution of the last block, us.", s.last_execute_us);
    metric(w, "last_commit_us", "gauge", "Commit of the last block, us.", s.last_commit_us);
    metric(w, "payload_log_bytes", "gauge", "Size of the payload log.", s.log.bytes);
    metric(w, "payload_log_live_bytes", "gauge", "Of that, still needed.", s.log.live_bytes);
    metric(w, "store_truth_bytes", "gauge", "Size of the ledger.", store.truth_bytes);
    metric(w, "store_derived_bytes", "gauge", "Size of the derived data.", store.derived_bytes);
    metric(w, "store_watermark", "gauge", "Height up to which derived data is merged.",
           store.watermark);
    metric(w, "disk_free_bytes", "gauge", "Free space in the data directory.", s.free_bytes);
    put_finality(w, &s.finality);
}

/* ---- Time and life ---- */

enum { SNAPSHOT_MS = 200, DISK_MS = 1000 };

void backend_tick(struct node *n)
{
    uint64_t now = node_mono_ms();
    struct snapshot s;

    if (n->snapshot_ms != 0 && now < n->snapshot_ms + SNAPSHOT_MS)
        return;
    n->snapshot_ms = now;
    if (n->disk_checked_ms == 0 || now >= n->disk_checked_ms + DISK_MS) {
        bool low = store_free_space_low(n->store, &n->free_bytes);
        n->disk_checked_ms = now;
        if (low != n->disk_low) {
            if (low)
                log_error("node",
                          "the disk is nearly full free_bytes=%llu: no new work is taken until "
                          "there is room",
                          (unsigned long long)n->free_bytes);
            else
                log_info("node", "the disk has room again");
            engine_refuse(n->engine, low ? "the node's disk is nearly full: try another node" : "");
        }
        n->disk_low = low;
    }
    s = (struct snapshot){.finality = n->finality,
                          .requests_open = n->requests_open,
                          .last_execute_us = n->last_execute_us,
                          .last_commit_us = n->last_commit_us,
                          .disk_low = n->disk_low,
                          .free_bytes = n->free_bytes};
    engine_status(&s.engine, n->engine);
    if (n->peers != NULL)
        peers_status(&s.peers, n->peers);
    payload_log_status(&s.log, n->log);
    s.main_queue = queue_count(&n->main_queue);
    s.log_queue = queue_count(&n->log_queue);
    s.ledger_queue = queue_count(&n->ledger_queue);
    s.verify_queue = queue_count(&n->verify_queue);
    pthread_mutex_lock(&n->snapshot_lock);
    s.commit_waits = n->commit_waits;
    n->snapshot = s;
    pthread_mutex_unlock(&n->snapshot_lock);
}

void backend_init(struct node *n)
{
    n->backend = (struct rpc_backend){
        .ctx = n,
        .registry = n->registry,
        .store = n->store,
        .dir = n->config->data,
        .checkpoints = cosign_checkpoints(n->cosign),
        .log_node = n->self_index >= 0 ? &n->registry->set.node[n->self_index] : NULL,
        .log_open = n->genesis.log_public || node_is_loopback(n->config->rpc_host),
        .now_ms = now_ms,
        .submit = submit,
        .status = status,
        .metrics = metrics};
}

void backend_deinit(struct node *n)
{
    while (n->requests != NULL)
        give_up_waiting(n->requests);
}
