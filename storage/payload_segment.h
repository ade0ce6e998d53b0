/*
 * payload_segment: one file of the payload log, and the form of its records. Inside of storage
 * only. A record's header names its own place (segment, offset), so that what a reused file held
 * before never counts; how far the log was synced when it was written; and how far the segment
 * before was filled. From these opening knows damage (a bad record below what was synced) from a
 * torn tail (one above).
 */
#ifndef ANJU_STORAGE_PAYLOAD_SEGMENT_H
#define ANJU_STORAGE_PAYLOAD_SEGMENT_H

#include "storage/payload_log.h"

enum { PAYLOAD_HEAD_SIZE = 112, PAYLOAD_ALIGN = 64 };

/* A place in the log, ordered by segment, then offset. */
struct payload_position {
    uint64_t segment;
    uint64_t offset;
};

struct payload_head {
    struct payload_position at;
    struct payload_position synced; /* everything before it was durable when this was written */
    uint64_t previous_used;         /* bytes of segment - 1 that hold records */
    uint64_t height;
    struct crypto_hash id;
    uint32_t size;
    uint32_t data_checksum;
    enum payload_kind kind;
};

void payload_head_encode(uint8_t out[PAYLOAD_HEAD_SIZE], const struct payload_head *h);
/* False: not a sound header of exactly this place. */
bool payload_head_decode(struct payload_head *out, const uint8_t in[PAYLOAD_HEAD_SIZE],
                         struct payload_position at);
/* Bytes that a record takes with its padding. */
uint64_t payload_record_room(uint32_t data_size);

struct payload_segment {
    uint64_t number;
    int fd;
    char *path;
    uint64_t size; /* allocated */
    uint64_t used;
    uint64_t live; /* records */
    bool dirty;    /* has bytes that are not synced */
};

/* What scanning a segment finds, in order. */
struct payload_found {
    struct payload_head head; /* sound: the record; else only `at` */
    uint64_t end;
    bool sound;
};
struct payload_scan {
    struct payload_found *items;
    size_t count;
};
ANJU_MUST_CHECK enum anju_err payload_segment_scan(struct payload_scan *out,
                                                   const struct payload_segment *s);

#endif
