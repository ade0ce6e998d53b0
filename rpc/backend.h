/*
 * backend: the narrow table of functions through which rpc asks the node (node/backend.c makes it; a
 * test may make another). Reads of committed data do not pass here: rpc begins a store_read of its own.
 * Every function may be called from any rpc thread and does not block.
 */
#ifndef ANJU_RPC_BACKEND_H
#define ANJU_RPC_BACKEND_H

#include "ledger/registry.h"
#include "ledger/envelope.h"

struct store; /* storage/store.h */
struct checkpoints; /* storage/checkpoints.h */

enum rpc_submit_state {
    RPC_SUBMIT_COMMITTED, /* final: entries first_seq .. first_seq + n - 1 (a refusal has one) */
    RPC_SUBMIT_REFUSED,   /* refused before it was taken: the rules would refuse it now; no entry was made */
    RPC_SUBMIT_SKIPPED,   /* never takes effect: outcome is a SKIP_ (expired, nonce_reused, key ...) */
    RPC_SUBMIT_INVALID,   /* malformed, unknown key, wrong signature: hint says what */
    RPC_SUBMIT_BUSY,      /* the pool is full: try again later */
    RPC_SUBMIT_PENDING,   /* the wait ended first; asking again with the same envelope is always safe */
};

struct rpc_submit_result {
    enum rpc_submit_state state;
    struct crypto_hash id;  /* envelope id; zero where it could not be decoded */
    int outcome;            /* 0 applied, a refusal or clause, or a SKIP_ */
    uint64_t height;        /* COMMITTED */
    uint64_t first_seq;
    uint32_t n;
    uint32_t failing_index; /* record in the envelope, for refusals */
    struct crypto_hash other; /* nonce_reused: the envelope that used it first */
    uint64_t current_version; /* version_stale: the subject's version now (0: it is not there) */
    uint16_t current_state;
    char procedure[64], action[64], clause[64], field[64], hint[256]; /* words for refusals; or "" */
};

/* Called exactly once per submit, from any thread; `results` has one for each envelope, in order, and
 * is valid for the call only. */
typedef void rpc_submit_done(void *done_ctx, const struct rpc_submit_result *results, size_t count);

/* One validator, as the node that answers sees it. */
struct rpc_node_validator {
    char node[65];
    bool self, connected;
    bool votes;       /* says that it votes */
    bool voted;       /* its vote at the pending height and round is here */
    uint64_t height;  /* works at, as it says */
    int64_t clock_ms; /* its clock less the answering node's, way included */
};

struct rpc_node_status {
    char node_id[65], ledger_id[65];
    const char *origin; /* lives as long as the backend */
    const char *role;   /* "validator", "follower" */
    uint64_t height, log_size, time_ms; /* of the last committed block */
    uint64_t pending_height;
    uint32_t round;
    const char *step;
    uint32_t peers_connected, peers_known;
    uint32_t pool_envelopes, pool_bytes;
    bool ready;
    char reason[160];   /* why not ready; "" when ready */
    uint64_t started_ms;
    uint64_t highest_height_seen; /* at any peer, with a certificate */
    uint32_t quorum;
    bool may_sign;       /* configured to vote, in the set, not halted */
    bool in_doubt;       /* does not know what its key has signed */
    uint32_t vouched;    /* validators that vouch; `quorum` are needed */
    uint64_t sign_from;  /* votes again at this height; UINT64_MAX: not known yet */
    const char *guard;   /* why the guard did not count at the start; "" where it did */
    char halt_reason[256], alarm[256];
    uint64_t alarm_height;
    uint64_t idle_ms, waiting_ms; /* since the last block; since envelopes wait for one */
    uint64_t free_bytes;
    bool disk_low, log_full, commit_waits;
    uint64_t evidence;   /* contradictions seen */
    uint64_t twins, twin_ms; /* connections of an identity that was connected already; the last one */
    char twin[65];
    uint32_t n_validators;
    struct rpc_node_validator validators[LEDGER_SET_MAX];
};

struct rpc_backend {
    void *ctx;
    const struct ledger_registry *registry;
    struct store *store;
    struct checkpoints *checkpoints;    /* NULL: none are kept */
    const struct ledger_node *log_node; /* whose log signatures those have; NULL: none has */
    const char *dir; /* the data directory, for evidence; NULL: none */
    bool log_open; /* whoever reaches the server may read the log's hashes and entries */
    uint64_t (*now_ms)(void *ctx);
    /* Takes `count` envelopes (wires are copied). done is called when all are settled, or after
     * wait_ms with PENDING for those that are not. */
    void (*submit)(void *ctx, const struct bytes *wires, size_t count, uint32_t wait_ms,
                   rpc_submit_done *done, void *done_ctx);
    void (*status)(void *ctx, struct rpc_node_status *out);
    void (*metrics)(void *ctx, struct writer *out); /* Prometheus text: appended */
};

#endif
