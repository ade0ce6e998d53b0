/* The files of tests/vectors/lists: proofs of lists and of consistency of one small ledger, good
 * ones and, by the names of their faults, bad ones; made here, the same bytes in every run, and
 * held against the files. LIST_VECTORS_WRITE=1 writes the files. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "ledger/consistency.h"
#include "rpc/consistency_json.h"
#include "rpc/list_proof_json.h"
#include "rpc/list_prove.h"
#include "rpc/receipt_json.h"
#include "tests/toy/tempdir.c"
#include "tests/unit/procedure_files.h"
#include "tests/unit/stored.h"

enum { THINGS = 7 };

static struct stored S;
static struct arena A;
static struct writer W;

static struct bytes keep(void)
{
    struct bytes out = arena_copy(&A, writer_view(&W));

    writer_clear(&W);
    return out;
}

static void commit_one(struct bytes record)
{
    struct bytes envelope = fixture_envelope(&S.f, 2, S.now + 60000, &record, 1);

    stored_commit(&S, 1000, &envelope, 1);
}

static struct ledger_subject_id thing(unsigned i)
{
    return fixture_subject((uint16_t)(20454 + i % 2), i);
}

/* Things 0 to 6, red but for 3; 0 and 1 are painted, and 0 is dropped. Two blocks have no record.
 */
static void setup(void)
{
    struct ledger_subject_id id;
    char no[8];

    tempdir_begin();
    stored_begin(&S, tempdir_path("data"), 0);
    for (unsigned i = 0; i < THINGS; i++) {
        id = thing(i);
        (void)snprintf(no, sizeof no, "N%u", i);
        commit_one(stored_record(&S, THING_MAKE, &id, 0, no, i == 3 ? "green" : "red",
                                 i % 2 == 0 ? "round" : NULL, (int64_t)i - 2));
    }
    stored_commit(&S, 60000, NULL, 0);
    for (unsigned i = 0; i < 2; i++) {
        id = thing(i);
        commit_one(stored_record(&S, THING_PAINT, &id, 1, NULL, "red", NULL, 7));
    }
    id = thing(0);
    commit_one(stored_record(&S, THING_DROP, &id, 2, NULL, NULL, NULL, 0));
    stored_commit(&S, 60000, NULL, 0);
}

static void teardown(void)
{
    stored_end(&S);
    writer_free(&W);
    arena_free(&A);
    tempdir_end();
}

/* ---- files ---- */

static void expect_file(const char *name, struct bytes text)
{
    char path[200];
    struct bytes file;

    (void)snprintf(path, sizeof path, "tests/vectors/lists/%s.json", name);
    if (getenv("LIST_VECTORS_WRITE") != NULL) {
        FILE *f = fopen(path, "wb");

        ck_assert_ptr_nonnull(f);
        ck_assert_uint_eq(fwrite(text.data, 1, text.size, f), text.size);
        ck_assert_int_eq(fclose(f), 0);
    }
    file = files_read(path);
    ck_assert_msg(bytes_equal(file, text), "%s is not what the code makes", path);
    free((void *)(uintptr_t)file.data);
}

static void expect_list(const char *name, const struct ledger_list_proof *p)
{
    const bool good = strncmp(name, "good-", 5) == 0;
    struct ledger_list_proof again;
    struct ledger_list_report report;
    json_t *json = list_proof_json(p);
    struct bytes text;

    receipt_json_text(&W, json);
    json_decref(json);
    text = keep();
    ck_assert_msg(list_proof_json_decode(&again, text, &A) == ANJU_OK, "%s: %s", name,
                  anju_err_text());
    ledger_list_verify(&report, &again, S.f.registry, NULL, &A);
    ck_assert_msg(report.verdict == (good ? LEDGER_VALID : LEDGER_INVALID), "%s: %s", name,
                  report.reason);
    expect_file(name, text);
}

static void prove_keys(struct ledger_list_proof *out, struct ledger_question q,
                       const struct bytes *keys, size_t n)
{
    struct store_read *read;

    ck_assert_int_eq(store_read_begin(&read, S.store), ANJU_OK);
    ck_assert_msg(rpc_prove_list(out, read, S.f.registry, &q, keys, n, &A) == ANJU_OK, "%s",
                  anju_err_text());
    ledger_list_encode(&W, out); /* what is borrowed from the snapshot outlives it */
    store_read_end(read);
    ck_assert_int_eq(ledger_list_decode(out, keep(), &A), ANJU_OK);
}

static void prove(struct ledger_list_proof *out, struct ledger_question q, struct bytes key)
{
    prove_keys(out, q, &key, 1);
}

static struct bytes red(void)
{
    stored_key_colour(&W, "red");
    return keep();
}

static struct bytes open_things(void)
{
    stored_key_open(&W, true);
    return keep();
}

static const struct ledger_question WHOLE = {.ask = LEDGER_ASK_PAGE, .b = UINT64_MAX},
                                    NOW = {.ask = LEDGER_ASK_NOW},
                                    COUNT = {.ask = LEDGER_ASK_COUNT};

/* ---- good ones ---- */

START_TEST(good_proofs_are_the_files)
{
    const struct ledger_subject_id one = thing(0), nobody = fixture_subject(20454, 77);
    struct ledger_list_proof p;
    struct bytes keys[6];

    prove(&p, WHOLE, red());
    expect_list("good-whole", &p);
    prove(&p, (struct ledger_question){.ask = LEDGER_ASK_PAGE, .a = 3, .b = 4, .parts = 3}, red());
    expect_list("good-page-with-records-and-effects", &p);
    prove(&p,
          (struct ledger_question){
              .ask = LEDGER_ASK_TIME, .a = FIXTURE_CREATED + 3000, .b = FIXTURE_CREATED + 6000},
          red());
    expect_list("good-time", &p);
    prove(&p, (struct ledger_question){.ask = LEDGER_ASK_TIME, .a = 5, .b = 6}, red());
    expect_list("good-time-before-all", &p);
    prove(&p, (struct ledger_question){.ask = LEDGER_ASK_LAST, .b = 2}, red());
    expect_list("good-last", &p);
    prove(&p, NOW, open_things());
    expect_list("good-now", &p);
    stored_key_colour_state(&W, "red", THING_MADE);
    prove(&p, NOW, keep());
    expect_list("good-now-along-another-list", &p);
    stored_key_no(&W, "N2");
    prove(&p, COUNT, keep());
    expect_list("good-count-of-a-unique", &p);
    keys[0] = red();
    stored_key_colour(&W, "violet");
    keys[1] = keep();
    stored_key_colour_shape(&W, "red", NULL);
    keys[2] = keep();
    stored_key_actor(&W, 2);
    keys[3] = keep();
    stored_key_subject(&W, &one);
    keys[4] = keep();
    stored_key_subject(&W, &nobody);
    keys[5] = keep();
    prove_keys(&p, (struct ledger_question){.ask = LEDGER_ASK_LAST, .b = 1}, keys, 6);
    expect_list("good-many-keys", &p);
    prove_keys(&p, NOW, keys + 4, 2);
    expect_list("good-state-and-no-such-subject", &p);
}
END_TEST

/* ---- bad ones ---- */

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

static void leave_out(const char *name, uint32_t i)
{
    struct ledger_list_proof p;
    struct ledger_list_chain *c;

    prove(&p, WHOLE, red());
    c = &p.chains[0];
    memmove(&c->entries[i], &c->entries[i + 1], (c->n_entries - i - 1) * sizeof c->entries[0]);
    c->n_entries--;
    expect_list(name, &p);
}

START_TEST(proofs_with_wrong_entries_are_the_files)
{
    struct ledger_list_proof p, page;
    struct ledger_entry e;
    const struct ledger_question time = {
        .ask = LEDGER_ASK_TIME, .a = FIXTURE_CREATED + 3000, .b = FIXTURE_CREATED + 6000};

    leave_out("bad-first-entry-left-out", 0);
    leave_out("bad-entry-left-out", 4);
    leave_out("bad-last-entry-left-out", 8);
    prove(&p, (struct ledger_question){.ask = LEDGER_ASK_PAGE, .b = 8}, red());
    p.question = WHOLE;
    expect_list("bad-page-called-the-whole", &p);
    prove(&page, (struct ledger_question){.ask = LEDGER_ASK_PAGE, .a = 2, .b = 3}, red());
    page.question = time;
    expect_list("bad-time-without-neighbours", &page);
    prove(&page, (struct ledger_question){.ask = LEDGER_ASK_PAGE, .a = 0, .b = 6}, red());
    page.question = time;
    expect_list("bad-time-with-two-before", &page);
    prove(&p, WHOLE, red());
    struct ledger_list_entry other = p.chains[0].entries[2];
    p.chains[0].entries[2] = p.chains[0].entries[3];
    p.chains[0].entries[3] = other;
    expect_list("bad-entries-swapped", &p);
    prove(&p, WHOLE, red());
    ck_assert_int_eq(ledger_entry_decode(&e, bytes_of(p.chains[0].entries[4].bytes, 168)), ANJU_OK);
    e.member = 3;
    ledger_entry_encode(p.chains[0].entries[4].bytes, &e);
    expect_list("bad-entry-invented", &p);
    prove(&p, (struct ledger_question){.ask = LEDGER_ASK_LAST, .b = 2, .parts = 3}, red());
    p.chains[0].entries[0].record = p.chains[0].entries[1].record;
    expect_list("bad-record-of-another-entry", &p);
    prove(&p, (struct ledger_question){.ask = LEDGER_ASK_LAST, .b = 2, .parts = 3}, red());
    p.chains[0].entries[0].effects = p.chains[0].entries[1].effects;
    expect_list("bad-effects-of-another-entry", &p);
}
END_TEST

START_TEST(proofs_with_wrong_subjects_are_the_files)
{
    const struct ledger_subject_id gone = thing(0);
    struct ledger_list_proof p, state;

    prove(&p, NOW, open_things());
    p.chains[0].n_subjects--;
    prove_map_again(&p);
    expect_list("bad-subject-hidden", &p);
    prove(&p, NOW, open_things());
    p.chains[0].subjects[3] = p.chains[0].subjects[2];
    prove_map_again(&p);
    expect_list("bad-subject-twice", &p);
    prove(&p, NOW, open_things());
    p.chains[0].subjects[0].state = THING_USED;
    expect_list("bad-state-changed", &p);
    stored_key_subject(&W, &gone);
    prove(&state, NOW, keep());
    prove(&p, NOW, open_things());
    p.chains[0].subjects[0] = state.chains[0].subjects[0];
    prove_map_again(&p);
    expect_list("bad-closed-called-open", &p);
}
END_TEST

START_TEST(proofs_with_wrong_keys_roots_or_signers_are_the_files)
{
    struct ledger_list_proof p, old;
    const struct ledger_subject_id id = thing(5);
    struct ledger_map_key key;
    uint8_t *map;
    size_t at = 0;

    prove(&p, COUNT, red());
    ledger_map_key_chain(&key, p.chains[0].key);
    map = (uint8_t *)(uintptr_t)p.map.data;
    while (memcmp(map + at, key.b, 32) != 0)
        at++;
    put_u64(map + at + 40, 2);
    expect_list("bad-live-misstated", &p);
    prove(&p, WHOLE, red());
    p.n_declarations = 0;
    expect_list("bad-index-not-declared", &p);
    stored_key_no(&W, "N2");
    prove(&p, WHOLE, keep());
    expect_list("bad-entries-of-a-count", &p);
    prove(&p, WHOLE, red());
    p.certificate.q = 1;
    expect_list("bad-f-signatures", &p);
    prove(&p, WHOLE, red());
    p.certificate.sig[2].b[40] ^= 1;
    expect_list("bad-signature", &p);
    prove(&p, WHOLE, red());
    p.ledger_id.b[0] ^= 1;
    expect_list("bad-other-ledger", &p);
    prove(&old, WHOLE, red());
    commit_one(stored_record(&S, THING_PAINT, &id, 1, NULL, "red", NULL, 0));
    prove(&p, WHOLE, red());
    memcpy(p.header, old.header, sizeof p.header);
    memcpy(p.result, old.result, sizeof p.result);
    p.certificate = old.certificate;
    expect_list("bad-old-root", &p);
}
END_TEST

static void expect_consistency(const char *name, const struct ledger_consistency *c)
{
    const bool good = strncmp(name, "good-", 5) == 0;
    struct ledger_consistency_report report;
    json_t *json = consistency_json(c);

    ledger_consistency_verify(&report, c, S.f.registry, NULL);
    ck_assert_msg(report.verdict == (good ? LEDGER_VALID : LEDGER_INVALID), "%s: %s", name,
                  report.reason);
    receipt_json_text(&W, json);
    json_decref(json);
    expect_file(name, keep());
}

START_TEST(proofs_of_consistency_are_the_files)
{
    struct ledger_consistency c;
    struct store_read *read;

    ck_assert_int_eq(store_read_begin(&read, S.store), ANJU_OK);
    ck_assert_int_eq(rpc_prove_consistency(&c, read, S.f.registry, 3, 10, &A), ANJU_OK);
    expect_consistency("good-consistency", &c);
    c.path.hash[1].b[9] ^= 2;
    expect_consistency("bad-consistency-path", &c);
    ck_assert_int_eq(rpc_prove_consistency(&c, read, S.f.registry, 7, 8, &A), ANJU_OK);
    expect_consistency("good-consistency-of-the-same-size", &c);
    ck_assert_int_eq(rpc_prove_consistency(&c, read, S.f.registry, 3, 10, &A), ANJU_OK);
    c.second.certificate.q--;
    expect_consistency("bad-consistency-signers", &c);
    store_read_end(read);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *t = tcase_create("vectors of lists");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, good_proofs_are_the_files);
    tcase_add_test(t, proofs_with_wrong_entries_are_the_files);
    tcase_add_test(t, proofs_with_wrong_subjects_are_the_files);
    tcase_add_test(t, proofs_with_wrong_keys_roots_or_signers_are_the_files);
    tcase_add_test(t, proofs_of_consistency_are_the_files);
    suite_add_tcase(suite, t);
}

UNIT_MAIN("list vectors", add_tests)
