#include "base/codec.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct reader reader_over(struct bytes in)
{
    return (struct reader){.at = in.data, .left = in.size};
}

void reader_fail(struct reader *r)
{
    r->failed = true;
    r->left = 0;
}

/* The one place that moves the cursor and checks the bound. NULL after a failure. */
static const uint8_t *advance(struct reader *r, size_t size)
{
    const uint8_t *at = r->at;

    if (r->failed || size > r->left) {
        reader_fail(r);
        return NULL;
    }
    if (size > 0) {
        r->at += size;
        r->left -= size;
    }
    return at;
}

uint8_t reader_u8(struct reader *r)
{
    const uint8_t *p = advance(r, 1);

    return p != NULL ? *p : 0;
}

uint16_t reader_u16(struct reader *r)
{
    const uint8_t *p = advance(r, 2);

    return p != NULL ? get_u16(p) : 0;
}

uint32_t reader_u32(struct reader *r)
{
    const uint8_t *p = advance(r, 4);

    return p != NULL ? get_u32(p) : 0;
}

uint64_t reader_u64(struct reader *r)
{
    const uint8_t *p = advance(r, 8);

    return p != NULL ? get_u64(p) : 0;
}

int32_t reader_i32(struct reader *r)
{
    return (int32_t)reader_u32(r);
}

uint32_t reader_u32_max(struct reader *r, uint32_t max)
{
    uint32_t v = reader_u32(r);

    if (v > max) {
        reader_fail(r);
        return 0;
    }
    return v;
}

uint16_t reader_u16_max(struct reader *r, uint16_t max)
{
    uint16_t v = reader_u16(r);

    if (v > max) {
        reader_fail(r);
        return 0;
    }
    return v;
}

uint8_t reader_u8_max(struct reader *r, uint8_t max)
{
    uint8_t v = reader_u8(r);

    if (v > max) {
        reader_fail(r);
        return 0;
    }
    return v;
}

struct bytes reader_take(struct reader *r, size_t size)
{
    const uint8_t *p = advance(r, size);

    return p != NULL ? bytes_of(p, size) : (struct bytes){0};
}

struct bytes reader_take_u32(struct reader *r, uint32_t max)
{
    return reader_take(r, reader_u32_max(r, max));
}

void reader_copy(struct reader *r, uint8_t *out, size_t size)
{
    const uint8_t *p = advance(r, size);

    if (size == 0)
        return;
    if (p != NULL)
        memcpy(out, p, size);
    else
        memset(out, 0, size);
}

enum anju_err reader_finish(struct reader *r)
{
    return r->failed || r->left > 0 ? ANJU_ERR_MALFORMED : ANJU_OK;
}

uint8_t *writer_reserve(struct writer *w, size_t size)
{
    uint8_t *at;

    if (size > w->room - w->size) {
        size_t room = w->room * 2 > 64 ? w->room * 2 : 64;

        if (room < w->size + size)
            room = w->size + size;
        w->data = anju_realloc(w->data, room);
        w->room = room;
    }
    at = w->data + w->size;
    w->size += size;
    return at;
}

void writer_u8(struct writer *w, uint8_t v)
{
    *writer_reserve(w, 1) = v;
}

void writer_u16(struct writer *w, uint16_t v)
{
    put_u16(writer_reserve(w, 2), v);
}

void writer_u32(struct writer *w, uint32_t v)
{
    put_u32(writer_reserve(w, 4), v);
}

void writer_u64(struct writer *w, uint64_t v)
{
    put_u64(writer_reserve(w, 8), v);
}

void writer_i32(struct writer *w, int32_t v)
{
    writer_u32(w, (uint32_t)v);
}

void writer_put(struct writer *w, const void *data, size_t size)
{
    if (size > 0)
        memcpy(writer_reserve(w, size), data, size);
}

void writer_bytes(struct writer *w, struct bytes b)
{
    writer_put(w, b.data, b.size);
}

void writer_bytes_u32(struct writer *w, struct bytes b)
{
    assert(b.size <= UINT32_MAX);
    writer_u32(w, (uint32_t)b.size);
    writer_bytes(w, b);
}

struct bytes writer_view(const struct writer *w)
{
    return bytes_of(w->data, w->size);
}

void writer_clear(struct writer *w)
{
    w->size = 0;
}

void writer_free(struct writer *w)
{
    if (w == NULL)
        return;
    free(w->data);
    *w = (struct writer){0};
}
