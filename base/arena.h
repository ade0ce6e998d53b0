/*
 * arena: memory that is let go all at once. Not for more than one thread.
 * Pointers stay valid until arena_clear or arena_free.
 */
#ifndef ANJU_BASE_ARENA_H
#define ANJU_BASE_ARENA_H

#include "base/bytes.h"

struct arena_block;

struct arena { /* zero-initialise */
    struct arena_block *blocks;
    size_t used; /* bytes handed out since the last clear */
};

void *arena_alloc(struct arena *a, size_t size); /* zeroed, aligned for any type */
struct bytes arena_copy(struct arena *a, struct bytes b);
char *arena_text(struct arena *a, struct bytes b); /* NUL-terminated copy */
void arena_clear(struct arena *a);
void arena_free(struct arena *a);

#endif
