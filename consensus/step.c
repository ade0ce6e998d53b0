#include "consensus/state.h"

#include <assert.h>
#include <string.h>

size_t consensus_size(void)
{
    return sizeof(struct consensus);
}

void consensus_init(struct consensus *c, const struct crypto_hash *self,
                    const struct consensus_timeouts *timeouts)
{
    memset(c, 0, sizeof *c);
    c->self = *self;
    c->timeouts = *timeouts;
    c->index = -1;
}

struct consensus_action *emit(struct consensus_actions *out, const struct consensus *c,
                              enum consensus_action_kind kind)
{
    struct consensus_action *a;

    assert(out->count < CONSENSUS_ACTIONS_MAX);
    a = &out->items[out->count++];
    memset(a, 0, sizeof *a);
    a->kind = kind;
    a->height = c->height;
    a->round = c->round;
    a->to = -1;
    return a;
}

bool can_sign(const struct consensus *c)
{
    /* A certificate for this height or a later one says that the others are done with it: what we
     * would sign now could only be a mistake. */
    return c->may_sign && c->caught_up && !c->halted && !c->muted && !c->decided && c->index >= 0 &&
           c->certified_height < c->height;
}

/* Timers: rules say what they want; what changed goes out at the end of the step. */

void timer_want(struct consensus *c, enum consensus_timer timer)
{
    c->timer[timer].wanted = true;
    c->timer[timer].used = true;
}

void timers_clear(struct consensus *c)
{
    for (unsigned i = 0; i < TIMERS; i++)
        c->timer[i].wanted = c->timer[i].used = c->timer[i].expired = false;
}

static uint32_t timer_ms(const struct consensus *c, enum consensus_timer timer)
{
    const struct consensus_timeouts *t = &c->timeouts;
    bool propose = timer == CONSENSUS_TIMER_PROPOSE;
    uint64_t ms = propose ? t->propose + (uint64_t)t->propose_step * c->round
                          : t->vote + (uint64_t)t->vote_step * c->round;
    unsigned proposer = ledger_set_proposer(&c->set, c->height, c->round);

    if (propose && c->round == 0 && (c->flagged >> proposer & 1u) != 0 && ms > t->flagged_propose)
        ms = t->flagged_propose; /* It was silent before: no more than a chance to be back. */
    return ms < t->cap ? (uint32_t)ms : t->cap;
}

static void timers_flush(struct consensus *c, struct consensus_actions *out)
{
    for (unsigned i = 0; i < TIMERS; i++) {
        struct timer *t = &c->timer[i];
        struct consensus_action *a;

        if (t->wanted == t->running &&
            (!t->wanted || (t->running_height == c->height && t->running_round == c->round)))
            continue;
        a = emit(out, c, t->wanted ? CONSENSUS_ARM : CONSENSUS_CANCEL);
        a->timer = (enum consensus_timer)i;
        a->ms = t->wanted ? timer_ms(c, (enum consensus_timer)i) : 0;
        t->running = t->wanted;
        t->running_height = c->height;
        t->running_round = c->round;
    }
}

void halt(struct consensus *c, struct consensus_actions *out, const char *text)
{
    if (c->halted)
        return;
    c->halted = true;
    timers_clear(c);
    emit(out, c, CONSENSUS_FATAL)->text = text;
}

void mute(struct consensus *c, struct consensus_actions *out, const char *text)
{
    if (c->muted)
        return;
    c->muted = true;
    emit(out, c, CONSENSUS_FATAL)->text = text;
}

/* Votes */

/* Did somebody sign with our key? What we signed at this round or later is all in `mine`: a vote
 * leaves only after the slot that holds it is durable. */
static bool is_foreign(const struct consensus *c, const struct ledger_vote *vote)
{
    if (vote->round < c->round || !can_sign(c))
        return false;
    return vote->round > c->round || !c->has_mine[vote->type] ||
           !ledger_vote_equal(&c->mine[vote->type], vote);
}

static void note_own(struct consensus *c, struct consensus_actions *out,
                     const struct ledger_vote *vote)
{
    if (is_foreign(c, vote)) {
        mute(c, out,
             "somebody else signs with this node's key (a cloned node, or a guard that was lost); "
             "stop the other one, and replace the key where none is found");
        return;
    }
    if (vote->round == c->round && c->has_mine[vote->type] &&
        ledger_vote_equal(&c->mine[vote->type], vote) &&
        memcmp(&c->mine[vote->type].sig, &vote->sig, sizeof vote->sig) != 0) {
        c->mine[vote->type].sig = vote->sig;
        c->slot_changed = true;
    }
}

static void note_highest(struct consensus *c, const struct ledger_vote *vote, unsigned index)
{
    if (vote->type == LEDGER_PROPOSAL || vote->round <= c->round)
        return;
    if (c->has_highest[index] && c->highest[index].round >= vote->round)
        return;
    c->has_highest[index] = true;
    c->highest[index] = *vote;
}

void take_vote(struct consensus *c, struct consensus_actions *out, const struct ledger_vote *vote,
               uint64_t now_ms)
{
    int index = ledger_set_find(&c->set, &vote->signer);
    struct round_votes *rv;
    struct held *held;

    if (index < 0 || !vote_in_range(vote) || vote->height != c->height)
        return;
    if (vote->type == LEDGER_PROPOSAL) {
        if ((unsigned)index != ledger_set_proposer(&c->set, c->height, vote->round))
            return;
        c->flagged &= ~(1u << index);
    }
    if (index == c->index)
        note_own(c, out, vote);
    note_highest(c, vote, (unsigned)index);
    rv = votes_for(c, vote->round);
    if (rv == NULL)
        return;
    held = &rv->by[vote->type][index];
    for (unsigned i = 0; i < held->count; i++)
        if (ledger_vote_equal(&held->vote[i], vote))
            return;
    if (held->count == VOTES_HELD)
        return;
    if (vote->type == LEDGER_PROPOSAL)
        rv->proposal_ms[held->count] = now_ms;
    held->vote[held->count++] = *vote;
    find_evidence(c, out, vote, (unsigned)index);
    find_certificate(c, out, vote);
    compare_result(c, out, vote, (unsigned)index);
}

/* Rounds */

void enter_round(struct consensus *c, struct consensus_actions *out,
                 const struct ledger_ticket *ticket)
{
    assert(ticket->round > c->round && ticket->height == c->height);
    c->round = ticket->round;
    c->step = CONSENSUS_PROPOSE;
    c->ticket = *ticket;
    c->has_ticket = c->ticket_unsent = true;
    memset(c->has_mine, 0, sizeof c->has_mine);
    c->value_asked = false;
    c->polka_said = -1;
    c->slot_changed = true;
    timers_clear(c);
    timer_want(c, CONSENSUS_TIMER_PROPOSE);
    /* What was too far ahead for the table may be in it now. */
    for (unsigned i = 0; i < c->set.n; i++)
        if (c->has_highest[i]) {
            struct ledger_vote vote = c->highest[i];

            take_vote(c, out, &vote, 0);
        }
}

static void emit_ticket(struct consensus *c, struct consensus_actions *out)
{
    if (!c->has_ticket)
        return;
    emit(out, c, CONSENSUS_SEND_TICKET)->ticket = c->ticket;
    c->ticket_unsent = false;
}

/* Saying again */

static void emit_polka(const struct consensus *c, struct consensus_actions *out,
                       const struct ledger_polka *polka)
{
    emit(out, c, CONSENSUS_SEND_POLKA)->polka = *polka;
}

static void resend_own(const struct consensus *c, struct consensus_actions *out)
{
    struct crypto_sig unsigned_yet = {{0}};

    for (unsigned type = 0; type < TYPES; type++) {
        if (!c->has_mine[type] || !can_sign(c))
            continue;
        bool again = memcmp(&c->mine[type].sig, &unsigned_yet, sizeof unsigned_yet) != 0;
        emit(out, c, again ? CONSENSUS_SEND_VOTE : CONSENSUS_SIGN_SEND)->vote = c->mine[type];
    }
}

void resend(struct consensus *c, struct consensus_actions *out)
{
    const struct ledger_vote *proposal = &c->mine[LEDGER_PROPOSAL];
    const struct ledger_polka *polka;

    if (c->has_commit)
        emit(out, c, CONSENSUS_SEND_COMMIT)->commit = c->commit;
    if (c->decided || c->halted)
        return;
    bodies_ask_again(c);
    resend_own(c, out);
    emit_ticket(c, out);
    if (c->valid_round >= 0)
        emit_polka(c, out, &c->valid_polka);
    if (c->has_mine[LEDGER_PROPOSAL] && proposal->valid_round >= 0 &&
        proposal->valid_round != c->valid_round) {
        polka = consensus_polka(c, (uint32_t)proposal->valid_round);
        if (polka != NULL)
            emit_polka(c, out, polka);
    }
}

/* Events */

static void on_polka(struct consensus *c, struct consensus_actions *out,
                     const struct ledger_polka *polka)
{
    struct ledger_vote vote = {.type = LEDGER_PREVOTE,
                               .height = polka->height,
                               .round = polka->round,
                               .valid_round = polka->valid_round,
                               .vid = polka->vid};

    if (!polka_in_range(c, polka))
        return;
    keep_polka(c, polka);
    for (unsigned i = 0; i < polka->q; i++) {
        vote.signer = c->set.node[polka->index[i]].id;
        vote.sig = polka->sig[i];
        take_vote(c, out, &vote, 0);
    }
}

static void on_commit(struct consensus *c, struct consensus_actions *out,
                      const struct ledger_certificate *commit)
{
    struct ledger_vote vote = {.type = LEDGER_PRECOMMIT,
                               .height = commit->height,
                               .round = commit->round,
                               .valid_round = -1,
                               .vid = commit->vid,
                               .result = commit->result};

    if (commit->height > c->height && commit->height > c->certified_height)
        c->certified_height = commit->height;
    if (!commit_in_range(c, commit))
        return;
    keep_commit(c, out, commit);
    for (unsigned i = 0; i < commit->q; i++) {
        vote.signer = c->set.node[commit->index[i]].id;
        vote.sig = commit->sig[i];
        take_vote(c, out, &vote, 0);
    }
}

static void on_ticket(struct consensus *c, struct consensus_actions *out,
                      const struct ledger_ticket *ticket)
{
    struct ledger_ticket trimmed;

    if (c->decided || !ticket_trim(&trimmed, c, ticket))
        return;
    if (trimmed.round > c->round && !c->has_commit)
        enter_round(c, out, &trimmed);
    for (unsigned i = 0; i < ticket->n; i++)
        take_vote(c, out, &ticket->vote[i], 0);
}

static void on_body(struct consensus *c, const struct consensus_body *body)
{
    struct body *b = body_add(c, &body->vid);

    if (b->ready)
        return;
    b->ready = true;
    b->is = *body;
}

static void on_executed(struct consensus *c, struct consensus_actions *out,
                        const struct crypto_hash *vid, const struct crypto_hash *result)
{
    struct body *b = body_find(c, vid);

    if (b == NULL || !b->ready || !b->is.valid)
        return;
    if (b->executed) {
        if (!crypto_hash_equal(&b->result, result))
            halt(c, out,
                 "executing one block twice gave two results: this build or machine is faulty");
        return;
    }
    b->executed = true;
    b->result = *result;
    compare_results(c, out, b);
}

static void on_value(struct consensus *c, struct consensus_actions *out, uint64_t height,
                     uint32_t round, const struct crypto_hash *vid)
{
    struct ledger_vote *v = &c->mine[LEDGER_PROPOSAL];

    if (height != c->height || round != c->round || c->step != CONSENSUS_PROPOSE ||
        !c->value_asked || c->has_mine[LEDGER_PROPOSAL] || c->valid_round >= 0 || !can_sign(c) ||
        crypto_hash_is_zero(vid))
        return; /* Where a valid value came to light meanwhile, that one goes first. */
    *v = (struct ledger_vote){.type = LEDGER_PROPOSAL,
                              .height = height,
                              .round = round,
                              .valid_round = -1,
                              .signer = c->self,
                              .vid = *vid};
    c->has_mine[LEDGER_PROPOSAL] = true;
    c->slot_changed = true;
    emit(out, c, CONSENSUS_SIGN_SEND)->vote = *v;
}

static void on_timer(struct consensus *c, enum consensus_timer timer, uint64_t height,
                     uint32_t round)
{
    struct timer *t = &c->timer[timer];

    if (height != c->height || round != c->round || !t->wanted)
        return;
    t->wanted = t->running = false;
    t->expired = true;
}

static void on_need(struct consensus *c, enum consensus_need need)
{
    switch (need) {
    case CONSENSUS_NEED_BATCH:
        c->need = true;
        break;
    case CONSENSUS_NEED_DUE:
    case CONSENSUS_NEED_HEARTBEAT:
        c->need = c->empty_ok = true;
        break;
    case CONSENSUS_NEED_EMPTY_OK:
        c->empty_ok = true;
        break;
    }
}

static void on_resend(struct consensus *c, struct consensus_actions *out)
{
    if (c->resend_seen && c->resend_round == c->round && c->resend_step == c->step)
        resend(c, out);
    c->resend_seen = true;
    c->resend_round = c->round;
    c->resend_step = c->step;
}

static void on_vote(struct consensus *c, struct consensus_actions *out,
                    const struct ledger_vote *vote, uint64_t now_ms)
{
    if (vote->height == c->height)
        take_vote(c, out, vote, now_ms);
    else if (vote->height == c->height + 1)
        take_early(c, vote, now_ms);
    /* Others are the node's: it answers a lower height with its block, a higher one with STATUS. */
}

static void dispatch(struct consensus *c, struct consensus_actions *out,
                     const struct consensus_event *e)
{
    switch (e->kind) {
    case CONSENSUS_EVENT_START:
        start_height(c, out, &e->start, e->now_ms);
        break;
    case CONSENSUS_EVENT_VOTE:
        on_vote(c, out, e->vote, e->now_ms);
        break;
    case CONSENSUS_EVENT_POLKA:
        on_polka(c, out, e->polka);
        break;
    case CONSENSUS_EVENT_COMMIT:
        on_commit(c, out, e->commit);
        break;
    case CONSENSUS_EVENT_TICKET:
        on_ticket(c, out, e->ticket);
        break;
    case CONSENSUS_EVENT_BODY:
        on_body(c, &e->body);
        break;
    case CONSENSUS_EVENT_EXECUTED:
        on_executed(c, out, &e->executed.vid, &e->executed.result);
        break;
    case CONSENSUS_EVENT_VALUE:
        on_value(c, out, e->value.height, e->value.round, &e->value.vid);
        break;
    case CONSENSUS_EVENT_TIMER:
        on_timer(c, e->timer.timer, e->timer.height, e->timer.round);
        break;
    case CONSENSUS_EVENT_NEED:
        on_need(c, e->need);
        break;
    case CONSENSUS_EVENT_RESEND:
        on_resend(c, out);
        break;
    }
}

void consensus_step(struct consensus *c, struct consensus_actions *out,
                    const struct consensus_event *event)
{
    if (c->height == 0 && event->kind != CONSENSUS_EVENT_START)
        return; /* Peers may be earlier than our own start. */
    if (c->halted && event->kind != CONSENSUS_EVENT_START && event->kind != CONSENSUS_EVENT_RESEND)
        return;
    dispatch(c, out, event);
    rules_run(c, out);
    if (c->ticket_unsent)
        emit_ticket(c, out);
    timers_flush(c, out);
}

/* For status */

void consensus_status(struct consensus_status *out, const struct consensus *c)
{
    const struct round_votes *rv = votes_of(c, c->round);

    memset(out, 0, sizeof *out);
    out->height = c->height;
    out->round = c->round;
    out->halted = c->halted || c->muted;
    out->step = c->halted ? CONSENSUS_HALTED : c->decided ? CONSENSUS_DECIDED : c->step;
    for (unsigned i = 0; rv != NULL && i < c->set.n; i++)
        if (rv->by[LEDGER_PREVOTE][i].count > 0 || rv->by[LEDGER_PRECOMMIT][i].count > 0)
            out->votes_seen |= 1u << i;
}

const struct ledger_ticket *consensus_ticket(const struct consensus *c)
{
    return c->has_ticket ? &c->ticket : NULL;
}

const struct ledger_polka *consensus_valid_polka(const struct consensus *c)
{
    return c->valid_round >= 0 ? &c->valid_polka : NULL;
}

const struct ledger_certificate *consensus_commit(const struct consensus *c)
{
    return c->has_commit ? &c->commit : NULL;
}
