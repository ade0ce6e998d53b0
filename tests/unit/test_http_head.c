/* The rows on HTTP heads of docs/rpc.md, "Answers to bad requests". */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "rpc/http_head.h"

static struct http_head head;
static const char *why;

static int parse(const char *text)
{
    return http_head_parse(&head, &why, bytes_of_text(text));
}

#define GET "GET /livez HTTP/1.1\r\n"
#define POST "POST /rpc HTTP/1.1\r\nHost: a\r\n"

START_TEST(a_plain_request_is_read)
{
    ck_assert_int_eq(parse(POST "Content-Type: application/json\r\nContent-Length: 12\r\n\r\nbody"), HTTP_HEAD_OK);
    ck_assert_int_eq(head.method, HTTP_POST);
    ck_assert(bytes_equal(head.path, bytes_of_text("/rpc")));
    ck_assert(bytes_equal(head.content_type, bytes_of_text("application/json")));
    ck_assert_uint_eq(head.content_length, 12);
    ck_assert(!head.close);
    ck_assert_int_eq(parse(GET "Host: a\r\nConnection: Close\r\n\r\n"), HTTP_HEAD_OK);
    ck_assert(head.close);
}
END_TEST

START_TEST(an_unfinished_head_asks_for_more_at_every_length)
{
    const char *text = POST "Content-Length: 3\r\n\r\n";

    for (size_t size = 0; size < strlen(text); size++)
        ck_assert_int_eq(http_head_parse(&head, &why, bytes_of(text, size)), HTTP_HEAD_MORE);
}
END_TEST

static const struct {
    const char *text;
    int status;
} REFUSED[] = {
    {POST "\r\n", 411},
    {POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
    {POST "Content-Length: -1\r\n\r\n", 400},
    {POST "Content-Length: +1\r\n\r\n", 400},
    {POST "Content-Length: 1, 1\r\n\r\n", 400},
    {POST "Content-Length: 0x1\r\n\r\n", 400},
    {POST "Content-Length:\r\n\r\n", 400},
    {POST "Content-Length: 18446744073709551616\r\n\r\n", 400},
    {POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {POST "Transfer-Encoding: chunked\r\n\r\n", 501},
    {POST "Transfer-Encoding: identity\r\n\r\n", 501},
    {GET "Host: a\r\nContent-Length: 1\r\n\r\n", 400},
    {GET "\r\n", 400},
    {GET "Host:\r\n\r\n", 400},
    {GET "Host: a\r\nHost: a\r\n\r\n", 400},
    {GET "Host: a\r\n folded\r\n\r\n", 400},
    {GET "Host: a\r\n\tfolded\r\n\r\n", 400},
    {GET "Host: a\r\n: empty\r\n\r\n", 400},
    {GET "Host: a\r\nno colon\r\n\r\n", 400},
    {GET "Host : a\r\n\r\n", 400},
    {GET "Host: a\r\nX: a\001b\r\n\r\n", 400},
    {GET "Host: a\r\nX: a\177b\r\n\r\n", 400},
    {GET "Host: a\n\n", 400},
    {GET "Host: a\r\r\n\r\n", 400},
    {GET "Host: a\rX: b\r\n\r\n", 400},
    {GET "Host: a\r\nUpgrade: websocket\r\n\r\n", 501},
    {GET "Host: a\r\nExpect: 100-continue\r\n\r\n", 417},
    {"GET http://a/livez HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET /livez HTTP/1.0\r\nHost: a\r\n\r\n", 505},
    {"GET /livez HTTP/2.0\r\nHost: a\r\n\r\n", 505},
    {"GET /livez\r\nHost: a\r\n\r\n", 400},
    {"GET  /livez HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET /livez HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
    {"PUT /rpc HTTP/1.1\r\nHost: a\r\n\r\n", 501},
    {"get /rpc HTTP/1.1\r\nHost: a\r\n\r\n", 501},
    {"G@T /rpc HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"\r\n\r\n", 400},
};

START_TEST(what_could_be_read_in_two_ways_is_refused)
{
    ck_assert_msg(parse(REFUSED[_i].text) == REFUSED[_i].status, "row %d: %d, not %d (%s)", _i,
                  parse(REFUSED[_i].text), REFUSED[_i].status, why);
    ck_assert_str_ne(why, "");
}
END_TEST

START_TEST(a_nul_byte_in_a_value_is_refused)
{
    static const char text[] = GET "Host: a\r\nX: a\0b\r\n\r\n";

    ck_assert_int_eq(http_head_parse(&head, &why, bytes_of(text, sizeof(text) - 1)), 400);
}
END_TEST

START_TEST(sizes_have_limits)
{
    static char text[HTTP_HEAD_SIZE_MAX + 512];
    size_t size = (size_t)sprintf(text, GET "Host: a\r\nX: ");

    memset(text + size, 'x', sizeof(text) - size);
    ck_assert_int_eq(http_head_parse(&head, &why, bytes_of(text, HTTP_HEAD_SIZE_MAX - 1)), HTTP_HEAD_MORE);
    ck_assert_int_eq(http_head_parse(&head, &why, bytes_of(text, HTTP_HEAD_SIZE_MAX)), 431);
    size = (size_t)sprintf(text, GET "Host: a\r\n");
    for (int i = 0; i < 99; i++)
        size += (size_t)sprintf(text + size, "X: %d\r\n", i);
    sprintf(text + size, "\r\n");
    ck_assert_int_eq(parse(text), HTTP_HEAD_OK);
    sprintf(text + size, "Y: 1\r\n\r\n");
    ck_assert_int_eq(parse(text), 431);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *t = tcase_create("http_head");

    tcase_add_test(t, a_plain_request_is_read);
    tcase_add_test(t, an_unfinished_head_asks_for_more_at_every_length);
    tcase_add_loop_test(t, what_could_be_read_in_two_ways_is_refused, 0, (int)(sizeof(REFUSED) / sizeof(REFUSED[0])));
    tcase_add_test(t, a_nul_byte_in_a_value_is_refused);
    tcase_add_test(t, sizes_have_limits);
    suite_add_tcase(suite, t);
}

UNIT_MAIN("http_head", add_tests)
