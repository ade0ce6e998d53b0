#include "storage/payload_segment.h"

#include <stdlib.h>
#include <string.h>

#include "storage/checksum.h"
#include "storage/file.h"

static const char MARK[] = "anjp";

uint64_t payload_record_room(uint32_t data_size)
{
    uint64_t size = PAYLOAD_HEAD_SIZE + (uint64_t)data_size;
    return (size + PAYLOAD_ALIGN - 1) / PAYLOAD_ALIGN * PAYLOAD_ALIGN;
}

void payload_head_encode(uint8_t out[PAYLOAD_HEAD_SIZE], const struct payload_head *h)
{
    memset(out, 0, PAYLOAD_HEAD_SIZE);
    memcpy(out, MARK, 4);
    put_u64(out + 8, h->at.segment);
    put_u64(out + 16, h->at.offset);
    put_u64(out + 24, h->synced.segment);
    put_u64(out + 32, h->synced.offset);
    put_u64(out + 40, h->previous_used);
    put_u64(out + 48, h->height);
    memcpy(out + 56, h->id.b, 32);
    put_u32(out + 88, h->size);
    put_u32(out + 92, h->data_checksum);
    out[96] = (uint8_t)h->kind;
    put_u32(out + 4, checksum_crc32c(0, bytes_of(out + 8, PAYLOAD_HEAD_SIZE - 8)));
}

bool payload_head_decode(struct payload_head *out, const uint8_t in[PAYLOAD_HEAD_SIZE],
                         struct payload_position at)
{
    if (memcmp(in, MARK, 4) != 0 ||
        get_u32(in + 4) != checksum_crc32c(0, bytes_of(in + 8, PAYLOAD_HEAD_SIZE - 8)))
        return false;
    if (in[96] < PAYLOAD_BATCH || in[96] > PAYLOAD_POLKA)
        return false;
    *out = (struct payload_head){
        .at = {get_u64(in + 8), get_u64(in + 16)},
        .synced = {get_u64(in + 24), get_u64(in + 32)},
        .previous_used = get_u64(in + 40),
        .height = get_u64(in + 48),
        .size = get_u32(in + 88),
        .data_checksum = get_u32(in + 92),
        .kind = (enum payload_kind)in[96],
    };
    memcpy(out->id.b, in + 56, 32);
    return out->at.segment == at.segment && out->at.offset == at.offset;
}

static void add(struct payload_scan *scan, struct payload_found found)
{
    if ((scan->count & (scan->count + 1)) == 0) /* grow at 0, 1, 3, 7, ... */
        scan->items = anju_realloc(scan->items, (2 * scan->count + 1) * sizeof *scan->items);
    scan->items[scan->count++] = found;
}

/* The next place from `offset` on where a sound header stands; the end of the file where none does.
 */
static uint64_t next_head(const uint8_t *file, uint64_t size, uint64_t segment, uint64_t offset)
{
    struct payload_head h;

    for (; offset + PAYLOAD_HEAD_SIZE <= size; offset += PAYLOAD_ALIGN)
        if (payload_head_decode(&h, file + offset, (struct payload_position){segment, offset}))
            return offset;
    return size;
}

static void scan_bytes(struct payload_scan *out, const uint8_t *file, uint64_t size,
                       uint64_t segment)
{
    uint64_t offset = 0;

    while (offset + PAYLOAD_HEAD_SIZE <= size) {
        struct payload_found f = {.head.at = {segment, offset}};
        if (payload_head_decode(&f.head, file + offset, f.head.at) &&
            payload_record_room(f.head.size) <= size - offset) {
            struct bytes data = bytes_of(file + offset + PAYLOAD_HEAD_SIZE, f.head.size);
            f.end = offset + payload_record_room(f.head.size);
            f.sound = checksum_crc32c(0, data) == f.head.data_checksum;
        } else {
            f.head = (struct payload_head){.at = {segment, offset}};
            f.end = next_head(file, size, segment, offset + PAYLOAD_ALIGN);
        }
        add(out, f);
        offset = f.end;
    }
}

enum anju_err payload_segment_scan(struct payload_scan *out, const struct payload_segment *s)
{
    uint8_t *file = anju_alloc(s->size > 0 ? s->size : 1);
    size_t got = 0;
    enum anju_err err;

    *out = (struct payload_scan){0};
    err = file_read_at(s->fd, s->path, file, s->size, 0, &got);
    if (err == ANJU_OK)
        scan_bytes(out, file, got, s->number);
    free(file);
    return err;
}
