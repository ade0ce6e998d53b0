#include <string.h>

#include "rpc/methods.h"
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
