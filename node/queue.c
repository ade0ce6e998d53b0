#include "node/queue.h"

#include <errno.h>
#include <unistd.h>

void queue_init(struct queue *q, size_t limit, int wake_fd)
{
    *q = (struct queue){.limit = limit, .wake_fd = wake_fd};
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->more, NULL);
}

void queue_deinit(struct queue *q)
{
    pthread_cond_destroy(&q->more);
    pthread_mutex_destroy(&q->lock);
}

static void link_job(struct job **first, struct job **last, struct job *job)
{
    if (*last != NULL)
        (*last)->next = job;
    else
        *first = job;
    *last = job;
}

static struct job *unlink_job(struct job **first, struct job **last)
{
    struct job *job = *first;

    if (job != NULL) {
        *first = job->next;
        if (*first == NULL)
            *last = NULL;
    }
    return job;
}

static bool put(struct queue *q, struct job *job, void (*run)(struct job *), bool always,
                bool urgent)
{
    bool taken, was_empty;

    job->next = NULL;
    job->run = run;
    pthread_mutex_lock(&q->lock);
    taken = always || (q->count < q->limit && !q->closed);
    was_empty = q->count == 0;
    if (taken) {
        if (urgent)
            link_job(&q->urgent_first, &q->urgent_last, job);
        else
            link_job(&q->first, &q->last, job);
        q->count++;
        pthread_cond_signal(&q->more);
    }
    pthread_mutex_unlock(&q->lock);
    if (taken && was_empty && q->wake_fd >= 0) {
        uint64_t one = 1;
        ssize_t n;
        do
            n = write(q->wake_fd, &one, sizeof(one));
        while (n < 0 && errno == EINTR);
    }
    return taken;
}

void queue_push(struct queue *q, struct job *job, void (*run)(struct job *))
{
    (void)put(q, job, run, true, false);
}

void queue_push_urgent(struct queue *q, struct job *job, void (*run)(struct job *))
{
    (void)put(q, job, run, true, true);
}

bool queue_offer(struct queue *q, struct job *job, void (*run)(struct job *))
{
    return put(q, job, run, false, false);
}

struct job *queue_take(struct queue *q)
{
    struct job *job;

    pthread_mutex_lock(&q->lock);
    while (q->count == 0 && !q->closed)
        pthread_cond_wait(&q->more, &q->lock);
    job = unlink_job(&q->urgent_first, &q->urgent_last);
    if (job == NULL)
        job = unlink_job(&q->first, &q->last);
    if (job != NULL)
        q->count--;
    pthread_mutex_unlock(&q->lock);
    return job;
}

struct job *queue_take_all(struct queue *q)
{
    struct job *jobs;

    pthread_mutex_lock(&q->lock);
    jobs = q->first;
    if (q->urgent_first != NULL) {
        q->urgent_last->next = q->first;
        jobs = q->urgent_first;
    }
    q->first = q->last = q->urgent_first = q->urgent_last = NULL;
    q->count = 0;
    pthread_mutex_unlock(&q->lock);
    return jobs;
}

void queue_close(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_cond_broadcast(&q->more);
    pthread_mutex_unlock(&q->lock);
}

size_t queue_count(struct queue *q)
{
    size_t n;

    pthread_mutex_lock(&q->lock);
    n = q->count;
    pthread_mutex_unlock(&q->lock);
    return n;
}

void queue_run(struct queue *q)
{
    struct job *job;

    while ((job = queue_take(q)) != NULL)
        job->run(job);
}
