#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "crypto/crypto.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

/* n, the order of secp256k1, and half of it (SEC 2, 2.4.1): what "low s" is measured against. */
static const char ORDER[] = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
static const char HALF[] = "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0";

static void from_hex(uint8_t *out, size_t size, const char *text)
{
    ck_assert_int_eq(hex_decode(out, size, text), ANJU_OK);
}

static void assert_hash(const struct crypto_hash *h, const char *text)
{
    char got[2 * CRYPTO_HASH_SIZE + 1];

    hex_encode(got, h->b, CRYPTO_HASH_SIZE);
    ck_assert_str_eq(got, text);
}

/* FIPS 180-2, appendix B, and the empty string. */
START_TEST(sha256_gives_the_published_hashes)
{
    char *million = anju_alloc(1000000);
    struct crypto_hash h;

    crypto_sha256(&h, (struct bytes){0});
    assert_hash(&h, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    crypto_sha256(&h, bytes_of_text("abc"));
    assert_hash(&h, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    memset(million, 'a', 1000000);
    crypto_sha256(&h, bytes_of(million, 1000000));
    assert_hash(&h, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(million);
}
END_TEST

START_TEST(parts_hash_as_if_they_were_one)
{
    struct bytes parts[] = {bytes_of_text("a"), {0}, bytes_of_text("bc"), bytes_of_text("")};
    struct crypto_hash one, many;

    crypto_sha256(&one, bytes_of_text("abc"));
    crypto_sha256_parts(&many, parts, 4);
    ck_assert(crypto_hash_equal(&one, &many));
    crypto_sha256(&one, (struct bytes){0});
    crypto_sha256_parts(&many, NULL, 0);
    ck_assert(crypto_hash_equal(&one, &many));
}
END_TEST

START_TEST(leaves_and_inner_nodes_are_told_apart_by_their_first_byte)
{
    struct crypto_hash h, expected, left, right;
    uint8_t node[65] = {1};

    crypto_leaf_hash(&h, bytes_of_text("leaf"));
    crypto_sha256(&expected, bytes_of("\0leaf", 5));
    ck_assert(crypto_hash_equal(&h, &expected));
    crypto_sha256(&left, bytes_of_text("l"));
    crypto_sha256(&right, bytes_of_text("r"));
    memcpy(node + 1, left.b, 32);
    memcpy(node + 33, right.b, 32);
    crypto_inner_hash(&h, &left, &right);
    crypto_sha256(&expected, bytes_of(node, sizeof node));
    ck_assert(crypto_hash_equal(&h, &expected));
    crypto_inner_hash(&left, &left, &right); /* in place */
    ck_assert(crypto_hash_equal(&left, &expected));
}
END_TEST

START_TEST(a_digest_covers_tag_ledger_and_body)
{
    struct bytes halves[] = {bytes_of_text("bo"), bytes_of_text("dy")};
    struct crypto_hash ledger, h, parts, expected;
    uint8_t message[3 + 1 + 32 + 4] = "tag";

    memset(ledger.b, 7, sizeof ledger.b);
    memset(message + 4, 7, 32);
    memcpy(message + 36, "body", 4);
    crypto_sha256(&expected, bytes_of(message, sizeof message));
    crypto_digest(&h, "tag", &ledger, bytes_of_text("body"));
    crypto_digest_parts(&parts, "tag", &ledger, halves, 2);
    ck_assert(crypto_hash_equal(&h, &expected));
    ck_assert(crypto_hash_equal(&parts, &expected));
    ledger.b[31] ^= 1;
    crypto_digest(&h, "tag", &ledger, bytes_of_text("body"));
    ck_assert(!crypto_hash_equal(&h, &expected));
}
END_TEST

START_TEST(hashes_compare_as_numbers)
{
    struct crypto_hash a = {{0}}, b = {{0}};

    ck_assert(crypto_hash_is_zero(&a));
    ck_assert_int_eq(crypto_hash_compare(&a, &b), 0);
    b.b[31] = 1;
    ck_assert(!crypto_hash_is_zero(&b));
    ck_assert_int_lt(crypto_hash_compare(&a, &b), 0);
    a.b[0] = 0x80;
    ck_assert_int_gt(crypto_hash_compare(&a, &b), 0);
    ck_assert_uint_eq(crypto_hash_bytes(&a).size, 32);
    ck_assert_ptr_eq(crypto_hash_bytes(&a).data, a.b);
}
END_TEST

/* RFC 4231, cases 1, 2, 6 (a key longer than a block) and an empty key. */
START_TEST(hmac_gives_the_hashes_of_rfc_4231)
{
    uint8_t key[131];
    struct crypto_hash h;

    memset(key, 0x0b, sizeof key);
    crypto_hmac_sha256(&h, bytes_of(key, 20), bytes_of_text("Hi There"));
    assert_hash(&h, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    crypto_hmac_sha256(&h, bytes_of_text("Jefe"), bytes_of_text("what do ya want for nothing?"));
    assert_hash(&h, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    crypto_hmac_sha256(&h, bytes_of(key, sizeof key),
                       bytes_of_text("Test Using Larger Than Block-Size Key - Hash Key First"));
    assert_hash(&h, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    crypto_hmac_sha256(&h, (struct bytes){0}, (struct bytes){0});
    assert_hash(&h, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}
END_TEST

static void *hash_much(void *out)
{
    struct crypto_hash h = {{1}};

    for (int i = 0; i < 2000; i++)
        crypto_inner_hash(&h, &h, &h);
    *(struct crypto_hash *)out = h;
    return NULL;
}

START_TEST(threads_hash_beside_each_other)
{
    struct crypto_hash expected, got[4];
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, hash_much, &got[i]), 0);
    hash_much(&expected);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert(crypto_hash_equal(&got[i], &expected));
    }
}
END_TEST

START_TEST(random_bytes_differ)
{
    uint8_t a[64] = {0}, b[64] = {0};

    crypto_random(a, sizeof a);
    crypto_random(b, sizeof b);
    ck_assert_mem_ne(a, b, sizeof a);
    crypto_random(a, 0);
}
END_TEST

/* The signature of secp256k1 with RFC 6979 that libraries agree on. */
START_TEST(signing_is_deterministic)
{
    static const char message[] = "Satoshi Nakamoto";
    struct crypto_secret secret = {{0}};
    struct crypto_hash digest;
    struct crypto_sig sig;
    uint8_t expected[64];

    secret.b[31] = 1;
    from_hex(expected, 64,
             "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8"
             "2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5");
    crypto_sha256(&digest, bytes_of_text(message));
    ck_assert_int_eq(crypto_sign(&sig, &secret, &digest), ANJU_OK);
    ck_assert_mem_eq(sig.b, expected, 64);
}
END_TEST

/* The generator: the key of the secret 1 (SEC 2, 2.4.1). */
START_TEST(a_secret_has_one_key)
{
    struct crypto_secret secret = {{0}};
    struct crypto_key key;
    uint8_t expected[33];

    secret.b[31] = 1;
    from_hex(expected, 33, "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
    ck_assert_int_eq(crypto_key_of(&key, &secret), ANJU_OK);
    ck_assert_mem_eq(key.b, expected, 33);
    ck_assert_int_eq(crypto_key_check(&key), ANJU_OK);
}
END_TEST

START_TEST(secrets_out_of_range_are_refused)
{
    static const struct {
        const char *text;
        enum anju_err err;
    } cases[] = {
        {"0000000000000000000000000000000000000000000000000000000000000000", ANJU_ERR_MALFORMED},
        {"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140", ANJU_OK},
        {"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", ANJU_ERR_MALFORMED},
        {"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", ANJU_ERR_MALFORMED},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct crypto_secret secret;
        struct crypto_key key;
        struct crypto_sig sig;

        from_hex(secret.b, 32, cases[i].text);
        ck_assert_int_eq(crypto_key_of(&key, &secret), cases[i].err);
        ck_assert_int_eq(crypto_sign(&sig, &secret, &CRYPTO_ZERO_HASH), cases[i].err);
    }
}
END_TEST

START_TEST(keys_that_are_no_compressed_point_are_refused)
{
    static const char *bad[] = {
        "0079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
        "0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
        "0679be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
        /* x = 5 has no point; x = p and above is no field element */
        "020000000000000000000000000000000000000000000000000000000000000005",
        "02fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f",
        "02ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "000000000000000000000000000000000000000000000000000000000000000000",
    };
    struct crypto_sig sig = {{0}};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct crypto_key key;

        from_hex(key.b, 33, bad[i]);
        ck_assert_int_eq(crypto_key_check(&key), ANJU_ERR_MALFORMED);
        ck_assert_int_eq(crypto_verify(&sig, &key, &CRYPTO_ZERO_HASH), ANJU_ERR_MISMATCH);
    }
}
END_TEST

static void make_signature(struct crypto_key *key, struct crypto_hash *digest,
                           struct crypto_sig *sig)
{
    struct crypto_secret secret;

    ck_assert_int_eq(crypto_secret_new(&secret), ANJU_OK);
    ck_assert_int_eq(crypto_key_of(key, &secret), ANJU_OK);
    crypto_random(digest->b, sizeof digest->b);
    ck_assert_int_eq(crypto_sign(sig, &secret, digest), ANJU_OK);
    ck_assert_int_eq(crypto_verify(sig, key, digest), ANJU_OK);
}

START_TEST(a_signature_with_any_bit_changed_is_refused)
{
    struct crypto_hash digest;
    struct crypto_key key;
    struct crypto_sig sig;

    make_signature(&key, &digest, &sig);
    for (size_t bit = 0; bit < 8 * (64 + 33 + 32); bit++) {
        size_t at = bit / 8;
        uint8_t *p = at < 64 ? &sig.b[at] : at < 97 ? &key.b[at - 64] : &digest.b[at - 97];

        *p = (uint8_t)(*p ^ 1u << bit % 8);
        ck_assert_int_eq(crypto_verify(&sig, &key, &digest), ANJU_ERR_MISMATCH);
        *p = (uint8_t)(*p ^ 1u << bit % 8);
    }
    ck_assert_int_eq(crypto_verify(&sig, &key, &digest), ANJU_OK);
}
END_TEST

/* n - s signs the same digest by the mathematics. If it were taken, a stranger could make a second
 * envelope out of a first one. */
START_TEST(the_high_s_of_a_signature_is_refused)
{
    struct crypto_hash digest;
    struct crypto_key key;
    struct crypto_sig sig;
    uint8_t n[32];

    from_hex(n, 32, ORDER);
    for (int turn = 0; turn < 20; turn++) {
        int borrow = 0;

        make_signature(&key, &digest, &sig);
        for (int i = 31; i >= 0; i--) {
            int v = n[i] - sig.b[32 + i] - borrow;

            borrow = v < 0;
            sig.b[32 + i] = (uint8_t)(v + 256 * borrow);
        }
        ck_assert_int_eq(crypto_verify(&sig, &key, &digest), ANJU_ERR_MISMATCH);
    }
}
END_TEST

/* --- Wycheproof ------------------------------------------------------------------------------ */

struct tally {
    unsigned good;
    unsigned bad;
    unsigned high; /* valid by the mathematics, and s is high */
};

/* An ASN.1 DER integer of at most 32 bytes, in its one encoding. */
static bool der_integer(struct reader *r, uint8_t out[32])
{
    struct bytes v;
    bool tag = reader_u8(r) == 2;

    v = reader_take(r, reader_u8_max(r, 33));
    if (r->failed || !tag || v.size == 0 || v.data[0] >= 0x80)
        return false;
    if (v.data[0] == 0 && v.size > 1) {
        if (v.data[1] < 0x80)
            return false;
        v = bytes_of(v.data + 1, v.size - 1);
    }
    if (v.size > 32)
        return false;
    memset(out, 0, 32);
    memcpy(out + 32 - v.size, v.data, v.size);
    return true;
}

/* False where the bytes are not DER of two such integers: there is no r || s to give us. */
static bool from_der(struct crypto_sig *out, const uint8_t *der, size_t size)
{
    struct reader r = reader_over(bytes_of(der, size));
    bool sequence = reader_u8(&r) == 0x30;

    if (!sequence || reader_u8_max(&r, 0x7f) != r.left || r.failed)
        return false;
    return der_integer(&r, out->b) && der_integer(&r, out->b + 32) && reader_finish(&r) == ANJU_OK;
}

static void compress(struct crypto_key *out, const char *uncompressed)
{
    size_t size;
    uint8_t *point = vectors_hex(uncompressed, &size);

    ck_assert_uint_eq(size, 65);
    out->b[0] = (uint8_t)(2 | (point[64] & 1));
    memcpy(out->b + 1, point + 1, 32);
    free(point);
}

static void check_ecdsa(struct tally *tally, const struct crypto_key *key, json_t *test, bool der)
{
    size_t message_size, size;
    uint8_t *message = vectors_hex(vectors_text(test, "msg"), &message_size);
    uint8_t *given = vectors_hex(vectors_text(test, "sig"), &size);
    bool valid = strcmp(vectors_text(test, "result"), "valid") == 0;
    struct crypto_hash digest;
    struct crypto_sig sig;
    uint8_t half[32];
    bool fits = der ? from_der(&sig, given, size) : size == 64;

    from_hex(half, 32, HALF);
    if (fits && !der)
        memcpy(sig.b, given, 64);
    if (fits) {
        bool high = memcmp(sig.b + 32, half, 32) > 0;

        crypto_sha256(&digest, bytes_of(message, message_size));
        ck_assert_msg((crypto_verify(&sig, key, &digest) == ANJU_OK) == (valid && !high),
                      "case %d: %s", (int)vectors_int(test, "tcId"), vectors_text(test, "comment"));
        tally->good += valid && !high;
        tally->high += valid && high;
        tally->bad += !valid;
    } else {
        ck_assert_msg(!valid, "case %d is valid but has no r || s", (int)vectors_int(test, "tcId"));
    }
    free(message);
    free(given);
}

static struct tally run_ecdsa(const char *name, bool der)
{
    json_t *file = vectors_load(name);
    struct tally tally = {0, 0, 0};
    json_t *group, *test;
    size_t i, k;

    json_array_foreach(vectors_array(file, "testGroups"), i, group)
    {
        struct crypto_key key;

        compress(&key, vectors_text(json_object_get(group, "publicKey"), "uncompressed"));
        json_array_foreach(vectors_array(group, "tests"), k, test)
            check_ecdsa(&tally, &key, test, der);
    }
    json_decref(file);
    return tally;
}

START_TEST(wycheproof_signatures_of_64_bytes_are_judged_right)
{
    struct tally t = run_ecdsa("wycheproof/ecdsa_secp256k1_sha256_p1363_test.json", false);

    ck_assert_uint_ge(t.good, 5);
    ck_assert_uint_ge(t.bad, 5);
}
END_TEST

START_TEST(wycheproof_bitcoin_signatures_are_judged_right)
{
    struct tally t = run_ecdsa("wycheproof/ecdsa_secp256k1_sha256_bitcoin_test.json", true);

    ck_assert_uint_ge(t.good, 5);
    ck_assert_uint_ge(t.bad, 3);
    ck_assert_uint_eq(t.high, 0); /* here a high s counts as invalid */
}
END_TEST

START_TEST(wycheproof_der_signatures_are_judged_right)
{
    struct tally t = run_ecdsa("wycheproof/ecdsa_secp256k1_sha256_test.json", true);

    ck_assert_uint_ge(t.good, 5);
    ck_assert_uint_ge(t.bad, 3);
}
END_TEST

static void check_ed25519(struct tally *tally, const char *key_text, json_t *test)
{
    size_t key_size, message_size, size;
    uint8_t *key = vectors_hex(key_text, &key_size);
    uint8_t *message = vectors_hex(vectors_text(test, "msg"), &message_size);
    uint8_t *sig = vectors_hex(vectors_text(test, "sig"), &size);
    bool valid = strcmp(vectors_text(test, "result"), "valid") == 0;

    ck_assert_uint_eq(key_size, 32);
    if (size == 64) {
        enum anju_err err = crypto_ed25519_verify(sig, key, bytes_of(message, message_size));

        ck_assert_msg(err == (valid ? ANJU_OK : ANJU_ERR_MISMATCH), "case %d: %s",
                      (int)vectors_int(test, "tcId"), vectors_text(test, "comment"));
        tally->good += valid;
        tally->bad += !valid;
    } else {
        ck_assert(!valid);
    }
    free(key);
    free(message);
    free(sig);
}

START_TEST(wycheproof_ed25519_signatures_are_judged_right)
{
    json_t *file = vectors_load("wycheproof/ed25519_test.json");
    struct tally tally = {0, 0, 0};
    json_t *group, *test;
    size_t i, k;

    json_array_foreach(vectors_array(file, "testGroups"), i, group)
    {
        json_array_foreach(vectors_array(group, "tests"), k, test)
            check_ed25519(&tally, vectors_text(json_object_get(group, "publicKey"), "pk"), test);
    }
    ck_assert_uint_ge(tally.good, 5);
    ck_assert_uint_ge(tally.bad, 3);
    json_decref(file);
}
END_TEST

/* RFC 8032, 7.1, test 2. */
START_TEST(ed25519_signs_as_rfc_8032_does)
{
    uint8_t secret[32], key[32], sig[64], expected[64];

    from_hex(secret, 32, "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    from_hex(key, 32, "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    from_hex(expected, 64,
             "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
             "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
    ck_assert_int_eq(crypto_ed25519_sign(sig, secret, bytes_of("\x72", 1)), ANJU_OK);
    ck_assert_mem_eq(sig, expected, 64);
    ck_assert_int_eq(crypto_ed25519_verify(sig, key, bytes_of("\x72", 1)), ANJU_OK);
    ck_assert_int_eq(crypto_ed25519_verify(sig, key, bytes_of("\x73", 1)), ANJU_ERR_MISMATCH);
}
END_TEST

START_TEST(a_new_ed25519_key_verifies_what_its_secret_signs)
{
    uint8_t secret[32], key[32], other[32], sig[64];
    struct bytes message = bytes_of_text("checkpoint");

    ck_assert_int_eq(crypto_ed25519_new(secret, other), ANJU_OK);
    ck_assert_int_eq(crypto_ed25519_new(secret, key), ANJU_OK);
    ck_assert_int_eq(crypto_ed25519_sign(sig, secret, message), ANJU_OK);
    ck_assert_int_eq(crypto_ed25519_verify(sig, key, message), ANJU_OK);
    ck_assert_int_eq(crypto_ed25519_verify(sig, other, message), ANJU_ERR_MISMATCH);
    ck_assert_int_eq(crypto_ed25519_sign(sig, secret, (struct bytes){0}), ANJU_OK);
    ck_assert_int_eq(crypto_ed25519_verify(sig, key, (struct bytes){0}), ANJU_OK);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *c = tcase_create("crypto");

    tcase_set_timeout(c, 60);
    tcase_add_test(c, sha256_gives_the_published_hashes);
    tcase_add_test(c, parts_hash_as_if_they_were_one);
    tcase_add_test(c, leaves_and_inner_nodes_are_told_apart_by_their_first_byte);
    tcase_add_test(c, a_digest_covers_tag_ledger_and_body);
    tcase_add_test(c, hashes_compare_as_numbers);
    tcase_add_test(c, hmac_gives_the_hashes_of_rfc_4231);
    tcase_add_test(c, threads_hash_beside_each_other);
    tcase_add_test(c, random_bytes_differ);
    tcase_add_test(c, signing_is_deterministic);
    tcase_add_test(c, a_secret_has_one_key);
    tcase_add_test(c, secrets_out_of_range_are_refused);
    tcase_add_test(c, keys_that_are_no_compressed_point_are_refused);
    tcase_add_test(c, a_signature_with_any_bit_changed_is_refused);
    tcase_add_test(c, the_high_s_of_a_signature_is_refused);
    tcase_add_test(c, wycheproof_signatures_of_64_bytes_are_judged_right);
    tcase_add_test(c, wycheproof_bitcoin_signatures_are_judged_right);
    tcase_add_test(c, wycheproof_der_signatures_are_judged_right);
    tcase_add_test(c, wycheproof_ed25519_signatures_are_judged_right);
    tcase_add_test(c, ed25519_signs_as_rfc_8032_does);
    tcase_add_test(c, a_new_ed25519_key_verifies_what_its_secret_signs);
    suite_add_tcase(suite, c);
}

UNIT_MAIN("crypto", add_tests)
