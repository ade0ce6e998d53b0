#include "tests/sim/sim.h"

static const char *const EVENT_NAMES[] = {"START",    "VOTE",  "POLKA", "COMMIT", "TICKET", "BODY",
                                          "EXECUTED", "VALUE", "TIMER", "NEED",   "RESEND"};
static const char *const ACTION_NAMES[] = {"SIGN_SEND",   "SEND_VOTE",  "SEND_POLKA", "SEND_COMMIT",
                                           "SEND_TICKET", "KEEP_POLKA", "GET_VALUE",  "NEED_BODY",
                                           "EXECUTE",     "ARM",        "CANCEL",     "DECIDE",
                                           "EVIDENCE",    "ALARM",      "FATAL"};

static void trace_vote(struct world *w, const char *what, const struct ledger_vote *v)
{
    sim_trace(w, "      %s type %d by %u h %llu r %u vr %d vid %llu", what, (int)v->type,
              v->signer.b[0] - 1u, (unsigned long long)v->height, v->round, v->valid_round,
              (unsigned long long)get_u64(v->vid.b));
}

void sim_trace_step(struct world *w, struct process *p, const struct consensus_event *e,
                    const struct consensus_actions *actions)
{
    struct consensus_status s;

    consensus_status(&s, p->core);
    sim_trace(w, "p%u(v%u) %s -> h %llu r %u step %d", (unsigned)(p - w->process), p->id, EVENT_NAMES[e->kind],
              (unsigned long long)s.height, s.round, (int)s.step);
    if (e->kind == CONSENSUS_EVENT_VOTE)
        trace_vote(w, "got", e->vote);
    for (size_t i = 0; i < actions->count; i++) {
        const struct consensus_action *a = &actions->items[i];

        if (a->kind == CONSENSUS_SIGN_SEND || a->kind == CONSENSUS_SEND_VOTE)
            trace_vote(w, ACTION_NAMES[a->kind], &a->vote);
        else
            sim_trace(w, "      %s vid %llu r %u", ACTION_NAMES[a->kind],
                      (unsigned long long)get_u64(a->vid.b), a->round);
    }
}
