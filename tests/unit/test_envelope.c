/* Records, envelopes, batches, entries, effects, attributes: what is taken and what is refused. */
#include "ledger/entry.h"
#include "ledger/envelope.h"
#include "ledger/outcome.h"

#include <string.h>

#include "unit.h"

static struct arena A;
static struct crypto_hash LEDGER;
static struct crypto_secret SECRET;
static struct crypto_key KEY;

static void setup(void)
{
    memset(LEDGER.b, 0xa1, sizeof LEDGER.b);
    memset(SECRET.b, 0x11, sizeof SECRET.b);
    ck_assert_int_eq(crypto_key_of(&KEY, &SECRET), ANJU_OK);
}

static void teardown(void)
{
    arena_free(&A);
}

static struct bytes uint_value(uint64_t v)
{
    struct writer w = {0};
    struct bytes out;

    mp_put_uint(&w, v);
    out = arena_copy(&A, writer_view(&w));
    writer_free(&w);
    return out;
}

static struct bytes encoded(const struct ledger_record *r)
{
    struct writer w = {0};
    struct bytes out;

    ledger_record_encode(&w, r);
    out = arena_copy(&A, writer_view(&w));
    writer_free(&w);
    return out;
}

/* A record with `n_fields` fields, two holders and `n_cosigners` right cosignatures. */
static struct ledger_record sample_record(uint32_t n_fields, uint32_t n_cosigners)
{
    struct ledger_record r = {.procedure = 3,
                              .procedure_version = 1,
                              .action = 2,
                              .expected_version = 70000,
                              .n_fields = n_fields,
                              .n_holders = 2};
    struct crypto_secret secrets[8];
    struct crypto_hash digest;

    memset(r.subject.b, 0x5a, sizeof r.subject.b);
    r.fields = arena_alloc(&A, (n_fields + 1) * sizeof r.fields[0]);
    for (uint32_t i = 0; i < n_fields; i++)
        r.fields[i] =
            (struct ledger_value){.number = (uint16_t)(i + 1), .value = uint_value(i * 1000)};
    r.holders = arena_alloc(&A, 2 * sizeof r.holders[0]);
    r.holders[0] = 1;
    r.holders[1] = 300;
    ledger_cosign_digest(&digest, &r, &LEDGER);
    for (uint32_t i = 0; i < n_cosigners; i++) {
        uint32_t at = i;

        memset(secrets[i].b, (int)(0x21 + i), 32);
        ck_assert_int_eq(crypto_key_of(&r.cosignature[i].key, &secrets[i]), ANJU_OK);
        ck_assert_int_eq(crypto_sign(&r.cosignature[i].sig, &secrets[i], &digest), ANJU_OK);
        for (; at > 0 && memcmp(r.cosignature[at].key.b, r.cosignature[at - 1].key.b, 33) < 0;
             at--) {
            struct ledger_cosignature swap = r.cosignature[at];

            r.cosignature[at] = r.cosignature[at - 1];
            r.cosignature[at - 1] = swap;
        }
    }
    r.n_cosignatures = n_cosigners;
    return r;
}

static struct bytes sample_envelope(uint16_t n)
{
    struct bytes *records = arena_alloc(&A, n * sizeof records[0]);
    uint8_t nonce[16] = {7}, body[LEDGER_BODY_SIZE];
    struct writer w = {0};
    struct crypto_hash id;
    struct crypto_sig sig;
    struct bytes out;

    for (uint16_t i = 0; i < n; i++) {
        struct ledger_record r = sample_record(1 + i % 7u, i % 3u);

        records[i] = encoded(&r);
    }
    ledger_envelope_body(body, 1, 2, nonce, UINT64_C(1800000000000), records, n);
    ledger_envelope_id(&id, bytes_of(body, sizeof body), &LEDGER);
    ck_assert_int_eq(crypto_sign(&sig, &SECRET, &id), ANJU_OK);
    ledger_envelope_wire(&w, body, &sig, records, n);
    out = arena_copy(&A, writer_view(&w));
    writer_free(&w);
    return out;
}

static enum anju_err decode_record(struct bytes raw)
{
    struct ledger_record r;

    return ledger_record_decode(&r, raw, &A);
}

START_TEST(a_record_decodes_to_what_was_encoded_and_back)
{
    struct ledger_record r = sample_record(20, 3), back;
    struct bytes raw = encoded(&r);

    ck_assert_int_eq(ledger_record_decode(&back, raw, &A), ANJU_OK);
    ck_assert_uint_eq(back.procedure, 3);
    ck_assert_uint_eq(back.action, 2);
    ck_assert_uint_eq(back.expected_version, 70000);
    ck_assert_uint_eq(back.n_fields, 20);
    ck_assert_uint_eq(back.holders[1], 300);
    ck_assert(bytes_equal(*ledger_record_field(&back, 5), uint_value(4000)));
    ck_assert_ptr_null(ledger_record_field(&back, 21));
    ck_assert_ptr_null(ledger_record_field(&back, 0));
    ck_assert(bytes_equal(encoded(&back), raw));
    ck_assert_int_eq(ledger_record_check_cosignatures(&back, &LEDGER), ANJU_OK);
}
END_TEST

/* Whatever one bit of damage does, the record is refused or still has exactly one encoding. */
START_TEST(a_damaged_record_is_refused_or_encodes_to_the_same_bytes)
{
    struct ledger_record r = sample_record(4, 1), back;
    struct bytes raw = encoded(&r);
    uint8_t *copy = anju_dup(raw.data, raw.size);
    unsigned refused = 0;

    for (size_t bit = 0; bit < raw.size * 8; bit++) {
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (ledger_record_decode(&back, bytes_of(copy, raw.size), &A) == ANJU_OK)
            ck_assert(bytes_equal(encoded(&back), bytes_of(copy, raw.size)));
        else
            refused++;
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    ck_assert_uint_gt(refused, 100);
    free(copy);
}
END_TEST

START_TEST(a_record_cut_anywhere_or_longer_is_refused)
{
    struct ledger_record r = sample_record(4, 1);
    struct bytes raw = encoded(&r);
    uint8_t *copy = anju_alloc(raw.size + 1);

    memcpy(copy, raw.data, raw.size);
    for (size_t size = 0; size < raw.size; size++)
        ck_assert_int_eq(decode_record(bytes_of(copy, size)), ANJU_ERR_MALFORMED);
    ck_assert_int_eq(decode_record(bytes_of(copy, raw.size + 1)), ANJU_ERR_MALFORMED);
    ck_assert_ptr_nonnull(strstr(anju_err_text(), "left over"));
    free(copy);
}
END_TEST

START_TEST(fields_holders_and_cosignatures_that_do_not_ascend_are_refused)
{
    struct ledger_record r = sample_record(3, 2);
    struct ledger_cosignature swap;

    r.fields[2].number = 2;
    ck_assert_int_eq(decode_record(encoded(&r)), ANJU_ERR_MALFORMED);
    ck_assert_ptr_nonnull(strstr(anju_err_text(), "field 2 stands after field 2"));
    r.fields[2].number = 3;
    r.fields[0].number = 0;
    ck_assert_int_eq(decode_record(encoded(&r)), ANJU_ERR_MALFORMED);
    r.fields[0].number = 1;
    r.holders[1] = 1;
    ck_assert_int_eq(decode_record(encoded(&r)), ANJU_ERR_MALFORMED);
    ck_assert_ptr_nonnull(strstr(anju_err_text(), "holders"));
    r.holders[1] = 300;
    swap = r.cosignature[0];
    r.cosignature[0] = r.cosignature[1];
    r.cosignature[1] = swap;
    ck_assert_int_eq(decode_record(encoded(&r)), ANJU_ERR_MALFORMED);
    ck_assert_ptr_nonnull(strstr(anju_err_text(), "cosignatures"));
    r.cosignature[0] = r.cosignature[1];
    ck_assert_int_eq(decode_record(encoded(&r)), ANJU_ERR_MALFORMED);
}
END_TEST

/* A value stands at depth 4 of its record, so five arrays in each other still fit, six do not. */
START_TEST(values_nested_beyond_the_depth_are_refused)
{
    static const uint8_t five[] = {0x91, 0x91, 0x91, 0x91, 0x90};
    static const uint8_t six[] = {0x91, 0x91, 0x91, 0x91, 0x91, 0x90};
    struct ledger_record r = sample_record(1, 0);

    r.fields[0].value = bytes_of(five, sizeof five);
    ck_assert_int_eq(decode_record(encoded(&r)), ANJU_OK);
    r.fields[0].value = bytes_of(six, sizeof six);
    ck_assert_int_eq(decode_record(encoded(&r)), ANJU_ERR_MALFORMED);
    ck_assert_ptr_nonnull(strstr(anju_err_text(), "deeply"));
}
END_TEST

START_TEST(a_count_or_size_over_its_cap_is_refused_before_it_is_used)
{
    static const uint8_t many_fields[] = {0x99, 1, 3, 1, 2,    0xc4, 16,   0,    0,   0,
                                          0,    0, 0, 0, 0,    0,    0,    0,    0,   0,
                                          0,    0, 0, 0, 0xdd, 0xff, 0xff, 0xff, 0xff};
    size_t size = 8 * 64 * 1024 + 1;
    uint8_t *big = anju_alloc(size);

    ck_assert_int_eq(decode_record(bytes_of(many_fields, sizeof many_fields)), ANJU_ERR_MALFORMED);
    ck_assert_ptr_nonnull(strstr(anju_err_text(), "fields"));
    ck_assert_int_eq(decode_record(bytes_of(big, size)), ANJU_ERR_TOO_LARGE);
    free(big);
}
END_TEST

START_TEST(a_cosignature_over_another_record_is_refused)
{
    struct ledger_record r = sample_record(2, 2);

    r.expected_version++;
    ck_assert_int_eq(ledger_record_check_cosignatures(&r, &LEDGER), ANJU_ERR_MISMATCH);
    r.expected_version--;
    ck_assert_int_eq(ledger_record_check_cosignatures(&r, &LEDGER), ANJU_OK);
    r.cosignature[1].sig.b[40] ^= 1;
    ck_assert_int_eq(ledger_record_check_cosignatures(&r, &LEDGER), ANJU_ERR_MISMATCH);
    ck_assert_ptr_nonnull(strstr(anju_err_text(), "cosignature 1"));
}
END_TEST

START_TEST(an_envelope_decodes_whole_and_its_signature_is_over_its_id)
{
    struct bytes wire = sample_envelope(100);
    struct ledger_envelope e;

    ck_assert_int_eq(ledger_envelope_decode(&e, wire, &LEDGER, &A), ANJU_OK);
    ck_assert_uint_eq(e.n_records, 100);
    ck_assert_uint_eq(e.member, 1);
    ck_assert_uint_eq(e.key, 2);
    ck_assert_uint_eq(e.nonce[0], 7);
    ck_assert_uint_eq(e.valid_until, UINT64_C(1800000000000));
    ck_assert_int_eq(crypto_verify(&e.sig, &KEY, &e.id), ANJU_OK);
    ck_assert_uint_eq(e.records[99].n_fields, 2);
}
END_TEST

/* Every byte but the signature's is bound by the id or the root; the signature's by the key. */
START_TEST(an_envelope_with_any_byte_changed_is_refused_or_has_another_id_or_signature)
{
    struct bytes wire = sample_envelope(3);
    struct ledger_envelope e, good;
    uint8_t *copy = anju_dup(wire.data, wire.size);

    ck_assert_int_eq(ledger_envelope_decode(&good, wire, &LEDGER, &A), ANJU_OK);
    for (size_t i = 0; i < wire.size; i++) {
        copy[i] ^= 0x40;
        if (ledger_envelope_decode(&e, bytes_of(copy, wire.size), &LEDGER, &A) == ANJU_OK)
            ck_assert(crypto_verify(&e.sig, &KEY, &e.id) != ANJU_OK);
        copy[i] ^= 0x40;
    }
    for (size_t size = 0; size < wire.size; size++)
        ck_assert_int_eq(ledger_envelope_decode(&e, bytes_of(copy, size), &LEDGER, &A),
                         ANJU_ERR_MALFORMED);
    free(copy);
}
END_TEST

START_TEST(an_envelope_names_the_record_and_field_that_are_wrong)
{
    struct ledger_record good = sample_record(1, 0), bad = sample_record(2, 0);
    struct bytes records[2];
    uint8_t nonce[16] = {0}, body[LEDGER_BODY_SIZE];
    struct crypto_sig sig = {{0}};
    struct writer w = {0};
    struct ledger_envelope e;

    bad.fields[1].number = 1;
    records[0] = encoded(&good);
    records[1] = encoded(&bad);
    ledger_envelope_body(body, 1, 1, nonce, 5, records, 2);
    ledger_envelope_wire(&w, body, &sig, records, 2);
    ck_assert_int_eq(ledger_envelope_decode(&e, writer_view(&w), &LEDGER, &A), ANJU_ERR_MALFORMED);
    ck_assert_str_eq(
        anju_err_text(),
        "envelope: record 1: field 1 stands after field 1; fields ascend, each once, from 1");
    writer_clear(&w);
    records[1] = records[0];
    ledger_envelope_wire(&w, body, &sig, records, 2); /* the body names another root */
    ck_assert_int_eq(ledger_envelope_decode(&e, writer_view(&w), &LEDGER, &A), ANJU_ERR_MISMATCH);
    writer_free(&w);
}
END_TEST

START_TEST(an_envelope_without_records_or_of_another_version_is_refused)
{
    struct bytes wire = sample_envelope(1);
    uint8_t *copy = anju_dup(wire.data, wire.size);
    struct ledger_envelope e;

    copy[34] = 0; /* n_records */
    ck_assert_int_eq(ledger_envelope_decode(&e, bytes_of(copy, 131), &LEDGER, &A),
                     ANJU_ERR_MALFORMED);
    copy[34] = 1;
    copy[0] = 2;
    ck_assert_int_eq(ledger_envelope_decode(&e, bytes_of(copy, wire.size), &LEDGER, &A),
                     ANJU_ERR_UNSUPPORTED);
    copy[0] = 1;
    copy[33] = 0xff; /* 65,281 records */
    ck_assert_int_eq(ledger_envelope_decode(&e, bytes_of(copy, wire.size), &LEDGER, &A),
                     ANJU_ERR_TOO_LARGE);
    copy[33] = 0;
    copy[4] = 0; /* member 0 */
    ck_assert_int_eq(ledger_envelope_decode(&e, bytes_of(copy, wire.size), &LEDGER, &A),
                     ANJU_ERR_MALFORMED);
    free(copy);
}
END_TEST

START_TEST(a_batch_decodes_to_its_envelopes_and_no_other_length)
{
    struct bytes envelopes[3] = {sample_envelope(1), sample_envelope(5), sample_envelope(2)};
    struct writer w = {0};
    struct ledger_batch b;
    struct crypto_hash id;

    ledger_batch_encode(&w, envelopes, 3);
    ck_assert_int_eq(ledger_batch_decode(&b, writer_view(&w), &LEDGER, &A), ANJU_OK);
    ck_assert_uint_eq(b.n_envelopes, 3);
    ck_assert(bytes_equal(b.envelopes[1], envelopes[1]));
    ledger_batch_id(&id, writer_view(&w), &LEDGER);
    ck_assert(crypto_hash_equal(&id, &b.id));
    for (size_t size = 0; size < w.size; size++)
        ck_assert_int_eq(ledger_batch_decode(&b, bytes_of(w.data, size), &LEDGER, &A),
                         ANJU_ERR_MALFORMED);
    writer_u8(&w, 0);
    ck_assert_int_eq(ledger_batch_decode(&b, writer_view(&w), &LEDGER, &A), ANJU_ERR_MALFORMED);
    writer_free(&w);
}
END_TEST

/* ---- entries and effects ---- */

static struct ledger_entry sample_entry(void)
{
    struct ledger_entry e = {.kind = LEDGER_ENTRY_RECORD,
                             .seq = 12,
                             .height = 3,
                             .time_ms = UINT64_C(1800000000000),
                             .index = 1,
                             .member = 2,
                             .n_effects = 1};

    memset(e.envelope.b, 1, 32);
    memset(e.record_leaf.b, 2, 32);
    memset(e.procedure_digest.b, 3, 32);
    memset(e.effects_root.b, 4, 32);
    return e;
}

static enum anju_err entry_again(const struct ledger_entry *e)
{
    uint8_t bytes[LEDGER_ENTRY_SIZE], again[LEDGER_ENTRY_SIZE];
    struct ledger_entry back;
    enum anju_err err;

    ledger_entry_encode(bytes, e);
    err = ledger_entry_decode(&back, bytes_of(bytes, sizeof bytes));
    if (err == ANJU_OK) {
        ledger_entry_encode(again, &back);
        ck_assert_mem_eq(bytes, again, sizeof bytes);
    }
    return err;
}

START_TEST(an_entry_is_168_bytes_and_only_what_execution_makes)
{
    struct ledger_entry e = sample_entry();

    ck_assert_int_eq(entry_again(&e), ANJU_OK);
    e.outcome = 7; /* a refusal's */
    ck_assert_int_eq(entry_again(&e), ANJU_ERR_MALFORMED);
    e.kind = LEDGER_ENTRY_REFUSAL; /* which has no effects */
    ck_assert_int_eq(entry_again(&e), ANJU_ERR_MALFORMED);
    e.n_effects = 0;
    ck_assert_int_eq(entry_again(&e), ANJU_ERR_MALFORMED);
    merkle_root_of(&e.effects_root, NULL, 0);
    ck_assert_int_eq(entry_again(&e), ANJU_OK);
    e = sample_entry();
    e.height = 0;
    ck_assert_int_eq(entry_again(&e), ANJU_ERR_MALFORMED);
    e = sample_entry();
    e.kind = LEDGER_ENTRY_TIMER; /* has no member, envelope, index */
    ck_assert_int_eq(entry_again(&e), ANJU_ERR_MALFORMED);
    e.member = 0;
    e.envelope = CRYPTO_ZERO_HASH;
    ck_assert_int_eq(entry_again(&e), ANJU_ERR_MALFORMED);
    e.index = 0;
    ck_assert_int_eq(entry_again(&e), ANJU_OK);
}
END_TEST

START_TEST(an_entry_of_another_version_kind_or_length_is_refused)
{
    struct ledger_entry e = sample_entry(), back;
    uint8_t bytes[LEDGER_ENTRY_SIZE + 1] = {0};

    ledger_entry_encode(bytes, &e);
    ck_assert_int_eq(ledger_entry_decode(&back, bytes_of(bytes, LEDGER_ENTRY_SIZE - 1)),
                     ANJU_ERR_MALFORMED);
    ck_assert_int_eq(ledger_entry_decode(&back, bytes_of(bytes, LEDGER_ENTRY_SIZE + 1)),
                     ANJU_ERR_MALFORMED);
    bytes[1] = 4;
    ck_assert_int_eq(ledger_entry_decode(&back, bytes_of(bytes, LEDGER_ENTRY_SIZE)),
                     ANJU_ERR_MALFORMED);
    bytes[1] = 1;
    bytes[0] = 2;
    ck_assert_int_eq(ledger_entry_decode(&back, bytes_of(bytes, LEDGER_ENTRY_SIZE)),
                     ANJU_ERR_UNSUPPORTED);
}
END_TEST

static struct bytes attributes(const struct ledger_value *items, uint32_t count)
{
    struct writer w = {0};
    struct bytes out;

    ledger_attributes_encode(&w, items, count);
    out = arena_copy(&A, writer_view(&w));
    writer_free(&w);
    return out;
}

START_TEST(changed_attributes_laid_over_the_old_ones_give_the_new_ones)
{
    const struct ledger_value old[] = {
        {1, uint_value(10)}, {3, uint_value(30)}, {7, uint_value(70)}};
    const struct ledger_value change[] = {
        {2, uint_value(2)}, {3, {NULL, 0}}, {7, uint_value(77)}, {9, uint_value(9)}};
    const struct ledger_value after[] = {
        {1, uint_value(10)}, {2, uint_value(2)}, {7, uint_value(77)}, {9, uint_value(9)}};
    struct ledger_attributes before, out;

    ck_assert_int_eq(ledger_attributes_decode(&before, attributes(old, 3), &A), ANJU_OK);
    ck_assert_int_eq(ledger_attributes_apply(&out, &before, attributes(change, 4), &A), ANJU_OK);
    ck_assert(bytes_equal(attributes(out.items, out.count), attributes(after, 4)));
    /* Absolute values: applying twice is applying once. */
    before = out;
    ck_assert_int_eq(ledger_attributes_apply(&out, &before, attributes(change, 4), &A), ANJU_OK);
    ck_assert(bytes_equal(attributes(out.items, out.count), attributes(after, 4)));
    ck_assert_ptr_nonnull(ledger_attribute(&out, 9));
    ck_assert_ptr_null(ledger_attribute(&out, 3));
    ck_assert_ptr_null(ledger_attribute(&out, 10));
}
END_TEST

START_TEST(attributes_out_of_order_or_cleared_in_a_state_are_refused)
{
    const struct ledger_value twice[] = {{2, uint_value(1)}, {2, uint_value(1)}};
    const struct ledger_value cleared[] = {{2, {NULL, 0}}};
    struct ledger_attributes out;

    ck_assert_int_eq(ledger_attributes_decode(&out, attributes(twice, 2), &A), ANJU_ERR_MALFORMED);
    ck_assert_int_eq(ledger_attributes_decode(&out, attributes(cleared, 1), &A),
                     ANJU_ERR_MALFORMED);
    ck_assert_int_eq(ledger_changed_decode(&out, attributes(cleared, 1), &A), ANJU_OK);
    ck_assert_int_eq(ledger_attributes_decode(&out, bytes_of("", 0), &A), ANJU_ERR_MALFORMED);
}
END_TEST

START_TEST(an_effect_reads_back_and_a_cut_one_does_not)
{
    const struct ledger_value items[] = {{16, uint_value(5)}};
    struct ledger_effect e = {.procedure = 4, .version_after = 9, .state_after = 2}, back;
    struct writer w = {0}, again = {0};
    struct reader r;
    struct crypto_hash one, leaf;

    memset(e.subject.b, 8, 16);
    memset(e.state_digest.b, 9, 32);
    e.changed = attributes(items, 1);
    ledger_effect_encode(&w, &e);
    ck_assert_uint_eq(w.size, LEDGER_EFFECT_SIZE_MIN + e.changed.size);
    r = reader_over(writer_view(&w));
    ledger_effect_read(&back, &r);
    ck_assert_int_eq(reader_finish(&r), ANJU_OK);
    ledger_effect_encode(&again, &back);
    ck_assert(bytes_equal(writer_view(&w), writer_view(&again)));
    for (size_t size = 0; size < w.size; size++) {
        r = reader_over(bytes_of(w.data, size));
        ledger_effect_read(&back, &r);
        ck_assert_int_eq(reader_finish(&r), ANJU_ERR_MALFORMED);
    }
    ledger_effects_root(&one, &e, 1);
    crypto_leaf_hash(&leaf, writer_view(&w));
    ck_assert(crypto_hash_equal(&one, &leaf));
    writer_free(&w);
    writer_free(&again);
}
END_TEST

/* ---- private fields and codes ---- */

START_TEST(a_commitment_binds_each_of_its_parts)
{
    struct crypto_hash salt, other_salt, first, next;
    uint8_t record_salt[32] = {1}, nonce[16] = {2};
    struct bytes value = bytes_of_text("No 3, Harbour Road");

    ledger_field_salt(&salt, record_salt, 5, 0);
    ledger_field_salt(&other_salt, record_salt, 5, 1);
    ck_assert(!crypto_hash_equal(&salt, &other_salt));
    ledger_commitment(&first, &LEDGER, 1, 2, nonce, 3, 5, 0, &salt, value);
#define DIFFERS(...)                                                                               \
    ledger_commitment(&next, __VA_ARGS__);                                                         \
    ck_assert(!crypto_hash_equal(&first, &next))
    DIFFERS(&CRYPTO_ZERO_HASH, 1, 2, nonce, 3, 5, 0, &salt, value);
    DIFFERS(&LEDGER, 2, 2, nonce, 3, 5, 0, &salt, value);
    DIFFERS(&LEDGER, 1, 3, nonce, 3, 5, 0, &salt, value);
    DIFFERS(&LEDGER, 1, 2, record_salt, 3, 5, 0, &salt, value);
    DIFFERS(&LEDGER, 1, 2, nonce, 4, 5, 0, &salt, value);
    DIFFERS(&LEDGER, 1, 2, nonce, 3, 6, 0, &salt, value);
    DIFFERS(&LEDGER, 1, 2, nonce, 3, 5, 1, &salt, value);
    DIFFERS(&LEDGER, 1, 2, nonce, 3, 5, 0, &other_salt, value);
    DIFFERS(&LEDGER, 1, 2, nonce, 3, 5, 0, &salt, bytes_of_text("No 4, Harbour Road"));
#undef DIFFERS
}
END_TEST

START_TEST(a_one_time_code_is_a_key_however_it_is_typed)
{
    struct ledger_subject_id subject = {{1}};
    struct crypto_secret a, b, rate;

    ck_assert_int_eq(
        ledger_code_secret(&a, &LEDGER, &subject, LEDGER_CODE_CONFIRM, "0123456789ABCDEFGHJK"),
        ANJU_OK);
    ck_assert_int_eq(
        ledger_code_secret(&b, &LEDGER, &subject, LEDGER_CODE_CONFIRM, "oI23456789abcdefghjk"),
        ANJU_OK);
    ck_assert_mem_eq(a.b, b.b, 32);
    ck_assert_int_eq(
        ledger_code_secret(&rate, &LEDGER, &subject, LEDGER_CODE_RATE, "0123456789ABCDEFGHJK"),
        ANJU_OK);
    ck_assert(memcmp(a.b, rate.b, 32) != 0);
    subject.b[0] = 2;
    ck_assert_int_eq(
        ledger_code_secret(&b, &LEDGER, &subject, LEDGER_CODE_CONFIRM, "0123456789ABCDEFGHJK"),
        ANJU_OK);
    ck_assert(memcmp(a.b, b.b, 32) != 0);
    ck_assert_int_eq(
        ledger_code_secret(&b, &LEDGER, &subject, LEDGER_CODE_RATE, "0123456789ABCDEFGHJ"),
        ANJU_ERR_MALFORMED);
    ck_assert_int_eq(
        ledger_code_secret(&b, &LEDGER, &subject, LEDGER_CODE_RATE, "0123456789ABCDEFGHJU"),
        ANJU_ERR_MALFORMED);
    ck_assert_ptr_nonnull(strstr(anju_err_text(), "character 20"));
}
END_TEST

START_TEST(outcomes_have_names)
{
    ck_assert_str_eq(ledger_outcome_name(LEDGER_REFUSED_VERSION_STALE), "version_stale");
    ck_assert_str_eq(ledger_outcome_name(LEDGER_SKIP_NONCE), "nonce_reused");
    ck_assert_str_eq(ledger_outcome_name(1003), "clause");
    ck_assert_str_eq(ledger_outcome_name(900), "unknown");
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *t = tcase_create("envelope");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_record_decodes_to_what_was_encoded_and_back);
    tcase_add_test(t, a_damaged_record_is_refused_or_encodes_to_the_same_bytes);
    tcase_add_test(t, a_record_cut_anywhere_or_longer_is_refused);
    tcase_add_test(t, fields_holders_and_cosignatures_that_do_not_ascend_are_refused);
    tcase_add_test(t, values_nested_beyond_the_depth_are_refused);
    tcase_add_test(t, a_count_or_size_over_its_cap_is_refused_before_it_is_used);
    tcase_add_test(t, a_cosignature_over_another_record_is_refused);
    tcase_add_test(t, an_envelope_decodes_whole_and_its_signature_is_over_its_id);
    tcase_add_test(t, an_envelope_with_any_byte_changed_is_refused_or_has_another_id_or_signature);
    tcase_add_test(t, an_envelope_names_the_record_and_field_that_are_wrong);
    tcase_add_test(t, an_envelope_without_records_or_of_another_version_is_refused);
    tcase_add_test(t, a_batch_decodes_to_its_envelopes_and_no_other_length);
    tcase_add_test(t, an_entry_is_168_bytes_and_only_what_execution_makes);
    tcase_add_test(t, an_entry_of_another_version_kind_or_length_is_refused);
    tcase_add_test(t, changed_attributes_laid_over_the_old_ones_give_the_new_ones);
    tcase_add_test(t, attributes_out_of_order_or_cleared_in_a_state_are_refused);
    tcase_add_test(t, an_effect_reads_back_and_a_cut_one_does_not);
    tcase_add_test(t, a_commitment_binds_each_of_its_parts);
    tcase_add_test(t, a_one_time_code_is_a_key_however_it_is_typed);
    tcase_add_test(t, outcomes_have_names);
    suite_add_tcase(suite, t);
}

UNIT_MAIN("envelope", add_tests)
