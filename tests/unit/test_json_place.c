#include "tests/unit/unit.h"

#include <string.h>

#include "rpc/json_place.h"

static struct json_place find(const char *text, const char *pointer)
{
    return json_place_find(bytes_of_text(text), pointer);
}

static const char sample[] = "{\n"
                             "  \"a\": [1, {\"b\": \"x]}\\\"\"}, [ ]],\n"
                             "  \"c~/d\": true,\n"
                             "  \"\\u4f60\": 7\n"
                             "}\n";

/* Without the line a person has to count braces. */
START_TEST(a_value_is_found_by_its_pointer)
{
    struct json_place p = find(sample, "/a/1/b");
    ck_assert(p.exact);
    ck_assert_uint_eq(p.line, 2);
    ck_assert_int_eq(memcmp(sample + p.begin, "\"x]}\\\"\"", p.end - p.begin), 0);
    p = find(sample, "/a/2");
    ck_assert_uint_eq(p.end - p.begin, 3);
}
END_TEST

START_TEST(escapes_in_pointers_and_names_are_undone)
{
    struct json_place p = find(sample, "/c~0~1d");
    ck_assert(p.exact);
    ck_assert_uint_eq(p.line, 3);
    p = find(sample, "/\xe4\xbd\xa0");
    ck_assert(p.exact);
    ck_assert_uint_eq(p.line, 4);
    ck_assert_int_eq(sample[p.begin], '7');
}
END_TEST

/* A missing member is reported where it should have been. */
START_TEST(what_is_not_there_gives_the_nearest_ancestor)
{
    struct json_place p = find(sample, "/a/1/z/y");
    ck_assert(!p.exact);
    ck_assert_int_eq(sample[p.begin], '{');
    ck_assert_uint_eq(p.line, 2);
    p = find(sample, "/a/9");
    ck_assert(!p.exact);
    ck_assert_int_eq(sample[p.begin], '[');
}
END_TEST

START_TEST(a_pointer_is_escaped_bounded_and_cut)
{
    char pointer[16] = "";
    size_t mark = json_pointer_add(pointer, sizeof pointer, "a/b~");
    ck_assert_str_eq(pointer, "/a~1b~0");
    (void)json_pointer_add(pointer, sizeof pointer, "a_name_too_long_for_the_rest");
    ck_assert_uint_lt(strlen(pointer), sizeof pointer);
    json_pointer_cut(pointer, mark);
    ck_assert_str_eq(pointer, "");
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *tc = tcase_create("place");
    tcase_add_test(tc, a_value_is_found_by_its_pointer);
    tcase_add_test(tc, escapes_in_pointers_and_names_are_undone);
    tcase_add_test(tc, what_is_not_there_gives_the_nearest_ancestor);
    tcase_add_test(tc, a_pointer_is_escaped_bounded_and_cut);
    suite_add_tcase(suite, tc);
}

UNIT_MAIN("json_place", add_tests)
