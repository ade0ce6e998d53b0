#include <stdio.h>
#include <string.h>

#include "ledger/judge_state.h"

static struct judge_value absent_of(const struct ledger_type *type, bool item)
{
    if (type != NULL && (item || type->list_max == 0)) {
        if (type->base == LEDGER_TYPE_INT || type->base == LEDGER_TYPE_MONEY)
            return (struct judge_value){.kind = JUDGE_INT, .absent = true};
        if (type->base == LEDGER_TYPE_BOOL)
            return (struct judge_value){.kind = JUDGE_BOOL, .absent = true};
    }
    return (struct judge_value){.kind = JUDGE_ABSENT, .absent = true};
}

/* [procedure, subject bin 16] */
static bool read_ref(struct judge_value *out, struct mp_reader *m)
{
    if (mp_array(m, 2) != 2)
        mp_fail(m);
    out->procedure = (uint16_t)mp_uint(m, UINT16_MAX);
    struct bytes id = mp_bin(m, LEDGER_SUBJECT_SIZE);
    if (id.size != LEDGER_SUBJECT_SIZE)
        return false;
    memcpy(out->id.b, id.data, id.size);
    out->kind = JUDGE_REF;
    return true;
}

struct judge_value judge_read(struct judge *j, struct bytes raw, const struct ledger_type *type,
                              bool item)
{
    struct judge_value v = {.raw = raw};
    struct mp_reader m = mp_reader_over(raw), peek = m;

    (void)j;
    if (raw.size == 0)
        return absent_of(type, item);
    struct mp_value head = mp_next(&peek);
    if (type != NULL && head.type == MP_ARRAY && (type->list_max > 0 && !item)) {
        v.kind = JUDGE_LIST;
        v.type = type;
        v.procedure = type->procedure;
        v.bytes = raw;
        return v;
    }
    if (type != NULL && type->base == LEDGER_TYPE_LINES) {
        v.kind = JUDGE_LINE;
        v.procedure = type->procedure;
        v.bytes = raw;
        return v;
    }
    switch (head.type) {
    case MP_UINT:
        v.kind = head.u <= INT64_MAX ? JUDGE_INT : JUDGE_ABSENT; /* larger ones pass no type */
        v.i = (int64_t)head.u;
        break;
    case MP_INT:
        v.kind = JUDGE_INT;
        v.i = head.i;
        break;
    case MP_BOOL:
        v.kind = JUDGE_BOOL;
        v.i = head.b;
        break;
    case MP_STR:
        v.kind = JUDGE_TEXT;
        v.bytes = head.bytes;
        break;
    case MP_BIN:
        v.kind = JUDGE_BYTES;
        v.bytes = head.bytes;
        break;
    case MP_ARRAY:
        if (!read_ref(&v, &m))
            v.kind = JUDGE_ABSENT;
        break;
    case MP_NONE:
        break;
    }
    return v;
}

struct bytes judge_write(struct judge *j, const struct judge_value *v)
{
    struct writer w = {0};

    if (v->raw.size > 0)
        return v->raw;
    switch (v->kind) {
    case JUDGE_ABSENT:
        return bytes_of(NULL, 0);
    case JUDGE_BOOL:
        mp_put_bool(&w, v->i != 0);
        break;
    case JUDGE_INT:
        mp_put_int(&w, v->i);
        break;
    case JUDGE_TEXT:
        mp_put_str(&w, v->bytes);
        break;
    case JUDGE_BYTES:
        mp_put_bin(&w, v->bytes);
        break;
    case JUDGE_REF:
        mp_put_array(&w, 2);
        mp_put_uint(&w, v->procedure);
        mp_put_bin(&w, bytes_of(v->id.b, sizeof(v->id.b)));
        break;
    case JUDGE_LIST:
    case JUDGE_LINE:
        return v->bytes;
    }
    struct bytes out = arena_copy(j->arena, writer_view(&w));
    writer_free(&w);
    return out;
}

bool judge_value_equal(const struct judge_value *a, const struct judge_value *b)
{
    switch (a->kind) {
    case JUDGE_ABSENT:
        return false;
    case JUDGE_BOOL:
    case JUDGE_INT:
        return a->i == b->i;
    case JUDGE_REF:
        return a->procedure == b->procedure && memcmp(a->id.b, b->id.b, sizeof(a->id.b)) == 0;
    case JUDGE_TEXT:
    case JUDGE_BYTES:
    case JUDGE_LIST:
    case JUDGE_LINE:
        return bytes_equal(a->bytes, b->bytes);
    }
    return false;
}

struct mp_reader judge_items(const struct judge_value *list, uint32_t *count)
{
    struct mp_reader m = mp_reader_over(list->bytes);

    *count = list->kind == JUDGE_LIST ? mp_array(&m, LEDGER_ITEMS_MAX) : 0;
    return m;
}

/* Types of fields and attributes. */

static bool wrong_type(struct judge *j, const char *name, const char *what)
{
    return judge_refuse(j, LEDGER_REFUSED_FIELD_TYPE, name, "%s must be %s", name, what);
}

static bool check_int(struct judge *j, const char *name, const struct ledger_type *t,
                      struct mp_reader *m)
{
    int64_t v = mp_int(m);

    if (m->r.failed)
        return wrong_type(j, name, "an integer of 64 bits");
    if (v < t->min || v > t->max)
        return judge_refuse(j, LEDGER_REFUSED_FIELD_LIMIT, name, "%s must be from %lld to %lld",
                            name, (long long)t->min, (long long)t->max);
    return true;
}

static bool check_uint(struct judge *j, const char *name, struct mp_reader *m, uint64_t max,
                       const char *what)
{
    mp_uint(m, max);
    return m->r.failed ? wrong_type(j, name, what) : true;
}

static bool refuse_code(struct judge *j, const char *name, const struct ledger_type *t,
                        const struct ledger_code_list *list)
{
    char codes[200] = "";
    size_t size = 0;

    for (uint32_t i = 0; list != NULL && i < list->n_codes && size < sizeof(codes); i++)
        size +=
            (size_t)snprintf(codes + size, sizeof(codes) - size, "%s%.*s", i > 0 ? ", " : ": ",
                             (int)list->codes[i].code.size, (const char *)list->codes[i].code.data);
    return judge_refuse(j, LEDGER_REFUSED_CODE, name, "%s must be a code of the list %.*s%s", name,
                        (int)t->codes.size, (const char *)t->codes.data, codes);
}

static bool check_text(struct judge *j, const char *name, const struct ledger_type *t,
                       struct mp_reader *m)
{
    uint32_t max = t->base == LEDGER_TYPE_TEXT ? (uint32_t)t->max : LEDGER_TEXT_SIZE_MAX;
    struct mp_value v = mp_next(m);

    if (v.type != MP_STR)
        return wrong_type(j, name, "text");
    if (v.bytes.size > max)
        return judge_refuse(j, LEDGER_REFUSED_FIELD_LIMIT, name,
                            "%s is %zu bytes long, at most %u are allowed", name, v.bytes.size,
                            max);
    if (t->base != LEDGER_TYPE_CODE)
        return true;
    const struct ledger_code_list *list = ledger_registry_code_list(j->registry, t->codes);
    if (list != NULL && ledger_code_list_has(list, v.bytes))
        return true;
    return refuse_code(j, name, t, list);
}

static bool check_bin(struct judge *j, const char *name, const struct ledger_type *t,
                      struct mp_reader *m)
{
    size_t size = t->base == LEDGER_TYPE_BYTES ? (size_t)t->max
                  : t->base == LEDGER_TYPE_KEY ? CRYPTO_KEY_SIZE
                                               : CRYPTO_HASH_SIZE;
    struct mp_value v = mp_next(m);

    if (v.type != MP_BIN)
        return wrong_type(j, name, "bytes");
    if (v.bytes.size != size)
        return judge_refuse(j, LEDGER_REFUSED_FIELD_LIMIT, name, "%s must have exactly %zu bytes",
                            name, size);
    if (t->base == LEDGER_TYPE_KEY && v.bytes.data[0] != 2 && v.bytes.data[0] != 3)
        return wrong_type(j, name, "a compressed public key");
    return true;
}

static bool check_subject(struct judge *j, const char *name, uint16_t procedure,
                          struct mp_reader *m)
{
    struct judge_value ref = {0};

    if (!read_ref(&ref, m) || m->r.failed)
        return wrong_type(j, name, "a reference [procedure, subject]");
    if (ref.procedure != procedure)
        return judge_refuse(j, LEDGER_REFUSED_REFERENCE, name,
                            "%s must name a subject of procedure %u, not of %u", name, procedure,
                            ref.procedure);
    struct judge_subject *s = judge_load(j, ref.procedure, &ref.id);
    if (s != NULL && !s->exists)
        return judge_refuse(j, LEDGER_REFUSED_REFERENCE, name,
                            "%s names a subject that is not there", name);
    return s != NULL;
}

static bool check_line(struct judge *j, const char *name, const struct ledger_type *t,
                       struct mp_reader *m)
{
    if (mp_array(m, 2) != 2)
        return wrong_type(j, name, "lines [[procedure, subject], amount]");
    if (!check_subject(j, name, t->procedure, m))
        return false;
    mp_int(m);
    return m->r.failed ? wrong_type(j, name, "lines [[procedure, subject], amount]") : true;
}

static bool check_one(struct judge *j, const char *name, const struct ledger_type *t,
                      struct mp_reader *m)
{
    switch (t->base) {
    case LEDGER_TYPE_BOOL:
        mp_bool(m);
        return m->r.failed ? wrong_type(j, name, "true or false") : true;
    case LEDGER_TYPE_INT:
    case LEDGER_TYPE_MONEY:
        return check_int(j, name, t, m);
    case LEDGER_TYPE_TIME:
        return check_uint(j, name, m, LEDGER_TIME_MAX,
                          "a time in milliseconds since 1970, before 2100");
    case LEDGER_TYPE_DATE:
        return check_uint(j, name, m, LEDGER_TIME_MAX / 86400000,
                          "a date in days since 1970, before 2100");
    case LEDGER_TYPE_TEXT:
    case LEDGER_TYPE_CODE:
        return check_text(j, name, t, m);
    case LEDGER_TYPE_BYTES:
    case LEDGER_TYPE_HASH:
    case LEDGER_TYPE_KEY:
    case LEDGER_TYPE_PRIVATE:
    case LEDGER_TYPE_FILE:
        return check_bin(j, name, t, m);
    case LEDGER_TYPE_MEMBER: {
        uint64_t number = mp_uint(m, UINT32_MAX);
        if (m->r.failed)
            return wrong_type(j, name, "the number of a member");
        if (ledger_registry_member(j->registry, (uint32_t)number) == NULL)
            return judge_refuse(j, LEDGER_REFUSED_REFERENCE, name, "%s: there is no member %llu",
                                name, (unsigned long long)number);
        return true;
    }
    case LEDGER_TYPE_REF:
        return t->procedure != 0 ? check_subject(j, name, t->procedure, m)
                                 : check_text(j, name, t, m);
    case LEDGER_TYPE_LINES:
        return check_line(j, name, t, m);
    }
    return false;
}

bool judge_check_type(struct judge *j, const char *name, const struct ledger_type *type,
                      struct bytes raw)
{
    struct mp_reader m = mp_reader_over(raw);
    uint32_t count = 1;

    if (type->list_max > 0) {
        struct mp_value head = mp_next(&m);
        if (head.type != MP_ARRAY)
            return wrong_type(j, name, "a list");
        if (head.count > type->list_max)
            return judge_refuse(j, LEDGER_REFUSED_FIELD_LIMIT, name,
                                "%s has %u items, at most %u are allowed", name, head.count,
                                type->list_max);
        count = head.count;
    }
    for (uint32_t i = 0; i < count; i++)
        if (!check_one(j, name, type, &m))
            return false;
    return mp_finish(&m) == ANJU_OK ? true : wrong_type(j, name, "of its declared type");
}
