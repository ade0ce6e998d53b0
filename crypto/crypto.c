/* Keys and signatures: ECDSA through libsecp256k1, Ed25519 through OpenSSL. */
#include "crypto/crypto.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <secp256k1.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void crypto_random(void *out, size_t size)
{
    uint8_t *at = out;

    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            perror("anju: the system gives no random bytes; stopping");
            abort();
        }
        at += got;
        size -= (size_t)got;
    }
}

/* One context a process; after it is made it is only read, so all threads share it. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static secp256k1_context *curve;

static void make_curve(void)
{
    uint8_t seed[32];

    /* Before 0.3 the flags decide which tables exist; later versions take them and ignore them. */
    curve = secp256k1_context_create(SECP256K1_CONTEXT_SIGN | SECP256K1_CONTEXT_VERIFY);
    crypto_random(seed, sizeof seed);
    if (secp256k1_context_randomize(curve, seed) != 1) {
        (void)fprintf(stderr, "anju: libsecp256k1 cannot blind its context; stopping\n");
        abort();
    }
    bytes_wipe(seed, sizeof seed);
}

static const secp256k1_context *curve_context(void)
{
    (void)pthread_once(&once, make_curve);
    return curve;
}

enum anju_err crypto_key_check(const struct crypto_key *key)
{
    secp256k1_pubkey point;

    if (secp256k1_ec_pubkey_parse(curve_context(), &point, key->b, CRYPTO_KEY_SIZE) != 1)
        return ANJU_ERR_MALFORMED;
    return ANJU_OK;
}

enum anju_err crypto_key_of(struct crypto_key *out, const struct crypto_secret *secret)
{
    size_t size = CRYPTO_KEY_SIZE;
    secp256k1_pubkey point;

    if (secp256k1_ec_pubkey_create(curve_context(), &point, secret->b) != 1)
        return ANJU_ERR_MALFORMED;
    (void)secp256k1_ec_pubkey_serialize(curve_context(), out->b, &size, &point,
                                        SECP256K1_EC_COMPRESSED);
    return ANJU_OK;
}

enum anju_err crypto_secret_new(struct crypto_secret *out)
{
    do
        crypto_random(out->b, CRYPTO_SECRET_SIZE);
    while (secp256k1_ec_seckey_verify(curve_context(), out->b) != 1);
    return ANJU_OK;
}

enum anju_err crypto_sign(struct crypto_sig *out, const struct crypto_secret *secret,
                          const struct crypto_hash *digest)
{
    secp256k1_ecdsa_signature sig;

    if (secp256k1_ecdsa_sign(curve_context(), &sig, digest->b, secret->b,
                             secp256k1_nonce_function_rfc6979, NULL) != 1)
        return ANJU_ERR_MALFORMED;
    (void)secp256k1_ecdsa_signature_serialize_compact(curve_context(), out->b, &sig);
    return ANJU_OK;
}

enum anju_err crypto_verify(const struct crypto_sig *sig, const struct crypto_key *key,
                            const struct crypto_hash *digest)
{
    const secp256k1_context *ctx = curve_context();
    secp256k1_ecdsa_signature parsed;
    secp256k1_pubkey point;

    if (secp256k1_ecdsa_signature_parse_compact(ctx, &parsed, sig->b) != 1 ||
        secp256k1_ec_pubkey_parse(ctx, &point, key->b, CRYPTO_KEY_SIZE) != 1)
        return ANJU_ERR_MISMATCH;
    /* The library refuses a high s here; the other one, s' = n - s, is never derived from it. */
    if (secp256k1_ecdsa_verify(ctx, &parsed, digest->b, &point) != 1)
        return ANJU_ERR_MISMATCH;
    return ANJU_OK;
}

/* What OpenSSL says about a wrong key or signature stays in a queue of the thread, where the next
 * TLS call would take it for its own. */
static enum anju_err ed25519_end(EVP_PKEY *key, EVP_MD_CTX *ctx, bool good, enum anju_err otherwise)
{
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    if (!good)
        ERR_clear_error();
    return good ? ANJU_OK : otherwise;
}

enum anju_err crypto_ed25519_new(uint8_t secret[CRYPTO_ED25519_SIZE],
                                 uint8_t key[CRYPTO_ED25519_SIZE])
{
    crypto_random(secret, CRYPTO_ED25519_SIZE);
    return crypto_ed25519_key_of(key, secret);
}

enum anju_err crypto_ed25519_key_of(uint8_t key[CRYPTO_ED25519_SIZE],
                                    const uint8_t secret[CRYPTO_ED25519_SIZE])
{
    size_t size = CRYPTO_ED25519_SIZE;
    EVP_PKEY *pair =
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, CRYPTO_ED25519_SIZE);
    bool good = pair != NULL && EVP_PKEY_get_raw_public_key(pair, key, &size) == 1;

    return ed25519_end(pair, NULL, good, ANJU_ERR_UNSUPPORTED);
}

enum anju_err crypto_ed25519_sign(uint8_t sig[64], const uint8_t secret[CRYPTO_ED25519_SIZE],
                                  struct bytes message)
{
    EVP_PKEY *pair =
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, CRYPTO_ED25519_SIZE);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t size = 64;
    bool good = pair != NULL && ctx != NULL &&
                EVP_DigestSignInit(ctx, NULL, NULL, NULL, pair) == 1 &&
                EVP_DigestSign(ctx, sig, &size, message.data, message.size) == 1;

    return ed25519_end(pair, ctx, good, ANJU_ERR_UNSUPPORTED);
}

enum anju_err crypto_ed25519_verify(const uint8_t sig[64], const uint8_t key[CRYPTO_ED25519_SIZE],
                                    struct bytes message)
{
    EVP_PKEY *point = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, CRYPTO_ED25519_SIZE);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = point != NULL && ctx != NULL &&
                EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, point) == 1 &&
                EVP_DigestVerify(ctx, sig, 64, message.data, message.size) == 1;

    return ed25519_end(point, ctx, good, ANJU_ERR_MISMATCH);
}
