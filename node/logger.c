/*
 * logger: the log thread. One sync serves all that wait: the newest slot replaces the older ones.
 * The payload log comes first, the guard second: the guard says what was signed, and after a power
 * cut that is signed again, so what it rests on must be there by then. The other way round all
 * voters of a block could come back with votes for it and none with the block: rounds without end.
 */
#include "node/node_state.h"

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
    struct job *first;

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
        if (records)
            payload_log_sync(n->log);
        if (slot != NULL)
            keep_slot(n, writer_view(&slot->slot));
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
}
