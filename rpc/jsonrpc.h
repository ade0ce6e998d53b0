/*
 * jsonrpc: JSON-RPC 2.0 (jsonrpc.org/specification) over bytes: parsing, dispatch to a table of
 * methods, batches, notifications, and the answer. It knows no HTTP.
 * A method may answer later and from another thread; when the last call of a request has its answer,
 * the whole answer goes out through one function.
 */
#ifndef ANJU_RPC_JSONRPC_H
#define ANJU_RPC_JSONRPC_H

#include <jansson.h>

#include "base/bytes.h"

enum {
    JSONRPC_DEPTH_MAX = 32,
    JSONRPC_BATCH_MAX = 100,
    JSONRPC_ANSWERS_SIZE_MAX = 16 << 20, /* of a batch: calls after so much are told to come again */
};

/* Error codes: the specification's, and ours from -32000 downwards (docs/rpc.md). */
enum jsonrpc_code {
    JSONRPC_PARSE_ERROR = -32700,
    JSONRPC_INVALID_REQUEST = -32600,
    JSONRPC_METHOD_NOT_FOUND = -32601,
    JSONRPC_INVALID_PARAMS = -32602,
    JSONRPC_INTERNAL_ERROR = -32603, /* our fault; never a caller's mistake */
    JSONRPC_NOT_FOUND = -32001,      /* no such record, subject, block, member */
    JSONRPC_REFUSED = -32002,        /* the rules refuse it */
    JSONRPC_INVALID_ENVELOPE = -32003, /* malformed, unknown key, wrong signature */
    JSONRPC_SKIPPED = -32004,        /* can never take effect: expired, nonce_reused, key revoked */
    JSONRPC_BUSY = -32005,           /* try again later */
    JSONRPC_DAMAGED = -32006,        /* stored data fails its check: the operator must act */
};

struct jsonrpc_call; /* one call that waits for its answer */

/* `params` (borrowed for the call) is an object, an array or NULL. Must lead to exactly one answer. */
typedef void jsonrpc_fn(void *ctx, struct jsonrpc_call *call, const json_t *params);

struct jsonrpc_method {
    const char *name;
    jsonrpc_fn *fn;
};

/* Takes over `result`. */
void jsonrpc_result(struct jsonrpc_call *call, json_t *result);
/* error.data = {reason, field, hint} where they are not NULL; takes over `more` (an object whose members
 * join data, or NULL). */
void jsonrpc_error(struct jsonrpc_call *call, enum jsonrpc_code code, const char *message, const char *reason,
                   const char *field, const char *hint, json_t *more);

/* `answer` is empty where nothing may be sent (notifications only). Called once, from any thread. */
typedef void jsonrpc_done(void *done_ctx, struct bytes answer);

void jsonrpc_handle(const struct jsonrpc_method *methods, size_t n_methods, void *ctx, struct bytes request,
                    jsonrpc_done *done, void *done_ctx);

#endif
