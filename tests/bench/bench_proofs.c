/* Time and bytes of each kind of proof of a list at several sizes of the ledger: made from a
 * snapshot of a real store (derived data on disk), verified from its bytes. Usage: bench_proofs
 * [entries...]; default 10000 100000. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ledger/list_proof.h"
#include "rpc/consistency_json.h"
#include "rpc/list_proof_json.h"
#include "rpc/list_prove.h"
#include "rpc/receipt_json.h"
#include "tests/toy/tempdir.c"
#include "tests/unit/stored.h"

enum { PER_ENVELOPE = 250, ENVELOPES = 4, REPEAT_MS = 300 };

static struct stored S;
static struct writer W;
static struct arena KEYS;

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct ledger_subject_id thing(uint64_t i)
{
    return fixture_subject((uint16_t)(20454 + i / 5000), i);
}

/* Groups of 10, 100 and 1,000, and all others. */
static const char *colour_of(uint64_t i)
{
    return i < 10 ? "ten" : i < 110 ? "hundred" : i < 1110 ? "thousand" : "others";
}

/* Record number i: the second half paints what the first half made. */
static struct bytes record_of(uint64_t i, uint64_t total)
{
    const uint64_t number = i % (total / 2);
    const struct ledger_subject_id id = thing(number);
    char no[24];

    (void)snprintf(no, sizeof no, "N%llu", (unsigned long long)number);
    if (i < total / 2)
        return stored_record(&S, THING_MAKE, &id, 0, no, colour_of(number), "round", 1);
    return stored_record(&S, THING_PAINT, &id, 1, NULL, colour_of(number), NULL, 2);
}

static void fill(uint64_t total)
{
    uint64_t done = 0;

    while (done < total) {
        struct bytes envelopes[ENVELOPES], records[PER_ENVELOPE];
        uint16_t n = 0;

        for (; n < ENVELOPES && done < total; n++) {
            uint16_t k = 0;

            for (; k < PER_ENVELOPE && done < total; k++, done++)
                records[k] = record_of(done, total);
            envelopes[n] = fixture_envelope(&S.f, 2, S.now + 60000, records, k);
        }
        stored_commit(&S, 1000, envelopes, n);
        arena_clear(&S.f.arena);
    }
}

static struct bytes keep(void)
{
    struct bytes out = arena_copy(&KEYS, writer_view(&W));

    writer_clear(&W);
    return out;
}

static void stop_with(const char *what, const char *words)
{
    printf("%s: %s\n", what, words);
    exit(1);
}

/* Proves and verifies one question again and again for a while each. */
static void measure(const char *what, struct ledger_question q, const struct bytes *keys, size_t n)
{
    struct ledger_list_proof *p = anju_alloc(sizeof *p);
    struct ledger_list_report *report = anju_alloc(sizeof *report);
    struct arena a = {0};
    struct store_read *read;
    struct bytes raw;
    size_t text_size;
    double begin = now_s(), prove_s, verify_s;
    unsigned times = 0;
    json_t *json;

    do {
        arena_clear(&a);
        ck_assert_int_eq(store_read_begin(&read, S.store), ANJU_OK);
        if (rpc_prove_list(p, read, S.f.registry, &q, keys, n, &a) != ANJU_OK)
            stop_with(what, anju_err_text());
        writer_clear(&W);
        ledger_list_encode(&W, p);
        store_read_end(read);
        times++;
        prove_s = (now_s() - begin) / times;
    } while (now_s() - begin < REPEAT_MS / 1000.0);
    arena_clear(&a);
    raw = arena_copy(&KEYS, writer_view(&W));
    begin = now_s();
    times = 0;
    do {
        arena_clear(&a);
        if (ledger_list_decode(p, raw, &a) != ANJU_OK)
            stop_with(what, anju_err_text());
        ledger_list_verify(report, p, S.f.registry, NULL, &a);
        if (report->verdict != LEDGER_VALID)
            stop_with(what, report->reason);
        times++;
        verify_s = (now_s() - begin) / times;
    } while (now_s() - begin < REPEAT_MS / 1000.0);
    json = list_proof_json(p);
    writer_clear(&W);
    receipt_json_text(&W, json);
    text_size = W.size;
    writer_clear(&W);
    json_decref(json);
    printf("| %-44s | %8zu | %8zu | %8.2f | %8.2f |\n", what, raw.size, text_size, prove_s * 1e3,
           verify_s * 1e3);
    arena_free(&a);
    free(report);
    free(p);
}

static struct bytes colour(const char *name)
{
    stored_key_colour(&W, name);
    return keep();
}

static void measure_pages(uint64_t total)
{
    const uint64_t span = (S.now - FIXTURE_CREATED) / 2 + FIXTURE_CREATED;
    struct bytes key;

    stored_key_open(&W, true);
    key = keep();
    measure("a page of 100 from the middle of all",
            (struct ledger_question){.ask = LEDGER_ASK_PAGE, .a = total / 2, .b = 100}, &key, 1);
    measure("the same with records and effects",
            (struct ledger_question){.ask = LEDGER_ASK_PAGE, .a = total / 2, .b = 100, .parts = 3},
            &key, 1);
    measure("the last 100 of all", (struct ledger_question){.ask = LEDGER_ASK_LAST, .b = 100}, &key,
            1);
    measure("a second of all (1,000 entries)",
            (struct ledger_question){.ask = LEDGER_ASK_TIME, .a = span, .b = span + 1000}, &key, 1);
    key = colour("thousand");
    measure("a whole list of 2,000",
            (struct ledger_question){.ask = LEDGER_ASK_PAGE, .b = UINT64_MAX}, &key, 1);
}

static void measure_subjects(uint64_t total)
{
    const struct ledger_question now = {.ask = LEDGER_ASK_NOW},
                                 whole = {.ask = LEDGER_ASK_PAGE, .b = UINT64_MAX};
    static const char *const GROUPS[] = {"ten", "hundred", "thousand"};
    static const char *const WORDS[] = {"all that have a value now: 10",
                                        "all that have a value now: 100",
                                        "all that have a value now: 1,000"};
    const struct ledger_subject_id id = thing(total / 4);
    struct bytes key, keys[100];

    stored_key_subject(&W, &id);
    key = keep();
    measure("the history of a subject", whole, &key, 1);
    measure("the state of a subject", now, &key, 1);
    for (unsigned i = 0; i < 3; i++) {
        key = colour(GROUPS[i]);
        measure(WORDS[i], now, &key, 1);
    }
    stored_key_open(&W, true);
    key = keep();
    measure("how many", (struct ledger_question){.ask = LEDGER_ASK_COUNT}, &key, 1);
    for (unsigned i = 0; i < 100; i++) {
        char name[16];

        (void)snprintf(name, sizeof name, "none %u", i);
        keys[i] = colour(name);
    }
    measure("one absent value", whole, keys, 1);
    measure("100 absent values", whole, keys, 100);
}

static void one_size(uint64_t total)
{
    double begin = now_s();

    tempdir_begin();
    stored_begin(&S, tempdir_path("data"), 0);
    fill(total);
    printf("\n%llu entries, %llu subjects (made in %.0f s)\n\n", (unsigned long long)total,
           (unsigned long long)total / 2, now_s() - begin);
    printf("| proof | bytes | as JSON | made, ms | verified, ms |\n|---|---|---|---|---|\n");
    measure_pages(total);
    measure_subjects(total);
    stored_end(&S);
    arena_free(&KEYS);
    tempdir_end();
}

static int size_count;
static char **sizes;

/* The ledger is made with what the tests share, which reports its failures through Check. */
START_TEST(measured)
{
    if (size_count == 0) {
        one_size(10000);
        one_size(100000);
    }
    for (int i = 0; i < size_count; i++)
        one_size(strtoul(sizes[i], NULL, 10));
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("bench");
    TCase *t = tcase_create("proofs");
    SRunner *runner;
    int failed;

    size_count = argc - 1;
    sizes = argv + 1;
    tcase_add_test(t, measured);
    suite_add_tcase(suite, t);
    runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    writer_free(&W);
    return failed == 0 ? 0 : 1;
}
