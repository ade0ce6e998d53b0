#include "rpc/receipt_json.h"

#include <stdlib.h>
#include <string.h>

#include "rpc/proof_json.h"

static const char RECEIPT_FORMAT[] = "anju-receipt/1";
static const char SET_PATH_FORMAT[] = "anju-set-path/1";

/* ---- writing ---- */

static json_t *json_of_claim(const struct ledger_claim *c)
{
    json_t *out = json_object();

    json_object_set_new(out, "ledger_id", json_of_hash(&c->ledger_id));
    json_object_set_new(out, "entry", json_of_hex(c->entry, LEDGER_ENTRY_SIZE));
    json_object_set_new(out, "path", proof_json_path(&c->path));
    json_object_set_new(out, "result", json_of_hex(c->result, LEDGER_RESULT_SIZE));
    json_object_set_new(out, "block", json_of_hash(&c->vid));
    return out;
}

static json_t *json_of_envelope(const struct ledger_receipt *r)
{
    json_t *out = json_object();

    json_object_set_new(out, "body", json_of_hex(r->body, LEDGER_BODY_SIZE));
    json_object_set_new(out, "signature", json_of_hex(r->sig.b, CRYPTO_SIG_SIZE));
    json_object_set_new(out, "key", json_of_hex(r->key.b, CRYPTO_KEY_SIZE));
    json_object_set_new(out, "path", proof_json_path(&r->record_path));
    return out;
}

static json_t *json_of_effect(const struct ledger_receipt_effect *e)
{
    json_t *out = json_object();

    json_object_set_new(out, "index", json_integer(e->index));
    json_object_set_new(out, "path", proof_json_path(&e->path));
    json_object_set_new(out, "effect", json_of_base64(e->effect));
    if (e->has_attributes)
        json_object_set_new(out, "attributes", json_of_base64(e->attributes));
    return out;
}

json_t *receipt_json(const struct ledger_receipt *r)
{
    json_t *out = json_object(), *endorsement = json_object(), *effects;

    json_object_set_new(out, "format", json_string(RECEIPT_FORMAT));
    json_object_set_new(out, "claim", json_of_claim(&r->claim));
    if (ledger_receipt_is_genesis(r))
        json_object_set_new(endorsement, "header", json_of_hex(r->header, LEDGER_HEADER_SIZE));
    json_object_set_new(endorsement, "certificate", proof_json_certificate(&r->certificate));
    json_object_set_new(out, "endorsement", endorsement);
    if (r->has_record)
        json_object_set_new(out, "record", json_of_base64(r->record));
    if (r->has_envelope)
        json_object_set_new(out, "envelope", json_of_envelope(r));
    if (r->n_effects == 0)
        return out;
    effects = json_array();
    for (uint32_t i = 0; i < r->n_effects; i++)
        json_array_append_new(effects, json_of_effect(&r->effects[i]));
    json_object_set_new(out, "effects", effects);
    return out;
}

/* ---- reading ---- */

static void read_claim(const struct json_in *root, struct ledger_claim *out)
{
    static const char *const NAMES[] = {"ledger_id", "entry", "path", "result", "block", NULL};
    struct json_in in = json_member(root, "claim");

    json_only(&in, NAMES);
    struct json_in ledger_id = json_member(&in, "ledger_id"), entry = json_member(&in, "entry"),
                   path = json_member(&in, "path"), result = json_member(&in, "result"),
                   block = json_member(&in, "block");
    json_read_hex(&ledger_id, out->ledger_id.b, CRYPTO_HASH_SIZE);
    json_read_hex(&entry, out->entry, LEDGER_ENTRY_SIZE);
    proof_read_path(&path, &out->path);
    json_read_hex(&result, out->result, LEDGER_RESULT_SIZE);
    json_read_hex(&block, out->vid.b, CRYPTO_HASH_SIZE);
}

static void read_endorsement(const struct json_in *root, struct ledger_receipt *out,
                             struct arena *a)
{
    static const char *const NAMES[] = {"header", "certificate", NULL};
    struct json_in in = json_member(root, "endorsement");

    json_only(&in, NAMES);
    struct json_in header = json_optional(&in, "header"),
                   certificate = json_member(&in, "certificate");
    if ((header.value != NULL) != ledger_receipt_is_genesis(out))
        json_wrong(&in, "a header stands in a receipt of height 0, and only there");
    if (header.value != NULL)
        json_read_hex(&header, out->header, LEDGER_HEADER_SIZE);
    proof_read_certificate(&certificate, &out->certificate, a);
}

static void read_envelope(const struct json_in *root, struct ledger_receipt *out)
{
    static const char *const NAMES[] = {"body", "signature", "key", "path", NULL};
    struct json_in in = json_optional(root, "envelope");

    if (in.value == NULL)
        return;
    json_only(&in, NAMES);
    struct json_in body = json_member(&in, "body"), sig = json_member(&in, "signature"),
                   key = json_member(&in, "key"), path = json_member(&in, "path");
    out->has_envelope = true;
    json_read_hex(&body, out->body, LEDGER_BODY_SIZE);
    json_read_hex(&sig, out->sig.b, CRYPTO_SIG_SIZE);
    json_read_hex(&key, out->key.b, CRYPTO_KEY_SIZE);
    proof_read_path(&path, &out->record_path);
}

static void read_effect(const struct json_in *in, struct ledger_receipt_effect *out,
                        struct arena *a)
{
    static const char *const NAMES[] = {"index", "path", "effect", "attributes", NULL};

    json_only(in, NAMES);
    struct json_in index = json_member(in, "index"), path = json_member(in, "path"),
                   effect = json_member(in, "effect"), attributes = json_optional(in, "attributes");
    out->index = (uint32_t)json_read_int(&index, 0, LEDGER_EFFECTS_MAX);
    proof_read_path(&path, &out->path);
    out->effect = json_read_base64(&effect, LEDGER_EFFECT_SIZE_MIN + LEDGER_ATTRIBUTES_SIZE_MAX, a);
    out->has_attributes = attributes.value != NULL;
    if (out->has_attributes)
        out->attributes = json_read_base64(&attributes, LEDGER_ATTRIBUTES_SIZE_MAX, a);
}

static void read_effects(const struct json_in *root, struct ledger_receipt *out, struct arena *a)
{
    struct json_in in = json_optional(root, "effects");

    if (in.value == NULL)
        return;
    out->n_effects = (uint32_t)json_count(&in, LEDGER_RECEIPT_EFFECTS_MAX);
    if (out->n_effects == 0)
        json_wrong(&in, "must be left out where no effect is shown");
    out->effects = arena_alloc(a, (out->n_effects + 1u) * sizeof out->effects[0]);
    for (uint32_t i = 0; i < out->n_effects; i++) {
        struct json_in item = json_item(&in, i);

        read_effect(&item, &out->effects[i], a);
        if (i > 0 && out->effects[i].index <= out->effects[i - 1].index)
            json_wrong(&item, "effects must ascend by index");
    }
}

enum anju_err receipt_json_decode(struct ledger_receipt *out, struct bytes text, struct arena *a)
{
    static const char *const NAMES[] = {"format",   "claim",   "endorsement", "record",
                                        "envelope", "effects", NULL};
    struct json_fault fault;
    json_t *json;
    enum anju_err err;

    memset(out, 0, sizeof *out);
    if (text.size > LEDGER_RECEIPT_SIZE_MAX)
        return anju_fail(ANJU_ERR_TOO_LARGE, "receipt: %zu bytes, the most is %d", text.size,
                         LEDGER_RECEIPT_SIZE_MAX);
    err = proof_parse(&json, text, "receipt", RECEIPT_FORMAT);
    if (err != ANJU_OK)
        return err;
    struct json_in root = json_root(json, &fault);
    json_only(&root, NAMES);
    proof_read_format(&root, RECEIPT_FORMAT);
    read_claim(&root, &out->claim);
    read_endorsement(&root, out, a);
    struct json_in record = json_optional(&root, "record");
    out->has_record = record.value != NULL;
    if (out->has_record)
        out->record = json_read_base64(&record, LEDGER_CAP_FACTOR * LEDGER_RECORD_SIZE_DEFAULT, a);
    read_envelope(&root, out);
    read_effects(&root, out, a);
    err = json_finish(&fault, "receipt");
    json_decref(json);
    return err != ANJU_OK ? err : proof_check_canonical("receipt", receipt_json(out), text);
}

/* ---- set path ---- */

json_t *set_path_json(const struct ledger_set_path *p)
{
    json_t *out = json_object(), *changes = json_array();

    for (uint32_t i = 0; i < p->n_changes; i++) {
        const struct ledger_set_change *c = &p->changes[i];
        json_t *change = json_object();
        struct writer w = {0};

        ledger_set_encode(&w, &c->set);
        json_object_set_new(change, "result", json_of_hex(c->result, LEDGER_RESULT_SIZE));
        json_object_set_new(change, "certificate", proof_json_certificate(&c->certificate));
        json_object_set_new(change, "set", json_of_base64(writer_view(&w)));
        json_array_append_new(changes, change);
        writer_free(&w);
    }
    json_object_set_new(out, "format", json_string(SET_PATH_FORMAT));
    json_object_set_new(out, "ledger_id", json_of_hash(&p->ledger_id));
    json_object_set_new(out, "changes", changes);
    return out;
}

static void read_change(const struct json_in *in, struct ledger_set_change *out,
                        const struct crypto_hash *ledger_id, struct arena *a)
{
    static const char *const NAMES[] = {"result", "certificate", "set", NULL};

    json_only(in, NAMES);
    struct json_in result = json_member(in, "result"), certificate = json_member(in, "certificate"),
                   set = json_member(in, "set");
    json_read_hex(&result, out->result, LEDGER_RESULT_SIZE);
    proof_read_certificate(&certificate, &out->certificate, a);
    struct bytes raw = json_read_base64(&set, 64 * 1024, a);
    if (!in->fault->found && ledger_set_decode(&out->set, raw, ledger_id) != ANJU_OK)
        json_wrong(&set, "%s", anju_err_text());
}

enum anju_err set_path_json_decode(struct ledger_set_path *out, struct bytes text, struct arena *a)
{
    static const char *const NAMES[] = {"format", "ledger_id", "changes", NULL};
    struct json_fault fault;
    json_t *json;
    enum anju_err err = proof_parse(&json, text, "set path", SET_PATH_FORMAT);

    memset(out, 0, sizeof *out);
    if (err != ANJU_OK)
        return err;
    struct json_in root = json_root(json, &fault);
    json_only(&root, NAMES);
    proof_read_format(&root, SET_PATH_FORMAT);
    struct json_in ledger_id = json_member(&root, "ledger_id"),
                   changes = json_member(&root, "changes");
    json_read_hex(&ledger_id, out->ledger_id.b, CRYPTO_HASH_SIZE);
    out->n_changes = (uint32_t)json_count(&changes, LEDGER_SET_CHANGES_MAX);
    out->changes = arena_alloc(a, (out->n_changes + 1u) * sizeof out->changes[0]);
    for (uint32_t i = 0; i < out->n_changes; i++) {
        struct json_in item = json_item(&changes, i);

        read_change(&item, &out->changes[i], &out->ledger_id, a);
    }
    err = json_finish(&fault, "set path");
    json_decref(json);
    return err != ANJU_OK ? err : proof_check_canonical("set path", set_path_json(out), text);
}
