/*
 * submit: what the files of `anju submit` share: records by names become a signed envelope.
 */
#ifndef ANJU_TOOLS_SUBMIT_H
#define ANJU_TOOLS_SUBMIT_H

#include "tools/nodes.h"
#include "tools/signer.h"

struct submission {
    struct nodes *nodes;
    struct signer *signer;
    const char *code; /* a one-time code that cosigns, or NULL */
    struct arena *arena;

    struct writer wire;
    struct crypto_hash id;
    json_t *subjects; /* hex, one a record */
    json_t *openings; /* of the records with private fields; values and salts */
    uint8_t nonce[LEDGER_NONCE_SIZE];
};

/* Builds and signs. The input is a record or an array of records (rpc/record_json.h).
 * MALFORMED with the JSON pointer: the input. Others: the network, for the versions of subjects. */
ANJU_MUST_CHECK enum anju_err submission_build(struct submission *s, const json_t *input, uint64_t valid_until);
void submission_free(struct submission *s);

#endif
