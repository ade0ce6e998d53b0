#include "consensus/state.h"

#include <assert.h>

/* A rule returns true where it changed something, so that all are asked again from the first. */

static bool in_step(const struct consensus *c, enum consensus_step_name step)
{
    return c->step == step;
}

static bool i_propose(const struct consensus *c)
{
    return c->index >= 0 && (unsigned)c->index == ledger_set_proposer(&c->set, c->height, c->round);
}

/* Moves to the step after the vote and, where we may, signs it. A node that may not sign walks
 * through the same steps in silence. */
static void vote_and_move(struct consensus *c, struct consensus_actions *out,
                          const struct ledger_vote *vote)
{
    c->step = vote->type == LEDGER_PREVOTE ? CONSENSUS_PREVOTE : CONSENSUS_PRECOMMIT;
    c->slot_changed = true;
    if (!can_sign(c))
        return;
    assert(!c->has_mine[vote->type]);
    c->has_mine[vote->type] = true;
    c->mine[vote->type] = *vote;
    emit(out, c, CONSENSUS_SIGN_SEND)->vote = *vote;
}

static void prevote(struct consensus *c, struct consensus_actions *out,
                    const struct crypto_hash *vid, int32_t valid_round)
{
    struct ledger_vote vote = {.type = LEDGER_PREVOTE,
                               .height = c->height,
                               .round = c->round,
                               .valid_round = valid_round,
                               .signer = c->self};

    if (vid != NULL)
        vote.vid = *vid;
    c->timer[CONSENSUS_TIMER_PROPOSE].wanted = false;
    vote_and_move(c, out, &vote);
}

static void precommit(struct consensus *c, struct consensus_actions *out,
                      const struct crypto_hash *vid, const struct crypto_hash *result)
{
    struct ledger_vote vote = {.type = LEDGER_PRECOMMIT,
                               .height = c->height,
                               .round = c->round,
                               .valid_round = -1,
                               .signer = c->self};

    if (vid != NULL) {
        vote.vid = *vid;
        vote.result = *result;
    }
    c->timer[CONSENSUS_TIMER_PREVOTE].wanted = false;
    vote_and_move(c, out, &vote);
}

/* R1: with a commit certificate nothing else matters; no proposal is needed. */
static void rule_decide(struct consensus *c, struct consensus_actions *out)
{
    const struct body *b = body_find(c, &c->commit.vid);
    struct consensus_action *a;
    int proposer;

    for (unsigned i = 0; i < TIMERS; i++)
        c->timer[i].wanted = false;
    if (c->decided || b == NULL || !b->ready)
        return;
    if (!b->is.valid) {
        halt(c, out,
             "a block that this node finds invalid was certified: this build judges otherwise than "
             "the quorum; compare versions");
        return;
    }
    if (!b->executed)
        return;
    if (!crypto_hash_equal(&b->result, &c->commit.result)) {
        halt(c, out,
             "the certified result of a block is not the one that this node computed: this build "
             "or its data is wrong; run `anju audit` and compare versions");
        return;
    }
    proposer = ledger_set_find(&c->set, &b->is.proposer);
    if (proposer >= 0)
        c->flagged &= ~(1u << proposer);
    c->decided = true;
    a = emit(out, c, CONSENSUS_DECIDE);
    a->vid = c->commit.vid;
    a->commit = c->commit;
}

/* R2: s distinct signers at or above a round hold an honest one, who got there with a ticket. */
static bool rule_skip(struct consensus *c, struct consensus_actions *out)
{
    struct ledger_ticket ticket;

    if (!ticket_of_later(&ticket, c))
        return false;
    enter_round(c, out, &ticket);
    return true;
}

/* The end of WAIT: there is work, or s signers (so an honest one) found that there is. An empty
 * proposal is no reason, or one liar could make empty blocks without end [M]. */
static bool rule_work(struct consensus *c)
{
    const struct round_votes *rv = votes_of(c, 0);
    const struct held *held;
    bool work = c->need || count_signers(c) >= ledger_set_skip(&c->set);

    if (!in_step(c, CONSENSUS_WAIT))
        return false;
    held = rv == NULL ? NULL : &rv->by[LEDGER_PROPOSAL][ledger_set_proposer(&c->set, c->height, 0)];
    for (unsigned i = 0; held != NULL && i < held->count && !work; i++) {
        const struct body *b = body_find(c, &held->vote[i].vid);

        work = b != NULL && b->ready && b->is.valid && !b->is.empty;
    }
    if (!work)
        return false;
    c->step = CONSENSUS_PROPOSE;
    c->slot_changed = true;
    timer_want(c, CONSENSUS_TIMER_PROPOSE);
    return true;
}

/* R3 */
static bool rule_propose(struct consensus *c, struct consensus_actions *out)
{
    struct ledger_vote *v = &c->mine[LEDGER_PROPOSAL];
    struct consensus_action *a;

    if (!in_step(c, CONSENSUS_PROPOSE) || !i_propose(c) || c->has_mine[LEDGER_PROPOSAL] ||
        !can_sign(c))
        return false;
    if (c->valid_round < 0) {
        if (c->value_asked)
            return false;
        c->value_asked = true;
        emit(out, c, CONSENSUS_GET_VALUE);
        return true;
    }
    *v = (struct ledger_vote){.type = LEDGER_PROPOSAL,
                              .height = c->height,
                              .round = c->round,
                              .valid_round = c->valid_round,
                              .signer = c->self,
                              .vid = c->valid_vid};
    c->has_mine[LEDGER_PROPOSAL] = true;
    c->slot_changed = true;
    a = emit(out, c, CONSENSUS_SIGN_SEND);
    a->vote = *v;
    return true;
}

/* The header's time against ours when its proposal came in; only fresh values are asked. */
static bool is_timely(const struct consensus *c, uint64_t time_ms, uint64_t received_ms)
{
    uint64_t after_previous = c->previous_time_ms + 1;
    uint64_t latest = received_ms + c->timeouts.precision;
    uint64_t slack =
        (uint64_t)c->timeouts.message_delay * (c->round + UINT64_C(1)) + c->timeouts.precision;

    if (time_ms < LEDGER_TIME_MIN || time_ms > LEDGER_TIME_MAX || time_ms < after_previous)
        return false;
    if (latest < after_previous)
        latest =
            after_previous; /* A ledger whose last block was too far ahead goes on, 1 ms a block. */
    return time_ms <= latest && time_ms + slack >= received_ms;
}

static bool is_fresh_good(const struct consensus *c, const struct body *b, uint64_t received_ms)
{
    unsigned proposer = ledger_set_proposer(&c->set, c->height, c->round);

    if (!b->is.valid || c->locked_round >= 0)
        return false; /* [E]: a locked node takes no fresh value, whatever it is. */
    if (b->is.empty && c->round == 0 && !c->empty_ok)
        return false;
    return crypto_hash_equal(&b->is.proposer, &c->set.node[proposer].id) &&
           is_timely(c, b->is.time_ms, received_ms);
}

/* R4 and R5 for one proposal. */
static bool answer(struct consensus *c, struct consensus_actions *out,
                   const struct ledger_vote *proposal, uint64_t received_ms)
{
    struct body *b = body_find(c, &proposal->vid);
    const struct ledger_polka *polka = NULL;
    bool good;

    if (b == NULL || !b->ready)
        return false;
    if (proposal->valid_round < 0) {
        good = is_fresh_good(c, b, received_ms);
    } else {
        polka = consensus_polka(c, (uint32_t)proposal->valid_round);
        if (polka == NULL || !crypto_hash_equal(&polka->vid, &proposal->vid))
            return false;
        good = b->is.valid && c->locked_round <= proposal->valid_round; /* [E] */
    }
    if (good) {
        if (polka != NULL)
            emit(out, c, CONSENSUS_KEEP_POLKA)->polka = *polka;
        body_execute(c, out, b);
    }
    prevote(c, out, good ? &proposal->vid : NULL, good ? proposal->valid_round : -1);
    return true;
}

static bool rule_answer(struct consensus *c, struct consensus_actions *out)
{
    const struct round_votes *rv = votes_of(c, c->round);
    const struct held *held;

    if (!in_step(c, CONSENSUS_PROPOSE) || rv == NULL)
        return false;
    held = &rv->by[LEDGER_PROPOSAL][ledger_set_proposer(&c->set, c->height, c->round)];
    for (unsigned i = 0; i < held->count; i++)
        if (answer(c, out, &held->vote[i], rv->proposal_ms[i]))
            return true;
    return false;
}

/* R6 */
static bool rule_lock(struct consensus *c, struct consensus_actions *out)
{
    const struct ledger_polka *polka = consensus_polka(c, c->round);
    const struct body *b = polka == NULL ? NULL : body_find(c, &polka->vid);

    if (!in_step(c, CONSENSUS_PREVOTE) || b == NULL || !b->ready || !b->is.valid || !b->executed)
        return false;
    if (c->locked_round >= 0 && crypto_hash_equal(&c->locked_vid, &b->vid) &&
        !crypto_hash_equal(&c->locked_result, &b->result)) {
        halt(c, out,
             "a block executed again has another result than the one that this node signed: this "
             "build or machine is faulty");
        return true;
    }
    if (can_sign(c)) {
        c->locked_round = (int32_t)c->round;
        c->locked_vid = b->vid;
        c->locked_result = b->result;
        c->locked_polka = *polka;
        emit(out, c, CONSENSUS_KEEP_POLKA)->polka = *polka;
    }
    precommit(c, out, &b->vid, &b->result);
    return true;
}

/* R6b: the highest polka is what we propose again, with or without its body. */
static bool rule_valid(struct consensus *c)
{
    const struct ledger_polka *best = NULL;

    for (unsigned i = 0; i < c->polka_count; i++) {
        const struct ledger_polka *p = &c->polkas[i];
        bool past = p->round < c->round || (p->round == c->round && c->step >= CONSENSUS_PREVOTE);

        if (past && (int64_t)p->round > c->valid_round && (best == NULL || p->round > best->round))
            best = p;
    }
    if (best == NULL)
        return false;
    c->valid_round = (int32_t)best->round;
    c->valid_vid = best->vid;
    c->valid_polka = *best;
    c->slot_changed = true;
    return true;
}

/* R7: no polka of r can exist, so no lock: Tprevote and Tprecommit would be lost time [E]. */
static bool rule_nil(struct consensus *c, struct consensus_actions *out)
{
    struct ledger_ticket ticket;

    if (in_step(c, CONSENSUS_WAIT) || c->round >= LEDGER_ROUND_MAX ||
        count_nil_prevotes(c, c->round) < ledger_set_quorum(&c->set))
        return false;
    if (!ticket_of_nil_prevotes(&ticket, c))
        return false;
    enter_round(c, out, &ticket);
    return true;
}

/* R8 */
static bool rule_timers(struct consensus *c, struct consensus_actions *out)
{
    unsigned q = ledger_set_quorum(&c->set);

    if (in_step(c, CONSENSUS_PREVOTE) && !c->timer[CONSENSUS_TIMER_PREVOTE].used &&
        count_any(c, c->round, LEDGER_PREVOTE) >= q) {
        timer_want(c, CONSENSUS_TIMER_PREVOTE);
        return true;
    }
    if (!in_step(c, CONSENSUS_WAIT) && !c->timer[CONSENSUS_TIMER_PRECOMMIT].used &&
        count_any(c, c->round, LEDGER_PRECOMMIT) >= q) {
        timer_want(c, CONSENSUS_TIMER_PRECOMMIT);
        return true;
    }
    /* [M] A polka that only we saw: the others must have it before the round ends, or its lock
     * repeats. */
    if (c->timer[CONSENSUS_TIMER_PRECOMMIT].wanted && c->valid_round >= 0 &&
        c->polka_said != c->valid_round) {
        c->polka_said = c->valid_round;
        emit(out, c, CONSENSUS_SEND_POLKA)->polka = c->valid_polka;
        return true;
    }
    return false;
}

/* The block of this round's polka is being executed: the precommit is worth waiting for. */
static bool is_executing(const struct consensus *c)
{
    const struct ledger_polka *polka = consensus_polka(c, c->round);
    const struct body *b = polka == NULL ? NULL : body_find(c, &polka->vid);

    return b != NULL && b->ready && b->is.valid && !b->executed;
}

/* R9 */
static bool rule_expiry(struct consensus *c, struct consensus_actions *out)
{
    struct ledger_ticket ticket;

    if (c->timer[CONSENSUS_TIMER_PROPOSE].expired && in_step(c, CONSENSUS_PROPOSE)) {
        if (!i_propose(c))
            c->flagged |= 1u << ledger_set_proposer(&c->set, c->height, c->round);
        prevote(c, out, NULL, -1);
        return true;
    }
    if (c->timer[CONSENSUS_TIMER_PREVOTE].expired && in_step(c, CONSENSUS_PREVOTE) &&
        !is_executing(c)) {
        precommit(c, out, NULL, NULL);
        return true;
    }
    if (c->timer[CONSENSUS_TIMER_PRECOMMIT].expired && c->round < LEDGER_ROUND_MAX &&
        ticket_of_precommits(&ticket, c)) {
        enter_round(c, out, &ticket);
        return true;
    }
    return false;
}

static bool apply_one(struct consensus *c, struct consensus_actions *out)
{
    return rule_skip(c, out) || rule_work(c) || rule_propose(c, out) || rule_answer(c, out) ||
           rule_lock(c, out) || rule_valid(c) || rule_nil(c, out) || rule_timers(c, out) ||
           rule_expiry(c, out);
}

void rules_run(struct consensus *c, struct consensus_actions *out)
{
    bool again = true;

    for (unsigned turns = 0; again && !c->halted; turns++) {
        assert(turns <
               CONSENSUS_ACTIONS_MAX); /* each turn moves a step, a round or a flag forward */
        bodies_want(c, out);
        if (c->has_commit) {
            rule_decide(c, out);
            return;
        }
        again = apply_one(c, out);
    }
}
