/*
 * store_read_body: one reader's snapshot, for store_read*.c only.
 */
#ifndef ANJU_STORAGE_STORE_READ_BODY_H
#define ANJU_STORAGE_STORE_READ_BODY_H

#include "storage/store_body.h"

struct store_read {
    struct ledger_view view; /* first: its address is the reader's */
    struct store *store;
    MDB_txn *truth;
    MDB_txn *derived;      /* NULL where read-only */
    struct layer **layers; /* held, oldest first */
    size_t n_layers;
    struct ledger_map *map; /* held */
    struct ledger_tip tip;
};

void store_read_view_init(struct store_read *r); /* store_read_view.c */
/* A ledger_map_load_fn over the reader's own snapshot (ctx = r). */
enum anju_err store_read_map_load(void *r, struct ledger_map_leaf **leaves, size_t *count,
                                  const struct ledger_map_segment *segment);
/* UNSUPPORTED, with words, where there is no derived data. */
ANJU_MUST_CHECK enum anju_err store_read_needs_derived(const struct store_read *r);

#endif
