/*
 * Expressions on the real engine: each operator in a check of its own, with the verdict that it
 * leads to. "applied": it holds. "no": it does not. "check", "arithmetic": it can't be evaluated.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/procedure_files.h"
#include "tests/unit/world.h"

static struct world w;

/* The subject is i=7, j=-3, big=2^62, flag, word="abc", who=2, key=kim, code="2", kept=[4,5];
 * the record x=5, ints=[1,2,3], words=["abc","de"], other=the other subject (i=70, done),
 * point=lee. */
static const char procedure[] =
    "{\"name\": \"expr\", \"number\": 34, \"version\": 1,"
    " \"states\": [\"live\", \"seen\", \"done\"], \"ended\": [\"done\"], \"parent\": \"expr\","
    " \"attributes\": {\"i\": \"int\", \"j\": \"int\", \"big\": \"int\", \"none\": \"int\","
    "   \"flag\": \"bool\", \"unset\": \"bool\", \"word\": \"text:8\", \"noword\": \"text:8\","
    "   \"who\": \"member\", \"nobody\": \"member\", \"key\": \"key\", \"code\": \"code:urgency\","
    "   \"kept\": \"int[4]\", \"empty\": \"int[4]\", \"seal\": \"hash\"},"
    " \"tables\": {\"fee\": {\"1\": [10, 20], \"2\": [30, -40]}},"
    " \"clocks\": {\"end\": {\"start\": [\"make\"], \"for\": \"1h\"}},"
    " \"actions\": {"
    "  \"make\": {\"from\": [], \"to\": \"live\", \"by\": [{\"anyone\": true}],"
    "   \"fields\": {\"i\": \"int\", \"j\": \"int\", \"big\": \"int\", \"flag\": \"bool\","
    "     \"word\": \"text:8\", \"who\": \"member\", \"key\": \"key\", \"code\": \"code:urgency\","
    "     \"kept\": \"int[4]\", \"seal\": \"hash\", \"under\": \"ref:expr\"},"
    "   \"keep\": [\"i\", \"j\", \"big\", \"flag\", \"word\", \"who\", \"key\", \"code\","
    "     \"kept\", \"seal\"]%s},"
    "  \"finish\": {\"from\": [\"live\", \"seen\"], \"to\": \"done\", \"by\": [{\"anyone\": "
    "true}]},"
    "  \"try\": {\"from\": [\"live\"], \"to\": \"seen\", \"by\": [{\"anyone\": true}],"
    "   \"fields\": {\"x\": \"int\", \"y\": \"int\", \"ints\": \"int[5]\", \"words\": "
    "\"text:8[5]\","
    "     \"nothing\": \"int[5]\", \"other\": \"ref:expr\", \"missing\": \"ref:expr\","
    "     \"point\": \"key\", \"choice\": \"bool\", \"salt\": \"bytes:32\"},"
    "   \"check\": [{\"that\": %s, \"else\": \"no\"}]}"
    " },"
    " \"counts\": [[\"i\"], [\"state\", \"flag\"], [\"parent\", \"open\"]]}";

static void seal(const char *expression)
{
    char text[6000];
    struct procedure_json_result r;

    (void)snprintf(text, sizeof text, procedure, "", expression);
    ck_assert_msg(files_compile_text(&r, ".", bytes_of_text(text)) == ANJU_OK, "%s: %s", expression,
                  anju_err_text());
    struct bytes compiled = writer_view(&r.compiled);
    world_begin(&w);
    world_seal_compiled(&w, &compiled, 1);
    procedure_json_result_free(&r);
}

#define ACT(action, subject, fields, cosigners)                                                    \
    world_act(&w, FIXTURE_FIRM, "expr", action, subject, fields, cosigners)

static const char *try(void)
{
    static const char subject[] =
        "{\"i\":7, \"j\":-3, \"big\":4611686018427387904, \"flag\":true, \"word\":\"abc\", "
        "\"who\":2, \"key\":\"kim\", \"code\":\"2\", \"kept\":[4,5], "
        "\"seal\":{\"subject\":\"t\", \"choice\":true, \"salt\":\"pinch\"}}";

    ck_assert_str_eq(ACT("make", "t", subject, NULL), "applied");
    ck_assert_str_eq(ACT("make", "o", "{\"i\":70}", NULL), "applied");
    ck_assert_str_eq(ACT("finish", "o", NULL, NULL), "applied");
    return ACT("try", "t",
               "{\"x\":5, \"ints\":[1,2,3], \"words\":[\"abc\",\"de\"], \"other\":\"o\", "
               "\"point\":\"lee\", \"choice\":true, \"salt\":\"pinch\"}",
               "lee");
}

static const struct {
    const char *expression, *verdict;
} cases[] = {
#define HOLDS(e)                                                                                   \
    {                                                                                              \
        e, "applied"                                                                               \
    }
#define FAILS(e)                                                                                   \
    {                                                                                              \
        e, "no"                                                                                    \
    }
#define CANNOT(e)                                                                                  \
    {                                                                                              \
        e, "check"                                                                                 \
    }
#define OVERFLOWS(e)                                                                               \
    {                                                                                              \
        e, "arithmetic"                                                                            \
    }
    HOLDS("true"),
    FAILS("false"),
    HOLDS("\"$flag\""),
    FAILS("\"$unset\""),
    /* comparisons */
    HOLDS("[\"=\", \"$i\", 7]"),
    FAILS("[\"=\", \"$i\", 8]"),
    HOLDS("[\"!=\", \"$i\", 8]"),
    FAILS("[\"!=\", \"$i\", 7]"),
    HOLDS("[\"<\", \"$j\", -2]"),
    FAILS("[\"<\", \"$j\", -3]"),
    HOLDS("[\"<=\", \"$j\", -3]"),
    HOLDS("[\">\", \"@x\", 4]"),
    FAILS("[\">\", \"@x\", 5]"),
    HOLDS("[\">=\", \"@x\", 5]"),
    HOLDS("[\"=\", \"$word\", \"abc\"]"),
    FAILS("[\"=\", \"$word\", \"abd\"]"),
    HOLDS("[\"=\", \"$flag\", true]"),
    HOLDS("[\"=\", \"$who\", [\"actor\"]]"),
    HOLDS("[\"=\", \"$code\", \"2\"]"),
    HOLDS("[\"!=\", \"@point\", \"$key\"]"),
    HOLDS("[\"!=\", \"@other\", \"$self\"]"),
    HOLDS("[\"=\", \"$self\", \"$self\"]"),
    /* what is absent: 0 and false; all else compares with nothing */
    HOLDS("[\"=\", \"$none\", 0]"),
    HOLDS("[\"<\", \"@y\", 1]"),
    HOLDS("[\"not\", \"$unset\"]"),
    FAILS("[\"=\", \"$noword\", \"\"]"),
    FAILS("[\"!=\", \"$noword\", \"\"]"),
    FAILS("[\"=\", \"$nobody\", \"$who\"]"),
    FAILS("[\"=\", \"$parent\", \"$self\"]"),
    HOLDS("[\"has\", \"$i\"]"),
    FAILS("[\"has\", \"$none\"]"),
    HOLDS("[\"has\", \"@x\"]"),
    FAILS("[\"has\", \"@y\"]"),
    FAILS("[\"has\", \"$parent\"]"),
    HOLDS("[\"has\", \"$open\"]"),
    /* logic looks no further than it must */
    HOLDS("[\"and\", true, \"$flag\", [\"=\", 1, 1]]"),
    FAILS("[\"and\", true, false, [\"=\", [\"/\", 1, 0], 1]]"),
    HOLDS("[\"or\", false, \"$flag\", [\"=\", [\"/\", 1, 0], 1]]"),
    FAILS("[\"or\", false, \"$unset\"]"),
    OVERFLOWS("[\"or\", false, [\"=\", [\"/\", 1, 0], 1]]"),
    HOLDS("[\"not\", [\"=\", 1, 2]]"),
    HOLDS("[\"=\", [\"if\", \"$flag\", 3, [\"/\", 1, 0]], 3]"),
    HOLDS("[\"=\", [\"if\", \"$unset\", [\"/\", 1, 0], 4], 4]"),
    /* arithmetic */
    HOLDS("[\"=\", [\"+\", \"$i\", \"$j\"], 4]"),
    HOLDS("[\"=\", [\"-\", \"$i\", \"$j\"], 10]"),
    HOLDS("[\"=\", [\"*\", \"$i\", \"$j\"], -21]"),
    HOLDS("[\"=\", [\"/\", -7, 2], -3]"), /* toward zero */
    HOLDS("[\"=\", [\"/\", 7, 2], 3]"),
    OVERFLOWS("[\"=\", [\"/\", \"$i\", \"$none\"], 0]"),
    HOLDS("[\"=\", [\"min\", \"$i\", \"$j\"], -3]"),
    HOLDS("[\"=\", [\"max\", \"$i\", \"$j\"], 7]"),
    HOLDS("[\"=\", [\"+\", \"$big\", 4611686018427387903], 9223372036854775807]"),
    OVERFLOWS("[\"<\", [\"+\", \"$big\", \"$big\"], 0]"),
    OVERFLOWS("[\"<\", [\"*\", \"$big\", 2], 0]"),
    OVERFLOWS("[\"<\", [\"-\", [\"-\", -2, \"$big\"], \"$big\"], 0]"),
    OVERFLOWS("[\"<\", [\"/\", [\"-\", [\"-\", 0, \"$big\"], \"$big\"], -1], 0]"),
    HOLDS("[\"<\", [\"-\", [\"-\", 0, \"$big\"], \"$big\"], 0]"), /* the smallest there is */
    /* time and clocks */
    HOLDS("[\">\", [\"now\"], 1772416800000]"),
    HOLDS("[\"=\", [\"span\", \"15m\"], 900000]"),
    HOLDS("[\"running\", \"end\"]"),
    HOLDS("[\"started\", \"end\"]"),
    FAILS("[\"passed\", \"end\"]"),
    HOLDS("[\"<=\", [\"end\", \"end\"], [\"+\", [\"now\"], [\"span\", \"1h\"]]]"),
    /* states and other subjects */
    HOLDS("[\"state\", \"live\"]"),
    FAILS("[\"state\", \"seen\"]"),
    HOLDS("[\"state\", \"done\", \"@other\"]"),
    FAILS("[\"state\", \"live\", \"@other\"]"),
    FAILS("[\"state\", \"live\", \"@missing\"]"),
    HOLDS("\"$open\""),
    HOLDS("[\"not\", [\"of\", \"@other\", \"$open\"]]"),
    HOLDS("[\"=\", [\"of\", \"@other\", \"$i\"], 70]"),
    FAILS("[\"=\", [\"of\", \"@other\", \"$word\"], \"abc\"]"),
    FAILS("[\"=\", [\"of\", \"@missing\", \"$i\"], 0]"),
    FAILS("[\"=\", [\"of\", \"$parent\", \"$i\"], 0]"),
    /* signatures and roles */
    HOLDS("[\"cosigned\", \"@point\"]"),
    FAILS("[\"cosigned\", \"$key\"]"),
    HOLDS("[\"role\", \"$who\", \"firm\"]"),
    HOLDS("[\"role\", [\"actor\"], \"provider\"]"),
    FAILS("[\"role\", \"$who\", \"center\"]"),
    FAILS("[\"role\", \"$nobody\", \"firm\"]"),
    /* tables */
    HOLDS("[\"=\", [\"lookup\", \"fee\", \"$code\", 0], 30]"),
    HOLDS("[\"=\", [\"lookup\", \"fee\", \"$code\", 1], -40]"),
    CANNOT("[\"=\", [\"lookup\", \"fee\", \"$word\", 0], 30]"),
    CANNOT("[\"=\", [\"lookup\", \"fee\", \"$noword\", 0], 30]"),
    /* indexes */
    HOLDS("[\"=\", [\"live\", [\"i\"], [70]], 1]"),
    HOLDS("[\"=\", [\"live\", [\"i\"], [\"$i\"]], 1]"),
    HOLDS("[\"=\", [\"live\", [\"i\"], [71]], 0]"),
    HOLDS("[\"=\", [\"live\", [\"state\", \"flag\"], [\"live\", true]], 1]"),
    HOLDS("[\"=\", [\"live\", [\"state\", \"flag\"], [\"done\", false]], 0]"), /* absent is not
                                                                                  false */
    HOLDS("[\"=\", [\"live\", [\"state\", \"flag\"], [\"done\", \"$unset\"]], 1]"),
    HOLDS("[\"=\", [\"live\", [\"parent\", \"open\"], [\"$self\", true]], 0]"),
    /* lists */
    HOLDS("[\"=\", [\"len\", \"@ints\"], 3]"),
    HOLDS("[\"=\", [\"len\", \"$kept\"], 2]"),
    HOLDS("[\"=\", [\"len\", \"@nothing\"], 0]"),
    HOLDS("[\"all\", \"@ints\", [\">\", [\"item\"], 0]]"),
    FAILS("[\"all\", \"@ints\", [\">\", [\"item\"], 1]]"),
    HOLDS("[\"any\", \"@ints\", [\"=\", [\"item\"], 3]]"),
    FAILS("[\"any\", \"@ints\", [\"=\", [\"item\"], 4]]"),
    HOLDS("[\"all\", \"@nothing\", false]"),
    FAILS("[\"any\", \"$empty\", true]"),
    HOLDS("[\"=\", [\"sum\", \"@ints\", [\"*\", [\"item\"], [\"item\"]]], 14]"),
    OVERFLOWS("[\"<\", [\"sum\", \"@ints\", \"$big\"], 0]"),
    HOLDS("[\"any\", \"@words\", [\"=\", [\"item\"], \"de\"]]"),
    /* the innermost list gives the item; what stands after a list is its own again */
    HOLDS("[\"all\", \"@ints\", [\"any\", \"$kept\", [\">\", [\"item\"], 4]]]"),
    FAILS("[\"any\", \"$kept\", [\"any\", \"@ints\", [\">\", [\"item\"], 3]]]"),
    HOLDS("[\"any\", \"@ints\", [\"and\", [\"all\", \"$kept\", [\">\", [\"item\"], 3]], "
          "[\"=\", [\"item\"], 1]]]"),
    HOLDS("[\"and\", [\"any\", \"@ints\", [\"=\", [\"item\"], 1]], [\"=\", \"$i\", 7]]"),
    /* seals */
    HOLDS("[\"=\", [\"seal\", \"@choice\", \"@salt\"], \"$seal\"]"),
    FAILS("[\"=\", [\"seal\", [\"not\", \"@choice\"], \"@salt\"], \"$seal\"]"),
};

START_TEST(an_expression_leads_to_its_verdict)
{
    seal(cases[_i].expression);
    ck_assert_msg(strcmp(try(), cases[_i].verdict) == 0, "%s: %s instead of %s (%s)",
                  cases[_i].expression, w.clause, cases[_i].verdict, w.judged.hint);
    world_end(&w);
}
END_TEST

/* The compiler checks kinds; bytes that it did not make are refused when they are run, by words. */

#define INT(v)                                                                                     \
    {                                                                                              \
        .op = LEDGER_OP_INT, .value = (v)                                                          \
    }
#define TEXT(v)                                                                                    \
    {                                                                                              \
        .op = LEDGER_OP_TEXT, .text = {(const uint8_t *)(v), sizeof(v) - 1 }                       \
    }
#define OP(o)                                                                                      \
    {                                                                                              \
        .op = LEDGER_OP_##o                                                                        \
    }
#define MANY(o, n)                                                                                 \
    {                                                                                              \
        .op = LEDGER_OP_##o, .count = (n)                                                          \
    }

static const struct {
    uint16_t n;
    struct ledger_expr_node node[5];
    const char *verdict;
} foreign[] = {
    {3, {OP(EQ), INT(1), TEXT("1")}, "check"},
    {3, {OP(LT), TEXT("a"), TEXT("b")}, "check"},
    {2, {MANY(AND, 1), INT(1)}, "check"},
    {2, {OP(NOT), INT(1)}, "check"},
    {4, {OP(IF), INT(1), INT(2), INT(3)}, "check"},
    {5, {OP(EQ), OP(ADD), INT(1), TEXT("b"), INT(1)}, "check"},
    {4, {OP(EQ), OP(LEN), INT(3), INT(3)}, "check"},
    {3, {OP(ALL), INT(1), INT(1)}, "check"},
    {2, {{.op = LEDGER_OP_ROLE, .text = {(const uint8_t *)"firm", 4}}, TEXT("2")}, "check"},
    {3, {{.op = LEDGER_OP_STATE_OF, .procedure = 34, .number = 1}, INT(1)}, "check"},
    {2, {{.op = LEDGER_OP_OF, .procedure = 77, .number = 16}, OP(SELF)}, "check"},
    {3,
     {OP(EQ), {.op = LEDGER_OP_LIVE, .procedure = 77, .number = 1, .count = 1}, INT(1)},
     "check"},
    {2, {OP(COSIGNED), INT(1)}, "no"},
    {1, {INT(1)}, "no"}, /* not a condition */
};

START_TEST(values_of_the_wrong_kind_are_refused_when_they_are_met)
{
    struct writer bytes = {0};
    struct ledger_expr_node nodes[8];
    uint16_t n = foreign[_i].n;

    seal("true");
    struct ledger_procedure *p = (struct ledger_procedure *)(uintptr_t)world_procedure(&w, "expr");
    struct ledger_expr *that = &p->action[2].check[0].that, was = *that;
    memcpy(nodes, foreign[_i].node, sizeof foreign[_i].node);
    nodes[n] = nodes[0];
    if (nodes[0].op == LEDGER_OP_EQ && nodes[1].op == LEDGER_OP_LIVE) { /* its one operand */
        nodes[3] = nodes[2];
        n = 4;
    }
    if (nodes[0].op == LEDGER_OP_STATE_OF)
        n = 2;
    *that = (struct ledger_expr){.n = n, .node = nodes};
    /* The decoder has nothing against it: the tree is whole and every number is there. */
    ledger_procedure_encode(&bytes, p);
    struct ledger_procedure *again;
    ck_assert_msg(ledger_procedure_decode(&again, writer_view(&bytes), &CRYPTO_ZERO_HASH) ==
                      ANJU_OK,
                  "%s", anju_err_text());
    ledger_procedure_free(again);
    writer_free(&bytes);
    ck_assert_msg(strcmp(try(), foreign[_i].verdict) == 0, "case %d: %s, %s", _i, w.clause,
                  w.judged.hint);
    *that = was;
    world_end(&w);
}
END_TEST

/* Two nested lists of a thousand would be a million steps. */
START_TEST(the_steps_of_a_record_are_bounded)
{
    struct writer items = {0};
    struct ledger_value fields[] = {{0}, {0}};

    seal("[\"all\", \"@ints\", [\"all\", \"@words\", [\"=\", [\"item\"], [\"item\"]]]]");
    struct ledger_procedure *p = (struct ledger_procedure *)(uintptr_t)world_procedure(&w, "expr");
    struct ledger_action *a = &p->action[2];
    ck_assert_str_eq(ACT("make", "t", NULL, NULL), "applied");
    for (unsigned i = 0, k = 0; i < a->n_fields; i++)
        if (strcmp(a->field[i].name, "ints") == 0 || strcmp(a->field[i].name, "words") == 0) {
            a->field[i].type.list_max = 1000;
            fields[k++].number = a->field[i].number;
        }
    for (unsigned n = 100; n <= 1000; n += 900) {
        for (unsigned k = 0; k < 2; k++) {
            writer_clear(&items);
            mp_put_array(&items, n);
            for (unsigned i = 0; i < n; i++) {
                if (k == 0)
                    mp_put_uint(&items, 1);
                else
                    mp_put_str(&items, bytes_of_text("a"));
            }
            fields[k].value = arena_copy(&w.arena, writer_view(&items));
        }
        struct ledger_record r = {.procedure = 34,
                                  .procedure_version = 1,
                                  .action = a->number,
                                  .subject = world_subject("t"),
                                  .expected_version = 1,
                                  .n_fields = 2,
                                  .fields = fields};
        ck_assert_str_eq(world_judge(&w, FIXTURE_FIRM, &r), n == 100 ? "applied" : "check");
    }
    ck_assert_ptr_nonnull(strstr(w.judged.hint, "too many steps"));
    writer_free(&items);
    world_end(&w);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *tc = tcase_create("expressions");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, an_expression_leads_to_its_verdict, 0,
                        (int)(sizeof cases / sizeof *cases));
    tcase_add_loop_test(tc, values_of_the_wrong_kind_are_refused_when_they_are_met, 0,
                        (int)(sizeof foreign / sizeof *foreign));
    tcase_add_test(tc, the_steps_of_a_record_are_bounded);
    suite_add_tcase(suite, tc);
}

UNIT_MAIN("expr", add_tests)
