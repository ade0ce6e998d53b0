#include "rpc/methods.h"
#include "rpc/procedure_json.h"
#include "rpc/record_json.h"

void rpc_procedure_list(void *ctx, struct jsonrpc_call *call, const json_t *params)
{
    static const char *const NAMES[] = {NULL};
    struct call_in in;

    call_begin(&in, ctx, call, params, NAMES);
    if (!call_params_good(&in))
        return;
    const struct ledger_registry *r = in.backend->registry;
    json_t *out = json_array();
    for (uint32_t i = 0; i < r->n_procedures; i++) {
        const struct ledger_procedure *p = r->procedures[i];
        json_t *one = json_object();
        json_object_set_new(one, "name", json_string(p->name));
        json_object_set_new(one, "number", json_integer(p->number));
        json_object_set_new(one, "version", json_integer(p->version));
        json_object_set_new(one, "digest", json_of_hash(&p->digest));
        json_array_append_new(out, one);
    }
    call_result(&in, out);
}

void rpc_procedure_get(void *ctx, struct jsonrpc_call *call, const json_t *params)
{
    static const char *const NAMES[] = {"procedure", "version", "compiled", NULL};
    struct call_in in;

    call_begin(&in, ctx, call, params, NAMES);
    const char *name = call_text(&in, "procedure", 64);
    uint16_t version = (uint16_t)call_int_or(&in, "version", 1, UINT16_MAX, 0);
    bool compiled = call_bool_or(&in, "compiled", false);
    if (!call_params_good(&in))
        return;
    const struct ledger_procedure *p = procedure_by_name(in.backend->registry, name);
    if (p != NULL && version != 0)
        p = ledger_registry_procedure(in.backend->registry, p->number, version);
    if (p == NULL) {
        call_not_found(&in, "procedure", "procedure.list shows all");
        return;
    }
    json_t *out = procedure_json_describe(p);
    json_object_set_new(out, "digest", json_of_hash(&p->digest));
    if (compiled)
        json_object_set_new(out, "compiled", json_of_base64(p->bytes));
    call_result(&in, out);
}
