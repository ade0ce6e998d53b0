/*
 * consensus: how the validators agree on one block a height; docs/consensus.md, rules R1 to R9.
 * Accountable Tendermint over compact proposals, certificate-driven. A pure state machine: events
 * in, actions out, the same events always give the same actions. It knows no clock, disk, network
 * or signer; bytes were decoded and signatures verified before an event comes here, ranges and
 * membership are checked again here. Nothing is allocated: struct consensus is a constant size (0.3
 * MiB), and every table in it has a bound. One thread.
 *
 * The caller carries actions out in order. What leaves the node (votes, proposals, certificates,
 * DECIDE) leaves only when everything that was emitted before it is durable: the slot
 * (consensus_slot_encode, whenever slot_changed is set), kept polkas, and the bodies that a vote
 * names.
 * SIGN_SEND: sign the vote, hand it back at once as a VOTE event (it counts here before it leaves,
 * and the slot takes its signature from there), and put it into that outbox. RFC 6979 makes signing
 * again give the same bytes.
 * NEED_BODY and EXECUTE may come again for the same vid: start what is not under way, and answer
 * each at once where the answer is known. A dropped execution is asked for again while it matters.
 * Timers: there is one of each kind; ARM replaces it, a stale expiry is ignored here.
 */
#ifndef ANJU_CONSENSUS_CONSENSUS_H
#define ANJU_CONSENSUS_CONSENSUS_H

#include "ledger/agreement.h"

enum consensus_step_name {
    CONSENSUS_WAIT,
    CONSENSUS_PROPOSE,
    CONSENSUS_PREVOTE,
    CONSENSUS_PRECOMMIT,
    CONSENSUS_DECIDED,
    CONSENSUS_HALTED
};
enum consensus_timer {
    CONSENSUS_TIMER_PROPOSE,
    CONSENSUS_TIMER_PREVOTE,
    CONSENSUS_TIMER_PRECOMMIT
};

/* Why a node may leave WAIT (docs/consensus.md, "WAIT"). */
enum consensus_need {
    CONSENSUS_NEED_BATCH,     /* a batch with a live envelope is held */
    CONSENSUS_NEED_DUE,       /* a timer of the ledger is due: empty blocks are in order */
    CONSENSUS_NEED_HEARTBEAT, /* the heartbeat passed: empty blocks are in order */
    CONSENSUS_NEED_EMPTY_OK,  /* the heartbeat is near, others' may have passed: accept empty ones,
                               * stay in WAIT */
};

struct consensus_timeouts { /* milliseconds; see struct ledger_genesis */
    uint32_t propose, propose_step, vote, vote_step, cap, flagged_propose, precision, message_delay;
};

enum consensus_event_kind {
    CONSENSUS_EVENT_START,    /* height h begins: h - 1 is committed and synced */
    CONSENSUS_EVENT_VOTE,     /* proposal, prevote or precommit, verified; our own ones too */
    CONSENSUS_EVENT_POLKA,    /* verified certificates */
    CONSENSUS_EVENT_COMMIT,   /* one above our height says that we are behind: nothing is signed up
                               * to it */
    CONSENSUS_EVENT_TICKET,
    CONSENSUS_EVENT_BODY,     /* the body of vid is complete, appended to the payload log, judged */
    CONSENSUS_EVENT_EXECUTED, /* the result of executing vid */
    CONSENSUS_EVENT_VALUE,    /* answer to GET_VALUE: our own value; its BODY event came before */
    CONSENSUS_EVENT_TIMER,
    CONSENSUS_EVENT_NEED,     /* START forgets needs: say again after it what still holds */
    CONSENSUS_EVENT_RESEND,   /* every 500 ms with jitter: say again what (h, r, step) rests on */
};

struct consensus_start {
    uint64_t height;
    const struct ledger_set *set;      /* V_h; copied */
    uint64_t previous_time_ms;         /* header time of h - 1 */
    const struct consensus_slot *slot; /* after a restart, where it is of this height; else NULL */
    bool may_sign;  /* false: follow, never vote (not in the set, guard lost, catching up) */
    bool caught_up; /* false: a certificate for a height >= h was seen: do not sign at h */
};

struct consensus_body {
    struct crypto_hash vid;
    bool valid;                  /* valid(v) of docs/consensus.md */
    bool empty;                  /* no records */
    struct crypto_hash proposer; /* the header's */
    uint64_t time_ms;            /* the header's */
};

struct consensus_event {
    enum consensus_event_kind kind;
    uint64_t now_ms; /* wall clock when the event came in */
    int from; /* set index of the peer that sent it; -1 self or unknown. Never trusted, only to
                 answer */
    union {
        struct consensus_start start;
        const struct ledger_vote *vote;
        const struct ledger_polka *polka;
        const struct ledger_certificate *commit;
        const struct ledger_ticket *ticket;
        struct consensus_body body;
        struct {
            struct crypto_hash vid, result;
        } executed;
        struct {
            uint64_t height;
            uint32_t round;
            struct crypto_hash vid;
        } value;
        struct {
            enum consensus_timer timer;
            uint64_t height;
            uint32_t round;
        } timer;
        enum consensus_need need;
    };
};

enum consensus_action_kind {
    CONSENSUS_SIGN_SEND, /* vote: sign, hand back, send to all. A proposal goes with header, ids and
                          * certificate of h - 1 (unless too large) and consensus_polka(valid_round)
                          * where held */
    CONSENSUS_SEND_VOTE, /* vote, signed already (ours): send again to all */
    CONSENSUS_SEND_POLKA, /* to `to` (set index) or all (-1) */
    CONSENSUS_SEND_COMMIT,
    CONSENSUS_SEND_TICKET,
    CONSENSUS_KEEP_POLKA, /* used in R5 or R6: durable with its height before what follows leaves */
    CONSENSUS_GET_VALUE,  /* height, round: make a value (BODY, then VALUE), possibly empty; never
                             waits */
    CONSENSUS_NEED_BODY,  /* vid: fetch it; BODY when it is there */
    CONSENSUS_EXECUTE,    /* vid: EXECUTED when done; droppable */
    CONSENSUS_ARM,        /* timer, height, round, ms */
    CONSENSUS_CANCEL,
    CONSENSUS_DECIDE,   /* commit: the block is final; commit it, then START(h + 1) */
    CONSENSUS_EVIDENCE, /* vote and other: two signatures that should not both exist */
    CONSENSUS_ALARM, /* validators precommitted our block with another result: the first one, then
                      * s of them; text says which */
    CONSENSUS_FATAL, /* text: this node must not sign any more; it goes on serving, and
                      * following where only its key is in doubt */
};

struct consensus_action {
    enum consensus_action_kind kind;
    uint64_t height;
    uint32_t round;
    uint32_t ms;
    enum consensus_timer timer;
    int to;
    struct crypto_hash vid;
    const char *text;
    union { /* copies: valid until the actions are cleared */
        struct {
            struct ledger_vote vote, other;
        };
        struct ledger_polka polka;
        struct ledger_certificate commit;
        struct ledger_ticket ticket;
    };
};

/* What one event can give stays well below this (docs/consensus.md, "Bounds"). About 740 KiB: keep
 * one. */
enum { CONSENSUS_ACTIONS_MAX = 128 };
struct consensus_actions {
    size_t count;
    struct consensus_action items[CONSENSUS_ACTIONS_MAX];
};

struct consensus; /* consensus/state.h; only its size matters to others */
size_t consensus_size(void);
void consensus_init(struct consensus *c, const struct crypto_hash *self,
                    const struct consensus_timeouts *timeouts);

/* Takes one event; appends to `out`, which the caller cleared. Cannot fail. */
void consensus_step(struct consensus *c, struct consensus_actions *out,
                    const struct consensus_event *event);

/* What must survive a restart: (h, r, step), the signed messages of (h, r), lock and valid value
 * with their polkas, ticket(h, r). At most CONSENSUS_SLOT_SIZE_MAX bytes. */
enum { CONSENSUS_SLOT_SIZE_MAX = 7600 };
struct consensus_slot {
    uint64_t height;
    uint32_t round;
    enum consensus_step_name step;
    bool has_proposal, has_prevote, has_precommit;
    struct ledger_vote proposal, prevote, precommit;
    int32_t locked_round; /* -1 none */
    struct crypto_hash locked_vid, locked_result;
    int32_t valid_round; /* -1 none */
    struct crypto_hash valid_vid;
    bool has_locked_polka, has_valid_polka, has_ticket;
    struct ledger_polka locked_polka, valid_polka;
    struct ledger_ticket ticket;
};
bool consensus_slot_changed(const struct consensus *c); /* since the last consensus_slot_encode */
void consensus_slot_encode(struct writer *w, struct consensus *c);
ANJU_MUST_CHECK enum anju_err consensus_slot_decode(struct consensus_slot *out, struct bytes in);

/* For status and doctor. */
struct consensus_status {
    uint64_t height;
    uint32_t round;
    enum consensus_step_name step;
    uint32_t votes_seen; /* bit i: a vote of validator i at this (h, r) */
    bool halted;         /* a FATAL came: nothing is signed any more */
};
void consensus_status(struct consensus_status *out, const struct consensus *c);
/* What we hold for a peer that is behind in this height: ticket of our round, or NULL. */
const struct ledger_ticket *consensus_ticket(const struct consensus *c);
/* polka(valid round), or NULL. */
const struct ledger_polka *consensus_valid_polka(const struct consensus *c);
/* The polka of a round of this height: what a proposal with this valid_round goes with; or NULL. */
const struct ledger_polka *consensus_polka(const struct consensus *c, uint32_t round);
/* The commit certificate of this height once known (nothing more is signed at it), or NULL. */
const struct ledger_certificate *consensus_commit(const struct consensus *c);

#endif
