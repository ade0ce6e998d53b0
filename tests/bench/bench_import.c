/* How many records of order-import a second execution takes with the real engine, without
 * signatures: orders go from placed to closed, five records each. Usage: bench_import [orders]
 * [orders a block] [records an envelope]; from the top of the repository. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ledger/execute.h"
#include "ledger/procedure_body.h"
#include "rpc/procedure_json.h"
#include "tests/unit/fixture.h"

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static enum anju_err load(void *user, struct bytes *out, const char *name)
{
    char path[256];
    char *text = anju_alloc(1 << 20);
    FILE *file;

    (void)user;
    (void)snprintf(path, sizeof(path), "ledger/procedures/%s", name);
    file = fopen(path, "rb");
    if (file == NULL) {
        free(text);
        return ANJU_ERR_NOT_FOUND;
    }
    *out = bytes_of(text, fread(text, 1, 1 << 20, file));
    (void)fclose(file);
    return ANJU_OK;
}

static void put_field(struct ledger_record *r, const struct ledger_action *a, const char *name,
                      struct bytes value)
{
    for (uint8_t i = 0; i < a->n_fields; i++)
        if (strcmp(a->field[i].name, name) == 0)
            r->fields[r->n_fields++] =
                (struct ledger_value){.number = a->field[i].number, .value = value};
}

static int by_number(const void *a, const void *b)
{
    return ((const struct ledger_value *)a)->number - ((const struct ledger_value *)b)->number;
}

static struct bytes record_of(struct fixture *f, const struct ledger_procedure *p, uint64_t order,
                              unsigned step, uint64_t time_ms)
{
    static const char *const names[] = {"place", "dispatch", "accept", "complete", "close"};
    const struct ledger_action *a = NULL;
    struct ledger_record r = {.procedure = p->number,
                              .procedure_version = 1,
                              .subject = fixture_subject((uint16_t)(20454 + order / 2000), order),
                              .expected_version = step};
    char text[64];

    for (uint8_t i = 0; i < p->n_actions; i++)
        if (strcmp(p->action[i].name, names[step]) == 0)
            a = &p->action[i];
    if (a == NULL)
        exit(1);
    r.action = a->number;
    r.fields = arena_alloc(&f->arena, 8 * sizeof(*r.fields));
    put_field(&r, a, "occurred", fixture_uint(f, time_ms - 1000 + step));
    if (step == 0) {
        (void)snprintf(text, sizeof(text), "1010%08llu", (unsigned long long)order);
        put_field(&r, a, "no", fixture_str(f, text));
        (void)snprintf(text, sizeof(text), "Request for Pothole Repair %u",
                       (unsigned)(order * 7919 % 180));
        put_field(&r, a, "type", fixture_str(f, text));
        (void)snprintf(text, sizeof(text), "Neighborhood %u", (unsigned)(order * 104729 % 24));
        put_field(&r, a, "grid", fixture_str(f, text));
    }
    if (step == 1) {
        (void)snprintf(text, sizeof(text), "PWDx_District %u", (unsigned)(order * 31 % 60));
        put_field(&r, a, "provider", fixture_str(f, text));
    }
    qsort(r.fields, r.n_fields, sizeof(*r.fields), by_number);
    return fixture_record(f, &r);
}

/* One block: `n` orders, all their records, envelopes of `per` records. */
static void make_block(struct ledger_block *out, struct fixture *f,
                       const struct ledger_procedure *p, uint64_t height, uint64_t first,
                       uint64_t n, uint64_t per)
{
    static const struct crypto_sig unsigned_ = {{0}};
    const uint64_t time_ms = FIXTURE_CREATED + height * 1000;
    struct bytes *records = arena_alloc(&f->arena, n * 5 * sizeof(*records));
    struct ledger_envelope *envelopes = arena_alloc(&f->arena, n * 5 * sizeof(*envelopes));
    uint32_t n_envelopes = 0;

    for (uint64_t i = 0; i < n * 5; i++)
        records[i] = record_of(f, p, first + i / 5, (unsigned)(i % 5), time_ms);
    for (uint64_t i = 0; i < n * 5; i += per) {
        const uint16_t count = (uint16_t)(n * 5 - i < per ? n * 5 - i : per);
        uint8_t nonce[LEDGER_NONCE_SIZE] = {0};
        uint8_t body[LEDGER_BODY_SIZE];
        struct writer w = {0};

        put_u64(nonce, ++f->nonces);
        ledger_envelope_body(body, FIXTURE_GOVERNMENT, FIXTURE_GOVERNMENT, nonce, time_ms + 5000,
                             records + i, count);
        ledger_envelope_wire(&w, body, &unsigned_, records + i, count);
        if (ledger_envelope_decode(&envelopes[n_envelopes++],
                                   arena_copy(&f->arena, writer_view(&w)), &f->registry->ledger_id,
                                   &f->arena) != ANJU_OK)
            exit(1);
        writer_free(&w);
    }
    *out = (struct ledger_block){.header = {.version = 1, .height = height, .time_ms = time_ms},
                                 .n_envelopes = n_envelopes,
                                 .envelopes = envelopes,
                                 .n_records = (uint32_t)(n * 5)};
    crypto_sha256(&out->id, bytes_of(&height, sizeof(height)));
}

static uint64_t total = 10000, per_block = 200, per_envelope = 100;

/* A test only because the fixture asserts, and Check's asserts want to be in one. */
START_TEST(import)
{
    struct procedure_json_source source = {.load = load};
    struct procedure_json_result compiled;
    static struct fixture f;
    const struct ledger_procedure *p;
    struct bytes bytes;
    struct ledger_view empty;
    struct ledger_overlay *base;
    double spent = 0;
    uint64_t records = 0;

    if (load(NULL, &source.text, "order-import.json") != ANJU_OK ||
        procedure_json_compile(&compiled, &source) != ANJU_OK)
        ck_abort_msg("ledger/procedures/order-import.json: %s", anju_err_text());
    bytes = writer_view(&compiled.compiled);
    fixture_init(&f, 4, &bytes, 1);
    p = ledger_registry_procedure_named(f.registry, "order-import");
    empty = ledger_view_empty(f.registry);
    base = ledger_overlay_new(&empty);
    ck_assert_int_eq(ledger_execute_genesis(base), ANJU_OK);
    for (uint64_t done = 0, height = 1; done < total; done += per_block, height++) {
        struct ledger_overlay *o = ledger_overlay_new(ledger_overlay_view(base));
        struct ledger_block block;
        size_t count;
        double begin;

        make_block(&block, &f, p, height, done, per_block, per_envelope);
        begin = now_s();
        ck_assert_int_eq(ledger_execute(o, &block), ANJU_OK);
        spent += now_s() - begin;
        (void)ledger_overlay_items(o, &count);
        ck_assert_uint_eq(count, block.n_records);
        records += count;
        ledger_overlay_absorb(base, o);
        arena_clear(&f.arena);
    }
    printf("%llu records of imported orders, %llu a block, %llu an envelope: %.1f us a record, "
           "%.0f records/s\n",
           (unsigned long long)records, (unsigned long long)per_block * 5,
           (unsigned long long)per_envelope, spent * 1e6 / (double)records,
           (double)records / spent);
    ledger_overlay_free(base);
    procedure_json_result_free(&compiled);
    fixture_deinit(&f);
    free((void *)(uintptr_t)source.text.data);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("import");
    TCase *c = tcase_create("import");
    SRunner *runner = srunner_create(suite);
    int failed;

    if (argc > 1)
        total = strtoul(argv[1], NULL, 10);
    if (argc > 2)
        per_block = strtoul(argv[2], NULL, 10);
    if (argc > 3)
        per_envelope = strtoul(argv[3], NULL, 10);
    tcase_set_timeout(c, 0);
    tcase_add_test(c, import);
    suite_add_tcase(suite, c);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_MINIMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
