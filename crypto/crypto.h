/*
 * crypto: hashing, digests, keys and signatures of the suite (secp256k1 with SHA-256).
 * Pure: no clock, no file; the only random bytes come from crypto_random, for tools and nonces.
 * Safe from any thread: contexts are per thread inside.
 */
#ifndef ANJU_CRYPTO_CRYPTO_H
#define ANJU_CRYPTO_CRYPTO_H

#include "base/bytes.h"

enum {
    CRYPTO_HASH_SIZE = 32,
    CRYPTO_KEY_SIZE = 33,
    CRYPTO_SECRET_SIZE = 32,
    CRYPTO_SIG_SIZE = 64,
    CRYPTO_ED25519_SIZE = 32
};

struct crypto_hash {
    uint8_t b[CRYPTO_HASH_SIZE];
};
struct crypto_key {
    uint8_t b[CRYPTO_KEY_SIZE];
}; /* compressed secp256k1 public key */
struct crypto_secret {
    uint8_t b[CRYPTO_SECRET_SIZE];
};
struct crypto_sig {
    uint8_t b[CRYPTO_SIG_SIZE];
}; /* r || s, low s */

extern const struct crypto_hash CRYPTO_ZERO_HASH;

bool crypto_hash_equal(const struct crypto_hash *a, const struct crypto_hash *b);
bool crypto_hash_is_zero(const struct crypto_hash *a);
int crypto_hash_compare(const struct crypto_hash *a, const struct crypto_hash *b);
struct bytes crypto_hash_bytes(const struct crypto_hash *a);

/* SHA-256 of one or more parts. */
void crypto_sha256(struct crypto_hash *out, struct bytes in);
void crypto_sha256_parts(struct crypto_hash *out, const struct bytes *parts, size_t count);
/* H(0x00 || bytes) and H(0x01 || left || right) of RFC 6962, 2.1. */
void crypto_leaf_hash(struct crypto_hash *out, struct bytes leaf);
void crypto_inner_hash(struct crypto_hash *out, const struct crypto_hash *left,
                       const struct crypto_hash *right);
void crypto_hmac_sha256(struct crypto_hash *out, struct bytes key, struct bytes message);

/* digest(tag, body) = H(tag || 0x00 || ledger id || body); `tag` such as "anju/envelope/1". */
void crypto_digest(struct crypto_hash *out, const char *tag, const struct crypto_hash *ledger_id,
                   struct bytes body);
void crypto_digest_parts(struct crypto_hash *out, const char *tag,
                         const struct crypto_hash *ledger_id, const struct bytes *parts,
                         size_t count);

/* Keys. MALFORMED: not a point on the curve in compressed form; a secret that is 0 or >= n. */
ANJU_MUST_CHECK enum anju_err crypto_key_check(const struct crypto_key *key);
ANJU_MUST_CHECK enum anju_err crypto_key_of(struct crypto_key *out,
                                            const struct crypto_secret *secret);
ANJU_MUST_CHECK enum anju_err crypto_secret_new(struct crypto_secret *out);

/* ECDSA over a 32-byte digest; RFC 6979 nonces; low s. */
ANJU_MUST_CHECK enum anju_err crypto_sign(struct crypto_sig *out,
                                          const struct crypto_secret *secret,
                                          const struct crypto_hash *digest);
/* MISMATCH: r or s out of range, s high, or not this key's signature. Never repairs. */
ANJU_MUST_CHECK enum anju_err crypto_verify(const struct crypto_sig *sig,
                                            const struct crypto_key *key,
                                            const struct crypto_hash *digest);

/* Ed25519 (RFC 8032): log and cosign keys. The secret is the 32-byte seed. */
ANJU_MUST_CHECK enum anju_err crypto_ed25519_new(uint8_t secret[CRYPTO_ED25519_SIZE],
                                                 uint8_t key[CRYPTO_ED25519_SIZE]);
ANJU_MUST_CHECK enum anju_err crypto_ed25519_key_of(uint8_t key[CRYPTO_ED25519_SIZE],
                                                    const uint8_t secret[CRYPTO_ED25519_SIZE]);
ANJU_MUST_CHECK enum anju_err crypto_ed25519_sign(uint8_t sig[64],
                                                  const uint8_t secret[CRYPTO_ED25519_SIZE],
                                                  struct bytes message);
ANJU_MUST_CHECK enum anju_err crypto_ed25519_verify(const uint8_t sig[64],
                                                    const uint8_t key[CRYPTO_ED25519_SIZE],
                                                    struct bytes message);

/* Bytes from the operating system's generator; aborts where it fails. */
void crypto_random(void *out, size_t size);

#endif
