/*
 * bytes: borrowed views of bytes, memory that cannot fail, hexadecimal and base64.
 */
#ifndef ANJU_BASE_BYTES_H
#define ANJU_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Bytes that somebody else owns. `data` may be NULL only where size is 0. */
struct bytes {
    const uint8_t *data;
    size_t size;
};

static inline struct bytes bytes_of(const void *data, size_t size)
{
    return (struct bytes){.data = (const uint8_t *)data, .size = size};
}

struct bytes bytes_of_text(const char *text); /* without the NUL */
bool bytes_equal(struct bytes a, struct bytes b);
/* Like memcmp over the shorter, then by size. */
int bytes_compare(struct bytes a, struct bytes b);
/* The same time for all inputs of one size; for secrets and authenticators. */
bool bytes_equal_secret(const uint8_t *a, const uint8_t *b, size_t size);
/* Clears memory in a way that the compiler keeps. */
void bytes_wipe(void *data, size_t size);
bool bytes_are_utf8(struct bytes text); /* valid UTF-8: no surrogates, no overlong forms */

/* Memory. These never return NULL: sizes that outside bytes decide are bounded before they come
 * here, and a node that has no memory left stops with words; stopping is safe at any instruction.
 */
void *anju_alloc(size_t size); /* zeroed */
void *anju_realloc(void *p, size_t size);
void *anju_dup(const void *data, size_t size);
char *anju_strdup(const char *text);

/* Hexadecimal, lower case. `out` holds 2 * size + 1 characters. */
void hex_encode(char *out, const uint8_t *data, size_t size);
/* MALFORMED: not exactly `size` bytes of lower-case hexadecimal, NUL-terminated. */
ANJU_MUST_CHECK enum anju_err hex_decode(uint8_t *out, size_t size, const char *text);

/* Padded standard base64 (RFC 4648, 4). `out` holds base64_size(size) + 1 characters. */
size_t base64_size(size_t size);
void base64_encode(char *out, const uint8_t *data, size_t size);
/* `out` holds at least text length / 4 * 3 bytes; only the one canonical text of a value is taken.
 */
ANJU_MUST_CHECK enum anju_err base64_decode(uint8_t *out, size_t *out_size, const char *text,
                                            size_t text_size);

/* Big-endian integers at any address. */
static inline void put_u16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static inline void put_u32(uint8_t *p, uint32_t v)
{
    put_u16(p, (uint16_t)(v >> 16));
    put_u16(p + 2, (uint16_t)v);
}
static inline void put_u64(uint8_t *p, uint64_t v)
{
    put_u32(p, (uint32_t)(v >> 32));
    put_u32(p + 4, (uint32_t)v);
}
static inline uint16_t get_u16(const uint8_t *p)
{
    return (uint16_t)((p[0] << 8) | p[1]);
}
static inline uint32_t get_u32(const uint8_t *p)
{
    return ((uint32_t)get_u16(p) << 16) | get_u16(p + 2);
}
static inline uint64_t get_u64(const uint8_t *p)
{
    return ((uint64_t)get_u32(p) << 32) | get_u32(p + 4);
}

#endif
