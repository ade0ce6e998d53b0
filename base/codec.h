/*
 * codec: the bounded reader and the growing writer of fixed big-endian layouts.
 * A decoder reads straight down and asks once, at the end: after a failure the reader yields
 * zeros and empty views. Nothing here allocates for the reader; views borrow from its input.
 */
#ifndef ANJU_BASE_CODEC_H
#define ANJU_BASE_CODEC_H

#include "base/bytes.h"

struct reader {
    const uint8_t *at;
    size_t left;
    bool failed;
};

struct reader reader_over(struct bytes in);
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
int32_t reader_i32(struct reader *r);
/* Fails where the value is above `max`. */
uint8_t reader_u8_max(struct reader *r, uint8_t max);
uint16_t reader_u16_max(struct reader *r, uint16_t max);
uint32_t reader_u32_max(struct reader *r, uint32_t max);
/* A view of the next `size` bytes. */
struct bytes reader_take(struct reader *r, size_t size);
/* u32 length, at most `max`, then a view of as many bytes. */
struct bytes reader_take_u32(struct reader *r, uint32_t max);
/* Copies; zeros on failure. */
void reader_copy(struct reader *r, uint8_t *out, size_t size);
void reader_fail(struct reader *r);
/* MALFORMED: it failed, or bytes are left over. */
ANJU_MUST_CHECK enum anju_err reader_finish(struct reader *r);

/* A growing buffer. Zero-initialise; writer_free lets it go. */
struct writer {
    uint8_t *data;
    size_t size;
    size_t room;
};

void writer_u8(struct writer *w, uint8_t v);
void writer_u16(struct writer *w, uint16_t v);
void writer_u32(struct writer *w, uint32_t v);
void writer_u64(struct writer *w, uint64_t v);
void writer_i32(struct writer *w, int32_t v);
void writer_bytes(struct writer *w, struct bytes b);
void writer_put(struct writer *w, const void *data, size_t size);
void writer_bytes_u32(struct writer *w, struct bytes b); /* length u32, then the bytes */
/* Room for `size` more bytes, to be filled by the caller at the returned address. */
uint8_t *writer_reserve(struct writer *w, size_t size);
struct bytes writer_view(const struct writer *w); /* valid until the next write */
void writer_clear(struct writer *w);              /* empties, keeps the memory */
void writer_free(struct writer *w);

#endif
