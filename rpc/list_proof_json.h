/*
 * list_proof_json: proofs of lists as JSON text (docs/formats.md, "Proofs of lists"): one form, the
 * documented member order, no white space, one final LF; the decoder re-encodes and compares. Any
 * thread.
 */
#ifndef ANJU_RPC_LIST_PROOF_JSON_H
#define ANJU_RPC_LIST_PROOF_JSON_H

#include "ledger/list_proof.h"
#include "rpc/json.h"

/* A new reference, members in the documented order; receipt_json_text makes the text of it. */
json_t *list_proof_json(const struct ledger_list_proof *p);
/* The question alone: {"ask": "page", "first": "0", "most": "50", "parts": 0}. */
json_t *question_json(const struct ledger_question *q);
/* MALFORMED with the JSON pointer, or: not the canonical text, with the first byte that differs.
 * UNSUPPORTED: another version of the form. */
ANJU_MUST_CHECK enum anju_err list_proof_json_decode(struct ledger_list_proof *out,
                                                     struct bytes text, struct arena *a);

#endif
