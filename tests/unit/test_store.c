/*
 * The committed ledger on disk: whatever happens to the process or the disk, it gives back what was
 * agreed on, or says in words what is wrong. Blocks are real bytes, the rules are toy.c's; an
 * overlay in memory that never saw the disk says what must come out.
 */
#include "tests/unit/unit.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

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

/* ---- Tests ---- */

START_TEST(a_new_directory_gets_height_0_and_opens_again)
{
    struct store_read *r;

    ck_assert(!store_exists(tempdir));
    for (int i = 0; i < 2; i++) {
        open_store();
        ck_assert(store_exists(tempdir));
        ck_assert_uint_eq(head_height(), 0);
        ck_assert_int_eq(store_read_begin(&r, s), ANJU_OK);
        ck_assert_mem_eq(store_read_tip(r)->result.b, expected[0].result.b, 32);
        ck_assert_mem_eq(store_read_tip(r)->block.b, toy_registry.ledger_id.b, 32);
        check_height(r, 0);
        for (uint64_t seq = 0; seq < store_read_tip(r)->log.size; seq++)
            check_item(r, seq);
        store_read_end(r);
        close_store();
    }
}
END_TEST

START_TEST(what_was_committed_is_read_back_before_and_after_merges_and_restarts)
{
    open_store();
    for (uint64_t h = 10; h <= 200; h += 10) {
        commit_to(h);
        for (uint64_t salt = 0; salt < 8; salt++)
            check_now(h * 31 + salt);
        if (h % 50 == 0) {
            ck_assert_uint_gt(watermark(), 0);
            close_store();
            open_store();
            ck_assert_uint_eq(head_height(), h);
            check_now(h);
        }
    }
    for (uint64_t seq = 0; seq < expected[200].log_size; seq += 3) {
        struct store_read *r;
        ck_assert_int_eq(store_read_begin(&r, s), ANJU_OK);
        check_item(r, seq);
        store_read_end(r);
    }
}
END_TEST

/* All of the state, against the overlay that never saw a disk. */
START_TEST(every_subject_and_chain_is_what_it_is_in_memory)
{
    const struct ledger_view *ref = ledger_overlay_view(reference);
    struct ledger_timer timers[2][600];
    struct ledger_rows rows;
    struct arena a = {0};
    struct store_read *r;
    size_t n[2];

    open_store();
    commit_to(120);
    for (int round = 0; round < 2; round++) {
        ck_assert_int_eq(store_read_begin(&r, s), ANJU_OK);
        ledger_overlay_rows(&rows, reference);
        for (size_t i = 0; i < rows.n_subjects; i++) {
            const struct ledger_subject *want = &rows.subjects[i];
            struct ledger_subject got;
            ck_assert_int_eq(store_read_subject(r, &got, want->procedure, &want->id, &a), ANJU_OK);
            ck_assert_uint_eq(got.version, want->version);
            ck_assert_uint_eq(got.state, want->state);
            ck_assert_uint_eq(got.last_seq, want->last_seq);
            ck_assert_mem_eq(got.digest.b, want->digest.b, 32);
            ck_assert(bytes_equal(got.attributes, want->attributes));
        }
        for (size_t i = 0; i < rows.n_chains; i++) {
            struct ledger_chain got;
            struct writer w = {0};
            ck_assert_int_eq(store_read_chain(r, &got, &rows.chains[i].key), ANJU_OK);
            merkle_peaks_write(&w, &got.peaks);
            ck_assert(bytes_equal(writer_view(&w), rows.chains[i].peaks));
            ck_assert_uint_eq(got.live, rows.chains[i].live);
            writer_free(&w);
        }
        for (size_t i = 0; i < rows.n_items; i++) {
            uint64_t seq;
            size_t count;
            ck_assert_int_eq(
                store_read_chain_items(r, &seq, &count, 1, &rows.items[i].key, rows.items[i].index),
                ANJU_OK);
            ck_assert_uint_eq(count, 1);
            ck_assert_uint_eq(seq, rows.items[i].seq);
        }
        for (size_t i = 0; i < rows.n_used; i++) {
            const struct ledger_view *v = store_read_view(r);
            struct ledger_used got;
            ck_assert_int_eq(v->used(v, &got, rows.used[i].key, rows.used[i].nonce), ANJU_OK);
            ck_assert_mem_eq(got.envelope.b, rows.used[i].used.envelope.b, 32);
            ck_assert_uint_eq(got.first_seq, rows.used[i].used.first_seq);
        }
        store_read_end(r);
        ck_assert_int_eq(ref->timers(ref, timers[0], &n[0], 600, UINT64_MAX), ANJU_OK);
        ck_assert_int_eq(
            store_head_view(s)->timers(store_head_view(s), timers[1], &n[1], 600, UINT64_MAX),
            ANJU_OK);
        ck_assert_uint_gt(n[0], 0);
        ck_assert_uint_eq(n[0], n[1]);
        for (size_t i = 0; i < n[0]; i++)
            ck_assert_int_eq(ledger_timer_compare(&timers[0][i], &timers[1][i]), 0);
        close_store();
        open_store();
    }
    arena_free(&a);
}
END_TEST

/* What a used nonce and a day's refusals say is kept for as long as it matters, and no longer. */
START_TEST(used_nonces_and_refusals_of_past_days_are_removed)
{
    const uint32_t day = (uint32_t)(TOY_CREATED / DAY_MS);
    uint8_t nonce[LEDGER_NONCE_SIZE] = {0};
    const struct ledger_view *v;
    struct ledger_used used;
    struct store_read *r;
    uint32_t count;

    put_u64(nonce, 5 * 1000); /* the first envelope of height 5 */
    open_store();
    commit_to(PAUSE);
    ck_assert_uint_gt(watermark(), 50);
    ck_assert_int_eq(store_read_begin(&r, s), ANJU_OK);
    v = store_read_view(r);
    ck_assert_int_eq(v->used(v, &used, 1, nonce), ANJU_OK);
    ck_assert_int_eq(v->refusals(v, &count, 3, day), ANJU_OK);
    ck_assert_uint_gt(count, 20);
    store_read_end(r);
    commit_to(PAUSE + 60);
    close_store();
    ck_assert_int_eq(store_rebuild(&options, &toy_registry), ANJU_OK);
    open_store();
    ck_assert_int_eq(store_read_begin(&r, s), ANJU_OK);
    v = store_read_view(r);
    ck_assert_int_eq(v->used(v, &used, 1, nonce), ANJU_ERR_NOT_FOUND);
    ck_assert_int_eq(v->refusals(v, &count, 3, day), ANJU_OK);
    ck_assert_uint_eq(count, 0);
    ck_assert_int_eq(v->refusals(v, &count, 3, day + 1), ANJU_OK);
    ck_assert_uint_gt(count, 5);
    put_u64(nonce, (PAUSE + 5) * 1000);
    ck_assert_int_eq(v->used(v, &used, 1, nonce), ANJU_OK);
    store_read_end(r);
    check_now(7);
}
END_TEST

START_TEST(a_time_range_of_a_chain_begins_where_the_search_says)
{
    struct ledger_map_key key = actor(2);
    struct ledger_chain chain;
    struct store_read *r;
    uint64_t index, seqs[2];
    size_t count;

    open_store();
    commit_to(60);
    ck_assert_int_eq(store_read_begin(&r, s), ANJU_OK);
    ck_assert_int_eq(store_read_chain(r, &chain, &key), ANJU_OK);
    for (uint64_t seq = 0; seq <= expected[60].log_size; seq += 5) {
        ck_assert_int_eq(store_read_chain_find(r, &index, &key, seq), ANJU_OK);
        if (index > 0) {
            ck_assert_int_eq(store_read_chain_items(r, seqs, &count, 2, &key, index - 1), ANJU_OK);
            ck_assert_uint_lt(seqs[0], seq);
        }
        if (index < chain.peaks.size) {
            ck_assert_int_eq(store_read_chain_items(r, seqs, &count, 1, &key, index), ANJU_OK);
            ck_assert_uint_ge(seqs[0], seq);
        }
    }
    ck_assert_int_eq(store_read_chain_items(r, seqs, &count, 2, &key, chain.peaks.size + 5),
                     ANJU_OK);
    ck_assert_uint_eq(count, 0);
    key = subject_key(300, 1);
    ck_assert_int_eq(store_read_chain(r, &chain, &key), ANJU_ERR_NOT_FOUND);
    store_read_end(r);
}
END_TEST

START_TEST(derived_data_made_again_from_the_truth_gives_the_same_roots)
{
    open_store();
    commit_to(100);
    close_store();
    ck_assert_msg(store_rebuild(&options, &toy_registry) == ANJU_OK, "%s", anju_err_text());
    open_store();
    ck_assert_uint_eq(head_height(), 100);
    ck_assert_uint_eq(watermark(), 100); /* nothing left to fold */
    for (uint64_t salt = 0; salt < 20; salt++)
        check_now(salt * 5);
    commit_to(130);
    check_now(17);
}
END_TEST

static void remove_dir(const char *path)
{
    ck_assert_int_eq(nftw(path, tempdir_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void copy_dir(const char *from, const char *to)
{
    char command[600];

    (void)snprintf(command, sizeof command, "rm -rf '%s' && cp -r '%s' '%s'", to, from, to);
    ck_assert_int_eq(system(command), 0);
}

/* A restored ledger beside newer derived data, a removed folder, a folder of another format: each
 * is mended. */
START_TEST(derived_data_that_does_not_fit_is_made_again_at_opening)
{
    char *ledger, *saved, *derived;

    open_store();
    commit_to(40);
    close_store();
    ledger = anju_strdup(tempdir_path("ledger"));
    saved = anju_strdup(tempdir_path("saved"));
    derived = anju_strdup(tempdir_path("derived"));
    copy_dir(ledger, saved);
    open_store();
    commit_to(90);
    ck_assert_uint_gt(watermark(), 40);
    close_store();
    copy_dir(saved, ledger);
    open_store();
    ck_assert_uint_eq(head_height(), 40);
    check_now(3);
    commit_to(80);
    close_store();
    remove_dir(derived);
    open_store();
    ck_assert_uint_eq(head_height(), 80);
    check_now(4);
    close_store();
    ck_assert_int_eq(truncate(tempdir_path("derived/FORMAT"), 0), 0);
    open_store();
    check_now(5);
    free(ledger);
    free(saved);
    free(derived);
}
END_TEST

/* ---- Damage ---- */

/* Where a text stands in a file; the test fails where it does not. */
static size_t find_in(const char *name, const void *needle, size_t needle_size)
{
    size_t size;
    uint8_t *file = tempdir_read(name, &size);
    const uint8_t *at = memmem(file, size, needle, needle_size);
    size_t offset = (size_t)(at - file);

    ck_assert_ptr_nonnull(at);
    free(file);
    return offset;
}

START_TEST(a_flipped_byte_of_a_record_is_found_and_its_entry_named)
{
    struct store_read *r;
    struct store_item item;
    struct bytes raw;
    char name[64];
    uint8_t *copy;
    size_t size, offset;
    uint64_t seq;

    open_store();
    commit_to(30);
    seq = expected[10].log_size + 3;
    ck_assert_int_eq(store_read_begin(&r, s), ANJU_OK);
    ck_assert_int_eq(store_read_item(r, &item, seq), ANJU_OK);
    size = item.item.record.size;
    copy = anju_dup(item.item.record.data, size);
    store_read_end(r);
    close_store();
    offset = find_in("ledger/data.mdb", copy, size);
    free(copy);
    tempdir_flip("ledger/data.mdb", offset + size / 2);
    open_store(); /* the last block is sound */
    ck_assert_int_eq(store_read_begin(&r, s), ANJU_OK);
    ck_assert_int_eq(store_read_item(r, &item, seq), ANJU_ERR_CORRUPT);
    (void)snprintf(name, sizeof name, "entry %" PRIu64, seq);
    ck_assert_msg(strstr(anju_err_text(), name) != NULL, "%s", anju_err_text());
    ck_assert_int_eq(store_read_item(r, &item, seq + 1), ANJU_OK);
    ck_assert_int_eq(store_read_block(r, &raw, 11), ANJU_ERR_CORRUPT);
    store_read_end(r);
}
END_TEST

START_TEST(a_flipped_byte_of_an_effect_is_found)
{
    struct store_read *r;
    struct store_item item;
    uint8_t *copy;
    size_t size;
    uint64_t seq;

    open_store();
    commit_to(20);
    seq = expected[4].log_size;
    ck_assert_int_eq(store_read_begin(&r, s), ANJU_OK);
    ck_assert_int_eq(store_read_item(r, &item, seq), ANJU_OK);
    size = item.item.effects.size;
    copy = anju_dup(item.item.effects.data, size);
    store_read_end(r);
    close_store();
    tempdir_flip("ledger/data.mdb", find_in("ledger/data.mdb", copy, size) + size - 1);
    free(copy);
    open_store();
    ck_assert_int_eq(store_read_begin(&r, s), ANJU_OK);
    ck_assert_int_eq(store_read_item(r, &item, seq), ANJU_ERR_CORRUPT);
    store_read_end(r);
}
END_TEST

START_TEST(damage_in_the_last_block_is_found_at_the_start)
{
    static const uint8_t needle[] = "even";
    struct bytes raw;
    size_t at;

    open_store();
    commit_to(21);
    close_store();
    raw = expected[21].raw;
    at = (size_t)((const uint8_t *)memmem(raw.data, raw.size, needle, 4) - raw.data);
    tempdir_flip("ledger/data.mdb", find_in("ledger/data.mdb", raw.data + at - 60, 80) + 61);
    ck_assert_int_eq(store_open(&s, &options, &toy_registry), ANJU_ERR_CORRUPT);
    ck_assert_ptr_null(s);
}
END_TEST

/* Whatever byte of the files flips, opening answers or mends; it does not crash and shows no wrong
 * root. */
START_TEST(a_flipped_byte_anywhere_never_crashes_and_never_shows_another_root)
{
    static const char *const FILES[] = {"ledger/data.mdb", "derived/data.mdb"};
    size_t size;

    open_store();
    commit_to(24);
    close_store();
    for (int f = 0; f < 2; f++) {
        free(tempdir_read(FILES[f], &size));
        for (size_t offset = 24 + (size_t)f * 7; offset < size; offset += 4096 * 3 + 149) {
            enum anju_err err;
            tempdir_flip(FILES[f], offset);
            err = store_open(&s, &options, &toy_registry);
            if (err == ANJU_OK)
                ck_assert_mem_eq(store_head_view(s)->tip(store_head_view(s))->result.b,
                                 expected[24].result.b, 32);
            else
                ck_assert_uint_gt(strlen(anju_err_text()), 0);
            close_store();
            if (f == 0)
                tempdir_flip(FILES[f], offset);
            else
                ck_assert_msg(err == ANJU_OK, "%s",
                              anju_err_text()); /* derived data is always mended */
        }
    }
}
END_TEST

/* ---- Kills ---- */

/* Opens, and commits to a height, telling each through the pipe. */
static void child_commits(int fd, uint64_t height, enum fault fault, long countdown)
{
    fault_arm(fault, countdown);
    if (store_open(&s, &options, &toy_registry) != ANJU_OK)
        _exit(1);
    while (head_height() < height) {
        uint64_t done;
        if (commit_next() != ANJU_OK)
            _exit(2);
        done = head_height();
        if (write(fd, &done, sizeof done) != sizeof done)
            _exit(3);
    }
    store_close(s);
    _exit(0);
}

static int run_child(uint64_t *acknowledged, uint64_t height, enum fault fault, long countdown)
{
    int fds[2], status = 0;
    uint64_t done;
    pid_t child;

    ck_assert_int_eq(pipe(fds), 0);
    child = fork();
    if (child == 0)
        child_commits(fds[1], height, fault, countdown);
    close(fds[1]);
    while (read(fds[0], &done, sizeof done) == sizeof done)
        *acknowledged = done;
    close(fds[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void kill_everywhere(enum fault fault, long step)
{
    const uint64_t HEIGHT = 10;
    long countdown = 1;
    int status;

    options.merge_weight = 150;
    expect_to(HEIGHT + 2);
    do {
        uint64_t acknowledged = 0;
        tempdir_end();
        tempdir_begin();
        status = run_child(&acknowledged, HEIGHT, fault, countdown);
        ck_assert_msg(status == 0 || status == FAULT_EXIT_STATUS, "status %d", status);
        open_store();
        ck_assert_uint_ge(head_height(), acknowledged);
        check_now((uint64_t)countdown);
        commit_to(HEIGHT + 2);
        check_now((uint64_t)countdown + 1);
        close_store();
        countdown += step;
    } while (status != 0);
    ck_assert_int_gt(countdown, 40);
}

START_TEST(what_was_acknowledged_survives_a_kill_at_every_call)
{
    kill_everywhere(FAULT_KILL, 1);
}
END_TEST

START_TEST(what_was_acknowledged_survives_a_kill_in_the_middle_of_a_write)
{
    kill_everywhere(FAULT_KILL_TORN, 2);
}
END_TEST

/* ---- No room ---- */

START_TEST(a_full_disk_gives_full_keeps_nothing_half_and_goes_on_when_there_is_room)
{
    open_store();
    commit_to(5);
    expect_to(40);
    for (long countdown = 1; countdown <= 3; countdown++) {
        uint64_t before = head_height();
        fault_arm(FAULT_NO_GROWTH, countdown);
        while (commit_next() == ANJU_OK)
            before = head_height();
        ck_assert_msg(strstr(anju_err_text(), "no room on disk") != NULL, "%s", anju_err_text());
        ck_assert_uint_eq(head_height(), before);
        check_now(2);
        fault_disarm();
        ck_assert_msg(commit_next() == ANJU_OK, "%s", anju_err_text());
    }
    commit_to(40);
    check_now(9);
    close_store();
    open_store();
    check_now(10);
}
END_TEST

/* A disk that is full at the start: what is there can be served. */
START_TEST(a_store_opens_and_serves_on_a_full_disk)
{
    struct store_status st;

    options.merge_weight = 1 << 20; /* nothing is merged before the restart */
    options.tail_weight_max = 1 << 20;
    open_store();
    commit_to(40);
    ck_assert_uint_eq(watermark(), 0);
    close_store();
    options.merge_weight = 400;
    fault_arm(FAULT_NO_GROWTH, 1);
    open_store();
    ck_assert_uint_eq(head_height(), 40);
    check_now(3);
    expect_to(45);
    ck_assert_int_eq(commit_next(), ANJU_ERR_FULL);
    ck_assert_uint_eq(head_height(), 40);
    fault_disarm();
    commit_to(45);
    check_now(4);
    close_store();
    open_store();
    store_status(&st, s);
    ck_assert_uint_gt(st.watermark, 0);
    check_now(5);
}
END_TEST

START_TEST(used_up_address_space_gives_full_and_a_larger_one_goes_on)
{
    enum anju_err err = ANJU_OK;
    uint64_t height;

    options.map_size = 1 << 20;
    open_store();
    expect_to(300);
    while (err == ANJU_OK)
        err = commit_next();
    ck_assert_int_eq(err, ANJU_ERR_FULL);
    ck_assert_msg(strstr(anju_err_text(), "address space") != NULL, "%s", anju_err_text());
    height = head_height();
    ck_assert_uint_gt(height, 5);
    check_now(1);
    close_store();
    options.map_size = 0;
    open_store();
    ck_assert_uint_eq(head_height(), height);
    commit_to(height + 10);
    check_now(2);
}
END_TEST

START_TEST(low_space_is_below_both_the_bytes_and_the_percentage)
{
    uint64_t free_bytes;

    options.free_bytes_min = 1;
    open_store();
    ck_assert(!store_free_space_low(s, &free_bytes));
    ck_assert_uint_gt(free_bytes, 0);
    close_store();
    options.free_bytes_min = UINT64_MAX;
    options.free_percent_min = 100;
    open_store();
    ck_assert(store_free_space_low(s, &free_bytes)); /* less than all of it is free */
    close_store();
    options.free_percent_min = 0;
    options.free_bytes_min = 1;
    open_store();
    ck_assert(!store_free_space_low(s, &free_bytes));
}
END_TEST

/* ---- Other directories, other processes ---- */

START_TEST(a_directory_of_another_ledger_or_format_is_refused_with_words)
{
    struct ledger_registry other;
    int fd;

    open_store();
    commit_to(3);
    close_store();
    other = toy_registry;
    crypto_sha256(&other.ledger_id, bytes_of_text("another"));
    ck_assert_int_eq(store_open(&s, &options, &other), ANJU_ERR_MISMATCH);
    ck_assert_msg(strstr(anju_err_text(), "right genesis file") != NULL, "%s", anju_err_text());
    fd = open(tempdir_path("ledger/FORMAT"), O_WRONLY | O_TRUNC);
    ck_assert_int_eq(write(fd, "anju ledger 2\n", 14), 14);
    close(fd);
    ck_assert_int_eq(store_open(&s, &options, &toy_registry), ANJU_ERR_UNSUPPORTED);
    ck_assert_msg(strstr(anju_err_text(), "format 2") != NULL, "%s", anju_err_text());
    ck_assert_ptr_null(s);
}
END_TEST

/* A second process: it may not open what is in use, but may read the truth beside the running node.
 */
START_TEST(a_second_process_may_only_read_and_sees_what_is_committed)
{
    int go[2], status = 0;
    uint64_t height = 0;
    pid_t child;

    ck_assert_int_eq(pipe(go), 0);
    child = fork();
    if (child == 0) { /* before LMDB is open here */
        struct store_read *r;
        struct store_item item;
        struct arena a = {0};
        struct ledger_subject subject;
        const struct ledger_subject_id id = subject_of(1, 1);
        if (read(go[0], &height, sizeof height) != sizeof height)
            _exit(1);
        if (store_open(&s, &options, &toy_registry) != ANJU_ERR_BUSY)
            _exit(2);
        if (store_open_readonly(&s, tempdir, &toy_registry.ledger_id) != ANJU_OK)
            _exit(3);
        if (store_read_begin(&r, s) != ANJU_OK || store_read_tip(r)->height != height)
            _exit(4);
        for (uint64_t seq = 0; seq < store_read_tip(r)->log.size; seq++)
            if (store_read_item(r, &item, seq) != ANJU_OK)
                _exit(5);
        if (store_read_subject(r, &subject, TOY_PROCEDURE, &id, &a) != ANJU_ERR_UNSUPPORTED)
            _exit(6);
        store_read_end(r);
        store_close(s);
        _exit(0);
    }
    open_store();
    commit_to(30);
    height = head_height();
    ck_assert_int_eq(write(go[1], &height, sizeof height), sizeof height);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    commit_to(40); /* the other one's going has broken no lock */
    check_now(1);
}
END_TEST

START_TEST(reading_a_directory_without_a_ledger_says_so)
{
    ck_assert_int_eq(store_open_readonly(&s, tempdir, NULL), ANJU_ERR_NOT_FOUND);
    ck_assert_msg(strstr(anju_err_text(), "no ledger") != NULL, "%s", anju_err_text());
    ck_assert_int_eq(store_rebuild(&options, &toy_registry), ANJU_ERR_NOT_FOUND);
    ck_assert(!store_exists(tempdir));
}
END_TEST

/* ---- Readers beside the writer ---- */

static atomic_bool readers_stop;

static void *read_on(void *ctx)
{
    uint64_t salt = (uint64_t)(uintptr_t)ctx;
    struct store_read *old = NULL;

    while (!atomic_load(&readers_stop)) {
        struct store_read *r;
        ck_assert_int_eq(store_read_begin(&r, s), ANJU_OK);
        check_reader(r, ++salt);
        if (old != NULL)
            check_reader(old, salt); /* still the same height, however many merges went by */
        store_read_end(old);
        old = r;
    }
    store_read_end(old);
    return NULL;
}

START_TEST(readers_see_one_height_while_blocks_are_committed_and_merged)
{
    pthread_t threads[3];
    struct store_status st;

    options.merge_weight = 200;
    open_store();
    expect_to(160);
    commit_to(8);
    for (uintptr_t i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_on, (void *)(i * 1000)), 0);
    commit_to(160);
    atomic_store(&readers_stop, true);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    store_status(&st, s);
    ck_assert_uint_gt(st.merges, 5);
    ck_assert_uint_eq(st.height, 160);
    check_now(1);
}
END_TEST

/* A reader that is held for long keeps its layers, and costs others nothing. */
START_TEST(an_old_reader_keeps_its_height_for_as_long_as_it_lives)
{
    struct store_read *r;

    open_store();
    commit_to(20);
    ck_assert_int_eq(store_read_begin(&r, s), ANJU_OK);
    commit_to(150);
    ck_assert_uint_gt(watermark(), 20);
    ck_assert_uint_eq(store_read_tip(r)->height, 20);
    for (uint64_t salt = 0; salt < 30; salt++)
        check_reader(r, salt);
    store_read_end(r);
    check_now(3);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *t = tcase_create("store");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 240);
    tcase_add_test(t, a_new_directory_gets_height_0_and_opens_again);
    tcase_add_test(t, what_was_committed_is_read_back_before_and_after_merges_and_restarts);
    tcase_add_test(t, every_subject_and_chain_is_what_it_is_in_memory);
    tcase_add_test(t, used_nonces_and_refusals_of_past_days_are_removed);
    tcase_add_test(t, a_time_range_of_a_chain_begins_where_the_search_says);
    tcase_add_test(t, derived_data_made_again_from_the_truth_gives_the_same_roots);
    tcase_add_test(t, derived_data_that_does_not_fit_is_made_again_at_opening);
    tcase_add_test(t, a_flipped_byte_of_a_record_is_found_and_its_entry_named);
    tcase_add_test(t, a_flipped_byte_of_an_effect_is_found);
    tcase_add_test(t, damage_in_the_last_block_is_found_at_the_start);
    tcase_add_test(t, a_flipped_byte_anywhere_never_crashes_and_never_shows_another_root);
    tcase_add_test(t, what_was_acknowledged_survives_a_kill_at_every_call);
    tcase_add_test(t, what_was_acknowledged_survives_a_kill_in_the_middle_of_a_write);
    tcase_add_test(t, a_full_disk_gives_full_keeps_nothing_half_and_goes_on_when_there_is_room);
    tcase_add_test(t, a_store_opens_and_serves_on_a_full_disk);
    tcase_add_test(t, used_up_address_space_gives_full_and_a_larger_one_goes_on);
    tcase_add_test(t, low_space_is_below_both_the_bytes_and_the_percentage);
    tcase_add_test(t, a_directory_of_another_ledger_or_format_is_refused_with_words);
    tcase_add_test(t, a_second_process_may_only_read_and_sees_what_is_committed);
    tcase_add_test(t, reading_a_directory_without_a_ledger_says_so);
    tcase_add_test(t, readers_see_one_height_while_blocks_are_committed_and_merged);
    tcase_add_test(t, an_old_reader_keeps_its_height_for_as_long_as_it_lives);
    suite_add_tcase(suite, t);
}

UNIT_MAIN("store", add_tests)
