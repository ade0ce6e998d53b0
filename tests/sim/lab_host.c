/*
 * One process: the engine and what node.c, verify.c and executor.c do around it, as events. The log
 * thread and the ledger thread do one thing after the other; a check takes a moment. What a paused
 * process had coming waits.
 */
#include "tests/sim/lab.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/view.h"

#define START_MS (FIXTURE_CREATED + UINT64_C(60) * 86400000)

uint64_t host_wall_ms(const struct host *h)
{
    return START_MS + h->lab->now_us / 1000 + (uint64_t)h->skew_ms;
}

static uint64_t wall_ms(void *ctx)
{
    return host_wall_ms(ctx);
}

static uint64_t mono_ms(void *ctx)
{
    return ((struct host *)ctx)->lab->now_us / 1000;
}

static void random_bytes(void *ctx, void *out, size_t size)
{
    uint8_t *p = out;

    for (size_t i = 0; i < size; i++)
        p[i] = (uint8_t)lab_below(((struct host *)ctx)->lab, 256);
}

static bool send_frame(void *ctx, int peer, enum frame_type type, struct bytes body)
{
    struct host *h = ctx;

    if (body.size > frame_size_max((uint8_t)type, h->lab->fixture->registry->limits.frame_size))
        lab_fail(h->lab, "host %u sends a frame %s of %zu bytes, over the limit", h->index,
                 frame_type_name((uint8_t)type), body.size);
    if (!h->honest)
        return liar_send(h, peer, (uint8_t)type, body);
    oracle_sent(h, (uint8_t)type, body);
    return net_send(h, peer, (uint8_t)type, body, false);
}

void host_called(struct host *h)
{
    h->deadline_ms = h->engine == NULL ? UINT64_MAX : engine_deadline(h->engine);
}

/* ---- Checks ---- */

static void batch_checked(struct lab *l, struct event *ev)
{
    struct batch_info *info = ev->info;

    (void)l;
    ev->info = NULL;
    engine_on_batch(ev->host->engine, &ev->id, info, ev->why);
    host_called(ev->host);
}

static void check_a_batch(void *ctx, const struct crypto_hash *id, struct blob *raw)
{
    struct host *h = ctx;
    struct event *ev =
        lab_post(h->lab, h, h->lab->now_us + 100 + lab_below(h->lab, 900), batch_checked);

    ev->id = *id;
    if (check_batch(&ev->info, blob_bytes(raw), h->lab->fixture->registry, NULL) != ANJU_OK)
        (void)snprintf(ev->why, sizeof ev->why, "%s", anju_err_text());
}

static void envelope_checked(struct lab *l, struct event *ev)
{
    (void)l;
    engine_on_envelope(ev->host->engine, &ev->id, ev->verdict);
    host_called(ev->host);
}

static void skipped(struct check_verdict *v, int outcome)
{
    v->good = false;
    v->result.state = RPC_SUBMIT_SKIPPED;
    v->result.outcome = outcome;
}

/* What check.c asks the store. Judging early is left out: what the rules refuse becomes an entry.
 */
static void settle(struct host *h, struct check_verdict *v, const struct crypto_hash *id,
                   struct bytes wire)
{
    const struct ledger_registry *r = h->lab->fixture->registry;
    const struct ledger_view *view = ledger_overlay_view(h->state);
    const struct claim *done = idmap_get(&h->claims, id);
    struct arena a = {0};
    struct ledger_envelope e;
    struct ledger_used used;

    if (!v->good || ledger_envelope_decode(&e, wire, &r->ledger_id, &a) != ANJU_OK) {
        arena_free(&a);
        return;
    }
    if (done != NULL) {
        v->good = false;
        v->result.state = RPC_SUBMIT_COMMITTED;
        v->result.outcome = done->outcome;
        v->result.height = done->height;
        v->result.first_seq = done->first_seq;
        v->result.n = done->n;
        v->result.failing_index = done->failing_index;
    } else if (view->used(view, &used, e.key, e.nonce) == ANJU_OK &&
               !crypto_hash_equal(&used.envelope, id)) {
        skipped(v, LEDGER_SKIP_NONCE);
    } else if (e.valid_until <= host_wall_ms(h) || e.valid_until <= view->tip(view)->time_ms) {
        skipped(v, LEDGER_SKIP_EXPIRED);
    }
    arena_free(&a);
}

static void check_an_envelope(void *ctx, const struct crypto_hash *id, struct blob *wire,
                              bool judge)
{
    struct host *h = ctx;
    struct event *ev =
        lab_post(h->lab, h, h->lab->now_us + 100 + lab_below(h->lab, 900), envelope_checked);

    (void)judge;
    ev->id = *id;
    ev->verdict = anju_alloc(sizeof *ev->verdict);
    check_envelope(ev->verdict, blob_bytes(wire), h->lab->fixture->registry, NULL, host_wall_ms(h),
                   false, NULL);
    settle(h, ev->verdict, id, blob_bytes(wire));
}

static void judged(struct lab *l, struct event *ev)
{
    struct image *image = ev->image;

    (void)l;
    ev->image = NULL;
    engine_on_judged(ev->host->engine, image);
    host_called(ev->host);
}

static void judge_body(void *ctx, const struct frame_compact *compact, struct blob *const *batches,
                       const struct ledger_tip *previous)
{
    struct host *h = ctx;
    struct bytes views[LEDGER_BLOCK_BATCHES_MAX];
    struct image_parts parts = {.header = compact->header,
                                .ids = compact->ids,
                                .certificate = compact->certificate,
                                .batches = views,
                                .n_batches = compact->header.n_batches};
    struct event *ev = lab_post(h->lab, h, h->lab->now_us + 100 + lab_below(h->lab, 500), judged);

    for (unsigned i = 0; i < parts.n_batches; i++)
        views[i] = blob_bytes(batches[i]);
    ev->image = image_new(&parts, h->lab->fixture->registry, previous);
    for (unsigned i = 0; i < parts.n_batches; i++)
        blob_release(batches[i]);
}

/* ---- The ledger thread ---- */

static void drop(struct execution *x)
{
    ledger_overlay_free(x->overlay);
    image_release(x->image);
    *x = (struct execution){.image = NULL};
}

static struct execution *execute_now(struct host *h, struct image *image)
{
    struct execution *free_one = NULL;

    for (unsigned i = 0; i < LAB_EXECUTIONS; i++) {
        struct execution *x = &h->executions[i];
        if (x->image != NULL && crypto_hash_equal(&x->image->vid, &image->vid))
            return x;
        if (x->image == NULL)
            free_one = x;
    }
    if (free_one == NULL) {
        free_one = &h->executions[0];
        drop(free_one);
    }
    free_one->image = image_hold(image);
    free_one->overlay = ledger_overlay_new(ledger_overlay_view(h->state));
    ck_assert_int_eq(ledger_execute(free_one->overlay, &image->block), ANJU_OK);
    return free_one;
}

static void executed(struct lab *l, struct event *ev)
{
    struct host *h = ev->host;
    struct execution *x;

    if (ev->image->block.header.height != h->height + 1)
        return; /* that height is over */
    x = execute_now(h, ev->image);
    lab_note_bytes(l, crypto_hash_bytes(&ledger_overlay_tip(x->overlay)->result));
    engine_on_executed(h->engine, &ev->image->vid, &ledger_overlay_tip(x->overlay)->result);
    host_called(h);
}

static uint64_t ledger_time(struct host *h)
{
    struct lab *l = h->lab;

    if (h->ledger_us < l->now_us)
        h->ledger_us = l->now_us;
    h->ledger_us += 200 + lab_below(l, 1500);
    if (h->slow_ledger_us > 0)
        h->ledger_us += lab_below(l, h->slow_ledger_us);
    return h->ledger_us;
}

static void execute(void *ctx, struct image *image)
{
    struct host *h = ctx;

    lab_post(h->lab, h, ledger_time(h), executed)->image = image_hold(image);
}

static uint64_t next_due(const struct host *h)
{
    const struct ledger_view *view = ledger_overlay_view(h->state);
    struct ledger_timer timer;
    size_t count = 0;

    return view->timers(view, &timer, &count, 1, UINT64_MAX) == ANJU_OK && count > 0 ? timer.due
                                                                                     : UINT64_MAX;
}

static void keep_block(struct host *h, const struct image *image, struct blob *certificate)
{
    size_t at = (size_t)h->height;

    if (at >= h->blocks_room) {
        size_t room = h->blocks_room == 0 ? 256 : h->blocks_room * 2;
        h->blocks = anju_realloc(h->blocks, room * sizeof(struct blob *));
        h->certificates = anju_realloc(h->certificates, room * sizeof(struct blob *));
        memset(h->blocks + h->blocks_room, 0, (room - h->blocks_room) * sizeof(struct blob *));
        memset(h->certificates + h->blocks_room, 0,
               (room - h->blocks_room) * sizeof(struct blob *));
        h->blocks_room = room;
    }
    h->blocks[at] = blob_new(writer_view(&image->raw));
    h->certificates[at] = blob_hold(certificate);
}

/* The transaction that makes the block true: all of it or nothing. What the engine is told later.
 */
static struct engine_outcome *apply(struct host *h, struct image *image, struct blob *certificate,
                                    size_t *n)
{
    struct execution *x = execute_now(h, image);
    const struct ledger_envelope_outcome *from = ledger_overlay_outcomes(x->overlay, n);
    struct engine_outcome *out = anju_alloc(*n * sizeof *out + 1);
    struct ledger_tip tip = *ledger_overlay_tip(x->overlay);

    for (size_t i = 0; i < *n; i++) {
        struct claim *done = idmap_get(&h->claims, &from[i].id);
        out[i] = (struct engine_outcome){.id = from[i].id,
                                         .outcome = from[i].outcome,
                                         .height = tip.height,
                                         .first_seq = from[i].first_seq,
                                         .n = from[i].n,
                                         .failing_index = from[i].failing_index};
        if (from[i].outcome == LEDGER_SKIP_DUPLICATE && done != NULL) {
            out[i].outcome = done->outcome;
            out[i].height = done->height;
            out[i].first_seq = done->first_seq;
            out[i].n = done->n;
            out[i].failing_index = done->failing_index;
        } else if (from[i].outcome >= 0) {
            struct claim *c = anju_alloc(sizeof *c);
            *c = (struct claim){.outcome = out[i].outcome,
                                .height = out[i].height,
                                .first_seq = out[i].first_seq,
                                .n = out[i].n,
                                .failing_index = out[i].failing_index};
            idmap_put(&h->claims, &out[i].id, c);
        }
        if (out[i].outcome < 0)
            out[i].n = 0;
    }
    ledger_overlay_absorb(h->state, x->overlay);
    x->overlay = NULL;
    for (unsigned i = 0; i < LAB_EXECUTIONS; i++)
        drop(&h->executions[i]);
    h->height = tip.height;
    keep_block(h, image, certificate);
    lab_say(h->lab, "host %u has committed height %llu, %zu envelopes", h->index,
            (unsigned long long)h->height, *n);
    lab_note_bytes(h->lab, crypto_hash_bytes(&tip.result));
    if (h->honest)
        oracle_committed(h, writer_view(&image->raw), blob_bytes(certificate), &tip, out, *n);
    return out;
}

static void told(struct lab *l, struct event *ev)
{
    struct host *h = ev->host;
    struct ledger_tip tip = *ledger_overlay_tip(h->state);
    struct engine_committed c = {
        .tip = &tip, .next_due_ms = next_due(h), .n_outcomes = (size_t)ev->number};

    (void)l;
    c.outcomes = (const struct engine_outcome *)(const void *)ev->blob->data;
    engine_on_committed(h->engine, &c);
    host_called(h);
}

static void committed(struct lab *l, struct event *ev)
{
    struct host *h = ev->host;
    size_t n;
    struct engine_outcome *outcomes = apply(h, ev->image, ev->blob, &n);
    struct event *next = lab_post(l, h, l->now_us + 50 + lab_below(l, 500), told);

    h->commit = NULL;
    next->number = n;
    next->blob = blob_new(bytes_of(outcomes, n * sizeof *outcomes));
    free(outcomes);
}

static void commit(void *ctx, struct image *image, struct bytes certificate,
                   struct blob *const *polkas, size_t n_polkas)
{
    struct host *h = ctx;
    struct event *ev = lab_post(h->lab, h, ledger_time(h), committed);

    (void)polkas;
    (void)n_polkas;
    ev->image = image_hold(image);
    ev->blob = blob_new(certificate);
    h->commit = ev;
}

static void block_read(struct lab *l, struct event *ev)
{
    (void)l;
    engine_on_block(ev->host->engine, ev->number, ev->number2, blob_bytes(ev->blob),
                    blob_bytes(ev->blob2));
    host_called(ev->host);
}

static void read_block(void *ctx, uint64_t height, uint64_t tag)
{
    struct host *h = ctx;
    struct event *ev =
        lab_post(h->lab, h, h->lab->now_us + 50 + lab_below(h->lab, 500), block_read);

    ev->number = tag;
    ev->number2 = height;
    if (height > 0 && height <= h->height) {
        ev->blob = blob_hold(h->blocks[height]);
        ev->blob2 = blob_hold(h->certificates[height]);
    }
}

static void answer(void *ctx, uint64_t ticket, const struct rpc_submit_result *result)
{
    client_answer(ctx, ticket, result);
}

/* ---- Life ---- */

void host_init(struct lab *l, struct host *h, unsigned index, unsigned validator)
{
    *h = (struct host){.lab = l,
                       .index = index,
                       .validator = validator,
                       .honest = true,
                       .secret = l->fixture->node[validator],
                       .id = l->fixture->registry->set.node[validator].id,
                       .deadline_ms = UINT64_MAX};
    h->nothing = ledger_view_empty(l->fixture->registry);
    h->state = ledger_overlay_new(&h->nothing);
    ck_assert_int_eq(ledger_execute_genesis(h->state), ANJU_OK);
    idmap_init(&h->claims, 1);
}

void host_deinit(struct host *h)
{
    engine_free(h->engine);
    for (unsigned i = 0; i < LAB_EXECUTIONS; i++)
        drop(&h->executions[i]);
    ledger_overlay_free(h->state);
    for (size_t i = 0; i < h->blocks_room; i++) {
        blob_release(h->blocks[i]);
        blob_release(h->certificates[i]);
    }
    free(h->blocks);
    free(h->certificates);
    for (size_t i = 0; i < h->claims.capacity; i++)
        free(h->claims.slots[i].value);
    idmap_free(&h->claims);
    for (unsigned i = 0; i < LAB_HEARD_MAX; i++)
        blob_release(h->heard[i].body);
    disk_free(h);
}

void host_start(struct host *h)
{
    struct lab *l = h->lab;
    struct engine_config config = {.registry = l->fixture->registry,
                                   .secret = h->secret,
                                   .self = h->id,
                                   .world = {.ctx = h,
                                             .wall_ms = wall_ms,
                                             .mono_ms = mono_ms,
                                             .random = random_bytes,
                                             .send = send_frame,
                                             .append = disk_append,
                                             .release = disk_release,
                                             .release_heights = disk_release_heights,
                                             .sync = disk_sync,
                                             .check_batch = check_a_batch,
                                             .check_envelope = check_an_envelope,
                                             .judge = judge_body,
                                             .execute = execute,
                                             .commit = commit,
                                             .read_block = read_block,
                                             .answer = answer}};

    h->life++;
    h->disk_us = h->ledger_us = 0;
    h->paused_until_us = 0;
    h->commit = NULL;
    disk_open(h);
    config.may_sign = guard_state(h->guard) != GUARD_LOST;
    h->engine = engine_new(&config);
    disk_restore(h, h->engine);
    lab_say(l, "host %u (validator %u%s) starts at height %llu", h->index, h->validator,
            h->honest ? "" : ", Byzantine", (unsigned long long)h->height);
    engine_start(h->engine, ledger_overlay_tip(h->state),
                 h->height > 0 ? blob_bytes(h->certificates[h->height]) : bytes_of(NULL, 0),
                 next_due(h), guard_content(h->guard));
    host_called(h);
    net_connect_all(l, h);
}

void host_crash(struct host *h, bool power)
{
    struct lab *l = h->lab;
    struct event *at_work = h->commit;
    size_t n;

    lab_say(l, "host %u %s at height %llu", h->index, power ? "loses power" : "is killed",
            (unsigned long long)h->height);
    /* The ledger thread may have got through with its transaction. */
    if (at_work != NULL && lab_below(l, 2) == 0)
        free(apply(h, at_work->image, at_work->blob, &n));
    h->commit = NULL;
    for (unsigned i = 0; i < LAB_EXECUTIONS; i++)
        drop(&h->executions[i]);
    disk_crash(h, power);
    engine_free(h->engine);
    h->engine = NULL;
    h->life++;
    net_drop_all(l, h);
    host_called(h);
}
