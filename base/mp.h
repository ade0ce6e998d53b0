/*
 * mp: the strict subset of msgpack that records, attributes and compiled procedures use
 * (docs/formats.md, "Rules"): arrays, integers, bool, str (UTF-8), bin; a non-negative integer only
 * in an unsigned form; the shortest form; no map, float, nil or ext; depth at most 8, the outermost
 * array is 1. The reader accepts exactly the bytes that the writer makes.
 */
#ifndef ANJU_BASE_MP_H
#define ANJU_BASE_MP_H

#include "base/codec.h"

enum { MP_DEPTH_MAX = 8 };

enum mp_type { MP_NONE = 0, MP_UINT, MP_INT, MP_BOOL, MP_STR, MP_BIN, MP_ARRAY };

/* One value. MP_INT is always negative; MP_ARRAY says only how many items follow. */
struct mp_value {
    enum mp_type type;
    uint64_t u;         /* MP_UINT */
    int64_t i;          /* MP_INT */
    bool b;             /* MP_BOOL */
    uint32_t count;     /* MP_ARRAY */
    struct bytes bytes; /* MP_STR, MP_BIN: borrowed */
};

/* Reads one head at a time; an array's items are read by the caller after it. */
struct mp_reader {
    struct reader r;
};

struct mp_reader mp_reader_over(struct bytes in);
struct mp_value mp_next(struct mp_reader *m); /* MP_NONE after a failure */
uint64_t mp_uint(struct mp_reader *m, uint64_t max);
int64_t mp_int(struct mp_reader *m); /* signed or unsigned form; fails above INT64_MAX */
bool mp_bool(struct mp_reader *m);
struct bytes mp_str(struct mp_reader *m, uint32_t size_max);
struct bytes mp_bin(struct mp_reader *m, uint32_t size_max);
uint32_t mp_array(struct mp_reader *m, uint32_t count_max);
void mp_fail(struct mp_reader *m);
/* The bytes of the next whole value, however deep; checked to be canonical. */
struct bytes mp_skip(struct mp_reader *m);
ANJU_MUST_CHECK enum anju_err mp_finish(struct mp_reader *m);
/* One canonical value and nothing after it; also bounds depth. */
ANJU_MUST_CHECK enum anju_err mp_check(struct bytes in);

/* The writer: msgpack-c's packer over a struct writer, in the canonical forms. */
void mp_put_uint(struct writer *w, uint64_t v);
void mp_put_int(struct writer *w, int64_t v); /* unsigned form where v >= 0 */
void mp_put_bool(struct writer *w, bool v);
void mp_put_str(struct writer *w, struct bytes text);
void mp_put_bin(struct writer *w, struct bytes data);
void mp_put_array(struct writer *w, uint32_t count);

#endif
