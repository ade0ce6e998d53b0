#include "storage/payload_log.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/table.h"
#include "storage/checksum.h"
#include "storage/file.h"
#include "storage/payload_segment.h"

#define SEGMENT_SIZE_DEFAULT (UINT64_C(16) << 20)
#define SIZE_MAX_DEFAULT (UINT64_C(8) << 30)
#define SEGMENT_SUFFIX ".seg"

enum { KEY_SIZE = 33, SEGMENT_NAME_SIZE = 16 + 4 };
static const char SPARE_NAME[] = "spare";

/* Where a record lies. Released ones stay in the table until it is made anew. */
struct place {
    struct payload_position at;
    uint32_t size;
    bool live;
};

/* Bodies and polkas, which go by height; there are few at a time. */
struct tall {
    enum payload_kind kind;
    struct crypto_hash id;
    uint64_t height;
};

struct payload_log {
    pthread_mutex_t mutex; /* over all below but `dir` and the sizes */
    char *dir;
    uint64_t segment_size, size_max;
    struct payload_segment *segments; /* ascending by number; the last one is written */
    size_t n_segments, room;
    bool has_spare;
    bool dir_dirty; /* a file was made, renamed or removed since the last sync */
    struct payload_position synced;
    uint64_t previous_used; /* of the segment before the last one */
    struct table places;    /* kind u8, id -> struct place */
    struct tall *tall;
    size_t n_tall, room_tall;
    uint64_t live_records, live_bytes;
};

static void key_of(uint8_t key[KEY_SIZE], enum payload_kind kind, const struct crypto_hash *id)
{
    key[0] = (uint8_t)kind;
    memcpy(key + 1, id->b, 32);
}

/* ---- Segments ---- */

static char *segment_path(const struct payload_log *l, uint64_t number)
{
    char name[SEGMENT_NAME_SIZE + 1];

    (void)snprintf(name, sizeof name, "%016" PRIx64 SEGMENT_SUFFIX, number);
    return file_path(l->dir, name);
}

static struct payload_segment *segment_find(struct payload_log *l, uint64_t number)
{
    for (size_t i = l->n_segments; i-- > 0;)
        if (l->segments[i].number == number)
            return &l->segments[i];
    return NULL;
}

static struct payload_segment *segment_add(struct payload_log *l, struct payload_segment s)
{
    if (l->n_segments == l->room) {
        l->room = l->room * 2 + 8;
        l->segments = anju_realloc(l->segments, l->room * sizeof *l->segments);
    }
    l->segments[l->n_segments] = s;
    return &l->segments[l->n_segments++];
}

static uint64_t bytes_on_disk(const struct payload_log *l)
{
    uint64_t sum = l->has_spare ? l->segment_size : 0;

    for (size_t i = 0; i < l->n_segments; i++)
        sum += l->segments[i].size;
    return sum;
}

/* Makes a file of `size` bytes that have their place on disk. */
static enum anju_err allocate(const char *path, uint64_t size)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return file_fail("make", path);
    errno = posix_fallocate(fd, 0, (off_t)size);
    if (errno != 0) {
        enum anju_err err = file_fail("reserve room for", path);
        close(fd);
        (void)unlink(path);
        return err;
    }
    close(fd);
    return ANJU_OK;
}

/* Begins the segment after the last one: the spare file under its name, or a new file. */
static enum anju_err segment_begin(struct payload_log *l, uint64_t size)
{
    struct payload_segment *last = l->n_segments > 0 ? &l->segments[l->n_segments - 1] : NULL;
    struct payload_segment s = {.number = last != NULL ? last->number + 1 : 1, .size = size};
    char *spare = file_path(l->dir, SPARE_NAME);
    bool reuse = l->has_spare && size == l->segment_size;
    enum anju_err err = ANJU_OK;

    s.path = segment_path(l, s.number);
    if (!reuse && bytes_on_disk(l) + size > l->size_max) {
        err = anju_fail(ANJU_ERR_FULL, "the payload log in %s is at its bound of %" PRIu64 " MiB",
                        l->dir, l->size_max >> 20);
        goto out;
    }
    if (reuse && rename(spare, s.path) != 0)
        err = file_fail("rename", spare);
    else if (!reuse)
        err = allocate(s.path, size);
    if (err != ANJU_OK)
        goto out;
    if (reuse)
        l->has_spare = false;
    l->dir_dirty = true;
    s.fd = open(s.path, O_RDWR | O_CLOEXEC);
    if (s.fd < 0) {
        err = file_fail("open", s.path);
        (void)unlink(s.path);
        goto out;
    }
    l->previous_used = last != NULL ? last->used : 0;
    segment_add(l, s);
    s.path = NULL;
out:
    free(s.path);
    free(spare);
    return err;
}

/* Takes segments without live records off the list, but never the last; the caller lets the files
 * go. */
static size_t take_dead(struct payload_log *l, struct payload_segment *dead, size_t max)
{
    size_t n = 0, kept = 0;

    for (size_t i = 0; i < l->n_segments; i++) {
        struct payload_segment s = l->segments[i];
        if (s.live == 0 && !s.dirty && i + 1 < l->n_segments && n < max)
            dead[n++] = s;
        else
            l->segments[kept++] = s;
    }
    l->n_segments = kept;
    return n;
}

/* A dead segment becomes the spare one, or its file goes. Returns whether there is a spare now. */
static bool let_go(struct payload_log *l, struct payload_segment *s, bool has_spare)
{
    char *spare = file_path(l->dir, SPARE_NAME);

    close(s->fd);
    if (!has_spare && s->size == l->segment_size && rename(s->path, spare) == 0)
        has_spare = true;
    else if (unlink(s->path) != 0)
        log_warn("storage", "cannot remove %s: %s", s->path, strerror(errno));
    free(s->path);
    free(spare);
    return has_spare;
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
    table_init(&fresh, KEY_SIZE, sizeof(struct place));
    while ((key = table_next(&l->places, &index, &value)) != NULL) {
        bool is_new;
        if (((struct place *)value)->live)
            memcpy(table_put(&fresh, key, &is_new), value, sizeof(struct place));
    }
    table_free(&l->places);
    l->places = fresh;
}

static struct place *place_find(struct payload_log *l, enum payload_kind kind,
                                const struct crypto_hash *id)
{
    uint8_t key[KEY_SIZE];
    struct place *p;

    key_of(key, kind, id);
    p = table_get(&l->places, key);
    return p != NULL && p->live ? p : NULL;
}

static void remember(struct payload_log *l, struct payload_segment *s, const struct payload_head *h)
{
    uint8_t key[KEY_SIZE];
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
    struct place *p = place_find(l, kind, id);

    if (p == NULL)
        return;
    p->live = false;
    segment_find(l, p->at.segment)->live--;
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
        else if (place_find(l, t.kind, &t.id) != NULL) /* else it was released by its id */
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
    return segment_begin(l, need > l->segment_size ? need : l->segment_size);
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
    remember(l, s, &h);
    return ANJU_OK;
}

enum anju_err payload_log_append(struct payload_log *l, const struct payload_record *record)
{
    enum anju_err err = ANJU_OK;

    assert(record->data.size <= UINT32_MAX - PAYLOAD_ALIGN - PAYLOAD_HEAD_SIZE);
    pthread_mutex_lock(&l->mutex);
    if (place_find(l, record->kind, &record->id) == NULL)
        err = append(l, record);
    pthread_mutex_unlock(&l->mutex);
    return err;
}

bool payload_log_has(struct payload_log *l, enum payload_kind kind, const struct crypto_hash *id)
{
    bool has;

    pthread_mutex_lock(&l->mutex);
    has = place_find(l, kind, id) != NULL;
    pthread_mutex_unlock(&l->mutex);
    return has;
}

/* Reads the record at a place and checks it again. `out` grows by its data. */
static enum anju_err read_record(struct payload_log *l, struct payload_head *h, struct writer *out,
                                 struct payload_position at)
{
    struct payload_segment *s = segment_find(l, at.segment);
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
    p = place_find(l, kind, id);
    err = p == NULL ? ANJU_ERR_NOT_FOUND : read_record(l, &h, out, p->at);
    pthread_mutex_unlock(&l->mutex);
    return err;
}

/* ---- Syncing ---- */

/* Has a spare file ready, so that append seldom waits for one to be made. Log thread. */
static void prepare_spare(struct payload_log *l)
{
    char *spare = file_path(l->dir, SPARE_NAME);
    bool wanted;

    pthread_mutex_lock(&l->mutex);
    wanted = !l->has_spare && bytes_on_disk(l) + l->segment_size <= l->size_max;
    pthread_mutex_unlock(&l->mutex);
    if (wanted && allocate(spare, l->segment_size) == ANJU_OK) {
        pthread_mutex_lock(&l->mutex);
        l->has_spare = true; /* nobody else makes one */
        pthread_mutex_unlock(&l->mutex);
    }
    free(spare);
}

/* Only the log thread takes segments off the list and closes them, so their descriptors stay open
 * while they are synced. */
static void clean_up(struct payload_log *l)
{
    struct payload_segment dead[16];
    bool has_spare;
    size_t n;

    pthread_mutex_lock(&l->mutex);
    n = take_dead(l, dead, sizeof dead / sizeof dead[0]);
    has_spare = l->has_spare;
    for (size_t i = 0; i < n; i++)
        has_spare = let_go(l, &dead[i], has_spare);
    l->has_spare = has_spare;
    l->dir_dirty = l->dir_dirty || n > 0;
    pthread_mutex_unlock(&l->mutex);
    prepare_spare(l);
}

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
    clean_up(l);
}

/* ---- Opening ---- */

static int by_number(const void *a, const void *b)
{
    const struct payload_segment *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

static bool number_of(uint64_t *out, const char *name)
{
    uint8_t b[8];
    char hex[17];

    if (strlen(name) != SEGMENT_NAME_SIZE || strcmp(name + 16, SEGMENT_SUFFIX) != 0)
        return false;
    memcpy(hex, name, 16);
    hex[16] = '\0';
    if (hex_decode(b, sizeof b, hex) != ANJU_OK)
        return false;
    *out = get_u64(b);
    return true;
}

static enum anju_err open_segment(struct payload_log *l, uint64_t number)
{
    struct payload_segment s = {.number = number, .path = segment_path(l, number)};
    struct stat st;

    s.fd = open(s.path, O_RDWR | O_CLOEXEC);
    if (s.fd < 0 || fstat(s.fd, &st) != 0) {
        enum anju_err err = file_fail("open", s.path);
        if (s.fd >= 0)
            close(s.fd);
        free(s.path);
        return err;
    }
    s.size = (uint64_t)st.st_size;
    segment_add(l, s);
    return ANJU_OK;
}

static enum anju_err list_segments(struct payload_log *l)
{
    DIR *d = opendir(l->dir);
    struct dirent *e;
    enum anju_err err = ANJU_OK;
    uint64_t number;

    if (d == NULL)
        return file_fail("read the directory", l->dir);
    while (err == ANJU_OK && (e = readdir(d)) != NULL)
        if (number_of(&number, e->d_name))
            err = open_segment(l, number);
    closedir(d);
    if (err == ANJU_OK && l->n_segments > 0)
        qsort(l->segments, l->n_segments, sizeof *l->segments, by_number);
    return err;
}

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

    if (place_find(f->log, head->kind, &head->id) != NULL)
        return ANJU_OK; /* appended again after it had been released: the first copy is as good */
    err = read_record(f->log, &h, &data, head->at);
    if (err == ANJU_OK) {
        struct payload_record r = {
            .kind = h.kind, .height = h.height, .id = h.id, .data = writer_view(&data)};
        remember(f->log, s, &h);
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
    table_init(&l->places, KEY_SIZE, sizeof(struct place));
    err = file_make_dir(l->dir);
    if (err != ANJU_OK)
        goto fail;
    spare = file_path(l->dir, SPARE_NAME);
    (void)unlink(spare); /* its size may be another one now */
    err = list_segments(l);
    if (err == ANJU_OK)
        err = recover(&f);
    /* Always a new segment: nothing is written over a tail that was not understood. */
    if (err == ANJU_OK)
        err = segment_begin(l, l->segment_size);
    if (err != ANJU_OK)
        goto fail;
    l->synced = (struct payload_position){l->segments[l->n_segments - 1].number, 0};
    file_sync_dir(options->dir);
    file_sync_dir(l->dir);
    clean_up(l);
    free(spare);
    *out = l;
    return ANJU_OK;
fail:
    free(spare);
    payload_log_close(l);
    return err;
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
        .bytes = bytes_on_disk(l),
    };
    pthread_mutex_unlock(&l->mutex);
}
