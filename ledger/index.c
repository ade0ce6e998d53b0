#include <string.h>

#include "ledger/judge_state.h"

const struct ledger_index *judge_index(const struct ledger_procedure *p, uint16_t number)
{
    for (uint32_t i = 0; i < p->n_indexes; i++)
        if (p->index[i].number == number)
            return &p->index[i];
    return NULL;
}

static void put_part(struct writer *w, enum ledger_part_type type, struct bytes bytes)
{
    writer_u8(w, (uint8_t)type);
    writer_u16(w, (uint16_t)bytes.size);
    writer_bytes(w, bytes);
}

static void put_number(struct writer *w, enum ledger_part_type type, uint64_t v)
{
    uint8_t b[8];

    if (type == LEDGER_PART_DAY) {
        put_u32(b, (uint32_t)v);
        put_part(w, type, bytes_of(b, 4));
    } else {
        put_u64(b, v);
        put_part(w, type, bytes_of(b, 8));
    }
}

/* One component (docs/formats.md, "Chains and the map"): type u8, len u16, bytes. A reference is
 * procedure u16 and subject 16. False where it is absent. */
static bool put_value(struct writer *w, enum ledger_part_type type, struct bytes raw)
{
    struct mp_reader m = mp_reader_over(raw), again = m;
    uint8_t ref[2 + LEDGER_SUBJECT_SIZE];

    if (raw.size == 0) {
        put_part(w, LEDGER_PART_ABSENT, bytes_of(NULL, 0));
        return false;
    }
    struct mp_value v = mp_next(&m);
    switch (v.type) {
    case MP_UINT:
        put_number(w, type, v.u);
        break;
    case MP_INT:
        put_number(w, type, (uint64_t)v.i);
        break;
    case MP_BOOL: {
        uint8_t b = v.b;
        put_part(w, type, bytes_of(&b, 1));
        break;
    }
    case MP_STR:
    case MP_BIN:
        put_part(w, type, v.bytes);
        break;
    case MP_ARRAY:
        mp_array(&again, 2);
        put_u16(ref, (uint16_t)mp_uint(&again, UINT16_MAX));
        v.bytes = mp_bin(&again, LEDGER_SUBJECT_SIZE);
        memset(ref + 2, 0, LEDGER_SUBJECT_SIZE);
        if (v.bytes.size > 0)
            memcpy(ref + 2, v.bytes.data, v.bytes.size);
        put_part(w, type, bytes_of(ref, sizeof(ref)));
        break;
    case MP_NONE:
        put_part(w, LEDGER_PART_ABSENT, bytes_of(NULL, 0));
        return false;
    }
    return true;
}

static void put_head(struct writer *w, uint16_t procedure, const struct ledger_index *index)
{
    writer_u8(w, 2);
    writer_u16(w, procedure);
    writer_u16(w, index->number);
    writer_u8(w, index->n_parts);
}

bool ledger_index_tuple(struct writer *out, const struct ledger_procedure *p,
                        const struct ledger_index *index, uint16_t state,
                        const struct ledger_attributes *attributes)
{
    return ledger_declared_tuple(out, p->number, index, state, attributes);
}

bool ledger_declared_tuple(struct writer *out, uint16_t procedure, const struct ledger_index *index,
                           uint16_t state, const struct ledger_attributes *attributes)
{
    bool whole = true;

    put_head(out, procedure, index);
    for (unsigned i = 0; i < index->n_parts; i++) {
        const struct ledger_index_part *part = &index->part[i];
        if (part->attribute == 0) {
            put_number(out, LEDGER_PART_UINT, state);
            continue;
        }
        const struct bytes *raw = ledger_attribute(attributes, part->attribute);
        whole = put_value(out, part->type, raw != NULL ? *raw : bytes_of(NULL, 0)) && whole;
    }
    return whole || index->kind != LEDGER_INDEX_UNIQUE;
}

bool judge_index_key(struct judge *j, struct writer *out, const struct ledger_procedure *p,
                     const struct ledger_index *index, const struct judge_value *values)
{
    bool whole = true;

    put_head(out, p->number, index);
    for (unsigned i = 0; i < index->n_parts; i++) {
        struct judge_value v = values[i];
        if (v.absent)
            v = (struct judge_value){.kind = JUDGE_ABSENT};
        whole = put_value(out, index->part[i].type, judge_write(j, &v)) && whole;
    }
    return whole || index->kind != LEDGER_INDEX_UNIQUE;
}
