/*
 * jsonrpc_server: the real HTTPS server and JSON-RPC dispatcher with the methods that the examples of
 * the JSON-RPC specification need; they exist only here. Usage: jsonrpc_server CERT KEY; prints the
 * port, serves until standard input ends. tests/net/test_http.py drives it.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rpc/http.h"
#include "rpc/jsonrpc.h"

static json_int_t number(const json_t *params, size_t index, const char *name)
{
    return json_integer_value(json_is_array(params) ? json_array_get(params, index) : json_object_get(params, name));
}

static void subtract(void *ctx, struct jsonrpc_call *call, const json_t *params)
{
    (void)ctx;
    jsonrpc_result(call, json_integer(number(params, 0, "minuend") - number(params, 1, "subtrahend")));
}

static void sum(void *ctx, struct jsonrpc_call *call, const json_t *params)
{
    json_int_t total = 0;

    (void)ctx;
    for (size_t i = 0; i < json_array_size(params); i++)
        total += number(params, i, "");
    jsonrpc_result(call, json_integer(total));
}

static void get_data(void *ctx, struct jsonrpc_call *call, const json_t *params)
{
    (void)ctx, (void)params;
    jsonrpc_result(call, json_pack("[s,i]", "hello", 5));
}

static void ignore(void *ctx, struct jsonrpc_call *call, const json_t *params)
{
    (void)ctx, (void)params;
    jsonrpc_result(call, json_null());
}

static const struct jsonrpc_method METHODS[] = {
    {"subtract", subtract}, {"sum", sum}, {"get_data", get_data}, {"update", ignore}, {"notify_hello", ignore}, {"notify_sum", ignore},
};

static void answer(void *done_ctx, struct bytes text)
{
    struct http_ticket *ticket = done_ctx;

    if (text.size > 0)
        http_reply(ticket, 200, "application/json", text);
    else
        http_reply(ticket, 204, NULL, text);
    free(ticket);
}

static void on_rpc(void *ctx, const struct http_request *request)
{
    (void)ctx;
    jsonrpc_handle(METHODS, sizeof(METHODS) / sizeof(METHODS[0]), NULL, request->body, answer,
                   anju_dup(&request->ticket, sizeof(request->ticket)));
}

static void on_live(void *ctx, const struct http_request *request)
{
    (void)ctx;
    http_reply(&request->ticket, 200, "text/plain", bytes_of_text("ok\n"));
}

static const struct http_route ROUTES[] = {
    {.path = "/rpc", .post = true, .handler = on_rpc},
    {.path = "/livez", .get = true, .handler = on_live},
};

int main(int argc, char **argv)
{
    struct http_server *server = NULL;
    char byte;

    if (argc != 3)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    struct http_options options = {.host = "127.0.0.1", .port = "0", .certificate_file = argv[1], .key_file = argv[2],
                                   .loops = 2, .routes = ROUTES, .n_routes = 2};
    if (http_open(&server, &options) != ANJU_OK) {
        fprintf(stderr, "%s\n", anju_err_text());
        return 1;
    }
    printf("%u\n", http_port(server));
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    http_close(server, 2000);
    return 0;
}
