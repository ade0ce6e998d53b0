/*
 * executor: the ledger thread: executes blocks on top of the committed state, and commits the one
 * that is decided. The only writer of the store.
 */
#include "node/node_state.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RETRY_US = 1000000 };

struct execute_job {
    struct job job;
    struct node *node;
    struct image *image;
    struct crypto_hash result;
    uint64_t us;
};

struct commit_job {
    struct job job;
    struct node *node;
    struct image *image;
    struct writer certificate;
    struct blob **polkas;
    size_t n_polkas;
    struct ledger_tip tip;
    uint64_t next_due_ms;
    struct engine_outcome *outcomes;
    size_t n_outcomes;
    uint64_t us;
};

static struct execution *find(struct node *n, const struct crypto_hash *vid)
{
    for (unsigned i = 0; i < EXECUTIONS_MAX; i++) {
        if (n->executions[i].image != NULL && crypto_hash_equal(&n->executions[i].image->vid, vid))
            return &n->executions[i];
    }
    return NULL;
}

static void drop(struct execution *x)
{
    ledger_overlay_free(x->overlay);
    image_release(x->image);
    *x = (struct execution){.image = NULL};
}

void executor_drop_all(struct node *n)
{
    for (unsigned i = 0; i < EXECUTIONS_MAX; i++)
        drop(&n->executions[i]);
}

/* The effects of the block, not yet in force. A view that fails is a damaged disk: the node stops.
 */
static struct execution *execute(struct node *n, struct image *image)
{
    struct execution *x = find(n, &image->vid);
    char words[256];

    if (x != NULL)
        return x;
    for (unsigned i = 0; i < EXECUTIONS_MAX && x == NULL; i++)
        x = n->executions[i].image == NULL ? &n->executions[i] : NULL;
    if (x == NULL) {
        drop(&n->executions[0]); /* more rounds than anyone will decide; it can be done again */
        x = &n->executions[0];
    }
    x->overlay = ledger_overlay_new(store_head_view(n->store));
    x->image = image_hold(image);
    if (ledger_execute(x->overlay, &image->block) == ANJU_OK)
        return x;
    snprintf(words, sizeof(words),
             "height %llu cannot be executed: %s; check the disk, then `anju rebuild` or restore",
             (unsigned long long)image->block.header.height, anju_err_text());
    drop(x);
    node_give_up(n, NODE_EXIT_DATA, words);
    return NULL;
}

static void executed_on_main(struct job *job)
{
    struct execute_job *j = (struct execute_job *)job;

    j->node->last_execute_us = j->us;
    engine_on_executed(j->node->engine, &j->image->vid, &j->result);
    image_release(j->image);
    free(j);
}

static void execute_on_ledger(struct job *job)
{
    struct execute_job *j = (struct execute_job *)job;
    uint64_t began = node_mono_us();
    const struct ledger_tip *head =
        store_head_view(j->node->store)->tip(store_head_view(j->node->store));
    struct execution *x =
        j->image->block.header.height == head->height + 1 ? execute(j->node, j->image) : NULL;

    if (x == NULL) { /* that height is over, or the node stops */
        image_release(j->image);
        free(j);
        return;
    }
    j->result = ledger_overlay_tip(x->overlay)->result;
    j->us = node_mono_us() - began;
    queue_push(&j->node->main_queue, &j->job, executed_on_main);
}

void executor_execute(struct node *n, struct image *image)
{
    struct execute_job *j = anju_alloc(sizeof(*j));

    *j = (struct execute_job){.node = n, .image = image_hold(image)};
    queue_push(&n->ledger_queue, &j->job, execute_on_ledger);
}

/* ---- Commit ---- */

uint64_t executor_next_due(struct node *n)
{
    const struct ledger_view *view = store_head_view(n->store);
    struct ledger_timer timer;
    size_t count = 0;

    if (view->timers(view, &timer, &count, 1, UINT64_MAX) != ANJU_OK || count == 0)
        return UINT64_MAX;
    return timer.due;
}

static void copy_outcomes(struct commit_job *j, const struct ledger_overlay *overlay)
{
    const struct ledger_envelope_outcome *from = ledger_overlay_outcomes(overlay, &j->n_outcomes);

    j->outcomes = anju_alloc(j->n_outcomes * sizeof(*j->outcomes) + 1);
    for (size_t i = 0; i < j->n_outcomes; i++)
        j->outcomes[i] = (struct engine_outcome){.id = from[i].id,
                                                 .outcome = from[i].outcome,
                                                 .height = j->image->block.header.height,
                                                 .first_seq = from[i].first_seq,
                                                 .n = from[i].n,
                                                 .failing_index = from[i].failing_index};
}

/* The same envelope gets the same claim; a nonce that is taken names who took it. */
static void resolve_skipped(struct commit_job *j, struct store_read *r)
{
    const struct ledger_view *view = store_read_view(r);

    for (size_t i = 0; i < j->n_outcomes; i++) {
        struct engine_outcome *o = &j->outcomes[i];
        struct store_envelope done;
        struct ledger_used used;
        if (o->outcome == LEDGER_SKIP_DUPLICATE &&
            store_read_envelope(r, &done, &o->id) == ANJU_OK) {
            o->outcome = done.outcome;
            o->height = done.height;
            o->first_seq = done.first_seq;
            o->n = done.n;
            o->failing_index = done.failing_index;
        } else if (o->outcome == LEDGER_SKIP_NONCE && i < j->image->block.n_envelopes) {
            const struct ledger_envelope *e = &j->image->block.envelopes[i];
            if (view->used(view, &used, e->key, e->nonce) == ANJU_OK)
                o->other = used.envelope;
        }
        if (o->outcome < 0)
            o->n = 0;
    }
}

static void committed_on_main(struct job *job)
{
    struct commit_job *j = (struct commit_job *)job;
    struct engine_committed c = {.tip = &j->tip,
                                 .next_due_ms = j->next_due_ms,
                                 .outcomes = j->outcomes,
                                 .n_outcomes = j->n_outcomes};

    j->node->last_commit_us = j->us;
    peers_grant(j->node->peers);
    engine_on_committed(j->node->engine, &c);
    cosign_committed(j->node->cosign, &j->tip);
    image_release(j->image);
    writer_free(&j->certificate);
    for (size_t i = 0; i < j->n_polkas; i++)
        blob_release(j->polkas[i]);
    free(j->polkas);
    free(j->outcomes);
    free(j);
}

/* A full disk is waited out: what is decided stays decided, and nothing of the block is on disk
 * yet. */
static bool commit(struct commit_job *j, struct execution *x)
{
    struct bytes *polkas = anju_alloc(j->n_polkas * sizeof(*polkas) + 1);
    struct store_commit c = {.overlay = x->overlay,
                             .block = &j->image->block,
                             .raw = writer_view(&j->image->raw),
                             .certificate = writer_view(&j->certificate),
                             .polkas = polkas,
                             .n_polkas = j->n_polkas};
    enum anju_err err;
    bool said = false;

    for (size_t i = 0; i < j->n_polkas; i++)
        polkas[i] = blob_bytes(j->polkas[i]);
    while ((err = store_commit(j->node->store, &c)) == ANJU_ERR_FULL) {
        if (!said)
            log_error("node",
                      "height %llu is decided and cannot be written: %s; free space, it is tried "
                      "every second",
                      (unsigned long long)j->image->block.header.height, anju_err_text());
        said = true;
        bool stop;
        pthread_mutex_lock(&j->node->snapshot_lock);
        j->node->commit_waits = true;
        stop = j->node->draining;
        pthread_mutex_unlock(&j->node->snapshot_lock);
        if (stop)
            break;
        usleep(RETRY_US);
    }
    free(polkas);
    if (said) {
        pthread_mutex_lock(&j->node->snapshot_lock);
        j->node->commit_waits = false;
        pthread_mutex_unlock(&j->node->snapshot_lock);
    }
    if (err == ANJU_OK) {
        x->overlay = NULL; /* the store has it */
        return true;
    }
    if (err != ANJU_ERR_FULL) {
        char words[256];
        snprintf(words, sizeof(words), "height %llu cannot be committed: %s",
                 (unsigned long long)j->image->block.header.height, anju_err_text());
        node_give_up(j->node, NODE_EXIT_DATA, words);
    }
    return false;
}

static void commit_on_ledger(struct job *job)
{
    struct commit_job *j = (struct commit_job *)job;
    struct node *n = j->node;
    struct execution *x = execute(n, j->image);
    struct store_read *r = NULL;
    uint64_t began = node_mono_us();

    for (unsigned i = 0; i < EXECUTIONS_MAX; i++) {
        if (&n->executions[i] != x)
            drop(&n->executions[i]);
    }
    if (x != NULL)
        copy_outcomes(j, x->overlay);
    if (x == NULL || !commit(j, x)) {
        /* The node is stopping. Nothing of the block is in force; the next start decides it again.
         */
        image_release(j->image);
        writer_free(&j->certificate);
        for (size_t i = 0; i < j->n_polkas; i++)
            blob_release(j->polkas[i]);
        free(j->polkas);
        free(j->outcomes);
        free(j);
        return;
    }
    drop(x);
    if (store_read_begin(&r, n->store) == ANJU_OK) {
        resolve_skipped(j, r);
        store_read_end(r);
    }
    j->tip = *store_head_view(n->store)->tip(store_head_view(n->store));
    j->next_due_ms = executor_next_due(n);
    j->us = node_mono_us() - began;
    queue_push(&n->main_queue, &j->job, committed_on_main);
}

void executor_commit(struct node *n, struct image *image, struct bytes certificate,
                     struct blob *const *polkas, size_t n_polkas)
{
    struct commit_job *j = anju_alloc(sizeof(*j));

    *j = (struct commit_job){.node = n, .image = image_hold(image), .n_polkas = n_polkas};
    writer_bytes(&j->certificate, certificate);
    j->polkas = anju_alloc(n_polkas * sizeof(*j->polkas) + 1);
    for (size_t i = 0; i < n_polkas; i++)
        j->polkas[i] = blob_hold(polkas[i]);
    queue_push(&n->ledger_queue, &j->job, commit_on_ledger);
}
