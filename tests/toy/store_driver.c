/*
 * store_driver: blocks that follow from their height alone, an overlay in memory that says what
 * must come of them, and what a reader of a store must see. Included by the tests of the store.
 * Blocks are real bytes, the rules are toy.c's.
 */
#ifndef ANJU_TESTS_STORE_DRIVER_C
#define ANJU_TESTS_STORE_DRIVER_C

#include <inttypes.h>
#include <string.h>

#include "storage/store.h"
#include "tests/toy/faults.c"
#include "tests/toy/tempdir.c"
#include "tests/toy/toy.c"

enum {
    HEIGHTS_MAX = 400,
    NEW_A_BLOCK = 8,
    DAY_MS = 86400000,
    TIMER_MS = 3500,
    REACH = 50,
    PAUSE = 200
};

static struct store *s;
static struct store_options options;

/* What must come out, by height. */
static struct expected {
    struct crypto_hash result;
    struct bytes raw, certificate; /* in memory */
    uint64_t log_size;
} expected[HEIGHTS_MAX + 1];
static struct ledger_view empty;
static struct ledger_overlay *reference;
static struct arena memory;
static uint64_t reference_height;

/* ---- Blocks ---- */

/* A second a block; half a day passes before block 201. */
static uint64_t time_of(uint64_t height)
{
    return TOY_CREATED + height * 1000 + (height > PAUSE ? 13 * 3600000u : 0);
}

/* New subject `i` of a height; neighbours in time share a day. */
static struct ledger_subject_id subject_of(uint64_t height, uint64_t i)
{
    return toy_subject((uint16_t)(19000 + height / 16), height * 100 + i);
}

struct maker {
    struct ledger_envelope list[3 * NEW_A_BLOCK];
    uint16_t n;
    uint64_t height;
    struct arena *a;
};

static void send(struct maker *m, uint32_t key, struct bytes *records, uint16_t n)
{
    ck_assert_uint_lt(m->n, sizeof m->list / sizeof m->list[0]);
    toy_envelope(&m->list[m->n], key, m->height * 1000 + m->n, time_of(m->height) + DAY_MS / 2,
                 records, n, m->a);
    m->n++;
}

/* Creates subjects; subject 0 has a timer. */
static void send_new(struct maker *m)
{
    for (uint64_t i = 0; i < NEW_A_BLOCK; i++) {
        const struct ledger_subject_id id = subject_of(m->height, i);
        struct toy_record r;
        struct bytes record;

        toy_record(&r, &id, 0);
        toy_uint(&r, TOY_A, i % 3, m->a);
        toy_text(&r, TOY_B, i % 2 == 0 ? "even" : "odd", m->a);
        if (i == 0)
            toy_uint(&r, TOY_DUE, time_of(m->height) + TIMER_MS, m->a);
        record = toy_record_bytes(&r, m->a);
        send(m, 1 + (uint32_t)i % TOY_MEMBERS, &record, 1);
    }
}

/* Changes those of the height before, two in one envelope. */
static void send_changes(struct maker *m)
{
    for (uint64_t i = 1; m->height > 1 && i + 1 < NEW_A_BLOCK; i += 2) {
        struct bytes records[2];
        for (uint64_t k = 0; k < 2; k++) {
            const struct ledger_subject_id id = subject_of(m->height - 1, i + k);
            struct toy_record r;
            toy_record(&r, &id, 1);
            toy_uint(&r, TOY_STATE, 2, m->a);
            toy_uint(&r, TOY_A, 9, m->a);
            records[k] = toy_record_bytes(&r, m->a);
        }
        send(m, 2, records, 2);
    }
}

/* Whether a height changes subject 7 of one long before, whose part of the map has gone cold. */
static bool reaches_back(uint64_t height)
{
    return height % 10 == 5 && height > REACH && (height - REACH) % 8 != 0 && height % 8 != 0;
}

static void send_old_change(struct maker *m)
{
    const struct ledger_subject_id id = subject_of(m->height - REACH, 7);
    struct toy_record r;
    struct bytes record;

    toy_record(&r, &id, 1);
    toy_uint(&r, TOY_A, 5, m->a);
    record = toy_record_bytes(&r, m->a);
    send(m, 1, &record, 1);
}

static void send_refused(struct maker *m)
{
    const struct ledger_subject_id id = subject_of(m->height, 99);
    struct toy_record r;
    struct bytes record;

    toy_record(&r, &id, 0);
    toy_uint(&r, TOY_REFUSE, 1, m->a);
    record = toy_record_bytes(&r, m->a);
    send(m, 3, &record, 1);
}

static struct bytes make_certificate(const struct ledger_tip *tip, struct arena *a)
{
    struct ledger_certificate c = {
        .height = tip->height, .vid = tip->block, .result = tip->result, .q = 1};
    struct writer w = {0};
    struct bytes out;

    memset(c.sig[0].b, 7, sizeof c.sig[0].b);
    ledger_certificate_encode(&w, &c);
    out = arena_copy(a, writer_view(&w));
    writer_free(&w);
    return out;
}

static struct bytes make_batch(const struct maker *m)
{
    struct bytes wires[3 * NEW_A_BLOCK];
    struct writer w = {0};
    struct bytes out;

    for (uint16_t i = 0; i < m->n; i++)
        wires[i] = m->list[i].wire;
    ledger_batch_encode(&w, wires, m->n);
    out = arena_copy(m->a, writer_view(&w));
    writer_free(&w);
    return out;
}

/* The block after `tip`; every eighth one is empty. It follows from the height alone. */
static struct bytes make_block(const struct ledger_tip *tip, struct arena *a)
{
    struct maker m = {.height = tip->height + 1, .a = a};
    struct ledger_header h = {.version = 1,
                              .height = m.height,
                              .time_ms = time_of(m.height),
                              .previous = tip->block,
                              .previous_result = tip->result};
    struct bytes certificate = {0}, batch = {0}, out;
    struct crypto_hash batch_id;
    struct writer w = {0};
    uint16_t n = m.height % 8 == 0 ? 0 : 1;

    if (n == 1) {
        send_new(&m);
        send_changes(&m);
        if (reaches_back(m.height))
            send_old_change(&m);
        if (m.height % 3 == 0)
            send_refused(&m);
        batch = make_batch(&m);
        ledger_batch_id(&batch_id, batch, &toy_registry.ledger_id);
    }
    if (m.height > 1) {
        certificate = make_certificate(tip, a);
        crypto_digest(&h.previous_certificate, "anju/certificate/1", &toy_registry.ledger_id,
                      certificate);
    }
    ck_assert_int_eq(ledger_header_describe(&h, &batch, n, &toy_registry.ledger_id, a), ANJU_OK);
    ledger_block_encode(&w, &h, &batch_id, certificate, &batch);
    out = arena_copy(a, writer_view(&w));
    writer_free(&w);
    return out;
}

/* The reference goes on to a height. */
static void expect_to(uint64_t height)
{
    while (reference_height < height) {
        struct expected *e = &expected[++reference_height];
        struct ledger_block block;

        ck_assert_uint_le(reference_height, HEIGHTS_MAX);
        e->raw = make_block(ledger_overlay_tip(reference), &memory);
        ck_assert_int_eq(ledger_block_decode(&block, e->raw, &toy_registry.ledger_id, &memory),
                         ANJU_OK);
        ck_assert_int_eq(ledger_execute(reference, &block), ANJU_OK);
        e->result = ledger_overlay_tip(reference)->result;
        e->log_size = ledger_overlay_tip(reference)->log.size;
        e->certificate = make_certificate(ledger_overlay_tip(reference), &memory);
    }
}

/* ---- The store ---- */

static uint64_t head_height(void)
{
    const struct ledger_view *v = store_head_view(s);
    return v->tip(v)->height;
}

static enum anju_err commit_next(void)
{
    static const uint8_t polka_bytes[] = "a polka";
    const struct bytes polka = bytes_of(polka_bytes, sizeof polka_bytes);
    const struct expected *e = &expected[head_height() + 1];
    struct ledger_overlay *o = ledger_overlay_new(store_head_view(s));
    struct arena a = {0};
    struct ledger_block block;
    struct store_commit c = {.overlay = o,
                             .block = &block,
                             .raw = e->raw,
                             .certificate = e->certificate,
                             .polkas = &polka,
                             .n_polkas = 1};
    enum anju_err err = ledger_block_decode(&block, e->raw, &toy_registry.ledger_id, &a);

    if (err == ANJU_OK)
        err = ledger_execute(o, &block);
    if (err == ANJU_OK)
        err = store_commit(s, &c);
    if (err != ANJU_OK)
        ledger_overlay_free(o);
    arena_free(&a);
    return err;
}

static void commit_to(uint64_t height)
{
    expect_to(height);
    while (head_height() < height)
        ck_assert_msg(commit_next() == ANJU_OK, "%s", anju_err_text());
}

static void open_store(void)
{
    ck_assert_msg(store_open(&s, &options, &toy_registry) == ANJU_OK, "%s", anju_err_text());
}

static void close_store(void)
{
    store_close(s);
    s = NULL;
}

static void setup(void)
{
    tempdir_begin();
    toy_reset();
    options = (struct store_options){.dir = tempdir, .merge_weight = 400, .tail_weight_max = 2000};
    empty = ledger_view_empty(&toy_registry);
    reference = ledger_overlay_new(&empty);
    ck_assert_int_eq(ledger_execute_genesis(reference), ANJU_OK);
    reference_height = 0;
    expected[0].result = ledger_overlay_tip(reference)->result;
    expected[0].log_size = ledger_overlay_tip(reference)->log.size;
}

static void teardown(void)
{
    fault_disarm();
    close_store();
    ledger_overlay_free(reference);
    arena_free(&memory);
    tempdir_end();
}

/* ---- What a reader must see ---- */

static void check_item(struct store_read *r, uint64_t seq)
{
    struct crypto_hash path[MERKLE_PATH_MAX];
    struct store_item item;
    struct store_height h;
    struct store_envelope e;
    unsigned n;

    ck_assert_msg(store_read_item(r, &item, seq) == ANJU_OK, "%s", anju_err_text());
    ck_assert_uint_eq(item.item.entry.seq, seq);
    ck_assert_int_eq(store_read_height(r, &h, item.item.entry.height), ANJU_OK);
    ck_assert_mem_eq(item.block.b, h.block.b, 32);
    ck_assert_int_eq(store_read_path(r, path, &n, seq), ANJU_OK);
    ck_assert_int_eq(merkle_path_check(&h.result_body.log_root, h.result_body.log_size, seq,
                                       &item.item.leaf, path, n),
                     ANJU_OK);
    if (crypto_hash_is_zero(&item.item.entry.envelope))
        return;
    ck_assert_msg(store_read_envelope(r, &e, &item.item.entry.envelope) == ANJU_OK, "%s",
                  anju_err_text());
    ck_assert_uint_le(e.first_seq, seq);
    ck_assert_uint_lt(seq, e.first_seq + e.n);
    ck_assert_uint_eq(e.height, h.height);
    ck_assert_int_eq(e.outcome, item.item.entry.outcome);
}

/* The chain's page and its map proof belong to the reader's own height. */
static void check_chain(struct store_read *r, const struct ledger_map_key *key)
{
    const struct ledger_tip *tip = store_read_tip(r);
    struct store_chain tree = {.read = r, .key = *key};
    struct ledger_map_leaf leaf;
    struct ledger_chain chain;
    struct crypto_hash root, boundary[MERKLE_BOUNDARY_MAX], leaves[40];
    struct writer proof = {0};
    uint64_t seqs[40], begin;
    size_t count;
    unsigned n;
    bool found;

    ck_assert_msg(store_read_chain(r, &chain, key) == ANJU_OK, "%s", anju_err_text());
    ck_assert_msg(store_read_prove(r, &proof, key, 1) == ANJU_OK, "%s", anju_err_text());
    ck_assert_msg(ledger_map_check(&tip->result_body.map_root, writer_view(&proof), key, 1, &found,
                                   &leaf) == ANJU_OK,
                  "height %" PRIu64 ": %s", tip->height, anju_err_text());
    writer_free(&proof);
    ck_assert(found);
    ck_assert_uint_eq(leaf.count, chain.peaks.size);
    ck_assert_uint_eq(leaf.live, chain.live);
    merkle_root(&root, &chain.peaks);
    ck_assert_mem_eq(leaf.root.b, root.b, 32);
    begin = chain.peaks.size > 40 ? chain.peaks.size - 40 : 0;
    ck_assert_int_eq(store_read_chain_items(r, seqs, &count, 40, key, begin), ANJU_OK);
    ck_assert_uint_eq(count, chain.peaks.size - begin);
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++) {
        uint8_t entry[LEDGER_ENTRY_SIZE];
        ck_assert(i == 0 || seqs[i] > seqs[i - 1]);
        ck_assert_int_eq(store_read_entry(r, entry, seqs[i]), ANJU_OK);
        ledger_entry_leaf(&leaves[i], entry);
    }
    ck_assert_int_eq(merkle_range(boundary, &n, begin, chain.peaks.size, chain.peaks.size,
                                  store_read_chain_node, &tree),
                     ANJU_OK);
    ck_assert_int_eq(merkle_range_check(&root, chain.peaks.size, begin, leaves, count, boundary, n),
                     ANJU_OK);
}

static void check_subject(struct store_read *r, uint64_t height, uint64_t i)
{
    const uint64_t tip = store_read_tip(r)->height;
    const struct ledger_subject_id id = subject_of(height, i);
    struct arena a = {0};
    struct ledger_subject subject;
    uint64_t version = 1;

    if (i == 0) /* its timer fires with the first block after it was due */
        version = time_of(tip) >= time_of(height) + TIMER_MS ? 2 : 1;
    else if (height + 1 <= tip && (height + 1) % 8 != 0 && i + 1 < NEW_A_BLOCK)
        version = 2;
    else if (i == 7 && height + REACH <= tip && reaches_back(height + REACH))
        version = 2;
    ck_assert_msg(store_read_subject(r, &subject, TOY_PROCEDURE, &id, &a) == ANJU_OK, "%s",
                  anju_err_text());
    ck_assert_uint_eq(subject.version, version);
    arena_free(&a);
}

static void check_height(struct store_read *r, uint64_t height)
{
    const struct expected *e = &expected[height];
    struct ledger_header header;
    struct store_height h;
    struct bytes raw, certificate;

    ck_assert_int_eq(store_read_height(r, &h, height), ANJU_OK);
    ck_assert_mem_eq(h.result.b, e->result.b, 32);
    ck_assert_uint_eq(h.first_seq + h.n, e->log_size);
    if (height == 0) {
        ck_assert_int_eq(store_read_block(r, &raw, 0), ANJU_ERR_NOT_FOUND);
        ck_assert_int_eq(store_read_certificate(r, &certificate, 0), ANJU_ERR_NOT_FOUND);
        return;
    }
    ck_assert_int_eq(store_read_block(r, &raw, height), ANJU_OK);
    ck_assert(bytes_equal(raw, e->raw));
    ck_assert_int_eq(store_read_header(r, &header, height), ANJU_OK);
    ck_assert_uint_eq(header.time_ms, h.time_ms);
    ck_assert_msg(store_read_certificate(r, &certificate, height) == ANJU_OK, "%s",
                  anju_err_text());
    ck_assert(bytes_equal(certificate, e->certificate));
    ck_assert_int_eq(store_read_polka(r, &raw, height, 0), ANJU_OK);
    ck_assert_int_eq(store_read_polka(r, &raw, height, 1), ANJU_ERR_NOT_FOUND);
}

static struct ledger_map_key actor(uint32_t member)
{
    struct ledger_map_key key;

    ledger_map_key_actor(&key, member);
    return key;
}

static struct ledger_map_key subject_key(uint64_t height, uint64_t i)
{
    const struct ledger_subject_id id = subject_of(height, i);
    struct ledger_map_key key;

    ledger_map_key_subject(&key, TOY_PROCEDURE, &id);
    return key;
}

/* A sample of everything; `salt` moves it. */
static void check_reader(struct store_read *r, uint64_t salt)
{
    const struct ledger_tip *tip = store_read_tip(r);
    struct ledger_map_key key;
    struct store_item item;

    ck_assert_mem_eq(tip->result.b, expected[tip->height].result.b, 32);
    check_height(r, tip->height);
    check_height(r, salt % (tip->height + 1));
    check_item(r, tip->log.size - 1);
    check_item(r, salt * 7 % tip->log.size);
    ck_assert_int_eq(store_read_item(r, &item, tip->log.size), ANJU_ERR_NOT_FOUND);
    for (uint32_t member = 1; tip->height >= 1 && member <= TOY_MEMBERS; member++) {
        key = actor(member);
        check_chain(r, &key);
    }
    for (uint64_t i = 0; i < NEW_A_BLOCK; i++) {
        uint64_t height = 1 + (salt + i * 3) % (tip->height > 0 ? tip->height : 1);
        if (height > tip->height || height % 8 == 0)
            continue;
        check_subject(r, height, i);
        key = subject_key(height, i);
        check_chain(r, &key);
    }
}

static void check_now(uint64_t salt)
{
    struct store_read *r;

    ck_assert_msg(store_read_begin(&r, s) == ANJU_OK, "%s", anju_err_text());
    check_reader(r, salt);
    store_read_end(r);
}

static uint64_t watermark(void)
{
    struct store_status st;

    store_status(&st, s);
    return st.watermark;
}

#endif
