#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/merkle.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

enum { LEAVES = 130, RANGE_LEAVES = 20 };

static struct crypto_hash leaf[LEAVES]; /* of the leaf that is the one byte i */

static void setup(void)
{
    for (unsigned i = 0; i < LEAVES; i++) {
        uint8_t byte = (uint8_t)i;

        crypto_leaf_hash(&leaf[i], bytes_of(&byte, 1));
    }
}

/* MTH of RFC 6962, 2.1, word for word. */
static struct crypto_hash mth(const struct crypto_hash *leaves, size_t n)
{
    struct crypto_hash out, left, right;
    size_t k = 1;

    if (n == 0) {
        crypto_sha256(&out, (struct bytes){0});
        return out;
    }
    if (n == 1)
        return leaves[0];
    while (2 * k < n)
        k *= 2;
    left = mth(leaves, k);
    right = mth(leaves + k, n - k);
    crypto_inner_hash(&out, &left, &right);
    return out;
}

/* A prover's store: complete subtrees of leaf[offset...], computed from scratch. */
static enum anju_err get_node(void *ctx, struct crypto_hash *out, unsigned level, uint64_t index)
{
    uint64_t begin = *(uint64_t *)ctx + (index << level);

    ck_assert_uint_le(begin + ((uint64_t)1 << level), LEAVES);
    *out = mth(leaf + begin, (size_t)1 << level);
    return ANJU_OK;
}

static enum anju_err get_fails(void *ctx, struct crypto_hash *out, unsigned level, uint64_t index)
{
    (void)ctx;
    (void)out;
    return level == 0 && index == 3 ? ANJU_ERR_IO : ANJU_OK;
}

static uint64_t no_offset = 0;

/* --- trees ----------------------------------------------------------------------------------- */

START_TEST(roots_of_all_sizes_are_those_of_the_definition)
{
    struct merkle_peaks p = {0};

    for (size_t n = 0; n <= LEAVES; n++) {
        struct crypto_hash expected = mth(leaf, n), root;

        merkle_root_of(&root, leaf, n);
        ck_assert(crypto_hash_equal(&root, &expected));
        merkle_root(&root, &p);
        ck_assert(crypto_hash_equal(&root, &expected));
        ck_assert_uint_eq(p.size, n);
        if (n < LEAVES)
            merkle_append(&p, &leaf[n], NULL, NULL);
    }
}
END_TEST

struct seen {
    unsigned count;
    uint64_t size; /* before the append */
};

static void see_node(void *ctx, unsigned level, uint64_t index, const struct crypto_hash *hash)
{
    struct seen *seen = ctx;
    uint64_t end = (index + 1) << level;
    struct crypto_hash expected = mth(leaf + (index << level), (size_t)1 << level);

    ck_assert_uint_ge(level, 1);
    ck_assert_uint_eq(end, seen->size + 1);
    ck_assert(crypto_hash_equal(hash, &expected));
    seen->count++;
}

START_TEST(an_append_shows_every_subtree_that_it_completes)
{
    struct merkle_peaks p = {0};
    struct seen seen = {0, 0};

    for (size_t n = 0; n < 128; n++) {
        seen.size = n;
        merkle_append(&p, &leaf[n], see_node, &seen);
    }
    ck_assert_uint_eq(seen.count, 127); /* the inner nodes of a complete tree */
    ck_assert_uint_eq(merkle_peak_count(&p), 1);
}
END_TEST

START_TEST(peaks_come_back_from_their_bytes_and_grow_on)
{
    struct merkle_peaks p = {0}, q;

    for (size_t n = 0; n < LEAVES; n++) {
        struct writer w = {0};

        merkle_peaks_write(&w, &p);
        ck_assert_uint_eq(w.size, 8 + 32 * merkle_peak_count(&p));
        ck_assert_int_eq(merkle_peaks_read(&q, writer_view(&w)), ANJU_OK);
        ck_assert_mem_eq(&p.size, &q.size, sizeof p.size);
        ck_assert_mem_eq(p.peak, q.peak, merkle_peak_count(&p) * sizeof p.peak[0]);
        if (n > 0) {
            ck_assert_int_eq(merkle_peaks_read(&q, bytes_of(w.data, w.size - 1)),
                             ANJU_ERR_MALFORMED);
            writer_u8(&w, 0);
            ck_assert_int_eq(merkle_peaks_read(&q, writer_view(&w)), ANJU_ERR_MALFORMED);
        }
        writer_free(&w);
        merkle_append(&p, &leaf[n], NULL, NULL);
    }
    ck_assert_int_eq(merkle_peaks_read(&q, (struct bytes){0}), ANJU_ERR_MALFORMED);
    ck_assert_int_eq(merkle_peaks_read(&q, bytes_of("\xff\xff\xff\xff\xff\xff\xff\xff", 8)),
                     ANJU_ERR_MALFORMED);
}
END_TEST

START_TEST(the_published_reference_tree_is_ours)
{
    json_t *file = vectors_load("rfc6962-merkle/reference_tree.json");
    json_t *roots = vectors_array(file, "root_by_size_hex");
    struct crypto_hash hashes[16];
    size_t count = 0, i;
    json_t *item;

    json_array_foreach(vectors_array(file, "leaf_inputs_hex"), i, item)
    {
        size_t size;
        uint8_t *input = vectors_hex(json_string_value(item), &size);

        crypto_leaf_hash(&hashes[count++], bytes_of(input, size));
        free(input);
    }
    ck_assert_uint_eq(json_array_size(roots), count + 1);
    json_array_foreach(roots, i, item)
    {
        struct crypto_hash root;
        char text[65];

        merkle_root_of(&root, hashes, i);
        hex_encode(text, root.b, 32);
        ck_assert_str_eq(text, json_string_value(item));
    }
    json_decref(file);
}
END_TEST

/* --- digests over every proof of a tree of 130 leaves ----------------------------------------- */

static struct writer lines;

static void add_hashes(const struct crypto_hash *hashes, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char text[66] = " ";

        hex_encode(text + 1, hashes[i].b, 32);
        writer_put(&lines, text, 65);
    }
    writer_put(&lines, "\n", 1);
}

static void add_text(const char *text)
{
    writer_bytes(&lines, bytes_of_text(text));
}

static void assert_lines(const char *part, const char *name)
{
    json_t *file = vectors_load("rfc6962-merkle/accumulated.json");
    json_t *expected = json_object_get(json_object_get(file, part), name);
    struct crypto_hash h;
    char text[65];

    crypto_sha256(&h, writer_view(&lines));
    hex_encode(text, h.b, 32);
    ck_assert_str_eq(text, vectors_text(expected, "sha256_of_all_lines"));
    writer_free(&lines);
    json_decref(file);
}

START_TEST(all_roots_together_have_the_derived_digest)
{
    for (size_t n = 0; n <= LEAVES; n++) {
        struct crypto_hash root;
        char text[16];

        merkle_root_of(&root, leaf, n);
        (void)snprintf(text, sizeof text, "%zu", n);
        add_text(text);
        add_hashes(&root, 1);
    }
    assert_lines("derived_rfc9162", "roots");
}
END_TEST

START_TEST(all_inclusion_paths_together_have_the_derived_digest)
{
    for (uint64_t n = 1; n <= LEAVES; n++) {
        struct crypto_hash root = mth(leaf, n);

        for (uint64_t m = 0; m < n; m++) {
            struct crypto_hash path[MERKLE_PATH_MAX];
            unsigned count;
            char text[32];

            ck_assert_int_eq(merkle_path(path, &count, m, n, get_node, &no_offset), ANJU_OK);
            ck_assert_int_eq(merkle_path_check(&root, n, m, &leaf[m], path, count), ANJU_OK);
            (void)snprintf(text, sizeof text, "%u %u", (unsigned)m, (unsigned)n);
            add_text(text);
            add_hashes(path, count);
        }
    }
    assert_lines("derived_rfc9162", "inclusion");
}
END_TEST

/* [begin, end) of the draft: it begins at a multiple of the smallest power of two that holds it. */
static bool is_subtree(uint64_t begin, uint64_t end)
{
    uint64_t room = 1;

    while (room < end - begin)
        room *= 2;
    return begin == end || begin % room == 0;
}

START_TEST(all_subtree_hashes_together_have_the_published_digest)
{
    for (uint64_t end = 0; end <= LEAVES; end++) {
        for (uint64_t begin = 0; begin <= end; begin++) {
            struct crypto_hash root;
            char text[32];

            if (!is_subtree(begin, end))
                continue;
            merkle_root_of(&root, leaf + begin, end - begin);
            (void)snprintf(text, sizeof text, "[%u, %u)", (unsigned)begin, (unsigned)end);
            add_text(text);
            add_hashes(&root, 1);
        }
    }
    assert_lines("published", "subtree_hash");
}
END_TEST

START_TEST(all_subtree_inclusion_paths_together_have_the_published_digest)
{
    for (uint64_t end = 0; end <= LEAVES; end++) {
        for (uint64_t begin = 0; begin <= end; begin++) {
            for (uint64_t i = begin; i < end && is_subtree(begin, end); i++) {
                struct crypto_hash path[MERKLE_PATH_MAX];
                unsigned count;
                char text[48];

                ck_assert_int_eq(
                    merkle_path(path, &count, i - begin, end - begin, get_node, &begin), ANJU_OK);
                (void)snprintf(text, sizeof text, "%u [%u, %u)", (unsigned)i, (unsigned)begin,
                               (unsigned)end);
                add_text(text);
                add_hashes(path, count);
            }
        }
    }
    assert_lines("published", "subtree_inclusion");
}
END_TEST

/* --- vectors of single proofs ----------------------------------------------------------------- */

/* False where the text is not 32 bytes: such a hash never becomes a struct crypto_hash. */
static bool hash_of(struct crypto_hash *out, const char *text)
{
    size_t size;
    uint8_t *data = vectors_base64(text, &size);
    bool fits = size == sizeof out->b;

    if (fits)
        memcpy(out->b, data, size);
    free(data);
    return fits;
}

/* False where one of them is not 32 bytes, or they are more than any tree has. */
static bool proof_of(struct crypto_hash *out, unsigned *count, json_t *file)
{
    json_t *proof = json_object_get(file, "proof");
    json_t *item;
    size_t i;

    *count = 0;
    json_array_foreach(proof, i, item)
    { /* null: none */
        if (*count == MERKLE_PATH_MAX || !hash_of(&out[*count], json_string_value(item)))
            return false;
        ++*count;
    }
    return true;
}

/* Some roots are words, in cases where only it counts whether they are equal. */
static bool root_of(struct crypto_hash *out, const char *text)
{
    if (text[0] != '\0' && !hash_of(out, text))
        crypto_sha256(out, bytes_of_text(text));
    return text[0] != '\0';
}

struct verdicts {
    unsigned good;
    unsigned bad;
};

static void assert_verdict(struct verdicts *v, const char *path, json_t *file, bool good)
{
    bool expected = json_is_false(json_object_get(file, "wantErr"));

    ck_assert_msg(good == expected, "%s: %s", path, vectors_text(file, "desc"));
    v->good += good;
    v->bad += !good;
}

static void check_inclusion(void *ctx, const char *path, json_t *file)
{
    struct crypto_hash root, hash, proof[MERKLE_PATH_MAX];
    unsigned count;
    bool fits = proof_of(proof, &count, file) & hash_of(&root, vectors_text(file, "root")) &
                hash_of(&hash, vectors_text(file, "leafHash"));

    assert_verdict(ctx, path, file,
                   fits && merkle_path_check(&root, vectors_u64(file, "treeSize"),
                                             vectors_u64(file, "leafIdx"), &hash, proof,
                                             count) == ANJU_OK);
}

static void check_consistency(void *ctx, const char *path, json_t *file)
{
    struct crypto_hash root1, root2, proof[MERKLE_PATH_MAX];
    unsigned count;
    bool fits = proof_of(proof, &count, file) & root_of(&root1, vectors_text(file, "root1")) &
                root_of(&root2, vectors_text(file, "root2"));

    assert_verdict(ctx, path, file,
                   fits && merkle_consistency_check(&root1, vectors_u64(file, "size1"), &root2,
                                                    vectors_u64(file, "size2"), proof,
                                                    count) == ANJU_OK);
}

START_TEST(published_inclusion_proofs_are_judged_right)
{
    struct verdicts v = {0, 0};

    vectors_each("rfc6962-merkle/inclusion", check_inclusion, &v);
    ck_assert_uint_ge(v.good, 1);
    ck_assert_uint_ge(v.bad, 5);
}
END_TEST

START_TEST(published_consistency_proofs_are_judged_right)
{
    struct verdicts v = {0, 0};

    vectors_each("rfc6962-merkle/consistency", check_consistency, &v);
    ck_assert_uint_ge(v.good, 1);
    ck_assert_uint_ge(v.bad, 5);
}
END_TEST

/* --- properties --------------------------------------------------------------------------------
 */

START_TEST(a_path_for_another_place_or_with_a_bit_changed_is_refused)
{
    for (uint64_t n = 1; n <= 17; n++) {
        struct crypto_hash root = mth(leaf, n);

        for (uint64_t m = 0; m < n; m++) {
            struct crypto_hash path[MERKLE_PATH_MAX + 1];
            unsigned count;

            memset(path, 0, sizeof path);
            ck_assert_int_eq(merkle_path(path, &count, m, n, get_node, &no_offset), ANJU_OK);
            for (uint64_t other = 0; other <= n; other++)
                ck_assert((merkle_path_check(&root, n, other, &leaf[m], path, count) == ANJU_OK) ==
                          (other == m));
            ck_assert_int_eq(merkle_path_check(&root, n, m, &leaf[m], path, count + 1),
                             ANJU_ERR_MISMATCH);
            if (count > 0)
                ck_assert_int_eq(merkle_path_check(&root, n, m, &leaf[m], path, count - 1),
                                 ANJU_ERR_MISMATCH);
            for (unsigned i = 0; i < count; i++) {
                path[i].b[m] ^= 4;
                ck_assert_int_eq(merkle_path_check(&root, n, m, &leaf[m], path, count),
                                 ANJU_ERR_MISMATCH);
                path[i].b[m] ^= 4;
            }
            ck_assert_int_eq(merkle_path_check(&root, n, m, &leaf[m + 1], path, count),
                             ANJU_ERR_MISMATCH);
        }
    }
}
END_TEST

START_TEST(a_prover_refuses_what_is_outside_the_tree_and_passes_errors_on)
{
    struct crypto_hash out[MERKLE_BOUNDARY_MAX];
    unsigned count;

    ck_assert_int_eq(merkle_path(out, &count, 5, 5, get_node, &no_offset), ANJU_ERR_NOT_FOUND);
    ck_assert_int_eq(merkle_path(out, &count, 0, 0, get_node, &no_offset), ANJU_ERR_NOT_FOUND);
    ck_assert_int_eq(merkle_consistency(out, &count, 0, 5, get_node, &no_offset),
                     ANJU_ERR_NOT_FOUND);
    ck_assert_int_eq(merkle_consistency(out, &count, 6, 5, get_node, &no_offset),
                     ANJU_ERR_NOT_FOUND);
    ck_assert_int_eq(merkle_range(out, &count, 2, 2, 5, get_node, &no_offset), ANJU_ERR_NOT_FOUND);
    ck_assert_int_eq(merkle_range(out, &count, 3, 6, 5, get_node, &no_offset), ANJU_ERR_NOT_FOUND);
    ck_assert_int_eq(merkle_range(out, &count, 4, 3, 5, get_node, &no_offset), ANJU_ERR_NOT_FOUND);
    ck_assert_int_eq(merkle_path(out, &count, 2, 5, get_fails, NULL), ANJU_ERR_IO);
    ck_assert_int_eq(merkle_consistency(out, &count, 3, 5, get_fails, NULL), ANJU_ERR_IO);
    ck_assert_int_eq(merkle_range(out, &count, 2, 3, 5, get_fails, NULL), ANJU_ERR_IO);
}
END_TEST

/* Sizes come from proofs of others too: no size and index may loop for ever, overflow or crash. */
START_TEST(sizes_near_the_end_of_64_bits_are_judged_without_harm)
{
    static const uint64_t sizes[] = {UINT64_MAX, UINT64_MAX - 1, (uint64_t)1 << 63,
                                     ((uint64_t)1 << 63) + 1, ((uint64_t)1 << 32) + 5};
    struct crypto_hash path[MERKLE_PATH_MAX], root;

    memset(path, 5, sizeof path);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint64_t indexes[] = {0, 1, sizes[i] / 2, sizes[i] - 2, sizes[i] - 1, sizes[i]};

        for (size_t k = 0; k < sizeof indexes / sizeof indexes[0]; k++) {
            unsigned fitting = 0;

            for (unsigned count = 0; count <= MERKLE_PATH_MAX; count++)
                fitting +=
                    merkle_path_root(&root, sizes[i], indexes[k], &leaf[0], path, count) == ANJU_OK;
            ck_assert_uint_eq(fitting, indexes[k] < sizes[i]);
            for (unsigned count = 0; count <= MERKLE_PATH_MAX; count++) {
                ck_assert_int_eq(
                    merkle_consistency_check(&leaf[0], indexes[k], &leaf[1], sizes[i], path, count),
                    ANJU_ERR_MISMATCH);
                ck_assert_int_eq(
                    merkle_range_check(&root, sizes[i], indexes[k], leaf, 2, path, count),
                    ANJU_ERR_MISMATCH);
            }
            if (indexes[k] > 0) /* begin + count would wrap */
                ck_assert_int_eq(
                    merkle_range_check(&root, sizes[i], indexes[k], leaf, UINT64_MAX, path, 3),
                    ANJU_ERR_MISMATCH);
        }
    }
}
END_TEST

/* PROOF of RFC 6962, 2.1.2, word for word. */
static unsigned subproof(struct crypto_hash *out, uint64_t m, const struct crypto_hash *leaves,
                         uint64_t n, bool whole)
{
    uint64_t k = 1;
    unsigned count;

    if (m == n) {
        if (!whole)
            out[0] = mth(leaves, n);
        return whole ? 0 : 1;
    }
    while (2 * k < n)
        k *= 2;
    if (m <= k) {
        count = subproof(out, m, leaves, k, whole);
        out[count] = mth(leaves + k, n - k);
    } else {
        count = subproof(out, m - k, leaves + k, n - k, false);
        out[count] = mth(leaves, k);
    }
    return count + 1;
}

START_TEST(consistency_proofs_are_those_of_the_definition_and_only_they_pass)
{
    for (uint64_t n = 1; n <= 66; n++) {
        struct crypto_hash new_root = mth(leaf, n);

        for (uint64_t m = 1; m <= n; m++) {
            struct crypto_hash proof[MERKLE_PATH_MAX + 1], expected[MERKLE_PATH_MAX];
            struct crypto_hash old_root = mth(leaf, m), other = mth(leaf + 1, m);
            unsigned count, expected_count = subproof(expected, m, leaf, n, true);

            memset(proof, 0, sizeof proof);
            ck_assert_int_eq(merkle_consistency(proof, &count, m, n, get_node, &no_offset),
                             ANJU_OK);
            ck_assert_uint_eq(count, expected_count);
            ck_assert_mem_eq(proof, expected, count * sizeof proof[0]);
            ck_assert_int_eq(merkle_consistency_check(&old_root, m, &new_root, n, proof, count),
                             ANJU_OK);
            ck_assert_int_eq(merkle_consistency_check(&other, m, &new_root, n, proof, count),
                             ANJU_ERR_MISMATCH);
            ck_assert_int_eq(merkle_consistency_check(&old_root, m, &new_root, n, proof, count + 1),
                             ANJU_ERR_MISMATCH);
            for (unsigned i = 0; i < count; i++) {
                proof[i].b[31] ^= 1;
                ck_assert_int_eq(merkle_consistency_check(&old_root, m, &new_root, n, proof, count),
                                 ANJU_ERR_MISMATCH);
                proof[i].b[31] ^= 1;
            }
        }
    }
}
END_TEST

/* The boundary of a range by the definition: the recursion from the root, left before right. */
static unsigned boundary_of(struct crypto_hash *out, uint64_t begin, uint64_t end, uint64_t at,
                            uint64_t n)
{
    uint64_t k = 1;
    unsigned count;

    if (at + n <= begin || at >= end) {
        out[0] = mth(leaf + at, n);
        return 1;
    }
    if (at >= begin && at + n <= end)
        return 0;
    while (2 * k < n)
        k *= 2;
    count = boundary_of(out, begin, end, at, k);
    return count + boundary_of(out + count, begin, end, at + k, n - k);
}

/* Everything a prover could change about a right proof of [begin, end) in n leaves. */
static void assert_only_this_passes(uint64_t n, uint64_t begin, uint64_t end,
                                    struct crypto_hash *boundary, unsigned count)
{
    struct crypto_hash root = mth(leaf, n), shown[RANGE_LEAVES + 1];
    uint64_t size = end - begin;

    memcpy(shown, leaf + begin, (size + 1) * sizeof shown[0]);
    ck_assert_int_eq(merkle_range_check(&root, n, begin, shown, size, boundary, count), ANJU_OK);
    /* One leaf left out at either end, or one too many: "this is the whole page". */
    ck_assert_int_eq(merkle_range_check(&root, n, begin, shown, size - 1, boundary, count),
                     ANJU_ERR_MISMATCH);
    ck_assert_int_eq(merkle_range_check(&root, n, begin + 1, shown + 1, size - 1, boundary, count),
                     ANJU_ERR_MISMATCH);
    ck_assert_int_eq(merkle_range_check(&root, n, begin, shown, size + 1, boundary, count),
                     ANJU_ERR_MISMATCH);
    ck_assert_int_eq(merkle_range_check(&root, n, begin + 1, shown, size, boundary, count),
                     ANJU_ERR_MISMATCH);
    ck_assert_int_eq(merkle_range_check(&root, n, begin, shown, size, boundary, count + 1),
                     ANJU_ERR_MISMATCH);
    if (count > 0)
        ck_assert_int_eq(merkle_range_check(&root, n, begin, shown, size, boundary, count - 1),
                         ANJU_ERR_MISMATCH);
    for (uint64_t i = 0; i < size; i++) {
        shown[i].b[i] ^= 1;
        ck_assert_int_eq(merkle_range_check(&root, n, begin, shown, size, boundary, count),
                         ANJU_ERR_MISMATCH);
        shown[i].b[i] ^= 1;
    }
    for (unsigned i = 0; i < count; i++) {
        boundary[i].b[i] ^= 1;
        ck_assert_int_eq(merkle_range_check(&root, n, begin, shown, size, boundary, count),
                         ANJU_ERR_MISMATCH);
        boundary[i].b[i] ^= 1;
    }
}

START_TEST(range_proofs_are_those_of_the_definition_and_only_they_pass)
{
    for (uint64_t n = 1; n <= RANGE_LEAVES; n++) {
        for (uint64_t begin = 0; begin < n; begin++) {
            for (uint64_t end = begin + 1; end <= n; end++) {
                struct crypto_hash boundary[MERKLE_BOUNDARY_MAX], expected[MERKLE_BOUNDARY_MAX];
                unsigned count, expected_count = boundary_of(expected, begin, end, 0, n);

                memset(boundary, 0, sizeof boundary);
                ck_assert_int_eq(
                    merkle_range(boundary, &count, begin, end, n, get_node, &no_offset), ANJU_OK);
                ck_assert_uint_eq(count, expected_count);
                ck_assert_mem_eq(boundary, expected, count * sizeof boundary[0]);
                assert_only_this_passes(n, begin, end, boundary, count);
            }
        }
    }
}
END_TEST

START_TEST(a_range_of_the_empty_tree_is_empty)
{
    struct crypto_hash root = mth(leaf, 0), boundary[MERKLE_BOUNDARY_MAX];
    unsigned count = 9;

    ck_assert_int_eq(merkle_range(boundary, &count, 0, 0, 0, get_node, &no_offset), ANJU_OK);
    ck_assert_uint_eq(count, 0);
    ck_assert_int_eq(merkle_range_check(&root, 0, 0, NULL, 0, NULL, 0), ANJU_OK);
    ck_assert_int_eq(merkle_range_check(&root, 0, 0, leaf, 1, NULL, 0), ANJU_ERR_MISMATCH);
    ck_assert_int_eq(merkle_range_check(&root, 0, 0, NULL, 0, leaf, 1), ANJU_ERR_MISMATCH);
    ck_assert_int_eq(merkle_range_check(&root, 1, 0, NULL, 0, &root, 1), ANJU_ERR_MISMATCH);
    ck_assert_int_eq(merkle_range_check(&leaf[0], 0, 0, NULL, 0, NULL, 0), ANJU_ERR_MISMATCH);
}
END_TEST

START_TEST(ranges_of_a_larger_tree_pass_at_random_places)
{
    struct crypto_hash root = mth(leaf, LEAVES);
    uint64_t state = 1;

    for (int turn = 0; turn < 300; turn++) {
        struct crypto_hash boundary[MERKLE_BOUNDARY_MAX];
        uint64_t begin, end;
        unsigned count;

        state = state * 6364136223846793005u + 1442695040888963407u;
        begin = (state >> 33) % LEAVES;
        end = begin + 1 + (state >> 17) % (LEAVES - begin);
        ck_assert_int_eq(merkle_range(boundary, &count, begin, end, LEAVES, get_node, &no_offset),
                         ANJU_OK);
        ck_assert_int_eq(
            merkle_range_check(&root, LEAVES, begin, leaf + begin, end - begin, boundary, count),
            ANJU_OK);
    }
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *c = tcase_create("merkle");

    tcase_add_checked_fixture(c, setup, NULL);
    tcase_set_timeout(c, 120);
    tcase_add_test(c, roots_of_all_sizes_are_those_of_the_definition);
    tcase_add_test(c, an_append_shows_every_subtree_that_it_completes);
    tcase_add_test(c, peaks_come_back_from_their_bytes_and_grow_on);
    tcase_add_test(c, the_published_reference_tree_is_ours);
    tcase_add_test(c, all_roots_together_have_the_derived_digest);
    tcase_add_test(c, all_inclusion_paths_together_have_the_derived_digest);
    tcase_add_test(c, all_subtree_hashes_together_have_the_published_digest);
    tcase_add_test(c, all_subtree_inclusion_paths_together_have_the_published_digest);
    tcase_add_test(c, published_inclusion_proofs_are_judged_right);
    tcase_add_test(c, published_consistency_proofs_are_judged_right);
    tcase_add_test(c, a_path_for_another_place_or_with_a_bit_changed_is_refused);
    tcase_add_test(c, a_prover_refuses_what_is_outside_the_tree_and_passes_errors_on);
    tcase_add_test(c, sizes_near_the_end_of_64_bits_are_judged_without_harm);
    tcase_add_test(c, consistency_proofs_are_those_of_the_definition_and_only_they_pass);
    tcase_add_test(c, range_proofs_are_those_of_the_definition_and_only_they_pass);
    tcase_add_test(c, a_range_of_the_empty_tree_is_empty);
    tcase_add_test(c, ranges_of_a_larger_tree_pass_at_random_places);
    suite_add_tcase(suite, c);
}

UNIT_MAIN("merkle", add_tests)
