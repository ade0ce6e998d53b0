/* The values of docs/formats.md, 14: each format once, against tests/vectors/formats.txt, so that a
 * change of any byte is seen, and another implementation can be tested. FORMATS_PRINT=1 prints the
 * file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "ledger/map.h"
#include "ledger/receipt.h"
#include "rpc/receipt_json.h"
#include "unit.h"

static struct fixture F;
static char *FILE_TEXT;
static unsigned COUNT;

static void read_file(void)
{
    FILE *f = fopen("tests/vectors/formats.txt", "rb");
    size_t size = 0;

    FILE_TEXT = anju_alloc(1 << 20);
    if (f == NULL)
        return; /* each value will be missed by name */
    size = fread(FILE_TEXT, 1, (1 << 20) - 1, f);
    fclose(f);
    FILE_TEXT[size] = '\0';
}

/* The file has this name with these bytes. */
static void expect(const char *name, const void *data, size_t size)
{
    char *line = anju_alloc(strlen(name) + 2 * size + 4);
    const char *at;
    int head = sprintf(line, "%s ", name);

    hex_encode(line + head, data, size);
    COUNT++;
    if (getenv("FORMATS_PRINT") != NULL) {
        printf("%s\n", line);
        free(line);
        return;
    }
    strcat(line, "\n");
    at = strstr(FILE_TEXT, line);
    ck_assert_msg(at != NULL && (at == FILE_TEXT || at[-1] == '\n'),
                  "%s is not as in tests/vectors/formats.txt: %s", name, line);
    free(line);
}

static void expect_hash(const char *name, const struct crypto_hash *h)
{
    expect(name, h->b, sizeof h->b);
}

static void expect_writer(const char *name, struct writer *w)
{
    expect(name, w->data, w->size);
    writer_clear(w);
}

static void setup(void)
{
    fixture_init(&F, 4, NULL, 0);
    read_file();
    COUNT = 0;
}

static void teardown(void)
{
    free(FILE_TEXT);
    fixture_deinit(&F);
}

/* ---- records, envelope, batch ---- */

static struct ledger_envelope ENVELOPE;

static void records(void)
{
    struct ledger_value fields[] = {{1, fixture_str(&F, "安居")},
                                    {2, fixture_uint(&F, 70000)},
                                    {7, fixture_int(&F, -129)},
                                    {300, fixture_bool(&F, true)}};
    struct ledger_record r = {.procedure = 1,
                              .procedure_version = 2,
                              .action = 3,
                              .subject = fixture_subject(20454, 7),
                              .expected_version = 4,
                              .n_fields = 4,
                              .fields = fields};
    const struct crypto_hash *ledger_id = &F.genesis.ledger_id;
    struct crypto_hash digest;
    struct bytes raw, wire, batch;

    expect_hash("ledger_id", ledger_id);
    crypto_digest(&digest, "anju/test/1", ledger_id, bytes_of_text("body"));
    expect_hash("digest_of_body_under_tag_anju_test_1", &digest);
    ledger_cosign_digest(&digest, &r, ledger_id);
    expect_hash("cosign_digest", &digest);
    r.n_cosignatures = 1;
    r.cosignature[0].key = ledger_registry_key(F.registry, 8)->key;
    ck_assert_int_eq(crypto_sign(&r.cosignature[0].sig, &F.approver[2], &digest), ANJU_OK);
    raw = fixture_record(&F, &r);
    expect("record", raw.data, raw.size);
    crypto_leaf_hash(&digest, raw);
    expect_hash("record_leaf", &digest);
    wire = fixture_envelope(&F, 2, FIXTURE_CREATED + 60000, &raw, 1);
    ck_assert_int_eq(ledger_envelope_decode(&ENVELOPE, wire, ledger_id, &F.arena), ANJU_OK);
    expect("envelope_key", ledger_registry_key(F.registry, 2)->key.b, CRYPTO_KEY_SIZE);
    expect_hash("envelope_id", &ENVELOPE.id);
    expect("envelope", wire.data, wire.size);
    batch = fixture_batch(&F, &wire, 1);
    ledger_batch_id(&digest, batch, ledger_id);
    expect_hash("batch_id", &digest);
}

/* ---- effects, entry ---- */

static struct ledger_effect EFFECT;
static struct ledger_entry ENTRY;
static struct bytes ATTRIBUTES;

static void entries(void)
{
    struct ledger_value items[] = {{1, fixture_bool(&F, true)}, {16, fixture_str(&F, "text")}};
    struct ledger_attributes all = {.count = 2, .items = items};
    struct writer w = {0};
    uint8_t bytes[LEDGER_ENTRY_SIZE];
    struct crypto_hash leaf;

    ledger_attributes_encode(&w, items, 2);
    ATTRIBUTES = arena_copy(&F.arena, writer_view(&w));
    expect_writer("attributes", &w);
    EFFECT = (struct ledger_effect){.procedure = 1,
                                    .subject = fixture_subject(20454, 7),
                                    .version_after = 5,
                                    .state_after = 2,
                                    .changed = ATTRIBUTES};
    ledger_state_digest(&EFFECT.state_digest, &F.genesis.ledger_id, 1, &EFFECT.subject, 5, 2, &all);
    expect_hash("state_digest", &EFFECT.state_digest);
    ledger_effect_encode(&w, &EFFECT);
    expect_writer("effect", &w);
    ENTRY = (struct ledger_entry){.kind = LEDGER_ENTRY_RECORD,
                                  .seq = 1,
                                  .height = 1,
                                  .time_ms = FIXTURE_CREATED + 1000,
                                  .envelope = ENVELOPE.id,
                                  .member = 2,
                                  .record_leaf = ENVELOPE.leaf_hashes[0],
                                  .n_effects = 1};
    ledger_effects_root(&ENTRY.effects_root, &EFFECT, 1);
    ledger_entry_encode(bytes, &ENTRY);
    expect("entry", bytes, sizeof bytes);
    ledger_entry_leaf(&leaf, bytes);
    expect_hash("entry_leaf", &leaf);
    writer_free(&w);
}

/* ---- map ---- */

static void map(void)
{
    struct ledger_map_leaf leaves[3] = {{.count = 1}, {.count = 2}, {.count = 3, .live = 4}};
    struct ledger_subject_id subject = fixture_subject(20454, 7), other = fixture_subject(20455, 8);
    static const uint8_t chain_key[] = {2, 0, 1, 0, 2, 2, 4, 0, 1, 'a', 0, 0, 0};
    struct ledger_map *empty = ledger_map_empty(), *m = NULL;
    struct crypto_hash hash;
    struct writer w = {0};

    ledger_map_key_chain(&leaves[0].key, bytes_of(chain_key, sizeof chain_key));
    expect("chain_key_of_str_a_and_absent", chain_key, sizeof chain_key);
    expect("map_key_of_it", leaves[0].key.b, 32);
    ledger_map_key_actor(&leaves[0].key, 2);
    expect("map_key_of_actor_2", leaves[0].key.b, 32);
    ledger_map_key_subject(&leaves[1].key, 1, &subject);
    expect("map_key_of_subject", leaves[1].key.b, 32);
    ledger_map_key_subject(&leaves[2].key, 1, &other);
    for (unsigned i = 0; i < 3; i++)
        memset(leaves[i].root.b, (int)(0x10 + i), 32);
    ledger_map_leaf_hash(&hash, &leaves[2]);
    expect_hash("map_leaf", &hash);
    ck_assert_int_eq(ledger_map_update(&m, empty, leaves, 3, NULL, NULL), ANJU_OK);
    ledger_map_root(&hash, m);
    expect_hash("map_root_of_three", &hash);
    ck_assert_int_eq(ledger_map_prove(&w, m, &leaves[1].key, 1), ANJU_OK);
    expect_writer("map_proof_of_subject", &w);
    writer_free(&w);
    ledger_map_release(m);
    ledger_map_release(empty);
}

/* ---- agreement, receipt ---- */

static void receipt(void)
{
    const struct crypto_hash *ledger_id = &F.genesis.ledger_id;
    struct ledger_header h = {.version = 1,
                              .height = 1,
                              .time_ms = FIXTURE_CREATED + 1000,
                              .proposer = F.registry->set.node[1].id,
                              .previous = *ledger_id,
                              .n_batches = 1,
                              .n_records = 1,
                              .n_bytes = (uint32_t)(ENVELOPE.wire.size + 6)};
    struct ledger_result result = {.height = 1, .log_size = 2, .next_set = F.registry->set.hash};
    struct ledger_receipt r = {.has_record = true,
                               .has_envelope = true,
                               .record = ENVELOPE.records[0].raw,
                               .sig = ENVELOPE.sig,
                               .key = ledger_registry_key(F.registry, 2)->key,
                               .n_effects = 1};
    struct ledger_receipt_effect effect = {.has_attributes = true, .attributes = ATTRIBUTES};
    struct crypto_hash leaves[2] = {{{1}}}, id;
    uint8_t bytes[LEDGER_HEADER_SIZE];
    struct ledger_receipt_report report;
    struct writer w = {0}, effect_bytes = {0};

    ledger_set_encode(&w, &F.registry->set);
    expect_writer("set", &w);
    expect_hash("set_hash", &F.registry->set.hash);
    ledger_header_encode(bytes, &h);
    expect("header", bytes, LEDGER_HEADER_SIZE);
    ledger_block_id(&r.claim.vid, &h, ledger_id);
    expect_hash("block_id", &r.claim.vid);
    r.claim.ledger_id = *ledger_id;
    ledger_entry_encode(r.claim.entry, &ENTRY);
    ledger_entry_leaf(&leaves[1], r.claim.entry);
    r.claim.path.n = 1;
    r.claim.path.hash[0] = leaves[0];
    merkle_root_of(&result.log_root, leaves, 2);
    ledger_result_encode(r.claim.result, &result);
    expect("result", r.claim.result, LEDGER_RESULT_SIZE);
    ledger_result_id(&id, &result, ledger_id);
    expect_hash("result_id", &id);
    fixture_certify(&F, &r.certificate, 1, &r.claim.vid, &id);
    ledger_certificate_encode(&w, &r.certificate);
    expect_writer("certificate", &w);
    ledger_certificate_digest(&id, &r.certificate, ledger_id);
    expect_hash("certificate_digest", &id);
    memcpy(r.body, ENVELOPE.body.data, LEDGER_BODY_SIZE);
    ledger_effect_encode(&effect_bytes, &EFFECT);
    effect.effect = writer_view(&effect_bytes);
    r.effects = &effect;
    ledger_receipt_id(&id, &r.claim);
    expect_hash("receipt_id", &id);
    ledger_receipt_encode(&w, &r);
    expect_writer("receipt", &w);
    json_t *json = receipt_json(&r);
    receipt_json_text(&w, json);
    json_decref(json);
    crypto_sha256(&id, writer_view(&w));
    expect_hash("sha256_of_receipt_json", &id);
    /* What others are given to verify must be valid. */
    ledger_receipt_verify(&report, &r, F.registry, NULL);
    ck_assert_msg(report.verdict == LEDGER_VALID, "%s", report.reason);
    writer_free(&w);
    writer_free(&effect_bytes);
}

static void private_fields(void)
{
    static const uint8_t record_salt[32] = {1, 2, 3}, nonce[16] = {4, 5, 6};
    struct ledger_subject_id subject = fixture_subject(20454, 7);
    struct crypto_hash salt, commitment;
    struct crypto_secret secret;

    ledger_field_salt(&salt, record_salt, 5, 1);
    expect_hash("field_salt", &salt);
    ledger_commitment(&commitment, &F.genesis.ledger_id, 2, 3, nonce, 4, 5, 1, &salt,
                      bytes_of_text("value"));
    expect_hash("commitment", &commitment);
    ck_assert_int_eq(ledger_code_secret(&secret, &F.genesis.ledger_id, &subject,
                                        LEDGER_CODE_CONFIRM, "0123456789ABCDEFGHJK"),
                     ANJU_OK);
    expect("secret_of_code_0123456789ABCDEFGHJK_to_confirm", secret.b, 32);
}

/* No value of the file is left that the code no longer makes. */
START_TEST(every_format_gives_the_bytes_of_the_vectors)
{
    unsigned lines = 0;

    records();
    entries();
    map();
    receipt();
    private_fields();
    for (const char *p = FILE_TEXT; *p != '\0'; p++)
        lines += *p == '\n';
    if (getenv("FORMATS_PRINT") == NULL)
        ck_assert_uint_eq(lines, COUNT);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *t = tcase_create("formats");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, every_format_gives_the_bytes_of_the_vectors);
    suite_add_tcase(suite, t);
}

UNIT_MAIN("formats", add_tests)
