#include "base/mp.h"

#include <assert.h>
#include <msgpack/pack.h>

/* The first bytes of the forms that we take (msgpack specification, "Formats"). */
enum {
    FIX_ARRAY = 0x90,
    FIX_STR = 0xa0,
    NEVER_USED = 0xc1,
    FALSE_BYTE = 0xc2,
    TRUE_BYTE = 0xc3,
    BIN_8 = 0xc4,
    BIN_16,
    BIN_32,
    UINT_8 = 0xcc,
    UINT_16,
    UINT_32,
    UINT_64,
    INT_8 = 0xd0,
    INT_16,
    INT_32,
    INT_64,
    STR_8 = 0xd9,
    STR_16,
    STR_32,
    ARRAY_16 = 0xdc,
    ARRAY_32,
    NEGATIVE_FIX = 0xe0,
};

struct mp_reader mp_reader_over(struct bytes in)
{
    return (struct mp_reader){.r = reader_over(in)};
}

void mp_fail(struct mp_reader *m)
{
    reader_fail(&m->r);
}

/* A big-endian integer of 1, 2, 4 or 8 bytes, which must need more room than `below` gives. */
static uint64_t read_wide(struct reader *r, unsigned size, uint64_t below)
{
    uint64_t v = 0;

    switch (size) {
    case 1:
        v = reader_u8(r);
        break;
    case 2:
        v = reader_u16(r);
        break;
    case 4:
        v = reader_u32(r);
        break;
    case 8:
        v = reader_u64(r);
        break;
    default:
        assert(false);
    }
    if (v <= below)
        reader_fail(r); /* a shorter form exists (or the bytes ran out: v is 0) */
    return v;
}

static uint64_t read_uint(struct reader *r, uint8_t head)
{
    switch (head) {
    case UINT_8:
        return read_wide(r, 1, 0x7f);
    case UINT_16:
        return read_wide(r, 2, UINT8_MAX);
    case UINT_32:
        return read_wide(r, 4, UINT16_MAX);
    default:
        return read_wide(r, 8, UINT32_MAX);
    }
}

/* Negative values only: for the others an unsigned form is the one encoding. */
static int64_t read_negative(struct reader *r, uint8_t head)
{
    int64_t v, above;

    switch (head) {
    case INT_8:
        v = (int8_t)reader_u8(r);
        above = -32;
        break;
    case INT_16:
        v = (int16_t)reader_u16(r);
        above = INT8_MIN;
        break;
    case INT_32:
        v = (int32_t)reader_u32(r);
        above = INT16_MIN;
        break;
    default:
        v = (int64_t)reader_u64(r);
        above = INT32_MIN;
        break;
    }
    if (v >= above)
        reader_fail(r);
    return v;
}

static void read_text(struct reader *r, struct mp_value *v, uint64_t size)
{
    v->type = MP_STR;
    v->bytes = reader_take(r, (size_t)size);
    if (!bytes_are_utf8(v->bytes))
        reader_fail(r);
}

static void read_binary(struct reader *r, struct mp_value *v, uint64_t size)
{
    v->type = MP_BIN;
    v->bytes = reader_take(r, (size_t)size);
}

/* Each item takes a byte at least, so a count above what is left is a lie; checking it here
 * keeps every loop over items within the size of the input. */
static void read_array(struct reader *r, struct mp_value *v, uint64_t count)
{
    v->type = MP_ARRAY;
    v->count = (uint32_t)count;
    if (count > r->left)
        reader_fail(r);
}

static void read_head(struct reader *r, struct mp_value *v, uint8_t head)
{
    switch (head) {
    case FALSE_BYTE:
    case TRUE_BYTE:
        v->type = MP_BOOL;
        v->b = head == TRUE_BYTE;
        break;
    case BIN_8:
        read_binary(r, v, reader_u8(r));
        break;
    case BIN_16:
        read_binary(r, v, read_wide(r, 2, UINT8_MAX));
        break;
    case BIN_32:
        read_binary(r, v, read_wide(r, 4, UINT16_MAX));
        break;
    case STR_8:
        read_text(r, v, read_wide(r, 1, 31));
        break;
    case STR_16:
        read_text(r, v, read_wide(r, 2, UINT8_MAX));
        break;
    case STR_32:
        read_text(r, v, read_wide(r, 4, UINT16_MAX));
        break;
    case ARRAY_16:
        read_array(r, v, read_wide(r, 2, 15));
        break;
    case ARRAY_32:
        read_array(r, v, read_wide(r, 4, UINT16_MAX));
        break;
    case UINT_8:
    case UINT_16:
    case UINT_32:
    case UINT_64:
        v->type = MP_UINT;
        v->u = read_uint(r, head);
        break;
    case INT_8:
    case INT_16:
    case INT_32:
    case INT_64:
        v->type = MP_INT;
        v->i = read_negative(r, head);
        break;
    default:
        reader_fail(r); /* nil, float, map, ext, and 0xc1, which nobody uses */
    }
}

struct mp_value mp_next(struct mp_reader *m)
{
    struct reader *r = &m->r;
    struct mp_value v = {.type = MP_NONE};
    uint8_t head = reader_u8(r);

    if (r->failed)
        return v;
    if (head < 0x80) {
        v.type = MP_UINT;
        v.u = head;
    } else if (head >= NEGATIVE_FIX) {
        v.type = MP_INT;
        v.i = (int8_t)head;
    } else if (head >= FIX_ARRAY && head < FIX_STR) {
        read_array(r, &v, head & 15);
    } else if (head >= FIX_STR && head < FIX_STR + 32) {
        read_text(r, &v, head & 31);
    } else {
        read_head(r, &v, head);
    }
    return r->failed ? (struct mp_value){.type = MP_NONE} : v;
}

/* The next value, which must be of one type; zeros otherwise. */
static struct mp_value expect(struct mp_reader *m, enum mp_type type)
{
    struct mp_value v = mp_next(m);

    if (v.type == type)
        return v;
    mp_fail(m);
    return (struct mp_value){.type = MP_NONE};
}

/* The next byte, or a byte that starts no value where there is none. Most heads of a record are one
 * byte long; the two readers below take those without building a struct mp_value. */
static uint8_t peek(const struct mp_reader *m)
{
    return m->r.left > 0 ? m->r.at[0] : NEVER_USED;
}

uint64_t mp_uint(struct mp_reader *m, uint64_t max)
{
    uint64_t v = peek(m) < 0x80 ? reader_u8(&m->r) : expect(m, MP_UINT).u;

    if (v <= max)
        return v;
    mp_fail(m);
    return 0;
}

int64_t mp_int(struct mp_reader *m)
{
    struct mp_value v = mp_next(m);

    if (v.type == MP_INT)
        return v.i;
    if (v.type == MP_UINT && v.u <= INT64_MAX)
        return (int64_t)v.u;
    mp_fail(m);
    return 0;
}

bool mp_bool(struct mp_reader *m)
{
    return expect(m, MP_BOOL).b;
}

static struct bytes expect_bytes(struct mp_reader *m, enum mp_type type, uint32_t size_max)
{
    struct bytes b = expect(m, type).bytes;

    if (b.size <= size_max)
        return b;
    mp_fail(m);
    return (struct bytes){0};
}

struct bytes mp_str(struct mp_reader *m, uint32_t size_max)
{
    return expect_bytes(m, MP_STR, size_max);
}

struct bytes mp_bin(struct mp_reader *m, uint32_t size_max)
{
    return expect_bytes(m, MP_BIN, size_max);
}

uint32_t mp_array(struct mp_reader *m, uint32_t count_max)
{
    uint8_t head = peek(m);
    uint32_t count;

    if (head >= FIX_ARRAY && head < FIX_STR) {
        count = reader_u8(&m->r) & 15;
        if (count > m->r.left)
            mp_fail(m); /* each item takes a byte at least */
    } else {
        count = expect(m, MP_ARRAY).count;
    }
    if (count <= count_max && !m->r.failed)
        return count;
    mp_fail(m);
    return 0;
}

struct bytes mp_skip(struct mp_reader *m)
{
    const uint8_t *begin = m->r.at;
    uint32_t open[MP_DEPTH_MAX]; /* items still to come in each array that is open */
    unsigned depth = 0;

    do {
        struct mp_value v = mp_next(m);

        if (v.type == MP_ARRAY && depth == MP_DEPTH_MAX)
            mp_fail(m);
        if (m->r.failed)
            return (struct bytes){0};
        if (v.type == MP_ARRAY)
            open[depth++] = v.count;
        else if (depth > 0)
            open[depth - 1]--;
        /* An array that is complete is one item of the array around it. */
        while (depth > 0 && open[depth - 1] == 0) {
            depth--;
            if (depth > 0)
                open[depth - 1]--;
        }
    } while (depth > 0);
    return bytes_of(begin, (size_t)(m->r.at - begin));
}

enum anju_err mp_finish(struct mp_reader *m)
{
    return reader_finish(&m->r);
}

enum anju_err mp_check(struct bytes in)
{
    struct mp_reader m = mp_reader_over(in);

    (void)mp_skip(&m);
    return mp_finish(&m);
}

static int to_writer(void *w, const char *data, size_t size)
{
    writer_put(w, data, size);
    return 0;
}

static msgpack_packer packer_over(struct writer *w)
{
    return (msgpack_packer){.data = w, .callback = to_writer};
}

void mp_put_uint(struct writer *w, uint64_t v)
{
    msgpack_packer p = packer_over(w);

    (void)msgpack_pack_uint64(&p, v);
}

void mp_put_int(struct writer *w, int64_t v)
{
    msgpack_packer p = packer_over(w);

    if (v >= 0)
        (void)msgpack_pack_uint64(&p, (uint64_t)v);
    else
        (void)msgpack_pack_int64(&p, v);
}

void mp_put_bool(struct writer *w, bool v)
{
    msgpack_packer p = packer_over(w);

    (void)(v ? msgpack_pack_true(&p) : msgpack_pack_false(&p));
}

void mp_put_str(struct writer *w, struct bytes text)
{
    msgpack_packer p = packer_over(w);

    assert(text.size <= UINT32_MAX);
    (void)msgpack_pack_str(&p, text.size);
    writer_bytes(w, text);
}

void mp_put_bin(struct writer *w, struct bytes data)
{
    msgpack_packer p = packer_over(w);

    assert(data.size <= UINT32_MAX);
    (void)msgpack_pack_bin(&p, data.size);
    writer_bytes(w, data);
}

void mp_put_array(struct writer *w, uint32_t count)
{
    msgpack_packer p = packer_over(w);

    (void)msgpack_pack_array(&p, count);
}
