#include "consensus/state.h"

#include <assert.h>
#include <string.h>

const struct round_votes *votes_of(const struct consensus *c, uint32_t round)
{
    const struct round_votes *rv = &c->rounds[round % ROUNDS_HELD];

    return rv->used && rv->round == round ? rv : NULL;
}

struct round_votes *votes_for(struct consensus *c, uint32_t round)
{
    struct round_votes *rv = &c->rounds[round % ROUNDS_HELD];

    if ((uint64_t)round + ROUNDS_PAST < c->round || round > (uint64_t)c->round + ROUNDS_AHEAD)
        return NULL;
    if (!rv->used || rv->round != round) {
        memset(rv, 0, sizeof *rv);
        rv->used = true;
        rv->round = round;
    }
    return rv;
}

bool vote_in_range(const struct ledger_vote *v)
{
    bool nil = ledger_vote_is_nil(v);

    if (v->round > LEDGER_ROUND_MAX || v->valid_round < -1)
        return false;
    if (v->valid_round >= 0 && (uint32_t)v->valid_round >= v->round)
        return false;
    switch (v->type) {
    case LEDGER_PROPOSAL:
        return !nil;
    case LEDGER_PREVOTE:
        return !nil || v->valid_round == -1;
    case LEDGER_PRECOMMIT:
        return v->valid_round == -1 && nil == crypto_hash_is_zero(&v->result);
    }
    return false;
}

/* For the same thing: what a certificate would hold them together for. */
static bool same_value(const struct ledger_vote *a, const struct ledger_vote *b)
{
    return a->valid_round == b->valid_round && crypto_hash_equal(&a->vid, &b->vid) &&
           crypto_hash_equal(&a->result, &b->result);
}

static const struct ledger_vote *vote_like(const struct held *held, const struct ledger_vote *like)
{
    for (unsigned i = 0; i < held->count; i++)
        if (same_value(&held->vote[i], like))
            return &held->vote[i];
    return NULL;
}

unsigned count_any(const struct consensus *c, uint32_t round, enum ledger_vote_type type)
{
    const struct round_votes *rv = votes_of(c, round);
    unsigned count = 0;

    for (unsigned i = 0; rv != NULL && i < c->set.n; i++)
        count += rv->by[type][i].count > 0;
    return count;
}

static const struct ledger_vote *nil_prevote(const struct round_votes *rv, unsigned index)
{
    const struct held *held = &rv->by[LEDGER_PREVOTE][index];

    for (unsigned i = 0; i < held->count; i++)
        if (ledger_vote_is_nil(&held->vote[i]))
            return &held->vote[i];
    return NULL;
}

unsigned count_nil_prevotes(const struct consensus *c, uint32_t round)
{
    const struct round_votes *rv = votes_of(c, round);
    unsigned count = 0;

    for (unsigned i = 0; rv != NULL && i < c->set.n; i++)
        count += nil_prevote(rv, i) != NULL;
    return count;
}

unsigned count_signers(const struct consensus *c)
{
    unsigned count = 0;

    for (unsigned i = 0; i < c->set.n; i++) {
        bool seen = c->has_highest[i];

        for (unsigned r = 0; r < ROUNDS_HELD && !seen; r++)
            seen = c->rounds[r].used && (c->rounds[r].by[LEDGER_PREVOTE][i].count > 0 ||
                                         c->rounds[r].by[LEDGER_PRECOMMIT][i].count > 0);
        count += seen;
    }
    return count;
}

/* Evidence */

static void accuse(struct consensus *c, struct consensus_actions *out, unsigned index,
                   const struct ledger_vote *a, const struct ledger_vote *b)
{
    struct consensus_action *action;

    if ((c->evidence >> index & 1u) != 0)
        return; /* once per (signer, height) */
    c->evidence |= 1u << index;
    action = emit(out, c, CONSENSUS_EVIDENCE);
    action->vote = *a;
    action->other = *b;
}

/* PRECOMMIT(r, v) and PREVOTE(r', v', vr') with vr' < r < r': it was locked at r and forgot. */
static bool is_amnesia(const struct ledger_vote *precommit, const struct ledger_vote *prevote)
{
    return !ledger_vote_is_nil(precommit) && !ledger_vote_is_nil(prevote) &&
           prevote->valid_round < (int64_t)precommit->round && precommit->round < prevote->round;
}

static void find_amnesia(struct consensus *c, struct consensus_actions *out,
                         const struct ledger_vote *vote, unsigned index)
{
    enum ledger_vote_type other = vote->type == LEDGER_PREVOTE ? LEDGER_PRECOMMIT : LEDGER_PREVOTE;

    for (unsigned r = 0; r < ROUNDS_HELD; r++) {
        const struct held *held = &c->rounds[r].by[other][index];

        for (unsigned i = 0; c->rounds[r].used && i < held->count; i++) {
            const struct ledger_vote *precommit =
                vote->type == LEDGER_PRECOMMIT ? vote : &held->vote[i];
            const struct ledger_vote *prevote =
                vote->type == LEDGER_PREVOTE ? vote : &held->vote[i];

            if (is_amnesia(precommit, prevote))
                accuse(c, out, index, precommit, prevote);
        }
    }
}

void find_evidence(struct consensus *c, struct consensus_actions *out,
                   const struct ledger_vote *vote, unsigned index)
{
    const struct round_votes *rv = votes_of(c, vote->round);

    if (rv != NULL && rv->by[vote->type][index].count == VOTES_HELD)
        accuse(c, out, index, &rv->by[vote->type][index].vote[0],
               &rv->by[vote->type][index].vote[1]);
    if (vote->type != LEDGER_PROPOSAL)
        find_amnesia(c, out, vote, index);
}

/* Certificates */

static bool indexes_in_range(const struct consensus *c, const uint8_t *index, uint8_t q)
{
    if (q != ledger_set_quorum(&c->set))
        return false;
    for (unsigned i = 0; i < q; i++)
        if (index[i] >= c->set.n || (i > 0 && index[i] <= index[i - 1]))
            return false;
    return true;
}

bool polka_in_range(const struct consensus *c, const struct ledger_polka *p)
{
    return p->height == c->height && p->round <= LEDGER_ROUND_MAX && p->valid_round >= -1 &&
           p->valid_round < (int64_t)p->round && !crypto_hash_is_zero(&p->vid) &&
           indexes_in_range(c, p->index, p->q);
}

bool commit_in_range(const struct consensus *c, const struct ledger_certificate *p)
{
    return p->height == c->height && p->round <= LEDGER_ROUND_MAX &&
           !crypto_hash_is_zero(&p->vid) && !crypto_hash_is_zero(&p->result) &&
           indexes_in_range(c, p->index, p->q);
}

const struct ledger_polka *consensus_polka(const struct consensus *c, uint32_t round)
{
    for (unsigned i = 0; i < c->polka_count; i++)
        if (c->polkas[i].round == round)
            return &c->polkas[i];
    return NULL;
}

/* R5 waits for the polka that a proposal of our round names. */
static bool polka_matters(const struct consensus *c, uint32_t round)
{
    const struct round_votes *rv = votes_of(c, c->round);
    unsigned proposer = ledger_set_proposer(&c->set, c->height, c->round);

    if (round == c->round)
        return true;
    for (unsigned i = 0; rv != NULL && i < rv->by[LEDGER_PROPOSAL][proposer].count; i++)
        if (rv->by[LEDGER_PROPOSAL][proposer].vote[i].valid_round == (int64_t)round)
            return true;
    return false;
}

void keep_polka(struct consensus *c, const struct ledger_polka *polka)
{
    struct ledger_polka *lowest = NULL;

    if (consensus_polka(c, polka->round) != NULL)
        return; /* Two for one round differ only where more than f lie; the first one counts. */
    if (c->polka_count < POLKAS_HELD) {
        c->polkas[c->polka_count++] = *polka;
        return;
    }
    for (unsigned i = 0; i < POLKAS_HELD; i++)
        if (!polka_matters(c, c->polkas[i].round) &&
            (lowest == NULL || c->polkas[i].round < lowest->round))
            lowest = &c->polkas[i];
    assert(lowest != NULL); /* at most three matter */
    if (polka->round > lowest->round || polka_matters(c, polka->round))
        *lowest = *polka;
}

void keep_commit(struct consensus *c, struct consensus_actions *out,
                 const struct ledger_certificate *commit)
{
    if (!c->has_commit) {
        c->has_commit = true;
        c->commit = *commit;
        if (c->certified_height < commit->height)
            c->certified_height = commit->height;
    } else if (!crypto_hash_equal(&c->commit.vid, &commit->vid) ||
               !crypto_hash_equal(&c->commit.result, &commit->result)) {
        halt(c, out,
             "two commit certificates of one height differ: more than f validators lie and the "
             "ledger has forked; compare the nodes with `anju audit` before anything else");
    }
}

static void polka_of(struct ledger_polka *out, const struct consensus *c,
                     const struct round_votes *rv, const struct ledger_vote *like)
{
    memset(out, 0, sizeof *out);
    out->height = like->height;
    out->round = like->round;
    out->vid = like->vid;
    out->valid_round = like->valid_round;
    for (unsigned i = 0; i < c->set.n && out->q < ledger_set_quorum(&c->set); i++) {
        const struct ledger_vote *v = vote_like(&rv->by[LEDGER_PREVOTE][i], like);

        if (v != NULL) {
            out->index[out->q] = (uint8_t)i;
            out->sig[out->q++] = v->sig;
        }
    }
}

static void commit_of(struct ledger_certificate *out, const struct consensus *c,
                      const struct round_votes *rv, const struct ledger_vote *like)
{
    memset(out, 0, sizeof *out);
    out->height = like->height;
    out->round = like->round;
    out->vid = like->vid;
    out->result = like->result;
    for (unsigned i = 0; i < c->set.n && out->q < ledger_set_quorum(&c->set); i++) {
        const struct ledger_vote *v = vote_like(&rv->by[LEDGER_PRECOMMIT][i], like);

        if (v != NULL) {
            out->index[out->q] = (uint8_t)i;
            out->sig[out->q++] = v->sig;
        }
    }
}

void find_certificate(struct consensus *c, struct consensus_actions *out,
                      const struct ledger_vote *vote)
{
    const struct round_votes *rv = votes_of(c, vote->round);
    unsigned count = 0;

    if (rv == NULL || vote->type == LEDGER_PROPOSAL || ledger_vote_is_nil(vote))
        return;
    for (unsigned i = 0; i < c->set.n; i++)
        count += vote_like(&rv->by[vote->type][i], vote) != NULL;
    if (count < ledger_set_quorum(&c->set))
        return;
    if (vote->type == LEDGER_PREVOTE) {
        struct ledger_polka polka;

        polka_of(&polka, c, rv, vote);
        keep_polka(c, &polka);
    } else {
        struct ledger_certificate commit;

        commit_of(&commit, c, rv, vote);
        keep_commit(c, out, &commit);
    }
}

/* Tickets */

static void ticket_begin(struct ledger_ticket *out, const struct consensus *c, uint32_t round)
{
    memset(out, 0, sizeof *out);
    out->height = c->height;
    out->round = round;
}

bool ticket_of_precommits(struct ledger_ticket *out, const struct consensus *c)
{
    const struct round_votes *rv = votes_of(c, c->round);
    unsigned q = ledger_set_quorum(&c->set);

    ticket_begin(out, c, c->round + 1);
    for (unsigned i = 0; rv != NULL && i < c->set.n && out->n < q; i++)
        if (rv->by[LEDGER_PRECOMMIT][i].count > 0)
            out->vote[out->n++] = rv->by[LEDGER_PRECOMMIT][i].vote[0];
    return out->n == q;
}

bool ticket_of_nil_prevotes(struct ledger_ticket *out, const struct consensus *c)
{
    const struct round_votes *rv = votes_of(c, c->round);
    unsigned q = ledger_set_quorum(&c->set);

    ticket_begin(out, c, c->round + 1);
    for (unsigned i = 0; rv != NULL && i < c->set.n && out->n < q; i++)
        if (nil_prevote(rv, i) != NULL)
            out->vote[out->n++] = *nil_prevote(rv, i);
    return out->n == q;
}

/* The highest round at or above which s signers voted; ours where that is not above it. */
static uint32_t later_round(const struct consensus *c)
{
    uint32_t best = c->round;

    for (unsigned i = 0; i < c->set.n; i++) {
        unsigned count = 0;

        if (!c->has_highest[i] || c->highest[i].round <= best)
            continue;
        for (unsigned j = 0; j < c->set.n; j++)
            count += c->has_highest[j] && c->highest[j].round >= c->highest[i].round;
        if (count >= ledger_set_skip(&c->set))
            best = c->highest[i].round;
    }
    return best;
}

bool ticket_of_later(struct ledger_ticket *out, const struct consensus *c)
{
    uint32_t round = later_round(c);

    if (round <= c->round)
        return false;
    ticket_begin(out, c, round);
    for (unsigned i = 0; i < c->set.n && out->n < ledger_set_skip(&c->set); i++)
        if (c->has_highest[i] && c->highest[i].round >= round)
            out->vote[out->n++] = c->highest[i];
    return true;
}

enum reason { LATER, PRECOMMITS, NIL_PREVOTES, REASONS };

static bool serves(const struct ledger_vote *v, uint32_t round, enum reason reason)
{
    switch (reason) {
    case LATER:
        return v->round >= round;
    case PRECOMMITS:
        return v->round == round - 1 && v->type == LEDGER_PRECOMMIT;
    case NIL_PREVOTES:
        return v->round == round - 1 && v->type == LEDGER_PREVOTE && ledger_vote_is_nil(v);
    case REASONS:
        break;
    }
    return false;
}

bool ticket_trim(struct ledger_ticket *out, const struct consensus *c,
                 const struct ledger_ticket *in)
{
    if (in->height != c->height || in->round == 0 || in->round > LEDGER_ROUND_MAX ||
        in->n > LEDGER_SET_MAX)
        return false;
    for (unsigned i = 0; i < in->n; i++) {
        const struct ledger_vote *v = &in->vote[i];

        if (v->height != c->height || v->type == LEDGER_PROPOSAL || !vote_in_range(v) ||
            ledger_set_find(&c->set, &v->signer) < 0 ||
            (i > 0 && crypto_hash_compare(&in->vote[i - 1].signer, &v->signer) >= 0))
            return false;
    }
    for (enum reason reason = LATER; reason < REASONS; reason++) {
        unsigned need = reason == LATER ? ledger_set_skip(&c->set) : ledger_set_quorum(&c->set);

        ticket_begin(out, c, in->round);
        for (unsigned i = 0; i < in->n && out->n < need; i++)
            if (serves(&in->vote[i], in->round, reason))
                out->vote[out->n++] = in->vote[i];
        if (out->n == need)
            return true;
    }
    return false;
}

/* Results */

static void differs(struct consensus *c, struct consensus_actions *out,
                    const struct ledger_vote *vote, unsigned index)
{
    unsigned count = 0;
    const char *text = NULL;

    if ((c->differs >> index & 1u) != 0)
        return;
    c->differs |= 1u << index;
    for (unsigned i = 0; i < c->set.n; i++)
        count += c->differs >> i & 1u;
    if (count == ledger_set_skip(&c->set))
        text = "f + 1 validators precommitted a block with another result than this node computed: "
               "one of the two sides executes wrongly; compare versions and run `anju audit`";
    else if (count == 1)
        text = "a validator precommitted a block with another result than this node computed";
    if (text == NULL)
        return;
    struct consensus_action *action = emit(out, c, CONSENSUS_ALARM);
    action->vote = *vote;
    action->vid = vote->vid;
    action->text = text;
}

void compare_result(struct consensus *c, struct consensus_actions *out,
                    const struct ledger_vote *vote, unsigned index)
{
    const struct body *b;

    if (vote->type != LEDGER_PRECOMMIT || ledger_vote_is_nil(vote))
        return;
    b = body_find(c, &vote->vid);
    if (b != NULL && b->executed && !crypto_hash_equal(&b->result, &vote->result))
        differs(c, out, vote, index);
}

void compare_results(struct consensus *c, struct consensus_actions *out, const struct body *b)
{
    for (unsigned r = 0; r < ROUNDS_HELD; r++)
        for (unsigned i = 0; c->rounds[r].used && i < c->set.n; i++) {
            const struct held *held = &c->rounds[r].by[LEDGER_PRECOMMIT][i];

            for (unsigned k = 0; k < held->count; k++)
                if (crypto_hash_equal(&held->vote[k].vid, &b->vid) &&
                    !crypto_hash_equal(&held->vote[k].result, &b->result))
                    differs(c, out, &held->vote[k], i);
        }
}
