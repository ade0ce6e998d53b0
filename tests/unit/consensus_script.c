#include "tests/unit/consensus_script.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { GOT_MAX = 256, DEPTH_MAX = 32 };

struct script s;
const struct crypto_hash A = {{0xaa, 1}}, B = {{0xbb, 2}}, NIL = {{0}};

static struct consensus_action *all;
static size_t all_count;
/* One step's actions are carried out while the votes among them are handed back. */
static struct consensus_actions *pool[DEPTH_MAX];
static unsigned depth;

static const struct consensus_timeouts TIMEOUTS = {
    .propose = 600,
    .propose_step = 300,
    .vote = 200,
    .vote_step = 100,
    .cap = 10000,
    .flagged_propose = 50,
    .precision = 500,
    .message_delay = 2000,
};

size_t got_count(enum consensus_action_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < all_count; i++)
        count += all[i].kind == kind;
    return count;
}

size_t got_index(enum consensus_action_kind kind)
{
    for (size_t i = 0; i < all_count; i++)
        if (all[i].kind == kind)
            return i;
    return SIZE_MAX;
}

const struct consensus_action *got(enum consensus_action_kind kind)
{
    size_t i = got_index(kind);

    return i == SIZE_MAX ? NULL : &all[i];
}

const struct ledger_vote *signed_vote(enum ledger_vote_type type)
{
    for (size_t i = 0; i < all_count; i++)
        if (all[i].kind == CONSENSUS_SIGN_SEND && all[i].vote.type == type)
            return &all[i].vote;
    return NULL;
}

bool armed(enum consensus_timer timer, uint32_t *ms)
{
    for (size_t i = 0; i < all_count; i++)
        if (all[i].kind == CONSENSUS_ARM && all[i].timer == timer) {
            if (ms != NULL)
                *ms = all[i].ms;
            return true;
        }
    return false;
}

static struct crypto_sig signature_of(const struct ledger_vote *v)
{
    struct crypto_sig sig = {{0}};

    sig.b[0] = (uint8_t)(v->signer.b[0] + 1);
    sig.b[1] = (uint8_t)v->round;
    sig.b[2] = v->vid.b[0];
    return sig;
}

static void run(const struct consensus_event *e)
{
    struct consensus_actions *out;

    ck_assert_uint_lt(depth, DEPTH_MAX);
    if (pool[depth] == NULL)
        pool[depth] = (struct consensus_actions *)anju_alloc(sizeof *out);
    out = pool[depth++];
    out->count = 0;
    consensus_step(s.c, out, e);
    for (size_t i = 0; i < out->count; i++) {
        const struct consensus_action *a = &out->items[i];

        ck_assert_uint_lt(all_count, GOT_MAX);
        all[all_count++] = *a;
        if (consensus_slot_changed(s.c)) {
            writer_clear(&s.slot);
            consensus_slot_encode(&s.slot, s.c);
        }
        if (a->kind == CONSENSUS_SIGN_SEND) {
            struct ledger_vote v = a->vote;

            v.sig = signature_of(&v);
            run(&(struct consensus_event){
                .kind = CONSENSUS_EVENT_VOTE, .now_ms = s.now_ms, .vote = &v});
        }
    }
    if (consensus_slot_changed(s.c)) {
        writer_clear(&s.slot);
        consensus_slot_encode(&s.slot, s.c);
    }
    depth--;
}

void feed(const struct consensus_event *e)
{
    struct consensus_event timed = *e;

    timed.now_ms = s.now_ms;
    all_count = 0;
    run(&timed);
}

void script_init(unsigned n, unsigned self)
{
    script_free();
    memset(&s, 0, sizeof s);
    all = (struct consensus_action *)anju_alloc(GOT_MAX * sizeof *all);
    s.c = (struct consensus *)anju_alloc(consensus_size());
    s.self = self;
    s.now_ms = UINT64_C(1893456000000);
    s.set.n = (uint8_t)n;
    s.set.since = 1;
    s.set.hash.b[0] = 5;
    for (unsigned i = 0; i < n; i++)
        s.set.node[i].id.b[0] = (uint8_t)(i + 1);
    consensus_init(s.c, &s.set.node[self].id, &TIMEOUTS);
}

void script_start_as(uint64_t height, bool may_sign, bool caught_up)
{
    struct consensus_event e = {.kind = CONSENSUS_EVENT_START};

    e.start = (struct consensus_start){.height = height,
                                       .set = &s.set,
                                       .previous_time_ms = s.now_ms - 1000,
                                       .may_sign = may_sign,
                                       .caught_up = caught_up};
    feed(&e);
}

void script_start(uint64_t height)
{
    script_start_as(height, true, true);
}

void script_begin(unsigned n, unsigned self)
{
    script_init(n, self);
    script_start(HEIGHT);
    need(CONSENSUS_NEED_BATCH);
}

void script_restart(void)
{
    static struct consensus_slot slot;
    struct consensus_event e = {.kind = CONSENSUS_EVENT_START};

    ck_assert_int_eq(consensus_slot_decode(&slot, writer_view(&s.slot)), ANJU_OK);
    consensus_init(s.c, &s.set.node[s.self].id, &TIMEOUTS);
    e.start = (struct consensus_start){.height = slot.height,
                                       .set = &s.set,
                                       .previous_time_ms = s.now_ms - 1000,
                                       .may_sign = true,
                                       .caught_up = true,
                                       .slot = &slot};
    feed(&e);
}

void script_free(void)
{
    writer_free(&s.slot);
    free(s.c);
    free(all);
    for (unsigned i = 0; i < DEPTH_MAX; i++) {
        free(pool[i]);
        pool[i] = NULL;
    }
    depth = 0;
    all = NULL;
    s.c = NULL;
    all_count = 0;
}

struct crypto_hash result_of(const struct crypto_hash *vid)
{
    struct crypto_hash result = *vid;

    result.b[31] = 0x99;
    return result;
}

struct ledger_vote make_vote(enum ledger_vote_type type, unsigned signer, uint32_t round,
                             const struct crypto_hash *vid, int32_t valid_round)
{
    struct ledger_vote v = {.type = type,
                            .height = HEIGHT,
                            .round = round,
                            .valid_round = valid_round,
                            .signer = s.set.node[signer].id,
                            .vid = *vid};

    if (type == LEDGER_PRECOMMIT && !crypto_hash_is_zero(vid))
        v.result = result_of(vid);
    v.sig = signature_of(&v);
    return v;
}

struct ledger_polka make_polka(uint32_t round, const struct crypto_hash *vid, int32_t valid_round)
{
    struct ledger_polka p = {.height = HEIGHT,
                             .round = round,
                             .vid = *vid,
                             .valid_round = valid_round,
                             .q = (uint8_t)ledger_set_quorum(&s.set)};

    for (unsigned i = 0; i < p.q; i++) {
        struct ledger_vote v = make_vote(LEDGER_PREVOTE, i, round, vid, valid_round);

        p.index[i] = (uint8_t)i;
        p.sig[i] = v.sig;
    }
    return p;
}

struct ledger_certificate make_commit(uint64_t height, uint32_t round,
                                      const struct crypto_hash *vid,
                                      const struct crypto_hash *result)
{
    struct ledger_certificate c = {.height = height,
                                   .round = round,
                                   .vid = *vid,
                                   .result = *result,
                                   .q = (uint8_t)ledger_set_quorum(&s.set)};

    for (unsigned i = 0; i < c.q; i++) {
        c.index[i] = (uint8_t)i;
        c.sig[i].b[0] = (uint8_t)(i + 1);
    }
    return c;
}

void feed_vote(const struct ledger_vote *v)
{
    feed(&(struct consensus_event){.kind = CONSENSUS_EVENT_VOTE, .vote = v});
}

void propose(uint32_t round, const struct crypto_hash *vid, int32_t valid_round)
{
    unsigned proposer = ledger_set_proposer(&s.set, HEIGHT, round);
    struct ledger_vote v = make_vote(LEDGER_PROPOSAL, proposer, round, vid, valid_round);

    feed_vote(&v);
}

void prevote_by(unsigned signer, uint32_t round, const struct crypto_hash *vid, int32_t valid_round)
{
    struct ledger_vote v = make_vote(LEDGER_PREVOTE, signer, round, vid, valid_round);

    feed_vote(&v);
}

void precommit_by(unsigned signer, uint32_t round, const struct crypto_hash *vid)
{
    struct ledger_vote v = make_vote(LEDGER_PRECOMMIT, signer, round, vid, -1);

    feed_vote(&v);
}

void feed_polka(const struct ledger_polka *p)
{
    feed(&(struct consensus_event){.kind = CONSENSUS_EVENT_POLKA, .polka = p});
}

void feed_commit(const struct ledger_certificate *c)
{
    feed(&(struct consensus_event){.kind = CONSENSUS_EVENT_COMMIT, .commit = c});
}

void feed_ticket(const struct ledger_ticket *t)
{
    feed(&(struct consensus_event){.kind = CONSENSUS_EVENT_TICKET, .ticket = t});
}

struct consensus_body good_body(const struct crypto_hash *vid, uint32_t round)
{
    unsigned proposer = ledger_set_proposer(&s.set, HEIGHT, round);

    return (struct consensus_body){.vid = *vid,
                                   .valid = true,
                                   .empty = false,
                                   .proposer = s.set.node[proposer].id,
                                   .time_ms = s.now_ms};
}

void feed_body(const struct consensus_body *b)
{
    struct consensus_event e = {.kind = CONSENSUS_EVENT_BODY};

    e.body = *b;
    feed(&e);
}

void body(const struct crypto_hash *vid, uint32_t round)
{
    struct consensus_body b = good_body(vid, round);

    feed_body(&b);
}

void executed_as(const struct crypto_hash *vid, const struct crypto_hash *result)
{
    struct consensus_event e = {.kind = CONSENSUS_EVENT_EXECUTED};

    e.executed.vid = *vid;
    e.executed.result = *result;
    feed(&e);
}

void executed(const struct crypto_hash *vid)
{
    struct crypto_hash result = result_of(vid);

    executed_as(vid, &result);
}

void value(uint32_t round, const struct crypto_hash *vid)
{
    struct consensus_event e = {.kind = CONSENSUS_EVENT_VALUE};

    e.value.height = HEIGHT;
    e.value.round = round;
    e.value.vid = *vid;
    feed(&e);
}

void expire(enum consensus_timer timer, uint32_t round)
{
    struct consensus_event e = {.kind = CONSENSUS_EVENT_TIMER};

    e.timer.timer = timer;
    e.timer.height = HEIGHT;
    e.timer.round = round;
    feed(&e);
}

void need(enum consensus_need reason)
{
    feed(&(struct consensus_event){.kind = CONSENSUS_EVENT_NEED, .need = reason});
}

void resend_tick(void)
{
    feed(&(struct consensus_event){.kind = CONSENSUS_EVENT_RESEND});
}

struct consensus_status status(void)
{
    struct consensus_status out;

    consensus_status(&out, s.c);
    return out;
}

void ck_vid(const struct ledger_vote *v, const struct crypto_hash *vid)
{
    ck_assert_ptr_nonnull(v);
    ck_assert_int_eq(crypto_hash_compare(&v->vid, vid), 0);
}

void jump(uint32_t round)
{
    precommit_by(0, round, &NIL);
    precommit_by(1, round, &NIL);
    ck_assert_uint_eq(status().round, round);
}

void lock_a(void)
{
    script_begin(4, 3);
    propose(0, &A, -1);
    body(&A, 0);
    executed(&A);
    prevote_by(0, 0, &A, -1);
    prevote_by(1, 0, &A, -1);
    ck_vid(signed_vote(LEDGER_PRECOMMIT), &A);
}
