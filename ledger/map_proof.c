#include "ledger/map.h"

#include <assert.h>
#include <string.h>

#include "ledger/map_node.h"

/* The stream of a proof (docs/formats.md, "Chains and the map"): a subtree without an asked key is
 * 0 or 1, one with is 0, 2 or 3. */
enum map_tag { TAG_EMPTY = 0, TAG_HASH = 1, TAG_LEAF = 2, TAG_INNER = 3 };

static size_t keys_split(const struct ledger_map_key *keys, size_t count, unsigned depth)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (map_key_bit(&keys[middle], depth) == 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Proving */

struct prover {
    struct writer *out;
    const struct map_source *source;
};

static void put_hash(struct writer *w, const struct crypto_hash *hash)
{
    writer_u8(w, TAG_HASH);
    writer_bytes(w, crypto_hash_bytes(hash));
}

static void put_leaf(struct writer *w, const struct ledger_map_leaf *leaf)
{
    writer_u8(w, TAG_LEAF);
    writer_put(w, leaf->key.b, sizeof(leaf->key.b));
    writer_u64(w, leaf->count);
    writer_u64(w, leaf->live);
    writer_bytes(w, crypto_hash_bytes(&leaf->root));
    writer_bytes(w, crypto_hash_bytes(&leaf->state));
}

static void prove_items(struct writer *w, const struct map_item *items, size_t n_items,
                        unsigned depth, const struct ledger_map_key *keys, size_t count)
{
    size_t item_split;
    size_t key_split;

    if (n_items == 0) {
        writer_u8(w, TAG_EMPTY);
    } else if (count == 0) {
        struct crypto_hash hash;

        map_items_hash(&hash, items, n_items, depth);
        put_hash(w, &hash);
    } else if (n_items == 1) {
        put_leaf(w, &items[0].leaf);
    } else {
        writer_u8(w, TAG_INNER);
        item_split = map_items_split(items, n_items, depth);
        key_split = keys_split(keys, count, depth);
        prove_items(w, items, item_split, depth + 1, keys, key_split);
        prove_items(w, items + item_split, n_items - item_split, depth + 1, keys + key_split,
                    count - key_split);
    }
}

static enum anju_err prove_node(struct prover *p, const struct map_node *n, unsigned depth,
                                const struct ledger_map_key *keys, size_t count)
{
    struct map_node *child;
    enum anju_err err;
    size_t split;

    if (n == NULL) {
        writer_u8(p->out, TAG_EMPTY);
        return ANJU_OK;
    }
    if (count == 0) {
        put_hash(p->out, &n->hash);
        return ANJU_OK;
    }
    if (n->type == MAP_BUCKET) {
        prove_items(p->out, map_items(n), n->count, depth, keys, count);
        return ANJU_OK;
    }
    if (n->type == MAP_SEGMENT) {
        err = map_segment_child(&child, n, p->source);
        return err != ANJU_OK ? err : prove_node(p, child, depth, keys, count);
    }
    if (n->kind == MAP_LEAF) /* The one leaf stands here, however deep its node is. */
        return prove_node(p, map_child(n, map_child(n, 0) == NULL ? 1 : 0), depth + 1, keys, count);
    writer_u8(p->out, TAG_INNER);
    split = keys_split(keys, count, depth);
    err = prove_node(p, map_child(n, 0), depth + 1, keys, split);
    if (err == ANJU_OK)
        err = prove_node(p, map_child(n, 1), depth + 1, keys + split, count - split);
    return err;
}

enum anju_err ledger_map_prove_with(struct writer *out, const struct ledger_map *m,
                                    const struct ledger_map_key *keys, size_t count,
                                    ledger_map_load_fn *load, void *ctx)
{
    const struct map_source source = {.load = load, .ctx = ctx};
    struct prover p = {.out = out, .source = &source};
    const size_t size_before = out->size;
    enum anju_err err;

    for (size_t i = 1; i < count; i++)
        assert(memcmp(keys[i - 1].b, keys[i].b, sizeof(keys[i].b)) < 0);
    err = prove_node(&p, m->root, 0, keys, count);
    if (err != ANJU_OK)
        out->size = size_before;
    return err;
}

enum anju_err ledger_map_prove(struct writer *out, const struct ledger_map *m,
                               const struct ledger_map_key *keys, size_t count)
{
    return ledger_map_prove_with(out, m, keys, count, m->source.load, m->source.ctx);
}

/* Checking */

struct checker {
    struct reader r;
    bool wrong; /* a form that no map has */
    bool *found;
    struct ledger_map_leaf *leaves;
    const struct ledger_map_key *keys;
};

/* What the stream says a subtree is. */
enum subtree { SUBTREE_EMPTY, SUBTREE_LEAF, SUBTREE_INNER, SUBTREE_HIDDEN };

static enum subtree check_node(struct checker *c, struct crypto_hash *hash, unsigned depth,
                               size_t from, size_t count);

static bool prefix_equal(const struct ledger_map_key *a, const struct ledger_map_key *b,
                         unsigned bits)
{
    const unsigned whole = bits / 8;
    const unsigned rest = bits % 8;

    if (memcmp(a->b, b->b, whole) != 0)
        return false;
    return rest == 0 || ((a->b[whole] ^ b->b[whole]) >> (8 - rest)) == 0;
}

static enum subtree check_leaf(struct checker *c, struct crypto_hash *hash, unsigned depth,
                               size_t from, size_t count)
{
    struct ledger_map_leaf leaf;

    reader_copy(&c->r, leaf.key.b, sizeof(leaf.key.b));
    leaf.count = reader_u64(&c->r);
    leaf.live = reader_u64(&c->r);
    reader_copy(&c->r, leaf.root.b, sizeof(leaf.root.b));
    reader_copy(&c->r, leaf.state.b, sizeof(leaf.state.b));
    /* The asked keys here all share the walked prefix; a leaf of another place would prove nothing.
     */
    if (!prefix_equal(&leaf.key, &c->keys[from], depth))
        c->wrong = true;
    for (size_t i = from; i < from + count; i++) {
        if (memcmp(leaf.key.b, c->keys[i].b, sizeof(leaf.key.b)) == 0) {
            c->found[i] = true;
            c->leaves[i] = leaf;
        }
    }
    ledger_map_leaf_hash(hash, &leaf);
    return SUBTREE_LEAF;
}

static enum subtree check_inner(struct checker *c, struct crypto_hash *hash, unsigned depth,
                                size_t from, size_t count)
{
    struct crypto_hash left;
    struct crypto_hash right;
    enum subtree a;
    enum subtree b;
    size_t split;

    if (depth == LEDGER_MAP_DEPTH_MAX) {
        c->wrong = true;
        return SUBTREE_INNER;
    }
    split = keys_split(c->keys + from, count, depth);
    a = check_node(c, &left, depth + 1, from, split);
    b = check_node(c, &right, depth + 1, from + split, count - split);
    if ((a == SUBTREE_EMPTY && (b == SUBTREE_EMPTY || b == SUBTREE_LEAF)) ||
        (b == SUBTREE_EMPTY && a == SUBTREE_LEAF))
        c->wrong = true;
    map_inner_hash(hash, &left, &right);
    return SUBTREE_INNER;
}

static enum subtree check_node(struct checker *c, struct crypto_hash *hash, unsigned depth,
                               size_t from, size_t count)
{
    const uint8_t tag = reader_u8(&c->r);

    *hash = CRYPTO_ZERO_HASH;
    if (c->r.failed || c->wrong) {
        c->wrong = true; /* ends the recursion: nothing below is read any more */
        return SUBTREE_EMPTY;
    }
    if (tag == TAG_EMPTY)
        return SUBTREE_EMPTY;
    if (tag == TAG_HASH && count == 0) {
        reader_copy(&c->r, hash->b, sizeof(hash->b));
        if (crypto_hash_is_zero(hash)) /* nothing has two forms: an empty subtree is TAG_EMPTY */
            c->wrong = true;
        return SUBTREE_HIDDEN;
    }
    if (tag == TAG_LEAF && count > 0)
        return check_leaf(c, hash, depth, from, count);
    if (tag == TAG_INNER && count > 0)
        return check_inner(c, hash, depth, from, count);
    c->wrong = true;
    return SUBTREE_EMPTY;
}

enum anju_err ledger_map_check(const struct crypto_hash *root, struct bytes proof,
                               const struct ledger_map_key *keys, size_t count, bool *found,
                               struct ledger_map_leaf *leaves)
{
    struct checker c = {.r = reader_over(proof), .found = found, .leaves = leaves, .keys = keys};
    struct crypto_hash hash;
    enum anju_err err = ANJU_OK;

    for (size_t i = 0; i < count; i++) {
        found[i] = false;
        memset(&leaves[i], 0, sizeof(leaves[i]));
        if (i > 0 && memcmp(keys[i - 1].b, keys[i].b, sizeof(keys[i].b)) >= 0)
            return anju_fail(ANJU_ERR_MALFORMED, "map proof: the asked keys are not ascending");
    }
    check_node(&c, &hash, 0, 0, count);
    if (reader_finish(&c.r) != ANJU_OK || c.wrong)
        err = anju_fail(ANJU_ERR_MALFORMED,
                        "map proof: %zu bytes that do not have the form of a proof for %zu keys",
                        proof.size, count);
    else if (!crypto_hash_equal(&hash, root))
        err = anju_fail(ANJU_ERR_MISMATCH, "map proof: it does not lead to the map root");
    for (size_t i = 0; err != ANJU_OK && i < count; i++)
        found[i] = false;
    return err;
}
