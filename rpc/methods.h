/*
 * methods: what the files of JSON-RPC methods share. Not for other modules.
 * Each method has a table entry in methods.c and reads its params with a struct call_in, which answers
 * -32602 with the field by itself.
 */
#ifndef ANJU_RPC_METHODS_H
#define ANJU_RPC_METHODS_H

#include "rpc/backend.h"
#include "rpc/forms.h"
#include "rpc/jsonrpc.h"
#include "storage/store.h"

extern const struct jsonrpc_method RPC_METHODS[];
extern const size_t RPC_METHODS_COUNT;

/* The params of one call, and what it needs while it runs. */
struct call_in {
    const struct rpc_backend *backend;
    struct jsonrpc_call *call;
    struct json_fault fault;
    struct json_in params;
    struct arena arena;
    struct store_read *read; /* NULL until call_read */
};

/* `names`: the members that params may have, NULL-terminated. Params by position are refused, none are {}. */
void call_begin(struct call_in *in, void *ctx, struct jsonrpc_call *call, const json_t *params, const char *const *names);
/* False, and the call is answered (-32602): there was a fault in the params. */
bool call_params_good(struct call_in *in);
/* Begins a snapshot. False, and the call is answered: the store could not. */
bool call_read(struct call_in *in);
/* One of these ends each call; they let go of everything. */
void call_result(struct call_in *in, json_t *result);
void call_error(struct call_in *in, enum jsonrpc_code code, const char *message, const char *reason, const char *field,
                const char *hint, json_t *more);
void call_not_found(struct call_in *in, const char *what, const char *hint);
/* An error of the store, with its words. */
void call_failed(struct call_in *in, enum anju_err err);
/* For a call that is answered later: lets go of all but the jsonrpc call. */
void call_leave(struct call_in *in);

/* Members of params. */
bool call_has(const struct call_in *in, const char *name);
uint64_t call_u64(struct call_in *in, const char *name);
uint64_t call_u64_or(struct call_in *in, const char *name, uint64_t otherwise);
int64_t call_int_or(struct call_in *in, const char *name, int64_t min, int64_t max, int64_t otherwise);
bool call_bool_or(struct call_in *in, const char *name, bool otherwise);
const char *call_text(struct call_in *in, const char *name, size_t size_max);
void call_hex(struct call_in *in, const char *name, void *out, size_t size);
void call_wrong(struct call_in *in, const char *name, const char *words);

jsonrpc_fn rpc_evidence_list, rpc_node_status, rpc_member_list, rpc_member_get, rpc_ledger_checkpoint, rpc_ledger_block, rpc_procedure_get,
    rpc_procedure_list, rpc_record_get, rpc_record_prepare, rpc_record_submit, rpc_subject_get, rpc_subject_history,
    rpc_records_query, rpc_proof_receipt, rpc_proof_consistency;

/* methods_outside.c. The newest checkpoint, with a quorum of cosignatures where there is one such, as a note with
 * the serving node's log signature. NOT_FOUND: none has that. */
ANJU_MUST_CHECK enum anju_err rpc_newest_note(struct writer *out, const struct rpc_backend *b);
/* {"height", "cosignatures", "note"} of the checkpoint of a height, or with UINT64_MAX the newest; NULL: not kept. */
json_t *rpc_checkpoint_note(const struct rpc_backend *b, uint64_t height);
/* The proof of entry `seq` in an outside form: {"form", "file": base64}. NOT_FOUND: no such entry. BUSY: no
 * checkpoint with a quorum of cosignatures covers it yet. */
ANJU_MUST_CHECK enum anju_err rpc_make_outside(json_t **out, struct call_in *in, uint64_t seq, const char *form);

/* submit.c: also the binary form, where `done` answers HTTP with the same JSON. */
void rpc_submit_wires(const struct rpc_backend *b, const struct bytes *wires, size_t count, uint32_t wait_ms,
                      void (*done)(void *ctx, json_t *results), void *ctx);

#endif
