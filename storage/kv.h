/*
 * kv: LMDB as storage uses it: one environment a directory, named tables, and values that carry a
 * checksum over key and value, so that damage gives CORRUPT with words instead of wrong data.
 * Inside of storage only. Default sync, no WRITEMAP, NOTLS readers (docs/storage.md says why).
 */
#ifndef ANJU_STORAGE_KV_H
#define ANJU_STORAGE_KV_H

#include <lmdb.h>

#include "base/codec.h"

struct kv_table {
    MDB_dbi dbi;
    const char *name;
};

struct kv_env {
    MDB_env *env;
    char *path;
};

enum { KV_CHECKSUM_SIZE = 4 };

/* Opens the environment in `path`, a directory that is there. */
ANJU_MUST_CHECK enum anju_err kv_open(struct kv_env *e, const char *path, uint64_t map_size,
                                      unsigned tables_max, bool readonly);
void kv_close(struct kv_env *e); /* a zeroed one is fine */
/* An error for an LMDB code, in words. */
enum anju_err kv_fail(const struct kv_env *e, int rc, const char *what);
/* Bytes of pages in use. */
uint64_t kv_bytes(const struct kv_env *e);

ANJU_MUST_CHECK enum anju_err kv_begin(MDB_txn **out, const struct kv_env *e, bool write);
ANJU_MUST_CHECK enum anju_err kv_commit(const struct kv_env *e,
                                        MDB_txn **txn); /* *txn becomes NULL */
void kv_abort(MDB_txn **txn);                           /* NULL inside is fine */
/* Opens tables (`names`, in order) in a transaction; makes them where it writes. NOT_FOUND: a
 * read-only environment that has none yet. */
ANJU_MUST_CHECK enum anju_err kv_tables(const struct kv_env *e, MDB_txn *txn, struct kv_table *out,
                                        const char *const *names, size_t count, bool write);

/* Finds a value and checks it. Borrowed until the transaction ends or writes. NOT_FOUND; CORRUPT.
 */
ANJU_MUST_CHECK enum anju_err kv_get(const struct kv_env *e, MDB_txn *txn, const struct kv_table *t,
                                     struct bytes *out, struct bytes key);
/* The same without the check: for large values whose parts are checked by themselves. */
ANJU_MUST_CHECK enum anju_err kv_get_unchecked(const struct kv_env *e, MDB_txn *txn,
                                               const struct kv_table *t, struct bytes *out,
                                               struct bytes key);
/* Puts; `append`: the key is above all others of the table. */
ANJU_MUST_CHECK enum anju_err kv_put(const struct kv_env *e, MDB_txn *txn, const struct kv_table *t,
                                     struct bytes key, struct bytes value, bool append);
/* Removes; a missing key is fine. */
ANJU_MUST_CHECK enum anju_err kv_delete(const struct kv_env *e, MDB_txn *txn,
                                        const struct kv_table *t, struct bytes key);

/* Walks keys from the first one >= `from` on. Zero-initialise; kv_walk_end lets it go. */
struct kv_walk {
    MDB_cursor *cursor;
    bool began;
};
ANJU_MUST_CHECK enum anju_err kv_walk_begin(struct kv_walk *w, const struct kv_env *e, MDB_txn *txn,
                                            const struct kv_table *t);
/* The first key >= from, or with `from` empty the one after the last call's. NOT_FOUND at the end.
 */
ANJU_MUST_CHECK enum anju_err kv_walk_next(struct kv_walk *w, const struct kv_env *e,
                                           const struct kv_table *t, struct bytes *key,
                                           struct bytes *value, struct bytes from);
/* The last key <= at. */
ANJU_MUST_CHECK enum anju_err kv_walk_at_or_before(struct kv_walk *w, const struct kv_env *e,
                                                   const struct kv_table *t, struct bytes *key,
                                                   struct bytes *value, struct bytes at);
void kv_walk_end(struct kv_walk *w);

#endif
