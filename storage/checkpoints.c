#include "storage/checkpoints.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "storage/checksum.h"
#include "storage/file.h"

enum {
    HEAD_SIZE = 4 + 4, /* checksum of the rest, size of the rest */
    FIXED_SIZE = 8 * 3 + 32 + 1 + 64 + 1,
    COSIGNATURE_SIZE = 32 + 8 + 64 + 64,
    RECORD_SIZE_MAX = FIXED_SIZE + COSIGNATURE_SIZE * LEDGER_SET_MAX,
    HOUR_MS = 3600 * 1000,
};

/* Where a written one lies. */
struct place {
    uint64_t height, size, hour, offset;
    uint32_t record_size;
    uint8_t n;
};

struct checkpoints {
    char *dir;
    bool readonly;
    pthread_mutex_t lock;
    struct place *places; /* ascending by height, so by size */
    size_t count, room;
    struct kept_checkpoint open[CHECKPOINTS_OPEN]; /* oldest first, all above the places */
    size_t n_open;
    int fd; /* of the hour that is written; -1 */
    uint64_t hour, end;
    uint64_t pruned_hour; /* files of hours below this have one checkpoint */
};

static char *hour_path(const struct checkpoints *c, uint64_t hour)
{
    char name[32];

    snprintf(name, sizeof(name), "%" PRIu64, hour);
    return file_path(c->dir, name);
}

static void encode(struct writer *w, const struct kept_checkpoint *k)
{
    writer_u64(w, k->height);
    writer_u64(w, k->size);
    writer_u64(w, k->time_ms);
    writer_put(w, k->root.b, sizeof(k->root.b));
    writer_u8(w, k->has_log_sig);
    writer_put(w, k->log_sig, sizeof(k->log_sig));
    writer_u8(w, k->n);
    for (unsigned i = 0; i < k->n; i++) {
        writer_put(w, k->by[i].node.b, sizeof(k->by[i].node.b));
        writer_u64(w, k->by[i].time_s);
        writer_put(w, k->by[i].ed25519, sizeof(k->by[i].ed25519));
        writer_put(w, k->by[i].cose.b, sizeof(k->by[i].cose.b));
    }
}

static enum anju_err decode(struct kept_checkpoint *k, struct bytes in)
{
    struct reader r = reader_over(in);

    memset(k, 0, sizeof(*k));
    k->height = reader_u64(&r);
    k->size = reader_u64(&r);
    k->time_ms = reader_u64(&r);
    reader_copy(&r, k->root.b, sizeof(k->root.b));
    k->has_log_sig = reader_u8_max(&r, 1) == 1;
    reader_copy(&r, k->log_sig, sizeof(k->log_sig));
    k->n = reader_u8_max(&r, LEDGER_SET_MAX);
    for (unsigned i = 0; i < k->n; i++) {
        reader_copy(&r, k->by[i].node.b, sizeof(k->by[i].node.b));
        k->by[i].time_s = reader_u64(&r);
        reader_copy(&r, k->by[i].ed25519, sizeof(k->by[i].ed25519));
        reader_copy(&r, k->by[i].cose.b, sizeof(k->by[i].cose.b));
    }
    return reader_finish(&r);
}

static void remember(struct checkpoints *c, const struct kept_checkpoint *k, uint64_t offset,
                     uint32_t record_size)
{
    if (c->count == c->room) {
        c->room = c->room == 0 ? 256 : 2 * c->room;
        c->places = anju_realloc(c->places, c->room * sizeof(*c->places));
    }
    c->places[c->count++] = (struct place){.height = k->height,
                                           .size = k->size,
                                           .hour = k->time_ms / HOUR_MS,
                                           .offset = offset,
                                           .record_size = record_size,
                                           .n = k->n};
}

/* The record at an offset of a file; false at its end, or where what follows is no whole record. */
static bool read_record(struct kept_checkpoint *k, uint32_t *size, int fd, const char *path,
                        uint64_t offset)
{
    uint8_t raw[HEAD_SIZE + RECORD_SIZE_MAX];
    size_t got = 0;

    if (file_read_at(fd, path, raw, sizeof(raw), offset, &got) != ANJU_OK || got < HEAD_SIZE)
        return false;
    *size = get_u32(raw + 4);
    if (*size > RECORD_SIZE_MAX || got < HEAD_SIZE + *size)
        return false;
    struct bytes rest = bytes_of(raw + 4, 4 + *size);
    return get_u32(raw) == checksum_crc32c(0, rest) &&
           decode(k, bytes_of(raw + HEAD_SIZE, *size)) == ANJU_OK;
}

/* Takes in a file; *end is where its good records end. */
static enum anju_err read_hour(struct checkpoints *c, uint64_t hour, uint64_t *end)
{
    char *path = hour_path(c, hour);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum anju_err err = fd >= 0 ? ANJU_OK : file_fail("open", path);
    struct kept_checkpoint k;
    uint32_t size;

    *end = 0;
    while (err == ANJU_OK && read_record(&k, &size, fd, path, *end)) {
        if (k.time_ms / HOUR_MS == hour &&
            (c->count == 0 || k.height > c->places[c->count - 1].height))
            remember(c, &k, *end, size);
        *end += HEAD_SIZE + size;
    }
    if (err == ANJU_OK && lseek(fd, 0, SEEK_END) != (off_t)*end)
        log_warn("checkpoints",
                 "%s: what follows byte %" PRIu64
                 " is damaged or was cut off; those checkpoints are skipped",
                 path, *end);
    if (fd >= 0)
        close(fd);
    free(path);
    return err;
}

static int by_hour(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Hours that have a file, ascending; heap. */
static uint64_t *list_hours(const struct checkpoints *c, size_t *count)
{
    DIR *dir = opendir(c->dir);
    uint64_t *out = NULL;

    *count = 0;
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        char *end;
        uint64_t hour = strtoull(e->d_name, &end, 10);
        if (e->d_name[0] < '0' || e->d_name[0] > '9' || *end != '\0')
            continue;
        out = anju_realloc(out, (*count + 1) * sizeof(*out));
        out[(*count)++] = hour;
    }
    if (dir != NULL)
        closedir(dir);
    if (*count > 0)
        qsort(out, *count, sizeof(*out), by_hour);
    return out;
}

enum anju_err checkpoints_open(struct checkpoints **out, const char *dir, bool readonly)
{
    struct checkpoints *c = anju_alloc(sizeof(*c));
    enum anju_err err = ANJU_OK;
    size_t count;

    c->dir = file_path(dir, "checkpoints");
    c->readonly = readonly;
    c->fd = -1;
    pthread_mutex_init(&c->lock, NULL);
    if (!readonly)
        err = file_make_dir(c->dir);
    uint64_t *hours = list_hours(c, &count);
    for (size_t i = 0; err == ANJU_OK && i < count; i++) {
        err = read_hour(c, hours[i], &c->end);
        c->hour = hours[i];
    }
    free(hours);
    if (err == ANJU_OK && readonly && c->count == 0)
        err = anju_fail(ANJU_ERR_NOT_FOUND, "%s has no checkpoints (yet)", c->dir);
    if (err != ANJU_OK) {
        checkpoints_close(c);
        return err;
    }
    *out = c;
    return ANJU_OK;
}

/* ---- Writing ---- */

/* The file of an hour, to be written from `end` on: what lies behind the good records is cut off.
 */
static enum anju_err open_hour(struct checkpoints *c, uint64_t hour)
{
    if (c->fd >= 0 && c->hour == hour)
        return ANJU_OK;
    if (c->fd >= 0)
        close(c->fd);
    if (c->hour != hour)
        c->end = 0;
    c->hour = hour;
    char *path = hour_path(c, hour);
    c->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    enum anju_err err =
        c->fd >= 0 && ftruncate(c->fd, (off_t)c->end) == 0 ? ANJU_OK : file_fail("open", path);
    free(path);
    return err;
}

static void put_record(struct writer *w, const struct kept_checkpoint *k)
{
    size_t at = w->size;

    writer_u32(w, 0);
    writer_u32(w, 0);
    encode(w, k);
    put_u32(w->data + at + 4, (uint32_t)(w->size - at - HEAD_SIZE));
    put_u32(w->data + at, checksum_crc32c(0, bytes_of(w->data + at + 4, w->size - at - 4)));
}

static enum anju_err write_down(struct checkpoints *c, const struct kept_checkpoint *k)
{
    struct writer w = {0};
    enum anju_err err = open_hour(c, k->time_ms / HOUR_MS);

    if (err == ANJU_OK) {
        put_record(&w, k);
        char *path = hour_path(c, c->hour);
        err = file_write_at(c->fd, path, writer_view(&w), c->end);
        free(path);
    }
    if (err == ANJU_OK) {
        remember(c, k, c->end, (uint32_t)(w.size - HEAD_SIZE));
        c->end += w.size;
    }
    writer_free(&w);
    return err;
}

static enum anju_err read_place(struct checkpoints *c, struct kept_checkpoint *out,
                                const struct place *p)
{
    char *path = hour_path(c, p->hour);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint32_t size;
    enum anju_err err =
        fd < 0 ? file_fail("open", path)
        : read_record(out, &size, fd, path, p->offset) && out->height == p->height
            ? ANJU_OK
            : anju_fail(ANJU_ERR_CORRUPT, "%s: the checkpoint at byte %" PRIu64 " is damaged", path,
                        p->offset);

    if (fd >= 0)
        close(fd);
    free(path);
    return err;
}

/* Of the places [begin, end) of one hour, the first with the most cosignatures alone is kept. */
static enum anju_err prune_hour(struct checkpoints *c, size_t begin, size_t end)
{
    struct writer w = {0};
    struct kept_checkpoint k;
    char name[32];
    size_t best = begin;

    for (size_t i = begin; i < end; i++)
        if (c->places[i].n > c->places[best].n)
            best = i;
    enum anju_err err = read_place(c, &k, &c->places[best]);
    if (err == ANJU_OK) {
        put_record(&w, &k);
        snprintf(name, sizeof(name), "%" PRIu64, c->places[best].hour);
        err = file_replace(c->dir, name, writer_view(&w));
    }
    if (err == ANJU_OK) {
        c->places[begin] = c->places[best];
        c->places[begin].offset = 0;
        memmove(&c->places[begin + 1], &c->places[end], (c->count - end) * sizeof(*c->places));
        c->count -= end - begin - 1;
    }
    writer_free(&w);
    return err;
}

static enum anju_err prune(struct checkpoints *c, uint64_t hour)
{
    enum anju_err err = ANJU_OK;

    if (hour < CHECKPOINTS_HOURS || hour - CHECKPOINTS_HOURS <= c->pruned_hour)
        return ANJU_OK;
    for (size_t i = 0;
         err == ANJU_OK && i < c->count && c->places[i].hour < hour - CHECKPOINTS_HOURS; i++) {
        size_t end = i + 1;
        while (end < c->count && c->places[end].hour == c->places[i].hour)
            end++;
        if (end > i + 1)
            err = prune_hour(c, i, end);
    }
    if (err == ANJU_OK)
        c->pruned_hour = hour - CHECKPOINTS_HOURS;
    return err;
}

static enum anju_err close_oldest(struct checkpoints *c)
{
    enum anju_err err = write_down(c, &c->open[0]);

    c->n_open--;
    memmove(&c->open[0], &c->open[1], c->n_open * sizeof(c->open[0]));
    return err;
}

enum anju_err checkpoints_add(struct checkpoints *c, const struct kept_checkpoint *k)
{
    enum anju_err err = ANJU_OK;

    pthread_mutex_lock(&c->lock);
    uint64_t last = c->n_open > 0  ? c->open[c->n_open - 1].height
                    : c->count > 0 ? c->places[c->count - 1].height
                                   : 0;
    if (k->height > last) {
        if (c->n_open == CHECKPOINTS_OPEN)
            err = close_oldest(c);
        c->open[c->n_open++] = *k;
        if (err == ANJU_OK)
            err = prune(c, k->time_ms / HOUR_MS);
    }
    pthread_mutex_unlock(&c->lock);
    return err;
}

void checkpoints_close(struct checkpoints *c)
{
    if (c == NULL)
        return;
    while (c->n_open > 0)
        if (close_oldest(c) != ANJU_OK)
            log_warn("checkpoints", "the last checkpoint is not kept: %s", anju_err_text());
    if (c->fd >= 0)
        close(c->fd);
    pthread_mutex_destroy(&c->lock);
    free(c->places);
    free(c->dir);
    free(c);
}

static struct kept_checkpoint *find_open(struct checkpoints *c, uint64_t height)
{
    for (size_t i = 0; i < c->n_open; i++)
        if (c->open[i].height == height)
            return &c->open[i];
    return NULL;
}

bool checkpoints_cosign(struct checkpoints *c, uint64_t height, const struct kept_cosignature *by)
{
    pthread_mutex_lock(&c->lock);
    struct kept_checkpoint *k = find_open(c, height);
    bool fresh = k != NULL && k->n < LEDGER_SET_MAX;
    for (unsigned i = 0; fresh && i < k->n; i++)
        fresh = !crypto_hash_equal(&k->by[i].node, &by->node);
    if (fresh)
        k->by[k->n++] = *by;
    pthread_mutex_unlock(&c->lock);
    return fresh;
}

bool checkpoints_find_open(struct checkpoints *c, struct kept_checkpoint *out, uint64_t height)
{
    pthread_mutex_lock(&c->lock);
    const struct kept_checkpoint *k = find_open(c, height);
    if (k != NULL)
        *out = *k;
    pthread_mutex_unlock(&c->lock);
    return k != NULL;
}

/* ---- Reading ---- */

/* The first place with a height (or, by_size, a size) of at least `least`. */
static size_t lower_bound(const struct checkpoints *c, uint64_t least, bool by_size)
{
    size_t low = 0, high = c->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((by_size ? c->places[middle].size : c->places[middle].height) < least)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

enum anju_err checkpoints_at(struct checkpoints *c, struct kept_checkpoint *out, uint64_t height)
{
    enum anju_err err = ANJU_ERR_NOT_FOUND;

    pthread_mutex_lock(&c->lock);
    const struct kept_checkpoint *k = find_open(c, height);
    size_t i = lower_bound(c, height, false);
    if (k != NULL) {
        *out = *k;
        err = ANJU_OK;
    } else if (i < c->count && c->places[i].height == height)
        err = read_place(c, out, &c->places[i]);
    pthread_mutex_unlock(&c->lock);
    return err;
}

enum anju_err checkpoints_newest(struct checkpoints *c, struct kept_checkpoint *out, unsigned need)
{
    enum anju_err err = ANJU_ERR_NOT_FOUND;

    pthread_mutex_lock(&c->lock);
    for (size_t i = c->n_open; err == ANJU_ERR_NOT_FOUND && i-- > 0;)
        if (c->open[i].n >= need) {
            *out = c->open[i];
            err = ANJU_OK;
        }
    for (size_t i = c->count; err == ANJU_ERR_NOT_FOUND && i-- > 0;)
        if (c->places[i].n >= need)
            err = read_place(c, out, &c->places[i]);
    pthread_mutex_unlock(&c->lock);
    return err;
}

enum anju_err checkpoints_covering(struct checkpoints *c, struct kept_checkpoint *out,
                                   uint64_t size, unsigned need)
{
    enum anju_err err = ANJU_ERR_NOT_FOUND;

    pthread_mutex_lock(&c->lock);
    for (size_t i = lower_bound(c, size, true); err == ANJU_ERR_NOT_FOUND && i < c->count; i++)
        if (c->places[i].n >= need)
            err = read_place(c, out, &c->places[i]);
    for (size_t i = 0; err == ANJU_ERR_NOT_FOUND && i < c->n_open; i++)
        if (c->open[i].size >= size && c->open[i].n >= need) {
            *out = c->open[i];
            err = ANJU_OK;
        }
    pthread_mutex_unlock(&c->lock);
    return err;
}
