/*
 * anju audit: checks a whole copy of the ledger from its truth alone, offline or beside a running node.
 * Every payload is hashed again, every signature and certificate checked, every record executed again,
 * and every entry and root compared; no stored root is believed. Workers decode blocks and verify
 * signatures ahead, the main thread executes them in order.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/store.h"
#include "tools/tools.h"

enum { WINDOW = 16, READ_RENEW = 64, WORKERS_MAX = 16 };

/* One block on its way. A slot is free, full (raw is there), then checked (decoded, signatures verified). */
struct job {
    enum { JOB_FREE, JOB_FULL, JOB_TAKEN, JOB_CHECKED } state;
    uint64_t height;
    struct writer raw;
    struct arena arena;
    struct ledger_block block;
    uint64_t signatures;
    enum anju_err err;
    char words[400];
};

struct audit {
    const struct ledger_registry *registry;
    struct store *store;
    struct store_read *read;
    struct ledger_overlay *state;
    struct ledger_view empty;
    uint64_t height, height_last, entries, records, signatures, certificates;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stop;
    struct job job[WINDOW];
};

/* Workers. */

static void check_job(struct job *j, const struct ledger_registry *r)
{
    j->err = ledger_block_decode(&j->block, writer_view(&j->raw), &r->ledger_id, &j->arena);
    for (uint32_t i = 0; j->err == ANJU_OK && i < j->block.n_envelopes; i++) {
        const struct ledger_envelope *e = &j->block.envelopes[i];
        j->err = ledger_envelope_verify(e, r);
        j->signatures++;
        for (uint16_t k = 0; k < e->n_records; k++)
            j->signatures += e->records[k].n_cosignatures;
    }
    if (j->err != ANJU_OK)
        snprintf(j->words, sizeof(j->words), "block %" PRIu64 ": %s", j->height, anju_err_text());
}

static struct job *take_job(struct audit *a)
{
    for (;;) {
        struct job *oldest = NULL;
        for (size_t i = 0; i < WINDOW; i++)
            if (a->job[i].state == JOB_FULL && (oldest == NULL || a->job[i].height < oldest->height))
                oldest = &a->job[i];
        if (oldest != NULL || a->stop)
            return a->stop ? NULL : oldest;
        pthread_cond_wait(&a->changed, &a->lock);
    }
}

static void *work(void *arg)
{
    struct audit *a = arg;
    struct job *j;

    pthread_mutex_lock(&a->lock);
    while ((j = take_job(a)) != NULL) {
        j->state = JOB_TAKEN;
        pthread_mutex_unlock(&a->lock);
        check_job(j, a->registry);
        pthread_mutex_lock(&a->lock);
        j->state = JOB_CHECKED;
        pthread_cond_broadcast(&a->changed);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

/* The main thread. */

/* A snapshot pins pages of a running node: take a new one now and then. */
static enum anju_err renew(struct audit *a)
{
    store_read_end(a->read);
    a->read = NULL;
    return store_read_begin(&a->read, a->store);
}

/* The stored entries against the ones that executing gave. */
static enum anju_err compare_items(struct audit *a, const struct ledger_overlay *o, uint64_t height)
{
    struct arena arena = {0};
    struct ledger_item *stored = NULL;
    size_t stored_count = 0, count;
    const struct ledger_item *items = ledger_overlay_items(o, &count);
    enum anju_err err = store_read_items(a->read, &stored, &stored_count, height, &arena);

    if (err == ANJU_OK && stored_count != count)
        err = anju_fail(ANJU_ERR_MISMATCH, "block %" PRIu64 ": %zu entries are stored, executing it gives %zu", height, stored_count, count);
    for (size_t i = 0; err == ANJU_OK && i < count; i++) {
        if (memcmp(stored[i].bytes, items[i].bytes, LEDGER_ENTRY_SIZE) != 0)
            err = anju_fail(ANJU_ERR_MISMATCH, "entry %" PRIu64 " (block %" PRIu64 "): differs from what executing its record gives",
                            items[i].entry.seq, height);
        else if (!bytes_equal(stored[i].effects, items[i].effects))
            err = anju_fail(ANJU_ERR_MISMATCH, "entry %" PRIu64 " (block %" PRIu64 "): its stored effects differ from what executing its record gives",
                            items[i].entry.seq, height);
    }
    a->entries += count;
    arena_free(&arena);
    return err;
}

static enum anju_err compare_result(struct audit *a, const struct ledger_tip *tip, uint64_t height)
{
    struct store_height stored;
    enum anju_err err = store_read_height(a->read, &stored, height);

    if (err != ANJU_OK)
        return err;
    if (!crypto_hash_equal(&stored.result, &tip->result))
        return anju_fail(ANJU_ERR_MISMATCH, "block %" PRIu64 ": the stored result is not what executing the ledger gives", height);
    if (!crypto_hash_equal(&stored.block, &tip->block))
        return anju_fail(ANJU_ERR_MISMATCH, "block %" PRIu64 ": the stored block id is not that of the stored block", height);
    return ANJU_OK;
}

static enum anju_err check_certificate(struct audit *a, struct bytes raw, const struct ledger_tip *tip)
{
    struct ledger_certificate c;
    enum anju_err err = ledger_certificate_decode(&c, raw);

    if (err == ANJU_OK)
        err = ledger_certificate_verify(&c, &a->registry->set, &a->registry->ledger_id);
    if (err != ANJU_OK)
        return anju_fail(err, "block %" PRIu64 ": certificate: %s", tip->height, anju_err_text());
    a->certificates++;
    a->signatures += c.q;
    if (c.height != tip->height || !crypto_hash_equal(&c.vid, &tip->block) || !crypto_hash_equal(&c.result, &tip->result))
        return anju_fail(ANJU_ERR_MISMATCH, "block %" PRIu64 ": the certificate is for another block or result", tip->height);
    return ANJU_OK;
}

/* Both certificates that exist of a height: the one that this node decided with, and the one that the
 * next block carries. */
static enum anju_err check_certificates(struct audit *a, const struct ledger_tip *tip)
{
    struct bytes decided, carried;
    enum anju_err err = store_read_decided(a->read, &decided, tip->height);

    if (err == ANJU_OK)
        err = check_certificate(a, decided, tip);
    if (err == ANJU_OK)
        err = store_read_certificate(a->read, &carried, tip->height);
    if (err == ANJU_OK && !bytes_equal(decided, carried))
        err = check_certificate(a, carried, tip);
    return err;
}

static enum anju_err finish_height(struct audit *a, struct ledger_overlay *o, uint64_t height)
{
    enum anju_err err = compare_items(a, o, height);

    if (err == ANJU_OK)
        err = compare_result(a, ledger_overlay_tip(o), height);
    if (err == ANJU_OK && height > 0)
        err = check_certificates(a, ledger_overlay_tip(o));
    return err;
}

static enum anju_err execute_genesis(struct audit *a)
{
    a->empty = ledger_view_empty(a->registry);
    a->state = ledger_overlay_new(&a->empty);
    enum anju_err err = ledger_execute_genesis(a->state);

    return err != ANJU_OK ? err : finish_height(a, a->state, 0);
}

static enum anju_err execute_block(struct audit *a, struct job *j)
{
    if (j->err != ANJU_OK)
        return anju_fail(j->err, "%s", j->words);
    enum anju_err err = ledger_block_check(&j->block, a->registry, ledger_overlay_tip(a->state));
    if (err != ANJU_OK)
        return anju_fail(err, "block %" PRIu64 ": %s", j->height, anju_err_text());
    struct ledger_overlay *o = ledger_overlay_new(ledger_overlay_view(a->state));
    err = ledger_execute(o, &j->block);
    if (err == ANJU_OK)
        err = finish_height(a, o, j->height);
    if (err != ANJU_OK) {
        ledger_overlay_free(o);
        return err;
    }
    a->records += j->block.n_records;
    a->signatures += j->signatures;
    ledger_overlay_absorb(a->state, o);
    return ANJU_OK;
}

/* A block that can't be read or does not decode: which of its entries is damaged? */
static enum anju_err name_entry(struct audit *a, uint64_t height, enum anju_err found)
{
    struct store_height h;
    struct store_item item;
    char words[400];

    snprintf(words, sizeof(words), "%s", anju_err_text());
    if (store_read_height(a->read, &h, height) != ANJU_OK)
        return anju_fail(found, "%s", words);
    for (uint64_t seq = h.first_seq; seq < h.first_seq + h.n; seq++)
        if (store_read_item(a->read, &item, seq) != ANJU_OK)
            return anju_fail(found, "entry %" PRIu64 ": %s", seq, anju_err_text());
    return anju_fail(found, "%s (entries %" PRIu64 " to %" PRIu64 ")", words, h.first_seq, h.first_seq + h.n - (h.n > 0));
}

/* Puts the next block's bytes into a free slot. */
static enum anju_err fill_job(struct audit *a, struct job *j, uint64_t height)
{
    struct bytes raw;
    enum anju_err err = height % READ_RENEW == 0 ? renew(a) : ANJU_OK;

    if (err == ANJU_OK)
        err = store_read_block(a->read, &raw, height);
    if (err != ANJU_OK)
        return name_entry(a, height, err);
    writer_clear(&j->raw);
    writer_bytes(&j->raw, raw);
    arena_clear(&j->arena);
    j->height = height;
    j->signatures = 0;
    pthread_mutex_lock(&a->lock);
    j->state = JOB_FULL;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    return ANJU_OK;
}

static struct job *wait_job(struct audit *a, uint64_t height)
{
    struct job *j = &a->job[height % WINDOW];

    pthread_mutex_lock(&a->lock);
    while (j->state != JOB_CHECKED)
        pthread_cond_wait(&a->changed, &a->lock);
    j->state = JOB_FREE;
    pthread_mutex_unlock(&a->lock);
    return j;
}

static enum anju_err audit_blocks(struct audit *a)
{
    struct tool_progress progress;
    uint64_t filled = 0;
    enum anju_err err = ANJU_OK, fill_err = ANJU_OK;
    char fill_words[400] = "";

    tool_progress_begin(&progress, "audit", a->height_last);
    for (uint64_t height = 1; err == ANJU_OK && height <= a->height_last; height++) {
        while (fill_err == ANJU_OK && filled < a->height_last && filled < height + WINDOW - 1) {
            fill_err = fill_job(a, &a->job[(filled + 1) % WINDOW], filled + 1);
            if (fill_err == ANJU_OK)
                filled++;
            else
                snprintf(fill_words, sizeof(fill_words), "%s", anju_err_text());
        }
        if (height > filled) {
            err = anju_fail(fill_err, "%s", fill_words);
            break;
        }
        struct job *j = wait_job(a, height);
        err = execute_block(a, j);
        if (err != ANJU_OK)
            err = name_entry(a, height, err);
        else
            a->height = height;
        tool_progress_set(&progress, height);
    }
    if (err == ANJU_OK)
        tool_progress_end(&progress);
    return err;
}

static enum anju_err run(struct audit *a, unsigned workers)
{
    pthread_t thread[WORKERS_MAX];
    enum anju_err err = store_read_begin(&a->read, a->store);

    if (err != ANJU_OK)
        return err;
    a->height_last = store_read_tip(a->read)->height;
    for (unsigned i = 0; i < workers; i++)
        if (pthread_create(&thread[i], NULL, work, a) != 0)
            abort();
    err = execute_genesis(a);
    if (err == ANJU_OK)
        err = audit_blocks(a);
    pthread_mutex_lock(&a->lock);
    a->stop = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    for (unsigned i = 0; i < workers; i++)
        pthread_join(thread[i], NULL);
    store_read_end(a->read);
    return err;
}

static void report(const struct audit *a, enum anju_err err, const char *words, uint64_t ms)
{
    const struct ledger_tip *tip = ledger_overlay_tip(a->state);
    char log_root[65], map_root[65], ledger[65];
    double seconds = (double)ms / 1000.0;

    hex_encode(ledger, a->registry->ledger_id.b, 32);
    hex_encode(log_root, tip->result_body.log_root.b, 32);
    hex_encode(map_root, tip->result_body.map_root.b, 32);
    if (tool_json) {
        json_t *out = json_pack("{s:b, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:f}", "ok", err == ANJU_OK, "ledger", ledger,
                                "height", (json_int_t)a->height, "height_last", (json_int_t)a->height_last, "entries", (json_int_t)a->entries,
                                "records", (json_int_t)a->records, "signatures", (json_int_t)a->signatures, "certificates",
                                (json_int_t)a->certificates, "log_root", log_root, "map_root", map_root, "seconds", seconds);
        if (err != ANJU_OK)
            json_object_set_new(out, "fault", json_string(words));
        tool_print_json(out);
        return;
    }
    printf("%s  ledger %s\n", err == ANJU_OK ? "ok   " : "FAULT", ledger);
    if (err != ANJU_OK)
        printf("       %s\n", words);
    printf("  blocks         %" PRIu64 " of %" PRIu64 " checked\n  entries        %" PRIu64 " compared with what executing gives\n"
           "  records        %" PRIu64 " executed again\n  signatures     %" PRIu64 " verified\n  certificates   %" PRIu64 " verified\n"
           "  log root       %s\n  map root       %s\n  time           %.1f s, %.0f records/s\n",
           a->height, a->height_last, a->entries, a->records, a->signatures, a->certificates, log_root, map_root, seconds,
           seconds > 0 ? (double)a->records / seconds : 0.0);
}

int cmd_audit(int argc, char **argv)
{
    struct tool_option options[] = {{"--genesis", "FILE", "the genesis document", "genesis.json", NULL}, {0}};
    const struct tool_usage usage = {
        "audit", "[--genesis FILE] DATA-DIR",
        "Checks a node's whole copy of the ledger, offline or while the node runs: hashes every payload, checks every\n"
        "signature and certificate, executes every record again and compares every entry and root.",
        "anju audit --genesis genesis.json node-1/data", options};
    struct audit a = {0};
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int n, code = tool_args(&usage, argc, argv, &n, 1, 1);

    if (code >= 0)
        return code;
    if (tool_open_genesis(&a.registry, options[0].given) != ANJU_OK
        || store_open_readonly(&a.store, argv[1], &a.registry->ledger_id) != ANJU_OK)
        return tool_fail_err();
    pthread_mutex_init(&a.lock, NULL);
    pthread_cond_init(&a.changed, NULL);
    uint64_t begin = tool_now_ms();
    enum anju_err err = run(&a, cores < 1 ? 1 : cores > WORKERS_MAX ? WORKERS_MAX : (unsigned)cores);
    char words[400];
    snprintf(words, sizeof(words), "%s", anju_err_text());
    if (a.state == NULL)
        return tool_fail(TOOL_FAILED, "%s", words);
    report(&a, err, words, tool_now_ms() - begin);
    ledger_overlay_free(a.state);
    for (size_t i = 0; i < WINDOW; i++) {
        writer_free(&a.job[i].raw);
        arena_free(&a.job[i].arena);
    }
    store_close(a.store);
    return err == ANJU_OK ? TOOL_OK : err == ANJU_ERR_IO ? TOOL_FAILED : TOOL_REFUSED;
}
