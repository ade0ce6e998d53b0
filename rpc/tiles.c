#include "rpc/tiles.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rpc/note.h"

static struct bytes after(struct bytes b, size_t n)
{
    return bytes_of(b.data + n, b.size - n);
}

/* `x001/x234/067`: groups of three digits, all but the last after an x. */
static bool read_index(uint64_t *out, struct bytes *rest)
{
    for (*out = 0;;) {
        bool more = rest->size > 0 && rest->data[0] == 'x';
        if (more)
            *rest = after(*rest, 1);
        if (rest->size < 3 || *out > UINT64_MAX / 1000 - 1)
            return false;
        for (unsigned i = 0; i < 3; i++) {
            if (rest->data[i] < '0' || rest->data[i] > '9')
                return false;
            *out = *out * 10 + (uint64_t)(rest->data[i] - '0');
        }
        *rest = after(*rest, 3);
        if (!more)
            return true;
        if (rest->size == 0 || rest->data[0] != '/')
            return false;
        *rest = after(*rest, 1);
    }
}

enum anju_err tile_path_parse(struct tile *out, struct bytes path)
{
    struct bytes whole = path, entries = bytes_of_text("entries/");
    char again[TILE_PATH_SIZE];

    *out = (struct tile){.level = TILE_ENTRIES, .width = TILE_WIDTH};
    if (path.size >= entries.size && memcmp(path.data, entries.data, entries.size) == 0)
        path = after(path, entries.size);
    else if (path.size > 2 && path.data[0] >= '0' && path.data[0] <= '0' + TILE_LEVEL_MAX &&
             path.data[1] == '/') {
        out->level = path.data[0] - '0';
        path = after(path, 2);
    } else
        return ANJU_ERR_MALFORMED;
    if (!read_index(&out->index, &path))
        return ANJU_ERR_MALFORMED;
    if (path.size > 3 && memcmp(path.data, ".p/", 3) == 0) {
        uint64_t width;
        if (!note_number(&width, after(path, 3)) || width == 0 || width >= TILE_WIDTH)
            return ANJU_ERR_MALFORMED;
        out->width = (unsigned)width;
        path = bytes_of(NULL, 0);
    }
    if (path.size > 0)
        return ANJU_ERR_MALFORMED;
    tile_path(again, out); /* no leading group of zeros */
    return bytes_equal(bytes_of_text(again), whole) ? ANJU_OK : ANJU_ERR_MALFORMED;
}

void tile_path(char out[TILE_PATH_SIZE], const struct tile *t)
{
    uint64_t group[7];
    size_t n = 0, size;
    uint64_t index = t->index;

    size = (size_t)(t->level == TILE_ENTRIES ? snprintf(out, TILE_PATH_SIZE, "entries/")
                                             : snprintf(out, TILE_PATH_SIZE, "%d/", t->level));
    do {
        group[n++] = index % 1000;
        index /= 1000;
    } while (index > 0);
    while (n-- > 0)
        size += (size_t)snprintf(out + size, TILE_PATH_SIZE - size,
                                 n > 0 ? "x%03" PRIu64 "/" : "%03" PRIu64, group[n]);
    if (t->width < TILE_WIDTH)
        snprintf(out + size, TILE_PATH_SIZE - size, ".p/%u", t->width);
}

unsigned tile_width(int level, uint64_t index, uint64_t size)
{
    uint64_t nodes = level == TILE_ENTRIES ? size : size >> (8 * level);

    if (index > UINT64_MAX / TILE_WIDTH || index * TILE_WIDTH >= nodes)
        return 0;
    nodes -= index * TILE_WIDTH;
    return nodes < TILE_WIDTH ? (unsigned)nodes : TILE_WIDTH;
}

enum anju_err tile_make(struct writer *out, struct store_read *read, const struct tile *t)
{
    uint64_t first = t->index * TILE_WIDTH;
    struct crypto_hash hash;
    uint8_t entry[LEDGER_ENTRY_SIZE];
    enum anju_err err = ANJU_OK;

    if (t->width == 0 ||
        t->width > tile_width(t->level, t->index, store_read_tip(read)->result_body.log_size))
        return anju_fail(ANJU_ERR_NOT_FOUND, "the log is not that long (yet)");
    for (unsigned i = 0; err == ANJU_OK && i < t->width; i++) {
        if (t->level != TILE_ENTRIES) {
            err = store_read_log_node(read, &hash, 8u * (unsigned)t->level, first + i);
            writer_put(out, hash.b, sizeof(hash.b));
        } else {
            err = store_read_entry(read, entry, first + i);
            writer_u16(out, LEDGER_ENTRY_SIZE);
            writer_put(out, entry, sizeof(entry));
        }
    }
    return err;
}
