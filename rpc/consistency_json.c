#include "rpc/consistency_json.h"

#include <string.h>

#include "rpc/proof_json.h"

static const char FORMAT[] = "anju-consistency/1";

/* ---- the text ---- */

static json_t *checkpoint_json(const struct ledger_checkpoint *c)
{
    json_t *out = json_object();

    json_object_set_new(out, "header", json_of_hex(c->header, LEDGER_HEADER_SIZE));
    json_object_set_new(out, "result", json_of_hex(c->result, LEDGER_RESULT_SIZE));
    json_object_set_new(out, "certificate", proof_json_certificate(&c->certificate));
    return out;
}

json_t *consistency_json(const struct ledger_consistency *c)
{
    json_t *out = json_object();

    json_object_set_new(out, "format", json_string(FORMAT));
    json_object_set_new(out, "ledger_id", json_of_hash(&c->ledger_id));
    json_object_set_new(out, "first", checkpoint_json(&c->first));
    json_object_set_new(out, "second", checkpoint_json(&c->second));
    json_object_set_new(out, "path", proof_json_hashes(c->path.hash, c->path.n));
    return out;
}

static void read_checkpoint(const struct json_in *root, const char *name,
                            struct ledger_checkpoint *out, struct arena *a)
{
    static const char *const NAMES[] = {"header", "result", "certificate", NULL};
    struct json_in in = json_member(root, name);

    json_only(&in, NAMES);
    struct json_in header = json_member(&in, "header"), result = json_member(&in, "result"),
                   certificate = json_member(&in, "certificate");
    json_read_hex(&header, out->header, LEDGER_HEADER_SIZE);
    json_read_hex(&result, out->result, LEDGER_RESULT_SIZE);
    proof_read_certificate(&certificate, &out->certificate, a);
}

enum anju_err consistency_json_decode(struct ledger_consistency *out, struct bytes text,
                                      struct arena *a)
{
    static const char *const NAMES[] = {"format", "ledger_id", "first", "second", "path", NULL};
    struct json_fault fault;
    json_t *json;
    enum anju_err err = proof_parse(&json, text, "consistency proof", FORMAT);

    memset(out, 0, sizeof *out);
    if (err != ANJU_OK)
        return err;
    struct json_in root = json_root(json, &fault);
    json_only(&root, NAMES);
    proof_read_format(&root, FORMAT);
    struct json_in ledger_id = json_member(&root, "ledger_id"), path = json_member(&root, "path");
    json_read_hex(&ledger_id, out->ledger_id.b, CRYPTO_HASH_SIZE);
    read_checkpoint(&root, "first", &out->first, a);
    read_checkpoint(&root, "second", &out->second, a);
    out->path.hash = arena_alloc(a, MERKLE_BOUNDARY_MAX * sizeof out->path.hash[0]);
    out->path.n = (uint8_t)proof_read_hashes(&path, out->path.hash, MERKLE_BOUNDARY_MAX);
    err = json_finish(&fault, "consistency proof");
    json_decref(json);
    return err != ANJU_OK ? err
                          : proof_check_canonical("consistency proof", consistency_json(out), text);
}

/* ---- from the store ---- */

static enum anju_err fill(struct ledger_checkpoint *out, struct ledger_result *result,
                          struct store_read *read, uint64_t height)
{
    struct ledger_header header;
    struct store_height h;
    struct bytes raw;
    enum anju_err err = store_read_height(read, &h, height);

    if (err == ANJU_OK)
        err = store_read_header(read, &header, height);
    if (err == ANJU_OK)
        err = store_read_certificate(read, &raw, height);
    if (err == ANJU_OK)
        err = ledger_certificate_decode(&out->certificate, raw);
    if (err != ANJU_OK)
        return err;
    ledger_header_encode(out->header, &header);
    ledger_result_encode(out->result, &h.result_body);
    *result = h.result_body;
    return ANJU_OK;
}

enum anju_err rpc_prove_consistency(struct ledger_consistency *out, struct store_read *read,
                                    const struct ledger_registry *registry, uint64_t first,
                                    uint64_t second, struct arena *a)
{
    struct ledger_result results[2];
    struct crypto_hash path[MERKLE_BOUNDARY_MAX];
    unsigned n = 0;
    enum anju_err err;

    memset(out, 0, sizeof *out);
    out->ledger_id = registry->ledger_id;
    err = fill(&out->first, &results[0], read, first);
    if (err == ANJU_OK)
        err = fill(&out->second, &results[1], read, second);
    if (err == ANJU_OK)
        err = merkle_consistency(path, &n, results[0].log_size, results[1].log_size,
                                 store_read_log_node, read);
    if (err != ANJU_OK)
        return err;
    out->path.n = (uint8_t)n;
    out->path.hash = arena_alloc(a, (n + 1) * sizeof path[0]);
    memcpy(out->path.hash, path, n * sizeof path[0]);
    return ANJU_OK;
}
