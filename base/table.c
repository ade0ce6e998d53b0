#include "base/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 16 };

void table_init(struct table *t, uint32_t key_size, uint32_t value_size)
{
    assert(key_size > 0);
    *t = (struct table){.key_size = key_size, .value_size = value_size};
    t->value_at = (1 + key_size + 7) / 8 * 8;
    t->stride = t->value_at + (value_size + 7) / 8 * 8;
}

/* FNV-1a over words of eight bytes, then the finish of murmur3, so that low bits depend on all. */
static uint64_t hash_of(const uint8_t *key, size_t size)
{
    uint64_t h = 0xcbf29ce484222325u;
    size_t i = 0;

    for (; size - i >= 8; i += 8) {
        uint64_t word;

        memcpy(&word, key + i, 8);
        h = (h ^ word) * 0x100000001b3u;
        h ^= h >> 32;
    }
    for (; i < size; i++)
        h = (h ^ key[i]) * 0x100000001b3u;
    h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
    h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53u;
    return h ^ h >> 33;
}

/* The key's slot, or the free one where it belongs. There is always a free one. */
static uint8_t *find(const struct table *t, const void *key)
{
    size_t mask = t->capacity - 1;

    for (size_t i = hash_of(key, t->key_size) & mask;; i = (i + 1) & mask) {
        uint8_t *slot = t->slots + i * t->stride;

        if (slot[0] == 0 || memcmp(slot + 1, key, t->key_size) == 0)
            return slot;
    }
}

static void grow(struct table *t)
{
    struct table bigger = *t;
    void *value;
    const void *key;

    bigger.capacity = t->capacity == 0 ? CAPACITY_MIN : t->capacity * 2;
    bigger.slots = anju_alloc(bigger.capacity * t->stride);
    for (size_t index = 0; (key = table_next(t, &index, &value)) != NULL;)
        memcpy(find(&bigger, key), (const uint8_t *)key - 1, t->stride);
    free(t->slots);
    *t = bigger;
}

void *table_get(const struct table *t, const void *key)
{
    uint8_t *slot;

    if (t->count == 0)
        return NULL;
    slot = find(t, key);
    return slot[0] != 0 ? slot + t->value_at : NULL;
}

void *table_put(struct table *t, const void *key, bool *is_new)
{
    uint8_t *slot;

    assert(t->stride > 0);
    if ((t->count + 1) * 4 > t->capacity * 3)
        grow(t);
    slot = find(t, key);
    if (is_new != NULL)
        *is_new = slot[0] == 0;
    if (slot[0] == 0) {
        slot[0] = 1;
        memcpy(slot + 1, key, t->key_size);
        t->count++;
    }
    return slot + t->value_at;
}

const void *table_next(const struct table *t, size_t *index, void **value)
{
    while (*index < t->capacity) {
        uint8_t *slot = t->slots + (*index)++ * t->stride;

        if (slot[0] != 0) {
            if (value != NULL)
                *value = slot + t->value_at;
            return slot + 1;
        }
    }
    return NULL;
}

void table_clear(struct table *t)
{
    if (t->count > 0)
        memset(t->slots, 0, t->capacity * t->stride);
    t->count = 0;
}

void table_free(struct table *t)
{
    if (t == NULL)
        return;
    free(t->slots);
    t->slots = NULL;
    t->count = 0;
    t->capacity = 0;
}
