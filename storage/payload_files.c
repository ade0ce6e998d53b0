#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "storage/file.h"
#include "storage/payload_log_body.h"

enum { SEGMENT_NAME_SIZE = 16 + 4 };
#define SEGMENT_SUFFIX ".seg"

static char *segment_path(const struct payload_log *l, uint64_t number)
{
    char name[SEGMENT_NAME_SIZE + 1];

    (void)snprintf(name, sizeof name, "%016" PRIx64 SEGMENT_SUFFIX, number);
    return file_path(l->dir, name);
}

struct payload_segment *payload_segment_find(struct payload_log *l, uint64_t number)
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

uint64_t payload_bytes_on_disk(const struct payload_log *l)
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
enum anju_err payload_segment_begin(struct payload_log *l, uint64_t size)
{
    struct payload_segment *last = l->n_segments > 0 ? &l->segments[l->n_segments - 1] : NULL;
    struct payload_segment s = {.number = last != NULL ? last->number + 1 : 1, .size = size};
    char *spare = file_path(l->dir, PAYLOAD_SPARE_NAME);
    bool reuse = l->has_spare && size == l->segment_size;
    enum anju_err err = ANJU_OK;

    s.path = segment_path(l, s.number);
    if (!reuse && payload_bytes_on_disk(l) + size > l->size_max) {
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
    char *spare = file_path(l->dir, PAYLOAD_SPARE_NAME);

    close(s->fd);
    if (!has_spare && s->size == l->segment_size && rename(s->path, spare) == 0)
        has_spare = true;
    else if (unlink(s->path) != 0)
        log_warn("storage", "cannot remove %s: %s", s->path, strerror(errno));
    free(s->path);
    free(spare);
    return has_spare;
}

/* ---- Tidying ---- */

/* Has a spare file ready, so that append seldom waits for one to be made. Log thread. */
static void prepare_spare(struct payload_log *l)
{
    char *spare = file_path(l->dir, PAYLOAD_SPARE_NAME);
    bool wanted;

    pthread_mutex_lock(&l->mutex);
    wanted = !l->has_spare && payload_bytes_on_disk(l) + l->segment_size <= l->size_max;
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
void payload_clean_up(struct payload_log *l)
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

/* ---- What is there ---- */

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

enum anju_err payload_list_segments(struct payload_log *l)
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
