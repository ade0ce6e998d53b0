/*
 * merkle: the tree of RFC 6962 2.1 (RFC 9162 2.1): one mathematics for the log, chains, an
 * envelope's records, an entry's effects and a block's batches. Everything works on leaf hashes,
 * H(0x00 || leaf). Indexes count from 0; sizes are numbers of leaves.
 */
#ifndef ANJU_CRYPTO_MERKLE_H
#define ANJU_CRYPTO_MERKLE_H

#include "base/codec.h"
#include "crypto/crypto.h"

enum { MERKLE_PEAKS_MAX = 64, MERKLE_PATH_MAX = 64, MERKLE_BOUNDARY_MAX = 128 };

/* The right edge of a growing tree: the roots of its maximal complete subtrees, largest first; one
 * for each bit that is set in `size`. Zero-initialised, it is the empty tree. */
struct merkle_peaks {
    uint64_t size;
    struct crypto_hash peak[MERKLE_PEAKS_MAX];
};

/* A complete subtree that an append finished: level 0 is a leaf; index counts nodes of its level.
 */
typedef void merkle_node_fn(void *ctx, unsigned level, uint64_t index,
                            const struct crypto_hash *hash);

unsigned merkle_peak_count(const struct merkle_peaks *p);
/* Appends; `on_node` (or NULL) sees each subtree of level >= 1 that this leaf completes. */
void merkle_append(struct merkle_peaks *p, const struct crypto_hash *leaf_hash,
                   merkle_node_fn *on_node, void *ctx);
void merkle_root(struct crypto_hash *out, const struct merkle_peaks *p); /* H("") where empty */
/* size u64, then the peaks; the form in which storage keeps them. MALFORMED: wrong length. */
void merkle_peaks_write(struct writer *w, const struct merkle_peaks *p);
ANJU_MUST_CHECK enum anju_err merkle_peaks_read(struct merkle_peaks *out, struct bytes in);

/* The root over `count` leaf hashes. */
void merkle_root_of(struct crypto_hash *out, const struct crypto_hash *leaf_hashes, size_t count);

/* Where provers find complete subtrees: the hash of node (level, index). */
typedef enum anju_err merkle_get_fn(void *ctx, struct crypto_hash *out, unsigned level,
                                    uint64_t index);

/* Inclusion path (RFC 6962 2.1.1). NOT_FOUND: index >= size. `path` holds MERKLE_PATH_MAX. */
ANJU_MUST_CHECK enum anju_err merkle_path(struct crypto_hash *path, unsigned *count, uint64_t index,
                                          uint64_t size, merkle_get_fn *get, void *ctx);
/* MISMATCH: the path does not lead from the leaf to the root, or has the wrong length. */
ANJU_MUST_CHECK enum anju_err merkle_path_check(const struct crypto_hash *root, uint64_t size,
                                                uint64_t index, const struct crypto_hash *leaf_hash,
                                                const struct crypto_hash *path, unsigned count);
/* The root that the path leads to, where it has the right length for (index, size). */
ANJU_MUST_CHECK enum anju_err merkle_path_root(struct crypto_hash *root, uint64_t size,
                                               uint64_t index, const struct crypto_hash *leaf_hash,
                                               const struct crypto_hash *path, unsigned count);

/* Consistency (RFC 6962 2.1.2), 0 < size1 <= size2; size1 = 0 is refused. */
ANJU_MUST_CHECK enum anju_err merkle_consistency(struct crypto_hash *proof, unsigned *count,
                                                 uint64_t size1, uint64_t size2, merkle_get_fn *get,
                                                 void *ctx);
ANJU_MUST_CHECK enum anju_err merkle_consistency_check(
    const struct crypto_hash *root1, uint64_t size1, const struct crypto_hash *root2,
    uint64_t size2, const struct crypto_hash *proof, unsigned count);

/* Range proof for leaves [begin, end) of a tree of `size`: boundary hashes in the order in which
 * the recursion from the root, left before right, meets maximal subtrees wholly outside the range.
 */
ANJU_MUST_CHECK enum anju_err merkle_range(struct crypto_hash *boundary, unsigned *count,
                                           uint64_t begin, uint64_t end, uint64_t size,
                                           merkle_get_fn *get, void *ctx);
ANJU_MUST_CHECK enum anju_err merkle_range_check(const struct crypto_hash *root, uint64_t size,
                                                 uint64_t begin,
                                                 const struct crypto_hash *leaf_hashes,
                                                 uint64_t leaf_count,
                                                 const struct crypto_hash *boundary,
                                                 unsigned boundary_count);

#endif
