#include "fake_world.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/view.h"
#include "node/restore.h"

struct fake_event {
    struct fake_event *next; /* ascending by (at, seq) */
    uint64_t at, seq;
    struct fake_node *node;
    unsigned life;
    void (*fire)(struct fake_node *n, struct fake_event *ev);
    struct crypto_hash id, id2;
    struct blob *blob, *blob2;
    struct image *image;
    struct batch_info *info;
    struct check_verdict verdict;
    uint64_t number, number2;
    int peer;
    uint8_t type;
    char why[200];
    struct blob **batches;
    struct ledger_tip tip;
};

static uint64_t draw(struct fake_cluster *c, uint64_t below)
{
    c->random ^= c->random << 13;
    c->random ^= c->random >> 7;
    c->random ^= c->random << 17;
    return c->random % below;
}

static struct fake_event *later(struct fake_node *n, uint64_t ms,
                                void (*fire)(struct fake_node *, struct fake_event *))
{
    struct fake_cluster *c = n->cluster;
    struct fake_event *ev = anju_alloc(sizeof(*ev)), **at = &c->events;

    ev->at = c->now_ms + ms;
    ev->seq = c->next_seq++;
    ev->node = n;
    ev->life = n->life;
    ev->fire = fire;
    while (*at != NULL && (*at)->at <= ev->at)
        at = &(*at)->next;
    ev->next = *at;
    *at = ev;
    return ev;
}

static void event_free(struct fake_event *ev)
{
    blob_release(ev->blob);
    blob_release(ev->blob2);
    image_release(ev->image);
    free(ev->info);
    free(ev->batches);
    free(ev);
}

/* ---- The world of one node ---- */

static uint64_t wall_ms(void *ctx)
{
    return FIXTURE_CREATED + 1000000 + ((struct fake_node *)ctx)->cluster->now_ms;
}

static uint64_t mono_ms(void *ctx)
{
    return ((struct fake_node *)ctx)->cluster->now_ms;
}

static void random_bytes(void *ctx, void *out, size_t size)
{
    uint8_t *p = out;

    for (size_t i = 0; i < size; i++)
        p[i] = (uint8_t)draw(((struct fake_node *)ctx)->cluster, 256);
}

static void note_vote(struct fake_cluster *c, const struct ledger_vote *v)
{
    for (size_t i = 0; i < c->n_votes; i++) {
        const struct ledger_vote *o = &c->votes[i];
        if (o->type != v->type || o->height != v->height || o->round != v->round ||
            !crypto_hash_equal(&o->signer, &v->signer))
            continue;
        if (!ledger_vote_equal(o, v))
            c->double_signs++;
        return;
    }
    ck_assert_uint_lt(c->n_votes, FAKE_VOTES_MAX);
    c->votes[c->n_votes++] = *v;
}

static void deliver(struct fake_node *n, struct fake_event *ev)
{
    if (n->cluster->cut[ev->peer][n->index])
        return;
    if (ev->type == FRAME_WANT)
        n->wants_seen++;
    ck_assert_msg(engine_peer_frame(n->engine, ev->peer, ev->type, blob_bytes(ev->blob)),
                  "node %d refused %s of node %d", n->index, frame_type_name(ev->type), ev->peer);
}

/* Keeps frames of all types, a few of each kind of moment. */
static void keep_sample(struct fake_cluster *c, enum frame_type type, struct bytes body)
{
    if (c->n_sent < FAKE_SENT_MAX && (type >= FRAME_BATCH || draw(c, 4) == 0)) {
        c->sent[c->n_sent].type = (uint8_t)type;
        c->sent[c->n_sent++].body = blob_new(body);
    }
}

static bool send_frame(void *ctx, int peer, enum frame_type type, struct bytes body)
{
    struct fake_node *n = ctx;
    struct fake_cluster *c = n->cluster;
    struct frame_proposal proposal;
    struct ledger_vote vote;
    struct fake_event *ev;
    uint64_t at;

    ck_assert_uint_le(body.size,
                      frame_size_max((uint8_t)type, c->fixture.registry->limits.frame_size));
    if (type == FRAME_VOTE && frame_vote_decode(&vote, body) == ANJU_OK)
        note_vote(c, &vote);
    if (type == FRAME_PROPOSAL && frame_proposal_decode(&proposal, body) == ANJU_OK)
        note_vote(c, &proposal.vote);
    keep_sample(c, type, body);
    if (c->node[peer].engine == NULL)
        return false;
    if (c->cut[n->index][peer] || draw(c, 100) < c->loss_percent ||
        (c->drop_types[peer] >> type & 1) != 0)
        return true;
    /* As on a TCP connection: late or lost, never overtaken. */
    at = c->now_ms + 1 + draw(c, 4);
    if (at < c->arrives[n->index][peer])
        at = c->arrives[n->index][peer];
    c->arrives[n->index][peer] = at;
    ev = later(&c->node[peer], at - c->now_ms, deliver);
    ev->peer = n->index;
    ev->type = (uint8_t)type;
    ev->blob = blob_new(body);
    return true;
}

static bool append(void *ctx, const struct payload_record *record)
{
    struct fake_node *n = ctx;

    if (n->no_room)
        return false;
    n->records = anju_realloc(n->records, (n->n_records + 1) * sizeof(*n->records));
    n->records[n->n_records++] = (struct fake_record){.kind = record->kind,
                                                      .height = record->height,
                                                      .id = record->id,
                                                      .data = blob_new(record->data)};
    return true;
}

static void drop_record(struct fake_node *n, size_t i)
{
    blob_release(n->records[i].data);
    memmove(&n->records[i], &n->records[i + 1], (n->n_records - i - 1) * sizeof(n->records[0]));
    n->n_records--;
}

static void release(void *ctx, enum payload_kind kind, const struct crypto_hash *ids, size_t count)
{
    struct fake_node *n = ctx;

    for (size_t k = 0; k < count; k++) {
        for (size_t i = n->n_records; i > 0; i--) {
            if (n->records[i - 1].kind == kind && crypto_hash_equal(&n->records[i - 1].id, &ids[k]))
                drop_record(n, i - 1);
        }
    }
}

static void release_heights(void *ctx, uint64_t height)
{
    struct fake_node *n = ctx;

    for (size_t i = n->n_records; i > 0; i--) {
        if (n->records[i - 1].height > 0 && n->records[i - 1].height <= height)
            drop_record(n, i - 1);
    }
}

static void synced(struct fake_node *n, struct fake_event *ev)
{
    if (n->disk_stands || n->cluster->disk_all_stand) { /* it goes on when the disk does */
        struct fake_event *again = later(n, 10, synced);
        again->number = ev->number;
        again->number2 = ev->number2;
        again->blob = ev->blob;
        ev->blob = NULL;
        return;
    }
    n->syncs_waiting--;
    for (size_t i = 0; i < n->n_records; i++)
        n->records[i].synced = true;
    if (ev->blob->size > 0) {
        blob_release(n->slot);
        n->slot = ev->blob;
        ev->blob = NULL;
    }
    engine_on_durable(n->engine, ev->number);
}

static void sync_log(void *ctx, uint64_t token, struct bytes slot)
{
    struct fake_node *n = ctx;
    struct fake_event *ev = later(n, 1, synced);

    n->syncs_waiting++;
    ev->number = token;
    ev->blob = blob_new(slot);
}

static uint64_t check_ms(struct fake_node *n)
{
    return n->cluster->slow_checks ? draw(n->cluster, 10) : 0;
}

static void batch_checked(struct fake_node *n, struct fake_event *ev)
{
    engine_on_batch(n->engine, &ev->id, ev->info, ev->why);
    ev->info = NULL;
}

static void batch(void *ctx, const struct crypto_hash *id, struct blob *raw)
{
    struct fake_node *n = ctx;
    struct fake_event *ev = later(n, check_ms(n), batch_checked);

    ev->id = *id;
    if (check_batch(&ev->info, blob_bytes(raw), n->cluster->fixture.registry, NULL) != ANJU_OK)
        snprintf(ev->why, sizeof(ev->why), "%s", anju_err_text());
}

static void envelope_checked(struct fake_node *n, struct fake_event *ev)
{
    engine_on_envelope(n->engine, &ev->id, &ev->verdict);
}

static void envelope(void *ctx, const struct crypto_hash *id, struct blob *wire, bool judge)
{
    struct fake_node *n = ctx;
    const struct ledger_view *view = ledger_overlay_view(n->state);
    struct fake_event *ev = later(n, check_ms(n), envelope_checked);
    struct arena a = {0};
    struct ledger_envelope e;
    struct ledger_used used;

    (void)judge;
    ev->id = *id;
    check_envelope(&ev->verdict, blob_bytes(wire), n->cluster->fixture.registry, NULL, wall_ms(n),
                   false, NULL);
    if (ledger_envelope_decode(&e, blob_bytes(wire), &n->cluster->fixture.registry->ledger_id,
                               &a) == ANJU_OK &&
        view->used(view, &used, e.key, e.nonce) == ANJU_OK &&
        crypto_hash_equal(&used.envelope, id)) {
        ev->verdict.good = false;
        ev->verdict.result.state = RPC_SUBMIT_COMMITTED;
        ev->verdict.result.first_seq = used.first_seq;
        ev->verdict.result.n = used.n;
    }
    arena_free(&a);
}

static void judged(struct fake_node *n, struct fake_event *ev)
{
    struct image *image = ev->image;

    ev->image = NULL;
    engine_on_judged(n->engine, image);
}

static void judge_body(void *ctx, const struct frame_compact *compact, struct blob *const *batches,
                       const struct ledger_tip *previous)
{
    struct fake_node *n = ctx;
    struct bytes views[LEDGER_BLOCK_BATCHES_MAX];
    struct image_parts parts = {.header = compact->header,
                                .ids = compact->ids,
                                .certificate = compact->certificate,
                                .batches = views,
                                .n_batches = compact->header.n_batches};
    struct fake_event *ev = later(n, 0, judged);

    for (unsigned i = 0; i < parts.n_batches; i++)
        views[i] = blob_bytes(batches[i]);
    ev->image = image_new(&parts, n->cluster->fixture.registry, previous);
    for (unsigned i = 0; i < parts.n_batches; i++)
        blob_release(batches[i]);
}

static void executed(struct fake_node *n, struct fake_event *ev)
{
    engine_on_executed(n->engine, &ev->id, &ev->id2);
}

static void execute(void *ctx, struct image *image)
{
    struct fake_node *n = ctx;
    struct fake_event *ev = later(n, 1, executed);
    struct ledger_overlay *o = ledger_overlay_new(ledger_overlay_view(n->state));

    ck_assert_int_eq(ledger_execute(o, &image->block), ANJU_OK);
    ev->id = image->vid;
    ev->id2 = ledger_overlay_tip(o)->result;
    ledger_overlay_free(o);
}

static void committed(struct fake_node *n, struct fake_event *ev)
{
    struct ledger_overlay *o = ledger_overlay_new(ledger_overlay_view(n->state));
    const struct ledger_envelope_outcome *from;
    struct engine_committed c = {.next_due_ms = UINT64_MAX};
    struct engine_outcome *outcomes;
    struct ledger_tip tip;

    ck_assert_int_eq(ledger_execute(o, &ev->image->block), ANJU_OK);
    from = ledger_overlay_outcomes(o, &c.n_outcomes);
    outcomes = anju_alloc(c.n_outcomes * sizeof(*outcomes) + 1);
    tip = *ledger_overlay_tip(o);
    for (size_t i = 0; i < c.n_outcomes; i++)
        outcomes[i] = (struct engine_outcome){.id = from[i].id,
                                              .outcome = from[i].outcome,
                                              .height = tip.height,
                                              .first_seq = from[i].first_seq,
                                              .n = from[i].n,
                                              .failing_index = from[i].failing_index};
    ledger_overlay_absorb(n->state, o);
    ck_assert_uint_lt(tip.height, FAKE_HEIGHTS_MAX);
    n->height = tip.height;
    n->block[tip.height] = blob_new(writer_view(&ev->image->raw));
    n->certificate[tip.height] = blob_hold(ev->blob);
    c.tip = &tip;
    c.outcomes = outcomes;
    engine_on_committed(n->engine, &c);
    free(outcomes);
}

static void commit(void *ctx, struct image *image, struct bytes certificate,
                   struct blob *const *polkas, size_t n_polkas)
{
    struct fake_event *ev = later(ctx, 1, committed);

    (void)polkas;
    (void)n_polkas;
    ev->image = image_hold(image);
    ev->blob = blob_new(certificate);
}

static void block_read(struct fake_node *n, struct fake_event *ev)
{
    engine_on_block(n->engine, ev->number, ev->number2, blob_bytes(ev->blob),
                    blob_bytes(ev->blob2));
}

static void read_block(void *ctx, uint64_t height, uint64_t tag)
{
    struct fake_node *n = ctx;
    struct fake_event *ev = later(n, 0, block_read);

    ev->number = tag;
    ev->number2 = height;
    if (height <= n->height) {
        ev->blob = blob_hold(n->block[height]);
        ev->blob2 = blob_hold(n->certificate[height]);
    }
}

static void answer(void *ctx, uint64_t ticket, const struct rpc_submit_result *result)
{
    struct fake_cluster *c = ((struct fake_node *)ctx)->cluster;

    ck_assert_uint_lt(c->n_answers, FAKE_ANSWERS_MAX);
    ck_assert_msg(fake_answer(c, ticket) == NULL, "ticket answered twice");
    c->answers[c->n_answers].ticket = ticket;
    c->answers[c->n_answers++].result = *result;
}

static void evidence(void *ctx, const struct ledger_vote *a, const struct ledger_vote *b)
{
    struct fake_node *n = ctx;

    n->accused++;
    n->accused_by[0] = *a;
    n->accused_by[1] = *b;
}

/* ---- The cluster ---- */

static void genesis_state(struct fake_node *n)
{
    n->nothing = ledger_view_empty(n->cluster->fixture.registry);
    n->state = ledger_overlay_new(&n->nothing);
    ck_assert_int_eq(ledger_execute_genesis(n->state), ANJU_OK);
}

void fake_begin(struct fake_cluster *c, int validators, int followers, uint64_t seed)
{
    memset(c, 0, sizeof(*c));
    fixture_init(&c->fixture, (unsigned)validators, NULL, 0);
    c->count = validators + followers;
    c->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (int i = 0; i < c->count; i++) {
        struct fake_node *n = &c->node[i];
        struct crypto_key key;
        *n = (struct fake_node){.cluster = c, .index = i};
        if (i < validators)
            n->secret = c->fixture.node[i];
        else
            ck_assert_int_eq(crypto_secret_new(&n->secret), ANJU_OK);
        ck_assert_int_eq(crypto_key_of(&key, &n->secret), ANJU_OK);
        ledger_node_id(&n->id, &key);
        n->slot = blob_new(bytes_of(NULL, 0));
        genesis_state(n);
    }
}

static bool is_committed(void *ctx, const struct crypto_hash *envelope)
{
    const struct fake_node *n = ctx;
    bool found = false;

    for (uint64_t h = 1; h <= n->height && !found; h++) {
        struct arena a = {0};
        struct ledger_block b;
        ck_assert_int_eq(ledger_block_decode(&b, blob_bytes(n->block[h]),
                                             &n->cluster->fixture.registry->ledger_id, &a),
                         ANJU_OK);
        for (uint32_t i = 0; i < b.n_envelopes && !found; i++)
            found = crypto_hash_equal(&b.envelopes[i].id, envelope);
        arena_free(&a);
    }
    return found;
}

static bool get_batch(void *ctx, struct writer *out, const struct crypto_hash *id)
{
    const struct fake_node *n = ctx;

    for (size_t i = 0; i < n->n_records; i++) {
        if (n->records[i].kind == PAYLOAD_BATCH && crypto_hash_equal(&n->records[i].id, id)) {
            writer_bytes(out, blob_bytes(n->records[i].data));
            return true;
        }
    }
    return false;
}

static void restore_all(struct fake_node *n)
{
    struct restore r = {.engine = n->engine,
                        .registry = n->cluster->fixture.registry,
                        .height = n->height,
                        .is_committed = is_committed,
                        .ctx = n};

    for (size_t i = 0; i < n->n_records; i++) {
        const struct fake_record *k = &n->records[i];
        restore_found(&r, &(struct payload_record){.kind = k->kind,
                                                   .height = k->height,
                                                   .id = k->id,
                                                   .data = blob_bytes(k->data)});
    }
    restore_end(&r, get_batch);
    release(n, PAYLOAD_BATCH, r.settled, r.n_settled);
    restore_free(&r);
}

void fake_start(struct fake_cluster *c, int node)
{
    struct fake_node *n = &c->node[node];
    struct engine_config config = {.registry = c->fixture.registry,
                                   .secret = n->secret,
                                   .self = n->id,
                                   .may_sign = true,
                                   .in_doubt = c->doubt && n->slot->size == 0,
                                   .world = {.ctx = n,
                                             .wall_ms = wall_ms,
                                             .mono_ms = mono_ms,
                                             .random = random_bytes,
                                             .send = send_frame,
                                             .append = append,
                                             .release = release,
                                             .release_heights = release_heights,
                                             .sync = sync_log,
                                             .check_batch = batch,
                                             .check_envelope = envelope,
                                             .judge = judge_body,
                                             .execute = execute,
                                             .commit = commit,
                                             .read_block = read_block,
                                             .answer = answer,
                                             .evidence = evidence}};

    n->life++;
    n->engine = engine_new(&config);
    restore_all(n);
    engine_start(n->engine, ledger_overlay_tip(n->state), blob_bytes(n->certificate[n->height]),
                 UINT64_MAX, blob_bytes(n->slot));
    for (int i = 0; i < c->count; i++) {
        if (i == node || c->node[i].engine == NULL || c->cut[i][node])
            continue;
        engine_peer_up(n->engine, i, &c->node[i].id);
        engine_peer_up(c->node[i].engine, node, &n->id);
    }
}

void fake_crash(struct fake_cluster *c, int node)
{
    struct fake_node *n = &c->node[node];

    for (int i = 0; i < c->count; i++) {
        if (i != node && c->node[i].engine != NULL && !c->cut[i][node])
            engine_peer_down(c->node[i].engine, node);
    }
    engine_free(n->engine);
    n->engine = NULL;
    n->life++;
    n->syncs_waiting = 0;
    for (size_t i = n->n_records; i > 0; i--) {
        if (!n->records[i - 1].synced)
            drop_record(n, i - 1);
    }
}

void fake_wipe(struct fake_cluster *c, int node, bool ledger)
{
    struct fake_node *n = &c->node[node];

    ck_assert_ptr_null(n->engine);
    blob_release(n->slot);
    n->slot = blob_new(bytes_of(NULL, 0));
    if (!ledger)
        return;
    for (unsigned h = 0; h < FAKE_HEIGHTS_MAX; h++) {
        blob_release(n->block[h]);
        blob_release(n->certificate[h]);
        n->block[h] = n->certificate[h] = NULL;
    }
    while (n->n_records > 0)
        drop_record(n, n->n_records - 1);
    ledger_overlay_free(n->state);
    n->height = 0;
    genesis_state(n);
}

void fake_isolate(struct fake_cluster *c, int node, bool cut)
{
    for (int i = 0; i < c->count; i++) {
        if (i == node || c->cut[i][node] == cut)
            continue;
        c->cut[i][node] = c->cut[node][i] = cut;
        if (c->node[i].engine == NULL || c->node[node].engine == NULL)
            continue;
        if (cut) {
            engine_peer_down(c->node[i].engine, node);
            engine_peer_down(c->node[node].engine, i);
        } else {
            engine_peer_up(c->node[i].engine, node, &c->node[node].id);
            engine_peer_up(c->node[node].engine, i, &c->node[i].id);
        }
    }
}

void fake_end(struct fake_cluster *c)
{
    while (c->events != NULL) {
        struct fake_event *ev = c->events;
        c->events = ev->next;
        event_free(ev);
    }
    for (int i = 0; i < c->count; i++) {
        struct fake_node *n = &c->node[i];
        engine_free(n->engine);
        ledger_overlay_free(n->state);
        for (unsigned h = 0; h < FAKE_HEIGHTS_MAX; h++) {
            blob_release(n->block[h]);
            blob_release(n->certificate[h]);
        }
        while (n->n_records > 0)
            drop_record(n, n->n_records - 1);
        free(n->records);
        blob_release(n->slot);
    }
    for (size_t i = 0; i < c->n_sent; i++)
        blob_release(c->sent[i].body);
    fixture_deinit(&c->fixture);
}

/* The next thing that happens: an event, or an engine whose time has come. */
static void step(struct fake_cluster *c)
{
    uint64_t at = c->events != NULL ? c->events->at : UINT64_MAX;
    struct fake_node *due = NULL;

    for (int i = 0; i < c->count; i++) {
        uint64_t deadline =
            c->node[i].engine != NULL ? engine_deadline(c->node[i].engine) : UINT64_MAX;
        if (deadline < at) {
            at = deadline;
            due = &c->node[i];
        }
    }
    if (at == UINT64_MAX) {
        c->now_ms += 1000;
        return;
    }
    if (at > c->now_ms)
        c->now_ms = at;
    if (due != NULL) {
        engine_tick(due->engine);
        return;
    }
    struct fake_event *ev = c->events;
    c->events = ev->next;
    if (ev->node->engine != NULL && ev->life == ev->node->life)
        ev->fire(ev->node, ev);
    event_free(ev);
}

void fake_run(struct fake_cluster *c, uint64_t ms, bool (*done)(struct fake_cluster *c, void *ctx),
              void *ctx)
{
    uint64_t until = c->now_ms + ms;

    while (!done(c, ctx)) {
        if (c->now_ms >= until) {
            for (int i = 0; i < c->count; i++) {
                struct engine_status s;
                if (c->node[i].engine == NULL)
                    continue;
                engine_status(&s, c->node[i].engine);
                fprintf(stderr,
                        "node %d height=%llu round=%u step=%d pool=%u batches=%u halted=%d\n", i,
                        (unsigned long long)s.height, s.core.round, s.core.step, s.pool_envelopes,
                        s.batches, s.halted);
            }
            ck_abort_msg("nothing came of it within %llu ms", (unsigned long long)ms);
        }
        step(c);
    }
}

static bool is_time(struct fake_cluster *c, void *ctx)
{
    return c->now_ms >= *(uint64_t *)ctx;
}

void fake_run_for(struct fake_cluster *c, uint64_t ms)
{
    uint64_t until = c->now_ms + ms;

    fake_run(c, ms + 1, is_time, &until);
}

struct goal {
    uint32_t nodes;
    uint64_t height;
};

static bool have_height(struct fake_cluster *c, void *ctx)
{
    const struct goal *g = ctx;

    for (int i = 0; i < c->count; i++) {
        if ((g->nodes >> i & 1) != 0 && c->node[i].height < g->height)
            return false;
    }
    return true;
}

void fake_run_to(struct fake_cluster *c, uint32_t nodes, uint64_t height, uint64_t ms)
{
    struct goal g = {nodes, height};

    fake_run(c, ms, have_height, &g);
}

struct bytes fake_envelope(struct fake_cluster *c)
{
    struct ledger_record record = {.procedure = 999,
                                   .procedure_version = 1,
                                   .action = 1,
                                   .subject = fixture_subject(20000, c->now_ms)};

    return fixture_envelope_of(&c->fixture, FIXTURE_FIRM, wall_ms(&c->node[0]) + 3600000, &record);
}

void fake_submit(struct fake_cluster *c, int node, uint64_t ticket, struct bytes wire)
{
    struct rpc_submit_result refusal;
    struct submission *s = submission_new(wire, c->fixture.registry, &refusal);

    ck_assert_msg(s != NULL, "%s", refusal.hint);
    engine_submit(c->node[node].engine, ticket, s);
}

const struct rpc_submit_result *fake_answer(const struct fake_cluster *c, uint64_t ticket)
{
    for (size_t i = 0; i < c->n_answers; i++) {
        if (c->answers[i].ticket == ticket)
            return &c->answers[i].result;
    }
    return NULL;
}

void fake_check(const struct fake_cluster *c)
{
    ck_assert_uint_eq(c->double_signs, 0);
    for (uint64_t h = 1; h < FAKE_HEIGHTS_MAX; h++) {
        const struct blob *first = NULL;
        for (int i = 0; i < c->count; i++) {
            const struct blob *b = c->node[i].block[h];
            if (b == NULL)
                continue;
            if (first == NULL)
                first = b;
            ck_assert_msg(bytes_equal(blob_bytes(first), blob_bytes(b)), "a fork at height %llu",
                          (unsigned long long)h);
        }
    }
    /* Equal heights, equal states. */
    for (int i = 1; i < c->count; i++) {
        const struct ledger_tip *a = ledger_overlay_tip(c->node[0].state),
                                *b = ledger_overlay_tip(c->node[i].state);
        if (a->height == b->height)
            ck_assert(crypto_hash_equal(&a->result, &b->result));
    }
}
