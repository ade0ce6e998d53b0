/*
 * The decoder of compiled procedures: what compiles decodes; every bound and cross reference is
 * checked again, whatever made the bytes. (That no altered or shortened bytes decode to something
 * else: test_language.c.)
 */
#include "tests/unit/unit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ledger/procedure_body.h"
#include "rpc/genesis_json.h"
#include "tests/unit/fixture.h"
#include "tests/unit/procedure_files.h"

static struct ledger_procedure *decoded(const char *folder, const char *file)
{
    struct bytes compiled = files_compile(folder, file);
    struct ledger_procedure *p;

    ck_assert_msg(ledger_procedure_decode(&p, compiled, &CRYPTO_ZERO_HASH) == ANJU_OK, "%s",
                  anju_err_text());
    free((void *)(uintptr_t)compiled.data);
    return p;
}

static void *grown(struct ledger_procedure *p, const void *items, size_t n, size_t size, size_t to)
{
    uint8_t *out = arena_alloc(&p->arena, to * size);

    for (size_t i = 0; i < to; i++)
        memcpy(out + i * size, (const uint8_t *)items + (i < n ? i : n - 1) * size, size);
    return out;
}

static struct ledger_action *action(struct ledger_procedure *p, const char *name)
{
    for (unsigned i = 0; i < p->n_actions; i++)
        if (strcmp(p->action[i].name, name) == 0)
            return &p->action[i];
    ck_abort_msg("no action %s", name);
}

static struct ledger_clock *clock_named(struct ledger_procedure *p, const char *name)
{
    for (unsigned i = 0; i < p->n_clocks; i++)
        if (strcmp(p->clock[i].name, name) == 0)
            return &p->clock[i];
    ck_abort_msg("no clock %s", name);
}

static struct ledger_expr expr(struct ledger_procedure *p, unsigned n, ...)
{
    struct ledger_expr e = {.n = (uint16_t)n, .node = arena_alloc(&p->arena, n * sizeof *e.node)};
    va_list args;

    va_start(args, n);
    for (unsigned i = 0; i < n; i++)
        e.node[i] = va_arg(args, struct ledger_expr_node);
    va_end(args);
    return e;
}

#define NODE(o) ((struct ledger_expr_node){.op = LEDGER_OP_##o})
#define NODE1(o, ...) ((struct ledger_expr_node){.op = LEDGER_OP_##o, __VA_ARGS__})
#define THAT(p, e) (action(p, "place")->check[0].that = (e))

/* Each spoils one thing of a right procedure: the order, the account or the duty. */
#define SPOIL(name) static void name(struct ledger_procedure *p)

/* clang-format off */
SPOIL(no_number) { p->number = 0; }
SPOIL(no_version) { p->version = 0; }
SPOIL(no_name) { p->name = ""; }
SPOIL(bell_in_name) { p->state[0].name = "pla\aced"; }
SPOIL(no_states) { p->n_states = 0; }
SPOIL(states_back) { p->state[1].number = p->state[0].number; }
SPOIL(clauses_back) { p->clause[1].number = p->clause[0].number; }
SPOIL(clause_low) { p->clause[0].number = 999; }
SPOIL(attribute_reserved) { p->attribute[0].number = 15; }
SPOIL(attribute_twice) { p->attribute[1].number = p->attribute[0].number; }
SPOIL(attribute_lines)
{
    p->attribute[0].type =
        (struct ledger_type){.base = LEDGER_TYPE_LINES, .list_max = 3, .procedure = 5};
}
SPOIL(type_none) { p->attribute[0].type.base = 0; }
SPOIL(type_code_of_none) { p->attribute[0].type = (struct ledger_type){.base = LEDGER_TYPE_CODE}; }
SPOIL(type_list_of_codes) { p->attribute[0].type.codes = bytes_of_text("urgency"); }
SPOIL(type_procedure) { p->attribute[0].type.procedure = 7; }
SPOIL(type_bounds) { p->attribute[0].type.min = p->attribute[0].type.max + 1; }
SPOIL(text_of_nothing) { p->attribute[0].type = (struct ledger_type){.base = LEDGER_TYPE_TEXT}; }
SPOIL(text_too_long)
{
    p->attribute[0].type = (struct ledger_type){.base = LEDGER_TYPE_TEXT, .max = 4097};
}
SPOIL(lines_of_none)
{
    action(p, "place")->field[0].type =
        (struct ledger_type){.base = LEDGER_TYPE_LINES, .list_max = 3};
}
SPOIL(actions_back) { p->action[1].number = p->action[0].number; }
SPOIL(from_unknown) { action(p, "dispatch")->from[0] = 63; }
SPOIL(from_nowhere) { action(p, "dispatch")->n_from = 0; }
SPOIL(creates_from) { action(p, "dispatch")->creates = true; }
SPOIL(to_unknown) { action(p, "dispatch")->cases[0].to = 63; }
SPOIL(to_nowhere) { action(p, "dispatch")->n_cases = 0; }
SPOIL(new_to_same) { action(p, "place")->cases[0].to = 0; }
SPOIL(case_after_all)
{
    struct ledger_action *a = action(p, "dispatch");
    a->cases = grown(p, a->cases, a->n_cases, sizeof *a->cases, 2);
    a->n_cases = 2;
}
SPOIL(nobody) { action(p, "dispatch")->n_by = 0; }
SPOIL(empty_rule) { action(p, "dispatch")->by[0] = (struct ledger_actor_rule){0}; }
SPOIL(timer_of_no_clock) { action(p, "lapse")->by[0].timer = 63; }
SPOIL(timer_and_role)
{
    struct ledger_actor_rule *r = &action(p, "lapse")->by[0];
    r->roles = action(p, "dispatch")->by[0].roles;
    r->n_roles = 1;
}
SPOIL(timer_with_fields)
{
    action(p, "lapse")->field = action(p, "dispatch")->field;
    action(p, "lapse")->n_fields = 1;
}
SPOIL(need_more_than_slots) { action(p, "adjudicate")->need.m = 4; }
SPOIL(need_beside_by)
{
    action(p, "adjudicate")->by = action(p, "dispatch")->by;
    action(p, "adjudicate")->n_by = 1;
}
SPOIL(need_that_creates)
{
    action(p, "place")->need = action(p, "adjudicate")->need;
    action(p, "place")->need.n_not = 0;
    action(p, "place")->n_by = 0;
}
SPOIL(need_with_secrets) { action(p, "adjudicate")->field[0].type.base = LEDGER_TYPE_PRIVATE; }
SPOIL(need_of_anyone) { action(p, "adjudicate")->need.slot[0].anyone = true; }
SPOIL(need_for_ever) { action(p, "adjudicate")->need.within = (struct ledger_span){0}; }
SPOIL(fields_back) { action(p, "place")->field[1].number = action(p, "place")->field[0].number; }
SPOIL(check_without_clause) { action(p, "place")->check[0].clause = 1999; }
SPOIL(check_of_nothing) { action(p, "place")->check[0].that.n = 0; }
SPOIL(change_of_builtin) { action(p, "place")->change[0].attribute = LEDGER_ATTR_OPEN; }
SPOIL(change_of_unknown) { action(p, "place")->change[0].attribute = 999; }
SPOIL(change_twice)
{
    action(p, "place")->change[1].attribute = action(p, "place")->change[0].attribute;
}
SPOIL(change_of_no_kind) { action(p, "place")->change[0].kind = 0; }
SPOIL(clear_with_value) { action(p, "place")->change[0].kind = LEDGER_CHANGE_CLEAR; }
SPOIL(parent_of_existing) { action(p, "dispatch")->parent = expr(p, 1, NODE(SELF)); }
SPOIL(post_without_lines) { action(p, "dispatch")->post_procedure = 11; }
SPOIL(half_a_share) { action(p, "dispatch")->share.weight = 17; }
SPOIL(expr_field) { THAT(p, expr(p, 2, NODE(HAS), NODE1(FIELD, .number = 999))); }
SPOIL(expr_attribute) { THAT(p, expr(p, 2, NODE(HAS), NODE1(ATTRIBUTE, .number = 999))); }
SPOIL(expr_state) { THAT(p, expr(p, 1, NODE1(STATE, .number = 63))); }
SPOIL(expr_clock) { THAT(p, expr(p, 1, NODE1(PASSED, .number = 63))); }
SPOIL(expr_table)
{
    THAT(p, expr(p, 2, NODE1(LOOKUP, .number = 63), NODE1(TEXT, .text = bytes_of_text("a"))));
}
SPOIL(expr_part) { THAT(p, expr(p, 2, NODE1(PART, .number = 2), NODE(SELF))); }
SPOIL(expr_item) { THAT(p, expr(p, 1, NODE(ITEM))); }
SPOIL(expr_has) { THAT(p, expr(p, 2, NODE(HAS), NODE1(INT, .value = 1))); }
SPOIL(expr_and) { THAT(p, expr(p, 1, NODE1(AND, .count = 0))); }
SPOIL(expr_live) { THAT(p, expr(p, 1, NODE1(LIVE, .procedure = 1, .number = 1))); }
SPOIL(expr_deep)
{
    THAT(p, expr(p, 7, NODE(ALL), NODE(SELF), NODE(ALL), NODE(SELF), NODE(ALL), NODE(SELF),
                 NODE1(BOOL, .value = 1)));
}
SPOIL(expr_cut) { action(p, "place")->check[0].that = expr(p, 1, NODE(NOT)); }
SPOIL(expr_two)
{
    action(p, "place")->check[0].that =
        expr(p, 2, NODE1(BOOL, .value = 1), NODE1(BOOL, .value = 1));
}
SPOIL(expr_long)
{
    struct ledger_expr e = expr(p, 1, NODE(NOT));
    e.node = grown(p, e.node, 1, sizeof *e.node, 64);
    e.n = 64;
    e.node[63] = NODE1(BOOL, .value = 1);
    action(p, "place")->check[0].that = e; /* with the others of the action that is too much */
}
SPOIL(clock_never) { clock_named(p, "confirm")->n_start = 0; }
SPOIL(clock_edge_both) { clock_named(p, "confirm")->start[0].state = 1; }
SPOIL(clock_edge_none) { clock_named(p, "confirm")->start[0].action = 0; }
SPOIL(clock_edge_unknown) { clock_named(p, "confirm")->start[0].action = 127; }
SPOIL(clock_stop_until) { clock_named(p, "confirm")->stop[0].until = expr(p, 1, NODE(NOW)); }
SPOIL(clock_move_nowhere) { clock_named(p, "due")->move[0].until.n = 0; }
SPOIL(clock_table) { clock_named(p, "due")->column = 7; }
SPOIL(clock_two_lengths)
{
    clock_named(p, "due")->span = (struct ledger_span){LEDGER_UNIT_SECONDS, 5};
}
SPOIL(clock_row_alone)
{
    clock_named(p, "confirm")->row = expr(p, 1, NODE1(TEXT, .text = bytes_of_text("1")));
}
SPOIL(clock_pause_unknown) { clock_named(p, "due")->pause[0] = 63; }
SPOIL(clock_pause_for_ever) { clock_named(p, "due")->pause_max = (struct ledger_span){0}; }
SPOIL(clock_centuries) { clock_named(p, "confirm")->span.count = UINT32_MAX; }
SPOIL(no_calendar) { p->calendar = 0; }
SPOIL(table_empty) { p->table[0].n_rows = 0; }
SPOIL(table_cell) { p->table[0].row[0].span[0] = (struct ledger_span){0}; }
SPOIL(index_of_nothing) { p->index[0].n_parts = 0; }
SPOIL(index_unknown) { p->index[0].part[0].attribute = 999; }
SPOIL(index_type) { p->index[0].part[0].type = LEDGER_PART_DAY; }
SPOIL(indexes_back) { p->index[1].number = p->index[0].number; }
SPOIL(account_half) { p->kind = 0; }
SPOIL(account_balance) { p->balance = 16; }
SPOIL(account_bounds)
{
    p->kinds[0].min = p->kinds[0].max;
    p->kinds[0].max = 0;
    p->kinds[0].min = 1;
}
SPOIL(offer_unknown) { p->offer[0].attribute[0] = 999; }
SPOIL(creation_unknown) { p->offer[0].state = 63; }

static const char ORDER[] = "ledger/procedures/order.json";
static const char ACCOUNT[] = "tests/procedures/account.json";

static const struct {
    const char *file;
    void (*spoil)(struct ledger_procedure *p);
    const char *words;
} cases[] = {
    {ORDER, no_number, "missing"},
    {ORDER, no_version, "missing"},
    {ORDER, no_name, "missing"},
    {ORDER, bell_in_name, "form"},
    {ORDER, no_states, "missing"},
    {ORDER, states_back, "ascend"},
    {ORDER, clauses_back, "ascend"},
    {ORDER, clause_low, "ascend"},
    {ORDER, attribute_reserved, "ascend"},
    {ORDER, attribute_twice, "ascend"},
    {ORDER, attribute_lines, "never lines"},
    {ORDER, type_none, "unknown type"},
    {ORDER, type_code_of_none, "a code without its list"},
    {ORDER, type_list_of_codes, "a code without its list"},
    {ORDER, type_procedure, "refers to none"},
    {ORDER, type_bounds, "nothing fits"},
    {ORDER, text_of_nothing, "size out of bounds"},
    {ORDER, text_too_long, "size out of bounds"},
    {ORDER, lines_of_none, "lines without"},
    {ORDER, actions_back, "ascend"},
    {ORDER, from_unknown, "unknown state"},
    {ORDER, from_nowhere, "starts nowhere"},
    {ORDER, creates_from, "starts nowhere"},
    {ORDER, to_unknown, "unknown state"},
    {ORDER, to_nowhere, "leads nowhere"},
    {ORDER, new_to_same, "no state to stay in"},
    {ORDER, case_after_all, "after one that always holds"},
    {ORDER, nobody, "nobody may act"},
    {ORDER, empty_rule, "nobody can be"},
    {ORDER, timer_of_no_clock, "unknown clock"},
    {ORDER, timer_and_role, "timer's action"},
    {ORDER, timer_with_fields, "timer's action"},
    {ORDER, need_more_than_slots, "more than there are"},
    {ORDER, need_beside_by, "beside other actors"},
    {ORDER, need_that_creates, "creates its subject"},
    {ORDER, need_with_secrets, "with private fields"},
    {ORDER, need_of_anyone, "approvers are members"},
    {ORDER, need_for_ever, "a span of time that is none"},
    {ORDER, fields_back, "ascend"},
    {ORDER, check_without_clause, "without condition or clause"},
    {ORDER, check_of_nothing, "without condition or clause"},
    {ORDER, change_of_builtin, "built-in"},
    {ORDER, change_of_unknown, "unknown attribute"},
    {ORDER, change_twice, "changed twice"},
    {ORDER, change_of_no_kind, "unknown kind"},
    {ORDER, clear_with_value, "clearing with one"},
    {ORDER, parent_of_existing, "a parent where none can be"},
    {ORDER, post_without_lines, "a post without lines"},
    {ORDER, half_a_share, "not whole"},
    {ORDER, expr_field, "a field that the action lacks"},
    {ORDER, expr_attribute, "unknown attribute"},
    {ORDER, expr_state, "unknown state"},
    {ORDER, expr_clock, "unknown clock"},
    {ORDER, expr_table, "no table"},
    {ORDER, expr_part, "two parts"},
    {ORDER, expr_item, "`item` outside"},
    {ORDER, expr_has, "`has` takes"},
    {ORDER, expr_and, "at least one operand"},
    {ORDER, expr_live, "`live` takes"},
    {ORDER, expr_deep, "nested more than twice"},
    {ORDER, expr_cut, "form"},
    {ORDER, expr_two, "form"},
    {ORDER, expr_long, "more nodes"},
    {ORDER, clock_never, "nothing starts it"},
    {ORDER, clock_edge_both, "either an action or a state"},
    {ORDER, clock_edge_none, "either an action or a state"},
    {ORDER, clock_edge_unknown, "unknown action"},
    {ORDER, clock_stop_until, "an end where none belongs"},
    {ORDER, clock_move_nowhere, "an end where none belongs"},
    {ORDER, clock_table, "no table of spans"},
    {ORDER, clock_two_lengths, "no table of spans"},
    {ORDER, clock_row_alone, "a row without a table"},
    {ORDER, clock_pause_unknown, "unknown state"},
    {ORDER, clock_pause_for_ever, "a span of time that is none"},
    {ORDER, clock_centuries, "over ten years"},
    {ORDER, no_calendar, "no calendar"},
    {ORDER, table_empty, "empty table"},
    {ORDER, table_cell, "a span of time that is none"},
    {ORDER, index_of_nothing, "an index of nothing"},
    {ORDER, index_unknown, "unknown attribute"},
    {ORDER, index_type, "another type"},
    {ORDER, indexes_back, "ascend"},
    {ACCOUNT, account_half, "not whole"},
    {ACCOUNT, account_balance, "a balance is money"},
    {ACCOUNT, account_bounds, "nothing fits"},
    {ACCOUNT, offer_unknown, "is offered"},
    {ACCOUNT, creation_unknown, "is offered"},
};

static struct ledger_procedure *load(const char *path)
{
    char folder[100];
    const char *name = strrchr(path, '/') + 1;

    (void)snprintf(folder, sizeof folder, "%.*s", (int)(name - 1 - path), path);
    return decoded(folder, name);
}

START_TEST(what_is_not_right_is_refused_by_words)
{
    struct ledger_procedure *p = load(cases[_i].file), *again = NULL;
    struct writer bytes = {0};

    cases[_i].spoil(p);
    ledger_procedure_encode(&bytes, p);
    ck_assert_int_eq(ledger_procedure_decode(&again, writer_view(&bytes), &CRYPTO_ZERO_HASH),
                     ANJU_ERR_MALFORMED);
    ck_assert_ptr_null(again);
    ck_assert_msg(strstr(anju_err_text(), cases[_i].words) != NULL, "case %d: %s", _i,
                  anju_err_text());
    writer_free(&bytes);
    ledger_procedure_free(p);
}
END_TEST

/* Every list is read up to its bound and not further. */
static const struct {
    const char *what;
    unsigned max;
} lists[] = {{"states", LEDGER_STATES_MAX},
             {"attributes", LEDGER_OWN_ATTRIBUTES_MAX},
             {"clauses", LEDGER_CLAUSES_MAX}};

static void fill(struct ledger_procedure *p, const char *what, unsigned n)
{
    if (strcmp(what, "states") == 0) {
        p->state = grown(p, p->state, p->n_states, sizeof *p->state, n);
        for (unsigned i = p->n_states; i < n; i++)
            p->state[i].number = (uint16_t)(p->state[i - 1].number + 1);
        p->n_states = (uint8_t)n;
    } else if (strcmp(what, "attributes") == 0) {
        p->attribute = grown(p, p->attribute, p->n_attributes, sizeof *p->attribute, n);
        for (unsigned i = p->n_attributes; i < n; i++)
            p->attribute[i].number = (uint16_t)(p->attribute[i - 1].number + 1);
        p->n_attributes = (uint8_t)n;
    } else {
        p->clause = grown(p, p->clause, p->n_clauses, sizeof *p->clause, n);
        for (unsigned i = p->n_clauses; i < n; i++)
            p->clause[i].number = (uint16_t)(p->clause[i - 1].number + 1);
        p->n_clauses = (uint16_t)n;
    }
}

START_TEST(a_list_is_full_at_its_bound)
{
    for (unsigned over = 0; over < 2; over++) {
        struct ledger_procedure *p = load(ORDER), *again = NULL;
        struct writer bytes = {0};
        unsigned n = lists[_i].max + over;
        fill(p, lists[_i].what, n);
        ledger_procedure_encode(&bytes, p);
        ck_assert_msg(ledger_procedure_decode(&again, writer_view(&bytes), &CRYPTO_ZERO_HASH) ==
                          (over == 0 ? ANJU_OK : ANJU_ERR_MALFORMED),
                      "%u %s: %s", n, lists[_i].what, anju_err_text());
        ledger_procedure_free(again);
        writer_free(&bytes);
        ledger_procedure_free(p);
    }
}
END_TEST

START_TEST(it_is_at_most_60_kib_of_canonical_msgpack)
{
    static uint8_t large[LEDGER_PROCEDURE_SIZE_MAX + 1];
    struct ledger_procedure *p;

    ck_assert_int_eq(ledger_procedure_decode(&p, bytes_of(large, sizeof large), &CRYPTO_ZERO_HASH),
                     ANJU_ERR_TOO_LARGE);
    ck_assert_int_eq(ledger_procedure_decode(&p, bytes_of("", 0), &CRYPTO_ZERO_HASH),
                     ANJU_ERR_MALFORMED);
    ck_assert_int_eq(ledger_procedure_decode(&p, bytes_of("\x80", 1), &CRYPTO_ZERO_HASH),
                     ANJU_ERR_MALFORMED); /* a map */
    ck_assert_int_eq(ledger_procedure_decode(&p, bytes_of("\x90", 1), &CRYPTO_ZERO_HASH),
                     ANJU_ERR_MALFORMED);
    ck_assert_ptr_null(p);
}
END_TEST

/* Another form is another number at the front: old nodes must say so instead of guessing. */
START_TEST(another_form_is_refused)
{
    struct bytes compiled = files_compile("ledger/procedures", "order.json");
    uint8_t *copy = anju_dup(compiled.data, compiled.size);
    struct ledger_procedure *p;

    ck_assert_uint_eq(copy[0], 0xdc); /* array of 16 */
    ck_assert_uint_eq(copy[3], LEDGER_PROCEDURE_FORMAT);
    copy[3]++;
    ck_assert_int_eq(ledger_procedure_decode(&p, bytes_of(copy, compiled.size), &CRYPTO_ZERO_HASH),
                     ANJU_ERR_MALFORMED);
    free(copy);
    free((void *)(uintptr_t)compiled.data);
}
END_TEST

START_TEST(the_digest_is_of_the_ledger_and_the_bytes)
{
    struct bytes compiled = files_compile("ledger/procedures", "order.json");
    struct crypto_hash other = {{1}}, want;
    struct ledger_procedure *a, *b;

    ck_assert_int_eq(ledger_procedure_decode(&a, compiled, &CRYPTO_ZERO_HASH), ANJU_OK);
    ck_assert_int_eq(ledger_procedure_decode(&b, compiled, &other), ANJU_OK);
    crypto_digest(&want, "anju/procedure/1", &other, compiled);
    ck_assert(crypto_hash_equal(ledger_procedure_digest(b), &want));
    ck_assert(!crypto_hash_equal(ledger_procedure_digest(a), ledger_procedure_digest(b)));
    ck_assert(bytes_equal(ledger_procedure_bytes(a), compiled));
    ck_assert_str_eq(ledger_procedure_name(a), "order");
    ledger_procedure_free(a);
    ledger_procedure_free(b);
    ledger_procedure_free(NULL);
    free((void *)(uintptr_t)compiled.data);
}
END_TEST

/* ---- what a procedure needs of its ledger ---- */

SPOIL(list_unknown) { p->attribute[1].type.codes = bytes_of_text("colours"); }
SPOIL(calendar_unknown) { p->calendar = 9; }
SPOIL(role_unknown) { action(p, "post")->by[0].roles[0] = bytes_of_text("firmm"); }
SPOIL(offer_less) { p->offer[0].n = 0; }
SPOIL(offer_another) { p->offer[0].procedure = 99; }
SPOIL(no_accounts)
{
    p->balance = p->kind = 0;
    p->n_kinds = 0;
}
SPOIL(index_gone) { p->n_indexes = 1; }
SPOIL(second) { p->version = 2; }
SPOIL(second_renamed)
{
    p->version = 2;
    p->name = "things";
}
SPOIL(second_without_index)
{
    p->version = 2;
    p->n_indexes--;
}
SPOIL(second_with_more)
{
    p->version = 2;
    p->index = grown(p, p->index, p->n_indexes, sizeof *p->index, p->n_indexes + 1u);
    p->index[p->n_indexes] = p->index[0]; /* a list */
    p->index[p->n_indexes++].number = 60;
}
SPOIL(second_with_unique)
{
    second_with_more(p);
    p->index[p->n_indexes - 1].kind = LEDGER_INDEX_UNIQUE;
}
SPOIL(other_weight) { action(p, "split")->share.weight = 63; }
SPOIL(other_state) { action(p, "post")->check[0].that.node[0].number = 63; }
SPOIL(other_attribute) { action(p, "post")->check[1].that.node[1].number = 63; }
/* clang-format on */

static const struct {
    const char *files[6]; /* the one that is spoilt first */
    void (*spoil)(struct ledger_procedure *p);
    const char *words;
} links[] = {
    {{"account.json", "journal.json", "period.json", "unit.json"}, NULL, NULL},
    {{"ballot.json", "vote.json"}, NULL, NULL},
    {{"duty.json", "task.json"}, NULL, NULL},
    {{"journal.json", "period.json", "unit.json"}, NULL, "number 11"},
    {{"journal.json", "account.json", "unit.json"}, NULL, "number 12"},
    {{"ballot.json"}, NULL, "another procedure"},
    {{"account.json", "journal.json", "period.json", "unit.json"},
     list_unknown,
     "the code list colours"},
    {{"account.json", "journal.json", "period.json", "unit.json"}, calendar_unknown, "a calendar"},
    {{"journal.json", "account.json", "period.json", "unit.json"}, role_unknown, "no role firmm"},
    {{"account.json", "journal.json", "period.json", "unit.json"}, offer_less, "no accounts"},
    {{"account.json", "journal.json", "period.json", "unit.json"}, no_accounts, "no accounts"},
    {{"unit.json", "journal.json", "period.json", "account.json"},
     offer_less,
     "it shares to an attribute"},
    {{"journal.json", "unit.json", "period.json", "account.json"},
     other_weight,
     "it shares by an attribute"},
    {{"journal.json", "unit.json", "period.json", "account.json"},
     other_state,
     "a state that is not in period"},
    {{"journal.json", "unit.json", "period.json", "account.json"},
     other_attribute,
     "an attribute that is not in period"},
    {{"unit.json", "journal.json", "period.json", "account.json"},
     index_gone,
     "counts in an index"},
    {{"vote.json", "ballot.json"}, offer_another, "not offered by vote"},
    {{"task.json", "duty.json"}, offer_another, "it creates a subject"},
    {{"timed.json"}, NULL, NULL},
    {{"keeper.json", "thing.json"}, offer_less, "not offered by keeper"},
    {{"thing.json", "keeper.json"}, NULL, NULL},
    /* versions */
    {{"thing.json", "thing.json", "keeper.json"}, NULL, "twice in version 1"},
    {{"thing.json", "thing.json", "keeper.json"}, second, NULL},
    {{"thing.json", "thing.json", "keeper.json"}, second_renamed, "is both"},
    {{"thing.json", "thing.json", "keeper.json"}, second_without_index, "another one, or none"},
    {{"thing.json", "thing.json", "keeper.json"}, second_with_more, NULL},
    {{"thing.json", "thing.json", "keeper.json"}, second_with_unique, "come with the first"},
};

static struct bytes compiled(struct fixture *f, const char *file,
                             void (*spoil)(struct ledger_procedure *))
{
    struct ledger_procedure *p = decoded("tests/procedures", file);
    struct writer bytes = {0};

    if (spoil != NULL)
        spoil(p);
    ledger_procedure_encode(&bytes, p);
    struct bytes out = arena_copy(&f->genesis.arena, writer_view(&bytes));
    writer_free(&bytes);
    ledger_procedure_free(p);
    return out;
}

START_TEST(a_procedure_finds_what_it_needs_on_its_ledger)
{
    struct ledger_registry *registry = NULL;
    struct bytes codes = files_read("ledger/procedures/codes.json");
    struct fixture f;
    struct ledger_genesis *g = &f.genesis;

    fixture_begin(&f, 4);
    ck_assert_int_eq(code_list_file_decode(&g->code_lists, &g->n_code_lists, codes, &g->arena),
                     ANJU_OK);
    free((void *)(uintptr_t)codes.data);
    g->procedures = arena_alloc(&g->arena, 6 * sizeof *g->procedures);
    for (const char *const *file = links[_i].files; *file != NULL; file++)
        g->procedures[g->n_procedures++] =
            compiled(&f, *file, file == links[_i].files ? links[_i].spoil : NULL);
    enum anju_err err = ledger_registry_new(&registry, g);
    if (links[_i].words == NULL) {
        ck_assert_msg(err == ANJU_OK, "%s", anju_err_text());
    } else {
        ck_assert_int_eq(err, ANJU_ERR_MALFORMED);
        ck_assert_msg(strstr(anju_err_text(), links[_i].words) != NULL, "%s", anju_err_text());
    }
    ledger_registry_free(registry);
    fixture_deinit(&f);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *tc = tcase_create("decoder");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, what_is_not_right_is_refused_by_words, 0,
                        (int)(sizeof cases / sizeof *cases));
    tcase_add_loop_test(tc, a_list_is_full_at_its_bound, 0, (int)(sizeof lists / sizeof *lists));
    tcase_add_loop_test(tc, a_procedure_finds_what_it_needs_on_its_ledger, 0,
                        (int)(sizeof links / sizeof *links));
    tcase_add_test(tc, it_is_at_most_60_kib_of_canonical_msgpack);
    tcase_add_test(tc, another_form_is_refused);
    tcase_add_test(tc, the_digest_is_of_the_ledger_and_the_bytes);
    suite_add_tcase(suite, tc);
}

UNIT_MAIN("procedure", add_tests)
