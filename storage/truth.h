/*
 * truth: the tables of the ledger environment (docs/storage.md): what was decided, append-only.
 * Writing is for the ledger thread; reading takes a transaction of the caller's. Inside of storage
 * only.
 */
#ifndef ANJU_STORAGE_TRUTH_H
#define ANJU_STORAGE_TRUTH_H

#include "storage/kv.h"
#include "storage/store.h"

enum truth_table {
    TRUTH_META,         /* name -> value: format, ledger id, tip */
    TRUTH_BLOCKS,       /* height -> the block as decided */
    TRUTH_CERTIFICATES, /* height -> the one that this node decided with */
    TRUTH_HEIGHTS,      /* height -> result, ids, time, entries */
    TRUTH_ITEMS,        /* height -> its entries with their effects (truth_items.c) */
    TRUTH_SEQS,         /* first seq of a height that has entries -> height */
    TRUTH_LOG,          /* group of log nodes -> hashes (truth_log.c) */
    TRUTH_POLKAS,       /* height, number -> polka */
    TRUTH_TABLES,
};

struct truth {
    struct kv_env env;
    struct kv_table t[TRUTH_TABLES];
    struct crypto_hash ledger_id;
};

/* `dir` is the data directory. Makes `ledger/` where it is missing and not readonly.
 * *has_tip: there is at least height 0. MISMATCH: another ledger (`expected` NULL: any is fine). */
ANJU_MUST_CHECK enum anju_err truth_open(struct truth *t, bool *has_tip, const char *dir,
                                         uint64_t map_size, const struct crypto_hash *expected,
                                         bool readonly);
void truth_close(struct truth *t);

/* Writes height 0 (block, certificate empty) or the next height, in one synced transaction. */
struct truth_height {
    const struct ledger_tip *tip;
    const struct ledger_item *items;
    size_t n_items;
    const struct ledger_log_node *nodes;
    size_t n_nodes;
    struct bytes raw, certificate;
    const struct bytes *polkas;
    size_t n_polkas;
};
ANJU_MUST_CHECK enum anju_err truth_write(struct truth *t, const struct truth_height *h);

/* Reads; see store.h for what each gives. */
ANJU_MUST_CHECK enum anju_err truth_tip(const struct truth *t, MDB_txn *txn,
                                        struct ledger_tip *out);
ANJU_MUST_CHECK enum anju_err truth_height(const struct truth *t, MDB_txn *txn,
                                           struct store_height *out, uint64_t height);
ANJU_MUST_CHECK enum anju_err truth_block(const struct truth *t, MDB_txn *txn, struct bytes *out,
                                          uint64_t height);
/* Without the checksum over all of it: whoever takes a part checks that by its hash. */
ANJU_MUST_CHECK enum anju_err truth_block_unchecked(const struct truth *t, MDB_txn *txn,
                                                    struct bytes *out, uint64_t height);
ANJU_MUST_CHECK enum anju_err truth_certificate(const struct truth *t, MDB_txn *txn,
                                                struct bytes *out, uint64_t height);
ANJU_MUST_CHECK enum anju_err truth_polka(const struct truth *t, MDB_txn *txn, struct bytes *out,
                                          uint64_t height, uint16_t index);
ANJU_MUST_CHECK enum anju_err truth_height_of(const struct truth *t, MDB_txn *txn, uint64_t *height,
                                              uint64_t seq);

/* Entries (truth_items.c). */
void truth_items_encode(struct writer *w, const struct ledger_item *items, size_t count,
                        const uint32_t *wires);
/* Where each item's envelope lies in the block: 2 numbers an item, offset and size; 0, 0 for kinds
 * 0, 2. CORRUPT: an item's envelope is not in the block. */
ANJU_MUST_CHECK enum anju_err truth_find_wires(uint32_t *wires, const struct ledger_item *items,
                                               size_t count, struct bytes raw,
                                               const struct crypto_hash *ledger_id);
/* One entry by its place in its height; the record is taken from the block and checked. */
ANJU_MUST_CHECK enum anju_err truth_item(const struct truth *t, MDB_txn *txn,
                                         struct store_item *out, const struct store_height *h,
                                         uint32_t index);
/* All that is kept of it but the record and the envelope in the block: what folding needs. */
ANJU_MUST_CHECK enum anju_err truth_item_bare(const struct truth *t, MDB_txn *txn,
                                              struct ledger_item *out, const struct store_height *h,
                                              uint32_t index);
ANJU_MUST_CHECK enum anju_err truth_entry(const struct truth *t, MDB_txn *txn,
                                          uint8_t out[LEDGER_ENTRY_SIZE],
                                          const struct store_height *h, uint32_t index);

/* Log nodes of level >= 1 (truth_log.c). */
ANJU_MUST_CHECK enum anju_err truth_log_write(const struct truth *t, MDB_txn *txn,
                                              const struct ledger_log_node *nodes, size_t count);
ANJU_MUST_CHECK enum anju_err truth_log_node(const struct truth *t, MDB_txn *txn,
                                             struct crypto_hash *out, unsigned level,
                                             uint64_t index);

/* The stored form of a tip; derived data keeps one, too. */
void tip_encode(struct writer *w, const struct ledger_tip *tip);
ANJU_MUST_CHECK enum anju_err tip_decode(struct ledger_tip *out, struct bytes in);

/* FORMAT, a text file beside an environment: "anju WHAT VERSION". *version 0: no file. */
ANJU_MUST_CHECK enum anju_err format_write(const char *dir, const char *what, unsigned version);
ANJU_MUST_CHECK enum anju_err format_read(const char *dir, const char *what, unsigned *version);

#endif
