#include "rpc/methods.h"

/* The certificate of a height as JSON; NULL, and the call is answered, where it can't be read. */
static json_t *certificate_of(struct call_in *in, uint64_t height)
{
    struct ledger_certificate c;
    struct bytes raw;
    enum anju_err err = store_read_certificate(in->read, &raw, height);

    if (err == ANJU_OK)
        err = ledger_certificate_decode(&c, raw);
    if (err != ANJU_OK) {
        call_failed(in, err);
        return NULL;
    }
    return form_certificate(&c, &in->backend->registry->set);
}

/* `height` of the params, by default the last; false and answered where there is no such block. */
static bool height_of(struct call_in *in, uint64_t *height)
{
    uint64_t asked = call_u64_or(in, "height", UINT64_MAX);

    if (!call_params_good(in) || !call_read(in))
        return false;
    uint64_t last = store_read_tip(in->read)->height;
    *height = asked == UINT64_MAX ? last : asked;
    if (*height <= last)
        return true;
    call_not_found(in, "block", "the height is above the last committed block; ledger.checkpoint shows that");
    return false;
}

void rpc_ledger_checkpoint(void *ctx, struct jsonrpc_call *call, const json_t *params)
{
    static const char *const NAMES[] = {"height", NULL};
    struct call_in in;
    struct store_height h;
    uint64_t height;
    json_t *certificate = NULL;

    call_begin(&in, ctx, call, params, NAMES);
    bool asked_default = !call_has(&in, "height");
    if (!height_of(&in, &height))
        return;
    enum anju_err err = store_read_height(in.read, &h, height);
    if (err != ANJU_OK) {
        call_failed(&in, err);
        return;
    }
    if (height > 0 && (certificate = certificate_of(&in, height)) == NULL)
        return;
    json_t *out = json_object();
    json_object_set_new(out, "ledger", json_of_hash(&in.backend->registry->ledger_id));
    json_object_set_new(out, "origin", json_string(in.backend->registry->genesis->origin));
    json_object_set_new(out, "height", json_of_u64(height));
    json_object_set_new(out, "time", json_of_time(h.time_ms));
    json_object_set_new(out, "block", json_of_hash(&h.block));
    json_object_set_new(out, "result", form_result(&h.result_body));
    json_object_set_new(out, "result_id", json_of_hash(&h.result));
    if (certificate != NULL)
        json_object_set_new(out, "certificate", certificate);
    json_t *note = rpc_checkpoint_note(in.backend, asked_default ? UINT64_MAX : height);
    if (note != NULL)
        json_object_set_new(out, "c2sp", note);
    call_result(&in, out);
}

/* The entries of a block, as an array. */
static enum anju_err entries_of(struct call_in *in, json_t **out, uint64_t height)
{
    struct ledger_item *items;
    size_t count;
    enum anju_err err = store_read_items(in->read, &items, &count, height, &in->arena);

    if (err != ANJU_OK)
        return err;
    *out = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(*out, form_entry(&items[i].entry, &items[i].leaf, in->backend->registry));
    return ANJU_OK;
}

void rpc_ledger_block(void *ctx, struct jsonrpc_call *call, const json_t *params)
{
    static const char *const NAMES[] = {"height", "raw", "entries", NULL};
    struct call_in in;
    struct ledger_header header;
    struct store_height h;
    struct bytes raw;
    uint64_t height;
    json_t *certificate, *entries = NULL;

    call_begin(&in, ctx, call, params, NAMES);
    bool want_raw = call_bool_or(&in, "raw", false), want_entries = call_bool_or(&in, "entries", true);
    if (!height_of(&in, &height))
        return;
    if (height == 0) {
        call_not_found(&in, "block", "height 0 is the genesis document: ledger.checkpoint has its result");
        return;
    }
    enum anju_err err = store_read_header(in.read, &header, height);
    if (err == ANJU_OK)
        err = store_read_height(in.read, &h, height);
    if (err == ANJU_OK)
        err = store_read_block(in.read, &raw, height);
    if (err == ANJU_OK && want_entries)
        err = entries_of(&in, &entries, height);
    if (err != ANJU_OK) {
        call_failed(&in, err);
        return;
    }
    if ((certificate = certificate_of(&in, height)) == NULL) {
        json_decref(entries);
        return;
    }
    json_t *out = json_object();
    json_object_set_new(out, "block", json_of_hash(&h.block));
    json_object_set_new(out, "header", form_header(&header));
    json_object_set_new(out, "result", form_result(&h.result_body));
    json_object_set_new(out, "certificate", certificate);
    json_object_set_new(out, "first_seq", json_of_u64(h.first_seq));
    json_object_set_new(out, "n_entries", json_integer(h.n));
    if (want_entries)
        json_object_set_new(out, "entries", entries);
    if (want_raw)
        json_object_set_new(out, "raw", json_of_base64(raw));
    call_result(&in, out);
}
