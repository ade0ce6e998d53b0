#include "tests/sim/sim.h"

#include <string.h>

/* A block that a liar may speak of: one of this height, its own invention, or nil. */
static struct crypto_hash some_vid(struct world *w, uint64_t height)
{
    struct crypto_hash vid = {{0}};

    for (unsigned tries = 0; tries < 6 && w->value_count > 0; tries++) {
        unsigned recent = w->value_count < 12 ? w->value_count : 12;
        const struct value *v = &w->values[w->value_count - 1 - sim_below(w, recent)];

        if (v->height == height)
            return v->vid;
    }
    if (sim_chance(w, 100))
        put_u64(vid.b, sim_random(w) | 1);
    return vid;
}

static void some_vote(struct world *w, struct ledger_vote *v, unsigned id, uint64_t height,
                      uint32_t round)
{
    memset(v, 0, sizeof *v);
    v->type = sim_chance(w, 500) ? LEDGER_PREVOTE : LEDGER_PRECOMMIT;
    v->height = height;
    v->round = round + sim_below(w, 3);
    if (v->round > 0)
        v->round--;
    v->signer = w->set.node[id].id;
    v->valid_round = -1;
    v->vid = some_vid(w, height);
    if (crypto_hash_is_zero(&v->vid))
        return;
    if (v->type == LEDGER_PRECOMMIT) {
        const struct value *value = sim_value_of(w, &v->vid);

        put_u64(v->result.b, 7);
        if (value != NULL && !sim_chance(w, 150))
            v->result = value->result;
    } else if (v->round > 0 && sim_chance(w, 500)) {
        v->valid_round = (int32_t)sim_below(w, v->round);
    }
}

/* Where it is the proposer: an old value with a valid round that may be true, or a new value. */
static void some_proposal(struct world *w, struct ledger_vote *v, const struct process *p,
                          uint64_t height, uint32_t round)
{
    memset(v, 0, sizeof *v);
    v->type = LEDGER_PROPOSAL;
    v->height = height;
    v->round = round;
    v->signer = w->set.node[p->id].id;
    v->valid_round = round > 0 && sim_chance(w, 500)
                         ? (int32_t)(round - 1 - sim_below(w, round < 3 ? round : 3))
                         : -1;
    v->vid = some_vid(w, height);
    if (crypto_hash_is_zero(&v->vid) || sim_value_of(w, &v->vid) == NULL ||
        (sim_chance(w, 300) && w->value_count < SIM_VALUES_MAX / 2)) {
        struct value *value =
            sim_value(w, p->id, height, sim_ms(w) + LEDGER_TIME_MIN + 3600000, p->held_batches);

        value->honest = false;
        value->served = sim_chance(w, 500) ? ~0u : sim_below(w, 1u << w->n);
        v->vid = value->vid;
    }
}

static void say(struct world *w, struct process *p, struct ledger_vote *v, uint32_t to)
{
    struct message *m = sim_message(CONTENT_VOTE, p->id);

    sim_sign(v, w);
    m->vote = *v;
    m->height = v->height;
    m->round = v->round;
    for (unsigned i = 0; i < w->n; i++)
        if (i != p->id && (to >> i & 1u) != 0)
            sim_send(w, p, i, m);
    sim_release(m);
    w->totals.lies++;
}

void liar_hears(struct world *w, struct process *p, const struct message *m)
{
    struct ledger_vote v;

    if (m->content != CONTENT_VOTE || m->from < w->liars || !sim_chance(w, w->lie_permille))
        return;
    if (sim_chance(w, 300) && ledger_set_proposer(&w->set, m->height, m->round + 1) == p->id)
        some_proposal(w, &v, p, m->height, m->round + 1);
    else if (sim_chance(w, 300) && ledger_set_proposer(&w->set, m->height, m->round) == p->id)
        some_proposal(w, &v, p, m->height, m->round);
    else
        some_vote(w, &v, p->id, m->height, m->round);
    if (sim_chance(w, 3))
        v.round = LEDGER_ROUND_MAX - sim_below(w, 3); /* a flood of far rounds must do no harm */
    say(w, p, &v, sim_below(w, 1u << w->n));
}

void liar_sends(struct world *w, struct process *p, const struct ledger_vote *vote, int to)
{
    struct ledger_vote v = *vote;
    uint32_t all = to < 0 ? (1u << w->n) - 1 : 1u << to;
    uint32_t some = sim_chance(w, 600) ? all : all & sim_below(w, 1u << w->n);

    say(w, p, &v, some);
    if (!sim_chance(w, w->lie_permille))
        return;
    if (v.type == LEDGER_PROPOSAL) {
        some_proposal(w, &v, p, v.height, v.round);
    } else {
        enum ledger_vote_type type = v.type;

        some_vote(w, &v, p->id, v.height, vote->round + 1);
        if (v.type != type)
            return;
        v.round = vote->round;
        if (v.valid_round >= (int64_t)v.round)
            v.valid_round = -1;
    }
    say(w, p, &v, all & ~some);
}
