#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE_MIN = 4096, BLOCK_SIZE_MAX = 1 << 20 };

struct arena_block {
    struct arena_block *next;
    size_t size;
    size_t used;
    alignas(max_align_t) uint8_t data[];
};

static struct arena_block *add_block(struct arena *a, size_t size)
{
    struct arena_block *head = a->blocks;
    size_t room = head == NULL ? BLOCK_SIZE_MIN : head->size * 2;
    struct arena_block *block;

    if (room > BLOCK_SIZE_MAX)
        room = BLOCK_SIZE_MAX;
    if (room < size)
        room = size;
    block = anju_realloc(NULL, sizeof *block + room);
    block->size = room;
    block->used = 0;
    if (head != NULL && size > BLOCK_SIZE_MAX / 4) {
        /* A large piece stands alone behind the head, whose room stays in use. */
        block->next = head->next;
        head->next = block;
    } else {
        block->next = head;
        a->blocks = block;
    }
    return block;
}

void *arena_alloc(struct arena *a, size_t size)
{
    size_t step = alignof(max_align_t);
    size_t padded = (size + step - 1) / step * step;
    struct arena_block *block = a->blocks;
    uint8_t *out;

    if (block == NULL || block->size - block->used < padded)
        block = add_block(a, padded);
    out = block->data + block->used;
    block->used += padded;
    a->used += size;
    memset(out, 0, size);
    return out;
}

struct bytes arena_copy(struct arena *a, struct bytes b)
{
    uint8_t *copy = arena_alloc(a, b.size);

    if (b.size > 0)
        memcpy(copy, b.data, b.size);
    return bytes_of(copy, b.size);
}

char *arena_text(struct arena *a, struct bytes b)
{
    char *text = arena_alloc(a, b.size + 1);

    if (b.size > 0)
        memcpy(text, b.data, b.size);
    return text;
}

/* Keeps one block of ordinary size, so that a loop of use and clear does not allocate. */
void arena_clear(struct arena *a)
{
    struct arena_block *kept = NULL;
    struct arena_block *next;

    for (struct arena_block *block = a->blocks; block != NULL; block = next) {
        next = block->next;
        if (kept == NULL && block->size <= BLOCK_SIZE_MAX)
            kept = block;
        else
            free(block);
    }
    if (kept != NULL) {
        kept->next = NULL;
        kept->used = 0;
    }
    a->blocks = kept;
    a->used = 0;
}

void arena_free(struct arena *a)
{
    if (a == NULL)
        return;
    arena_clear(a);
    free(a->blocks);
    *a = (struct arena){0};
}
