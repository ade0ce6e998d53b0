/*
 * Stand-ins at link time (-Wl,--wrap in the Makefile). Signatures: SHA-256 over key and digest
 * instead of ECDSA, so that a thousand heights take a second and not a minute; whoever has no
 * secret in this program doesn't sign with it, and everything around the two functions is what
 * ships. Log lines: into the trace and to the oracle. Syncs of the guard file: the model of the
 * platter hears of them.
 */
#include "tests/sim/lab.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

struct lab *lab_current;

enum anju_err __real_crypto_sign(struct crypto_sig *out, const struct crypto_secret *secret,
                                 const struct crypto_hash *digest);
enum anju_err __wrap_crypto_sign(struct crypto_sig *out, const struct crypto_secret *secret,
                                 const struct crypto_hash *digest);
enum anju_err __wrap_crypto_verify(const struct crypto_sig *sig, const struct crypto_key *key,
                                   const struct crypto_hash *digest);
void __wrap_log_line(enum log_level level, const char *module, const char *format, ...)
    ANJU_PRINTF(3, 4);
void __real_file_sync(int fd, const char *path);
void __wrap_file_sync(int fd, const char *path);

static void stand_in(struct crypto_sig *out, const struct crypto_key *key,
                     const struct crypto_hash *digest)
{
    const struct bytes parts[3] = {bytes_of_text("lab"), bytes_of(key->b, CRYPTO_KEY_SIZE),
                                   crypto_hash_bytes(digest)};
    struct crypto_hash h;

    crypto_sha256_parts(&h, parts, 3);
    memcpy(out->b, h.b, 32);
    memcpy(out->b + 32, digest->b, 32);
}

enum anju_err __wrap_crypto_sign(struct crypto_sig *out, const struct crypto_secret *secret,
                                 const struct crypto_hash *digest)
{
    enum { SLOTS = 64 };
    static struct {
        bool used;
        struct crypto_secret secret;
        struct crypto_key key;
    } known[SLOTS];
    unsigned at = secret->b[0] % SLOTS;

    if (!known[at].used || memcmp(known[at].secret.b, secret->b, CRYPTO_SECRET_SIZE) != 0) {
        known[at].used = true;
        known[at].secret = *secret;
        if (crypto_key_of(&known[at].key, secret) != ANJU_OK)
            return ANJU_ERR_MALFORMED;
    }
    stand_in(out, &known[at].key, digest);
    return ANJU_OK;
}

enum anju_err __wrap_crypto_verify(const struct crypto_sig *sig, const struct crypto_key *key,
                                   const struct crypto_hash *digest)
{
    struct crypto_sig right;

    stand_in(&right, key, digest);
    if (memcmp(right.b, sig->b, CRYPTO_SIG_SIZE) == 0)
        return ANJU_OK;
    return anju_fail(ANJU_ERR_MISMATCH, "the signature is not that of the key");
}

void __wrap_log_line(enum log_level level, const char *module, const char *format, ...)
{
    char line[600];
    va_list args;

    (void)level;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (lab_current == NULL)
        return;
    lab_say(lab_current, "    [%s] %s", module, line);
    oracle_log(lab_current, line);
}

/* Only guards are real files here. */
void __wrap_file_sync(int fd, const char *path)
{
    (void)fd;
    for (unsigned i = 0; lab_current != NULL && i < lab_current->n_hosts; i++) {
        struct host *h = &lab_current->host[i];
        size_t size = strlen(h->dir);
        if (size > 0 && strncmp(path, h->dir, size) == 0 && path[size] == '/') {
            FILE *file = fopen(path, "rb");
            h->has_stable =
                file != NULL && fread(h->stable, 1, sizeof h->stable, file) == sizeof h->stable;
            if (file != NULL)
                (void)fclose(file);
        }
    }
}
