#include <msgpack/unpack.h>
#include <stdlib.h>
#include <string.h>

#include "base/mp.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

static struct writer w;

static void setup(void)
{
    w = (struct writer){0};
}

static void teardown(void)
{
    writer_free(&w);
}

static bool accepted(const void *data, size_t size)
{
    return mp_check(bytes_of(data, size)) == ANJU_OK;
}

#define ACCEPTED(literal) accepted(literal, sizeof literal - 1)

START_TEST(what_the_writer_makes_the_reader_reads)
{
    struct mp_reader m;

    mp_put_array(&w, 7);
    mp_put_uint(&w, UINT64_MAX);
    mp_put_int(&w, INT64_MIN);
    mp_put_int(&w, 5);
    mp_put_bool(&w, true);
    mp_put_str(&w, bytes_of_text("安居"));
    mp_put_bin(&w, bytes_of("\xff\x00", 2));
    mp_put_array(&w, 0);
    ck_assert_int_eq(mp_check(writer_view(&w)), ANJU_OK);
    m = mp_reader_over(writer_view(&w));
    ck_assert_uint_eq(mp_array(&m, 7), 7);
    ck_assert_uint_eq(mp_uint(&m, UINT64_MAX), UINT64_MAX);
    ck_assert_int_eq(mp_int(&m), INT64_MIN);
    ck_assert_int_eq(mp_int(&m), 5);
    ck_assert(mp_bool(&m));
    ck_assert(bytes_equal(mp_str(&m, 6), bytes_of_text("安居")));
    ck_assert(bytes_equal(mp_bin(&m, 2), bytes_of("\xff\x00", 2)));
    ck_assert_uint_eq(mp_array(&m, 0), 0);
    ck_assert_int_eq(mp_finish(&m), ANJU_OK);
}
END_TEST

/* The bounds of every form of an integer, from both sides. */
START_TEST(each_integer_has_the_shortest_form)
{
    static const struct {
        int64_t v;
        size_t size;
    } cases[] = {{0, 1},      {127, 1},    {128, 2},        {255, 2},         {256, 3},
                 {65535, 3},  {65536, 5},  {UINT32_MAX, 5}, {4294967296, 9},  {INT64_MAX, 9},
                 {-1, 1},     {-32, 1},    {-33, 2},        {-128, 2},        {-129, 3},
                 {-32768, 3}, {-32769, 5}, {INT32_MIN, 5},  {-2147483649, 9}, {INT64_MIN, 9}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mp_reader m;

        writer_clear(&w);
        mp_put_int(&w, cases[i].v);
        ck_assert_uint_eq(w.size, cases[i].size);
        m = mp_reader_over(writer_view(&w));
        ck_assert_int_eq(mp_int(&m), cases[i].v);
        ck_assert_int_eq(mp_finish(&m), ANJU_OK);
        m = mp_reader_over(writer_view(&w));
        ck_assert_int_eq(mp_next(&m).type, cases[i].v < 0 ? MP_INT : MP_UINT);
    }
}
END_TEST

START_TEST(longer_forms_are_refused)
{
    ck_assert(!ACCEPTED("\xcc\x7f"));
    ck_assert(!ACCEPTED("\xcd\x00\xff"));
    ck_assert(!ACCEPTED("\xce\x00\x00\xff\xff"));
    ck_assert(!ACCEPTED("\xcf\x00\x00\x00\x00\xff\xff\xff\xff"));
    ck_assert(!ACCEPTED("\xd0\x01")); /* not negative: an unsigned form is the one */
    ck_assert(!ACCEPTED("\xd0\xe0"));
    ck_assert(!ACCEPTED("\xd1\xff\x80"));
    ck_assert(!ACCEPTED("\xd2\xff\xff\x80\x00"));
    ck_assert(!ACCEPTED("\xd3\xff\xff\xff\xff\x80\x00\x00\x00"));
    ck_assert(!ACCEPTED("\xd9\x01\x61"));
    ck_assert(!ACCEPTED("\xc5\x00\x01\x61"));
    ck_assert(!ACCEPTED("\xdc\x00\x01\x01"));
    ck_assert(!ACCEPTED("\xdd\x00\x00\x00\x01\x01"));
    ck_assert(ACCEPTED("\xc4\x00")); /* bin has no shorter one */
    ck_assert(ACCEPTED("\xd0\xdf"));
}
END_TEST

START_TEST(strings_and_binaries_of_all_lengths_come_back)
{
    static const size_t sizes[] = {0, 1, 31, 32, 255, 256, 65535, 65536, 70000};
    uint8_t *data = anju_alloc(70000);

    memset(data, 'z', 70000);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct bytes text = bytes_of(data, sizes[i]);
        struct mp_reader m;

        writer_clear(&w);
        mp_put_array(&w, 2);
        mp_put_str(&w, text);
        mp_put_bin(&w, text);
        ck_assert_int_eq(mp_check(writer_view(&w)), ANJU_OK);
        m = mp_reader_over(writer_view(&w));
        ck_assert_uint_eq(mp_array(&m, 2), 2);
        ck_assert(bytes_equal(mp_str(&m, (uint32_t)sizes[i]), text));
        ck_assert(bytes_equal(mp_bin(&m, (uint32_t)sizes[i]), text));
        ck_assert_int_eq(mp_finish(&m), ANJU_OK);
    }
    free(data);
}
END_TEST

START_TEST(depth_eight_is_taken_and_nine_is_refused)
{
    ck_assert(ACCEPTED("\x91\x91\x91\x91\x91\x91\x91\x90"));
    ck_assert(ACCEPTED("\x91\x91\x91\x91\x91\x91\x91\x91\x01"));
    ck_assert(!ACCEPTED("\x91\x91\x91\x91\x91\x91\x91\x91\x90"));
    ck_assert(!ACCEPTED("\x91\x91\x91\x91\x91\x91\x91\x91\x91\x01"));
    /* Beside each other is not inside each other. */
    ck_assert(ACCEPTED("\x9a\x90\x90\x90\x90\x90\x90\x90\x90\x90\x91\x91\x01"));
}
END_TEST

/* A count is what a peer says; believing it before the bytes are there costs memory or time. */
START_TEST(a_count_above_the_bytes_left_is_refused_at_once)
{
    struct mp_reader m = mp_reader_over(bytes_of("\xdd\xff\xff\xff\xff\x01", 6));

    ck_assert_uint_eq(mp_array(&m, UINT32_MAX), 0);
    ck_assert_int_eq(mp_finish(&m), ANJU_ERR_MALFORMED);
    ck_assert(!ACCEPTED("\x93\x01\x02"));
    ck_assert(!ACCEPTED("\xc6\xff\xff\xff\xff\x01"));
    ck_assert(!ACCEPTED("\xdb\xff\xff\xff\xff\x61"));
}
END_TEST

START_TEST(other_types_bad_text_and_leftovers_are_refused)
{
    ck_assert(!ACCEPTED(""));
    ck_assert(!ACCEPTED("\xc0"));
    ck_assert(!ACCEPTED("\xc1"));
    ck_assert(!ACCEPTED("\x80"));
    ck_assert(!ACCEPTED("\xca\x00\x00\x00\x00"));
    ck_assert(!ACCEPTED("\xcb\x00\x00\x00\x00\x00\x00\x00\x00"));
    ck_assert(!ACCEPTED("\xd4\x01\x02"));
    ck_assert(!ACCEPTED("\xc7\x00\x01"));
    ck_assert(!ACCEPTED("\xa1\xff"));
    ck_assert(!ACCEPTED("\xa3\xed\xa0\x80"));
    ck_assert(!ACCEPTED("\x01\x02"));
    ck_assert(!ACCEPTED("\x91\x01\x02"));
}
END_TEST

/* Whatever follows a head that is not ours, in whatever length. */
START_TEST(a_head_that_is_not_ours_is_refused_with_any_tail)
{
    uint8_t data[300];

    for (unsigned head = 0x80; head < 0xe0; head++) {
        bool ours = (head >= 0x90 && head < 0xc0) || head == 0xc2 || head == 0xc3 ||
                    (head >= 0xc4 && head <= 0xc6) || (head >= 0xcc && head <= 0xd3) ||
                    (head >= 0xd9 && head <= 0xdd);

        for (size_t size = 1; size < sizeof data && !ours; size++) {
            memset(data, 'a', sizeof data);
            data[0] = (uint8_t)head;
            ck_assert(!accepted(data, size));
            data[1] = (uint8_t)(size - 2); /* a length that fits */
            ck_assert(!accepted(data, size));
        }
    }
}
END_TEST

START_TEST(arrays_of_all_lengths_have_one_form)
{
    static const struct {
        uint32_t count;
        size_t head;
    } cases[] = {{0, 1}, {15, 1}, {16, 3}, {65535, 3}, {65536, 5}};
    static const uint32_t forms[] = {15, 65535, UINT32_MAX};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        writer_clear(&w);
        mp_put_array(&w, cases[i].count);
        ck_assert_uint_eq(w.size, cases[i].head);
        memset(writer_reserve(&w, cases[i].count), 1, cases[i].count);
        ck_assert_int_eq(mp_check(writer_view(&w)), ANJU_OK);
        for (size_t form = 0; form < 3; form++) {
            struct writer other = {0};

            if (cases[i].head >= 2 * form + 1 || cases[i].count > forms[form])
                continue;
            writer_u8(&other, form == 1 ? 0xdc : 0xdd);
            if (form == 1)
                writer_u16(&other, (uint16_t)cases[i].count);
            else
                writer_u32(&other, cases[i].count);
            memset(writer_reserve(&other, cases[i].count), 1, cases[i].count);
            ck_assert_int_eq(mp_check(writer_view(&other)), ANJU_ERR_MALFORMED);
            writer_free(&other);
        }
    }
}
END_TEST

START_TEST(a_value_of_another_type_or_over_its_bound_fails_the_reader)
{
    struct mp_reader m;

    mp_put_uint(&w, 300);
    m = mp_reader_over(writer_view(&w));
    ck_assert_uint_eq(mp_uint(&m, 299), 0);
    ck_assert(m.r.failed);
    m = mp_reader_over(writer_view(&w));
    ck_assert_uint_eq(mp_str(&m, 100).size, 0);
    ck_assert(m.r.failed);
    ck_assert_int_eq(mp_next(&m).type, MP_NONE);
    writer_clear(&w);
    mp_put_uint(&w, (uint64_t)INT64_MAX + 1);
    m = mp_reader_over(writer_view(&w));
    ck_assert_int_eq(mp_int(&m), 0);
    ck_assert(m.r.failed);
    writer_clear(&w);
    mp_put_str(&w, bytes_of_text("four"));
    m = mp_reader_over(writer_view(&w));
    ck_assert_uint_eq(mp_str(&m, 3).size, 0);
    ck_assert_int_eq(mp_finish(&m), ANJU_ERR_MALFORMED);
    m = mp_reader_over(writer_view(&w));
    ck_assert_uint_eq(mp_bin(&m, 4).size, 0);
    ck_assert(m.r.failed);
}
END_TEST

START_TEST(skip_gives_the_bytes_of_one_whole_value)
{
    static const char nested[] = "\x92\x01\x91\x92\xa1x\x90";
    struct mp_reader m;

    mp_put_uint(&w, 1000);
    writer_put(&w, nested, sizeof nested - 1);
    mp_put_bool(&w, false);
    m = mp_reader_over(writer_view(&w));
    ck_assert(bytes_equal(mp_skip(&m), bytes_of("\xcd\x03\xe8", 3)));
    ck_assert(bytes_equal(mp_skip(&m), bytes_of(nested, sizeof nested - 1)));
    ck_assert(!mp_bool(&m));
    ck_assert_int_eq(mp_finish(&m), ANJU_OK);
    m = mp_reader_over(bytes_of("\x92\x01", 2));
    ck_assert_ptr_null(mp_skip(&m).data);
    ck_assert(m.r.failed);
}
END_TEST

/* The value of a case of the suite in our writer's form; false where we have none for it. */
static bool put_json(struct writer *out, json_t *v)
{
    size_t i;
    json_t *item;

    if (json_is_boolean(v)) {
        mp_put_bool(out, json_is_true(v));
    } else if (json_is_integer(v)) {
        mp_put_int(out, json_integer_value(v));
    } else if (json_is_string(v)) {
        mp_put_str(out, bytes_of(json_string_value(v), json_string_length(v)));
    } else if (json_is_array(v)) {
        mp_put_array(out, (uint32_t)json_array_size(v));
        json_array_foreach(v, i, item)
        {
            if (!put_json(out, item))
                return false;
        }
    } else {
        return false;
    }
    return true;
}

static bool put_case(struct writer *out, json_t *c)
{
    const char *digits = json_string_value(json_object_get(c, "bignum"));
    const char *binary = json_string_value(json_object_get(c, "binary"));
    static const char *plain[] = {"bool", "number", "string", "array"};

    if (digits != NULL) {
        if (digits[0] == '-')
            mp_put_int(out, strtoll(digits, NULL, 10));
        else
            mp_put_uint(out, strtoull(digits, NULL, 10));
        return true;
    }
    if (binary != NULL) {
        size_t size;
        uint8_t *data = vectors_hex(binary, &size);

        mp_put_bin(out, bytes_of(data, size));
        free(data);
        return true;
    }
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        json_t *v = json_object_get(c, plain[i]);

        if (v != NULL)
            return put_json(out, v);
    }
    return false; /* nil, map, timestamp, ext */
}

/* Of all encodings that the suite gives for a value, we take the one that we write. */
static unsigned check_case(json_t *c)
{
    bool ours = (writer_clear(&w), put_case(&w, c));
    unsigned taken = 0;
    json_t *encoding;
    size_t i;

    json_array_foreach(vectors_array(c, "msgpack"), i, encoding)
    {
        size_t size;
        uint8_t *data = vectors_hex(json_string_value(encoding), &size);
        bool expected = ours && bytes_equal(bytes_of(data, size), writer_view(&w));

        ck_assert_msg(accepted(data, size) == expected, "%s", json_string_value(encoding));
        taken += expected;
        free(data);
    }
    ck_assert_msg(taken == (unsigned)ours, "the one form of a value is not in the suite");
    return taken;
}

START_TEST(of_the_msgpack_suite_the_canonical_form_is_taken_and_the_rest_refused)
{
    json_t *suite = vectors_load("msgpack-test-suite/msgpack-test-suite.json");
    unsigned cases = 0, taken = 0;
    const char *name;
    json_t *group, *c;
    size_t i;

    json_object_foreach(suite, name, group)
    {
        json_array_foreach(group, i, c)
        {
            taken += check_case(c);
            cases++;
        }
    }
    ck_assert_uint_ge(taken, 10);
    ck_assert_uint_gt(cases, taken); /* some have no form of ours */
    json_decref(suite);
}
END_TEST

/* What msgpack-c made of some bytes, written again by us; false where a type is not ours. */
static bool put_object(struct writer *out, const msgpack_object *o, int depth)
{
    switch (o->type) {
    case MSGPACK_OBJECT_BOOLEAN:
        mp_put_bool(out, o->via.boolean);
        return true;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        mp_put_uint(out, o->via.u64);
        return true;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        mp_put_int(out, o->via.i64);
        return true;
    case MSGPACK_OBJECT_STR:
        mp_put_str(out, bytes_of(o->via.str.ptr, o->via.str.size));
        return bytes_are_utf8(bytes_of(o->via.str.ptr, o->via.str.size));
    case MSGPACK_OBJECT_BIN:
        mp_put_bin(out, bytes_of(o->via.bin.ptr, o->via.bin.size));
        return true;
    case MSGPACK_OBJECT_ARRAY:
        mp_put_array(out, o->via.array.size);
        if (depth > MP_DEPTH_MAX)
            return false;
        for (uint32_t i = 0; i < o->via.array.size; i++) {
            if (!put_object(out, &o->via.array.ptr[i], depth + 1))
                return false;
        }
        return true;
    default:
        return false;
    }
}

/* The reader is ours and the writer is the library's: bytes are right when what the library reads
 * from them, it would write as the same bytes. */
static void compare_with_library(const uint8_t *data, size_t size)
{
    msgpack_unpacked result;
    size_t used = 0;
    bool expected = false;

    /* array 32 and map 32: the library reserves 64 GiB on the word of five bytes, before it looks
     * whether they are there. (One reason for a reader of our own.) */
    if (memchr(data, 0xdd, size) != NULL || memchr(data, 0xdf, size) != NULL)
        return;
    msgpack_unpacked_init(&result);
    if (msgpack_unpack_next(&result, (const char *)data, size, &used) == MSGPACK_UNPACK_SUCCESS &&
        used == size) {
        writer_clear(&w);
        expected =
            put_object(&w, &result.data, 1) && bytes_equal(writer_view(&w), bytes_of(data, size));
    }
    msgpack_unpacked_destroy(&result);
    if (accepted(data, size) != expected) {
        char text[200];

        hex_encode(text, data, size < 90 ? size : 90);
        ck_abort_msg("the library and we differ on %s", text);
    }
}

START_TEST(all_inputs_of_up_to_two_bytes_are_judged_as_the_library_does)
{
    for (unsigned v = 0; v < 65536; v++) {
        uint8_t data[2] = {(uint8_t)(v >> 8), (uint8_t)v};

        compare_with_library(data, 2);
        if (v < 256)
            compare_with_library(data + 1, 1);
    }
}
END_TEST

static uint64_t state = 7;

static uint32_t next_random(uint32_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % below;
}

static void put_random(struct writer *out, unsigned depth)
{
    static const uint8_t widths[] = {3, 7, 8, 15, 16, 31, 32, 63, 64};
    uint64_t v = (uint64_t)next_random(UINT32_MAX) << 32 | next_random(UINT32_MAX);

    v >>= 64 - widths[next_random(sizeof widths)];
    switch (next_random(depth < MP_DEPTH_MAX ? 7 : 4)) {
    case 0:
        mp_put_uint(out, v);
        break;
    case 1:
        mp_put_int(out, (int64_t) ~(v >> 1));
        break;
    case 2:
        mp_put_str(out, bytes_of("The quick brown fox jumps over it.", next_random(35)));
        break;
    case 3:
        mp_put_bin(out, bytes_of("\xff\x00\x80\x7f", next_random(5)));
        break;
    default: {
        uint32_t count = next_random(4);

        mp_put_array(out, count);
        for (uint32_t i = 0; i < count; i++)
            put_random(out, depth + 1);
    }
    }
}

/* Right values with a byte changed, cut or added sit where the two readers could differ. */
START_TEST(altered_values_are_judged_as_the_library_does)
{
    for (int turn = 0; turn < 20000; turn++) {
        struct writer made = {0};
        size_t at;

        put_random(&made, 0);
        ck_assert_int_eq(mp_check(writer_view(&made)), ANJU_OK);
        compare_with_library(made.data, made.size);
        at = next_random((uint32_t)made.size);
        made.data[at] = (uint8_t)(made.data[at] ^ (1u << next_random(8)));
        compare_with_library(made.data, made.size);
        made.data[at] = (uint8_t)next_random(256);
        compare_with_library(made.data, made.size);
        compare_with_library(made.data, next_random((uint32_t)made.size + 1));
        writer_u8(&made, (uint8_t)next_random(256));
        compare_with_library(made.data, made.size);
        writer_free(&made);
    }
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *c = tcase_create("mp");

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, what_the_writer_makes_the_reader_reads);
    tcase_add_test(c, each_integer_has_the_shortest_form);
    tcase_add_test(c, longer_forms_are_refused);
    tcase_add_test(c, strings_and_binaries_of_all_lengths_come_back);
    tcase_add_test(c, depth_eight_is_taken_and_nine_is_refused);
    tcase_add_test(c, a_count_above_the_bytes_left_is_refused_at_once);
    tcase_add_test(c, other_types_bad_text_and_leftovers_are_refused);
    tcase_add_test(c, a_head_that_is_not_ours_is_refused_with_any_tail);
    tcase_add_test(c, arrays_of_all_lengths_have_one_form);
    tcase_add_test(c, a_value_of_another_type_or_over_its_bound_fails_the_reader);
    tcase_add_test(c, skip_gives_the_bytes_of_one_whole_value);
    tcase_add_test(c, of_the_msgpack_suite_the_canonical_form_is_taken_and_the_rest_refused);
    tcase_add_test(c, all_inputs_of_up_to_two_bytes_are_judged_as_the_library_does);
    tcase_add_test(c, altered_values_are_judged_as_the_library_does);
    suite_add_tcase(suite, c);
}

UNIT_MAIN("mp", add_tests)
