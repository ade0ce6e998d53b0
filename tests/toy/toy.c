#include "tests/toy/toy.h"

#include <assert.h>
#include <string.h>

/* The registry */

static struct ledger_genesis genesis = {.created = TOY_CREATED};
struct ledger_registry toy_registry;
struct ledger_member_key toy_keys[TOY_MEMBERS + 1];

void toy_reset(void)
{
    toy_registry =
        (struct ledger_registry){.genesis = &genesis,
                                 .limits = {.record_size = LEDGER_RECORD_SIZE_DEFAULT,
                                            .envelope_size = LEDGER_ENVELOPE_SIZE_DEFAULT,
                                            .envelope_records = LEDGER_ENVELOPE_RECORDS_DEFAULT,
                                            .timers_per_block = LEDGER_TIMERS_PER_BLOCK_DEFAULT,
                                            .refusals_per_day = LEDGER_REFUSALS_PER_DAY_DEFAULT,
                                            .valid_ahead_ms = LEDGER_VALID_AHEAD_MS_DEFAULT}};
    crypto_sha256(&toy_registry.ledger_id, bytes_of_text("toy"));
    crypto_sha256(&toy_registry.set.hash, bytes_of_text("set"));
    for (uint32_t i = 0; i <= TOY_MEMBERS; i++)
        toy_keys[i] = (struct ledger_member_key){.number = i + 1,
                                                 .member = i == TOY_MEMBERS ? 1 : i + 1,
                                                 .purpose = LEDGER_KEY_OPERATOR,
                                                 .until = UINT64_MAX};
}

const struct ledger_member_key *ledger_registry_key(const struct ledger_registry *r,
                                                    uint32_t number)
{
    (void)r;
    return number >= 1 && number <= TOY_MEMBERS + 1 ? &toy_keys[number - 1] : NULL;
}

struct ledger_procedure {
    uint16_t number;
};
static const struct ledger_procedure the_procedure = {.number = TOY_PROCEDURE};

const struct ledger_procedure *ledger_registry_procedure(const struct ledger_registry *r,
                                                         uint16_t number, uint16_t version)
{
    (void)r;
    return number == TOY_PROCEDURE && version <= 1 ? &the_procedure : NULL;
}

/* Three subjects: enough for a log, a map and a chain. */
void ledger_genesis_entries(const struct ledger_registry *r, struct ledger_genesis_entry **out,
                            uint32_t *count, struct arena *a)
{
    static const uint8_t empty_array = 0x90;

    *count = 3;
    *out = arena_alloc(a, 3 * sizeof(**out));
    for (uint32_t i = 0; i < 3; i++) {
        struct ledger_effect *e = &(*out)[i].effect;
        const struct ledger_attributes none = {0};
        struct toy_record record;

        ledger_builtin_number_id(&e->subject, LEDGER_BUILTIN_MEMBER, i + 1);
        e->version_after = 1;
        e->state_after = 1;
        e->changed = bytes_of(&empty_array, 1);
        ledger_state_digest(&e->state_digest, &r->ledger_id, 0, &e->subject, 1, 1, &none);
        toy_record(&record, &e->subject, 0);
        record.r.procedure = 0;
        (*out)[i].record = toy_record_bytes(&record, a);
    }
}

/* The procedure */

const struct ledger_index toy_indexes[5] = {
    {TOY_LIST_STATE, LEDGER_INDEX_LIST, 1, {{0, LEDGER_PART_UINT}}},
    {TOY_LIST_AB, LEDGER_INDEX_LIST, 2, {{TOY_A, LEDGER_PART_UINT}, {TOY_B, LEDGER_PART_STR}}},
    {TOY_COUNT_STATE_A, LEDGER_INDEX_COUNT, 2, {{0, LEDGER_PART_UINT}, {TOY_A, LEDGER_PART_UINT}}},
    {TOY_UNIQUE_C, LEDGER_INDEX_UNIQUE, 1, {{TOY_C, LEDGER_PART_UINT}}},
    {TOY_COUNT_A, LEDGER_INDEX_COUNT, 1, {{TOY_A, LEDGER_PART_UINT}}},
};

const struct ledger_index *ledger_procedure_indexes(const struct ledger_procedure *p,
                                                    uint32_t *count)
{
    assert(p->number == TOY_PROCEDURE);
    *count = 5;
    return toy_indexes;
}

static uint64_t uint_of(const struct bytes *value)
{
    struct mp_reader m = mp_reader_over(*value);

    return mp_uint(&m, UINT64_MAX);
}

static void put_part(struct writer *out, const struct ledger_index_part *part, uint16_t state,
                     const struct bytes *value)
{
    struct mp_reader m;
    struct bytes text;

    if (part->attribute != 0 && value == NULL) {
        writer_u8(out, LEDGER_PART_ABSENT);
        writer_u16(out, 0);
    } else if (part->type == LEDGER_PART_UINT) {
        writer_u8(out, LEDGER_PART_UINT);
        writer_u16(out, 8);
        writer_u64(out, part->attribute == 0 ? state : uint_of(value));
    } else {
        m = mp_reader_over(*value);
        text = mp_str(&m, 100);
        writer_u8(out, LEDGER_PART_STR);
        writer_u16(out, (uint16_t)text.size);
        writer_bytes(out, text);
    }
}

bool toy_tuple(struct writer *out, const struct ledger_index *index, uint16_t state,
               const struct ledger_attributes *attributes)
{
    writer_u8(out, 2);
    writer_u16(out, TOY_PROCEDURE);
    writer_u16(out, index->number);
    writer_u8(out, index->n_parts);
    for (uint8_t i = 0; i < index->n_parts; i++) {
        const struct bytes *value = ledger_attribute(attributes, index->part[i].attribute);

        if (index->kind == LEDGER_INDEX_UNIQUE && value == NULL)
            return false;
        put_part(out, &index->part[i], state, value);
    }
    return true;
}

bool ledger_index_tuple(struct writer *out, const struct ledger_procedure *p,
                        const struct ledger_index *index, uint16_t state,
                        const struct ledger_attributes *attributes)
{
    assert(p->number == TOY_PROCEDURE);
    return toy_tuple(out, index, state, attributes);
}

size_t ledger_procedure_timers(struct ledger_timer *out, size_t max,
                               const struct ledger_procedure *p,
                               const struct ledger_subject_id *subject, uint16_t state,
                               const struct ledger_attributes *attributes)
{
    const struct bytes *due = ledger_attribute(attributes, TOY_DUE);

    if (due == NULL || state == TOY_STATE_PAUSED || max == 0)
        return 0;
    *out = (struct ledger_timer){
        .due = uint_of(due), .procedure = p->number, .subject = *subject, .clock = TOY_CLOCK};
    return 1;
}

/* Judging */

struct judging {
    const struct ledger_view *view;
    struct arena *a;
    struct ledger_judgement *out;
};

static enum anju_err read_subject(struct judging *j, struct ledger_subject *s,
                                  struct ledger_attributes *attributes,
                                  const struct ledger_subject_id *id)
{
    enum anju_err err = j->view->subject(j->view, s, TOY_PROCEDURE, id, j->a);

    if (err == ANJU_ERR_NOT_FOUND) {
        *s = (struct ledger_subject){.procedure = TOY_PROCEDURE, .id = *id};
        *attributes = (struct ledger_attributes){0};
        return ANJU_OK;
    }
    return err != ANJU_OK ? err : ledger_attributes_decode(attributes, s->attributes, j->a);
}

/* Adds an effect; one on the same subject before it is replaced, so a subject comes once. */
static enum anju_err add_effect(struct judging *j, const struct ledger_subject *before,
                                const struct ledger_attributes *attributes, uint16_t state,
                                const struct ledger_value *changed, uint32_t n_changed)
{
    struct ledger_effect effect = {.procedure = TOY_PROCEDURE,
                                   .subject = before->id,
                                   .version_after = before->version + 1,
                                   .state_after = state};
    struct ledger_attributes after;
    struct writer w = {0};
    uint32_t at = 0;
    enum anju_err err;

    ledger_attributes_encode(&w, changed, n_changed);
    effect.changed = arena_copy(j->a, writer_view(&w));
    writer_free(&w);
    err = ledger_attributes_apply(&after, attributes, effect.changed, j->a);
    if (err != ANJU_OK)
        return err;
    ledger_state_digest(&effect.state_digest, &j->view->registry->ledger_id, TOY_PROCEDURE,
                        &before->id, effect.version_after, state, &after);
    while (at < j->out->n_effects && memcmp(j->out->effects[at].subject.b, before->id.b, 16) < 0)
        at++;
    memmove(&j->out->effects[at + 1], &j->out->effects[at],
            (j->out->n_effects - at) * sizeof(effect));
    j->out->effects[at] = effect;
    j->out->n_effects++;
    return ANJU_OK;
}

static enum anju_err live_of(uint64_t *live, struct judging *j, const struct ledger_index *index,
                             const struct ledger_attributes *attributes)
{
    struct ledger_chain chain;
    struct ledger_map_key key;
    struct writer w = {0};
    enum anju_err err = ANJU_ERR_NOT_FOUND;

    if (toy_tuple(&w, index, 0, attributes)) {
        ledger_map_key_chain(&key, writer_view(&w));
        err = j->view->chain(j->view, &chain, &key);
    }
    writer_free(&w);
    *live = err == ANJU_OK ? chain.live : 0;
    return err == ANJU_ERR_NOT_FOUND ? ANJU_OK : err;
}

static enum anju_err touch_others(struct judging *j, const struct ledger_record *record,
                                  const struct bytes *others)
{
    struct mp_reader m = mp_reader_over(*others);
    const uint32_t count = mp_array(&m, 100);
    const struct bytes *a = ledger_record_field(record, TOY_A);
    enum anju_err err = ANJU_OK;

    for (uint32_t i = 0; err == ANJU_OK && i < count; i++) {
        const struct ledger_value changed = {.number = TOY_A,
                                             .value = a == NULL ? (struct bytes){0} : *a};
        struct ledger_attributes attributes;
        struct ledger_subject other;
        struct ledger_subject_id id;

        memcpy(id.b, mp_bin(&m, 16).data, 16);
        if (memcmp(id.b, record->subject.b, 16) == 0)
            continue;
        err = read_subject(j, &other, &attributes, &id);
        if (err == ANJU_OK && other.version == 0)
            j->out->outcome = LEDGER_REFUSED_REFERENCE;
        else if (err == ANJU_OK)
            err = add_effect(j, &other, &attributes, other.state, &changed, 1);
    }
    return err;
}

/* The subject's own effect: the fields that set attributes. */
static enum anju_err own_effect(struct judging *j, const struct ledger_record *record,
                                const struct ledger_subject *before,
                                const struct ledger_attributes *attributes)
{
    static const uint8_t one = 1;
    const struct bytes *state = ledger_record_field(record, TOY_STATE);
    struct ledger_value changed[8];
    struct ledger_attributes after;
    struct writer w = {0};
    uint64_t live = 0;
    uint32_t n = 0;
    enum anju_err err;

    if (before->version == 0)
        changed[n++] = (struct ledger_value){.number = LEDGER_ATTR_PROCEDURE_VERSION,
                                             .value = bytes_of(&one, 1)};
    for (uint16_t number = TOY_A; number <= TOY_PARTNER; number++) {
        const struct bytes *value = ledger_record_field(record, number);

        if (value != NULL)
            changed[n++] = (struct ledger_value){
                .number = number, .value = value->data[0] == 0x90 ? (struct bytes){0} : *value};
    }
    ledger_attributes_encode(&w, changed, n);
    err = ledger_attributes_apply(&after, attributes, arena_copy(j->a, writer_view(&w)), j->a);
    writer_free(&w);
    if (err == ANJU_OK && ledger_record_field(record, TOY_C) != NULL)
        err = live_of(&live, j, &toy_indexes[3], &after);
    if (live > 0)
        j->out->outcome = LEDGER_REFUSED_UNIQUE;
    if (err != ANJU_OK)
        return err;
    return add_effect(j, before, attributes,
                      state == NULL ? before->state : (uint16_t)uint_of(state), changed, n);
}

enum anju_err ledger_judge(struct ledger_judgement *out, const struct ledger_view *view,
                           const struct ledger_actor *actor, const struct ledger_record *record,
                           struct arena *a)
{
    struct judging j = {.view = view, .a = a, .out = out};
    const struct bytes *others = ledger_record_field(record, TOY_OTHERS);
    const struct bytes *expected = ledger_record_field(record, TOY_LIVE);
    struct ledger_attributes attributes;
    struct ledger_subject before;
    uint64_t live;
    enum anju_err err;

    assert(actor->member != 0 && actor->time_ms > TOY_CREATED);
    *out = (struct ledger_judgement){.effects = arena_alloc(a, 110 * sizeof(struct ledger_effect))};
    crypto_sha256(&out->procedure_digest, bytes_of_text("the toy's"));
    err = read_subject(&j, &before, &attributes, &record->subject);
    if (err != ANJU_OK)
        return err;
    if (before.version != record->expected_version) {
        out->outcome = LEDGER_REFUSED_VERSION_STALE;
        return ANJU_OK;
    }
    if (ledger_record_field(record, TOY_REFUSE) != NULL) {
        out->outcome = TOY_CLAUSE;
        return ANJU_OK;
    }
    if (expected != NULL) {
        struct ledger_value item = {.number = TOY_A, .value = *ledger_record_field(record, TOY_A)};
        const struct ledger_attributes asked = {.count = 1, .items = &item};

        err = live_of(&live, &j, &toy_indexes[4], &asked);
        if (err != ANJU_OK)
            return err;
        if (live != uint_of(expected)) {
            out->outcome = LEDGER_REFUSED_CHECK;
            return ANJU_OK;
        }
    }
    err = own_effect(&j, record, &before, &attributes);
    return err != ANJU_OK || others == NULL ? err : touch_others(&j, record, others);
}

enum anju_err ledger_judge_timer(struct ledger_judgement *out, struct bytes *record, bool *fired,
                                 const struct ledger_view *view, uint64_t time_ms,
                                 const struct ledger_timer *timer, struct arena *a)
{
    struct judging j = {.view = view, .a = a, .out = out};
    const struct ledger_value cleared = {.number = TOY_DUE};
    struct ledger_attributes attributes;
    const struct bytes *partner;
    struct ledger_subject before;
    struct toy_record made;
    enum anju_err err;

    assert(timer->due <= time_ms && timer->clock == TOY_CLOCK);
    *out = (struct ledger_judgement){.effects = arena_alloc(a, 2 * sizeof(struct ledger_effect))};
    *fired = false;
    err = read_subject(&j, &before, &attributes, &timer->subject);
    if (err != ANJU_OK || before.state == TOY_STATE_DEAF)
        return err;
    *fired = true;
    toy_record(&made, &timer->subject, before.version);
    made.r.action = 99;
    *record = toy_record_bytes(&made, a);
    err = add_effect(&j, &before, &attributes, TOY_STATE_FIRED, &cleared, 1);
    partner = ledger_attribute(&attributes, TOY_PARTNER);
    if (err == ANJU_OK && partner != NULL) {
        struct mp_reader m = mp_reader_over(*partner);
        struct ledger_subject_id id;

        memcpy(id.b, mp_bin(&m, 16).data, 16);
        err = read_subject(&j, &before, &attributes, &id);
        if (err == ANJU_OK && before.version > 0 && memcmp(id.b, timer->subject.b, 16) != 0)
            err = add_effect(&j, &before, &attributes, before.state, &cleared, 1);
    }
    return err;
}

/* Records, envelopes, blocks */

void toy_record(struct toy_record *out, const struct ledger_subject_id *subject,
                uint64_t expected_version)
{
    *out = (struct toy_record){.r = {.procedure = TOY_PROCEDURE,
                                     .procedure_version = 1,
                                     .action = 1,
                                     .subject = *subject,
                                     .expected_version = expected_version}};
}

/* Keeps the fields ascending. */
static void put_field(struct toy_record *r, uint16_t field, struct writer *w, struct arena *a)
{
    uint32_t at = 0;

    assert(r->r.n_fields < sizeof(r->fields) / sizeof(r->fields[0]));
    while (at < r->r.n_fields && r->fields[at].number < field)
        at++;
    memmove(&r->fields[at + 1], &r->fields[at], (r->r.n_fields - at) * sizeof(r->fields[0]));
    r->fields[at] = (struct ledger_value){.number = field, .value = arena_copy(a, writer_view(w))};
    r->r.n_fields++;
    writer_free(w);
}

void toy_uint(struct toy_record *r, uint16_t field, uint64_t v, struct arena *a)
{
    struct writer w = {0};

    mp_put_uint(&w, v);
    put_field(r, field, &w, a);
}

void toy_text(struct toy_record *r, uint16_t field, const char *text, struct arena *a)
{
    struct writer w = {0};

    mp_put_str(&w, bytes_of_text(text));
    put_field(r, field, &w, a);
}

void toy_bin(struct toy_record *r, uint16_t field, const struct ledger_subject_id *id,
             struct arena *a)
{
    struct writer w = {0};

    mp_put_bin(&w, bytes_of(id->b, sizeof(id->b)));
    put_field(r, field, &w, a);
}

void toy_clear(struct toy_record *r, uint16_t field, struct arena *a)
{
    struct writer w = {0};

    mp_put_array(&w, 0);
    put_field(r, field, &w, a);
}

void toy_others(struct toy_record *r, const struct ledger_subject_id *ids, uint32_t count,
                struct arena *a)
{
    struct writer w = {0};

    mp_put_array(&w, count);
    for (uint32_t i = 0; i < count; i++)
        mp_put_bin(&w, bytes_of(ids[i].b, sizeof(ids[i].b)));
    put_field(r, TOY_OTHERS, &w, a);
}

struct bytes toy_record_bytes(struct toy_record *r, struct arena *a)
{
    struct writer w = {0};
    struct bytes out;

    r->r.fields = r->fields;
    ledger_record_encode(&w, &r->r);
    out = arena_copy(a, writer_view(&w));
    writer_free(&w);
    return out;
}

void toy_envelope(struct ledger_envelope *out, uint32_t key, uint64_t nonce, uint64_t valid_until,
                  const struct bytes *records, uint16_t n, struct arena *a)
{
    const struct crypto_sig sig = {{0}};
    uint8_t body[LEDGER_BODY_SIZE];
    uint8_t nonce_bytes[LEDGER_NONCE_SIZE] = {0};
    struct writer w = {0};
    enum anju_err err;

    put_u64(nonce_bytes, nonce);
    ledger_envelope_body(body, toy_keys[key - 1].member, key, nonce_bytes, valid_until, records, n);
    ledger_envelope_wire(&w, body, &sig, records, n);
    err = ledger_envelope_decode(out, arena_copy(a, writer_view(&w)), &toy_registry.ledger_id, a);
    assert(err == ANJU_OK);
    writer_free(&w);
}

void toy_block(struct ledger_block *out, uint64_t height, uint64_t time_ms,
               struct ledger_envelope *envelopes, uint32_t n)
{
    uint8_t named[16];

    put_u64(named, height);
    put_u64(named + 8, time_ms);
    *out = (struct ledger_block){.header = {.version = 1, .height = height, .time_ms = time_ms},
                                 .n_envelopes = n,
                                 .envelopes = envelopes};
    crypto_sha256(&out->id, bytes_of(named, sizeof(named)));
}

struct ledger_subject_id toy_subject(uint16_t day, uint64_t number)
{
    struct ledger_subject_id id = {{0}};

    put_u16(id.b, day);
    put_u64(id.b + 8, number);
    return id;
}
