/*
 * cose: receipts of inclusion as RFC 9942 writes them (COSE_Sign1, verifiable data structure 1,
 * ES256K), one for each validator that signed the root of a checkpoint with its node key. Protected
 * header, in this order: alg (1) -47, kid (4) the node id, CWT claims (15) {iss (1): origin}, vds
 * (395) 1, and "size" the tree's, since the root alone does not tell it. The payload is the root,
 * detached. CBOR in the one deterministic form of RFC 8949 4.2.1; decoders re-encode and compare.
 * Any thread.
 */
#ifndef ANJU_RPC_COSE_H
#define ANJU_RPC_COSE_H

#include "ledger/receipt.h"

/* What the node key signs: SHA-256 of the Sig_structure over the root. */
void cose_root_digest(struct crypto_hash *out, const struct crypto_hash *node, const char *origin,
                      uint64_t size, const struct crypto_hash *root);

struct cose_receipt {
    struct crypto_hash node;
    struct crypto_sig sig;
};

/* The file `.cose`: [entry, [receipt, ...]], all receipts with the same path. */
struct cose_file {
    uint8_t entry[LEDGER_ENTRY_SIZE];
    uint64_t size, index;
    struct ledger_path path;
    uint8_t n;
    struct cose_receipt receipt[LEDGER_SET_MAX];
};

void cose_file_encode(struct writer *w, const struct cose_file *f, const char *origin);
/* MALFORMED: not such a file for this origin, or not in its one form. */
ANJU_MUST_CHECK enum anju_err cose_file_decode(struct cose_file *out, struct bytes in,
                                               const char *origin);

#endif
