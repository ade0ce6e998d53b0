#include <string.h>

#include "rpc/consistency_json.h"
#include "rpc/methods.h"
#include "rpc/proof_json.h"
#include "rpc/receipts.h"

/* The entry that the params name: `seq`, or `envelope` with `index` (of its entries, default 0). */
static enum anju_err find_seq(struct call_in *in, uint64_t *seq)
{
    struct crypto_hash id;
    struct store_envelope e;

    if (call_has(in, "seq")) {
        *seq = call_u64(in, "seq");
        return ANJU_OK;
    }
    call_hex(in, "envelope", id.b, sizeof(id.b));
    uint64_t index = (uint64_t)call_int_or(in, "index", 0, UINT32_MAX, 0);
    enum anju_err err = store_read_envelope(in->read, &e, &id);
    if (err == ANJU_OK && index >= e.n)
        err = ANJU_ERR_NOT_FOUND;
    *seq = e.first_seq + index;
    return err;
}

void rpc_proof_receipt(void *ctx, struct jsonrpc_call *call, const json_t *params)
{
    static const char *const NAMES[] = {"seq", "envelope", "index", "parts", "form", NULL};
    struct call_in in;
    struct crypto_hash unused;
    uint64_t seq = 0;
    json_t *receipt;

    call_begin(&in, ctx, call, params, NAMES);
    bool parts = call_bool_or(&in, "parts", false);
    const char *form = call_has(&in, "form") ? call_text(&in, "form", 16) : "json";
    bool outside = strcmp(form, "c2sp") == 0 || strcmp(form, "cose") == 0;
    if (!outside && strcmp(form, "json") != 0)
        call_wrong(&in, "form", "must be json, c2sp or cose");
    else if (outside && parts)
        call_wrong(&in, "parts", "only the form json has parts");
    if (call_has(&in, "seq") == call_has(&in, "envelope"))
        call_wrong(&in, "seq", "give one of seq and envelope");
    else if (call_has(&in, "seq"))
        call_u64(&in, "seq");
    else
        call_hex(&in, "envelope", unused.b, sizeof(unused.b));
    call_int_or(&in, "index", 0, UINT32_MAX, 0);
    if (!call_params_good(&in) || !call_read(&in))
        return;
    enum anju_err err = find_seq(&in, &seq);
    if (err == ANJU_OK)
        err = outside ? rpc_make_outside(&receipt, &in, seq, form) : rpc_make_receipt(&receipt, in.read, in.backend->registry, seq, parts);
    if (err == ANJU_ERR_NOT_FOUND)
        call_not_found(&in, "entry", "it is not committed (yet); record.submit with the same envelope is always safe");
    else if (err != ANJU_OK)
        call_failed(&in, err);
    else
        call_result(&in, receipt);
}

/* Between the logs of two sizes: hashes alone, for who has the roots already. */
static void answer_sizes(struct call_in *in, uint64_t first, uint64_t second)
{
    struct crypto_hash path[MERKLE_BOUNDARY_MAX];
    unsigned n = 0;
    json_t *out;
    enum anju_err err = merkle_consistency(path, &n, first, second, store_read_log_node, in->read);

    if (err != ANJU_OK) {
        call_failed(in, err);
        return;
    }
    out = json_object();
    json_object_set_new(out, "from", json_of_u64(first));
    json_object_set_new(out, "to", json_of_u64(second));
    json_object_set_new(out, "path", proof_json_hashes(path, n));
    call_result(in, out);
}

static void answer_heights(struct call_in *in, uint64_t first, uint64_t second)
{
    struct ledger_consistency *c = arena_alloc(&in->arena, sizeof(*c));
    enum anju_err err = rpc_prove_consistency(c, in->read, in->backend->registry, first, second, &in->arena);

    if (err != ANJU_OK)
        call_failed(in, err);
    else
        call_result(in, consistency_json(c));
}

void rpc_proof_consistency(void *ctx, struct jsonrpc_call *call, const json_t *params)
{
    static const char *const NAMES[] = {"first", "second", "from", "to", NULL};
    struct call_in in;

    call_begin(&in, ctx, call, params, NAMES);
    const bool sizes = call_has(&in, "from") || call_has(&in, "to");
    const char *first_name = sizes ? "from" : "first", *second_name = sizes ? "to" : "second";
    if (sizes && (call_has(&in, "first") || call_has(&in, "second")))
        call_wrong(&in, "first", "give heights or sizes, not both");
    uint64_t first = call_u64(&in, first_name), second = call_u64_or(&in, second_name, UINT64_MAX);
    if (!call_params_good(&in) || !call_read(&in))
        return;
    const struct ledger_tip *tip = store_read_tip(in.read);
    const uint64_t last = sizes ? tip->log.size : tip->height;
    if (second == UINT64_MAX)
        second = last;
    if (second > last)
        call_not_found(&in, sizes ? "entry" : "block", "the ledger has not come so far");
    else if (first == 0 || first > second || (!sizes && first == second))
        call_error(&in, JSONRPC_INVALID_PARAMS, "Invalid params", "invalid_params", sizes ? "/params/from" : "/params/first",
                   "must be from 1 and before the second", NULL);
    else if (sizes)
        answer_sizes(&in, first, second);
    else
        answer_heights(&in, first, second);
}
