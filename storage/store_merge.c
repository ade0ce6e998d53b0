#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "storage/store_body.h"

enum { RETRY_S = 1, READER_CHECK_S = 60 };

static uint64_t now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

/* The frozen layers that are not merged, oldest first. Only merging makes them so, and the ledger
 * thread drops only merged ones, so they stay while this thread writes them. */
static struct layer **take_frozen(struct store *s, size_t *count)
{
    struct layer **taken;

    pthread_mutex_lock(&s->mutex);
    taken = anju_alloc((s->n_layers + 1) * sizeof(struct layer *));
    *count = 0;
    for (size_t i = 0; i < s->n_layers; i++)
        if (s->layers[i]->frozen && !s->layers[i]->merged)
            taken[(*count)++] = s->layers[i];
    pthread_mutex_unlock(&s->mutex);
    return taken;
}

static enum anju_err write_layers(struct store *s, struct layer **layers, size_t count)
{
    struct derived_merge m;
    enum anju_err err = derived_merge_begin(&m, &s->derived);

    for (size_t i = 0; err == ANJU_OK && i < count; i++) {
        struct ledger_rows rows;
        ledger_overlay_rows(&rows, layers[i]->overlay);
        err = derived_merge_rows(&m, &rows, &layers[i]->envelopes);
    }
    if (err == ANJU_OK)
        err = derived_merge_commit(&m, ledger_overlay_tip(layers[count - 1]->overlay));
    derived_merge_abort(&m);
    return err;
}

static void note_result(struct store *s, struct layer **layers, size_t count, enum anju_err err,
                        uint64_t took_us)
{
    pthread_mutex_lock(&s->mutex);
    s->merge_err = err;
    if (err == ANJU_OK) {
        s->watermark = ledger_overlay_tip(layers[count - 1]->overlay)->height;
        for (size_t i = 0; i < count; i++)
            layers[i]->merged = true;
        s->merges++;
        s->last_merge_us = took_us;
    } else {
        (void)snprintf(s->merge_words, sizeof s->merge_words, "%s", anju_err_text());
    }
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
}

enum anju_err store_merge_now(struct store *s)
{
    uint64_t begin = now_us();
    size_t count;
    struct layer **layers = take_frozen(s, &count);
    enum anju_err err = ANJU_OK;

    if (count > 0) {
        err = write_layers(s, layers, count);
        note_result(s, layers, count, err, now_us() - begin);
    }
    free(layers);
    return err;
}

static bool has_work(const struct store *s)
{
    for (size_t i = 0; i < s->n_layers; i++)
        if (s->layers[i]->frozen && !s->layers[i]->merged)
            return true;
    return false;
}

/* Waits until something changes, or the seconds are over. Mutex held. */
static void wait_changed(struct store *s, time_t seconds)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += seconds;
    (void)pthread_cond_timedwait(&s->changed, &s->mutex, &until);
}

static void check_readers(const struct store *s, uint64_t *next_us)
{
    int dead = 0;

    if (now_us() < *next_us)
        return;
    *next_us = now_us() + READER_CHECK_S * UINT64_C(1000000);
    (void)mdb_reader_check(s->truth.env.env, &dead);
    (void)mdb_reader_check(s->derived.env.env, &dead);
}

static void *merge_main(void *ctx)
{
    struct store *s = ctx;
    uint64_t next_check = now_us();
    enum anju_err err = ANJU_OK;

    pthread_mutex_lock(&s->mutex);
    while (!s->stop) {
        if (!has_work(s) || err != ANJU_OK)
            wait_changed(s, err != ANJU_OK ? RETRY_S : READER_CHECK_S);
        if (s->stop)
            break;
        pthread_mutex_unlock(&s->mutex);
        err = store_merge_now(s);
        if (err != ANJU_OK)
            log_error("storage", "derived data was not merged, trying again: %s", anju_err_text());
        check_readers(s, &next_check);
        pthread_mutex_lock(&s->mutex);
    }
    pthread_mutex_unlock(&s->mutex);
    return NULL;
}

enum anju_err store_merge_start(struct store *s)
{
    int rc = pthread_create(&s->merge_thread, NULL, merge_main, s);

    if (rc != 0)
        return anju_fail(ANJU_ERR_IO, "cannot start the merge thread: %s", strerror(rc));
    s->merge_running = true;
    return ANJU_OK;
}

void store_merge_stop(struct store *s)
{
    if (!s->merge_running)
        return;
    pthread_mutex_lock(&s->mutex);
    s->stop = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
    pthread_join(s->merge_thread, NULL);
    s->merge_running = false;
}
