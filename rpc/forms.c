#include "rpc/forms.h"

#include <string.h>

#include "rpc/record_json.h"

static void set(json_t *object, const char *name, json_t *value)
{
    json_object_set_new(object, name, value);
}

json_t *form_header(const struct ledger_header *h)
{
    json_t *out = json_object();

    set(out, "version", json_integer(h->version));
    set(out, "height", json_of_u64(h->height));
    set(out, "time", json_of_time(h->time_ms));
    set(out, "proposer", json_of_hash(&h->proposer));
    set(out, "previous", json_of_hash(&h->previous));
    set(out, "previous_result", json_of_hash(&h->previous_result));
    set(out, "previous_certificate", json_of_hash(&h->previous_certificate));
    set(out, "batches_root", json_of_hash(&h->batches_root));
    set(out, "n_batches", json_integer(h->n_batches));
    set(out, "n_records", json_integer(h->n_records));
    set(out, "n_bytes", json_integer(h->n_bytes));
    return out;
}

json_t *form_result(const struct ledger_result *r)
{
    json_t *out = json_object();

    set(out, "height", json_of_u64(r->height));
    set(out, "log_size", json_of_u64(r->log_size));
    set(out, "log_root", json_of_hash(&r->log_root));
    set(out, "map_root", json_of_hash(&r->map_root));
    set(out, "next_set", json_of_hash(&r->next_set));
    return out;
}

json_t *form_certificate(const struct ledger_certificate *c, const struct ledger_set *set_of)
{
    json_t *out = json_object(), *signatures = json_array();

    set(out, "height", json_of_u64(c->height));
    set(out, "round", json_integer(c->round));
    set(out, "block", json_of_hash(&c->vid));
    set(out, "result", json_of_hash(&c->result));
    for (unsigned i = 0; i < c->q; i++) {
        json_t *one = json_object();
        set(one, "index", json_integer(c->index[i]));
        if (set_of != NULL && c->index[i] < set_of->n)
            set(one, "node", json_of_hash(&set_of->node[c->index[i]].id));
        set(one, "signature", json_of_hex(c->sig[i].b, sizeof(c->sig[i].b)));
        json_array_append_new(signatures, one);
    }
    set(out, "signatures", signatures);
    return out;
}

const char *form_kind(enum ledger_entry_kind kind)
{
    switch (kind) {
    case LEDGER_ENTRY_GENESIS: return "genesis";
    case LEDGER_ENTRY_RECORD: return "record";
    case LEDGER_ENTRY_TIMER: return "timer";
    case LEDGER_ENTRY_REFUSAL: return "refusal";
    }
    return "unknown";
}

json_t *form_entry(const struct ledger_entry *e, const struct crypto_hash *leaf, const struct ledger_registry *r)
{
    json_t *out = json_object();
    const struct ledger_member *m = ledger_registry_member(r, e->member);

    set(out, "seq", json_of_u64(e->seq));
    set(out, "kind", json_string(form_kind(e->kind)));
    set(out, "outcome", json_integer(e->outcome));
    set(out, "outcome_name", json_string(ledger_outcome_name(e->outcome)));
    set(out, "height", json_of_u64(e->height));
    set(out, "time", json_of_time(e->time_ms));
    set(out, "envelope", json_of_hash(&e->envelope));
    set(out, "index", json_integer(e->index));
    set(out, "member", json_integer(e->member));
    if (m != NULL)
        set(out, "member_name", json_string(m->name_en));
    set(out, "record_leaf", json_of_hash(&e->record_leaf));
    set(out, "procedure_digest", json_of_hash(&e->procedure_digest));
    set(out, "n_effects", json_integer(e->n_effects));
    set(out, "effects_root", json_of_hash(&e->effects_root));
    set(out, "leaf", json_of_hash(leaf));
    return out;
}

enum anju_err form_effects(json_t **out, struct bytes effects, uint32_t count, const struct ledger_registry *r)
{
    struct reader in = reader_over(effects);

    *out = json_array();
    for (uint32_t i = 0; i < count && !in.failed; i++) {
        struct ledger_effect e;
        ledger_effect_read(&e, &in);
        const struct ledger_procedure *p = e.procedure != 0 ? ledger_registry_procedure(r, e.procedure, 0) : NULL;
        const struct ledger_state *state = p != NULL ? ledger_procedure_state(p, e.state_after) : NULL;
        json_t *one = json_object();
        set(one, "procedure", p != NULL ? json_string(p->name) : json_integer(e.procedure));
        set(one, "subject", json_of_hex(e.subject.b, sizeof(e.subject.b)));
        set(one, "version_after", json_of_u64(e.version_after));
        set(one, "state_after", state != NULL ? json_string(state->name) : json_integer(e.state_after));
        set(one, "state_digest", json_of_hash(&e.state_digest));
        set(one, "changed", changed_json(e.changed, p));
        json_array_append_new(*out, one);
    }
    if (reader_finish(&in) == ANJU_OK)
        return ANJU_OK;
    json_decref(*out);
    return anju_fail(ANJU_ERR_CORRUPT, "the effects of an entry do not decode");
}

json_t *form_member(const struct ledger_member *m, const struct ledger_registry *r)
{
    json_t *out = json_object(), *roles = json_array(), *keys = json_array(), *names = json_object();
    static const char *const PURPOSE[] = {"", "operator", "approver", "node"};

    set(out, "number", json_integer(m->number));
    set(names, "zh", json_string(m->name_zh));
    set(names, "en", json_string(m->name_en));
    set(out, "name", names);
    set(out, "kind", json_string(m->kind));
    for (uint32_t i = 0; i < m->n_roles; i++)
        json_array_append_new(roles, json_string(m->roles[i]));
    set(out, "roles", roles);
    for (uint32_t i = 0; i < r->genesis->n_keys; i++) {
        const struct ledger_member_key *k = &r->genesis->keys[i];
        if (k->member != m->number)
            continue;
        json_t *key = json_object();
        set(key, "number", json_integer(k->number));
        set(key, "purpose", json_string(PURPOSE[k->purpose]));
        set(key, "key", json_of_hex(k->key.b, sizeof(k->key.b)));
        set(key, "from", json_of_time(k->from));
        set(key, "until", json_of_time(k->until));
        json_array_append_new(keys, key);
    }
    set(out, "keys", keys);
    return out;
}

json_t *form_node(const struct ledger_node_info *n)
{
    json_t *out = json_object();

    set(out, "id", json_of_hash(&n->node.id));
    set(out, "member", json_integer(n->node.member));
    set(out, "peer", json_string(n->peer));
    set(out, "rpc", json_string(n->rpc));
    set(out, "node_key", json_of_hex(n->node.node_key.b, sizeof(n->node.node_key.b)));
    set(out, "tls_spki", json_of_hash(&n->tls_spki));
    return out;
}
