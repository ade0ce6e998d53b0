/*
 * derived: the tables of the derived environment: what can be computed from the truth again.
 * Written by the merge thread alone, in bulk, each table in the order of its keys, with the
 * watermark (the tip up to which it goes) in the same transaction. Lookups take a transaction of
 * the caller's; they see the state at that watermark. Inside of storage only.
 */
#ifndef ANJU_STORAGE_DERIVED_H
#define ANJU_STORAGE_DERIVED_H

#include "base/table.h"
#include "storage/kv.h"
#include "storage/store.h"

enum { DERIVED_FORMAT = 1, DERIVED_ITEMS_A_ROW = 64 };

enum derived_table {
    DERIVED_META,        /* "tip" -> the watermark */
    DERIVED_SUBJECTS,    /* procedure, subject -> what it is now */
    DERIVED_CHAINS,      /* map key -> live, state digest, peaks */
    DERIVED_ITEMS,       /* map key, index / 64 -> up to 64 seqs */
    DERIVED_CHAIN_NODES, /* map key, level, index -> hash */
    DERIVED_USED,        /* key, nonce -> what it led to */
    DERIVED_EXPIRY,      /* valid_until, key, nonce -> nothing: what to remove from USED */
    DERIVED_REFUSALS,    /* day, member -> count */
    DERIVED_TIMERS,      /* due, procedure, subject, clock -> nothing */
    DERIVED_SEGMENTS,    /* prefix, bits -> kind, hash */
    DERIVED_ENVELOPES,   /* envelope id -> first seq, n */
    DERIVED_TABLES,
};

struct derived {
    struct kv_env env;
    struct kv_table t[DERIVED_TABLES];
};

/* `dir` is the data directory. UNSUPPORTED: another format, to be removed and built again.
 * NOT_FOUND: read-only and not made yet. */
ANJU_MUST_CHECK enum anju_err derived_open(struct derived *d, const char *dir, uint64_t map_size,
                                           bool readonly);
void derived_close(struct derived *d);
/* Removes `derived/` from disk. */
ANJU_MUST_CHECK enum anju_err derived_remove(const char *dir);
/* NOT_FOUND: nothing was merged yet. */
ANJU_MUST_CHECK enum anju_err derived_tip(const struct derived *d, MDB_txn *txn,
                                          struct ledger_tip *out);
/* All stored segments of the map, ascending; free() them. */
ANJU_MUST_CHECK enum anju_err derived_segments(const struct derived *d, MDB_txn *txn,
                                               struct ledger_map_segment **out, size_t *count);

/* An envelope that took effect, or was refused. */
struct derived_envelope {
    uint64_t first_seq;
    uint32_t n;
};

ANJU_MUST_CHECK enum anju_err derived_subject(const struct derived *d, MDB_txn *txn,
                                              struct ledger_subject *out, uint16_t procedure,
                                              const struct ledger_subject_id *id, struct arena *a);
ANJU_MUST_CHECK enum anju_err derived_chain(const struct derived *d, MDB_txn *txn,
                                            struct ledger_chain *out,
                                            const struct ledger_map_key *key);
ANJU_MUST_CHECK enum anju_err derived_chain_item(const struct derived *d, MDB_txn *txn,
                                                 uint64_t *seq, const struct ledger_map_key *key,
                                                 uint64_t index);
ANJU_MUST_CHECK enum anju_err derived_chain_node(const struct derived *d, MDB_txn *txn,
                                                 struct crypto_hash *out,
                                                 const struct ledger_map_key *key, unsigned level,
                                                 uint64_t index);
ANJU_MUST_CHECK enum anju_err derived_used(const struct derived *d, MDB_txn *txn,
                                           struct ledger_used *out, uint32_t key,
                                           const uint8_t nonce[LEDGER_NONCE_SIZE]);
ANJU_MUST_CHECK enum anju_err derived_refusals(const struct derived *d, MDB_txn *txn, uint32_t *out,
                                               uint32_t member, uint32_t day);
ANJU_MUST_CHECK enum anju_err derived_timers(const struct derived *d, MDB_txn *txn,
                                             struct ledger_timer *out, size_t *count, size_t max,
                                             uint64_t until);
ANJU_MUST_CHECK enum anju_err derived_envelope(const struct derived *d, MDB_txn *txn,
                                               struct derived_envelope *out,
                                               const struct crypto_hash *id);
/* The leaves of a segment: every chain whose key begins with its prefix (ledger_map_load_fn's
 * work). */
ANJU_MUST_CHECK enum anju_err derived_leaves(const struct derived *d, MDB_txn *txn,
                                             struct ledger_map_leaf **out, size_t *count,
                                             const struct ledger_map_segment *segment);

/* Writing (derived_merge.c): begin, lay one or more layers' rows over it, oldest first, and commit
 * with the newest one's tip. An abandoned merge (derived_merge_abort) leaves nothing. */
struct derived_merge {
    const struct derived *d;
    MDB_txn *txn;
};
ANJU_MUST_CHECK enum anju_err derived_merge_begin(struct derived_merge *m, const struct derived *d);
ANJU_MUST_CHECK enum anju_err derived_merge_rows(struct derived_merge *m,
                                                 const struct ledger_rows *rows,
                                                 const struct table *envelopes);
ANJU_MUST_CHECK enum anju_err derived_merge_commit(struct derived_merge *m,
                                                   const struct ledger_tip *tip);
void derived_merge_abort(struct derived_merge *m);

#endif
