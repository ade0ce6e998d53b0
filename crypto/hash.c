/* Hashing: SHA-256 through OpenSSL's digest interface, and what is built from it. */
#include "crypto/crypto.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HMAC_BLOCK_SIZE = 64 };

const struct crypto_hash CRYPTO_ZERO_HASH;

bool crypto_hash_equal(const struct crypto_hash *a, const struct crypto_hash *b)
{
    return memcmp(a->b, b->b, CRYPTO_HASH_SIZE) == 0;
}

bool crypto_hash_is_zero(const struct crypto_hash *a)
{
    return crypto_hash_equal(a, &CRYPTO_ZERO_HASH);
}

int crypto_hash_compare(const struct crypto_hash *a, const struct crypto_hash *b)
{
    return memcmp(a->b, b->b, CRYPTO_HASH_SIZE);
}

struct bytes crypto_hash_bytes(const struct crypto_hash *a)
{
    return bytes_of(a->b, CRYPTO_HASH_SIZE);
}

/* The digest is looked up once in a process and each thread keeps its context: fetching takes a
 * lock that all threads share and more time than hashing a tree node. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t context_key; /* only for the destructor at the end of a thread */
static EVP_MD *sha256;
static _Thread_local EVP_MD_CTX *context;

static _Noreturn void give_up(const char *what)
{
    (void)fprintf(stderr, "anju: OpenSSL cannot %s; stopping\n", what);
    abort();
}

static void free_context(void *ctx)
{
    EVP_MD_CTX_free(ctx);
}

static void fetch_digest(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (sha256 == NULL)
        give_up("provide SHA-256");
    if (pthread_key_create(&context_key, free_context) != 0)
        give_up("keep a context for each thread");
}

static void make_context(void)
{
    if (pthread_once(&once, fetch_digest) != 0)
        give_up("be set up");
    context = EVP_MD_CTX_new();
    if (context == NULL || pthread_setspecific(context_key, context) != 0)
        give_up("make a hash context");
}

static EVP_MD_CTX *hash_begin(void)
{
    if (context == NULL)
        make_context();
    if (EVP_DigestInit_ex2(context, sha256, NULL) != 1)
        give_up("begin a hash");
    return context;
}

static void hash_add(EVP_MD_CTX *ctx, const void *data, size_t size)
{
    if (size > 0 && EVP_DigestUpdate(ctx, data, size) != 1)
        give_up("hash");
}

static void hash_end(EVP_MD_CTX *ctx, struct crypto_hash *out)
{
    if (EVP_DigestFinal_ex(ctx, out->b, NULL) != 1)
        give_up("end a hash");
}

static void hash_add_parts(EVP_MD_CTX *ctx, const struct bytes *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        hash_add(ctx, parts[i].data, parts[i].size);
}

void crypto_sha256(struct crypto_hash *out, struct bytes in)
{
    crypto_sha256_parts(out, &in, 1);
}

void crypto_sha256_parts(struct crypto_hash *out, const struct bytes *parts, size_t count)
{
    EVP_MD_CTX *ctx = hash_begin();

    hash_add_parts(ctx, parts, count);
    hash_end(ctx, out);
}

void crypto_leaf_hash(struct crypto_hash *out, struct bytes leaf)
{
    EVP_MD_CTX *ctx = hash_begin();

    hash_add(ctx, "\x00", 1);
    hash_add(ctx, leaf.data, leaf.size);
    hash_end(ctx, out);
}

void crypto_inner_hash(struct crypto_hash *out, const struct crypto_hash *left,
                       const struct crypto_hash *right)
{
    uint8_t node[1 + 2 * CRYPTO_HASH_SIZE];
    EVP_MD_CTX *ctx = hash_begin();

    node[0] = 1;
    memcpy(node + 1, left->b, CRYPTO_HASH_SIZE);
    memcpy(node + 1 + CRYPTO_HASH_SIZE, right->b, CRYPTO_HASH_SIZE);
    hash_add(ctx, node, sizeof node);
    hash_end(ctx, out);
}

/* RFC 2104. */
void crypto_hmac_sha256(struct crypto_hash *out, struct bytes key, struct bytes message)
{
    uint8_t pad[HMAC_BLOCK_SIZE] = {0};
    struct crypto_hash inner;

    if (key.size > HMAC_BLOCK_SIZE) {
        crypto_sha256(&inner, key);
        memcpy(pad, inner.b, CRYPTO_HASH_SIZE);
    } else if (key.size > 0) {
        memcpy(pad, key.data, key.size);
    }
    for (size_t i = 0; i < HMAC_BLOCK_SIZE; i++)
        pad[i] ^= 0x36;
    crypto_sha256_parts(&inner, (struct bytes[]){bytes_of(pad, sizeof pad), message}, 2);
    for (size_t i = 0; i < HMAC_BLOCK_SIZE; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    crypto_sha256_parts(out, (struct bytes[]){bytes_of(pad, sizeof pad), crypto_hash_bytes(&inner)},
                        2);
    bytes_wipe(pad, sizeof pad);
    bytes_wipe(&inner, sizeof inner);
}

void crypto_digest(struct crypto_hash *out, const char *tag, const struct crypto_hash *ledger_id,
                   struct bytes body)
{
    crypto_digest_parts(out, tag, ledger_id, &body, 1);
}

void crypto_digest_parts(struct crypto_hash *out, const char *tag,
                         const struct crypto_hash *ledger_id, const struct bytes *parts,
                         size_t count)
{
    EVP_MD_CTX *ctx = hash_begin();

    hash_add(ctx, tag, strlen(tag) + 1); /* its NUL is the 0x00 between tag and ledger id */
    hash_add(ctx, ledger_id->b, CRYPTO_HASH_SIZE);
    hash_add_parts(ctx, parts, count);
    hash_end(ctx, out);
}
