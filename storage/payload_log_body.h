/*
 * payload_log_body: what a payload log holds, for payload_*.c only.
 */
#ifndef ANJU_STORAGE_PAYLOAD_LOG_BODY_H
#define ANJU_STORAGE_PAYLOAD_LOG_BODY_H

#include <pthread.h>

#include "base/table.h"
#include "storage/payload_segment.h"

enum { PAYLOAD_KEY_SIZE = 33 };
#define PAYLOAD_SPARE_NAME "spare"

/* Where a record lies. Released ones stay in the table until it is made anew. */
struct place {
    struct payload_position at;
    uint32_t size;
    bool live;
};

/* Bodies and polkas, which go by height; there are few at a time. */
struct tall {
    enum payload_kind kind;
    struct crypto_hash id;
    uint64_t height;
};

struct payload_log {
    pthread_mutex_t mutex; /* over all below but `dir` and the sizes */
    char *dir;
    uint64_t segment_size, size_max;
    struct payload_segment *segments; /* ascending by number; the last one is written */
    size_t n_segments, room;
    bool has_spare;
    bool dir_dirty; /* a file was made, renamed or removed since the last sync */
    struct payload_position synced;
    uint64_t previous_used; /* of the segment before the last one */
    struct table places;    /* kind u8, id -> struct place */
    struct tall *tall;
    size_t n_tall, room_tall;
    uint64_t live_records, live_bytes;
};

/* payload_files.c; the mutex is held unless it says otherwise. */
struct payload_segment *payload_segment_find(struct payload_log *l, uint64_t number);
/* Begins the segment after the last one: the spare file under its name, or a new file. FULL, IO. */
ANJU_MUST_CHECK enum anju_err payload_segment_begin(struct payload_log *l, uint64_t size);
uint64_t payload_bytes_on_disk(const struct payload_log *l);
/* Opens the files that are there, ascending by number. */
ANJU_MUST_CHECK enum anju_err payload_list_segments(struct payload_log *l);
/* Lets go of segments in which nothing is live, and has a spare one ready. Log thread, mutex not
 * held: nobody else takes segments off the list, so descriptors stay open while that thread syncs
 * them. */
void payload_clean_up(struct payload_log *l);

/* payload_log.c; the mutex is held. */
struct place *payload_place_find(struct payload_log *l, enum payload_kind kind,
                                 const struct crypto_hash *id);
void payload_remember(struct payload_log *l, struct payload_segment *s,
                      const struct payload_head *h);
/* Reads the record at a place and checks it again. `out` grows by its data. */
ANJU_MUST_CHECK enum anju_err payload_read_record(struct payload_log *l, struct payload_head *h,
                                                  struct writer *out, struct payload_position at);

#endif
