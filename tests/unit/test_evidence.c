/*
 * Proofs that a validator contradicted itself (ledger/evidence.h), their bytes, and that nobody can
 * be accused by messages that do not contradict each other.
 */
#include "fake_world.h"
#include "ledger/evidence.h"
#include "unit.h"

#include <string.h>

#include "storage/evidence_files.h"
#include "tests/toy/tempdir.c"

static struct fixture f;

static void setup(void)
{
    fixture_init(&f, 4, NULL, 0);
}

static void teardown(void)
{
    fixture_deinit(&f);
}

static const struct crypto_hash *ledger(void)
{
    return &f.registry->ledger_id;
}

static struct crypto_hash hash_of(const char *text)
{
    struct crypto_hash h;

    crypto_sha256(&h, bytes_of_text(text));
    return h;
}

/* `vid` NULL: nil. */
static struct ledger_vote vote(enum ledger_vote_type type, unsigned signer, uint64_t height,
                               uint32_t round, const char *vid, int32_t valid_round)
{
    struct ledger_vote v = {.type = type,
                            .height = height,
                            .round = round,
                            .valid_round = valid_round,
                            .signer = f.registry->set.node[signer].id};

    if (vid != NULL)
        v.vid = hash_of(vid);
    if (vid != NULL && type == LEDGER_PRECOMMIT)
        v.result = hash_of("result");
    ck_assert_int_eq(ledger_vote_sign(&v, &f.node[signer], ledger()), ANJU_OK);
    return v;
}

static enum anju_err verify(uint32_t *convicts, const struct ledger_evidence *e)
{
    return ledger_evidence_verify(convicts, e, &f.registry->set, ledger());
}

/* Through the bytes and back, and convicts these and nobody else. */
static void convicts(const struct ledger_evidence *e, enum ledger_evidence_kind kind, uint32_t whom)
{
    struct ledger_evidence again;
    struct writer w = {0};
    uint32_t got;

    ledger_evidence_encode(&w, e, ledger());
    ck_assert_uint_le(writer_view(&w).size, LEDGER_EVIDENCE_SIZE_MAX);
    ck_assert_int_eq(ledger_evidence_decode(&again, writer_view(&w), ledger()), ANJU_OK);
    ck_assert_int_eq(again.kind, kind);
    ck_assert_int_eq(verify(&got, &again), ANJU_OK);
    ck_assert_uint_eq(got, whom);
    for (size_t size = 0; size < writer_view(&w).size; size++)
        ck_assert_int_ne(
            ledger_evidence_decode(&again, bytes_of(writer_view(&w).data, size), ledger()),
            ANJU_OK);
    writer_u8(&w, 0);
    ck_assert_int_ne(ledger_evidence_decode(&again, writer_view(&w), ledger()), ANJU_OK);
    writer_free(&w);
}

START_TEST(two_votes_or_proposals_of_one_round_convict_their_signer)
{
    struct ledger_evidence e, turned;
    struct writer x = {0}, y = {0};
    struct ledger_vote a = vote(LEDGER_PREVOTE, 2, 7, 1, "a", -1),
                       b = vote(LEDGER_PREVOTE, 2, 7, 1, NULL, -1);

    ck_assert_int_eq(ledger_evidence_of_votes(&e, &a, &b), ANJU_OK);
    convicts(&e, LEDGER_EVIDENCE_VOTE, 1 << 2);
    /* One proof whichever came first. */
    ck_assert_int_eq(ledger_evidence_of_votes(&turned, &b, &a), ANJU_OK);
    ledger_evidence_encode(&x, &e, ledger());
    ledger_evidence_encode(&y, &turned, ledger());
    ck_assert(bytes_equal(writer_view(&x), writer_view(&y)));
    writer_free(&x);
    writer_free(&y);
    a = vote(LEDGER_PREVOTE, 0, 7, 3, "a", -1);
    b = vote(LEDGER_PREVOTE, 0, 7, 3, "a", 1); /* the same block with another reason */
    ck_assert_int_eq(ledger_evidence_of_votes(&e, &a, &b), ANJU_OK);
    convicts(&e, LEDGER_EVIDENCE_VOTE, 1);
    a = vote(LEDGER_PRECOMMIT, 3, 7, 3, "a", -1);
    b = vote(LEDGER_PRECOMMIT, 3, 7, 3, "b", -1);
    ck_assert_int_eq(ledger_evidence_of_votes(&e, &a, &b), ANJU_OK);
    convicts(&e, LEDGER_EVIDENCE_VOTE, 1 << 3);
    a = vote(LEDGER_PROPOSAL, 1, 7, 0, "a", -1);
    b = vote(LEDGER_PROPOSAL, 1, 7, 0, "b", -1);
    ck_assert_int_eq(ledger_evidence_of_votes(&e, &a, &b), ANJU_OK);
    convicts(&e, LEDGER_EVIDENCE_PROPOSAL, 1 << 1);
}
END_TEST

START_TEST(a_lock_that_was_forgotten_convicts)
{
    struct ledger_evidence e;
    struct ledger_vote a = vote(LEDGER_PRECOMMIT, 1, 9, 2, "a", -1),
                       b = vote(LEDGER_PREVOTE, 1, 9, 4, "b", 1);

    ck_assert_int_eq(ledger_evidence_of_votes(&e, &b, &a), ANJU_OK);
    convicts(&e, LEDGER_EVIDENCE_AMNESIA, 1 << 1);
}
END_TEST

/* What an honest validator signs in the course of things never accuses it. */
START_TEST(messages_that_do_not_contradict_each_other_prove_nothing)
{
    struct ledger_evidence e;
    const struct {
        struct ledger_vote a, b;
    } pairs[] = {
        {vote(LEDGER_PREVOTE, 1, 9, 2, "a", -1), vote(LEDGER_PREVOTE, 1, 9, 2, "a", -1)},
        {vote(LEDGER_PREVOTE, 1, 9, 2, "a", -1), vote(LEDGER_PREVOTE, 1, 9, 3, "b", -1)},
        {vote(LEDGER_PREVOTE, 1, 9, 2, "a", -1), vote(LEDGER_PREVOTE, 1, 8, 2, "b", -1)},
        {vote(LEDGER_PREVOTE, 1, 9, 2, "a", -1), vote(LEDGER_PREVOTE, 2, 9, 2, "b", -1)},
        {vote(LEDGER_PREVOTE, 1, 9, 2, "a", -1), vote(LEDGER_PRECOMMIT, 1, 9, 2, NULL, -1)},
        {vote(LEDGER_PRECOMMIT, 1, 9, 2, "a", -1),
         vote(LEDGER_PREVOTE, 1, 9, 4, "b", 2)}, /* unlocked by a polka */
        {vote(LEDGER_PRECOMMIT, 1, 9, 2, "a", -1), vote(LEDGER_PREVOTE, 1, 9, 4, NULL, -1)},
        {vote(LEDGER_PRECOMMIT, 1, 9, 2, NULL, -1), vote(LEDGER_PREVOTE, 1, 9, 4, "b", 1)},
        {vote(LEDGER_PRECOMMIT, 1, 9, 4, "a", -1), vote(LEDGER_PREVOTE, 1, 9, 2, "b", 1)},
    };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        ck_assert_msg(ledger_evidence_of_votes(&e, &pairs[i].a, &pairs[i].b) == ANJU_ERR_MISMATCH,
                      "pair %zu", i);
        ck_assert_msg(ledger_evidence_of_votes(&e, &pairs[i].b, &pairs[i].a) == ANJU_ERR_MISMATCH,
                      "pair %zu", i);
    }
}
END_TEST

START_TEST(what_the_validator_did_not_sign_here_proves_nothing)
{
    struct ledger_evidence e, again;
    struct ledger_vote a = vote(LEDGER_PREVOTE, 2, 7, 1, "a", -1),
                       b = vote(LEDGER_PREVOTE, 2, 7, 1, "b", -1);
    struct crypto_hash other = hash_of("another ledger");
    struct writer w = {0};
    uint32_t got;

    ck_assert_int_eq(ledger_vote_sign(&b, &f.node[1], ledger()), ANJU_OK); /* by somebody else */
    ck_assert_int_eq(ledger_evidence_of_votes(&e, &a, &b), ANJU_OK);
    ck_assert_int_eq(verify(&got, &e), ANJU_ERR_MISMATCH);
    ck_assert_uint_eq(got, 0);
    ck_assert_int_eq(ledger_vote_sign(&b, &f.node[2], &other), ANJU_OK); /* for another ledger */
    ck_assert_int_eq(ledger_evidence_of_votes(&e, &a, &b), ANJU_OK);
    ck_assert_int_eq(verify(&got, &e), ANJU_ERR_MISMATCH);
    ledger_evidence_encode(&w, &e, &other);
    ck_assert_int_eq(ledger_evidence_decode(&again, writer_view(&w), ledger()), ANJU_ERR_MISMATCH);
    writer_free(&w);
}
END_TEST

/* No byte of a proof that verifies can be changed. */
START_TEST(a_proof_changed_in_one_bit_proves_nothing)
{
    struct ledger_evidence e;
    struct ledger_vote a = vote(LEDGER_PRECOMMIT, 1, 9, 2, "a", -1),
                       b = vote(LEDGER_PREVOTE, 1, 9, 4, "b", 1);
    struct writer w = {0};
    uint32_t got;

    ck_assert_int_eq(ledger_evidence_of_votes(&e, &a, &b), ANJU_OK);
    ledger_evidence_encode(&w, &e, ledger());
    uint8_t *data = (uint8_t *)(uintptr_t)writer_view(&w).data;
    for (size_t bit = 0; bit < writer_view(&w).size * 8; bit++) {
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_msg(ledger_evidence_decode(&e, writer_view(&w), ledger()) != ANJU_OK ||
                          verify(&got, &e) != ANJU_OK,
                      "bit %zu", bit);
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    writer_free(&w);
}
END_TEST

static struct ledger_certificate commit(uint64_t height, uint32_t round, const char *vid,
                                        unsigned from)
{
    struct ledger_certificate c = {
        .height = height, .round = round, .vid = hash_of(vid), .result = hash_of("result"), .q = 3};

    for (unsigned i = 0; i < 3; i++) {
        struct ledger_vote v = vote(LEDGER_PRECOMMIT, from + i, height, round, vid, -1);
        c.index[i] = (uint8_t)(from + i);
        c.sig[i] = v.sig;
    }
    return c;
}

START_TEST(two_commits_of_one_round_convict_who_signed_both)
{
    struct ledger_evidence e;
    struct ledger_certificate a = commit(5, 0, "a", 0), b = commit(5, 0, "b", 1),
                              later = commit(5, 2, "b", 0), other = commit(6, 0, "b", 0);

    ck_assert_int_eq(ledger_evidence_of_commits(&e, &a, &b), ANJU_OK);
    convicts(&e, LEDGER_EVIDENCE_FORK, 1 << 1 | 1 << 2);
    ck_assert_int_eq(ledger_evidence_of_commits(&e, &later, &a), ANJU_OK);
    convicts(&e, LEDGER_EVIDENCE_FORK, 0);
    ck_assert_int_eq(ledger_evidence_of_commits(&e, &a, &a), ANJU_ERR_MISMATCH);
    ck_assert_int_eq(ledger_evidence_of_commits(&e, &a, &other), ANJU_ERR_MISMATCH);
}
END_TEST

/* From a frame of a peer to a proof that anybody can check. */
START_TEST(an_engine_hands_out_what_it_saw)
{
    static struct fake_cluster c;
    struct ledger_evidence e;
    struct ledger_vote v[2];
    uint32_t got;

    fake_begin(&c, 4, 0, 77);
    for (int i = 0; i < 4; i++)
        fake_start(&c, i);
    fake_run_for(&c, 100);
    for (int k = 0; k < 2; k++) {
        struct writer w = {0};
        v[k] = (struct ledger_vote){.type = LEDGER_PREVOTE,
                                    .height = 1,
                                    .round = 1,
                                    .valid_round = -1,
                                    .signer = c.node[2].id,
                                    .vid = hash_of(k == 0 ? "a" : "b")};
        ck_assert_int_eq(ledger_vote_sign(&v[k], &c.node[2].secret, &c.fixture.registry->ledger_id),
                         ANJU_OK);
        frame_vote_encode(&w, &v[k]);
        ck_assert(engine_peer_frame(c.node[0].engine, 2, FRAME_VOTE, writer_view(&w)));
        writer_free(&w);
    }
    ck_assert_uint_eq(c.node[0].accused, 1);
    ck_assert_int_eq(
        ledger_evidence_of_votes(&e, &c.node[0].accused_by[0], &c.node[0].accused_by[1]), ANJU_OK);
    ck_assert_int_eq(
        ledger_evidence_verify(&got, &e, &c.fixture.registry->set, &c.fixture.registry->ledger_id),
        ANJU_OK);
    ck_assert_uint_eq(got, UINT32_C(1) << ledger_set_find(&c.fixture.registry->set, &c.node[2].id));
    fake_end(&c);
}
END_TEST

static bool count_proof(void *ctx, struct bytes proof)
{
    (void)proof;
    return ++*(unsigned *)ctx < 5;
}

START_TEST(proofs_are_kept_once_each_and_come_back_in_order)
{
    unsigned n = 0;

    tempdir_begin();
    ck_assert_int_eq(evidence_each(tempdir, count_proof, &n), ANJU_OK);
    ck_assert_uint_eq(n, 0);
    for (uint64_t h = 1; h <= 3; h++)
        for (int again = 0; again < 2; again++)
            ck_assert_int_eq(evidence_keep(tempdir, h, bytes_of(&h, sizeof h)), ANJU_OK);
    ck_assert_int_eq(evidence_each(tempdir, count_proof, &n), ANJU_OK);
    ck_assert_uint_eq(n, 3);
    for (uint64_t h = 4; h <= EVIDENCE_FILES_MAX; h++)
        ck_assert_int_eq(evidence_keep(tempdir, h, bytes_of(&h, sizeof h)), ANJU_OK);
    n = EVIDENCE_FILES_MAX + 1;
    ck_assert_int_eq(evidence_keep(tempdir, n, bytes_of(&n, sizeof n)), ANJU_ERR_TOO_LARGE);
    tempdir_end();
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *t = tcase_create("evidence");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, two_votes_or_proposals_of_one_round_convict_their_signer);
    tcase_add_test(t, a_lock_that_was_forgotten_convicts);
    tcase_add_test(t, messages_that_do_not_contradict_each_other_prove_nothing);
    tcase_add_test(t, what_the_validator_did_not_sign_here_proves_nothing);
    tcase_add_test(t, a_proof_changed_in_one_bit_proves_nothing);
    tcase_add_test(t, two_commits_of_one_round_convict_who_signed_both);
    tcase_add_test(t, an_engine_hands_out_what_it_saw);
    tcase_add_test(t, proofs_are_kept_once_each_and_come_back_in_order);
    suite_add_tcase(suite, t);
}

UNIT_MAIN("evidence", add_tests)
