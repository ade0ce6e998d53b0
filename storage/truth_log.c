/*
 * Nodes of the log's tree, in groups: group (g, i) holds the 15 nodes above 16 nodes of level 4g,
 * that is 8 of level 4g + 1, then 4, 2 and 1. A block writes a fifteenth of the rows that single
 * nodes would be; the last group of each level is rewritten until it is full. A node that is not
 * there yet is zero.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "storage/truth.h"

enum {
    GROUP_LEVELS = 4,
    GROUP_NODES = 15,
    GROUP_SIZE = GROUP_NODES * CRYPTO_HASH_SIZE,
    GROUP_KEY_SIZE = 9
};

struct place {
    uint8_t key[GROUP_KEY_SIZE]; /* g u8, i u64 */
    unsigned slot;
};

static struct place place_of(unsigned level, uint64_t index)
{
    static const unsigned FIRST_SLOT[GROUP_LEVELS] = {0, 8, 12, 14};
    unsigned within = (level - 1) % GROUP_LEVELS; /* 0: eight nodes, 3: one */
    unsigned shift = GROUP_LEVELS - 1 - within; /* so many of this level's index bits are inside */
    struct place p;

    p.key[0] = (uint8_t)((level - 1) / GROUP_LEVELS);
    put_u64(p.key + 1, index >> shift);
    p.slot = FIRST_SLOT[within] + (unsigned)(index & ((UINT64_C(1) << shift) - 1));
    return p;
}

struct placed {
    struct place place;
    const struct crypto_hash *hash;
};

static int by_key(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    int order = memcmp(x->place.key, y->place.key, GROUP_KEY_SIZE);

    return order != 0 ? order : (int)x->place.slot - (int)y->place.slot;
}

static enum anju_err read_group(const struct truth *t, MDB_txn *txn, uint8_t out[GROUP_SIZE],
                                const uint8_t *key)
{
    struct bytes v;
    enum anju_err err = kv_get(&t->env, txn, &t->t[TRUTH_LOG], &v, bytes_of(key, GROUP_KEY_SIZE));

    if (err == ANJU_OK && v.size != GROUP_SIZE)
        err = anju_fail(ANJU_ERR_CORRUPT, "%s is damaged: a group of log nodes has a wrong size",
                        t->env.path);
    if (err == ANJU_OK)
        memcpy(out, v.data, GROUP_SIZE);
    return err;
}

static enum anju_err write_group(const struct truth *t, MDB_txn *txn, const struct placed *nodes,
                                 size_t count)
{
    const uint8_t *key = nodes[0].place.key;
    uint8_t group[GROUP_SIZE] = {0};
    enum anju_err err = ANJU_OK;

    if (count < GROUP_NODES) {
        err = read_group(t, txn, group, key);
        if (err == ANJU_ERR_NOT_FOUND)
            err = ANJU_OK;
    }
    if (err != ANJU_OK)
        return err;
    for (size_t i = 0; i < count; i++)
        memcpy(group + nodes[i].place.slot * CRYPTO_HASH_SIZE, nodes[i].hash->b, CRYPTO_HASH_SIZE);
    return kv_put(&t->env, txn, &t->t[TRUTH_LOG], bytes_of(key, GROUP_KEY_SIZE),
                  bytes_of(group, GROUP_SIZE), false);
}

enum anju_err truth_log_write(const struct truth *t, MDB_txn *txn,
                              const struct ledger_log_node *nodes, size_t count)
{
    struct placed *placed = anju_alloc((count + 1) * sizeof *placed);
    enum anju_err err = ANJU_OK;

    for (size_t i = 0; i < count; i++) {
        assert(nodes[i].level >= 1);
        placed[i] = (struct placed){place_of(nodes[i].level, nodes[i].index), &nodes[i].hash};
    }
    if (count > 1)
        qsort(placed, count, sizeof *placed, by_key);
    for (size_t i = 0, end; err == ANJU_OK && i < count; i = end) {
        for (end = i + 1; end < count; end++)
            if (memcmp(placed[end].place.key, placed[i].place.key, GROUP_KEY_SIZE) != 0)
                break;
        err = write_group(t, txn, placed + i, end - i);
    }
    free(placed);
    return err;
}

enum anju_err truth_log_node(const struct truth *t, MDB_txn *txn, struct crypto_hash *out,
                             unsigned level, uint64_t index)
{
    struct place p = place_of(level, index);
    uint8_t group[GROUP_SIZE];
    enum anju_err err = read_group(t, txn, group, p.key);

    if (err != ANJU_OK)
        return err;
    memcpy(out->b, group + p.slot * CRYPTO_HASH_SIZE, CRYPTO_HASH_SIZE);
    return crypto_hash_is_zero(out) ? ANJU_ERR_NOT_FOUND : ANJU_OK;
}
