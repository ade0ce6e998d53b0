/*
 * consensus_script: drives one consensus core by hand. `feed` gives it one event; what it signs is
 * handed back at once, as a node does, and all actions of that are in `got`. Height 8 of four
 * validators, so that validator r proposes at round r; the core under test is number 3 unless said.
 */
#ifndef ANJU_TESTS_CONSENSUS_SCRIPT_H
#define ANJU_TESTS_CONSENSUS_SCRIPT_H

#include "consensus/consensus.h"

enum { HEIGHT = 8 };

struct script {
    struct consensus *c;
    struct ledger_set set;
    unsigned self;
    uint64_t now_ms;
    struct writer slot;
};

extern struct script s;
extern const struct crypto_hash A, B, NIL;

/* Actions of the last event. */
size_t got_count(enum consensus_action_kind kind);
const struct consensus_action *got(enum consensus_action_kind kind); /* the first, or NULL */
size_t got_index(enum consensus_action_kind kind);                   /* its place among all */
const struct ledger_vote *signed_vote(enum ledger_vote_type type); /* of the last event, or NULL */
bool armed(enum consensus_timer timer, uint32_t *ms);

void script_init(unsigned n, unsigned self); /* no START yet */
void script_start(uint64_t height);          /* START, may sign, caught up */
void script_start_as(uint64_t height, bool may_sign, bool caught_up);
void script_begin(unsigned n,
                  unsigned self); /* init, START of HEIGHT, a batch is held: step is PROPOSE */
/* A crash: a new core, START with what was encoded, as after all writes were done. */
void script_restart(void);
void script_free(void);

struct crypto_hash result_of(const struct crypto_hash *vid);
struct ledger_vote make_vote(enum ledger_vote_type type, unsigned signer, uint32_t round,
                             const struct crypto_hash *vid, int32_t valid_round);
struct ledger_polka make_polka(uint32_t round, const struct crypto_hash *vid, int32_t valid_round);
struct ledger_certificate make_commit(uint64_t height, uint32_t round,
                                      const struct crypto_hash *vid,
                                      const struct crypto_hash *result);

void feed(const struct consensus_event *e);
void feed_vote(const struct ledger_vote *v);
void propose(uint32_t round, const struct crypto_hash *vid,
             int32_t valid_round); /* by that round's proposer */
void prevote_by(unsigned signer, uint32_t round, const struct crypto_hash *vid,
                int32_t valid_round);
void precommit_by(unsigned signer, uint32_t round, const struct crypto_hash *vid);
void feed_polka(const struct ledger_polka *p);
void feed_commit(const struct ledger_certificate *c);
void feed_ticket(const struct ledger_ticket *t);
/* A good body: valid, not empty, of the proposer of `round`, made now. */
struct consensus_body good_body(const struct crypto_hash *vid, uint32_t round);
void body(const struct crypto_hash *vid, uint32_t round);
void feed_body(const struct consensus_body *b);
void executed(const struct crypto_hash *vid);
void executed_as(const struct crypto_hash *vid, const struct crypto_hash *result);
void value(uint32_t round, const struct crypto_hash *vid);
void expire(enum consensus_timer timer, uint32_t round);
void need(enum consensus_need reason);
void resend_tick(void);
struct consensus_status status(void);

/* Scenes that many tests begin with. */
void ck_vid(const struct ledger_vote *v, const struct crypto_hash *vid);
/* Enters `round` by the votes of validators 0 and 1 there (R2), without a word about any block. */
void jump(uint32_t round);
/* Locks validator 3 on A at round 0: its own vote, two others', the execution. */
void lock_a(void);

#endif
