#include "rpc/methods.h"

static const char *const NOTHING[] = {NULL};

static json_t *voting_json(const struct rpc_node_status *s)
{
    json_t *out = json_object();

    json_object_set_new(out, "votes", json_boolean(s->may_sign && !s->in_doubt));
    json_object_set_new(out, "quorum", json_integer(s->quorum));
    json_object_set_new(out, "stopped", json_string(s->halt_reason));
    if (s->in_doubt) {
        json_object_set_new(out, "guard", json_string(s->guard));
        json_object_set_new(out, "vouched", json_integer(s->vouched));
        if (s->sign_from != UINT64_MAX)
            json_object_set_new(out, "from_height", json_of_u64(s->sign_from));
    }
    if (s->alarm[0] != '\0') {
        json_object_set_new(out, "alarm", json_string(s->alarm));
        json_object_set_new(out, "alarm_height", json_of_u64(s->alarm_height));
    }
    json_object_set_new(out, "evidence", json_of_u64(s->evidence));
    return out;
}

static json_t *validators_json(const struct rpc_node_status *s)
{
    json_t *out = json_array();

    for (uint32_t i = 0; i < s->n_validators; i++) {
        const struct rpc_node_validator *v = &s->validators[i];
        json_t *one = json_object();
        json_object_set_new(one, "node", json_string(v->node));
        json_object_set_new(one, "self", json_boolean(v->self));
        json_object_set_new(one, "connected", json_boolean(v->connected));
        json_object_set_new(one, "voted", json_boolean(v->voted));
        if (v->connected) {
            json_object_set_new(one, "votes", json_boolean(v->votes));
            json_object_set_new(one, "height", json_of_u64(v->height));
            json_object_set_new(one, "clock_ms", json_integer(v->clock_ms));
        }
        json_array_append_new(out, one);
    }
    return out;
}

static json_t *disk_json(const struct rpc_node_status *s)
{
    json_t *out = json_object();

    json_object_set_new(out, "free", json_of_u64(s->free_bytes));
    json_object_set_new(out, "low", json_boolean(s->disk_low));
    json_object_set_new(out, "full", json_boolean(s->commit_waits || s->log_full));
    return out;
}

void rpc_node_status(void *ctx, struct jsonrpc_call *call, const json_t *params)
{
    struct call_in in;
    struct rpc_node_status s = {0};

    call_begin(&in, ctx, call, params, NOTHING);
    if (!call_params_good(&in))
        return;
    in.backend->status(in.backend->ctx, &s);
    json_t *out = json_object(), *position = json_object(), *peers = json_object(),
           *pool = json_object();
    json_object_set_new(out, "node", json_string(s.node_id));
    json_object_set_new(out, "ledger", json_string(s.ledger_id));
    json_object_set_new(out, "origin", json_string(s.origin));
    json_object_set_new(out, "role", json_string(s.role));
    json_object_set_new(out, "ready", json_boolean(s.ready));
    json_object_set_new(out, "reason", json_string(s.reason));
    json_object_set_new(out, "height", json_of_u64(s.height));
    json_object_set_new(out, "log_size", json_of_u64(s.log_size));
    json_object_set_new(out, "time", json_of_time(s.time_ms));
    json_object_set_new(position, "height", json_of_u64(s.pending_height));
    json_object_set_new(position, "round", json_integer(s.round));
    json_object_set_new(position, "step", json_string(s.step));
    json_object_set_new(out, "consensus", position);
    json_object_set_new(peers, "connected", json_integer(s.peers_connected));
    json_object_set_new(peers, "known", json_integer(s.peers_known));
    json_object_set_new(peers, "highest_height", json_of_u64(s.highest_height_seen));
    json_object_set_new(out, "peers", peers);
    json_object_set_new(pool, "envelopes", json_integer(s.pool_envelopes));
    json_object_set_new(pool, "bytes", json_integer(s.pool_bytes));
    json_object_set_new(out, "pool", pool);
    json_object_set_new(position, "idle_ms", json_of_u64(s.idle_ms));
    json_object_set_new(position, "waiting_ms", json_of_u64(s.waiting_ms));
    json_object_set_new(out, "voting", voting_json(&s));
    json_object_set_new(out, "validators", validators_json(&s));
    json_object_set_new(out, "disk", disk_json(&s));
    if (s.twins > 0) {
        json_t *twin = json_object();
        json_object_set_new(twin, "node", json_string(s.twin));
        json_object_set_new(twin, "count", json_of_u64(s.twins));
        json_object_set_new(twin, "last", json_of_time(s.twin_ms));
        json_object_set_new(out, "twin", twin);
    }
    json_object_set_new(out, "started", json_of_time(s.started_ms));
    json_object_set_new(out, "now", json_of_time(in.backend->now_ms(in.backend->ctx)));
    call_result(&in, out);
}

void rpc_member_list(void *ctx, struct jsonrpc_call *call, const json_t *params)
{
    struct call_in in;

    call_begin(&in, ctx, call, params, NOTHING);
    if (!call_params_good(&in))
        return;
    const struct ledger_registry *r = in.backend->registry;
    json_t *out = json_object(), *members = json_array(), *nodes = json_array();
    for (uint32_t i = 0; i < r->genesis->n_members; i++)
        json_array_append_new(members, form_member(&r->genesis->members[i], r));
    for (uint32_t i = 0; i < r->genesis->n_nodes; i++)
        json_array_append_new(nodes, form_node(&r->genesis->nodes[i]));
    json_object_set_new(out, "members", members);
    json_object_set_new(out, "nodes", nodes);
    call_result(&in, out);
}

void rpc_member_get(void *ctx, struct jsonrpc_call *call, const json_t *params)
{
    static const char *const NAMES[] = {"number", NULL};
    struct call_in in;

    call_begin(&in, ctx, call, params, NAMES);
    uint64_t number = call_u64(&in, "number");
    if (!call_params_good(&in))
        return;
    const struct ledger_member *m =
        number <= UINT32_MAX ? ledger_registry_member(in.backend->registry, (uint32_t)number)
                             : NULL;
    if (m == NULL) {
        call_not_found(&in, "member", "member.list shows all");
        return;
    }
    call_result(&in, form_member(m, in.backend->registry));
}
