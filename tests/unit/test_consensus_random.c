/* Anything at all, said by all the others together, more than f as they are. */
#include "tests/unit/consensus_script.h"
#include "tests/unit/unit.h"

static uint64_t random_state;

static unsigned below(unsigned bound)
{
    random_state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t x = random_state;
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (unsigned)((x ^ (x >> 31)) % bound);
}

static struct crypto_hash any_vid(void)
{
    return (struct crypto_hash){{(uint8_t)below(4), 1}};
}

static uint32_t any_round(void)
{
    uint32_t round = status().round + below(7);

    return below(200) == 0 ? LEDGER_ROUND_MAX - below(3) : round < 4 ? below(4) : round - 4;
}

/* Any validator may say anything, ours not: what we signed is checked for contradictions. */
static void any_vote(void)
{
    struct crypto_hash vid = below(4) == 0 ? NIL : any_vid();
    struct ledger_vote v;
    unsigned signer = below(s.set.n);
    uint32_t round = any_round();

    if (signer == s.self)
        return;
    v = make_vote((enum ledger_vote_type)below(3), signer, round, &vid, -1);
    if (v.type != LEDGER_PRECOMMIT && below(2) == 0 && round > 0 && !crypto_hash_is_zero(&vid))
        v.valid_round = (int32_t)below(round);
    if (v.type == LEDGER_PROPOSAL)
        v.signer = s.set.node[ledger_set_proposer(&s.set, HEIGHT, round)].id;
    if (crypto_hash_equal(&v.signer, &s.set.node[s.self].id))
        return;
    v.height += below(10) == 0;
    feed_vote(&v);
}

static void any_certificate(void)
{
    struct crypto_hash vid = any_vid(), result = result_of(&vid);
    uint32_t round = any_round();
    struct ledger_polka polka = make_polka(round, &vid, round > 0 ? (int32_t)below(round) : -1);
    struct ledger_certificate commit = make_commit(HEIGHT, round, &vid, &result);

    if (below(60) == 0)
        feed_commit(&commit);
    else
        feed_polka(&polka);
}

static void any_ticket(void)
{
    static struct ledger_ticket t;
    uint32_t round = any_round() + 1;
    bool precommits = below(2) == 0;

    t = (struct ledger_ticket){.height = HEIGHT, .round = round};
    for (unsigned i = 0; i + 1 < s.set.n; i++)
        t.vote[t.n++] =
            make_vote(precommits ? LEDGER_PRECOMMIT : LEDGER_PREVOTE, i, round - 1, &NIL, -1);
    if (t.n > 0)
        feed_ticket(&t);
}

static void any_answer(void)
{
    struct crypto_hash vid = any_vid();
    struct consensus_body b = good_body(&vid, status().round);

    b.valid = below(8) != 0;
    b.empty = below(4) == 0;
    switch (below(3)) {
    case 0:
        feed_body(&b);
        break;
    case 1:
        executed(&vid);
        break;
    default:
        value(status().round, &vid);
        break;
    }
}

static void any_event(void)
{
    unsigned kind = below(100);

    if (kind < 55)
        any_vote();
    else if (kind < 62)
        any_certificate();
    else if (kind < 66)
        any_ticket();
    else if (kind < 85)
        any_answer();
    else if (kind < 95)
        expire((enum consensus_timer)below(3), status().round);
    else if (kind < 97)
        need((enum consensus_need)below(4));
    else if (kind < 99 || s.slot.size == 0)
        resend_tick();
    else
        script_restart();
}

/* With all others lying together nothing can be promised but this: it does not fall over, keeps its
 * bounds (asserted inside), and never signs two things for one (round, type). */
START_TEST(whatever_all_the_others_say_it_stands_and_signs_nothing_twice)
{
    static const unsigned sizes[] = {1, 4, 7, 31};

    for (unsigned run = 0; run < 6; run++) {
        static struct ledger_vote said[4096];
        unsigned said_count = 0;

        random_state = (uint64_t)_i * 1000 + run;
        script_begin(sizes[_i % 4], sizes[_i % 4] - 1);
        for (unsigned i = 0; i < 1500 && said_count < 4000; i++) {
            any_event();
            for (unsigned type = LEDGER_PROPOSAL; type <= LEDGER_PRECOMMIT; type++) {
                const struct ledger_vote *v = signed_vote((enum ledger_vote_type)type);

                for (unsigned k = 0; v != NULL && k < said_count; k++)
                    if (said[k].type == v->type && said[k].round == v->round)
                        ck_assert(ledger_vote_equal(&said[k], v));
                if (v != NULL)
                    said[said_count++] = *v;
            }
        }
    }
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *tc = tcase_create("random");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, NULL, script_free);
    tcase_add_loop_test(tc, whatever_all_the_others_say_it_stands_and_signs_nothing_twice, 0, 12);
    suite_add_tcase(suite, tc);
}

UNIT_MAIN("consensus random", add_tests)
