#include "node/idmap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void idmap_init(struct idmap *m, uint64_t seed)
{
    *m = (struct idmap){.seed = seed};
}

static size_t home_of(const struct idmap *m, const struct crypto_hash *key)
{
    uint64_t h = m->seed ^ UINT64_C(0x9e3779b97f4a7c15);

    for (unsigned i = 0; i < CRYPTO_HASH_SIZE; i += 8) {
        h = (h ^ get_u64(key->b + i)) * UINT64_C(0xff51afd7ed558ccd);
        h ^= h >> 32;
    }
    return (size_t)h & (m->capacity - 1);
}

static size_t find(const struct idmap *m, const struct crypto_hash *key)
{
    size_t i = home_of(m, key);

    while (m->slots[i].value != NULL && !crypto_hash_equal(&m->slots[i].key, key))
        i = (i + 1) & (m->capacity - 1);
    return i;
}

void *idmap_get(const struct idmap *m, const struct crypto_hash *key)
{
    return m->count == 0 ? NULL : m->slots[find(m, key)].value;
}

static void grow(struct idmap *m)
{
    struct idmap bigger = {.seed = m->seed, .capacity = m->capacity == 0 ? 64 : m->capacity * 2};

    bigger.slots = anju_alloc(bigger.capacity * sizeof(*bigger.slots));
    for (size_t i = 0; i < m->capacity; i++) {
        if (m->slots[i].value != NULL)
            bigger.slots[find(&bigger, &m->slots[i].key)] = m->slots[i];
    }
    bigger.count = m->count;
    free(m->slots);
    *m = bigger;
}

void idmap_put(struct idmap *m, const struct crypto_hash *key, void *value)
{
    size_t i;

    assert(value != NULL);
    if ((m->count + 1) * 2 > m->capacity)
        grow(m);
    i = find(m, key);
    if (m->slots[i].value == NULL)
        m->count++;
    m->slots[i] = (struct idmap_slot){.key = *key, .value = value};
}

void *idmap_remove(struct idmap *m, const struct crypto_hash *key)
{
    size_t mask = m->capacity - 1, hole;
    void *value;

    if (m->count == 0)
        return NULL;
    hole = find(m, key);
    value = m->slots[hole].value;
    if (value == NULL)
        return NULL;
    /* Close the gap: move back what could not lie at its home because the hole was taken. */
    for (size_t i = (hole + 1) & mask; m->slots[i].value != NULL; i = (i + 1) & mask) {
        size_t home = home_of(m, &m->slots[i].key);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole] = (struct idmap_slot){.value = NULL};
    m->count--;
    return value;
}

void idmap_free(struct idmap *m)
{
    free(m->slots);
    *m = (struct idmap){.seed = m->seed};
}
