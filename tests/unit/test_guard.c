/* What a node signed must be known to it after any stop, or it must know that it does not know. */
#include "tests/unit/unit.h"

#include <string.h>
#include <sys/wait.h>

#include "storage/guard.h"
#include "tests/toy/faults.c"
#include "tests/toy/tempdir.c"

static const struct crypto_hash LEDGER = {{1}}, NODE = {{2}}, OTHER = {{3}};
static struct guard *g;

static void teardown(void)
{
    fault_disarm();
    guard_close(g);
    g = NULL;
    tempdir_end();
}

static enum guard_state reopen(bool ledger_exists)
{
    guard_close(g);
    g = NULL;
    ck_assert_int_eq(guard_open(&g, tempdir, &LEDGER, &NODE, ledger_exists), ANJU_OK);
    return guard_state(g);
}

static void write_text(const char *text)
{
    guard_write(g, bytes_of_text(text));
}

static void assert_content(const char *text)
{
    ck_assert(bytes_equal(guard_content(g), bytes_of_text(text)));
}

START_TEST(a_new_node_gets_an_empty_guard_and_keeps_what_it_writes)
{
    uint8_t big[GUARD_CONTENT_MAX];

    ck_assert_int_eq(reopen(false), GUARD_NEW);
    ck_assert_uint_eq(guard_content(g).size, 0);
    ck_assert_int_eq(reopen(true), GUARD_FOUND); /* stopped before it signed anything */
    ck_assert_uint_eq(guard_content(g).size, 0);
    for (int i = 0; i < 5; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "vote %d", i);
        write_text(text);
        assert_content(text);
        ck_assert_int_eq(reopen(true), GUARD_FOUND);
        assert_content(text);
    }
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (uint8_t)(i * 7);
    guard_write(g, bytes_of(big, sizeof big));
    ck_assert_int_eq(reopen(true), GUARD_FOUND);
    ck_assert(bytes_equal(guard_content(g), bytes_of(big, sizeof big)));
}
END_TEST

static void open_only(void)
{
    (void)!guard_open(&g, tempdir, &LEDGER, &NODE, true);
}

/* A process that was killed leaves writes in the page cache. What is read there is said again by the
 * next process: a power cut must not take it back. So opening syncs, and stops where it cannot. */
START_TEST(what_a_killed_process_wrote_is_on_disk_before_it_counts)
{
    ck_assert_int_eq(reopen(false), GUARD_NEW);
    write_text("vote");
    guard_close(g); /* a child that opens it must find it free */
    g = NULL;
    fault_arm(FAULT_SYNC, 1);
    ck_assert(fault_aborts(open_only));
    fault_disarm();
}
END_TEST

START_TEST(a_torn_write_leaves_what_was_written_before)
{
    uint8_t *before, *after;
    size_t size;

    ck_assert_int_eq(reopen(false), GUARD_NEW);
    write_text("first");
    before = tempdir_read("guard", &size);
    ck_assert_uint_eq(size, 2 * GUARD_SLOT_SIZE);
    write_text("second");
    after = tempdir_read("guard", &size);
    guard_close(g);
    g = NULL;
    /* Every number of sectors that reached the disk, from the front and from the back. */
    for (size_t sectors = 0; sectors <= 16; sectors++) {
        for (int back = 0; back < 2; back++) {
            size_t done = sectors * 512, from = back ? GUARD_SLOT_SIZE - done : 0;
            uint8_t *file = anju_dup(before, size);
            size_t slot = memcmp(before, after, GUARD_SLOT_SIZE) != 0 ? 0 : GUARD_SLOT_SIZE;
            int fd = open(tempdir_path("guard"), O_WRONLY);

            memcpy(file + slot + from, after + slot + from, done);
            ck_assert_int_eq(pwrite(fd, file, size, 0), (ssize_t)size);
            close(fd);
            free(file);
            ck_assert_int_eq(reopen(true), GUARD_FOUND);
            assert_content(sectors == 16 ? "second" : "first");
            guard_close(g);
            g = NULL;
        }
    }
    free(before);
    free(after);
}
END_TEST

/* The sectors of a torn write, and those of the next one into the same slot, must not pass for one.
 */
START_TEST(two_torn_writes_into_one_slot_do_not_mix)
{
    ck_assert_int_eq(reopen(false), GUARD_NEW);
    write_text("kept");
    for (int round = 0; round < 4; round++) {
        uint8_t big[GUARD_CONTENT_MAX];
        int status = 0;
        pid_t child;

        memset(big, 'a' + round, sizeof big);
        guard_close(g);
        g = NULL;
        child = fork();
        if (child == 0) {
            struct guard *own;
            if (guard_open(&own, tempdir, &LEDGER, &NODE, true) != ANJU_OK)
                _exit(1);
            fault_arm(FAULT_KILL_TORN, 1);
            guard_write(own, bytes_of(big, sizeof big));
            _exit(2);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_int_eq(WEXITSTATUS(status), FAULT_EXIT_STATUS);
        ck_assert_int_eq(reopen(true), GUARD_FOUND);
        assert_content("kept");
    }
    write_text("next");
    ck_assert_int_eq(reopen(true), GUARD_FOUND);
    assert_content("next");
}
END_TEST

/* A flipped bit anywhere may be in what was signed last: then nothing may be signed any more. */
START_TEST(a_damaged_sector_means_lost_for_good)
{
    for (size_t offset = 0; offset < 2 * GUARD_SLOT_SIZE; offset += 131) {
        ck_assert_int_eq(reopen(false), GUARD_NEW);
        write_text("one");
        write_text("two");
        guard_close(g);
        g = NULL;
        tempdir_flip("guard", offset);
        ck_assert_int_eq(reopen(true), GUARD_LOST);
        ck_assert_uint_eq(guard_content(g).size, 0);
        ck_assert_ptr_nonnull(strstr(guard_lost_reason(g), "is damaged"));
        tempdir_flip("guard", offset); /* sound again by chance: still lost */
        ck_assert_int_eq(reopen(true), GUARD_LOST);
        ck_assert_ptr_nonnull(strstr(guard_lost_reason(g), "is damaged"));
        guard_close(g);
        g = NULL;
        ck_assert_int_eq(unlink(tempdir_path("guard")), 0);
        ck_assert_int_eq(unlink(tempdir_path("guard.lost")), 0);
    }
}
END_TEST

START_TEST(a_guard_that_is_cut_short_is_lost)
{
    ck_assert_int_eq(reopen(false), GUARD_NEW);
    guard_close(g);
    g = NULL;
    ck_assert_int_eq(truncate(tempdir_path("guard"), GUARD_SLOT_SIZE + 100), 0);
    ck_assert_int_eq(reopen(true), GUARD_LOST);
}
END_TEST

START_TEST(no_guard_beside_a_ledger_is_lost_and_a_restored_backup_too)
{
    ck_assert_int_eq(reopen(true), GUARD_LOST);
    ck_assert_ptr_nonnull(strstr(guard_lost_reason(g), "missing"));
    ck_assert_int_eq(reopen(false), GUARD_LOST); /* the marker stays */
    ck_assert_int_eq(unlink(tempdir_path("guard.lost")), 0);
    ck_assert_int_eq(reopen(false), GUARD_NEW);
    write_text("signed");
    ck_assert_int_eq(guard_mark_lost(tempdir, "restored from a backup of yesterday"), ANJU_OK);
    ck_assert_int_eq(reopen(true), GUARD_LOST);
    ck_assert_str_eq(guard_lost_reason(g), "restored from a backup of yesterday");
}
END_TEST

/* Others know what this key can have signed: the guard begins anew, and the marker goes. */
START_TEST(a_lost_guard_is_made_anew_with_what_is_signed_next)
{
    static const char *const WAYS[] = {"missing", "damaged", "restored"};

    ck_assert_int_eq(reopen(false), GUARD_NEW);
    ck_assert(!guard_is_renewable(g));
    write_text("before");
    if (_i == 0)
        ck_assert_int_eq(unlink(tempdir_path("guard")), 0);
    if (_i == 1)
        tempdir_flip("guard", 700);
    if (_i == 2)
        ck_assert_int_eq(guard_mark_lost(tempdir, WAYS[_i]), ANJU_OK);
    ck_assert_int_eq(reopen(true), GUARD_LOST);
    ck_assert_int_eq(reopen(true), GUARD_LOST);
    ck_assert(guard_is_renewable(g));
    guard_renew(g, bytes_of_text("after"));
    assert_content("after");
    ck_assert_int_eq(reopen(true), GUARD_FOUND);
    assert_content("after");
    write_text("and on");
    ck_assert_int_eq(reopen(true), GUARD_FOUND);
    assert_content("and on");
}
END_TEST

/* Started once with the wrong key or directory: no signing, but the right node keeps its guard. */
START_TEST(a_guard_of_another_node_or_ledger_is_not_used_and_not_spoiled)
{
    ck_assert_int_eq(reopen(false), GUARD_NEW);
    write_text("mine");
    guard_close(g);
    ck_assert_int_eq(guard_open(&g, tempdir, &LEDGER, &OTHER, true), ANJU_OK);
    ck_assert_int_eq(guard_state(g), GUARD_LOST);
    ck_assert(!guard_is_renewable(g));
    guard_close(g);
    ck_assert_int_eq(guard_open(&g, tempdir, &OTHER, &NODE, true), ANJU_OK);
    ck_assert_int_eq(guard_state(g), GUARD_LOST);
    ck_assert_int_eq(reopen(true), GUARD_FOUND);
    assert_content("mine");
}
END_TEST

START_TEST(the_same_guard_cannot_be_open_twice)
{
    struct guard *second;

    ck_assert_int_eq(reopen(false), GUARD_NEW);
    ck_assert_int_eq(guard_open(&second, tempdir, &LEDGER, &NODE, true), ANJU_ERR_BUSY);
    ck_assert_ptr_null(second);
    ck_assert_ptr_nonnull(strstr(anju_err_text(), "must not run twice"));
}
END_TEST

static void write_once(void)
{
    write_text("never");
}

/* Tried again, a failed sync would report success for pages that the kernel has dropped. */
START_TEST(a_failed_sync_stops_the_process)
{
    ck_assert_int_eq(reopen(false), GUARD_NEW);
    fault_arm(FAULT_SYNC, 1);
    ck_assert(fault_aborts(write_once));
}
END_TEST

START_TEST(a_failed_write_stops_the_process)
{
    ck_assert_int_eq(reopen(false), GUARD_NEW);
    fault_arm(FAULT_NO_SPACE, 1);
    ck_assert(fault_aborts(write_once));
}
END_TEST

START_TEST(a_directory_without_room_gives_full_with_words)
{
    fault_arm(FAULT_NO_SPACE, 1);
    ck_assert_int_eq(guard_open(&g, tempdir, &LEDGER, &NODE, false), ANJU_ERR_FULL);
    ck_assert_ptr_nonnull(strstr(anju_err_text(), "no room on disk"));
    fault_disarm();
    ck_assert_int_eq(reopen(false), GUARD_NEW);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *t = tcase_create("guard");

    tcase_add_checked_fixture(t, tempdir_begin, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_new_node_gets_an_empty_guard_and_keeps_what_it_writes);
    tcase_add_test(t, what_a_killed_process_wrote_is_on_disk_before_it_counts);
    tcase_add_test(t, a_torn_write_leaves_what_was_written_before);
    tcase_add_test(t, two_torn_writes_into_one_slot_do_not_mix);
    tcase_add_test(t, a_damaged_sector_means_lost_for_good);
    tcase_add_test(t, a_guard_that_is_cut_short_is_lost);
    tcase_add_test(t, no_guard_beside_a_ledger_is_lost_and_a_restored_backup_too);
    tcase_add_loop_test(t, a_lost_guard_is_made_anew_with_what_is_signed_next, 0, 3);
    tcase_add_test(t, a_guard_of_another_node_or_ledger_is_not_used_and_not_spoiled);
    tcase_add_test(t, the_same_guard_cannot_be_open_twice);
    tcase_add_test(t, a_failed_sync_stops_the_process);
    tcase_add_test(t, a_failed_write_stops_the_process);
    tcase_add_test(t, a_directory_without_room_gives_full_with_words);
    suite_add_tcase(suite, t);
}

UNIT_MAIN("guard", add_tests)
