#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "storage/file.h"
#include "storage/store_body.h"

#define MAP_SIZE_DEFAULT (UINT64_C(1) << 40)
#define FREE_BYTES_MIN_DEFAULT (UINT64_C(1) << 30)

enum {
    MERGE_WEIGHT_DEFAULT = 32768,
    TAIL_WEIGHT_MAX_DEFAULT = 65536,
    FREE_PERCENT_MIN_DEFAULT = 10
};

bool store_exists(const char *dir)
{
    char *path = file_path(dir, "ledger/data.mdb");
    struct stat st;
    bool exists = stat(path, &st) == 0;

    free(path);
    return exists;
}

/* ---- Making and letting go ---- */

static struct store *store_new(const struct store_options *o,
                               const struct ledger_registry *registry)
{
    struct store *s = anju_alloc(sizeof *s);
    pthread_condattr_t attr;

    s->options = *o;
    s->dir = anju_strdup(o->dir);
    s->options.dir = s->dir;
    if (s->options.map_size == 0)
        s->options.map_size = MAP_SIZE_DEFAULT;
    if (s->options.merge_weight == 0)
        s->options.merge_weight = MERGE_WEIGHT_DEFAULT;
    if (s->options.tail_weight_max == 0)
        s->options.tail_weight_max = TAIL_WEIGHT_MAX_DEFAULT;
    if (s->options.tail_weight_max < s->options.merge_weight)
        s->options.tail_weight_max =
            s->options.merge_weight; /* else nothing would ever be frozen */
    if (s->options.free_bytes_min == 0)
        s->options.free_bytes_min = FREE_BYTES_MIN_DEFAULT;
    if (s->options.free_percent_min == 0)
        s->options.free_percent_min = FREE_PERCENT_MIN_DEFAULT;
    s->registry = registry;
    s->lock_fd = -1;
    pthread_mutex_init(&s->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &attr);
    pthread_condattr_destroy(&attr);
    return s;
}

/* Lets go of derived data and everything in memory that rests on it. */
static void close_derived(struct store *s)
{
    layers_free(s);
    kv_abort(&s->base.txn);
    ledger_map_release(s->base_map);
    s->base_map = NULL;
    s->has_base = false;
    s->merge_err = ANJU_OK;
    s->watermark = 0;
    derived_close(&s->derived);
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    store_merge_stop(s);
    close_derived(s);
    truth_close(&s->truth);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->mutex);
    free(s->dir);
    free(s);
}

/* One process a directory. The lock goes with the descriptor, also when the process is killed. */
static enum anju_err lock_dir(struct store *s)
{
    char *path = file_path(s->dir, "lock");
    enum anju_err err = file_make_dir(s->dir);

    if (err != ANJU_OK)
        goto out;
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0)
        err = file_fail("open", path);
    else if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0)
        err =
            errno == EWOULDBLOCK
                ? anju_fail(ANJU_ERR_BUSY, "%s is in use by another process: stop it first", s->dir)
                : file_fail("lock", path);
out:
    free(path);
    return err;
}

/* ---- The first height ---- */

static enum anju_err create(struct store *s)
{
    struct ledger_view empty = ledger_view_empty(s->registry);
    struct ledger_overlay *o = ledger_overlay_new(&empty);
    struct truth_height h = {0};
    enum anju_err err = ledger_execute_genesis(o);

    if (err == ANJU_OK) {
        h.tip = ledger_overlay_tip(o);
        h.items = ledger_overlay_items(o, &h.n_items);
        h.nodes = ledger_overlay_log_nodes(o, &h.n_nodes);
        err = truth_write(&s->truth, &h);
    }
    ledger_overlay_free(o);
    return err;
}

/* ---- What is above the watermark ---- */

static enum anju_err load_items(struct store *s, MDB_txn *txn, struct ledger_item **out,
                                const struct store_height *h, struct arena *a)
{
    enum anju_err err = ANJU_OK;

    *out = arena_alloc(a, (h->n + 1u) * sizeof **out);
    for (uint32_t i = 0; err == ANJU_OK && i < h->n; i++)
        err = truth_item_bare(&s->truth, txn, &(*out)[i], h, i);
    return err;
}

static enum anju_err compare(const struct store *s, const struct ledger_tip *made,
                             const struct store_height *stored)
{
    if (crypto_hash_equal(&made->result, &stored->result))
        return ANJU_OK;
    return anju_fail(ANJU_ERR_CORRUPT,
                     "the entries of height %" PRIu64 " in %s do not give the result that was "
                     "agreed on: run `anju audit`, then restore it from a backup or another node",
                     stored->height, s->dir);
}

/* Folds one stored height onto the head. Nothing is executed again. */
static enum anju_err fold_height(struct store *s, MDB_txn *txn, uint64_t height)
{
    struct ledger_overlay *o = ledger_overlay_new(layers_head(s));
    struct ledger_item *items = NULL;
    struct arena arena = {0};
    struct store_height h;
    enum anju_err err = truth_height(&s->truth, txn, &h, height);

    if (err == ANJU_OK)
        err = load_items(s, txn, &items, &h, &arena);
    s->truth_damaged = err != ANJU_OK;
    if (err == ANJU_OK)
        err = ledger_fold(o, items, h.n, height, h.time_ms, &h.block);
    if (err == ANJU_OK)
        err = compare(s, ledger_overlay_tip(o), &h);
    if (err == ANJU_OK) {
        layers_publish(s, o, items, h.n);
        o = NULL;
    }
    if (err == ANJU_ERR_NOT_FOUND)
        err = anju_fail(ANJU_ERR_CORRUPT, "%s lacks a part of height %" PRIu64, s->truth.env.path,
                        height);
    ledger_overlay_free(o);
    arena_free(&arena);
    return err;
}

/* From the watermark to the tip; what grows heavy on the way is merged at once. */
static enum anju_err fold_tail(struct store *s, const struct ledger_tip *tip)
{
    uint64_t next = s->has_base ? s->base_tip.height + 1 : 0;
    MDB_txn *txn = NULL;
    enum anju_err err = kv_begin(&txn, &s->truth.env, false);

    for (; err == ANJU_OK && next <= tip->height; next++) {
        err = fold_height(s, txn, next);
        if (err == ANJU_OK)
            err = store_merge_now(s);
        /* Without room the node can still start and serve: the merge thread tries it again. */
        if (err == ANJU_ERR_FULL && layers_tail_weight(s) <= s->options.tail_weight_max)
            err = ANJU_OK;
        if (err == ANJU_OK)
            err = layers_drop_merged(s);
        if (err == ANJU_OK && s->options.progress != NULL)
            s->options.progress(s->options.progress_ctx, next, tip->height);
    }
    kv_abort(&txn);
    return err;
}

/* Whether the watermark is one of the truth's heights, with its result. */
static enum anju_err check_watermark(struct store *s, const struct ledger_tip *tip)
{
    struct store_height h;
    MDB_txn *txn = NULL;
    enum anju_err err;

    if (s->base_tip.height > tip->height)
        return anju_fail(ANJU_ERR_CORRUPT,
                         "derived data goes to height %" PRIu64 ", the ledger to %" PRIu64,
                         s->base_tip.height, tip->height);
    err = kv_begin(&txn, &s->truth.env, false);
    if (err == ANJU_OK)
        err = truth_height(&s->truth, txn, &h, s->base_tip.height);
    if (err == ANJU_OK && !crypto_hash_equal(&h.result, &s->base_tip.result))
        err = anju_fail(ANJU_ERR_CORRUPT, "derived data has another result of height %" PRIu64,
                        h.height);
    kv_abort(&txn);
    return err;
}

static enum anju_err open_derived(struct store *s, const struct ledger_tip *tip)
{
    enum anju_err err = check_derived_in_child(s);

    if (err == ANJU_OK)
        err = derived_open(&s->derived, s->dir, s->options.map_size, false);
    if (err != ANJU_OK)
        return err;
    base_init(s);
    err = base_load(s);
    if (err == ANJU_OK && s->has_base)
        err = check_watermark(s, tip);
    return err == ANJU_OK ? fold_tail(s, tip) : err;
}

/* Derived data that does not fit is made again from the truth, once. */
static enum anju_err open_or_rebuild(struct store *s, const struct ledger_tip *tip)
{
    enum anju_err err = open_derived(s, tip);

    if (s->truth_damaged || (err != ANJU_ERR_CORRUPT && err != ANJU_ERR_UNSUPPORTED))
        return err;
    log_warn("storage", "derived data is made again from the ledger, because: %s", anju_err_text());
    close_derived(s);
    err = derived_remove(s->dir);
    return err == ANJU_OK ? open_derived(s, tip) : err;
}

static enum anju_err read_tip(const struct store *s, struct ledger_tip *out)
{
    MDB_txn *txn = NULL;
    enum anju_err err = kv_begin(&txn, &s->truth.env, false);

    if (err == ANJU_OK)
        err = truth_tip(&s->truth, txn, out);
    kv_abort(&txn);
    return err;
}

static enum anju_err open_in_lock(struct store *s)
{
    struct ledger_tip *tip = anju_alloc(sizeof *tip);
    bool has_tip = false;
    enum anju_err err = check_truth_in_child(s);

    if (err == ANJU_OK)
        err = truth_open(&s->truth, &has_tip, s->dir, s->options.map_size, &s->registry->ledger_id,
                         false);
    if (err == ANJU_OK && !has_tip) {
        file_sync_dir(s->truth.env.path); /* the new files' names; LMDB syncs only what is in them */
        file_sync_dir(s->dir);
        err = create(s);
    }
    if (err == ANJU_OK)
        err = read_tip(s, tip);
    if (err == ANJU_OK)
        err = open_or_rebuild(s, tip);
    free(tip);
    return err;
}

enum anju_err store_open(struct store **out, const struct store_options *options,
                         const struct ledger_registry *registry)
{
    struct store *s = store_new(options, registry);
    enum anju_err err = lock_dir(s);

    if (err == ANJU_OK)
        err = open_in_lock(s);
    if (err == ANJU_OK)
        err = store_merge_start(s);
    if (err != ANJU_OK) {
        store_close(s);
        s = NULL;
    }
    *out = s;
    return err;
}

enum anju_err store_rebuild(const struct store_options *options,
                            const struct ledger_registry *registry)
{
    struct store *s = store_new(options, registry);
    enum anju_err err =
        store_exists(options->dir)
            ? lock_dir(s)
            : anju_fail(ANJU_ERR_NOT_FOUND, "there is no ledger in %s", options->dir);

    if (err == ANJU_OK)
        err = derived_remove(s->dir);
    if (err == ANJU_OK)
        err = open_in_lock(s);
    if (err == ANJU_OK) {
        layers_freeze(s);
        err = store_merge_now(s);
    }
    store_close(s);
    return err;
}

enum anju_err store_open_readonly(struct store **out, const char *dir,
                                  const struct crypto_hash *ledger_id)
{
    struct store_options options = {.dir = dir};
    struct store *s = store_new(&options, NULL);
    bool has_tip = false;
    enum anju_err err = truth_open(&s->truth, &has_tip, dir, s->options.map_size, ledger_id, true);

    s->readonly = true;
    if (err == ANJU_OK && !has_tip)
        err = anju_fail(ANJU_ERR_NOT_FOUND, "the ledger in %s has no blocks yet", dir);
    if (err != ANJU_OK) {
        store_close(s);
        s = NULL;
    }
    *out = s;
    return err;
}
