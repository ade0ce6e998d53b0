/*
 * node_state: what node.c, world.c, logger.c, executor.c, verify.c and backend.c share.
 * Threads: main (engine, peers, this struct unless said otherwise), log, ledger, verify workers, the
 * one that answers submissions, and the rpc server's. They share nothing mutable but queues, the store, and what `snapshot_lock`
 * guards.
 */
#ifndef ANJU_NODE_NODE_STATE_H
#define ANJU_NODE_NODE_STATE_H

#include <event2/event.h>

#include "node/cosign.h"
#include "node/engine.h"
#include "node/node.h"
#include "node/peer.h"
#include "node/queue.h"
#include "rpc/server.h"
#include "storage/guard.h"
#include "storage/store.h"

enum {
    MAIN_QUEUE_MAX = 4096, /* submissions that wait for the main thread */
    FINALITY_BUCKETS = 12,
    EXECUTIONS_MAX = 8,
};

/* Milliseconds from submission to commit, as Prometheus counts them. */
struct finality {
    uint64_t bucket[FINALITY_BUCKETS + 1]; /* the last one: above all bounds */
    uint64_t count, sum_ms;
};

struct snapshot {
    struct engine_status engine;
    struct peers_status peers;
    struct payload_log_status log;
    struct finality finality;
    size_t main_queue, log_queue, ledger_queue, verify_queue;
    uint64_t requests_open;
    uint64_t syncs, last_execute_us, last_commit_us;
    bool disk_low;
    uint64_t free_bytes;
    bool commit_waits;
};

struct request; /* backend.c */

/* An executed block that is not decided. Ledger thread. */
struct execution {
    struct image *image;
    struct ledger_overlay *overlay;
};

struct node {
    const struct node_config *config;
    struct ledger_genesis genesis;
    struct ledger_registry *registry;
    struct crypto_secret secret;
    struct crypto_hash self;
    int self_index;

    struct event_base *base;
    int wake_fd;
    struct event *wake, *timer, *sigterm, *sigint;
    bool stopping;
    int exit_code;

    struct engine *engine;
    struct store *store;
    struct guard *guard;
    char guard_words[256]; /* why the guard was lost or empty at the start; "" when sound */
    struct payload_log *log;
    struct peers *peers;
    struct cosign *cosign;
    struct rpc_server *rpc;
    struct rpc_backend backend;
    struct check_cache *cache;

    struct queue main_queue, log_queue, ledger_queue, answer_queue, verify_queue;
    pthread_t log_thread, ledger_thread, answer_thread, *verify_threads;
    unsigned verify_count;
    bool threads_running;
    bool appended; /* to the payload log since the last sync was asked for */

    /* ledger thread */
    struct execution executions[EXECUTIONS_MAX];

    /* backend.c, main thread */
    struct request *requests;
    uint64_t next_ticket;
    struct finality finality;
    uint64_t requests_open;
    uint64_t disk_checked_ms;
    bool disk_low;
    uint64_t free_bytes;
    uint64_t last_execute_us, last_commit_us;

    pthread_mutex_t snapshot_lock;
    struct snapshot snapshot;
    bool draining; /* with snapshot_lock */
    bool commit_waits; /* with snapshot_lock: a decided height finds no room on the disk */
    uint64_t snapshot_ms;
    uint64_t started_ms;
};

uint64_t node_wall_ms(void);
uint64_t node_mono_ms(void);
uint64_t node_mono_us(void);

/* world.c: the engine's world. */
void world_fill(struct node *n, struct engine_world *out);

/* logger.c, executor.c, verify.c: jobs for their threads; answers come to the main thread. */
void logger_sync(struct node *n, uint64_t token, struct bytes slot, bool records);
void logger_run(struct node *n); /* the thread */
void executor_execute(struct node *n, struct image *image);
void executor_commit(struct node *n, struct image *image, struct bytes certificate,
                     struct blob *const *polkas, size_t n_polkas);
void executor_drop_all(struct node *n);     /* after the thread has ended */
uint64_t executor_next_due(struct node *n); /* ledger thread, or before it runs */
void verify_batch(struct node *n, const struct crypto_hash *id, struct blob *raw);
void verify_envelope(struct node *n, const struct crypto_hash *id, struct blob *wire, bool judge);
void verify_judge(struct node *n, const struct frame_compact *compact, struct blob *const *batches,
                  const struct ledger_tip *previous);
void verify_read_block(struct node *n, uint64_t height, uint64_t tag);

/* witness.c: keeps a proof of what contradicts itself. */
void witness_keep(struct node *n, const struct ledger_vote *a, const struct ledger_vote *b);

/* backend.c */
void backend_init(struct node *n);
void backend_answer(struct node *n, uint64_t ticket, const struct rpc_submit_result *result);
void backend_tick(struct node *n);   /* about every 100 ms, and after commits */
void backend_deinit(struct node *n); /* answers what is open with PENDING */

bool node_is_loopback(const char *host); /* node.c */
/* node.c: stops the node because it cannot go on. Any thread. */
void node_give_up(struct node *n, int exit_code, const char *words);

#endif
