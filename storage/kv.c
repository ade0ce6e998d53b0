#include "storage/kv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage/checksum.h"
#include "storage/file.h"

enum { READERS_MAX = 510 };
#define MAP_SIZE_LEAST (UINT64_C(1) << 30)

enum anju_err kv_fail(const struct kv_env *e, int rc, const char *what)
{
    switch (rc) {
    case MDB_NOTFOUND:
        return ANJU_ERR_NOT_FOUND;
    case MDB_MAP_FULL:
        return anju_fail(ANJU_ERR_FULL, "%s has used up its address space: raise the map size",
                         e->path);
    case ENOSPC:
    case EDQUOT:
        return anju_fail(ANJU_ERR_FULL, "no room on disk to %s in %s: make room there", what,
                         e->path);
    case MDB_READERS_FULL:
        return anju_fail(ANJU_ERR_BUSY, "too many readers of %s at once", e->path);
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_BAD_VALSIZE:
    case MDB_KEYEXIST: /* an appended key that is not above the last one */
        return anju_fail(ANJU_ERR_CORRUPT,
                         "%s is damaged (%s): run `anju audit`, or restore it from a "
                         "backup or another node",
                         e->path, mdb_strerror(rc));
    case MDB_VERSION_MISMATCH:
        return anju_fail(ANJU_ERR_UNSUPPORTED, "%s was written by another version of LMDB",
                         e->path);
    case ENOMEM:
        return anju_fail(ANJU_ERR_IO,
                         "cannot %s in %s: no address space; is there a limit on virtual memory?",
                         what, e->path);
    default:
        return anju_fail(ANJU_ERR_IO, "cannot %s in %s: %s", what, e->path, mdb_strerror(rc));
    }
}

static int open_env(struct kv_env *e, uint64_t map_size, unsigned tables_max, bool readonly)
{
    int rc = mdb_env_create(&e->env);

    if (rc == 0)
        rc = mdb_env_set_mapsize(e->env, (size_t)map_size);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(e->env, tables_max);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(e->env, READERS_MAX);
    if (rc == 0)
        rc = mdb_env_open(e->env, e->path, MDB_NOTLS | (readonly ? MDB_RDONLY : 0u), 0600);
    if (rc != 0 && e->env != NULL) {
        mdb_env_close(e->env); /* also after a failed opening */
        e->env = NULL;
    }
    return rc;
}

enum anju_err kv_open(struct kv_env *e, const char *path, uint64_t map_size, unsigned tables_max,
                      bool readonly)
{
    enum anju_err err;
    int dead = 0;
    int rc;

    e->path = anju_strdup(path);
    rc = open_env(e, map_size, tables_max, readonly);
    /* Address space costs nothing, but a limit on it or a sanitizer may leave less than we ask for.
     */
    while (rc == ENOMEM && map_size > MAP_SIZE_LEAST) {
        map_size /= 2;
        rc = open_env(e, map_size, tables_max, readonly);
    }
    if (rc != 0) {
        err = kv_fail(e, rc, "open the tables");
        if (rc == ENOENT)
            err = anju_fail(ANJU_ERR_NOT_FOUND, "there is no ledger in %s", path);
        kv_close(e);
        return err;
    }
    (void)mdb_reader_check(e->env, &dead); /* readers that were killed */
    /* The last transaction of a process that was killed may be in the page cache only. */
    rc = readonly ? 0 : mdb_env_sync(e->env, 1);
    if (rc != 0) {
        err = kv_fail(e, rc, "sync the tables");
        kv_close(e);
        return err;
    }
    return ANJU_OK;
}

void kv_close(struct kv_env *e)
{
    if (e->env != NULL)
        mdb_env_close(e->env);
    free(e->path);
    *e = (struct kv_env){0};
}

uint64_t kv_bytes(const struct kv_env *e)
{
    MDB_envinfo info;
    MDB_stat stat;

    if (mdb_env_info(e->env, &info) != 0 || mdb_env_stat(e->env, &stat) != 0)
        return 0;
    return ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
}

enum anju_err kv_begin(MDB_txn **out, const struct kv_env *e, bool write)
{
    int rc = mdb_txn_begin(e->env, NULL, write ? 0 : MDB_RDONLY, out);

    if (rc == 0)
        return ANJU_OK;
    *out = NULL;
    return kv_fail(e, rc, "begin a transaction");
}

static bool is_dead(const struct kv_env *e)
{
    MDB_txn *txn = NULL;
    int rc = mdb_txn_begin(e->env, NULL, MDB_RDONLY, &txn);

    if (rc == 0)
        mdb_txn_abort(txn);
    return rc == MDB_PANIC;
}

enum anju_err kv_commit(const struct kv_env *e, MDB_txn **txn)
{
    int rc = mdb_txn_commit(*txn);

    *txn = NULL; /* LMDB frees it also when the commit fails */
    /* LMDB says EIO for a write that came out short, too: the disk was full before the end of it.
     */
    if (rc == EIO && file_no_room(e->path))
        rc = ENOSPC;
    /* A sync that failed must not be tried again (see file_sync). And where the root page could not
     * be written LMDB takes nothing any more, and nobody knows which root is on disk: the next
     * start does. */
    if (rc == EIO || (rc != 0 && is_dead(e))) {
        errno = rc;
        file_die("commit to", e->path);
    }
    return rc == 0 ? ANJU_OK : kv_fail(e, rc, "commit");
}

void kv_abort(MDB_txn **txn)
{
    if (*txn != NULL)
        mdb_txn_abort(*txn);
    *txn = NULL;
}

enum anju_err kv_tables(const struct kv_env *e, MDB_txn *txn, struct kv_table *out,
                        const char *const *names, size_t count, bool write)
{
    for (size_t i = 0; i < count; i++) {
        int rc = mdb_dbi_open(txn, names[i], write ? MDB_CREATE : 0, &out[i].dbi);
        if (rc != 0)
            return kv_fail(e, rc, "open a table");
        out[i].name = names[i];
    }
    return ANJU_OK;
}

static MDB_val val_of(struct bytes b)
{
    return (MDB_val){.mv_size = b.size, .mv_data = (void *)(uintptr_t)b.data};
}

static uint32_t checksum_of(struct bytes key, struct bytes value)
{
    return checksum_crc32c(checksum_crc32c(0, key), value);
}

static enum anju_err damaged(const struct kv_env *e, const struct kv_table *t, struct bytes key)
{
    char hex[2 * 40 + 1];

    hex_encode(hex, key.data, key.size < 40 ? key.size : 40);
    return anju_fail(ANJU_ERR_CORRUPT, "%s is damaged: table %s, key %s", e->path, t->name, hex);
}

/* Splits the stored form into the value and its checksum. */
static enum anju_err open_value(const struct kv_env *e, const struct kv_table *t, struct bytes *out,
                                struct bytes key, MDB_val v, bool check)
{
    if (v.mv_size < KV_CHECKSUM_SIZE)
        return damaged(e, t, key);
    *out = bytes_of(v.mv_data, v.mv_size - KV_CHECKSUM_SIZE);
    if (check && get_u32(out->data + out->size) != checksum_of(key, *out))
        return damaged(e, t, key);
    return ANJU_OK;
}

static enum anju_err get(const struct kv_env *e, MDB_txn *txn, const struct kv_table *t,
                         struct bytes *out, struct bytes key, bool check)
{
    MDB_val k = val_of(key), v;
    int rc = mdb_get(txn, t->dbi, &k, &v);

    if (rc != 0)
        return kv_fail(e, rc, "read");
    return open_value(e, t, out, key, v, check);
}

enum anju_err kv_get(const struct kv_env *e, MDB_txn *txn, const struct kv_table *t,
                     struct bytes *out, struct bytes key)
{
    return get(e, txn, t, out, key, true);
}

enum anju_err kv_get_unchecked(const struct kv_env *e, MDB_txn *txn, const struct kv_table *t,
                               struct bytes *out, struct bytes key)
{
    return get(e, txn, t, out, key, false);
}

enum anju_err kv_put(const struct kv_env *e, MDB_txn *txn, const struct kv_table *t,
                     struct bytes key, struct bytes value, bool append)
{
    MDB_val k = val_of(key), v = {.mv_size = value.size + KV_CHECKSUM_SIZE};
    int rc = mdb_put(txn, t->dbi, &k, &v, MDB_RESERVE | (append ? MDB_APPEND : 0u));

    if (rc != 0)
        return kv_fail(e, rc, "write");
    if (value.size > 0)
        memcpy(v.mv_data, value.data, value.size);
    put_u32((uint8_t *)v.mv_data + value.size, checksum_of(key, value));
    return ANJU_OK;
}

enum anju_err kv_delete(const struct kv_env *e, MDB_txn *txn, const struct kv_table *t,
                        struct bytes key)
{
    MDB_val k = val_of(key);
    int rc = mdb_del(txn, t->dbi, &k, NULL);

    return rc == 0 || rc == MDB_NOTFOUND ? ANJU_OK : kv_fail(e, rc, "remove");
}

enum anju_err kv_walk_begin(struct kv_walk *w, const struct kv_env *e, MDB_txn *txn,
                            const struct kv_table *t)
{
    int rc = mdb_cursor_open(txn, t->dbi, &w->cursor);

    w->began = false;
    return rc == 0 ? ANJU_OK : kv_fail(e, rc, "read");
}

static enum anju_err walk_to(struct kv_walk *w, const struct kv_env *e, const struct kv_table *t,
                             struct bytes *key, struct bytes *value, MDB_val k, MDB_cursor_op op)
{
    MDB_val v;
    int rc = mdb_cursor_get(w->cursor, &k, &v, op);

    if (rc != 0)
        return kv_fail(e, rc, "read");
    w->began = true;
    *key = bytes_of(k.mv_data, k.mv_size);
    return open_value(e, t, value, *key, v, true);
}

enum anju_err kv_walk_next(struct kv_walk *w, const struct kv_env *e, const struct kv_table *t,
                           struct bytes *key, struct bytes *value, struct bytes from)
{
    if (from.size > 0)
        return walk_to(w, e, t, key, value, val_of(from), MDB_SET_RANGE);
    return walk_to(w, e, t, key, value, (MDB_val){0}, w->began ? MDB_NEXT : MDB_FIRST);
}

enum anju_err kv_walk_at_or_before(struct kv_walk *w, const struct kv_env *e,
                                   const struct kv_table *t, struct bytes *key, struct bytes *value,
                                   struct bytes at)
{
    enum anju_err err = walk_to(w, e, t, key, value, val_of(at), MDB_SET_RANGE);

    if (err == ANJU_OK && bytes_equal(*key, at))
        return ANJU_OK;
    if (err != ANJU_OK && err != ANJU_ERR_NOT_FOUND)
        return err;
    /* At the first key above: one back. Past the end: the last one. */
    return walk_to(w, e, t, key, value, (MDB_val){0}, err == ANJU_OK ? MDB_PREV : MDB_LAST);
}

void kv_walk_end(struct kv_walk *w)
{
    if (w->cursor != NULL)
        mdb_cursor_close(w->cursor);
    *w = (struct kv_walk){0};
}
