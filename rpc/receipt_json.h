/*
 * receipt_json: receipts and set paths as JSON text (docs/formats.md, "Receipts"): one form, the
 * documented member order, no white space, one final LF; the decoder re-encodes and compares. Any
 * thread.
 */
#ifndef ANJU_RPC_RECEIPT_JSON_H
#define ANJU_RPC_RECEIPT_JSON_H

#include "ledger/receipt.h"
#include "rpc/json.h"

/* A new reference, members in the documented order. */
json_t *receipt_json(const struct ledger_receipt *r);
/* The canonical text of such a value (also one that came inside an answer of a node): appended,
 * with LF. */
void receipt_json_text(struct writer *w, const json_t *receipt);
/* MALFORMED with the JSON pointer, or: not the canonical text, with the first byte that differs.
 * UNSUPPORTED: another version of the form. */
ANJU_MUST_CHECK enum anju_err receipt_json_decode(struct ledger_receipt *out, struct bytes text,
                                                  struct arena *a);

json_t *set_path_json(const struct ledger_set_path *p);
ANJU_MUST_CHECK enum anju_err set_path_json_decode(struct ledger_set_path *out, struct bytes text,
                                                   struct arena *a);

#endif
