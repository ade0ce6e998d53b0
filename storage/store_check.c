#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger/block.h"
#include "storage/file.h"
#include "storage/store_body.h"

/* ---- What is checked ---- */

/* The last block decodes, is the tip's, and its entries are whole. */
static enum anju_err check_last_block(const struct truth *t, MDB_txn *txn,
                                      const struct ledger_tip *tip)
{
    struct ledger_block block;
    struct arena arena = {0};
    struct bytes raw;
    enum anju_err err;

    if (tip->height == 0)
        return ANJU_OK;
    err = truth_block(t, txn, &raw, tip->height);
    if (err == ANJU_OK)
        err = ledger_block_decode(&block, raw, &t->ledger_id, &arena);
    if (err == ANJU_OK && !crypto_hash_equal(&block.id, &tip->block))
        err = anju_fail(ANJU_ERR_CORRUPT, "the last block is not the one that was agreed on");
    arena_free(&arena);
    return err;
}

static enum anju_err check_last_items(const struct truth *t, MDB_txn *txn,
                                      const struct ledger_tip *tip)
{
    struct store_height h;
    enum anju_err err = truth_height(t, txn, &h, tip->height);

    for (uint32_t i = 0; err == ANJU_OK && i < h.n; i++) {
        struct store_item item;
        err = truth_item(t, txn, &item, &h, i);
    }
    return err;
}

static enum anju_err check_roots(const struct truth *t, const struct ledger_tip *tip)
{
    struct crypto_hash root, result;

    merkle_root(&root, &tip->log);
    ledger_result_id(&result, &tip->result_body, &t->ledger_id);
    if (tip->log.size != tip->result_body.log_size ||
        !crypto_hash_equal(&root, &tip->result_body.log_root) ||
        !crypto_hash_equal(&result, &tip->result) || tip->result_body.height != tip->height)
        return anju_fail(ANJU_ERR_CORRUPT, "the roots of the last height do not fit together");
    return ANJU_OK;
}

static enum anju_err check_truth(const struct store *s)
{
    struct ledger_tip *tip = anju_alloc(sizeof *tip);
    struct truth t = {0};
    MDB_txn *txn = NULL;
    bool has_tip = false;
    enum anju_err err =
        truth_open(&t, &has_tip, s->dir, s->options.map_size, &s->registry->ledger_id, true);

    if (err == ANJU_ERR_NOT_FOUND || (err == ANJU_OK && !has_tip)) {
        err = ANJU_OK; /* made, but killed before it had a first height */
        goto out;
    }
    if (err == ANJU_OK)
        err = kv_begin(&txn, &t.env, false);
    if (err == ANJU_OK)
        err = truth_tip(&t, txn, tip);
    if (err == ANJU_OK)
        err = check_roots(&t, tip);
    if (err == ANJU_OK)
        err = check_last_block(&t, txn, tip);
    if (err == ANJU_OK)
        err = check_last_items(&t, txn, tip);
out:
    kv_abort(&txn);
    truth_close(&t);
    free(tip);
    return err;
}

/* The root needs no leaves. */
static enum anju_err load_nothing(void *ctx, struct ledger_map_leaf **leaves, size_t *count,
                                  const struct ledger_map_segment *segment)
{
    (void)ctx, (void)leaves, (void)count, (void)segment;
    return ANJU_ERR_UNSUPPORTED;
}

/* Reads the watermark, all segments of the map, and their root. */
static enum anju_err check_derived(const struct store *s)
{
    struct ledger_tip *tip = anju_alloc(sizeof *tip);
    struct ledger_map_segment *segments = NULL;
    struct ledger_map *map = NULL;
    struct crypto_hash root;
    struct derived d = {0};
    MDB_txn *txn = NULL;
    size_t count = 0;
    enum anju_err err = derived_open(&d, s->dir, s->options.map_size, true);

    if (err == ANJU_OK)
        err = kv_begin(&txn, &d.env, false);
    if (err == ANJU_OK)
        err = derived_tip(&d, txn, tip);
    if (err == ANJU_OK)
        err = derived_segments(&d, txn, &segments, &count);
    if (err == ANJU_OK) {
        map = ledger_map_open(segments, count, load_nothing, NULL);
        ledger_map_root(&root, map);
        if (!crypto_hash_equal(&root, &tip->result_body.map_root))
            err = anju_fail(ANJU_ERR_CORRUPT,
                            "%s is damaged: its map does not have the root of its height",
                            d.env.path);
    }
    ledger_map_release(map);
    free(segments);
    kv_abort(&txn);
    derived_close(&d);
    free(tip);
    return err == ANJU_ERR_NOT_FOUND ? ANJU_OK : err;
}

/* ---- In a child ---- */

/* What the child says through the pipe: the error, then its words. */
struct answer {
    int32_t err;
    char words[500];
};

static void answer(int fd, enum anju_err (*check)(const struct store *s), const struct store *s)
{
    struct answer a = {0};

    a.err = (int32_t)check(s);
    if (a.err != ANJU_OK)
        (void)snprintf(a.words, sizeof a.words, "%s", anju_err_text());
    _exit(write(fd, &a, sizeof a) == (ssize_t)sizeof a ? 0 : 1);
}

static enum anju_err read_answer(int fd, pid_t child, const char *what, const struct store *s)
{
    struct answer a = {0};
    ssize_t got;
    int status = 0;

    do
        got = read(fd, &a, sizeof a);
    while (got < 0 && errno == EINTR);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (got == (ssize_t)sizeof a) {
        a.words[sizeof a.words - 1] = '\0';
        return a.err == ANJU_OK ? ANJU_OK : anju_fail((enum anju_err)a.err, "%s", a.words);
    }
    return anju_fail(ANJU_ERR_CORRUPT,
                     "%s/%s is damaged so that reading it crashes (%s %d): restore it from a "
                     "backup or another node",
                     s->dir, what, WIFSIGNALED(status) ? "signal" : "status",
                     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static enum anju_err in_child(enum anju_err (*check)(const struct store *s), const char *what,
                              const struct store *s)
{
    enum anju_err err;
    pid_t child;
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) != 0)
        return file_fail("make a pipe to check", s->dir);
    child = fork();
    if (child == 0) {
        close(fds[0]);
        answer(fds[1], check, s);
    }
    close(fds[1]);
    err = child > 0 ? read_answer(fds[0], child, what, s)
                    : file_fail("start a process to check", s->dir);
    close(fds[0]);
    return err;
}

static bool has_file(const struct store *s, const char *name)
{
    char *path = file_path(s->dir, name);
    struct stat st;
    bool has = stat(path, &st) == 0 && st.st_size > 0;

    free(path);
    return has;
}

enum anju_err check_truth_in_child(const struct store *s)
{
    return has_file(s, "ledger/data.mdb") ? in_child(check_truth, "ledger", s) : ANJU_OK;
}

enum anju_err check_derived_in_child(const struct store *s)
{
    return has_file(s, "derived/data.mdb") ? in_child(check_derived, "derived", s) : ANJU_OK;
}
