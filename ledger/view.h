/*
 * view: how the rules read state, and what they read.
 * A view is the state after one height, with what a running execution has added on top. Storage
 * implements one over LMDB, an overlay implements one over another view, tests one in memory.
 * What a call returns is copied into the caller's arena. A view that fails (a damaged page) returns
 * an error other than NOT_FOUND; then the execution stops, and nothing of it is kept.
 */
#ifndef ANJU_LEDGER_VIEW_H
#define ANJU_LEDGER_VIEW_H

#include "ledger/agreement.h"
#include "ledger/entry.h"

struct ledger_registry; /* ledger/registry.h: members, keys, nodes, procedures, limits, ... */

/* What a subject is now. */
struct ledger_subject {
    uint16_t procedure;
    struct ledger_subject_id id;
    uint64_t version; /* from 1 */
    uint16_t state;
    struct crypto_hash digest;
    struct bytes attributes; /* msgpack [[attribute, value]...], all present */
    uint64_t last_seq;       /* of the last entry that touched it */
};

/* A key of the map (32 bytes: day u16, 30 bytes of the hash of the chain key). */
struct ledger_map_key { uint8_t b[32]; };

/* A chain's head: what the map's leaf says of it, and the right edge to append to. */
struct ledger_chain {
    uint64_t live;
    struct merkle_peaks peaks; /* peaks.size is the count */
    struct crypto_hash state;  /* state digest; zero for index chains */
};

/* What a used (key, nonce) led to. */
struct ledger_used {
    struct crypto_hash envelope;
    uint64_t valid_until;
    uint64_t first_seq; /* the first entry; for a refusal its only one */
    uint32_t n;         /* entries */
};

/* A clock of a subject that fires at `due` unless stopped. Ascending in member order = firing order. */
struct ledger_timer {
    uint64_t due; /* ms */
    uint16_t procedure;
    struct ledger_subject_id subject;
    uint16_t clock;
};
int ledger_timer_compare(const struct ledger_timer *a, const struct ledger_timer *b);

/* Where the ledger stands. */
struct ledger_tip {
    uint64_t height;
    uint64_t time_ms;
    struct crypto_hash block;  /* vid; at height 0 the ledger id */
    struct crypto_hash result; /* result id */
    struct ledger_result result_body;
    struct merkle_peaks log;
};

struct ledger_view {
    const struct ledger_registry *registry;
    enum anju_err (*subject)(const struct ledger_view *v, struct ledger_subject *out, uint16_t procedure,
                             const struct ledger_subject_id *id, struct arena *a);
    enum anju_err (*chain)(const struct ledger_view *v, struct ledger_chain *out, const struct ledger_map_key *key);
    /* May still return one whose valid_until has passed (storage removes those in bulk, each node at another
     * moment): where used.valid_until <= the block's time the nonce counts as free. */
    enum anju_err (*used)(const struct ledger_view *v, struct ledger_used *out, uint32_t key,
                          const uint8_t nonce[LEDGER_NONCE_SIZE]);
    /* Refusals of a member on a UTC day (days since 1970) so far; 0 where none. */
    enum anju_err (*refusals)(const struct ledger_view *v, uint32_t *out, uint32_t member, uint32_t day);
    /* The first `max` timers with due <= until, ascending; *count says how many. */
    enum anju_err (*timers)(const struct ledger_view *v, struct ledger_timer *out, size_t *count, size_t max, uint64_t until);
    /* The map as of the view, borrowed (ledger/map.h). */
    struct ledger_map *(*map)(const struct ledger_view *v);
    const struct ledger_tip *(*tip)(const struct ledger_view *v);
};

#endif
