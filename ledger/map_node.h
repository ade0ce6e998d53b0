/*
 * map_node: the nodes of the map's tree, for map.c and map_proof.c only.
 * Above a segment there are only inner nodes, one for each bit, down to the segment's prefix, even
 * where just one leaf hangs under them: `kind` then says that the subtree is that leaf. Within a
 * segment up to MAP_BUCKET_MAX leaves are one bucket. What a node says never changes; a segment's
 * child may arrive later.
 */
#ifndef ANJU_LEDGER_MAP_NODE_H
#define ANJU_LEDGER_MAP_NODE_H

#include <stdatomic.h>

#include "ledger/map.h"

enum { MAP_BUCKET_MAX = 8, MAP_DAY_BITS = 16, MAP_DAY_ZERO_BITS = 28 };
enum map_type { MAP_BUCKET, MAP_INNER, MAP_SEGMENT };
/* What a subtree is, as in struct ledger_map_segment. */
enum map_kind { MAP_EMPTY = 0, MAP_LEAF = 1, MAP_TREE = 2 };

struct map_node {
    atomic_uint refs;
    uint8_t type;  /* enum map_type */
    uint8_t kind;  /* enum map_kind; a node is never empty: an empty subtree is NULL */
    uint8_t count; /* of a bucket's items */
    uint8_t bits;  /* of a segment's prefix */
    uint32_t prefix;
    struct crypto_hash hash;
};

struct map_inner {
    struct map_node node;
    struct map_node *child[2];
};

/* A leaf with its hash. */
struct map_item {
    struct ledger_map_leaf leaf;
    struct crypto_hash hash;
};

struct map_bucket {
    struct map_node node;
    struct map_item item[]; /* ascending by key */
};

struct map_segment {
    struct map_node node;
    _Atomic(struct map_node *) child; /* NULL while cold */
    atomic_bool touched;              /* since the last trim */
};

/* Where cold segments come from. */
struct map_source {
    ledger_map_load_fn *load;
    void *ctx;
};

struct ledger_map {
    atomic_uint refs;
    struct map_node *root;
    struct map_source source;
};

static inline unsigned map_key_bit(const struct ledger_map_key *key, unsigned depth)
{
    return (unsigned)key->b[depth >> 3] >> (7 - (depth & 7)) & 1u;
}

static inline struct map_node *map_child(const struct map_node *inner, unsigned side)
{
    return ((const struct map_inner *)inner)->child[side];
}

static inline const struct map_item *map_items(const struct map_node *bucket)
{
    return ((const struct map_bucket *)bucket)->item;
}

/* The one empty map that nobody owns: what an empty view has. */
struct ledger_map *ledger_map_nothing(void);
/* H(03 || left || right). */
void map_inner_hash(struct crypto_hash *out, const struct crypto_hash *left,
                    const struct crypto_hash *right);
/* The hash of the subtree at `depth` over items that share `depth` bits; zero where there are none.
 */
void map_items_hash(struct crypto_hash *out, const struct map_item *items, size_t count,
                    unsigned depth);
/* How many of the leading items have bit `depth` clear. */
size_t map_items_split(const struct map_item *items, size_t count, unsigned depth);
/* A segment's subtree, brought by the source where it is cold; borrowed from the segment. */
enum anju_err map_segment_child(struct map_node **out, const struct map_node *segment,
                                const struct map_source *source);

#endif
