/*
 * engine_state: what engine.c, outbox.c, pool.c, batches.c, bodies.c and sync.c share. Private to
 * the engine.
 */
#ifndef ANJU_NODE_ENGINE_STATE_H
#define ANJU_NODE_ENGINE_STATE_H

#include "node/engine.h"
#include "node/idmap.h"

enum {
    NO_AUTHOR = LEDGER_SET_MAX, /* batches that came with a certified block */
    AUTHOR_BATCHES_MAX = 256,   /* docs/consensus.md, "Bounds" */
    ANNOUNCED_MAX = 1024,       /* batches that one peer announced and nobody sent yet */
    OWN_BATCHES_OPEN = 2,       /* a batch closes at once while fewer own ones are uncommitted */
    BODIES_MAX = 64,
    BODIES_UNASKED_MAX = 4, /* of rounds to come */
    ROUNDS_TAKEN_AHEAD = 2,
    EARLY_PER_SIGNER = 4,
    EARLY_MAX = EARLY_PER_SIGNER * LEDGER_SET_MAX,
    TIMERS = CONSENSUS_TIMER_PRECOMMIT + 1, /* one of each kind */
    OUTBOX_MAX = 4096,
    SYNC_WINDOW = 32,
    SYNC_PEERS = 3,
    RESEND_MS = 500,
    STATUS_MS = 2000,
    WANT_MS = 200,      /* after an announcement, and between two askings */
    WANT_NAMED_MS = 60, /* after a proposal named a batch that we lack */
    LAGGARD_MS = 500,   /* one answer to a laggard in this time */
    HAVE_MS = 5,
    HANDOVER_MS = 5000,
    SYNC_TIMEOUT_MS = 5000,
    SYNC_SHUN_MS = 30000,
    SYNC_SLOW_MS = 1000, /* a next block that was asked for so long ago is asked of another, too */
    DONE_MAX = 4096, /* batches committed lately that must not come back */
    HEARTBEAT_SLACK_MS = 1000,
};
#define AUTHOR_BYTES_MAX (UINT64_C(128) << 20)
#define SYNC_BYTES_MAX (UINT64_C(32) << 20)

enum batch_state { BATCH_WANTED, BATCH_CHECKING, BATCH_HELD, BATCH_BAD };

/* One envelope's place in one batch, on the list of all places of that envelope. */
struct place {
    struct batch *batch;
    struct place *next;
    bool dead; /* the envelope is committed, skipped or expired */
};

struct batch {
    struct crypto_hash id;
    enum batch_state state;
    int author;            /* set index, or NO_AUTHOR */
    int from;              /* peer that sent the bytes; -1 ourselves or the log */
    int announced_by;      /* WANTED: the peer whose bound it counts against; -1 none */
    struct crypto_sig sig; /* the author's; zeros where unknown */
    bool own, logged, certified;
    uint64_t hand_at; /* own, of a node that is no validator: when it is handed (again) to one */
    struct blob *raw;
    struct batch_info *info;
    struct place *places; /* info->n_envelopes */
    uint32_t live;
    uint32_t size;    /* as announced, then as held */
    uint32_t pins;    /* bodies that name it */
    uint64_t holders; /* bit i: peer i says that it has it */
    uint64_t want_at; /* monotonic */
    uint64_t asked;         /* bit i: of peer i, since all were last asked */
    uint8_t want_turns;     /* how often all were asked */
    uint32_t want_tries;
    uint64_t made_ms;             /* monotonic */
    struct batch *before, *after; /* the author's list, oldest first */
};

struct batch_list {
    struct batch *first, *last;
    uint32_t count;
    uint64_t bytes;
};

enum envelope_state { ENVELOPE_CHECKING, ENVELOPE_WAITING, ENVELOPE_BATCHED };

/* An envelope that came in through this node. */
struct pooled {
    struct submission *s;
    enum envelope_state state;
    uint32_t n_waiters;
    uint64_t *waiters;             /* tickets */
    struct pooled *before, *after; /* in order of arrival */
};

enum body_state { BODY_UNKNOWN, BODY_GATHERING, BODY_JUDGING, BODY_READY };

struct body {
    struct crypto_hash vid;
    enum body_state state;
    bool needed;    /* the core asked */
    bool certified; /* a commit certificate names it */
    bool executing, executed;
    struct crypto_hash result; /* where executed */
    struct ledger_header header;
    struct blob *compact; /* encoded */
    struct batch **batches;
    uint32_t missing;
    struct image *image;
    uint64_t want_at;
    uint32_t want_tries;
    int from; /* the peer that named it first, or -1 */
    struct body *next;
};

struct engine_peer {
    bool up;
    struct crypto_hash id;
    int set_index;   /* -1: not in the set */
    uint64_t height; /* claimed to work at */
    uint32_t round;
    uint8_t step, flags;
    int64_t clock_ms; /* its clock less ours when its last STATUS came in */
    uint64_t answered_ms;     /* as a laggard */
    uint64_t status_asked_ms; /* we told it where we are because it is ahead */
    uint64_t sync_from;       /* 0: no request open */
    uint32_t sync_left;
    uint64_t sync_deadline;
    uint64_t sync_shunned_until; /* it left a request unanswered */
    uint32_t reads;              /* blocks being read for it */
    uint32_t announced;          /* by it, and not sent by anybody yet */
    bool author_of_bad; /* it signed a batch that is bad: the next frame ends the connection */
};

/* A frame of height h + 1, kept until we are there. */
struct early {
    int signer;
    int peer;
    uint8_t type;
    struct blob *body;
};

struct armed {
    bool on;
    uint64_t height;
    uint32_t round;
    uint64_t at;
};

enum outbox_kind { OUTBOX_SEND, OUTBOX_DECIDE };
struct outbox_item {
    enum outbox_kind kind;
    uint64_t after; /* token that must be durable; see outbox.c */
    int to;         /* set index, -1 all */
    enum frame_type type;
    struct blob *body;
    struct ledger_certificate commit;
};

enum queued_kind { QUEUED_VOTE, QUEUED_BODY, QUEUED_EXECUTED, QUEUED_VALUE, QUEUED_NEED };
struct queued {
    enum queued_kind kind;
    struct ledger_vote vote;
    struct crypto_hash vid, result;
    enum consensus_need need;
    uint64_t height;
    uint32_t round;
};

/* A block of a later height with its certificate, verified, waiting for its turn. */
struct ahead {
    uint64_t height; /* 0: free */
    struct blob *certificate;
    struct blob *compact;
};

struct engine {
    struct engine_config config;
    struct engine_world w;
    const struct ledger_registry *registry;
    const struct ledger_set *set; /* V_h, the same at all heights until governance comes */
    int self_index;
    bool started;

    struct consensus *core;
    struct consensus_actions *actions;
    struct queued *queue; /* events for the core that came up inside a step; a ring */
    size_t queue_first, queue_count, queue_room;
    struct armed timers[TIMERS]; /* by kind */
    bool halted;
    const char *halt_reason;
    const char *alarm;
    uint64_t alarm_height;

    /* doubt.c */
    bool in_doubt;
    uint64_t sound_from; /* no signing below: the guard is of this height, the ledger is older */
    uint64_t sign_from;
    uint64_t heard[LEDGER_SET_MAX], vouched[LEDGER_SET_MAX]; /* heights said; 0: nothing yet */

    uint64_t height; /* h */
    struct ledger_tip tip;
    struct blob *certificate; /* of h - 1; empty at h = 1 */
    uint64_t next_due_ms;
    uint64_t committed_mono_ms;
    bool deciding;                    /* DECIDE passed the outbox; the commit runs */
    struct ledger_vote own_precommit; /* the last one; type PRECOMMIT where there is one */
    uint64_t work_since_ms;    /* monotonic: since when live batches wait; UINT64_MAX: none do */
    uint64_t certified_height; /* highest with a verified certificate */
    bool need_sent[CONSENSUS_NEED_EMPTY_OK + 1];
    struct {
        bool wanted;
        uint64_t height;
        uint32_t round;
        bool has;
        struct crypto_hash vid;
        bool empty;
    } value;

    /* outbox.c */
    struct outbox_item *outbox;
    size_t outbox_first, outbox_count, outbox_room;
    uint64_t token_issued, token_durable;
    struct writer slot;             /* pending content; size 0: unchanged */
    struct payload_record *pending; /* to be appended; data in pending_blobs */
    struct blob **pending_blobs;
    size_t pending_count, pending_room;
    bool log_full;
    uint64_t log_retry_at;

    /* batches.c, pool.c */
    struct idmap batches;                  /* id -> struct batch */
    struct idmap done;                     /* ids of batches committed lately */
    struct crypto_hash done_ids[DONE_MAX]; /* the same, a ring */
    unsigned done_next;
    struct idmap places;   /* envelope id -> struct place, chained */
    struct idmap pool;     /* envelope id -> struct pooled */
    struct idmap subjects; /* what pending envelopes name -> how many do */
    struct batch_list lists[LEDGER_SET_MAX + 1];
    struct pooled *pool_first, *pool_last;
    uint32_t pool_waiting; /* in state WAITING */
    uint64_t pool_waiting_bytes;
    uint32_t pool_count;
    uint64_t pool_bytes;
    uint32_t live_batches;
    unsigned next_author;
    uint32_t handover_next;
    char refuse_hint[160];
    struct frame_have have[FRAME_HAVE_MAX];
    uint16_t have_count;
    uint64_t have_at, have_last;
    uint64_t sweep_at;

    /* bodies.c */
    struct body *bodies; /* of height h, newest first */
    uint32_t body_count;
    struct blob **polkas; /* kept at this height */
    size_t polka_count, polka_room;
    struct blob **old_bodies; /* restored ones whose height has not begun */
    size_t old_body_count;

    /* sync.c */
    struct engine_peer peers[ENGINE_PEERS_MAX];
    struct early early[EARLY_MAX];
    size_t early_count;
    struct ahead ahead[SYNC_WINDOW];
    uint64_t ahead_bytes_max; /* the largest block among them so far */
    uint64_t resend_at, status_at;
    bool status_owed; /* what we said of ourselves no longer holds */
    uint64_t sync_hedged_ms;            /* when that was done last */
    int sync_turn;                      /* where the search for somebody to ask begins */
    struct crypto_hash seen_votes[256]; /* verified lately; by their digest and signature */
    unsigned seen_next;

    struct engine_status counters;
};

/* engine.c */
void engine_queue(struct engine *e, const struct queued *q);
void engine_feed(struct engine *e,
                 const struct consensus_event *event); /* step, carry out, drain the queue */
void engine_settle(struct engine *e);                  /* at the end of every call from outside */
void engine_update_need(struct engine *e);
void engine_vote_in(struct engine *e, int peer, const struct ledger_vote *vote);

void engine_begin_again(struct engine *e); /* the height, with another answer to "may it sign" */

/* doubt.c */
bool doubt_may_sign(const struct engine *e); /* at height h */
void doubt_on_status(struct engine *e, int peer, const struct frame_status *s);
void doubt_begin(struct engine *e); /* height h begins */
unsigned doubt_vouched(const struct engine *e);

/* outbox.c */
void outbox_send(struct engine *e, int to, enum frame_type type, struct bytes body);
void outbox_decide(struct engine *e, const struct ledger_certificate *commit);
void outbox_keep(struct engine *e, const struct payload_record *record, struct blob *blob);
void outbox_flush(struct engine *e);
void outbox_release(struct engine *e);
void outbox_free(struct engine *e);

/* batches.c */
struct batch *batches_find(struct engine *e, const struct crypto_hash *id); /* or NULL */
/* Pins it; made WANTED where new. */
struct batch *batches_named(struct engine *e, const struct crypto_hash *id, uint64_t want_in_ms);
void batches_unpin(struct engine *e, struct batch *b);
struct batch *batches_new(struct engine *e, const struct crypto_hash *id, int author,
                          uint32_t size);
void batches_hold(struct engine *e, struct batch *b, struct batch_info *info); /* takes over info */
void batches_log(struct engine *e, struct batch *b); /* into the payload log, once */
void batches_send(struct engine *e, int peer, const struct batch *b);          /* -1: to all */
void batches_put_certified(struct engine *e, struct bytes raw, int peer);
bool batches_on_batch_frame(struct engine *e, int peer, struct bytes body);
bool batches_on_have_frame(struct engine *e, int peer, struct bytes body);
void batches_answer_want(struct engine *e, int peer, const struct frame_want *want);
void batches_restore(struct engine *e, const struct payload_record *record);
bool batches_have_live(const struct engine *e);
/* Held ones for a block within the limits, authors by turns, each author's in its order. */
uint16_t batches_choose(struct engine *e, struct batch **out, uint16_t max);
void batches_envelope_settled(struct engine *e, const struct crypto_hash *envelope);
void batches_committed(struct engine *e, const struct frame_compact *compact);
void batches_peer_up(struct engine *e, int peer);
void batches_peer_down(struct engine *e, int peer);
void batches_sweep(struct engine *e, uint64_t now);
void batches_tick(struct engine *e, uint64_t now);
uint64_t batches_deadline(const struct engine *e);
void batches_free(struct engine *e);

/* pool.c */
void pool_close_batches(struct engine *e);
bool pool_on_handover_frame(struct engine *e, int peer, struct bytes body);
void pool_committed(struct engine *e, const struct engine_committed *c);
void pool_tick(struct engine *e, uint64_t now);
uint64_t pool_deadline(const struct engine *e);
void pool_free(struct engine *e);

/* bodies.c */
struct body *bodies_find(const struct engine *e, const struct crypto_hash *vid);
struct body *bodies_get(struct engine *e,
                        const struct crypto_hash *vid); /* made UNKNOWN where new */
/* Whether ids and certificate are those that the header names. */
bool bodies_are_sound(const struct engine *e, const struct frame_compact *c);
/* Takes in what a body is made of. False: it is not what it says. */
bool bodies_learn(struct engine *e, const struct frame_compact *compact, int peer, bool certified);
void bodies_need(struct engine *e, const struct crypto_hash *vid);
void bodies_batch_settled(struct engine *e, const struct batch *b);
void bodies_execute(struct engine *e, const struct crypto_hash *vid);
void bodies_make_value(struct engine *e, uint64_t height, uint32_t round);
void bodies_keep_polka(struct engine *e, const struct ledger_polka *polka);
void bodies_restore(struct engine *e, const struct payload_record *record);
void bodies_begin(struct engine *e); /* height h begins */
void bodies_clear(struct engine *e); /* height h is committed */
void bodies_tick(struct engine *e, uint64_t now);
uint64_t bodies_deadline(const struct engine *e);

/* sync.c */
void sync_send(struct engine *e, int peer, enum frame_type type, struct bytes body);
void sync_broadcast(struct engine *e, enum frame_type type, struct bytes body);
void sync_status_to(struct engine *e, int peer); /* -1: all */
void sync_answer_laggard(struct engine *e, int peer, uint64_t height);
bool sync_on_status_frame(struct engine *e, int peer, struct bytes body);
bool sync_on_want_frame(struct engine *e, int peer, struct bytes body);
bool sync_on_block_frame(struct engine *e, int peer, struct bytes body);
bool sync_on_block_batch_frame(struct engine *e, int peer, struct bytes body);
bool sync_on_certificate_frame(struct engine *e, int peer, struct bytes body);
bool sync_on_proposal_frame(struct engine *e, int peer, struct bytes body);
bool sync_on_vote_frame(struct engine *e, int peer, struct bytes body);
void sync_begin(struct engine *e); /* height h begins: what came early, what lies ahead */
void sync_tick(struct engine *e, uint64_t now);
uint64_t sync_deadline(const struct engine *e);
void sync_free(struct engine *e);
int sync_peer_of(const struct engine *e, int set_index); /* or -1 */

static inline uint64_t engine_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

#endif
