#include "rpc/methods.h"

#include <stdio.h>
#include <string.h>

void call_begin(struct call_in *in, void *ctx, struct jsonrpc_call *call, const json_t *params, const char *const *names)
{
    *in = (struct call_in){.backend = ctx, .call = call};
    in->params = json_root(params, &in->fault);
    if (params != NULL)
        json_only(&in->params, names);
}

bool call_params_good(struct call_in *in)
{
    char field[sizeof(in->fault.pointer) + 8], hint[sizeof(in->fault.words) + sizeof(field) + 4];

    if (!in->fault.found)
        return true;
    snprintf(field, sizeof(field), "/params%s", in->fault.pointer);
    snprintf(hint, sizeof(hint), "%s: %s", field, in->fault.words);
    call_error(in, JSONRPC_INVALID_PARAMS, "Invalid params", "invalid_params", field, hint, NULL);
    return false;
}

bool call_read(struct call_in *in)
{
    enum anju_err err = store_read_begin(&in->read, in->backend->store);

    if (err == ANJU_OK)
        return true;
    call_failed(in, err);
    return false;
}

void call_leave(struct call_in *in)
{
    store_read_end(in->read);
    arena_free(&in->arena);
    in->read = NULL;
}

void call_result(struct call_in *in, json_t *result)
{
    call_leave(in);
    jsonrpc_result(in->call, result);
}

void call_error(struct call_in *in, enum jsonrpc_code code, const char *message, const char *reason, const char *field,
                const char *hint, json_t *more)
{
    jsonrpc_error(in->call, code, message, reason, field, hint, more); /* copies the words */
    call_leave(in);
}

void call_not_found(struct call_in *in, const char *what, const char *hint)
{
    char message[96];

    snprintf(message, sizeof(message), "no such %s", what);
    call_error(in, JSONRPC_NOT_FOUND, message, "not_found", NULL, hint, NULL);
}

void call_failed(struct call_in *in, enum anju_err err)
{
    const char *words = anju_err_text();

    if (err == ANJU_ERR_CORRUPT)
        call_error(in, JSONRPC_DAMAGED, "stored data is damaged", "damaged", NULL, words, NULL);
    else if (err == ANJU_ERR_BUSY || err == ANJU_ERR_FULL)
        call_error(in, JSONRPC_BUSY, "try again later", "busy", NULL, words, NULL);
    else
        call_error(in, JSONRPC_INTERNAL_ERROR, "internal error", anju_err_name(err), NULL, words, NULL);
}

bool call_has(const struct call_in *in, const char *name)
{
    return json_object_get(in->params.value, name) != NULL;
}

static struct json_in needed(struct call_in *in, const char *name)
{
    struct json_in at = json_optional(&in->params, name);

    if (at.value == NULL)
        json_wrong(&at, "is missing");
    return at;
}

uint64_t call_u64(struct call_in *in, const char *name)
{
    struct json_in at = needed(in, name);

    /* Small numbers are handier as JSON integers: both are taken. */
    return json_is_integer(at.value) ? (uint64_t)json_read_int(&at, 0, INT64_MAX) : json_read_u64(&at);
}

uint64_t call_u64_or(struct call_in *in, const char *name, uint64_t otherwise)
{
    return call_has(in, name) ? call_u64(in, name) : otherwise;
}

int64_t call_int_or(struct call_in *in, const char *name, int64_t min, int64_t max, int64_t otherwise)
{
    struct json_in at = json_optional(&in->params, name);

    return at.value != NULL ? json_read_int(&at, min, max) : otherwise;
}

bool call_bool_or(struct call_in *in, const char *name, bool otherwise)
{
    struct json_in at = json_optional(&in->params, name);

    return at.value != NULL ? json_read_bool(&at) : otherwise;
}

const char *call_text(struct call_in *in, const char *name, size_t size_max)
{
    struct json_in at = needed(in, name);

    return json_read_text(&at, size_max);
}

void call_hex(struct call_in *in, const char *name, void *out, size_t size)
{
    struct json_in at = needed(in, name);

    json_read_hex(&at, out, size);
}

void call_wrong(struct call_in *in, const char *name, const char *words)
{
    struct json_in at = json_optional(&in->params, name);

    json_wrong(&at, "%s", words);
}
