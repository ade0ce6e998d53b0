/* What was committed is read back, by every reader at its own height, before and after merges and
 * restarts. */
#include "tests/unit/unit.h"

#include <pthread.h>

#include "tests/toy/store_driver.c"

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
    tcase_add_test(t, readers_see_one_height_while_blocks_are_committed_and_merged);
    tcase_add_test(t, an_old_reader_keeps_its_height_for_as_long_as_it_lives);
    suite_add_tcase(suite, t);
}

UNIT_MAIN("store", add_tests)
