/* Writing: member files, and genesis documents from their parts. */
#include "rpc/genesis_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/genesis_parts.h"

#define KEYS_UNTIL_DEFAULT UINT64_C(4102358400000) /* 2099-12-31 */

static const char MEMBER_FORMAT[] = "anju-member/1";

/* ---- member file ---- */

static void read_member_node(const struct json_in *root, struct member_file *out, struct arena *a)
{
    static const char *const NAMES[] = {"node_key", "log_key", "cosign_key", "tls_spki",
                                        "peer",     "rpc",     NULL};
    struct json_in node = json_optional(root, "node");

    out->has_node = node.value != NULL;
    if (!out->has_node)
        return;
    json_only(&node, NAMES);
    genesis_read_node(&node, &out->node, a);
}

enum anju_err member_file_decode(struct member_file *out, struct bytes file, struct arena *a)
{
    static const char *const NAMES[] = {"format",       "name",         "kind", "roles",
                                        "operator_key", "approver_key", "node", NULL};
    struct json_fault fault;
    json_t *json;
    enum anju_err err;

    memset(out, 0, sizeof *out);
    if (file.size > MEMBER_FILE_SIZE_MAX)
        return anju_fail(ANJU_ERR_TOO_LARGE, "member file: %zu bytes, the most is %d", file.size,
                         MEMBER_FILE_SIZE_MAX);
    err = json_parse(&json, file, "member file");
    if (err != ANJU_OK)
        return err;
    struct json_in root = json_root(json, &fault);
    json_only(&root, NAMES);
    genesis_read_format(&root, MEMBER_FORMAT);
    struct json_in name = json_member(&root, "name"), kind = json_member(&root, "kind"),
                   roles = json_member(&root, "roles"), key = json_member(&root, "operator_key"),
                   approver = json_optional(&root, "approver_key");
    genesis_read_name(&name, &out->name_zh, &out->name_en, a);
    out->kind = genesis_read_kind(&kind, a);
    out->roles = genesis_read_roles(&roles, &out->n_roles, a);
    genesis_read_key(&key, &out->operator_key);
    out->has_approver = approver.value != NULL;
    if (out->has_approver)
        genesis_read_key(&approver, &out->approver_key);
    read_member_node(&root, out, a);
    err = json_finish(&fault, "member file");
    json_decref(json);
    return err;
}

void member_file_encode(struct writer *w, const struct member_file *m)
{
    json_t *out = json_object();

    json_object_set_new(out, "format", json_string(MEMBER_FORMAT));
    json_object_set_new(out, "name", genesis_json_of_name(m->name_zh, m->name_en));
    json_object_set_new(out, "kind", json_string(m->kind));
    json_object_set_new(out, "roles", genesis_json_of_roles(m->roles, m->n_roles));
    json_object_set_new(out, "operator_key", json_of_hex(m->operator_key.b, CRYPTO_KEY_SIZE));
    if (m->has_approver)
        json_object_set_new(out, "approver_key", json_of_hex(m->approver_key.b, CRYPTO_KEY_SIZE));
    if (m->has_node) {
        json_t *node = json_object();

        genesis_json_add_node(node, &m->node);
        json_object_set_new(out, "node", node);
    }
    genesis_json_write(w, out);
}

/* ---- genesis ---- */

static void add_key(json_t *keys, uint32_t *number, const char *purpose,
                    const struct crypto_key *key, const struct genesis_parts *p)
{
    json_t *out = json_object();

    json_object_set_new(out, "number", json_integer(++*number));
    json_object_set_new(out, "purpose", json_string(purpose));
    json_object_set_new(out, "public", json_of_hex(key->b, CRYPTO_KEY_SIZE));
    json_object_set_new(out, "from", json_of_time(p->created));
    json_object_set_new(out, "until",
                        json_of_time(p->keys_until != 0 ? p->keys_until : KEYS_UNTIL_DEFAULT));
    json_array_append_new(keys, out);
}

static json_t *json_of_member(const struct member_file *m, uint32_t number, uint32_t *key_number,
                              const struct genesis_parts *p)
{
    json_t *out = json_object(), *keys = json_array();

    add_key(keys, key_number, "operator", &m->operator_key, p);
    if (m->has_approver)
        add_key(keys, key_number, "approver", &m->approver_key, p);
    if (m->has_node)
        add_key(keys, key_number, "node", &m->node.node.node_key, p);
    json_object_set_new(out, "number", json_integer(number));
    json_object_set_new(out, "name", genesis_json_of_name(m->name_zh, m->name_en));
    json_object_set_new(out, "kind", json_string(m->kind));
    json_object_set_new(out, "roles", genesis_json_of_roles(m->roles, m->n_roles));
    json_object_set_new(out, "keys", keys);
    return out;
}

static void add_members(json_t *out, const struct genesis_parts *p)
{
    json_t *members = json_array(), *nodes = json_array();
    uint32_t key_number = 0;

    for (uint32_t i = 0; i < p->n_members; i++) {
        json_array_append_new(members, json_of_member(&p->members[i], i + 1, &key_number, p));
        if (p->members[i].has_node) {
            json_t *node = json_object();

            json_object_set_new(node, "member", json_integer(i + 1));
            genesis_json_add_node(node, &p->members[i].node);
            json_array_append_new(nodes, node);
        }
    }
    json_object_set_new(out, "members", members);
    json_object_set_new(out, "nodes", nodes);
}

/* Beside the bytes their name, number, version and hash, so that people can compare them. */
static enum anju_err add_procedures(json_t *out, const struct genesis_parts *p)
{
    json_t *procedures = json_array();

    json_object_set_new(out, "procedures", procedures);
    for (uint32_t i = 0; i < p->n_procedures; i++) {
        struct ledger_procedure *decoded = NULL;
        struct crypto_hash sha256;
        json_t *one;
        char words[256];

        /* The ledger id is not known yet; it only enters a digest that is not used here. */
        if (ledger_procedure_decode(&decoded, p->procedures[i], &CRYPTO_ZERO_HASH) != ANJU_OK) {
            snprintf(words, sizeof words, "%s", anju_err_text());
            return anju_fail(ANJU_ERR_MALFORMED, "genesis: procedure %u: %s", i + 1, words);
        }
        one = json_object();
        crypto_sha256(&sha256, p->procedures[i]);
        json_object_set_new(one, "name", json_string(ledger_procedure_name(decoded)));
        json_object_set_new(one, "number", json_integer(ledger_procedure_number(decoded)));
        json_object_set_new(one, "version", json_integer(ledger_procedure_version(decoded)));
        json_object_set_new(one, "sha256", json_of_hash(&sha256));
        json_object_set_new(one, "compiled", json_of_base64(p->procedures[i]));
        json_array_append_new(procedures, one);
        ledger_procedure_free(decoded);
    }
    return ANJU_OK;
}

/* Calendars and code lists go in as people wrote them, without the words that say what the file is.
 */
static enum anju_err add_calendars(json_t *out, const struct genesis_parts *p)
{
    json_t *calendars = json_array();

    json_object_set_new(out, "calendars", calendars);
    for (uint32_t i = 0; i < p->n_calendars; i++) {
        json_t *one;
        enum anju_err err = json_parse(&one, p->calendars[i], "calendar");

        if (err != ANJU_OK)
            return err;
        json_object_del(one, "about");
        json_array_append_new(calendars, one);
    }
    return ANJU_OK;
}

static enum anju_err add_code_lists(json_t *out, const struct genesis_parts *p)
{
    json_t *file = NULL, *lists;
    enum anju_err err =
        p->code_lists.size > 0 ? json_parse(&file, p->code_lists, "code lists") : ANJU_OK;

    if (err != ANJU_OK)
        return err;
    lists = json_object_get(file, "code_lists");
    if (file != NULL && !json_is_array(lists)) {
        json_decref(file);
        return anju_fail(ANJU_ERR_MALFORMED, "code lists: /code_lists is not an array");
    }
    json_object_set_new(out, "code_lists", lists != NULL ? json_incref(lists) : json_array());
    json_decref(file);
    return ANJU_OK;
}

static enum anju_err make(json_t *out, const struct genesis_parts *p)
{
    enum anju_err err;

    json_object_set_new(out, "format", json_string("anju-genesis/1"));
    json_object_set_new(out, "origin", json_string(p->origin));
    json_object_set_new(out, "created", json_of_time(p->created));
    json_object_set_new(out, "suite", json_string("secp256k1-sha256"));
    json_object_set_new(out, "development", json_boolean(p->development));
    json_object_set_new(out, "log_public", json_boolean(p->log_public));
    add_members(out, p);
    err = add_procedures(out, p);
    if (err == ANJU_OK)
        err = add_calendars(out, p);
    if (err == ANJU_OK)
        err = add_code_lists(out, p);
    if (p->limits != NULL)
        json_object_set_new(out, "limits", genesis_json_of_limits(p->limits));
    if (p->timeouts != NULL)
        json_object_set_new(out, "timeouts", genesis_json_of_timeouts(p->timeouts));
    return err;
}

/* A document that its own nodes would refuse is not written. */
static enum anju_err check(struct bytes file)
{
    struct ledger_genesis genesis;
    struct ledger_registry *registry = NULL;
    enum anju_err err = genesis_json_decode(&genesis, file);

    if (err == ANJU_OK)
        err = ledger_registry_new(&registry, &genesis);
    if (err == ANJU_OK)
        ledger_registry_free(registry);
    ledger_genesis_free(&genesis);
    return err;
}

enum anju_err genesis_json_build(struct writer *out, const struct genesis_parts *parts)
{
    json_t *json = json_object();
    struct writer w = {0};
    enum anju_err err = make(json, parts);

    if (err != ANJU_OK) {
        json_decref(json);
        return err;
    }
    genesis_json_write(&w, json);
    err = check(writer_view(&w));
    if (err == ANJU_OK)
        writer_bytes(out, writer_view(&w));
    writer_free(&w);
    return err;
}
