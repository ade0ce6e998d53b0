/* What validators sign: layouts, strict decoders, and quorums that count each signature. */
#include "ledger/agreement.h"

#include <string.h>

#include "unit.h"

static struct crypto_hash LEDGER, VID, RESULT;
static struct ledger_set SET;
static struct crypto_secret SECRETS[LEDGER_SET_MAX]; /* in the set's order */

static struct crypto_secret secret_of(unsigned i)
{
    struct crypto_secret s;

    memset(s.b, (int)(i + 1), sizeof s.b);
    return s;
}

static void make_set(unsigned n)
{
    memset(&SET, 0, sizeof SET);
    SET.since = 1;
    SET.n = (uint8_t)n;
    for (unsigned i = 0; i < n; i++) {
        struct crypto_secret s = secret_of(i);

        ck_assert_int_eq(crypto_key_of(&SET.node[i].node_key, &s), ANJU_OK);
        SET.node[i].log_key[0] = (uint8_t)i;
        SET.node[i].member = i + 1;
    }
    ck_assert_int_eq(ledger_set_seal(&SET, &LEDGER), ANJU_OK);
    for (unsigned i = 0; i < n; i++)
        SECRETS[i] = secret_of(SET.node[i].member - 1);
}

static void setup(void)
{
    memset(LEDGER.b, 0xa1, 32);
    memset(VID.b, 0xb2, 32);
    memset(RESULT.b, 0xc3, 32);
    make_set(4);
}

static struct ledger_vote vote(enum ledger_vote_type type, unsigned signer, uint32_t round,
                               bool nil)
{
    struct ledger_vote v = {.type = type, .height = 7, .round = round, .valid_round = -1};

    v.signer = SET.node[signer].id;
    if (!nil)
        v.vid = VID;
    if (!nil && type == LEDGER_PRECOMMIT)
        v.result = RESULT;
    ck_assert_int_eq(ledger_vote_sign(&v, &SECRETS[signer], &LEDGER), ANJU_OK);
    return v;
}

static struct ledger_certificate certificate(unsigned q)
{
    struct ledger_certificate c = {
        .height = 7, .round = 2, .vid = VID, .result = RESULT, .q = (uint8_t)q};

    for (unsigned i = 0; i < q; i++) {
        c.index[i] = (uint8_t)i;
        c.sig[i] = vote(LEDGER_PRECOMMIT, i, 2, false).sig;
    }
    return c;
}

START_TEST(a_quorum_is_more_than_two_thirds_and_skip_more_than_one_third)
{
    static const unsigned table[][4] = {{1, 1, 0, 1}, {2, 2, 0, 1},  {3, 3, 0, 1},
                                        {4, 3, 1, 2}, {5, 4, 1, 2},  {6, 5, 1, 2},
                                        {7, 5, 2, 3}, {10, 7, 3, 4}, {31, 21, 10, 11}};

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct ledger_set s = {.n = (uint8_t)table[i][0]};

        ck_assert_uint_eq(ledger_set_quorum(&s), table[i][1]);
        ck_assert_uint_eq(ledger_set_faulty(&s), table[i][2]);
        ck_assert_uint_eq(ledger_set_skip(&s), table[i][3]);
    }
}
END_TEST

START_TEST(a_set_is_sorted_and_hashed_and_decodes_to_itself)
{
    struct writer w = {0};
    struct ledger_set back, other = SET;

    ledger_set_encode(&w, &SET);
    ck_assert_uint_eq(w.size, 32 + 8 + 1 + 4 * (33 + 32 + 32 + 4));
    ck_assert_int_eq(ledger_set_decode(&back, writer_view(&w), &LEDGER), ANJU_OK);
    ck_assert(crypto_hash_equal(&back.hash, &SET.hash));
    for (unsigned i = 0; i < SET.n; i++)
        ck_assert_int_eq(ledger_set_find(&back, &SET.node[i].id), (int)i);
    ck_assert_int_eq(ledger_set_find(&back, &VID), -1);
    other.since = 2;
    ck_assert_int_eq(ledger_set_seal(&other, &LEDGER), ANJU_OK);
    ck_assert(!crypto_hash_equal(&other.hash, &SET.hash));
    for (size_t size = 0; size < w.size; size++)
        ck_assert_int_eq(ledger_set_decode(&back, bytes_of(w.data, size), &LEDGER),
                         ANJU_ERR_MALFORMED);
    writer_free(&w);
}
END_TEST

START_TEST(a_set_with_a_node_twice_or_out_of_order_or_a_bad_key_is_refused)
{
    struct ledger_set s = SET;
    struct writer w = {0};

    s.node[1] = s.node[0];
    ck_assert_int_eq(ledger_set_seal(&s, &LEDGER), ANJU_ERR_MALFORMED);
    s = SET;
    s.node[0] = SET.node[1];
    s.node[1] = SET.node[0];
    ledger_set_encode(&w, &s);
    ck_assert_int_eq(ledger_set_decode(&s, writer_view(&w), &LEDGER), ANJU_ERR_MALFORMED);
    s = SET;
    memset(s.node[2].node_key.b, 0xff, 33);
    ck_assert_int_eq(ledger_set_seal(&s, &LEDGER), ANJU_ERR_MALFORMED);
    s.n = 0;
    ck_assert_int_eq(ledger_set_seal(&s, &LEDGER), ANJU_ERR_MALFORMED);
    writer_free(&w);
}
END_TEST

START_TEST(each_validator_proposes_in_turn)
{
    ck_assert_uint_eq(ledger_set_proposer(&SET, 5, 0), 1);
    ck_assert_uint_eq(ledger_set_proposer(&SET, 5, 3), 0);
    ck_assert_uint_eq(ledger_set_proposer(&SET, UINT64_MAX, 1), 0);
}
END_TEST

START_TEST(a_header_is_188_bytes_and_says_what_a_block_may_be)
{
    struct ledger_header h = {.version = 1,
                              .height = 9,
                              .time_ms = UINT64_C(1800000000000),
                              .proposer = VID,
                              .previous = RESULT,
                              .previous_result = VID,
                              .previous_certificate = VID,
                              .batches_root = RESULT,
                              .n_batches = 3,
                              .n_records = 40,
                              .n_bytes = 5000};
    uint8_t bytes[LEDGER_HEADER_SIZE], again[LEDGER_HEADER_SIZE];
    struct ledger_header back;

    ledger_header_encode(bytes, &h);
    ck_assert_uint_eq(sizeof bytes, 188);
    ck_assert_int_eq(ledger_header_decode(&back, bytes_of(bytes, sizeof bytes)), ANJU_OK);
    ledger_header_encode(again, &back);
    ck_assert_mem_eq(bytes, again, sizeof bytes);
    ck_assert_int_eq(ledger_header_decode(&back, bytes_of(bytes, 187)), ANJU_ERR_MALFORMED);
    h.version = 2;
    ledger_header_encode(bytes, &h);
    ck_assert_int_eq(ledger_header_decode(&back, bytes_of(bytes, 188)), ANJU_ERR_UNSUPPORTED);
    h.version = 1;
    h.time_ms = 5;
    ledger_header_encode(bytes, &h);
    ck_assert_int_eq(ledger_header_decode(&back, bytes_of(bytes, 188)), ANJU_ERR_MALFORMED);
    h.time_ms = UINT64_C(1800000000000);
    h.n_bytes = UINT32_MAX;
    ledger_header_encode(bytes, &h);
    ck_assert_int_eq(ledger_header_decode(&back, bytes_of(bytes, 188)), ANJU_ERR_TOO_LARGE);
    h.n_bytes = 5;
    h.height = 1; /* names a certificate */
    ledger_header_encode(bytes, &h);
    ck_assert_int_eq(ledger_header_decode(&back, bytes_of(bytes, 188)), ANJU_ERR_MALFORMED);
}
END_TEST

static enum anju_err decode_signed(struct ledger_vote *out, const struct ledger_vote *v)
{
    uint8_t bytes[LEDGER_PRECOMMIT_SIZE + CRYPTO_SIG_SIZE];
    size_t size = ledger_vote_encode(bytes, v);

    memcpy(bytes + size, v->sig.b, CRYPTO_SIG_SIZE);
    return ledger_vote_decode(out, v->type, bytes_of(bytes, size + CRYPTO_SIG_SIZE));
}

START_TEST(votes_verify_under_their_signer_ledger_and_type_only)
{
    static const enum ledger_vote_type types[] = {LEDGER_PROPOSAL, LEDGER_PREVOTE,
                                                  LEDGER_PRECOMMIT};
    struct crypto_hash other = RESULT;

    for (size_t i = 0; i < 3; i++) {
        struct ledger_vote v = vote(types[i], 2, 3, false), back;

        ck_assert_int_eq(decode_signed(&back, &v), ANJU_OK);
        ck_assert(ledger_vote_equal(&v, &back));
        ck_assert_int_eq(ledger_vote_verify(&back, &SET, &LEDGER), ANJU_OK);
        ck_assert_int_eq(ledger_vote_verify(&back, &SET, &other), ANJU_ERR_MISMATCH);
        back.signer = SET.node[1].id;
        ck_assert_int_eq(ledger_vote_verify(&back, &SET, &LEDGER), ANJU_ERR_MISMATCH);
        back.signer = VID;
        ck_assert_int_eq(ledger_vote_verify(&back, &SET, &LEDGER), ANJU_ERR_NOT_FOUND);
    }
    struct ledger_vote v = vote(LEDGER_PROPOSAL, 2, 3, false);
    v.type = LEDGER_PREVOTE; /* the same 80 bytes under another tag */
    ck_assert_int_eq(ledger_vote_verify(&v, &SET, &LEDGER), ANJU_ERR_MISMATCH);
}
END_TEST

START_TEST(votes_that_no_honest_node_casts_are_malformed)
{
    struct ledger_vote v = vote(LEDGER_PREVOTE, 0, 3, false), back;

    v.valid_round = 3;
    ck_assert_int_eq(decode_signed(&back, &v), ANJU_ERR_MALFORMED);
    v.valid_round = -2;
    ck_assert_int_eq(decode_signed(&back, &v), ANJU_ERR_MALFORMED);
    v.valid_round = 2;
    ck_assert_int_eq(decode_signed(&back, &v), ANJU_OK);
    v.vid = CRYPTO_ZERO_HASH;
    ck_assert_int_eq(decode_signed(&back, &v), ANJU_ERR_MALFORMED);
    v.valid_round = -1;
    ck_assert_int_eq(decode_signed(&back, &v), ANJU_OK);
    v.type = LEDGER_PROPOSAL;
    ck_assert_int_eq(decode_signed(&back, &v), ANJU_ERR_MALFORMED);
    v = vote(LEDGER_PRECOMMIT, 0, 3, false);
    v.result = CRYPTO_ZERO_HASH;
    ck_assert_int_eq(decode_signed(&back, &v), ANJU_ERR_MALFORMED);
    v = vote(LEDGER_PRECOMMIT, 0, 3, true);
    ck_assert_int_eq(decode_signed(&back, &v), ANJU_OK);
    v.round = UINT32_MAX;
    ck_assert_int_eq(decode_signed(&back, &v), ANJU_ERR_MALFORMED);
    v.round = 1;
    v.height = 0;
    ck_assert_int_eq(decode_signed(&back, &v), ANJU_ERR_MALFORMED);
    ck_assert_int_eq(ledger_vote_decode(&back, LEDGER_PREVOTE, bytes_of("short", 5)),
                     ANJU_ERR_MALFORMED);
}
END_TEST

START_TEST(a_certificate_is_exactly_a_quorum_of_right_signatures)
{
    struct ledger_certificate c = certificate(3);

    ck_assert_int_eq(ledger_certificate_verify(&c, &SET, &LEDGER), ANJU_OK);
    c.sig[2].b[9] ^= 1;
    ck_assert_int_eq(ledger_certificate_verify(&c, &SET, &LEDGER), ANJU_ERR_MISMATCH);
    c = certificate(4);
    ck_assert_int_eq(ledger_certificate_verify(&c, &SET, &LEDGER), ANJU_ERR_MISMATCH);
    c = certificate(2);
    ck_assert_int_eq(ledger_certificate_verify(&c, &SET, &LEDGER), ANJU_ERR_MISMATCH);
    c = certificate(3);
    c.index[2] = 1; /* one signer twice */
    c.sig[2] = c.sig[1];
    ck_assert_int_eq(ledger_certificate_verify(&c, &SET, &LEDGER), ANJU_ERR_MISMATCH);
    c = certificate(3);
    c.index[2] = 4; /* not in the set */
    ck_assert_int_eq(ledger_certificate_verify(&c, &SET, &LEDGER), ANJU_ERR_MISMATCH);
}
END_TEST

/* Each byte of a certificate counts: changed, it does not decode or does not verify. */
START_TEST(a_certificate_with_any_byte_changed_fails)
{
    struct ledger_certificate c = certificate(3), back;
    struct crypto_hash digest, other;
    struct writer w = {0};

    ledger_certificate_encode(&w, &c);
    ck_assert_uint_eq(w.size, 77 + 65 * 3);
    ck_assert_int_eq(ledger_certificate_decode(&back, writer_view(&w)), ANJU_OK);
    ledger_certificate_digest(&digest, &back, &LEDGER);
    for (size_t i = 0; i < w.size; i++) {
        w.data[i] ^= 0x01;
        if (ledger_certificate_decode(&back, writer_view(&w)) == ANJU_OK) {
            ck_assert_int_ne(ledger_certificate_verify(&back, &SET, &LEDGER), ANJU_OK);
            ledger_certificate_digest(&other, &back, &LEDGER);
            ck_assert(!crypto_hash_equal(&digest, &other));
        }
        w.data[i] ^= 0x01;
        ck_assert_int_eq(ledger_certificate_decode(&back, bytes_of(w.data, i)), ANJU_ERR_MALFORMED);
    }
    writer_u8(&w, 0);
    ck_assert_int_eq(ledger_certificate_decode(&back, writer_view(&w)), ANJU_ERR_MALFORMED);
    writer_free(&w);
}
END_TEST

START_TEST(a_polka_is_exactly_a_quorum_of_equal_prevotes)
{
    struct ledger_polka p = {.height = 7, .round = 2, .vid = VID, .valid_round = -1, .q = 3}, back;
    struct writer w = {0};

    for (unsigned i = 0; i < 3; i++) {
        p.index[i] = (uint8_t)(i + 1);
        p.sig[i] = vote(LEDGER_PREVOTE, i + 1, 2, false).sig;
    }
    ledger_polka_encode(&w, &p);
    ck_assert_uint_eq(w.size, 49 + 65 * 3);
    ck_assert_int_eq(ledger_polka_decode(&back, writer_view(&w)), ANJU_OK);
    ck_assert_int_eq(ledger_polka_verify(&back, &SET, &LEDGER), ANJU_OK);
    for (size_t i = 0; i < w.size; i++) {
        w.data[i] ^= 0x80;
        ck_assert(ledger_polka_decode(&back, writer_view(&w)) != ANJU_OK ||
                  ledger_polka_verify(&back, &SET, &LEDGER) != ANJU_OK);
        w.data[i] ^= 0x80;
        ck_assert_int_eq(ledger_polka_decode(&back, bytes_of(w.data, i)), ANJU_ERR_MALFORMED);
    }
    writer_free(&w);
}
END_TEST

static struct ledger_ticket ticket(unsigned n, enum ledger_vote_type type, uint32_t round, bool nil)
{
    struct ledger_ticket t = {.height = 7, .round = 3, .n = (uint8_t)n};

    for (unsigned i = 0; i < n; i++)
        t.vote[i] = vote(type, i, round, nil);
    return t;
}

static enum anju_err ticket_again(const struct ledger_ticket *t)
{
    struct ledger_ticket back;
    struct writer w = {0};
    enum anju_err err;

    ledger_ticket_encode(&w, t);
    err = ledger_ticket_decode(&back, writer_view(&w));
    if (err == ANJU_OK)
        err = ledger_ticket_verify(&back, &SET, &LEDGER);
    writer_free(&w);
    return err;
}

START_TEST(a_ticket_opens_a_round_for_each_of_the_three_reasons_only)
{
    struct ledger_ticket t;

    t = ticket(3, LEDGER_PRECOMMIT, 2, false);
    ck_assert_int_eq(ticket_again(&t), ANJU_OK);
    t.vote[1] = vote(LEDGER_PRECOMMIT, 1, 2, true); /* of any value */
    ck_assert_int_eq(ticket_again(&t), ANJU_OK);
    t = ticket(2, LEDGER_PRECOMMIT, 2, false);
    ck_assert_int_eq(ticket_again(&t), ANJU_ERR_MISMATCH);
    t = ticket(3, LEDGER_PREVOTE, 2, true);
    ck_assert_int_eq(ticket_again(&t), ANJU_OK);
    t = ticket(3, LEDGER_PREVOTE, 2, false);
    ck_assert_int_eq(ticket_again(&t), ANJU_ERR_MISMATCH);
    t = ticket(2, LEDGER_PREVOTE, 3, true);
    ck_assert_int_eq(ticket_again(&t), ANJU_OK);
    t.vote[0] = vote(LEDGER_PRECOMMIT, 0, 9, true);
    ck_assert_int_eq(ticket_again(&t), ANJU_OK);
    t = ticket(1, LEDGER_PREVOTE, 3, true);
    ck_assert_int_eq(ticket_again(&t), ANJU_ERR_MISMATCH);
    t = ticket(3, LEDGER_PRECOMMIT, 1, false);
    ck_assert_int_eq(ticket_again(&t), ANJU_ERR_MISMATCH);
}
END_TEST

START_TEST(a_ticket_with_a_signer_twice_another_height_or_a_wrong_signature_is_refused)
{
    struct ledger_ticket t = ticket(3, LEDGER_PRECOMMIT, 2, false);

    t.vote[2] = t.vote[1];
    ck_assert_int_eq(ticket_again(&t), ANJU_ERR_MALFORMED);
    t = ticket(3, LEDGER_PRECOMMIT, 2, false);
    t.vote[1].height = 8;
    ck_assert_int_eq(ticket_again(&t), ANJU_ERR_MALFORMED);
    t = ticket(3, LEDGER_PRECOMMIT, 2, false);
    t.vote[1].sig.b[0] ^= 1;
    ck_assert_int_eq(ticket_again(&t), ANJU_ERR_MISMATCH);
    t.round = 0;
    ck_assert_int_eq(ticket_again(&t), ANJU_ERR_MALFORMED);
}
END_TEST

/* The greatest of each fits the sizes that peers and the guard reserve. */
START_TEST(a_set_of_31_makes_the_greatest_certificate_and_ticket)
{
    struct ledger_certificate c;
    struct ledger_ticket t;
    struct writer w = {0};

    make_set(31);
    c = certificate(21);
    ck_assert_int_eq(ledger_certificate_verify(&c, &SET, &LEDGER), ANJU_OK);
    ledger_certificate_encode(&w, &c);
    ck_assert_uint_le(w.size, LEDGER_CERTIFICATE_SIZE_MAX);
    writer_clear(&w);
    t = ticket(31, LEDGER_PRECOMMIT, 2, false);
    ledger_ticket_encode(&w, &t);
    ck_assert_uint_eq(w.size, LEDGER_TICKET_SIZE_MAX);
    ck_assert_int_eq(ticket_again(&t), ANJU_OK);
    writer_free(&w);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *t = tcase_create("agreement");

    tcase_add_checked_fixture(t, setup, NULL);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_quorum_is_more_than_two_thirds_and_skip_more_than_one_third);
    tcase_add_test(t, a_set_is_sorted_and_hashed_and_decodes_to_itself);
    tcase_add_test(t, a_set_with_a_node_twice_or_out_of_order_or_a_bad_key_is_refused);
    tcase_add_test(t, each_validator_proposes_in_turn);
    tcase_add_test(t, a_header_is_188_bytes_and_says_what_a_block_may_be);
    tcase_add_test(t, votes_verify_under_their_signer_ledger_and_type_only);
    tcase_add_test(t, votes_that_no_honest_node_casts_are_malformed);
    tcase_add_test(t, a_certificate_is_exactly_a_quorum_of_right_signatures);
    tcase_add_test(t, a_certificate_with_any_byte_changed_fails);
    tcase_add_test(t, a_polka_is_exactly_a_quorum_of_equal_prevotes);
    tcase_add_test(t, a_ticket_opens_a_round_for_each_of_the_three_reasons_only);
    tcase_add_test(t, a_ticket_with_a_signer_twice_another_height_or_a_wrong_signature_is_refused);
    tcase_add_test(t, a_set_of_31_makes_the_greatest_certificate_and_ticket);
    suite_add_tcase(suite, t);
}

UNIT_MAIN("agreement", add_tests)
