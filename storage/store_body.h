/*
 * store_body: what a store holds, for store*.c only.
 * Layers lie over the base, oldest first: an overlay for what the merged tables do not have yet.
 * Only the ledger thread follows an overlay's pointer to what is below; readers look through the
 * list they took at their begin, own rows only. So the ledger thread may lay a layer on another
 * base, and may absorb a new overlay into the newest layer where no reader holds that. A frozen
 * layer never changes again: the merge thread writes it, and then it is dropped from the list and
 * freed by whoever lets go of it last.
 */
#ifndef ANJU_STORAGE_STORE_BODY_H
#define ANJU_STORAGE_STORE_BODY_H

#include <pthread.h>

#include "base/table.h"
#include "storage/derived.h"
#include "storage/store.h"
#include "storage/truth.h"

struct layer {
    struct ledger_overlay *overlay;
    struct table envelopes; /* envelope id -> struct derived_envelope */
    size_t weight;
    unsigned holders; /* readers */
    unsigned trims;   /* store.trims when it was frozen */
    bool frozen;      /* for the merge thread */
    bool merged;      /* its rows are in the derived tables */
    bool dropped;     /* off the list; the last holder frees it */
};

/* A view over the derived tables at the watermark, with the map held in memory. */
struct base_view {
    struct ledger_view view; /* first: its address is the base's */
    struct store *store;
    MDB_txn *txn; /* ledger thread */
};

struct store {
    struct store_options options; /* dir is a copy */
    char *dir;
    const struct ledger_registry *registry; /* NULL where read-only */
    bool readonly;
    int lock_fd;
    struct truth truth;
    bool truth_damaged; /* found while opening: making derived data again would not help */
    struct derived derived;

    /* Ledger thread. */
    struct base_view base;
    unsigned trims; /* how often the map was trimmed */
    bool trim_next; /* with the next height */

    /* Under the mutex. */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool has_base; /* something was merged; else the base is the state before height 0 */
    struct ledger_tip base_tip;
    struct ledger_map *base_map;
    struct layer **layers;
    size_t n_layers, room;
    struct ledger_tip tip; /* of the newest layer or the base: what readers see */
    bool stop;
    enum anju_err merge_err; /* of the last try */
    char merge_words[256];
    uint64_t merges, last_merge_us, watermark;

    pthread_t merge_thread;
    bool merge_running;
};

/* store_layers.c. Ledger thread; the tip becomes visible to readers. */
/* Takes over an overlay of one more height, with these items, that lies over the head. */
void layers_publish(struct store *s, struct ledger_overlay *o, const struct ledger_item *items,
                    size_t count);
const struct ledger_view *layers_head(struct store *s);
/* Freezes all layers, so that they are merged next. */
void layers_freeze(struct store *s);
/* Lets go of merged layers: the base moves up. Overlays on the head must be laid on the new one. */
ANJU_MUST_CHECK enum anju_err layers_drop_merged(struct store *s);
void layers_free(struct store *s);
size_t layers_tail_weight(const struct store *s); /* mutex held */
/* For readers, mutex held / not held. */
void layer_hold(struct layer *l);
void layers_release(struct store *s, struct layer **layers, size_t count);

/* store_merge.c */
/* Merges all frozen layers. Any one thread at a time. */
ANJU_MUST_CHECK enum anju_err store_merge_now(struct store *s);
ANJU_MUST_CHECK enum anju_err store_merge_start(struct store *s);
void store_merge_stop(struct store *s);

/* store_base.c */
void base_init(struct store *s);
/* Takes the watermark's state from the derived tables. */
ANJU_MUST_CHECK enum anju_err base_load(struct store *s);
/* A newer snapshot of the tables. */
ANJU_MUST_CHECK enum anju_err base_renew(struct store *s);

/* store_check.c: looks at the environments in a child process first, since LMDB may crash on a
 * damaged page. CORRUPT, with words. */
ANJU_MUST_CHECK enum anju_err check_truth_in_child(const struct store *s);
ANJU_MUST_CHECK enum anju_err check_derived_in_child(const struct store *s);

#endif
