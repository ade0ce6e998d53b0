/*
 * queue: jobs on their way from one thread to another. A job is a struct of its owner's with this
 * one as its first member; the receiving thread calls run. Answers to jobs always fit (queue_push:
 * their number is bounded by the jobs that were taken); work from outside may be refused
 * (queue_offer).
 */
#ifndef ANJU_NODE_QUEUE_H
#define ANJU_NODE_QUEUE_H

#include <pthread.h>

#include "base/bytes.h"

struct job {
    struct job *next;
    void (*run)(struct job *job);
};

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct job *first, *last;
    struct job *urgent_first, *urgent_last; /* before the others */
    size_t count, limit;
    bool closed;
    int wake_fd; /* an eventfd that is written to when the queue stops being empty; -1 none */
};

void queue_init(struct queue *q, size_t limit, int wake_fd);
void queue_deinit(struct queue *q); /* it is empty */
void queue_push(struct queue *q, struct job *job, void (*run)(struct job *));
/* The same, before all that is not urgent: what a round of agreement waits for. */
void queue_push_urgent(struct queue *q, struct job *job, void (*run)(struct job *));
/* False: `limit` jobs wait already, or it is closed; the job stays the caller's. */
bool queue_offer(struct queue *q, struct job *job, void (*run)(struct job *));
struct job *queue_take(struct queue *q);     /* waits; NULL: closed and empty */
struct job *queue_take_all(struct queue *q); /* never waits: a list, oldest first, or NULL */
void queue_close(struct queue *q);
size_t queue_count(struct queue *q);

/* A thread that runs jobs until its queue is closed and empty. */
void queue_run(struct queue *q);

#endif
