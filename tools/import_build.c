#include <stdlib.h>
#include <string.h>

#include "ledger/procedure_body.h"
#include "rpc/json.h"
#include "tools/import.h"

enum { ENVELOPE_BYTES = 400 * 1024 }; /* estimated; stays under the limit of an envelope */

static const char *const ACTIONS[IMPORT_STEPS] = {"place", "dispatch", "accept", "complete", "close", "cancel"};

static const struct ledger_action *action_named(const struct ledger_procedure *p, const char *name)
{
    for (uint8_t i = 0; i < p->n_actions; i++)
        if (strcmp(p->action[i].name, name) == 0)
            return &p->action[i];
    return NULL;
}

static const struct ledger_field *field_named(const struct ledger_action *a, const char *name)
{
    for (uint8_t i = 0; i < a->n_fields; i++)
        if (strcmp(a->field[i].name, name) == 0)
            return &a->field[i];
    return NULL;
}

/* The greatest size of a text field; 0: there is no such field. */
static uint32_t size_of(const struct ledger_procedure *p, const char *action, const char *name)
{
    const struct ledger_action *a = action_named(p, action);
    const struct ledger_field *f = a != NULL ? field_named(a, name) : NULL;

    return f != NULL ? (uint32_t)f->type.max : 0;
}

enum anju_err import_bounds_of(struct import_bounds *out, const struct ledger_registry *r)
{
    const struct ledger_procedure *p = ledger_registry_procedure_named(r, "order-import");

    if (p == NULL)
        return anju_fail(ANJU_ERR_NOT_FOUND, "the genesis document has no procedure order-import");
    for (int i = 0; i < IMPORT_STEPS; i++)
        if (action_named(p, ACTIONS[i]) == NULL)
            return anju_fail(ANJU_ERR_NOT_FOUND, "order-import of this genesis has no action '%s'", ACTIONS[i]);
    *out = (struct import_bounds){.no = size_of(p, "place", "no"), .type = size_of(p, "place", "type"), .grid = size_of(p, "place", "grid"),
                                  .provider = size_of(p, "dispatch", "provider"), .source = size_of(p, "place", "source"), .now_ms = tool_now_ms()};
    return ANJU_OK;
}

/* The plan. */

static size_t estimate(const struct import_plan *p, const struct import_order *o, uint8_t step)
{
    size_t place = 160 + o->id.size + o->type.size + o->grid.size + o->source.size + 36 * p->map->n_commit;

    return o->step[step] == STEP_PLACE ? place : 120 + o->provider.size + o->status.size;
}

enum anju_err import_plan_make(struct import_plan *p, uint32_t per_envelope)
{
    struct import_envelope *now = NULL;
    size_t room = 0, bytes = 0;

    for (uint32_t i = 0; i < p->rows->count; i++) {
        const struct import_order *o = &p->rows->orders[i];
        size_t size = 0;
        for (uint8_t k = 0; k < o->n_steps; k++)
            size += estimate(p, o, k);
        /* An order stays whole where it fits into an envelope at all. */
        bool whole = o->n_steps <= per_envelope;
        for (uint8_t k = 0; k < o->n_steps; k++) {
            uint32_t need = k == 0 && whole ? o->n_steps : 1;
            if (now == NULL || now->n_records + need > per_envelope || (k == 0 && bytes + size > ENVELOPE_BYTES)) {
                if (p->n_envelopes == room) {
                    room = room > 0 ? 2 * room : 256;
                    p->envelopes = anju_realloc(p->envelopes, room * sizeof(*p->envelopes));
                }
                now = &p->envelopes[p->n_envelopes++];
                *now = (struct import_envelope){.first_order = i, .first_step = k};
                bytes = 0;
            }
            now->n_records++;
            bytes += estimate(p, o, k);
        }
        p->n_records += o->n_steps;
    }
    return ANJU_OK;
}

void import_plan_free(struct import_plan *p)
{
    free(p->envelopes);
    p->envelopes = NULL;
}

/* Walks over the records of an envelope, dropped orders included. */
struct walk {
    const struct import_plan *p;
    uint32_t order, left;
    uint8_t step;
};

static struct walk walk_begin(const struct import_plan *p, uint32_t envelope)
{
    const struct import_envelope *e = &p->envelopes[envelope];

    return (struct walk){.p = p, .order = e->first_order, .step = e->first_step, .left = e->n_records};
}

/* The next record's order and step; NULL at the end. */
static struct import_order *walk_next(struct walk *w, uint8_t *step)
{
    if (w->left == 0)
        return NULL;
    struct import_order *o = &w->p->rows->orders[w->order];
    *step = w->step++;
    w->left--;
    if (w->step == o->n_steps) {
        w->order++;
        w->step = 0;
    }
    return o;
}

struct import_order *import_plan_order(const struct import_plan *p, uint32_t envelope, uint32_t index)
{
    struct walk w = walk_begin(p, envelope);
    struct import_order *o;
    uint8_t step;

    while ((o = walk_next(&w, &step)) != NULL)
        if (!o->dropped && index-- == 0)
            return o;
    return NULL;
}

void import_plan_orders(const struct import_plan *p, uint32_t envelope, uint32_t *first, uint32_t *end)
{
    struct walk w = walk_begin(p, envelope);
    uint8_t step;

    *first = *end = w.order;
    while (walk_next(&w, &step) != NULL)
        *end = w.order + (w.step > 0);
}

/* Bytes. */

void import_subject(struct ledger_subject_id *out, const struct import_plan *p, const struct import_order *o)
{
    static const char tag[] = "anju/import-subject/1"; /* with its NUL */
    const struct bytes parts[] = {bytes_of(tag, sizeof(tag)), bytes_of(p->map->origin, strlen(p->map->origin) + 1), o->id};
    struct crypto_hash hash;

    crypto_sha256_parts(&hash, parts, 3);
    put_u16(out->b, (uint16_t)(o->placed / 86400000));
    memcpy(out->b + 2, hash.b, sizeof(out->b) - 2);
}

/* HMAC(seed, what, envelope, generation, index): the same for the same envelope, unknown to others. */
static void derive(struct crypto_hash *out, const struct import_plan *p, const char *what, uint32_t envelope, uint16_t index)
{
    struct writer w = {0};

    writer_put(&w, what, strlen(what) + 1);
    writer_u32(&w, envelope);
    writer_u16(&w, p->envelopes[envelope].generation);
    writer_u16(&w, index);
    crypto_hmac_sha256(out, p->seed, writer_view(&w));
    writer_free(&w);
}

struct made { /* an envelope being made */
    const struct import_plan *p;
    uint32_t envelope;
    uint8_t nonce[LEDGER_NONCE_SIZE];
    struct arena arena;
    struct writer scratch;
    struct writer *openings;
};

static void put_opening(struct made *m, const struct import_order *o, const struct ledger_subject_id *subject, const struct ledger_field *f,
                        uint16_t index, const struct crypto_hash *salt)
{
    json_t *line = json_object(), *values = json_array();

    for (size_t i = 0; i < m->p->map->n_commit; i++)
        json_array_append_new(values, json_pack("[s, o]", m->p->map->commit[i], json_of_text(o->commit[i])));
    json_object_set_new(line, "no", json_of_text(o->id));
    json_object_set_new(line, "subject", json_of_hex(subject->b, sizeof(subject->b)));
    json_object_set_new(line, "member", json_integer(m->p->signer->member));
    json_object_set_new(line, "key", json_integer(m->p->signer->key));
    json_object_set_new(line, "nonce", json_of_hex(m->nonce, sizeof(m->nonce)));
    json_object_set_new(line, "record", json_integer(index));
    json_object_set_new(line, "field", json_integer(f->number));
    json_object_set_new(line, "record_salt", json_of_hash(salt));
    json_object_set_new(line, "values", values);
    char *text = json_dumps(line, JSON_COMPACT);
    json_decref(line);
    writer_put(m->openings, text, strlen(text));
    writer_u8(m->openings, '\n');
    free(text);
}

/* Each value's commitment, in the order of the map; blank ones too, so that nobody sees which are blank. */
static void put_commitments(struct made *m, const struct import_order *o, const struct ledger_subject_id *subject, const struct ledger_field *f, uint16_t index)
{
    const struct signer *s = m->p->signer;
    struct crypto_hash record_salt, salt, commitment;

    derive(&record_salt, m->p, "salt", m->envelope, index);
    mp_put_array(&m->scratch, (uint32_t)m->p->map->n_commit);
    for (uint16_t i = 0; i < m->p->map->n_commit; i++) {
        ledger_field_salt(&salt, record_salt.b, f->number, i);
        ledger_commitment(&commitment, &s->registry->ledger_id, s->member, s->key, m->nonce, index, f->number, i, &salt, o->commit[i]);
        mp_put_bin(&m->scratch, crypto_hash_bytes(&commitment));
    }
    if (m->openings != NULL)
        put_opening(m, o, subject, f, index, &record_salt);
}

static bool put_text(struct made *m, struct bytes text)
{
    if (text.size > 0)
        mp_put_str(&m->scratch, text);
    return text.size > 0;
}

/* The value of a field by its name into scratch; false where the order has none. */
static bool put_field(struct made *m, const struct import_order *o, enum import_step step, const struct ledger_subject_id *subject, const struct ledger_field *f,
                      uint16_t index)
{
    uint64_t occurred = step == STEP_COMPLETE || step == STEP_CLOSE || step == STEP_CANCEL ? (o->closed != 0 ? o->closed : o->placed) : o->placed;

    if (strcmp(f->name, "occurred") == 0)
        mp_put_uint(&m->scratch, occurred);
    else if (strcmp(f->name, "no") == 0)
        return put_text(m, o->id);
    else if (strcmp(f->name, "type") == 0)
        return put_text(m, o->type);
    else if (strcmp(f->name, "grid") == 0)
        return put_text(m, o->grid);
    else if (strcmp(f->name, "source") == 0)
        return put_text(m, o->source);
    else if (strcmp(f->name, "provider") == 0)
        return put_text(m, o->provider);
    else if (strcmp(f->name, "reason") == 0)
        return put_text(m, o->status);
    else if (strcmp(f->name, "due") == 0 && o->due != 0)
        mp_put_uint(&m->scratch, o->due);
    else if (strcmp(f->name, "committed") == 0 && step == STEP_PLACE && m->p->map->n_commit > 0)
        put_commitments(m, o, subject, f, index);
    else
        return false;
    return true;
}

static struct bytes make_record(struct made *m, const struct import_order *o, uint8_t step, uint16_t index)
{
    const struct ledger_action *a = action_named(m->p->procedure, ACTIONS[o->step[step]]);
    struct ledger_value values[LEDGER_FIELDS_MAX];
    struct ledger_record *r = arena_alloc(&m->arena, sizeof(*r));

    r->procedure = m->p->procedure->number;
    r->procedure_version = m->p->procedure->version;
    r->action = a->number;
    r->expected_version = step;
    r->fields = values;
    import_subject(&r->subject, m->p, o);
    for (uint8_t i = 0; i < a->n_fields; i++) {
        writer_clear(&m->scratch);
        if (put_field(m, o, (enum import_step)o->step[step], &r->subject, &a->field[i], index))
            values[r->n_fields++] = (struct ledger_value){.number = a->field[i].number, .value = arena_copy(&m->arena, writer_view(&m->scratch))};
    }
    writer_clear(&m->scratch);
    ledger_record_encode(&m->scratch, r);
    return arena_copy(&m->arena, writer_view(&m->scratch));
}

enum anju_err import_plan_wire(struct writer *wire, uint16_t *records, struct crypto_hash *id, struct writer *openings, const struct import_plan *p,
                               uint32_t envelope)
{
    struct made m = {.p = p, .envelope = envelope, .openings = openings};
    struct bytes *raws = arena_alloc(&m.arena, p->envelopes[envelope].n_records * sizeof(*raws));
    struct walk w = walk_begin(p, envelope);
    struct crypto_hash nonce;
    const struct import_order *o;
    enum anju_err err = ANJU_OK;
    uint8_t step;

    derive(&nonce, p, "nonce", envelope, 0);
    memcpy(m.nonce, nonce.b, sizeof(m.nonce));
    *records = 0;
    while ((o = walk_next(&w, &step)) != NULL)
        if (!o->dropped) {
            raws[*records] = make_record(&m, o, step, *records);
            (*records)++;
        }
    if (*records > 0)
        err = signer_envelope(wire, id, p->signer, m.nonce, p->envelopes[envelope].valid_until, raws, *records);
    writer_free(&m.scratch);
    arena_free(&m.arena);
    return err;
}
