/*
 * JSON-RPC: what one request may make a node hold in memory.
 */
#include "rpc/jsonrpc.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_SIZE = 1 << 20 };

static unsigned calls;

static void large(void *ctx, struct jsonrpc_call *call, const json_t *params)
{
    char *text = anju_alloc(TEXT_SIZE + 1);

    (void)ctx;
    (void)params;
    calls++;
    memset(text, 'x', TEXT_SIZE);
    jsonrpc_result(call, json_string(text));
    free(text);
}

static const struct jsonrpc_method METHODS[] = {{"large", large}};

static void keep(void *done_ctx, struct bytes answer)
{
    json_error_t error;

    *(json_t **)done_ctx = json_loadb((const char *)answer.data, answer.size, 0, &error);
    ck_assert_uint_lt(answer.size, JSONRPC_ANSWERS_SIZE_MAX + 2 * TEXT_SIZE);
}

/* A hundred calls fit a request of a few KiB. Their answers must not fit a machine's memory. */
START_TEST(calls_after_large_answers_are_told_to_come_again)
{
    json_t *batch = json_array(), *answers = NULL;
    unsigned busy = 0;
    char *text;

    calls = 0;
    for (int i = 0; i < JSONRPC_BATCH_MAX; i++)
        json_array_append_new(
            batch, json_pack("{s:s, s:s, s:i}", "jsonrpc", "2.0", "method", "large", "id", i));
    text = json_dumps(batch, JSON_COMPACT);
    jsonrpc_handle(METHODS, 1, NULL, bytes_of_text(text), keep, &answers);
    ck_assert_uint_eq(json_array_size(answers), JSONRPC_BATCH_MAX);
    for (size_t i = 0; i < JSONRPC_BATCH_MAX; i++) {
        const json_t *one = json_array_get(answers, i), *error = json_object_get(one, "error");
        ck_assert_int_eq(json_integer_value(json_object_get(one, "id")), (json_int_t)i);
        busy += json_integer_value(json_object_get(error, "code")) == JSONRPC_BUSY;
    }
    ck_assert_uint_eq(calls + busy, JSONRPC_BATCH_MAX);
    ck_assert_uint_le(calls, JSONRPC_ANSWERS_SIZE_MAX / TEXT_SIZE + 1);
    json_decref(answers);
    json_decref(batch);
    free(text);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *t = tcase_create("jsonrpc");

    tcase_add_test(t, calls_after_large_answers_are_told_to_come_again);
    suite_add_tcase(suite, t);
}

UNIT_MAIN("jsonrpc", add_tests)
