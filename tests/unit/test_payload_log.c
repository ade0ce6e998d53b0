/* What a vote rests on must be on disk before the vote leaves, and found again after any stop. */
#include "tests/unit/unit.h"

#include <string.h>
#include <sys/wait.h>

#include "storage/payload_log.h"
#include "storage/payload_segment.h"
#include "tests/toy/faults.c"
#include "tests/toy/tempdir.c"

enum { SEGMENT = 64 * 1024, FOUND_MAX = 4096 };

static struct payload_log *l;
static struct payload_log_options options = {.dir = tempdir, .segment_size = SEGMENT};

/* What the last opening found. */
static struct found {
    enum payload_kind kind;
    uint64_t height;
    uint32_t number;
    size_t size;
} found[FOUND_MAX];
static size_t n_found, n_damaged;
static enum anju_err answer;

static uint8_t data[256 * 1024];

/* Record `number`: its id and its bytes follow from the number. */
static struct payload_record record(enum payload_kind kind, uint32_t number, uint64_t height,
                                    size_t size)
{
    struct payload_record r = {.kind = kind, .height = height, .data = bytes_of(data, size)};

    put_u32(r.id.b, number);
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(number * 31 + i * 7);
    return r;
}

static enum anju_err on_found(void *ctx, const struct payload_record *r, const char *damaged)
{
    (void)ctx;
    if (damaged != NULL) {
        ck_assert_ptr_null(r);
        n_damaged++;
        return answer;
    }
    ck_assert_uint_lt(n_found, FOUND_MAX);
    found[n_found] = (struct found){r->kind, r->height, get_u32(r->id.b), r->data.size};
    ck_assert(
        bytes_equal(r->data, record(r->kind, found[n_found].number, r->height, r->data.size).data));
    n_found++;
    return answer;
}

static void reopen(void)
{
    payload_log_close(l);
    n_found = n_damaged = 0;
    answer = ANJU_OK;
    ck_assert_int_eq(payload_log_open(&l, &options, on_found, NULL), ANJU_OK);
}

static void setup(void)
{
    tempdir_begin();
    reopen();
}

static void teardown(void)
{
    fault_disarm();
    payload_log_close(l);
    l = NULL;
    tempdir_end();
}

static void append(enum payload_kind kind, uint32_t number, uint64_t height, size_t size)
{
    const struct payload_record r = record(kind, number, height, size);
    ck_assert_int_eq(payload_log_append(l, &r), ANJU_OK);
}

static void release(enum payload_kind kind, uint32_t number)
{
    const struct payload_record r = record(kind, number, 0, 0);
    payload_log_release(l, kind, &r.id, 1);
}

static bool has(enum payload_kind kind, uint32_t number)
{
    const struct payload_record r = record(kind, number, 0, 0);
    return payload_log_has(l, kind, &r.id);
}

static uint64_t segments(void)
{
    struct payload_log_status st;

    payload_log_status(&st, l);
    return st.segments;
}

START_TEST(what_was_appended_is_found_again_in_order)
{
    ck_assert_uint_eq(n_found, 0);
    append(PAYLOAD_BATCH, 1, 0, 1000);
    append(PAYLOAD_BODY, 2, 7, 0);
    append(PAYLOAD_POLKA, 3, 7, 300);
    payload_log_sync(l);
    append(PAYLOAD_BATCH, 4, 0, SEGMENT - PAYLOAD_HEAD_SIZE); /* fills one whole segment */
    append(PAYLOAD_BATCH, 5, 0, 3 * SEGMENT);                 /* one of its own */
    append(PAYLOAD_BATCH, 6, 0, 1);
    payload_log_sync(l);
    for (int round = 0; round < 2; round++) { /* opening changes nothing */
        reopen();
        ck_assert_uint_eq(n_found, 6);
        ck_assert_uint_eq(n_damaged, 0);
        for (uint32_t i = 0; i < 6; i++)
            ck_assert_uint_eq(found[i].number, i + 1);
        ck_assert_int_eq(found[1].kind, PAYLOAD_BODY);
        ck_assert_uint_eq(found[1].height, 7);
        ck_assert_uint_eq(found[4].size, 3 * SEGMENT);
    }
}
END_TEST

START_TEST(a_record_that_is_there_is_not_written_again_and_can_be_read_back)
{
    struct payload_log_status before, after;
    const struct payload_record r = record(PAYLOAD_BATCH, 1, 0, 5000);
    struct writer w = {0};

    append(PAYLOAD_BATCH, 1, 0, 5000);
    payload_log_status(&before, l);
    append(PAYLOAD_BATCH, 1, 0, 5000);
    payload_log_status(&after, l);
    ck_assert_mem_eq(&before, &after, sizeof before);
    ck_assert_uint_eq(after.live_records, 1);
    ck_assert_uint_eq(after.live_bytes, 5000);
    ck_assert(payload_log_has(l, PAYLOAD_BATCH, &r.id));
    ck_assert(!payload_log_has(l, PAYLOAD_BODY, &r.id));
    writer_u8(&w, 9); /* what is in the writer stays */
    ck_assert_int_eq(payload_log_get(l, &w, PAYLOAD_BATCH, &r.id), ANJU_OK);
    ck_assert_uint_eq(w.size, 5001);
    ck_assert_mem_eq(w.data + 1, record(PAYLOAD_BATCH, 1, 0, 5000).data.data, 5000);
    release(PAYLOAD_BATCH, 1);
    ck_assert_int_eq(payload_log_get(l, &w, PAYLOAD_BATCH, &r.id), ANJU_ERR_NOT_FOUND);
    ck_assert_uint_eq(w.size, 5001);
    append(PAYLOAD_BATCH, 1, 0, 5000);
    ck_assert(payload_log_has(l, PAYLOAD_BATCH, &r.id));
    writer_free(&w);
}
END_TEST

/* Committed and dropped content must not fill the disk; files are used again. */
START_TEST(segments_go_when_nothing_in_them_is_live)
{
    struct payload_log_status st;

    for (uint32_t i = 0; i < 1000; i++) {
        append(PAYLOAD_BATCH, i, 0, 9000);
        if (i >= 10)
            release(PAYLOAD_BATCH, i - 10);
        payload_log_sync(l);
        ck_assert_uint_le(segments(), 5);
    }
    payload_log_status(&st, l);
    ck_assert_uint_eq(st.live_records, 10);
    ck_assert_uint_le(st.bytes, 6 * SEGMENT);
    reopen();
    ck_assert_uint_eq(n_damaged, 0);
    ck_assert_uint_ge(n_found,
                      10); /* of what was released as much as shares a segment with the rest */
    ck_assert_uint_le(n_found, 25);
    ck_assert_uint_eq(found[n_found - 1].number, 999);
}
END_TEST

START_TEST(bodies_and_polkas_go_with_their_height_and_batches_stay)
{
    append(PAYLOAD_BATCH, 1, 0, 10);
    append(PAYLOAD_BODY, 2, 5, 10);
    append(PAYLOAD_POLKA, 3, 5, 10);
    append(PAYLOAD_BODY, 4, 6, 10);
    payload_log_release_heights(l, 5);
    ck_assert(has(PAYLOAD_BATCH, 1));
    ck_assert(!has(PAYLOAD_BODY, 2));
    ck_assert(!has(PAYLOAD_POLKA, 3));
    ck_assert(has(PAYLOAD_BODY, 4));
    payload_log_release_heights(l, 6);
    release(PAYLOAD_BATCH, 1);
    for (uint32_t i = 10; i < 20; i++)
        append(PAYLOAD_BATCH, i, 0, 9000);
    for (uint32_t i = 10; i < 17; i++)
        release(PAYLOAD_BATCH, i); /* those that share the first segment with them */
    payload_log_sync(l);
    reopen();
    ck_assert_uint_eq(found[0].number, 17); /* the first segment was let go */
}
END_TEST

static long syncs_of_reopening(void)
{
    enum { MANY = 1000 };
    long left;

    payload_log_close(l);
    l = NULL;
    fault_arm(FAULT_SYNC, MANY);
    reopen();
    left = atomic_load(&fault_countdown);
    fault_disarm();
    return MANY - left;
}

/* A process that was killed leaves appends in the page cache; the next one counts them as durable. */
START_TEST(what_a_killed_process_appended_is_on_disk_before_it_counts)
{
    long empty = syncs_of_reopening();

    for (uint32_t i = 0; i < 3; i++) {
        struct payload_record r = record(PAYLOAD_BATCH, i, 0, SEGMENT * 3 / 4);
        ck_assert_int_eq(payload_log_append(l, &r), ANJU_OK);
    }
    ck_assert_int_ge(syncs_of_reopening(), empty + 2); /* three segments instead of one */
    ck_assert_uint_eq(n_found, 3);
}
END_TEST

START_TEST(a_tail_that_was_not_synced_may_be_torn_and_is_dropped_without_a_word)
{
    char name[64] = "payload/0000000000000001.seg";

    append(PAYLOAD_BATCH, 1, 0, 1000);
    payload_log_sync(l);
    append(PAYLOAD_BATCH, 2, 0, 1000); /* says that record 1 is synced */
    append(PAYLOAD_BATCH, 3, 0, 1000);
    payload_log_close(l);
    l = NULL;
    tempdir_flip(name, (size_t)payload_record_room(1000) +
                           500); /* record 2 did not reach the disk whole */
    for (int round = 0; round < 2; round++) {
        reopen();
        ck_assert_uint_eq(n_damaged, 0);
        ck_assert_uint_eq(n_found, round == 0 ? 2 : 3); /* 1, and 3, which is as good */
        ck_assert_uint_eq(found[1].number, 3);
        append(PAYLOAD_BATCH, 4, 0, 10); /* later records do not make the torn one look synced */
        payload_log_sync(l);
        append(PAYLOAD_BATCH, 4, 0, 10);
        payload_log_sync(l);
    }
}
END_TEST

START_TEST(damage_in_what_was_synced_is_reported_and_the_rest_is_found)
{
    const size_t room = (size_t)payload_record_room(1000);

    for (uint32_t i = 0; i < 20; i++)
        append(PAYLOAD_BATCH, i, 0, 1000);
    payload_log_sync(l);
    append(PAYLOAD_BATCH, 20, 0, 10);
    payload_log_close(l);
    l = NULL;
    tempdir_flip("payload/0000000000000001.seg", 3 * room + 700); /* data of record 3 */
    tempdir_flip("payload/0000000000000001.seg", 7 * room + 90);  /* header of record 7 */
    tempdir_flip("payload/0000000000000001.seg", 8 * room + 20);  /* and of record 8 */
    reopen();
    ck_assert_uint_eq(n_damaged, 2);
    ck_assert_uint_eq(n_found, 18);
    ck_assert_uint_eq(found[3].number, 4);
    ck_assert_uint_eq(found[6].number, 9);
}
END_TEST

/* Each byte of a log: flipped, it is never taken for another record. */
START_TEST(no_flipped_byte_passes_for_a_record)
{
    const size_t used = (size_t)(payload_record_room(200) + payload_record_room(100));

    append(PAYLOAD_BODY, 1, 3, 200);
    append(PAYLOAD_POLKA, 2, 3, 100);
    payload_log_sync(l);
    payload_log_close(l);
    l = NULL;
    for (size_t offset = 0; offset < used; offset++) {
        tempdir_flip("payload/0000000000000001.seg", offset);
        reopen(); /* on_found checks bytes and fields */
        for (size_t i = 0; i < n_found; i++)
            ck_assert(found[i].number == 1 || found[i].number == 2);
        ck_assert_uint_ge(n_found, offset < (size_t)payload_record_room(200) ? 1 : 1);
        payload_log_close(l);
        l = NULL;
        tempdir_flip("payload/0000000000000001.seg", offset);
    }
    reopen();
    ck_assert_uint_eq(n_found, 2);
}
END_TEST

/* A file that is used again still holds what was in it before: that must never come back. */
START_TEST(what_a_reused_file_held_before_does_not_come_back)
{
    for (uint32_t round = 0; round < 20; round++) {
        for (uint32_t i = 0; i < 8; i++)
            append(PAYLOAD_BATCH, round * 8 + i, 0, 9000);
        payload_log_sync(l);
        for (uint32_t i = 0; i < 8; i++)
            release(PAYLOAD_BATCH, round * 8 + i);
        payload_log_sync(l);
    }
    append(PAYLOAD_BATCH, 1000, 0, 10);
    payload_log_sync(l);
    reopen();
    ck_assert_uint_eq(n_damaged, 0);
    for (size_t i = 0; i < n_found; i++)
        ck_assert_uint_ge(found[i].number, 19 * 8 - 8);
    ck_assert_uint_eq(found[n_found - 1].number, 1000);
}
END_TEST

/* Stop at every single write and sync, clean and torn: what a sync gave back is there. */
START_TEST(what_was_synced_survives_a_kill_at_every_call)
{
    static const enum fault KINDS[] = {FAULT_KILL, FAULT_KILL_TORN};

    for (size_t k = 0; k < 2; k++) {
        for (long countdown = 1;; countdown++) {
            int status = 0, fds[2];
            uint32_t synced = 0, word;
            pid_t child;

            payload_log_close(l);
            l = NULL;
            tempdir_end();
            tempdir_begin();
            ck_assert_int_eq(pipe(fds), 0);
            child = fork();
            if (child == 0) {
                struct payload_log *own;
                fault_arm(KINDS[k], countdown);
                if (payload_log_open(&own, &options, on_found, NULL) != ANJU_OK)
                    _exit(1);
                for (uint32_t i = 1; i <= 24; i++) {
                    const struct payload_record r = record(PAYLOAD_BATCH, i, 0, 9000);
                    if (payload_log_append(own, &r) != ANJU_OK)
                        _exit(1);
                    if (i % 3 != 0)
                        continue;
                    payload_log_sync(own);
                    if (write(fds[1], &i, sizeof i) != sizeof i)
                        _exit(1);
                }
                _exit(0);
            }
            close(fds[1]);
            while (read(fds[0], &word, sizeof word) == sizeof word)
                synced = word;
            close(fds[0]);
            ck_assert_int_eq(waitpid(child, &status, 0), child);
            reopen();
            ck_assert_uint_eq(n_damaged, 0);
            ck_assert_uint_ge(n_found, synced);
            for (uint32_t i = 0; i < synced; i++)
                ck_assert_uint_eq(found[i].number, i + 1);
            if (WEXITSTATUS(status) == 0)
                break;
            ck_assert_int_eq(WEXITSTATUS(status), FAULT_EXIT_STATUS);
        }
    }
}
END_TEST

START_TEST(a_log_at_its_bound_says_full_and_goes_on_when_there_is_room)
{
    struct payload_record r;
    uint32_t n = 0;
    enum anju_err err;

    payload_log_close(l);
    l = NULL;
    options.size_max = 5 * SEGMENT;
    reopen();
    do {
        r = record(PAYLOAD_BATCH, n, 0, 9000);
        err = payload_log_append(l, &r);
        payload_log_sync(l);
    } while (err == ANJU_OK && ++n < 100);
    ck_assert_int_eq(err, ANJU_ERR_FULL);
    ck_assert_ptr_nonnull(strstr(anju_err_text(), "bound"));
    ck_assert_uint_ge(n, 4 * 7);
    ck_assert(!payload_log_has(l, PAYLOAD_BATCH, &r.id));
    for (uint32_t i = 0; i < n; i++)
        release(PAYLOAD_BATCH, i);
    payload_log_sync(l);
    append(PAYLOAD_BATCH, 500, 0, 9000);
    options.size_max = 0;
}
END_TEST

START_TEST(a_disk_without_room_gives_full_and_nothing_is_written)
{
    const struct payload_record r = record(PAYLOAD_BATCH, 2, 0, 9000);

    append(PAYLOAD_BATCH, 1, 0, 9000);
    fault_arm(FAULT_NO_SPACE, 2); /* the data has room, the header has not */
    ck_assert_int_eq(payload_log_append(l, &r), ANJU_ERR_FULL);
    ck_assert_ptr_nonnull(strstr(anju_err_text(), "no room on disk"));
    ck_assert(!payload_log_has(l, PAYLOAD_BATCH, &r.id));
    fault_disarm();
    append(PAYLOAD_BATCH, 3, 0, 9000);
    payload_log_sync(l);
    reopen();
    ck_assert_uint_eq(n_found, 2);
    ck_assert_uint_eq(found[1].number, 3);
}
END_TEST

START_TEST(an_error_of_the_caller_ends_the_opening)
{
    append(PAYLOAD_BATCH, 1, 0, 10);
    payload_log_sync(l);
    payload_log_close(l);
    answer = ANJU_ERR_CLOSED;
    ck_assert_int_eq(payload_log_open(&l, &options, on_found, NULL), ANJU_ERR_CLOSED);
    ck_assert_ptr_null(l);
    reopen();
    ck_assert_uint_eq(n_found, 1);
}
END_TEST

static void sync_once(void)
{
    payload_log_sync(l);
}

START_TEST(a_failed_sync_stops_the_process)
{
    append(PAYLOAD_BATCH, 1, 0, 10);
    fault_arm(FAULT_SYNC, 1);
    ck_assert(fault_aborts(sync_once));
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *t = tcase_create("payload log");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, what_was_appended_is_found_again_in_order);
    tcase_add_test(t, a_record_that_is_there_is_not_written_again_and_can_be_read_back);
    tcase_add_test(t, segments_go_when_nothing_in_them_is_live);
    tcase_add_test(t, bodies_and_polkas_go_with_their_height_and_batches_stay);
    tcase_add_test(t, what_a_killed_process_appended_is_on_disk_before_it_counts);
    tcase_add_test(t, a_tail_that_was_not_synced_may_be_torn_and_is_dropped_without_a_word);
    tcase_add_test(t, damage_in_what_was_synced_is_reported_and_the_rest_is_found);
    tcase_add_test(t, no_flipped_byte_passes_for_a_record);
    tcase_add_test(t, what_a_reused_file_held_before_does_not_come_back);
    tcase_add_test(t, what_was_synced_survives_a_kill_at_every_call);
    tcase_add_test(t, a_log_at_its_bound_says_full_and_goes_on_when_there_is_room);
    tcase_add_test(t, a_disk_without_room_gives_full_and_nothing_is_written);
    tcase_add_test(t, an_error_of_the_caller_ends_the_opening);
    tcase_add_test(t, a_failed_sync_stops_the_process);
    suite_add_tcase(suite, t);
}

UNIT_MAIN("payload_log", add_tests)
