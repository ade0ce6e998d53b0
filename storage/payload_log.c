#include "storage/payload_log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/checksum.h"
#include "storage/file.h"
#include "storage/payload_log_body.h"

static void key_of(uint8_t key[PAYLOAD_KEY_SIZE], enum payload_kind kind,
                   const struct crypto_hash *id)
{
    key[0] = (uint8_t)kind;
    memcpy(key + 1, id->b, 32);
}

/* ---- The table of live records ---- */

static void forget_released(struct payload_log *l)
{
    struct table fresh;
    size_t index = 0;
    const void *key;
    void *value;

    if (l->places.count < 2 * l->live_records + 1024)
        return;
    table_init(&fresh, PAYLOAD_KEY_SIZE, sizeof(struct place));
    while ((key = table_next(&l->places, &index, &value)) != NULL) {
        bool is_new;
        if (((struct place *)value)->live)
            memcpy(table_put(&fresh, key, &is_new), value, sizeof(struct place));
    }
    table_free(&l->places);
    l->places = fresh;
}

struct place *payload_place_find(struct payload_log *l, enum payload_kind kind,
                                 const struct crypto_hash *id)
{
    uint8_t key[PAYLOAD_KEY_SIZE];
    struct place *p;

    key_of(key, kind, id);
    p = table_get(&l->places, key);
    return p != NULL && p->live ? p : NULL;
}

void payload_remember(struct payload_log *l, struct payload_segment *s,
                      const struct payload_head *h)
{
    uint8_t key[PAYLOAD_KEY_SIZE];
    struct place *p;
    bool is_new;

    key_of(key, h->kind, &h->id);
    p = table_put(&l->places, key, &is_new);
    *p = (struct place){.at = h->at, .size = h->size, .live = true};
    s->live++;
    l->live_records++;
    l->live_bytes += h->size;
    if (h->kind == PAYLOAD_BATCH)
        return;
    if (l->n_tall == l->room_tall) {
        l->room_tall = l->room_tall * 2 + 16;
        l->tall = anju_realloc(l->tall, l->room_tall * sizeof *l->tall);
    }
    l->tall[l->n_tall++] = (struct tall){.kind = h->kind, .id = h->id, .height = h->height};
}

static void release(struct payload_log *l, enum payload_kind kind, const struct crypto_hash *id)
{
    struct place *p = payload_place_find(l, kind, id);

    if (p == NULL)
        return;
    p->live = false;
    payload_segment_find(l, p->at.segment)->live--;
    l->live_records--;
    l->live_bytes -= p->size;
}

void payload_log_release(struct payload_log *l, enum payload_kind kind,
                         const struct crypto_hash *ids, size_t count)
{
    pthread_mutex_lock(&l->mutex);
    for (size_t i = 0; i < count; i++)
        release(l, kind, &ids[i]);
    forget_released(l);
    pthread_mutex_unlock(&l->mutex);
}

void payload_log_release_heights(struct payload_log *l, uint64_t height)
{
    size_t kept = 0;

    pthread_mutex_lock(&l->mutex);
    for (size_t i = 0; i < l->n_tall; i++) {
        struct tall t = l->tall[i];
        if (t.height > 0 && t.height <= height)
            release(l, t.kind, &t.id);
        else if (payload_place_find(l, t.kind, &t.id) != NULL) /* else it was released by its id */
            l->tall[kept++] = t;
    }
    l->n_tall = kept;
    forget_released(l);
    pthread_mutex_unlock(&l->mutex);
}

/* ---- Writing and reading ---- */

static enum anju_err make_room(struct payload_log *l, uint64_t need)
{
    struct payload_segment *last = &l->segments[l->n_segments - 1];

    if (last->size - last->used >= need)
        return ANJU_OK;
    return payload_segment_begin(l, need > l->segment_size ? need : l->segment_size);
}

static enum anju_err append(struct payload_log *l, const struct payload_record *record)
{
    uint64_t room = payload_record_room((uint32_t)record->data.size);
    uint8_t raw[PAYLOAD_HEAD_SIZE];
    struct payload_segment *s;
    struct payload_head h;
    enum anju_err err = make_room(l, room);

    if (err != ANJU_OK)
        return err;
    s = &l->segments[l->n_segments - 1];
    h = (struct payload_head){
        .at = {s->number, s->used},
        .synced = l->synced,
        .previous_used = l->previous_used,
        .height = record->height,
        .id = record->id,
        .size = (uint32_t)record->data.size,
        .data_checksum = checksum_crc32c(0, record->data),
        .kind = record->kind,
    };
    payload_head_encode(raw, &h);
    s->dirty = true;
    err = file_write_at(s->fd, s->path, record->data, s->used + PAYLOAD_HEAD_SIZE);
    if (err == ANJU_OK)
        err = file_write_at(s->fd, s->path, bytes_of(raw, sizeof raw), s->used);
    if (err != ANJU_OK)
        return err; /* `used` stays: the next record overwrites what was written */
    s->used += room;
    payload_remember(l, s, &h);
    return ANJU_OK;
}

enum anju_err payload_log_append(struct payload_log *l, const struct payload_record *record)
{
    enum anju_err err = ANJU_OK;

    assert(record->data.size <= UINT32_MAX - PAYLOAD_ALIGN - PAYLOAD_HEAD_SIZE);
    pthread_mutex_lock(&l->mutex);
    if (payload_place_find(l, record->kind, &record->id) == NULL)
        err = append(l, record);
    pthread_mutex_unlock(&l->mutex);
    return err;
}

bool payload_log_has(struct payload_log *l, enum payload_kind kind, const struct crypto_hash *id)
{
    bool has;

    pthread_mutex_lock(&l->mutex);
    has = payload_place_find(l, kind, id) != NULL;
    pthread_mutex_unlock(&l->mutex);
    return has;
}

/* Reads the record at a place and checks it again. `out` grows by its data. */
enum anju_err payload_read_record(struct payload_log *l, struct payload_head *h, struct writer *out,
                                  struct payload_position at)
{
    struct payload_segment *s = payload_segment_find(l, at.segment);
    uint8_t raw[PAYLOAD_HEAD_SIZE];
    size_t before = out->size, got = 0;
    uint8_t *data;
    enum anju_err err = file_read_at(s->fd, s->path, raw, sizeof raw, at.offset, &got);

    if (err != ANJU_OK)
        return err;
    if (got < sizeof raw || !payload_head_decode(h, raw, at) ||
        payload_record_room(h->size) > s->size - at.offset)
        goto damaged;
    data = writer_reserve(out, h->size);
    err = file_read_at(s->fd, s->path, data, h->size, at.offset + PAYLOAD_HEAD_SIZE, &got);
    if (err == ANJU_OK && got == h->size &&
        checksum_crc32c(0, bytes_of(data, h->size)) == h->data_checksum)
        return ANJU_OK;
    out->size = before;
    if (err != ANJU_OK)
        return err;
damaged:
    return anju_fail(ANJU_ERR_CORRUPT, "the record at offset %" PRIu64 " of %s is damaged",
                     at.offset, s->path);
}

enum anju_err payload_log_get(struct payload_log *l, struct writer *out, enum payload_kind kind,
                              const struct crypto_hash *id)
{
    struct payload_head h;
    struct place *p;
    enum anju_err err;

    pthread_mutex_lock(&l->mutex);
    p = payload_place_find(l, kind, id);
    err = p == NULL ? ANJU_ERR_NOT_FOUND : payload_read_record(l, &h, out, p->at);
    pthread_mutex_unlock(&l->mutex);
    return err;
}

/* ---- Syncing ---- */

struct to_sync {
    int fd;
    uint64_t number;
    char *path; /* the segment's own: it stays while this thread syncs */
};

static size_t take_dirty(struct payload_log *l, struct to_sync **out)
{
    size_t n = 0;

    *out = anju_alloc(l->n_segments * sizeof **out);
    for (size_t i = 0; i < l->n_segments; i++) {
        struct payload_segment *s = &l->segments[i];
        if (!s->dirty)
            continue;
        s->dirty = false; /* an append from now on sets it again, for the next sync */
        (*out)[n++] = (struct to_sync){.fd = s->fd, .number = s->number, .path = s->path};
    }
    return n;
}

void payload_log_sync(struct payload_log *l)
{
    struct payload_position upto;
    struct to_sync *dirty;
    bool dir_dirty;
    size_t n;

    pthread_mutex_lock(&l->mutex);
    n = take_dirty(l, &dirty);
    dir_dirty = l->dir_dirty;
    l->dir_dirty = false;
    upto.segment = l->segments[l->n_segments - 1].number;
    upto.offset = l->segments[l->n_segments - 1].used;
    pthread_mutex_unlock(&l->mutex);

    for (size_t i = 0; i < n; i++)
        file_sync(dirty[i].fd, dirty[i].path);
    if (dir_dirty)
        file_sync_dir(l->dir);
    free(dirty);

    pthread_mutex_lock(&l->mutex);
    l->synced = upto;
    pthread_mutex_unlock(&l->mutex);
    payload_clean_up(l);
}

void payload_log_close(struct payload_log *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < l->n_segments; i++) {
        close(l->segments[i].fd);
        free(l->segments[i].path);
    }
    free(l->segments);
    free(l->tall);
    table_free(&l->places);
    pthread_mutex_destroy(&l->mutex);
    free(l->dir);
    free(l);
}

void payload_log_status(struct payload_log_status *out, struct payload_log *l)
{
    pthread_mutex_lock(&l->mutex);
    *out = (struct payload_log_status){
        .live_records = l->live_records,
        .live_bytes = l->live_bytes,
        .segments = l->n_segments,
        .bytes = payload_bytes_on_disk(l),
    };
    pthread_mutex_unlock(&l->mutex);
}
