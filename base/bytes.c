#include "base/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bytes bytes_of_text(const char *text)
{
    return bytes_of(text, strlen(text));
}

bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int bytes_compare(struct bytes a, struct bytes b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);

    if (order != 0)
        return order;
    return a.size < b.size ? -1 : a.size > b.size;
}

bool bytes_equal_secret(const uint8_t *a, const uint8_t *b, size_t size)
{
    volatile uint8_t differs = 0;

    for (size_t i = 0; i < size; i++)
        differs = (uint8_t)(differs | (a[i] ^ b[i]));
    return differs == 0;
}

void bytes_wipe(void *data, size_t size)
{
    if (size > 0)
        explicit_bzero(data, size);
}

/* How many bytes follow this lead byte, and the bounds of the first of them, which is where
 * overlong forms, surrogates and what lies above U+10FFFF show (Unicode, table 3-7). */
static bool utf8_lead(uint8_t lead, size_t *follow, uint8_t *low, uint8_t *high)
{
    *low = 0x80;
    *high = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf) {
        *follow = 1;
    } else if (lead >= 0xe0 && lead <= 0xef) {
        *follow = 2;
        *low = lead == 0xe0 ? 0xa0 : 0x80;
        *high = lead == 0xed ? 0x9f : 0xbf;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
        *follow = 3;
        *low = lead == 0xf0 ? 0x90 : 0x80;
        *high = lead == 0xf4 ? 0x8f : 0xbf;
    } else {
        return false;
    }
    return true;
}

bool bytes_are_utf8(struct bytes text)
{
    size_t i = 0;

    while (i < text.size) {
        uint8_t low, high;
        size_t follow;
        uint8_t lead = text.data[i++];

        if (lead < 0x80)
            continue;
        if (!utf8_lead(lead, &follow, &low, &high) || text.size - i < follow)
            return false;
        if (text.data[i] < low || text.data[i] > high)
            return false;
        for (size_t k = 1; k < follow; k++) {
            if ((text.data[i + k] & 0xc0) != 0x80)
                return false;
        }
        i += follow;
    }
    return true;
}

static _Noreturn void out_of_memory(size_t size)
{
    (void)fprintf(stderr, "anju: out of memory (%zu bytes asked for); stopping\n", size);
    abort();
}

void *anju_alloc(size_t size)
{
    void *p = calloc(1, size > 0 ? size : 1);

    if (p == NULL)
        out_of_memory(size);
    return p;
}

void *anju_realloc(void *p, size_t size)
{
    void *moved = realloc(p, size > 0 ? size : 1);

    if (moved == NULL)
        out_of_memory(size);
    return moved;
}

void *anju_dup(const void *data, size_t size)
{
    void *copy = anju_alloc(size);

    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

char *anju_strdup(const char *text)
{
    return anju_dup(text, strlen(text) + 1);
}
