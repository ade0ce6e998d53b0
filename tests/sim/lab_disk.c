/*
 * What a host has on disk: the payload log as a list of records, the guard as the real file. A
 * process that is killed leaves its page cache; a power cut leaves what was synced, and of the rest
 * any part.
 */
#include "tests/sim/lab.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/restore.h"

enum { SECTOR = 512 };

static bool same(const struct record *r, enum payload_kind kind, const struct crypto_hash *id)
{
    return r->kind == kind && crypto_hash_equal(&r->id, id);
}

const struct record *disk_durable(const struct host *h, enum payload_kind kind,
                                  const struct crypto_hash *id)
{
    for (size_t i = 0; i < h->n_records; i++) {
        if (same(&h->records[i], kind, id) && h->records[i].durable)
            return &h->records[i];
    }
    return NULL;
}

bool disk_append(void *ctx, const struct payload_record *record)
{
    struct host *h = ctx;

    if (h->log_full)
        return false;
    for (size_t i = 0; i < h->n_records; i++) {
        struct record *r = &h->records[i];
        if (same(r, record->kind, &record->id) && r->height == record->height && !r->released)
            return true;
    }
    if (h->n_records == h->records_room) {
        h->records_room = h->records_room == 0 ? 64 : h->records_room * 2;
        h->records = anju_realloc(h->records, h->records_room * sizeof *h->records);
    }
    h->records[h->n_records++] = (struct record){.kind = record->kind,
                                                 .height = record->height,
                                                 .id = record->id,
                                                 .data = blob_new(record->data)};
    return true;
}

static void drop_record(struct host *h, size_t i)
{
    blob_release(h->records[i].data);
    memmove(&h->records[i], &h->records[i + 1], (h->n_records - i - 1) * sizeof h->records[0]);
    h->n_records--;
}

/* Space is given back segment by segment: now and then a record stays, and a crash brings it back.
 */
static void let_go(struct host *h, size_t i)
{
    if (h->records[i].released)
        return;
    h->records[i].released = true;
    if (!lab_chance(h->lab, 50))
        drop_record(h, i);
}

void disk_release(void *ctx, enum payload_kind kind, const struct crypto_hash *ids, size_t count)
{
    struct host *h = ctx;

    for (size_t k = 0; k < count; k++) {
        for (size_t i = h->n_records; i > 0; i--) {
            if (same(&h->records[i - 1], kind, &ids[k]))
                let_go(h, i - 1);
        }
    }
}

void disk_release_heights(void *ctx, uint64_t height)
{
    struct host *h = ctx;

    for (size_t i = h->n_records; i > 0; i--) {
        if (h->records[i - 1].height > 0 && h->records[i - 1].height <= height)
            let_go(h, i - 1);
    }
}

static void synced(struct lab *l, struct event *ev)
{
    struct host *h = ev->host;

    memmove(h->syncs, h->syncs + 1, --h->n_syncs * sizeof(struct event *));
    for (size_t i = 0; i < h->n_records; i++) {
        if (h->records[i].covered != 0 && h->records[i].covered <= ev->number)
            h->records[i].durable = true;
    }
    if (ev->blob->size > 0 && guard_state(h->guard) != GUARD_LOST) {
        guard_write(h->guard, blob_bytes(ev->blob));
        if (h->honest)
            oracle_slot(h, blob_bytes(ev->blob));
    }
    lab_say(l, "host %u: token %llu is durable, slot of %zu bytes", h->index,
            (unsigned long long)ev->number, ev->blob->size);
    lab_note(l, ev->number);
    engine_on_durable(h->engine, ev->number);
    host_called(h);
}

void disk_sync(void *ctx, uint64_t token, struct bytes slot)
{
    struct host *h = ctx;
    struct lab *l = h->lab;
    struct event *ev;

    if (h->disk_us < l->now_us)
        h->disk_us = l->now_us;
    h->disk_us += 100 + lab_below(l, 900);
    if (h->slow_disk_us > 0)
        h->disk_us += lab_below(l, h->slow_disk_us);
    for (size_t i = 0; i < h->n_records; i++) {
        if (h->records[i].covered == 0)
            h->records[i].covered = token;
    }
    ev = lab_post(l, h, h->disk_us, synced);
    ev->number = token;
    ev->blob = blob_new(slot);
    if (h->n_syncs == h->syncs_room) {
        h->syncs_room = h->syncs_room == 0 ? 16 : h->syncs_room * 2;
        h->syncs = anju_realloc(h->syncs, h->syncs_room * sizeof(struct event *));
    }
    h->syncs[h->n_syncs++] = ev;
}

/* ---- Crashes ---- */

static void guard_file(const struct host *h, char *out, size_t size)
{
    (void)snprintf(out, size, "%s/guard", h->dir);
}

static bool load_file(const struct host *h, uint8_t image[LAB_IMAGE_SIZE])
{
    char path[80];
    FILE *f;
    bool whole;

    guard_file(h, path, sizeof path);
    f = fopen(path, "rb");
    whole = f != NULL && fread(image, 1, LAB_IMAGE_SIZE, f) == LAB_IMAGE_SIZE;
    if (f != NULL)
        (void)fclose(f);
    return whole;
}

static void store_file(const struct host *h, const uint8_t image[LAB_IMAGE_SIZE])
{
    char path[80];
    FILE *f;

    guard_file(h, path, sizeof path);
    f = fopen(path, "wb");
    ck_assert(f != NULL && fwrite(image, 1, LAB_IMAGE_SIZE, f) == LAB_IMAGE_SIZE);
    ck_assert_int_eq(fclose(f), 0);
}

/* Each sector that differs is the older or the newer one: all alike, or each for itself where
 * writes tear. */
static void mix(struct host *h, uint8_t image[LAB_IMAGE_SIZE], const uint8_t older[LAB_IMAGE_SIZE])
{
    struct lab *l = h->lab;
    bool torn = lab_fault(l, FAULT_TORN, 600), all_older = lab_below(l, 2) == 0;

    for (size_t at = 0; at < LAB_IMAGE_SIZE; at += SECTOR) {
        if (torn ? lab_below(l, 2) == 0 : all_older)
            memcpy(image + at, older + at, SECTOR);
    }
}

/* What the log thread was at: nothing, the payload log, or the guard: in the page cache as a whole,
 * or part of it. */
static void cut_write(struct host *h)
{
    uint8_t was[LAB_IMAGE_SIZE], stable[LAB_IMAGE_SIZE], now[LAB_IMAGE_SIZE];
    bool has_stable = h->has_stable;
    const struct event *ev = h->n_syncs > 0 ? h->syncs[0] : NULL;

    if (ev == NULL || lab_below(h->lab, 3) == 0)
        return;
    /* The payload log comes first: when the guard is written, what its votes rest on is durable. */
    for (size_t i = 0; i < h->n_records; i++) {
        if (h->records[i].covered != 0 && h->records[i].covered <= ev->number)
            h->records[i].durable = true;
    }
    if (ev->blob->size == 0 || guard_state(h->guard) == GUARD_LOST || !load_file(h, was))
        return;
    memcpy(stable, h->stable, sizeof stable);
    guard_write(h->guard, blob_bytes(ev->blob));
    if (load_file(h, now)) {
        mix(h, now, was);
        store_file(h, now);
    }
    memcpy(h->stable, stable, sizeof stable); /* its sync never came */
    h->has_stable = has_stable;
}

void disk_crash(struct host *h, bool power)
{
    struct lab *l = h->lab;
    uint8_t now[LAB_IMAGE_SIZE];

    cut_write(h);
    guard_close(h->guard);
    h->guard = NULL;
    h->n_syncs = 0;
    if (power && h->has_stable && load_file(h, now)) {
        mix(h, now, h->stable);
        store_file(h, now);
        memcpy(h->stable, now, sizeof now);
    }
    for (size_t i = h->n_records; i > 0; i--) {
        struct record *r = &h->records[i - 1];
        if ((power && !r->durable && lab_below(l, 2) == 0) ||
            (r->released && lab_below(l, 2) == 0)) {
            drop_record(h, i - 1);
            continue;
        }
        r->released = false;
        r->covered = 0;
        r->durable =
            r->durable || power; /* what is still there after a power cut is on the platter */
    }
}

void disk_open(struct host *h)
{
    bool ledger_exists = h->has_stable;
    uint8_t image[LAB_IMAGE_SIZE];

    ck_assert_msg(guard_open(&h->guard, h->dir, &h->lab->fixture->registry->ledger_id, &h->id,
                             ledger_exists) == ANJU_OK,
                  "%s", anju_err_text());
    if (h->honest && guard_state(h->guard) == GUARD_LOST)
        lab_fail(h->lab, "host %u takes its guard for lost: %s", h->index,
                 guard_lost_reason(h->guard));
    /* What is read here counts as durable only where it is. */
    if (h->honest && guard_content(h->guard).size > 0 && load_file(h, image) &&
        memcmp(image, h->stable, sizeof image) == 0)
        oracle_slot(h, guard_content(h->guard));
}

/* As node.c opens it. */
static bool is_committed(void *ctx, const struct crypto_hash *envelope)
{
    return idmap_get(&((struct host *)ctx)->claims, envelope) != NULL;
}

static bool get_batch(void *ctx, struct writer *out, const struct crypto_hash *id)
{
    const struct host *h = ctx;

    for (size_t i = 0; i < h->n_records; i++) {
        if (same(&h->records[i], PAYLOAD_BATCH, id)) {
            writer_bytes(out, blob_bytes(h->records[i].data));
            return true;
        }
    }
    return false;
}

void disk_restore(struct host *h, struct engine *e)
{
    struct restore r = {.engine = e,
                        .registry = h->lab->fixture->registry,
                        .height = h->height,
                        .is_committed = is_committed,
                        .ctx = h};

    for (size_t i = 0; i < h->n_records; i++) {
        const struct record *k = &h->records[i];
        h->records[i].durable = true; /* opening syncs */
        restore_found(&r, &(struct payload_record){.kind = k->kind,
                                                   .height = k->height,
                                                   .id = k->id,
                                                   .data = blob_bytes(k->data)});
    }
    restore_end(&r, get_batch);
    disk_release_heights(h, h->height);
    disk_release(h, PAYLOAD_BATCH, r.settled, r.n_settled);
    restore_free(&r);
}

/* The guard is gone, and whoever runs this node makes it believe that it is new. */
void disk_forget(struct host *h)
{
    char path[80];

    guard_file(h, path, sizeof path);
    (void)unlink(path);
    h->has_stable = false;
    while (lab_below(h->lab, 2) == 0 && h->n_records > 0)
        drop_record(h, h->n_records - 1);
}

void disk_free(struct host *h)
{
    char path[80];

    guard_close(h->guard);
    h->guard = NULL;
    guard_file(h, path, sizeof path);
    (void)unlink(path);
    (void)rmdir(h->dir);
    while (h->n_records > 0)
        drop_record(h, h->n_records - 1);
    free(h->records);
    free(h->syncs);
}
