#include "tests/unit/world.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/map.h"
#include "rpc/genesis_json.h"
#include "tests/unit/procedure_files.h"

void world_begin(struct world *w)
{
    memset(w, 0, sizeof *w);
    fixture_begin(&w->f, 4);
}

void world_role(struct world *w, uint32_t member, const char *role)
{
    struct ledger_member *m = &w->f.genesis.members[member - 1];
    char **roles = arena_alloc(&w->f.genesis.arena, (m->n_roles + 1) * sizeof *roles);

    memcpy(roles, m->roles, m->n_roles * sizeof *roles);
    roles[m->n_roles++] = arena_text(&w->f.genesis.arena, bytes_of_text(role));
    m->roles = roles;
}

void world_seal(struct world *w, const char *folder, const char *const *files, unsigned n)
{
    struct bytes compiled[WORLD_PROCEDURES_MAX] = {{0}};

    ck_assert_uint_le(n, WORLD_PROCEDURES_MAX);
    for (unsigned i = 0; i < n; i++)
        compiled[i] = files_compile(folder, files[i]);
    world_seal_compiled(w, compiled, n);
    for (unsigned i = 0; i < n; i++)
        free((void *)(uintptr_t)compiled[i].data);
}

void world_seal_compiled(struct world *w, const struct bytes *compiled, unsigned n)
{
    struct ledger_genesis *g = &w->f.genesis;
    struct bytes codes = files_read("ledger/procedures/codes.json"),
                 calendar = files_read("ledger/procedures/calendar.json");

    ck_assert_msg(code_list_file_decode(&g->code_lists, &g->n_code_lists, codes, &g->arena) ==
                      ANJU_OK,
                  "%s", anju_err_text());
    g->calendars = arena_alloc(&g->arena, sizeof *g->calendars);
    g->n_calendars = 1;
    ck_assert_msg(calendar_file_decode(&g->calendars[0], calendar, &g->arena) == ANJU_OK, "%s",
                  anju_err_text());
    free((void *)(uintptr_t)codes.data);
    free((void *)(uintptr_t)calendar.data);
    g->procedures = arena_alloc(&g->arena, n * sizeof *g->procedures);
    g->n_procedures = n;
    for (unsigned i = 0; i < n; i++)
        g->procedures[i] = arena_copy(&g->arena, compiled[i]);
    fixture_seal(&w->f);
    w->below = ledger_view_empty(w->f.registry);
    w->o = ledger_overlay_new(&w->below);
    ck_assert_int_eq(ledger_execute_genesis(w->o), ANJU_OK);
    w->now = WORLD_START;
}

void world_end(struct world *w)
{
    ledger_overlay_free(w->o);
    fixture_deinit(&w->f);
    arena_free(&w->arena);
}

const struct ledger_procedure *world_procedure(const struct world *w, const char *name)
{
    const struct ledger_procedure *p = ledger_registry_procedure_named(w->f.registry, name);

    ck_assert_msg(p != NULL, "there is no procedure %s", name);
    return p;
}

/* Subjects begin on the world's first day, which keeps their ids independent of when they are
 * named. */
struct ledger_subject_id world_subject(const char *name)
{
    struct ledger_subject_id id;
    struct crypto_hash h;

    crypto_sha256(&h, bytes_of_text(name));
    put_u16(id.b, (uint16_t)(WORLD_START / WORLD_DAY));
    memcpy(id.b + 2, h.b, sizeof id.b - 2);
    return id;
}

void world_key(struct crypto_key *out, struct crypto_secret *secret, const char *name)
{
    const struct bytes parts[] = {bytes_of_text("anju world key "), bytes_of_text(name)};
    struct crypto_hash h;

    crypto_sha256_parts(&h, parts, 2);
    memcpy(secret->b, h.b, sizeof secret->b);
    ck_assert_int_eq(crypto_key_of(out, secret), ANJU_OK);
}

static void put_hashed(struct writer *w, const char *text)
{
    struct crypto_hash h;

    crypto_sha256(&h, bytes_of_text(text));
    mp_put_bin(w, crypto_hash_bytes(&h));
}

static void put_reference(struct writer *w, uint16_t procedure, const char *subject)
{
    struct ledger_subject_id id = world_subject(subject);

    mp_put_array(w, 2);
    mp_put_uint(w, procedure);
    mp_put_bin(w, bytes_of(id.b, sizeof id.b));
}

static void put_value(struct writer *w, const struct ledger_type *t, json_t *j)
{
    const char *text = json_string_value(j);
    struct crypto_key key;
    struct crypto_secret secret;

    switch (t->base) {
    case LEDGER_TYPE_BOOL:
        mp_put_bool(w, json_is_true(j));
        return;
    case LEDGER_TYPE_INT:
    case LEDGER_TYPE_MONEY:
        mp_put_int(w, json_integer_value(j));
        return;
    case LEDGER_TYPE_TIME:
    case LEDGER_TYPE_DATE:
    case LEDGER_TYPE_MEMBER:
        mp_put_uint(w, (uint64_t)json_integer_value(j));
        return;
    case LEDGER_TYPE_TEXT:
    case LEDGER_TYPE_CODE:
        mp_put_str(w, bytes_of_text(text));
        return;
    case LEDGER_TYPE_BYTES:
    case LEDGER_TYPE_HASH:
    case LEDGER_TYPE_PRIVATE:
    case LEDGER_TYPE_FILE:
        put_hashed(w, text);
        return;
    case LEDGER_TYPE_KEY:
        world_key(&key, &secret, text);
        mp_put_bin(w, bytes_of(key.b, sizeof key.b));
        return;
    case LEDGER_TYPE_REF:
        if (t->procedure == 0)
            mp_put_str(w, bytes_of_text(text));
        else
            put_reference(w, t->procedure, text);
        return;
    case LEDGER_TYPE_LINES:
        mp_put_array(w, 2);
        put_reference(w, t->procedure, json_string_value(json_array_get(j, 0)));
        mp_put_int(w, json_integer_value(json_array_get(j, 1)));
        return;
    }
}

/* "$seal": {"subject", "choice", "salt"}: the hash that `seal` gives, for fields of type hash. */
static void put_seal(struct writer *w, json_t *j)
{
    struct ledger_subject_id id = world_subject(json_string_value(json_object_get(j, "subject")));
    struct writer value = {0};
    struct crypto_hash salt, seal;

    crypto_sha256(&salt, bytes_of_text(json_string_value(json_object_get(j, "salt"))));
    mp_put_bool(&value, json_is_true(json_object_get(j, "choice")));
    ledger_seal(&seal, &id, crypto_hash_bytes(&salt), writer_view(&value));
    mp_put_bin(w, crypto_hash_bytes(&seal));
    writer_free(&value);
}

static int by_number(const void *a, const void *b)
{
    const struct ledger_value *x = a, *y = b;

    return x->number < y->number ? -1 : x->number > y->number;
}

static struct ledger_value *fields_of(struct world *w, uint32_t *n, const struct ledger_action *a,
                                      const char *fields)
{
    json_error_t error;
    json_t *object = json_loads(fields != NULL ? fields : "{}", 0, &error), *j;
    const char *name;
    struct ledger_value *out;

    ck_assert_msg(object != NULL, "%s: %s", fields, error.text);
    out = arena_alloc(&w->arena, (json_object_size(object) + 1) * sizeof *out);
    *n = 0;
    json_object_foreach(object, name, j)
    {
        const struct ledger_field *f = NULL;
        struct writer value = {0};
        size_t i;
        json_t *item;
        for (unsigned k = 0; k < a->n_fields; k++)
            if (strcmp(a->field[k].name, name) == 0)
                f = &a->field[k];
        ck_assert_msg(f != NULL, "%s has no field %s", a->name, name);
        if (json_is_object(j) && json_object_get(j, "id") != NULL) {
            struct ledger_subject_id id =
                world_subject(json_string_value(json_object_get(j, "id")));
            mp_put_bin(&value, bytes_of(id.b, sizeof id.b));
        } else if (json_is_object(j)) {
            put_seal(&value, j);
        } else if (f->type.list_max > 0) {
            mp_put_array(&value, (uint32_t)json_array_size(j));
            json_array_foreach(j, i, item) put_value(&value, &f->type, item);
        } else {
            put_value(&value, &f->type, j);
        }
        out[*n].number = f->number;
        out[(*n)++].value = arena_copy(&w->arena, writer_view(&value));
        writer_free(&value);
    }
    qsort(out, *n, sizeof *out, by_number);
    json_decref(object);
    return out;
}

static int by_key(const void *a, const void *b)
{
    return memcmp(((const struct ledger_cosignature *)a)->key.b,
                  ((const struct ledger_cosignature *)b)->key.b, CRYPTO_KEY_SIZE);
}

void world_cosign(struct world *w, struct ledger_record *r, const char *names)
{
    char copy[200], *next = copy, *name;
    struct crypto_hash digest;

    (void)snprintf(copy, sizeof copy, "%s", names != NULL ? names : "");
    ledger_cosign_digest(&digest, r, &w->f.registry->ledger_id);
    while ((name = strsep(&next, " ")) != NULL)
        if (name[0] != '\0') {
            struct ledger_cosignature *c = &r->cosignature[r->n_cosignatures++];
            struct crypto_secret secret;
            world_key(&c->key, &secret, name);
            ck_assert_int_eq(crypto_sign(&c->sig, &secret, &digest), ANJU_OK);
        }
    qsort(r->cosignature, r->n_cosignatures, sizeof *r->cosignature, by_key);
}

static void execute(struct world *w, struct ledger_envelope *envelope, uint32_t n)
{
    struct ledger_block block = {
        .header = {.version = 1, .height = ledger_overlay_tip(w->o)->height + 1, .time_ms = w->now},
        .n_envelopes = n,
        .envelopes = envelope};
    uint8_t named[8];

    put_u64(named, block.header.height);
    crypto_sha256(&block.id, bytes_of(named, sizeof named));
    ck_assert_msg(ledger_execute(w->o, &block) == ANJU_OK, "%s", anju_err_text());
}

/* The clause by name, as the judge says it to a client before the block comes. */
static void ask(struct world *w, uint32_t member, struct bytes record)
{
    struct ledger_actor actor = {.member = member, .key = member, .time_ms = w->now};
    struct ledger_record decoded;

    ck_assert_msg(ledger_record_decode(&decoded, record, &w->arena) == ANJU_OK, "%s",
                  anju_err_text());
    ck_assert_msg(ledger_record_check_cosignatures(&decoded, &w->f.registry->ledger_id) == ANJU_OK,
                  "%s", anju_err_text());
    ck_assert_msg(
        ledger_judge(&w->judged, ledger_overlay_view(w->o), &actor, &decoded, &w->arena) == ANJU_OK,
        "%s", anju_err_text());
    w->clause = w->judged.outcome == 0 ? "applied" : w->judged.clause;
}

const char *world_judge(struct world *w, uint32_t member, const struct ledger_record *record)
{
    ask(w, member, fixture_record(&w->f, record));
    return w->clause;
}

const char *world_submit(struct world *w, uint32_t member, const struct ledger_record *r)
{
    const struct ledger_envelope_outcome *outcomes;
    struct ledger_envelope envelope;
    struct bytes record = fixture_record(&w->f, r), wire;
    size_t n;

    w->now += 1000;
    ask(w, member, record);
    wire = fixture_envelope(&w->f, member, w->now + WORLD_HOUR, &record, 1);
    ck_assert_msg(ledger_envelope_decode(&envelope, wire, &w->f.registry->ledger_id, &w->arena) ==
                      ANJU_OK,
                  "%s", anju_err_text());
    ck_assert_msg(ledger_envelope_verify(&envelope, w->f.registry) == ANJU_OK, "%s",
                  anju_err_text());
    execute(w, &envelope, 1);
    outcomes = ledger_overlay_outcomes(w->o, &n);
    ck_assert_uint_eq(n, 1);
    ck_assert_msg(outcomes[0].outcome == w->judged.outcome, "the judge says %s, the block %d",
                  w->clause, outcomes[0].outcome);
    return w->clause;
}

const char *world_act_at(struct world *w, uint32_t member, const char *procedure,
                         const char *action, const char *subject, uint64_t version,
                         const char *fields, const char *cosigners)
{
    const struct ledger_procedure *p = world_procedure(w, procedure);
    struct ledger_record r = {.procedure = p->number,
                              .procedure_version = p->version,
                              .subject = world_subject(subject),
                              .expected_version = version};

    for (unsigned i = 0; i < p->n_actions; i++)
        if (strcmp(p->action[i].name, action) == 0) {
            r.action = p->action[i].number;
            r.fields = fields_of(w, &r.n_fields, &p->action[i], fields);
        }
    ck_assert_msg(r.action != 0, "%s has no action %s", procedure, action);
    world_cosign(w, &r, cosigners);
    return world_submit(w, member, &r);
}

const char *world_act(struct world *w, uint32_t member, const char *procedure, const char *action,
                      const char *subject, const char *fields, const char *cosigners)
{
    return world_act_at(w, member, procedure, action, subject, world_version(w, procedure, subject),
                        fields, cosigners);
}

void world_wait(struct world *w, uint64_t ms)
{
    w->now += ms;
    execute(w, NULL, 0);
}

static bool find(struct world *w, struct ledger_subject *out, const struct ledger_procedure *p,
                 const char *subject)
{
    const struct ledger_view *v = ledger_overlay_view(w->o);
    struct ledger_subject_id id = world_subject(subject);
    enum anju_err err = v->subject(v, out, p->number, &id, &w->arena);

    ck_assert(err == ANJU_OK || err == ANJU_ERR_NOT_FOUND);
    return err == ANJU_OK;
}

const char *world_state(struct world *w, const char *procedure, const char *subject)
{
    const struct ledger_procedure *p = world_procedure(w, procedure);
    struct ledger_subject s;

    return find(w, &s, p, subject) ? ledger_procedure_state(p, s.state)->name : "";
}

uint64_t world_version(struct world *w, const char *procedure, const char *subject)
{
    struct ledger_subject s;

    return find(w, &s, world_procedure(w, procedure), subject) ? s.version : 0;
}

struct bytes world_raw(struct world *w, const char *procedure, const char *subject,
                       uint16_t attribute)
{
    struct ledger_attributes all;
    struct ledger_subject s;
    const struct bytes *value;

    ck_assert_msg(find(w, &s, world_procedure(w, procedure), subject), "there is no %s", subject);
    ck_assert_int_eq(ledger_attributes_decode(&all, s.attributes, &w->arena), ANJU_OK);
    value = ledger_attribute(&all, attribute);
    return value != NULL ? *value : bytes_of(NULL, 0);
}

static struct mp_value attribute(struct world *w, const char *procedure, const char *subject,
                                 const char *name)
{
    const struct ledger_procedure *p = world_procedure(w, procedure);
    uint16_t number = strcmp(name, "due_day") == 0 ? LEDGER_ATTR_DUE_DAY
                      : strcmp(name, "open") == 0  ? LEDGER_ATTR_OPEN
                                                   : 0;
    struct bytes value;
    struct mp_reader m;

    for (unsigned i = 0; i < p->n_attributes; i++)
        if (strcmp(p->attribute[i].name, name) == 0)
            number = p->attribute[i].number;
    ck_assert_msg(number != 0, "%s has no attribute %s", procedure, name);
    value = world_raw(w, procedure, subject, number);
    if (value.size == 0)
        return (struct mp_value){0};
    m = mp_reader_over(value);
    return mp_next(&m);
}

int64_t world_int(struct world *w, const char *procedure, const char *subject, const char *name)
{
    struct mp_value v = attribute(w, procedure, subject, name);

    return v.type == MP_UINT ? (int64_t)v.u : v.i;
}

bool world_bool(struct world *w, const char *procedure, const char *subject, const char *name)
{
    return attribute(w, procedure, subject, name).b;
}

bool world_has(struct world *w, const char *procedure, const char *subject, const char *name)
{
    return attribute(w, procedure, subject, name).type != MP_NONE;
}

uint64_t world_entries(const struct world *w)
{
    return ledger_overlay_tip(w->o)->log.size;
}
