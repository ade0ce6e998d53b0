/* Heads of HTTP requests and bodies of JSON-RPC. */
#include <string.h>

#include "rpc/http_head.h"
#include "rpc/jsonrpc.h"
#include "tests/fuzz/fuzz.h"

static const char *const SEEDS[] = {
    "0POST /rpc HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    "0GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "1{\"jsonrpc\": \"2.0\", \"method\": \"echo\", \"params\": [1, {\"a\": \"\\u00e9\"}], \"id\": 7}",
    "1[{\"jsonrpc\": \"2.0\", \"method\": \"echo\", \"id\": \"x\"}, {\"jsonrpc\": \"2.0\", \"method\": \"nope\"}, 1]",
};

bool fuzz_seed(struct writer *out, unsigned n)
{
    if (n >= sizeof(SEEDS) / sizeof(SEEDS[0]))
        return false;
    writer_bytes(out, bytes_of_text(SEEDS[n]));
    return true;
}

static void echo(void *ctx, struct jsonrpc_call *call, const json_t *params)
{
    (void)ctx;
    jsonrpc_result(call, params != NULL ? json_deep_copy(params) : json_null());
}

static void done(void *done_ctx, struct bytes answer)
{
    json_t *json = answer.size > 0 ? json_loadb((const char *)answer.data, answer.size, JSON_ALLOW_NUL, NULL) : NULL;

    ++*(int *)done_ctx;
    if (answer.size > 0 && json == NULL)
        __builtin_trap(); /* an answer that is no JSON */
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct jsonrpc_method METHODS[] = {{"echo", echo}};
    struct http_head head;
    const char *why;
    int answers = 0;

    if (size == 0)
        return 0;
    struct bytes in = bytes_of(data + 1, size - 1);
    if (data[0] == '1') {
        jsonrpc_handle(METHODS, 1, NULL, in, done, &answers);
        if (answers != 1)
            __builtin_trap();
    } else if (http_head_parse(&head, &why, in) == HTTP_HEAD_OK && head.size > in.size)
        __builtin_trap();
    return 0;
}
