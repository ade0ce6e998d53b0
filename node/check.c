#include "node/check.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/execute.h"
#include "storage/store.h"

/* ---- The cache ---- */

enum { CACHE_SLOTS = 1 << 16 };

struct check_cache {
    pthread_mutex_t lock;
    uint64_t verified;
    struct crypto_hash slot[CACHE_SLOTS]; /* direct mapped: SHA-256 of envelope id and signature */
};

struct check_cache *check_cache_new(void)
{
    struct check_cache *c = anju_alloc(sizeof(*c));

    pthread_mutex_init(&c->lock, NULL);
    return c;
}

void check_cache_free(struct check_cache *c)
{
    if (c == NULL)
        return;
    pthread_mutex_destroy(&c->lock);
    free(c);
}

uint64_t check_cache_verified(const struct check_cache *c)
{
    struct check_cache *m = (struct check_cache *)(uintptr_t)c;
    uint64_t n;

    pthread_mutex_lock(&m->lock);
    n = m->verified;
    pthread_mutex_unlock(&m->lock);
    return n;
}

static void cache_key(struct crypto_hash *out, const struct ledger_envelope *e)
{
    const struct bytes parts[2] = {crypto_hash_bytes(&e->id), bytes_of(e->sig.b, CRYPTO_SIG_SIZE)};

    crypto_sha256_parts(out, parts, 2);
}

/* The id binds everything that is signed but the author's signature itself, cosignatures included.
 */
static enum anju_err verify_once(const struct ledger_envelope *e,
                                 const struct ledger_registry *registry, struct check_cache *c)
{
    struct crypto_hash key;
    struct crypto_hash *slot;
    enum anju_err err;
    bool known;

    if (c == NULL)
        return ledger_envelope_verify(e, registry);
    cache_key(&key, e);
    slot = &c->slot[get_u16(key.b)];
    pthread_mutex_lock(&c->lock);
    known = crypto_hash_equal(slot, &key);
    pthread_mutex_unlock(&c->lock);
    if (known)
        return ANJU_OK;
    err = ledger_envelope_verify(e, registry);
    if (err != ANJU_OK)
        return err;
    pthread_mutex_lock(&c->lock);
    *slot = key;
    c->verified++;
    pthread_mutex_unlock(&c->lock);
    return ANJU_OK;
}

/* ---- Batches ---- */

static uint32_t signatures_of(const struct ledger_envelope *e)
{
    uint32_t n = 1;

    for (unsigned i = 0; i < e->n_records; i++)
        n += e->records[i].n_cosignatures;
    return n;
}

enum anju_err check_batch(struct batch_info **out, struct bytes raw,
                          const struct ledger_registry *registry, struct check_cache *cache)
{
    struct arena a = {0};
    struct ledger_batch batch;
    struct batch_info *info = NULL;
    enum anju_err err = ledger_batch_decode(&batch, raw, &registry->ledger_id, &a);

    *out = NULL;
    if (err == ANJU_OK)
        info = anju_alloc(sizeof(*info) + (size_t)batch.n_envelopes * sizeof(struct crypto_hash));
    for (unsigned i = 0; err == ANJU_OK && i < batch.n_envelopes; i++) {
        struct ledger_envelope e;
        err = ledger_envelope_decode(&e, batch.envelopes[i], &registry->ledger_id, &a);
        if (err == ANJU_OK)
            err = verify_once(&e, registry, cache);
        if (err != ANJU_OK)
            break;
        info->envelopes[i] = e.id;
        info->n_records += e.n_records;
        info->n_signatures += signatures_of(&e);
        if (e.valid_until > info->valid_until_max)
            info->valid_until_max = e.valid_until;
    }
    if (err == ANJU_OK) {
        info->n_envelopes = batch.n_envelopes;
        *out = info;
    } else {
        free(info);
    }
    arena_free(&a);
    return err;
}

/* ---- Envelopes ---- */

static void add_subject(struct submission *s, size_t *room, const uint8_t id[LEDGER_SUBJECT_SIZE])
{
    if (s->n_subjects == *room) {
        *room = *room == 0 ? 8 : *room * 2;
        s->subjects = anju_realloc(s->subjects, *room * sizeof(*s->subjects));
    }
    memcpy(s->subjects[s->n_subjects++].b, id, LEDGER_SUBJECT_SIZE);
}

/* Every bin of 16 bytes in a record: its subject, and what it may refer to. Too many is no harm: it
 * only decides whether a refusal is answered at once or by the execution. */
static void add_subjects_of(struct submission *s, size_t *room, struct bytes record)
{
    enum { MP_BIN8 = 0xc4 };

    for (size_t i = 0; i + 2 + LEDGER_SUBJECT_SIZE <= record.size; i++) {
        if (record.data[i] == MP_BIN8 && record.data[i + 1] == LEDGER_SUBJECT_SIZE)
            add_subject(s, room, record.data + i + 2);
    }
}

struct submission *submission_new(struct bytes wire, const struct ledger_registry *registry,
                                  struct rpc_submit_result *refusal)
{
    const struct ledger_limits *l = &registry->limits;
    struct arena a = {0};
    struct ledger_envelope e;
    struct submission *s = NULL;
    size_t room = 0;

    *refusal = (struct rpc_submit_result){.state = RPC_SUBMIT_INVALID};
    if (ledger_envelope_decode(&e, wire, &registry->ledger_id, &a) != ANJU_OK) {
        snprintf(refusal->hint, sizeof(refusal->hint), "%s", anju_err_text());
        goto out;
    }
    refusal->id = e.id;
    /* What one surface takes, the next one must carry: a batch holds a whole envelope, a block a
     * whole batch. */
    if (wire.size > l->envelope_size || e.n_records > l->envelope_records) {
        refusal->state = RPC_SUBMIT_REFUSED;
        refusal->outcome = LEDGER_REFUSED_ENVELOPE_TOO_LARGE;
        snprintf(refusal->clause, sizeof(refusal->clause), "%s",
                 ledger_outcome_name(refusal->outcome));
        snprintf(
            refusal->hint, sizeof(refusal->hint),
            "an envelope holds at most %u records and %u bytes; this one has %u and %zu: split it",
            l->envelope_records, l->envelope_size, e.n_records, wire.size);
        goto out;
    }
    s = anju_alloc(sizeof(*s));
    *s = (struct submission){.id = e.id,
                             .wire = blob_new(wire),
                             .n_records = e.n_records,
                             .n_signatures = signatures_of(&e),
                             .valid_until = e.valid_until};
    for (unsigned i = 0; i < e.n_records; i++)
        add_subjects_of(s, &room, e.records[i].raw);
out:
    arena_free(&a);
    return s;
}

void submission_free(struct submission *s)
{
    if (s == NULL)
        return;
    blob_release(s->wire);
    free(s->subjects);
    free(s);
}

static void skip(struct check_verdict *out, int outcome, const char *hint)
{
    out->good = false;
    out->result.state = RPC_SUBMIT_SKIPPED;
    out->result.outcome = outcome;
    snprintf(out->result.clause, sizeof(out->result.clause), "%s", ledger_outcome_name(outcome));
    snprintf(out->result.hint, sizeof(out->result.hint), "%s", hint);
}

/* What has been settled already: the same envelope gets the same claim, also after its time is
 * over. */
static bool settled(struct check_verdict *out, const struct ledger_envelope *e,
                    struct store_read *r)
{
    const struct ledger_view *view = store_read_view(r);
    struct store_envelope done;
    struct ledger_used used;

    if (store_read_envelope(r, &done, &e->id) == ANJU_OK) {
        out->good = false;
        out->result.state = RPC_SUBMIT_COMMITTED;
        out->result.outcome = done.outcome;
        out->result.height = done.height;
        out->result.first_seq = done.first_seq;
        out->result.n = done.n;
        out->result.failing_index = done.failing_index;
        return true;
    }
    if (view->used(view, &used, e->key, e->nonce) == ANJU_OK &&
        !crypto_hash_equal(&used.envelope, &e->id)) {
        skip(out, LEDGER_SKIP_NONCE,
             "another envelope of this key used the nonce: make a new nonce, sign and send again");
        out->result.other = used.envelope;
        return true;
    }
    return false;
}

/* By our clock, which may be wrong: nothing is said of what will become of it. */
static void not_now(struct check_verdict *out, const char *hint)
{
    out->good = false;
    out->result.state = RPC_SUBMIT_BUSY;
    snprintf(out->result.hint, sizeof(out->result.hint), "%s", hint);
}

/* "Never takes effect" rests on the ledger's time alone. A client that was told so by a wrong clock
 * would sign a second envelope, and both could take effect. */
static bool out_of_time(struct check_verdict *out, const struct ledger_envelope *e,
                        const struct ledger_registry *registry, uint64_t now_ms, uint64_t tip_ms)
{
    const struct ledger_member_key *key = ledger_registry_key(registry, e->key);
    uint64_t ahead = registry->limits.valid_ahead_ms;

    if (e->valid_until <= tip_ms)
        skip(out, LEDGER_SKIP_EXPIRED,
             "valid_until has passed: sign a new envelope with a later one");
    else if (e->valid_until > now_ms && e->valid_until - now_ms > ahead &&
             e->valid_until - now_ms - ahead > 60000)
        skip(out, LEDGER_SKIP_TOO_FAR,
             "valid_until is too far ahead of the ledger's time: choose one within the limit");
    else if (key != NULL && tip_ms >= key->until)
        skip(out, LEDGER_SKIP_KEY,
             "the key is not valid any more: sign with another key of the member");
    else if (e->valid_until <= now_ms)
        not_now(out,
                "by this node's clock valid_until has passed, by the ledger's time it has not: "
                "ask again, here or at another node, until it is settled");
    else if (key != NULL && (now_ms < key->from || now_ms >= key->until))
        not_now(out, "by this node's clock the key is not valid now: compare the clocks, or sign "
                     "with another key of the member");
    else
        return false;
    return true;
}

/* Subjects that an earlier record of the same envelope names are not what the view says any more.
 */
static bool names_earlier(const struct ledger_envelope *e, unsigned index)
{
    struct submission earlier = {0}, self = {0};
    size_t room = 0, own_room = 0;
    bool found = false;

    if (index == 0)
        return false;
    for (unsigned i = 0; i < index; i++)
        add_subject(&earlier, &room, e->records[i].subject.b);
    add_subjects_of(&self, &own_room, e->records[index].raw);
    for (uint32_t i = 0; i < self.n_subjects && !found; i++) {
        for (uint32_t k = 0; k < earlier.n_subjects && !found; k++)
            found = memcmp(self.subjects[i].b, earlier.subjects[k].b, LEDGER_SUBJECT_SIZE) == 0;
    }
    free(earlier.subjects);
    free(self.subjects);
    return found;
}

enum { JUDGED_RECORDS_MAX = 64 };

static void judge(struct check_verdict *out, const struct ledger_envelope *e, struct store_read *r,
                  uint64_t time_ms, struct arena *a)
{
    const struct ledger_view *view = store_read_view(r);
    struct ledger_actor actor = {.member = e->member, .key = e->key, .time_ms = time_ms};
    struct rpc_submit_result *result = &out->result;

    for (unsigned i = 0; i < e->n_records && i < JUDGED_RECORDS_MAX; i++) {
        struct ledger_judgement j;
        struct ledger_subject now;
        if (names_earlier(e, i))
            return;
        if (ledger_judge(&j, view, &actor, &e->records[i], a) != ANJU_OK)
            return; /* the view failed: the execution will say so louder */
        if (j.outcome == LEDGER_APPLIED)
            continue;
        out->good = false;
        result->state = RPC_SUBMIT_REFUSED;
        result->outcome = j.outcome;
        result->failing_index = i;
        snprintf(result->clause, sizeof(result->clause), "%s", j.clause != NULL ? j.clause : "");
        snprintf(result->field, sizeof(result->field), "%s", j.field != NULL ? j.field : "");
        snprintf(result->hint, sizeof(result->hint), "%s", j.hint != NULL ? j.hint : "");
        if (view->subject(view, &now, e->records[i].procedure, &e->records[i].subject, a) ==
            ANJU_OK) {
            result->current_version = now.version;
            result->current_state = now.state;
        }
        return;
    }
}

void check_envelope(struct check_verdict *out, struct bytes wire,
                    const struct ledger_registry *registry, struct store_read *r, uint64_t now_ms,
                    bool do_judge, struct check_cache *cache)
{
    struct arena a = {0};
    struct ledger_envelope e;
    uint64_t tip_ms;

    *out = (struct check_verdict){.good = true};
    if (ledger_envelope_decode(&e, wire, &registry->ledger_id, &a) != ANJU_OK ||
        verify_once(&e, registry, cache) != ANJU_OK) {
        out->good = false;
        out->result.state = RPC_SUBMIT_INVALID;
        snprintf(out->result.hint, sizeof(out->result.hint), "%s", anju_err_text());
        arena_free(&a);
        return;
    }
    out->result.id = e.id;
    if (r != NULL) {
        tip_ms = store_read_tip(r)->time_ms;
        if (!settled(out, &e, r) && !out_of_time(out, &e, registry, now_ms, tip_ms) && do_judge)
            judge(out, &e, r, now_ms > tip_ms ? now_ms : tip_ms + 1, &a);
    }
    arena_free(&a);
}
