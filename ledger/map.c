#include "ledger/map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/map_node.h"

/* Nodes. A function that returns a node gives one reference; one that takes children as parameters
 * takes over the caller's. */

static struct map_node *node_hold(struct map_node *n)
{
    if (n != NULL)
        atomic_fetch_add_explicit(&n->refs, 1, memory_order_relaxed);
    return n;
}

static void node_release(struct map_node *n)
{
    if (n == NULL || atomic_fetch_sub_explicit(&n->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (n->type == MAP_INNER) {
        node_release(map_child(n, 0));
        node_release(map_child(n, 1));
    } else if (n->type == MAP_SEGMENT) {
        node_release(atomic_load_explicit(&((struct map_segment *)n)->child, memory_order_relaxed));
    }
    free(n);
}

static struct map_node *node_init(void *memory, enum map_type type, enum map_kind kind)
{
    struct map_node *n = memory;

    atomic_init(&n->refs, 1);
    n->type = (uint8_t)type;
    n->kind = (uint8_t)kind;
    n->count = 0;
    n->bits = 0;
    n->prefix = 0;
    return n;
}

static struct map_node *bucket_new(const struct map_item *items, size_t count, unsigned depth)
{
    /* Not anju_alloc: a bucket is filled whole, and clearing it first is a tenth of an update. */
    struct map_node *n = anju_realloc(NULL, sizeof(struct map_bucket) + count * sizeof(*items));

    node_init(n, MAP_BUCKET, count == 1 ? MAP_LEAF : MAP_TREE);
    n->count = (uint8_t)count;
    memcpy(((struct map_bucket *)n)->item, items, count * sizeof(*items));
    map_items_hash(&n->hash, items, count, depth);
    return n;
}

/* Two subtrees under one node; NULL where both are empty. A lone leaf keeps its hash. */
static struct map_node *inner_new(struct map_node *left, struct map_node *right)
{
    struct map_inner *inner;
    struct map_node *only;

    if (left == NULL && right == NULL)
        return NULL;
    inner = anju_realloc(NULL, sizeof(*inner));
    inner->child[0] = left;
    inner->child[1] = right;
    only = left == NULL ? right : right == NULL ? left : NULL;
    if (only != NULL && only->kind == MAP_LEAF) {
        node_init(inner, MAP_INNER, MAP_LEAF);
        inner->node.hash = only->hash;
    } else {
        node_init(inner, MAP_INNER, MAP_TREE);
        map_inner_hash(&inner->node.hash, left == NULL ? &CRYPTO_ZERO_HASH : &left->hash,
                       right == NULL ? &CRYPTO_ZERO_HASH : &right->hash);
    }
    return &inner->node;
}

/* `child` is NULL for a cold one. */
static struct map_node *segment_new(const struct ledger_map_segment *is, struct map_node *child)
{
    struct map_segment *s = anju_alloc(sizeof(*s));

    node_init(s, MAP_SEGMENT, (enum map_kind)is->kind);
    s->node.bits = is->bits;
    s->node.prefix = is->prefix;
    s->node.hash = is->hash;
    atomic_init(&s->child, child);
    atomic_init(&s->touched, child != NULL);
    return &s->node;
}

/* Items that share `depth` bits -> a subtree within a segment. */
static struct map_node *build(const struct map_item *items, size_t count, unsigned depth)
{
    size_t split;

    if (count == 0)
        return NULL;
    if (count <= MAP_BUCKET_MAX)
        return bucket_new(items, count, depth);
    split = map_items_split(items, count, depth);
    struct map_node *left = build(items, split, depth + 1);
    return inner_new(left, build(items + split, count - split, depth + 1));
}

/* Cold segments */

static void segment_is(struct ledger_map_segment *out, const struct map_node *segment)
{
    *out = (struct ledger_map_segment){.prefix = segment->prefix,
                                       .bits = segment->bits,
                                       .kind = segment->kind,
                                       .hash = segment->hash};
}

/* The loader answers with what storage has: it must be this segment's leaves, in order. */
static enum anju_err check_loaded(const struct ledger_map_leaf *leaves, size_t count,
                                  const struct ledger_map_segment *is)
{
    for (size_t i = 0; i < count; i++) {
        struct ledger_map_segment of;

        ledger_map_segment_of(&of, &leaves[i].key);
        if (of.prefix != is->prefix || of.bits != is->bits ||
            (i > 0 && memcmp(leaves[i - 1].key.b, leaves[i].key.b, sizeof(leaves[i].key.b)) >= 0))
            return anju_fail(
                ANJU_ERR_CORRUPT,
                "map segment %08x/%u: stored leaf %zu is out of place; rebuild the derived data",
                (unsigned)is->prefix, (unsigned)is->bits, i);
    }
    return ANJU_OK;
}

static enum anju_err load_segment(struct map_node **out, const struct map_node *segment,
                                  const struct map_source *source)
{
    struct ledger_map_segment is;
    struct ledger_map_leaf *leaves = NULL;
    struct map_item *items = NULL;
    struct map_node *built = NULL;
    size_t count = 0;
    enum anju_err err;

    segment_is(&is, segment);
    assert(source->load != NULL);
    err = source->load(source->ctx, &leaves, &count, &is);
    if (err != ANJU_OK)
        goto out;
    err = check_loaded(leaves, count, &is);
    if (err != ANJU_OK)
        goto out;
    items = anju_realloc(NULL, (count + 1) * sizeof(*items));
    for (size_t i = 0; i < count; i++) {
        items[i].leaf = leaves[i];
        ledger_map_leaf_hash(&items[i].hash, &leaves[i]);
    }
    built = build(items, count, is.bits);
    if (built == NULL || built->kind != is.kind || !crypto_hash_equal(&built->hash, &is.hash)) {
        err = anju_fail(
            ANJU_ERR_CORRUPT,
            "map segment %08x/%u: the %zu stored leaves do not have its hash; take a newer view, "
            "or rebuild the derived data",
            (unsigned)is.prefix, (unsigned)is.bits, count);
        goto out;
    }
    *out = built;
    built = NULL;
out:
    node_release(built);
    free(items);
    free(leaves);
    return err;
}

enum anju_err map_segment_child(struct map_node **out, const struct map_node *segment,
                                const struct map_source *source)
{
    /* The child is the one thing of a node that arrives late; what the node says stays the same. */
    struct map_segment *s = (struct map_segment *)(uintptr_t)segment;
    struct map_node *child = atomic_load_explicit(&s->child, memory_order_acquire);
    struct map_node *none = NULL;
    enum anju_err err;

    atomic_store_explicit(&s->touched, true, memory_order_relaxed);
    if (child == NULL) {
        err = load_segment(&child, segment, source);
        if (err != ANJU_OK)
            return err;
        if (!atomic_compare_exchange_strong_explicit(&s->child, &none, child, memory_order_acq_rel,
                                                     memory_order_acquire)) {
            node_release(child); /* Another reader was first. */
            child = none;
        }
    }
    *out = child;
    return ANJU_OK;
}

/* Updating */

struct update {
    const struct map_source *source;
    void (*on_segment)(void *ctx, const struct ledger_map_segment *s);
    void *ctx;
    enum anju_err err; /* after a failure the tree that comes out is dropped */
    struct map_item *scratch;
    size_t room; /* of scratch, in items */
};

static size_t leaves_split(const struct ledger_map_leaf *leaves, size_t count, unsigned depth)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (map_key_bit(&leaves[middle].key, depth) == 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* `out` = `old` with `leaves` laid over it, both ascending; returns how many. */
static size_t merge_items(struct map_item *out, const struct map_item *old, size_t old_count,
                          const struct ledger_map_leaf *leaves, size_t count)
{
    size_t n = 0;
    size_t i = 0;

    for (size_t k = 0; k < count; k++) {
        int order = 1;

        while (i < old_count && (order = memcmp(old[i].leaf.key.b, leaves[k].key.b, 32)) < 0)
            out[n++] = old[i++];
        if (i < old_count && order == 0)
            i++;
        out[n].leaf = leaves[k];
        ledger_map_leaf_hash(&out[n].hash, &leaves[k]);
        n++;
    }
    while (i < old_count)
        out[n++] = old[i++];
    return n;
}

/* A bucket, or nothing, with leaves laid over it. */
static struct map_node *update_bucket(struct update *u, const struct map_node *old, unsigned depth,
                                      const struct ledger_map_leaf *leaves, size_t count)
{
    const size_t old_count = old == NULL ? 0 : old->count;

    if (old_count + count > u->room) {
        u->room = 2 * (old_count + count);
        u->scratch = anju_realloc(u->scratch, u->room * sizeof(*u->scratch));
    }
    count = merge_items(u->scratch, old == NULL ? NULL : map_items(old), old_count, leaves, count);
    return build(u->scratch, count, depth);
}

/* Within a segment. */
static struct map_node *update_tree(struct update *u, struct map_node *old, unsigned depth,
                                    const struct ledger_map_leaf *leaves, size_t count)
{
    struct map_node *left;
    size_t split;

    if (count == 0)
        return node_hold(old);
    if (old == NULL || old->type == MAP_BUCKET)
        return update_bucket(u, old, depth, leaves, count);
    split = leaves_split(leaves, count, depth);
    left = update_tree(u, map_child(old, 0), depth + 1, leaves, split);
    return inner_new(left,
                     update_tree(u, map_child(old, 1), depth + 1, leaves + split, count - split));
}

static struct map_node *update_segment(struct update *u, const struct map_node *old,
                                       struct ledger_map_segment *is,
                                       const struct ledger_map_leaf *leaves, size_t count)
{
    struct map_node *before = NULL;
    struct map_node *after;

    if (old != NULL)
        u->err = map_segment_child(&before, old, u->source);
    if (u->err != ANJU_OK)
        return NULL;
    after = update_tree(u, before, is->bits, leaves, count);
    is->kind = after->kind;
    is->hash = after->hash;
    if (u->on_segment != NULL)
        u->on_segment(u->ctx, is);
    return segment_new(is, after);
}

/* From the root down to the segments. */
static struct map_node *update_top(struct update *u, struct map_node *old, unsigned depth,
                                   const struct ledger_map_leaf *leaves, size_t count)
{
    struct ledger_map_segment is;
    struct map_node *left;
    size_t split;

    if (count == 0)
        return node_hold(old);
    if (u->err != ANJU_OK)
        return NULL;
    ledger_map_segment_of(&is, &leaves[0].key);
    if (depth == is.bits)
        return update_segment(u, old, &is, leaves, count);
    split = leaves_split(leaves, count, depth);
    left = update_top(u, old == NULL ? NULL : map_child(old, 0), depth + 1, leaves, split);
    return inner_new(left, update_top(u, old == NULL ? NULL : map_child(old, 1), depth + 1,
                                      leaves + split, count - split));
}

/* Versions */

static struct ledger_map *map_new(struct map_node *root, const struct map_source *source)
{
    struct ledger_map *m = anju_alloc(sizeof(*m));

    atomic_init(&m->refs, 1);
    m->root = root;
    if (source != NULL)
        m->source = *source;
    return m;
}

struct ledger_map *ledger_map_empty(void)
{
    return map_new(NULL, NULL);
}

struct ledger_map *ledger_map_nothing(void)
{
    static struct ledger_map nothing = {.refs = 1}; /* its first reference is never let go */

    return &nothing;
}

static struct map_node *open_top(const struct ledger_map_segment *segments, size_t count,
                                 unsigned depth)
{
    struct map_node *left;
    size_t split = 0;

    if (count == 0)
        return NULL;
    if (depth == segments[0].bits) {
        assert(count == 1);
        return segments[0].kind == MAP_EMPTY ? NULL : segment_new(&segments[0], NULL);
    }
    while (split < count && (segments[split].prefix >> (31 - depth) & 1u) == 0)
        split++;
    left = open_top(segments, split, depth + 1);
    return inner_new(left, open_top(segments + split, count - split, depth + 1));
}

struct ledger_map *ledger_map_open(const struct ledger_map_segment *segments, size_t count,
                                   ledger_map_load_fn *load, void *ctx)
{
    const struct map_source source = {.load = load, .ctx = ctx};

    assert(load != NULL);
    for (size_t i = 1; i < count; i++)
        assert(segments[i - 1].prefix < segments[i].prefix);
    return map_new(open_top(segments, count, 0), &source);
}

struct ledger_map *ledger_map_hold(struct ledger_map *m)
{
    atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}

void ledger_map_release(struct ledger_map *m)
{
    if (m == NULL || atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) != 1)
        return;
    node_release(m->root);
    free(m);
}

void ledger_map_root(struct crypto_hash *out, const struct ledger_map *m)
{
    *out = m->root == NULL ? CRYPTO_ZERO_HASH : m->root->hash;
}

enum anju_err ledger_map_update(struct ledger_map **out, struct ledger_map *m,
                                const struct ledger_map_leaf *leaves, size_t count,
                                void (*on_segment)(void *ctx, const struct ledger_map_segment *s),
                                void *ctx)
{
    struct update u = {.source = &m->source, .on_segment = on_segment, .ctx = ctx, .err = ANJU_OK};
    struct map_node *root;

    for (size_t i = 1; i < count; i++)
        assert(memcmp(leaves[i - 1].key.b, leaves[i].key.b, sizeof(leaves[i].key.b)) < 0);
    root = update_top(&u, m->root, 0, leaves, count);
    free(u.scratch);
    if (u.err != ANJU_OK) {
        node_release(root);
        return u.err;
    }
    *out = map_new(root, &m->source);
    return ANJU_OK;
}

/* The same subtree without the loaded segments that nobody touched; `n` itself where nothing
 * changes. */
static struct map_node *trim_top(struct map_node *n)
{
    struct ledger_map_segment is;
    struct map_node *left;
    struct map_node *right;
    struct map_inner *inner;

    if (n == NULL)
        return NULL;
    if (n->type == MAP_SEGMENT) {
        struct map_segment *s = (struct map_segment *)n;

        if (atomic_load_explicit(&s->child, memory_order_acquire) == NULL ||
            atomic_exchange_explicit(&s->touched, false, memory_order_relaxed))
            return node_hold(n);
        segment_is(&is, n);
        return segment_new(&is, NULL);
    }
    left = trim_top(map_child(n, 0));
    right = trim_top(map_child(n, 1));
    if (left == map_child(n, 0) && right == map_child(n, 1)) {
        node_release(left);
        node_release(right);
        return node_hold(n);
    }
    inner = anju_alloc(sizeof(*inner));
    node_init(inner, MAP_INNER, (enum map_kind)n->kind);
    inner->node.hash = n->hash;
    inner->child[0] = left;
    inner->child[1] = right;
    return &inner->node;
}

struct ledger_map *ledger_map_trim(struct ledger_map *m)
{
    if (m->source.load == NULL)
        return ledger_map_hold(m);
    return map_new(trim_top(m->root), &m->source);
}
