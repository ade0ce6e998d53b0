/*
 * The log thread on a real guard and payload log: in which order they reach the disk.
 */
#include "node/node_state.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/toy/tempdir.c"

enum { SYNCS_MAX = 64 };
static char synced[SYNCS_MAX][256];
static unsigned n_synced;

int fdatasync(int fd)
{
    char link[64];
    ssize_t size;

    ck_assert_uint_lt(n_synced, SYNCS_MAX);
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    size = readlink(link, synced[n_synced], sizeof synced[0] - 1);
    ck_assert_int_gt(size, 0);
    synced[n_synced++][size] = '\0';
    return (int)syscall(SYS_fdatasync, fd);
}

static int first_sync_of(const char *what)
{
    for (unsigned i = 0; i < n_synced; i++) {
        if (strstr(synced[i], what) != NULL)
            return (int)i;
    }
    return -1;
}

static enum anju_err nothing_there(void *ctx, const struct payload_record *record,
                                   const char *damaged)
{
    (void)ctx;
    (void)record;
    (void)damaged;
    return ANJU_ERR_CORRUPT;
}

/* The guard says "I voted for this block", and after a power cut that vote is sent again. Were the
 * guard on disk before the block, all voters could come back with the vote and without the block:
 * they would propose it for ever, and nobody could send it. */
START_TEST(what_was_voted_for_is_durable_before_the_vote_is)
{
    static struct job *volatile kept; /* reachable: only the node's own callback frees it */
    struct payload_log_options options;
    struct node n = {.self_index = 0};
    struct crypto_hash id = {{1}};

    tempdir_begin();
    options = (struct payload_log_options){.dir = tempdir};
    queue_init(&n.log_queue, SIZE_MAX, -1);
    queue_init(&n.main_queue, SIZE_MAX, -1);
    ck_assert_int_eq(guard_open(&n.guard, tempdir, &id, &id, false), ANJU_OK);
    ck_assert_int_eq(payload_log_open(&n.log, &options, nothing_there, NULL), ANJU_OK);
    ck_assert_int_eq(
        payload_log_append(n.log, &(struct payload_record){.kind = PAYLOAD_BODY,
                                                           .height = 1,
                                                           .id = id,
                                                           .data = bytes_of("body", 4)}),
        ANJU_OK);
    n_synced = 0;
    logger_sync(&n, 1, bytes_of(NULL, 0), true);
    logger_sync(&n, 2, bytes_of("slot", 4), false);
    queue_close(&n.log_queue);
    logger_run(&n);
    ck_assert_int_ge(first_sync_of("/payload/"), 0);
    ck_assert_int_gt(first_sync_of("/guard"), first_sync_of("/payload/"));
    ck_assert_uint_eq(queue_count(&n.main_queue), 1); /* the second token stands for both */
    kept = queue_take(&n.main_queue);
    ck_assert_ptr_nonnull(kept);
    payload_log_close(n.log);
    guard_close(n.guard);
    queue_deinit(&n.main_queue);
    queue_deinit(&n.log_queue);
    tempdir_end();
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *t = tcase_create("logger");

    tcase_add_test(t, what_was_voted_for_is_durable_before_the_vote_is);
    suite_add_tcase(suite, t);
}

UNIT_MAIN("logger", add_tests)
