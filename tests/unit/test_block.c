/* Blocks: form, what needs the state before, and signatures. */
#include "ledger/block.h"

#include <string.h>

#include "fixture.h"
#include "unit.h"

#define TIME (FIXTURE_CREATED + 60000)

static struct fixture F;
static struct arena A;
static struct ledger_tip TIP; /* height 1, so that blocks on it carry a certificate */
static struct ledger_block B;

static void setup(void)
{
    fixture_init(&F, 4, NULL, 0);
    memset(&TIP, 0, sizeof TIP);
    TIP.height = 1;
    TIP.time_ms = TIME;
    memset(TIP.block.b, 1, 32);
    memset(TIP.result.b, 2, 32);
}

static void teardown(void)
{
    fixture_deinit(&F);
    arena_free(&A);
}

static struct bytes record(void)
{
    struct ledger_record r = {.procedure = 1, .procedure_version = 1, .action = 1};

    r.subject = fixture_subject(20454, ++F.nonces);
    return fixture_record(&F, &r);
}

static struct bytes envelope(uint32_t member)
{
    struct bytes raws[2] = {record(), record()};

    return fixture_envelope(&F, member, TIME + 5000, raws, 2);
}

static struct bytes block_of(const struct bytes *envelopes, uint16_t n)
{
    return fixture_block(&F, &TIP, TIME + 1, envelopes, n);
}

static enum anju_err decode(struct bytes raw)
{
    return ledger_block_decode(&B, raw, &F.genesis.ledger_id, &A);
}

static enum anju_err decode_and_check(struct bytes raw)
{
    enum anju_err err = decode(raw);

    return err == ANJU_OK ? ledger_block_check(&B, F.registry, &TIP) : err;
}

static void is_refused(struct bytes raw, const char *words)
{
    ck_assert_int_ne(decode_and_check(raw), ANJU_OK);
    ck_assert_msg(strstr(anju_err_text(), words) != NULL, "\"%s\" not in \"%s\"", words,
                  anju_err_text());
}

/* Writes a decoded block again after the test changed its header. */
static struct bytes again(void)
{
    struct bytes raws[8];
    struct writer w = {0};
    struct bytes out;

    for (unsigned i = 0; i < B.n_batches; i++)
        raws[i] = B.batches[i].raw;
    ledger_block_encode(&w, &B.header, B.batch_ids, B.certificate_bytes, raws);
    out = arena_copy(&A, writer_view(&w));
    writer_free(&w);
    return out;
}

START_TEST(a_block_decodes_to_its_envelopes_and_back)
{
    struct bytes envelopes[2] = {envelope(1), envelope(2)};
    struct bytes raw = block_of(envelopes, 2);

    ck_assert_msg(decode_and_check(raw) == ANJU_OK, "%s", anju_err_text());
    ck_assert_uint_eq(B.n_envelopes, 2);
    ck_assert_uint_eq(B.n_records, 4);
    ck_assert(bytes_equal(B.envelopes[1].wire, envelopes[1]));
    ck_assert(bytes_equal(again(), raw));
    for (unsigned i = 0; i < 2; i++)
        ck_assert_int_eq(ledger_envelope_verify(&B.envelopes[i], F.registry), ANJU_OK);
}
END_TEST

START_TEST(an_empty_block_and_the_first_block_are_blocks)
{
    ck_assert_int_eq(decode_and_check(block_of(NULL, 0)), ANJU_OK);
    TIP = (struct ledger_tip){
        .time_ms = FIXTURE_CREATED, .block = F.genesis.ledger_id, .result = TIP.result};
    ck_assert_int_eq(decode_and_check(block_of(NULL, 0)), ANJU_OK);
    ck_assert_uint_eq(B.certificate_bytes.size, 0);
}
END_TEST

/* All of it is bound by the id, the root or the certificate's digest; only signatures are checked
 * apart. */
START_TEST(a_block_with_any_byte_changed_is_refused_or_another_block)
{
    struct bytes envelopes[1] = {envelope(1)};
    struct bytes raw = block_of(envelopes, 1);
    struct crypto_hash id;
    uint8_t *copy = anju_dup(raw.data, raw.size);

    ck_assert_int_eq(decode_and_check(raw), ANJU_OK);
    id = B.id;
    for (size_t i = 0; i < raw.size; i++) {
        copy[i] ^= 0x04;
        ck_assert_msg(decode_and_check(bytes_of(copy, raw.size)) != ANJU_OK ||
                          !crypto_hash_equal(&id, &B.id),
                      "byte %zu", i);
        copy[i] ^= 0x04;
    }
    for (size_t size = 0; size < raw.size; size++)
        ck_assert_int_ne(decode(bytes_of(copy, size)), ANJU_OK);
    free(copy);
}
END_TEST

START_TEST(a_block_at_another_place_is_refused)
{
    struct bytes raw = block_of(NULL, 0);

    TIP.height = 2;
    is_refused(raw, "on top of height 2");
    TIP.height = 1;
    TIP.block.b[0] ^= 1;
    is_refused(raw, "follows another block");
    TIP.block.b[0] ^= 1;
    TIP.result.b[0] ^= 1;
    is_refused(raw, "previous result");
    TIP.result.b[0] ^= 1;
    TIP.time_ms = TIME + 1;
    is_refused(raw, "not after");
}
END_TEST

START_TEST(a_proposer_from_outside_and_a_short_certificate_are_refused)
{
    ck_assert_int_eq(decode(block_of(NULL, 0)), ANJU_OK);
    B.header.proposer.b[0] ^= 1;
    is_refused(again(), "proposer");
    ck_assert_int_eq(decode(block_of(NULL, 0)), ANJU_OK);
    B.certificate.sig[1] = B.certificate.sig[0];
    struct writer w = {0};
    ledger_certificate_encode(&w, &B.certificate);
    B.certificate_bytes = writer_view(&w);
    is_refused(again(), "not the one that the header names");
    ledger_certificate_digest(&B.header.previous_certificate, &B.certificate, &F.genesis.ledger_id);
    is_refused(again(), "signature of validator 1 is wrong");
    writer_free(&w);
}
END_TEST

START_TEST(a_batch_twice_and_wrong_counts_are_refused)
{
    struct bytes envelopes[1] = {envelope(1)};
    struct bytes batch = fixture_batch(&F, envelopes, 1), twice[2] = {batch, batch};
    struct crypto_hash ids[2];
    struct writer w = {0};

    ck_assert_int_eq(decode(block_of(envelopes, 1)), ANJU_OK);
    B.header.n_records++;
    is_refused(again(), "2 records, the header says 3");
    ck_assert_int_eq(decode(block_of(envelopes, 1)), ANJU_OK);
    B.header.n_bytes--;
    is_refused(again(), "bytes, the header says");
    ck_assert_int_eq(decode(block_of(envelopes, 1)), ANJU_OK);
    ck_assert_int_eq(ledger_header_describe(&B.header, twice, 2, &F.genesis.ledger_id, &A),
                     ANJU_OK);
    ledger_batch_id(&ids[0], batch, &F.genesis.ledger_id);
    ids[1] = ids[0];
    ledger_block_encode(&w, &B.header, ids, B.certificate_bytes, twice);
    is_refused(writer_view(&w), "twice");
    writer_free(&w);
}
END_TEST

START_TEST(a_block_over_the_limits_in_force_is_refused_though_under_the_caps)
{
    struct bytes envelopes[2] = {envelope(1), envelope(2)};
    struct bytes raw = block_of(envelopes, 2);
    struct ledger_limits *l = &F.registry->limits;

    l->block_records = 3;
    is_refused(raw, "4 records, the limit is 3");
    ledger_limits_defaults(l);
    l->block_signatures = 1;
    is_refused(raw, "2 signatures, the limit is 1");
    ledger_limits_defaults(l);
    l->block_size = 100;
    is_refused(raw, "the limit is 100");
    ledger_limits_defaults(l);
    l->batch_size = 99;
    is_refused(raw, "the limit is 99");
    ledger_limits_defaults(l);
    ck_assert_int_eq(decode_and_check(raw), ANJU_OK);
}
END_TEST

/* An envelope as if of this member and key, signed with the secret given. */
static struct bytes forged(uint32_t member, uint32_t key, const struct crypto_secret *secret)
{
    uint8_t nonce[16] = {1}, body[LEDGER_BODY_SIZE];
    struct bytes raw = record(), out;
    struct crypto_hash id;
    struct crypto_sig sig;
    struct writer w = {0};

    ledger_envelope_body(body, member, key, nonce, TIME + 5000, &raw, 1);
    ledger_envelope_id(&id, bytes_of(body, sizeof body), &F.genesis.ledger_id);
    ck_assert_int_eq(crypto_sign(&sig, secret, &id), ANJU_OK);
    ledger_envelope_wire(&w, body, &sig, &raw, 1);
    out = arena_copy(&A, writer_view(&w));
    writer_free(&w);
    return out;
}

START_TEST(an_unknown_key_another_member_s_and_a_node_s_make_a_block_invalid)
{
    struct bytes e = forged(1, 99, &F.operator[1]);

    is_refused(block_of(&e, 1), "key 99 is not known");
    e = forged(2, 1, &F.operator[1]);
    is_refused(block_of(&e, 1), "key 1 belongs to member 1, not 2");
    e = forged(1, 13, &F.node[0]);
    is_refused(block_of(&e, 1), "is a node's");
    e = forged(1, 7, &F.approver[1]);
    ck_assert_int_eq(decode_and_check(block_of(&e, 1)), ANJU_OK);
    ck_assert_int_eq(ledger_envelope_verify(&B.envelopes[0], F.registry), ANJU_OK);
}
END_TEST

START_TEST(an_envelope_signed_by_another_key_or_wrongly_cosigned_is_refused)
{
    struct ledger_envelope e;
    struct ledger_record r = {.procedure = 1, .n_cosignatures = 1};

    ck_assert_int_eq(
        ledger_envelope_decode(&e, forged(1, 1, &F.operator[2]), &F.genesis.ledger_id, &A),
        ANJU_OK);
    ck_assert_int_eq(ledger_envelope_verify(&e, F.registry), ANJU_ERR_MISMATCH);
    ck_assert_ptr_nonnull(strstr(anju_err_text(), "not one of key 1"));
    r.cosignature[0].key = ledger_registry_key(F.registry, 1)->key;
    memset(r.cosignature[0].sig.b, 1, 64);
    ck_assert_int_eq(ledger_envelope_decode(&e, fixture_envelope_of(&F, 1, TIME + 5000, &r),
                                            &F.genesis.ledger_id, &A),
                     ANJU_OK);
    ck_assert_int_eq(ledger_envelope_verify(&e, F.registry), ANJU_ERR_MISMATCH);
    ck_assert_ptr_nonnull(strstr(anju_err_text(), "record 0"));
}
END_TEST

START_TEST(a_malformed_envelope_is_named_by_its_place)
{
    struct ledger_record bad = {.procedure = 1, .n_fields = 2};
    struct ledger_value fields[2] = {{5, fixture_uint(&F, 1)}, {4, fixture_uint(&F, 1)}};
    struct bytes envelopes[2] = {envelope(1), {NULL, 0}};

    bad.fields = fields;
    envelopes[1] = fixture_envelope_of(&F, 1, TIME + 5000, &bad);
    is_refused(block_of(envelopes, 2),
               "envelope 1: envelope: record 0: field 4 stands after field 5");
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *t = tcase_create("block");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_block_decodes_to_its_envelopes_and_back);
    tcase_add_test(t, an_empty_block_and_the_first_block_are_blocks);
    tcase_add_test(t, a_block_with_any_byte_changed_is_refused_or_another_block);
    tcase_add_test(t, a_block_at_another_place_is_refused);
    tcase_add_test(t, a_proposer_from_outside_and_a_short_certificate_are_refused);
    tcase_add_test(t, a_batch_twice_and_wrong_counts_are_refused);
    tcase_add_test(t, a_block_over_the_limits_in_force_is_refused_though_under_the_caps);
    tcase_add_test(t, an_unknown_key_another_member_s_and_a_node_s_make_a_block_invalid);
    tcase_add_test(t, an_envelope_signed_by_another_key_or_wrongly_cosigned_is_refused);
    tcase_add_test(t, a_malformed_envelope_is_named_by_its_place);
    suite_add_tcase(suite, t);
}

UNIT_MAIN("block", add_tests)
