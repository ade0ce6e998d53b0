/* Genesis: what it must hold, what it writes, and its JSON. */
#include "ledger/builtin.h"

#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "ledger/map.h"
#include "rpc/genesis_json.h"
#include "unit.h"

static struct fixture F;
static struct arena A;

static void setup(void)
{
    fixture_begin(&F, 4);
}

static void teardown(void)
{
    fixture_deinit(&F);
    arena_free(&A);
}

/* ---- what a genesis must hold ---- */

static void is_refused(const char *words)
{
    struct ledger_registry *r = NULL;

    ck_assert_int_eq(ledger_registry_new(&r, &F.genesis), ANJU_ERR_MALFORMED);
    ck_assert_msg(strstr(anju_err_text(), words) != NULL, "\"%s\" not in \"%s\"", words,
                  anju_err_text());
    ck_assert_ptr_null(r);
}

static void is_taken(void)
{
    struct ledger_registry *r = NULL;
    enum anju_err err = ledger_registry_new(&r, &F.genesis);

    ck_assert_msg(err == ANJU_OK, "%s", anju_err_text());
    ledger_registry_free(r);
}

START_TEST(members_are_numbered_named_and_one_is_the_center)
{
    struct ledger_genesis *g = &F.genesis;

    is_taken();
    g->members[2].number = 9;
    is_refused("member 3");
    g->members[2].number = 3;
    g->members[1].roles[0] = arena_text(&g->arena, bytes_of_text("mayor"));
    is_refused("role \"mayor\"");
    g->members[1].roles[0] = arena_text(&g->arena, bytes_of_text("center"));
    is_refused("2 members have the role center");
    g->members[1].roles[0] = arena_text(&g->arena, bytes_of_text("provider"));
    is_refused("twice");
    g->members[1].roles[0] = arena_text(&g->arena, bytes_of_text("firm"));
    g->members[3].kind = arena_text(&g->arena, bytes_of_text("club"));
    is_refused("kind");
}
END_TEST

START_TEST(keys_are_on_the_curve_used_once_and_each_member_can_sign)
{
    struct ledger_genesis *g = &F.genesis;
    struct ledger_member_key good = g->keys[1];

    g->keys[1].key.b[0] = 9;
    is_refused("key 2: not a compressed point");
    g->keys[1] = good;
    g->keys[1].key = g->keys[0].key;
    is_refused("the same public key as key 1");
    g->keys[1] = good;
    g->keys[1].until = g->keys[1].from;
    is_refused("key 2");
    g->keys[1] = good;
    g->keys[1].purpose = LEDGER_KEY_APPROVER;
    is_refused("member 2: it has no operator key");
    g->keys[1] = good;
    g->keys[1].member = 99;
    is_refused("member 99 is not there");
}
END_TEST

START_TEST(four_nodes_are_the_least_unless_it_is_for_development)
{
    struct ledger_genesis *g = &F.genesis;

    g->development = false;
    is_taken();
    g->n_nodes = 3;
    is_refused("3 nodes");
    g->development = true;
    is_taken();
    g->n_nodes = 0;
    is_refused("0 nodes");
}
END_TEST

START_TEST(a_node_stands_among_the_keys_of_its_member_and_has_keys_of_its_own)
{
    struct ledger_genesis *g = &F.genesis;
    char *peer = g->nodes[1].peer;

    g->nodes[1].node.member = 1;
    is_refused("node 2: its key");
    g->nodes[1].node.member = 2;
    g->nodes[1].tls_spki = g->nodes[0].tls_spki;
    is_refused("node 2: it has a key of node 1");
    g->nodes[1].tls_spki.b[0] = 2;
    for (unsigned i = 0; i < 5; i++) {
        static const char *const bad[] = {"host", "host:0", "host:70000", ":80", "a:b:80"};

        g->nodes[1].peer = arena_text(&g->arena, bytes_of_text(bad[i]));
        is_refused("host:port");
    }
    g->nodes[1].peer = arena_text(&g->arena, bytes_of_text("[::1]:80"));
    is_taken();
    g->nodes[1].peer = peer;
}
END_TEST

START_TEST(limits_of_which_one_does_not_fit_the_next_are_refused)
{
    struct ledger_limits *l = &F.genesis.limits;

    l->record_size = l->envelope_size;
    is_refused("envelope_size does not hold");
    ledger_limits_defaults(l);
    l->batch_size = l->envelope_size;
    is_refused("batch_size does not hold");
    ledger_limits_defaults(l);
    l->frame_size = l->batch_size;
    is_refused("frame_size");
    ledger_limits_defaults(l);
    l->block_size = l->batch_size - 1;
    is_refused("block_size");
    ledger_limits_defaults(l);
    l->block_signatures = 8000;
    is_refused("block_signatures");
    ledger_limits_defaults(l);
    l->touched = 8 * LEDGER_TOUCHED_DEFAULT + 1;
    is_refused("touched");
    ledger_limits_defaults(l);
    l->valid_ahead_ms = 0;
    is_refused("valid_ahead_ms");
}
END_TEST

START_TEST(calendars_and_code_lists_are_in_order)
{
    struct ledger_genesis *g = &F.genesis;

    g->code_lists[0].codes[1].code = g->code_lists[0].codes[0].code;
    is_refused("code list urgency: code 2");
    g->code_lists[0].codes[1].code = bytes_of_text("2");
    g->code_lists[1].name = g->code_lists[0].name;
    is_refused("twice");
    g->code_lists[1].name = arena_text(&g->arena, bytes_of_text("channel"));
    g->calendars[0].day_end_min = g->calendars[0].day_begin_min;
    is_refused("calendar 1: its hours");
}
END_TEST

START_TEST(origin_is_a_url_without_scheme)
{
    F.genesis.origin = arena_text(&F.genesis.arena, bytes_of_text("https example"));
    is_refused("origin");
    F.genesis.origin = arena_text(&F.genesis.arena, bytes_of_text(""));
    is_refused("origin");
    F.genesis.created = 5;
    F.genesis.origin = arena_text(&F.genesis.arena, bytes_of_text("example.cn/ledger"));
    is_refused("created");
}
END_TEST

START_TEST(a_code_list_that_no_record_could_carry_is_refused)
{
    struct ledger_code_list *l = &F.genesis.code_lists[0];

    l->n_codes = 4000;
    l->codes = arena_alloc(&F.genesis.arena, 4000 * sizeof l->codes[0]);
    for (uint32_t i = 0; i < 4000; i++) {
        char code[8];

        snprintf(code, sizeof code, "%04u", i);
        l->codes[i].code = bytes_of_text(arena_text(&F.genesis.arena, bytes_of_text(code)));
        l->codes[i].zh = l->codes[i].en =
            arena_text(&F.genesis.arena, bytes_of_text("a long enough name"));
    }
    is_refused("divide");
}
END_TEST

START_TEST(look_ups_find_what_is_there_and_nothing_else)
{
    fixture_seal(&F);
    const struct ledger_registry *r = F.registry;
    const struct ledger_code_list *urgency = ledger_registry_code_list(r, bytes_of_text("urgency"));

    ck_assert_uint_eq(ledger_registry_member(r, 3)->number, 3);
    ck_assert_ptr_null(ledger_registry_member(r, 0));
    ck_assert_ptr_null(ledger_registry_member(r, 7));
    ck_assert_uint_eq(ledger_registry_key(r, 13)->purpose, LEDGER_KEY_NODE);
    ck_assert_ptr_null(ledger_registry_key(r, 17));
    ck_assert(ledger_member_has_role(ledger_registry_member(r, 1), bytes_of_text("hotline")));
    ck_assert(!ledger_member_has_role(ledger_registry_member(r, 2), bytes_of_text("hotline")));
    ck_assert_ptr_nonnull(urgency);
    ck_assert(ledger_code_list_has(urgency, bytes_of_text("4")));
    ck_assert(!ledger_code_list_has(urgency, bytes_of_text("5")));
    ck_assert(!ledger_code_list_has(urgency, bytes_of_text("")));
    ck_assert_ptr_null(ledger_registry_code_list(r, bytes_of_text("urgenc")));
    ck_assert_ptr_nonnull(ledger_registry_calendar(r, 1));
    ck_assert_ptr_null(ledger_registry_calendar(r, 2));
    ck_assert_ptr_null(ledger_registry_procedure(r, 1, 0));
    ck_assert_ptr_null(ledger_registry_procedure_named(r, "order"));
    ck_assert_uint_eq(r->set.n, 4);
    ck_assert_uint_eq(r->set.since, 1);
}
END_TEST

/* ---- what genesis writes ---- */

START_TEST(genesis_writes_each_built_in_subject_once_with_a_digest_that_opens)
{
    struct ledger_genesis_entry *entries;
    uint32_t count;

    fixture_seal(&F);
    ledger_genesis_entries(F.registry, &entries, &count, &A);
    ck_assert_uint_eq(count, 6 + 16 + 4 + 1 + 1 + 2);
    for (uint32_t i = 0; i < count; i++) {
        struct ledger_record record;
        struct ledger_attributes all;
        struct crypto_hash digest;
        const struct ledger_effect *e = &entries[i].effect;

        ck_assert_int_eq(ledger_record_decode(&record, entries[i].record, &A), ANJU_OK);
        ck_assert_uint_eq(record.procedure, 0);
        ck_assert_uint_eq(record.expected_version, 0);
        ck_assert_mem_eq(record.subject.b, e->subject.b, 16);
        ck_assert_uint_eq(e->version_after, 1);
        ck_assert_int_eq(ledger_attributes_decode(&all, e->changed, &A), ANJU_OK);
        ledger_state_digest(&digest, &F.genesis.ledger_id, 0, &e->subject, 1, e->state_after, &all);
        ck_assert(crypto_hash_equal(&digest, &e->state_digest));
        for (uint32_t j = 0; j < i; j++)
            ck_assert_mem_ne(entries[j].effect.subject.b, e->subject.b, 16);
    }
}
END_TEST

START_TEST(a_member_s_subject_holds_its_names_kind_and_roles)
{
    static const uint8_t subject[16] = {0, 0, 0, LEDGER_BUILTIN_MEMBER, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                        0, 0, 2};
    struct ledger_genesis_entry *entries;
    struct ledger_attributes all;
    struct mp_reader m;
    uint32_t count;

    fixture_seal(&F);
    ledger_genesis_entries(F.registry, &entries, &count, &A);
    ck_assert_mem_eq(entries[1].effect.subject.b, subject, 16);
    ck_assert_int_eq(ledger_attributes_decode(&all, entries[1].effect.changed, &A), ANJU_OK);
    m = mp_reader_over(*ledger_attribute(&all, LEDGER_MEMBER_NAME_EN));
    ck_assert(bytes_equal(mp_str(&m, 100), bytes_of_text("Anju Property")));
    m = mp_reader_over(*ledger_attribute(&all, LEDGER_MEMBER_ROLES));
    ck_assert_uint_eq(mp_array(&m, 10), 2);
    ck_assert(bytes_equal(mp_str(&m, 100), bytes_of_text("firm")));
}
END_TEST

START_TEST(a_calendar_is_a_bit_a_day)
{
    struct ledger_genesis_entry *entries;
    struct ledger_attributes all;
    struct mp_reader m;
    struct bytes bits;
    uint32_t count;

    fixture_seal(&F);
    ledger_genesis_entries(F.registry, &entries, &count, &A);
    ck_assert_int_eq(ledger_attributes_decode(&all, entries[27].effect.changed, &A), ANJU_OK);
    m = mp_reader_over(*ledger_attribute(&all, LEDGER_CALENDAR_WORKED));
    bits = mp_bin(&m, 1000);
    ck_assert_uint_eq(bits.size, (1826 + 7) / 8);
    ck_assert_uint_eq(bits.data[0], 0xcf); /* Thursday, Friday, two days off, four worked */
}
END_TEST

/* ---- JSON ---- */

static struct member_file member_of(unsigned i)
{
    const struct ledger_member *m = &F.genesis.members[i];
    struct member_file out = {.name_zh = m->name_zh,
                              .name_en = m->name_en,
                              .kind = m->kind,
                              .n_roles = m->n_roles,
                              .roles = m->roles,
                              .operator_key = F.genesis.keys[i].key,
                              .has_approver = i % 2 == 0,
                              .approver_key = F.genesis.keys[6 + i].key,
                              .has_node = i < 4};

    if (out.has_node)
        out.node = F.genesis.nodes[i];
    return out;
}

static struct bytes file_of(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = arena_alloc(&A, 100000);
    size_t size;

    ck_assert_msg(f != NULL, "%s: run the tests from the top of the repository", path);
    size = fread(data, 1, 100000, f);
    fclose(f);
    return bytes_of(data, size);
}

static enum anju_err build(struct writer *w, uint32_t n_members)
{
    static struct member_file members[6];
    struct bytes calendar = file_of("ledger/procedures/calendar.json");
    struct genesis_parts parts = {.origin = "anju.test/ledger",
                                  .created = FIXTURE_CREATED,
                                  .members = members,
                                  .n_members = n_members,
                                  .calendars = &calendar,
                                  .n_calendars = 1,
                                  .code_lists = file_of("ledger/procedures/codes.json")};

    for (unsigned i = 0; i < 6; i++)
        members[i] = member_of(i);
    return genesis_json_build(w, &parts);
}

START_TEST(a_member_file_is_read_as_it_was_printed)
{
    for (unsigned i = 0; i < 6; i++) {
        struct member_file m = member_of(i), back;
        struct writer w = {0}, again = {0};

        member_file_encode(&w, &m);
        ck_assert_int_eq(member_file_decode(&back, writer_view(&w), &A), ANJU_OK);
        member_file_encode(&again, &back);
        ck_assert(bytes_equal(writer_view(&w), writer_view(&again)));
        writer_free(&w);
        writer_free(&again);
    }
}
END_TEST

START_TEST(a_built_genesis_is_the_same_bytes_each_time_and_decodes_to_its_parts)
{
    struct writer w = {0}, again = {0};
    struct ledger_genesis g;
    struct ledger_registry *r = NULL;
    struct crypto_hash sha256;

    ck_assert_msg(build(&w, 6) == ANJU_OK, "%s", anju_err_text());
    ck_assert_int_eq(build(&again, 6), ANJU_OK);
    ck_assert(bytes_equal(writer_view(&w), writer_view(&again)));
    ck_assert_int_eq(genesis_json_decode(&g, writer_view(&w)), ANJU_OK);
    crypto_sha256(&sha256, writer_view(&w));
    ck_assert(crypto_hash_equal(&g.ledger_id, &sha256));
    ck_assert_uint_eq(g.created, FIXTURE_CREATED);
    ck_assert_uint_eq(g.n_members, 6);
    ck_assert_uint_eq(g.n_keys, 6 + 3 + 4);
    ck_assert_uint_eq(g.n_nodes, 4);
    ck_assert_uint_eq(g.limits.record_size, LEDGER_RECORD_SIZE_DEFAULT);
    ck_assert_uint_eq(g.timeouts.cap_ms, 10000);
    ck_assert_int_eq(ledger_registry_new(&r, &g), ANJU_OK);
    ck_assert_ptr_nonnull(ledger_registry_code_list(r, bytes_of_text("grid")));
    ledger_registry_free(r);
    ledger_genesis_free(&g);
    writer_free(&w);
    writer_free(&again);
}
END_TEST

START_TEST(a_genesis_that_nodes_would_refuse_is_not_built)
{
    struct writer w = {0};

    ck_assert_int_eq(build(&w, 3), ANJU_ERR_MALFORMED); /* 3 nodes, and not for development */
    ck_assert_ptr_nonnull(strstr(anju_err_text(), "3 nodes"));
    ck_assert_uint_eq(w.size, 0);
}
END_TEST

/* Each change of the document, and the pointer that the refusal names. */
START_TEST(a_fault_in_the_document_is_named_by_its_pointer)
{
    static const struct {
        const char *find, *put, *words;
    } rows[] = {
        {"\"suite\"", "\"sweet\"", "unknown member \"sweet\""},
        {"anju-genesis/1", "anju-genesis/2", "/format"},
        {"secp256k1-sha256", "sm2-sm3", "/suite"},
        {"\"development\": false", "\"development\": 0", "/development"},
        {"2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00Z", "/created"},
        {"\"kind\": \"property\"", "\"kind\": \"house\"", "/members/1/kind"},
        {"\"purpose\": \"operator\"", "\"purpose\": \"boss\"", "/members/0/keys/0/purpose"},
        {"\"public\": \"0", "\"public\": \"1", "/members/0/keys/0/public"},
        {"\"number\": 2,\n          \"purpose\"", "\"number\": 1,\n          \"purpose\"",
         "key 1 stands twice"},
        {"\"peer\": \"127.0.0.1:7001\"", "\"peer\": \"127.0.0.1\"", "/nodes/0/peer"},
        {"\"+08:00\"", "\"8\"", "/calendars/0/utc_offset"},
        {"\"2025-01-28..2025-02-04\"", "\"2025-02-04..2025-01-28\"", "/calendars/0/off/1"},
        {"\"2025-01-26\"", "\"2025-01-27\"", "/calendars/0/worked/0"},
        {"\"code\": \"2\"", "\"code\": \"0\"", "/code_lists/0/codes/1"},
        {"\"origin\"", "\"format\"", "duplicate"},
        {"\"log_public\": false,", "", "log_public"},
    };
    struct writer w = {0};

    ck_assert_int_eq(build(&w, 6), ANJU_OK);
    writer_u8(&w, 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *text = (const char *)w.data, *at = strstr(text, rows[i].find);
        struct writer changed = {0};
        struct ledger_genesis g;

        ck_assert_msg(at != NULL, "%s", rows[i].find);
        writer_put(&changed, text, (size_t)(at - text));
        writer_bytes(&changed, bytes_of_text(rows[i].put));
        writer_bytes(&changed, bytes_of_text(at + strlen(rows[i].find)));
        ck_assert_msg(genesis_json_decode(&g, writer_view(&changed)) == ANJU_ERR_MALFORMED, "%s",
                      rows[i].put);
        ck_assert_msg(strstr(anju_err_text(), rows[i].words) != NULL, "\"%s\" not in \"%s\"",
                      rows[i].words, anju_err_text());
        ledger_genesis_free(&g);
        writer_free(&changed);
    }
    writer_free(&w);
}
END_TEST

START_TEST(the_shipped_calendar_has_the_announced_holidays)
{
    struct ledger_calendar c;

    ck_assert_msg(calendar_file_decode(&c, file_of("ledger/procedures/calendar.json"), &A) ==
                      ANJU_OK,
                  "%s", anju_err_text());
    ck_assert_int_eq(c.utc_offset_s, 28800);
    ck_assert_uint_eq(c.day_begin_min, 540);
    ck_assert_uint_eq(c.first_day, 20089);
    ck_assert_uint_eq(c.worked[0], 0);  /* 2025-01-01, a holiday */
    ck_assert_uint_eq(c.worked[1], 1);  /* a Thursday */
    ck_assert_uint_eq(c.worked[25], 1); /* 2025-01-26, a Sunday made up for */
    ck_assert_uint_eq(c.worked[28], 0); /* 2025-01-29, spring festival */
}
END_TEST

/* ---- with the shipped procedures ---- */

START_TEST(the_shipped_procedures_are_found_by_number_version_and_name)
{
    fixture_deinit(&F);
    fixture_init_shipped(&F, 4);
    const struct ledger_registry *r = F.registry;
    const struct ledger_procedure *order = ledger_registry_procedure_named(r, "order");
    uint16_t number;

    ck_assert_ptr_nonnull(order);
    number = ledger_procedure_number(order);
    ck_assert_ptr_eq(ledger_registry_procedure(r, number, 0), order);
    ck_assert_ptr_eq(ledger_registry_procedure(r, number, 1), order);
    ck_assert_ptr_null(ledger_registry_procedure(r, number, 2));
    ck_assert_ptr_null(ledger_registry_procedure(r, 999, 0));
    ck_assert_ptr_nonnull(ledger_registry_procedure_named(r, "order-import"));
}
END_TEST

START_TEST(genesis_declares_each_index_of_each_procedure)
{
    struct ledger_genesis_entry *entries;
    uint32_t count, declared = 0, indexes = 0, procedures = 0;

    fixture_deinit(&F);
    fixture_init_shipped(&F, 4);
    for (uint32_t i = 0, n; i < F.registry->n_procedures; i++) {
        ledger_procedure_indexes(F.registry->procedures[i], &n);
        indexes += n;
    }
    ck_assert_uint_gt(indexes, 6);
    ledger_genesis_entries(F.registry, &entries, &count, &A);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *subject = entries[i].effect.subject.b;

        declared += get_u16(subject + 2) == LEDGER_BUILTIN_INDEX;
        if (get_u16(subject + 2) == LEDGER_BUILTIN_PROCEDURE) {
            struct ledger_record r;
            struct mp_reader m;

            ck_assert_int_eq(ledger_record_decode(&r, entries[i].record, &A), ANJU_OK);
            m = mp_reader_over(*ledger_record_field(&r, LEDGER_PROCEDURE_COMPILED));
            ck_assert(bytes_equal(mp_bin(&m, UINT32_MAX),
                                  ledger_procedure_bytes(F.registry->procedures[procedures])));
            procedures++;
        }
    }
    ck_assert_uint_eq(declared, indexes);
    ck_assert_uint_eq(procedures, 2);
}
END_TEST

START_TEST(a_procedure_twice_in_one_version_is_refused)
{
    fixture_deinit(&F);
    fixture_init_shipped(&F, 4);
    F.genesis.procedures[1] = F.genesis.procedures[0];
    is_refused("twice in version 1");
    F.genesis.procedures[1] = bytes_of("\x90", 1);
    is_refused("procedure 2");
}
END_TEST

/* Name, number, version and hash beside the compiled bytes are for people, and can't lie to them.
 */
START_TEST(what_stands_beside_a_compiled_procedure_must_agree_with_it)
{
    static const struct {
        const char *find, *put, *words;
    } rows[] = {
        {"\"name\": \"order\"", "\"name\": \"older\"", "/procedures/0/name"},
        {"\"version\": 1", "\"version\": 2", "/procedures/0/version"},
        {"\"sha256\": \"", "\"sha256\": \"00", "/procedures/0/sha256"},
        {"\"compiled\": \"", "\"compiled\": \"AAAA", "/procedures/0/sha256"},
    };
    struct member_file members[6];
    struct writer w = {0};
    struct ledger_genesis g;

    fixture_deinit(&F);
    fixture_init_shipped(&F, 4);
    for (unsigned i = 0; i < 6; i++)
        members[i] = member_of(i);
    struct bytes calendar = file_of("ledger/procedures/calendar.json");
    struct genesis_parts parts = {.origin = "anju.test/ledger",
                                  .created = FIXTURE_CREATED,
                                  .members = members,
                                  .n_members = 6,
                                  .procedures = F.genesis.procedures,
                                  .n_procedures = 2,
                                  .calendars = &calendar,
                                  .n_calendars = 1,
                                  .code_lists = file_of("ledger/procedures/codes.json")};
    ck_assert_msg(genesis_json_build(&w, &parts) == ANJU_OK, "%s", anju_err_text());
    writer_u8(&w, 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *text = (const char *)w.data, *at = strstr(text, rows[i].find);
        struct writer changed = {0};
        size_t extra = strlen(rows[i].put) - strlen(rows[i].find);

        ck_assert_ptr_nonnull(at);
        writer_put(&changed, text, (size_t)(at - text));
        writer_bytes(&changed, bytes_of_text(rows[i].put));
        /* keeps the length of what follows: a hash or base64 text loses what was put before it */
        writer_bytes(&changed, bytes_of_text(at + strlen(rows[i].find) + extra));
        ck_assert_int_eq(genesis_json_decode(&g, writer_view(&changed)), ANJU_ERR_MALFORMED);
        ck_assert_msg(strstr(anju_err_text(), rows[i].words) != NULL, "%s", anju_err_text());
        ledger_genesis_free(&g);
        writer_free(&changed);
    }
    writer_free(&w);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *t = tcase_create("registry");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, members_are_numbered_named_and_one_is_the_center);
    tcase_add_test(t, keys_are_on_the_curve_used_once_and_each_member_can_sign);
    tcase_add_test(t, four_nodes_are_the_least_unless_it_is_for_development);
    tcase_add_test(t, a_node_stands_among_the_keys_of_its_member_and_has_keys_of_its_own);
    tcase_add_test(t, limits_of_which_one_does_not_fit_the_next_are_refused);
    tcase_add_test(t, calendars_and_code_lists_are_in_order);
    tcase_add_test(t, origin_is_a_url_without_scheme);
    tcase_add_test(t, a_code_list_that_no_record_could_carry_is_refused);
    tcase_add_test(t, look_ups_find_what_is_there_and_nothing_else);
    tcase_add_test(t, genesis_writes_each_built_in_subject_once_with_a_digest_that_opens);
    tcase_add_test(t, a_member_s_subject_holds_its_names_kind_and_roles);
    tcase_add_test(t, a_calendar_is_a_bit_a_day);
    tcase_add_test(t, a_member_file_is_read_as_it_was_printed);
    tcase_add_test(t, a_built_genesis_is_the_same_bytes_each_time_and_decodes_to_its_parts);
    tcase_add_test(t, a_genesis_that_nodes_would_refuse_is_not_built);
    tcase_add_test(t, a_fault_in_the_document_is_named_by_its_pointer);
    tcase_add_test(t, the_shipped_calendar_has_the_announced_holidays);
    tcase_add_test(t, the_shipped_procedures_are_found_by_number_version_and_name);
    tcase_add_test(t, genesis_declares_each_index_of_each_procedure);
    tcase_add_test(t, a_procedure_twice_in_one_version_is_refused);
    tcase_add_test(t, what_stands_beside_a_compiled_procedure_must_agree_with_it);
    suite_add_tcase(suite, t);
}

UNIT_MAIN("registry", add_tests)
