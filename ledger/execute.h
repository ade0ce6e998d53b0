/*
 * execute: a block on top of a view -> entries, effects and the state after it.
 * Two steps, so that there is one piece of code for execution, recovery, rebuild and audit:
 * judging makes entries with their effects; folding an entry moves chains, map, subjects, timers and
 * the idempotency window. What a block changed is an overlay: it can be dropped, laid under the next
 * block, or absorbed by a larger one. Who decided the block is not known here.
 */
#ifndef ANJU_LEDGER_EXECUTE_H
#define ANJU_LEDGER_EXECUTE_H

#include "ledger/block.h"
#include "ledger/map.h"
#include "ledger/procedure.h"

/* One entry with what storage keeps beside it. Memory: the overlay's arena. */
struct ledger_item {
    struct ledger_entry entry;
    uint8_t bytes[LEDGER_ENTRY_SIZE];
    struct crypto_hash leaf;
    struct bytes record;          /* the record's bytes (a refusal: the failing record's) */
    struct bytes effects;         /* n_effects encoded effects, concatenated */
    uint32_t key;                 /* of the envelope; 0 for kinds 0, 2 */
    uint8_t nonce[LEDGER_NONCE_SIZE];
    uint64_t valid_until;
    bool last_of_envelope;
};

/* What became of each envelope of an executed block, in block order. */
struct ledger_envelope_outcome {
    struct crypto_hash id;
    int outcome;        /* 0, a refusal, or a SKIP_ */
    uint64_t first_seq; /* of its entries; for SKIP_DUPLICATE the first claim's */
    uint32_t n;         /* entries */
    uint32_t failing_index;
};

/* A view with nothing in it: what genesis executes on. An overlay over it is a view in memory. */
struct ledger_view ledger_view_empty(const struct ledger_registry *registry);

/* Changes on top of `below`; a view itself. Rows can be listed for storing (ledger_overlay_rows).
 * May take several heights, one after the other. Threads: one executes, folds or absorbs; between
 * two of these any number may read the view. */
struct ledger_overlay;

struct ledger_overlay *ledger_overlay_new(const struct ledger_view *below);
void ledger_overlay_free(struct ledger_overlay *o); /* NULL is fine */
const struct ledger_view *ledger_overlay_view(const struct ledger_overlay *o);
/* Puts another view under it (the same state as before, in another place). */
void ledger_overlay_rebase(struct ledger_overlay *o, const struct ledger_view *below);

/* Executes height 0 from the registry, or a checked block (of the height after the tip) with verified
 * signatures. On top of o's view; leaves the new tip in the overlay. An error where the view fails:
 * then drop the overlay. Audit executes a stored block again and compares tip and items. */
ANJU_MUST_CHECK enum anju_err ledger_execute_genesis(struct ledger_overlay *o);
ANJU_MUST_CHECK enum anju_err ledger_execute(struct ledger_overlay *o, const struct ledger_block *block);

/* Folds already judged entries of one height (stored ones, in order) and closes the height: recovery
 * and rebuild. `block` is the vid (height 0: the ledger id). The result is computed, not taken: compare
 * it with the stored one. Of an item it takes entry, effects, key, nonce, valid_until and
 * last_of_envelope; bytes and leaf are computed. CORRUPT: entries out of order, or effects that are not
 * those of the entry or do not open to their state digests. */
ANJU_MUST_CHECK enum anju_err ledger_fold(struct ledger_overlay *o, const struct ledger_item *items, size_t count,
                                          uint64_t height, uint64_t time_ms, const struct crypto_hash *block);

const struct ledger_tip *ledger_overlay_tip(const struct ledger_overlay *o);
/* Items and outcomes of the last executed height (none after a fold). */
const struct ledger_item *ledger_overlay_items(const struct ledger_overlay *o, size_t *count);
const struct ledger_envelope_outcome *ledger_overlay_outcomes(const struct ledger_overlay *o, size_t *count);
/* Log nodes (level >= 1) that the last executed or folded height completed. */
struct ledger_log_node { uint8_t level; uint64_t index; struct crypto_hash hash; };
const struct ledger_log_node *ledger_overlay_log_nodes(const struct ledger_overlay *o, size_t *count);

/* Moves everything of `from` into `into` (from was made on top of into's view); frees `from`. The
 * items and outcomes of `from` are let go: storage has written them. */
void ledger_overlay_absorb(struct ledger_overlay *into, struct ledger_overlay *from);

/* Rows for the derived store, each kind ascending by its key. Borrowed until the overlay changes. */
enum { LEDGER_CHAIN_NODE_LEVEL_MIN = 8 }; /* subtrees of fewer leaves are computed again */
struct ledger_chain_row {
    struct ledger_map_key key;
    uint64_t live;
    struct crypto_hash state;
    struct bytes peaks; /* as merkle_peaks_write makes them */
};
struct ledger_item_row { struct ledger_map_key key; uint64_t index; uint64_t seq; }; /* chain's index-th entry */
struct ledger_chain_node_row { struct ledger_map_key key; uint8_t level; uint64_t index; struct crypto_hash hash; };
struct ledger_used_row { uint32_t key; uint8_t nonce[LEDGER_NONCE_SIZE]; struct ledger_used used; };
struct ledger_refusal_row { uint32_t member; uint32_t day; uint32_t count; };
struct ledger_timer_row { struct ledger_timer timer; bool removed; };
struct ledger_rows {
    const struct ledger_subject *subjects; size_t n_subjects;
    const struct ledger_chain_row *chains; size_t n_chains;
    const struct ledger_item_row *items; size_t n_items;
    const struct ledger_chain_node_row *chain_nodes; size_t n_chain_nodes; /* complete subtrees, level >= 8 */
    const struct ledger_used_row *used; size_t n_used;
    const struct ledger_refusal_row *refusals; size_t n_refusals;
    const struct ledger_timer_row *timers; size_t n_timers;
    const struct ledger_map_segment *segments; size_t n_segments;
};
/* A used row past its valid_until answers the same as an absent one: drop it when convenient. A removed
 * timer may be one that was never stored. */
void ledger_overlay_rows(struct ledger_rows *out, struct ledger_overlay *o);
/* The number of item rows and subjects: what decides when to merge. */
size_t ledger_overlay_weight(const struct ledger_overlay *o);
/* Chain items in this overlay, for readers: the seq of the index-th entry of a chain. NOT_FOUND: below. */
ANJU_MUST_CHECK enum anju_err ledger_overlay_chain_item(uint64_t *seq, const struct ledger_overlay *o,
                                                        const struct ledger_map_key *key, uint64_t index);


/* For storage, which lays several overlays over one another: own rows only, never what is below.
 * NOT_FOUND: look below. Const: any number of threads may ask while nobody changes the overlay. */
ANJU_MUST_CHECK enum anju_err ledger_overlay_own_subject(const struct ledger_overlay *o, struct ledger_subject *out,
                                                         uint16_t procedure, const struct ledger_subject_id *id,
                                                         struct arena *a);
ANJU_MUST_CHECK enum anju_err ledger_overlay_own_chain(const struct ledger_overlay *o, struct ledger_chain *out,
                                                       const struct ledger_map_key *key);
ANJU_MUST_CHECK enum anju_err ledger_overlay_own_used(const struct ledger_overlay *o, struct ledger_used *out,
                                                      uint32_t key, const uint8_t nonce[LEDGER_NONCE_SIZE]);
ANJU_MUST_CHECK enum anju_err ledger_overlay_own_refusals(const struct ledger_overlay *o, uint32_t *out,
                                                          uint32_t member, uint32_t day);
/* The overlay's own version of the map, borrowed: after an execution or a fold always there (the one
 * below's, held, where nothing changed); NULL before. */
struct ledger_map *ledger_overlay_map(const struct ledger_overlay *o);
/* Replaces it by ledger_map_trim of it: the same root, cold segments let go. */
void ledger_overlay_trim(struct ledger_overlay *o);

#endif
