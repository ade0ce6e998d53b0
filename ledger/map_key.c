#include "ledger/map.h"

#include <assert.h>
#include <string.h>

#include "ledger/map_node.h"

static void key_of(struct ledger_map_key *out, uint16_t day, struct bytes chain_key)
{
    static const char tag[] =
        "anju/key/1"; /* hashed with its NUL: that is the 0x00 after the tag */
    uint8_t small[256];
    struct crypto_hash hash;

    if (sizeof(tag) + chain_key.size <= sizeof(small)) {
        memcpy(small, tag, sizeof(tag));
        memcpy(small + sizeof(tag), chain_key.data, chain_key.size);
        crypto_sha256(&hash, bytes_of(small, sizeof(tag) + chain_key.size));
    } else {
        const struct bytes parts[] = {bytes_of(tag, sizeof(tag)), chain_key};

        crypto_sha256_parts(&hash, parts, 2);
    }
    put_u16(out->b, day);
    memcpy(out->b + 2, hash.b, sizeof(out->b) - 2);
}

void ledger_map_key_subject(struct ledger_map_key *out, uint16_t procedure,
                            const struct ledger_subject_id *id)
{
    uint8_t chain_key[1 + 2 + LEDGER_SUBJECT_SIZE];

    chain_key[0] = 1;
    put_u16(chain_key + 1, procedure);
    memcpy(chain_key + 3, id->b, LEDGER_SUBJECT_SIZE);
    key_of(out, get_u16(id->b), bytes_of(chain_key, sizeof(chain_key)));
}

void ledger_map_key_chain(struct ledger_map_key *out, struct bytes chain_key)
{
    key_of(out, 0, chain_key);
}

void ledger_map_key_actor(struct ledger_map_key *out, uint32_t member)
{
    uint8_t chain_key[1 + 2 + 2 + 1 + 1 + 2 + 8] = {2};

    chain_key[5] = 1; /* one component, */
    chain_key[6] = 1; /* an unsigned integer */
    put_u16(chain_key + 7, 8);
    put_u64(chain_key + 9, member);
    key_of(out, 0, bytes_of(chain_key, sizeof(chain_key)));
}

void ledger_map_leaf_hash(struct crypto_hash *out, const struct ledger_map_leaf *leaf)
{
    uint8_t bytes[1 + 32 + 8 + 8 + 32 + 32];

    bytes[0] = 2;
    memcpy(bytes + 1, leaf->key.b, 32);
    put_u64(bytes + 33, leaf->count);
    put_u64(bytes + 41, leaf->live);
    memcpy(bytes + 49, leaf->root.b, 32);
    memcpy(bytes + 81, leaf->state.b, 32);
    crypto_sha256(out, bytes_of(bytes, sizeof(bytes)));
}

void ledger_map_segment_of(struct ledger_map_segment *out, const struct ledger_map_key *key)
{
    const uint32_t first = get_u32(key->b);

    *out = (struct ledger_map_segment){0};
    out->bits = first >> (32 - MAP_DAY_BITS) == 0 ? MAP_DAY_ZERO_BITS : MAP_DAY_BITS;
    out->prefix = first & (UINT32_MAX << (32 - out->bits));
}

void map_inner_hash(struct crypto_hash *out, const struct crypto_hash *left,
                    const struct crypto_hash *right)
{
    uint8_t bytes[1 + 32 + 32];

    bytes[0] = 3;
    memcpy(bytes + 1, left->b, 32);
    memcpy(bytes + 33, right->b, 32);
    crypto_sha256(out, bytes_of(bytes, sizeof(bytes)));
}

size_t map_items_split(const struct map_item *items, size_t count, unsigned depth)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (map_key_bit(&items[middle].leaf.key, depth) == 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void map_items_hash(struct crypto_hash *out, const struct map_item *items, size_t count,
                    unsigned depth)
{
    struct crypto_hash left;
    struct crypto_hash right;
    size_t split;

    if (count == 0) {
        *out = CRYPTO_ZERO_HASH;
        return;
    }
    if (count == 1) {
        *out = items[0].hash;
        return;
    }
    assert(depth < LEDGER_MAP_DEPTH_MAX);
    split = map_items_split(items, count, depth);
    map_items_hash(&left, items, split, depth + 1);
    map_items_hash(&right, items + split, count - split, depth + 1);
    map_inner_hash(out, &left, &right);
}
