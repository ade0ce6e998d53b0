/* The language of procedures: what compiles, what is refused and where. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "ledger/procedure_body.h"
#include "tests/unit/procedure_files.h"

static const struct {
    const char *folder, *name;
} shipped[] = {
    {"ledger/procedures", "order.json"},  {"ledger/procedures", "order-import.json"},
    {"tests/procedures", "journal.json"}, {"tests/procedures", "account.json"},
    {"tests/procedures", "period.json"},  {"tests/procedures", "unit.json"},
    {"tests/procedures", "vote.json"},    {"tests/procedures", "ballot.json"},
    {"tests/procedures", "duty.json"},    {"tests/procedures", "task.json"},
    {"tests/procedures", "second.json"},
};
enum { SHIPPED = sizeof shipped / sizeof *shipped };

static void let_go(struct bytes b)
{
    free((void *)(uintptr_t)b.data);
}

static struct ledger_procedure *decoded(struct bytes compiled)
{
    struct ledger_procedure *p = NULL;

    ck_assert_msg(ledger_procedure_decode(&p, compiled, &CRYPTO_ZERO_HASH) == ANJU_OK, "%s",
                  anju_err_text());
    return p;
}

/* A file without its numbers would change meaning with the next word put in its middle. */
START_TEST(every_shipped_procedure_compiles_with_all_its_numbers)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", shipped[_i].folder, shipped[_i].name);
    struct bytes text = files_read(path);
    struct procedure_json_result r;
    ck_assert_msg(files_compile_text(&r, shipped[_i].folder, text) == ANJU_OK, "%s",
                  anju_err_text());
    ck_assert_msg(!r.numbers_changed, "%s lacks numbers; anju procedure build writes them", path);
    ck_assert_uint_eq(r.text.size, text.size);
    ck_assert_int_eq(memcmp(r.text.data, text.data, text.size), 0);
    procedure_json_result_free(&r);
    let_go(text);
}
END_TEST

/* The digest of the bytes is in every entry: the same file must give the same bytes for ever. */
START_TEST(the_same_file_gives_the_same_bytes_and_they_decode_to_themselves)
{
    struct bytes a = files_compile(shipped[_i].folder, shipped[_i].name),
                 b = files_compile(shipped[_i].folder, shipped[_i].name);
    ck_assert(bytes_equal(a, b));
    struct ledger_procedure *p = decoded(a);
    struct writer again = {0};
    ledger_procedure_encode(&again, p);
    ck_assert(bytes_equal(writer_view(&again), a));
    writer_free(&again);
    ledger_procedure_free(p);
    let_go(a);
    let_go(b);
}
END_TEST

/* No byte may be read in two ways, and none may crash the reader. */
START_TEST(no_altered_or_shortened_bytes_decode_to_something_else)
{
    struct bytes whole = files_compile("ledger/procedures", "order.json");
    uint8_t *copy = anju_dup(whole.data, whole.size);
    struct ledger_procedure *p;
    for (size_t i = 0; i < whole.size; i++) {
        ck_assert_int_ne(ledger_procedure_decode(&p, bytes_of(whole.data, i), &CRYPTO_ZERO_HASH),
                         ANJU_OK);
        copy[i] ^= (uint8_t)(1 << (i % 8));
        if (ledger_procedure_decode(&p, bytes_of(copy, whole.size), &CRYPTO_ZERO_HASH) == ANJU_OK) {
            struct writer again = {0};
            ledger_procedure_encode(&again, p);
            ck_assert_msg(bytes_equal(writer_view(&again), bytes_of(copy, whole.size)),
                          "byte %zu is not in what was decoded", i);
            writer_free(&again);
            ledger_procedure_free(p);
        }
        copy[i] = whole.data[i];
    }
    free(copy);
    let_go(whole);
}
END_TEST

/* A small procedure that is right; each case below spoils one word of it. */
static const char good[] =
    "{\n"
    "  \"name\": \"lamp\", \"number\": 9, \"version\": 1,\n"
    "  \"states\": [\"off\", \"on\", \"gone\"], \"ended\": [\"gone\"],\n"
    "  \"attributes\": {\"owner\": \"member\", \"watts\": \"int:0..100\", \"seen\": \"time\", "
    "\"key\": \"key\", \"tags\": \"text:8[4]\"},\n"
    "  \"tables\": {\"burn\": {\"a\": [\"1h\", \"2h\"], \"b\": [\"3h\", \"4h\"]}},\n"
    "  \"clocks\": {\"burn\": {\"start\": [\"light\"], \"stop\": [\"darken\"], \"for\": \"4h\", "
    "\"again\": true}},\n"
    "  \"actions\": {\n"
    "    \"hang\": {\"from\": [], \"to\": \"off\", \"by\": [{\"role\": [\"firm\"]}],\n"
    "             \"fields\": {\"watts\": \"int:0..100!\", \"key\": \"key\"}, \"keep\": "
    "[\"watts\", \"key\"], \"set\": {\"owner\": [\"actor\"]}},\n"
    "    \"light\": {\"from\": [\"off\"], \"to\": \"on\", \"by\": [{\"is\": \"$owner\"}],\n"
    "             \"check\": [{\"that\": [\">\", \"$watts\", 0], \"else\": \"broken\"}]},\n"
    "    \"darken\": {\"from\": [\"on\"], \"to\": \"off\", \"by\": [{\"cosign\": \"$key\"}]},\n"
    "    \"burnt\": {\"from\": [\"on\"], \"to\": \"gone\", \"by\": [{\"timer\": \"burn\"}]}\n"
    "  },\n"
    "  \"lists\": [[\"owner\"]], \"counts\": [[\"state\"]]\n"
    "}\n";

/* The text with the first `from` replaced by `to`; memory of the test. */
static char *spoilt(const char *from, const char *to)
{
    const char *at = strstr(good, from);
    char *out = malloc(sizeof good + strlen(to));

    ck_assert_msg(at != NULL, "%s", from);
    (void)sprintf(out, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    return out;
}

START_TEST(a_small_procedure_compiles_and_gets_its_numbers)
{
    struct procedure_json_result r, again;
    ck_assert_msg(files_compile_text(&r, ".", bytes_of_text(good)) == ANJU_OK, "%s",
                  anju_err_text());
    ck_assert(r.numbers_changed);
    ck_assert_int_eq(files_compile_text(&again, ".", writer_view(&r.text)), ANJU_OK);
    ck_assert(!again.numbers_changed);
    ck_assert(bytes_equal(writer_view(&r.compiled), writer_view(&again.compiled)));
    procedure_json_result_free(&r);
    procedure_json_result_free(&again);
}
END_TEST

/* What stands on the ledger refers to numbers: they may neither move nor come back. */
START_TEST(numbers_stay_when_names_come_and_go)
{
    struct procedure_json_result first, second, third;
    ck_assert_int_eq(files_compile_text(&first, ".", bytes_of_text(good)), ANJU_OK);
    writer_u8(&first.text, 0);
    char *text = (char *)first.text.data;
    /* `watts` goes, `lumen` comes before all others */
    char *changed = malloc(strlen(text) + 200);
    const char *at = strstr(text, "\"owner\": \"member\", \"watts\": \"int:0..100\"");
    (void)sprintf(changed, "%.*s\"lumen\": \"int\", \"owner\": \"member\"%s", (int)(at - text),
                  text, at + 40);
    const char *keep[][2] = {{"\"keep\": [\"watts\", \"key\"]", "\"keep\": [\"key\"]       "},
                             {"\"$watts\"", "\"$lumen\""}};
    for (int i = 0; i < 2; i++) {
        char *p = strstr(changed, keep[i][0]);
        ck_assert_ptr_nonnull(p);
        memcpy(p, keep[i][1], strlen(keep[i][1]));
        memset(p + strlen(keep[i][1]), ' ', strlen(keep[i][0]) - strlen(keep[i][1]));
    }
    ck_assert_msg(files_compile_text(&second, ".", bytes_of_text(changed)) == ANJU_OK, "%s",
                  anju_err_text());
    writer_u8(&second.text, 0);
    ck_assert_ptr_nonnull(strstr((char *)second.text.data,
                                 "\"attributes\": {\"owner\": 16, \"watts\": 17, \"seen\": "
                                 "18, \"key\": 19, \"tags\": 20, \"lumen\": 21}"));
    ck_assert_ptr_nonnull(
        strstr((char *)second.text.data, "\"fields\": {\"watts int\": 1, \"key key\": 2}"));
    second.text.size--;
    ck_assert_int_eq(files_compile_text(&third, ".", writer_view(&second.text)), ANJU_OK);
    ck_assert(!third.numbers_changed);
    procedure_json_result_free(&first);
    procedure_json_result_free(&second);
    procedure_json_result_free(&third);
    free(changed);
}
END_TEST

static const struct {
    const char *from, *to; /* the spoiling */
    const char *pointer;
    unsigned line;
    const char *wrong; /* part of the words */
} refusals[] = {
    {"\"name\": \"lamp\"", "\"name\": \"Lamp\"", "/name", 2, "can't be a name"},
    {"\"number\": 9,", "", "", 1, "`number` is missing"},
    {"\"number\": 9", "\"number\": 0", "/number", 2, "out of bounds"},
    {"\"version\": 1", "\"version\": \"1\"", "/version", 2, "a string"},
    {"\"number\": 9", "\"colour\": 9, \"number\": 9", "/colour", 2, "means nothing"},
    {"\"off\", \"on\", \"gone\"]", "\"off\", \"on\", \"gone\", \"lost\"]", "/states/3", 3,
     "never reached"},
    {"\"ended\": [\"gone\"]", "\"ended\": []", "/states/2", 3, "no way out"},
    {"\"ended\": [\"gone\"]", "\"ended\": [\"gome\"]", "/ended/0", 3, "no state `gome`"},
    {"\"off\", \"on\", \"gone\"]", "\"off\", \"off\", \"on\", \"gone\"]", "/states/1", 3, "twice"},
    {"\"owner\": \"member\"", "\"owner\": \"membr\"", "/attributes/owner", 4, "not a type"},
    {"\"owner\": \"member\"", "\"owner\": \"member!\"", "/attributes/owner", 4, "absent"},
    {"int:0..100\", \"seen", "int:9..3\", \"seen", "/attributes/watts", 4, "not a type"},
    {"text:8[4]", "text:8[0]", "/attributes/tags", 4, "not a type"},
    {"text:8[4]", "ref:house", "/attributes/tags", 4, "no procedure `house`"},
    {"\"1h\", \"2h\"", "\"1h\", 2", "/tables/burn/a/1", 5, "not a span"},
    {"[\"3h\", \"4h\"]", "[\"3h\"]", "/tables/burn/b", 5, "row"},
    {"\"for\": \"4h\"", "\"for\": \"4wh\"", "", 1, "no calendar"},
    {"\"for\": \"4h\"", "\"for\": \"4 hours\"", "/clocks/burn/for", 6, "no span of time"},
    {"\"for\": \"4h\", ", "", "/clocks/burn", 6, "how long"},
    {"\"start\": [\"light\"]", "\"start\": [\"lihgt\"]", "/clocks/burn/start/0", 6,
     "no action `lihgt`"},
    {"\"for\": \"4h\"", "\"for\": [\"lookup\", \"burn\", \"$watts\", 0]", "/clocks/burn/for/2", 6,
     "a number"},
    {"\"for\": \"4h\"", "\"until\": \"@end\"", "/clocks/burn/until", 6, "no field `end`"},
    {"\"again\": true", "\"pause\": [\"off\"]", "/clocks/burn/pause_max", 6, "nothing"},
    {"[\"firm\"]", "[\"frim\"]", "/actions/hang/by/0/role/0", 8, "no role `frim`"},
    {"\"keep\": [\"watts\"", "\"keep\": [\"wats\"", "/actions/hang/keep/0", 9, "no field `wats`"},
    {"\"set\": {\"owner\": [\"actor\"]}", "\"set\": {\"owner\": 7}", "/actions/hang/set/owner", 9,
     "can't take"},
    {"\"set\": {\"owner\": [\"actor\"]}", "\"set\": {\"watts\": 7}", "/actions/hang/set/watts", 9,
     "changed twice"},
    {"\"set\": {\"owner\": [\"actor\"]}", "\"add\": {\"owner\": [\"actor\"]}",
     "/actions/hang/add/owner", 9, "can't take"},
    {"{\"is\": \"$owner\"}", "{\"is\": \"$watts\"}", "/actions/light/by/0/is", 10, "a number"},
    {"{\"is\": \"$owner\"}", "{}", "/actions/light/by/0", 10, "nobody"},
    {"\"by\": [{\"role\": [\"firm\"]}]",
     "\"need\": {\"m\": 1, \"of\": [{\"role\": [\"firm\"]}], \"within\": \"1d\"}", "/actions/hang",
     8, "keep approvals"},
    {"\"by\": [{\"is\": \"$owner\"}]",
     "\"need\": {\"m\": 1, \"of\": [{\"is\": \"$owner\"}], \"within\": \"1d\"}, "
     "\"fields\": {\"why\": \"private\"}",
     "/actions/light", 10, "never equal"},
    {"[\">\", \"$watts\", 0]", "[\">\", \"$owner\", 0]", "/actions/light/check/0/that/1", 11,
     "a member"},
    {"[\">\", \"$watts\", 0]", "[\"=\", \"$watts\", \"x\"]", "/actions/light/check/0/that", 11,
     "compared"},
    {"[\">\", \"$watts\", 0]", "[\"more\", \"$watts\", 0]", "/actions/light/check/0/that", 11,
     "no operator"},
    {"[\">\", \"$watts\", 0]", "[\">\", \"$watts\"]", "/actions/light/check/0/that", 11,
     "operands"},
    {"[\">\", \"$watts\", 0]", "[\"passed\", \"bern\"]", "/actions/light/check/0/that/1", 11,
     "no clock `bern`"},
    {"[\">\", \"$watts\", 0]", "[\">\", \"@watts\", 0]", "/actions/light/check/0/that/1", 11,
     "no field `watts`"},
    {"[\">\", \"$watts\", 0]", "[\"=\", [\"live\", [\"owner\"], [\"$watts\"]], 0]",
     "/actions/light/check/0/that/1/2", 11, "never equals"},
    {"[\">\", \"$watts\", 0]", "[\"=\", [\"live\", [\"state\"], [\"onn\"]], 0]",
     "/actions/light/check/0/that/1/2/0", 11, "no state `onn`"},
    {"[\">\", \"$watts\", 0]", "[\"=\", [\"live\", [\"state\"], [2]], 0]",
     "/actions/light/check/0/that/1/2/0", 11, "is named"},
    {"[\">\", \"$watts\", 0]",
     "[\"=\", [\"live\", [\"owner\", \"state\"], [\"$owner\", \"on\"]], 0]",
     "/actions/light/check/0/that/1/1", 11, "no index"},
    {"[\">\", \"$watts\", 0]", "[\"all\", \"$watts\", true]", "/actions/light/check/0/that", 11,
     "no items"},
    {"[\">\", \"$watts\", 0]", "[\"=\", [\"item\"], 0]", "/actions/light/check/0/that/1", 11,
     "inside"},
    {"[\">\", \"$watts\", 0]", "[\"of\", \"$owner\", \"$watts\"]", "/actions/light/check/0/that",
     11, "names no subject"},
    {"[\">\", \"$watts\", 0]", "[\"=\", \"$parent\", \"$self\"]", "/actions/light/check/0/that/1",
     11, "no parent"},
    {"\"else\": \"broken\"", "\"else\": \"It broke\"", "/actions/light/check/0/else", 11,
     "can't be a name"},
    {"\"from\": [\"off\"], \"to\": \"on\"", "\"from\": [\"off\"], \"to\": \"onn\"",
     "/actions/light/to", 10, "no state `onn`"},
    {"\"from\": [\"off\"], \"to\": \"on\"", "\"from\": \"off\", \"to\": \"on\"",
     "/actions/light/from", 10, "a string"},
    {"\"to\": \"on\"",
     "\"to\": [{\"if\": [\">\", \"$watts\", 9], \"to\": \"on\"}, {\"if\": [\">\", \"$watts\", 9], "
     "\"to\": \"gone\"}]",
     "/actions/light/to/1", 10, "never reached"},
    {"\"to\": \"on\"", "\"to\": [{\"to\": \"on\"}, {\"to\": \"gone\"}]", "/actions/light/to/0", 10,
     "never reached"},
    {"{\"cosign\": \"$key\"}", "{\"cosign\": \"$watts\"}", "/actions/darken/by/0/cosign", 12,
     "no key"},
    {"{\"cosign\": \"$key\"}", "{\"cosign\": \"$key\", \"timer\": \"burn\"}",
     "/actions/darken/by/0", 12, "alone"},
    {"\"by\": [{\"timer\": \"burn\"}]",
     "\"by\": [{\"timer\": \"burn\"}], \"fields\": {\"a\": \"int\"}", "/actions/burnt", 13,
     "no check"},
    {"\"by\": [{\"timer\": \"burn\"}]", "\"by\": []", "/actions/burnt", 13, "nobody"},
    {"\"by\": [{\"timer\": \"burn\"}]",
     "\"need\": {\"m\": 2, \"of\": [{\"role\": [\"firm\"]}], \"within\": \"1d\"}",
     "/actions/burnt/need/m", 13, "out of bounds"},
    {"\"by\": [{\"timer\": \"burn\"}]",
     "\"need\": {\"m\": 1, \"of\": [{\"cosign\": \"$key\"}], \"within\": \"1d\"}",
     "/actions/burnt/need/of/0/cosign", 13, "means nothing"},
    {"\"from\": [\"on\"], \"to\": \"gone\"", "\"from\": [\"on\", \"gone\"], \"to\": \"gone\"",
     "/actions/burnt", 13, "ended state"},
    {"\"lists\": [[\"owner\"]]", "\"lists\": [[\"ownr\"]]", "/lists/0/0", 15,
     "no attribute `ownr`"},
    {"\"lists\": [[\"owner\"]]", "\"lists\": [[\"tags\"]]", "/lists/0/0", 15, "a list"},
    {"\"lists\": [[\"owner\"]]", "\"lists\": [[\"owner\"], [\"owner\"]]", "/lists/1", 15, "twice"},
    {"\"lists\": [[\"owner\"]]", "\"lists\": [[]]", "/lists/0", 15, "a list"},
    {"\"lists\": [[\"owner\"]]",
     "\"lists\": "
     "[[\"owner\"],[\"state\"],[\"watts\"],[\"seen\"],[\"key\"],[\"open\"],[\"due_day\"]]",
     "/lists", 15, "at most 6"},
    {"\"lists\": [[\"owner\"]]", "\"numbers\": {\"states\": {\"off\": 1, \"on\": 1}}",
     "/numbers/states/on", 15, "also that"},
    {"\"lists\": [[\"owner\"]]", "\"labels\": \"nowhere.json\"", "/labels", 15, "can't be read"},
    {"\"lists\": [[\"owner\"]]", "\"uses\": {\"house\": \"nowhere.json\"}", "/uses/house", 15,
     "can't be read"},
    {"\"ended\": [\"gone\"],", "\"ended\": [\"gone\"]", "", 4, "expected"},
};

START_TEST(a_fault_is_named_by_pointer_line_and_words)
{
    char *text = spoilt(refusals[_i].from, refusals[_i].to);
    struct procedure_json_result r;
    ck_assert_msg(files_compile_text(&r, "tests/procedures", bytes_of_text(text)) ==
                      ANJU_ERR_MALFORMED,
                  "%s is taken", refusals[_i].to);
    bool found = false;
    for (uint32_t i = 0; i < r.n_faults; i++)
        found = found || (strcmp(r.faults[i].pointer, refusals[_i].pointer) == 0 &&
                          r.faults[i].line == refusals[_i].line &&
                          strstr(r.faults[i].wrong, refusals[_i].wrong) != NULL);
    ck_assert_msg(found, "%s: not at %s line %u with `%s`, but first: %s", refusals[_i].to,
                  refusals[_i].pointer, refusals[_i].line, refusals[_i].wrong, anju_err_text());
    ck_assert_uint_eq(r.compiled.size, 0);
    procedure_json_result_free(&r);
    free(text);
}
END_TEST

/* Somebody who wrote three wrong words wants to hear of three. */
START_TEST(all_faults_are_told_at_once_and_the_nearest_name_is_guessed)
{
    char *text = spoilt("[\"firm\"]", "[\"frim\"]");
    char *more = strstr(text, "\"$owner\"");
    memcpy(more, "\"$ownre\"", 8);
    struct procedure_json_result r;
    ck_assert_int_eq(files_compile_text(&r, ".", bytes_of_text(text)), ANJU_ERR_MALFORMED);
    ck_assert_uint_eq(r.n_faults, 2);
    ck_assert_str_eq(r.faults[0].right, "did you mean `firm`?");
    ck_assert_str_eq(r.faults[1].right, "did you mean `owner`?");
    procedure_json_result_free(&r);
    free(text);
}
END_TEST

/* A screen without words for a refusal leaves a person alone with a number. */
START_TEST(labels_cover_what_there_is_and_nothing_else)
{
    struct bytes file = files_read("ledger/procedures/order-import.json");
    char *text = strndup((const char *)file.data, file.size);
    char *at;
    while ((at = strstr(text, "\"before_the_last\"")) != NULL)
        memcpy(at, "\"before_the_lost\"", 17);
    struct procedure_json_result r;
    ck_assert_int_eq(files_compile_text(&r, "ledger/procedures", bytes_of_text(text)),
                     ANJU_ERR_MALFORMED);
    ck_assert_uint_eq(r.n_faults, 2);
    ck_assert_str_eq(r.faults[0].pointer, "/labels");
    ck_assert_str_eq(r.faults[0].wrong,
                     "the labels have no words for the clause `before_the_lost`");
    ck_assert_ptr_nonnull(strstr(r.faults[1].wrong, "`before_the_last`, which is not here"));
    procedure_json_result_free(&r);
    free(text);
    let_go(file);
}
END_TEST

/* An effect on a stranger's subject is his to allow. */
START_TEST(an_effect_that_is_not_offered_is_refused)
{
    struct bytes file = files_read("tests/procedures/ballot.json");
    char *text = strndup((const char *)file.data, file.size);
    char *at = strstr(text, "\"add\": {\"cast\": 1, \"cast_area\": \"@area\"}");
    struct procedure_json_result r;
    ck_assert_ptr_nonnull(at);
    memcpy(at, "\"add\": {\"cast\": 1, \"persons\"  : \"@area\"}", 40);
    ck_assert_int_eq(files_compile_text(&r, "tests/procedures", bytes_of_text(text)),
                     ANJU_ERR_MALFORMED);
    ck_assert_str_eq(r.faults[0].pointer, "/actions/cast/on/0");
    ck_assert_ptr_nonnull(strstr(r.faults[0].wrong, "does not offer its attribute `persons`"));
    ck_assert_ptr_nonnull(strstr(r.faults[0].right, "\"offers\": {\"ballot\": [\"persons\"]}"));
    procedure_json_result_free(&r);
    free(text);
    let_go(file);
}
END_TEST

START_TEST(a_creation_that_is_not_offered_is_refused)
{
    struct bytes file = files_read("tests/procedures/duty.json");
    char *text = strndup((const char *)file.data, file.size);
    char *at = strstr(text, "\"state\": \"due\"");
    struct procedure_json_result r;
    ck_assert_ptr_nonnull(at);
    char *changed = malloc(file.size + 10);
    (void)sprintf(changed, "%.*s\"state\": \"waived\"%s", (int)(at - text), text, at + 14);
    ck_assert_int_eq(files_compile_text(&r, "tests/procedures", bytes_of_text(changed)),
                     ANJU_ERR_MALFORMED);
    ck_assert_str_eq(r.faults[0].pointer, "/actions/assign/create/0");
    ck_assert_ptr_nonnull(strstr(r.faults[0].wrong, "does not let"));
    procedure_json_result_free(&r);
    free(changed);
    free(text);
    let_go(file);
}
END_TEST

/* Files come from people, and from their programs: whatever they hold, the answer is words. */
START_TEST(no_altered_file_crashes_the_compiler)
{
    static const char *const bits[] = {
        "\"",   "[",    "]",         "{",  "}",    ",",  "$",
        "@",    "0",    "\"place\"", "[]", "null", "-1", "99999999999999999999",
        "true", "\"*\""};
    struct bytes file = files_read("ledger/procedures/order.json");
    uint32_t seed = 20261125 + (uint32_t)_i;
    size_t taken = 0;
    for (int round = 0; round < 60; round++) {
        struct writer w = {0};
        size_t at = 0;
        for (int cuts = 0; cuts < 2; cuts++) {
            seed = seed * 1664525 + 1013904223;
            size_t to = at + (seed >> 8) % (file.size - at);
            const char *bit = bits[(seed >> 4) % (sizeof bits / sizeof *bits)];
            writer_put(&w, file.data + at, to - at);
            writer_put(&w, bit, strlen(bit));
            at = to + (seed & 15) < file.size ? to + (seed & 15) : to;
        }
        writer_put(&w, file.data + at, file.size - at);
        struct procedure_json_result r;
        enum anju_err err = files_compile_text(&r, "ledger/procedures", writer_view(&w));
        ck_assert((err == ANJU_OK) == (r.n_faults == 0));
        taken += err == ANJU_OK;
        procedure_json_result_free(&r);
        writer_free(&w);
    }
    ck_assert_uint_lt(taken, 60);
    let_go(file);
}
END_TEST

static uint32_t dice(uint32_t *seed, size_t sides)
{
    *seed = *seed * 1664525 + 1013904223;
    return (uint32_t)((*seed >> 8) % sides);
}

/* A child of an object or a list at random: its place is given by key or index. */
static json_t *child(json_t *j, uint32_t *seed, const char **key, size_t *index)
{
    *key = NULL;
    *index = 0;
    if (json_is_object(j) && json_object_size(j) > 0) {
        void *at = json_object_iter(j);
        for (uint32_t i = dice(seed, json_object_size(j)); i > 0; i--)
            at = json_object_iter_next(j, at);
        *key = json_object_iter_key(at);
        return json_object_iter_value(at);
    }
    *index = json_array_size(j) > 0 ? dice(seed, json_array_size(j)) : 0;
    return json_array_get(j, *index);
}

/* Some value from anywhere in the file. */
static json_t *somewhere(json_t *root, uint32_t *seed)
{
    const char *key;
    size_t index;
    json_t *at = root, *next;

    for (int depth = 0; depth < 8; depth++) {
        next = child(at, seed, &key, &index);
        if (next == NULL || dice(seed, 4) == 0)
            break;
        at = next;
    }
    return at;
}

static void graft(json_t *root, uint32_t *seed)
{
    json_t *at = root, *next, *graft = json_deep_copy(somewhere(root, seed));
    const char *key;
    size_t index;

    for (int depth = 0;; depth++) {
        next = child(at, seed, &key, &index);
        if (next == NULL || depth == 6 || (depth > 1 && dice(seed, 3) == 0))
            break;
        if (!json_is_object(next) && !json_is_array(next))
            break;
        at = next;
    }
    (void)child(at, seed, &key, &index);
    if (key != NULL)
        json_object_set_new(at, key, graft);
    else if (json_is_array(at) && json_array_size(at) > 0)
        json_array_set_new(at, index, graft);
    else
        json_decref(graft);
}

/* Right JSON with a branch grown in a wrong place reaches deeper than a broken text. */
START_TEST(no_misgrown_file_crashes_the_compiler)
{
    static const char *const names[] = {"ballot.json", "journal.json", "duty.json", "task.json",
                                        "vote.json"};
    char path[100];
    (void)snprintf(path, sizeof path, "tests/procedures/%s", names[_i % 5]);
    struct bytes file = files_read(path);
    uint32_t seed = 1125 + (uint32_t)_i;
    for (int round = 0; round < 60; round++) {
        json_t *root = json_loadb((const char *)file.data, file.size, 0, NULL);
        for (uint32_t i = 1 + dice(&seed, 3); i > 0; i--)
            graft(root, &seed);
        char *text = json_dumps(root, JSON_INDENT(1));
        struct procedure_json_result r;
        enum anju_err err = files_compile_text(&r, "tests/procedures", bytes_of_text(text));
        ck_assert((err == ANJU_OK) == (r.n_faults == 0));
        if (err == ANJU_OK) /* then the ledger takes it as well */
            ledger_procedure_free(decoded(writer_view(&r.compiled)));
        procedure_json_result_free(&r);
        free(text);
        json_decref(root);
    }
    let_go(file);
}
END_TEST

START_TEST(too_many_states_or_nodes_are_refused)
{
    struct writer w = {0};
    struct procedure_json_result r;
    char *text;
    for (int i = 0; i < 65; i++) {
        char name[24];
        int size = snprintf(name, sizeof name, "\"s%d\", ", i);
        writer_put(&w, name, (size_t)size);
    }
    writer_put(&w, "\"off\"", 6);
    text = spoilt("\"off\"", (const char *)w.data);
    ck_assert_int_eq(files_compile_text(&r, ".", bytes_of_text(text)), ANJU_ERR_MALFORMED);
    ck_assert_ptr_nonnull(strstr(r.faults[0].wrong, "at most 64"));
    procedure_json_result_free(&r);
    free(text);
    writer_clear(&w);
    for (int i = 0; i < 65; i++)
        writer_put(&w, "[\"not\", ", 8);
    writer_put(&w, "true", 4);
    for (int i = 0; i < 65; i++)
        writer_put(&w, "]", 1);
    writer_u8(&w, 0);
    text = spoilt("[\">\", \"$watts\", 0]", (const char *)w.data);
    ck_assert_int_eq(files_compile_text(&r, ".", bytes_of_text(text)), ANJU_ERR_MALFORMED);
    ck_assert_ptr_nonnull(strstr(r.faults[0].wrong, "over 64 nodes"));
    procedure_json_result_free(&r);
    free(text);
    writer_free(&w);
}
END_TEST

/* Clients map names to numbers from this; people read the conditions in it. */
START_TEST(a_description_gives_names_numbers_and_conditions)
{
    struct bytes compiled = files_compile("ledger/procedures", "order.json");
    struct ledger_procedure *p = decoded(compiled);
    json_t *j = procedure_json_describe(p), *actions = json_object_get(j, "actions"),
           *action = json_array_get(actions, 5);
    ck_assert_str_eq(json_string_value(json_object_get(j, "name")), "order");
    ck_assert_uint_eq(json_array_size(json_object_get(j, "states")), 10);
    ck_assert_str_eq(json_string_value(json_object_get(action, "name")), "return");
    char *text = json_dumps(action, JSON_COMPACT);
    ck_assert_ptr_nonnull(strstr(text, "{\"that\":[\"not\",\"$final\"],\"else\":\"final\"}"));
    ck_assert_ptr_nonnull(strstr(text, "\"if\":[\">=\",\"$bounced\",\"2\"]"));
    ck_assert_ptr_nonnull(strstr(text, "\"by\":[{\"is\":\"$provider\"}]"));
    free(text);
    text = json_dumps(actions, JSON_COMPACT);
    ck_assert_ptr_nonnull(strstr(text, "[\"=\",[\"actor\"],[\"of\",\"@parent\",\"$provider\"]]"));
    ck_assert_ptr_nonnull(strstr(text, "[\"role\",[\"actor\"],\"street\"]"));
    ck_assert_ptr_nonnull(strstr(text, "[\"live\",[\"parent\",\"open\"],[\"$self\",true]]"));
    ck_assert_ptr_nonnull(strstr(text, "[\"state\",\"closed\",\"$master\"]"));
    free(text);
    text = json_dumps(json_object_get(j, "tables"), JSON_COMPACT);
    ck_assert_ptr_nonnull(strstr(text, "\"2\":[\"2wh\",\"4wh\",\"3wd\"]"));
    free(text);
    text = json_dumps(json_array_get(json_object_get(j, "clocks"), 3), JSON_COMPACT);
    ck_assert_ptr_nonnull(strstr(text, "{\"action\":\"dispatch\",\"until\":\"@due\"}"));
    ck_assert_ptr_nonnull(strstr(text, "\"for\":[\"lookup\",\"limit\",\"$urgency\",2]"));
    ck_assert_ptr_nonnull(strstr(text, "\"pause_max\":\"5wd\""));
    free(text);
    json_decref(j);
    ledger_procedure_free(p);
    let_go(compiled);
}
END_TEST

START_TEST(the_diagram_shows_every_state_and_action)
{
    struct bytes compiled = files_compile(shipped[_i].folder, shipped[_i].name);
    struct ledger_procedure *p = decoded(compiled);
    struct writer text = {0}, dot = {0};
    procedure_json_draw_text(&text, p);
    procedure_json_draw_dot(&dot, p);
    writer_u8(&text, 0);
    writer_u8(&dot, 0);
    for (unsigned i = 0; i < p->n_states; i++) {
        ck_assert_ptr_nonnull(strstr((char *)text.data, p->state[i].name));
        ck_assert_ptr_nonnull(strstr((char *)dot.data, p->state[i].name));
    }
    for (unsigned i = 0; i < p->n_actions; i++)
        ck_assert_ptr_nonnull(strstr((char *)text.data, p->action[i].name));
    ck_assert_int_eq(strncmp((char *)dot.data, "digraph ", 8), 0);
    writer_free(&text);
    writer_free(&dot);
    ledger_procedure_free(p);
    let_go(compiled);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *tc = tcase_create("language");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, every_shipped_procedure_compiles_with_all_its_numbers, 0, SHIPPED);
    tcase_add_loop_test(tc, the_same_file_gives_the_same_bytes_and_they_decode_to_themselves, 0,
                        SHIPPED);
    tcase_add_test(tc, no_altered_or_shortened_bytes_decode_to_something_else);
    tcase_add_test(tc, a_small_procedure_compiles_and_gets_its_numbers);
    tcase_add_test(tc, numbers_stay_when_names_come_and_go);
    tcase_add_loop_test(tc, a_fault_is_named_by_pointer_line_and_words, 0,
                        (int)(sizeof refusals / sizeof *refusals));
    tcase_add_test(tc, all_faults_are_told_at_once_and_the_nearest_name_is_guessed);
    tcase_add_test(tc, labels_cover_what_there_is_and_nothing_else);
    tcase_add_test(tc, an_effect_that_is_not_offered_is_refused);
    tcase_add_test(tc, a_creation_that_is_not_offered_is_refused);
    tcase_add_loop_test(tc, no_altered_file_crashes_the_compiler, 0, 10);
    tcase_add_loop_test(tc, no_misgrown_file_crashes_the_compiler, 0, 20);
    tcase_add_test(tc, too_many_states_or_nodes_are_refused);
    tcase_add_test(tc, a_description_gives_names_numbers_and_conditions);
    tcase_add_loop_test(tc, the_diagram_shows_every_state_and_action, 0, SHIPPED);
    suite_add_tcase(suite, tc);
}

UNIT_MAIN("language", add_tests)
