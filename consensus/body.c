#include "consensus/state.h"

#include <assert.h>
#include <string.h>

struct body *body_find(const struct consensus *c, const struct crypto_hash *vid)
{
    for (unsigned i = 0; i < BODIES_HELD; i++)
        if (c->bodies[i].used && crypto_hash_equal(&c->bodies[i].vid, vid))
            return (struct body *)&c->bodies[i];
    return NULL;
}

static bool proposed_now(const struct consensus *c, const struct crypto_hash *vid)
{
    const struct round_votes *rv = votes_of(c, c->round);

    if (rv == NULL)
        return false;
    const struct held *held =
        &rv->by[LEDGER_PROPOSAL][ledger_set_proposer(&c->set, c->height, c->round)];
    for (unsigned i = 0; i < held->count; i++)
        if (crypto_hash_equal(&held->vote[i].vid, vid))
            return true;
    return false;
}

/* At most six bodies are: they are never evicted. */
static bool matters(const struct consensus *c, const struct crypto_hash *vid)
{
    const struct ledger_polka *polka = consensus_polka(c, c->round);

    return (c->has_commit && crypto_hash_equal(&c->commit.vid, vid)) ||
           (c->locked_round >= 0 && crypto_hash_equal(&c->locked_vid, vid)) ||
           (c->valid_round >= 0 && crypto_hash_equal(&c->valid_vid, vid)) ||
           (polka != NULL && crypto_hash_equal(&polka->vid, vid)) || proposed_now(c, vid);
}

struct body *body_add(struct consensus *c, const struct crypto_hash *vid)
{
    struct body *b = body_find(c, vid);
    struct body *oldest = NULL;

    if (b != NULL)
        return b;
    for (unsigned i = 0; i < BODIES_HELD; i++) {
        struct body *at = &c->bodies[i];

        if (!at->used) {
            oldest = at;
            break;
        }
        if (!matters(c, &at->vid) && (oldest == NULL || at->age < oldest->age))
            oldest = at;
    }
    assert(oldest != NULL);
    memset(oldest, 0, sizeof *oldest);
    oldest->used = true;
    oldest->vid = *vid;
    oldest->age = ++c->body_age;
    return oldest;
}

static void ask(struct consensus *c, struct consensus_actions *out, struct body *b)
{
    b->asked = true;
    emit(out, c, CONSENSUS_NEED_BODY)->vid = b->vid;
}

struct body *body_want(struct consensus *c, struct consensus_actions *out,
                       const struct crypto_hash *vid)
{
    struct body *b = body_add(c, vid);

    if (!b->ready && !b->asked)
        ask(c, out, b);
    return b;
}

void body_execute(struct consensus *c, struct consensus_actions *out, struct body *b)
{
    assert(b->ready && b->is.valid);
    if (b->executed || b->executing)
        return;
    b->executing = true;
    emit(out, c, CONSENSUS_EXECUTE)->vid = b->vid;
}

/* `certified`: a polka or commit names it, so its result will be asked for. */
static void want(struct consensus *c, struct consensus_actions *out, const struct crypto_hash *vid,
                 bool certified)
{
    struct body *b = body_want(c, out, vid);

    if (certified && b->ready && b->is.valid)
        body_execute(c, out, b);
}

void bodies_want(struct consensus *c, struct consensus_actions *out)
{
    const struct round_votes *rv = votes_of(c, c->round);
    const struct ledger_polka *polka = consensus_polka(c, c->round);

    if (c->has_commit) {
        want(c, out, &c->commit.vid, true);
        return; /* Nothing else will be decided. */
    }
    if (polka != NULL)
        want(c, out, &polka->vid, true);
    if (rv == NULL)
        return;
    const struct held *held =
        &rv->by[LEDGER_PROPOSAL][ledger_set_proposer(&c->set, c->height, c->round)];
    for (unsigned i = 0; i < held->count; i++)
        want(c, out, &held->vote[i].vid, false);
}

void bodies_ask_again(struct consensus *c)
{
    for (unsigned i = 0; i < BODIES_HELD; i++) {
        c->bodies[i].asked = false;
        c->bodies[i].executing = c->bodies[i].executed;
    }
}
