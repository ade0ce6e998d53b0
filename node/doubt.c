/*
 * doubt: a node whose guard cannot say what its key has signed: the guard is empty, since node or
 * directory are new, or it is lost. It follows and serves. It signs again where what others say,
 * after it started, shows that nothing it could have signed before is of that height or a later one
 * (docs/consensus.md, "A node that does not know what it signed").
 */
#include "base/log.h"
#include "node/engine_state.h"

bool doubt_may_sign(const struct engine *e)
{
    return e->config.may_sign && e->self_index >= 0 && !e->halted && !e->in_doubt &&
           e->height >= e->sound_from;
}

/* An answer here, once: at height 1, from a quorum with ourselves, that there is no block yet. */
static bool ledger_is_new(const struct engine *e)
{
    unsigned count = 1;

    for (unsigned i = 0; i < e->set->n; i++)
        count += (int)i != e->self_index && e->heard[i] == 1;
    return e->height == 1 && e->certified_height == 0 && count >= ledger_set_quorum(e->set);
}

/* The least W for which q others, that know what they signed, said W or less; UINT64_MAX: too few
 * did. */
static uint64_t vouched_height(const struct engine *e)
{
    uint64_t least = UINT64_MAX;

    for (unsigned i = 0; i < e->set->n; i++) {
        unsigned count = 0;
        for (unsigned k = 0; e->vouched[i] != 0 && k < e->set->n; k++)
            count += e->vouched[k] != 0 && e->vouched[k] <= e->vouched[i];
        if (count >= ledger_set_quorum(e->set))
            least = engine_min(least, e->vouched[i]);
    }
    return least;
}

unsigned doubt_vouched(const struct engine *e)
{
    unsigned count = 0;

    for (unsigned i = 0; i < e->set->n; i++)
        count += e->vouched[i] != 0;
    return count;
}

static void end_doubt(struct engine *e, const char *why)
{
    e->in_doubt = false;
    e->status_owed = true;
    e->status_at = e->w.mono_ms(e->w.ctx);
    log_info("node", "this node votes from height=%llu on: %s", (unsigned long long)e->height, why);
}

void doubt_on_status(struct engine *e, int peer, const struct frame_status *s)
{
    int index = e->peers[peer].set_index;
    uint64_t w;

    if (!e->in_doubt || index < 0 || index == e->self_index || s->height == 0)
        return;
    /* What it said first counts: it was true after we started, and what we signed is older. */
    if (e->heard[index] == 0)
        e->heard[index] = s->height;
    if (e->vouched[index] == 0 && (s->flags & FRAME_STATUS_VOTES) != 0)
        e->vouched[index] = s->height;
    w = vouched_height(e);
    if (w < UINT64_MAX - 2 && w + 2 < e->sign_from) {
        e->sign_from = w + 2;
        log_info("node",
                 "%u validators vouch for height=%llu: nothing that this key has signed can be of "
                 "height=%llu or later, where this node will vote",
                 doubt_vouched(e), (unsigned long long)w, (unsigned long long)e->sign_from);
    }
    if (!e->deciding && ledger_is_new(e)) {
        end_doubt(e, "the ledger is new, a quorum says so");
        engine_begin_again(e);
    }
}

void doubt_begin(struct engine *e)
{
    if (e->in_doubt && e->height >= e->sign_from)
        end_doubt(e, "it is past everything that its key can have signed");
    if (e->in_doubt && ledger_is_new(e))
        end_doubt(e, "the ledger is new and has no other validator");
    if (e->in_doubt && e->height == 2)
        log_warn("node",
                 "the guard of this node is empty, and the ledger is older than it: it follows "
                 "until it is known what its key may have signed");
}
