/*
 * sim: a whole cluster of consensus cores in one thread, from one seed.
 * Each process is the real core inside a small model of a node: a guard whose writes take time, an
 * outbox that waits for them, bodies that must be fetched, a store, peers. The network loses,
 * delays, doubles, cuts in directions and by kind of message; processes crash at any action; up to
 * f validators lie (twins of one key, equivocation, lies about valid rounds and results, withheld
 * bodies). Then everything heals and every honest process must decide further heights in time.
 * Signatures are a cheap stand-in, checked where the node would check them.
 */
#ifndef ANJU_TESTS_SIM_H
#define ANJU_TESTS_SIM_H

#include "consensus/consensus.h"

enum {
    SIM_NODES_MAX = 7,
    SIM_PROCESSES_MAX = 12, /* a liar runs two */
    SIM_HEIGHTS_MAX = 400,
    SIM_VALUES_MAX = 6000,
    SIM_HEARTBEAT_MS = 6000,
    SIM_HEALED_HEIGHTS = 5,
    SIM_HEALED_MS_MAX = 240000,
    SIM_EVENTS_MAX = 3000000,
    SIM_DEPTH_MAX = 24,
    SIM_WHY_SIZE = 512,
};

/* A block. Its vid begins with its index in world.values. */
struct value {
    struct crypto_hash vid, result;
    unsigned proposer;
    uint64_t height, time_ms;
    bool valid, empty;
    unsigned batches; /* all batches up to this number are committed with it */
    uint32_t served;  /* bit i: a lying author gives the body to i */
    bool honest;
};

enum message_kind {
    MESSAGE_PROPOSAL,
    MESSAGE_PREVOTE,
    MESSAGE_PRECOMMIT,
    MESSAGE_CERTIFICATE,
    MESSAGE_OTHER,
    MESSAGE_KINDS
};
enum content {
    CONTENT_VOTE,
    CONTENT_POLKA,
    CONTENT_COMMIT,
    CONTENT_TICKET,
    CONTENT_STATUS,
    CONTENT_BLOCK
};

struct message {
    unsigned refs;
    enum content content;
    unsigned from; /* validator */
    uint64_t height;
    uint32_t round;
    bool has_commit; /* STATUS: its last certificate comes along */
    union {
        struct ledger_vote vote;
        struct ledger_polka polka;
        struct ledger_certificate commit;
        struct ledger_ticket ticket;
    };
};

/* What waits in the outbox until all that came before it is durable. */
struct waiting {
    uint64_t write;
    struct message *message; /* NULL: the decision */
    int to;
    struct ledger_certificate commit;
};

struct process {
    unsigned id; /* validator */
    bool honest;
    bool up;
    unsigned life;  /* events of an earlier life are dropped */
    uint32_t talks; /* bit i: exchanges messages with validator i */
    int64_t skew_ms;
    uint64_t slow_ms; /* of its disk and executions */
    struct consensus *core;
    uint64_t height;    /* that the core works on */
    uint64_t commit_ms; /* when the last height was committed */
    bool deciding;
    unsigned held_batches;
    /* writes: numbered; done up to `durable` */
    uint64_t write, durable, writing;
    struct writer slot, slot_writing; /* the newest; the one that the disk is at */
    size_t waiting_first, waiting_count, waiting_room;
    struct waiting *waiting;
    uint8_t has_body[SIM_VALUES_MAX]; /* 1 fetching, 2 there */
    uint64_t body_write[SIM_VALUES_MAX];
    uint64_t answered_ms[SIM_NODES_MAX], asked_ms[SIM_NODES_MAX];
    /* what a crash leaves */
    struct writer disk_slot;
    uint64_t disk_height;
    struct ledger_certificate disk_commit[SIM_HEIGHTS_MAX];
};

enum world_event {
    WORLD_DELIVER,
    WORLD_TIMER,
    WORLD_WRITTEN,
    WORLD_FETCH,
    WORLD_EXECUTED,
    WORLD_VALUE,
    WORLD_COMMITTED,
    WORLD_RESEND,
    WORLD_STATUS,
    WORLD_HEARTBEAT,
    WORLD_EMPTY_OK,
    WORLD_RESTART,
    WORLD_BATCH,
    WORLD_BATCH_ARRIVES,
    WORLD_NETWORK,
    WORLD_CRASH,
};

struct queued {
    uint64_t at_us, order;
    enum world_event kind;
    unsigned process, life;
    uint64_t height;
    uint32_t round;
    enum consensus_timer timer;
    unsigned number; /* value or batch */
    struct message *message;
};

struct totals {
    uint64_t heights, crashes, lies, messages, evidence, rounds, slowest_ms;
};

struct world { /* one run */
    uint64_t seed, rng;
    bool trace;
    const char *mutant; /* what the model, not the core, does wrong on purpose */
    bool failed;
    char why[300];
    uint64_t now_us, order;
    uint64_t trace_hash;
    size_t queue_count, queue_room;
    struct queued *queue;
    struct ledger_set set;
    unsigned n, f, liars;
    unsigned process_count;
    struct process *process; /* SIM_PROCESSES_MAX */
    unsigned value_count;
    struct value *values;
    unsigned batch_count;
    struct crypto_hash decided[SIM_HEIGHTS_MAX]; /* zero: not yet */
    uint64_t highest;
    bool healed;
    /* faults of this seed */
    unsigned loss_permille, double_permille, crash_permyriad, lie_permille, delay_ms_max,
        drop_execution_permille, cut_ms_max, status_permille;
    bool cuts, crashes;
    bool cut[MESSAGE_KINDS][SIM_NODES_MAX][SIM_NODES_MAX];
    /* what honest validators signed and sent: open addressing by (signer, h, r, type) */
    struct ledger_vote *sent;
    bool *sent_used;
    unsigned depth; /* a signed vote is handed back within the actions of its step */
    struct consensus_actions *actions[SIM_DEPTH_MAX];
    struct totals totals;
};

enum { SENT_ROOM = 1 << 15 };

/* cluster.c */
/* One run from its seed. False: `why` says what went wrong. */
bool sim_seed(struct totals *totals, uint64_t *trace_hash, char why[SIM_WHY_SIZE], uint64_t seed,
              bool trace);
/* `count` of them; every 64th twice, and it must run the same. */
bool sim_seeds(struct totals *totals, char why[SIM_WHY_SIZE], uint64_t seed, uint64_t count,
               bool trace);

/* world.c */
uint64_t sim_random(struct world *w);
unsigned sim_below(struct world *w, unsigned bound);
bool sim_chance(struct world *w, unsigned permille);
void sim_fail(struct world *w, const char *format, ...) ANJU_PRINTF(2, 3);
void sim_trace(struct world *w, const char *format, ...) ANJU_PRINTF(2, 3);
void sim_note(struct world *w, uint64_t what); /* into the trace hash */
void sim_post(struct world *w, uint64_t delay_us, struct queued event);
bool sim_take(struct world *w, struct queued *out);
uint64_t sim_ms(const struct world *w);
void sim_sign(struct ledger_vote *v, const struct world *w);
bool sim_verify(const struct world *w, const struct ledger_vote *v);
bool sim_verify_polka(const struct world *w, const struct ledger_polka *p);
bool sim_verify_commit(const struct world *w, const struct ledger_certificate *c);
bool sim_verify_ticket(const struct world *w, const struct ledger_ticket *t);
struct message *sim_message(enum content content, unsigned from);
void sim_release(struct message *m);
/* To one validator's processes, through the network. */
void sim_send(struct world *w, const struct process *from, unsigned to, struct message *m);
struct value *sim_value(struct world *w, unsigned proposer, uint64_t height, uint64_t time_ms,
                        unsigned batches);
struct value *sim_value_of(struct world *w, const struct crypto_hash *vid); /* or NULL */
void sim_network_change(struct world *w);

/* process.c */
void process_start(struct world *w, struct process *p);
void process_crash(struct world *w, struct process *p);
void process_event(struct world *w, const struct queued *e);
uint64_t process_clock_ms(const struct world *w, const struct process *p);
/* Gives the core an event and carries its actions out. */
void process_step(struct world *w, struct process *p, const struct consensus_event *event);
void process_have_body(struct world *w, struct process *p, const struct value *v);
/* Into the outbox; out of it, what is durable. */
void process_enqueue(struct process *p, struct waiting entry);
void process_flush(struct world *w, struct process *p);
/* Past the outbox: to one, or to all where `to` is -1. */
void process_send_to(struct world *w, struct process *p, int to, struct message *m);
struct message *sim_certificate_of(const struct consensus_action *a, unsigned from);

/* messages.c */
void process_say_status(struct world *w, struct process *p, int to);
void process_deliver(struct world *w, struct process *p, const struct message *m);

/* check.c: each fails the run where it does not hold */
bool process_has_durable(const struct process *p, unsigned value);
void sim_check_sent(struct world *w, const struct ledger_vote *v);
void sim_check_body(struct world *w, const struct process *p, const struct ledger_vote *v);
void sim_check_ticket(struct world *w, const struct process *p);
bool sim_verify_message(const struct world *w, const struct message *m);

/* trace.c */
void sim_trace_step(struct world *w, struct process *p, const struct consensus_event *e,
                    const struct consensus_actions *actions);

/* liar.c */
/* A lying validator saw a message; it may say something of its own. */
void liar_hears(struct world *w, struct process *p, const struct message *m);
/* What its core wants to send, perhaps changed, perhaps not to all. */
void liar_sends(struct world *w, struct process *p, const struct ledger_vote *vote, int to);

#endif
