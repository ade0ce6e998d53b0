/*
 * map: the sparse Merkle tree over all chains (docs/formats.md, "Chains and the map").
 * Nodes are immutable and counted; an update copies the path, so a version is kept by keeping its root
 * and dropped by letting it go. A cold segment (the subtree of one day; day 0 is divided further) is one
 * stored hash until a key under it is asked for; then the loader brings its leaves.
 * Threads: nodes are reference-counted atomically; one thread updates, any may read a version they hold
 * (a reader may bring a cold segment too: loaders must be callable from every thread that proves).
 */
#ifndef ANJU_LEDGER_MAP_H
#define ANJU_LEDGER_MAP_H

#include "ledger/view.h"

enum { LEDGER_MAP_DEPTH_MAX = 256 };

/* What a leaf says. Leaf hash = H(02 || K || count || live || MTH(chain) || state digest). */
struct ledger_map_leaf {
    struct ledger_map_key key;
    uint64_t count;
    uint64_t live;
    struct crypto_hash root;
    struct crypto_hash state;
};

void ledger_map_key_subject(struct ledger_map_key *out, uint16_t procedure, const struct ledger_subject_id *id); /* 01 */
void ledger_map_key_chain(struct ledger_map_key *out, struct bytes chain_key);                                   /* 02 */
void ledger_map_key_actor(struct ledger_map_key *out, uint32_t member);
void ledger_map_leaf_hash(struct crypto_hash *out, const struct ledger_map_leaf *leaf);

/* A segment: all keys with one prefix of `bits` bits. Day 0: 28 bits; any other day: 16. */
struct ledger_map_segment {
    uint32_t prefix; /* the first `bits` bits, left-aligned in 32 */
    uint8_t bits;
    uint8_t kind;    /* 0 empty, 1 one leaf (hash is the leaf's), 2 inner */
    struct crypto_hash hash;
};
void ledger_map_segment_of(struct ledger_map_segment *out, const struct ledger_map_key *key); /* prefix and bits only */

/* Brings the leaves of a segment, ascending by key, into `leaves` (malloc'd by the loader, freed by the map). */
typedef enum anju_err ledger_map_load_fn(void *ctx, struct ledger_map_leaf **leaves, size_t *count,
                                         const struct ledger_map_segment *segment);

struct ledger_map; /* one version */

struct ledger_map *ledger_map_empty(void);
/* From stored segments (ascending by prefix), all cold. `load`/`ctx` outlive every version made from it. */
struct ledger_map *ledger_map_open(const struct ledger_map_segment *segments, size_t count, ledger_map_load_fn *load, void *ctx);
struct ledger_map *ledger_map_hold(struct ledger_map *m);
void ledger_map_release(struct ledger_map *m); /* NULL is fine */
void ledger_map_root(struct crypto_hash *out, const struct ledger_map *m);

/* A new version with the leaves set (ascending by key; replaces those with equal keys). Reports the new
 * values of the touched segments through `on_segment` (or NULL). An error only where loading fails, or
 * CORRUPT where what was loaded does not have the hash of its segment. */
ANJU_MUST_CHECK enum anju_err ledger_map_update(struct ledger_map **out, struct ledger_map *m,
                                                const struct ledger_map_leaf *leaves, size_t count,
                                                void (*on_segment)(void *ctx, const struct ledger_map_segment *s), void *ctx);
/* Lets go of loaded segments that have not been touched since the last call (memory bound);
 * a new version with the same root. Call it after a merge: what it lets go was touched last before the
 * merge began, so the loader has it. Does nothing to a map without a loader. */
struct ledger_map *ledger_map_trim(struct ledger_map *m);

/* Proof for keys (ascending): the pre-order stream of docs/formats.md, appended to `out`. CORRUPT: the
 * loader's leaves do not have the hash of their segment; for a reader of an old version that means that
 * the store went on: take a newer view. Nothing is appended after an error. */
ANJU_MUST_CHECK enum anju_err ledger_map_prove(struct writer *out, const struct ledger_map *m,
                                               const struct ledger_map_key *keys, size_t count);
/* The same with the reader's own loader, which looks at the snapshot that the reader holds. */
ANJU_MUST_CHECK enum anju_err ledger_map_prove_with(struct writer *out, const struct ledger_map *m,
                                                    const struct ledger_map_key *keys, size_t count,
                                                    ledger_map_load_fn *load, void *ctx);
/* Checks a proof against a root; found[i] says whether keys[i] is there, leaves[i] what it says.
 * MISMATCH / MALFORMED with words. */
ANJU_MUST_CHECK enum anju_err ledger_map_check(const struct crypto_hash *root, struct bytes proof,
                                               const struct ledger_map_key *keys, size_t count,
                                               bool *found, struct ledger_map_leaf *leaves);

#endif
