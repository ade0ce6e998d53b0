#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/file.h"
#include "storage/payload_log_body.h"

#define SEGMENT_SIZE_DEFAULT (UINT64_C(16) << 20)
#define SIZE_MAX_DEFAULT (UINT64_C(8) << 30)

/* How far each segment was surely synced, from what later records say. */
static uint64_t synced_in(const struct payload_log *l, const struct payload_scan *scans, size_t i,
                          struct payload_position synced)
{
    uint64_t number = l->segments[i].number;

    if (synced.segment == number)
        return synced.offset;
    if (synced.segment < number || i + 1 >= l->n_segments ||
        l->segments[i + 1].number != number + 1)
        return 0;
    for (size_t k = 0; k < scans[i + 1].count; k++)
        if (scans[i + 1].items[k].sound)
            return scans[i + 1].items[k].head.previous_used;
    return 0;
}

static struct payload_position newest_sync(const struct payload_log *l,
                                           const struct payload_scan *scans)
{
    struct payload_position best = {0, 0};

    for (size_t i = 0; i < l->n_segments; i++) {
        for (size_t k = 0; k < scans[i].count; k++) {
            struct payload_position s = scans[i].items[k].head.synced;
            if (s.segment > best.segment || (s.segment == best.segment && s.offset > best.offset))
                best = s;
        }
    }
    return best;
}

struct finding {
    struct payload_log *log;
    payload_log_found_fn *found;
    void *ctx;
};

static enum anju_err report_damage(const struct finding *f, const struct payload_segment *s,
                                   const struct payload_found *bad)
{
    char words[512];

    (void)snprintf(words, sizeof words, "%s is damaged between offsets %" PRIu64 " and %" PRIu64,
                   s->path, bad->head.at.offset, bad->end);
    return f->found(f->ctx, NULL, words);
}

static enum anju_err report_sound(const struct finding *f, struct payload_segment *s,
                                  const struct payload_head *head)
{
    struct writer data = {0};
    struct payload_head h;
    enum anju_err err;

    if (payload_place_find(f->log, head->kind, &head->id) != NULL)
        return ANJU_OK; /* appended again after it had been released: the first copy is as good */
    err = payload_read_record(f->log, &h, &data, head->at);
    if (err == ANJU_OK) {
        struct payload_record r = {
            .kind = h.kind, .height = h.height, .id = h.id, .data = writer_view(&data)};
        payload_remember(f->log, s, &h);
        err = f->found(f->ctx, &r, NULL);
    }
    writer_free(&data);
    return err;
}

/* Reports one segment. `used` becomes the end of what counts: of a torn tail nothing does. */
static enum anju_err report_segment(const struct finding *f, struct payload_segment *s,
                                    const struct payload_scan *scan, uint64_t synced)
{
    bool torn = false;

    for (size_t k = 0; k < scan->count; k++) {
        const struct payload_found *item = &scan->items[k];
        enum anju_err err = ANJU_OK;
        if (item->sound)
            err = report_sound(f, s, &item->head);
        else if (item->head.at.offset < synced)
            err = report_damage(f, s, item);
        else
            torn = true;
        if (err != ANJU_OK)
            return err;
        if (!torn)
            s->used = item->end;
    }
    return ANJU_OK;
}

static enum anju_err recover(const struct finding *f)
{
    struct payload_log *l = f->log;
    struct payload_scan *scans = anju_alloc((l->n_segments + 1) * sizeof *scans);
    struct payload_position synced;
    enum anju_err err = ANJU_OK;

    for (size_t i = 0; err == ANJU_OK && i < l->n_segments; i++)
        err = payload_segment_scan(&scans[i], &l->segments[i]);
    synced = newest_sync(l, scans);
    for (size_t i = 0; err == ANJU_OK && i < l->n_segments; i++)
        err = report_segment(f, &l->segments[i], &scans[i], synced_in(l, scans, i, synced));
    for (size_t i = 0; i < l->n_segments; i++)
        free(scans[i].items);
    free(scans);
    return err;
}

enum anju_err payload_log_open(struct payload_log **out, const struct payload_log_options *options,
                               payload_log_found_fn *found, void *ctx)
{
    struct payload_log *l = anju_alloc(sizeof *l);
    struct finding f = {.log = l, .found = found, .ctx = ctx};
    char *spare = NULL;
    enum anju_err err;

    *out = NULL;
    pthread_mutex_init(&l->mutex, NULL);
    l->dir = file_path(options->dir, "payload");
    l->segment_size = options->segment_size != 0 ? options->segment_size : SEGMENT_SIZE_DEFAULT;
    l->size_max = options->size_max != 0 ? options->size_max : SIZE_MAX_DEFAULT;
    table_init(&l->places, PAYLOAD_KEY_SIZE, sizeof(struct place));
    err = file_make_dir(l->dir);
    if (err != ANJU_OK)
        goto fail;
    spare = file_path(l->dir, PAYLOAD_SPARE_NAME);
    (void)unlink(spare); /* its size may be another one now */
    err = payload_list_segments(l);
    /* What a process that was killed appended may be in the page cache only. What is found counts as
     * durable from here on. */
    for (size_t i = 0; err == ANJU_OK && i < l->n_segments; i++)
        file_sync(l->segments[i].fd, l->segments[i].path);
    if (err == ANJU_OK)
        err = recover(&f);
    /* Always a new segment: nothing is written over a tail that was not understood. */
    if (err == ANJU_OK)
        err = payload_segment_begin(l, l->segment_size);
    if (err != ANJU_OK)
        goto fail;
    l->synced = (struct payload_position){l->segments[l->n_segments - 1].number, 0};
    file_sync_dir(options->dir);
    file_sync_dir(l->dir);
    payload_clean_up(l);
    free(spare);
    *out = l;
    return ANJU_OK;
fail:
    free(spare);
    payload_log_close(l);
    return err;
}
