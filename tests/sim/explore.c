#include "tests/sim/explore.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 4, ROUNDS = 5, POLKAS = 16, VOTES = 64, DEPTH = 24, VALUES = 2 * ROUNDS };

struct member {
    struct consensus *core;
    bool armed[3];
    uint32_t armed_round[3];
    bool decided;
    struct crypto_hash decision;
    struct writer slot;
};

struct scene {
    uint64_t rng, seed;
    struct ledger_set set;
    unsigned liar;
    struct member m[N];
    unsigned count; /* what honest validators signed */
    struct ledger_vote vote[VOTES];
    unsigned polka_count; /* what anybody may show */
    struct ledger_polka polka[POLKAS];
    unsigned values;
    unsigned density; /* of what is heard, in percent */
    unsigned depth;
    struct consensus_actions *actions[DEPTH];
    char why[160];
    struct explored *sum;
};

static const struct consensus_timeouts TIMEOUTS = {
    .propose = 1, .vote = 1, .cap = 10, .precision = 500, .message_delay = 2000};
static const uint64_t TIME = LEDGER_TIME_MIN + 1000;

static unsigned below(struct scene *s, unsigned bound)
{
    s->rng += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t x = s->rng;
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (unsigned)((x ^ (x >> 31)) % bound);
}

static bool heard(struct scene *s)
{
    return below(s, 100) < s->density;
}

static void fail(struct scene *s, const char *what)
{
    if (s->why[0] == 0)
        snprintf(s->why, sizeof s->why, "%s", what);
}

static struct crypto_hash value_of(unsigned number)
{
    struct crypto_hash vid = {{(uint8_t)(number + 1)}};

    return vid;
}

static struct crypto_hash result_of(const struct crypto_hash *vid)
{
    struct crypto_hash result = *vid;

    result.b[1] = 9;
    return result;
}

static bool honest(const struct scene *s, unsigned i)
{
    return i != s->liar;
}

static void give(struct scene *s, unsigned to, const struct consensus_event *e);

static void know_polka(struct scene *s, const struct ledger_polka *p)
{
    for (unsigned i = 0; i < s->polka_count; i++)
        if (s->polka[i].round == p->round && crypto_hash_equal(&s->polka[i].vid, &p->vid))
            return;
    if (s->polka_count < POLKAS)
        s->polka[s->polka_count++] = *p;
}

static void remember(struct scene *s, const struct ledger_vote *v)
{
    for (unsigned i = 0; i < s->count; i++) {
        const struct ledger_vote *o = &s->vote[i];

        if (o->type == v->type && o->round == v->round &&
            crypto_hash_equal(&o->signer, &v->signer)) {
            if (!ledger_vote_equal(o, v))
                fail(s, "an honest validator signed twice");
            return;
        }
    }
    assert(s->count < VOTES);
    s->vote[s->count++] = *v;
}

static void decide(struct scene *s, unsigned i, const struct crypto_hash *vid)
{
    s->m[i].decided = true;
    s->m[i].decision = *vid;
    s->sum->decided++;
    for (unsigned k = 0; k < N; k++)
        if (s->m[k].decided && !crypto_hash_equal(&s->m[k].decision, vid))
            fail(s, "FORK");
}

static void give_body(struct scene *s, unsigned i, const struct crypto_hash *vid)
{
    struct consensus_event e = {.kind = CONSENSUS_EVENT_BODY, .now_ms = TIME, .from = -1};
    unsigned number = vid->b[0] - 1u;

    e.body = (struct consensus_body){.vid = *vid, .valid = true, .time_ms = TIME};
    e.body.proposer = s->set.node[ledger_set_proposer(&s->set, 1, number / 2)].id;
    give(s, i, &e);
}

static void keep_slot(struct member *m)
{
    if (!consensus_slot_changed(m->core))
        return;
    writer_clear(&m->slot);
    consensus_slot_encode(&m->slot, m->core);
}

static void act(struct scene *s, unsigned i, const struct consensus_action *a)
{
    struct member *m = &s->m[i];
    struct consensus_event e = {.now_ms = TIME, .from = -1};
    struct ledger_vote vote = a->vote;

    switch (a->kind) {
    case CONSENSUS_SIGN_SEND:
        vote.sig.b[0] = 1;
        remember(s, &vote);
        e.kind = CONSENSUS_EVENT_VOTE;
        e.vote = &vote;
        give(s, i, &e);
        break;
    case CONSENSUS_SEND_POLKA:
    case CONSENSUS_KEEP_POLKA:
        know_polka(s, &a->polka);
        break;
    case CONSENSUS_GET_VALUE:
        e.kind = CONSENSUS_EVENT_VALUE;
        e.value.height = 1;
        e.value.round = a->round;
        e.value.vid = value_of(2 * a->round);
        give_body(s, i, &e.value.vid);
        give(s, i, &e);
        break;
    case CONSENSUS_NEED_BODY:
        give_body(s, i, &a->vid);
        break;
    case CONSENSUS_EXECUTE:
        e.kind = CONSENSUS_EVENT_EXECUTED;
        e.executed.vid = a->vid;
        e.executed.result = result_of(&a->vid);
        give(s, i, &e);
        break;
    case CONSENSUS_ARM:
        m->armed[a->timer] = true;
        m->armed_round[a->timer] = a->round;
        break;
    case CONSENSUS_CANCEL:
        m->armed[a->timer] = false;
        break;
    case CONSENSUS_DECIDE:
        decide(s, i, &a->vid);
        break;
    case CONSENSUS_EVIDENCE:
        if (!crypto_hash_equal(&a->vote.signer, &s->set.node[s->liar].id))
            fail(s, "evidence against an honest validator");
        break;
    case CONSENSUS_FATAL:
        fail(s, a->text);
        break;
    case CONSENSUS_SEND_VOTE:
    case CONSENSUS_SEND_COMMIT:
    case CONSENSUS_SEND_TICKET:
    case CONSENSUS_ALARM:
        break;
    }
}

static void give(struct scene *s, unsigned to, const struct consensus_event *e)
{
    struct member *m = &s->m[to];
    struct consensus_actions *out;

    if (!honest(s, to) || (m->decided && e->kind != CONSENSUS_EVENT_START) || s->why[0] != 0)
        return;
    assert(s->depth < DEPTH);
    out = s->actions[s->depth++];
    out->count = 0;
    consensus_step(m->core, out, e);
    keep_slot(m);
    for (size_t i = 0; i < out->count; i++)
        act(s, to, &out->items[i]);
    keep_slot(m);
    s->depth--;
}

static void start(struct scene *s, unsigned i, const struct consensus_slot *slot)
{
    struct consensus_event e = {.kind = CONSENSUS_EVENT_START, .now_ms = TIME, .from = -1};

    memset(s->m[i].armed, 0, sizeof s->m[i].armed);
    consensus_init(s->m[i].core, &s->set.node[i].id, &TIMEOUTS);
    e.start = (struct consensus_start){.height = 1,
                                       .set = &s->set,
                                       .previous_time_ms = LEDGER_TIME_MIN,
                                       .slot = slot,
                                       .may_sign = true,
                                       .caught_up = true};
    give(s, i, &e);
    e.kind = CONSENSUS_EVENT_NEED;
    e.need = CONSENSUS_NEED_BATCH;
    give(s, i, &e);
}

/* Everything that was emitted is durable: a crash loses what it heard, not what it said. */
static void maybe_restart(struct scene *s, unsigned i)
{
    static struct consensus_slot slot;

    if (!honest(s, i) || s->m[i].decided || below(s, 100) >= 6 || s->m[i].slot.size == 0)
        return;
    s->sum->restarts++;
    if (consensus_slot_decode(&slot, writer_view(&s->m[i].slot)) != ANJU_OK)
        fail(s, "a slot does not decode");
    else
        start(s, i, &slot);
}

static void give_vote(struct scene *s, unsigned to, const struct ledger_vote *v)
{
    struct consensus_event e = {
        .kind = CONSENSUS_EVENT_VOTE, .now_ms = TIME, .from = -1, .vote = v};

    if (!crypto_hash_equal(&s->set.node[to].id, &v->signer))
        give(s, to, &e);
}

static void give_polkas(struct scene *s, unsigned to)
{
    for (unsigned i = 0; i < s->polka_count; i++)
        if (heard(s)) {
            struct ledger_polka p = s->polka[i];

            give(s, to,
                 &(struct consensus_event){
                     .kind = CONSENSUS_EVENT_POLKA, .now_ms = TIME, .from = -1, .polka = &p});
        }
}

static struct crypto_hash some_value(struct scene *s, uint32_t round)
{
    return value_of(below(s, 2 * (round + 1)));
}

/* What the liar tells one validator: what somebody else said, nil, or anything. */
static bool lie(struct scene *s, struct ledger_vote *v, enum ledger_vote_type type, uint32_t round)
{
    unsigned same = 0;
    const struct ledger_vote *pick = NULL;

    for (unsigned i = 0; i < s->count; i++)
        if (s->vote[i].type == type && s->vote[i].round == round && below(s, ++same) == 0)
            pick = &s->vote[i];
    memset(v, 0, sizeof *v);
    v->valid_round = -1;
    if (type != LEDGER_PROPOSAL && pick != NULL && below(s, 100) < 70)
        *v = *pick;
    v->type = type;
    v->height = 1;
    v->round = round;
    v->signer = s->set.node[s->liar].id;
    v->sig.b[0] = 2;
    if (type == LEDGER_PROPOSAL || (pick == NULL && below(s, 2) == 0)) {
        v->vid = some_value(s, round);
        if (type != LEDGER_PRECOMMIT && round > 0 && below(s, 100) < 70)
            v->valid_round = (int32_t)below(s, round);
        if (type == LEDGER_PRECOMMIT)
            v->result = result_of(&v->vid);
    }
    return below(s, 100) < 85;
}

static void expire(struct scene *s, unsigned i, enum consensus_timer timer, uint32_t round)
{
    struct consensus_event e = {.kind = CONSENSUS_EVENT_TIMER, .now_ms = TIME, .from = -1};

    if (!s->m[i].armed[timer] || s->m[i].armed_round[timer] != round)
        return;
    s->m[i].armed[timer] = false;
    e.timer.timer = timer;
    e.timer.height = 1;
    e.timer.round = round;
    give(s, i, &e);
}

/* One kind of message of one round, to whoever hears it; then the timer that ends the phase. */
static void phase(struct scene *s, enum ledger_vote_type type, uint32_t round,
                  enum consensus_timer timer)
{
    static const unsigned densities[] = {25, 50, 50, 75, 100};

    s->density = densities[below(s, 5)];
    for (unsigned to = 0; to < N; to++) {
        struct ledger_vote v;
        unsigned count = s->count;

        if (type != LEDGER_PREVOTE)
            give_polkas(s, to);
        for (unsigned i = 0; i < count; i++)
            if (s->vote[i].type == type && s->vote[i].round == round && heard(s)) {
                v = s->vote[i];
                give_vote(s, to, &v);
            }
        bool speaks = type != LEDGER_PROPOSAL || ledger_set_proposer(&s->set, 1, round) == s->liar;
        if (speaks && lie(s, &v, type, round))
            give_vote(s, to, &v);
    }
    for (unsigned i = 0; i < N; i++)
        maybe_restart(s, i);
    for (unsigned i = 0; i < N; i++)
        expire(s, i, timer, round);
}

/* Brings everybody who still votes into the next round, by tickets, or by all that was said in
 * this. */
static void next_round(struct scene *s, uint32_t round)
{
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned a = 0; a < N; a++) {
            const struct ledger_ticket *t = honest(s, a) ? consensus_ticket(s->m[a].core) : NULL;

            for (unsigned b = 0; t != NULL && b < N; b++)
                if (b != a) {
                    struct ledger_ticket copy = *t;

                    give(s, b,
                         &(struct consensus_event){.kind = CONSENSUS_EVENT_TICKET,
                                                   .now_ms = TIME,
                                                   .from = -1,
                                                   .ticket = &copy});
                }
        }
        if (pass == 1)
            return;
        for (unsigned i = 0; i < N; i++) {
            struct consensus_status st;

            consensus_status(&st, s->m[i].core);
            if (!honest(s, i) || s->m[i].decided || st.round > round)
                continue;
            for (unsigned k = 0; k < s->count; k++) {
                struct ledger_vote v = s->vote[k];

                if (v.round == round && v.type != LEDGER_PROPOSAL)
                    give_vote(s, i, &v);
            }
            expire(s, i, CONSENSUS_TIMER_PREVOTE, round);
            expire(s, i, CONSENSUS_TIMER_PRECOMMIT, round);
        }
    }
}

static void play(struct scene *s)
{
    for (unsigned i = 0; i < N; i++)
        if (honest(s, i))
            start(s, i, NULL);
    for (uint32_t round = 0; round < ROUNDS && s->why[0] == 0; round++) {
        phase(s, LEDGER_PROPOSAL, round, CONSENSUS_TIMER_PROPOSE);
        phase(s, LEDGER_PREVOTE, round, CONSENSUS_TIMER_PREVOTE);
        phase(s, LEDGER_PRECOMMIT, round, CONSENSUS_TIMER_PRECOMMIT);
        next_round(s, round);
    }
}

bool explore(struct explored *out, char why[EXPLORE_WHY_SIZE], uint64_t seed, uint64_t count)
{
    static struct scene s;

    for (unsigned i = 0; i < N && s.m[i].core == NULL; i++)
        s.m[i].core = (struct consensus *)anju_alloc(consensus_size());
    for (unsigned i = 0; i < DEPTH && s.actions[i] == NULL; i++)
        s.actions[i] = (struct consensus_actions *)anju_alloc(sizeof **s.actions);
    s.sum = out;
    s.set.n = N;
    s.set.hash.b[0] = 1;
    for (unsigned i = 0; i < N; i++)
        s.set.node[i].id.b[0] = (uint8_t)(i + 1);
    for (uint64_t k = 0; k < count; k++) {
        s.rng = s.seed = seed + k;
        s.liar = below(&s, N);
        s.count = s.polka_count = s.depth = 0;
        s.why[0] = 0;
        for (unsigned i = 0; i < N; i++) {
            s.m[i].decided = false;
            writer_clear(&s.m[i].slot);
        }
        play(&s);
        out->scenes++;
        if (s.why[0] != 0) {
            snprintf(why, EXPLORE_WHY_SIZE, "scene %llu: %s", (unsigned long long)s.seed, s.why);
            return false;
        }
    }
    return true;
}
