#include "tests/sim/sim.h"

void process_say_status(struct world *w, struct process *p, int to)
{
    struct message *m = sim_message(CONTENT_STATUS, p->id);
    struct consensus_status s;

    consensus_status(&s, p->core);
    m->height = p->height;
    m->round = s.round;
    m->has_commit = p->disk_height > 0;
    if (m->has_commit)
        m->commit = p->disk_commit[p->disk_height];
    process_send_to(w, p, to, m);
    sim_release(m);
}

static void say_block(struct world *w, struct process *p, unsigned to, uint64_t height)
{
    struct message *m;

    if (p->answered_ms[to] + 500 > sim_ms(w) && p->answered_ms[to] != 0)
        return;
    p->answered_ms[to] = sim_ms(w);
    m = sim_message(CONTENT_BLOCK, p->id);
    m->height = height;
    m->commit = p->disk_commit[height];
    process_send_to(w, p, (int)to, m);
    sim_release(m);
}

static void answer_status(struct world *w, struct process *p, const struct message *m)
{
    struct consensus_status s;
    struct consensus_action a = {.height = p->height, .to = (int)m->from};

    consensus_status(&s, p->core);
    a.round = s.round;
    if (m->height == p->height && !sim_chance(w, w->status_permille))
        return;
    if (m->height < p->height) {
        say_block(w, p, m->from, m->height);
    } else if (m->height == p->height && m->round < s.round && consensus_ticket(p->core) != NULL) {
        a.kind = CONSENSUS_SEND_TICKET;
        a.ticket = *consensus_ticket(p->core);
        process_enqueue(p, (struct waiting){.message = sim_certificate_of(&a, p->id), .to = a.to});
        process_flush(w, p);
    }
}

static void give(struct world *w, struct process *p, const struct message *m)
{
    struct consensus_event e = {.now_ms = process_clock_ms(w, p), .from = (int)m->from};

    switch (m->content) {
    case CONTENT_VOTE:
        e.kind = CONSENSUS_EVENT_VOTE;
        e.vote = &m->vote;
        break;
    case CONTENT_POLKA:
        e.kind = CONSENSUS_EVENT_POLKA;
        e.polka = &m->polka;
        break;
    case CONTENT_TICKET:
        e.kind = CONSENSUS_EVENT_TICKET;
        e.ticket = &m->ticket;
        break;
    case CONTENT_STATUS:
    case CONTENT_BLOCK:
    case CONTENT_COMMIT:
        e.kind = CONSENSUS_EVENT_COMMIT;
        e.commit = &m->commit;
        break;
    }
    process_step(w, p, &e);
}

void process_deliver(struct world *w, struct process *p, const struct message *m)
{
    unsigned life = p->life;

    if (!p->honest)
        liar_hears(w, p, m);
    if (!p->up || p->life != life || !sim_verify_message(w, m))
        return;
    if (m->content == CONTENT_STATUS) {
        if (m->has_commit && m->commit.height >= p->height)
            give(w, p, m);
        if (p->up && p->life == life)
            answer_status(w, p, m);
        return;
    }
    if (m->height < p->height) {
        say_block(w, p, m->from, m->height);
        return;
    }
    if (m->height > p->height && p->asked_ms[m->from] + 200 <= sim_ms(w)) {
        p->asked_ms[m->from] = sim_ms(w);
        process_say_status(w, p, (int)m->from);
    }
    if (m->content == CONTENT_BLOCK && m->height == p->height)
        process_have_body(w, p, sim_value_of(w, &m->commit.vid));
    if (p->up && p->life == life && m->height >= p->height)
        give(w, p, m);
}
