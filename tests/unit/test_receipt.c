/* Receipts and set paths: what verifies, and that no byte of what verifies is unchecked. */
#include "ledger/receipt.h"

#include <string.h>

#include "fixture.h"
#include "rpc/receipt_json.h"
#include "unit.h"

enum { ENTRIES = 11, SEQ = 6, EFFECTS = 3 };
#define BLOCK_TIME (FIXTURE_CREATED + 1000)

static struct fixture F;
static struct arena A;
static struct crypto_hash LEAVES[ENTRIES];
static struct bytes RECORDS[2];
static struct ledger_effect EFFECT[EFFECTS];
static struct bytes EFFECT_BYTES[EFFECTS];
static struct bytes ATTRIBUTES;
static struct ledger_envelope ENVELOPE;

/* The hash of a complete subtree of some leaves. */
static enum anju_err node_of(void *ctx, struct crypto_hash *out, unsigned level, uint64_t index)
{
    const struct crypto_hash *leaves = ctx;

    merkle_root_of(out, leaves + (index << level), (size_t)1 << level);
    return ANJU_OK;
}

static void path_of(struct ledger_path *out, const struct crypto_hash *leaves, uint64_t size,
                    uint64_t index)
{
    unsigned n;

    ck_assert_int_eq(merkle_path(out->hash, &n, index, size, node_of, (void *)(uintptr_t)leaves),
                     ANJU_OK);
    out->n = (uint8_t)n;
}

static struct bytes keep(struct writer *w)
{
    struct bytes out = arena_copy(&A, writer_view(w));

    writer_free(w);
    return out;
}

static void make_effects(void)
{
    struct ledger_value items[2] = {{16, fixture_uint(&F, 5)}, {17, fixture_str(&F, "text")}};
    struct ledger_attributes all = {.count = 2, .items = items};
    struct writer w = {0};

    ledger_attributes_encode(&w, items, 2);
    ATTRIBUTES = keep(&w);
    for (unsigned i = 0; i < EFFECTS; i++) {
        struct ledger_effect *e = &EFFECT[i];

        *e = (struct ledger_effect){.procedure = 1,
                                    .subject = fixture_subject(20000, i),
                                    .version_after = 2,
                                    .state_after = 3,
                                    .changed = ATTRIBUTES};
        ledger_state_digest(&e->state_digest, &F.genesis.ledger_id, 1, &e->subject, 2, 3, &all);
        w = (struct writer){0};
        ledger_effect_encode(&w, e);
        EFFECT_BYTES[i] = keep(&w);
    }
}

static void make_envelope(void)
{
    struct ledger_value field = {1, fixture_uint(&F, 9)};
    struct ledger_record r = {
        .procedure = 1, .procedure_version = 1, .action = 1, .n_fields = 1, .fields = &field};
    struct crypto_hash digest;

    RECORDS[0] = fixture_record(&F, &r);
    r.expected_version = 1;
    ledger_cosign_digest(&digest, &r, &F.genesis.ledger_id);
    r.n_cosignatures = 1;
    ck_assert_int_eq(crypto_key_of(&r.cosignature[0].key, &F.approver[2]), ANJU_OK);
    ck_assert_int_eq(crypto_sign(&r.cosignature[0].sig, &F.approver[2], &digest), ANJU_OK);
    RECORDS[1] = fixture_record(&F, &r);
    ck_assert_int_eq(ledger_envelope_decode(&ENVELOPE,
                                            fixture_envelope(&F, 2, BLOCK_TIME + 5000, RECORDS, 2),
                                            &F.genesis.ledger_id, &A),
                     ANJU_OK);
}

static void setup(void)
{
    fixture_init(&F, 4, NULL, 0);
    make_effects();
    make_envelope();
    for (unsigned i = 0; i < ENTRIES; i++)
        memset(LEAVES[i].b, (int)(i + 1), 32);
}

static void teardown(void)
{
    fixture_deinit(&F);
    arena_free(&A);
}

/* A log of ENTRIES whose entry SEQ is this one; result, vid and certificate of its height. */
static void seal(struct ledger_receipt *r, const struct ledger_entry *entry,
                 const struct crypto_hash *next_set)
{
    struct ledger_result result = {
        .height = entry->height, .log_size = ENTRIES, .next_set = *next_set};
    struct crypto_hash result_id;

    ledger_entry_encode(r->claim.entry, entry);
    ledger_entry_leaf(&LEAVES[SEQ], r->claim.entry);
    r->claim.ledger_id = F.genesis.ledger_id;
    path_of(&r->claim.path, LEAVES, ENTRIES, SEQ);
    merkle_root_of(&result.log_root, LEAVES, ENTRIES);
    memset(result.map_root.b, 0x77, 32);
    ledger_result_encode(r->claim.result, &result);
    ledger_result_id(&result_id, &result, &F.genesis.ledger_id);
    memset(r->claim.vid.b, 0x33, 32);
    fixture_certify(&F, &r->certificate, entry->height, &r->claim.vid, &result_id);
}

static struct ledger_entry record_entry(void)
{
    struct ledger_entry e = {.kind = LEDGER_ENTRY_RECORD,
                             .seq = SEQ,
                             .height = 3,
                             .time_ms = BLOCK_TIME,
                             .envelope = ENVELOPE.id,
                             .index = 1,
                             .member = 2,
                             .n_effects = EFFECTS};

    e.record_leaf = ENVELOPE.leaf_hashes[1];
    ledger_effects_root(&e.effects_root, EFFECT, EFFECTS);
    return e;
}

static void add_parts(struct ledger_receipt *r)
{
    struct crypto_hash leaves[EFFECTS];

    r->has_record = r->has_envelope = true;
    r->record = RECORDS[1];
    memcpy(r->body, ENVELOPE.body.data, LEDGER_BODY_SIZE);
    r->sig = ENVELOPE.sig;
    r->key = ledger_registry_key(F.registry, 2)->key;
    path_of(&r->record_path, ENVELOPE.leaf_hashes, 2, 1);
    for (unsigned i = 0; i < EFFECTS; i++)
        crypto_leaf_hash(&leaves[i], EFFECT_BYTES[i]);
    r->n_effects = 2;
    r->effects = arena_alloc(&A, 2 * sizeof r->effects[0]);
    for (unsigned i = 0; i < 2; i++) {
        r->effects[i] =
            (struct ledger_receipt_effect){.index = i * 2,
                                           .effect = EFFECT_BYTES[i * 2],
                                           .has_attributes = i == 1,
                                           .attributes = i == 1 ? ATTRIBUTES : bytes_of(NULL, 0)};
        path_of(&r->effects[i].path, leaves, EFFECTS, i * 2);
    }
}

static struct ledger_receipt full_receipt(void)
{
    struct ledger_receipt r = {0};
    struct ledger_entry e = record_entry();

    seal(&r, &e, &F.registry->set.hash);
    add_parts(&r);
    return r;
}

/* Entry SEQ as an entry of genesis, endorsed by block 1. */
static struct ledger_receipt genesis_receipt(void)
{
    struct ledger_receipt r = {0};
    struct ledger_entry e = {
        .kind = LEDGER_ENTRY_GENESIS, .seq = SEQ, .time_ms = FIXTURE_CREATED, .n_effects = EFFECTS};
    struct ledger_header h = {
        .version = 1, .height = 1, .time_ms = BLOCK_TIME, .previous = F.genesis.ledger_id};
    struct crypto_hash result_of_1 = {{9}}, vid;
    struct ledger_result result;

    crypto_leaf_hash(&e.record_leaf, RECORDS[0]);
    ledger_effects_root(&e.effects_root, EFFECT, EFFECTS);
    e.height = 1; /* to be sealed like any other, then put right */
    seal(&r, &e, &F.registry->set.hash);
    e.height = 0;
    ledger_entry_encode(r.claim.entry, &e);
    ledger_entry_leaf(&LEAVES[SEQ], r.claim.entry);
    path_of(&r.claim.path, LEAVES, ENTRIES, SEQ);
    ck_assert_int_eq(ledger_result_decode(&result, bytes_of(r.claim.result, LEDGER_RESULT_SIZE)),
                     ANJU_OK);
    result.height = 0;
    merkle_root_of(&result.log_root, LEAVES, ENTRIES);
    ledger_result_encode(r.claim.result, &result);
    ledger_result_id(&h.previous_result, &result, &F.genesis.ledger_id);
    r.claim.vid = F.genesis.ledger_id;
    h.proposer = F.registry->set.node[0].id;
    merkle_root_of(&h.batches_root, NULL, 0);
    ledger_header_encode(r.header, &h);
    ledger_block_id(&vid, &h, &F.genesis.ledger_id);
    fixture_certify(&F, &r.certificate, 1, &vid, &result_of_1);
    r.has_record = true;
    r.record = RECORDS[0];
    return r;
}

static struct ledger_receipt_report report_of(const struct ledger_receipt *r)
{
    struct ledger_receipt_report out;

    ledger_receipt_verify(&out, r, F.registry, NULL);
    return out;
}

static struct bytes encoded(const struct ledger_receipt *r)
{
    struct writer w = {0};

    ledger_receipt_encode(&w, r);
    return keep(&w);
}

static struct bytes text_of(const struct ledger_receipt *r)
{
    json_t *json = receipt_json(r);
    struct writer w = {0};

    receipt_json_text(&w, json);
    json_decref(json);
    return keep(&w);
}

/* Decodes and verifies; VALID only where both hold. */
static enum ledger_verdict verdict_of(struct bytes in, bool json)
{
    struct ledger_receipt r;
    enum anju_err err = json ? receipt_json_decode(&r, in, &A) : ledger_receipt_decode(&r, in, &A);

    return err == ANJU_OK ? report_of(&r).verdict : LEDGER_INVALID;
}

START_TEST(a_whole_receipt_is_valid_and_says_what_was_checked)
{
    struct ledger_receipt r = full_receipt();
    struct ledger_receipt_report report = report_of(&r);
    char trust[160];

    ck_assert_msg(report.verdict == LEDGER_VALID, "%s", report.reason);
    ck_assert_uint_eq(report.checked, LEDGER_CHECK_LEDGER | LEDGER_CHECK_ENTRY | LEDGER_CHECK_LOG |
                                          LEDGER_CHECK_RESULT | LEDGER_CHECK_RECORD |
                                          LEDGER_CHECK_ENVELOPE | LEDGER_CHECK_EFFECTS |
                                          LEDGER_CHECK_STATE | LEDGER_CHECK_SIGNATURES);
    ck_assert_uint_eq(report.signers.n, 3);
    ck_assert_uint_eq(report.entry.seq, SEQ);
    ledger_trust_words(trust, sizeof trust, &report.signers);
    ck_assert_str_eq(
        trust,
        "genesis only, set path known to height 5; no quorum of any past set ever signs twice");
    for (unsigned i = 0; i < LEDGER_CHECKS; i++)
        ck_assert_uint_gt(strlen(ledger_check_words((enum ledger_receipt_check)(1u << i))), 10);
}
END_TEST

START_TEST(a_bare_claim_and_endorsement_is_valid)
{
    struct ledger_receipt r = full_receipt();

    r.has_record = r.has_envelope = false;
    r.n_effects = 0;
    ck_assert_int_eq(verdict_of(encoded(&r), false), LEDGER_VALID);
    ck_assert_int_eq(verdict_of(text_of(&r), true), LEDGER_VALID);
}
END_TEST

START_TEST(an_entry_of_genesis_is_endorsed_by_block_1)
{
    struct ledger_receipt r = genesis_receipt();
    struct ledger_receipt_report report = report_of(&r);

    ck_assert_msg(report.verdict == LEDGER_VALID, "%s", report.reason);
    ck_assert_uint_ne(report.checked & LEDGER_CHECK_GENESIS_LINK, 0);
    r.has_envelope = true; /* genesis comes in none */
    ck_assert_int_eq(report_of(&r).verdict, LEDGER_INVALID);
}
END_TEST

/* One bit in each byte, and the whole byte: all are refused, at every place, in both forms. */
static void refuses_every_change(struct bytes good, bool json)
{
    static const uint8_t masks[] = {0x01, 0x80, 0x20, 0xff};
    uint8_t *copy = anju_dup(good.data, good.size);

    ck_assert_int_eq(verdict_of(good, json), LEDGER_VALID);
    for (size_t i = 0; i < good.size; i++) {
        for (size_t m = 0; m < sizeof masks; m++) {
            copy[i] ^= masks[m];
            ck_assert_msg(verdict_of(bytes_of(copy, good.size), json) != LEDGER_VALID, "byte %zu",
                          i);
            copy[i] ^= masks[m];
        }
        arena_clear(&A);
    }
    free(copy);
}

static void refuses_every_cut(struct bytes good, bool json)
{
    uint8_t *copy = anju_alloc(good.size + 1);

    memcpy(copy, good.data, good.size);
    for (size_t size = 0; size <= good.size + 1; size++)
        if (size != good.size)
            ck_assert_int_ne(verdict_of(bytes_of(copy, size), json), LEDGER_VALID);
    copy[good.size] = '\n';
    ck_assert_int_ne(verdict_of(bytes_of(copy, good.size + 1), json), LEDGER_VALID);
    free(copy);
}

static struct bytes kept(struct bytes b)
{
    return bytes_of(anju_dup(b.data, b.size), b.size); /* outlives the arena */
}

START_TEST(no_byte_of_a_receipt_is_unchecked)
{
    struct ledger_receipt r = full_receipt();
    struct bytes binary = kept(encoded(&r)), json = kept(text_of(&r));

    refuses_every_cut(binary, false);
    refuses_every_cut(json, true);
    refuses_every_change(binary, false);
    refuses_every_change(json, true);
    free((void *)(uintptr_t)binary.data);
    free((void *)(uintptr_t)json.data);
}
END_TEST

START_TEST(no_byte_of_a_receipt_of_genesis_is_unchecked)
{
    struct ledger_receipt r = genesis_receipt();
    struct bytes binary = kept(encoded(&r)), json = kept(text_of(&r));

    refuses_every_cut(binary, false);
    refuses_every_cut(json, true);
    refuses_every_change(binary, false);
    refuses_every_change(json, true);
    free((void *)(uintptr_t)binary.data);
    free((void *)(uintptr_t)json.data);
}
END_TEST

START_TEST(a_receipt_survives_both_forms_and_the_way_between)
{
    struct ledger_receipt r = full_receipt(), from_binary, from_json;

    ck_assert_int_eq(ledger_receipt_decode(&from_binary, encoded(&r), &A), ANJU_OK);
    ck_assert_int_eq(receipt_json_decode(&from_json, text_of(&from_binary), &A), ANJU_OK);
    ck_assert(bytes_equal(encoded(&from_json), encoded(&r)));
}
END_TEST

START_TEST(json_with_other_white_space_order_or_members_is_refused)
{
    struct ledger_receipt r = full_receipt(), back;
    json_t *json = receipt_json(&r);
    char *spaced = json_dumps(json, JSON_INDENT(1));
    char *sorted = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    char *no_lf = json_dumps(json, JSON_COMPACT);
    json_t *claim = json_object_get(json, "claim");

    ck_assert_int_eq(receipt_json_decode(&back, bytes_of_text(spaced), &A), ANJU_ERR_MALFORMED);
    ck_assert_int_eq(receipt_json_decode(&back, bytes_of_text(sorted), &A), ANJU_ERR_MALFORMED);
    ck_assert_int_eq(receipt_json_decode(&back, bytes_of_text(no_lf), &A), ANJU_ERR_MALFORMED);
    ck_assert_ptr_nonnull(strstr(anju_err_text(), "canonical"));
    json_object_set_new(claim, "more", json_true());
    struct writer w = {0};
    receipt_json_text(&w, json);
    ck_assert_int_eq(receipt_json_decode(&back, writer_view(&w), &A), ANJU_ERR_MALFORMED);
    ck_assert_ptr_nonnull(strstr(anju_err_text(), "/claim"));
    writer_clear(&w);
    json_object_set_new(json, "format", json_string("anju-receipt/2"));
    receipt_json_text(&w, json);
    ck_assert_int_eq(receipt_json_decode(&back, writer_view(&w), &A), ANJU_ERR_UNSUPPORTED);
    writer_free(&w);
    json_decref(json);
    free(spaced);
    free(sorted);
    free(no_lf);
}
END_TEST

START_TEST(a_part_of_another_entry_is_refused)
{
    struct ledger_receipt r = full_receipt();

    r.record = RECORDS[0];
    ck_assert_int_eq(report_of(&r).failed, LEDGER_CHECK_RECORD);
    r = full_receipt();
    r.key = ledger_registry_key(F.registry, 3)->key;
    ck_assert_int_eq(report_of(&r).failed, LEDGER_CHECK_ENVELOPE);
    r = full_receipt();
    r.effects[0].effect = EFFECT_BYTES[1];
    ck_assert_int_eq(report_of(&r).failed, LEDGER_CHECK_EFFECTS);
    r = full_receipt();
    r.effects[0].has_attributes = true; /* other attributes than the state's */
    r.effects[0].attributes = bytes_of("\x90", 1);
    ck_assert_int_eq(report_of(&r).failed, LEDGER_CHECK_STATE);
}
END_TEST

START_TEST(a_certificate_of_another_ledger_height_or_quorum_is_refused)
{
    struct ledger_receipt r = full_receipt();

    r.certificate.q = 2;
    ck_assert_int_eq(report_of(&r).failed, LEDGER_CHECK_SIGNATURES);
    ck_assert_int_eq(report_of(&r).verdict, LEDGER_INVALID);
    r = full_receipt();
    r.certificate.height++;
    ck_assert_int_eq(report_of(&r).failed, LEDGER_CHECK_RESULT);
    r = full_receipt();
    r.claim.ledger_id.b[0] ^= 1;
    ck_assert_int_eq(report_of(&r).failed, LEDGER_CHECK_LEDGER);
}
END_TEST

/* Set path. */

static struct ledger_set other_set(uint64_t since, const struct crypto_hash *previous)
{
    struct ledger_set s = F.registry->set;

    s.since = since;
    s.previous = *previous;
    s.node[0].log_key[0] ^= 1;
    ck_assert_int_eq(ledger_set_seal(&s, &F.genesis.ledger_id), ANJU_OK);
    return s;
}

static struct ledger_set_path one_change(void)
{
    struct ledger_set_path p = {.ledger_id = F.genesis.ledger_id, .n_changes = 1};
    struct ledger_set_change *c = p.changes = arena_alloc(&A, sizeof *c);
    struct ledger_result result = {.height = 8, .log_size = 90};
    struct crypto_hash result_id, vid = {{4}};

    c->set = other_set(10, &F.registry->set.hash);
    result.next_set = c->set.hash;
    ledger_result_encode(c->result, &result);
    ledger_result_id(&result_id, &result, &F.genesis.ledger_id);
    fixture_certify(&F, &c->certificate, 8, &vid, &result_id);
    return p;
}

START_TEST(a_set_path_leads_from_the_genesis_set_to_the_one_of_a_height)
{
    struct ledger_set_path p = one_change(), none = {.ledger_id = F.genesis.ledger_id};

    ck_assert_int_eq(ledger_set_path_verify(&none, F.registry), ANJU_OK);
    ck_assert_int_eq(ledger_set_path_verify(&p, F.registry), ANJU_OK);
    ck_assert_ptr_eq(ledger_set_path_at(NULL, F.registry, 99), &F.registry->set);
    ck_assert_ptr_eq(ledger_set_path_at(&p, F.registry, 9), &F.registry->set);
    ck_assert_ptr_eq(ledger_set_path_at(&p, F.registry, 10), &p.changes[0].set);
}
END_TEST

START_TEST(no_byte_of_a_set_path_is_unchecked)
{
    struct ledger_set_path p = one_change(), back;
    struct writer w = {0};
    json_t *json = set_path_json(&p);
    struct writer text = {0};

    ledger_set_path_encode(&w, &p);
    ck_assert_int_eq(ledger_set_path_decode(&back, writer_view(&w), &A), ANJU_OK);
    for (size_t i = 0; i < w.size; i++) {
        w.data[i] ^= 0x10;
        ck_assert_msg(ledger_set_path_decode(&back, writer_view(&w), &A) != ANJU_OK ||
                          ledger_set_path_verify(&back, F.registry) != ANJU_OK,
                      "byte %zu", i);
        w.data[i] ^= 0x10;
        ck_assert_int_ne(ledger_set_path_decode(&back, bytes_of(w.data, i), &A), ANJU_OK);
    }
    receipt_json_text(&text, json);
    ck_assert_int_eq(set_path_json_decode(&back, writer_view(&text), &A), ANJU_OK);
    ck_assert_int_eq(ledger_set_path_verify(&back, F.registry), ANJU_OK);
    text.data[text.size - 1] = ' ';
    ck_assert_int_eq(set_path_json_decode(&back, writer_view(&text), &A), ANJU_ERR_MALFORMED);
    writer_free(&w);
    writer_free(&text);
    json_decref(json);
}
END_TEST

/* Signed by others, and saying itself that the set changed: not a lie, just more than we know. */
START_TEST(a_receipt_beyond_the_known_set_can_not_be_told)
{
    struct ledger_receipt r = full_receipt();
    struct ledger_entry e = record_entry();
    struct ledger_set next = other_set(3, &F.registry->set.hash);

    seal(&r, &e, &next.hash);
    ck_assert_int_eq(report_of(&r).verdict, LEDGER_VALID); /* the old set signed it */
    ck_assert_uint_eq(report_of(&r).signers.known_to, 4);
    memset(r.certificate.sig[1].b, 5, 64); /* as if by a node of the next set */
    ck_assert_int_eq(report_of(&r).verdict, LEDGER_CANNOT_TELL);
    ck_assert_ptr_nonnull(strstr(report_of(&r).reason, "set path"));
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *t = tcase_create("receipt");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, a_whole_receipt_is_valid_and_says_what_was_checked);
    tcase_add_test(t, a_bare_claim_and_endorsement_is_valid);
    tcase_add_test(t, an_entry_of_genesis_is_endorsed_by_block_1);
    tcase_add_test(t, no_byte_of_a_receipt_is_unchecked);
    tcase_add_test(t, no_byte_of_a_receipt_of_genesis_is_unchecked);
    tcase_add_test(t, a_receipt_survives_both_forms_and_the_way_between);
    tcase_add_test(t, json_with_other_white_space_order_or_members_is_refused);
    tcase_add_test(t, a_part_of_another_entry_is_refused);
    tcase_add_test(t, a_certificate_of_another_ledger_height_or_quorum_is_refused);
    tcase_add_test(t, a_set_path_leads_from_the_genesis_set_to_the_one_of_a_height);
    tcase_add_test(t, no_byte_of_a_set_path_is_unchecked);
    tcase_add_test(t, a_receipt_beyond_the_known_set_can_not_be_told);
    suite_add_tcase(suite, t);
}

UNIT_MAIN("receipt", add_tests)
