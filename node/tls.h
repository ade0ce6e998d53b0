/*
 * tls: TLS 1.3 for peers: mutual, self-signed P-256 keys, no resumption of any kind, no chains.
 * Whose key it is, is settled by AUTH (peer_auth.c), never by the handshake. Main thread.
 */
#ifndef ANJU_NODE_TLS_H
#define ANJU_NODE_TLS_H

#include <openssl/ssl.h>

#include "crypto/crypto.h"

enum { TLS_EKM_SIZE = 32 };

/* Loads key and certificate (PEM; may be one file). IO / MALFORMED / UNSUPPORTED (not P-256) with
 * words. */
ANJU_MUST_CHECK enum anju_err tls_context_new(SSL_CTX **out, struct crypto_hash *own_spki,
                                              const char *cert_file, const char *key_file);
/* SHA-256 of the SubjectPublicKeyInfo of the other side. MISMATCH: it showed none. */
ANJU_MUST_CHECK enum anju_err tls_peer_spki(struct crypto_hash *out, SSL *ssl);
/* The exporter value that AUTH signs (RFC 8446, 7.5; model RFC 9266). */
ANJU_MUST_CHECK enum anju_err tls_exporter(uint8_t out[TLS_EKM_SIZE], SSL *ssl);
/* The first error of OpenSSL's queue in words; empties the queue. */
const char *tls_error_text(void);

#endif
