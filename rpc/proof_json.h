/*
 * proof_json: what the JSON forms of all proofs share: hashes, paths, certificates, and that there
 * is one text (docs/formats.md, "Rules"). For the codecs of rpc/ alone. Any thread.
 */
#ifndef ANJU_RPC_PROOF_JSON_H
#define ANJU_RPC_PROOF_JSON_H

#include "ledger/receipt.h"
#include "rpc/json.h"

/* New references. */
json_t *proof_json_hashes(const struct crypto_hash *hash, unsigned n);
json_t *proof_json_path(const struct ledger_path *p);
json_t *proof_json_certificate(const struct ledger_certificate *c);

/* At most `max` hashes into `out`; returns how many. */
unsigned proof_read_hashes(const struct json_in *at, struct crypto_hash *out, unsigned max);
void proof_read_path(const struct json_in *at, struct ledger_path *out);
void proof_read_certificate(const struct json_in *at, struct ledger_certificate *out,
                            struct arena *a);
/* The member `format` of the root. */
void proof_read_format(const struct json_in *root, const char *format);

/* Parses a text whose member `format` should be this one. UNSUPPORTED: another version of it. */
ANJU_MUST_CHECK enum anju_err proof_parse(json_t **out, struct bytes text, const char *what,
                                          const char *format);
/* What was read must write the same bytes; lets go of `again`. */
ANJU_MUST_CHECK enum anju_err proof_check_canonical(const char *what, json_t *again,
                                                    struct bytes text);

/* Whether a text says that it has this format, in whatever version ("anju-receipt/"). */
bool proof_text_is(struct bytes text, const char *name);

#endif
