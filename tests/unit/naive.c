#include "tests/unit/naive.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { NAIVE_ATTRIBUTES = 96, NAIVE_TOUCHED = 4096, NAIVE_TIMERS = 4096, NAIVE_DAY_MS = 86400000 };

struct naive_subject {
    struct ledger_subject is;
    struct ledger_value values[NAIVE_ATTRIBUTES];
    uint32_t n_values;
};

/* One map key and all entries in its chain. */
struct naive_chain {
    struct ledger_map_key key;
    struct crypto_hash state;
    uint64_t *seqs;
    size_t n_seqs;
    uint64_t live;
};

struct naive {
    const struct ledger_registry *registry;
    struct arena arena;
    struct crypto_hash *leaves; /* of the log */
    size_t n_leaves;
    struct naive_subject *subjects;
    size_t n_subjects;
    struct naive_chain *chains;
    size_t n_chains;
    struct ledger_used_row *used;
    size_t n_used;
    struct ledger_refusal_row *refusals;
    size_t n_refusals;
    struct ledger_timer timers[NAIVE_TIMERS]; /* ascending */
    size_t n_timers;
    uint64_t height, time_ms, envelope_first;
    bool in_envelope;
    size_t touched[NAIVE_TOUCHED]; /* indexes of chains */
    size_t n_touched;
};

struct naive *naive_new(const struct ledger_registry *registry)
{
    struct naive *n = anju_alloc(sizeof(*n));

    n->registry = registry;
    return n;
}

void naive_free(struct naive *n)
{
    for (size_t i = 0; i < n->n_chains; i++)
        free(n->chains[i].seqs);
    free(n->leaves);
    free(n->subjects);
    free(n->chains);
    free(n->used);
    free(n->refusals);
    arena_free(&n->arena);
    free(n);
}

size_t naive_chain_count(const struct naive *n)
{
    return n->n_chains;
}

/* Chain keys, once more */

static void key_from(struct ledger_map_key *out, uint16_t day, struct bytes chain_key)
{
    struct writer w = {0};
    struct crypto_hash h;

    writer_put(&w, "anju/key/1", 10);
    writer_u8(&w, 0);
    writer_bytes(&w, chain_key);
    crypto_sha256(&h, writer_view(&w));
    put_u16(out->b, day);
    memcpy(out->b + 2, h.b, 30);
    writer_free(&w);
}

static void subject_key(struct ledger_map_key *out, uint16_t procedure,
                        const struct ledger_subject_id *id)
{
    struct writer w = {0};

    writer_u8(&w, 1);
    writer_u16(&w, procedure);
    writer_put(&w, id->b, 16);
    key_from(out, get_u16(id->b), writer_view(&w));
    writer_free(&w);
}

static void actor_key(struct ledger_map_key *out, uint32_t member)
{
    struct writer w = {0};

    writer_u8(&w, 2);
    writer_u16(&w, 0);
    writer_u16(&w, 0);
    writer_u8(&w, 1);
    writer_u8(&w, 1);
    writer_u16(&w, 8);
    writer_u64(&w, member);
    key_from(out, 0, writer_view(&w));
    writer_free(&w);
}

static const struct bytes *value_of(const struct naive_subject *s, uint16_t number)
{
    for (uint32_t i = 0; i < s->n_values; i++)
        if (s->values[i].number == number)
            return &s->values[i].value;
    return NULL;
}

static void write_component(struct writer *w, enum ledger_part_type type, struct bytes value)
{
    struct mp_reader m = mp_reader_over(value);
    const struct mp_value v = mp_next(&m);

    writer_u8(w, (uint8_t)type);
    switch (type) {
    case LEDGER_PART_UINT:
        ck_assert_int_eq(v.type, MP_UINT);
        writer_u16(w, 8);
        writer_u64(w, v.u);
        break;
    case LEDGER_PART_INT:
        writer_u16(w, 8);
        writer_u64(w, v.type == MP_UINT ? v.u : (uint64_t)v.i);
        break;
    case LEDGER_PART_BOOL:
        ck_assert_int_eq(v.type, MP_BOOL);
        writer_u16(w, 1);
        writer_u8(w, v.b);
        break;
    case LEDGER_PART_DAY:
        ck_assert_int_eq(v.type, MP_UINT);
        writer_u16(w, 4);
        writer_u32(w, (uint32_t)v.u);
        break;
    case LEDGER_PART_STR:
    case LEDGER_PART_BIN:
        if (v.type == MP_ARRAY) { /* a reference: its procedure and its subject */
            writer_u16(w, 2 + LEDGER_SUBJECT_SIZE);
            writer_u16(w, (uint16_t)mp_uint(&m, UINT16_MAX));
            writer_bytes(w, mp_bin(&m, LEDGER_SUBJECT_SIZE));
            break;
        }
        writer_u16(w, (uint16_t)v.bytes.size);
        writer_bytes(w, v.bytes);
        break;
    case LEDGER_PART_ABSENT:
        ck_abort_msg("a declared component has a type");
    }
}

/* False where a unique does not count the tuple. */
static bool tuple_key(struct ledger_map_key *out, uint16_t procedure,
                      const struct ledger_index *index, const struct naive_subject *s)
{
    struct writer w = {0};
    bool whole = true;

    writer_u8(&w, 2);
    writer_u16(&w, procedure);
    writer_u16(&w, index->number);
    writer_u8(&w, index->n_parts);
    for (uint8_t i = 0; i < index->n_parts; i++) {
        const struct bytes *value = value_of(s, index->part[i].attribute);

        if (index->part[i].attribute == 0) {
            writer_u8(&w, 1);
            writer_u16(&w, 8);
            writer_u64(&w, s->is.state);
        } else if (value == NULL) {
            whole = false;
            writer_u8(&w, 0);
            writer_u16(&w, 0);
        } else {
            write_component(&w, index->part[i].type, *value);
        }
    }
    key_from(out, 0, writer_view(&w));
    writer_free(&w);
    return whole || index->kind != LEDGER_INDEX_UNIQUE;
}

/* Chains */

static size_t chain_at(struct naive *n, const struct ledger_map_key *key)
{
    for (size_t i = 0; i < n->n_chains; i++)
        if (memcmp(n->chains[i].key.b, key->b, 32) == 0)
            return i;
    n->chains = anju_realloc(n->chains, (n->n_chains + 1) * sizeof(*n->chains));
    n->chains[n->n_chains] = (struct naive_chain){.key = *key};
    return n->n_chains++;
}

static void join(struct naive *n, const struct ledger_map_key *key)
{
    const size_t at = chain_at(n, key);

    for (size_t i = 0; i < n->n_touched; i++)
        if (n->touched[i] == at)
            return;
    ck_assert_uint_lt(n->n_touched, NAIVE_TOUCHED);
    n->touched[n->n_touched++] = at;
}

static void append_touched(struct naive *n, uint64_t seq)
{
    for (size_t i = 0; i < n->n_touched; i++) {
        struct naive_chain *c = &n->chains[n->touched[i]];

        c->seqs = anju_realloc(c->seqs, (c->n_seqs + 1) * sizeof(*c->seqs));
        c->seqs[c->n_seqs++] = seq;
    }
    n->n_touched = 0;
}

static const struct ledger_index *indexes_of(const struct naive *n, uint16_t procedure,
                                             uint32_t *count)
{
    const struct ledger_procedure *p =
        procedure == 0 ? NULL : ledger_registry_procedure(n->registry, procedure, 0);

    *count = 0;
    return p == NULL ? NULL : ledger_procedure_indexes(p, count);
}

/* A subject's tuples: lists are joined, all are made known, since a count that fell to 0 stays. */
static void join_tuples(struct naive *n, const struct naive_subject *s)
{
    uint32_t count;
    const struct ledger_index *indexes = indexes_of(n, s->is.procedure, &count);

    for (uint32_t i = 0; i < count; i++) {
        struct ledger_map_key key;

        if (!tuple_key(&key, s->is.procedure, &indexes[i], s))
            continue;
        if (indexes[i].kind == LEDGER_INDEX_LIST)
            join(n, &key);
        else
            (void)chain_at(n, &key);
    }
}

/* Timers */

static size_t implied(const struct naive *n, struct ledger_timer *out, struct naive_subject *s)
{
    const struct bytes *version = value_of(s, LEDGER_ATTR_PROCEDURE_VERSION);
    const struct ledger_attributes all = {.count = s->n_values, .items = s->values};
    const struct ledger_procedure *p;
    struct mp_reader m;

    if (s->is.version == 0 || version == NULL || s->is.procedure == 0)
        return 0;
    m = mp_reader_over(*version);
    p = ledger_registry_procedure(n->registry, s->is.procedure, (uint16_t)mp_uint(&m, UINT16_MAX));
    return p == NULL ? 0 : ledger_procedure_timers(out, 64, p, &s->is.id, s->is.state, &all);
}

static bool has_timer(const struct ledger_timer *timers, size_t count, const struct ledger_timer *t)
{
    for (size_t i = 0; i < count; i++)
        if (ledger_timer_compare(&timers[i], t) == 0)
            return true;
    return false;
}

static void remove_timer(struct naive *n, const struct ledger_timer *t)
{
    size_t kept = 0;

    for (size_t i = 0; i < n->n_timers; i++)
        if (ledger_timer_compare(&n->timers[i], t) != 0)
            n->timers[kept++] = n->timers[i];
    n->n_timers = kept;
}

static void insert_timer(struct naive *n, const struct ledger_timer *t)
{
    size_t at = 0;

    if (has_timer(n->timers, n->n_timers, t))
        return;
    ck_assert_uint_lt(n->n_timers, NAIVE_TIMERS);
    while (at < n->n_timers && ledger_timer_compare(&n->timers[at], t) < 0)
        at++;
    memmove(&n->timers[at + 1], &n->timers[at], (n->n_timers - at) * sizeof(*t));
    n->timers[at] = *t;
    n->n_timers++;
}

void naive_begin(struct naive *n, uint64_t height, uint64_t time_ms)
{
    n->height = height;
    n->time_ms = time_ms;
    if (height == 0)
        return;
    for (uint32_t i = 0; i < n->registry->limits.timers_per_block && n->n_timers > 0; i++)
        if (n->timers[0].due <= time_ms)
            remove_timer(n, &(struct ledger_timer){n->timers[0].due, n->timers[0].procedure,
                                                   n->timers[0].subject, n->timers[0].clock});
}

/* Entries */

static struct naive_subject *subject_at(struct naive *n, uint16_t procedure,
                                        const struct ledger_subject_id *id)
{
    for (size_t i = 0; i < n->n_subjects; i++)
        if (n->subjects[i].is.procedure == procedure &&
            memcmp(n->subjects[i].is.id.b, id->b, 16) == 0)
            return &n->subjects[i];
    n->subjects = anju_realloc(n->subjects, (n->n_subjects + 1) * sizeof(*n->subjects));
    n->subjects[n->n_subjects] = (struct naive_subject){.is = {.procedure = procedure, .id = *id}};
    return &n->subjects[n->n_subjects++];
}

static void set_value(struct naive_subject *s, uint16_t number, struct bytes value)
{
    uint32_t at = 0;

    while (at < s->n_values && s->values[at].number < number)
        at++;
    if (at < s->n_values && s->values[at].number == number) {
        s->values[at].value = value;
        if (value.size == 0)
            memmove(&s->values[at], &s->values[at + 1],
                    (--s->n_values - at) * sizeof(s->values[0]));
    } else if (value.size > 0) {
        ck_assert_uint_lt(s->n_values, NAIVE_ATTRIBUTES);
        memmove(&s->values[at + 1], &s->values[at], (s->n_values - at) * sizeof(s->values[0]));
        s->values[at] = (struct ledger_value){.number = number, .value = value};
        s->n_values++;
    }
}

static void add_effect(struct naive *n, const struct ledger_effect *e, uint64_t seq)
{
    struct naive_subject *s = subject_at(n, e->procedure, &e->subject);
    struct ledger_timer was[64], now[64];
    const size_t n_was = implied(n, was, s);
    struct mp_reader m = mp_reader_over(e->changed);
    struct ledger_map_key key;
    size_t n_now;

    if (s->is.version > 0)
        join_tuples(n, s);
    for (uint32_t i = mp_array(&m, NAIVE_ATTRIBUTES); i > 0; i--) {
        const uint32_t parts = mp_array(&m, 2);
        const uint16_t number = (uint16_t)mp_uint(&m, UINT16_MAX);

        set_value(s, number, parts == 2 ? mp_skip(&m) : (struct bytes){0});
    }
    ck_assert_int_eq(mp_finish(&m), ANJU_OK);
    ck_assert_uint_eq(e->version_after, s->is.version + 1);
    s->is.version = e->version_after;
    s->is.state = e->state_after;
    s->is.digest = e->state_digest;
    s->is.last_seq = seq;
    subject_key(&key, e->procedure, &e->subject);
    join(n, &key);
    n->chains[chain_at(n, &key)].state = e->state_digest;
    join_tuples(n, s);
    n_now = implied(n, now, s);
    for (size_t i = 0; i < n_was; i++)
        if (!has_timer(now, n_now, &was[i]))
            remove_timer(n, &was[i]);
    for (size_t i = 0; i < n_now; i++)
        if (!has_timer(was, n_was, &now[i]))
            insert_timer(n, &now[i]);
}

static void use(struct naive *n, const struct ledger_item *item)
{
    size_t at = 0;

    while (at < n->n_used && (n->used[at].key != item->key ||
                              memcmp(n->used[at].nonce, item->nonce, LEDGER_NONCE_SIZE) != 0))
        at++;
    if (at == n->n_used)
        n->used = anju_realloc(n->used, ++n->n_used * sizeof(*n->used));
    n->used[at].key = item->key;
    memcpy(n->used[at].nonce, item->nonce, LEDGER_NONCE_SIZE);
    n->used[at].used =
        (struct ledger_used){.envelope = item->entry.envelope,
                             .valid_until = item->valid_until,
                             .first_seq = n->envelope_first,
                             .n = (uint32_t)(item->entry.seq - n->envelope_first + 1)};
}

static void refusal(struct naive *n, uint32_t member)
{
    const uint32_t day = (uint32_t)(n->time_ms / NAIVE_DAY_MS);
    size_t at = 0;

    while (at < n->n_refusals && (n->refusals[at].member != member || n->refusals[at].day != day))
        at++;
    if (at == n->n_refusals) {
        n->refusals = anju_realloc(n->refusals, ++n->n_refusals * sizeof(*n->refusals));
        n->refusals[at] = (struct ledger_refusal_row){.member = member, .day = day};
    }
    n->refusals[at].count++;
}

void naive_add(struct naive *n, const struct ledger_item *item)
{
    const struct ledger_entry *e = &item->entry;
    struct reader r = reader_over(arena_copy(&n->arena, item->effects));
    uint8_t bytes[LEDGER_ENTRY_SIZE];

    ck_assert_uint_eq(e->seq, n->n_leaves);
    ck_assert_uint_eq(e->height, n->height);
    ck_assert_uint_eq(e->time_ms, n->time_ms);
    ledger_entry_encode(bytes, e);
    n->leaves = anju_realloc(n->leaves, (n->n_leaves + 1) * sizeof(*n->leaves));
    crypto_leaf_hash(&n->leaves[n->n_leaves++], bytes_of(bytes, sizeof(bytes)));
    for (uint32_t i = 0; i < e->n_effects; i++) {
        struct ledger_effect effect;

        ledger_effect_read(&effect, &r);
        add_effect(n, &effect, e->seq);
    }
    ck_assert_int_eq(reader_finish(&r), ANJU_OK);
    if (e->kind == LEDGER_ENTRY_RECORD || e->kind == LEDGER_ENTRY_REFUSAL) {
        struct ledger_map_key key;

        actor_key(&key, e->member);
        join(n, &key);
        if (!n->in_envelope)
            n->envelope_first = e->seq;
        n->in_envelope = !item->last_of_envelope;
        if (item->last_of_envelope)
            use(n, item);
        if (e->kind == LEDGER_ENTRY_REFUSAL)
            refusal(n, e->member);
    }
    append_touched(n, e->seq);
}

uint64_t naive_version(const struct naive *n, uint16_t procedure,
                       const struct ledger_subject_id *id, uint16_t *state)
{
    for (size_t i = 0; i < n->n_subjects; i++) {
        const struct ledger_subject *s = &n->subjects[i].is;

        if (s->procedure == procedure && memcmp(s->id.b, id->b, 16) == 0) {
            if (state != NULL)
                *state = s->state;
            return s->version;
        }
    }
    return 0;
}

const struct bytes *naive_attribute(const struct naive *n, uint16_t procedure,
                                    const struct ledger_subject_id *id, uint16_t number)
{
    for (size_t i = 0; i < n->n_subjects; i++)
        if (n->subjects[i].is.procedure == procedure &&
            memcmp(n->subjects[i].is.id.b, id->b, 16) == 0)
            return value_of(&n->subjects[i], number);
    return NULL;
}

/* Comparing */

/* How many subjects have each tuple now, counted afresh. */
static void count_live(struct naive *n)
{
    for (size_t i = 0; i < n->n_chains; i++)
        n->chains[i].live = 0;
    for (size_t i = 0; i < n->n_subjects; i++) {
        uint32_t count;
        const struct ledger_index *indexes = indexes_of(n, n->subjects[i].is.procedure, &count);

        for (uint32_t k = 0; k < count; k++) {
            struct ledger_map_key key;

            if (tuple_key(&key, n->subjects[i].is.procedure, &indexes[k], &n->subjects[i]))
                n->chains[chain_at(n, &key)].live++;
        }
    }
}

static void chain_root(struct crypto_hash *out, const struct naive *n, const struct naive_chain *c)
{
    struct crypto_hash *leaves = anju_alloc((c->n_seqs + 1) * sizeof(*leaves));

    for (size_t i = 0; i < c->n_seqs; i++)
        leaves[i] = n->leaves[c->seqs[i]];
    merkle_root_of(out, leaves, c->n_seqs);
    free(leaves);
}

static int chain_compare(const void *a, const void *b)
{
    return memcmp(((const struct naive_chain *)a)->key.b, ((const struct naive_chain *)b)->key.b,
                  32);
}

static void map_root(struct crypto_hash *out, const struct naive *n,
                     const struct naive_chain *chains, size_t count, unsigned depth)
{
    struct crypto_hash l, r;
    struct writer w = {0};
    size_t split = 0;

    if (count == 0) {
        *out = CRYPTO_ZERO_HASH;
        return;
    }
    if (count == 1) {
        chain_root(&r, n, chains);
        writer_u8(&w, 2);
        writer_put(&w, chains->key.b, 32);
        writer_u64(&w, chains->n_seqs);
        writer_u64(&w, chains->live);
        writer_put(&w, r.b, 32);
        writer_put(&w, chains->state.b, 32);
    } else {
        while (split < count && (chains[split].key.b[depth / 8] << depth % 8 & 0x80) == 0)
            split++;
        map_root(&l, n, chains, split, depth + 1);
        map_root(&r, n, chains + split, count - split, depth + 1);
        writer_u8(&w, 3);
        writer_put(&w, l.b, 32);
        writer_put(&w, r.b, 32);
    }
    crypto_sha256(out, writer_view(&w));
    writer_free(&w);
}

static void compare_roots(struct naive *n, const struct ledger_tip *tip)
{
    struct crypto_hash root;

    ck_assert_uint_eq(tip->height, n->height);
    ck_assert_uint_eq(tip->time_ms, n->time_ms);
    ck_assert_uint_eq(tip->result_body.log_size, n->n_leaves);
    merkle_root_of(&root, n->leaves, n->n_leaves);
    ck_assert_mem_eq(tip->result_body.log_root.b, root.b, 32);
    qsort(n->chains, n->n_chains, sizeof(*n->chains), chain_compare);
    map_root(&root, n, n->chains, n->n_chains, 0);
    ck_assert_mem_eq(tip->result_body.map_root.b, root.b, 32);
}

static void compare_subject(const struct naive_subject *s, const struct ledger_subject *with)
{
    struct writer w = {0};

    ck_assert_uint_eq(with->version, s->is.version);
    ck_assert_uint_eq(with->state, s->is.state);
    ck_assert_uint_eq(with->last_seq, s->is.last_seq);
    ck_assert_mem_eq(with->digest.b, s->is.digest.b, 32);
    ledger_attributes_encode(&w, s->values, s->n_values);
    ck_assert(bytes_equal(writer_view(&w), with->attributes));
    writer_free(&w);
}

static void compare_chains(const struct naive *n, const struct ledger_view *view)
{
    for (size_t i = 0; i < n->n_chains; i++) {
        const struct naive_chain *c = &n->chains[i];
        struct ledger_chain chain;
        struct crypto_hash root, expected;

        ck_assert_int_eq(view->chain(view, &chain, &c->key), ANJU_OK);
        ck_assert_uint_eq(chain.live, c->live);
        ck_assert_uint_eq(chain.peaks.size, c->n_seqs);
        ck_assert_mem_eq(chain.state.b, c->state.b, 32);
        merkle_root(&root, &chain.peaks);
        chain_root(&expected, n, c);
        ck_assert_mem_eq(root.b, expected.b, 32);
    }
}

static void compare_timers(struct naive *n, const struct ledger_view *view)
{
    struct ledger_timer *timers = anju_alloc((n->n_timers + 2) * sizeof(*timers));
    size_t count;

    ck_assert_int_eq(view->timers(view, timers, &count, n->n_timers + 1, UINT64_MAX), ANJU_OK);
    ck_assert_uint_eq(count, n->n_timers);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(ledger_timer_compare(&timers[i], &n->timers[i]), 0);
    if (count > 2) { /* the first two, and those before a moment */
        ck_assert_int_eq(view->timers(view, timers, &count, 2, UINT64_MAX), ANJU_OK);
        ck_assert_uint_eq(count, 2);
        ck_assert_int_eq(ledger_timer_compare(&timers[1], &n->timers[1]), 0);
        ck_assert_int_eq(view->timers(view, timers, &count, n->n_timers, n->timers[1].due),
                         ANJU_OK);
        ck_assert_uint_ge(count, 2);
        ck_assert_uint_eq(timers[count - 1].due, n->timers[1].due);
    }
    free(timers);
}

void naive_compare(struct naive *n, const struct ledger_view *view)
{
    struct arena arena = {0};

    count_live(n);
    compare_chains(n, view); /* first: it says more than a root that differs */
    compare_roots(n, view->tip(view));
    compare_timers(n, view);
    for (size_t i = 0; i < n->n_subjects; i++) {
        const struct ledger_subject *s = &n->subjects[i].is;
        struct ledger_subject with;

        ck_assert_int_eq(view->subject(view, &with, s->procedure, &s->id, &arena), ANJU_OK);
        compare_subject(&n->subjects[i], &with);
    }
    for (size_t i = 0; i < n->n_used; i++) {
        struct ledger_used used;

        ck_assert_int_eq(view->used(view, &used, n->used[i].key, n->used[i].nonce), ANJU_OK);
        ck_assert_mem_eq(used.envelope.b, n->used[i].used.envelope.b, 32);
        ck_assert_uint_eq(used.valid_until, n->used[i].used.valid_until);
        ck_assert_uint_eq(used.first_seq, n->used[i].used.first_seq);
        ck_assert_uint_eq(used.n, n->used[i].used.n);
    }
    for (size_t i = 0; i < n->n_refusals; i++) {
        uint32_t count;

        ck_assert_int_eq(view->refusals(view, &count, n->refusals[i].member, n->refusals[i].day),
                         ANJU_OK);
        ck_assert_uint_eq(count, n->refusals[i].count);
    }
    arena_free(&arena);
}

static void compare_chain_nodes(const struct naive *n, const struct ledger_rows *rows)
{
    size_t expected = 0;

    for (size_t i = 0; i < n->n_chains; i++)
        for (unsigned level = LEDGER_CHAIN_NODE_LEVEL_MIN; n->chains[i].n_seqs >> level > 0;
             level++)
            expected += n->chains[i].n_seqs >> level;
    ck_assert_uint_eq(rows->n_chain_nodes, expected);
    for (size_t i = 0; i < rows->n_chain_nodes; i++) {
        const struct ledger_chain_node_row *row = &rows->chain_nodes[i];
        struct naive_chain part = {0};
        struct crypto_hash root;
        size_t at = 0;

        while (memcmp(n->chains[at].key.b, row->key.b, 32) != 0)
            ck_assert_uint_lt(++at, n->n_chains);
        part.seqs = n->chains[at].seqs + (row->index << row->level);
        part.n_seqs = (size_t)1 << row->level;
        chain_root(&root, n, &part);
        ck_assert_mem_eq(root.b, row->hash.b, 32);
    }
}

void naive_compare_rows(struct naive *n, const struct ledger_rows *rows)
{
    size_t item = 0;

    ck_assert_uint_eq(rows->n_subjects, n->n_subjects);
    ck_assert_uint_eq(rows->n_chains, n->n_chains);
    ck_assert_uint_eq(rows->n_used, n->n_used);
    ck_assert_uint_eq(rows->n_refusals, n->n_refusals);
    qsort(n->chains, n->n_chains, sizeof(*n->chains), chain_compare);
    for (size_t i = 0; i < n->n_chains; i++) {
        struct merkle_peaks peaks;

        ck_assert_mem_eq(rows->chains[i].key.b, n->chains[i].key.b, 32);
        ck_assert_int_eq(merkle_peaks_read(&peaks, rows->chains[i].peaks), ANJU_OK);
        ck_assert_uint_eq(peaks.size, n->chains[i].n_seqs);
        for (size_t k = 0; k < n->chains[i].n_seqs; k++, item++) {
            ck_assert_uint_lt(item, rows->n_items);
            ck_assert_mem_eq(rows->items[item].key.b, n->chains[i].key.b, 32);
            ck_assert_uint_eq(rows->items[item].index, k);
            ck_assert_uint_eq(rows->items[item].seq, n->chains[i].seqs[k]);
        }
    }
    ck_assert_uint_eq(item, rows->n_items);
    compare_chain_nodes(n, rows);
}

void naive_compare_overlays(struct ledger_overlay *a, struct ledger_overlay *b)
{
    struct ledger_rows x, y;

    ledger_overlay_rows(&x, a);
    ledger_overlay_rows(&y, b);
    ck_assert_uint_eq(x.n_subjects, y.n_subjects);
    ck_assert_uint_eq(x.n_chains, y.n_chains);
    ck_assert_uint_eq(x.n_items, y.n_items);
    ck_assert_uint_eq(x.n_chain_nodes, y.n_chain_nodes);
    ck_assert_uint_eq(x.n_used, y.n_used);
    ck_assert_uint_eq(x.n_refusals, y.n_refusals);
    ck_assert_uint_eq(x.n_timers, y.n_timers);
    ck_assert_uint_eq(x.n_segments, y.n_segments);
    for (size_t i = 0; i < x.n_subjects; i++) {
        ck_assert(bytes_equal(x.subjects[i].attributes, y.subjects[i].attributes));
        ck_assert_mem_eq(x.subjects[i].digest.b, y.subjects[i].digest.b, 32);
        ck_assert_mem_eq(x.subjects[i].id.b, y.subjects[i].id.b, 16);
        ck_assert_uint_eq(x.subjects[i].version, y.subjects[i].version);
        ck_assert_uint_eq(x.subjects[i].last_seq, y.subjects[i].last_seq);
    }
    for (size_t i = 0; i < x.n_chains; i++) {
        ck_assert_mem_eq(x.chains[i].key.b, y.chains[i].key.b, 32);
        ck_assert_uint_eq(x.chains[i].live, y.chains[i].live);
        ck_assert_mem_eq(x.chains[i].state.b, y.chains[i].state.b, 32);
        ck_assert(bytes_equal(x.chains[i].peaks, y.chains[i].peaks));
    }
    for (size_t i = 0; i < x.n_items; i++)
        ck_assert_mem_eq(&x.items[i], &y.items[i], sizeof(x.items[i]));
    for (size_t i = 0; i < x.n_chain_nodes; i++)
        ck_assert_mem_eq(x.chain_nodes[i].hash.b, y.chain_nodes[i].hash.b, 32);
    for (size_t i = 0; i < x.n_used; i++) {
        ck_assert_mem_eq(x.used[i].used.envelope.b, y.used[i].used.envelope.b, 32);
        ck_assert_uint_eq(x.used[i].used.first_seq, y.used[i].used.first_seq);
        ck_assert_uint_eq(x.used[i].used.n, y.used[i].used.n);
    }
    for (size_t i = 0; i < x.n_refusals; i++)
        ck_assert_uint_eq(x.refusals[i].count, y.refusals[i].count);
    for (size_t i = 0; i < x.n_timers; i++) {
        ck_assert_int_eq(ledger_timer_compare(&x.timers[i].timer, &y.timers[i].timer), 0);
        ck_assert_int_eq(x.timers[i].removed, y.timers[i].removed);
    }
    for (size_t i = 0; i < x.n_segments; i++) {
        ck_assert_uint_eq(x.segments[i].prefix, y.segments[i].prefix);
        ck_assert_uint_eq(x.segments[i].kind, y.segments[i].kind);
        ck_assert_mem_eq(x.segments[i].hash.b, y.segments[i].hash.b, 32);
    }
}
