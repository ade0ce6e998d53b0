#include "storage/guard.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/log.h"
#include "storage/checksum.h"
#include "storage/file.h"

enum {
    SECTOR_SIZE = 512,
    SECTORS = GUARD_SLOT_SIZE / SECTOR_SIZE,
    SECTOR_HEAD = 16, /* checksum u32, sequence u64, slot u8, sector u8, 0 u16 */
    SECTOR_ROOM = SECTOR_SIZE - SECTOR_HEAD,
    SLOT_ROOM = SECTORS * SECTOR_ROOM,
    CONTENT_HEAD = 8 + 32 + 32 + 4, /* mark, ledger id, node id, size */
    REASON_MAX = 512,
};
_Static_assert(CONTENT_HEAD + GUARD_CONTENT_MAX <= SLOT_ROOM, "the content fits a slot");

static const char MARK[] = "anjugrd1";
static const char FILE_NAME[] = "guard";
static const char LOST_NAME[] = "guard.lost";

struct guard {
    int fd;
    char *dir;
    char *path;
    struct crypto_hash ledger_id;
    struct crypto_hash node_id;
    enum guard_state state;
    bool foreign;      /* LOST: the file is another node's */
    uint64_t sequence; /* the highest that any sector has shown */
    int current;       /* the slot that counts; the other is overwritten next */
    size_t size;
    uint8_t content[GUARD_CONTENT_MAX];
    char reason[REASON_MAX];
};

/* ---- Slots as bytes ---- */

static uint32_t sector_checksum(const uint8_t *sector)
{
    return checksum_crc32c(0, bytes_of(sector + 4, SECTOR_SIZE - 4));
}

static void slot_encode(uint8_t out[GUARD_SLOT_SIZE], const struct guard *g, int slot,
                        uint64_t sequence, struct bytes content)
{
    uint8_t flat[SLOT_ROOM] = {0};

    memcpy(flat, MARK, 8);
    memcpy(flat + 8, g->ledger_id.b, 32);
    memcpy(flat + 40, g->node_id.b, 32);
    put_u32(flat + 72, (uint32_t)content.size);
    if (content.size > 0)
        memcpy(flat + CONTENT_HEAD, content.data, content.size);
    for (int i = 0; i < SECTORS; i++) {
        uint8_t *sector = out + i * SECTOR_SIZE;
        put_u64(sector + 4, sequence);
        sector[12] = (uint8_t)slot;
        sector[13] = (uint8_t)i;
        put_u16(sector + 14, 0);
        memcpy(sector + SECTOR_HEAD, flat + i * SECTOR_ROOM, SECTOR_ROOM);
        put_u32(sector, sector_checksum(sector));
    }
}

enum slot_state { SLOT_WHOLE, SLOT_TORN, SLOT_DAMAGED };

struct slot_view {
    enum slot_state state;
    uint64_t sequence; /* the highest of its sectors */
    int damaged;       /* the first damaged sector */
    uint8_t flat[SLOT_ROOM];
};

static void slot_decode(struct slot_view *out, const uint8_t raw[GUARD_SLOT_SIZE], size_t got,
                        int slot)
{
    uint64_t first = 0;

    *out = (struct slot_view){.state = SLOT_WHOLE};
    for (int i = 0; i < SECTORS; i++) {
        const uint8_t *sector = raw + i * SECTOR_SIZE;
        uint64_t sequence = get_u64(sector + 4);

        if ((size_t)(i + 1) * SECTOR_SIZE > got || get_u32(sector) != sector_checksum(sector) ||
            sector[12] != slot || sector[13] != i) {
            out->state = SLOT_DAMAGED;
            out->damaged = i;
            return;
        }
        if (i == 0)
            first = sequence;
        if (sequence != first)
            out->state = SLOT_TORN;
        if (sequence > out->sequence)
            out->sequence = sequence;
        memcpy(out->flat + i * SECTOR_ROOM, sector + SECTOR_HEAD, SECTOR_ROOM);
    }
}

/* ---- Lost ---- */

static void set_lost(struct guard *g, const char *reason)
{
    g->state = GUARD_LOST;
    g->size = 0;
    (void)snprintf(g->reason, sizeof g->reason, "%s", reason);
}

enum anju_err guard_mark_lost(const char *dir, const char *reason)
{
    return file_replace(dir, LOST_NAME, bytes_of_text(reason));
}

/* What was lost once must not look sound at the next start, when a bad sector happens to read
 * again. */
static void lose(struct guard *g, const char *reason)
{
    set_lost(g, reason);
    if (guard_mark_lost(g->dir, reason) != ANJU_OK)
        log_warn("storage", "%s", anju_err_text());
}

/* *marked: the marker is there, and the guard is lost for the reason in it. */
static enum anju_err read_marker(struct guard *g, bool *marked)
{
    char *path = file_path(g->dir, LOST_NAME);
    char text[REASON_MAX] = "";
    size_t got = 0;
    enum anju_err err = ANJU_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    *marked = fd >= 0;
    if (fd < 0 && errno != ENOENT)
        err = file_fail("open", path);
    if (fd >= 0) {
        /* The marker counts by being there; its words are for people. */
        if (file_read_at(fd, path, text, sizeof text - 1, 0, &got) != ANJU_OK || got == 0)
            (void)snprintf(text, sizeof text, "%s says so", path);
        text[strcspn(text, "\n")] = '\0';
        close(fd);
        set_lost(g, text);
    }
    free(path);
    return err;
}

/* ---- Opening ---- */

static enum anju_err lock(struct guard *g)
{
    if (flock(g->fd, LOCK_EX | LOCK_NB) == 0)
        return ANJU_OK;
    if (errno == EWOULDBLOCK)
        return anju_fail(ANJU_ERR_BUSY,
                         "%s is in use by another process: the same node must not run twice",
                         g->path);
    return file_fail("lock", g->path);
}

static enum anju_err create(struct guard *g)
{
    uint8_t raw[2 * GUARD_SLOT_SIZE];
    enum anju_err err;

    g->sequence = 2;
    g->current = 1;
    slot_encode(raw, g, 0, 1, bytes_of(NULL, 0));
    slot_encode(raw + GUARD_SLOT_SIZE, g, 1, 2, bytes_of(NULL, 0));
    err = file_replace(g->dir, FILE_NAME, bytes_of(raw, sizeof raw));
    if (err != ANJU_OK)
        return err;
    g->fd = open(g->path, O_RDWR | O_CLOEXEC);
    if (g->fd < 0)
        return file_fail("open", g->path);
    g->state = GUARD_NEW;
    return lock(g);
}

/* Takes what the slot that counts holds. */
static void take(struct guard *g, const struct slot_view *v)
{
    uint32_t size = get_u32(v->flat + 72);

    if (memcmp(v->flat, MARK, 8) != 0 || size > GUARD_CONTENT_MAX) {
        lose(g, "the guard file has an unknown form");
        return;
    }
    /* Started by mistake with another key or directory: say so, but leave the right node its guard.
     */
    if (memcmp(v->flat + 8, g->ledger_id.b, 32) != 0 ||
        memcmp(v->flat + 40, g->node_id.b, 32) != 0) {
        set_lost(g, "the guard file belongs to another node or another ledger");
        g->foreign = true;
        return;
    }
    g->state = GUARD_FOUND;
    g->size = size;
    memcpy(g->content, v->flat + CONTENT_HEAD, size);
}

static void judge(struct guard *g, const struct slot_view v[2])
{
    char reason[REASON_MAX];

    for (int i = 0; i < 2; i++) {
        if (v[i].state != SLOT_DAMAGED)
            continue;
        (void)snprintf(reason, sizeof reason, "sector %d of slot %d of %s is damaged", v[i].damaged,
                       i, g->path);
        lose(g, reason);
        return;
    }
    /* Above every number seen: sectors of a torn write must not mix with those of the next one. */
    g->sequence = v[0].sequence > v[1].sequence ? v[0].sequence : v[1].sequence;
    if (v[0].state == SLOT_TORN && v[1].state == SLOT_TORN) {
        lose(g, "both slots of the guard file are torn");
        return;
    }
    if (v[0].state == SLOT_TORN)
        g->current = 1;
    else if (v[1].state == SLOT_TORN)
        g->current = 0;
    else
        g->current = v[1].sequence > v[0].sequence ? 1 : 0;
    take(g, &v[g->current]);
}

static void load(struct guard *g)
{
    struct slot_view *v = anju_alloc(2 * sizeof *v);
    uint8_t raw[GUARD_SLOT_SIZE];

    for (int i = 0; i < 2; i++) {
        size_t got = 0;
        memset(raw, 0, sizeof raw);
        if (file_read_at(g->fd, g->path, raw, sizeof raw, (uint64_t)i * GUARD_SLOT_SIZE, &got) !=
            ANJU_OK)
            log_warn("storage", "%s", anju_err_text()); /* what was not read counts as damaged */
        slot_decode(&v[i], raw, got, i);
    }
    judge(g, v);
    free(v);
}

enum anju_err guard_open(struct guard **out, const char *dir, const struct crypto_hash *ledger_id,
                         const struct crypto_hash *node_id, bool ledger_exists)
{
    struct guard *g = anju_alloc(sizeof *g);
    bool marked = false;
    enum anju_err err;

    *out = NULL;
    g->fd = -1;
    g->dir = anju_strdup(dir);
    g->path = file_path(dir, FILE_NAME);
    g->ledger_id = *ledger_id;
    g->node_id = *node_id;
    err = file_make_dir(dir);
    if (err != ANJU_OK)
        goto fail;
    g->fd = open(g->path, O_RDWR | O_CLOEXEC);
    if (g->fd < 0 && errno != ENOENT) {
        err = file_fail("open", g->path);
        goto fail;
    }
    if (g->fd >= 0) {
        err = lock(g);
        if (err != ANJU_OK)
            goto fail;
    }
    err = read_marker(g, &marked);
    if (err != ANJU_OK)
        goto fail;
    if (!marked && g->fd >= 0) {
        /* The last write of a process that was killed may be in the page cache only. From here on it
         * counts: what it holds is said again, and a power cut must not take it back. */
        file_sync(g->fd, g->path);
        load(g);
    } else if (!marked && ledger_exists)
        lose(g, "the guard file is missing beside an existing ledger");
    else if (!marked)
        err = create(g);
    if (err != ANJU_OK)
        goto fail;
    *out = g;
    return ANJU_OK;
fail:
    guard_close(g);
    return err;
}

void guard_close(struct guard *g)
{
    if (g == NULL)
        return;
    if (g->fd >= 0)
        close(g->fd); /* lets go of the lock, too */
    free(g->path);
    free(g->dir);
    free(g);
}

enum guard_state guard_state(const struct guard *g)
{
    return g->state;
}

struct bytes guard_content(const struct guard *g)
{
    return bytes_of(g->content, g->size);
}

const char *guard_lost_reason(const struct guard *g)
{
    return g->reason;
}

void guard_write(struct guard *g, struct bytes content)
{
    uint8_t raw[GUARD_SLOT_SIZE];
    int slot = 1 - g->current;

    assert(g->state != GUARD_LOST);
    assert(content.size <= GUARD_CONTENT_MAX);
    slot_encode(raw, g, slot, g->sequence + 1, content);
    if (file_write_at(g->fd, g->path, bytes_of(raw, sizeof raw),
                      (uint64_t)slot * GUARD_SLOT_SIZE) != ANJU_OK) {
        log_error("storage", "%s. Without its guard this node must not sign: it stops",
                  anju_err_text());
        abort();
    }
    file_sync(g->fd, g->path);
    g->sequence++;
    g->current = slot;
    g->state = GUARD_FOUND;
    g->size = content.size;
    if (content.size > 0)
        memmove(g->content, content.data, content.size);
}

bool guard_is_renewable(const struct guard *g)
{
    return g->state == GUARD_LOST && !g->foreign;
}

static void die(void)
{
    log_error("storage", "%s. Without its guard this node must not sign: it stops",
              anju_err_text());
    abort();
}

void guard_renew(struct guard *g, struct bytes content)
{
    uint8_t raw[2 * GUARD_SLOT_SIZE];
    char *marker = file_path(g->dir, LOST_NAME);

    assert(guard_is_renewable(g) && content.size <= GUARD_CONTENT_MAX);
    if (g->fd < 0 && create(g) != ANJU_OK)
        die();
    slot_encode(raw, g, 0, 1, bytes_of(NULL, 0));
    slot_encode(raw + GUARD_SLOT_SIZE, g, 1, 2, content);
    if (file_write_at(g->fd, g->path, bytes_of(raw, sizeof raw), 0) != ANJU_OK)
        die();
    file_sync(g->fd, g->path);
    if (unlink(marker) != 0 && errno != ENOENT) {
        (void)file_fail("remove", marker);
        die();
    }
    file_sync_dir(g->dir);
    free(marker);
    g->sequence = 2;
    g->current = 1;
    g->state = GUARD_FOUND;
    g->size = content.size;
    if (content.size > 0)
        memmove(g->content, content.data, content.size);
}
