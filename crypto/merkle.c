#include "crypto/merkle.h"

#include <string.h>

/* How many bits the number needs; 0 for 0. */
static unsigned bit_length(uint64_t v)
{
    return v == 0 ? 0 : 64 - (unsigned)__builtin_clzll(v);
}

static unsigned bit_count(uint64_t v)
{
    return (unsigned)__builtin_popcountll(v);
}

static unsigned low_zeros(uint64_t v)
{
    return (unsigned)__builtin_ctzll(v);
}

/* The largest power of two below n, n >= 2: where RFC 6962 splits a tree. */
static uint64_t split_of(uint64_t n)
{
    return (uint64_t)1 << (bit_length(n - 1) - 1);
}

unsigned merkle_peak_count(const struct merkle_peaks *p)
{
    return bit_count(p->size);
}

void merkle_append(struct merkle_peaks *p, const struct crypto_hash *leaf_hash,
                   merkle_node_fn *on_node, void *ctx)
{
    unsigned top = merkle_peak_count(p);
    struct crypto_hash hash = *leaf_hash;

    for (unsigned level = 0; (p->size >> level & 1) != 0; level++) {
        crypto_inner_hash(&hash, &p->peak[--top], &hash);
        if (on_node != NULL)
            on_node(ctx, level + 1, p->size >> (level + 1), &hash);
    }
    p->peak[top] = hash;
    p->size++;
}

void merkle_root(struct crypto_hash *out, const struct merkle_peaks *p)
{
    unsigned i = merkle_peak_count(p);

    if (i == 0) {
        crypto_sha256(out, (struct bytes){0});
        return;
    }
    *out = p->peak[--i];
    while (i > 0)
        crypto_inner_hash(out, &p->peak[--i], out);
}

void merkle_peaks_write(struct writer *w, const struct merkle_peaks *p)
{
    writer_u64(w, p->size);
    writer_put(w, p->peak, merkle_peak_count(p) * sizeof p->peak[0]);
}

enum anju_err merkle_peaks_read(struct merkle_peaks *out, struct bytes in)
{
    struct reader r = reader_over(in);

    memset(out, 0, sizeof *out);
    out->size = reader_u64(&r);
    reader_copy(&r, out->peak[0].b, merkle_peak_count(out) * sizeof out->peak[0]);
    return reader_finish(&r);
}

void merkle_root_of(struct crypto_hash *out, const struct crypto_hash *leaf_hashes, size_t count)
{
    struct merkle_peaks p;

    p.size = 0; /* peaks beyond size are never read */
    for (size_t i = 0; i < count; i++)
        merkle_append(&p, &leaf_hashes[i], NULL, NULL);
    merkle_root(out, &p);
}

/* The hash of leaves [begin, end), a subtree that the recursion of RFC 6962 meets: its complete
 * subtrees, smallest first, folded from the right. */
static enum anju_err subtree(struct crypto_hash *out, uint64_t begin, uint64_t end,
                             merkle_get_fn *get, void *ctx)
{
    bool first = true;

    while (end > begin) {
        unsigned level = low_zeros(end - begin);
        struct crypto_hash node;
        enum anju_err err;

        end -= (uint64_t)1 << level;
        err = get(ctx, &node, level, end >> level);
        if (err != ANJU_OK)
            return err;
        if (first)
            *out = node;
        else
            crypto_inner_hash(out, &node, out);
        first = false;
    }
    return ANJU_OK;
}

static void reverse(struct crypto_hash *path, unsigned count)
{
    for (unsigned i = 0; i < count / 2; i++) {
        struct crypto_hash other = path[count - 1 - i];

        path[count - 1 - i] = path[i];
        path[i] = other;
    }
}

enum anju_err merkle_path(struct crypto_hash *path, unsigned *count, uint64_t index, uint64_t size,
                          merkle_get_fn *get, void *ctx)
{
    uint64_t begin = 0;
    uint64_t end = size;

    *count = 0;
    if (index >= size)
        return ANJU_ERR_NOT_FOUND;
    while (end - begin > 1) { /* from the root down; the path goes up */
        uint64_t middle = begin + split_of(end - begin);
        bool left = index < middle;
        enum anju_err err =
            subtree(&path[*count], left ? middle : begin, left ? end : middle, get, ctx);

        if (err != ANJU_OK)
            return err;
        ++*count;
        if (left)
            end = middle;
        else
            begin = middle;
    }
    reverse(path, *count);
    return ANJU_OK;
}

/* The path has two parts: below the point where the ways to this leaf and to the last leaf part,
 * siblings are on either side; above it, all are on the left. */
enum anju_err merkle_path_root(struct crypto_hash *root, uint64_t size, uint64_t index,
                               const struct crypto_hash *leaf_hash, const struct crypto_hash *path,
                               unsigned count)
{
    struct crypto_hash hash = *leaf_hash;
    unsigned inner;

    if (index >= size)
        return ANJU_ERR_MISMATCH;
    inner = bit_length(index ^ (size - 1));
    if (count != inner + (inner < 64 ? bit_count(index >> inner) : 0))
        return ANJU_ERR_MISMATCH;
    for (unsigned i = 0; i < count; i++) {
        if (i < inner && (index >> i & 1) == 0)
            crypto_inner_hash(&hash, &hash, &path[i]);
        else
            crypto_inner_hash(&hash, &path[i], &hash);
    }
    *root = hash;
    return ANJU_OK;
}

enum anju_err merkle_path_check(const struct crypto_hash *root, uint64_t size, uint64_t index,
                                const struct crypto_hash *leaf_hash, const struct crypto_hash *path,
                                unsigned count)
{
    struct crypto_hash computed;

    if (merkle_path_root(&computed, size, index, leaf_hash, path, count) != ANJU_OK ||
        !crypto_hash_equal(&computed, root))
        return ANJU_ERR_MISMATCH;
    return ANJU_OK;
}

enum anju_err merkle_consistency(struct crypto_hash *proof, unsigned *count, uint64_t size1,
                                 uint64_t size2, merkle_get_fn *get, void *ctx)
{
    uint64_t begin = 0;
    uint64_t end = size2;
    enum anju_err err;

    *count = 0;
    if (size1 == 0 || size1 > size2)
        return ANJU_ERR_NOT_FOUND;
    while (end != size1) { /* from the root down to the subtree that ends with the old tree */
        uint64_t middle = begin + split_of(end - begin);
        bool left = size1 <= middle;

        err = subtree(&proof[*count], left ? middle : begin, left ? end : middle, get, ctx);
        if (err != ANJU_OK)
            return err;
        ++*count;
        if (left)
            end = middle;
        else
            begin = middle;
    }
    if (begin > 0) { /* where it begins at 0 it is the old root, which the verifier has */
        err = subtree(&proof[*count], begin, end, get, ctx);
        if (err != ANJU_OK)
            return err;
        ++*count;
    }
    reverse(proof, *count);
    return ANJU_OK;
}

/* RFC 9162, 2.1.4.2. */
enum anju_err merkle_consistency_check(const struct crypto_hash *root1, uint64_t size1,
                                       const struct crypto_hash *root2, uint64_t size2,
                                       const struct crypto_hash *proof, unsigned count)
{
    bool old_is_complete = (size1 & (size1 - 1)) == 0;
    struct crypto_hash old_hash, new_hash;
    uint64_t old_node, new_node;
    unsigned i = 0;

    if (size1 == 0 || size1 > size2)
        return ANJU_ERR_MISMATCH;
    if (size1 == size2)
        return count == 0 && crypto_hash_equal(root1, root2) ? ANJU_OK : ANJU_ERR_MISMATCH;
    if (count == 0)
        return ANJU_ERR_MISMATCH;
    old_node = (size1 - 1) >> low_zeros(size1);
    new_node = (size2 - 1) >> low_zeros(size1);
    old_hash = old_is_complete ? *root1 : proof[i++];
    new_hash = old_hash;
    for (; i < count; i++) {
        if (new_node == 0)
            return ANJU_ERR_MISMATCH;
        if ((old_node & 1) != 0 || old_node == new_node) {
            crypto_inner_hash(&old_hash, &proof[i], &old_hash);
            crypto_inner_hash(&new_hash, &proof[i], &new_hash);
            while ((old_node & 1) == 0 && old_node != 0) {
                old_node >>= 1;
                new_node >>= 1;
            }
        } else {
            crypto_inner_hash(&new_hash, &new_hash, &proof[i]);
        }
        old_node >>= 1;
        new_node >>= 1;
    }
    if (new_node != 0 || !crypto_hash_equal(&old_hash, root1) ||
        !crypto_hash_equal(&new_hash, root2))
        return ANJU_ERR_MISMATCH;
    return ANJU_OK;
}

/* Range proofs. Both sides walk the tree from the root, left before right: a node wholly outside
 * the range is a boundary hash, one wholly inside is made of the leaves, one that straddles is
 * split. Sizes halve at each split, so the walk is at most 64 deep. */
struct range {
    uint64_t begin;
    uint64_t end;
};

static bool is_outside(const struct range *range, uint64_t begin, uint64_t end)
{
    return end <= range->begin || begin >= range->end;
}

static bool is_inside(const struct range *range, uint64_t begin, uint64_t end)
{
    return begin >= range->begin && end <= range->end;
}

struct range_prover {
    struct range range;
    struct crypto_hash *boundary;
    unsigned count;
    merkle_get_fn *get;
    void *ctx;
};

static enum anju_err range_prove(struct range_prover *p, uint64_t begin, uint64_t end)
{
    enum anju_err err;
    uint64_t middle;

    if (is_outside(&p->range, begin, end))
        return subtree(&p->boundary[p->count++], begin, end, p->get, p->ctx);
    if (is_inside(&p->range, begin, end))
        return ANJU_OK;
    middle = begin + split_of(end - begin);
    err = range_prove(p, begin, middle);
    return err != ANJU_OK ? err : range_prove(p, middle, end);
}

enum anju_err merkle_range(struct crypto_hash *boundary, unsigned *count, uint64_t begin,
                           uint64_t end, uint64_t size, merkle_get_fn *get, void *ctx)
{
    struct range_prover p = {{begin, end}, boundary, 0, get, ctx};
    enum anju_err err = ANJU_OK;

    *count = 0;
    if (end > size || begin > end || (begin == end && size > 0))
        return ANJU_ERR_NOT_FOUND;
    if (size > 0)
        err = range_prove(&p, 0, size);
    *count = p.count;
    return err;
}

struct range_verifier {
    struct range range;
    const struct crypto_hash *leaf_hashes; /* of range.begin and on */
    const struct crypto_hash *boundary;    /* those not used yet */
    unsigned boundary_left;
};

/* The hash of [begin, end); false where the boundary is too short. */
static bool range_fold(struct range_verifier *v, struct crypto_hash *out, uint64_t begin,
                       uint64_t end)
{
    struct crypto_hash right;
    uint64_t middle;

    if (is_outside(&v->range, begin, end)) {
        if (v->boundary_left == 0)
            return false;
        *out = *v->boundary++;
        v->boundary_left--;
        return true;
    }
    if (is_inside(&v->range, begin, end)) {
        merkle_root_of(out, v->leaf_hashes + (begin - v->range.begin), end - begin);
        return true;
    }
    middle = begin + split_of(end - begin);
    if (!range_fold(v, out, begin, middle) || !range_fold(v, &right, middle, end))
        return false;
    crypto_inner_hash(out, out, &right);
    return true;
}

enum anju_err merkle_range_check(const struct crypto_hash *root, uint64_t size, uint64_t begin,
                                 const struct crypto_hash *leaf_hashes, uint64_t leaf_count,
                                 const struct crypto_hash *boundary, unsigned boundary_count)
{
    struct range_verifier v = {{begin, 0}, leaf_hashes, boundary, boundary_count};
    struct crypto_hash computed;

    if (begin > size || leaf_count > size - begin || (leaf_count == 0 && size > 0))
        return ANJU_ERR_MISMATCH;
    v.range.end = begin + leaf_count;
    if (size == 0)
        merkle_root_of(&computed, NULL, 0);
    else if (!range_fold(&v, &computed, 0, size))
        return ANJU_ERR_MISMATCH;
    if (v.boundary_left > 0 || !crypto_hash_equal(&computed, root))
        return ANJU_ERR_MISMATCH;
    return ANJU_OK;
}
