#include <pthread.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/table.h"
#include "tests/unit/unit.h"

/* Every error has a name of its own: names go into logs and answers, where two that look the same
 * would mislead. */
START_TEST(every_error_has_a_name_of_its_own)
{
    for (int a = ANJU_OK; a <= ANJU_ERR_CLOSED; a++) {
        ck_assert_str_ne(anju_err_name((enum anju_err)a), "unknown");
        for (int b = ANJU_OK; b < a; b++)
            ck_assert_str_ne(anju_err_name((enum anju_err)a), anju_err_name((enum anju_err)b));
    }
    ck_assert_str_eq(anju_err_name((enum anju_err)999), "unknown");
}
END_TEST

/* Callers put the words of the one below into their own. */
START_TEST(a_failure_may_quote_the_words_of_the_one_before)
{
    ck_assert_str_eq(anju_err_text(), "");
    ck_assert_int_eq(anju_fail(ANJU_ERR_IO, "disk %d is gone", 7), ANJU_ERR_IO);
    ck_assert_int_eq(anju_fail(ANJU_ERR_CORRUPT, "store: %s", anju_err_text()), ANJU_ERR_CORRUPT);
    ck_assert_str_eq(anju_err_text(), "store: disk 7 is gone");
}
END_TEST

START_TEST(words_that_are_too_long_are_cut_not_overrun)
{
    char text[5000];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    ck_assert_int_eq(anju_fail(ANJU_ERR_IO, "%s", text), ANJU_ERR_IO);
    ck_assert_uint_gt(strlen(anju_err_text()), 500);
    ck_assert_uint_lt(strlen(anju_err_text()), sizeof text - 1);
}
END_TEST

static void *fail_elsewhere(void *unused)
{
    (void)unused;
    (void)anju_fail(ANJU_ERR_BUSY, "elsewhere");
    return NULL;
}

START_TEST(each_thread_has_words_of_its_own)
{
    pthread_t thread;

    (void)anju_fail(ANJU_ERR_IO, "here");
    ck_assert_int_eq(pthread_create(&thread, NULL, fail_elsewhere, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_str_eq(anju_err_text(), "here");
}
END_TEST

START_TEST(bytes_are_ordered_by_content_then_by_size)
{
    const struct {
        const char *a, *b;
        int order;
    } cases[] = {{"", "", 0},    {"", "a", -1},   {"a", "", 1},    {"a", "b", -1},
                 {"b", "ab", 1}, {"a", "ab", -1}, {"ab", "ab", 0}, {"\x7f", "\x80", -1}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bytes a = bytes_of_text(cases[i].a);
        struct bytes b = bytes_of_text(cases[i].b);
        int order = bytes_compare(a, b);

        ck_assert_int_eq((order > 0) - (order < 0), cases[i].order);
        ck_assert(bytes_equal(a, b) == (cases[i].order == 0));
    }
    ck_assert(bytes_equal((struct bytes){0}, bytes_of("x", 0)));
}
END_TEST

START_TEST(secrets_are_compared_whole)
{
    uint8_t a[40] = {0};
    uint8_t b[40] = {0};

    ck_assert(bytes_equal_secret(a, b, sizeof a));
    for (size_t i = 0; i < sizeof a; i++) {
        b[i] = 0x80;
        ck_assert(!bytes_equal_secret(a, b, sizeof a));
        ck_assert(bytes_equal_secret(a, b, i));
        b[i] = 0;
    }
    memset(a, 1, sizeof a);
    bytes_wipe(a, sizeof a);
    ck_assert(bytes_equal_secret(a, b, sizeof a));
}
END_TEST

/* One code point in the length that is asked for, shortest or not. */
static size_t utf8_of(uint8_t out[4], uint32_t point, size_t size)
{
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

    if (size == 1) {
        out[0] = (uint8_t)point;
        return 1;
    }
    for (size_t i = size - 1; i > 0; i--, point >>= 6)
        out[i] = (uint8_t)(0x80 | (point & 63));
    out[0] = (uint8_t)(lead[size] | point);
    return size;
}

/* One character has one encoding, else one record would have two hashes that look the same. */
START_TEST(utf8_takes_each_code_point_in_its_shortest_form_only)
{
    static const uint32_t above[] = {0x80, 0x800, 0x10000, 0x110000};

    for (uint32_t point = 0; point < 0x110000; point += point < 0x11000 ? 1 : 37) {
        for (size_t size = 1; size <= 4; size++) {
            uint8_t text[4];
            bool fits = point < above[size - 1];
            bool shortest = size == 1 || point >= above[size - 2];
            bool surrogate = point >= 0xd800 && point <= 0xdfff;

            if (!fits)
                continue;
            utf8_of(text, point, size);
            ck_assert(bytes_are_utf8(bytes_of(text, size)) == (shortest && !surrogate));
            if (size > 1)
                ck_assert(!bytes_are_utf8(bytes_of(text, size - 1)));
        }
    }
}
END_TEST

START_TEST(utf8_refuses_what_is_no_character)
{
    static const char *bad[] = {"\x80",
                                "\xbf",
                                "\xc3",
                                "\xc3(",
                                "\xe2\x82",
                                "\xe2(\xa1",
                                "\xf4\x90\x80\x80",
                                "\xf5\x80\x80\x80",
                                "\xfe",
                                "\xff",
                                "ok\xe4\xbd"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!bytes_are_utf8(bytes_of_text(bad[i])), "case %zu", i);
    ck_assert(bytes_are_utf8(bytes_of_text("安居 is peace, 🏠 too")));
    ck_assert(bytes_are_utf8((struct bytes){0}));
    ck_assert(bytes_are_utf8(bytes_of("\0", 1)));
}
END_TEST

START_TEST(hexadecimal_is_lower_case_and_of_the_asked_size)
{
    uint8_t all[256], back[256];
    char text[513];

    for (unsigned i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    hex_encode(text, all, sizeof all);
    ck_assert_int_eq(hex_decode(back, sizeof back, text), ANJU_OK);
    ck_assert_mem_eq(all, back, sizeof all);
    ck_assert_int_eq(hex_decode(back, 2, "00f"), ANJU_ERR_MALFORMED);
    ck_assert_int_eq(hex_decode(back, 2, "00ff0"), ANJU_ERR_MALFORMED);
    ck_assert_int_eq(hex_decode(back, 2, "00fF"), ANJU_ERR_MALFORMED);
    ck_assert_int_eq(hex_decode(back, 2, "0x0f"), ANJU_ERR_MALFORMED);
    ck_assert_int_eq(hex_decode(back, 2, " 0ff"), ANJU_ERR_MALFORMED);
    ck_assert_int_eq(hex_decode(back, 0, ""), ANJU_OK);
}
END_TEST

/* RFC 4648, 10. */
START_TEST(base64_is_that_of_the_rfc)
{
    static const struct {
        const char *plain, *text;
    } cases[] = {{"", ""},
                 {"f", "Zg=="},
                 {"fo", "Zm8="},
                 {"foo", "Zm9v"},
                 {"foob", "Zm9vYg=="},
                 {"fooba", "Zm9vYmE="},
                 {"foobar", "Zm9vYmFy"}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t plain_size = strlen(cases[i].plain);
        size_t text_size = strlen(cases[i].text);
        uint8_t plain[16];
        char text[16];
        size_t size;

        base64_encode(text, (const uint8_t *)cases[i].plain, plain_size);
        ck_assert_str_eq(text, cases[i].text);
        ck_assert_uint_eq(base64_size(plain_size), text_size);
        ck_assert_int_eq(base64_decode(plain, &size, text, text_size), ANJU_OK);
        ck_assert_uint_eq(size, plain_size);
        ck_assert_mem_eq(plain, cases[i].plain, size);
    }
}
END_TEST

/* A proof's text is compared byte for byte, so a value must have one text. */
START_TEST(base64_takes_only_the_canonical_text)
{
    static const char *bad[] = {"Z",    "Zg",   "Zg=",   "Zh==",   "Zm9=", "Zg==Zg==",  "====",
                                "Z===", "=Zg=", "Zm 9v", "Zm9v\n", "Zm-_", "Zg==\n   ", "Zm9vZ=g="};
    uint8_t out[32];
    size_t size;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(base64_decode(out, &size, bad[i], strlen(bad[i])) == ANJU_ERR_MALFORMED,
                      "taken: %s", bad[i]);
}
END_TEST

START_TEST(base64_of_every_size_comes_back)
{
    uint8_t data[200], back[204];
    char text[300];

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 131 + 7);
    for (size_t size = 0; size <= sizeof data; size++) {
        size_t got;

        base64_encode(text, data, size);
        ck_assert_int_eq(base64_decode(back, &got, text, strlen(text)), ANJU_OK);
        ck_assert_uint_eq(got, size);
        ck_assert_mem_eq(back, data, size);
    }
}
END_TEST

START_TEST(integers_are_big_endian_at_any_address)
{
    uint8_t p[9] = {0};

    put_u64(p + 1, 0x0102030405060708u);
    ck_assert_mem_eq(p, "\x00\x01\x02\x03\x04\x05\x06\x07\x08", 9);
    ck_assert_uint_eq(get_u64(p + 1), 0x0102030405060708u);
    ck_assert_uint_eq(get_u32(p + 1), 0x01020304u);
    ck_assert_uint_eq(get_u16(p + 1), 0x0102u);
    put_u64(p, UINT64_MAX);
    ck_assert_uint_eq(get_u64(p), UINT64_MAX);
}
END_TEST

START_TEST(what_a_writer_wrote_a_reader_reads)
{
    struct writer w = {0};
    struct reader r;
    uint8_t copy[3];

    writer_u8(&w, 200);
    writer_u16(&w, 60000);
    writer_u32(&w, 4000000000u);
    writer_u64(&w, UINT64_MAX - 1);
    writer_i32(&w, -5);
    writer_bytes_u32(&w, bytes_of_text("hello"));
    writer_put(&w, "abc", 3);
    writer_bytes(&w, (struct bytes){0});
    memcpy(writer_reserve(&w, 2), "xy", 2);
    r = reader_over(writer_view(&w));
    ck_assert_uint_eq(reader_u8(&r), 200);
    ck_assert_uint_eq(reader_u16(&r), 60000);
    ck_assert_uint_eq(reader_u32(&r), 4000000000u);
    ck_assert_uint_eq(reader_u64(&r), UINT64_MAX - 1);
    ck_assert_int_eq(reader_i32(&r), -5);
    ck_assert(bytes_equal(reader_take_u32(&r, 5), bytes_of_text("hello")));
    reader_copy(&r, copy, sizeof copy);
    ck_assert_mem_eq(copy, "abc", 3);
    ck_assert(bytes_equal(reader_take(&r, 2), bytes_of_text("xy")));
    ck_assert_int_eq(reader_finish(&r), ANJU_OK);
    writer_clear(&w);
    ck_assert_uint_eq(writer_view(&w).size, 0);
    writer_free(&w);
    writer_free(NULL);
}
END_TEST

/* A decoder reads straight down and asks once: what it read after the failure must be harmless. */
START_TEST(after_a_failure_a_reader_yields_zeros)
{
    struct reader r = reader_over(bytes_of("\x01\x02\x03\x04\x05", 5));
    uint8_t copy[4] = {9, 9, 9, 9};

    ck_assert_uint_eq(reader_u16(&r), 0x0102);
    ck_assert_uint_eq(reader_u32(&r), 0);
    ck_assert_uint_eq(reader_u8(&r), 0); /* though a byte was there */
    ck_assert_uint_eq(reader_take(&r, 1).size, 0);
    ck_assert_ptr_null(reader_take(&r, 0).data);
    reader_copy(&r, copy, sizeof copy);
    ck_assert_mem_eq(copy, "\0\0\0\0", 4);
    ck_assert_int_eq(reader_finish(&r), ANJU_ERR_MALFORMED);
}
END_TEST

START_TEST(a_reader_refuses_what_is_over_a_bound_or_left_over)
{
    const struct bytes in = bytes_of("\x00\x00\x00\x05hello", 9);
    struct reader r = reader_over(in);

    ck_assert_uint_eq(reader_take_u32(&r, 4).size, 0);
    ck_assert_int_eq(reader_finish(&r), ANJU_ERR_MALFORMED);
    r = reader_over(in);
    ck_assert_uint_eq(reader_take_u32(&r, 5).size, 5);
    ck_assert_int_eq(reader_finish(&r), ANJU_OK);
    r = reader_over(in);
    ck_assert_uint_eq(reader_u32_max(&r, 4), 0);
    ck_assert(r.failed);
    r = reader_over(bytes_of("\xff\xff\xff\xff", 4)); /* a length far beyond the input */
    ck_assert_uint_eq(reader_take_u32(&r, UINT32_MAX).size, 0);
    ck_assert(r.failed);
    r = reader_over(in);
    ck_assert_uint_eq(reader_u16_max(&r, 0), 0);
    ck_assert_uint_eq(reader_u8_max(&r, 0), 0);
    ck_assert(!r.failed);
    ck_assert_uint_eq(reader_u8_max(&r, 4), 0);
    ck_assert(r.failed);
    r = reader_over(in);
    ck_assert_uint_eq(reader_u32(&r), 5);
    ck_assert_int_eq(reader_finish(&r), ANJU_ERR_MALFORMED);
}
END_TEST

START_TEST(an_arena_gives_zeroed_aligned_memory_and_keeps_it)
{
    struct arena a = {0};
    uint8_t *piece[600];

    for (int turn = 0; turn < 3; turn++) {
        size_t sum = 0;

        for (size_t i = 0; i < 600; i++) {
            size_t size = i == 300 ? 3 << 20 : i * 7;

            piece[i] = arena_alloc(&a, size);
            ck_assert_uint_eq((uintptr_t)piece[i] % alignof(max_align_t), 0);
            for (size_t k = 0; k < size; k += 97)
                ck_assert_uint_eq(piece[i][k], 0);
            memset(piece[i], (int)(i & 255), size);
            sum += size;
        }
        ck_assert_uint_eq(a.used, sum);
        for (size_t i = 1; i < 600; i++) /* no piece lies over another */
            ck_assert_uint_eq(piece[i][i * 7 - 1], i & 255);
        arena_clear(&a);
        ck_assert_uint_eq(a.used, 0);
    }
    ck_assert_str_eq(arena_text(&a, bytes_of_text("text")), "text");
    ck_assert(bytes_equal(arena_copy(&a, bytes_of_text("copy")), bytes_of_text("copy")));
    ck_assert_str_eq(arena_text(&a, (struct bytes){0}), "");
    arena_free(&a);
    arena_free(&a);
    arena_free(NULL);
}
END_TEST

/* Keys of 5 bytes and values of 12, sizes that need padding, against an array. */
START_TEST(a_table_holds_what_was_put)
{
    enum { COUNT = 5000 };
    struct table t;
    size_t index = 0, seen = 0;
    bool is_new;
    void *value;
    const void *key;
    bool met[COUNT] = {false};

    table_init(&t, 5, 12);
    ck_assert_ptr_null(table_get(&t, "none!"));
    ck_assert_ptr_null(table_next(&t, &index, &value));
    for (uint32_t turn = 0; turn < 2; turn++) {
        for (uint32_t i = 0; i < COUNT; i++) {
            uint8_t k[5] = {'k', (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i, 0};
            uint8_t *v = table_put(&t, k, &is_new);

            ck_assert(is_new == (turn == 0));
            ck_assert_uint_eq(get_u32(v), turn == 0 ? 0 : i);
            put_u32(v, i);
        }
        ck_assert_uint_eq(t.count, COUNT);
    }
    ck_assert_ptr_null(table_get(&t, "none!"));
    index = 0;
    while ((key = table_next(&t, &index, &value)) != NULL) {
        uint32_t i = get_u32(value);

        ck_assert_uint_eq(i, get_u32(key) & 0xffffff);
        ck_assert(!met[i]);
        met[i] = true;
        seen++;
    }
    ck_assert_uint_eq(seen, COUNT);
    table_clear(&t);
    ck_assert_uint_eq(t.count, 0);
    ck_assert_ptr_null(table_get(&t, "k\0\0\0"));
    ck_assert_uint_eq(get_u32(table_put(&t, "k\0\0\0", NULL)), 0); /* zeroed again */
    table_free(&t);
    table_free(NULL);
}
END_TEST

static char logged[8192];

/* What log_line writes while `write_lines` runs. */
static void catch_log(void (*write_lines)(void))
{
    FILE *file = tmpfile();
    int error_stream = dup(STDERR_FILENO);
    size_t size;

    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(dup2(fileno(file), STDERR_FILENO), 0);
    write_lines();
    ck_assert_int_ge(dup2(error_stream, STDERR_FILENO), 0);
    (void)close(error_stream);
    rewind(file);
    size = fread(logged, 1, sizeof logged - 1, file);
    logged[size] = '\0';
    (void)fclose(file);
}

static uint64_t at_a_leap_day(void)
{
    return 1709164799123u; /* 2024-02-28T23:59:59.123Z, then the leap day */
}

static void two_lines(void)
{
    log_info("node", "started height=%d", 7);
    log_debug("node", "not shown");
    log_set_clock(at_a_leap_day);
    log_warn("peer", "late by=%d", 3);
}

START_TEST(a_log_line_has_time_level_module_and_words)
{
    catch_log(two_lines);
    ck_assert_str_eq(logged, "info node: started height=7\n"
                             "2024-02-28T23:59:59.123Z warn peer: late by=3\n");
}
END_TEST

static uint64_t now;

static uint64_t now_ms(void)
{
    return now;
}

static void days(void)
{
    static const uint64_t times[] = {
        0, 951782400000u, 1709164800000u, 1709251200000u, 4107542399999u, 1798761599999u};

    log_set_clock(now_ms);
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        now = times[i];
        log_error("m", "x");
    }
}

START_TEST(log_times_are_right_around_leap_days_and_new_years)
{
    catch_log(days);
    ck_assert_str_eq(logged, "1970-01-01T00:00:00.000Z error m: x\n"
                             "2000-02-29T00:00:00.000Z error m: x\n"
                             "2024-02-29T00:00:00.000Z error m: x\n"
                             "2024-03-01T00:00:00.000Z error m: x\n"
                             "2100-02-28T23:59:59.999Z error m: x\n"
                             "2026-12-31T23:59:59.999Z error m: x\n");
}
END_TEST

static void foreign_words(void)
{
    char text[5000];

    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_info("peer", "said \"%s\"", "x\nerror node: all is lost\x1b[31m");
    log_info("peer", "%s", text);
}

/* Words of a peer must not be able to write a line of their own. */
START_TEST(foreign_words_cannot_forge_a_log_line)
{
    char *line;

    catch_log(foreign_words);
    line = strchr(logged, '\n');
    ck_assert_ptr_nonnull(line);
    ck_assert_ptr_null(strchr(logged, '\x1b'));
    ck_assert_int_eq(strncmp(line + 1, "info peer: yyy", 14), 0);
    ck_assert_ptr_eq(strchr(line + 1, '\n'), logged + strlen(logged) - 1);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *c = tcase_create("base");

    tcase_add_test(c, every_error_has_a_name_of_its_own);
    tcase_add_test(c, a_failure_may_quote_the_words_of_the_one_before);
    tcase_add_test(c, words_that_are_too_long_are_cut_not_overrun);
    tcase_add_test(c, each_thread_has_words_of_its_own);
    tcase_add_test(c, bytes_are_ordered_by_content_then_by_size);
    tcase_add_test(c, secrets_are_compared_whole);
    tcase_add_test(c, utf8_takes_each_code_point_in_its_shortest_form_only);
    tcase_add_test(c, utf8_refuses_what_is_no_character);
    tcase_add_test(c, hexadecimal_is_lower_case_and_of_the_asked_size);
    tcase_add_test(c, base64_is_that_of_the_rfc);
    tcase_add_test(c, base64_takes_only_the_canonical_text);
    tcase_add_test(c, base64_of_every_size_comes_back);
    tcase_add_test(c, integers_are_big_endian_at_any_address);
    tcase_add_test(c, what_a_writer_wrote_a_reader_reads);
    tcase_add_test(c, after_a_failure_a_reader_yields_zeros);
    tcase_add_test(c, a_reader_refuses_what_is_over_a_bound_or_left_over);
    tcase_add_test(c, an_arena_gives_zeroed_aligned_memory_and_keeps_it);
    tcase_add_test(c, a_table_holds_what_was_put);
    tcase_add_test(c, a_log_line_has_time_level_module_and_words);
    tcase_add_test(c, log_times_are_right_around_leap_days_and_new_years);
    tcase_add_test(c, foreign_words_cannot_forge_a_log_line);
    suite_add_tcase(suite, c);
}

UNIT_MAIN("base", add_tests)
