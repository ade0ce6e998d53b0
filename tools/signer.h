/*
 * signer: envelopes that a tool signs with a member's key.
 */
#ifndef ANJU_TOOLS_SIGNER_H
#define ANJU_TOOLS_SIGNER_H

#include "ledger/envelope.h"
#include "ledger/registry.h"

struct signer {
    const struct ledger_registry *registry; /* borrowed */
    uint32_t member, key;                   /* numbers in genesis */
    struct crypto_secret secret;
};

/* Reads the secret and finds its key in genesis. `member` is a number as text, or NULL: the key's.
 * NOT_FOUND: genesis has no such key. MISMATCH: it is another member's, or a node's key, which signs no
 * records. */
ANJU_MUST_CHECK enum anju_err signer_open(struct signer *out, const struct ledger_registry *registry, const char *path,
                                          const char *member);
void signer_close(struct signer *s); /* wipes the secret */

/* Appends the wire of an envelope of these records; its id goes to *id. */
ANJU_MUST_CHECK enum anju_err signer_envelope(struct writer *wire, struct crypto_hash *id, const struct signer *s,
                                              const uint8_t nonce[LEDGER_NONCE_SIZE], uint64_t valid_until,
                                              const struct bytes *records, uint16_t count);

#endif
