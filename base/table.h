/*
 * table: a hash table from keys of one fixed size to values of one fixed size (open addressing,
 * linear probing, FNV-1a/wyhash-like mixing without a secret: keys here are hashes, ids and small
 * integers checked elsewhere). Iteration order is unspecified: nothing that is hashed, signed or
 * sent may depend on it; sort first. No deletion but table_clear.
 */
#ifndef ANJU_BASE_TABLE_H
#define ANJU_BASE_TABLE_H

#include "base/bytes.h"

struct table {
    uint8_t *slots; /* used u8, key, padding to 8, value */
    size_t count;
    size_t capacity; /* a power of two, 0 before the first put */
    uint32_t key_size;
    uint32_t value_size;
    uint32_t value_at; /* offset of the value in a slot */
    uint32_t stride;
};

void table_init(struct table *t, uint32_t key_size, uint32_t value_size);
void *table_get(const struct table *t, const void *key); /* NULL where absent */
/* The value's slot, zeroed if the key is new (*is_new). Moves other values: do not keep pointers.
 */
void *table_put(struct table *t, const void *key, bool *is_new);
/* Iterate: *index from 0; returns the key and sets *value; NULL at the end. */
const void *table_next(const struct table *t, size_t *index, void **value);
void table_clear(struct table *t); /* empties, keeps the memory */
void table_free(struct table *t);

#endif
