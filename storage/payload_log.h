/*
 * payload_log: what a vote rests on, durable before the vote leaves (docs/consensus.md, "Log before
 * send"): batches; the rest of each body (header, batch ids, certificate of the height before); and
 * the polkas that rules R5 and R6 used. Append-only records in preallocated segments in `payload/`.
 * A record has a kind, a height (0 where it has none yet: batches) and an id: a batch's id, a
 * body's vid, of a polka the SHA-256 of its bytes. It is live until it is released: committed in
 * the ledger environment, or dropped. A segment goes when nothing in it is live. Threads: append,
 * has, get and release from the main thread, payload_log_sync from the log thread. What an append
 * gave back is durable when a payload_log_sync that began after it has returned.
 */
#ifndef ANJU_STORAGE_PAYLOAD_LOG_H
#define ANJU_STORAGE_PAYLOAD_LOG_H

#include "base/codec.h"
#include "crypto/crypto.h"

enum payload_kind { PAYLOAD_BATCH = 1, PAYLOAD_BODY = 2, PAYLOAD_POLKA = 3 };

struct payload_record {
    enum payload_kind kind;
    uint64_t height; /* batches: 0 */
    struct crypto_hash id;
    struct bytes data;
};

struct payload_log;

struct payload_log_options {
    const char *dir;       /* the data directory; `payload` is made in it */
    uint64_t segment_size; /* 0: 16 MiB. A record of any size fits: it gets a segment of its own */
    uint64_t size_max;     /* of all segments together; 0: 8 GiB. Beyond it append says FULL */
};

/* What opening finds: each live record, oldest first (`record` borrowed for the call), and each
 * place where a synced record is damaged (words; `record` NULL). An error from the callback ends
 * the opening. */
typedef enum anju_err payload_log_found_fn(void *ctx, const struct payload_record *record,
                                           const char *damaged);

/* Opens or makes the log. Whether found records were committed in the meantime the caller knows: it
 * releases them. A tail that was never synced may be torn and is dropped without a word. */
ANJU_MUST_CHECK enum anju_err payload_log_open(struct payload_log **out,
                                               const struct payload_log_options *options,
                                               payload_log_found_fn *found, void *ctx);
void payload_log_close(struct payload_log *l); /* NULL is fine; does not sync */

/* Appends without a sync; a record that is there already is not written again. FULL: no room on
 * disk, or over size_max; nothing was written. IO: with words; nothing counts as written. */
ANJU_MUST_CHECK enum anju_err payload_log_append(struct payload_log *l,
                                                 const struct payload_record *record);
bool payload_log_has(struct payload_log *l, enum payload_kind kind, const struct crypto_hash *id);
/* The record's bytes, appended to `out`. NOT_FOUND; CORRUPT: damaged since. */
ANJU_MUST_CHECK enum anju_err payload_log_get(struct payload_log *l, struct writer *out,
                                              enum payload_kind kind, const struct crypto_hash *id);
/* Makes everything appended before the call durable, and prepares the next segment. Aborts the
 * process with words where a sync fails. */
void payload_log_sync(struct payload_log *l);

/* No longer needed: batches (or one body) by id; unknown ids are fine. */
void payload_log_release(struct payload_log *l, enum payload_kind kind,
                         const struct crypto_hash *ids, size_t count);
/* Bodies and polkas with 0 < height <= `height`: that height is committed. */
void payload_log_release_heights(struct payload_log *l, uint64_t height);

struct payload_log_status {
    uint64_t live_records, live_bytes;
    uint64_t segments, bytes; /* on disk */
};
void payload_log_status(struct payload_log_status *out, struct payload_log *l);

#endif
