#include "consensus/state.h"

#include <assert.h>
#include <string.h>

/* Votes of the next height wait here; the set may be another then, so the signer is looked up
 * again. */
void take_early(struct consensus *c, const struct ledger_vote *vote, uint64_t now_ms)
{
    int index = ledger_set_find(&c->set, &vote->signer);

    if (index < 0 || !vote_in_range(vote))
        return;
    if (c->next_height != vote->height) {
        memset(c->early_count, 0, sizeof c->early_count);
        c->next_height = vote->height;
    }
    for (unsigned i = 0; i < c->early_count[index]; i++)
        if (ledger_vote_equal(&c->early[index][i].vote, vote))
            return;
    if (c->early_count[index] < NEXT_HELD)
        c->early[index][c->early_count[index]++] = (struct early){.vote = *vote, .now_ms = now_ms};
}

static void replay_early(struct consensus *c, struct consensus_actions *out)
{
    if (c->next_height != c->height)
        return;
    for (unsigned i = 0; i < LEDGER_SET_MAX; i++)
        for (unsigned k = 0; k < c->early_count[i]; k++)
            take_vote(c, out, &c->early[i][k].vote, c->early[i][k].now_ms);
    memset(c->early_count, 0, sizeof c->early_count);
}

/* Everything of one height; what stays is above `height` in the struct. */
static void clear_height(struct consensus *c)
{
    size_t from = offsetof(struct consensus, height);

    memset((uint8_t *)c + from, 0, sizeof *c - from);
    c->index = -1;
    c->locked_round = c->valid_round = c->polka_said = -1;
    c->step = CONSENSUS_WAIT;
    timers_clear(c);
}

static void restore(struct consensus *c, struct consensus_actions *out,
                    const struct consensus_slot *s)
{
    const struct ledger_vote *vote[TYPES] = {&s->proposal, &s->prevote, &s->precommit};
    const bool has[TYPES] = {s->has_proposal, s->has_prevote, s->has_precommit};

    c->round = s->round;
    c->step = s->step;
    c->locked_round = s->locked_round;
    c->locked_vid = s->locked_vid;
    c->locked_result = s->locked_result;
    c->locked_polka = s->locked_polka;
    c->valid_round = s->valid_round;
    c->valid_vid = s->valid_vid;
    c->valid_polka = s->valid_polka;
    c->has_ticket = s->has_ticket;
    c->ticket = s->ticket;
    if (s->has_locked_polka)
        keep_polka(c, &s->locked_polka);
    if (s->has_valid_polka)
        keep_polka(c, &s->valid_polka);
    for (unsigned i = 0; i < TYPES; i++) {
        c->has_mine[i] = has[i];
        c->mine[i] = *vote[i];
    }
    for (unsigned i = 0; i < s->ticket.n && s->has_ticket; i++)
        take_vote(c, out, &s->ticket.vote[i], 0);
    resend(c, out);
    /* Of the timers only the one whose condition still holds: Tprevote and Tprecommit follow votes
     * that have to come again. Armed without, one let a node slip into the next round alone. */
    if (c->step == CONSENSUS_PROPOSE)
        timer_want(c, CONSENSUS_TIMER_PROPOSE);
}

/* Signed before the restart and with its signature: it counts here again. */
static void count_own_again(struct consensus *c, struct consensus_actions *out, uint64_t now_ms)
{
    for (unsigned type = 0; type < TYPES; type++) {
        struct crypto_sig unsigned_yet = {{0}};
        struct ledger_vote vote = c->mine[type];

        if (c->has_mine[type] && memcmp(&vote.sig, &unsigned_yet, sizeof vote.sig) != 0)
            take_vote(c, out, &vote, now_ms);
    }
}

void start_height(struct consensus *c, struct consensus_actions *out,
                  const struct consensus_start *start, uint64_t now_ms)
{
    assert(start->height > 0 && start->set->n >= 1 && start->set->n <= LEDGER_SET_MAX);
    clear_height(c);
    if (!crypto_hash_equal(&c->set.hash, &start->set->hash))
        c->flagged = 0;
    c->set = *start->set;
    c->height = start->height;
    c->index = ledger_set_find(&c->set, &c->self);
    c->previous_time_ms = start->previous_time_ms;
    c->may_sign = start->may_sign;
    c->caught_up = start->caught_up;
    if (c->halted)
        return;
    if (start->slot != NULL && start->slot->height == start->height) {
        if (!slot_fits(c, start->slot)) {
            mute(
                c, out,
                "the guard's slot is not of this node and set: it was copied from another node, or "
                "the key was changed; start without it only with a new key");
        } else {
            restore(c, out, start->slot);
            count_own_again(c, out, now_ms);
        }
    }
    replay_early(c, out);
}
