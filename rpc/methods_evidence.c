/* evidence.list: the proofs of contradictions that this node keeps. */
#include "ledger/evidence.h"
#include "rpc/methods.h"
#include "storage/evidence_files.h"

struct list {
    const struct ledger_registry *registry;
    json_t *items;
    uint64_t limit;
    unsigned damaged; /* files that are no proof of anything */
};

static void put_convicts(json_t *out, uint32_t convicts, const struct ledger_set *set)
{
    json_t *nodes = json_array(), *members = json_array();

    for (unsigned i = 0; i < set->n; i++) {
        if ((convicts >> i & 1) == 0)
            continue;
        json_array_append_new(nodes, json_of_hash(&set->node[i].id));
        json_array_append_new(members, json_integer(set->node[i].member));
    }
    json_object_set_new(out, "validators", nodes);
    json_object_set_new(out, "members", members);
}

static bool put_one(void *ctx, struct bytes proof)
{
    struct list *l = ctx;
    struct ledger_evidence *e = anju_alloc(sizeof(*e));
    const struct ledger_set *set = &l->registry->set;
    uint32_t convicts = 0;
    json_t *out;

    if (ledger_evidence_decode(e, proof, &l->registry->ledger_id) != ANJU_OK ||
        ledger_evidence_verify(&convicts, e, set, &l->registry->ledger_id) != ANJU_OK) {
        l->damaged++;
    } else {
        out = json_object();
        json_object_set_new(out, "kind", json_string(ledger_evidence_name(e->kind)));
        json_object_set_new(out, "height", json_of_u64(ledger_evidence_height(e)));
        put_convicts(out, convicts, set);
        json_object_set_new(out, "proof", json_of_base64(proof));
        json_array_append_new(l->items, out);
    }
    free(e);
    return json_array_size(l->items) < l->limit;
}

void rpc_evidence_list(void *ctx, struct jsonrpc_call *call, const json_t *params)
{
    static const char *const NAMES[] = {"limit", NULL};
    struct call_in in;
    struct list l = {0};

    call_begin(&in, ctx, call, params, NAMES);
    l.limit = call_u64_or(&in, "limit", 100);
    if (l.limit == 0 || l.limit > EVIDENCE_FILES_MAX)
        call_wrong(&in, "limit", "1 to 1000");
    if (!call_params_good(&in))
        return;
    l.registry = in.backend->registry;
    l.items = json_array();
    enum anju_err err =
        in.backend->dir != NULL ? evidence_each(in.backend->dir, put_one, &l) : ANJU_OK;
    if (err != ANJU_OK) {
        json_decref(l.items);
        call_failed(&in, err);
        return;
    }
    json_t *out = json_object();
    json_object_set_new(out, "evidence", l.items);
    json_object_set_new(out, "damaged", json_integer(l.damaged));
    call_result(&in, out);
}
