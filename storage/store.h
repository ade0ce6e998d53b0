/*
 * store: the committed ledger in a data directory, in two LMDB environments (docs/storage.md).
 * Truth, `ledger/`: blocks, certificates, entries with their effects, log nodes, polkas, the tip;
 * each block in one transaction with one sync. Derived, `derived/`: subjects, chains, the map and
 * what else can be computed from the truth again; written in bulk by a merge thread of the store's
 * own. What is not merged yet lies in memory in layers (ledger_overlay), and is folded in again
 * from the truth after a restart. Every stored value has a checksum; a value that fails it gives
 * CORRUPT with words.
 *
 * Threads: one ledger thread calls store_open, store_head_view, store_commit and store_close;
 * readers on any thread, each in its own struct store_read, which sees one height for as long as it
 * lives (keep it under a second: it pins pages and layers). One struct store a data directory and
 * process, never used after a fork. A second process gets BUSY, but may read truth with
 * store_open_readonly.
 *
 * Errors: CORRUPT damaged data; MISMATCH another ledger's directory; UNSUPPORTED another format;
 * FULL no room on disk (nothing of the call was kept); IO; all with words (anju_err_text).
 */
#ifndef ANJU_STORAGE_STORE_H
#define ANJU_STORAGE_STORE_H

#include "ledger/execute.h"

enum { STORE_FORMAT = 1 };

struct store;

struct store_options {
    const char *dir;         /* made where it is missing */
    uint64_t map_size;       /* address space reserved for each environment; 0: 1 TiB */
    size_t merge_weight;     /* layers heavier than this are merged; 0: 32,768 rows */
    size_t tail_weight_max;  /* a commit waits while more than this is unmerged; 0: 65,536 rows */
    uint64_t free_bytes_min; /* free space below both this and free_percent_min is low; 0: 1 GiB */
    unsigned free_percent_min; /* 0: 10 */
    /* Long work at opening (a rebuild) says how far it is, or NULL: heights done of all. */
    void (*progress)(void *ctx, uint64_t height, uint64_t of);
    void *progress_ctx;
};

/* Whether `dir` holds a ledger already (for guard_open). */
bool store_exists(const char *dir);

/* Opens the ledger, or makes it from the registry (height 0 is executed). Checks what it finds:
 * formats, the ledger id, the last block and its roots; folds in what derived data lacks, or
 * rebuilds all of it where it is missing, older in form or ahead of the truth, and compares with
 * the stored roots. `registry` is borrowed until store_close. MISMATCH: the directory is another
 * ledger's. */
ANJU_MUST_CHECK enum anju_err store_open(struct store **out, const struct store_options *options,
                                         const struct ledger_registry *registry);
/* Stops the merge thread; derived data may stay behind, opening folds the rest in. Readers are
 * gone. */
void store_close(struct store *s); /* NULL is fine */
/* Removes derived data and computes it again from the truth alone. Nobody else has the directory
 * open. */
ANJU_MUST_CHECK enum anju_err store_rebuild(const struct store_options *options,
                                            const struct ledger_registry *registry);
/* Truth only, beside a running node or without one: blocks, heights, items, log, certificates, tip.
 * `ledger_id` NULL: any. Writes nothing. What needs derived data gives UNSUPPORTED. */
ANJU_MUST_CHECK enum anju_err store_open_readonly(struct store **out, const char *dir,
                                                  const struct crypto_hash *ledger_id);

/* The state after the last committed block: what the next one is executed on. For the ledger
 * thread; valid until the next store_commit. Overlays on it that are not committed are freed before
 * that. */
const struct ledger_view *store_head_view(struct store *s);

/* What becomes durable with one block. */
struct store_commit {
    struct ledger_overlay
        *overlay; /* executed on store_head_view; taken over where the commit succeeds */
    const struct ledger_block *block;
    struct bytes raw;           /* the block as ledger_block_encode made it */
    struct bytes certificate;   /* the one it was decided with */
    const struct bytes *polkas; /* those that R5 or R6 used at this height */
    size_t n_polkas;
};
/* Writes one block with one sync; when it returns OK, everything is durable and readers that begin
 * see it. Waits where merging is more than tail_weight_max behind. On an error nothing changed and
 * the overlay stays the caller's. */
ANJU_MUST_CHECK enum anju_err store_commit(struct store *s, const struct store_commit *c);

/* Free space on the file system of the data directory, and whether it is below the stated minimum:
 * then refuse new work while what is decided still has room. Any thread. */
bool store_free_space_low(const struct store *s, uint64_t *free_bytes);

struct store_status {
    uint64_t height;
    uint64_t watermark; /* height up to which derived data is merged */
    size_t tail_weight; /* rows above it */
    size_t layers;
    uint64_t merges; /* since opening */
    uint64_t last_merge_us;
    bool merge_failed; /* the last merge could not be written; it is tried again */
    uint64_t truth_bytes, derived_bytes; /* pages in use */
};
void store_status(struct store_status *out, struct store *s); /* any thread */

/* ---- Readers ----
 * Views that a call gives borrow until store_read_end, unless they are said to be in an arena. */
struct store_read;
ANJU_MUST_CHECK enum anju_err store_read_begin(struct store_read **out, struct store *s);
void store_read_end(struct store_read *r); /* NULL is fine */

const struct ledger_tip *store_read_tip(const struct store_read *r);
/* The state as a view, to judge a record before it is taken, or to look at subjects. Its `timers`
 * gives UNSUPPORTED; its map is the version of this height (may hold cold segments). */
const struct ledger_view *store_read_view(const struct store_read *r);

/* The block as it was decided (ledger_block_decode reads it). NOT_FOUND: height 0, or above the
 * tip. */
ANJU_MUST_CHECK enum anju_err store_read_block(struct store_read *r, struct bytes *out,
                                               uint64_t height);
ANJU_MUST_CHECK enum anju_err store_read_header(struct store_read *r, struct ledger_header *out,
                                                uint64_t height);
/* The endorsement: the certificate of `height` that block height + 1 carries once that exists,
 * before that the one this node decided with. NOT_FOUND: height 0 (block 1 names its result), or
 * above the tip. */
ANJU_MUST_CHECK enum anju_err store_read_certificate(struct store_read *r, struct bytes *out,
                                                     uint64_t height);
/* The one that this node decided with. */
ANJU_MUST_CHECK enum anju_err store_read_decided(struct store_read *r, struct bytes *out,
                                                 uint64_t height);
ANJU_MUST_CHECK enum anju_err store_read_polka(struct store_read *r, struct bytes *out,
                                               uint64_t height, uint16_t index);

/* What is known of a height without its block. Height 0: block is the ledger id, time is `created`.
 */
struct store_height {
    uint64_t height;
    uint64_t time_ms;
    struct crypto_hash block;
    struct crypto_hash result;
    struct ledger_result result_body;
    uint64_t first_seq; /* of its entries: first_seq .. first_seq + n - 1 */
    uint32_t n;
};
ANJU_MUST_CHECK enum anju_err store_read_height(struct store_read *r, struct store_height *out,
                                                uint64_t height);
/* The height that holds entry seq. NOT_FOUND: not in the log yet. */
ANJU_MUST_CHECK enum anju_err store_read_height_of(struct store_read *r, uint64_t *height,
                                                   uint64_t seq);

/* One entry with everything that is kept of it. */
struct store_item {
    struct ledger_item item; /* as after execution; views are borrowed */
    struct bytes envelope;   /* its wire: body 67, signature 64, records; empty for kinds 0 and 2 */
    struct crypto_hash block; /* vid of its height */
};
/* Checks what it reads: the record against the entry's leaf hash. CORRUPT names the entry. */
ANJU_MUST_CHECK enum anju_err store_read_item(struct store_read *r, struct store_item *out,
                                              uint64_t seq);
/* The 168 bytes alone. */
ANJU_MUST_CHECK enum anju_err store_read_entry(struct store_read *r, uint8_t out[LEDGER_ENTRY_SIZE],
                                               uint64_t seq);
/* All entries of a height, in order; for the fold and the audit. The array is in the arena. */
ANJU_MUST_CHECK enum anju_err store_read_items(struct store_read *r, struct ledger_item **out,
                                               size_t *count, uint64_t height, struct arena *a);

/* The log's tree: node (level, index) that is complete at this height, a merkle_get_fn with ctx =
 * r. */
enum anju_err store_read_log_node(void *r, struct crypto_hash *out, unsigned level, uint64_t index);
/* The claim's path: entry seq in the log of its own height. `path` holds MERKLE_PATH_MAX. */
ANJU_MUST_CHECK enum anju_err store_read_path(struct store_read *r, struct crypto_hash *path,
                                              unsigned *count, uint64_t seq);

/* Derived data: UNSUPPORTED where the store was opened read-only. NOT_FOUND: never was. */
ANJU_MUST_CHECK enum anju_err store_read_subject(struct store_read *r, struct ledger_subject *out,
                                                 uint16_t procedure,
                                                 const struct ledger_subject_id *id,
                                                 struct arena *a);
ANJU_MUST_CHECK enum anju_err store_read_chain(struct store_read *r, struct ledger_chain *out,
                                               const struct ledger_map_key *key);
/* The seqs of a chain's entries begin .. begin + *count - 1; *count is `max` or as many as there
 * are (begin at or past the end: 0). The last n of a chain: begin at peaks.size - n. */
ANJU_MUST_CHECK enum anju_err store_read_chain_items(struct store_read *r, uint64_t *seqs,
                                                     size_t *count, size_t max,
                                                     const struct ledger_map_key *key,
                                                     uint64_t begin);
/* The first index of a chain whose seq is >= `seq` (peaks.size where none): where a time range
 * begins. */
ANJU_MUST_CHECK enum anju_err store_read_chain_find(struct store_read *r, uint64_t *index,
                                                    const struct ledger_map_key *key, uint64_t seq);
/* A chain's tree: its node (level, index) that is complete at this height, a merkle_get_fn with a
 * struct store_chain as ctx. Level 0 are its entries' leaf hashes. */
struct store_chain {
    struct store_read *read;
    struct ledger_map_key key;
};
enum anju_err store_read_chain_node(void *chain, struct crypto_hash *out, unsigned level,
                                    uint64_t index);
/* Proof for keys of the map (ascending) at this height, appended to `out`; see ledger_map_prove. */
ANJU_MUST_CHECK enum anju_err store_read_prove(struct store_read *r, struct writer *out,
                                               const struct ledger_map_key *keys, size_t count);

/* What an envelope led to, for ever: the same envelope again gets the same claim. */
struct store_envelope {
    uint64_t height;
    uint64_t first_seq;
    uint32_t n;  /* entries; a refusal has one */
    int outcome; /* of the first entry: 0 or a refusal */
    uint32_t failing_index;
};
/* NOT_FOUND: it has no entry (unknown, pending or skipped). */
ANJU_MUST_CHECK enum anju_err store_read_envelope(struct store_read *r, struct store_envelope *out,
                                                  const struct crypto_hash *id);

#endif
