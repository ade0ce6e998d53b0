/*
 * tiles: the log as the static files of C2SP tlog-tiles: `tile/L/N[.p/W]` hashes of complete
 * subtrees, `tile/entries/N[.p/W]` the 168-byte entries, each after its length u16. They never
 * change, so anyone may keep them. The path is the part behind `tile/`. Any thread, each with its
 * own reader.
 */
#ifndef ANJU_RPC_TILES_H
#define ANJU_RPC_TILES_H

#include "storage/store.h"

enum { TILE_WIDTH = 256, TILE_PATH_SIZE = 64, TILE_LEVEL_MAX = 7, TILE_ENTRIES = -1 };

struct tile {
    int level; /* TILE_ENTRIES: a bundle of entries */
    uint64_t index;
    unsigned width; /* 1 to 256 */
};

/* MALFORMED: not the one text of such a path. */
ANJU_MUST_CHECK enum anju_err tile_path_parse(struct tile *out, struct bytes path);
void tile_path(char out[TILE_PATH_SIZE], const struct tile *t);
/* How many hashes (or entries) tile `index` of a level has in a log of `size`: 0 to 256. */
unsigned tile_width(int level, uint64_t index, uint64_t size);
/* Appends the tile. NOT_FOUND: the log is not that long. */
ANJU_MUST_CHECK enum anju_err tile_make(struct writer *out, struct store_read *read,
                                        const struct tile *t);

#endif
