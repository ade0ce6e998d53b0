#include <stdlib.h>
#include <string.h>

#include "rpc/methods.h"
#include "rpc/receipts.h"

enum { WAIT_MS_DEFAULT = 10000, WAIT_MS_MAX = 25000, RECEIPTS_MAX = 64 };

static const char *state_name(const struct rpc_submit_result *r)
{
    switch (r->state) {
    case RPC_SUBMIT_COMMITTED: return r->outcome == LEDGER_APPLIED ? "committed" : "refused";
    case RPC_SUBMIT_REFUSED: return "refused";
    case RPC_SUBMIT_SKIPPED: return "skipped";
    case RPC_SUBMIT_INVALID: return "invalid";
    case RPC_SUBMIT_BUSY: return "busy";
    case RPC_SUBMIT_PENDING: return "pending";
    }
    return "unknown";
}

static void set_words(json_t *out, const char *name, const char *words)
{
    if (words[0] != '\0')
        json_object_set_new(out, name, json_string(words));
}

/* What became of one envelope, without its receipts. */
static json_t *result_of(const struct rpc_submit_result *r, const struct rpc_backend *b)
{
    json_t *out = json_object();

    json_object_set_new(out, "state", json_string(state_name(r)));
    if (!crypto_hash_is_zero(&r->id))
        json_object_set_new(out, "envelope", json_of_hash(&r->id));
    if (r->state == RPC_SUBMIT_COMMITTED) {
        json_object_set_new(out, "height", json_of_u64(r->height));
        json_object_set_new(out, "first_seq", json_of_u64(r->first_seq));
        json_object_set_new(out, "n", json_integer(r->n));
    }
    if (r->state != RPC_SUBMIT_PENDING && r->state != RPC_SUBMIT_BUSY && r->outcome != LEDGER_APPLIED) {
        json_object_set_new(out, "outcome", json_integer(r->outcome));
        json_object_set_new(out, "outcome_name", json_string(ledger_outcome_name(r->outcome)));
        if (r->outcome > 0)
            json_object_set_new(out, "record", json_integer(r->failing_index));
    }
    if (r->outcome == LEDGER_REFUSED_VERSION_STALE && r->state == RPC_SUBMIT_REFUSED)
        json_object_set_new(out, "current_version", json_of_u64(r->current_version));
    if (r->outcome == LEDGER_SKIP_NONCE)
        json_object_set_new(out, "used_by", json_of_hash(&r->other));
    set_words(out, "procedure", r->procedure);
    set_words(out, "action", r->action);
    set_words(out, "clause", r->clause);
    set_words(out, "field", r->field);
    set_words(out, "hint", r->hint);
    (void)b;
    return out;
}

/* Adds the receipts of a committed envelope. Where one can't be read, what is known stays. */
static void add_receipts(json_t *result, const struct rpc_submit_result *r, const struct rpc_backend *b)
{
    struct store_read *read = NULL;
    json_t *receipts, *one;

    if (r->state != RPC_SUBMIT_COMMITTED || store_read_begin(&read, b->store) != ANJU_OK)
        return;
    receipts = json_array();
    for (uint32_t i = 0; i < r->n && i < RECEIPTS_MAX; i++)
        if (rpc_make_receipt(&one, read, b->registry, r->first_seq + i, false) == ANJU_OK)
            json_array_append_new(receipts, one);
    store_read_end(read);
    json_object_set_new(result, "receipts", receipts);
}

/* Many envelopes: all results. */
struct many {
    const struct rpc_backend *backend;
    void (*done)(void *ctx, json_t *results);
    void *ctx;
    bool receipts;
};

static void on_many(void *done_ctx, const struct rpc_submit_result *results, size_t count)
{
    struct many *m = done_ctx;
    json_t *out = json_object(), *all = json_array();

    for (size_t i = 0; i < count; i++) {
        json_t *one = result_of(&results[i], m->backend);
        if (m->receipts)
            add_receipts(one, &results[i], m->backend);
        json_array_append_new(all, one);
    }
    json_object_set_new(out, "results", all);
    m->done(m->ctx, out);
    free(m);
}

void rpc_submit_wires(const struct rpc_backend *b, const struct bytes *wires, size_t count, uint32_t wait_ms,
                      void (*done)(void *ctx, json_t *results), void *ctx)
{
    struct many many = {.backend = b, .done = done, .ctx = ctx};

    b->submit(b->ctx, wires, count, wait_ms, on_many, anju_dup(&many, sizeof(many)));
}

static void answer_many(void *ctx, json_t *results)
{
    jsonrpc_result(ctx, results);
}

/* One envelope: what is not committed and applied is an error with its words. */
struct one {
    const struct rpc_backend *backend;
    struct jsonrpc_call *call;
    bool receipts;
};

static void on_one(void *done_ctx, const struct rpc_submit_result *r, size_t count)
{
    struct one *o = done_ctx;
    json_t *out = result_of(r, o->backend);

    (void)count;
    if (o->receipts)
        add_receipts(out, r, o->backend);
    switch (r->state) {
    case RPC_SUBMIT_COMMITTED:
        if (r->outcome == LEDGER_APPLIED)
            jsonrpc_result(o->call, out);
        else
            jsonrpc_error(o->call, JSONRPC_REFUSED, "refused", ledger_outcome_name(r->outcome), NULL, NULL, out);
        break;
    case RPC_SUBMIT_PENDING:
        jsonrpc_result(o->call, out);
        break;
    case RPC_SUBMIT_REFUSED:
        jsonrpc_error(o->call, JSONRPC_REFUSED, "refused", ledger_outcome_name(r->outcome), NULL, NULL, out);
        break;
    case RPC_SUBMIT_SKIPPED:
        jsonrpc_error(o->call, JSONRPC_SKIPPED, "can never take effect", ledger_outcome_name(r->outcome), NULL, NULL, out);
        break;
    case RPC_SUBMIT_INVALID:
        jsonrpc_error(o->call, JSONRPC_INVALID_ENVELOPE, "invalid envelope", "invalid_envelope", NULL, NULL, out);
        break;
    case RPC_SUBMIT_BUSY:
        jsonrpc_error(o->call, JSONRPC_BUSY, "try again later", "busy", NULL, NULL, out);
        break;
    }
    free(o);
}

void rpc_record_submit(void *ctx, struct jsonrpc_call *call, const json_t *params)
{
    static const char *const NAMES[] = {"envelope", "envelopes", "wait_ms", "receipts", NULL};
    struct call_in in;
    struct bytes wires[JSONRPC_BATCH_MAX];

    call_begin(&in, ctx, call, params, NAMES);
    uint32_t wait_ms = (uint32_t)call_int_or(&in, "wait_ms", 0, WAIT_MS_MAX, WAIT_MS_DEFAULT);
    bool receipts = call_bool_or(&in, "receipts", true), single = call_has(&in, "envelope");
    const struct rpc_backend *b = in.backend;
    struct json_in list = json_optional(&in.params, "envelopes"), only = json_optional(&in.params, "envelope");
    size_t count = single ? 1 : json_count(&list, JSONRPC_BATCH_MAX);
    if (single == call_has(&in, "envelopes"))
        call_wrong(&in, "envelope", "give one of envelope and envelopes");
    for (size_t i = 0; i < count; i++) {
        struct json_in item = single ? only : json_item(&list, i);
        wires[i] = json_read_base64(&item, LEDGER_CAP_FACTOR * LEDGER_ENVELOPE_SIZE_DEFAULT, &in.arena);
    }
    if (!single && count == 0)
        call_wrong(&in, "envelopes", "must have at least one envelope");
    if (!call_params_good(&in))
        return;
    if (single) {
        struct one o = {.backend = b, .call = call, .receipts = receipts};
        b->submit(b->ctx, wires, 1, wait_ms, on_one, anju_dup(&o, sizeof(o)));
    } else {
        struct many m = {.backend = b, .done = answer_many, .ctx = call, .receipts = receipts};
        b->submit(b->ctx, wires, count, wait_ms, on_many, anju_dup(&m, sizeof(m)));
    }
    call_leave(&in); /* the wires were copied */
}
