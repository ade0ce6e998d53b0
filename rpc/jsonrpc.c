#include "rpc/jsonrpc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"

struct jsonrpc_call {
    struct request *request;
    json_t *id;   /* owned; NULL: a notification */
    char *answer; /* owned; NULL until answered, and for notifications */
    size_t size;
};

struct request {
    jsonrpc_done *done;
    void *done_ctx;
    bool is_batch;
    size_t count;
    atomic_size_t waiting; /* calls without an answer, and one for the dispatch itself */
    atomic_size_t size;    /* of the answers so far */
    json_t *root;          /* params are borrowed from it */
    struct jsonrpc_call call[];
};

static json_t *envelope_of(json_t *id)
{
    json_t *answer = json_object();

    json_object_set_new(answer, "jsonrpc", json_string("2.0"));
    json_object_set(answer, "id", id != NULL ? id : json_null());
    return answer;
}

static json_t *error_of(enum jsonrpc_code code, const char *message, const char *reason, const char *field,
                        const char *hint, json_t *more)
{
    json_t *error = json_object(), *data = more != NULL ? more : json_object();

    json_object_set_new(error, "code", json_integer(code));
    json_object_set_new(error, "message", json_string(message));
    if (reason != NULL)
        json_object_set_new(data, "reason", json_string(reason));
    if (field != NULL && field[0] != '\0')
        json_object_set_new(data, "field", json_string(field));
    if (hint != NULL && hint[0] != '\0')
        json_object_set_new(data, "hint", json_string(hint));
    if (json_object_size(data) > 0)
        json_object_set(error, "data", data);
    json_decref(data);
    return error;
}

static void send_json(jsonrpc_done *done, void *done_ctx, json_t *answer)
{
    char *text = answer != NULL ? json_dumps(answer, JSON_COMPACT) : NULL;

    done(done_ctx, text != NULL ? bytes_of_text(text) : bytes_of(NULL, 0));
    free(text);
    json_decref(answer);
}

/* All answers, as one; the parts are let go. */
static void join(struct writer *w, struct request *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->call[i].answer == NULL)
            continue;
        if (r->is_batch)
            writer_u8(w, w->size == 0 ? '[' : ',');
        writer_put(w, r->call[i].answer, r->call[i].size);
        free(r->call[i].answer);
    }
    if (r->is_batch && w->size > 0)
        writer_u8(w, ']');
}

/* One of the things that a request waited for is there; with the last, the answer goes out. */
static void settle(struct request *r)
{
    struct writer w = {0};

    if (atomic_fetch_sub(&r->waiting, 1) != 1)
        return;
    join(&w, r);
    r->done(r->done_ctx, writer_view(&w));
    writer_free(&w);
    for (size_t i = 0; i < r->count; i++)
        json_decref(r->call[i].id);
    json_decref(r->root);
    free(r);
}

/* Kept as text: a tree of the same takes many times the memory while the other calls are answered. */
static void answer_call(struct jsonrpc_call *call, const char *member, json_t *value)
{
    if (call->id != NULL) {
        json_t *answer = envelope_of(call->id);
        json_object_set_new(answer, member, value);
        call->answer = json_dumps(answer, JSON_COMPACT);
        call->size = call->answer != NULL ? strlen(call->answer) : 0;
        atomic_fetch_add(&call->request->size, call->size);
        json_decref(answer);
    } else
        json_decref(value);
    settle(call->request);
}

void jsonrpc_result(struct jsonrpc_call *call, json_t *result)
{
    answer_call(call, "result", result);
}

static void fail_call(struct jsonrpc_call *call, json_t *error)
{
    answer_call(call, "error", error);
}

void jsonrpc_error(struct jsonrpc_call *call, enum jsonrpc_code code, const char *message, const char *reason,
                   const char *field, const char *hint, json_t *more)
{
    fail_call(call, error_of(code, message, reason, field, hint, more));
}

/* Why a value is no request object, or NULL. */
static const char *fault_of(const json_t *value)
{
    json_t *id = json_object_get(value, "id"), *params = json_object_get(value, "params");
    const char *version = json_string_value(json_object_get(value, "jsonrpc"));

    if (!json_is_object(value))
        return "a request is an object";
    if (version == NULL || strcmp(version, "2.0") != 0)
        return "member jsonrpc must be the string \"2.0\"";
    if (!json_is_string(json_object_get(value, "method")))
        return "member method must be a string";
    if (params != NULL && !json_is_object(params) && !json_is_array(params))
        return "member params must be an object or an array";
    if (id != NULL && !json_is_string(id) && !json_is_integer(id) && !json_is_null(id))
        return "member id must be a string, an integer or null";
    return NULL;
}

static void call_method(const struct jsonrpc_method *methods, size_t n_methods, void *ctx, struct jsonrpc_call *call,
                        const json_t *value)
{
    const char *fault = fault_of(value), *name = json_string_value(json_object_get(value, "method"));

    if (fault != NULL) {
        call->id = json_null(); /* it is answered even without an id */
        fail_call(call, error_of(JSONRPC_INVALID_REQUEST, "Invalid Request", "invalid_request", NULL, fault, NULL));
        return;
    }
    json_t *id = json_object_get(value, "id");
    call->id = id != NULL ? json_incref(id) : NULL;
    if (atomic_load(&call->request->size) > JSONRPC_ANSWERS_SIZE_MAX) {
        fail_call(call, error_of(JSONRPC_BUSY, "try again later", "answers_too_large", NULL,
                                 "the answers before this one are large: send the rest as another request", NULL));
        return;
    }
    for (size_t i = 0; i < n_methods; i++)
        if (strcmp(methods[i].name, name) == 0) {
            methods[i].fn(ctx, call, json_object_get(value, "params"));
            return;
        }
    fail_call(call, error_of(JSONRPC_METHOD_NOT_FOUND, "Method not found", "method_not_found", "method",
                             "docs/rpc.md lists the methods", NULL));
}

/* Whether a value is nested deeper than `left` levels. The parser itself has bounded the depth. */
static bool too_deep(const json_t *value, unsigned left)
{
    const char *key;
    json_t *item;
    size_t index;

    if (!json_is_object(value) && !json_is_array(value))
        return false;
    if (left == 0)
        return true;
    json_object_foreach((json_t *)(uintptr_t)value, key, item)
        if (too_deep(item, left - 1))
            return true;
    json_array_foreach(value, index, item)
        if (too_deep(item, left - 1))
            return true;
    return false;
}

/* What jansson refuses although it is JSON by the grammar: our limits, not the caller's syntax. */
static bool is_limit(const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_duplicate_key:
    case json_error_null_byte_in_key:
        return true;
    default:
        return false;
    }
}

static json_t *refuse(enum jsonrpc_code code, const char *reason, const char *hint)
{
    json_t *answer = envelope_of(NULL);

    json_object_set_new(answer, "error",
                        error_of(code, code == JSONRPC_PARSE_ERROR ? "Parse error" : "Invalid Request", reason, NULL, hint, NULL));
    return answer;
}

static json_t *parse(json_t **refusal, struct bytes request)
{
    json_error_t error;
    json_t *root = NULL;

    *refusal = NULL;
    if (request.size > 0 && memchr(request.data, 0, request.size) != NULL) {
        *refusal = refuse(JSONRPC_PARSE_ERROR, "parse_error", "the body has a NUL byte"); /* jansson takes it after a number */
        return NULL;
    }
    root = json_loadb((const char *)request.data, request.size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (root == NULL && is_limit(&error))
        *refusal = refuse(JSONRPC_INVALID_REQUEST, "ambiguous_json", error.text);
    else if (root == NULL)
        *refusal = refuse(JSONRPC_PARSE_ERROR, "parse_error", error.text);
    else if (too_deep(root, JSONRPC_DEPTH_MAX))
        *refusal = refuse(JSONRPC_INVALID_REQUEST, "too_deep", "at most 32 levels");
    else if (json_is_array(root) && json_array_size(root) == 0)
        *refusal = refuse(JSONRPC_INVALID_REQUEST, "empty_batch", "a batch has at least one request");
    else if (json_array_size(root) > JSONRPC_BATCH_MAX)
        *refusal = refuse(JSONRPC_INVALID_REQUEST, "batch_too_large", "at most 100 requests in a batch");
    return root;
}

void jsonrpc_handle(const struct jsonrpc_method *methods, size_t n_methods, void *ctx, struct bytes request,
                    jsonrpc_done *done, void *done_ctx)
{
    json_t *refusal;
    json_t *root = parse(&refusal, request);

    if (refusal != NULL) {
        json_decref(root);
        send_json(done, done_ctx, refusal);
        return;
    }
    size_t count = json_is_array(root) ? json_array_size(root) : 1;
    struct request *r = anju_alloc(sizeof(*r) + count * sizeof(r->call[0]));
    *r = (struct request){.done = done, .done_ctx = done_ctx, .is_batch = json_is_array(root), .count = count, .root = root};
    atomic_init(&r->waiting, count + 1);
    atomic_init(&r->size, 0);
    for (size_t i = 0; i < count; i++) {
        r->call[i].request = r;
        call_method(methods, n_methods, ctx, &r->call[i], r->is_batch ? json_array_get(root, i) : root);
    }
    settle(r);
}
