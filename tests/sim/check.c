#include "tests/sim/sim.h"

/* What must hold of all that leaves an honest process, and of its core. */

/* The disk holds bodies one by one: a crash keeps those whose write was done. */
bool process_has_durable(const struct process *p, unsigned index)
{
    return p->has_body[index] == 2 && p->body_write[index] <= p->durable;
}

static size_t sent_hash(const struct ledger_vote *v)
{
    uint64_t x =
        get_u64(v->signer.b) * 31 + v->height * 1000003 + v->round * UINT64_C(40503) + v->type;

    return (size_t)((x * UINT64_C(0x9e3779b97f4a7c15)) >> 40) % SENT_ROOM;
}

/* I2: an honest validator never signs two things for one (h, r, type), across restarts. */
void sim_check_sent(struct world *w, const struct ledger_vote *v)
{
    size_t i = sent_hash(v);

    for (size_t tries = 0; tries < SENT_ROOM; tries++, i = (i + 1) % SENT_ROOM) {
        struct ledger_vote *s = &w->sent[i];

        if (!w->sent_used[i]) {
            w->sent_used[i] = true;
            *s = *v;
            return;
        }
        if (s->height == v->height && s->round == v->round && s->type == v->type &&
            crypto_hash_equal(&s->signer, &v->signer)) {
            if (!ledger_vote_equal(s, v))
                sim_fail(w, "an honest validator signed twice at height %llu round %u type %d",
                         (unsigned long long)v->height, v->round, (int)v->type);
            return;
        }
    }
}

/* I7: a vote for a block leaves only when its body is durable here. */
void sim_check_body(struct world *w, const struct process *p, const struct ledger_vote *v)
{
    const struct value *value = sim_value_of(w, &v->vid);

    if (v->type == LEDGER_PROPOSAL || ledger_vote_is_nil(v))
        return;
    if (value == NULL || !process_has_durable(p, (unsigned)(value - w->values)))
        sim_fail(w, "validator %u voted for a body that it does not hold", p->id);
}

bool sim_verify_message(const struct world *w, const struct message *m)
{
    switch (m->content) {
    case CONTENT_VOTE:
        return sim_verify(w, &m->vote);
    case CONTENT_POLKA:
        return sim_verify_polka(w, &m->polka);
    case CONTENT_TICKET:
        return sim_verify_ticket(w, &m->ticket);
    case CONTENT_STATUS:
        return !m->has_commit || sim_verify_commit(w, &m->commit);
    case CONTENT_COMMIT:
    case CONTENT_BLOCK:
        return sim_verify_commit(w, &m->commit);
    }
    return false;
}

/* I9: every round above 0 has its ticket. */
void sim_check_ticket(struct world *w, const struct process *p)
{
    struct consensus_status s;

    consensus_status(&s, p->core);
    if (s.round > w->totals.rounds)
        w->totals.rounds = s.round;
    if (s.round > 0 &&
        (consensus_ticket(p->core) == NULL || consensus_ticket(p->core)->round != s.round ||
         !sim_verify_ticket(w, consensus_ticket(p->core))))
        sim_fail(w, "validator %u is in round %u without its ticket", p->id, s.round);
}
