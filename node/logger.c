/*
 * logger: the log thread. One sync serves all that wait: the newest slot replaces the older ones.
 * The payload log is synced by a second thread while this one writes the guard: one after the other
 * would cost a round twice the time.
 */
#include "node/node_state.h"

#include <semaphore.h>
#include <stdlib.h>

struct sync_job {
    struct job job;
    struct node *node;
    uint64_t token;
    bool records;
    struct writer slot;
};

static void on_main(struct job *job)
{
    struct sync_job *s = (struct sync_job *)job;

    engine_on_durable(s->node->engine, s->token);
    writer_free(&s->slot);
    free(s);
}

struct payload_job {
    struct job job;
    struct node *node;
    sem_t done;
};

static void sync_payload(struct job *job)
{
    struct payload_job *j = (struct payload_job *)job;

    payload_log_sync(j->node->log);
    sem_post(&j->done);
}

static void on_log(struct job *job)
{
    (void)job; /* logger_run takes them itself, many at a time */
}

void logger_sync(struct node *n, uint64_t token, struct bytes slot, bool records)
{
    struct sync_job *s = anju_alloc(sizeof(*s));

    *s = (struct sync_job){.node = n, .token = token, .records = records};
    writer_bytes(&s->slot, slot);
    queue_push(&n->log_queue, &s->job, on_log);
}

/* A lost guard gets a slot only when the engine knows that it may sign again. */
static void keep_slot(struct node *n, struct bytes slot)
{
    if (guard_state(n->guard) == GUARD_LOST)
        guard_renew(n->guard, slot);
    else
        guard_write(n->guard, slot);
}

void logger_run(struct node *n)
{
    struct payload_job payload = {.node = n};
    struct job *first;

    sem_init(&payload.done, 0, 0);
    while ((first = queue_take(&n->log_queue)) != NULL) {
        struct sync_job *last = NULL, *slot = NULL;
        bool records = false;
        first->next = queue_take_all(&n->log_queue);
        for (struct job *at = first; at != NULL; at = at->next) {
            last = (struct sync_job *)at;
            records = records || last->records;
            if (last->slot.size > 0)
                slot = last;
        }
        if (records && slot != NULL)
            queue_push(&n->payload_queue, &payload.job, sync_payload);
        else if (records)
            payload_log_sync(n->log);
        if (slot != NULL)
            keep_slot(n, writer_view(&slot->slot));
        if (records && slot != NULL)
            while (sem_wait(&payload.done) != 0)
                ; /* a signal */
        /* Tokens ascend: the last one stands for all. */
        for (struct job *at = first, *next; at != NULL; at = next) {
            struct sync_job *s = (struct sync_job *)at;
            next = at->next;
            if (s == last) {
                queue_push(&n->main_queue, &s->job, on_main);
            } else {
                writer_free(&s->slot);
                free(s);
            }
        }
    }
    sem_destroy(&payload.done);
}
