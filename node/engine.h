/*
 * engine: the deterministic heart of a node, around the consensus core: envelope pool and batches,
 * bodies, the outbox that lets nothing leave before what it rests on is durable, catch-up,
 * re-sending. One thread. No socket, thread, disk or clock in it: the outside world is a table of
 * functions, which node.c fills for a real node and a simulator for a whole cluster. A world never
 * calls back into the engine from within one of its functions; what it finished comes later as an
 * engine_on_* call. The same calls with the same answers always do the same.
 *
 * Height h is what the engine works at; h - 1 is committed. Peers are small numbers chosen by the
 * world.
 */
#ifndef ANJU_NODE_ENGINE_H
#define ANJU_NODE_ENGINE_H

#include "consensus/consensus.h"
#include "ledger/execute.h"
#include "node/check.h"
#include "node/frames.h"
#include "node/image.h"
#include "storage/payload_log.h"

enum { ENGINE_PEERS_MAX = 64 };

struct engine_world {
    void *ctx;
    uint64_t (*wall_ms)(void *ctx);
    uint64_t (*mono_ms)(void *ctx);
    void (*random)(void *ctx, void *out, size_t size);
    /* Queues a frame; false: the peer is gone or too much is queued for it already. */
    bool (*send)(void *ctx, int peer, enum frame_type type, struct bytes body);

    /* The payload log: appends without a sync. False: no room; the engine tries again later. */
    bool (*append)(void *ctx, const struct payload_record *record);
    void (*release)(void *ctx, enum payload_kind kind, const struct crypto_hash *ids, size_t count);
    void (*release_heights)(void *ctx, uint64_t height);
    /* Makes what was appended and the slot (size 0: unchanged) durable: engine_on_durable(token).
     */
    void (*sync)(void *ctx, uint64_t token, struct bytes slot);

    /* Work elsewhere. What is passed is borrowed for the call unless counted. */
    void (*check_batch)(void *ctx, const struct crypto_hash *id,
                        struct blob *raw); /* engine_on_batch */
    void (*check_envelope)(void *ctx, const struct crypto_hash *id, struct blob *wire,
                           bool judge); /* engine_on_envelope */
    /* image_new over copies of these: engine_on_judged. Takes over a hold on each batch. */
    void (*judge)(void *ctx, const struct frame_compact *compact, struct blob *const *batches,
                  const struct ledger_tip *previous);
    void (*execute)(void *ctx, struct image *image); /* engine_on_executed; droppable */
    /* Executes if not done, then commits durably: engine_on_committed. Other executions are
     * dropped. */
    void (*commit)(void *ctx, struct image *image, struct bytes certificate,
                   struct blob *const *polkas, size_t n_polkas);
    /* The block and its certificate as decided: engine_on_block. `tag` comes back. */
    void (*read_block)(void *ctx, uint64_t height, uint64_t tag);
    /* The answer to an engine_submit with this ticket; at most one each. */
    void (*answer)(void *ctx, uint64_t ticket, const struct rpc_submit_result *result);
    /* One signer, two messages that contradict each other. May be NULL. */
    void (*evidence)(void *ctx, const struct ledger_vote *a, const struct ledger_vote *b);
    /* One a commit and when it says so: engine_status is worth reading again. May be NULL. */
    void (*changed)(void *ctx);
};

struct engine_config {
    const struct ledger_registry *registry; /* borrowed */
    struct crypto_secret secret;            /* of the node key */
    struct crypto_hash self;                /* node id */
    bool may_sign;                          /* false: no guard, or told to follow */
    bool in_doubt; /* the guard cannot say what was signed: follows until that is past */
    uint64_t pool_bytes_max;                /* waiting envelopes; 0: 64 MiB */
    struct engine_world world;
};

struct engine;
struct engine *engine_new(const struct engine_config *config);
void engine_free(struct engine *e);

/* Before engine_start: each live record of the payload log, oldest first. */
void engine_restore(struct engine *e, const struct payload_record *record);
/* Where the ledger stands: tip, the certificate it was decided with (empty at height 0), when the
 * next timer of the ledger is due (UINT64_MAX: none), and the guard's content (may be empty). */
void engine_start(struct engine *e, const struct ledger_tip *tip, struct bytes certificate,
                  uint64_t next_due_ms, struct bytes slot);

/* Monotonic time at which engine_tick wants to be called; UINT64_MAX before engine_start. */
uint64_t engine_deadline(const struct engine *e);
void engine_tick(struct engine *e);

void engine_peer_up(struct engine *e, int peer, const struct crypto_hash *node_id);
void engine_peer_down(struct engine *e, int peer);
/* A frame's body, of any content. False: it breaks the protocol; the world closes the connection.
 */
bool engine_peer_frame(struct engine *e, int peer, uint8_t type, struct bytes body);

/* Takes over `s`. With a ticket other than 0 somebody waits for the answer. */
void engine_submit(struct engine *e, uint64_t ticket, struct submission *s);

/* Nobody waits for this ticket any more; the envelope stays. */
void engine_forget(struct engine *e, const struct crypto_hash *id, uint64_t ticket);

void engine_on_durable(struct engine *e, uint64_t token);
/* `info` NULL: the batch is bad. Takes over info. */
void engine_on_batch(struct engine *e, const struct crypto_hash *id, struct batch_info *info,
                     const char *why);
void engine_on_envelope(struct engine *e, const struct crypto_hash *id,
                        const struct check_verdict *verdict);
void engine_on_judged(struct engine *e, struct image *image); /* takes over the hold */
void engine_on_executed(struct engine *e, const struct crypto_hash *vid,
                        const struct crypto_hash *result_id);
/* What became of one envelope of a block; a duplicate has the first claim's outcome and height. */
struct engine_outcome {
    struct crypto_hash id;
    int outcome;
    uint64_t height, first_seq;
    uint32_t n, failing_index;
    struct crypto_hash other; /* SKIP_NONCE: who used it first */
};
struct engine_committed {
    const struct ledger_tip *tip;
    uint64_t next_due_ms;
    const struct engine_outcome *outcomes;
    size_t n_outcomes;
};
void engine_on_committed(struct engine *e, const struct engine_committed *c);
/* `block` empty: it is not there. */
void engine_on_block(struct engine *e, uint64_t tag, uint64_t height, struct bytes block,
                     struct bytes certificate);

/* Stops taking submissions (the disk is nearly full, or the node is going down): BUSY with this
 * hint; "" again: takes. */
void engine_refuse(struct engine *e, const char *hint);

/* What this node knows of one validator of the set. */
struct engine_validator {
    bool up;          /* connected; what follows counts only then */
    bool votes;       /* says that it votes and knows what it signed */
    bool voted;       /* at the height and round that this node works at */
    uint64_t height;  /* says that it works at */
    int64_t clock_ms; /* its clock less ours when its last word came in; the way here included */
};

struct engine_status {
    uint64_t height;        /* committed */
    uint64_t highest_seen;  /* with a verified certificate, or committed */
    uint64_t highest_claim; /* by f + 1 validators at least */
    struct consensus_status core;
    unsigned peers_up, validators_up; /* validators: without this node */
    uint32_t pool_envelopes;
    uint64_t pool_bytes;
    uint32_t batches, own_batches;
    uint64_t time_ms; /* of the last block */
    uint64_t log_size;
    bool validator, may_sign, halted, log_full;
    bool in_doubt;          /* it is not known what its key has signed: does not vote yet */
    unsigned vouched;       /* in doubt: validators that vouch for a height, of the quorum needed */
    uint64_t sign_from;     /* in doubt: the height at which it votes again; UINT64_MAX: not known yet */
    const char *halt_reason;
    struct engine_validator validators[LEDGER_SET_MAX]; /* by set index */
    uint64_t idle_ms;    /* since the last commit, or the start */
    uint64_t waiting_ms; /* since when envelopes wait to be committed; 0: none do */
    const char *alarm;   /* of the core, the last one; "" none */
    uint64_t alarm_height;
    bool ready;
    char reason[160];
    /* Counters since the start. */
    uint64_t commits, records, rounds_above_0, proposals_made, votes_verified, frames_in,
        frames_refused, envelopes_taken, envelopes_refused, outbox_waiting, syncs, resends,
        blocks_synced, evidence;
};
void engine_status(struct engine_status *out, const struct engine *e);

#endif
