/*
 * verify: the pool of workers: batches, envelopes, bodies, and reads for peers that lag.
 */
#include "node/node_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Batches ---- */

struct batch_job {
    struct job job;
    struct node *node;
    struct crypto_hash id;
    struct blob *raw;
    struct batch_info *info;
    char why[200];
};

static void batch_on_main(struct job *job)
{
    struct batch_job *j = (struct batch_job *)job;

    engine_on_batch(j->node->engine, &j->id, j->info, j->why);
    blob_release(j->raw);
    free(j);
}

static void batch_on_worker(struct job *job)
{
    struct batch_job *j = (struct batch_job *)job;

    if (check_batch(&j->info, blob_bytes(j->raw), j->node->registry, j->node->cache) != ANJU_OK)
        snprintf(j->why, sizeof(j->why), "%s", anju_err_text());
    queue_push(&j->node->main_queue, &j->job, batch_on_main);
}

void verify_batch(struct node *n, const struct crypto_hash *id, struct blob *raw)
{
    struct batch_job *j = anju_alloc(sizeof(*j));

    *j = (struct batch_job){.node = n, .id = *id, .raw = blob_hold(raw)};
    queue_push_urgent(&n->verify_queue, &j->job, batch_on_worker);
}

/* ---- Envelopes ---- */

struct envelope_job {
    struct job job;
    struct node *node;
    struct crypto_hash id;
    struct blob *wire;
    bool judge;
    struct check_verdict verdict;
};

static void envelope_on_main(struct job *job)
{
    struct envelope_job *j = (struct envelope_job *)job;

    engine_on_envelope(j->node->engine, &j->id, &j->verdict);
    blob_release(j->wire);
    free(j);
}

static void envelope_on_worker(struct job *job)
{
    struct envelope_job *j = (struct envelope_job *)job;
    struct store_read *r = NULL;

    if (store_read_begin(&r, j->node->store) != ANJU_OK) {
        j->verdict.result.state = RPC_SUBMIT_BUSY;
        snprintf(j->verdict.result.hint, sizeof(j->verdict.result.hint),
                 "the ledger cannot be read now: %s", anju_err_text());
    } else {
        check_envelope(&j->verdict, blob_bytes(j->wire), j->node->registry, r, node_wall_ms(),
                       j->judge, j->node->cache);
        store_read_end(r);
    }
    queue_push(&j->node->main_queue, &j->job, envelope_on_main);
}

void verify_envelope(struct node *n, const struct crypto_hash *id, struct blob *wire, bool judge)
{
    struct envelope_job *j = anju_alloc(sizeof(*j));

    *j = (struct envelope_job){.node = n, .id = *id, .wire = blob_hold(wire), .judge = judge};
    queue_push(&n->verify_queue, &j->job, envelope_on_worker);
}

/* ---- Bodies ---- */

struct judge_job {
    struct job job;
    struct node *node;
    struct ledger_header header;
    struct writer ids, certificate;
    struct blob **batches;
    struct ledger_tip previous;
    struct image *image;
};

static void judged_on_main(struct job *job)
{
    struct judge_job *j = (struct judge_job *)job;

    engine_on_judged(j->node->engine, j->image);
    free(j);
}

static void judge_on_worker(struct job *job)
{
    struct judge_job *j = (struct judge_job *)job;
    uint16_t n = j->header.n_batches;
    struct bytes *views = anju_alloc((size_t)n * sizeof(*views) + 1);
    struct image_parts parts = {.header = j->header,
                                .ids = writer_view(&j->ids),
                                .certificate = writer_view(&j->certificate),
                                .batches = views,
                                .n_batches = n};

    for (unsigned i = 0; i < n; i++)
        views[i] = blob_bytes(j->batches[i]);
    j->image = image_new(&parts, j->node->registry, &j->previous);
    for (unsigned i = 0; i < n; i++)
        blob_release(j->batches[i]);
    free(j->batches);
    free(views);
    writer_free(&j->ids);
    writer_free(&j->certificate);
    queue_push(&j->node->main_queue, &j->job, judged_on_main);
}

void verify_judge(struct node *n, const struct frame_compact *compact, struct blob *const *batches,
                  const struct ledger_tip *previous)
{
    struct judge_job *j = anju_alloc(sizeof(*j));

    *j = (struct judge_job){.node = n, .header = compact->header, .previous = *previous};
    writer_bytes(&j->ids, compact->ids);
    writer_bytes(&j->certificate, compact->certificate);
    j->batches = anju_alloc((size_t)compact->header.n_batches * sizeof(struct blob *) + 1);
    for (unsigned i = 0; i < compact->header.n_batches; i++)
        j->batches[i] = batches[i]; /* their holds came with the call */
    queue_push_urgent(&n->verify_queue, &j->job, judge_on_worker);
}

/* ---- Reads for peers ---- */

struct read_job {
    struct job job;
    struct node *node;
    uint64_t height, tag;
    struct writer block, certificate;
};

static void read_on_main(struct job *job)
{
    struct read_job *j = (struct read_job *)job;

    engine_on_block(j->node->engine, j->tag, j->height, writer_view(&j->block),
                    writer_view(&j->certificate));
    writer_free(&j->block);
    writer_free(&j->certificate);
    free(j);
}

static void read_on_worker(struct job *job)
{
    struct read_job *j = (struct read_job *)job;
    struct store_read *r = NULL;
    struct bytes block, certificate;

    if (store_read_begin(&r, j->node->store) == ANJU_OK) {
        if (store_read_block(r, &block, j->height) == ANJU_OK &&
            store_read_decided(r, &certificate, j->height) == ANJU_OK) {
            writer_bytes(&j->block, block);
            writer_bytes(&j->certificate, certificate);
        }
        store_read_end(r);
    }
    queue_push(&j->node->main_queue, &j->job, read_on_main);
}

void verify_read_block(struct node *n, uint64_t height, uint64_t tag)
{
    struct read_job *j = anju_alloc(sizeof(*j));

    *j = (struct read_job){.node = n, .height = height, .tag = tag};
    queue_push(&n->verify_queue, &j->job, read_on_worker);
}
