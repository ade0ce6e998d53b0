#include "rpc/server.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "rpc/http.h"
#include "rpc/methods.h"
#include "rpc/outside.h"
#include "rpc/tiles.h"

const struct jsonrpc_method RPC_METHODS[] = {
    {"evidence.list", rpc_evidence_list},
    {"ledger.block", rpc_ledger_block},
    {"ledger.checkpoint", rpc_ledger_checkpoint},
    {"member.get", rpc_member_get},
    {"member.list", rpc_member_list},
    {"node.status", rpc_node_status},
    {"procedure.get", rpc_procedure_get},
    {"procedure.list", rpc_procedure_list},
    {"proof.consistency", rpc_proof_consistency},
    {"proof.receipt", rpc_proof_receipt},
    {"record.get", rpc_record_get},
    {"record.prepare", rpc_record_prepare},
    {"record.submit", rpc_record_submit},
    {"records.query", rpc_records_query},
    {"subject.get", rpc_subject_get},
    {"subject.history", rpc_subject_history},
};
const size_t RPC_METHODS_COUNT = sizeof(RPC_METHODS) / sizeof(RPC_METHODS[0]);

enum { BINARY_WAIT_MS = 20000 };

struct rpc_server {
    struct http_server *http;
    const struct rpc_backend *backend;
    atomic_bool draining;
};

static void send_json_answer(void *done_ctx, struct bytes answer)
{
    struct http_ticket *ticket = done_ctx;

    if (answer.size > 0)
        http_reply(ticket, 200, "application/json", answer);
    else
        http_reply(ticket, 204, NULL, answer);
    free(ticket);
}

static void send_results(void *ctx, json_t *results)
{
    char *text = json_dumps(results, JSON_COMPACT);

    send_json_answer(ctx, bytes_of_text(text != NULL ? text : ""));
    free(text);
    json_decref(results);
}

/* The body is a batch's bytes: n_envelopes u16, n x (len u32, envelope). */
static void on_binary(struct rpc_server *s, const struct http_request *request)
{
    struct arena arena = {0};
    struct ledger_batch batch;

    if (ledger_batch_decode(&batch, request->body, &s->backend->registry->ledger_id, &arena) != ANJU_OK) {
        char words[300];
        int size = snprintf(words, sizeof(words), "400 Bad Request: not a batch of envelopes: %s\n", anju_err_text());
        http_reply(&request->ticket, 400, "text/plain", bytes_of(words, (size_t)size < sizeof(words) ? (size_t)size : sizeof(words) - 1));
    } else
        rpc_submit_wires(s->backend, batch.envelopes, batch.n_envelopes, BINARY_WAIT_MS, send_results,
                         anju_dup(&request->ticket, sizeof(request->ticket)));
    arena_free(&arena);
}

static bool is_type(struct bytes value, const char *type)
{
    size_t size = strlen(type);

    return value.size >= size && memcmp(value.data, type, size) == 0 && (value.size == size || value.data[size] == ';' || value.data[size] == ' ');
}

static void on_rpc(void *ctx, const struct http_request *request)
{
    struct rpc_server *s = ctx;

    if (is_type(request->content_type, "application/json"))
        jsonrpc_handle(RPC_METHODS, RPC_METHODS_COUNT, (void *)(uintptr_t)s->backend, request->body, send_json_answer,
                       anju_dup(&request->ticket, sizeof(request->ticket)));
    else if (is_type(request->content_type, "application/octet-stream"))
        on_binary(s, request);
    else
        http_reply(&request->ticket, 415, "text/plain",
                   bytes_of_text("415 Unsupported Media Type: send application/json, or envelopes as application/octet-stream\n"));
}

static void on_live(void *ctx, const struct http_request *request)
{
    (void)ctx;
    http_reply(&request->ticket, 200, "text/plain", bytes_of_text("ok\n"));
}

static void on_ready(void *ctx, const struct http_request *request)
{
    struct rpc_server *s = ctx;
    struct rpc_node_status status = {0};
    char words[200];

    s->backend->status(s->backend->ctx, &status);
    bool draining = atomic_load(&s->draining), ready = status.ready && !draining;
    int size = snprintf(words, sizeof(words), "%s\n", ready ? "ok" : draining ? "stopping" : status.reason);
    http_reply(&request->ticket, ready ? 200 : 503, "text/plain", bytes_of(words, (size_t)size));
}

static void on_metrics(void *ctx, const struct http_request *request)
{
    struct rpc_server *s = ctx;
    struct writer out = {0};
    char line[128];

    s->backend->metrics(s->backend->ctx, &out);
    int size = snprintf(line, sizeof(line), "# TYPE anju_rpc_connections gauge\nanju_rpc_connections %u\n", http_connections(s->http));
    writer_put(&out, line, (size_t)size);
    http_reply(&request->ticket, 200, "text/plain; version=0.0.4", writer_view(&out));
    writer_free(&out);
}

/* ---- The log for C2SP's clients (docs/formats.md, "Outside forms") ---- */

static bool log_is_open(const struct rpc_server *s, const struct http_request *request)
{
    if (!s->backend->log_open)
        http_reply(&request->ticket, 403, "text/plain",
                   bytes_of_text("403 Forbidden: the log is for members, and this address is not loopback; genesis says log_public = false\n"));
    return s->backend->log_open;
}

static void on_checkpoint(void *ctx, const struct http_request *request)
{
    struct rpc_server *s = ctx;
    struct writer note = {0};

    if (!log_is_open(s, request))
        return;
    if (rpc_newest_note(&note, s->backend) != ANJU_OK)
        http_reply(&request->ticket, 503, "text/plain",
                   bytes_of_text("503 Service Unavailable: no signed checkpoint: there was no block yet, or the node has no log.key\n"));
    else
        http_reply_cacheable(&request->ticket, 200, "text/plain; charset=utf-8", "no-cache", writer_view(&note));
    writer_free(&note);
}

static void on_tile(void *ctx, const struct http_request *request)
{
    static const char PREFIX[] = "/tile/";
    struct rpc_server *s = ctx;
    struct store_read *read = NULL;
    struct writer out = {0};
    struct tile tile;
    struct bytes path = bytes_of(request->path.data + sizeof(PREFIX) - 1, request->path.size - (sizeof(PREFIX) - 1));

    if (!log_is_open(s, request))
        return;
    enum anju_err err = tile_path_parse(&tile, path) == ANJU_OK ? store_read_begin(&read, s->backend->store) : ANJU_ERR_NOT_FOUND;
    if (err == ANJU_OK)
        err = tile_make(&out, read, &tile);
    store_read_end(read);
    if (err == ANJU_OK)
        http_reply_cacheable(&request->ticket, 200, "application/octet-stream", "public, max-age=31536000, immutable", writer_view(&out));
    else if (err == ANJU_ERR_NOT_FOUND)
        http_reply(&request->ticket, 404, "text/plain", bytes_of_text("404 Not Found: no such tile, or the log is not that long yet\n"));
    else
        http_reply(&request->ticket, 500, "text/plain", bytes_of_text("500 Internal Server Error: the tile cannot be read; the node's log says why\n"));
    writer_free(&out);
}

static const struct http_route ROUTES[] = {
    {.path = "/rpc", .post = true, .handler = on_rpc},
    {.path = "/livez", .get = true, .handler = on_live},
    {.path = "/readyz", .get = true, .handler = on_ready},
    {.path = "/metrics", .get = true, .handler = on_metrics},
    {.path = "/checkpoint", .get = true, .handler = on_checkpoint},
    {.path = "/tile/", .get = true, .prefix = true, .handler = on_tile},
};

enum anju_err rpc_open(struct rpc_server **out, const struct rpc_options *options, const struct rpc_backend *backend)
{
    struct rpc_server *s = anju_alloc(sizeof(*s));
    struct http_options http = {
        .host = options->host, .port = options->port, .certificate_file = options->certificate_file, .key_file = options->key_file,
        .loops = options->loops > 0 ? options->loops : 2, .routes = ROUTES, .n_routes = sizeof(ROUTES) / sizeof(ROUTES[0]), .ctx = s,
    };

    s->backend = backend;
    atomic_init(&s->draining, false);
    json_object_seed(0); /* before threads share jansson */
    enum anju_err err = http_open(&s->http, &http);
    if (err != ANJU_OK) {
        free(s);
        return err;
    }
    log_info("rpc", "listening on https://%s:%u", options->host, http_port(s->http));
    *out = s;
    return ANJU_OK;
}

void rpc_drain(struct rpc_server *s)
{
    atomic_store(&s->draining, true);
}

void rpc_stop(struct rpc_server *s, unsigned ms)
{
    if (s != NULL)
        http_stop(s->http, ms);
}

void rpc_close(struct rpc_server *s, unsigned ms)
{
    if (s == NULL)
        return;
    http_close(s->http, ms);
    free(s);
}

unsigned rpc_port(const struct rpc_server *s)
{
    return http_port(s->http);
}
