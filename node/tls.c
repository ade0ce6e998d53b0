#include "node/tls.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#define EXPORTER_LABEL "EXPORTER-anju-auth-1"

const char *tls_error_text(void)
{
    static _Thread_local char text[256];
    unsigned long code = ERR_get_error();

    if (code == 0)
        return "connection closed";
    ERR_error_string_n(code, text, sizeof(text));
    ERR_clear_error();
    return text;
}

static enum anju_err spki_of(struct crypto_hash *out, const X509 *cert)
{
    unsigned char *der = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

    if (size <= 0)
        return anju_fail(ANJU_ERR_MALFORMED, "certificate without a public key: %s",
                         tls_error_text());
    crypto_sha256(out, bytes_of(der, (size_t)size));
    OPENSSL_free(der);
    return ANJU_OK;
}

/* Chains mean nothing here: the key is pinned by its hash, and AUTH proves who holds it. */
static int accept_any(X509_STORE_CTX *store, void *arg)
{
    (void)store;
    (void)arg;
    return 1;
}

static bool is_p256(const X509 *cert)
{
    EVP_PKEY *key = X509_get0_pubkey(cert);
    char group[32] = "";
    size_t size = 0;

    return key != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
           EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group),
                                          &size) == 1 &&
           (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0);
}

static bool configure(SSL_CTX *ctx)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, accept_any, NULL);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_num_tickets(ctx, 0) == 1 && SSL_CTX_set_max_early_data(ctx, 0) == 1 &&
           SSL_CTX_set_ciphersuites(
               ctx, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") ==
               1 &&
           SSL_CTX_set1_groups_list(ctx, "X25519:P-256") == 1 &&
           SSL_CTX_set1_sigalgs_list(ctx, "ECDSA+SHA256") == 1;
}

enum anju_err tls_context_new(SSL_CTX **out, struct crypto_hash *own_spki, const char *cert_file,
                              const char *key_file)
{
    SSL_CTX *ctx;
    enum anju_err err;

    ERR_clear_error();
    *out = NULL;
    ctx = SSL_CTX_new(TLS_method());
    if (ctx == NULL || !configure(ctx)) {
        err = anju_fail(ANJU_ERR_UNSUPPORTED,
                        "this OpenSSL cannot do TLS 1.3 as peers speak it: %s", tls_error_text());
        goto fail;
    }
    if (SSL_CTX_use_certificate_file(ctx, cert_file, SSL_FILETYPE_PEM) != 1) {
        err = anju_fail(ANJU_ERR_IO,
                        "%s: cannot read the TLS certificate: %s; `anju keys new` makes one",
                        cert_file, tls_error_text());
        goto fail;
    }
    if (SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1) {
        err = anju_fail(ANJU_ERR_IO,
                        "%s: cannot read the TLS key, or it is not the certificate's: %s", key_file,
                        tls_error_text());
        goto fail;
    }
    if (!is_p256(SSL_CTX_get0_certificate(ctx))) {
        err = anju_fail(ANJU_ERR_UNSUPPORTED, "%s: the TLS key must be of P-256", cert_file);
        goto fail;
    }
    err = spki_of(own_spki, SSL_CTX_get0_certificate(ctx));
    if (err != ANJU_OK)
        goto fail;
    *out = ctx;
    return ANJU_OK;
fail:
    SSL_CTX_free(ctx);
    return err;
}

enum anju_err tls_peer_spki(struct crypto_hash *out, SSL *ssl)
{
    X509 *cert;
    enum anju_err err;

    ERR_clear_error();
    cert = SSL_get1_peer_certificate(ssl);
    if (cert == NULL)
        return anju_fail(ANJU_ERR_MISMATCH, "it showed no certificate");
    err = spki_of(out, cert);
    X509_free(cert);
    return err;
}

enum anju_err tls_exporter(uint8_t out[TLS_EKM_SIZE], SSL *ssl)
{
    ERR_clear_error();
    if (SSL_export_keying_material(ssl, out, TLS_EKM_SIZE, EXPORTER_LABEL,
                                   sizeof(EXPORTER_LABEL) - 1, NULL, 0, 0) != 1)
        return anju_fail(ANJU_ERR_MISMATCH, "no exporter value: %s", tls_error_text());
    return ANJU_OK;
}
