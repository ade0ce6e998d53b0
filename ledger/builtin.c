#include "ledger/builtin.h"

#include <string.h>

enum { ITEMS_MAX = 48 };

/* One built-in subject being written. */
struct draft {
    struct arena *arena;
    struct ledger_genesis_entry *out;
    uint32_t n;
    struct ledger_value items[ITEMS_MAX];
};

/* All of them. */
struct entries {
    const struct ledger_registry *registry;
    struct arena *arena;
    struct ledger_genesis_entry *out;
    uint32_t count;
};

void ledger_builtin_node_id(struct ledger_subject_id *out, const struct crypto_hash *node_id)
{
    ledger_builtin_id(out, LEDGER_BUILTIN_NODE, node_id->b);
}

void ledger_builtin_index_id(struct ledger_subject_id *out, uint16_t procedure, uint16_t index)
{
    ledger_builtin_number_id(out, LEDGER_BUILTIN_INDEX, (uint64_t)procedure << 16 | index);
}

/* Takes what was written as the value of the next attribute. */
static void add(struct draft *d, uint16_t number, struct writer *w)
{
    d->items[d->n++] =
        (struct ledger_value){.number = number, .value = arena_copy(d->arena, writer_view(w))};
    writer_free(w);
}

static void add_uint(struct draft *d, unsigned number, uint64_t v)
{
    struct writer w = {0};

    mp_put_uint(&w, v);
    add(d, (uint16_t)number, &w);
}

static void add_text(struct draft *d, unsigned number, const char *text)
{
    struct writer w = {0};

    mp_put_str(&w, bytes_of_text(text));
    add(d, (uint16_t)number, &w);
}

static void add_bin(struct draft *d, unsigned number, const void *data, size_t size)
{
    struct writer w = {0};

    mp_put_bin(&w, bytes_of(data, size));
    add(d, (uint16_t)number, &w);
}

static struct draft begin(struct entries *e)
{
    return (struct draft){.arena = e->arena, .out = &e->out[e->count++]};
}

/* Writes record and effect. The first `n_changed` of the items from `from` on are what changed;
 * items from `n_state` on are fields of the record alone. */
static void finish(struct entries *e, struct draft *d, const struct ledger_subject_id *subject,
                   uint64_t version, uint32_t from, uint32_t n_state)
{
    struct ledger_record record = {.procedure = 0,
                                   .procedure_version = 0,
                                   .action = LEDGER_BUILTIN_ACTION_SET,
                                   .subject = *subject,
                                   .expected_version = version - 1,
                                   .n_fields = d->n - from,
                                   .fields = d->items + from};
    struct ledger_attributes all = {.count = n_state, .items = d->items};
    struct ledger_effect *effect = &d->out->effect;
    struct writer w = {0};

    ledger_record_encode(&w, &record);
    d->out->record = arena_copy(e->arena, writer_view(&w));
    writer_clear(&w);
    ledger_attributes_encode(&w, d->items + from, n_state - from);
    *effect = (struct ledger_effect){.procedure = 0,
                                     .subject = *subject,
                                     .version_after = version,
                                     .state_after = LEDGER_BUILTIN_STATE_IN_FORCE,
                                     .changed = arena_copy(e->arena, writer_view(&w))};
    ledger_state_digest(&effect->state_digest, &e->registry->ledger_id, 0, subject, version,
                        effect->state_after, &all);
    writer_free(&w);
}

/* A subject that is written once, all of it. */
static void finish_numbered(struct entries *e, struct draft *d, enum ledger_builtin type,
                            uint64_t number)
{
    struct ledger_subject_id subject;

    ledger_builtin_number_id(&subject, type, number);
    finish(e, d, &subject, 1, 0, d->n);
}

static void member_entry(struct entries *e, const struct ledger_member *m)
{
    struct draft d = begin(e);
    struct writer w = {0};

    add_text(&d, LEDGER_MEMBER_NAME_ZH, m->name_zh);
    add_text(&d, LEDGER_MEMBER_NAME_EN, m->name_en);
    add_text(&d, LEDGER_MEMBER_KIND, m->kind);
    mp_put_array(&w, m->n_roles);
    for (uint32_t i = 0; i < m->n_roles; i++)
        mp_put_str(&w, bytes_of_text(m->roles[i]));
    add(&d, LEDGER_MEMBER_ROLES, &w);
    finish_numbered(e, &d, LEDGER_BUILTIN_MEMBER, m->number);
}

static void key_entry(struct entries *e, const struct ledger_member_key *k)
{
    struct draft d = begin(e);

    add_uint(&d, LEDGER_KEY_MEMBER, k->member);
    add_uint(&d, LEDGER_KEY_PURPOSE, k->purpose);
    add_bin(&d, LEDGER_KEY_PUBLIC, k->key.b, CRYPTO_KEY_SIZE);
    add_uint(&d, LEDGER_KEY_VALID_FROM, k->from);
    add_uint(&d, LEDGER_KEY_VALID_UNTIL, k->until);
    finish_numbered(e, &d, LEDGER_BUILTIN_KEY, k->number);
}

static void node_entry(struct entries *e, const struct ledger_node_info *n)
{
    struct draft d = begin(e);
    struct crypto_hash id;
    struct ledger_subject_id subject;

    add_uint(&d, LEDGER_NODE_MEMBER, n->node.member);
    add_bin(&d, LEDGER_NODE_PUBLIC, n->node.node_key.b, CRYPTO_KEY_SIZE);
    add_bin(&d, LEDGER_NODE_LOG_KEY, n->node.log_key, CRYPTO_ED25519_SIZE);
    add_bin(&d, LEDGER_NODE_COSIGN_KEY, n->node.cosign_key, CRYPTO_ED25519_SIZE);
    add_bin(&d, LEDGER_NODE_TLS_SPKI, n->tls_spki.b, CRYPTO_HASH_SIZE);
    add_text(&d, LEDGER_NODE_PEER, n->peer);
    add_text(&d, LEDGER_NODE_RPC, n->rpc);
    ledger_node_id(&id, &n->node.node_key);
    ledger_builtin_node_id(&subject, &id);
    finish(e, &d, &subject, 1, 0, d.n);
}

/* `version` is the subject's: 1 for the first version of the procedure that genesis holds. */
static void procedure_entry(struct entries *e, const struct ledger_procedure *p, uint64_t version)
{
    struct draft d = begin(e);
    struct bytes compiled = ledger_procedure_bytes(p);
    struct ledger_subject_id subject;

    add_text(&d, LEDGER_PROCEDURE_NAME, ledger_procedure_name(p));
    add_uint(&d, LEDGER_PROCEDURE_VERSION, ledger_procedure_version(p));
    add_bin(&d, LEDGER_PROCEDURE_DIGEST, ledger_procedure_digest(p)->b, CRYPTO_HASH_SIZE);
    add_bin(&d, LEDGER_PROCEDURE_COMPILED, compiled.data, compiled.size);
    ledger_builtin_number_id(&subject, LEDGER_BUILTIN_PROCEDURE, ledger_procedure_number(p));
    finish(e, &d, &subject, version, version == 1 ? 0 : 1, 3);
}

static void index_entry(struct entries *e, uint16_t procedure, const struct ledger_index *index)
{
    struct draft d = begin(e);
    struct ledger_subject_id subject;
    struct writer w = {0};

    add_uint(&d, LEDGER_INDEX_PROCEDURE, procedure);
    add_uint(&d, LEDGER_INDEX_NUMBER, index->number);
    add_uint(&d, LEDGER_INDEX_KIND, index->kind);
    mp_put_bool(&w, false); /* in force from the first entry of its procedure on */
    add(&d, LEDGER_INDEX_LATE, &w);
    w = (struct writer){0};
    mp_put_array(&w, index->n_parts);
    for (unsigned i = 0; i < index->n_parts; i++) {
        mp_put_array(&w, 2);
        mp_put_uint(&w, index->part[i].attribute);
        mp_put_uint(&w, index->part[i].type);
    }
    add(&d, LEDGER_INDEX_COMPONENTS, &w);
    ledger_builtin_index_id(&subject, procedure, index->number);
    finish(e, &d, &subject, 1, 0, d.n);
}

static void limits_entry(struct entries *e, const struct ledger_limits *l,
                         const struct ledger_timeouts *t)
{
    const uint64_t limits[] = {l->record_size,      l->envelope_size,    l->envelope_records,
                               l->batch_size,       l->block_size,       l->block_records,
                               l->block_signatures, l->frame_size,       l->touched,
                               l->timers_per_block, l->refusals_per_day, l->valid_ahead_ms,
                               l->heartbeat_ms};
    const uint64_t timeouts[] = {t->propose_ms,   t->propose_step_ms, t->vote_ms,
                                 t->vote_step_ms, t->cap_ms,          t->flagged_propose_ms,
                                 t->precision_ms, t->message_delay_ms};
    struct draft d = begin(e);

    for (unsigned i = 0; i < sizeof limits / sizeof limits[0]; i++)
        add_uint(&d, LEDGER_LIMITS_FIRST + i, limits[i]);
    for (unsigned i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++)
        add_uint(&d, LEDGER_LIMITS_TIMEOUTS_FIRST + i, timeouts[i]);
    finish_numbered(e, &d, LEDGER_BUILTIN_LIMITS, 1);
}

static void calendar_entry(struct entries *e, const struct ledger_calendar *c)
{
    struct draft d = begin(e);
    struct writer w = {0};
    size_t size = (c->n_days + 7) / 8;
    uint8_t *bits = arena_alloc(e->arena, size);

    for (uint32_t day = 0; day < c->n_days; day++)
        if (c->worked[day])
            bits[day / 8] |= (uint8_t)(0x80 >> day % 8);
    add_text(&d, LEDGER_CALENDAR_NAME, c->name);
    mp_put_int(&w, c->utc_offset_s);
    add(&d, LEDGER_CALENDAR_UTC_OFFSET, &w);
    add_uint(&d, LEDGER_CALENDAR_DAY_BEGIN, c->day_begin_min);
    add_uint(&d, LEDGER_CALENDAR_DAY_END, c->day_end_min);
    add_uint(&d, LEDGER_CALENDAR_FIRST_DAY, c->first_day);
    add_uint(&d, LEDGER_CALENDAR_N_DAYS, c->n_days);
    add_bin(&d, LEDGER_CALENDAR_WORKED, bits, size);
    finish_numbered(e, &d, LEDGER_BUILTIN_CALENDAR, c->number);
}

static void code_list_entry(struct entries *e, const struct ledger_code_list *l)
{
    struct draft d = begin(e);
    struct writer w = {0};

    add_text(&d, LEDGER_CODE_LIST_NAME, l->name);
    mp_put_array(&w, l->n_codes);
    for (uint32_t i = 0; i < l->n_codes; i++) {
        mp_put_array(&w, 3);
        mp_put_str(&w, l->codes[i].code);
        mp_put_str(&w, bytes_of_text(l->codes[i].zh));
        mp_put_str(&w, bytes_of_text(l->codes[i].en));
    }
    add(&d, LEDGER_CODE_LIST_CODES, &w);
    finish_numbered(e, &d, LEDGER_BUILTIN_CODE_LIST, l->number);
}

/* Procedures ascend by (number, version), so versions of one procedure stand side by side. */
static void procedure_entries(struct entries *e)
{
    const struct ledger_registry *r = e->registry;
    uint64_t version = 0;

    for (uint32_t i = 0; i < r->n_procedures; i++) {
        bool same = i > 0 && ledger_procedure_number(r->procedures[i - 1]) ==
                                 ledger_procedure_number(r->procedures[i]);

        version = same ? version + 1 : 1;
        procedure_entry(e, r->procedures[i], version);
    }
}

/* An index is declared once, however many versions of its procedure have it. */
static bool is_declared_before(const struct ledger_registry *r, uint32_t procedure, uint16_t index)
{
    uint16_t number = ledger_procedure_number(r->procedures[procedure]);

    for (uint32_t i = procedure; i-- > 0 && ledger_procedure_number(r->procedures[i]) == number;) {
        uint32_t count;
        const struct ledger_index *before = ledger_procedure_indexes(r->procedures[i], &count);

        for (uint32_t j = 0; j < count; j++)
            if (before[j].number == index)
                return true;
    }
    return false;
}

static void index_entries(struct entries *e)
{
    const struct ledger_registry *r = e->registry;

    for (uint32_t i = 0; i < r->n_procedures; i++) {
        uint32_t count;
        const struct ledger_index *indexes = ledger_procedure_indexes(r->procedures[i], &count);

        for (uint32_t j = 0; j < count; j++)
            if (!is_declared_before(r, i, indexes[j].number))
                index_entry(e, ledger_procedure_number(r->procedures[i]), &indexes[j]);
    }
}

void ledger_genesis_entries(const struct ledger_registry *r, struct ledger_genesis_entry **out,
                            uint32_t *count, struct arena *a)
{
    const struct ledger_genesis *g = r->genesis;
    struct entries e = {.registry = r, .arena = a};
    size_t most = (size_t)g->n_members + g->n_keys + g->n_nodes +
                  (size_t)r->n_procedures * (1 + LEDGER_INDEXES_MAX) + 1 + g->n_calendars +
                  g->n_code_lists;

    e.out = arena_alloc(a, most * sizeof e.out[0]);
    for (uint32_t i = 0; i < g->n_members; i++)
        member_entry(&e, &g->members[i]);
    for (uint32_t i = 0; i < g->n_keys; i++)
        key_entry(&e, &g->keys[i]);
    for (uint32_t i = 0; i < g->n_nodes; i++)
        node_entry(&e, &g->nodes[i]);
    procedure_entries(&e);
    index_entries(&e);
    limits_entry(&e, &g->limits, &g->timeouts);
    for (uint32_t i = 0; i < g->n_calendars; i++)
        calendar_entry(&e, &g->calendars[i]);
    for (uint32_t i = 0; i < g->n_code_lists; i++)
        code_list_entry(&e, &g->code_lists[i]);
    *out = e.out;
    *count = e.count;
}
