/* What a lying prover tries, and that each lie is caught in words. Where a lie has to be signed to
 * go so far, a quorum signs it here: then it is the rules that catch it, not the signature. */
#include "unit.h"

#include <string.h>

#include "ledger/builtin.h"
#include "ledger/consistency.h"
#include "ledger/list_proof.h"
#include "rpc/consistency_json.h"
#include "rpc/list_prove.h"
#include "rpc/receipt_json.h"
#include "tests/toy/tempdir.c"
#include "tests/unit/stored.h"

enum { REDS = 9 };

static struct stored S;
static struct arena A;
static struct writer W;

/* ---- an honest ledger: nine red things, three of them gone, one green ---- */

static void commit_one(struct bytes record)
{
    struct bytes envelope = fixture_envelope(&S.f, 2, S.now + 60000, &record, 1);

    stored_commit(&S, 1000, &envelope, 1);
}

static struct ledger_subject_id red(unsigned i)
{
    return fixture_subject((uint16_t)(20454 + i % 2), i);
}

static void setup(void)
{
    tempdir_begin();
    stored_begin(&S, tempdir_path("data"), 0);
    for (unsigned i = 0; i <= REDS; i++) {
        const struct ledger_subject_id id = red(i);
        char no[8];

        (void)snprintf(no, sizeof no, "N%u", i);
        commit_one(stored_record(&S, THING_MAKE, &id, 0, no, i < REDS ? "red" : "green", NULL, 0));
    }
    for (unsigned i = 0; i < 3; i++) {
        const struct ledger_subject_id id = red(i);

        commit_one(stored_record(&S, THING_PAINT, &id, 1, NULL, "red", NULL, 0));
        commit_one(stored_record(&S, THING_DROP, &id, 2, NULL, NULL, NULL, 0));
    }
}

static void teardown(void)
{
    stored_end(&S);
    writer_free(&W);
    arena_free(&A);
    tempdir_end();
}

static struct bytes keep(void)
{
    struct bytes out = arena_copy(&A, writer_view(&W));

    writer_clear(&W);
    return out;
}

static void prove(struct ledger_list_proof *out, struct ledger_question q, struct bytes key)
{
    struct store_read *read;

    ck_assert_int_eq(store_read_begin(&read, S.store), ANJU_OK);
    ck_assert_msg(rpc_prove_list(out, read, S.f.registry, &q, &key, 1, &A) == ANJU_OK, "%s",
                  anju_err_text());
    /* What is borrowed from the snapshot outlives it here. */
    ledger_list_encode(&W, out);
    store_read_end(read);
    ck_assert_int_eq(ledger_list_decode(out, keep(), &A), ANJU_OK);
}

static struct bytes red_key(void)
{
    stored_key_colour(&W, "red");
    return keep();
}

static void prove_reds(struct ledger_list_proof *out)
{
    prove(out, (struct ledger_question){.ask = LEDGER_ASK_PAGE, .b = UINT64_MAX}, red_key());
    ck_assert_uint_eq(out->chains[0].n_entries, REDS + 6);
}

static struct ledger_list_report report_of(const struct ledger_list_proof *p,
                                           const struct ledger_set_path *path)
{
    struct ledger_list_report out;

    ledger_list_verify(&out, p, S.f.registry, path, &A);
    return out;
}

static void expect_valid(const struct ledger_list_proof *p)
{
    struct ledger_list_report r = report_of(p, NULL);

    ck_assert_msg(r.verdict == LEDGER_VALID, "%s", r.reason);
}

static void expect_caught(const struct ledger_list_proof *p, enum ledger_list_check check,
                          const char *words)
{
    struct ledger_list_report r = report_of(p, NULL);

    ck_assert_int_eq(r.verdict, LEDGER_INVALID);
    ck_assert_msg(r.failed == check && strstr(r.reason, words) != NULL, "check %d: %s", r.failed,
                  r.reason);
}

/* ---- entries ---- */

static void leave_out(struct ledger_list_chain *c, uint32_t i)
{
    memmove(&c->entries[i], &c->entries[i + 1], (c->n_entries - i - 1) * sizeof c->entries[0]);
    c->n_entries--;
}

START_TEST(an_entry_left_out_at_the_start_in_the_middle_or_at_the_end_is_missed)
{
    const uint32_t places[] = {0, 7, REDS + 5};
    struct ledger_list_proof p;

    prove_reds(&p);
    expect_valid(&p);
    leave_out(&p.chains[0], places[_i]);
    expect_caught(&p, LEDGER_LIST_CHECK_ENTRIES, "not those that its chain has");
}
END_TEST

/* A page that begins late or ends early has right hashes, but is not what was asked. */
START_TEST(a_true_page_in_place_of_the_whole_is_not_the_answer)
{
    const struct ledger_question pages[] = {{.ask = LEDGER_ASK_PAGE, .a = 1, .b = UINT64_MAX},
                                            {.ask = LEDGER_ASK_PAGE, .b = REDS},
                                            {.ask = LEDGER_ASK_PAGE, .a = 4, .b = 3},
                                            {.ask = LEDGER_ASK_COUNT}};
    struct ledger_list_proof p;

    prove(&p, pages[_i], red_key());
    expect_valid(&p);
    p.question = (struct ledger_question){.ask = LEDGER_ASK_PAGE, .b = UINT64_MAX};
    expect_caught(&p, LEDGER_LIST_CHECK_COMPLETE, "must be shown");
    p.question = (struct ledger_question){.ask = LEDGER_ASK_LAST, .b = 1000};
    expect_caught(&p, LEDGER_LIST_CHECK_COMPLETE, "must be shown");
}
END_TEST

START_TEST(a_span_of_time_without_its_neighbours_is_not_the_answer)
{
    const uint64_t from = FIXTURE_CREATED + 3000, until = FIXTURE_CREATED + 6000;
    struct ledger_list_proof p, page;

    prove(&p, (struct ledger_question){.ask = LEDGER_ASK_TIME, .a = from, .b = until}, red_key());
    expect_valid(&p);
    ck_assert_uint_eq(p.chains[0].begin, 1);
    ck_assert_uint_eq(p.chains[0].n_entries, 5); /* three, and one beyond each end */
    for (uint64_t begin = 1; begin <= 2; begin++) {
        for (uint64_t end = 5; end <= 6; end++) {
            prove(&page,
                  (struct ledger_question){.ask = LEDGER_ASK_PAGE, .a = begin, .b = end - begin},
                  red_key());
            page.question = p.question;
            if (begin == 1 && end == 6)
                expect_valid(&page);
            else
                expect_caught(&page, LEDGER_LIST_CHECK_COMPLETE, "nothing shows that no");
        }
    }
    prove(&page, (struct ledger_question){.ask = LEDGER_ASK_PAGE, .b = 6}, red_key());
    page.question = p.question;
    expect_caught(&page, LEDGER_LIST_CHECK_COMPLETE, "more than the neighbours");
}
END_TEST

START_TEST(swapped_and_invented_entries_are_seen)
{
    struct ledger_list_proof p;
    struct ledger_list_chain *c;
    struct ledger_list_entry other;
    struct ledger_entry e;

    prove_reds(&p);
    c = &p.chains[0];
    other = c->entries[2];
    c->entries[2] = c->entries[3];
    c->entries[3] = other;
    expect_caught(&p, LEDGER_LIST_CHECK_ENTRIES, "out of order");
    prove_reds(&p);
    c = &p.chains[0];
    ck_assert_int_eq(ledger_entry_decode(&e, bytes_of(c->entries[4].bytes, 168)), ANJU_OK);
    e.member = 3;
    ledger_entry_encode(c->entries[4].bytes, &e);
    expect_caught(&p, LEDGER_LIST_CHECK_ENTRIES, "not those that its chain has");
    e.height = 1000; /* after the height of the proof */
    ledger_entry_encode(c->entries[4].bytes, &e);
    expect_caught(&p, LEDGER_LIST_CHECK_ENTRIES, "out of order");
    e.n_effects = 0; /* what no execution makes */
    ledger_entry_encode(c->entries[4].bytes, &e);
    expect_caught(&p, LEDGER_LIST_CHECK_ENTRIES, "entry");
}
END_TEST

START_TEST(another_record_or_other_effects_than_the_entry_binds_are_seen)
{
    const struct ledger_question q = {.ask = LEDGER_ASK_PAGE,
                                      .b = UINT64_MAX,
                                      .parts = LEDGER_LIST_RECORDS | LEDGER_LIST_EFFECTS};
    struct ledger_list_proof p;

    prove(&p, q, red_key());
    expect_valid(&p);
    p.chains[0].entries[2].record = p.chains[0].entries[3].record;
    expect_caught(&p, LEDGER_LIST_CHECK_CONTENTS, "record");
    prove(&p, q, red_key());
    p.chains[0].entries[2].effects = p.chains[0].entries[3].effects;
    expect_caught(&p, LEDGER_LIST_CHECK_CONTENTS, "effects");
}
END_TEST

START_TEST(entries_of_another_key_are_not_those_of_the_one_asked)
{
    struct ledger_list_proof p;

    prove_reds(&p);
    stored_key_colour(&W, "green");
    p.chains[0].key = keep();
    expect_caught(&p, LEDGER_LIST_CHECK_MAP, "map proof");
}
END_TEST

/* ---- now ---- */

static void prove_now(struct ledger_list_proof *out)
{
    stored_key_open(&W, true);
    prove(out, (struct ledger_question){.ask = LEDGER_ASK_NOW}, keep());
    ck_assert_uint_eq(out->chains[0].n_subjects, REDS + 1 - 3);
}

START_TEST(a_hidden_subject_is_missed)
{
    struct ledger_list_proof p;
    struct ledger_list_chain *c;

    prove_now(&p);
    expect_valid(&p);
    c = &p.chains[0];
    c->n_subjects--;
    expect_caught(&p, LEDGER_LIST_CHECK_MAP,
                  "map proof"); /* a key that is proved and not asked for */
    prove_now(&p);
    c = &p.chains[0];
    c->subjects[3] = c->subjects[2]; /* the number is right again */
    expect_caught(&p, LEDGER_LIST_CHECK_MAP, "map proof");
}
END_TEST

/* The same with a map proof for exactly what is shown: then it is the count that convicts. */
static void prove_map_again(struct ledger_list_proof *p)
{
    struct ledger_chain_name name;
    struct ledger_declared declared;
    struct ledger_map_key *keys;
    struct store_read *read;
    size_t n;

    ck_assert_int_eq(ledger_chain_name_decode(&name, p->chains[0].key), ANJU_OK);
    ck_assert_int_eq(ledger_declaration_decode(&declared, &p->declarations[0], &p->ledger_id, &A),
                     ANJU_OK);
    ledger_list_map_keys(&keys, &n, p, &name, &declared, &A);
    ck_assert_int_eq(store_read_begin(&read, S.store), ANJU_OK);
    ck_assert_int_eq(store_read_prove(read, &W, keys, n), ANJU_OK);
    store_read_end(read);
    p->map = keep();
}

START_TEST(a_hidden_subject_is_missed_even_where_the_map_is_proved_for_the_others)
{
    struct ledger_list_proof p;
    struct ledger_list_chain *c;

    prove_now(&p);
    c = &p.chains[0];
    c->n_subjects--;
    prove_map_again(&p);
    expect_caught(&p, LEDGER_LIST_CHECK_NOW, "7 subjects have the value now, 6 are shown");
    prove_now(&p);
    c = &p.chains[0];
    c->subjects[3] = c->subjects[2];
    prove_map_again(&p);
    expect_caught(&p, LEDGER_LIST_CHECK_NOW, "stands twice");
}
END_TEST

START_TEST(a_closed_one_called_open_and_one_that_is_another_are_seen)
{
    struct ledger_list_proof p, state;
    const struct ledger_subject_id gone = red(0);
    struct ledger_list_subject *s;

    prove_now(&p);
    s = &p.chains[0].subjects[0];
    s->state = THING_USED;
    expect_caught(&p, LEDGER_LIST_CHECK_STATES, "not its state");
    prove_now(&p);
    p.chains[0].subjects[1].attributes = p.chains[0].subjects[2].attributes;
    expect_caught(&p, LEDGER_LIST_CHECK_STATES, "not its state");
    /* A true state of one that is gone, in the place of the first that is open. */
    stored_key_subject(&W, &gone);
    prove(&state, (struct ledger_question){.ask = LEDGER_ASK_NOW}, keep());
    expect_valid(&state);
    prove_now(&p);
    p.chains[0].subjects[0] = state.chains[0].subjects[0];
    prove_map_again(&p);
    expect_caught(&p, LEDGER_LIST_CHECK_NOW, "does not have the value now");
}
END_TEST

START_TEST(a_misstated_live_count_does_not_lead_to_the_root)
{
    struct ledger_list_proof p;
    struct ledger_map_key key;
    uint8_t *map;
    size_t at = 0;

    prove(&p, (struct ledger_question){.ask = LEDGER_ASK_COUNT}, red_key());
    expect_valid(&p);
    ledger_map_key_chain(&key, p.chains[0].key);
    map = (uint8_t *)(uintptr_t)p.map.data;
    while (memcmp(map + at, key.b, 32) != 0)
        at++;
    ck_assert_uint_eq(get_u64(map + at + 32), REDS + 6);
    ck_assert_uint_eq(get_u64(map + at + 40), REDS);
    put_u64(map + at + 40, REDS - 1);
    expect_caught(&p, LEDGER_LIST_CHECK_MAP, "does not lead to the map root");
}
END_TEST

START_TEST(the_state_of_another_subject_is_not_the_one_asked_for)
{
    struct ledger_list_proof p;
    const struct ledger_subject_id one = red(5), other = red(7);

    stored_key_subject(&W, &one);
    prove(&p, (struct ledger_question){.ask = LEDGER_ASK_NOW}, keep());
    p.chains[0].subjects[0].id = other;
    expect_caught(&p, LEDGER_LIST_CHECK_MAP, "map proof");
    p.chains[0].n_subjects = 0;
    expect_caught(&p, LEDGER_LIST_CHECK_NOW, "0 are shown");
}
END_TEST

/* ---- roots, ledgers, signers ---- */

START_TEST(an_old_root_does_not_fit_a_new_map_and_an_old_answer_says_its_age)
{
    struct ledger_list_proof old, p;
    const struct ledger_subject_id id = red(4);

    prove_reds(&old);
    commit_one(stored_record(&S, THING_PAINT, &id, 1, NULL, "red", NULL, 0));
    prove(&p, (struct ledger_question){.ask = LEDGER_ASK_PAGE, .b = UINT64_MAX}, red_key());
    memcpy(p.header, old.header, sizeof p.header);
    memcpy(p.result, old.result, sizeof p.result);
    p.certificate = old.certificate;
    expect_caught(&p, LEDGER_LIST_CHECK_MAP, "does not lead to the map root");
    expect_valid(&old); /* it was so, and the time that it says is the certified one */
    ck_assert_uint_eq(report_of(&old, NULL).header.height, REDS + 1 + 6);
    ck_assert_uint_eq(report_of(&old, NULL).header.time_ms, S.now - 1000);
    /* A later time is not certified. */
    put_u64(old.header + 10, S.now);
    expect_caught(&old, LEDGER_LIST_CHECK_RESULT, "another block");
}
END_TEST

START_TEST(a_root_of_another_ledger_is_seen_whatever_it_calls_itself)
{
    struct ledger_list_proof p;
    struct ledger_result result;
    struct crypto_hash result_id;

    prove_reds(&p);
    p.ledger_id.b[3] ^= 1;
    expect_caught(&p, LEDGER_LIST_CHECK_LEDGER, "another ledger");
    prove_reds(&p);
    ck_assert_int_eq(ledger_result_decode(&result, bytes_of(p.result, LEDGER_RESULT_SIZE)),
                     ANJU_OK);
    memset(result.map_root.b, 5, 32); /* what the other ledger has */
    ledger_result_encode(p.result, &result);
    expect_caught(&p, LEDGER_LIST_CHECK_RESULT, "another result");
    ledger_result_id(&result_id, &result, &p.ledger_id);
    p.certificate.result = result_id;
    expect_caught(&p, LEDGER_LIST_CHECK_MAP, "does not lead to the map root");
}
END_TEST

START_TEST(f_validators_or_a_signature_twice_are_no_quorum)
{
    struct ledger_list_proof p;

    prove_reds(&p);
    p.certificate.q = 1; /* f */
    expect_caught(&p, LEDGER_LIST_CHECK_SIGNATURES, "signatures");
    prove_reds(&p);
    p.certificate.sig[2] = p.certificate.sig[1];
    expect_caught(&p, LEDGER_LIST_CHECK_SIGNATURES, "");
    p.certificate.index[2] = p.certificate.index[1];
    expect_caught(&p, LEDGER_LIST_CHECK_SIGNATURES, "");
}
END_TEST

/* The genesis set signs a height that another set rules, and says nothing of it. */
START_TEST(a_set_that_signs_outside_its_span_is_seen)
{
    struct ledger_set_change change = {.set = S.f.registry->set};
    struct ledger_set_path path = {
        .ledger_id = S.f.genesis.ledger_id, .n_changes = 1, .changes = &change};
    struct ledger_list_proof p;
    struct ledger_list_report r;

    change.set.since = 5;
    change.set.n = 4;
    change.set.previous = S.f.registry->set.hash;
    change.set.node[0].node_key = ledger_registry_key(S.f.registry, 8)->key;
    ck_assert_int_eq(ledger_set_seal(&change.set, &S.f.genesis.ledger_id), ANJU_OK);
    prove_reds(&p);
    r = report_of(&p, &path);
    ck_assert_int_eq(r.verdict, LEDGER_INVALID);
    ck_assert_ptr_nonnull(strstr(r.reason, "ruled by the set since block 5"));
    change.set.since = 1000; /* it does not rule yet: all is well */
    ck_assert_int_eq(report_of(&p, &path).verdict, LEDGER_VALID);
}
END_TEST

/* ---- indexes ---- */

START_TEST(an_index_must_be_the_declared_one)
{
    struct ledger_list_proof p, count;
    struct ledger_list_declaration declared;

    prove_reds(&p);
    p.n_declarations = 0;
    expect_caught(&p, LEDGER_LIST_CHECK_INDEXES, "not shown to be declared");
    stored_key_colour_state(&W, "red", THING_MADE);
    prove(&count, (struct ledger_question){.ask = LEDGER_ASK_COUNT}, keep());
    prove_reds(&p);
    declared = p.declarations[0];
    p.declarations[0] = count.declarations[0];
    expect_caught(&p, LEDGER_LIST_CHECK_INDEXES, "not shown to be declared");
    p.declarations = arena_alloc(&A, 2 * sizeof p.declarations[0]);
    p.declarations[0] = declared;
    p.declarations[1] = count.declarations[0];
    p.n_declarations = 2;
    expect_caught(&p, LEDGER_LIST_CHECK_INDEXES, "does not name");
    /* The same value under another type than the declared one is another key, which never was. */
    prove_reds(&p);
    writer_u8(&W, 2);
    writer_u16(&W, THING);
    writer_u16(&W, THING_LIST_COLOUR);
    writer_u8(&W, 1);
    writer_u8(&W, LEDGER_PART_BIN);
    writer_u16(&W, 3);
    writer_put(&W, "red", 3);
    p.chains[0].key = keep();
    expect_caught(&p, LEDGER_LIST_CHECK_INDEXES, "components");
}
END_TEST

/* A ledger with an index that began late: one subject is counted, one has not been touched since.
 */
struct late {
    struct ledger_list_proof proof;
    struct ledger_list_declaration declaration;
    struct ledger_list_chain chain;
    struct ledger_list_subject subjects[2];
    struct ledger_map_leaf leaves[4];
};

static struct ledger_attributes late_attributes(bool late, struct ledger_value *items)
{
    struct writer w = {0};

    mp_put_array(&w, 1);
    mp_put_array(&w, 2);
    mp_put_uint(&w, THING_COLOUR);
    mp_put_uint(&w, LEDGER_PART_STR);
    items[0] = (struct ledger_value){LEDGER_INDEX_PROCEDURE, fixture_uint(&S.f, THING)};
    items[1] = (struct ledger_value){LEDGER_INDEX_NUMBER, fixture_uint(&S.f, 9)};
    items[2] = (struct ledger_value){LEDGER_INDEX_KIND, fixture_uint(&S.f, LEDGER_INDEX_LIST)};
    items[3] = (struct ledger_value){LEDGER_INDEX_LATE, fixture_bool(&S.f, late)};
    items[4] = (struct ledger_value){LEDGER_INDEX_COMPONENTS, arena_copy(&A, writer_view(&w))};
    writer_free(&w);
    return (struct ledger_attributes){.count = 5, .items = items};
}

static struct ledger_entry late_entry(uint64_t seq, const struct crypto_hash *effects_root)
{
    return (struct ledger_entry){.kind = LEDGER_ENTRY_TIMER,
                                 .seq = seq,
                                 .height = 5,
                                 .time_ms = FIXTURE_CREATED + 5000,
                                 .n_effects = 1,
                                 .effects_root = *effects_root};
}

/* A leaf of a chain with this one entry. */
static void late_leaf(struct ledger_map_leaf *out, const uint8_t entry[LEDGER_ENTRY_SIZE],
                      const struct crypto_hash *state, uint64_t live)
{
    out->count = 1;
    out->live = live;
    ledger_entry_leaf(&out->root, entry);
    out->state = *state;
}

static void late_declare(struct late *l, bool late)
{
    struct ledger_value items[5];
    struct ledger_attributes all = late_attributes(late, items);
    struct ledger_effect e = {.version_after = 1, .state_after = 1};
    struct ledger_entry entry;
    struct crypto_hash root;

    ledger_builtin_index_id(&e.subject, THING, 9);
    ledger_attributes_encode(&W, items, 5);
    e.changed = keep();
    ledger_state_digest(&e.state_digest, &S.f.genesis.ledger_id, 0, &e.subject, 1, 1, &all);
    ledger_effects_root(&root, &e, 1);
    entry = late_entry(50, &root);
    l->declaration = (struct ledger_list_declaration){.index = 0};
    ledger_entry_encode(l->declaration.entry, &entry);
    ledger_effect_encode(&W, &e);
    l->declaration.effect = keep();
    ledger_map_key_subject(&l->leaves[0].key, 0, &e.subject);
    late_leaf(&l->leaves[0], l->declaration.entry, &e.state_digest, 0);
}

/* Subject i: its last entry has this seq. */
static void late_subject(struct late *l, unsigned i, uint64_t seq)
{
    struct ledger_list_subject *s = &l->subjects[i];
    struct ledger_value item = {THING_COLOUR, fixture_str(&S.f, "red")};
    struct ledger_attributes all = {.count = 1, .items = &item};
    struct crypto_hash digest, root = {{7}};
    struct ledger_entry entry = late_entry(seq, &root);

    *s = (struct ledger_list_subject){
        .id = fixture_subject(20454, i), .version = 3, .state = 1, .has_last = true};
    ledger_attributes_encode(&W, &item, 1);
    s->attributes = keep();
    ledger_entry_encode(s->last, &entry);
    ledger_state_digest(&digest, &S.f.genesis.ledger_id, THING, &s->id, 3, 1, &all);
    ledger_map_key_subject(&l->leaves[1 + i].key, THING, &s->id);
    late_leaf(&l->leaves[1 + i], s->last, &digest, 0);
}

static int by_leaf_key(const void *a, const void *b)
{
    return memcmp(((const struct ledger_map_leaf *)a)->key.b,
                  ((const struct ledger_map_leaf *)b)->key.b, 32);
}

/* Header, result and certificate over a map of these leaves. */
static struct ledger_map *late_seal(struct late *l)
{
    struct ledger_map *empty = ledger_map_empty(), *map;
    struct ledger_header header = {.version = 1,
                                   .height = 5,
                                   .time_ms = FIXTURE_CREATED + 5000,
                                   .previous_certificate = {{1}}};
    struct ledger_result result = {
        .height = 5, .log_size = 100, .next_set = S.f.registry->set.hash};
    struct crypto_hash vid, result_id;

    qsort(l->leaves, 4, sizeof l->leaves[0], by_leaf_key);
    ck_assert_int_eq(ledger_map_update(&map, empty, l->leaves, 4, NULL, NULL), ANJU_OK);
    ledger_map_release(empty);
    ledger_map_root(&result.map_root, map);
    l->proof.ledger_id = S.f.genesis.ledger_id;
    ledger_header_encode(l->proof.header, &header);
    ledger_result_encode(l->proof.result, &result);
    ledger_block_id(&vid, &header, &l->proof.ledger_id);
    ledger_result_id(&result_id, &result, &l->proof.ledger_id);
    fixture_certify(&S.f, &l->proof.certificate, 5, &vid, &result_id);
    return map;
}

static void late_prove(struct late *l, const struct ledger_map *map)
{
    struct ledger_chain_name name;
    struct ledger_declared declared;
    struct ledger_map_key *keys;
    size_t n;

    ck_assert_int_eq(ledger_chain_name_decode(&name, l->chain.key), ANJU_OK);
    ck_assert_int_eq(ledger_declaration_decode(&declared, &l->declaration, &l->proof.ledger_id, &A),
                     ANJU_OK);
    ledger_list_map_keys(&keys, &n, &l->proof, &name, &declared, &A);
    ck_assert_int_eq(ledger_map_prove(&W, map, keys, n), ANJU_OK);
    l->proof.map = keep();
}

START_TEST(an_index_that_began_late_says_so_and_counts_only_what_was_touched_since)
{
    struct late *l = arena_alloc(&A, sizeof *l);
    struct ledger_map *map;
    struct ledger_list_report r;
    struct crypto_hash none = {{0}};

    writer_u8(&W, 2);
    writer_u16(&W, THING);
    writer_u16(&W, 9);
    writer_u8(&W, 1);
    writer_u8(&W, LEDGER_PART_STR);
    writer_u16(&W, 3);
    writer_put(&W, "red", 3);
    l->chain.key = keep();
    late_declare(l, true);
    late_subject(l, 0, 60);
    late_subject(l, 1, 40);
    ledger_map_key_chain(&l->leaves[3].key, l->chain.key);
    late_leaf(&l->leaves[3], l->subjects[0].last, &none, 1);
    map = late_seal(l);
    l->proof.question.ask = LEDGER_ASK_NOW;
    l->proof.n_declarations = l->proof.n_chains = 1;
    l->proof.declarations = &l->declaration;
    l->proof.chains = &l->chain;
    l->chain.subjects = l->subjects;
    l->chain.n_subjects = 1;
    late_prove(l, map);
    r = report_of(&l->proof, NULL);
    ck_assert_msg(r.verdict == LEDGER_VALID, "%s", r.reason);
    ck_assert(r.answers[0].declared->late);
    ck_assert_uint_eq(r.answers[0].declared->since, 50);
    /* One from before in the place of the one that counts. */
    l->chain.subjects = &l->subjects[1];
    late_prove(l, map);
    expect_caught(&l->proof, LEDGER_LIST_CHECK_NOW, "late index does not count");
    l->subjects[1].has_last = false;
    expect_caught(&l->proof, LEDGER_LIST_CHECK_NOW, "began late");
    /* A later entry than its last. */
    l->subjects[1].has_last = true;
    memcpy(l->subjects[1].last, l->subjects[0].last, LEDGER_ENTRY_SIZE);
    expect_caught(&l->proof, LEDGER_LIST_CHECK_NOW, "not its last");
    /* Hidden: declared as if it had been there from the beginning. */
    l->chain.subjects = l->subjects;
    l->subjects[0].has_last = false;
    struct ledger_map_leaf keep_leaf = l->leaves[0];
    late_declare(l, false);
    l->leaves[0] = keep_leaf;
    late_prove(l, map);
    expect_caught(&l->proof, LEDGER_LIST_CHECK_INDEXES, "not declared like this");
    ledger_map_release(map);
}
END_TEST

/* ---- consistency ---- */

static void prove_consistency(struct ledger_consistency *out, uint64_t first, uint64_t second)
{
    struct store_read *read;

    ck_assert_int_eq(store_read_begin(&read, S.store), ANJU_OK);
    ck_assert_int_eq(rpc_prove_consistency(out, read, S.f.registry, first, second, &A), ANJU_OK);
    store_read_end(read);
}

static struct ledger_consistency_report consistency_of(const struct ledger_consistency *c)
{
    struct ledger_consistency_report out;

    ledger_consistency_verify(&out, c, S.f.registry, NULL);
    return out;
}

START_TEST(any_log_is_the_beginning_of_any_later_one)
{
    struct ledger_consistency c, again;
    struct ledger_consistency_report r;
    json_t *json;

    for (uint64_t first = 1; first < REDS + 7; first++) {
        for (uint64_t second = first + 1; second <= REDS + 7; second++) {
            prove_consistency(&c, first, second);
            json = consistency_json(&c);
            receipt_json_text(&W, json);
            json_decref(json);
            ck_assert_int_eq(consistency_json_decode(&again, keep(), &A), ANJU_OK);
            r = consistency_of(&again);
            ck_assert_msg(r.verdict == LEDGER_VALID, "%s", r.reason);
            ck_assert_uint_eq(r.result[1].log_size - r.result[0].log_size, second - first);
        }
    }
}
END_TEST

START_TEST(two_logs_that_do_not_agree_are_no_consistency_however_they_are_signed)
{
    struct ledger_consistency c;
    struct ledger_consistency_report r;
    struct ledger_result result;
    struct crypto_hash id;

    prove_consistency(&c, 3, 9);
    c.path.hash[0].b[0] ^= 1;
    r = consistency_of(&c);
    ck_assert_int_eq(r.verdict, LEDGER_INVALID);
    ck_assert_ptr_nonnull(strstr(r.reason, "not shown to be the beginning"));
    prove_consistency(&c, 3, 9);
    ck_assert_int_eq(ledger_result_decode(&result, bytes_of(c.first.result, LEDGER_RESULT_SIZE)),
                     ANJU_OK);
    result.log_root.b[9] ^= 1; /* a fork that a quorum signed */
    ledger_result_encode(c.first.result, &result);
    ledger_result_id(&id, &result, &c.ledger_id);
    fixture_certify(&S.f, &c.first.certificate, 3, &c.first.certificate.vid, &id);
    ck_assert_int_eq(consistency_of(&c).verdict, LEDGER_INVALID);
    prove_consistency(&c, 3, 9);
    c.second.certificate.sig[0].b[5] ^= 1;
    r = consistency_of(&c);
    ck_assert_int_eq(r.verdict, LEDGER_INVALID);
    ck_assert_ptr_nonnull(strstr(r.reason, "second checkpoint"));
    prove_consistency(&c, 3, 9);
    struct ledger_checkpoint first = c.first;
    c.first = c.second;
    c.second = first;
    ck_assert_int_eq(consistency_of(&c).verdict, LEDGER_INVALID);
}
END_TEST

/* Every byte of the text; where the long sweep is asked for, each. */
START_TEST(no_byte_of_a_proof_of_consistency_is_unchecked)
{
    const bool every = getenv("ANJU_TEST_LONG") != NULL;
    struct ledger_consistency c, changed;
    struct bytes text;
    uint64_t seed = 5;
    uint8_t *copy;
    json_t *json;

    prove_consistency(&c, 4, 14);
    json = consistency_json(&c);
    receipt_json_text(&W, json);
    json_decref(json);
    text = keep();
    copy = arena_alloc(&A, text.size);
    for (size_t i = 0; i < (every ? text.size : 1000); i++) {
        struct arena a = {0};

        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        const size_t at = every ? i : (size_t)(seed >> 20) % text.size;
        memcpy(copy, text.data, text.size);
        copy[at] ^= (uint8_t)(1u << (seed >> 61));
        if (consistency_json_decode(&changed, bytes_of(copy, text.size), &a) == ANJU_OK)
            ck_assert_msg(consistency_of(&changed).verdict != LEDGER_VALID, "byte %zu", at);
        ck_assert_int_ne(consistency_json_decode(&changed, bytes_of(text.data, at), &a), ANJU_OK);
        arena_free(&a);
    }
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *t = tcase_create("lying provers");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, an_entry_left_out_at_the_start_in_the_middle_or_at_the_end_is_missed, 0,
                        3);
    tcase_add_loop_test(t, a_true_page_in_place_of_the_whole_is_not_the_answer, 0, 4);
    tcase_add_test(t, a_span_of_time_without_its_neighbours_is_not_the_answer);
    tcase_add_test(t, swapped_and_invented_entries_are_seen);
    tcase_add_test(t, another_record_or_other_effects_than_the_entry_binds_are_seen);
    tcase_add_test(t, entries_of_another_key_are_not_those_of_the_one_asked);
    tcase_add_test(t, a_hidden_subject_is_missed);
    tcase_add_test(t, a_hidden_subject_is_missed_even_where_the_map_is_proved_for_the_others);
    tcase_add_test(t, a_closed_one_called_open_and_one_that_is_another_are_seen);
    tcase_add_test(t, a_misstated_live_count_does_not_lead_to_the_root);
    tcase_add_test(t, the_state_of_another_subject_is_not_the_one_asked_for);
    tcase_add_test(t, an_old_root_does_not_fit_a_new_map_and_an_old_answer_says_its_age);
    tcase_add_test(t, a_root_of_another_ledger_is_seen_whatever_it_calls_itself);
    tcase_add_test(t, f_validators_or_a_signature_twice_are_no_quorum);
    tcase_add_test(t, a_set_that_signs_outside_its_span_is_seen);
    tcase_add_test(t, an_index_must_be_the_declared_one);
    tcase_add_test(t, an_index_that_began_late_says_so_and_counts_only_what_was_touched_since);
    tcase_add_test(t, any_log_is_the_beginning_of_any_later_one);
    tcase_add_test(t, two_logs_that_do_not_agree_are_no_consistency_however_they_are_signed);
    tcase_add_test(t, no_byte_of_a_proof_of_consistency_is_unchecked);
    suite_add_tcase(suite, t);
}

UNIT_MAIN("list liar", add_tests)
