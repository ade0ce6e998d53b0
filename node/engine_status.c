/*
 * engine_status: what the node says of itself, and whether it is ready: it keeps up and votes.
 */
#include "node/engine_state.h"

#include <stdarg.h>
#include <stdio.h>

static void not_ready(struct engine_status *out, const char *format, ...) ANJU_PRINTF(2, 3);
static void not_ready(struct engine_status *out, const char *format, ...)
{
    va_list args;

    if (!out->ready)
        return; /* the first reason is the one to act on */
    out->ready = false;
    va_start(args, format);
    vsnprintf(out->reason, sizeof(out->reason), format, args);
    va_end(args);
}

enum { STUCK_MS = 5000 };

static void judge_ready(struct engine_status *out, const struct engine *e)
{
    unsigned q = ledger_set_quorum(e->set);

    out->ready = true;
    if (!e->started)
        not_ready(out, "starting");
    if (out->halted)
        not_ready(out, "stopped signing: %s", e->halt_reason);
    if (out->log_full)
        not_ready(out, "the payload log has no room: free disk space");
    if (!out->validator)
        not_ready(out, "follows: its node key is not in the validator set");
    else if (!out->may_sign)
        not_ready(out, "follows and serves, does not vote: the guard is lost or signing is off");
    else if (out->in_doubt && out->sign_from != UINT64_MAX)
        not_ready(out, "does not vote before height %llu: its guard is empty or lost",
                  (unsigned long long)out->sign_from);
    else if (out->in_doubt)
        not_ready(
            out,
            "does not vote: its guard is empty or lost, and too few validators answer to tell "
            "what its key has signed (%u of %u)",
            out->vouched, q);
    if (out->highest_seen > out->height + 1 ||
        (out->highest_claim > out->height + 2 && out->validators_up > 0))
        not_ready(out, "catching up: height %llu of %llu", (unsigned long long)out->height,
                  (unsigned long long)(out->highest_claim > out->highest_seen ? out->highest_claim
                                                                              : out->highest_seen));
    if (out->validators_up + 1 < q)
        not_ready(out, "no quorum: %u of %u validators connected, %u needed",
                  out->validators_up + 1, e->set->n, q);
    if (e->work_since_ms != UINT64_MAX && e->w.mono_ms(e->w.ctx) > e->work_since_ms + STUCK_MS)
        not_ready(out, "stuck: work has waited for %llu s at height %llu, round %u",
                  (unsigned long long)(e->w.mono_ms(e->w.ctx) - e->work_since_ms) / 1000,
                  (unsigned long long)e->height, out->core.round);
    if (e->core != NULL && out->core.round >= 5)
        not_ready(out, "height %llu is in round %u: too few validators agree in time",
                  (unsigned long long)e->height, out->core.round);
}

/* The highest committed height that f + 1 validators say they have: one of them is honest. A single
 * liar must not make everybody look behind. */
static uint64_t believable_claim(const struct engine *e)
{
    uint64_t claims[LEDGER_SET_MAX] = {0};
    unsigned n = 0, f = ledger_set_faulty(e->set);

    for (int i = 0; i < ENGINE_PEERS_MAX; i++) {
        unsigned at = n;
        if (!e->peers[i].up || e->peers[i].set_index < 0 || e->peers[i].height == 0 ||
            n == LEDGER_SET_MAX)
            continue;
        while (at > 0 && claims[at - 1] < e->peers[i].height - 1) {
            claims[at] = claims[at - 1];
            at--;
        }
        claims[at] = e->peers[i].height - 1;
        n++;
    }
    return f < n ? claims[f] : 0;
}

static void put_validators(struct engine_status *out, const struct engine *e)
{
    for (int i = 0; i < ENGINE_PEERS_MAX; i++) {
        const struct engine_peer *p = &e->peers[i];
        if (!p->up || p->set_index < 0)
            continue;
        out->validators[p->set_index] =
            (struct engine_validator){.up = true,
                                      .votes = (p->flags & FRAME_STATUS_VOTES) != 0,
                                      .height = p->height,
                                      .clock_ms = p->clock_ms};
    }
    if (e->self_index >= 0)
        out->validators[e->self_index] = (struct engine_validator){
            .up = true, .votes = e->started && doubt_may_sign(e), .height = e->height};
    for (unsigned i = 0; i < e->set->n; i++)
        out->validators[i].voted = (out->core.votes_seen >> i & 1) != 0;
}

static void put_waiting(struct engine_status *out, const struct engine *e)
{
    uint64_t now = e->w.mono_ms(e->w.ctx);

    out->idle_ms = e->started ? now - e->committed_mono_ms : 0;
    out->waiting_ms = e->work_since_ms < now ? now - e->work_since_ms : 0;
    out->alarm = e->alarm != NULL ? e->alarm : "";
    out->alarm_height = e->alarm_height;
}

void engine_status(struct engine_status *out, const struct engine *e)
{
    *out = e->counters;
    out->height = e->started ? e->height - 1 : 0;
    out->highest_seen = e->certified_height;
    if (e->started)
        consensus_status(&out->core, e->core);
    for (int i = 0; i < ENGINE_PEERS_MAX; i++) {
        if (!e->peers[i].up)
            continue;
        out->peers_up++;
        out->validators_up += e->peers[i].set_index >= 0;
    }
    out->highest_claim = believable_claim(e);
    out->pool_envelopes = e->pool_count;
    out->pool_bytes = e->pool_bytes;
    for (unsigned i = 0; i <= NO_AUTHOR; i++)
        out->batches += e->lists[i].count;
    out->own_batches = e->self_index >= 0 ? e->lists[e->self_index].count : 0;
    out->time_ms = e->tip.time_ms;
    out->log_size = e->tip.result_body.log_size;
    out->validator = e->self_index >= 0;
    out->may_sign = e->config.may_sign && !e->halted;
    out->in_doubt = e->in_doubt;
    out->vouched = doubt_vouched(e);
    out->sign_from = e->sign_from;
    out->halted = e->halted;
    out->halt_reason = e->halted ? e->halt_reason : "";
    out->log_full = e->log_full;
    out->outbox_waiting = e->outbox_count;
    put_validators(out, e);
    put_waiting(out, e);
    judge_ready(out, e);
}
