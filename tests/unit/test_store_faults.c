/* Whatever happens to the process or the disk, the store gives back what was agreed on, or says in
 * words what is wrong. */
#include "tests/unit/unit.h"

#include <sys/wait.h>

#include "tests/toy/store_driver.c"

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

static void add_tests(Suite *suite)
{
    TCase *t = tcase_create("store faults");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 240);
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
    suite_add_tcase(suite, t);
}

UNIT_MAIN("store_faults", add_tests)
