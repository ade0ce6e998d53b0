#include "storage/derived.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/derived_key.h"
#include "storage/file.h"
#include "storage/truth.h"

static const char *const TABLE_NAMES[DERIVED_TABLES] = {
    "meta",   "subjects", "chains", "items",    "chain-nodes", "used",
    "expiry", "refusals", "timers", "segments", "envelopes",
};
static const char KEY_TIP[] = "tip";

/* ---- Opening ---- */

static enum anju_err check_format(const char *path, bool readonly)
{
    unsigned version;
    enum anju_err err = format_read(path, "derived", &version);

    if (err != ANJU_OK)
        return err;
    if (version == 0 && readonly)
        return anju_fail(ANJU_ERR_UNSUPPORTED, "%s does not say its format", path);
    if (version == 0)
        return format_write(path, "derived", DERIVED_FORMAT);
    if (version != DERIVED_FORMAT)
        return anju_fail(ANJU_ERR_UNSUPPORTED, "%s has format %u, this program knows %d", path,
                         version, DERIVED_FORMAT);
    return ANJU_OK;
}

enum anju_err derived_open(struct derived *d, const char *dir, uint64_t map_size, bool readonly)
{
    char *path = file_path(dir, "derived");
    MDB_txn *txn = NULL;
    enum anju_err err = readonly ? ANJU_OK : file_make_dir(path);

    *d = (struct derived){0};
    if (err == ANJU_OK)
        err = check_format(path, readonly);
    if (err == ANJU_OK)
        err = kv_open(&d->env, path, map_size, DERIVED_TABLES, readonly);
    if (err == ANJU_OK)
        err = kv_begin(&txn, &d->env, !readonly);
    if (err == ANJU_OK)
        err = kv_tables(&d->env, txn, d->t, TABLE_NAMES, DERIVED_TABLES, !readonly);
    if (err == ANJU_OK)
        err = kv_commit(&d->env, &txn);
    kv_abort(&txn);
    if (err != ANJU_OK)
        derived_close(d);
    free(path);
    return err;
}

void derived_close(struct derived *d)
{
    kv_close(&d->env);
    *d = (struct derived){0};
}

enum anju_err derived_remove(const char *dir)
{
    static const char *const FILES[] = {"data.mdb", "lock.mdb", "FORMAT", "FORMAT.new"};
    char *path = file_path(dir, "derived");
    enum anju_err err = ANJU_OK;

    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0] && err == ANJU_OK; i++) {
        char *file = file_path(path, FILES[i]);
        if (unlink(file) != 0 && errno != ENOENT)
            err = file_fail("remove", file);
        free(file);
    }
    if (err == ANJU_OK && rmdir(path) != 0 && errno != ENOENT)
        err = file_fail("remove", path);
    free(path);
    return err;
}

/* ---- Lookups ---- */

static enum anju_err damaged(const struct derived *d, enum derived_table table)
{
    return anju_fail(ANJU_ERR_CORRUPT,
                     "%s is damaged: a value of table %s has a wrong size; run `anju rebuild`",
                     d->env.path, TABLE_NAMES[table]);
}

static enum anju_err get(const struct derived *d, MDB_txn *txn, enum derived_table table,
                         struct bytes *out, struct bytes key)
{
    return kv_get(&d->env, txn, &d->t[table], out, key);
}

/* A value that must have one size. */
static enum anju_err get_sized(const struct derived *d, MDB_txn *txn, enum derived_table table,
                               struct bytes *out, struct bytes key, size_t size)
{
    enum anju_err err = get(d, txn, table, out, key);

    return err == ANJU_OK && out->size != size ? damaged(d, table) : err;
}

enum anju_err derived_tip(const struct derived *d, MDB_txn *txn, struct ledger_tip *out)
{
    struct bytes v;
    enum anju_err err = get(d, txn, DERIVED_META, &v, bytes_of_text(KEY_TIP));

    return err == ANJU_OK && tip_decode(out, v) != ANJU_OK ? damaged(d, DERIVED_META) : err;
}

enum anju_err derived_subject(const struct derived *d, MDB_txn *txn, struct ledger_subject *out,
                              uint16_t procedure, const struct ledger_subject_id *id,
                              struct arena *a)
{
    uint8_t key[SUBJECT_KEY_SIZE];
    struct bytes v;
    struct reader r;
    enum anju_err err;

    subject_key(key, procedure, id);
    err = get(d, txn, DERIVED_SUBJECTS, &v, bytes_of(key, sizeof key));
    if (err != ANJU_OK)
        return err;
    if (v.size < SUBJECT_HEAD_SIZE)
        return damaged(d, DERIVED_SUBJECTS);
    r = reader_over(v);
    out->procedure = procedure;
    out->id = *id;
    out->version = reader_u64(&r);
    out->state = reader_u16(&r);
    reader_copy(&r, out->digest.b, 32);
    out->last_seq = reader_u64(&r);
    out->attributes = arena_copy(a, bytes_of(r.at, r.left));
    return ANJU_OK;
}

static enum anju_err decode_chain(const struct derived *d, struct ledger_chain *out, struct bytes v)
{
    if (v.size < CHAIN_HEAD_SIZE)
        return damaged(d, DERIVED_CHAINS);
    out->live = get_u64(v.data);
    memcpy(out->state.b, v.data + 8, 32);
    if (merkle_peaks_read(&out->peaks,
                          bytes_of(v.data + CHAIN_HEAD_SIZE, v.size - CHAIN_HEAD_SIZE)) != ANJU_OK)
        return damaged(d, DERIVED_CHAINS);
    return ANJU_OK;
}

enum anju_err derived_chain(const struct derived *d, MDB_txn *txn, struct ledger_chain *out,
                            const struct ledger_map_key *key)
{
    struct bytes v;
    enum anju_err err = get(d, txn, DERIVED_CHAINS, &v, bytes_of(key->b, 32));

    return err == ANJU_OK ? decode_chain(d, out, v) : err;
}

enum anju_err derived_chain_item(const struct derived *d, MDB_txn *txn, uint64_t *seq,
                                 const struct ledger_map_key *key, uint64_t index)
{
    size_t within = (size_t)(index % DERIVED_ITEMS_A_ROW);
    uint8_t k[ITEM_KEY_SIZE];
    struct bytes v;
    enum anju_err err;

    item_key(k, key, index / DERIVED_ITEMS_A_ROW);
    err = get(d, txn, DERIVED_ITEMS, &v, bytes_of(k, sizeof k));
    if (err == ANJU_OK && v.size % 8 != 0)
        return damaged(d, DERIVED_ITEMS);
    if (err == ANJU_OK && within >= v.size / 8)
        return ANJU_ERR_NOT_FOUND;
    if (err == ANJU_OK)
        *seq = get_u64(v.data + 8 * within);
    return err;
}

enum anju_err derived_chain_node(const struct derived *d, MDB_txn *txn, struct crypto_hash *out,
                                 const struct ledger_map_key *key, unsigned level, uint64_t index)
{
    uint8_t k[NODE_KEY_SIZE];
    struct bytes v;
    enum anju_err err;

    node_key(k, key, level, index);
    err = get_sized(d, txn, DERIVED_CHAIN_NODES, &v, bytes_of(k, sizeof k), 32);
    if (err == ANJU_OK)
        memcpy(out->b, v.data, 32);
    return err;
}

enum anju_err derived_used(const struct derived *d, MDB_txn *txn, struct ledger_used *out,
                           uint32_t key, const uint8_t nonce[LEDGER_NONCE_SIZE])
{
    uint8_t k[USED_KEY_SIZE];
    struct bytes v;
    struct reader r;
    enum anju_err err;

    used_key(k, key, nonce);
    err = get_sized(d, txn, DERIVED_USED, &v, bytes_of(k, sizeof k), USED_SIZE);
    if (err != ANJU_OK)
        return err;
    r = reader_over(v);
    reader_copy(&r, out->envelope.b, 32);
    out->valid_until = reader_u64(&r);
    out->first_seq = reader_u64(&r);
    out->n = reader_u32(&r);
    return ANJU_OK;
}

enum anju_err derived_refusals(const struct derived *d, MDB_txn *txn, uint32_t *out,
                               uint32_t member, uint32_t day)
{
    uint8_t k[REFUSAL_KEY_SIZE];
    struct bytes v;
    enum anju_err err;

    *out = 0;
    refusal_key(k, member, day);
    err = get_sized(d, txn, DERIVED_REFUSALS, &v, bytes_of(k, sizeof k), 4);
    if (err == ANJU_OK)
        *out = get_u32(v.data);
    return err == ANJU_ERR_NOT_FOUND ? ANJU_OK : err;
}

enum anju_err derived_envelope(const struct derived *d, MDB_txn *txn, struct derived_envelope *out,
                               const struct crypto_hash *id)
{
    struct bytes v;
    enum anju_err err =
        get_sized(d, txn, DERIVED_ENVELOPES, &v, crypto_hash_bytes(id), ENVELOPE_SIZE);

    if (err == ANJU_OK)
        *out = (struct derived_envelope){.first_seq = get_u64(v.data), .n = get_u32(v.data + 8)};
    return err;
}

/* ---- Walks ---- */

enum anju_err derived_timers(const struct derived *d, MDB_txn *txn, struct ledger_timer *out,
                             size_t *count, size_t max, uint64_t until)
{
    const struct kv_table *t = &d->t[DERIVED_TIMERS];
    struct kv_walk w = {0};
    struct bytes k, v;
    enum anju_err err = kv_walk_begin(&w, &d->env, txn, t);

    *count = 0;
    while (err == ANJU_OK && *count < max) {
        err = kv_walk_next(&w, &d->env, t, &k, &v, bytes_of(NULL, 0));
        if (err == ANJU_OK && k.size != TIMER_KEY_SIZE)
            err = damaged(d, DERIVED_TIMERS);
        if (err != ANJU_OK || get_u64(k.data) > until)
            break;
        struct ledger_timer *timer = &out[(*count)++];
        timer->due = get_u64(k.data);
        timer->procedure = get_u16(k.data + 8);
        memcpy(timer->subject.b, k.data + 10, LEDGER_SUBJECT_SIZE);
        timer->clock = get_u16(k.data + 10 + LEDGER_SUBJECT_SIZE);
    }
    kv_walk_end(&w);
    return err == ANJU_ERR_NOT_FOUND ? ANJU_OK : err;
}

enum anju_err derived_segments(const struct derived *d, MDB_txn *txn,
                               struct ledger_map_segment **out, size_t *count)
{
    const struct kv_table *t = &d->t[DERIVED_SEGMENTS];
    struct ledger_map_segment *list = NULL;
    size_t n = 0, room = 0;
    struct kv_walk w = {0};
    struct bytes k, v;
    enum anju_err err = kv_walk_begin(&w, &d->env, txn, t);

    while (err == ANJU_OK) {
        err = kv_walk_next(&w, &d->env, t, &k, &v, bytes_of(NULL, 0));
        if (err == ANJU_OK && (k.size != SEGMENT_KEY_SIZE || v.size != SEGMENT_SIZE))
            err = damaged(d, DERIVED_SEGMENTS);
        if (err != ANJU_OK)
            break;
        if (n == room) {
            room = 2 * room + 64;
            list = anju_realloc(list, room * sizeof *list);
        }
        list[n] = (struct ledger_map_segment){
            .prefix = get_u32(k.data), .bits = k.data[4], .kind = v.data[0]};
        memcpy(list[n++].hash.b, v.data + 1, 32);
    }
    kv_walk_end(&w);
    if (err == ANJU_ERR_NOT_FOUND) {
        *out = list;
        *count = n;
        return ANJU_OK;
    }
    free(list);
    return err;
}

static bool in_segment(const uint8_t *key, const struct ledger_map_segment *s)
{
    uint32_t mask = s->bits == 0 ? 0 : UINT32_MAX << (32 - s->bits);
    return (get_u32(key) & mask) == (s->prefix & mask);
}

enum anju_err derived_leaves(const struct derived *d, MDB_txn *txn, struct ledger_map_leaf **out,
                             size_t *count, const struct ledger_map_segment *segment)
{
    const struct kv_table *t = &d->t[DERIVED_CHAINS];
    struct ledger_map_leaf *list = NULL;
    size_t n = 0, room = 0;
    uint8_t from[32] = {0};
    struct ledger_chain chain;
    struct kv_walk w = {0};
    struct bytes k, v;
    enum anju_err err = kv_walk_begin(&w, &d->env, txn, t);

    put_u32(from, segment->prefix);
    while (err == ANJU_OK) {
        err = kv_walk_next(&w, &d->env, t, &k, &v, n == 0 ? bytes_of(from, 32) : bytes_of(NULL, 0));
        if (err == ANJU_OK && k.size != 32)
            err = damaged(d, DERIVED_CHAINS);
        if (err != ANJU_OK || !in_segment(k.data, segment))
            break;
        err = decode_chain(d, &chain, v);
        if (err != ANJU_OK)
            break;
        if (n == room) {
            room = 2 * room + 64;
            list = anju_realloc(list, room * sizeof *list);
        }
        list[n] = (struct ledger_map_leaf){
            .count = chain.peaks.size, .live = chain.live, .state = chain.state};
        memcpy(list[n].key.b, k.data, 32);
        merkle_root(&list[n].root, &chain.peaks);
        n++;
    }
    kv_walk_end(&w);
    if (err != ANJU_OK && err != ANJU_ERR_NOT_FOUND) {
        free(list);
        return err;
    }
    *out = list;
    *count = n;
    return ANJU_OK;
}
