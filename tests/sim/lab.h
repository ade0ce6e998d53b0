/*
 * lab: whole clusters of node engines in one process and one thread, on a virtual clock, network
 * and disk, driven by one seed (docs/reliability.md). The shipped objects run: engine, codecs,
 * consensus core, ledger execution, guard file. What is modelled is what they call: the engine's
 * world, the kernel's page cache, the payload log, the store's commit. Everything that a seed does
 * follows from it.
 *
 * lab_run.c: options, phases, the loop. lab_time.c: events, random numbers, words. lab_net.c:
 * connections. lab_host.c: one process around an engine. lab_disk.c: what a crash leaves.
 * lab_liar.c: Byzantine validators. lab_client.c: those who submit. lab_oracle.c: what must hold,
 * judged from bytes. lab_sign.c: stand-ins at link time.
 */
#ifndef ANJU_TESTS_LAB_H
#define ANJU_TESTS_LAB_H

#include "node/engine.h"
#include "node/idmap.h"
#include "storage/guard.h"
#include "tests/unit/fixture.h"

enum {
    LAB_SET_MAX = 7,
    LAB_HOSTS_MAX = 10, /* validators and twins */
    LAB_EXECUTIONS = 4,
    LAB_WHY_SIZE = 400,
    LAB_WORLDS = 8,
    LAB_HEARD_MAX = 64, /* frames that a liar remembers */
    LAB_CLIENTS_MAX = 4,
    LAB_IMAGE_SIZE = 2 * GUARD_SLOT_SIZE,
};

struct lab;
struct host;
struct event;
typedef void event_fire(struct lab *l, struct event *ev);

struct event {
    uint64_t at_us, order;
    struct host *host; /* NULL: the world's own */
    unsigned life;     /* of the host: events of an earlier one are dropped */
    event_fire *fire;
    uint64_t number, number2;
    struct crypto_hash id, id2;
    struct blob *blob, *blob2;
    struct image *image;
    struct batch_info *info;
    struct check_verdict *verdict;
    int peer;
    unsigned epoch; /* of the connection */
    uint8_t type;
    bool altered; /* by a liar, on its way */
    char why[80];
};

enum fault {
    FAULT_LOSS,
    FAULT_DELAY,
    FAULT_DOUBLE,
    FAULT_REORDER,
    FAULT_PARTITION,
    FAULT_ONE_WAY,
    FAULT_CLOG,
    FAULT_SLOW_PEER,
    FAULT_RESET,
    FAULT_KILL,
    FAULT_POWER,
    FAULT_POWER_ALL,
    FAULT_PAUSE,
    FAULT_CLOCK,
    FAULT_SLOW_DISK,
    FAULT_SLOW_EXECUTION,
    FAULT_LOG_FULL,
    FAULT_TORN,
    FAULT_TWIN,
    FAULT_LIE,
    FAULT_MUTE,
    FAULT_AMNESIA,
    FAULT_FLOOD,
    FAULT_WITHHOLD,
    FAULT_REPLAY,
    FAULTS
};
extern const char *const lab_fault_names[FAULTS];

/* A record of the payload log, in the page cache of the host. */
struct record {
    enum payload_kind kind;
    uint64_t height;
    struct crypto_hash id;
    struct blob *data;
    uint64_t covered; /* token of the sync that makes it durable; 0 none yet */
    bool durable;
    bool released; /* the file still has it: a crash may bring it back */
};

struct execution {
    struct image *image;
    struct ledger_overlay *overlay;
};

/* What became of an envelope, at one host. */
struct claim {
    int outcome;
    uint64_t height, first_seq;
    uint32_t n, failing_index;
};

struct heard {
    uint8_t type;
    struct blob *body;
};

struct host {
    struct lab *lab;
    unsigned index;     /* peer number at the others */
    unsigned validator; /* place in the set */
    bool honest;
    bool second; /* the other of two twins */
    struct crypto_secret secret;
    struct crypto_hash id;
    struct engine *engine; /* NULL: down */
    unsigned life;
    uint64_t deadline_ms;
    unsigned spins; /* ticks at one moment */
    uint64_t spin_ms;
    uint64_t paused_until_us;
    bool stays_down;
    int64_t skew_ms;
    uint64_t disk_us, ledger_us; /* when the log thread and the ledger thread are free */
    uint64_t slow_disk_us, slow_ledger_us, slow_peer_us;
    bool log_full;

    /* disk */
    struct record *records;
    size_t n_records, records_room;
    struct guard *guard;
    char dir[64];
    uint8_t stable[LAB_IMAGE_SIZE]; /* the guard file as the platter has it */
    bool has_stable;
    struct event **syncs; /* under way and waiting, in order; the events are in the queue */
    size_t n_syncs, syncs_room;

    /* ledger */
    struct ledger_view nothing;
    struct ledger_overlay *state;
    uint64_t height;
    struct blob **blocks, **certificates; /* by height */
    size_t blocks_room;
    struct idmap claims;
    struct execution executions[LAB_EXECUTIONS];
    struct event *commit; /* under way */

    /* liar */
    bool lies, mutes, floods, withholds, replays, forgets;
    uint64_t quiet_until_us;
    uint32_t kept_from; /* bit i: payload is kept back from host i */
    struct heard heard[LAB_HEARD_MAX];
    unsigned heard_next;
    struct crypto_hash seen_vid[8];
    unsigned seen_next;
};

struct client {
    unsigned member;
    uint64_t next_us;
    struct blob *wire; /* in hand; NULL: none */
    struct crypto_hash id;
    uint64_t ticket, asked_us, made_us;
    unsigned host;
    uint64_t valid_until;
    unsigned subjects;
    struct ledger_subject_id subject[16];
};

struct lab_totals {
    uint64_t seeds, virtual_ms, heights, envelopes, acknowledged, frames, rounds_above_0,
        slowest_recovery_ms, checks;
    uint64_t slowest_recovery_seed;
    uint64_t faults[FAULTS];
    unsigned heights_min;
};

struct oracle; /* lab_oracle.c */

struct lab {
    uint64_t seed, rng;
    bool trace;
    bool frames; /* the trace shows every one */
    bool failed;
    char why[LAB_WHY_SIZE];
    uint64_t now_us, order, hash;
    struct event **heap;
    size_t heap_count, heap_room;
    const struct fixture *fixture; /* of this many validators; kept between seeds, never changed */
    struct arena arena;
    uint64_t nonces;
    unsigned n, f, q;
    unsigned n_hosts;
    struct host host[LAB_HOSTS_MAX];
    /* network */
    bool up[LAB_HOSTS_MAX][LAB_HOSTS_MAX]; /* symmetric: a connection */
    unsigned epoch[LAB_HOSTS_MAX][LAB_HOSTS_MAX];
    bool cut[LAB_HOSTS_MAX][LAB_HOSTS_MAX]; /* [from][to]: bytes go nowhere */
    uint64_t clogged_until_us[LAB_HOSTS_MAX][LAB_HOSTS_MAX];
    uint64_t last_at_us[LAB_HOSTS_MAX][LAB_HOSTS_MAX];
    uint64_t in_flight[LAB_HOSTS_MAX][LAB_HOSTS_MAX];
    unsigned twin_of[LAB_HOSTS_MAX][LAB_SET_MAX]; /* which process of a validator a host talks to */
    /* options of the seed */
    bool on[FAULTS];
    unsigned loss_permille, double_permille, reorder_permille, delay_ms, crash_mean_ms,
        lie_permille, client_mean_ms;
    uint64_t chaos_ms;
    bool healed;
    uint32_t core; /* hosts that have to make progress after healing */
    uint64_t healed_us, goal_height;
    unsigned n_clients;
    struct client client[LAB_CLIENTS_MAX];
    bool stopping; /* clients finish what they have in hand and make nothing new */
    uint64_t tickets;
    struct oracle *oracle;
    struct lab_totals totals;
};

/* lab_run.c */
/* One run from its seed. False: `why` says what went wrong. */
bool lab_seed(struct lab_totals *totals, uint64_t *hash, char why[LAB_WHY_SIZE], uint64_t seed,
              bool trace);
/* `count` of them, each twice: it must run the same. Stops after `seconds` where that is not 0. */
bool lab_seeds(struct lab_totals *totals, uint64_t *failed_seed, char why[LAB_WHY_SIZE],
               uint64_t seed, uint64_t count, uint64_t seconds);

/* lab_time.c */
uint64_t lab_random(struct lab *l);
uint64_t lab_below(struct lab *l, uint64_t bound);
bool lab_chance(struct lab *l, unsigned permille);
/* A fault that happens now and then: counts it. */
bool lab_fault(struct lab *l, enum fault f, unsigned permille);
void lab_count(struct lab *l, enum fault f);
void lab_fail(struct lab *l, const char *format, ...) ANJU_PRINTF(2, 3);
void lab_say(struct lab *l, const char *format, ...) ANJU_PRINTF(2, 3);
void lab_note(struct lab *l, uint64_t what); /* into the trace hash */
void lab_note_bytes(struct lab *l, struct bytes what);
struct event *lab_post(struct lab *l, struct host *h, uint64_t at_us, event_fire *fire);
struct event *lab_take(struct lab *l);
void lab_again(struct lab *l, struct event *ev, uint64_t at_us); /* puts one that was taken back */
void event_free(struct event *ev);

/* lab_net.c */
void net_connect_all(struct lab *l, struct host *h);
void net_drop(struct lab *l, struct host *a, struct host *b, uint64_t again_us);
void net_drop_all(struct lab *l, struct host *h);
bool net_send(struct host *from, int to, uint8_t type, struct bytes body, bool altered);
void net_change(struct lab *l,
                struct event *ev); /* a partition begins, moves or ends; again later */
void net_heal(struct lab *l);

/* lab_host.c */
void host_init(struct lab *l, struct host *h, unsigned index, unsigned validator);
void host_deinit(struct host *h);
void host_start(struct host *h);
void host_crash(struct host *h, bool power);
void host_called(struct host *h); /* after each call into its engine */
uint64_t host_wall_ms(const struct host *h);

/* lab_disk.c */
bool disk_append(void *ctx, const struct payload_record *record);
void disk_release(void *ctx, enum payload_kind kind, const struct crypto_hash *ids, size_t count);
void disk_release_heights(void *ctx, uint64_t height);
void disk_sync(void *ctx, uint64_t token, struct bytes slot);
void disk_open(struct host *h);
void disk_restore(struct host *h, struct engine *e);
void disk_crash(struct host *h, bool power);
void disk_forget(struct host *h); /* amnesia */
void disk_free(struct host *h);
/* A synced record of the payload log, or NULL. */
const struct record *disk_durable(const struct host *h, enum payload_kind kind,
                                  const struct crypto_hash *id);

/* lab_liar.c */
/* What a Byzantine validator makes of a frame that its engine sends to one peer. */
bool liar_send(struct host *h, int to, uint8_t type, struct bytes body);
void liar_hears(struct host *h, uint8_t type, struct blob *body);
void liar_acts(struct lab *l, struct event *ev); /* by itself; again later */

/* lab_client.c */
void client_begin(struct lab *l);
void client_answer(struct host *h, uint64_t ticket, const struct rpc_submit_result *result);
bool client_idle(const struct lab *l);
void client_end(struct lab *l);

/* lab_oracle.c */
struct oracle *oracle_new(void);
void oracle_free(struct oracle *o);
void oracle_sent(struct host *h, uint8_t type,
                 struct bytes body); /* an honest host's frame leaves */
void oracle_heard_of(struct lab *l, uint8_t type, struct bytes body); /* a liar's */
void oracle_slot(struct host *h, struct bytes content);               /* is durable */
void oracle_committed(struct host *h, struct bytes block, struct bytes certificate,
                      const struct ledger_tip *tip, const struct engine_outcome *outcomes,
                      size_t n);
void oracle_acknowledged(struct host *h, const struct rpc_submit_result *result);
void oracle_log(
    struct lab *l,
    const char *line); /* what a node says of itself: evidence must not name the honest */
uint64_t oracle_height(const struct lab *l);
void oracle_end(struct lab *l);

/* lab_sign.c: the run that stand-ins speak to */
extern struct lab *lab_current;

#endif
