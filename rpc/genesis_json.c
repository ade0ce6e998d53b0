#include "rpc/genesis_json.h"

#include <stdlib.h>
#include <string.h>

#include "rpc/genesis_parts.h"

enum { MEMBERS_MAX = 100000, KEYS_OF_MEMBER_MAX = 64, PROCEDURES_MAX = 256, CALENDARS_MAX = 64 };

static const char GENESIS_FORMAT[] = "anju-genesis/1";
static const char SUITE[] = "secp256k1-sha256";

static enum ledger_key_purpose read_purpose(const struct json_in *at)
{
    static const char *const NAMES[] = {"operator", "approver", "node"};
    const char *text = json_read_text(at, 32);

    for (unsigned i = 0; i < 3; i++)
        if (strcmp(text, NAMES[i]) == 0)
            return (enum ledger_key_purpose)(LEDGER_KEY_OPERATOR + i);
    json_wrong(at, "must be operator, approver or node");
    return LEDGER_KEY_OPERATOR;
}

/* Keys stand with their members but are numbered ledger-wide. */
static void read_key(const struct json_in *at, struct ledger_genesis *g, uint32_t member)
{
    static const char *const NAMES[] = {"number", "purpose", "public", "from", "until", NULL};
    struct ledger_member_key key = {.member = member};

    json_only(at, NAMES);
    struct json_in number = json_member(at, "number"), purpose = json_member(at, "purpose"),
                   public = json_member(at, "public"), from = json_member(at, "from"),
                   until = json_member(at, "until");
    key.number = (uint32_t)json_read_int(&number, 1, g->n_keys > 0 ? g->n_keys : 1);
    key.purpose = read_purpose(&purpose);
    genesis_read_key(&public, &key.key);
    key.from = json_read_time(&from);
    key.until = json_read_time(&until);
    if (at->fault->found)
        return;
    if (g->keys[key.number - 1].number != 0)
        json_wrong(&number, "key %u stands twice; keys are numbered from 1, ledger-wide",
                   key.number);
    g->keys[key.number - 1] = key;
}

static void read_member(const struct json_in *at, struct ledger_genesis *g, uint32_t index)
{
    static const char *const NAMES[] = {"number", "name", "kind", "roles", "keys", NULL};
    struct ledger_member *m = &g->members[index];

    json_only(at, NAMES);
    struct json_in number = json_member(at, "number"), name = json_member(at, "name"),
                   kind = json_member(at, "kind"), roles = json_member(at, "roles"),
                   keys = json_member(at, "keys");
    m->number = (uint32_t)json_read_int(&number, 1, UINT32_MAX);
    if (m->number != index + 1)
        json_wrong(&number, "members are numbered from 1 in order; this one is %u", index + 1);
    genesis_read_name(&name, &m->name_zh, &m->name_en, &g->arena);
    m->kind = genesis_read_kind(&kind, &g->arena);
    m->roles = genesis_read_roles(&roles, &m->n_roles, &g->arena);
    for (size_t i = 0, n = json_count(&keys, KEYS_OF_MEMBER_MAX); i < n; i++) {
        struct json_in item = json_item(&keys, i);

        read_key(&item, g, m->number);
    }
}

static void read_members(const struct json_in *root, struct ledger_genesis *g)
{
    struct json_in at = json_member(root, "members");

    g->n_members = (uint32_t)json_count(&at, MEMBERS_MAX);
    for (uint32_t i = 0; i < g->n_members; i++) {
        struct json_in item = json_item(&at, i), keys = json_member(&item, "keys");

        g->n_keys += (uint32_t)json_count(&keys, KEYS_OF_MEMBER_MAX);
    }
    g->members = arena_alloc(&g->arena, (g->n_members + 1u) * sizeof g->members[0]);
    g->keys = arena_alloc(&g->arena, (g->n_keys + 1u) * sizeof g->keys[0]);
    for (uint32_t i = 0; i < g->n_members; i++) {
        struct json_in item = json_item(&at, i);

        read_member(&item, g, i);
    }
}

static void read_nodes(const struct json_in *root, struct ledger_genesis *g)
{
    static const char *const NAMES[] = {"member",   "node_key", "log_key", "cosign_key",
                                        "tls_spki", "peer",     "rpc",     NULL};
    struct json_in at = json_member(root, "nodes");

    g->n_nodes = (uint32_t)json_count(&at, LEDGER_SET_MAX);
    g->nodes = arena_alloc(&g->arena, (g->n_nodes + 1u) * sizeof g->nodes[0]);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        struct json_in item = json_item(&at, i);

        json_only(&item, NAMES);
        struct json_in member = json_member(&item, "member");
        genesis_read_node(&item, &g->nodes[i], &g->arena);
        g->nodes[i].node.member = (uint32_t)json_read_int(&member, 1, UINT32_MAX);
    }
}

/* What stands beside the compiled bytes, for people, is what the bytes say. */
static void check_procedure(const struct json_in *at, struct bytes compiled,
                            const struct crypto_hash *ledger_id)
{
    struct json_in name = json_member(at, "name"), number = json_member(at, "number"),
                   version = json_member(at, "version"), sha256 = json_member(at, "sha256");
    const char *name_text = json_read_text(&name, 64);
    int64_t n = json_read_int(&number, 1, UINT16_MAX), v = json_read_int(&version, 1, UINT16_MAX);
    struct crypto_hash said, is;
    struct ledger_procedure *p = NULL;

    json_read_hex(&sha256, said.b, sizeof said.b);
    crypto_sha256(&is, compiled);
    if (!at->fault->found && !crypto_hash_equal(&said, &is))
        json_wrong(&sha256, "is not the SHA-256 of the compiled bytes");
    if (at->fault->found)
        return;
    if (ledger_procedure_decode(&p, compiled, ledger_id) != ANJU_OK) {
        json_wrong(at, "compiled: %s", anju_err_text());
        return;
    }
    if (strcmp(ledger_procedure_name(p), name_text) != 0)
        json_wrong(&name, "the compiled bytes say \"%s\"", ledger_procedure_name(p));
    if (ledger_procedure_number(p) != n)
        json_wrong(&number, "the compiled bytes say %u", ledger_procedure_number(p));
    if (ledger_procedure_version(p) != v)
        json_wrong(&version, "the compiled bytes say %u", ledger_procedure_version(p));
    ledger_procedure_free(p);
}

static void read_procedures(const struct json_in *root, struct ledger_genesis *g)
{
    static const char *const NAMES[] = {"name", "number", "version", "sha256", "compiled", NULL};
    struct json_in at = json_member(root, "procedures");

    g->n_procedures = (uint32_t)json_count(&at, PROCEDURES_MAX);
    g->procedures = arena_alloc(&g->arena, (g->n_procedures + 1u) * sizeof g->procedures[0]);
    for (uint32_t i = 0; i < g->n_procedures; i++) {
        struct json_in item = json_item(&at, i);

        json_only(&item, NAMES);
        struct json_in compiled = json_member(&item, "compiled");
        g->procedures[i] = json_read_base64(&compiled, LEDGER_RECORD_SIZE_DEFAULT, &g->arena);
        check_procedure(&item, g->procedures[i], &g->ledger_id);
    }
}

static void read_calendars(const struct json_in *root, struct ledger_genesis *g)
{
    struct json_in at = json_member(root, "calendars");

    g->n_calendars = (uint32_t)json_count(&at, CALENDARS_MAX);
    g->calendars = arena_alloc(&g->arena, (g->n_calendars + 1u) * sizeof g->calendars[0]);
    for (uint32_t i = 0; i < g->n_calendars; i++) {
        struct json_in item = json_item(&at, i);

        genesis_read_calendar(&item, false, &g->calendars[i], &g->arena);
    }
}

static void read_head(const struct json_in *root, struct ledger_genesis *g)
{
    struct json_in origin = json_member(root, "origin"), created = json_member(root, "created"),
                   suite = json_member(root, "suite"),
                   development = json_member(root, "development"),
                   log_public = json_member(root, "log_public");

    genesis_read_format(root, GENESIS_FORMAT);
    g->origin = genesis_read_text(&origin, &g->arena);
    g->created = json_read_time(&created);
    if (strcmp(json_read_text(&suite, 64), SUITE) != 0)
        json_wrong(&suite, "must be \"%s\", the only suite that this build knows", SUITE);
    g->development = json_read_bool(&development);
    g->log_public = json_read_bool(&log_public);
}

enum anju_err genesis_json_decode(struct ledger_genesis *out, struct bytes file)
{
    static const char *const NAMES[] = {
        "format", "origin",     "created",   "suite",      "development", "log_public", "members",
        "nodes",  "procedures", "calendars", "code_lists", "limits",      "timeouts",   NULL};
    struct json_fault fault;
    json_t *json;
    enum anju_err err;

    memset(out, 0, sizeof *out);
    if (file.size > GENESIS_FILE_SIZE_MAX)
        return anju_fail(ANJU_ERR_TOO_LARGE, "genesis: %zu bytes, the most is %d", file.size,
                         GENESIS_FILE_SIZE_MAX);
    crypto_sha256(&out->ledger_id, file);
    err = json_parse(&json, file, "genesis");
    if (err != ANJU_OK)
        return err;
    struct json_in root = json_root(json, &fault);
    json_only(&root, NAMES);
    read_head(&root, out);
    read_members(&root, out);
    read_nodes(&root, out);
    read_procedures(&root, out);
    read_calendars(&root, out);
    struct json_in code_lists = json_member(&root, "code_lists"),
                   limits = json_optional(&root, "limits"),
                   timeouts = json_optional(&root, "timeouts");
    out->code_lists = genesis_read_code_lists(&code_lists, &out->n_code_lists, &out->arena);
    genesis_read_limits(&limits, &out->limits);
    genesis_read_timeouts(&timeouts, &out->timeouts);
    err = json_finish(&fault, "genesis");
    json_decref(json);
    return err;
}

/* ---- files of calendars and code lists ---- */

enum anju_err calendar_file_decode(struct ledger_calendar *out, struct bytes file, struct arena *a)
{
    struct json_fault fault;
    json_t *json;
    enum anju_err err = json_parse(&json, file, "calendar");

    memset(out, 0, sizeof *out);
    if (err != ANJU_OK)
        return err;
    struct json_in root = json_root(json, &fault);
    genesis_read_calendar(&root, true, out, a);
    err = json_finish(&fault, "calendar");
    json_decref(json);
    return err;
}

enum anju_err code_list_file_decode(struct ledger_code_list **out, uint32_t *count,
                                    struct bytes file, struct arena *a)
{
    static const char *const NAMES[] = {"about", "code_lists", NULL};
    struct json_fault fault;
    json_t *json;
    enum anju_err err = json_parse(&json, file, "code lists");

    if (err != ANJU_OK)
        return err;
    struct json_in root = json_root(json, &fault);
    json_only(&root, NAMES);
    struct json_in lists = json_member(&root, "code_lists");
    *out = genesis_read_code_lists(&lists, count, a);
    err = json_finish(&fault, "code lists");
    json_decref(json);
    return err;
}
