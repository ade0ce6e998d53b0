#include "storage/truth.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/file.h"

enum { HEIGHT_ROW_SIZE = LEDGER_RESULT_SIZE + 32 + 32 + 8 + 8 + 4 };

static const char *const TABLE_NAMES[TRUTH_TABLES] = {
    "meta", "blocks", "certificates", "heights", "items", "seqs", "log", "polkas",
};
static const char KEY_FORMAT[] = "format", KEY_LEDGER[] = "ledger", KEY_TIP[] = "tip";

/* ---- FORMAT files ---- */

enum anju_err format_write(const char *dir, const char *what, unsigned version)
{
    char text[64];

    (void)snprintf(text, sizeof text, "anju %s %u\n", what, version);
    return file_replace(dir, "FORMAT", bytes_of_text(text));
}

enum anju_err format_read(const char *dir, const char *what, unsigned *version)
{
    char *path = file_path(dir, "FORMAT");
    char text[64] = "", pattern[64];
    size_t got = 0;
    enum anju_err err = ANJU_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    *version = 0;
    if (fd < 0 && errno == ENOENT)
        goto out;
    if (fd < 0) {
        err = file_fail("open", path);
        goto out;
    }
    err = file_read_at(fd, path, text, sizeof text - 1, 0, &got);
    close(fd);
    if (err != ANJU_OK)
        goto out;
    for (unsigned v = 1; v <= 1000 && *version == 0; v++) {
        (void)snprintf(pattern, sizeof pattern, "anju %s %u\n", what, v);
        if (strcmp(text, pattern) == 0)
            *version = v;
    }
    if (*version == 0)
        err = anju_fail(ANJU_ERR_UNSUPPORTED, "%s does not say a format that this program knows",
                        path);
out:
    free(path);
    return err;
}

/* ---- Tip ---- */

void tip_encode(struct writer *w, const struct ledger_tip *tip)
{
    writer_u64(w, tip->height);
    writer_u64(w, tip->time_ms);
    writer_put(w, tip->block.b, 32);
    writer_put(w, tip->result.b, 32);
    ledger_result_encode(writer_reserve(w, LEDGER_RESULT_SIZE), &tip->result_body);
    merkle_peaks_write(w, &tip->log);
}

enum anju_err tip_decode(struct ledger_tip *out, struct bytes in)
{
    struct reader r = reader_over(in);
    struct bytes result;
    enum anju_err err;

    memset(out, 0, sizeof *out);
    out->height = reader_u64(&r);
    out->time_ms = reader_u64(&r);
    reader_copy(&r, out->block.b, 32);
    reader_copy(&r, out->result.b, 32);
    result = reader_take(&r, LEDGER_RESULT_SIZE);
    if (r.failed)
        return reader_finish(&r);
    err = ledger_result_decode(&out->result_body, result);
    if (err != ANJU_OK)
        return err;
    return merkle_peaks_read(&out->log, bytes_of(r.at, r.left));
}

/* ---- Opening ---- */

static enum anju_err check_meta(struct truth *t, MDB_txn *txn, bool *has_tip,
                                const struct crypto_hash *expected)
{
    struct bytes v;
    enum anju_err err = kv_get(&t->env, txn, &t->t[TRUTH_META], &v, bytes_of_text(KEY_TIP));

    *has_tip = err == ANJU_OK;
    if (err != ANJU_OK)
        return err == ANJU_ERR_NOT_FOUND ? ANJU_OK : err;
    err = kv_get(&t->env, txn, &t->t[TRUTH_META], &v, bytes_of_text(KEY_FORMAT));
    if (err != ANJU_OK || v.size != 4 || get_u32(v.data) != STORE_FORMAT)
        return anju_fail(ANJU_ERR_UNSUPPORTED, "%s has another format than this program's (%d)",
                         t->env.path, STORE_FORMAT);
    err = kv_get(&t->env, txn, &t->t[TRUTH_META], &v, bytes_of_text(KEY_LEDGER));
    if (err != ANJU_OK || v.size != 32)
        return anju_fail(ANJU_ERR_CORRUPT, "%s does not say which ledger it holds", t->env.path);
    memcpy(t->ledger_id.b, v.data, 32);
    if (expected != NULL && !crypto_hash_equal(&t->ledger_id, expected)) {
        char ours[65], theirs[65];
        hex_encode(ours, expected->b, 32);
        hex_encode(theirs, t->ledger_id.b, 32);
        return anju_fail(ANJU_ERR_MISMATCH,
                         "%s holds the ledger %s, but the genesis document is of %s: "
                         "name the right genesis file or the right data directory",
                         t->env.path, theirs, ours);
    }
    return ANJU_OK;
}

static enum anju_err check_format(const char *path, bool readonly)
{
    unsigned version;
    enum anju_err err = format_read(path, "ledger", &version);

    if (err != ANJU_OK)
        return err;
    if (version == 0)
        return readonly ? anju_fail(ANJU_ERR_NOT_FOUND, "there is no ledger in %s", path)
                        : format_write(path, "ledger", STORE_FORMAT);
    if (version != STORE_FORMAT)
        return anju_fail(ANJU_ERR_UNSUPPORTED,
                         "%s has format %u, this program knows %d: use the program that "
                         "wrote it, or a newer one",
                         path, version, STORE_FORMAT);
    return ANJU_OK;
}

enum anju_err truth_open(struct truth *t, bool *has_tip, const char *dir, uint64_t map_size,
                         const struct crypto_hash *expected, bool readonly)
{
    char *path = file_path(dir, "ledger");
    MDB_txn *txn = NULL;
    enum anju_err err = readonly ? ANJU_OK : file_make_dir(path);

    *has_tip = false;
    *t = (struct truth){0};
    if (err == ANJU_OK)
        err = check_format(path, readonly);
    if (err == ANJU_OK)
        err = kv_open(&t->env, path, map_size, TRUTH_TABLES, readonly);
    if (err == ANJU_OK)
        err = kv_begin(&txn, &t->env, !readonly);
    if (err == ANJU_OK)
        err = kv_tables(&t->env, txn, t->t, TABLE_NAMES, TRUTH_TABLES, !readonly);
    if (err == ANJU_ERR_NOT_FOUND)
        err = anju_fail(err, "there is no ledger in %s", path);
    if (err == ANJU_OK)
        err = check_meta(t, txn, has_tip, expected);
    if (err == ANJU_OK)
        err = kv_commit(&t->env, &txn); /* keeps the table handles, also of a read transaction */
    kv_abort(&txn);
    if (err == ANJU_OK && expected != NULL)
        t->ledger_id = *expected;
    if (err != ANJU_OK)
        truth_close(t);
    free(path);
    return err;
}

void truth_close(struct truth *t)
{
    kv_close(&t->env);
    *t = (struct truth){0};
}

/* ---- Writing a height ---- */

struct key8 {
    uint8_t b[8];
};

static struct key8 key_of(uint64_t n)
{
    struct key8 k;

    put_u64(k.b, n);
    return k;
}

static enum anju_err write_height_row(struct truth *t, MDB_txn *txn, const struct truth_height *h)
{
    struct key8 key = key_of(h->tip->height);
    uint8_t row[HEIGHT_ROW_SIZE], *p = row;
    uint64_t first_seq = h->tip->log.size - h->n_items;
    struct key8 seq = key_of(first_seq);
    enum anju_err err;

    ledger_result_encode(p, &h->tip->result_body);
    memcpy(p += LEDGER_RESULT_SIZE, h->tip->block.b, 32);
    memcpy(p += 32, h->tip->result.b, 32);
    put_u64(p += 32, h->tip->time_ms);
    put_u64(p += 8, first_seq);
    put_u32(p += 8, (uint32_t)h->n_items);
    err = kv_put(&t->env, txn, &t->t[TRUTH_HEIGHTS], bytes_of(key.b, 8), bytes_of(row, sizeof row),
                 true);
    if (err == ANJU_OK && h->n_items > 0)
        err = kv_put(&t->env, txn, &t->t[TRUTH_SEQS], bytes_of(seq.b, 8), bytes_of(key.b, 8), true);
    return err;
}

static enum anju_err write_items(struct truth *t, MDB_txn *txn, const struct truth_height *h)
{
    struct key8 key = key_of(h->tip->height);
    uint32_t *wires;
    struct writer w = {0};
    enum anju_err err;

    if (h->n_items == 0)
        return ANJU_OK;
    wires = anju_alloc(2 * h->n_items * sizeof *wires);
    err = truth_find_wires(wires, h->items, h->n_items, h->raw, &t->ledger_id);
    if (err == ANJU_OK) {
        truth_items_encode(&w, h->items, h->n_items, wires);
        err = kv_put(&t->env, txn, &t->t[TRUTH_ITEMS], bytes_of(key.b, 8), writer_view(&w), true);
    }
    writer_free(&w);
    free(wires);
    return err;
}

static enum anju_err write_block(struct truth *t, MDB_txn *txn, const struct truth_height *h)
{
    struct key8 key = key_of(h->tip->height);
    enum anju_err err;

    if (h->tip->height == 0)
        return ANJU_OK;
    err = kv_put(&t->env, txn, &t->t[TRUTH_BLOCKS], bytes_of(key.b, 8), h->raw, true);
    if (err == ANJU_OK)
        err = kv_put(&t->env, txn, &t->t[TRUTH_CERTIFICATES], bytes_of(key.b, 8), h->certificate,
                     true);
    for (size_t i = 0; err == ANJU_OK && i < h->n_polkas; i++) {
        uint8_t k[10];
        put_u64(k, h->tip->height);
        put_u16(k + 8, (uint16_t)i);
        err = kv_put(&t->env, txn, &t->t[TRUTH_POLKAS], bytes_of(k, sizeof k), h->polkas[i], true);
    }
    return err;
}

static enum anju_err write_meta(struct truth *t, MDB_txn *txn, const struct truth_height *h)
{
    const struct kv_table *meta = &t->t[TRUTH_META];
    struct writer w = {0};
    uint8_t format[4];
    enum anju_err err = ANJU_OK;

    if (h->tip->height == 0) {
        put_u32(format, STORE_FORMAT);
        err = kv_put(&t->env, txn, meta, bytes_of_text(KEY_FORMAT), bytes_of(format, 4), false);
        if (err == ANJU_OK)
            err = kv_put(&t->env, txn, meta, bytes_of_text(KEY_LEDGER),
                         crypto_hash_bytes(&t->ledger_id), false);
    }
    tip_encode(&w, h->tip);
    if (err == ANJU_OK)
        err = kv_put(&t->env, txn, meta, bytes_of_text(KEY_TIP), writer_view(&w), false);
    writer_free(&w);
    return err;
}

enum anju_err truth_write(struct truth *t, const struct truth_height *h)
{
    MDB_txn *txn = NULL;
    enum anju_err err = kv_begin(&txn, &t->env, true);

    if (err == ANJU_OK)
        err = write_block(t, txn, h);
    if (err == ANJU_OK)
        err = write_items(t, txn, h);
    if (err == ANJU_OK)
        err = write_height_row(t, txn, h);
    if (err == ANJU_OK)
        err = truth_log_write(t, txn, h->nodes, h->n_nodes);
    if (err == ANJU_OK)
        err = write_meta(t, txn, h);
    if (err == ANJU_OK)
        err = kv_commit(&t->env, &txn);
    kv_abort(&txn);
    return err;
}

/* ---- Reading ---- */

enum anju_err truth_tip(const struct truth *t, MDB_txn *txn, struct ledger_tip *out)
{
    struct bytes v;
    enum anju_err err = kv_get(&t->env, txn, &t->t[TRUTH_META], &v, bytes_of_text(KEY_TIP));

    if (err == ANJU_OK && tip_decode(out, v) != ANJU_OK)
        err = anju_fail(ANJU_ERR_CORRUPT, "%s is damaged: its tip does not decode", t->env.path);
    return err;
}

enum anju_err truth_height(const struct truth *t, MDB_txn *txn, struct store_height *out,
                           uint64_t height)
{
    struct key8 key = key_of(height);
    struct bytes v;
    struct reader r;
    enum anju_err err = kv_get(&t->env, txn, &t->t[TRUTH_HEIGHTS], &v, bytes_of(key.b, 8));

    if (err != ANJU_OK)
        return err;
    if (v.size != HEIGHT_ROW_SIZE ||
        ledger_result_decode(&out->result_body, bytes_of(v.data, LEDGER_RESULT_SIZE)) != ANJU_OK)
        return anju_fail(ANJU_ERR_CORRUPT, "%s is damaged: height %" PRIu64 " does not decode",
                         t->env.path, height);
    r = reader_over(bytes_of(v.data + LEDGER_RESULT_SIZE, v.size - LEDGER_RESULT_SIZE));
    out->height = height;
    reader_copy(&r, out->block.b, 32);
    reader_copy(&r, out->result.b, 32);
    out->time_ms = reader_u64(&r);
    out->first_seq = reader_u64(&r);
    out->n = reader_u32(&r);
    return reader_finish(&r);
}

enum anju_err truth_block(const struct truth *t, MDB_txn *txn, struct bytes *out, uint64_t height)
{
    struct key8 key = key_of(height);
    return kv_get(&t->env, txn, &t->t[TRUTH_BLOCKS], out, bytes_of(key.b, 8));
}

enum anju_err truth_block_unchecked(const struct truth *t, MDB_txn *txn, struct bytes *out,
                                    uint64_t height)
{
    struct key8 key = key_of(height);
    return kv_get_unchecked(&t->env, txn, &t->t[TRUTH_BLOCKS], out, bytes_of(key.b, 8));
}

enum anju_err truth_certificate(const struct truth *t, MDB_txn *txn, struct bytes *out,
                                uint64_t height)
{
    struct key8 key = key_of(height);
    return kv_get(&t->env, txn, &t->t[TRUTH_CERTIFICATES], out, bytes_of(key.b, 8));
}

enum anju_err truth_polka(const struct truth *t, MDB_txn *txn, struct bytes *out, uint64_t height,
                          uint16_t index)
{
    uint8_t key[10];

    put_u64(key, height);
    put_u16(key + 8, index);
    return kv_get(&t->env, txn, &t->t[TRUTH_POLKAS], out, bytes_of(key, sizeof key));
}

enum anju_err truth_height_of(const struct truth *t, MDB_txn *txn, uint64_t *height, uint64_t seq)
{
    struct key8 at = key_of(seq);
    struct kv_walk w = {0};
    struct bytes k, v;
    enum anju_err err = kv_walk_begin(&w, &t->env, txn, &t->t[TRUTH_SEQS]);

    if (err == ANJU_OK)
        err = kv_walk_at_or_before(&w, &t->env, &t->t[TRUTH_SEQS], &k, &v, bytes_of(at.b, 8));
    if (err == ANJU_OK)
        *height = v.size == 8 ? get_u64(v.data) : 0;
    kv_walk_end(&w);
    return err;
}
