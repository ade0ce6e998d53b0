/*
 * world: the table by which the engine of a real node reaches clock, peers, disk and threads.
 */
#include <time.h>

#include "node/node_state.h"

uint64_t node_wall_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t node_mono_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t node_mono_ms(void)
{
    return node_mono_us() / 1000;
}

static uint64_t wall(void *ctx)
{
    (void)ctx;
    return node_wall_ms();
}

static uint64_t mono(void *ctx)
{
    (void)ctx;
    return node_mono_ms();
}

static void random_bytes(void *ctx, void *out, size_t size)
{
    (void)ctx;
    crypto_random(out, size);
}

static bool send_frame(void *ctx, int peer, enum frame_type type, struct bytes body)
{
    struct node *n = ctx;

    return n->peers != NULL && peers_send(n->peers, peer, type, body);
}

static bool append(void *ctx, const struct payload_record *record)
{
    struct node *n = ctx;

    if (payload_log_append(n->log, record) != ANJU_OK)
        return false;
    n->appended = true;
    return true;
}

static void release(void *ctx, enum payload_kind kind, const struct crypto_hash *ids, size_t count)
{
    payload_log_release(((struct node *)ctx)->log, kind, ids, count);
}

static void release_heights(void *ctx, uint64_t height)
{
    payload_log_release_heights(((struct node *)ctx)->log, height);
}

static void sync_log(void *ctx, uint64_t token, struct bytes slot)
{
    struct node *n = ctx;

    logger_sync(n, token, slot, n->appended);
    n->appended = false;
}

static void batch(void *ctx, const struct crypto_hash *id, struct blob *raw)
{
    verify_batch(ctx, id, raw);
}

static void envelope(void *ctx, const struct crypto_hash *id, struct blob *wire, bool judge)
{
    verify_envelope(ctx, id, wire, judge);
}

static void judge_body(void *ctx, const struct frame_compact *compact, struct blob *const *batches,
                       const struct ledger_tip *previous)
{
    verify_judge(ctx, compact, batches, previous);
}

static void execute(void *ctx, struct image *image)
{
    executor_execute(ctx, image);
}

static void commit(void *ctx, struct image *image, struct bytes certificate,
                   struct blob *const *polkas, size_t n_polkas)
{
    executor_commit(ctx, image, certificate, polkas, n_polkas);
}

static void read_block(void *ctx, uint64_t height, uint64_t tag)
{
    verify_read_block(ctx, height, tag);
}

static void answer(void *ctx, uint64_t ticket, const struct rpc_submit_result *result)
{
    backend_answer(ctx, ticket, result);
}

static void changed(void *ctx)
{
    ((struct node *)ctx)->snapshot_ms = 0; /* taken anew before the loop waits again */
}

static void evidence(void *ctx, const struct ledger_vote *a, const struct ledger_vote *b)
{
    witness_keep(ctx, a, b);
}

void world_fill(struct node *n, struct engine_world *out)
{
    *out = (struct engine_world){.ctx = n,
                                 .wall_ms = wall,
                                 .mono_ms = mono,
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
                                 .evidence = evidence,
                                 .changed = changed};
}
