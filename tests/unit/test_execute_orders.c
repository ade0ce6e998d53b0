/* The shipped procedures through the real engine: random records, most of them of the right form
 * and many of them refused, over many blocks; what execution keeps up to date is what the entries
 * and their effects say when computed from scratch, and recovery and audit come to the same. */
#include "tests/unit/unit.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "ledger/procedure_body.h"
#include "rpc/procedure_json.h"
#include "tests/unit/fixture.h"
#include "tests/unit/naive.h"

enum {
    BLOCKS = 200,
    ENVELOPES_MAX = 40,
    RECORDS_MAX = 4,
    SUBJECTS = 120, /* of each procedure */
    RESIDENTS = 4,
    HOUR_MS = 3600000,
};

static uint64_t seed;

static uint64_t next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * UINT64_C(0x2545f4914f6cdd1d) >> 8;
}

static bool chance(unsigned percent)
{
    return next() % 100 < percent;
}

struct decided {
    struct ledger_block block;
    struct crypto_hash result;
    struct ledger_item *items;
    size_t n_items;
};

static struct world {
    struct fixture f;
    struct ledger_view empty;
    struct ledger_overlay *base;
    struct naive *naive;
    struct crypto_key residents[RESIDENTS];
    struct decided decided[BLOCKS + 1];
    uint64_t time_ms;
    uint64_t nonces;
    size_t applied, refused;
    bool seen[2][LEDGER_ACTIONS_MAX]; /* actions that were applied, by procedure */
} w;

/* Files */

static struct bytes file_of(const char *name)
{
    char path[256];
    char *text;
    long size;
    FILE *file;

    ck_assert_int_lt(snprintf(path, sizeof(path), "ledger/procedures/%s", name), (int)sizeof(path));
    file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s: run the tests from the top of the repository", path);
    ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
    size = ftell(file);
    rewind(file);
    text = anju_alloc((size_t)size + 1);
    ck_assert_uint_eq(fread(text, 1, (size_t)size, file), (size_t)size);
    ck_assert_int_eq(fclose(file), 0);
    return bytes_of(text, (size_t)size);
}

static enum anju_err load(void *user, struct bytes *out, const char *name)
{
    (void)user;
    *out = file_of(name);
    return ANJU_OK;
}

static struct bytes compiled(const char *name, struct arena *a)
{
    const struct bytes text = file_of(name);
    const struct procedure_json_source source = {.text = text, .load = load};
    struct procedure_json_result result;
    const enum anju_err err = procedure_json_compile(&result, &source);
    struct bytes out;

    ck_assert_msg(err == ANJU_OK, "%s: %s", name, anju_err_text());
    out = arena_copy(a, writer_view(&result.compiled));
    procedure_json_result_free(&result);
    free((void *)(uintptr_t)text.data);
    return out;
}

static int code_compare(const void *a, const void *b)
{
    return bytes_compare(((const struct ledger_code *)a)->code,
                         ((const struct ledger_code *)b)->code);
}

static void read_code_lists(struct ledger_genesis *g)
{
    const struct bytes text = file_of("codes.json");
    json_t *root = json_loadb((const char *)text.data, text.size, 0, NULL);
    json_t *lists = json_object_get(root, "code_lists");
    size_t i, k;
    json_t *list, *code;

    ck_assert_ptr_nonnull(lists);
    g->n_code_lists = (uint32_t)json_array_size(lists);
    g->code_lists = arena_alloc(&g->arena, g->n_code_lists * sizeof(*g->code_lists));
    json_array_foreach(lists, i, list)
    {
        struct ledger_code_list *l = &g->code_lists[i];
        json_t *codes = json_object_get(list, "codes");

        l->number = (uint32_t)i + 1;
        l->name =
            arena_text(&g->arena, bytes_of_text(json_string_value(json_object_get(list, "name"))));
        l->n_codes = (uint32_t)json_array_size(codes);
        l->codes = arena_alloc(&g->arena, l->n_codes * sizeof(*l->codes));
        json_array_foreach(codes, k, code)
        {
            l->codes[k].code = bytes_of_text(arena_text(
                &g->arena, bytes_of_text(json_string_value(json_object_get(code, "code")))));
            l->codes[k].zh = l->codes[k].en = arena_text(&g->arena, l->codes[k].code);
        }
        qsort(l->codes, l->n_codes, sizeof(*l->codes), code_compare);
    }
    json_decref(root);
    free((void *)(uintptr_t)text.data);
}

/* Random values */

static struct ledger_subject_id subject_of(uint16_t procedure, size_t i)
{
    return fixture_subject((uint16_t)(20454 + i % 3), (uint64_t)procedure << 32 | i);
}

static struct bytes random_bytes(size_t size)
{
    uint8_t data[64];

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)next();
    return fixture_bin(&w.f, data, size < sizeof(data) ? size : sizeof(data));
}

static struct bytes random_ref(uint16_t procedure)
{
    const struct ledger_subject_id id = subject_of(procedure, next() % SUBJECTS);
    struct writer out = {0};
    struct bytes copy;

    mp_put_array(&out, 2);
    mp_put_uint(&out, procedure);
    mp_put_bin(&out, bytes_of(id.b, sizeof(id.b)));
    copy = arena_copy(&w.f.arena, writer_view(&out));
    writer_free(&out);
    return copy;
}

static struct bytes random_code(const struct ledger_type *type)
{
    const struct ledger_code_list *list = ledger_registry_code_list(w.f.registry, type->codes);
    char text[64];

    if (list == NULL || chance(2))
        return fixture_str(&w.f, "no such code");
    const struct bytes code = list->codes[next() % list->n_codes].code;

    ck_assert_uint_lt(code.size, sizeof(text));
    memcpy(text, code.data, code.size);
    text[code.size] = 0;
    return fixture_str(&w.f, text);
}

/* When things happened lies in the past, mostly, when they are due in the days to come. */
static struct bytes random_time(const char *name)
{
    const bool past = strcmp(name, "occurred") == 0 || strcmp(name, "begin") == 0 ||
                      strcmp(name, "end") == 0 || strcmp(name, "at") == 0;

    return fixture_uint(&w.f, past != chance(5) ? w.time_ms - next() % (2 * HOUR_MS)
                                                : w.time_ms + next() % (UINT64_C(200) * HOUR_MS));
}

static struct bytes random_one(const struct ledger_type *type, const char *name)
{
    char text[32];

    switch (type->base) {
    case LEDGER_TYPE_BOOL:
        return fixture_bool(&w.f, chance(50));
    case LEDGER_TYPE_INT:
    case LEDGER_TYPE_MONEY:
        return fixture_int(&w.f, (int64_t)(next() % 1000) - (chance(5) ? 500 : 0));
    case LEDGER_TYPE_TIME:
        return random_time(name);
    case LEDGER_TYPE_DATE:
        return fixture_uint(&w.f, 20454 + next() % 100);
    case LEDGER_TYPE_TEXT:
        (void)snprintf(text, sizeof(text), "text %u", (unsigned)(next() % 300));
        return fixture_str(&w.f, text);
    case LEDGER_TYPE_KEY:
        return fixture_bin(&w.f, w.residents[next() % RESIDENTS].b, CRYPTO_KEY_SIZE);
    case LEDGER_TYPE_MEMBER:
        return fixture_uint(&w.f, 1 + next() % FIXTURE_MEMBERS);
    case LEDGER_TYPE_REF:
        if (type->procedure != 0)
            return random_ref(type->procedure);
        return fixture_str(&w.f, chance(50) ? "plumbing" : "ref:7");
    case LEDGER_TYPE_CODE:
        return random_code(type);
    case LEDGER_TYPE_BYTES:
        return random_bytes(type->max > 0 ? (size_t)type->max : 8);
    case LEDGER_TYPE_HASH:
    case LEDGER_TYPE_PRIVATE:
    case LEDGER_TYPE_FILE:
        return random_bytes(32);
    case LEDGER_TYPE_LINES:
        break; /* the orders have none */
    }
    return fixture_bool(&w.f, true);
}

static struct bytes random_value(const struct ledger_type *type, const char *name)
{
    const uint32_t count = 1 + (uint32_t)(next() % 2);
    struct writer out = {0};
    struct bytes copy;

    if (next() % 300 == 0)
        return fixture_bool(&w.f, true); /* of a wrong type, mostly */
    if (type->list_max == 0)
        return random_one(type, name);
    mp_put_array(&out, count);
    for (uint32_t i = 0; i < count; i++)
        writer_bytes(&out, random_one(type, name));
    copy = arena_copy(&w.f.arena, writer_view(&out));
    writer_free(&out);
    return copy;
}

/* Random records */

/* What ends an order early, or has nothing to do most of the time, is tried less often. */
static bool is_seldom(const struct ledger_action *a)
{
    static const char *const seldom[] = {
        "cancel", "merge",     "confirm_merged", "rate",    "uphold",     "return",
        "ask",    "supervise", "co_handle",      "contact", "place_child"};

    for (size_t i = 0; i < sizeof(seldom) / sizeof(seldom[0]); i++)
        if (strcmp(a->name, seldom[i]) == 0)
            return true;
    return false;
}

static bool starts_from(const struct ledger_action *a, bool there, uint16_t state)
{
    for (uint8_t i = 0; there && i < a->n_from; i++)
        if (a->from[i] == state)
            return true;
    return !there && a->creates;
}

static const struct ledger_action *random_action(const struct ledger_procedure *p, bool there,
                                                 uint16_t state)
{
    const struct ledger_action *a = &p->action[next() % p->n_actions];

    if (chance(3))
        return a;
    for (int tries = 0; tries < 1000; tries++) {
        if (starts_from(a, there, state) && (!is_seldom(a) || chance(10)))
            return a;
        a = &p->action[next() % p->n_actions];
    }
    return a;
}

struct intent {
    uint16_t procedure;
    struct ledger_subject_id id;
    uint64_t version;
    uint16_t state;
    const struct ledger_action *action;   /* of the record in hand */
    const struct ledger_actor_rule *rule; /* the one that it will try to satisfy, or NULL */
};

static void choose(struct intent *i)
{
    const struct ledger_procedure *p = ledger_registry_procedure(w.f.registry, i->procedure, 0);

    i->action = random_action(p, i->version > 0, i->state);
    i->rule = NULL;
    if (chance(8))
        return;
    if (i->action->need.n_slots > 0)
        i->rule = &i->action->need.slot[next() % i->action->need.n_slots];
    else if (i->action->n_by > 0)
        i->rule = &i->action->by[next() % i->action->n_by];
}

/* What a rule's expression is where it is just an attribute of the subject; NULL otherwise. */
static const struct bytes *attribute_of(const struct intent *i, const struct ledger_expr *e)
{
    if (e->n != 1 || e->node[0].op != LEDGER_OP_ATTRIBUTE)
        return NULL;
    return naive_attribute(w.naive, i->procedure, &i->id, e->node[0].number);
}

/* A member who may, as often as one is found. */
static uint32_t random_member(const struct intent *i)
{
    const uint32_t any = 1 + (uint32_t)(next() % FIXTURE_MEMBERS);
    const struct bytes *value;
    struct mp_reader m;

    if (i->rule == NULL)
        return any;
    for (uint32_t k = 0; i->rule->n_roles > 0 && k < FIXTURE_MEMBERS; k++)
        for (uint8_t role = 0; role < i->rule->n_roles; role++)
            if (ledger_member_has_role(
                    ledger_registry_member(w.f.registry, 1 + (any + k) % FIXTURE_MEMBERS),
                    i->rule->roles[role]))
                return 1 + (any + k) % FIXTURE_MEMBERS;
    value = attribute_of(i, &i->rule->is);
    if (value == NULL)
        return any;
    m = mp_reader_over(*value);
    return (uint32_t)mp_uint(&m, FIXTURE_MEMBERS);
}

static int cosignature_compare(const void *a, const void *b)
{
    return memcmp(a, b, CRYPTO_KEY_SIZE);
}

/* A resident or two; the engine only asks who cosigned, the block's check saw that it is true. */
static void random_cosignatures(struct ledger_record *r, const struct intent *i)
{
    const struct ledger_expr *e = i->rule == NULL ? NULL : &i->rule->cosign;
    const struct bytes *value = e == NULL ? NULL : attribute_of(i, e);
    struct mp_reader m;

    if (e != NULL && e->n == 1 && e->node[0].op == LEDGER_OP_FIELD)
        value = ledger_record_field(r, e->node[0].number);
    if (value != NULL && value->size == CRYPTO_KEY_SIZE + 2) {
        m = mp_reader_over(*value);
        memcpy(r->cosignature[r->n_cosignatures++].key.b, mp_bin(&m, CRYPTO_KEY_SIZE).data,
               CRYPTO_KEY_SIZE);
    } else if (chance(50)) {
        r->cosignature[r->n_cosignatures++].key = w.residents[next() % RESIDENTS];
    }
    if (chance(20)) {
        r->cosignature[r->n_cosignatures++].key = w.residents[next() % RESIDENTS];
        if (r->n_cosignatures == 2 &&
            cosignature_compare(&r->cosignature[0], &r->cosignature[1]) == 0)
            r->n_cosignatures = 1;
    }
    qsort(r->cosignature, r->n_cosignatures, sizeof(r->cosignature[0]), cosignature_compare);
}

static struct bytes random_record(struct intent *intent)
{
    const struct ledger_action *action = intent->action;
    struct ledger_record r = {.procedure = intent->procedure,
                              .procedure_version = 1,
                              .action = action->number,
                              .subject = intent->id,
                              .expected_version = chance(98) ? intent->version : next() % 3};

    if (chance(1))
        r.action = 999;
    if (chance(1))
        r.procedure_version = 2;
    r.fields = arena_alloc(&w.f.arena, (action->n_fields + 1u) * sizeof(*r.fields));
    for (uint8_t i = 0; i < action->n_fields; i++)
        if (action->field[i].type.required ? !chance(1) : chance(40))
            r.fields[r.n_fields++] = (struct ledger_value){
                .number = action->field[i].number,
                .value = random_value(&action->field[i].type, action->field[i].name)};
    random_cosignatures(&r, intent);
    intent->version++;
    return fixture_record(&w.f, &r);
}

/* A completed order is often left alone, so that its clock runs out. */
static bool is_left_alone(const struct intent *i)
{
    const struct ledger_procedure *p = ledger_registry_procedure(w.f.registry, i->procedure, 0);
    const struct ledger_state *state = ledger_procedure_state(p, i->state);

    return i->version > 0 && strcmp(state->name, "completed") == 0 && chance(93);
}

static void random_envelope(struct ledger_envelope *out, size_t place)
{
    static const struct crypto_sig unsigned_ = {{0}};
    struct intent intent = {.procedure = (uint16_t)(chance(70) ? 1 : 2)};
    const uint16_t n = (uint16_t)(chance(70) ? 1 : 2 + next() % (RECORDS_MAX - 1));
    uint8_t nonce[LEDGER_NONCE_SIZE] = {0};
    uint8_t body[LEDGER_BODY_SIZE];
    struct bytes records[RECORDS_MAX];
    struct writer wire = {0};
    uint32_t member;

    do { /* mostly not one that an envelope before it in the block changes too */
        intent.id = subject_of(intent.procedure, chance(85) ? place % SUBJECTS : next() % SUBJECTS);
        intent.version = naive_version(w.naive, intent.procedure, &intent.id, &intent.state);
    } while (is_left_alone(&intent));
    choose(&intent);
    member = random_member(&intent);
    for (uint16_t i = 0; i < n; i++) {
        if (i > 0)
            choose(&intent);
        records[i] = random_record(&intent);
    }
    put_u64(nonce, chance(98) ? ++w.nonces : 1 + next() % w.nonces);
    ledger_envelope_body(body, member, member, nonce, w.time_ms + 1 + next() % (10 * HOUR_MS),
                         records, n);
    ledger_envelope_wire(&wire, body, &unsigned_, records, n);
    ck_assert_int_eq(ledger_envelope_decode(out, arena_copy(&w.f.arena, writer_view(&wire)),
                                            &w.f.registry->ledger_id, &w.f.arena),
                     ANJU_OK);
    writer_free(&wire);
}

/* Blocks */

static void decide(uint64_t height, const struct ledger_overlay *o)
{
    struct decided *d = &w.decided[height];
    const struct ledger_item *items = ledger_overlay_items(o, &d->n_items);
    const struct ledger_envelope_outcome *outcomes;
    size_t n_outcomes;

    d->result = ledger_overlay_tip(o)->result;
    d->items = arena_alloc(&w.f.arena, (d->n_items + 1) * sizeof(*items));
    naive_begin(w.naive, height, ledger_overlay_tip(o)->time_ms);
    for (size_t i = 0; i < d->n_items; i++) {
        struct ledger_record record;

        d->items[i] = items[i];
        d->items[i].effects = arena_copy(&w.f.arena, items[i].effects);
        d->items[i].record = arena_copy(&w.f.arena, items[i].record);
        naive_add(w.naive, &d->items[i]);
        ck_assert_int_eq(ledger_record_decode(&record, d->items[i].record, &w.f.arena), ANJU_OK);
        if (items[i].entry.kind == LEDGER_ENTRY_RECORD && record.action < LEDGER_ACTIONS_MAX)
            w.seen[record.procedure - 1][record.action] = true;
    }
    outcomes = ledger_overlay_outcomes(o, &n_outcomes);
    for (size_t i = 0; i < n_outcomes; i++) {
        w.applied += outcomes[i].outcome == 0;
        w.refused += outcomes[i].outcome > 0;
    }
}

static void step(uint64_t height)
{
    const uint32_t n = (uint32_t)(next() % (ENVELOPES_MAX + 1));
    struct ledger_envelope *envelopes = arena_alloc(&w.f.arena, (n + 1) * sizeof(*envelopes));
    struct ledger_block *block = &w.decided[height].block;
    struct ledger_overlay *o = ledger_overlay_new(ledger_overlay_view(w.base));

    const size_t first = next() % SUBJECTS;

    w.time_ms += 1 + next() % (chance(30) ? UINT64_C(150) * HOUR_MS : HOUR_MS);
    for (uint32_t i = 0; i < n; i++)
        random_envelope(&envelopes[i], first + i * 7);
    *block = (struct ledger_block){.header = {.version = 1, .height = height, .time_ms = w.time_ms},
                                   .n_envelopes = n,
                                   .envelopes = envelopes};
    crypto_sha256(&block->id, bytes_of(&height, sizeof(height)));
    ck_assert_msg(ledger_execute(o, block) == ANJU_OK, "%s", anju_err_text());
    decide(height, o);
    ledger_overlay_absorb(w.base, o);
}

static void begin(void)
{
    struct ledger_genesis *g;

    w = (struct world){.time_ms = FIXTURE_CREATED};
    fixture_begin(&w.f, 4);
    g = &w.f.genesis;
    read_code_lists(g);
    g->n_procedures = 2;
    g->procedures = arena_alloc(&g->arena, 2 * sizeof(*g->procedures));
    g->procedures[0] = compiled("order.json", &g->arena);
    g->procedures[1] = compiled("order-import.json", &g->arena);
    fixture_seal(&w.f);
    for (unsigned i = 0; i < RESIDENTS; i++) {
        struct crypto_secret secret = {{(uint8_t)(i + 1)}};

        secret.b[31] = 7;
        ck_assert_int_eq(crypto_key_of(&w.residents[i], &secret), ANJU_OK);
    }
    w.empty = ledger_view_empty(w.f.registry);
    w.base = ledger_overlay_new(&w.empty);
    w.naive = naive_new(w.f.registry);
    ck_assert_int_eq(ledger_execute_genesis(w.base), ANJU_OK);
    decide(0, w.base);
}

static void end(void)
{
    ledger_overlay_free(w.base);
    naive_free(w.naive);
    fixture_deinit(&w.f);
}

static void again(bool fold)
{
    struct ledger_overlay *o = ledger_overlay_new(&w.empty);

    for (uint64_t height = 0; height <= BLOCKS; height++) {
        const struct decided *d = &w.decided[height];
        size_t count;
        const struct ledger_item *items;

        if (fold)
            ck_assert_int_eq(ledger_fold(o, d->items, d->n_items, height,
                                         height == 0 ? FIXTURE_CREATED : d->block.header.time_ms,
                                         height == 0 ? &w.f.registry->ledger_id : &d->block.id),
                             ANJU_OK);
        else
            ck_assert_int_eq(height == 0 ? ledger_execute_genesis(o) : ledger_execute(o, &d->block),
                             ANJU_OK);
        ck_assert_mem_eq(ledger_overlay_tip(o)->result.b, d->result.b, 32);
        items = ledger_overlay_items(o, &count);
        for (size_t i = 0; i < count; i++)
            ck_assert_mem_eq(items[i].bytes, d->items[i].bytes, LEDGER_ENTRY_SIZE);
    }
    naive_compare_overlays(o, w.base);
    ledger_overlay_free(o);
}

START_TEST(random_orders_give_the_state_that_their_entries_say)
{
    struct ledger_rows rows;
    size_t actions = 0;

    seed = UINT64_C(0x9e3779b97f4a7c15) * (uint64_t)(_i + 11);
    begin();
    for (uint64_t height = 1; height <= BLOCKS; height++) {
        step(height);
        if (height % 20 == 0)
            naive_compare(w.naive, ledger_overlay_view(w.base));
    }
    naive_compare(w.naive, ledger_overlay_view(w.base));
    ledger_overlay_rows(&rows, w.base);
    naive_compare_rows(w.naive, &rows);
    again(true);
    again(false);
    /* The run was worth it: orders went on, and were refused for many reasons. */
    for (size_t i = 0; i < LEDGER_ACTIONS_MAX; i++)
        actions += w.seen[0][i] + w.seen[1][i];
    ck_assert_uint_gt(w.applied, 200);
    ck_assert_uint_gt(w.refused, 200);
    ck_assert_uint_gt(actions, 12);
    end();
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *c = tcase_create("orders");

    tcase_set_timeout(c, 240);
    tcase_add_loop_test(c, random_orders_give_the_state_that_their_entries_say, 0,
                        getenv("ANJU_TEST_LONG") != NULL ? 200 : 3);
    suite_add_tcase(suite, c);
}

UNIT_MAIN("execute_orders", add_tests)
