/*
 * state: what a node knows of the height that it works on. Private to consensus/.
 * step.c takes events, rules.c holds R1 to R9, tally.c the vote table and the certificates that it
 * yields, body.c the blocks that are spoken of, slot.c what survives a restart, start.c the begin
 * of a height. All tables are fixed; their bounds are those of docs/consensus.md, "Bounds".
 */
#ifndef ANJU_CONSENSUS_STATE_H
#define ANJU_CONSENSUS_STATE_H

#include "consensus/consensus.h"

enum {
    ROUNDS_PAST = 4,  /* rounds below ours whose votes are held */
    ROUNDS_AHEAD = 2, /* and above; beyond, one vote a signer */
    ROUNDS_HELD = ROUNDS_PAST + 1 + ROUNDS_AHEAD,
    VOTES_HELD = 2, /* distinct votes of one signer for one (h, r, type) */
    POLKAS_HELD = 16,
    BODIES_HELD = 32,
    NEXT_HELD = 4, /* messages of one signer for the next height */
    TYPES = LEDGER_PRECOMMIT + 1,
    TIMERS = CONSENSUS_TIMER_PRECOMMIT + 1,
};

/* What one signer said at one (h, r, type): the first two distinct votes. */
struct held {
    uint8_t count;
    struct ledger_vote vote[VOTES_HELD];
};

struct round_votes {
    bool used;
    uint32_t round;
    struct held by[TYPES][LEDGER_SET_MAX];
    uint64_t proposal_ms[VOTES_HELD]; /* when the proposer's messages came in */
};

/* A block that somebody spoke of. */
struct body {
    bool used;
    bool asked;     /* NEED_BODY went out */
    bool ready;     /* complete, appended and judged: `is` holds */
    bool executing; /* EXECUTE went out */
    bool executed;  /* `result` holds */
    uint64_t age;   /* order of arrival, for eviction */
    struct crypto_hash vid;
    struct consensus_body is;
    struct crypto_hash result;
};

/* A message for the next height, with its time of arrival. */
struct early {
    struct ledger_vote vote;
    uint64_t now_ms;
};

struct timer {
    bool wanted; /* armed as far as the rules are concerned */
    bool used;   /* was wanted once in this round */
    bool expired;
    bool running; /* an ARM went out for this (height, round) and no CANCEL since */
    uint64_t running_height;
    uint32_t running_round;
};

struct consensus {
    /* For as long as the node runs. */
    struct crypto_hash self;
    struct consensus_timeouts timeouts;
    bool halted; /* takes nothing more */
    bool muted;  /* signs nothing more, follows */
    bool slot_changed;
    uint32_t flagged;          /* bit i: Tpropose expired on validator i */
    uint64_t certified_height; /* the highest of which a commit certificate was seen */
    uint64_t next_height;      /* of `early` */
    uint8_t early_count[LEDGER_SET_MAX];
    struct early early[LEDGER_SET_MAX][NEXT_HELD];
    struct ledger_set set;
    struct timer timer[TIMERS];

    /* For one height: cleared by START, from here on. */
    uint64_t height; /* 0 before the first START */
    int index;       /* ours in the set, -1 if we are not in it */
    uint64_t previous_time_ms;
    bool may_sign;
    bool caught_up;
    bool decided;
    bool need;         /* something ends WAIT */
    bool empty_ok;     /* an empty block is in order at round 0 */
    uint32_t evidence; /* bit i: evidence against validator i was given */
    uint32_t differs;  /* bit i: validator i precommitted a block with another result than ours */

    uint32_t round;
    enum consensus_step_name step; /* WAIT to PRECOMMIT */
    bool has_mine[TYPES];
    struct ledger_vote
        mine[TYPES];    /* signed at (height, round); without signature until handed back */
    bool value_asked;   /* this round */
    int32_t polka_said; /* R8: the valid round whose polka was sent in this round, or -1 */
    bool resend_seen;   /* a RESEND came since `resend_step` was noted */
    uint32_t resend_round;
    enum consensus_step_name resend_step;

    int32_t locked_round; /* -1 none */
    struct crypto_hash locked_vid, locked_result;
    struct ledger_polka locked_polka;
    int32_t valid_round; /* -1 none */
    struct crypto_hash valid_vid;
    struct ledger_polka valid_polka;
    bool has_ticket;
    bool ticket_unsent;
    struct ledger_ticket ticket; /* of `round` */
    bool has_commit;
    struct ledger_certificate commit;

    struct round_votes rounds[ROUNDS_HELD]; /* round r is at r % ROUNDS_HELD */
    bool has_highest[LEDGER_SET_MAX];
    struct ledger_vote
        highest[LEDGER_SET_MAX]; /* each signer's vote of the highest round above ours */
    unsigned polka_count;
    struct ledger_polka polkas[POLKAS_HELD]; /* one a round */
    uint64_t body_age;
    struct body bodies[BODIES_HELD];
};

/* step.c */

/* A new action, zeroed, of this (h, r), to all. */
struct consensus_action *emit(struct consensus_actions *out, const struct consensus *c,
                              enum consensus_action_kind kind);
/* Emits FATAL and takes no more events: what the others certified contradicts what we know. */
void halt(struct consensus *c, struct consensus_actions *out, const char *text);
/* Emits FATAL and signs no more, but follows: only the key is in doubt. */
void mute(struct consensus *c, struct consensus_actions *out, const char *text);
/* May we sign at this height? */
bool can_sign(const struct consensus *c);
/* Takes note of a vote: table, evidence, the certificates that it completes. `now_ms` counts for
 * proposals. The height is ours; ranges and membership are checked here. */
void take_vote(struct consensus *c, struct consensus_actions *out, const struct ledger_vote *vote,
               uint64_t now_ms);
/* Enters a round with its ticket. */
void enter_round(struct consensus *c, struct consensus_actions *out,
                 const struct ledger_ticket *ticket);
void timers_clear(struct consensus *c);
void timer_want(struct consensus *c, enum consensus_timer timer);
/* Says again what this (h, r, step) rests on. */
void resend(struct consensus *c, struct consensus_actions *out);

/* start.c */

/* START: a new height, with what the slot kept of it and what came early for it. */
void start_height(struct consensus *c, struct consensus_actions *out,
                  const struct consensus_start *start, uint64_t now_ms);
/* A vote of the next height. */
void take_early(struct consensus *c, const struct ledger_vote *vote, uint64_t now_ms);

/* rules.c */

/* Applies R1 to R9 until none has anything more to do. */
void rules_run(struct consensus *c, struct consensus_actions *out);

/* tally.c */

/* The table of a round, or NULL where it is not held. */
const struct round_votes *votes_of(const struct consensus *c, uint32_t round);
struct round_votes *votes_for(struct consensus *c, uint32_t round);
bool vote_in_range(const struct ledger_vote *v);
/* Evidence in what is held against this vote of validator `index`, just taken. */
void find_evidence(struct consensus *c, struct consensus_actions *out,
                   const struct ledger_vote *vote, unsigned index);
/* Keeps a polka or commit where the votes equal to this one are a quorum. */
void find_certificate(struct consensus *c, struct consensus_actions *out,
                      const struct ledger_vote *vote);
unsigned count_any(const struct consensus *c, uint32_t round, enum ledger_vote_type type);
unsigned count_nil_prevotes(const struct consensus *c, uint32_t round);
/* Signers with a vote of any kind at this height. */
unsigned count_signers(const struct consensus *c);
void keep_polka(struct consensus *c, const struct ledger_polka *polka);
void keep_commit(struct consensus *c, struct consensus_actions *out,
                 const struct ledger_certificate *commit);
/* Exactly q ascending members of the set, for a value. */
bool polka_in_range(const struct consensus *c, const struct ledger_polka *p);
bool commit_in_range(const struct consensus *c, const struct ledger_certificate *p);
/* The least part of `in` that justifies its round under our set. False: nothing does. */
bool ticket_trim(struct ledger_ticket *out, const struct consensus *c,
                 const struct ledger_ticket *in);
/* The tickets that the table yields. False: not there. */
bool ticket_of_later(struct ledger_ticket *out, const struct consensus *c);
bool ticket_of_precommits(struct ledger_ticket *out, const struct consensus *c);
bool ticket_of_nil_prevotes(struct ledger_ticket *out, const struct consensus *c);
/* Notes who precommitted `vid` with another result than `result`, ours. */
void compare_results(struct consensus *c, struct consensus_actions *out, const struct body *b);
void compare_result(struct consensus *c, struct consensus_actions *out,
                    const struct ledger_vote *vote, unsigned index);

/* body.c */

struct body *body_find(const struct consensus *c, const struct crypto_hash *vid); /* or NULL */
struct body *body_add(struct consensus *c, const struct crypto_hash *vid);        /* found or new */
/* Found or new, and asked for once. */
struct body *body_want(struct consensus *c, struct consensus_actions *out,
                       const struct crypto_hash *vid);
/* Executes once; only a body that is ready and valid. */
void body_execute(struct consensus *c, struct consensus_actions *out, struct body *b);
/* What the rules wait for: bodies of proposals, polka and commit of the round. */
void bodies_want(struct consensus *c, struct consensus_actions *out);
/* What is still wanted goes out once more with the next bodies_want. */
void bodies_ask_again(struct consensus *c);

/* slot.c */

/* True where the slot can be ours: signer, certificates of this set, a possible state. */
bool slot_fits(const struct consensus *c, const struct consensus_slot *slot);

#endif
