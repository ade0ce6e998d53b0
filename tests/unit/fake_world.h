/*
 * fake_world: a cluster of engines in one thread on a virtual clock, with a network, disks and
 * ledgers in memory. What was not synced is lost in a crash. Everything follows from one seed.
 */
#ifndef ANJU_TESTS_FAKE_WORLD_H
#define ANJU_TESTS_FAKE_WORLD_H

#include "fixture.h"
#include "node/engine.h"

enum {
    FAKE_NODES_MAX = 8,
    FAKE_HEIGHTS_MAX = 512,
    FAKE_VOTES_MAX = 8192,
    FAKE_ANSWERS_MAX = 512,
    FAKE_SENT_MAX = 400
};

struct fake_event;
struct fake_cluster;

struct fake_record {
    enum payload_kind kind;
    uint64_t height;
    struct crypto_hash id;
    struct blob *data;
    bool synced;
};

struct fake_node {
    struct fake_cluster *cluster;
    int index; /* peer number at the others, too */
    struct crypto_secret secret;
    struct crypto_hash id;
    struct engine *engine;      /* NULL: it is down */
    unsigned life;              /* counts starts; events of an earlier life are dropped */
    struct ledger_view nothing; /* under the state */
    struct ledger_overlay *state;
    struct blob *block[FAKE_HEIGHTS_MAX], *certificate[FAKE_HEIGHTS_MAX];
    uint64_t height;
    struct fake_record *records;
    size_t n_records;
    struct blob *slot; /* durable */
    bool disk_stands;  /* syncs do not end */
    bool no_room;      /* appends fail */
    unsigned syncs_waiting;
    uint64_t wants_seen;
    unsigned accused; /* times that its engine handed out evidence; the last two messages */
    struct ledger_vote accused_by[2];
};

struct fake_cluster {
    struct fixture fixture;
    struct fake_node node[FAKE_NODES_MAX];
    int count;       /* nodes of the set, then followers */
    uint64_t now_ms; /* virtual */
    uint64_t random;
    struct fake_event *events;
    uint64_t next_seq;
    unsigned loss_percent;
    bool disk_all_stand;
    bool doubt; /* a node that starts without a slot is in doubt */
    uint64_t arrives[FAKE_NODES_MAX][FAKE_NODES_MAX]; /* [from][to]: the last frame under way */
    bool slow_checks; /* checks of envelopes and batches take 0 to 9 ms each */
    struct {
        uint8_t type;
        struct blob *body;
    } sent[FAKE_SENT_MAX]; /* a sample of all frames */
    size_t n_sent;
    bool cut[FAKE_NODES_MAX][FAKE_NODES_MAX]; /* [from][to]: nothing passes */
    uint32_t drop_types[FAKE_NODES_MAX];      /* bit t: frames of type t to this node are lost */
    struct ledger_vote votes[FAKE_VOTES_MAX]; /* that ever left a node, each once */
    size_t n_votes;
    unsigned double_signs;
    struct {
        uint64_t ticket;
        struct rpc_submit_result result;
    } answers[FAKE_ANSWERS_MAX];
    size_t n_answers;
};

/* `validators` in the set and `followers` more, all connected, none started. */
void fake_begin(struct fake_cluster *c, int validators, int followers, uint64_t seed);
void fake_end(struct fake_cluster *c);
void fake_start(struct fake_cluster *c, int node);
void fake_crash(struct fake_cluster *c, int node);
/* While it is down: its guard is lost; with `ledger`, everything is. Its key stays. */
void fake_wipe(struct fake_cluster *c, int node, bool ledger);
/* Cuts a node off, or connects it again. */
void fake_isolate(struct fake_cluster *c, int node, bool cut);

/* Runs until `done` says so; fails the test after `ms` of virtual time. */
void fake_run(struct fake_cluster *c, uint64_t ms, bool (*done)(struct fake_cluster *c, void *ctx),
              void *ctx);
void fake_run_for(struct fake_cluster *c, uint64_t ms);
/* Until all nodes in the mask have committed this height. */
void fake_run_to(struct fake_cluster *c, uint32_t nodes, uint64_t height, uint64_t ms);
/* Submits a record that the rules refuse by name (its procedure is unknown): its envelope is
 * committed, with one entry. Returns the wire; tickets are the caller's. */
struct bytes fake_envelope(struct fake_cluster *c);
void fake_submit(struct fake_cluster *c, int node, uint64_t ticket, struct bytes wire);
const struct rpc_submit_result *fake_answer(const struct fake_cluster *c,
                                            uint64_t ticket); /* or NULL */
/* All nodes' blocks at all heights that two of them have are the same, and no one signed twice. */
void fake_check(const struct fake_cluster *c);

#endif
