/* The subjects of one judging: loaded once, changed in memory, turned into effects at the end. */
#include <string.h>

#include "ledger/judge_state.h"
#include "ledger/map.h"

static struct bytes find(const struct ledger_value *items, uint32_t n, uint16_t number)
{
    for (uint32_t i = 0; i < n && items[i].number <= number; i++)
        if (items[i].number == number)
            return items[i].value;
    return bytes_of(NULL, 0);
}

struct bytes judge_after(const struct judge_subject *s, uint16_t number)
{
    return find(s->after, s->n_after, number);
}

struct bytes judge_attribute(const struct judge *j, const struct judge_subject *s, uint16_t number)
{
    return j->see_after ? judge_after(s, number) : find(s->before.items, s->before.count, number);
}

static const struct ledger_procedure *procedure_of(struct judge *j, uint16_t procedure,
                                                   const struct ledger_attributes *attributes)
{
    const struct bytes *version = ledger_attribute(attributes, LEDGER_ATTR_PROCEDURE_VERSION);
    struct mp_reader m;

    if (version == NULL)
        return ledger_registry_procedure(j->registry, procedure, 0);
    m = mp_reader_over(*version);
    return ledger_registry_procedure(j->registry, procedure, (uint16_t)mp_uint(&m, UINT16_MAX));
}

static int compare(const struct judge_subject *s, uint16_t procedure,
                   const struct ledger_subject_id *id)
{
    if (s->procedure != procedure)
        return s->procedure < procedure ? -1 : 1;
    return memcmp(s->id.b, id->b, sizeof(id->b));
}

/* The place of a subject among those loaded, which ascend: what a record can name costs a search by
 * halves, whoever chose the ids. */
static uint32_t place_of(const struct judge *j, uint16_t procedure,
                         const struct ledger_subject_id *id)
{
    uint32_t low = 0, high = j->n_subjects;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare(j->subjects[middle], procedure, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void remember(struct judge *j, struct judge_subject *s, uint32_t at)
{
    if (j->n_subjects == j->room_subjects) {
        struct judge_subject **old = j->subjects;
        j->room_subjects = j->room_subjects > 0 ? 2 * j->room_subjects : 8;
        j->subjects = arena_alloc(j->arena, j->room_subjects * sizeof(struct judge_subject *));
        if (j->n_subjects > 0)
            memcpy(j->subjects, old, j->n_subjects * sizeof(struct judge_subject *));
    }
    memmove(&j->subjects[at + 1], &j->subjects[at],
            (j->n_subjects - at) * sizeof(struct judge_subject *));
    j->subjects[at] = s;
    j->n_subjects++;
}

struct judge_subject *judge_load(struct judge *j, uint16_t procedure,
                                 const struct ledger_subject_id *id)
{
    uint32_t at = place_of(j, procedure, id);
    struct ledger_subject stored;
    struct judge_subject *s;

    if (at < j->n_subjects && compare(j->subjects[at], procedure, id) == 0)
        return j->subjects[at];
    if (j->n_subjects >= j->registry->limits.touched) {
        judge_refuse(j, LEDGER_REFUSED_TOUCHED, "", "a record may reach at most %u subjects",
                     j->registry->limits.touched);
        return NULL;
    }
    s = arena_alloc(j->arena, sizeof(*s));
    s->procedure = procedure;
    s->id = *id;
    enum anju_err err = j->view->subject(j->view, &stored, procedure, id, j->arena);
    if (err == ANJU_OK) {
        s->exists = true;
        s->version = stored.version;
        s->state = stored.state;
        err = ledger_attributes_decode(&s->before, stored.attributes, j->arena);
    } else if (err == ANJU_ERR_NOT_FOUND) {
        err = ANJU_OK;
    }
    if (err != ANJU_OK) {
        j->err = err;
        return NULL;
    }
    s->p = procedure_of(j, procedure, &s->before);
    if (s->exists && s->p == NULL)
        s->exists =
            procedure == 0; /* a built-in subject has no procedure as data: nothing of it is read */
    s->state_after = s->state;
    s->after = s->before.items;
    s->n_after = s->before.count;
    remember(j, s, at);
    return s;
}

/* Changes. `after` is the list of before until the first one. */

static void own(struct judge *j, struct judge_subject *s)
{
    uint32_t room = s->n_after + 16;
    struct ledger_value *copy;

    s->touched = true;
    if (s->n_after < s->room_after)
        return;
    copy = arena_alloc(j->arena, room * sizeof(*copy));
    if (s->n_after > 0)
        memcpy(copy, s->after, s->n_after * sizeof(*copy));
    s->after = copy;
    s->room_after = room;
}

void judge_set(struct judge *j, struct judge_subject *s, uint16_t number, struct bytes value)
{
    uint32_t at = 0;

    own(j, s);
    while (at < s->n_after && s->after[at].number < number)
        at++;
    bool there = at < s->n_after && s->after[at].number == number;
    if (value.size == 0) {
        if (there)
            memmove(&s->after[at], &s->after[at + 1], (--s->n_after - at) * sizeof(s->after[0]));
        return;
    }
    if (!there) {
        memmove(&s->after[at + 1], &s->after[at], (s->n_after - at) * sizeof(s->after[0]));
        s->n_after++;
    }
    s->after[at] = (struct ledger_value){.number = number, .value = value};
}

void judge_set_uint(struct judge *j, struct judge_subject *s, uint16_t number, uint64_t v)
{
    struct writer w = {0};

    mp_put_uint(&w, v);
    judge_set(j, s, number, arena_copy(j->arena, writer_view(&w)));
    writer_free(&w);
}

void judge_set_bool(struct judge *j, struct judge_subject *s, uint16_t number, bool v)
{
    struct writer w = {0};

    mp_put_bool(&w, v);
    judge_set(j, s, number, arena_copy(j->arena, writer_view(&w)));
    writer_free(&w);
}

/* Effects. */

/* What differs between before and after, ascending; a cleared one with a value of size 0. */
static uint32_t difference(struct ledger_value *out, const struct judge_subject *s)
{
    uint32_t n = 0, i = 0, k = 0;

    while (i < s->before.count || k < s->n_after) {
        const struct ledger_value *was = i < s->before.count ? &s->before.items[i] : NULL;
        const struct ledger_value *is = k < s->n_after ? &s->after[k] : NULL;
        if (is == NULL || (was != NULL && was->number < is->number)) {
            out[n++] = (struct ledger_value){.number = was->number};
            i++;
        } else if (was == NULL || is->number < was->number) {
            out[n++] = *is;
            k++;
        } else {
            if (!bytes_equal(was->value, is->value))
                out[n++] = *is;
            i++, k++;
        }
    }
    return n;
}

/* What a subject is fits a record, so that it can be read, proved and moved like one. */
static bool fits(struct judge *j, const struct judge_subject *s)
{
    size_t size = 0;

    for (uint32_t i = 0; i < s->n_after; i++)
        size += s->after[i].value.size;
    if (size <= LEDGER_RECORD_SIZE_DEFAULT)
        return true;
    return judge_refuse(
        j, LEDGER_REFUSED_FIELD_LIMIT, "",
        "a subject of %s would have %zu bytes of attributes, at most %d are allowed", s->p->name,
        size, LEDGER_RECORD_SIZE_DEFAULT);
}

static void make_effect(struct judge *j, struct ledger_effect *out, const struct judge_subject *s)
{
    struct ledger_attributes all = {.count = s->n_after, .items = s->after};
    struct ledger_value *changed =
        arena_alloc(j->arena, (s->before.count + s->n_after + 1) * sizeof(*changed));
    struct writer w = {0};

    *out = (struct ledger_effect){.procedure = s->procedure,
                                  .subject = s->id,
                                  .version_after = s->version + 1,
                                  .state_after = s->state_after};
    ledger_attributes_encode(&w, changed, difference(changed, s));
    out->changed = arena_copy(j->arena, writer_view(&w));
    writer_free(&w);
    ledger_state_digest(&out->state_digest, &j->registry->ledger_id, s->procedure, &s->id,
                        out->version_after, s->state_after, &all);
}

/* The key of a unique tuple that a subject takes anew, or false. */
static bool new_unique(struct bytes *key, struct judge *j, const struct judge_subject *s,
                       const struct ledger_index *index)
{
    struct ledger_attributes after = {.count = s->n_after, .items = s->after};
    struct writer was = {0}, is = {0};
    bool had = s->exists && ledger_index_tuple(&was, s->p, index, s->state, &s->before);
    bool has = ledger_index_tuple(&is, s->p, index, s->state_after, &after);
    bool differs = has && (!had || !bytes_equal(writer_view(&was), writer_view(&is)));

    if (differs)
        *key = arena_copy(j->arena, writer_view(&is));
    writer_free(&was);
    writer_free(&is);
    return differs;
}

static void refuse_unique(struct judge *j, const struct judge_subject *s,
                          const struct ledger_index *index)
{
    const struct ledger_attribute_decl *decl =
        ledger_procedure_attribute(s->p, index->part[0].attribute);

    judge_refuse(j, LEDGER_REFUSED_UNIQUE, decl != NULL ? decl->name : "",
                 "another subject of %s has this value of %s already", s->p->name,
                 decl != NULL ? decl->name : "its unique index");
}

static void check_unique(struct judge *j, const struct judge_subject *s, struct bytes *taken,
                         uint32_t *n_taken, uint32_t max)
{
    for (uint32_t i = 0; i < s->p->n_indexes && judge_going(j); i++) {
        const struct ledger_index *index = &s->p->index[i];
        struct ledger_map_key map_key;
        struct ledger_chain chain;
        struct bytes key;
        if (index->kind != LEDGER_INDEX_UNIQUE || !new_unique(&key, j, s, index))
            continue;
        for (uint32_t k = 0; k < *n_taken; k++)
            if (bytes_equal(taken[k], key))
                refuse_unique(j, s, index); /* two subjects of this very record */
        if (*n_taken < max)
            taken[(*n_taken)++] = key;
        ledger_map_key_chain(&map_key, key);
        enum anju_err err = j->view->chain(j->view, &chain, &map_key);
        if (err == ANJU_OK && chain.live > 0)
            refuse_unique(j, s, index);
        else if (err != ANJU_OK && err != ANJU_ERR_NOT_FOUND)
            j->err = err;
    }
}

void judge_finish(struct judge *j)
{
    struct judge_subject **touched = arena_alloc(j->arena, j->n_subjects * sizeof(*touched));
    struct bytes *taken;
    uint32_t n = 0, n_taken = 0, max;

    for (uint32_t i = 0; i < j->n_subjects; i++)
        if (j->subjects[i]->touched)
            touched[n++] = j->subjects[i];
    max = n * LEDGER_INDEXES_MAX;
    taken = arena_alloc(j->arena, (max > 0 ? max : 1) * sizeof(*taken));
    for (uint32_t i = 0; i < n && judge_going(j); i++)
        if (fits(j, touched[i]))
            check_unique(j, touched[i], taken, &n_taken, max);
    if (!judge_going(j))
        return;
    j->out->effects = arena_alloc(j->arena, (n > 0 ? n : 1) * sizeof(*j->out->effects));
    j->out->n_effects = n;
    for (uint32_t i = 0; i < n; i++)
        make_effect(j, &j->out->effects[i], touched[i]);
}
